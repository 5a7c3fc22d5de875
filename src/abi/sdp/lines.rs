//! Parsing, writing and editing.

use super::convert::{mline_to_c, ptypes_to_c, sdp_from_c, sdp_to_c};
use super::layout::{janus_sdp, janus_sdp_attribute, janus_sdp_mline};
use super::names::c_text;
use super::object::{destroy_attribute, destroy_mline, free_formats, new_attribute};
use crate::glib::{self, text};
use crate::sdp::{Direction, MediaType, Mline, Rules, Sdp, starts_with_number};
use crate::util::time;
use libc::{c_char, c_int, c_void};
use std::ptr;

/// Writes as much of `text` as fits, NUL-terminated.
///
/// # Safety
/// `buffer` is NULL or valid for writes of `length` bytes.
pub(super) unsafe fn copy_text(text: &str, buffer: *mut c_char, length: usize) {
    if buffer.is_null() || length == 0 {
        return;
    }
    let count = text.floor_char_boundary(text.len().min(length - 1));
    // SAFETY: `count` + 1 ≤ `length` bytes are written.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, count);
        *buffer.add(count) = 0;
    }
}

/// # Safety
/// `sdp` is a live description that nobody else edits meanwhile.
unsafe fn write(sdp: *mut janus_sdp, rules: &Rules) -> *mut c_char {
    // SAFETY: promised by the caller.
    unsafe {
        for mline in glib::iter::<janus_sdp_mline>((*sdp).m_lines) {
            if (*mline).port == 0 && (*mline).kind != MediaType::Application as u32 {
                free_formats(mline);
                (*mline).ptypes = ptypes_to_c(&[0]);
            }
        }
        glib::strdup(&sdp_from_c(sdp).write_with(rules))
    }
}

export! {
    /// NULL when refused, with the reason in `error` (at most `error_length` bytes with the NUL). HL-170 … HL-179.
    "sdp-utils.h" fn janus_sdp_parse(sdp: *const c_char, error: *mut c_char, error_length: usize) -> *mut janus_sdp
        as nonnull() or ptr::null_mut(); {
        // SAFETY: C text or NULL.
        let parsed = Sdp::parse(&unsafe { text(sdp) }.unwrap_or_default());
        match parsed {
            Ok(parsed) => sdp_to_c(&parsed),
            Err(why) => {
                if !error.is_null() {
                    tracing::error!("Error parsing SDP: {why}");
                }
                // SAFETY: the caller's buffer of that size, or NULL.
                unsafe { copy_text(&why.to_string(), error, error_length) };
                ptr::null_mut()
            }
        }
    }
    /// The text, for `g_free`. A rejected audio or video m-line loses its formats and has the single payload type 0
    /// then, in the struct too. HL-180 … HL-183.
    "sdp-utils.h" fn janus_sdp_write(sdp: *mut janus_sdp) -> *mut c_char as nonnull(sdp) or ptr::null_mut(); {
        // SAFETY: a live description.
        unsafe { write(sdp, &Rules::NATIVE) }
    }
    /// A description without media; session id is the real time in µs. HL-210.
    "sdp-utils.h" fn janus_sdp_new(name: *const c_char, address: *const c_char) -> *mut janus_sdp
        as nonnull() or ptr::null_mut(); {
        // SAFETY: C text or NULL.
        let (name, address) = unsafe { (text(name), text(address)) };
        sdp_to_c(&Sdp::new(name.as_deref(), address.as_deref(), time::real() as u64))
    }
    /// A zeroed m-line of this type; an unknown type has no text and is reported.
    "sdp-utils.h" fn janus_sdp_mline_create(kind: u32, port: u16, proto: *const c_char, direction: u32)
        -> *mut janus_sdp_mline as nonnull() or ptr::null_mut(); {
        let kind = MediaType::from_number(kind);
        if kind == MediaType::Other {
            tracing::warn!("Unknown media type, m-line without a type");
        }
        // SAFETY: C text or NULL.
        let proto = unsafe { text(proto) }.unwrap_or_default();
        let mut mline = Mline::new(kind, port, &proto, Direction::from_number(direction));
        mline.c_ipv4 = false;
        mline_to_c(&mline)
    }
    /// The first m-line of this type, borrowed.
    "sdp-utils.h" fn janus_sdp_mline_find(sdp: *mut janus_sdp, kind: u32) -> *mut janus_sdp_mline
        as nonnull(sdp) or ptr::null_mut(); {
        // SAFETY: a live description.
        unsafe { find(sdp, |m| (*m).kind == kind) }
    }
    /// The m-line with this index, borrowed.
    "sdp-utils.h" fn janus_sdp_mline_find_by_index(sdp: *mut janus_sdp, index: c_int) -> *mut janus_sdp_mline
        as nonnull(sdp) or ptr::null_mut(); {
        if index < 0 {
            return ptr::null_mut();
        }
        // SAFETY: a live description.
        unsafe { find(sdp, |m| (*m).index == index) }
    }
    /// Removes and destroys the first m-line of this type: 0, −1 for NULL, −2 when there is none.
    "sdp-utils.h" fn janus_sdp_mline_remove(sdp: *mut janus_sdp, kind: u32) -> c_int as nonnull(sdp) or -1; {
        // SAFETY: a live description.
        unsafe { remove(sdp, find(sdp, |m| (*m).kind == kind)) }
    }
    /// Appends an attribute and takes it: 0, −1 for NULL.
    "sdp-utils.h" fn janus_sdp_attribute_add_to_mline(mline: *mut janus_sdp_mline, attribute: *mut janus_sdp_attribute)
        -> c_int as nonnull(mline, attribute) or -1; {
        // SAFETY: both live; the list is the m-line's own.
        unsafe {
            (*mline).attributes = glib_sys::g_list_append((*mline).attributes, attribute.cast::<c_void>());
        }
        0
    }
    /// Takes a payload type, and the attributes about it, out of one m-line or all (−1). HL-184.
    "sdp-utils.h" fn janus_sdp_remove_payload_type(sdp: *mut janus_sdp, index: c_int, ptype: c_int) -> c_int
        as nonnull(sdp) or -1; {
        if ptype < 0 {
            return -1;
        }
        // SAFETY: a live description; nodes are removed with what they hold.
        unsafe {
            for mline in glib::iter::<janus_sdp_mline>((*sdp).m_lines) {
                if index == -1 || (*mline).index == index {
                    remove_payload_type(mline, ptype);
                }
            }
        }
        0
    }
    /// Unknown text and NULL are OTHER.
    "sdp-utils.h" fn janus_sdp_parse_mtype(name: *const c_char) -> u32
        as nonnull(name) or MediaType::Other as u32; {
        // SAFETY: C text.
        MediaType::from_name(&unsafe { text(name) }.unwrap_or_default()) as u32
    }
    /// NULL for OTHER. Static.
    "sdp-utils.h" fn janus_sdp_mtype_str(kind: u32) -> *const c_char as nonnull() or ptr::null(); {
        c_text(MediaType::from_number(kind).name())
    }
    /// Unknown text and NULL are INVALID.
    "sdp-utils.h" fn janus_sdp_parse_mdirection(name: *const c_char) -> u32
        as nonnull(name) or Direction::Invalid as u32; {
        // SAFETY: C text.
        Direction::from_name(&unsafe { text(name) }.unwrap_or_default()) as u32
    }
    /// NULL for INVALID. Static.
    "sdp-utils.h" fn janus_sdp_mdirection_str(direction: u32) -> *const c_char as nonnull() or ptr::null(); {
        c_text(Direction::from_number(direction).name())
    }
}

