//! Calling simple C functions by name.

use super::library::Library;
use crate::json::{Json, json_t};
use crate::util::thread::take_turns_as_others;
use std::ffi::{CStr, c_int, c_long, c_void};
use std::ptr::{self, NonNull};

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
pub unsafe fn create(function: *mut c_void) -> Option<NonNull<c_void>> {
    // SAFETY: it has this signature in all four kinds of modules.
    let table =
        unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *mut c_void>(function)() };
    NonNull::new(table)
}

/// `json_t *handle_request(json_t *request)`: how event handlers and loggers are asked. What they answer is theirs to leave
/// out.
///
/// # Safety
/// The function is that of a module that runs; it borrows the request, and its answer is the caller's.
pub unsafe fn request(
    function: unsafe extern "C" fn(*mut json_t) -> *mut json_t,
    request: Option<&Json>,
) -> Option<Json> {
    take_turns_as_others();
    // SAFETY: promised by the caller.
    let answer = unsafe { Json::from_owned(function(request.map_or(ptr::null_mut(), Json::as_ptr))) };
    Some(answer.unwrap_or_else(Json::object))
}
