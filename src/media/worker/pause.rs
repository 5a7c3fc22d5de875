//! When a worker reads RTCP (docs/decisions/008-rtcp-apart.md).
//!
//! After it was looked at, more of it waits for a while: of what hundreds of viewers say, each word would otherwise
//! cost a turn. When the worker is awake for packets, it takes what has come by then along; so where media flows, it
//! sleeps once per frame. Times of arrival are the kernel's, so round-trip times do not seem longer.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

/// RTCP alone wakes the worker only so often: a frame's time, at 25 per second.
const PAUSE: Duration = Duration::from_millis(40);
/// The same while peers ask for lost packets or key frames, and for [`HASTE`] after that.
const SHORT_PAUSE: Duration = Duration::from_millis(5);
const HASTE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Pause {
    read_at: Option<Instant>,
    hasty_until: Option<Instant>,
}

impl Pause {
    /// RTCP was read at `now`. If there is more of it, that does not wait.
    pub fn looked(&mut self, now: Instant, more: bool) {
        self.read_at = (!more).then_some(now);
    }

    /// A peer has asked for lost packets or a key frame.
    pub fn hurry(&mut self, now: Instant) {
        self.hasty_until = Some(now + HASTE);
    }

    /// Until when RTCP shall not wake the worker.
    pub fn until(&self, now: Instant) -> Option<Instant> {
        let hasty = self.hasty_until.is_some_and(|until| now < until);
        let until = self.read_at? + if hasty { SHORT_PAUSE } else { PAUSE };
        (now < until).then_some(until)
    }

    /// Whether to look, now that the worker is awake for something else.
    pub fn rides_along(&self, now: Instant) -> bool {
        self.read_at.is_some_and(|read_at| now >= read_at + SHORT_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtcp_waits_unless_the_worker_is_awake_or_somebody_asks() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pause = Pause::default();
        assert_eq!((pause.until(start), pause.rides_along(start)), (None, false));
        pause.looked(start, false);
        assert_eq!(pause.until(at(1)), Some(start + PAUSE));
        assert!(!pause.rides_along(at(4)) && pause.rides_along(at(5)));
        assert_eq!(pause.until(start + PAUSE), None);
        pause.hurry(at(2));
        assert_eq!(pause.until(at(2)), Some(at(5)));
        assert_eq!(pause.until(at(5)), None);
        // Nobody has asked for a second.
        pause.looked(at(1002), false);
        assert_eq!(pause.until(at(1002)), Some(at(1002) + PAUSE));
        pause.looked(at(1003), true);
        assert_eq!((pause.until(at(1003)), pause.rides_along(at(1030))), (None, false));
    }
}
