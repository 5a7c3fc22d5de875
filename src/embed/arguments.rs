//! Arguments of the functions of `janus_rs.h`, and results that are handed to the caller.

use super::error::{Error, Result};
use super::types::janus_rs_code::*;
use super::types::janus_rs_event;
use crate::options;
use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Whether the one flag that there is was set.
pub fn only(flags: u32, known: u32) -> Result<bool> {
    if flags & !known != 0 {
        return Err(Error::invalid(format!("unknown flags {flags:#x}")));
    }
    Ok(flags & known != 0)
}

/// Copies what is asked for; members beyond the caller's size are left out.
///
/// # Safety
/// `T` begins with its size; `to` is NULL or such a struct, perhaps an older one.
pub unsafe fn fill<T>(to: *mut T, from: &T, name: &str) -> Result<c_int> {
    not_null(to, name)?;
    // SAFETY: promised by the caller.
    let size = unsafe { checked_size(to.cast(), size_of::<usize>(), name) }?;
    // SAFETY: that much of both is there; the caller's `size` is kept.
    unsafe { copy_behind_size(std::ptr::from_ref(from).cast(), to.cast(), size.min(size_of::<T>())) };
    Ok(0)
}

pub fn not_null<T>(pointer: *const T, name: &str) -> Result<()> {
    if pointer.is_null() { Err(Error::invalid(format!("`{name}` is NULL"))) } else { Ok(()) }
}

/// Bytes of the caller's.
///
/// # Safety
/// NULL, or `length` bytes that nobody changes for as long as the result is used.
pub unsafe fn bytes<'a>(data: *const c_void, length: usize, name: &str) -> Result<&'a [u8]> {
    not_null(data, name)?;
    if isize::try_from(length).is_err() {
        return Err(Error::invalid(format!("`{name}` is longer than memory")));
    }
    // SAFETY: not NULL, and promised by the caller; no allocation is longer than `isize::MAX`.
    Ok(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) })
}

/// NULL, or UTF-8 that ends with a NUL.
pub fn optional_text(text: *const c_char, name: &str) -> Result<Option<String>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL; NUL-terminated by contract.
    let text = unsafe { CStr::from_ptr(text) };
    let text = text.to_str().map_err(|_| Error::invalid(format!("`{name}` is not UTF-8")))?;
    Ok(Some(text.to_owned()))
}

pub fn text(text: *const c_char, name: &str) -> Result<String> {
    optional_text(text, name)?.ok_or_else(|| Error::invalid(format!("`{name}` is NULL")))
}

pub fn path(text: *const c_char, name: &str) -> Result<PathBuf> {
    not_null(text, name)?;
    // SAFETY: not NULL; NUL-terminated by contract.
    let text = unsafe { CStr::from_ptr(text) };
    Ok(Path::new(OsStr::from_bytes(text.to_bytes())).to_owned())
}

/// "category.item" of an option of janus.jcfg.
pub fn option(name: &str) -> Result<&'static options::Row> {
    let (category, item) = name.split_once('.').unwrap_or((name, ""));
    options::find(category, item).map_err(Error::invalid)
}

/// Hands text to the caller, in memory from malloc.
pub fn give(text: &str, out: *mut *mut c_char) -> Result<c_int> {
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    // SAFETY: a C string; `out` is the caller's variable.
    unsafe {
        let copy = libc::strdup(text.as_ptr());
        if copy.is_null() {
            return Err(Error::new(JANUS_RS_ESYSTEM, "no memory"));
        }
        *out = copy;
    }
    Ok(0)
}

/// The size that a struct begins with.
///
/// # Safety
/// `pointer` is not NULL, and what it points to begins with a size_t and is that long.
unsafe fn checked_size(pointer: *const c_void, least: usize, name: &str) -> Result<usize> {
    // SAFETY: promised by the caller.
    let size = unsafe { pointer.cast::<usize>().read() };
    // More than any struct here will ever have: somebody has forgotten to set it.
    if size < least || size > 4096 {
        return Err(Error::invalid(format!("`{name}` has no valid size: {size}")));
    }
    Ok(size)
}

/// A struct of the caller, which may be older (shorter) than ours; the rest is zero. All zero for NULL. A newer one is taken
/// if what we do not know is zero.
///
/// # Safety
/// `T` begins with its size and is valid when zero; `pointer` is NULL or such a struct.
pub unsafe fn read<T>(pointer: *const T, name: &str) -> Result<T> {
    // SAFETY: promised by the caller.
    unsafe {
        let mut ours = std::mem::zeroed::<T>();
        if !pointer.is_null() {
            let size = checked_size(pointer.cast(), size_of::<usize>(), name)?;
            let known = size.min(size_of::<T>());
            std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), (&raw mut ours).cast::<u8>(), known);
            let beyond = std::slice::from_raw_parts(pointer.cast::<u8>().add(known), size - known);
            if beyond.iter().any(|byte| *byte != 0) {
                let why = format!("`{name}` asks for something that this version does not know");
                return Err(Error::new(JANUS_RS_ENOSUP, why));
            }
        }
        Ok(ours)
    }
}

/// # Safety
/// As of [`read`], for an event.
pub unsafe fn size_of_event(event: *const janus_rs_event) -> Result<usize> {
    not_null(event, "event")?;
    // SAFETY: promised by the caller.
    let size = unsafe { checked_size(event.cast(), size_of::<janus_rs_event>(), "event") }?;
    Ok(size.min(size_of::<janus_rs_event>()))
}

/// # Safety
/// `to` has `size` bytes, at most those of an event.
pub unsafe fn copy_event(from: &janus_rs_event, to: *mut janus_rs_event, size: usize) {
    // SAFETY: promised by the caller.
    unsafe { copy_behind_size(std::ptr::from_ref(from).cast(), to.cast(), size) };
}

/// # Safety
/// Both have `size` bytes, and begin with a size_t, which stays.
unsafe fn copy_behind_size(from: *const u8, to: *mut u8, size: usize) {
    const HEAD: usize = size_of::<usize>();
    // SAFETY: promised by the caller.
    unsafe { std::ptr::copy_nonoverlapping(from.add(HEAD), to.add(HEAD), size - HEAD) };
}
