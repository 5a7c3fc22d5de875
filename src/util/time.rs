//! The two clocks of the core, both in microseconds.
#![forbid(unsafe_code)]

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The instant that [`monotonic`] counts from: the first use of this clock, at process start.
pub fn started() -> Instant {
    *STARTED
}

/// Monotonic µs since process start; never 0, because 0 means "never" to users (HL-213).
pub fn monotonic() -> i64 {
    STARTED.elapsed().as_micros() as i64 + 1
}

/// Wall clock, µs since 1970.
pub fn real() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
}
