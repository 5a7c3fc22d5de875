//! The longest that the stack waits before it sends something again.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

/// The stack doubles its timeout with each loss, up to a minute, and takes it back only with a chunk that was never sent twice
/// (RFC 9260 §6.3.1 C5): of a few messages over a bad network there may be none, and then all wait. Chromium waits no longer than this,
/// either; a packet in three seconds crowds nobody out. docs/decisions/063-sctp-impatience.md
const LONGEST: Duration = Duration::from_secs(3);

/// Which timer of the stack is to run out before its time.
#[derive(Default)]
pub(super) struct Impatience {
    /// The stack's own time, and ours.
    long: Option<(Instant, Instant)>,
}

impl Impatience {
    /// After whatever the stack did; `next`: its next timer. One that is near may hide a later one, which stays known.
    pub fn note(&mut self, next: Option<Instant>, now: Instant) {
        let known = self.long.map(|(at, _)| at);
        match next {
            Some(at) if at > now + LONGEST && Some(at) != known => self.long = Some((at, now + LONGEST)),
            None => self.long = None,
            _ => {}
        }
    }

    /// When the next timer is to run out.
    pub fn due(&self, next: Option<Instant>) -> Option<Instant> {
        match self.long {
            Some((at, due)) if next == Some(at) => Some(due),
            _ => next,
        }
    }

    /// What the stack is told to be the time.
    pub fn time(&self, next: Option<Instant>, now: Instant) -> Instant {
        match self.long {
            Some((at, due)) if next == Some(at) && due <= now => at.max(now),
            _ => now,
        }
    }
}
