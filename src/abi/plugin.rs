//! `plugins/plugin.h`: the plugin's function table, the core's callback table, and what passes between them.
//! The RTP packet structs stand in [`super::plugin_packets`], all of 0.x in [`super::plugin_single`].

use super::plugin_packets::{
    ABSENT, EMPTY_RTP, janus_plugin_rtp_b3, janus_plugin_rtp_b5, janus_plugin_rtp_extensions_284,
    janus_plugin_rtp_extensions_296,
};
pub use super::plugin_packets::{janus_plugin_rtp, janus_plugin_rtp_extensions};
use super::refcount::janus_refcount;
use crate::glib::{self, gboolean};
use crate::json::{Json, json_t};
use libc::{c_char, c_int, c_void};
use std::ptr;

/// The layout that [`janus_plugin`] and the packets below have natively (1.3.2 … 1.4.1).
pub const API_VERSION: c_int = 106;

type Text = Option<unsafe extern "C" fn() -> *const c_char>;
type Number = Option<unsafe extern "C" fn() -> c_int>;
pub(super) type Session = *mut janus_plugin_session;

/// What `create()` of a plugin returns: 21 function pointers, the same from 0.10.0 on. `incoming_…` take the packet structs
/// of the plugin's generation; `slow_link` of 0.x has other arguments.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin {
    pub init: Option<unsafe extern "C" fn(*mut janus_callbacks, *const c_char) -> c_int>,
    pub destroy: Option<unsafe extern "C" fn()>,
    pub get_api_compatibility: Number,
    pub get_version: Number,
    pub get_version_string: Text,
    pub get_description: Text,
    pub get_name: Text,
    pub get_author: Text,
    pub get_package: Text,
    pub create_session: Option<unsafe extern "C" fn(Session, *mut c_int)>,
    pub handle_message: Option<
        unsafe extern "C" fn(Session, *mut c_char, *mut json_t, *mut json_t) -> *mut janus_plugin_result,
    >,
    pub handle_admin_message: Option<unsafe extern "C" fn(*mut json_t) -> *mut json_t>,
    pub setup_media: Option<unsafe extern "C" fn(Session)>,
    pub incoming_rtp: Option<unsafe extern "C" fn(Session, *mut c_void)>,
    pub incoming_rtcp: Option<unsafe extern "C" fn(Session, *mut c_void)>,
    pub incoming_data: Option<unsafe extern "C" fn(Session, *mut c_void)>,
    pub data_ready: Option<unsafe extern "C" fn(Session)>,
    pub slow_link: Option<unsafe extern "C" fn(Session, c_int, gboolean, gboolean)>,
    pub hangup_media: Option<unsafe extern "C" fn(Session)>,
    pub destroy_session: Option<unsafe extern "C" fn(Session, *mut c_int)>,
    pub query_session: Option<unsafe extern "C" fn(Session) -> *mut json_t>,
}

assert_layout!(janus_plugin: 168; init @ 0, destroy @ 8, get_api_compatibility @ 16, get_version @ 24,
    get_version_string @ 32, get_description @ 40, get_name @ 48, get_author @ 56, get_package @ 64,
    create_session @ 72, handle_message @ 80, handle_admin_message @ 88, setup_media @ 96, incoming_rtp @ 104,
    incoming_rtcp @ 112, incoming_data @ 120, data_ready @ 128, slow_link @ 136, hangup_media @ 144,
    destroy_session @ 152, query_session @ 160);

/// What plugins of 1.x call. `relay_rtp` takes the packet struct of the plugin's generation.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_callbacks {
    pub push_event:
        unsafe extern "C" fn(Session, *mut janus_plugin, *const c_char, *mut json_t, *mut json_t) -> c_int,
    pub relay_rtp: unsafe extern "C" fn(Session, *mut c_void),
    pub relay_rtcp: unsafe extern "C" fn(Session, *mut janus_plugin_rtcp),
    pub relay_data: unsafe extern "C" fn(Session, *mut c_void),
    pub send_pli: unsafe extern "C" fn(Session),
    pub send_pli_stream: unsafe extern "C" fn(Session, c_int),
    pub send_remb: unsafe extern "C" fn(Session, u32),
    pub close_pc: unsafe extern "C" fn(Session),
    pub end_session: unsafe extern "C" fn(Session),
    pub events_is_enabled: unsafe extern "C" fn() -> gboolean,
    pub notify_event: unsafe extern "C" fn(*mut janus_plugin, Session, *mut json_t),
    pub auth_is_signed: unsafe extern "C" fn() -> gboolean,
    pub auth_is_signature_valid: unsafe extern "C" fn(*mut janus_plugin, *const c_char) -> gboolean,
    pub auth_signature_contains:
        unsafe extern "C" fn(*mut janus_plugin, *const c_char, *const c_char) -> gboolean,
}

