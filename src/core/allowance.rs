//! How much a plugin may send to the client of one handle.
//!
//! The queue is the transport's, which does not tell what waits in it, and a plugin's thread must not wait for it either:
//! so the bound is a rate, with room for bursts.
#![forbid(unsafe_code)]

use super::bounds::Bound;
use crate::util::lock::Lock;
use crate::util::time;

/// Seconds after which an allowance that was used up is whole again.
const REFILL: i64 = 16;
/// Used times this, so that nothing is rounded: µs of [`REFILL`].
const WHOLE: i128 = REFILL as i128 * 1_000_000;
/// What a client waits for may use this share of the allowance alone.
const RESERVE: i128 = 4;

/// What an event is to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// It answers a request, or carries a description: without it the client is stuck.
    Awaited,
    News,
}

#[derive(Default)]
pub struct Allowance(Lock<Used>);

/// In units of 1 / [`WHOLE`].
#[derive(Default)]
struct Used {
    number: i128,
    bytes: i128,
    /// Monotonic µs.
    at: i64,
}

impl Allowance {
    /// False when it is used up.
    pub fn take(&self, bytes: usize, importance: Importance, bound: Bound) -> bool {
        self.take_at(time::monotonic(), bytes, importance, bound)
    }

    fn take_at(&self, now: i64, bytes: usize, importance: Importance, bound: Bound) -> bool {
        let (number, size) = (bound.number as i128, bound.bytes as i128);
        let mut used = self.0.lock();
        let passed = i128::from((now - used.at).max(0));
        used.at = now;
        used.number = (used.number - passed * number).max(0);
        used.bytes = (used.bytes - passed * size).max(0);
        let (next, more) = (used.number + WHOLE, used.bytes + bytes as i128 * WHOLE);
        let most = |bound: i128| match importance {
            Importance::Awaited => bound * WHOLE,
            Importance::News => (bound - bound / RESERVE) * WHOLE,
        };
        // One that is larger than everything may go when nothing else did.
        let fits = next <= most(number) && (more <= most(size) || used.bytes == 0);
        if fits {
            (used.number, used.bytes) = (next, more);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Bound = Bound { number: 16, bytes: 1600 };

    fn count(allowance: &Allowance, now: i64, bytes: usize, importance: Importance) -> usize {
        (0..100).filter(|_| allowance.take_at(now, bytes, importance, BOUND)).count()
    }

    #[test]
    fn an_allowance_is_a_burst_and_a_rate() {
        let allowance = Allowance::default();
        let count = |now, bytes| count(&allowance, now, bytes, Importance::Awaited);
        assert_eq!(count(1, 1), 16);
        // A sixteenth per second.
        assert_eq!(count(1_000_001, 1), 1);
        assert_eq!(count(4_000_001, 1), 3);
        assert_eq!(count(1_000_000_000, 400), 4);
        // Larger than everything: once, and then nothing until it is paid for.
        assert_eq!(count(2_000_000_000, 3200), 1);
        assert_eq!(count(2_001_000_000, 1), 0);
        assert!(count(2_040_000_000, 1) > 0);
    }

    #[test]
    fn a_flood_of_news_leaves_room_for_answers() {
        let allowance = Allowance::default();
        let seconds = |n: i64| n * 1_000_000;
        assert_eq!(count(&allowance, 1, 1, Importance::News), 12);
        assert!((0..100).all(|n| {
            count(&allowance, seconds(n) + 2, 1, Importance::News);
            allowance.take_at(seconds(n) + 2, 1, Importance::Awaited, BOUND)
        }));
    }
}
