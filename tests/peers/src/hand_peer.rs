//! A peer by hand (STUN of ours, DTLS of OpenSSL, SRTP of `rtc-srtp`) that answers the server's offer and receives. What it
//! sends and when it reads is up to the test; nothing happens on its own.

use crate::dtls::{Dtls, Keys};
use crate::home;
use crate::stun::{
    BINDING_REQUEST, BINDING_RESPONSE, ICE_CONTROLLED, Integrity, PRIORITY, USERNAME, XOR_MAPPED_ADDRESS,
    header, message, xor_mapped,
};
use socket2::SockRef;
use std::net::{SocketAddr, SocketAddrV4};
use tokio::net::UdpSocket;

const UFRAG: &str = "hand";
const PASSWORD: &str = "hand-made-peer-has-a-long-password";
/// host, RFC 8445 §5.1.2
const PRIORITY_VALUE: u32 = 0x7eff_ffff;

/// What an offer says about the server.
struct Offer {
    sdp: String,
    ufrag: String,
    password: String,
    address: SocketAddr,
}

impl Offer {
    fn parse(sdp: &str) -> Self {
        let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        let candidate: Vec<&str> = value("a=candidate:").split(' ').collect();
        Offer {
            sdp: sdp.into(),
            ufrag: value("a=ice-ufrag:").into(),
            password: value("a=ice-pwd:").into(),
            address: format!("{}:{}", candidate[4], candidate[5]).parse().expect("an address"),
        }
    }
}

/// The receiving end of a call that the server offered; its DTLS client. It vanishes with the value.
pub struct HandPeer {
    socket: UdpSocket,
    offer: Offer,
    dtls: Dtls,
}

impl HandPeer {
    pub async fn new(offer: &str) -> Self {
        let socket = UdpSocket::bind((home(), 0)).await.expect("a socket");
        HandPeer { socket, offer: Offer::parse(offer), dtls: Dtls::default() }
    }

    /// Bytes that the kernel keeps while nobody reads.
    pub fn set_buffer(&self, bytes: usize) {
        SockRef::from(&self.socket).set_recv_buffer_size(bytes).expect("a buffer");
    }

    /// Wants all that is offered, as it is offered.
    pub fn answer(&self) -> String {
        let address = self.socket.local_addr().expect("an address");
        let (ip, port) = (address.ip(), address.port());
        let mut answer = String::new();
        for line in self.offer.sdp.lines() {
            let (name, _) = line.split_once(':').unwrap_or((line, ""));
            let line = match name {
                "a=candidate" | "a=end-of-candidates" | "a=ssrc" | "a=ssrc-group" | "a=msid" => continue,
                "a=sendonly" | "a=sendrecv" => "a=recvonly".into(),
                "a=setup" => "a=setup:active".into(),
                "a=fingerprint" => format!("a=fingerprint:sha-256 {}", Dtls::fingerprint()),
                "a=ice-ufrag" => format!("a=ice-ufrag:{UFRAG}"),
                "a=ice-pwd" => format!(
                    "a=ice-pwd:{PASSWORD}\r\na=candidate:1 1 udp {PRIORITY_VALUE} {ip} {port} typ host"
                ),
                _ => line.into(),
            };
            answer.push_str(&line);
            answer.push_str("\r\n");
        }
        answer
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
        self.send(&check).await;
    }

    /// Goes on with the handshake as far as it gets; how many datagrams that took. Without a timer: nothing is ever sent a
    /// second time.
    pub async fn handshake(&mut self) -> usize {
        let datagrams = self.dtls.handshake();
        for datagram in &datagrams {
            self.send(datagram).await;
        }
        datagrams.len()
    }

    pub fn is_complete(&self) -> bool {
        self.dtls.is_complete()
    }

    /// See [`Dtls::keys`].
    pub fn keys(&self) -> Keys {
        self.dtls.keys()
    }

    /// Sends the close alert of DTLS.
    pub async fn close(&mut self) {
        for datagram in self.dtls.close() {
            self.send(&datagram).await;
        }
    }

    /// # Panics
    /// When the kernel does not take it.
    pub async fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.offer.address).await.expect("an open socket");
    }

    /// Takes one datagram: answers a check, lets OpenSSL have it, or gives back what is SRTP or SRTCP (RFC 7983 §7). May be
    /// dropped while it waits.
    pub async fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let (length, source) = self.socket.recv_from(buffer).await.expect("an open socket");
        let datagram = &buffer[..length];
        match (datagram.first(), header(datagram), source) {
            (Some(0..=3), Some((BINDING_REQUEST, transaction)), SocketAddr::V4(source)) => {
                self.respond(transaction, source);
                None
            }
            (Some(20..=63), ..) => {
                self.dtls.take(datagram);
                None
            }
            (Some(128..=191), ..) => Some(datagram),
            _ => None,
        }
    }

    fn respond(&self, transaction: [u8; 12], source: SocketAddrV4) {
        let mapped = xor_mapped(source);
        let attributes: [(u16, &[u8]); 1] = [(XOR_MAPPED_ADDRESS, &mapped)];
        let response = message(BINDING_RESPONSE, transaction, &attributes, Integrity::Password(PASSWORD));
        let _ = self.socket.try_send_to(&response, source.into()); // a full buffer is loss, as in any network
    }
}
