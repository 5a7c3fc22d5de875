//! The one lock of this library, and two rules that debug builds check wherever it is used:
//!
//! * No lock is held across a call into a module ([`outside`]): that is how a server comes to be "alive but answers
//!   nothing".
//! * No lock is taken on the way of a packet ([`packet_path`]).
#![allow(clippy::disallowed_types)]

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// A mutex. A panic while it is held does not poison it: the state behind every lock here is valid between any two
/// statements.
#[derive(Default)]
pub struct Lock<T>(Mutex<T>);

pub struct Guard<'a, T> {
    guard: MutexGuard<'a, T>,
    held: watch::Held,
}

impl<T> Lock<T> {
    pub const fn new(value: T) -> Lock<T> {
        Lock(Mutex::new(value))
    }

    pub fn lock(&self) -> Guard<'_, T> {
        watch::assert_may_lock();
        Guard { guard: self.0.lock().unwrap_or_else(PoisonError::into_inner), held: watch::Held::new() }
    }
}

impl<T> Lock<T> {
    /// Takes it unless somebody has it: never waits, and may be used on the way of a packet.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        let guard = match self.0.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Guard { guard, held: watch::Held::new() })
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lock")
    }
}

impl<T> Guard<'_, T> {
    /// Lets go until `condvar` is notified.
    pub fn wait(self, condvar: &Condvar) -> Self {
        let guard = condvar.wait(self.guard).unwrap_or_else(PoisonError::into_inner);
        Guard { guard, held: self.held }
    }

    /// The same, for so long at most.
    pub fn wait_timeout(self, condvar: &Condvar, limit: Duration) -> Self {
        let (guard, _) = condvar.wait_timeout(self.guard, limit).unwrap_or_else(PoisonError::into_inner);
        Guard { guard, held: self.held }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// Calls into a module. Panics in debug builds when this thread holds a lock.
#[inline]
pub fn outside<R>(call: impl FnOnce() -> R) -> R {
    watch::assert_none_held();
    call()
}

/// A step that is done for each packet. In debug builds [`Lock::lock`] panics in it.
#[inline]
pub fn packet_path<R>(step: impl FnOnce() -> R) -> R {
    let _marked = watch::Marked::new(true);
    step()
}

/// Inside such a step: what is done because of something else than the packet, and may lock.
#[inline]
pub fn not_for_each_packet<R>(act: impl FnOnce() -> R) -> R {
    let _marked = watch::Marked::new(false);
    act()
}

#[cfg(debug_assertions)]
mod watch {
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<usize> = const { Cell::new(0) };
        static ON_PACKET_PATH: Cell<bool> = const { Cell::new(false) };
    }

    pub fn assert_none_held() {
        assert_eq!(COUNT.get(), 0, "a lock is held across a call into a module");
    }

    pub fn assert_may_lock() {
        assert!(!ON_PACKET_PATH.get(), "a lock is taken on the way of a packet");
    }

    pub struct Held(());

    impl Held {
        pub fn new() -> Held {
            COUNT.set(COUNT.get() + 1);
            Held(())
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            COUNT.set(COUNT.get() - 1);
        }
    }

    pub struct Marked {
        before: bool,
    }

    impl Marked {
        pub fn new(on_packet_path: bool) -> Marked {
            Marked { before: ON_PACKET_PATH.replace(on_packet_path) }
        }
    }

    impl Drop for Marked {
        fn drop(&mut self) {
            ON_PACKET_PATH.set(self.before);
        }
    }
}

/// Nothing is left of it in release builds.
#[cfg(not(debug_assertions))]
mod watch {
    #[inline]
    pub fn assert_none_held() {}
    #[inline]
    pub fn assert_may_lock() {}

    pub struct Held;
    impl Held {
        #[inline]
        pub fn new() -> Held {
            Held
        }
    }

    pub struct Marked;
    impl Marked {
        #[inline]
        pub fn new(_: bool) -> Marked {
            Marked
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    #[test]
    fn a_held_lock_is_noticed() {
        let lock = Lock::new(1);
        assert_eq!(outside(|| 2), 2);
        let guard = lock.lock();
        assert_eq!(catch_unwind(|| outside(|| ())).is_err(), cfg!(debug_assertions));
        drop(guard);
        outside(|| ());
    }

    #[test]
    fn a_lock_on_the_packet_path_is_noticed() {
        let lock = Lock::new(1);
        let take = || *lock.lock();
        let caught = catch_unwind(|| packet_path(take));
        assert_eq!(caught.is_err(), cfg!(debug_assertions));
        assert_eq!(packet_path(|| not_for_each_packet(take)), 1);
        assert_eq!(take(), 1);
    }

    #[test]
    fn what_somebody_has_is_not_waited_for() {
        let lock = Lock::new(1);
        let guard = packet_path(|| lock.try_lock()).unwrap();
        assert!(lock.try_lock().is_none());
        drop(guard);
        assert_eq!(lock.try_lock().map(|guard| *guard), Some(1));
    }

    #[test]
    fn a_panic_does_not_poison() {
        let lock = std::sync::Arc::new(Lock::new(1));
        let other = lock.clone();
        let _ = std::thread::spawn(move || {
            let _guard = other.lock();
            panic!("on purpose");
        })
        .join();
        assert_eq!(*lock.lock(), 1);
    }
}
