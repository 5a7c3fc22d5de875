//! The few bytes of STUN (RFC 8489) that a worker reads before it knows whose message it is: cheap, and no state.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// What the first byte says (RFC 7983 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stun,
    Dtls,
    /// SRTP or SRTCP.
    Media,
    Other,
}

pub fn kind(datagram: &[u8]) -> Kind {
    match datagram.first() {
        Some(0..=3) => Kind::Stun,
        Some(20..=63) => Kind::Dtls,
        Some(128..=191) => Kind::Media,
        _ => Kind::Other,
    }
}

pub type TransactionId = [u8; 12];

/// How to find the owner of a STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// A request: the first half of USERNAME is the receiver's ufrag (RFC 8445 §7.2.2).
    Ufrag(&'a str),
    /// A response to a request of ours.
    Transaction(TransactionId),
}

const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const HEADER: usize = 20;
const USERNAME: u16 = 0x0006;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

/// `None` for everything that is neither a Binding request with a username nor a Binding response.
pub fn owner(message: &[u8]) -> Option<Owner<'_>> {
    if message.len() < HEADER || message[4..8] != MAGIC_COOKIE {
        return None;
    }
    match u16::from_be_bytes([message[0], message[1]]) {
        BINDING_REQUEST => username(message).and_then(|name| name.split(':').next()).map(Owner::Ufrag),
        BINDING_SUCCESS | BINDING_ERROR => transaction(message).map(Owner::Transaction),
        _ => None,
    }
}

/// Of a request that we send.
pub fn request_transaction(message: &[u8]) -> Option<TransactionId> {
    (message.len() >= HEADER && u16::from_be_bytes([message[0], message[1]]) == BINDING_REQUEST)
        .then(|| transaction(message))
        .flatten()
}

/// The transaction of a message that may be one.
pub fn transaction(message: &[u8]) -> Option<TransactionId> {
    message.get(8..HEADER)?.try_into().ok()
}

fn username(message: &[u8]) -> Option<&str> {
    std::str::from_utf8(attribute(message, USERNAME)?).ok()
}

fn attribute(message: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = &message[HEADER..];
    while let [t0, t1, l0, l1, value @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        if u16::from_be_bytes([*t0, *t1]) == wanted {
            return value.get(..length);
        }
        rest = value.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// A request to a plain STUN server: no attributes.
pub fn binding_request(transaction: &TransactionId) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER);
    message.extend(BINDING_REQUEST.to_be_bytes());
    message.extend([0, 0]);
    message.extend(MAGIC_COOKIE);
    message.extend(transaction);
    message
}

/// XOR-MAPPED-ADDRESS (RFC 8489 §14.2) of a response.
pub fn mapped_address(message: &[u8]) -> Option<SocketAddr> {
    let mask: [u8; 16] = message.get(4..HEADER)?.try_into().ok()?;
    let [_, family, p0, p1, address @ ..] = attribute(message, XOR_MAPPED_ADDRESS)? else { return None };
    let port = u16::from_be_bytes([p0 ^ mask[0], p1 ^ mask[1]]);
    let mut plain = [0; 16];
    plain.iter_mut().zip(address).zip(mask).for_each(|((out, byte), mask)| *out = byte ^ mask);
    match (family, address.len()) {
        (1, 4) => Some((Ipv4Addr::new(plain[0], plain[1], plain[2], plain[3]), port).into()),
        (2, 16) => Some((Ipv6Addr::from(plain), port).into()),
        _ => None,
    }
}
