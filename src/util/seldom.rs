//! A line in the log for something that may happen a million times a second.
#![forbid(unsafe_code)]

use super::time;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Unless something else is said.
const PAUSE: i64 = 10_000_000;

/// Counts what happens between two lines. Any thread, no locks.
#[derive(Debug)]
pub struct Seldom {
    count: AtomicU64,
    /// Monotonic µs; 0 at first.
    next: AtomicI64,
    /// Least µs between two lines.
    pause: i64,
}

impl Default for Seldom {
    fn default() -> Seldom {
        Seldom::every(PAUSE)
    }
}

impl Seldom {
    /// One line in `pause` µs at most.
    pub const fn every(pause: i64) -> Seldom {
        Seldom { count: AtomicU64::new(0), next: AtomicI64::new(0), pause }
    }

    /// It has happened once more. `Some` when there may be a line: how often since the last one.
    pub fn one_more(&self) -> Option<u64> {
        self.one_more_at(time::monotonic())
    }

    fn one_more_at(&self, now: i64) -> Option<u64> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let next = self.next.load(Ordering::Relaxed);
        let free = now >= next
            && self
                .next
                .compare_exchange(next, now + self.pause, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        free.then(|| self.count.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_are_two_lines() {
        let seldom = Seldom::default();
        assert_eq!(seldom.one_more_at(1), Some(1));
        assert!((0..1_000_000).all(|_| seldom.one_more_at(PAUSE).is_none()));
        assert_eq!(seldom.one_more_at(PAUSE + 1), Some(1_000_001));
    }
}
