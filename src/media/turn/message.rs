//! Messages to and from a TURN server. Responses are read by the crate `is`; it cannot write an Allocate request, which
//! has to name the transport that is to be relayed, so requests are put together here.

use hmac::{Hmac, KeyInit, Mac};
use openssl::hash::{MessageDigest, hash};
use sha1::Sha1;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use zeroize::Zeroizing;

pub type TransactionId = [u8; 12];

pub const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
pub const HEADER: usize = 20;

/// Requests (RFC 8656 §17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Allocate = 0x003,
    Refresh = 0x004,
    CreatePermission = 0x008,
    ChannelBind = 0x009,
}

pub const SEND_INDICATION: u16 = 0x0016;
const DATA_INDICATION: u16 = 0x0017;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const CHANNEL_NUMBER: u16 = 0x000C;
pub(super) const LIFETIME: u16 = 0x000D;
pub const XOR_PEER_ADDRESS: u16 = 0x0012;
pub const DATA: u16 = 0x0013;
pub(super) const REALM: u16 = 0x0014;
pub(super) const NONCE: u16 = 0x0015;
pub(super) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
const REQUESTED_TRANSPORT: u16 = 0x0019;

/// Protocol number of UDP (§18.7).
const UDP: u32 = 17 << 24;
/// An HMAC-SHA1.
const TAG: usize = 20;

/// What makes a request ours (RFC 8489 §9.2.2): MD5 of user name, realm and password.
pub struct Key(Zeroizing<[u8; 16]>);

impl Key {
    /// `None` where the system does without MD5 (FIPS).
    pub fn new(username: &str, realm: &str, password: &str) -> Option<Key> {
        let text = Zeroizing::new(format!("{username}:{realm}:{password}"));
        let digest = hash(MessageDigest::md5(), text.as_bytes()).ok()?;
        Some(Key(Zeroizing::new(digest[..].try_into().ok()?)))
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; TAG] {
        let mut hmac = Hmac::<Sha1>::new_from_slice(&self.0[..]).expect("HMAC takes keys of any length");
        parts.iter().for_each(|part| hmac.update(part));
        hmac.finalize().into_bytes().into()
    }

    /// Whether a response was made by somebody who knows the password.
    pub fn verifies(&self, message: &is::stun::StunMessage<'_>) -> bool {
        message.verify(&self.0[..], |_, parts| self.tag(parts))
    }
}

/// A request that is being put together.
pub struct Request(Vec<u8>);

impl Request {
    pub fn new(method: Method, transaction: &TransactionId) -> Request {
        let mut message = Vec::with_capacity(256);
        message.extend((method as u16).to_be_bytes());
        message.extend([0, 0]);
        message.extend(MAGIC_COOKIE);
        message.extend(transaction);
        Request(message)
    }

    pub(super) fn with(mut self, attribute: u16, value: &[u8]) -> Request {
        self.0.extend(attribute.to_be_bytes());
        self.0.extend((value.len() as u16).to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    pub fn for_udp(self) -> Request {
        self.with(REQUESTED_TRANSPORT, &UDP.to_be_bytes())
    }

    /// Relayed addresses are of IPv4 unless IPv6 is asked for (§7.2, §18.6).
    pub fn of_ipv6(self) -> Request {
        self.with(REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0])
    }

    /// In seconds.
    pub fn lifetime(self, seconds: u32) -> Request {
        self.with(LIFETIME, &seconds.to_be_bytes())
    }

    pub fn channel(self, number: u16) -> Request {
        self.with(CHANNEL_NUMBER, &(u32::from(number) << 16).to_be_bytes())
    }

    pub fn peer(self, address: SocketAddr) -> Request {
        let transaction = self.0[8..HEADER].try_into().expect("a header");
        let (value, len) = xor_address(address, &transaction);
        self.with(XOR_PEER_ADDRESS, &value[..len])
    }

    /// Without credentials, to learn realm and nonce.
    pub fn plain(mut self) -> Vec<u8> {
        self.set_length(0);
        self.0
    }

    /// With credentials.
    pub fn signed(self, username: &str, realm: &str, nonce: &str, key: &Key) -> Vec<u8> {
        self.with(USERNAME, username.as_bytes())
            .with(REALM, realm.as_bytes())
            .with(NONCE, nonce.as_bytes())
            .sealed(key)
    }

    pub(super) fn sealed(mut self, key: &Key) -> Vec<u8> {
        self.set_length(4 + TAG);
        let tag = key.tag(&[&self.0]);
        self.with(MESSAGE_INTEGRITY, &tag).0
    }

    #[cfg(test)]
    pub(super) fn set_kind(&mut self, kind: u16) {
        self.0[..2].copy_from_slice(&kind.to_be_bytes());
    }

    /// `more`: bytes that will follow.
    fn set_length(&mut self, more: usize) {
        let length = (self.0.len() - HEADER + more) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// An address as STUN hides it (RFC 8489 §14.2), and how many bytes it has.
pub fn xor_address(address: SocketAddr, transaction: &TransactionId) -> ([u8; 20], usize) {
    let mut value = [0; 20];
    value[2..4].copy_from_slice(&address.port().to_be_bytes());
    let len = match address.ip() {
        IpAddr::V4(ip) => {
            value[1] = 1;
            value[4..8].copy_from_slice(&ip.octets());
            8
        }
        IpAddr::V6(ip) => {
            value[1] = 2;
            value[4..20].copy_from_slice(&ip.octets());
            20
        }
    };
    value[2] ^= MAGIC_COOKIE[0];
    value[3] ^= MAGIC_COOKIE[1];
    let mask = MAGIC_COOKIE.iter().chain(transaction);
    value[4..len].iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    (value, len)
}

/// A Data indication (RFC 8656 §11.4): who sent, and where in the message the payload is.
pub fn data_indication(message: &[u8]) -> Option<(SocketAddr, Range<usize>)> {
    if message.len() < HEADER
        || message[..2] != DATA_INDICATION.to_be_bytes()
        || message[4..8] != MAGIC_COOKIE
    {
        return None;
    }
    let (mut peer, mut data) = (None, None);
    let mut at = HEADER;
    while let Some([t0, t1, l0, l1]) = message.get(at..at + 4) {
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = at + 4..at + 4 + length;
        let bytes = message.get(value.clone())?;
        match u16::from_be_bytes([*t0, *t1]) {
            XOR_PEER_ADDRESS => peer = address(bytes, &message[4..HEADER]),
            DATA => data = Some(value),
            _ => {}
        }
        at += 4 + length.next_multiple_of(4);
    }
    Some((peer?, data?))
}

/// The other way round than [`xor_address`]; `mask`: magic cookie and transaction.
fn address(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
    let [_, family, p0, p1, rest @ ..] = value else { return None };
    let port = u16::from_be_bytes([p0 ^ mask[0], p1 ^ mask[1]]);
    let mut plain = [0; 16];
    plain.iter_mut().zip(rest).zip(mask).for_each(|((out, byte), mask)| *out = byte ^ mask);
    match (family, rest.len()) {
        (1, 4) => Some((Ipv4Addr::new(plain[0], plain[1], plain[2], plain[3]), port).into()),
        (2, 16) => Some((Ipv6Addr::from(plain), port).into()),
        _ => None,
    }
}
