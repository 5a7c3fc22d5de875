//! `plugins/plugin.h` of 0.9.0 … 0.16.x (generations A1 … A10): one audio, one video and one data medium per
//! PeerConnection, so that nothing has an `mindex`.

use super::plugin::{Session, janus_plugin, janus_plugin_data};
use super::plugin_packets::{FIRST_OF_ITS_KIND, PluginRtp, janus_plugin_rtp_extensions_284};
use crate::glib::{FALSE, gboolean};
use crate::json::json_t;
use crate::media::{RtpIn, RtpOut};
use crate::rtp::Extensions;
use crate::rtp::extensions::{Accepted, AudioLevel, Orientation, PlayoutDelay};
use libc::{c_char, c_int, c_void};
use std::ptr;

/// What `create()` of a plugin of 0.9 returns: as [`janus_plugin`], without `data_ready`.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_a1 {
    /// `init` … `incoming_data`, the same in all generations.
    pub common: [*const c_void; 16],
    pub slow_link: Option<SlowLinkOfSingle>,
    pub hangup_media: Option<unsafe extern "C" fn(Session)>,
    pub destroy_session: Option<unsafe extern "C" fn(Session, *mut c_int)>,
    pub query_session: Option<unsafe extern "C" fn(Session) -> *mut json_t>,
}

assert_layout!(janus_plugin_a1: 160; common @ 0, slow_link @ 128, hangup_media @ 136, destroy_session @ 144,
    query_session @ 152);
const _: () = assert!(core::mem::offset_of!(janus_plugin, data_ready) == 16 * 8);

/// `slow_link(handle, uplink, video)` of 0.x.
pub type SlowLinkOfSingle = unsafe extern "C" fn(Session, gboolean, gboolean);

/// What plugins of all of 0.x call. Packets are those of the plugin's generation.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_callbacks_single {
    pub push_event:
        unsafe extern "C" fn(Session, *mut janus_plugin, *const c_char, *mut json_t, *mut json_t) -> c_int,
    pub relay_rtp: unsafe extern "C" fn(Session, *mut c_void),
    pub relay_rtcp: unsafe extern "C" fn(Session, *mut janus_plugin_rtcp_a1),
    pub relay_data: unsafe extern "C" fn(Session, *mut c_void),
    pub send_pli: unsafe extern "C" fn(Session),
    pub send_remb: unsafe extern "C" fn(Session, u32),
    pub close_pc: unsafe extern "C" fn(Session),
    pub end_session: unsafe extern "C" fn(Session),
    pub events_is_enabled: unsafe extern "C" fn() -> gboolean,
    pub notify_event: unsafe extern "C" fn(*mut janus_plugin, Session, *mut json_t),
}

assert_layout!(janus_callbacks_single: 80; push_event @ 0, relay_rtp @ 8, relay_rtcp @ 16, relay_data @ 24,
    send_pli @ 32, send_remb @ 40, close_pc @ 48, end_session @ 56, events_is_enabled @ 64, notify_event @ 72);

type SignatureIsValid = unsafe extern "C" fn(*mut janus_plugin, *const c_char) -> gboolean;
type SignatureContains = unsafe extern "C" fn(*mut janus_plugin, *const c_char, *const c_char) -> gboolean;

/// What plugins of 0.9.0 … 0.11.5 call.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_callbacks_a1 {
    pub common: janus_callbacks_single,
    pub auth_is_signature_valid: SignatureIsValid,
    pub auth_signature_contains: SignatureContains,
}

assert_layout!(janus_callbacks_a1: 96; common @ 0, auth_is_signature_valid @ 80, auth_signature_contains @ 88);

/// What plugins of 0.11.6 … 0.16.x call.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_callbacks_a8 {
    pub common: janus_callbacks_single,
    pub auth_is_signed: unsafe extern "C" fn() -> gboolean,
    pub auth_is_signature_valid: SignatureIsValid,
    pub auth_signature_contains: SignatureContains,
}

assert_layout!(janus_callbacks_a8: 104; common @ 0, auth_is_signed @ 80, auth_is_signature_valid @ 88,
    auth_signature_contains @ 96);

