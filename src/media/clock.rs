//! The time, read once per turn of a worker and handed to everything that is sans-IO.
#![forbid(unsafe_code)]

use crate::util::time;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub instant: Instant,
    /// The same moment as [`time::monotonic`] tells it: µs, never 0.
    pub mono: i64,
    /// Wall clock, µs since 1970.
    pub wall: i64,
}

impl Clock {
    pub fn read() -> Clock {
        let instant = Instant::now();
        Clock { instant, mono: time::at(instant), wall: time::real() }
    }

    /// The moment of the wall clock time `wall`, as the kernel tells when a datagram came. One that is not within the last
    /// second says more about the wall clock than about the datagram, and is now.
    pub fn when(self, wall: i64) -> Clock {
        let age = self.wall - wall;
        if !(0..1_000_000).contains(&age) {
            return self;
        }
        let instant = self.instant.checked_sub(Duration::from_micros(age as u64)).unwrap_or(self.instant);
        Clock { instant, mono: self.mono - age, wall }
    }

    /// The moment `later` from this one; for tests.
    pub fn after(self, later: Duration) -> Clock {
        let micros = later.as_micros() as i64;
        Clock { instant: self.instant + later, mono: self.mono + micros, wall: self.wall + micros }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_lies_on_all_scales_or_is_now() {
        let now = Clock::read();
        let then = now.when(now.wall - 5000);
        assert_eq!((then.mono, then.wall), (now.mono - 5000, now.wall - 5000));
        assert_eq!(then.instant + Duration::from_millis(5), now.instant);
        for wall in [now.wall + 1, now.wall - 1_000_000, 0] {
            assert_eq!(now.when(wall).mono, now.mono);
        }
    }
}
