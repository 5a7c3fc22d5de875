//! [`Dtls`] after the handshake, without OpenSSL.
//!
//! What is left to do is small: an alert each way in the end, SCTP packets where there are data channels, and the last
//! flight once more if it was lost. An `SSL` keeps more than 40 KB for that, this here less than two. So as soon as the
//! handshake is over, the record layer of DTLS 1.2 (RFC 6347 §4.1) goes on here, with the keys of that handshake.
//! Only for the cipher suites with AEAD that WebRTC uses; others stay with OpenSSL (docs/decisions/003-dtls-ffi.md).
#![forbid(unsafe_code)]

use super::{Dtls, DtlsError, DtlsEvent};
use crate::media::pool;
use crate::media::srtp::Window;
use bytes::Bytes;
use openssl::ssl::SslRef;
use ring::{aead, hmac};
use std::collections::VecDeque;
use std::time::Instant;
use zeroize::Zeroizing;

#[cfg(test)]
#[path = "settled_tests.rs"]
mod tests;

const VERSION: [u8; 2] = [0xFE, 0xFD];
/// Type, version, epoch, sequence number, length.
const HEADER: usize = 13;
const TAG: usize = 16;
/// Of ChaCha20.
const MAX_KEY: usize = 32;
/// The epoch after a first handshake.
const EPOCH: u64 = 1;
/// RFC 5246 §6.2.1: bytes of a record's content.
const MAX_CONTENT: usize = 1 << 14;
/// Who still repeats its Finished after this many answers will not be helped by another one.
const MAX_REPEATS: usize = 16;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
const WARNING: u8 = 1;
const FATAL: u8 = 2;
const CLOSE_NOTIFY: u8 = 0;
/// First byte of each fragment of this handshake message.
const FINISHED: u8 = 20;

/// Keys of one direction.
struct Half {
    algorithm: &'static aead::Algorithm,
    key: Zeroizing<[u8; MAX_KEY]>,
    /// What `ring` makes of it, half a kilobyte, from the first record with data on: most PeerConnections have none, and then
    /// only one alert each way. Stays in freed memory: nobody can reach into `ring`'s keys, nor into its tags, which [`prf`]'s
    /// output is made of.
    ready: Option<Box<aead::LessSafeKey>>,
    iv: Zeroizing<[u8; aead::NONCE_LEN]>,
    /// Bytes of the nonce that each record carries.
    explicit: usize,
    /// What these are ahead of the sequence number, in what we send.
    ahead: u64,
}

pub struct Settled {
    sealing: Half,
    opening: Half,
    /// Epoch and sequence number of our last record.
    last: u64,
    seen: Window,
    legacy: Legacy,
    repeats: usize,
    ended: bool,
}

/// The last record that the handshake sent with the keys that we go on with. No nonce of theirs may come again (two
/// records under one nonce give away both, and with GCM the key of the tags): OpenSSL counts the explicit ones up from
/// a random start, and sequence numbers from 0.
#[derive(Clone, Copy)]
pub(super) struct Sealed {
    /// With the epoch.
    sequence: u64,
    /// The first bytes of the fragment: the explicit nonce of suites that have one.
    nonce: u64,
}

impl Sealed {
    pub(super) fn last_in(mut datagram: &[u8]) -> Option<Sealed> {
        let records = std::iter::from_fn(|| next_record(&mut datagram));
        let sealed = records.filter(|(_, sequence, _)| is_current(*sequence));
        let last =
            sealed.filter_map(|(_, sequence, fragment)| Some((sequence, fragment.first_chunk()?))).last();
        last.map(|(sequence, nonce)| Sealed { sequence, nonce: u64::from_be_bytes(*nonce) })
    }
}

/// What goes over from the handshake.
#[derive(Default)]
pub(super) struct Legacy {
    /// Of the server: the peer repeats its own until it gets this.
    pub last_flight: Vec<Vec<u8>>,
    pub outgoing: VecDeque<Vec<u8>>,
    pub events: VecDeque<DtlsEvent>,
    pub retransmissions: u32,
}

impl Settled {
    /// `None` for cipher suites that it does not know.
    pub(super) fn new(ssl: &SslRef, client: bool, sealed: Sealed) -> Option<Settled> {
        // All with SHA-256 as PRF. RFC 5288 and 5289; RFC 7905.
        let (algorithm, explicit) = match ssl.current_cipher()?.protocol_id() {
            [0xC0, 0x2B | 0x2F] | [0x00, 0x9C | 0x9E] => (&aead::AES_128_GCM, 8),
            [0xCC, 0xA8..=0xAA] => (&aead::CHACHA20_POLY1305, 0),
            _ => return None,
        };
        let mut master = Zeroizing::new([0; 48]);
        let mut seed = [0; 64];
        ssl.session()?.master_key(&mut *master);
        ssl.server_random(&mut seed[..32]);
        ssl.client_random(&mut seed[32..]);
        let (key, iv) = (algorithm.key_len(), aead::NONCE_LEN - explicit);
        let mut block = Zeroizing::new(vec![0; 2 * (key + iv)]);
        prf(&*master, b"key expansion", &seed, &mut block);
        let (keys, ivs) = block.split_at(2 * key);
        let half = |index: usize| Half::new(algorithm, &keys[index * key..][..key], &ivs[index * iv..][..iv]);
        let (of_client, of_server) = (half(0)?, half(1)?);
        let (mut sealing, opening) = if client { (of_client, of_server) } else { (of_server, of_client) };
        if explicit > 0 {
            sealing.ahead = sealed.nonce.wrapping_sub(sealed.sequence);
        }
        let (seen, legacy) = (Window::default(), Legacy::default());
        Some(Settled { sealing, opening, last: sealed.sequence, seen, legacy, repeats: 0, ended: false })
    }

