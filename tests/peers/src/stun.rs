//! As much of STUN (RFC 8489) as a connectivity check needs.

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use std::net::SocketAddrV4;

pub const BINDING_REQUEST: u16 = 0x0001;
pub const BINDING_RESPONSE: u16 = 0x0101;

pub const USERNAME: u16 = 0x0006;
pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub const PRIORITY: u16 = 0x0024;
pub const USE_CANDIDATE: u16 = 0x0025;
pub const ICE_CONTROLLED: u16 = 0x8029;
pub const ICE_CONTROLLING: u16 = 0x802a;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const FINGERPRINT: u16 = 0x8028;

const COOKIE: u32 = 0x2112_a442;
const HEADER: usize = 20;

/// Who vouches for a message.
#[derive(Clone, Copy)]
pub enum Integrity<'a> {
    /// Short-term credentials (RFC 8489 §9.1).
    Password(&'a str),
    /// Nobody: a value that is no HMAC of anything.
    Forged,
}

/// A message with MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 §14.5, §14.7).
pub fn message(
    kind: u16,
    transaction: [u8; 12],
    attributes: &[(u16, &[u8])],
    integrity: Integrity,
) -> Vec<u8> {
    let mut message = kind.to_be_bytes().to_vec();
    message.extend([0, 0]);
    message.extend(COOKIE.to_be_bytes());
    message.extend(transaction);
    for (kind, value) in attributes {
        attribute(&mut message, *kind, value);
    }
    set_length(&mut message, 24);
    let hmac = match integrity {
        Integrity::Password(password) => hmac_sha1(password, &message),
        Integrity::Forged => vec![0x5a; 20],
    };
    attribute(&mut message, MESSAGE_INTEGRITY, &hmac);
    set_length(&mut message, 8);
    let fingerprint = crc32(&message) ^ 0x5354_554e;
    attribute(&mut message, FINGERPRINT, &fingerprint.to_be_bytes());
    message
}

/// The value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2).
pub fn xor_mapped(address: SocketAddrV4) -> [u8; 8] {
    let port = (address.port() ^ (COOKIE >> 16) as u16).to_be_bytes();
    let ip = (u32::from(*address.ip()) ^ COOKIE).to_be_bytes();
    [0, 1, port[0], port[1], ip[0], ip[1], ip[2], ip[3]]
}

/// Type and transaction of a STUN message.
pub fn header(datagram: &[u8]) -> Option<(u16, [u8; 12])> {
    let transaction = datagram.get(8..HEADER)?.try_into().ok()?;
    (datagram[4..8] == COOKIE.to_be_bytes())
        .then_some((u16::from_be_bytes([datagram[0], datagram[1]]), transaction))
}

fn attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// The length with `more` bytes to come, which the next check sum covers.
fn set_length(message: &mut [u8], more: usize) {
    let length = message.len() - HEADER + more;
    message[2..4].copy_from_slice(&(length as u16).to_be_bytes());
}

fn hmac_sha1(key: &str, bytes: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(key.as_bytes()).expect("a key");
    let mut signer = Signer::new(MessageDigest::sha1(), &key).expect("a signer");
    signer.sign_oneshot_to_vec(bytes).expect("an HMAC")
}

/// ISO 3309, as RFC 8489 §14.7 wants it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (0..8).fold(crc, |crc, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()));
    !bytes.iter().fold(!0, |crc, byte| step(crc ^ u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_the_usual_text() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
