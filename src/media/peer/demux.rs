//! What tells the packets of several PeerConnections apart that come from one address.

use super::{Clock, Connection, Stage};
use crate::media::batch::Batch;
use crate::media::types::DtlsRole;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A handshake that stands still for so long does not keep others from theirs.
const STALLED: Duration = Duration::from_secs(2);

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// Where a record with a ClientHello has its type, the offset of the fragment, and the client's random value (RFC 6347
/// §4.1, §4.2.2).
const TYPE: usize = 13;
const OFFSET: std::ops::Range<usize> = 19..22;
const LENGTH: std::ops::Range<usize> = 11..13;
/// Datagrams of a handshake that are remembered.
const MAX_FLIGHTS: usize = 16;
const RANDOM: std::ops::Range<usize> = 27..59;

/// How well a handshake datagram fits a PeerConnection; the least fits best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It repeats the ClientHello, or goes on with the handshake that runs.
    Running,
    /// The path leads there, and no handshake has begun.
    Next,
    /// No path leads there.
    Perhaps,
    /// Another handshake of its own has begun.
    Again,
}

/// Of the first datagram of a handshake.
fn client_random(datagram: &[u8]) -> Option<[u8; 32]> {
    let is_hello = datagram.first() == Some(&HANDSHAKE)
        && datagram.get(TYPE) == Some(&CLIENT_HELLO)
        && datagram.get(OFFSET) == Some(&[0; 3]);
    if is_hello { datagram.get(RANDOM)?.try_into().ok() } else { None }
}

/// What stays the same of a handshake datagram that is sent again: the first record without its number.
fn fragment(datagram: &[u8]) -> Option<u64> {
    let length = u16::from_be_bytes(datagram.get(LENGTH)?.try_into().ok()?);
    let fragment = datagram.get(TYPE..TYPE + usize::from(length))?;
    (datagram[0] == HANDSHAKE).then(|| {
        let mut hasher = DefaultHasher::new();
        fragment.hash(&mut hasher);
        hasher.finish()
    })
}

impl Connection {
    /// Media of the peer's with this SSRC has come, or was announced.
    pub fn knows(&self, ssrc: u32) -> bool {
        self.streams.media.by_ssrc(ssrc).is_some_and(|binding| !binding.local)
    }

    pub fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Whether the last datagram of media or DTLS was the peer's own.
    pub fn was_authentic(&self) -> bool {
        self.authentic
    }

    /// Whether a datagram of a handshake that came from there may be for us. A ClientHello begins it; everything else
    /// belongs to the one that runs. `None`: there is nothing to shake hands about.
    pub fn fits(&self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Option<Fit> {
        if !matches!(self.stage, Stage::New | Stage::Handshake(_)) {
            return None;
        }
        let hello = client_random(datagram);
        let begins = datagram.first() == Some(&HANDSHAKE) && datagram.get(TYPE) == Some(&CLIENT_HELLO);
        if self.hello.is_none() && !begins && self.dtls_role != DtlsRole::Active {
            return None;
        }
        let is_running = |began: Instant| now.saturating_duration_since(began) < STALLED;
        Some(match (self.hello, hello) {
            (Some((_, known)), Some(hello)) if known == hello => Fit::Running,
            (Some((began, _)), None) if is_running(began) => Fit::Running,
            (Some(_), _) => Fit::Again,
            (None, _) if self.path.is_some_and(|path| path.remote == from) => Fit::Next,
            (None, _) => Fit::Perhaps,
        })
    }

    /// A ClientHello was given to us not long ago, and the handshake goes on.
    pub fn shakes_hands(&self, now: Instant) -> bool {
        matches!(self.stage, Stage::New | Stage::Handshake(_))
            && self.hello.is_some_and(|(began, _)| now.saturating_duration_since(began) < STALLED)
    }

    /// Whether this is part of our handshake, which is through: the peer has missed our last flight.
    pub fn heard_before(&self, datagram: &[u8]) -> bool {
        self.is_ready() && fragment(datagram).is_some_and(|hash| self.flights.contains(&hash))
    }

    pub(super) fn note_hello(&mut self, clock: Clock, datagram: &[u8]) {
        if matches!(self.stage, Stage::New | Stage::Handshake(_))
            && self.flights.len() < MAX_FLIGHTS
            && let Some(hash) = fragment(datagram).filter(|hash| !self.flights.contains(hash))
        {
            self.flights.push(hash);
        }
        if let (Stage::New | Stage::Handshake(_), Some(hello)) = (self.stage, client_random(datagram))
            && self.hello.is_none_or(|(_, known)| known != hello)
        {
            self.hello = Some((clock.instant, hello));
        }
    }

    /// As [`Connection::dtls`], for a datagram from an address that is not ours alone. True: the handshake is through, and
    /// it was somebody else's; [`Connection::exchange`] or [`Connection::keep_stray`] has to follow.
    pub fn dtls_from_shared(
        &mut self,
        clock: Clock,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut Batch,
    ) -> bool {
        self.shares_address = true;
        self.dtls(clock, from, datagram, out);
        self.shares_address = false;
        self.stray.is_some()
    }

    /// Whether the handshake that went astray was meant for `other`.
    pub fn has_stray_of(&self, other: &Connection) -> bool {
        let waits = matches!(other.stage, Stage::New | Stage::Handshake(_));
        waits
            && self.dtls_role == other.dtls_role
            && self.stray.as_ref().is_some_and(|connected| other.is_announced(connected))
    }

    /// Gives our association to whom it was meant for, and goes on with the one that it had.
    pub fn exchange(&mut self, other: &mut Connection, clock: Clock, from: SocketAddr, out: &mut Batch) {
        let Some(connected) = self.stray.take() else { return };
        std::mem::swap(&mut self.dtls, &mut other.dtls);
        std::mem::swap(&mut self.hello, &mut other.hello);
        std::mem::swap(&mut self.flights, &mut other.flights);
        if self.dtls.is_none() {
            self.stage = Stage::New;
        }
        other.from = Some(from);
        other.take_keys(clock, &connected, out);
        other.heard_dtls(clock);
        other.from = None;
        other.progress(clock, out);
        self.progress(clock, out);
    }

    /// Nobody misses the association: ours fails.
    pub fn keep_stray(&mut self, clock: Clock, out: &mut Batch) {
        if let Some(connected) = self.stray.take() {
            self.take_keys(clock, &connected, out);
            self.progress(clock, out);
        }
    }
}
