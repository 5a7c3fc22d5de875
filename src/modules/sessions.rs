//! The memory of `janus_plugin_session`s, which C holds on to as long as it likes, sometimes longer.
//!
//! All of them live in one reserved stretch of addresses that is never given back and whose slots are used again only
//! late. So any pointer can be judged without touching it (is it one of our slots?), and a stale one still reads
//! `stopped`. A slot's host is reached through [`enter`], which costs two atomic additions and no lock; the host is
//! released when the session has ended *and* the last caller has left.

use super::host::HandleHost;
pub use super::life::Need;
use super::life::{Empty, Life};
use crate::abi::plugin::janus_plugin_session;
use crate::abi::refcount::{self, janus_refcount};
use crate::media::{Route, RtpOut};
use crate::rtp::extensions::Accepted;
use crate::util::lock::{Lock, not_for_each_packet};
use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::mem::{offset_of, size_of};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Most sessions at one time.
const CAPACITY: usize = 1 << 20;
/// Slots made accessible at a time.
const STEP: usize = 512;
/// A slot rests this long before it serves another handle.
const REST: Duration = Duration::from_secs(60);

#[repr(C, align(128))]
struct Slot {
    /// First, so that its address is the slot's.
    session: UnsafeCell<janus_plugin_session>,
    life: Life,
    /// [`Accepted`], as bits.
    accepted: AtomicU8,
    /// In the same cache line as all before, which is what a relayed packet reads.
    route: Route,
    /// A `Box`, or NULL.
    owner: AtomicPtr<Owner>,
}

struct Owner {
    host: Arc<dyn HandleHost>,
    package: Arc<str>,
}

const _: () =
    assert!(size_of::<Slot>() == 128 && offset_of!(Slot, session) == 0 && offset_of!(Slot, owner) == 64);

/// The reserved stretch.
struct Region {
    base: usize,
    /// Slots that are accessible.
    ready: AtomicUsize,
    store: Lock<Store>,
}

#[derive(Default)]
struct Store {
    /// Ended slots, oldest first.
    resting: VecDeque<(usize, Instant)>,
    /// Slots from here on have never been used.
    fresh: usize,
}

static REGION: LazyLock<Option<Region>> = LazyLock::new(|| {
    // SAFETY: reserves addresses only; nothing is accessible yet.
    let base = unsafe {
        libc::mmap(
            ptr::null_mut(),
            CAPACITY * size_of::<Slot>(),
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    (base != libc::MAP_FAILED).then(|| Region {
        base: base as usize,
        ready: AtomicUsize::new(0),
        store: Lock::new(Store::default()),
    })
});

impl Region {
    fn slot(&self, index: usize) -> &'static Slot {
        debug_assert!(index < self.ready.load(Ordering::Relaxed));
        // SAFETY: accessible, zeroed by the system (a free slot without owner), aligned, never unmapped.
        unsafe { &*((self.base + index * size_of::<Slot>()) as *const Slot) }
    }

    /// A slot that no living pointer is known to mean: one that has rested, else a fresh one.
    fn take(&self) -> Option<&'static Slot> {
        let mut store = self.store.lock();
        let full = store.fresh == CAPACITY;
        if store.resting.front().is_some_and(|(_, since)| full || since.elapsed() >= REST) {
            return store.resting.pop_front().map(|(index, _)| self.slot(index));
        }
        if full || (store.fresh == self.ready.load(Ordering::Relaxed) && !self.grow()) {
            return None;
        }
        store.fresh += 1;
        Some(self.slot(store.fresh - 1))
    }

    /// Makes [`STEP`] more slots accessible; zeroed by the system.
    fn grow(&self) -> bool {
        let ready = self.ready.load(Ordering::Relaxed);
        let start = (self.base + ready * size_of::<Slot>()) as *mut libc::c_void;
        // SAFETY: inside our own reservation, not accessible before.
        let opened =
            unsafe { libc::mprotect(start, STEP * size_of::<Slot>(), libc::PROT_READ | libc::PROT_WRITE) };
        if opened == 0 {
            self.ready.store(ready + STEP, Ordering::Release);
        }
        opened == 0
    }

    fn rest(&self, slot: &'static Slot) {
        let index = (ptr::from_ref(slot) as usize - self.base) / size_of::<Slot>();
        let mut store = self.store.lock();
        store.resting.push_back((index, Instant::now()));
    }
}

/// The slot that this pointer means. The pointer is only compared, never read.
fn find(session: *const janus_plugin_session) -> Option<&'static Slot> {
    let region = REGION.as_ref()?;
    let distance = (session as usize).checked_sub(region.base)?;
    let index = distance / size_of::<Slot>();
    (distance.is_multiple_of(size_of::<Slot>()) && index < region.ready.load(Ordering::Acquire))
        .then(|| region.slot(index))
}