variant! {
    /// 1.0 and 1.1 write the address family of the flag, whatever the address looks like.
    janus_sdp_write in B1 ..= B3, fn write_v1_1(sdp: *mut janus_sdp) -> *mut c_char
        as nonnull(sdp) or ptr::null_mut(); {
        // SAFETY: a live description.
        unsafe { write(sdp, &Rules::V1_1) }
    }
}

/// The first m-line that `wanted` says yes to, or NULL.
///
/// # Safety
/// `sdp` is live and nobody edits it meanwhile.
pub(super) unsafe fn find(
    sdp: *mut janus_sdp,
    wanted: impl Fn(*mut janus_sdp_mline) -> bool,
) -> *mut janus_sdp_mline {
    // SAFETY: promised by the caller.
    unsafe { glib::iter((*sdp).m_lines) }.find(|m| wanted(*m)).unwrap_or(ptr::null_mut())
}

/// Removes and destroys an m-line; −2 for NULL.
///
/// # Safety
/// `mline` is NULL or one of the live description `sdp`, which nobody else edits meanwhile.
pub(super) unsafe fn remove(sdp: *mut janus_sdp, mline: *mut janus_sdp_mline) -> c_int {
    if mline.is_null() {
        return -2;
    }
    // SAFETY: promised by the caller; the node goes with its data.
    unsafe {
        (*sdp).m_lines = glib_sys::g_list_remove((*sdp).m_lines, mline.cast::<c_void>());
        destroy_mline(mline);
    }
    0
}

/// # Safety
/// `mline` is live and nobody else edits it meanwhile.
unsafe fn remove_payload_type(mline: *mut janus_sdp_mline, ptype: c_int) {
    // SAFETY: promised by the caller; `iter` has read on before a node goes.
    unsafe {
        let data = ptr::without_provenance_mut::<c_void>(ptype as isize as usize);
        (*mline).ptypes = glib_sys::g_list_remove_all((*mline).ptypes, data);
        for attribute in glib::iter::<janus_sdp_attribute>((*mline).attributes) {
            if text((*attribute).value).is_some_and(|value| starts_with_number(&value, ptype)) {
                (*mline).attributes =
                    glib_sys::g_list_remove((*mline).attributes, attribute.cast::<c_void>());
                destroy_attribute(attribute);
            }
        }
    }
}

/// An attribute from the C shim, which formatted the value.
///
/// # Safety
/// C text; `value` may be NULL.
#[unsafe(no_mangle)]
unsafe extern "C" fn janus_rs_sdp_attribute(
    name: *const c_char,
    value: *const c_char,
) -> *mut janus_sdp_attribute {
    if name.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: promised by the shim; g_strdup passes NULL through.
    unsafe { new_attribute(glib_sys::g_strdup(name), glib_sys::g_strdup(value), Direction::Default as u32) }
}

export_variadic! {
    /// `printf`-style value (NULL for none), cut at 2047 bytes. HL-211.
    "sdp-utils.h" fn janus_sdp_attribute_create => janus_rs_shim_sdp_attribute_create;
}

variant_variadic! {
    /// Cut at 511 bytes.
    janus_sdp_attribute_create in A1 ..= B3 => janus_rs_shim_sdp_attribute_create_511;
}