/// v0.9.0 … v0.11.7.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_rtp_extensions_20 {
    pub audio_level: i8,
    pub audio_level_vad: gboolean,
    pub video_rotation: i16,
    pub video_back_camera: gboolean,
    pub video_flipped: gboolean,
}

assert_layout!(janus_plugin_rtp_extensions_20: 20; audio_level @ 0, audio_level_vad @ 4, video_rotation @ 8,
    video_back_camera @ 12, video_flipped @ 16);

/// v0.11.8: with the dependency descriptor, without delays.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_rtp_extensions_280 {
    pub audio_level: i8,
    pub audio_level_vad: gboolean,
    pub video_rotation: i16,
    pub video_back_camera: gboolean,
    pub video_flipped: gboolean,
    pub dd_len: u8,
    pub dd_content: [u8; 256],
}

assert_layout!(janus_plugin_rtp_extensions_280: 280; audio_level @ 0, audio_level_vad @ 4, video_rotation @ 8,
    video_back_camera @ 12, video_flipped @ 16, dd_len @ 20, dd_content @ 21);

impl janus_plugin_rtp_extensions_20 {
    /// No extension present.
    pub const ABSENT: Self = Self {
        audio_level: -1,
        audio_level_vad: FALSE,
        video_rotation: -1,
        video_back_camera: FALSE,
        video_flipped: FALSE,
    };
}

impl janus_plugin_rtp_extensions_280 {
    /// No extension present.
    pub const ABSENT: Self = Self {
        audio_level: -1,
        audio_level_vad: FALSE,
        video_rotation: -1,
        video_back_camera: FALSE,
        video_flipped: FALSE,
        dd_len: 0,
        dd_content: [0; 256],
    };
}

/// Declares the RTP packet of some generations. The medium is the first of its kind.
macro_rules! single_stream_packet {
    ($(#[$meta:meta])* $packet:ident, $extensions:ident, $size:literal) => {
        $(#[$meta])*
        #[repr(C)]
        #[allow(non_camel_case_types)]
        pub struct $packet {
            pub video: gboolean,
            pub buffer: *mut c_char,
            pub length: u16,
            pub extensions: $extensions,
        }

        assert_layout!($packet: $size; video @ 0, buffer @ 8, length @ 16, extensions @ 20);

        impl $packet {
            pub const EMPTY: Self =
                Self { video: FALSE, buffer: ptr::null_mut(), length: 0, extensions: $extensions::ABSENT };
        }
    };
}

single_stream_packet! {
    /// Generations A1 … A8.
    janus_plugin_rtp_a1, janus_plugin_rtp_extensions_20, 40
}
single_stream_packet! {
    /// Generation A9.
    janus_plugin_rtp_a9, janus_plugin_rtp_extensions_280, 304
}
single_stream_packet! {
    /// Generation A10.
    janus_plugin_rtp_a10, janus_plugin_rtp_extensions_284, 304
}

plugin_rtp!(janus_plugin_rtp_a1 single, janus_plugin_rtp_extensions_20, janus_plugin_rtp_extensions_20::ABSENT;);
plugin_rtp!(janus_plugin_rtp_a9 single, janus_plugin_rtp_extensions_280, janus_plugin_rtp_extensions_280::ABSENT;
    descriptor);
// Its extensions are those of B1 … B4, filled there.
plugin_rtp!(@packet janus_plugin_rtp_a10 single, janus_plugin_rtp_extensions_284; delay, descriptor);

/// All of 0.x.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_rtcp_a1 {
    pub video: gboolean,
    pub buffer: *mut c_char,
    pub length: u16,
}

assert_layout!(janus_plugin_rtcp_a1: 24; video @ 0, buffer @ 8, length @ 16);

/// 0.9: without the protocol.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_data_a1 {
    pub label: *mut c_char,
    pub binary: gboolean,
    pub buffer: *mut c_char,
    pub length: u16,
}

assert_layout!(janus_plugin_data_a1: 32; label @ 0, binary @ 8, buffer @ 16, length @ 24);

