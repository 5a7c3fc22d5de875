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

    /// The moment `later` from this one; for tests.
    pub fn after(self, later: Duration) -> Clock {
        let micros = later.as_micros() as i64;
        Clock { instant: self.instant + later, mono: self.mono + micros, wall: self.wall + micros }
    }
}