    /// `datagram`: the last one that the handshake took. Its records shall not count a second time.
    pub(super) fn take_over(&mut self, legacy: Legacy, mut datagram: &[u8]) {
        self.legacy = legacy;
        while let Some((header, sequence, fragment)) = next_record(&mut datagram) {
            self.open(header[0], sequence, fragment);
        }
    }

    /// Seals a record of any type.
    pub fn send(&mut self, kind: u8, data: &[u8]) -> Result<(), DtlsError> {
        if data.len() > MAX_CONTENT {
            return Err(DtlsError::TooLong);
        }
        let mut record = vec![0; self.sealing.sealed_len(data.len())];
        self.seal(kind, data, &mut record).ok_or(DtlsError::KeysUsedUp)?;
        self.legacy.outgoing.push_back(record);
        Ok(())
    }

    fn seal(&mut self, kind: u8, data: &[u8], out: &mut [u8]) -> Option<()> {
        // Also when sealing fails: no number twice, not even for the same data.
        self.last += 1;
        if !is_current(self.last) {
            return None;
        }
        self.sealing.seal(kind, self.last, data, out)
    }

    /// The content of an authentic record that is new.
    fn open(&mut self, kind: u8, sequence: u64, fragment: &[u8]) -> Option<Bytes> {
        // Epoch 0 is the peer's flight again, of which the Finished in epoch 1 is enough; or anybody's.
        if !is_current(sequence) || self.seen.check(sequence).is_err() {
            return None;
        }
        let content = self.opening.open(kind, sequence, fragment)?;
        self.seen.mark(sequence);
        Some(content)
    }

    fn take(&mut self, kind: u8, content: Bytes) {
        match (kind, &content[..]) {
            (DATA, []) => {}
            (DATA, _) => self.legacy.events.push_back(DtlsEvent::Data(content)),
            (ALERT, [_, CLOSE_NOTIFY]) => {
                self.ended = true;
                self.legacy.events.push_back(DtlsEvent::Closed);
            }
            (ALERT, [FATAL, number]) => {
                self.ended = true;
                self.legacy.events.push_back(DtlsEvent::Failed(DtlsError::Alert(*number)));
            }
            // Its Finished again: ours was lost.
            (HANDSHAKE, [FINISHED, ..]) if self.repeats < MAX_REPEATS => {
                self.repeats += 1;
                self.legacy.events.push_back(DtlsEvent::Repeated);
                self.legacy.outgoing.extend(self.legacy.last_flight.iter().cloned());
            }
            _ => {}
        }
    }
}

impl Dtls for Settled {
    fn start(&mut self) {}

    fn handle(&mut self, datagram: &[u8]) {
        let mut rest = datagram;
        while let Some((header, sequence, fragment)) = next_record(&mut rest) {
            if self.ended {
                return;
            }
            if let Some(content) = self.open(header[0], sequence, fragment) {
                self.take(header[0], content);
            }
        }
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.legacy.outgoing.pop_front()
    }

    fn poll_event(&mut self) -> Option<DtlsEvent> {
        self.legacy.events.pop_front()
    }

    fn timeout(&self, _now: Instant) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self) {}

    fn write(&mut self, data: &[u8]) -> Result<(), DtlsError> {
        if self.ended {
            return Err(DtlsError::NotConnected);
        }
        self.send(DATA, data)
    }

    fn write_to(&mut self, data: &[u8], out: &mut [u8]) -> Option<usize> {
        let len = self.sealing.sealed_len(data.len());
        let out = out.get_mut(..len).filter(|_| !self.ended && self.legacy.outgoing.is_empty())?;
        self.seal(DATA, data, out)?;
        Some(len)
    }

    fn close(&mut self) {
        if !self.ended {
            // Two bytes fit.
            let _ = self.send(ALERT, &[WARNING, CLOSE_NOTIFY]);
        }
        self.ended = true;
    }

    fn retransmissions(&self) -> u32 {
        self.legacy.retransmissions
    }

    fn settle(&mut self) -> Option<Box<dyn Dtls>> {
        None
    }
}

impl Half {
    fn new(algorithm: &'static aead::Algorithm, key: &[u8], implicit: &[u8]) -> Option<Half> {
        let mut kept = Zeroizing::new([0; MAX_KEY]);
        kept.get_mut(..key.len())?.copy_from_slice(key);
        let mut iv = Zeroizing::new([0; aead::NONCE_LEN]);
        iv[..implicit.len()].copy_from_slice(implicit);
        Some(Half {
            algorithm,
            key: kept,
            ready: None,
            iv,
            explicit: aead::NONCE_LEN - implicit.len(),
            ahead: 0,
        })
    }