assert_layout!(janus_callbacks: 112; push_event @ 0, relay_rtp @ 8, relay_rtcp @ 16, relay_data @ 24,
    send_pli @ 32, send_pli_stream @ 40, send_remb @ 48, close_pc @ 56, end_session @ 64, events_is_enabled @ 72,
    notify_event @ 80, auth_is_signed @ 88, auth_is_signature_valid @ 96, auth_signature_contains @ 104);

/// One handle, as core and plugin share it (control-plane.md §6.2). Ours, but C may drop the last reference.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_session {
    /// Opaque to plugins.
    pub gateway_handle: *mut c_void,
    /// Opaque to the core.
    pub plugin_handle: *mut c_void,
    /// 1 once the core has stopped the handle; accessed atomically.
    pub stopped: c_int,
    pub r#ref: janus_refcount,
}

assert_layout!(janus_plugin_session: 40; gateway_handle @ 0, plugin_handle @ 8, stopped @ 16, r#ref @ 24);

/// `janus_plugin_result.type`.
pub const RESULT_ERROR: c_int = -1;
pub const RESULT_OK: c_int = 0;
pub const RESULT_OK_WAIT: c_int = 1;

/// A plugin's answer to `handle_message` (control-plane.md §5.4).
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_result {
    pub r#type: c_int,
    /// Borrowed for ever: nobody frees it.
    pub text: *const c_char,
    /// One reference, owned by the result.
    pub content: *mut json_t,
}

assert_layout!(janus_plugin_result: 24; r#type @ 0, text @ 8, content @ 16);

/// The same in all 1.x generations.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_rtcp {
    pub mindex: c_int,
    pub video: gboolean,
    pub buffer: *mut c_char,
    pub length: u16,
}

assert_layout!(janus_plugin_rtcp: 24; mindex @ 0, video @ 4, buffer @ 8, length @ 16);

/// The same from 0.10.0 on.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_data {
    pub label: *mut c_char,
    pub protocol: *mut c_char,
    pub binary: gboolean,
    pub buffer: *mut c_char,
    pub length: u16,
}

assert_layout!(janus_plugin_data: 40; label @ 0, protocol @ 8, binary @ 16, buffer @ 24, length @ 32);

