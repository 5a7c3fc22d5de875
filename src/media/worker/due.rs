//! When a PeerConnection wants to be woken, and how late that may be.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

/// How late the timers of a connection that is up may be, when nothing else wakes the worker in between: each time it
/// wakes costs as much as ten packets, and where media flows it wakes for every frame anyway (reports: 1 s; feedback:
/// 200 ms, and only about packets, which wake it; data channels: 200 ms and more; consent: seconds).
const SLACK: Duration = Duration::from_millis(40);
/// The same while it is being set up (ICE checks: 50 ms; DTLS: 100 ms).
const SETUP_SLACK: Duration = Duration::from_millis(5);

/// In the order of what has to be done first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The worker may sleep until then.
    pub latest: Instant,
    /// If it is awake, this is early enough.
    pub at: Instant,
}

impl Due {
    /// The connection `is_up`, or is being set up.
    pub fn new(at: Instant, is_up: bool) -> Due {
        Due { latest: at + if is_up { SLACK } else { SETUP_SLACK }, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The worker sleeps until the first that has to be, whatever is due before it.
    #[test]
    fn what_may_not_be_late_comes_first() {
        let now = Instant::now();
        let after = |ms| now + Duration::from_millis(ms);
        let (up, set_up) = (Due::new(after(10), true), Due::new(after(30), false));
        assert!(set_up < up && (set_up.latest, up.latest) == (after(35), after(50)));
        assert!(Due::new(after(11), true) > up);
    }
}
