//! The three structs. Same in all 1.x generations; the m-line of 0.x begins in another way.

use crate::abi::refcount::janus_refcount;
use crate::glib::{GList, gboolean};
use libc::{c_char, c_int};

/// A session description. Strings, list nodes and the struct itself are GLib memory.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_sdp {
    pub version: c_int,
    pub o_name: *mut c_char,
    pub o_sessid: u64,
    pub o_version: u64,
    pub o_ipv4: gboolean,
    pub o_addr: *mut c_char,
    pub s_name: *mut c_char,
    pub t_start: u64,
    pub t_stop: u64,
    pub c_ipv4: gboolean,
    pub c_addr: *mut c_char,
    /// Of [`janus_sdp_attribute`].
    pub attributes: *mut GList,
    /// Of [`janus_sdp_mline`].
    pub m_lines: *mut GList,
    pub destroyed: c_int,
    pub r#ref: janus_refcount,
}

assert_layout!(janus_sdp: 128; version @ 0, o_name @ 8, o_sessid @ 16, o_version @ 24, o_ipv4 @ 32, o_addr @ 40,
    s_name @ 48, t_start @ 56, t_stop @ 64, c_ipv4 @ 72, c_addr @ 80, attributes @ 88, m_lines @ 96,
    destroyed @ 104, r#ref @ 112);

/// One `m=` section.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_sdp_mline {
    pub index: c_int,
    /// `MediaType`.
    pub kind: u32,
    pub type_str: *mut c_char,
    pub port: u16,
    pub proto: *mut c_char,
    /// Of strings.
    pub fmts: *mut GList,
    /// Of integers, in the data pointers.
    pub ptypes: *mut GList,
    pub c_ipv4: gboolean,
    pub c_addr: *mut c_char,
    pub b_name: *mut c_char,
    pub b_value: u32,
    /// `Direction`.
    pub direction: u32,
    /// Of [`janus_sdp_attribute`].
    pub attributes: *mut GList,
    pub destroyed: c_int,
    pub r#ref: janus_refcount,
}

assert_layout!(janus_sdp_mline: 112; index @ 0, kind @ 4, type_str @ 8, port @ 16, proto @ 24, fmts @ 32,
    ptypes @ 40, c_ipv4 @ 48, c_addr @ 56, b_name @ 64, b_value @ 72, direction @ 76, attributes @ 80,
    destroyed @ 88, r#ref @ 96);

/// How an m-line of 0.x begins: it has no index. From `type_str` on it is [`janus_sdp_mline`], so that what does not look
/// at the first two fields serves both.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_sdp_mline_a1 {
    /// `MediaType`.
    pub kind: u32,
    pub rest: [u64; 13],
}

assert_layout!(janus_sdp_mline_a1: 112; kind @ 0, rest @ 8);

/// One `a=` line.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_sdp_attribute {
    pub name: *mut c_char,
    /// NULL for a flag.
    pub value: *mut c_char,
    /// `Direction`.
    pub direction: u32,
    pub destroyed: c_int,
    pub r#ref: janus_refcount,
}

assert_layout!(janus_sdp_attribute: 40; name @ 0, value @ 8, direction @ 16, destroyed @ 20, r#ref @ 24);
