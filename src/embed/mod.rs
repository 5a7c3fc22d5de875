//! `janus_rs.h`: the C API for programs that embed the core, and the daemon's way in.

mod system;

use crate::export;
use std::ffi::{CStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;

/// The version of this library, a static string.
pub const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version has no NUL"),
    };

/// What the header's functions of this library return when they fail.
const FAILED: c_int = 1;

export! {
    /// Runs the daemon with these arguments (`argv[0]` is the program) until it is told to stop. Returns its exit
    /// status: 0 after a clean stop, 1 otherwise. Called once, on the main thread, before other threads are started.
    "janus_rs.h" fn janus_rs_main(argc: c_int, argv: *const *const c_char) -> c_int as nonnull(argv) or FAILED; {
        crate::modules::library::promote_ourselves();
        let count = usize::try_from(argc).unwrap_or(0);
        // SAFETY: the caller passes `argc` C strings, as main() gets them.
        let arguments = unsafe { std::slice::from_raw_parts(argv, count) };
        let arguments = arguments.iter().filter(|a| !a.is_null()).map(|a| {
            // SAFETY: checked, and NUL-terminated as above.
            OsString::from_vec(unsafe { CStr::from_ptr(*a) }.to_bytes().to_vec())
        });
        crate::daemon::main(arguments.collect(), &system::Process)
    }

    /// `"0.1.0"`; static.
    "janus_rs.h" fn janus_rs_version() -> *const c_char as nonnull() or VERSION.as_ptr(); {
        VERSION.as_ptr()
    }
}
