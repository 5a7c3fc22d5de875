//! What tells the packets of several PeerConnections apart that come from one address.

use super::{Clock, Connection, Stage};
use crate::media::batch::Batch;
use crate::media::dtls::{Connected, certificate, fingerprint_of};
use crate::media::ice::Origin;
use crate::media::types::DtlsRole;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// A handshake that stands still for so long does not keep others from theirs.
const STALLED: Duration = Duration::from_secs(2);

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// Where a record with a ClientHello has its type, the offset of the fragment, and the client's random value (RFC 6347
/// §4.1, §4.2.2); and where any record has its epoch and length.
const TYPE: usize = 13;
const OFFSET: std::ops::Range<usize> = 19..22;
const EPOCH: std::ops::Range<usize> = 3..5;
const LENGTH: std::ops::Range<usize> = 11..13;
/// Records of a handshake that are remembered.
const MAX_FLIGHTS: usize = 16;
/// Datagrams with certificates of others that a handshake goes on without, and for how long since the first of them.
const MOST_LEFT_OUT: u32 = 4;
const LEAVES_OUT: Duration = Duration::from_secs(2);
/// Addresses that one handshake comes from.
const MAX_PLACES: usize = 4;
const RANDOM: std::ops::Range<usize> = 27..59;

/// Datagrams that a handshake goes on without.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    pub count: u32,
    since: Option<Instant>,
}

impl LeftOut {
    fn goes_on(&self, now: Instant) -> bool {
        self.count < MOST_LEFT_OUT && self.since.is_none_or(|since| now < since + LEAVES_OUT)
    }
}

/// How well a handshake datagram fits a PeerConnection; the least fits best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It repeats the ClientHello, or goes on with the handshake that runs from there.
    Running,
    /// The path leads there, and the handshake that runs may have moved.
    Moved,
    /// The path leads there, and no handshake has begun.
    Next,
    /// No path leads there.
    Perhaps,
    /// Another handshake of its own has begun.
    Again,
}

/// A handshake that has begun.
pub(super) struct Hello {
    /// Of its ClientHello.
    random: [u8; 32],
    /// When something of it came last.
    heard: Instant,
    /// Where it came from.
    places: Vec<Origin>,
}

/// Of the first datagram of a handshake.
fn client_random(datagram: &[u8]) -> Option<[u8; 32]> {
    let is_hello = datagram.first() == Some(&HANDSHAKE)
        && datagram.get(TYPE) == Some(&CLIENT_HELLO)
        && datagram.get(OFFSET) == Some(&[0; 3]);
    if is_hello { datagram.get(RANDOM)?.try_into().ok() } else { None }
}

/// What stays the same of a handshake datagram that is sent again, be it in other pieces: hashes of its records in the
/// clear, without their numbers.
pub(super) fn fragments(mut datagram: &[u8]) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let length = u16::from_be_bytes(datagram.get(LENGTH)?.try_into().ok()?);
        let (record, rest) = datagram.split_at_checked(TYPE + usize::from(length))?;
        datagram = rest;
        Some(record)
    })
    .filter(|record| record[0] == HANDSHAKE && record[EPOCH] == [0, 0])
    .map(|record| {
        let mut hasher = DefaultHasher::new();
        record[TYPE..].hash(&mut hasher);
        hasher.finish()
    })
}

