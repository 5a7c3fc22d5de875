//! ClientHellos that have to prove themselves: the cookie exchange of RFC 6347 §4.2.1, without any state.
//!
//! Anybody can forge a ClientHello with the peer's address, and each one that OpenSSL answers costs a key and a place. So
//! as soon as two different ones have come, or the address is not one PeerConnection's alone, a further handshake is begun
//! only for who repeats what we sent to the peer.
#![forbid(unsafe_code)]

use super::wire::{CLIENT_HELLO, DTLS_1_0, DTLS_1_2, HANDSHAKE, MESSAGE_HEADER, RECORD_HEADER};
use crate::util::random;
use ring::hmac;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const VERIFY_REQUEST: u8 = 3;
/// Requests for a cookie that a peer may have had from whomever.
pub(super) const MOST_REQUESTS: u16 = 4;
/// The first number of a record that no association sends. A handshake that nobody asked for a cookie has lower ones.
const FIRST_RECORD: u64 = 256;
/// µs for which an address has one cookie; it is taken for so long again.
const PERIOD: i64 = 60_000_000;

type Cookie = [u8; 16];
/// A client's random, by which one handshake is told from another.
pub type Random = [u8; 32];

/// Where the cookies of all addresses come from. They are the address's and no association's: whichever has asked, whoever
/// reads what is sent there has proven that to all of them.
pub struct Secret {
    key: hmac::Key,
    /// Number of the next record that no association sends.
    record: AtomicU64,
}

impl Default for Secret {
    fn default() -> Secret {
        let mut key = [0; 32];
        random::fill(&mut key);
        Secret { key: hmac::Key::new(hmac::HMAC_SHA256, &key), record: AtomicU64::new(FIRST_RECORD) }
    }
}

impl Secret {
    /// `place`: what tells this address from all others. `now`: µs.
    pub fn cookies(&self, place: &str, now: i64) -> Cookies {
        let period = now.div_euclid(PERIOD);
        let of = |period: i64| {
            let tag = hmac::sign(&self.key, &[&period.to_be_bytes(), place.as_bytes()].concat());
            let mut cookie = Cookie::default();
            cookie.copy_from_slice(&tag.as_ref()[..16]);
            cookie
        };
        Cookies { present: of(period), past: of(period - 1) }
    }

    /// The HelloVerifyRequest for a ClientHello that begins nothing; `None`: it is no use. Of a later one the number is a
    /// stranger's choice, and a client need not take a second request: who has had ours repeats its cookie. Another cookie is
    /// that of an association elsewhere.
    pub fn ask(&self, cookies: &Cookies, hello: Hello, cookie: &[u8]) -> Option<Vec<u8>> {
        let may_ask = hello.number == 0 || (hello.number <= MOST_REQUESTS && !cookie.is_empty());
        may_ask.then(|| {
            let mut request = cookies.request(hello.number);
            let record = self.record.fetch_add(1, Relaxed) & 0xFFFF_FFFF_FFFF;
            request[3..RECORD_HEADER - 2].copy_from_slice(&record.to_be_bytes());
            request
        })
    }

    /// The number that records in the clear have at least which follow a request: a peer takes each number once.
    pub fn next_record(&self) -> u64 {
        self.record.load(Relaxed)
    }
}

/// What is asked for, and taken.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    present: Cookie,
    past: Cookie,
}

impl Cookies {
    /// Of nowhere.
    pub(super) fn random() -> Cookies {
        let mut cookie = Cookie::default();
        random::fill(&mut cookie);
        Cookies { present: cookie, past: cookie }
    }

    /// Whether who repeats this has read what we sent.
    pub fn include(&self, cookie: &[u8]) -> bool {
        cookie == self.present || cookie == self.past
    }

    pub(super) fn request(&self, number: u16) -> Vec<u8> {
        verify_request(number, &self.present)
    }
}

/// What tells ClientHellos apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hello {
    pub random: Random,
    /// Of the message: so many requests for a cookie came before it.
    pub number: u16,
}

impl Hello {
    /// From the first fragment of a ClientHello, `message` with its header: the cookie has to lie in it (RFC 6347 §4.2.1
    /// asks for that).
    pub(super) fn parse(message: &[u8]) -> Option<(Hello, &[u8])> {
        let (header, body) = message.split_first_chunk::<MESSAGE_HEADER>()?;
        if header[0] != CLIENT_HELLO || header[6..9] != [0; 3] {
            return None;
        }
        // Behind the version.
        let random = body.get(2..34)?.try_into().ok()?;
        let number = u16::from_be_bytes([header[4], header[5]]);
        let cookie = (|| {
            let (session, rest) = body.get(34..)?.split_first()?;
            let (length, rest) = rest.get(usize::from(*session)..)?.split_first()?;
            rest.get(..usize::from(*length))
        })();
        Some((Hello { random, number }, cookie.unwrap_or_default()))
    }
}

