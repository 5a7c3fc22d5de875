//! `debug.h` and `log.h`: the variables and the function that the log macro, compiled into the modules, uses.

use libc::{c_char, c_int};

export_static! {
    /// 0 none … 7 DBG; lines above it are not logged (HL-032).
    "debug.h" static janus_log_level: c_int = 4;
    /// 0 or 1: the macro writes `[date] `.
    "debug.h" static janus_log_timestamps: c_int = 0;
    /// 0 or 1 (used as a table index by the macro, CP-332).
    "debug.h" static janus_log_colors: c_int = 1;
    /// First text of every line, or NULL (HL-034).
    "debug.h" static janus_log_global_prefix: *mut c_char = std::ptr::null_mut();
}

export_variadic! {
    /// Formats in the caller's thread and queues the line; never waits for output.
    "log.h" fn janus_vprintf => janus_rs_shim_vprintf;
}

/// Receives each formatted line from the C shim.
#[unsafe(no_mangle)]
unsafe extern "C" fn janus_rs_log_line(text: *const c_char, length: usize) {
    // SAFETY: the shim passes its own buffer of `length` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
    print!("{}", String::from_utf8_lossy(bytes));
}
