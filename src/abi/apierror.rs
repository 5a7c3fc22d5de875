//! `apierror.h`: the codes of API errors and their texts.

use libc::{c_char, c_int};
use std::ffi::CStr;
use std::ptr;

export! {
    /// Static text; "Unknown error" for codes it does not know (HL-241, HL-242).
    "apierror.h" fn janus_get_api_error(error: c_int) -> *const c_char as nonnull() or ptr::null(); {
        text(error).as_ptr()
    }
}

/// The default text of a code (control-plane.md §3.5).
pub const fn text(code: c_int) -> &'static CStr {
    match code {
        0 => c"Success",
        403 => c"Unauthorized request (wrong or missing secret/token)",
        405 => c"Unauthorized access to plugin (token is not allowed to)",
        450 => c"Transport specific error",
        452 => c"Missing request",
        453 => c"Unknown request",
        454 => c"Invalid JSON",
        455 => c"Invalid JSON Object",
        456 => c"Missing mandatory element",
        457 => c"Invalid path for this request",
        458 => c"Session not found",
        459 => c"Handle not found",
        460 => c"Plugin not found",
        461 => c"Error attaching plugin",
        462 => c"Error sending message to plugin",
        463 => c"Error detaching from plugin",
        464 => c"Unsupported JSEP type",
        465 => c"Invalid SDP",
        466 => c"Invalid stream",
        467 => c"Invalid element type",
        468 => c"Session ID already in use",
        469 => c"Unexpected ANSWER (no OFFER)",
        470 => c"Token not found",
        471 => c"Wrong WebRTC state",
        472 => c"Currently not accepting new sessions",
        _ => c"Unknown error",
    }
}
