//! Flags of `utils.h`: single bits of a machine word, changed atomically.

use crate::glib::{FALSE, gboolean};
use std::sync::atomic::{AtomicUsize, Ordering};

/// `janus_flags`.
#[allow(non_camel_case_types)]
pub type janus_flags = usize;

/// # Safety
/// `flags` is not NULL, aligned, and lives through the call; C changes it only through these functions.
unsafe fn word<'a>(flags: *mut janus_flags) -> &'a AtomicUsize {
    // SAFETY: promised by the caller.
    unsafe { AtomicUsize::from_ptr(flags) }
}

export! {
    "utils.h" fn janus_flags_reset(flags: *mut janus_flags) as nonnull(flags) or (); {
        // SAFETY: checked, and live by the header's contract; the same below.
        unsafe { word(flags) }.store(0, Ordering::SeqCst);
    }

    "utils.h" fn janus_flags_set(flags: *mut janus_flags, flag: usize) as nonnull(flags) or (); {
        // SAFETY: as above.
        unsafe { word(flags) }.fetch_or(flag, Ordering::SeqCst);
    }

    "utils.h" fn janus_flags_clear(flags: *mut janus_flags, flag: usize) as nonnull(flags) or (); {
        // SAFETY: as above.
        unsafe { word(flags) }.fetch_and(!flag, Ordering::SeqCst);
    }

    "utils.h" fn janus_flags_is_set(flags: *mut janus_flags, flag: usize) -> gboolean as nonnull(flags) or FALSE; {
        // SAFETY: as above.
        gboolean::from(unsafe { word(flags) }.load(Ordering::SeqCst) & flag != 0)
    }
}
