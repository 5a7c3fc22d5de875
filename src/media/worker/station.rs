//! Where a worker's core is, and how another thread takes it over (docs/decisions/015-stalled-callbacks.md).
//!
//! A thread that works as a worker has a [`Station`] with the [`Core`] in it. While it is inside a callback of a plugin
//! the core is *lent*: the thread takes it for single steps (what the plugin relays), and between them another one may
//! take it away for good, with the station's [`Exit`]. The thread notices at its next step or when the callback returns.
//!
//! Both sides say first what they want and look then at what the other one said; one of the two sees the other. The
//! thread does so for each packet, so that its half has to be cheap: plain stores. The taker, who comes once in a blue
//! moon, pays for both with `membarrier(2)`, which is a full barrier on every thread of the process.

use super::core::Core;
use super::deferral::Left;
use crate::util::lock::{Lock, not_for_each_packet};
use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering, compiler_fence, fence};
use std::sync::{Arc, OnceLock};

/// Nobody wants the core.
const KEPT: u8 = 0;
/// Somebody is looking whether it can be taken, and holds `deciding`.
const ASKED_FOR: u8 = 1;
/// It is somebody else's, for ever.
const TAKEN: u8 = 2;

struct Post {
    /// The thread of the station is working with the core. Written by it only.
    in_use: AtomicBool,
    /// Written while `deciding` is held.
    claim: AtomicU8,
    deciding: Lock<()>,
    core: UnsafeCell<Option<Box<Core>>>,
    /// The station is gone, and the thread inside no callback any more.
    left: Left,
    /// The system has what it takes to take the core.
    can_be_taken: bool,
}

// SAFETY: `core` is accessed by the thread of the station while `in_use` is set and `claim` was seen as KEPT after that,
// and by the taker after it has set `claim`, then seen `in_use` as not set, with a barrier on both threads in between (see
// `Exit::take`). So never by both; release and acquire of `in_use` and the lock order what they do. What is in a core is
// bound to a thread only by reference counts without atomics (`SharedStore`), and all their owners are inside the core.
unsafe impl Sync for Post {}
// SAFETY: as above.
unsafe impl Send for Post {}

/// A core on its way from one thread to another.
pub struct Parcel(Box<Core>);

// SAFETY: see `Post`: all of what belongs together travels.
unsafe impl Send for Parcel {}

impl Parcel {
    /// Before it is used by the thread that it is for.
    pub fn with(&mut self, act: impl FnOnce(&mut Core)) {
        act(&mut self.0);
    }
}

/// The place of the thread that works. Stays on it.
pub struct Station {
    post: Arc<Post>,
    /// Inside a callback.
    is_lent: bool,
    _of_this_thread: PhantomData<*const ()>,
}

/// For those who may want to take the core away.
#[derive(Clone)]
pub struct Exit(Arc<Post>);

impl Station {
    pub fn new(core: Box<Core>) -> Station {
        Station::of(Parcel(core))
    }

    pub fn of(core: Parcel) -> Station {
        let post = Post {
            in_use: AtomicBool::new(true),
            claim: AtomicU8::new(KEPT),
            deciding: Lock::new(()),
            core: UnsafeCell::new(Some(core.0)),
            left: Left::default(),
            can_be_taken: barrier::prepare(),
        };
        Station { post: Arc::new(post), is_lent: false, _of_this_thread: PhantomData }
    }

    pub fn exit(&self) -> Exit {
        Exit(self.post.clone())
    }

    /// One step with the core; `None` when it was taken away.
    #[inline]
    pub fn with<R>(&mut self, act: impl FnOnce(&mut Core) -> R) -> Option<R> {
        if self.is_lent && !self.seize() {
            return None;
        }
        let _lent_again = LentAgain(self.is_lent.then_some(&*self.post));
        // SAFETY: `in_use` is set and `claim` was KEPT after that, now or when the callback was left. `&mut self`: no
        // other step is under way.
        let core = unsafe { (*self.post.core.get()).as_deref_mut() };
        core.map(act)
    }

    /// A callback is about to be entered: from here on the core may be taken.
    pub fn lend(&mut self) {
        self.is_lent = true;
        self.post.in_use.store(false, Ordering::Release);
    }

