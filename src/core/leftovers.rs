//! What setting up PeerConnections leaves behind: memory that is free, and still resident.
//!
//! A handshake takes sixty kilobytes for a moment, and each thread's heap keeps what was freed there for the next one. With ten
//! PeerConnections that is more than they hold themselves (docs/decisions/073-data-channels-and-set-up.md). So it goes back to
//! the system as soon as none has come up for a moment.
#![forbid(unsafe_code)]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// For so long none may come up. Whoever waits looks as often.
pub const MOMENT: Duration = Duration::from_millis(200);
/// From one time to the next: giving back takes the allocator's locks, and the next handshake takes fresh pages.
const PAUSE: Duration = Duration::from_secs(1);
/// Giving back takes no more than one part in so many of the time: a program that has us inside may have a heap where it is slow.
const SHARE: u32 = 1000;

/// How many PeerConnections have come up, for one thread that waits for more.
#[derive(Default)]
pub struct SetUps {
    count: AtomicU64,
    /// The keeper knows that there are more.
    told: AtomicBool,
    keeper: OnceLock<Thread>,
}

impl SetUps {
    /// A PeerConnection has come up; or the server itself, which has read every module's file.
    pub fn one_more(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
        if !self.told.swap(true, Ordering::AcqRel)
            && let Some(keeper) = self.keeper.get()
        {
            keeper.unpark();
        }
    }

    /// This thread is to be told.
    pub fn keep(&self) {
        let _ = self.keeper.set(std::thread::current());
    }

    /// From here on the keeper is woken by the next one.
    fn rest(&self) {
        self.told.store(false, Ordering::Release);
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }
}

/// The keeper's memory.
#[derive(Default)]
pub struct Leftovers {
    seen: u64,
    /// How many had come up when memory was given back last.
    cleared: u64,
    next: Option<Instant>,
}

impl Leftovers {
    /// Gives memory back if it is time. How long to wait before the next look; `None`: until somebody comes up.
    pub fn look(&mut self, set_ups: &SetUps, give_back: impl FnOnce()) -> Option<Duration> {
        if !self.waits() {
            set_ups.rest();
        }
        let now = Instant::now();
        if self.is_time(set_ups.count(), now) {
            give_back();
            let took = now.elapsed();
            tracing::debug!("Memory of handshakes was given back in {} µs", took.as_micros());
            self.given(now, took);
            // Who came up meanwhile has told nobody.
            set_ups.rest();
            self.seen = set_ups.count();
        }
        self.waits().then_some(MOMENT)
    }

    fn is_time(&mut self, count: u64, now: Instant) -> bool {
        let more = count != std::mem::replace(&mut self.seen, count);
        !more && self.waits() && self.next.is_none_or(|next| now >= next)
    }

    fn given(&mut self, now: Instant, took: Duration) {
        self.cleared = self.seen;
        self.next = Some(now + PAUSE.max(took * SHARE));
    }

    fn waits(&self) -> bool {
        self.seen != self.cleared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_goes_back_when_nobody_comes_up_any_more() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut leftovers = Leftovers::default();
        assert!(!leftovers.is_time(0, at(5000)) && !leftovers.waits());
        assert!(!leftovers.is_time(1, at(5200)) && leftovers.waits());
        assert!(!leftovers.is_time(3, at(5400)) && leftovers.is_time(3, at(5600)));
        leftovers.given(at(5600), Duration::from_micros(100));
        assert!(!leftovers.is_time(3, at(5800)) && !leftovers.waits());
        // Not at once again.
        assert!(!leftovers.is_time(4, at(6000)));
        assert!(!leftovers.is_time(4, at(6400)) && leftovers.is_time(4, at(6600)));
        // And seldom where it takes long.
        leftovers.given(at(6600), Duration::from_millis(20));
        assert!(!leftovers.is_time(5, at(6800)) && !leftovers.is_time(5, at(26_400)));
        assert!(leftovers.is_time(5, at(26_600)));
    }

    #[test]
    fn the_keeper_is_told_once() {
        let set_ups = SetUps::default();
        set_ups.keep();
        let mut leftovers = Leftovers::default();
        let mut given = 0;
        assert_eq!(leftovers.look(&set_ups, || given += 1), None);
        set_ups.one_more();
        // Returns, because somebody has come up.
        std::thread::park();
        assert_eq!(leftovers.look(&set_ups, || given += 1), Some(MOMENT));
        set_ups.one_more();
        assert_eq!(leftovers.look(&set_ups, || given += 1), Some(MOMENT));
        assert_eq!(given, 0);
        assert_eq!(leftovers.look(&set_ups, || given += 1), None);
        assert_eq!(given, 1);
        set_ups.one_more();
        std::thread::park();
        assert_eq!(leftovers.look(&set_ups, || given += 1), Some(MOMENT));
    }
}
