//! `events.h` and the helpers of `eventhandler.h`: names and masks of event types. The functions that only the core
//! itself calls in the reference (init, deinit, notify) are not offered: events go through the callback tables.

use super::utils::flags::janus_flags;
use crate::glib::gboolean;
use libc::{c_char, c_int};
use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Said once by the core, when it is installed.
static ENABLED: AtomicBool = AtomicBool::new(false);

/// What [`janus_events_is_enabled`] answers from now on.
pub fn set_enabled(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
}

/// Bit, label in masks, name (control-plane.md §10.2).
const TYPES: [(c_int, &CStr, &CStr); 9] = [
    (1, c"sessions", c"Sessions"),
    (2, c"handles", c"Handles"),
    (4, c"external", c"External"),
    (8, c"jsep", c"Jsep"),
    (16, c"webrtc", c"WebRTC"),
    (32, c"media", c"Media"),
    (64, c"plugins", c"Plugins"),
    (128, c"transports", c"Transports"),
    (256, c"core", c"Core"),
];

export! {
    /// Replaces the mask by what the comma list of labels says; NULL changes nothing (HL-239).
    "events.h" fn janus_events_edit_events_mask(list: *const c_char, target: *mut janus_flags)
        as nonnull(list, target) or (); {
        // SAFETY: not NULL; NUL-terminated text, a live word.
        unsafe {
            let mask = mask(&CStr::from_ptr(list).to_string_lossy());
            AtomicUsize::from_ptr(target).store(mask, Ordering::SeqCst);
        }
    }

    /// Static text or NULL (HL-240).
    "events.h" fn janus_events_type_to_label(kind: c_int) -> *const c_char as nonnull() or ptr::null(); {
        if kind == 0 {
            return c"no_events".as_ptr();
        }
        TYPES.iter().find(|t| t.0 == kind).map_or(ptr::null(), |t| t.1.as_ptr())
    }

    /// Static text or NULL (HL-240).
    "events.h" fn janus_events_type_to_name(kind: c_int) -> *const c_char as nonnull() or ptr::null(); {
        if kind == 0 {
            return c"No events".as_ptr();
        }
        TYPES.iter().find(|t| t.0 == kind).map_or(ptr::null(), |t| t.2.as_ptr())
    }

    /// Whether events are broadcast (CP-237).
    "events.h" fn janus_events_is_enabled() -> gboolean as nonnull() or 0; {
        gboolean::from(ENABLED.load(Ordering::Relaxed))
    }
}

/// `none`, `all`, or labels; blanks in front of a label do not count, behind it they do.
fn mask(list: &str) -> usize {
    match list.to_ascii_lowercase().as_str() {
        "none" => 0,
        "all" => 0xFFFF_FFFF,
        _ => list
            .split(',')
            .map(|label| label.trim_start_matches(' '))
            .filter_map(|label| TYPES.iter().find(|t| t.1.to_bytes().eq_ignore_ascii_case(label.as_bytes())))
            .fold(0, |mask, t| mask | t.0 as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HL-239, CP-328
    #[test]
    fn masks() {
        assert_eq!(mask("sessions, media"), 33);
        assert_eq!(mask("SESSIONS,nope,core"), 257);
        assert_eq!((mask("none"), mask("All"), mask("")), (0, 0xFFFF_FFFF, 0));
        assert_eq!(mask("media ,jsep"), 8);
    }

    // HL-240
    #[test]
    fn names() {
        // SAFETY: static texts.
        unsafe {
            assert_eq!(CStr::from_ptr(janus_events_type_to_label(64)), c"plugins");
            assert_eq!(CStr::from_ptr(janus_events_type_to_name(16)), c"WebRTC");
            assert!(janus_events_type_to_label(3).is_null());
        }
    }
}
