//! What of a datagram OpenSSL gets to see.
//!
//! Anybody who can write the peer's address on a datagram can send records, and OpenSSL ends a connection because of some
//! of them: which ones, differs between its versions. So whatever cannot be the peer's, or must not matter although it
//! could be, is dropped here (RFC 6347 §4.1.2.7): during the handshake only well-formed messages of the other role pass
//! in the clear, and after it nothing does; sealed records pass when they are as long as the cipher suite makes them.
#![forbid(unsafe_code)]

use super::ffi;
use super::hello::Hello;
use super::wire::{CLIENT_HELLO, DTLS_1_0, DTLS_1_2, HANDSHAKE, MESSAGE_HEADER, RECORD_HEADER};
use openssl::ssl::SslRef;

/// RFC 5246 §6.2.3: bytes of a sealed fragment.
const MAX_FRAGMENT: usize = (1 << 14) + 2048;
/// Bytes of a handshake message: more than any chain of certificates that a peer of WebRTC sends.
const MAX_MESSAGE: usize = 1 << 16;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const DATA: u8 = 23;

const CERTIFICATE: u8 = 11;
/// Messages in the clear by who sends them, RFC 5246 §7.4 (and 22, RFC 6066 §8).
const OF_SERVER: [u8; 7] = [2, 3, 11, 12, 13, 14, 22];
const OF_CLIENT: [u8; 4] = [CLIENT_HELLO, 11, 15, 16];

/// The certificate (DER) that a datagram of a handshake shows, if it does so in one piece; anybody can show any.
pub fn certificate(mut datagram: &[u8]) -> Option<&[u8]> {
    while let Some(record) = Record::split_off(&mut datagram) {
        if record.kind != HANDSHAKE || record.epoch() != 0 {
            continue;
        }
        let mut rest = record.fragment;
        while let Some((header, body)) = rest.split_first_chunk::<MESSAGE_HEADER>() {
            let (whole, offset, len) = (number(header, 1), number(header, 6), number(header, 9));
            let (message, after) = body.split_at_checked(len)?;
            if header[0] == CERTIFICATE && offset == 0 && whole == len {
                // RFC 5246 §7.4.2: the length of all, and of the first one.
                let (lengths, list) = message.split_first_chunk::<6>()?;
                return list.get(..number(lengths, 3));
            }
            rest = after;
        }
    }
    None
}

/// The ClientHello that a datagram begins with, and its cookie.
pub fn client_hello(mut datagram: &[u8]) -> Option<(Hello, &[u8])> {
    while let Some(record) = Record::split_off(&mut datagram) {
        if record.kind == HANDSHAKE && record.epoch() == 0 && record.is_clear_message(&OF_CLIENT) {
            return Hello::parse(record.fragment);
        }
    }
    None
}

/// Three bytes at `at`.
fn number(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 16 | usize::from(bytes[at + 1]) << 8 | usize::from(bytes[at + 2])
}

pub(super) struct Gate {
    /// We are.
    client: bool,
    /// Number of the next record in the clear.
    next: u64,
    /// Of the ClientHello, when we are the server.
    hello: u16,
}

/// What has passed.
#[derive(Default)]
pub(super) struct Passed {
    pub records: usize,
    /// The ClientHello among them.
    pub hello: Option<Hello>,
}

impl Gate {
    /// `hello`: number of the ClientHello that a server waits for.
    pub fn new(client: bool, hello: u16) -> Gate {
        // Records of those that came before it have been counted.
        Gate { client, next: hello.into(), hello }
    }

    /// Copies the records that pass into `out`, which is empty. `ssl` tells how far the handshake is. `may_continue`: a
    /// fragment of a ClientHello that is not its first one may pass; nothing tells whose it is.
    pub fn pass(
        &mut self,
        mut datagram: &[u8],
        ssl: &SslRef,
        may_continue: bool,
        out: &mut Vec<u8>,
    ) -> Passed {
        let mut passed = Passed::default();
        let is_over = ssl.is_init_finished();
        let sealed = Sealed::of(ssl);
        let expected: &[u8] = if self.client { &OF_SERVER } else { &OF_CLIENT };
        while let Some(record) = Record::split_off(&mut datagram) {
            let passes = match (record.epoch(), record.kind) {
                (0, HANDSHAKE) => {
                    !is_over
                        && record.is_clear_message(expected)
                        && record.hellos_are(self.hello, may_continue)
                }
                (0, CHANGE_CIPHER_SPEC) => !is_over && record.fragment == [1],
                (1, ALERT | HANDSHAKE | DATA) => sealed.is_some_and(|s| s.fits(record.fragment.len())),
                _ => false,
            };
            if !passes {
                continue;
            }
            passed.records += 1;
            let start = out.len();
            out.extend(record.header);
            out.extend(record.fragment);
            if record.epoch() == 0 {
                passed.hello = passed.hello.or_else(|| Some(Hello::parse(record.fragment)?.0));
                // Nothing vouches for the numbers of epoch 0: a forged one that is far ahead would make the peer's own
                // look like replays. Messages have numbers of their own.
                out[start + 3..start + 11].copy_from_slice(&self.next.to_be_bytes());
                self.next += 1;
            }
        }
        passed
    }
}