export! {
    /// A result for `handle_message`, released by [`janus_plugin_result_destroy`]. `text` is borrowed and never freed;
    /// the reference of `content` is taken over. Both may be NULL. HL-236.
    "plugins/plugin.h" fn janus_plugin_result_new(r#type: c_int, text: *const c_char, content: *mut json_t)
        -> *mut janus_plugin_result as nonnull() or ptr::null_mut(); {
        let result = glib::new0::<janus_plugin_result>();
        // SAFETY: a fresh block of this type.
        unsafe { result.write(janus_plugin_result { r#type, text, content }) };
        result
    }

    /// Drops the content's reference and frees the struct, never the text. HL-236.
    "plugins/plugin.h" fn janus_plugin_result_destroy(result: *mut janus_plugin_result) as nonnull(result) or (); {
        // SAFETY: made by janus_plugin_result_new and not used afterwards; it owns one reference of the content.
        unsafe {
            drop(Json::from_owned((*result).content));
            glib::free(result);
        }
    }

    /// Sets every value to "absent", except `abs_capture_ts`, which stays as it is (HL-237).
    "plugins/plugin.h" fn janus_plugin_rtp_extensions_reset(extensions: *mut janus_plugin_rtp_extensions)
        as nonnull(extensions) or (); {
        // SAFETY: valid for writes as the header asks.
        unsafe {
            let capture = (&raw const (*extensions).abs_capture_ts).read_unaligned();
            extensions.write(janus_plugin_rtp_extensions { abs_capture_ts: capture, ..ABSENT });
        }
    }

    /// Zero, `mindex` −1, extensions absent.
    "plugins/plugin.h" fn janus_plugin_rtp_reset(packet: *mut janus_plugin_rtp) as nonnull(packet) or (); {
        // SAFETY: valid for writes as the header asks.
        unsafe { packet.write(EMPTY_RTP) }
    }

    /// A copy of packet and buffer; the receiver frees the buffer, then the struct, with `g_free`. NULL for NULL.
    "plugins/plugin.h" fn janus_plugin_rtp_duplicate(packet: *mut janus_plugin_rtp) -> *mut janus_plugin_rtp
        as nonnull(packet) or ptr::null_mut(); {
        // SAFETY: `packet` is valid, its buffer holds `length` bytes; the copy is fresh memory of this type.
        unsafe {
            let copy = glib::new0::<janus_plugin_rtp>();
            ptr::copy_nonoverlapping(packet, copy, 1);
            (*copy).buffer = glib::memdup((*packet).buffer, usize::from((*packet).length));
            copy
        }
    }

    /// Zero, `mindex` −1.
    "plugins/plugin.h" fn janus_plugin_rtcp_reset(packet: *mut janus_plugin_rtcp) as nonnull(packet) or (); {
        // SAFETY: valid for writes as the header asks. All bytes are zero, also those between and behind the fields.
        unsafe {
            packet.write_bytes(0, 1);
            (*packet).mindex = -1;
        }
    }

    /// Zero.
    "plugins/plugin.h" fn janus_plugin_data_reset(packet: *mut janus_plugin_data) as nonnull(packet) or (); {
        // SAFETY: valid for writes as the header asks.
        unsafe { packet.write_bytes(0, 1) }
    }
}

variant! {
    /// 284 bytes, without capture time and layers.
    janus_plugin_rtp_extensions_reset in A10 ..= B4, fn janus_plugin_rtp_extensions_reset_284(
        extensions: *mut janus_plugin_rtp_extensions_284) as nonnull(extensions) or (); {
        // SAFETY: valid for writes as that generation's header asks.
        unsafe { extensions.write(janus_plugin_rtp_extensions_284::ABSENT) }
    }

    /// 296 bytes; the capture time stays.
    janus_plugin_rtp_extensions_reset in B5 ..= B5, fn janus_plugin_rtp_extensions_reset_296(
        extensions: *mut janus_plugin_rtp_extensions_296) as nonnull(extensions) or (); {
        // SAFETY: valid for writes as that generation's header asks.
        unsafe {
            let capture = (&raw const (*extensions).abs_capture_ts).read_unaligned();
            extensions.write(janus_plugin_rtp_extensions_296 {
                abs_capture_ts: capture,
                ..janus_plugin_rtp_extensions_296::ABSENT
            });
        }
    }

    /// 304 bytes.
    janus_plugin_rtp_reset in B1 ..= B4, fn janus_plugin_rtp_reset_b3(packet: *mut janus_plugin_rtp_b3)
        as nonnull(packet) or (); {
        // SAFETY: valid for writes as that generation's header asks.
        unsafe { packet.write(janus_plugin_rtp_b3::EMPTY) }
    }

    /// 320 bytes.
    janus_plugin_rtp_reset in B5 ..= B5, fn janus_plugin_rtp_reset_b5(packet: *mut janus_plugin_rtp_b5)
        as nonnull(packet) or (); {
        // SAFETY: valid for writes as that generation's header asks.
        unsafe { packet.write(janus_plugin_rtp_b5::EMPTY) }
    }

    /// 304 bytes; A10 has nothing in the place of `mindex`, and the rest where B1 has it.
    janus_plugin_rtp_duplicate in A10 ..= B4, fn janus_plugin_rtp_duplicate_b3(packet: *mut janus_plugin_rtp_b3)
        -> *mut janus_plugin_rtp_b3 as nonnull(packet) or ptr::null_mut(); {
        // SAFETY: as the native function.
        unsafe {
            let copy = glib::new0::<janus_plugin_rtp_b3>();
            ptr::copy_nonoverlapping(packet, copy, 1);
            (*copy).buffer = glib::memdup((*packet).buffer, usize::from((*packet).length));
            copy
        }
    }

    /// 320 bytes.
    janus_plugin_rtp_duplicate in B5 ..= B5, fn janus_plugin_rtp_duplicate_b5(packet: *mut janus_plugin_rtp_b5)
        -> *mut janus_plugin_rtp_b5 as nonnull(packet) or ptr::null_mut(); {
        // SAFETY: as the native function.
        unsafe {
            let copy = glib::new0::<janus_plugin_rtp_b5>();
            ptr::copy_nonoverlapping(packet, copy, 1);
            (*copy).buffer = glib::memdup((*packet).buffer, usize::from((*packet).length));
            copy
        }
    }
}

#[cfg(test)]
mod tests;
