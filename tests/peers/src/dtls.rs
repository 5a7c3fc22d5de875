//! The DTLS end (OpenSSL) of a peer by hand: datagrams in, datagrams out, no socket.

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{Ssl, SslContext, SslMethod, SslStream, SslVerifyMode};
use openssl::x509::{X509, X509NameBuilder};
use rtc::crypto::default_provider;
use rtc::srtp::context::Context;
use rtc::srtp::protection_profile::ProtectionProfile;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::LazyLock;

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

/// Certificate and context of all peers by hand: made once, as two hundred of them may come at once.
struct Identity {
    context: SslContext,
    fingerprint: String,
}

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let (key, certificate) = certificate();
    let digest = certificate.digest(MessageDigest::sha256()).expect("a digest");
    let fingerprint = digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let mut context = SslContext::builder(SslMethod::dtls()).expect("a context");
    context.set_certificate(&certificate).expect("a certificate");
    context.set_private_key(&key).expect("a key");
    context.set_verify(SslVerifyMode::NONE); // the server's fingerprint is not what is tested here
    context.set_tlsext_use_srtp("SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80").expect("profiles");
    Identity { context: context.build(), fingerprint }
});

/// The contexts of `rtc-srtp` for one direction each.
pub struct Keys {
    pub send: Context,
    pub receive: Context,
}

/// A DTLS client.
pub struct Dtls(SslStream<Wire>);

impl Default for Dtls {
    fn default() -> Self {
        let mut ssl = Ssl::new(&IDENTITY.context).expect("a connection");
        ssl.set_mtu(1200).expect("an MTU");
        ssl.set_connect_state();
        Dtls(SslStream::new(ssl, Wire::default()).expect("a stream"))
    }
}

impl Dtls {
    /// SHA-256, as SDP writes it (RFC 8122 §5).
    pub fn fingerprint() -> &'static str {
        &IDENTITY.fingerprint
    }

    pub fn take(&mut self, datagram: &[u8]) {
        self.0.get_mut().incoming.push_back(datagram.to_vec());
    }

    /// Goes on with the handshake as far as it gets; the datagrams to send.
    pub fn handshake(&mut self) -> Vec<Vec<u8>> {
        let _ = self.0.do_handshake(); // incomplete is no error
        std::mem::take(&mut self.0.get_mut().outgoing)
    }

    pub fn is_complete(&self) -> bool {
        self.0.ssl().is_init_finished()
    }

    /// The alert that ends the connection, to be sent.
    pub fn close(&mut self) -> Vec<Vec<u8>> {
        let _ = self.0.shutdown(); // of the peer's answer nothing is wanted
        std::mem::take(&mut self.0.get_mut().outgoing)
    }

    /// What both ends derive from the handshake (RFC 5764 §4.2), without protection against replay: what comes twice is to
    /// be seen twice.
    ///
    /// # Panics
    /// Before the handshake is complete.
    pub fn keys(&self) -> Keys {
        let ssl = self.0.ssl();
        let chosen = ssl.selected_srtp_profile().expect("a profile");
        let profile = match chosen.name() {
            "SRTP_AEAD_AES_128_GCM" => ProtectionProfile::AeadAes128Gcm,
            _ => ProtectionProfile::Aes128CmHmacSha1_80,
        };
        let (key, salt) = (profile.key_len(), profile.salt_len());
        let mut material = vec![0; 2 * (key + salt)];
        ssl.export_keying_material(&mut material, "EXTRACTOR-dtls_srtp", None).expect("keys");
        let (keys, salts) = material.split_at(2 * key);
        let provider = default_provider().expect("a provider");
        let context = |end: usize| {
            let (key, salt) = (&keys[end * key..][..key], &salts[end * salt..][..salt]);
            Context::new(key, salt, profile, None, None, provider.crypto()).expect("a context")
        };
        Keys { send: context(0), receive: context(1) }
    }
}

fn certificate() -> (PKey<Private>, X509) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    let key = PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key");
    let mut name = X509NameBuilder::new().expect("a name");
    name.append_entry_by_text("CN", "peer by hand").expect("a name");
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
