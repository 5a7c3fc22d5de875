//! C structs ↔ the Rust model. Text that is not UTF-8 is replaced.

use super::layout::{janus_sdp, janus_sdp_attribute, janus_sdp_mline};
use super::object::{free_lists, new_attribute, new_mline, new_sdp};
use crate::glib::{self, GList, text};
use crate::sdp::{Attribute, Direction, MediaType, Mline, Sdp};
use libc::{c_char, c_int, c_void};
use std::ptr;

fn attribute_to_c(attribute: &Attribute) -> *mut janus_sdp_attribute {
    let value = glib::strdup_opt(attribute.value.as_deref());
    new_attribute(glib::strdup(&attribute.name), value, attribute.direction as u32)
}

fn attributes_to_c(attributes: &[Attribute]) -> *mut GList {
    glib::list(attributes.iter().map(attribute_to_c))
}

/// Payload types stand in the data pointers themselves.
pub fn ptypes_to_c(ptypes: &[i32]) -> *mut GList {
    glib::list(ptypes.iter().map(|ptype| ptr::without_provenance_mut::<c_void>(*ptype as isize as usize)))
}

fn nonempty(text: &str) -> *mut c_char {
    glib::strdup_opt(Some(text).filter(|t| !t.is_empty()))
}

pub fn mline_to_c(mline: &Mline) -> *mut janus_sdp_mline {
    let c = new_mline();
    // SAFETY: a fresh m-line of ours; all strings are new GLib memory.
    unsafe {
        (*c).index = mline.index;
        (*c).kind = mline.kind as u32;
        (*c).type_str = nonempty(&mline.type_str);
        (*c).proto = nonempty(&mline.proto);
        (*c).c_ipv4 = c_int::from(mline.c_ipv4);
        (*c).c_addr = glib::strdup_opt(mline.c_addr.as_deref());
        (*c).b_name = glib::strdup_opt(mline.b_name.as_deref());
        (*c).b_value = mline.b_value;
        fill_lists(c, mline);
    }
    c
}

/// Replaces what a generator decides: port, direction, formats, payload types, attributes.
///
/// # Safety
/// `c` is live and nobody else edits it meanwhile.
pub unsafe fn refill_mline(c: *mut janus_sdp_mline, mline: &Mline) {
    // SAFETY: promised by the caller.
    unsafe {
        free_lists(c);
        fill_lists(c, mline);
    }
}

/// # Safety
/// `c` is live and has no lists.
unsafe fn fill_lists(c: *mut janus_sdp_mline, mline: &Mline) {
    // SAFETY: promised by the caller.
    unsafe {
        (*c).port = mline.port;
        (*c).direction = mline.direction as u32;
        (*c).fmts = glib::list(mline.fmts.iter().map(|format| glib::strdup(format)));
        (*c).ptypes = ptypes_to_c(&mline.ptypes);
        (*c).attributes = attributes_to_c(&mline.attributes);
    }
}

pub fn sdp_to_c(sdp: &Sdp) -> *mut janus_sdp {
    sdp_with(sdp, mline_to_c)
}

/// A description whose m-lines `mline` makes.
pub fn sdp_with<T>(sdp: &Sdp, mline: impl Fn(&Mline) -> *mut T) -> *mut janus_sdp {
    let c = new_sdp();
    // SAFETY: a fresh description of ours.
    unsafe {
        (*c).version = sdp.version;
        (*c).o_name = glib::strdup_opt(sdp.o_name.as_deref());
        (*c).o_sessid = sdp.o_sessid;
        (*c).o_version = sdp.o_version;
        (*c).o_ipv4 = c_int::from(sdp.o_ipv4);
        (*c).o_addr = glib::strdup_opt(sdp.o_addr.as_deref());
        (*c).s_name = glib::strdup_opt(sdp.s_name.as_deref());
        (*c).t_start = sdp.t_start;
        (*c).t_stop = sdp.t_stop;
        (*c).c_ipv4 = c_int::from(sdp.c_ipv4);
        (*c).c_addr = glib::strdup_opt(sdp.c_addr.as_deref());
        (*c).attributes = attributes_to_c(&sdp.attributes);
        (*c).m_lines = glib::list(sdp.mlines.iter().map(mline));
    }
    c
}

/// # Safety
/// `list` is NULL or a list of attributes that nobody edits meanwhile.
unsafe fn attributes_from_c(list: *mut GList) -> Vec<Attribute> {
    // SAFETY: promised by the caller.
    unsafe {
        glib::iter::<janus_sdp_attribute>(list)
            .filter(|a| !a.is_null())
            .map(|a| Attribute {
                name: text((*a).name).unwrap_or_default(),
                value: text((*a).value),
                direction: Direction::from_number((*a).direction),
            })
            .collect()
    }
}

/// # Safety
/// `c` is a live m-line that nobody edits meanwhile.
pub unsafe fn mline_from_c(c: *const janus_sdp_mline) -> Mline {
    // SAFETY: promised by the caller; formats are strings, payload types integers in pointers.
    unsafe {
        Mline {
            index: (*c).index,
            kind: MediaType::from_number((*c).kind),
            type_str: text((*c).type_str).unwrap_or_default(),
            port: (*c).port,
            proto: text((*c).proto).unwrap_or_default(),
            fmts: glib::iter::<c_char>((*c).fmts).filter_map(|f| text(f)).collect(),
            ptypes: glib::iter::<c_void>((*c).ptypes).map(|p| p.addr() as i32).collect(),
            c_ipv4: (*c).c_ipv4 != 0,
            c_addr: text((*c).c_addr),
            b_name: text((*c).b_name),
            b_value: (*c).b_value,
            direction: Direction::from_number((*c).direction),
            attributes: attributes_from_c((*c).attributes),
        }
    }
}

/// # Safety
/// `c` is a live description that nobody edits meanwhile.
pub unsafe fn sdp_from_c(c: *const janus_sdp) -> Sdp {
    // SAFETY: promised by the caller.
    unsafe {
        let mlines = glib::iter::<janus_sdp_mline>((*c).m_lines).filter(|m| !m.is_null());
        session_from_c(c, mlines.map(|m| mline_from_c(m)).collect())
    }
}

/// A description with these m-lines.
///
/// # Safety
/// `c` is a live description that nobody edits meanwhile.
pub unsafe fn session_from_c(c: *const janus_sdp, mlines: Vec<Mline>) -> Sdp {
    // SAFETY: promised by the caller.
    unsafe {
        Sdp {
            version: (*c).version,
            o_name: text((*c).o_name),
            o_sessid: (*c).o_sessid,
            o_version: (*c).o_version,
            o_ipv4: (*c).o_ipv4 != 0,
            o_addr: text((*c).o_addr),
            s_name: text((*c).s_name),
            t_start: (*c).t_start,
            t_stop: (*c).t_stop,
            c_ipv4: (*c).c_ipv4 != 0,
            c_addr: text((*c).c_addr),
            attributes: attributes_from_c((*c).attributes),
            mlines,
        }
    }
}