    /// The callback has returned. False: the core is somebody else's.
    #[must_use]
    pub fn regain(&mut self) -> bool {
        let is_ours = self.seize();
        self.is_lent = !is_ours;
        is_ours
    }

    #[inline]
    fn seize(&self) -> bool {
        let post = &*self.post;
        post.in_use.store(true, Ordering::Relaxed);
        // With the taker's barrier: the store is seen by it, or the claim here.
        compiler_fence(Ordering::SeqCst);
        if post.claim.load(Ordering::Acquire) == KEPT {
            return true;
        }
        let is_ours = not_for_each_packet(|| {
            let _decided = post.deciding.lock();
            post.claim.load(Ordering::Relaxed) == KEPT
        });
        if !is_ours {
            post.in_use.store(false, Ordering::Release);
        }
        is_ours
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        // The core, when it is still here, ends on this thread.
        if !self.is_lent || self.seize() {
            // SAFETY: as in `with`.
            drop(unsafe { (*self.post.core.get()).take() });
        }
        self.post.left.set();
    }
}

/// After a step inside a callback, also one that panics.
struct LentAgain<'a>(Option<&'a Post>);

impl Drop for LentAgain<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(post) = self.0 {
            post.in_use.store(false, Ordering::Release);
        }
    }
}

impl Exit {
    /// Whether [`Exit::take`] may succeed while the thread is inside a callback.
    pub fn is_open(&self) -> bool {
        self.0.can_be_taken && !self.has_left()
    }

    /// As of a system that has nothing to take the core with.
    #[cfg(test)]
    pub fn closed() -> Exit {
        let closed = Post {
            in_use: AtomicBool::new(false),
            claim: AtomicU8::new(KEPT),
            deciding: Lock::new(()),
            core: UnsafeCell::new(None),
            left: Left::default(),
            can_be_taken: false,
        };
        Exit(Arc::new(closed))
    }

    /// Takes the core away from its thread, if that is inside a callback and not just working with it, and `condition`
    /// holds then. Until this returns the thread does not go on beyond the callback.
    pub fn take(&self, condition: impl FnOnce() -> bool) -> Option<Parcel> {
        let post = &*self.0;
        let _deciding = post.deciding.lock();
        if !self.is_open() || post.claim.load(Ordering::Relaxed) != KEPT {
            return None;
        }
        post.claim.store(ASKED_FOR, Ordering::SeqCst);
        let is_lent = barrier::on_all_threads() && !post.in_use.load(Ordering::Acquire);
        if !is_lent || !condition() {
            post.claim.store(KEPT, Ordering::Release);
            return None;
        }
        post.claim.store(TAKEN, Ordering::Release);
        // SAFETY: lent, and with the barrier behind it the thread sees the claim before it touches the core again.
        unsafe { (*post.core.get()).take() }.map(Parcel)
    }

    /// Tells later whether the thread has come back from its callback, and will do nothing more for the worker.
    pub fn left(&self) -> Left {
        self.0.left.clone()
    }

    fn has_left(&self) -> bool {
        self.0.left.is_set()
    }
}

#[cfg(test)]
#[path = "station_tests.rs"]
mod tests;

/// membarrier(2), by system call.
mod barrier {
    use super::*;

    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
    static IS_THERE: OnceLock<bool> = OnceLock::new();

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: no pointers.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    /// Once per process. Where the system has no such call (before Linux 4.14, or filtered) nobody takes over.
    pub fn prepare() -> bool {
        *IS_THERE.get_or_init(|| {
            // The second one shows that what was registered is allowed, too.
            let is_there = membarrier(REGISTER_PRIVATE_EXPEDITED) && membarrier(PRIVATE_EXPEDITED);
            if !is_there {
                tracing::warn!(
                    "the system has no membarrier(2): while a plugin blocks, the other calls of its media worker stand still ({})",
                    std::io::Error::last_os_error()
                );
            }
            is_there
        })
    }

    pub fn on_all_threads() -> bool {
        fence(Ordering::SeqCst);
        membarrier(PRIVATE_EXPEDITED)
    }
}
