//! Life and death of the structs: a reference each for whoever made them, children freed with their parent.

use super::layout::{janus_sdp, janus_sdp_attribute, janus_sdp_mline};
use crate::abi::refcount::{self, Free, janus_refcount};
use crate::glib::{self, GList};
use core::mem::offset_of;
use libc::{c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

/// A zeroed description with one reference.
pub fn new_sdp() -> *mut janus_sdp {
    let sdp = glib::new0::<janus_sdp>();
    // SAFETY: fresh memory of this type.
    unsafe { refcount::init(&raw mut (*sdp).r#ref, free_sdp as Free) };
    sdp
}

/// A zeroed m-line with one reference.
pub fn new_mline() -> *mut janus_sdp_mline {
    let mline = glib::new0::<janus_sdp_mline>();
    // SAFETY: fresh memory of this type.
    unsafe { refcount::init(&raw mut (*mline).r#ref, free_mline as Free) };
    mline
}

/// An attribute with one reference; takes the two strings.
pub fn new_attribute(name: *mut c_char, value: *mut c_char, direction: u32) -> *mut janus_sdp_attribute {
    let attribute = glib::new0::<janus_sdp_attribute>();
    // SAFETY: fresh memory of this type.
    unsafe {
        (*attribute).name = name;
        (*attribute).value = value;
        (*attribute).direction = direction;
        refcount::init(&raw mut (*attribute).r#ref, free_attribute as Free);
    }
    attribute
}

/// The struct of type `T` whose counter, `offset` bytes in, this is.
unsafe fn container<T>(counter: *const janus_refcount, offset: usize) -> *mut T {
    // SAFETY: the caller passes a counter inside a `T`.
    unsafe { counter.cast::<u8>().cast_mut().sub(offset).cast() }
}

unsafe extern "C" fn free_sdp(counter: *const janus_refcount) {
    // SAFETY: set by `new_sdp`, called by the holder of the last reference; strings and nodes are GLib's.
    unsafe {
        let sdp = container::<janus_sdp>(counter, offset_of!(janus_sdp, r#ref));
        for text in [(*sdp).o_name, (*sdp).o_addr, (*sdp).s_name, (*sdp).c_addr] {
            glib::free(text);
        }
        free_attributes((*sdp).attributes);
        for mline in glib::iter::<janus_sdp_mline>((*sdp).m_lines) {
            destroy_mline(mline);
        }
        glib_sys::g_list_free((*sdp).m_lines);
        glib::free(sdp);
    }
}

unsafe extern "C" fn free_mline(counter: *const janus_refcount) {
    // SAFETY: as in `free_sdp`, set by `new_mline`.
    unsafe {
        let mline = container::<janus_sdp_mline>(counter, offset_of!(janus_sdp_mline, r#ref));
        for text in [(*mline).type_str, (*mline).proto, (*mline).c_addr, (*mline).b_name] {
            glib::free(text);
        }
        free_lists(mline);
        glib::free(mline);
    }
}

unsafe extern "C" fn free_attribute(counter: *const janus_refcount) {
    // SAFETY: as in `free_sdp`, set by `new_attribute`.
    unsafe {
        let attribute = container::<janus_sdp_attribute>(counter, offset_of!(janus_sdp_attribute, r#ref));
        glib::free((*attribute).name);
        glib::free((*attribute).value);
        glib::free(attribute);
    }
}

/// Drops formats, payload types and attributes of an m-line and leaves it with none.
///
/// # Safety
/// `mline` is live and nobody else edits it meanwhile.
pub unsafe fn free_lists(mline: *mut janus_sdp_mline) {
    // SAFETY: promised by the caller.
    unsafe {
        free_formats(mline);
        free_attributes((*mline).attributes);
        (*mline).attributes = ptr::null_mut();
    }
}

/// Drops formats and payload types of an m-line.
///
/// # Safety
/// `mline` is live and nobody else edits it meanwhile.
pub unsafe fn free_formats(mline: *mut janus_sdp_mline) {
    // SAFETY: promised by the caller; formats are GLib strings.
    unsafe {
        for format in glib::iter::<c_void>((*mline).fmts) {
            glib::free(format);
        }
        glib_sys::g_list_free((*mline).fmts);
        glib_sys::g_list_free((*mline).ptypes);
        (*mline).fmts = ptr::null_mut();
        (*mline).ptypes = ptr::null_mut();
    }
}

/// # Safety
/// `list` is NULL or a list of attributes; neither is used afterwards.
unsafe fn free_attributes(list: *mut GList) {
    // SAFETY: promised by the caller.
    unsafe {
        for attribute in glib::iter::<janus_sdp_attribute>(list) {
            destroy_attribute(attribute);
        }
        glib_sys::g_list_free(list);
    }
}

/// Whether this is the first time: an object gives up its maker's reference once, however often it is destroyed.
unsafe fn first_time(destroyed: *mut c_int) -> bool {
    // SAFETY: a field of a live object; C changes it atomically too.
    unsafe { AtomicI32::from_ptr(destroyed) }
        .compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
}

/// # Safety
/// `mline` is NULL or live.
pub unsafe fn destroy_mline(mline: *mut janus_sdp_mline) {
    // SAFETY: promised by the caller; the maker's reference is dropped once.
    unsafe {
        if !mline.is_null() && first_time(&raw mut (*mline).destroyed) {
            refcount::decrease(&raw mut (*mline).r#ref);
        }
    }
}

/// # Safety
/// `attribute` is NULL or live.
pub unsafe fn destroy_attribute(attribute: *mut janus_sdp_attribute) {
    // SAFETY: as above.
    unsafe {
        if !attribute.is_null() && first_time(&raw mut (*attribute).destroyed) {
            refcount::decrease(&raw mut (*attribute).r#ref);
        }
    }
}

export! {
    /// Gives up the maker's reference, once; freed with the last one, m-lines and attributes first. HL-212.
    "sdp-utils.h" fn janus_sdp_destroy(sdp: *mut janus_sdp) as nonnull(sdp) or (); {
        // SAFETY: a live description.
        unsafe {
            if first_time(&raw mut (*sdp).destroyed) {
                refcount::decrease(&raw mut (*sdp).r#ref);
            }
        }
    }
    /// As `janus_sdp_destroy`.
    "sdp-utils.h" fn janus_sdp_mline_destroy(mline: *mut janus_sdp_mline) as nonnull(mline) or (); {
        // SAFETY: a live m-line.
        unsafe { destroy_mline(mline) }
    }
    /// As `janus_sdp_destroy`.
    "sdp-utils.h" fn janus_sdp_attribute_destroy(attribute: *mut janus_sdp_attribute)
        as nonnull(attribute) or (); {
        // SAFETY: a live attribute.
        unsafe { destroy_attribute(attribute) }
    }
}