/// What `relay_data` of every generation says; texts are NULL or NUL-terminated.
pub struct DataFields {
    pub label: *const c_char,
    pub protocol: *const c_char,
    pub binary: bool,
    pub buffer: *const c_char,
    pub length: u16,
}

/// A generation's data packet.
pub trait PluginData: Sized {
    fn new(label: *mut c_char, protocol: *mut c_char, binary: bool, buffer: *mut c_char, length: u16)
    -> Self;
    fn fields(&self) -> DataFields;
}

impl PluginData for janus_plugin_data {
    fn new(
        label: *mut c_char,
        protocol: *mut c_char,
        binary: bool,
        buffer: *mut c_char,
        length: u16,
    ) -> Self {
        Self { label, protocol, binary: gboolean::from(binary), buffer, length }
    }

    fn fields(&self) -> DataFields {
        let Self { label, protocol, binary, buffer, length } = *self;
        DataFields { label, protocol, binary: binary != FALSE, buffer, length }
    }
}

impl PluginData for janus_plugin_data_a1 {
    fn new(label: *mut c_char, _: *mut c_char, binary: bool, buffer: *mut c_char, length: u16) -> Self {
        Self { label, binary: gboolean::from(binary), buffer, length }
    }

    fn fields(&self) -> DataFields {
        let Self { label, binary, buffer, length } = *self;
        DataFields { label, protocol: ptr::null(), binary: binary != FALSE, buffer, length }
    }
}

variant! {
    /// 20 bytes.
    janus_plugin_rtp_extensions_reset in A1 ..= A8, fn janus_plugin_rtp_extensions_reset_20(
        extensions: *mut janus_plugin_rtp_extensions_20) as nonnull(extensions) or (); {
        // SAFETY: valid for writes as that generation's header asks.
        unsafe { extensions.write(janus_plugin_rtp_extensions_20::ABSENT) }
    }
    /// 280 bytes.
    janus_plugin_rtp_extensions_reset in A9 ..= A9, fn janus_plugin_rtp_extensions_reset_280(
        extensions: *mut janus_plugin_rtp_extensions_280) as nonnull(extensions) or (); {
        // SAFETY: valid for writes as that generation's header asks.
        unsafe { extensions.write(janus_plugin_rtp_extensions_280::ABSENT) }
    }

    /// 40 bytes.
    janus_plugin_rtp_reset in A1 ..= A8, fn janus_plugin_rtp_reset_a1(packet: *mut janus_plugin_rtp_a1)
        as nonnull(packet) or (); {
        // SAFETY: valid for writes as that generation's header asks.
        unsafe { packet.write(janus_plugin_rtp_a1::EMPTY) }
    }
    /// 304 bytes.
    janus_plugin_rtp_reset in A9 ..= A9, fn janus_plugin_rtp_reset_a9(packet: *mut janus_plugin_rtp_a9)
        as nonnull(packet) or (); {
        // SAFETY: valid for writes as that generation's header asks.
        unsafe { packet.write(janus_plugin_rtp_a9::EMPTY) }
    }
    /// 304 bytes.
    janus_plugin_rtp_reset in A10 ..= A10, fn janus_plugin_rtp_reset_a10(packet: *mut janus_plugin_rtp_a10)
        as nonnull(packet) or (); {
        // SAFETY: valid for writes as that generation's header asks.
        unsafe { packet.write(janus_plugin_rtp_a10::EMPTY) }
    }

    /// Zero: there is no `mindex`.
    janus_plugin_rtcp_reset in A1 ..= A10, fn janus_plugin_rtcp_reset_a1(packet: *mut janus_plugin_rtcp_a1)
        as nonnull(packet) or (); {
        // SAFETY: valid for writes as that generation's header asks. All bytes are zero, also those between fields.
        unsafe { packet.write_bytes(0, 1) }
    }

    /// 32 bytes.
    janus_plugin_data_reset in A1 ..= A3, fn janus_plugin_data_reset_a1(packet: *mut janus_plugin_data_a1)
        as nonnull(packet) or (); {
        // SAFETY: valid for writes as that generation's header asks.
        unsafe { packet.write_bytes(0, 1) }
    }
}

#[cfg(test)]
mod tests;
