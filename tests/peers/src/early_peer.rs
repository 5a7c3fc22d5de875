//! A peer by hand (STUN of ours, DTLS of OpenSSL) that answers the server's offer, and that says hello before it does.

use crate::home;
use crate::stun::{
    BINDING_REQUEST, BINDING_RESPONSE, ICE_CONTROLLED, Integrity, PRIORITY, USERNAME, XOR_MAPPED_ADDRESS,
    header, message, xor_mapped,
};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::{X509, X509NameBuilder};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, SocketAddrV4};
use tokio::net::UdpSocket;

const UFRAG: &str = "early";
const PASSWORD: &str = "early-peer-has-a-long-password";
/// host, RFC 8445 §5.1.2
const PRIORITY_VALUE: u32 = 0x7eff_ffff;

/// Datagrams to and from OpenSSL.
#[derive(Default)]
struct Wire {
    incoming: VecDeque<Vec<u8>>,
    outgoing: Vec<Vec<u8>>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let datagram = self.incoming.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        Ok(length)
    }
}

impl Write for Wire {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.push(datagram.to_vec());
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What an offer says about the server.
struct Offer {
    ufrag: String,
    password: String,
    address: SocketAddr,
    mid: String,
    payload_type: String,
}

impl Offer {
    fn parse(sdp: &str) -> Self {
        let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        let candidate: Vec<&str> = value("a=candidate:").split(' ').collect();
        Offer {
            ufrag: value("a=ice-ufrag:").into(),
            password: value("a=ice-pwd:").into(),
            address: format!("{}:{}", candidate[4], candidate[5]).parse().expect("an address"),
            mid: value("a=mid:").into(),
            payload_type: value("m=audio ").split(' ').nth(2).expect("a payload type").into(),
        }
    }
}

/// The DTLS client of a call whose audio the server offered.
pub struct EarlyPeer {
    socket: UdpSocket,
    offer: Offer,
    dtls: SslStream<Wire>,
    fingerprint: String,
}

impl EarlyPeer {
    pub async fn new(offer: &str) -> Self {
        let (key, certificate) = identity();
        let digest = certificate.digest(MessageDigest::sha256()).expect("a digest");
        let fingerprint = digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
        let mut context = SslContext::builder(SslMethod::dtls()).expect("a context");
        context.set_certificate(&certificate).expect("a certificate");
        context.set_private_key(&key).expect("a key");
        context.set_verify(SslVerifyMode::NONE); // the fingerprint is not what is tested here
        context.set_tlsext_use_srtp("SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80").expect("profiles");
        let mut ssl = Ssl::new(&context.build()).expect("a connection");
        ssl.set_mtu(1200).expect("an MTU");
        ssl.set_connect_state();
        EarlyPeer {
            socket: UdpSocket::bind((home(), 0)).await.expect("a socket"),
            offer: Offer::parse(offer),
            dtls: SslStream::new(ssl, Wire::default()).expect("a stream"),
            fingerprint,
        }
    }

    /// An authenticated connectivity check, which needs no more than the offer.
    pub async fn check(&self) {
        let username = format!("{}:{UFRAG}", self.offer.ufrag);
        let attributes: [(u16, &[u8]); 3] = [
            (USERNAME, username.as_bytes()),
            (PRIORITY, &PRIORITY_VALUE.to_be_bytes()),
            (ICE_CONTROLLED, &[1; 8]),
        ];
        let check = message(BINDING_REQUEST, [3; 12], &attributes, Integrity::Password(&self.offer.password));
        self.socket.send_to(&check, self.offer.address).await.expect("an open socket");
    }

    /// Goes on with the handshake as far as it gets; how many datagrams that took.
    pub async fn handshake(&mut self) -> usize {
        let _ = self.dtls.do_handshake(); // incomplete is no error
        let datagrams = std::mem::take(&mut self.dtls.get_mut().outgoing);
        for datagram in &datagrams {
            self.socket.send_to(datagram, self.offer.address).await.expect("an open socket");
        }
        datagrams.len()
    }

    pub fn is_complete(&self) -> bool {
        self.dtls.ssl().is_init_finished()
    }

    pub fn answer(&self) -> String {
        let Offer { mid, payload_type, .. } = &self.offer;
        let address = self.socket.local_addr().expect("an address");
        let (ip, port) = (address.ip(), address.port());
        let fingerprint = &self.fingerprint;
        [
            "v=0",
            "o=- 1 1 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            &format!("a=group:BUNDLE {mid}"),
            &format!("m=audio 9 UDP/TLS/RTP/SAVPF {payload_type}"),
            "c=IN IP4 127.0.0.1",
            &format!("a=rtpmap:{payload_type} opus/48000/2"),
            &format!("a=mid:{mid}"),
            "a=recvonly",
            "a=rtcp-mux",
            &format!("a=ice-ufrag:{UFRAG}"),
            &format!("a=ice-pwd:{PASSWORD}"),
            &format!("a=fingerprint:sha-256 {fingerprint}"),
            "a=setup:active",
            &format!("a=candidate:1 1 udp {PRIORITY_VALUE} {ip} {port} typ host"),
            "",
        ]
        .join("\r\n")
    }

    /// Takes one datagram: answers a check, or lets OpenSSL have it.
    pub async fn receive(&mut self) {
        let mut buffer = [0; 2048];
        let (length, source) = self.socket.recv_from(&mut buffer).await.expect("an open socket");
        let datagram = &buffer[..length];
        match (header(datagram), source) {
            (Some((BINDING_REQUEST, transaction)), SocketAddr::V4(source)) => {
                self.respond(transaction, source).await
            }
            (Some(_), _) => {}
            (None, _) if matches!(datagram.first(), Some(20..=63)) => {
                self.dtls.get_mut().incoming.push_back(datagram.to_vec());
            }
            (None, _) => {}
        }
    }

    async fn respond(&self, transaction: [u8; 12], source: SocketAddrV4) {
        let mapped = xor_mapped(source);
        let attributes: [(u16, &[u8]); 1] = [(XOR_MAPPED_ADDRESS, &mapped)];
        let response = message(BINDING_RESPONSE, transaction, &attributes, Integrity::Password(PASSWORD));
        self.socket.send_to(&response, source).await.expect("an open socket");
    }
}

fn identity() -> (PKey<Private>, X509) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "early peer").expect("a name");
    let name = name.build();
    let mut certificate = X509::builder().expect("a certificate");
    certificate.set_subject_name(&name).expect("a subject");
    certificate.set_issuer_name(&name).expect("an issuer");
    certificate.set_not_before(&Asn1Time::days_from_now(0).expect("a time")).expect("a time");
    certificate.set_not_after(&Asn1Time::days_from_now(2).expect("a time")).expect("a time");
    certificate.set_pubkey(&key).expect("a key");
    certificate.sign(&key, MessageDigest::sha256()).expect("a signature");
    (key, certificate.build())
}
