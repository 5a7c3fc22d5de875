//! `refcount.h`: the counter that modules raise and drop inline, on any thread.

use libc::c_int;
use std::sync::atomic::{AtomicI32, Ordering, fence};

/// Whoever drops the last reference calls `free` with the counter's own address.
pub type Free = unsafe extern "C" fn(*const janus_refcount);

/// Embedded in each counted struct.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_refcount {
    pub count: c_int,
    pub free: Option<Free>,
}

assert_layout!(janus_refcount: 16; count @ 0, free @ 8);

export_static! {
    /// Non-zero: the counting macros in the modules print every change (CP-333 for locks, the same for counters).
    "refcount.h" static refcount_debug: c_int = 0;
}

fn debug_variable() -> &'static AtomicI32 {
    // SAFETY: a static of this library, aligned, and used by us through this atomic only.
    unsafe { AtomicI32::from_ptr(&raw mut refcount_debug) }
}

pub fn set_debug(on: bool) {
    debug_variable().store(on.into(), Ordering::Relaxed);
}

pub fn debug() -> bool {
    debug_variable().load(Ordering::Relaxed) != 0
}

/// Sets one reference and what ends the object.
///
/// # Safety
/// `counter` is valid for writes and not shared yet.
pub unsafe fn init(counter: *mut janus_refcount, free: Free) {
    // SAFETY: promised by the caller.
    unsafe { counter.write(janus_refcount { count: 1, free: Some(free) }) }
}

/// Adds a reference.
///
/// # Safety
/// `counter` belongs to an object of which the caller holds a reference.
pub unsafe fn increase(counter: *mut janus_refcount) {
    // SAFETY: live, and changed only atomically by C and by us.
    unsafe { AtomicI32::from_ptr(&raw mut (*counter).count) }.fetch_add(1, Ordering::Relaxed);
}

/// Drops a reference; the last one calls `free` here and now.
///
/// # Safety
/// The caller owns the reference it drops and does not use the object afterwards.
pub unsafe fn decrease(counter: *mut janus_refcount) {
    // SAFETY: live, because the caller still owns a reference.
    let left = unsafe { AtomicI32::from_ptr(&raw mut (*counter).count) }.fetch_sub(1, Ordering::Release);
    if left == 1 {
        fence(Ordering::Acquire);
        // SAFETY: nobody else has a reference; `free` was set by whoever made the object.
        unsafe {
            if let Some(free) = (*counter).free {
                free(counter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FREED: AtomicI32 = AtomicI32::new(0);

    unsafe extern "C" fn count_free(_: *const janus_refcount) {
        FREED.fetch_add(1, Ordering::SeqCst);
    }

    #[test]
    fn the_last_reference_frees_once() {
        let mut counter = janus_refcount { count: 0, free: None };
        let pointer = &raw mut counter;
        // SAFETY: our own counter on the stack.
        unsafe {
            init(pointer, count_free);
            increase(pointer);
            decrease(pointer);
            assert_eq!(FREED.load(Ordering::SeqCst), 0);
            decrease(pointer);
        }
        assert_eq!(FREED.load(Ordering::SeqCst), 1);
    }
}