    /// Does something with the key, and keeps it if that was a record with data.
    fn with_key<T>(
        &mut self,
        kind: u8,
        work: impl FnOnce(&Half, &aead::LessSafeKey) -> Option<T>,
    ) -> Option<T> {
        let made = if self.ready.is_none() { Some(Box::new(self.made()?)) } else { None };
        let done = work(self, made.as_deref().or(self.ready.as_deref())?);
        if made.is_some() && done.is_some() && kind == DATA {
            self.ready = made;
        }
        done
    }

    fn made(&self) -> Option<aead::LessSafeKey> {
        let key = self.key.get(..self.algorithm.key_len())?;
        Some(aead::LessSafeKey::new(aead::UnboundKey::new(self.algorithm, key).ok()?))
    }

    /// `number`: what the last eight bytes of the nonce are made of. With GCM they lie in the record, else it is the
    /// sequence number, and the key's own value is mixed in.
    fn nonce(&self, number: [u8; 8]) -> aead::Nonce {
        let mut nonce = *self.iv;
        nonce[4..].iter_mut().zip(number).for_each(|(byte, other)| *byte ^= other);
        aead::Nonce::assume_unique_for_key(nonce)
    }

    /// Bytes of the record with so many bytes of content.
    fn sealed_len(&self, len: usize) -> usize {
        HEADER + self.explicit + len + TAG
    }

    /// Writes the record to `out`, which has [`Half::sealed_len`] bytes.
    fn seal(&mut self, kind: u8, sequence: u64, data: &[u8], out: &mut [u8]) -> Option<()> {
        let number = sequence.wrapping_add(self.ahead).to_be_bytes();
        let sequence = sequence.to_be_bytes();
        let length = u16::try_from(self.explicit + data.len() + TAG).ok()?;
        let extra = additional_data(kind, sequence, data.len())?;
        let (header, fragment) = out.split_first_chunk_mut::<HEADER>()?;
        header[0] = kind;
        header[1..3].copy_from_slice(&VERSION);
        header[3..11].copy_from_slice(&sequence);
        header[11..].copy_from_slice(&length.to_be_bytes());
        let (explicit, sealed) = fragment.split_at_mut_checked(self.explicit)?;
        explicit.copy_from_slice(&number[..self.explicit]);
        let (content, place) = sealed.split_at_mut_checked(data.len())?;
        content.copy_from_slice(data);
        let tag = self.with_key(kind, |half, key| {
            key.seal_in_place_separate_tag(half.nonce(number), extra, content).ok()
        })?;
        place.copy_from_slice(tag.as_ref());
        Some(())
    }

    fn open(&mut self, kind: u8, sequence: u64, fragment: &[u8]) -> Option<Bytes> {
        let sequence = sequence.to_be_bytes();
        let (explicit, sealed) = fragment.split_at_checked(self.explicit)?;
        let number = explicit.try_into().unwrap_or(sequence);
        let len = sealed.len().checked_sub(TAG).filter(|len| *len <= MAX_CONTENT)?;
        let extra = additional_data(kind, sequence, len)?;
        pool::filled(sealed.len(), |content| {
            content.copy_from_slice(sealed);
            self.with_key(kind, |half, key| {
                key.open_in_place(half.nonce(number), extra, content).ok().map(|plain| plain.len())
            })
        })
    }
}

/// RFC 5246 §6.2.3.3, with epoch and sequence number as RFC 6347 §4.1.2.1 says.
fn additional_data(kind: u8, sequence: [u8; 8], len: usize) -> Option<aead::Aad<[u8; HEADER]>> {
    let mut data = [0; HEADER];
    data[..8].copy_from_slice(&sequence);
    data[8] = kind;
    data[9..11].copy_from_slice(&VERSION);
    data[11..].copy_from_slice(&u16::try_from(len).ok()?.to_be_bytes());
    Some(aead::Aad::from(data))
}

/// Whether a sequence number is one of epoch 1.
fn is_current(sequence: u64) -> bool {
    sequence >> 48 == EPOCH
}

/// Splits a record of our version off: header, epoch and sequence number, fragment.
fn next_record<'a>(datagram: &mut &'a [u8]) -> Option<(&'a [u8; HEADER], u64, &'a [u8])> {
    let (header, rest) = datagram.split_first_chunk::<HEADER>()?;
    let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
    let (fragment, rest) = rest.split_at_checked(len)?;
    *datagram = rest;
    let sequence = header[3..11].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    (header[1..3] == VERSION).then_some((header, sequence, fragment))
}

/// RFC 5246 §5, with SHA-256.
fn prf(secret: &[u8], label: &[u8], seed: &[u8], out: &mut [u8]) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let seed = [label, seed].concat();
    let mut a = hmac::sign(&key, &seed);
    for chunk in out.chunks_mut(32) {
        let block = hmac::sign(&key, &[a.as_ref(), &seed].concat());
        chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        a = hmac::sign(&key, a.as_ref());
    }
}
