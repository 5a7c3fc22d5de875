//! The two clocks of the core, both in microseconds.
#![forbid(unsafe_code)]

use crate::glib;
use std::cell::Cell;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One moment on two scales: Rust's and the system's.
static ANCHOR: LazyLock<(Instant, i64)> = LazyLock::new(|| (Instant::now(), glib::monotonic()));

/// An instant near the start of the process.
pub fn started() -> Instant {
    ANCHOR.0
}

/// The system's monotonic clock, as GLib tells it; never 0, because 0 means "never" to users.
///
/// Not counted from process start, as 1.2.4 and later do (HL-213): modules compiled before set the timers of their
/// own GLib loops with this time.
pub fn monotonic() -> i64 {
    glib::monotonic()
}

thread_local! {
    static NOW: Cell<Option<i64>> = const { Cell::new(None) };
}

/// Runs `act`, for which [`recent`] is `now` on this thread.
pub fn at_one_moment<R>(now: i64, act: impl FnOnce() -> R) -> R {
    /// Also when `act` panics.
    struct Before(Option<i64>);
    impl Drop for Before {
        fn drop(&mut self) {
            NOW.set(self.0);
        }
    }
    let _before = Before(NOW.replace(Some(now)));
    act()
}

/// [`monotonic`], or on a media worker the time at which it received the present packet: what a plugin does for each of
/// hundreds of receivers of one packet need not read the clock each time.
pub fn recent() -> i64 {
    NOW.get().unwrap_or_else(monotonic)
}

/// The moment `instant` on the scale of [`monotonic`].
pub fn at(instant: Instant) -> i64 {
    let (then, micros) = *ANCHOR;
    match instant.checked_duration_since(then) {
        Some(later) => micros + later.as_micros() as i64,
        None => micros - then.duration_since(instant).as_micros() as i64,
    }
}

/// Wall clock, µs since 1970.
pub fn real() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_moment_lasts_for_one_call() {
        assert_eq!(at_one_moment(7, || (recent(), at_one_moment(8, recent), recent())), (7, 8, 7));
        assert!(std::panic::catch_unwind(|| at_one_moment(9, || panic!("meant"))).is_err());
        assert!(recent() >= 10);
    }

    #[test]
    fn one_scale() {
        let now = Instant::now();
        let before = now.checked_sub(Duration::from_millis(7)).unwrap();
        // Each is rounded by itself.
        assert!((6998..=7002).contains(&(at(now) - at(before))));
        // The anchor's two readings are not quite simultaneous: another thread may run between them.
        let (earlier, raw, later) = (at(Instant::now()), monotonic(), at(Instant::now()));
        let slack = 50_000;
        assert!(earlier - slack <= raw && raw <= later + slack, "{earlier} {raw} {later}");
    }
}
