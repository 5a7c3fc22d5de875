//! The core's mutex. In debug builds every thread counts the core locks it holds, and [`outside`] — the gate through
//! which every call into a module goes — asserts that there are none: a lock held across such a call is how a
//! server comes to be "alive but answers nothing".

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(debug_assertions)]
mod held {
    use std::cell::Cell;
    thread_local!(static COUNT: Cell<usize> = const { Cell::new(0) });

    pub fn add() {
        COUNT.with(|c| c.set(c.get() + 1));
    }
    pub fn remove() {
        COUNT.with(|c| c.set(c.get() - 1));
    }
    pub fn count() -> usize {
        COUNT.with(Cell::get)
    }
}

/// A mutex of the core. A panic while it is held does not poison it: the state behind every core lock is valid
/// between any two statements.
#[derive(Default)]
pub struct Lock<T>(Mutex<T>);

pub struct Guard<'a, T>(MutexGuard<'a, T>);

impl<T> Lock<T> {
    pub const fn new(value: T) -> Lock<T> {
        Lock(Mutex::new(value))
    }

    pub fn lock(&self) -> Guard<'_, T> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(debug_assertions)]
        held::add();
        Guard(guard)
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

#[cfg(debug_assertions)]
impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        held::remove();
    }
}

/// Calls into a module. Panics in debug builds when this thread holds a core lock.
#[inline]
pub fn outside<R>(call: impl FnOnce() -> R) -> R {
    #[cfg(debug_assertions)]
    assert_eq!(held::count(), 0, "a core lock is held across a call into a module");
    call()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_noticed() {
        let lock = Lock::new(1);
        assert_eq!(outside(|| 2), 2);
        let guard = lock.lock();
        let refused = std::panic::catch_unwind(|| outside(|| ()));
        assert_eq!(refused.is_err(), cfg!(debug_assertions));
        drop(guard);
        outside(|| ());
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
