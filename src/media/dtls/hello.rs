//! ClientHellos that have to prove themselves: the cookie exchange of RFC 6347 §4.2.1, without any state.
//!
//! Anybody can forge a ClientHello with the peer's address, and each one that OpenSSL answers costs a key and a place. So
//! as soon as two different ones have come, a further handshake is begun only for who repeats what we sent to the peer.
#![forbid(unsafe_code)]

use super::wire::{CLIENT_HELLO, DTLS_1_0, DTLS_1_2, HANDSHAKE, MESSAGE_HEADER, RECORD_HEADER};

const VERIFY_REQUEST: u8 = 3;

/// What one association asks for; drawn once.
pub(super) type Cookie = [u8; 16];
/// A client's random, by which one handshake is told from another.
pub(super) type Random = [u8; 32];

/// What tells ClientHellos apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hello {
    pub random: Random,
    /// Of the message: so many requests for a cookie came before it.
    pub number: u16,
}

impl Hello {
    /// From the first fragment of a ClientHello, `message` with its header: the cookie has to lie in it (RFC 6347 §4.2.1
    /// asks for that).
    pub fn parse(message: &[u8]) -> Option<(Hello, &[u8])> {
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
pub(super) fn verify_request(number: u16, cookie: &Cookie) -> Vec<u8> {
    let body = [&DTLS_1_0[..], &[cookie.len() as u8], cookie].concat();
    message(VERIFY_REQUEST, number, &body)
}

/// Whether a datagram is one.
pub(super) fn is_verify_request(datagram: &[u8]) -> bool {
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
        let request = verify_request(0, &[1; 16]);
        assert!(Hello::parse(&request[13..]).is_none());
        assert!(
            is_verify_request(&request) && !is_verify_request(&written) && !is_verify_request(&request[..13])
        );
    }
}