/// A new session for `host`, not alive yet: `plugin_handle` NULL, `stopped` 0, one reference for the core and one
/// for the plugin (CP-218, CP-220). `None`: no memory.
pub fn allocate(host: Arc<dyn HandleHost>, package: Arc<str>) -> Option<*mut janus_plugin_session> {
    let slot = REGION.as_ref()?.take()?;
    let session = slot.session.get();
    slot.owner.store(Box::into_raw(Box::new(Owner { host, package })), Ordering::SeqCst);
    // SAFETY: a slot of ours, accessible and aligned. Whoever still has an old pointer to it may read `stopped` and count
    // references, which is done atomically; nobody else reads the rest before this function has returned.
    unsafe {
        (&raw mut (*session).gateway_handle).write(session.cast());
        (&raw mut (*session).plugin_handle).write(ptr::null_mut());
        (&raw mut (*session).r#ref.free).write(Some(last_reference_gone));
        AtomicI32::from_ptr(&raw mut (*session).r#ref.count).store(2, Ordering::SeqCst);
        AtomicI32::from_ptr(&raw mut (*session).stopped).store(0, Ordering::SeqCst);
    }
    slot.accepted.store(Accepted::default().bits(), Ordering::Relaxed);
    slot.life.begin();
    Some(session)
}

/// `create_session` succeeded: the session is alive.
pub fn activate(session: *mut janus_plugin_session) {
    if let Some(slot) = find(session) {
        slot.life.activate();
    }
}

/// `create_session` failed: the plugin has no reference.
pub fn discard(session: *mut janus_plugin_session) {
    if let Some(slot) = find(session) {
        set_stopped(slot);
        slot.end();
    }
}

/// Not alive any more; stays allocated (CP-207, CP-222).
pub fn stop(session: *mut janus_plugin_session) {
    if let Some(slot) = find(session) {
        set_stopped(slot);
        slot.life.stop();
    }
}

fn set_stopped(slot: &Slot) {
    // SAFETY: accessible slot; both sides touch the field atomically.
    unsafe { AtomicI32::from_ptr(&raw mut (*slot.session.get()).stopped) }.store(1, Ordering::SeqCst);
}

/// The note of where packets for this session go.
pub fn route(session: *const janus_plugin_session) -> Option<&'static Route> {
    find(session).map(|slot| &slot.route)
}

/// Which extension values are read from packets for this session, for plugins that may hand over short structs.
#[inline]
pub fn accepted(session: *const janus_plugin_session) -> Accepted {
    find(session)
        .map_or(Accepted::default(), |slot| Accepted::from_bits(slot.accepted.load(Ordering::Relaxed)))
}

/// See [`accepted`].
pub fn accept(session: *const janus_plugin_session, extensions: Accepted) {
    if let Some(slot) = find(session) {
        slot.accepted.store(extensions.bits(), Ordering::Relaxed);
    }
}

/// The short way of a packet. False when it has to go the long one, by [`enter`].
#[inline]
pub fn relay_rtp(session: *const janus_plugin_session, packet: &RtpOut<'_>) -> bool {
    find(session).is_some_and(|slot| slot.life.is_live() && slot.route.relay_rtp(packet))
}

pub fn is_alive(session: *const janus_plugin_session) -> bool {
    find(session).is_some_and(|slot| slot.life.is_live())
}

/// Drops the core's reference.
///
/// # Safety
/// Once per allocated session that was not discarded.
pub unsafe fn release(session: *mut janus_plugin_session) {
    // SAFETY: the core's reference keeps the slot from ending before.
    unsafe { refcount::decrease(&raw mut (*session).r#ref) }
}

/// Called by whoever drops the last reference, mostly a plugin on a thread of its own.
unsafe extern "C" fn last_reference_gone(counter: *const janus_refcount) {
    let session = counter.cast::<u8>().wrapping_sub(offset_of!(janus_plugin_session, r#ref));
    match find(session.cast()) {
        Some(slot) => {
            set_stopped(slot);
            slot.end();
        }
        None => tracing::error!("a module released something that is no plugin session"),
    }
}

impl Slot {
    fn end(&'static self) {
        if let Some(empty) = self.life.end() {
            self.clear(empty);
        }
    }

    fn leave(&'static self) {
        if let Some(empty) = self.life.leave() {
            self.clear(empty);
        }
    }

    fn clear(&'static self, _: Empty) {
        self.route.clear();
        let owner = self.owner.swap(ptr::null_mut(), Ordering::SeqCst);
        if !owner.is_null() {
            // SAFETY: from Box::into_raw; nobody is inside, and only one is given `Empty`.
            drop(unsafe { Box::from_raw(owner) });
        }
        if let Some(region) = REGION.as_ref() {
            not_for_each_packet(|| region.rest(self));
        }
    }
}

/// Holds a session's host for the length of a call.
pub struct Entered {
    slot: &'static Slot,
    owner: *const Owner,
}

/// `None` for everything that is not such a session: NULL, small numbers, foreign or stale pointers (CP-234).
pub fn enter(session: *const janus_plugin_session, need: Need) -> Option<Entered> {
    let slot = find(session)?;
    match slot.life.enter(need) {
        Ok(()) => Some(Entered { slot, owner: slot.owner.load(Ordering::SeqCst) }),
        Err(empty) => {
            if let Some(empty) = empty {
                slot.clear(empty);
            }
            None
        }
    }
}

impl Entered {
    pub fn host(&self) -> &dyn HandleHost {
        // SAFETY: a slot that lets anybody in has an owner, and keeps it while we are inside.
        unsafe { &*(*self.owner).host }
    }

    /// The plugin's package.
    pub fn package(&self) -> &str {
        // SAFETY: as above.
        unsafe { &(*self.owner).package }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.slot.leave();
    }
}

#[cfg(test)]
mod tests;