/// Gives the records in the clear of a datagram of ours numbers of their own, `next` and on: several handshakes send them,
/// and the peer takes each number once.
pub(super) fn renumber(datagram: &mut [u8], next: &mut u64) {
    let mut at = 0;
    while let Some(record) = Record::split_off(&mut &datagram[at..]) {
        let (epoch, length) = (record.epoch(), RECORD_HEADER + record.fragment.len());
        if epoch == 0 {
            datagram[at + 3..at + 11].copy_from_slice(&next.to_be_bytes());
            *next += 1;
        }
        at += length;
    }
}

struct Record<'a> {
    kind: u8,
    header: &'a [u8; RECORD_HEADER],
    fragment: &'a [u8],
}

impl<'a> Record<'a> {
    /// `None` at the end, and where something begins that is no record.
    fn split_off(datagram: &mut &'a [u8]) -> Option<Record<'a>> {
        let (header, rest) = datagram.split_first_chunk::<RECORD_HEADER>()?;
        let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let (fragment, rest) = rest.split_at_checked(len)?;
        let version = [header[1], header[2]];
        if !(len > 0 && len <= MAX_FRAGMENT && [DTLS_1_2, DTLS_1_0].contains(&version)) {
            return None;
        }
        *datagram = rest;
        Some(Record { kind: header[0], header, fragment })
    }

    fn epoch(&self) -> u16 {
        u16::from_be_bytes([self.header[3], self.header[4]])
    }

    /// Whether it consists of whole fragments of `expected` messages.
    fn is_clear_message(&self, expected: &[u8]) -> bool {
        let mut rest = self.fragment;
        while let Some((header, body)) = rest.split_first_chunk::<MESSAGE_HEADER>() {
            let (whole, offset, len) = (number(header, 1), number(header, 6), number(header, 9));
            let is_sound = expected.contains(&header[0])
                && whole <= MAX_MESSAGE
                && offset + len <= whole
                && (len > 0 || whole == 0)
                && len <= body.len();
            if !is_sound {
                return false;
            }
            rest = &body[len..];
        }
        rest.is_empty()
    }

    /// Whether fragments of ClientHellos, if there are any, have this number, others belong to another beginning; and share
    /// the record with nothing else: nobody's flight has more, and what is behind another message would be answered unseen.
    /// Of a clear message.
    fn hellos_are(&self, wanted: u16, may_continue: bool) -> bool {
        let mut rest = self.fragment;
        let begins = rest.first() == Some(&CLIENT_HELLO);
        while let Some((header, body)) = rest.split_first_chunk::<MESSAGE_HEADER>() {
            let is_hello = header[0] == CLIENT_HELLO;
            let is_of_beginning =
                header[4..6] == wanted.to_be_bytes() && (may_continue || number(header, 6) == 0);
            if is_hello != begins || (is_hello && !is_of_beginning) {
                return false;
            }
            rest = &body[number(header, 9)..];
        }
        true
    }
}

/// How a cipher suite seals.
#[derive(Clone, Copy)]
struct Sealed {
    /// What it adds at least.
    overhead: usize,
    /// Lengths are multiples of this.
    block: usize,
}

impl Sealed {
    /// `None` before the suite is agreed upon.
    fn of(ssl: &SslRef) -> Option<Sealed> {
        let cipher = ssl.current_cipher().or_else(|| ffi::pending_cipher(ssl))?;
        let (overhead, block) = match cipher.name() {
            // RFC 7905: a tag. RFC 5288, RFC 6655: eight bytes of the nonce, and a tag, which may be short.
            name if name.contains("CHACHA20") => (16, 1),
            name if name.contains("CCM8") => (8 + 8, 1),
            name if name.contains("GCM") || name.contains("CCM") => (8 + 16, 1),
            // RFC 5246 §6.2.3.2: an IV, and content, MAC (20 bytes at least) and padding in whole blocks. With RFC 7366
            // the MAC stands behind them.
            name if name.contains("DES") => (8 + 24, 4),
            _ => (16 + 16 + 16, 4),
        };
        Some(Sealed { overhead, block })
    }

    fn fits(self, len: usize) -> bool {
        len >= self.overhead && len.is_multiple_of(self.block)
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
