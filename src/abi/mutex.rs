//! `mutex.h`: the lock type inside shared structs. Builds with pthread mutexes (40 bytes) are another ABI.

use libc::c_int;
use std::sync::atomic::{AtomicI32, Ordering};

/// GLib's `GMutex`, used in place by both sides.
#[allow(non_camel_case_types)]
pub type janus_mutex = glib_sys::GMutex;

const _: () = assert!(size_of::<janus_mutex>() == 8);

export_static! {
    /// Non-zero: the lock macros in the modules print every operation (CP-333).
    "mutex.h" static lock_debug: c_int = 0;
}

fn debug_variable() -> &'static AtomicI32 {
    // SAFETY: a static of this library, aligned, and used by us through this atomic only.
    unsafe { AtomicI32::from_ptr(&raw mut lock_debug) }
}

pub fn set_debug(on: bool) {
    debug_variable().store(on.into(), Ordering::Relaxed);
}

pub fn debug() -> bool {
    debug_variable().load(Ordering::Relaxed) != 0
}