/// The HelloVerifyRequest that answers a ClientHello of this number. Shorter than any ClientHello. The record's number is
/// given by who sends it.
fn verify_request(number: u16, cookie: &Cookie) -> Vec<u8> {
    let body = [&DTLS_1_0[..], &[cookie.len() as u8], cookie].concat();
    message(VERIFY_REQUEST, number, &body)
}

/// Whether a datagram is one.
pub fn is_verify_request(datagram: &[u8]) -> bool {
    matches!(datagram, [HANDSHAKE, _, _, 0, 0, ..]) && datagram.get(RECORD_HEADER) == Some(&VERIFY_REQUEST)
}

/// A ClientHello of nobody: OpenSSL answers it with a request for a cookie, and counts it.
pub(super) fn blank(number: u16) -> Vec<u8> {
    // Random, no session, no cookie, one suite (ECDHE-ECDSA-AES128-GCM-SHA256), no compression.
    let body = [&DTLS_1_2[..], &[0; 32], &[0, 0], &[0, 2, 0xC0, 0x2B], &[1, 0]].concat();
    message(CLIENT_HELLO, number, &body)
}

/// A handshake message of less than 256 bytes in a record of its own.
fn message(kind: u8, number: u16, body: &[u8]) -> Vec<u8> {
    let length = [0, 0, body.len() as u8];
    let fragment = [&[kind], &length[..], &number.to_be_bytes(), &[0; 3], &length, body].concat();
    let record_length = (fragment.len() as u16).to_be_bytes();
    // In the first answers of a server the version is not agreed upon. Records are numbered as messages are.
    let head = [&[HANDSHAKE], &DTLS_1_0[..], &[0; 6], &number.to_be_bytes()];
    [&head.concat()[..], &record_length, &fragment].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_is_read_back() {
        let written = blank(2);
        let (hello, cookie) = Hello::parse(&written[13..]).unwrap();
        assert_eq!((hello, cookie), (Hello { random: [0; 32], number: 2 }, &[][..]));
        // With a session and a cookie, as a client repeats it.
        let body = [&DTLS_1_2[..], &[7; 32], &[3, 1, 2, 3], &[2, 8, 9], &[0, 2, 0xC0, 0x2B, 1, 0]].concat();
        let whole = message(CLIENT_HELLO, 1, &body);
        let (hello, cookie) = Hello::parse(&whole[13..]).unwrap();
        assert_eq!((hello, cookie), (Hello { random: [7; 32], number: 1 }, &[8, 9][..]));
        for cut in 0..whole.len() - 13 {
            // Without what lies behind the random there is no cookie, and nothing else is wrong.
            let parsed = Hello::parse(&whole[13..13 + cut]);
            assert_eq!(parsed.is_some(), cut >= MESSAGE_HEADER + 34, "{cut}");
        }
        let request = Cookies::random().request(0);
        assert!(Hello::parse(&request[13..]).is_none());
        assert!(
            is_verify_request(&request) && !is_verify_request(&written) && !is_verify_request(&request[..13])
        );
    }

    #[test]
    fn cookies_are_an_addresss_and_last_for_a_while() {
        let secret = Secret::default();
        let now = 7 * PERIOD + PERIOD / 2;
        let asked = secret.cookies("a", now).present;
        assert!(secret.cookies("a", now + PERIOD).include(&asked));
        assert!(!secret.cookies("a", now + 2 * PERIOD).include(&asked));
        assert!(!secret.cookies("b", now).include(&asked) && !secret.cookies("a", now).include(&[]));
        assert!(!Secret::default().cookies("a", now).include(&asked));
    }

    #[test]
    fn requests_have_numbers_of_their_own_and_are_made_where_they_are_of_use() {
        let secret = Secret::default();
        let cookies = secret.cookies("a", 0);
        let hello = |number| Hello { random: [0; 32], number };
        let numbers = [0, 0].map(|number| {
            let request = secret.ask(&cookies, hello(number), &[]).unwrap();
            assert!(is_verify_request(&request) && request.ends_with(&cookies.present));
            u64::from_be_bytes(request[3..11].try_into().unwrap())
        });
        assert_eq!((numbers[0] + 1, numbers[1] + 1), (numbers[1], secret.next_record()));
        let asks = |number, cookie: &[u8]| secret.ask(&cookies, hello(number), cookie).is_some();
        assert!(asks(0, &[9]) && asks(MOST_REQUESTS, &[9]));
        assert!(!asks(1, &[]) && !asks(MOST_REQUESTS + 1, &[9]));
    }
}
