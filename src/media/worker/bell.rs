//! How other threads wake a worker, without losing one call and without system calls that nobody needs.
#![forbid(unsafe_code)]

use crate::util::atomic::{AtomicU8, Ordering, fence};
use crate::util::event::Event;
use std::io;

/// What a worker is doing, as far as others have to know.
const AWAKE: u8 = 0;
/// Sleeps until anything comes.
const ASLEEP: u8 = 1;
/// Sleeps for less than a millisecond, to let packets gather; only something urgent wakes it.
const GATHERING: u8 = 2;

/// What a sleep lasts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Anything,
    Urgent,
}

/// Wakes a worker. Free while it is awake; one system call when it sleeps.
pub struct Bell {
    event: Event,
    state: AtomicU8,
}

impl Bell {
    pub fn new() -> io::Result<Bell> {
        Ok(Bell { event: Event::new()?, state: AtomicU8::new(AWAKE) })
    }

    /// After something was put where the worker will look for it.
    pub fn ring(&self, urgent: bool) {
        fence(Ordering::SeqCst);
        let state = self.state.load(Ordering::Relaxed);
        let wakes = state == ASLEEP || (state == GATHERING && urgent);
        if wakes && self.state.swap(AWAKE, Ordering::Relaxed) != AWAKE {
            self.event.ring();
        }
    }

    /// For the worker itself: `wait` sleeps, unless it is told that it must not, and says whether the bell was rung.
    /// `idle` is asked once more after the bell was armed, so that nothing put down before can be missed.
    pub fn sleep<R>(
        &self,
        until: Until,
        idle: impl FnOnce() -> bool,
        wait: impl FnOnce(bool) -> (R, bool),
    ) -> R {
        let state = if until == Until::Urgent { GATHERING } else { ASLEEP };
        self.state.store(state, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let (result, rung) = wait(idle());
        self.state.store(AWAKE, Ordering::Relaxed);
        if rung {
            self.event.silence();
        }
        result
    }

    pub fn event(&self) -> &Event {
        &self.event
    }

    #[cfg(test)]
    pub fn is_awake(&self) -> bool {
        self.state.load(Ordering::SeqCst) == AWAKE
    }
}
