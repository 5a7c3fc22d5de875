//! Signs of life of the peer: when something authentic of it came last, and how long a check took.
#![forbid(unsafe_code)]

use super::{Clock, Connection};
use crate::media::ice::{Path, stun};
use crate::media::types::PeerEvent;
use std::time::{Duration, Instant};

/// Silence after which a peer counts as away. A path that works has a check every 3 s, which is sent again after 250 ms, 500 ms
/// and 1 s; browsers say "disconnected" after about the same time.
const AWAY: Duration = Duration::from_secs(5);
/// Checks of ours whose answers may still come.
const CHECKS: usize = 4;

/// What is known of one peer.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Monotonic µs; 0: nothing yet.
    heard: i64,
    /// [`AWAY`] has passed, and was told.
    pub is_away: bool,
    /// On the path that is used, the oldest first.
    checks: [Option<(stun::TransactionId, Instant)>; CHECKS],
    round_trip: Option<Duration>,
}

impl Pulse {
    /// Something that nobody but the peer can have sent. On the packet path.
    #[inline]
    pub fn hear(&mut self, clock: Clock) {
        self.heard = clock.mono;
    }

    pub fn heard_at(&self) -> Option<i64> {
        (self.heard > 0).then_some(self.heard)
    }

    /// µs.
    pub fn round_trip(&self) -> Option<i64> {
        self.round_trip.map(|time| time.as_micros() as i64)
    }

    fn check(&mut self, id: stun::TransactionId, now: Instant) {
        self.checks.rotate_left(1);
        self.checks[CHECKS - 1] = Some((id, now));
    }

    fn answer(&mut self, id: stun::TransactionId, now: Instant) {
        let of_this =
            |check: &Option<(stun::TransactionId, Instant)>| check.is_some_and(|check| check.0 == id);
        // Of a check that was sent twice nobody knows which one was answered (RFC 6298 §3).
        let mut sent = self.checks.iter_mut().filter(|check| of_this(check));
        if let (Some(once), None) = (sent.next(), sent.next())
            && let Some((_, at)) = once.take()
        {
            self.round_trip = Some(now.saturating_duration_since(at));
        }
    }
}

impl Connection {
    /// A check of ours leaves.
    pub(super) fn note_check(&mut self, clock: Clock, path: Path, id: stun::TransactionId) {
        if self.path == Some(path) {
            self.pulse.check(id, clock.instant);
        }
    }

    /// An authentic STUN message has come.
    pub(super) fn note_stun(&mut self, clock: Clock, path: Path, message: &[u8]) {
        if let Some(stun::Owner::Transaction(id)) = stun::owner(message).filter(|_| self.path == Some(path)) {
            self.pulse.answer(id, clock.instant);
        }
        self.note_sign(clock);
    }

    /// Something authentic of any kind has come.
    pub(super) fn note_sign(&mut self, clock: Clock) {
        self.pulse.hear(clock);
        if self.pulse.is_away {
            self.note_return();
        }
    }

    #[cold]
    pub(super) fn note_return(&mut self) {
        self.pulse.is_away = false;
        self.event(PeerEvent::Away(false));
    }

    /// Once a second, of a PeerConnection that is up.
    pub(super) fn watch_pulse(&mut self, clock: Clock) {
        let silent = clock.mono - self.pulse.heard;
        if !self.pulse.is_away && silent >= AWAY.as_micros() as i64 {
            self.pulse.is_away = true;
            self.event(PeerEvent::Away(true));
        }
    }
}
