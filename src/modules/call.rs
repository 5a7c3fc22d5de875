//! Calling simple C functions by name.

use super::library::Library;
use std::ffi::{CStr, c_int, c_long, c_void};

/// `int name(void)`.
///
/// # Safety
/// The library's function of this name, if it has one, has this signature, and may be called now.
pub unsafe fn int_of_void(library: &Library, name: &CStr) -> Option<c_int> {
    let function = library.symbol(name)?;
    // SAFETY: promised by the caller.
    Some(unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> c_int>(function)() })
}

/// `int name(long)`.
///
/// # Safety
/// The library's function of this name, if it has one, has this signature, and may be called now.
pub unsafe fn int_of_long(library: &Library, name: &CStr, argument: c_long) -> Option<c_int> {
    let function = library.symbol(name)?;
    // SAFETY: promised by the caller.
    Some(unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn(c_long) -> c_int>(function)(argument)
    })
}

/// `void *create(void)`: how every module hands out its function table. `None` when it gives NULL.
///
/// # Safety
/// `function` is the symbol `create` of a module.
pub unsafe fn create(function: *mut c_void) -> Option<*mut c_void> {
    // SAFETY: it has this signature in all four kinds of modules.
    let table =
        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *mut c_void>(function)() };
    (!table.is_null()).then_some(table)
}