impl Hello {
    fn is_running(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) < STALLED
    }
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
    pub fn fits(&self, now: Instant, from: Origin, datagram: &[u8]) -> Option<Fit> {
        if !matches!(self.stage, Stage::New | Stage::Handshake(_)) {
            return None;
        }
        let hello = client_random(datagram);
        let begins = datagram.first() == Some(&HANDSHAKE) && datagram.get(TYPE) == Some(&CLIENT_HELLO);
        if self.hello.is_none() && !begins && self.dtls_role != DtlsRole::Active {
            return None;
        }
        let leads_there = self.path.is_some_and(|path| path.origin() == from);
        Some(match (&self.hello, hello) {
            (Some(known), Some(hello)) if known.random == hello => Fit::Running,
            (Some(known), None) if known.is_running(now) && known.places.contains(&from) => Fit::Running,
            (Some(_), None) if leads_there => Fit::Moved,
            (Some(_), _) => Fit::Again,
            (None, _) if leads_there => Fit::Next,
            (None, _) => Fit::Perhaps,
        })
    }

    /// A handshake was heard of from there not long ago, and goes on.
    pub fn shakes_hands(&self, now: Instant, from: Origin) -> bool {
        matches!(self.stage, Stage::New | Stage::Handshake(_))
            && self.hello.as_ref().is_some_and(|hello| hello.is_running(now) && hello.places.contains(&from))
    }

    /// Whether this is part of our handshake, which is through: the peer has missed our last flight.
    pub fn heard_before(&self, datagram: &[u8]) -> bool {
        let mut hashes = fragments(datagram).peekable();
        self.is_ready() && hashes.peek().is_some() && hashes.all(|hash| self.flights.contains(&hash))
    }

    pub(super) fn note_hello(&mut self, clock: Clock, from: Origin, datagram: &[u8]) {
        if !matches!(self.stage, Stage::New | Stage::Handshake(_)) {
            return;
        }
        if let Some(random) = client_random(datagram)
            && self.hello.as_ref().is_none_or(|known| known.random != random)
        {
            self.hello = Some(Hello { random, heard: clock.instant, places: Vec::new() });
            // What came before belongs to another one.
            self.flights.clear();
        }
        let mut hashes = fragments(datagram).peekable();
        if hashes.peek().is_none() {
            return;
        }
        if let Some(hello) = &mut self.hello {
            hello.heard = clock.instant;
            if hello.places.len() < MAX_PLACES && !hello.places.contains(&from) {
                hello.places.push(from);
            }
        }
        for hash in hashes {
            if self.flights.len() < MAX_FLIGHTS && !self.flights.contains(&hash) {
                self.flights.push(hash);
            }
        }
    }

    /// Whether a datagram shows the certificate that our peer's description announced; `None`: it shows none.
    pub fn is_announced_in(&self, datagram: &[u8]) -> Option<bool> {
        let announced = self.remote.as_ref()?.fingerprint.as_ref()?;
        let shown = fingerprint_of(certificate(datagram)?, announced.hash).ok()?;
        Some(shown.value.eq_ignore_ascii_case(&announced.value))
    }

    /// Whether a datagram is left out of the handshake because it shows another certificate: it would break it. That may
    /// also be a peer whose description is wrong, which has to be told; so only the first few are, and not for long: a peer
    /// waits longer each time before it shows its certificate again.
    pub(super) fn leaves_out(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let is_foreign = matches!(self.stage, Stage::New | Stage::Handshake(_))
            && self.left_out.goes_on(now)
            && self.is_announced_in(datagram) == Some(false);
        if is_foreign {
            self.left_out.count += 1;
            self.left_out.since.get_or_insert(now);
        }
        is_foreign
    }

    /// As [`Connection::dtls`], for a datagram from an address that is not ours alone. True: the handshake is through, and
    /// it was somebody else's; [`Connection::exchange`] or [`Connection::keep_stray`] has to follow. `of_owner`: it shows the
    /// certificate of one of those who share the address.
    pub fn dtls_from_shared(
        &mut self,
        clock: Clock,
        from: Origin,
        datagram: &[u8],
        of_owner: bool,
        out: &mut Batch,
    ) -> bool {
        if !of_owner && self.leaves_out(clock.instant, datagram) {
            return false;
        }
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

    /// Gives our association to whom it was meant for, and takes the one that it had. [`Connection::take_up`] has to follow
    /// there, with what is returned, and [`Connection::go_on`] here.
    pub fn exchange(&mut self, other: &mut Connection) -> Option<Box<Connected>> {
        let connected = self.stray.take()?;
        std::mem::swap(&mut self.dtls, &mut other.dtls);
        std::mem::swap(&mut self.hello, &mut other.hello);
        std::mem::swap(&mut self.flights, &mut other.flights);
        if self.dtls.is_none() {
            self.stage = Stage::New;
        }
        Some(connected)
    }

    /// The handshake that was given to us is through; its last datagram came from there.
    pub fn take_up(&mut self, clock: Clock, from: Origin, connected: &Connected, out: &mut Batch) {
        self.from = Some(from);
        self.take_keys(clock, connected, out);
        self.heard_dtls(clock);
        self.from = None;
        self.progress(clock, out);
    }

    /// Goes on with the association that was got in exchange.
    pub fn go_on(&mut self, clock: Clock, out: &mut Batch) {
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
