//! A safe face of GLib: memory that modules free with `g_free`, and the lists and tables that cross the boundary.

use glib_sys as sys;
use libc::{c_char, c_int, c_uint, c_void};
use std::borrow::Cow;
use std::ffi::CStr;
use std::ptr;

pub use sys::{GHashTable, GList, GQueue, GSList};

/// A 32-bit C truth value.
#[allow(non_camel_case_types)]
pub type gboolean = c_int;
pub const TRUE: gboolean = 1;
pub const FALSE: gboolean = 0;

/// The monotonic clock of GLib's timers, µs.
pub fn monotonic() -> i64 {
    // SAFETY: no arguments.
    unsafe { sys::g_get_monotonic_time() }
}

unsafe extern "C" {
    static glib_major_version: c_uint;
    static glib_minor_version: c_uint;
    static glib_micro_version: c_uint;
}

/// Version of the library in this process.
pub fn version() -> String {
    // SAFETY: constants of the library, never written.
    let (major, minor, micro) = unsafe { (glib_major_version, glib_minor_version, glib_micro_version) };
    format!("{major}.{minor}.{micro}")
}

/// A NUL-terminated copy that the receiver releases with `g_free`. A NUL inside ends the text, as in C.
pub fn strdup(text: &str) -> *mut c_char {
    bytes_dup(text.as_bytes())
}

/// As [`strdup`] for bytes of unknown encoding.
pub fn bytes_dup(text: &[u8]) -> *mut c_char {
    // SAFETY: pointer and length of a live slice; g_strndup copies at most that much.
    unsafe { sys::g_strndup(text.as_ptr().cast(), text.len()) }
}

/// [`strdup`], or NULL.
pub fn strdup_opt(text: Option<&str>) -> *mut c_char {
    text.map_or(ptr::null_mut(), strdup)
}

/// Releases memory of GLib; NULL is fine.
///
/// # Safety
/// `memory` is NULL or comes from GLib and is not used afterwards.
pub unsafe fn free<T>(memory: *mut T) {
    // SAFETY: promised by the caller.
    unsafe { sys::g_free(memory.cast::<c_void>()) }
}

/// A zeroed block for one `T`, released with `g_free`.
pub fn new0<T>() -> *mut T {
    // SAFETY: aborts without memory; alignment is that of malloc, which every C struct here satisfies.
    unsafe { sys::g_malloc0(size_of::<T>()).cast() }
}

/// The text of a C string; `None` for NULL, lossy for what is not UTF-8.
///
/// # Safety
/// `text` is NULL or NUL-terminated and lives through the call.
pub unsafe fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// As [`text`], lent.
///
/// # Safety
/// `text` is NULL or NUL-terminated and outlives `'a`.
pub unsafe fn lossy<'a>(text: *const c_char) -> Option<Cow<'a, str>> {
    // SAFETY: promised by the caller.
    unsafe { bytes(text) }.map(String::from_utf8_lossy)
}

/// The bytes of a C string; `None` for NULL.
///
/// # Safety
/// `text` is NULL or NUL-terminated and outlives `'a`.
pub unsafe fn bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// A `g_free`-able copy of `length` bytes; NULL for NULL or nothing.
///
/// # Safety
/// `from` is NULL or valid for reads of `length` bytes.
pub unsafe fn memdup(from: *const c_char, length: usize) -> *mut c_char {
    // SAFETY: promised by the caller; NULL and 0 give NULL.
    unsafe { sys::g_memdup2(from.cast(), length).cast() }
}

/// Decodes base64; what is not in its alphabet is skipped.
pub fn base64_decode(text: &CStr) -> Vec<u8> {
    let mut length = 0;
    // SAFETY: NUL-terminated text; the result is a new block of `length` bytes (NULL-free by g_base64_decode).
    unsafe {
        let decoded = sys::g_base64_decode(text.as_ptr(), &raw mut length);
        let bytes = std::slice::from_raw_parts(decoded, length).to_vec();
        free(decoded);
        bytes
    }
}

/// Builds a list whose nodes hold these pointers, in order; NULL when there are none.
pub fn list<T>(items: impl DoubleEndedIterator<Item = *mut T>) -> *mut GList {
    // SAFETY: prepending to a list that only we know.
    items.rev().fold(ptr::null_mut(), |list, item| unsafe { sys::g_list_prepend(list, item.cast()) })
}

/// The data pointers of a list, in order. Read ahead by one node, so the current node may be removed meanwhile.
///
/// # Safety
/// `list` is NULL or the head of a GList that nobody else changes while iterating.
pub unsafe fn iter<T>(list: *mut GList) -> impl Iterator<Item = *mut T> {
    let mut node = list;
    std::iter::from_fn(move || {
        if node.is_null() {
            return None;
        }
        // SAFETY: a live node, as promised.
        let (data, next) = unsafe { ((*node).data, (*node).next) };
        node = next;
        Some(data.cast::<T>())
    })
}

/// A moment as RFC 3339 writes it, without fraction and zone: `2026-11-20T09:59:33`. Empty for a time that GLib cannot
/// represent.
pub fn utc(unix_seconds: i64) -> String {
    // SAFETY: a new object, NULL when out of range, used and released here only; so is its text.
    unsafe {
        let time = sys::g_date_time_new_from_unix_utc(unix_seconds);
        if time.is_null() {
            return String::new();
        }
        let written = sys::g_date_time_format(time, c"%Y-%m-%dT%H:%M:%S".as_ptr());
        let copy = text(written).unwrap_or_default();
        free(written);
        sys::g_date_time_unref(time);
        copy
    }
}

/// A moment in local time as C's `%a %b %e %T %Y` writes it in the C locale: `Fri Nov 20 10:59:33 2026`.
/// Empty for a time that GLib cannot represent.
pub fn local_date(unix_seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // SAFETY: a new object, NULL when out of range, used and released here only.
    unsafe {
        let time = sys::g_date_time_new_from_unix_local(unix_seconds);
        if time.is_null() {
            return String::new();
        }
        let text = format!(
            "{} {} {:2} {:02}:{:02}:{:02} {}",
            DAYS[(sys::g_date_time_get_day_of_week(time) - 1) as usize % 7],
            MONTHS[(sys::g_date_time_get_month(time) - 1) as usize % 12],
            sys::g_date_time_get_day_of_month(time),
            sys::g_date_time_get_hour(time),
            sys::g_date_time_get_minute(time),
            sys::g_date_time_get_second(time),
            sys::g_date_time_get_year(time),
        );
        sys::g_date_time_unref(time);
        text
    }
}

/// Gives memory that nobody uses back to the system, from all arenas of the process: GLib's and ours are the C library's.
/// Others who allocate may wait meanwhile.
pub fn give_back() {
    stir();
    give_heaps_back();
}

/// The same without what GLib keeps.
pub fn give_heaps_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number; live memory is not touched.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Until 2.76 GLib keeps small blocks (nodes of lists, most of all) in caches of its own, one per size. What has lain there
/// for 15 s is freed, but only when others of its size are: so some of each are. (Without those caches, `G_SLICE`, memory
/// comes back at once, and Debian's video room crashes, the reference's too: it reads a node that it has freed.)
fn stir() {
    const SIZES: usize = 256;
    let mut blocks = [ptr::null_mut::<c_void>(); 512];
    for size in (16..=SIZES).step_by(16) {
        // SAFETY: each is freed once, with the size that it was made with.
        unsafe {
            blocks.iter_mut().for_each(|block| *block = sys::g_slice_alloc(size));
            blocks.iter().for_each(|block| sys::g_slice_free1(size, *block));
        }
    }
}
