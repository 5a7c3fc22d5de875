//! Calling simple C functions by name.

use super::library::Library;
use std::ffi::{CStr, c_int, c_long, c_void};

/// `int name(void)`.
pub fn int_of_void(library: &Library, name: &CStr) -> Option<c_int> {
    let function = library.symbol(name)?;
    // SAFETY: only used for functions with this signature (srtp_init).
    Some(unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> c_int>(function)() })
}

/// `int name(long)`.
pub fn int_of_long(library: &Library, name: &CStr, argument: c_long) -> Option<c_int> {
    let function = library.symbol(name)?;
    // SAFETY: only used for functions with this signature (curl_global_init).
    Some(unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_long) -> c_int>(function)(argument)
    })
}

/// `void *create(void)`: how every module hands out its function table. `None` when it gives NULL.
pub fn create(function: *mut c_void) -> Option<*mut c_void> {
    // SAFETY: the symbol `create` of a module has this signature in all four module kinds.
    let table =
        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *mut c_void>(function)() };
    (!table.is_null()).then_some(table)
}
