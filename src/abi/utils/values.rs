//! Time, randomness, strings and numbers of `utils.h`.

use crate::glib::{self, FALSE, gboolean};
use crate::util::{gzip, numbers, random, text, time};
use libc::{c_char, c_int, c_void, size_t};
use std::ffi::CStr;
use std::ptr;

/// The bytes of a C string.
///
/// # Safety
/// `text` is not NULL, NUL-terminated, and outlives the result.
unsafe fn bytes<'a>(text: *const c_char) -> &'a [u8] {
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

export! {
    /// The monotonic clock, µs; the same as GLib's, because older modules set GLib timers with it (HL-213).
    "utils.h" fn janus_get_monotonic_time() -> i64 as nonnull() or 0; { time::monotonic() }

    /// The raw monotonic clock, µs.
    "utils.h" fn janus_get_monotonic_time_internal() -> i64 as nonnull() or 0; { time::monotonic() }

    /// Nothing to do: [`janus_get_monotonic_time`] does not count from the start.
    "utils.h" fn janus_mark_started() as nonnull() or (); {}

    /// Wall clock, µs since 1970.
    "utils.h" fn janus_get_real_time() -> i64 as nonnull() or 0; { time::real() }

    /// `yes`, `true` in any case, and `1`; everything else is FALSE (HL-214).
    "utils.h" fn janus_is_true(value: *const c_char) -> gboolean as nonnull(value) or FALSE; {
        // SAFETY: not NULL; NUL-terminated by the header's contract.
        gboolean::from(text::is_true(&String::from_utf8_lossy(unsafe { bytes(value) })))
    }

    /// Whether both texts are equal; how long it takes depends on their lengths only. FALSE for NULL (HL-215).
    "utils.h" fn janus_strcmp_const_time(str1: *const c_void, str2: *const c_void) -> gboolean
        as nonnull(str1, str2) or FALSE; {
        // SAFETY: not NULL; NUL-terminated by the header's contract.
        gboolean::from(unsafe { text::equal_const_time(bytes(str1.cast()), bytes(str2.cast())) })
    }

    "utils.h" fn janus_random_uint32() -> u32 as nonnull() or 0; { random::u32() }

    /// 53 bits (HL-216).
    "utils.h" fn janus_random_uint64() -> u64 as nonnull() or 0; { random::u64() }

    "utils.h" fn janus_random_uint64_full() -> u64 as nonnull() or 0; { random::u64_full() }

    /// Released with `g_free` (HL-217).
    "utils.h" fn janus_random_uuid() -> *mut c_char as nonnull() or ptr::null_mut(); { glib::strdup(&random::uuid()) }

    /// A key for tables that hash by `g_int64_hash`; released with `g_free`.
    "utils.h" fn janus_uint64_dup(num: u64) -> *mut u64 as nonnull() or ptr::null_mut(); {
        let copy: *mut u64 = glib::new0();
        // SAFETY: fresh memory for one u64.
        unsafe { copy.write(num) };
        copy
    }

    "utils.h" fn janus_uint64_hash(num: u64) -> u64 as nonnull() or 0; { numbers::mix(num) }

    /// 0, −ERANGE, or −EINVAL for NULL (HL-218).
    "utils.h" fn janus_string_to_uint8(str: *const c_char, num: *mut u8) -> c_int
        as nonnull(str, num) or -libc::EINVAL; {
        // SAFETY: not NULL; NUL-terminated; `num` writable by the header's contract.
        unsafe { number(str, u64::from(u8::MAX), |n| num.write(n as u8)) }
    }

    /// As [`janus_string_to_uint8`].
    "utils.h" fn janus_string_to_uint16(str: *const c_char, num: *mut u16) -> c_int
        as nonnull(str, num) or -libc::EINVAL; {
        // SAFETY: as above.
        unsafe { number(str, u64::from(u16::MAX), |n| num.write(n as u16)) }
    }

    /// As [`janus_string_to_uint8`].
    "utils.h" fn janus_string_to_uint32(str: *const c_char, num: *mut u32) -> c_int
        as nonnull(str, num) or -libc::EINVAL; {
        // SAFETY: as above.
        unsafe { number(str, u64::from(u32::MAX), |n| num.write(n as u32)) }
    }

    /// Takes over `message` (GLib memory) and returns what replaces it, perhaps the same pointer.
    "utils.h" fn janus_string_replace(message: *mut c_char, old_string: *const c_char, new_string: *const c_char)
        -> *mut c_char as nonnull(message, old_string, new_string) or ptr::null_mut(); {
        // SAFETY: three NUL-terminated strings; of equal length, the text is rewritten within its own size.
        unsafe {
            let replaced = text::replace(bytes(message), bytes(old_string), bytes(new_string));
            if replaced.len() == bytes(message).len() {
                ptr::copy_nonoverlapping(replaced.as_ptr(), message.cast(), replaced.len());
                return message;
            }
            glib::free(message);
            glib::bytes_dup(&replaced)
        }
    }

    /// Appends within `dest_size` bytes and returns the length it needs (HL-219).
    "utils.h" fn janus_strlcat(dest: *mut c_char, src: *const c_char, dest_size: size_t) -> size_t
        as nonnull(dest, src) or 0; {
        // SAFETY: `dest` has `dest_size` bytes, `src` is NUL-terminated.
        unsafe {
            let used = libc::strnlen(dest, dest_size);
            let source = bytes(src);
            let needed = used + source.len();
            if used < dest_size {
                append(dest.add(used), source, dest_size - used);
            }
            if needed >= dest_size {
                tracing::error!("Truncation occurred: {needed} >= {dest_size}");
            }
            needed
        }
    }

    /// Appends at `*offset` and advances it: 0, −1 NULL, −2 no room, −3 truncated.
    "utils.h" fn janus_strlcat_fast(dest: *mut c_char, src: *const c_char, dest_size: size_t, offset: *mut size_t)
        -> c_int as nonnull(dest, src, offset) or -1; {
        // SAFETY: `dest` has `dest_size` bytes, `src` is NUL-terminated, `offset` is readable and writable.
        unsafe {
            let at = *offset;
            if at >= dest_size {
                return -2;
            }
            let source = bytes(src);
            append(dest.add(at), source, dest_size - at);
            if at + source.len() >= dest_size {
                *offset = dest_size;
                return -3;
            }
            *offset = at + source.len();
            0
        }
    }

    /// A gzip container; its size, or 0 when it does not fit or an argument is missing.
    "utils.h" fn janus_gzip_compress(compression: c_int, text: *mut c_char, tlen: size_t, compressed: *mut c_char,
        zlen: size_t) -> size_t as nonnull(text, compressed) or 0; {
        // SAFETY: `text` has `tlen` and `compressed` `zlen` bytes by the header's contract.
        unsafe { gzip_into(compression, text, tlen, compressed, zlen) }
    }
}

variant! {
    /// Up to 1.1.2, bad arguments give (size_t)−1.
    janus_gzip_compress in A1 ..= B3, fn janus_gzip_compress_b3(compression: c_int, text: *mut c_char, tlen: size_t,
        compressed: *mut c_char, zlen: size_t) -> size_t as nonnull(text, compressed) or size_t::MAX; {
        if tlen == 0 || zlen == 0 {
            return size_t::MAX;
        }
        // SAFETY: as the native form.
        unsafe { gzip_into(compression, text, tlen, compressed, zlen) }
    }
}

/// # Safety
/// `text` has `tlen` and `compressed` `zlen` bytes.
unsafe fn gzip_into(
    level: c_int,
    text: *const c_char,
    tlen: size_t,
    compressed: *mut c_char,
    zlen: size_t,
) -> size_t {
    if tlen == 0 || zlen == 0 {
        return 0;
    }
    // SAFETY: promised by the caller; copied only when it fits.
    unsafe {
        let packed = gzip::compress(level, std::slice::from_raw_parts(text.cast(), tlen));
        if packed.len() > zlen {
            return 0;
        }
        ptr::copy_nonoverlapping(packed.as_ptr(), compressed.cast(), packed.len());
        packed.len()
    }
}

/// # Safety
/// `text` is NUL-terminated.
unsafe fn number(text: *const c_char, max: u64, store: impl FnOnce(u64)) -> c_int {
    // SAFETY: promised by the caller.
    match numbers::decimal_prefix(unsafe { bytes(text) }, max) {
        Ok(value) => {
            store(value);
            0
        }
        Err(numbers::OutOfRange) => -libc::ERANGE,
    }
}

/// Copies what fits and ends it with NUL.
///
/// # Safety
/// `dest` has `room` > 0 bytes.
unsafe fn append(dest: *mut c_char, source: &[u8], room: usize) {
    let fits = source.len().min(room - 1);
    // SAFETY: `fits` < `room`.
    unsafe {
        ptr::copy_nonoverlapping(source.as_ptr(), dest.cast(), fits);
        dest.add(fits).write(0);
    }
}
