//! RTP packet structs of the 1.x generations, the native one first, and [`PluginRtp`]: how each generation's struct is filled
//! from, and read as, the engine's own packets. No allocation, one copy of the small extension values. Those of 0.x stand in
//! [`super::plugin_single`].

use crate::glib::{FALSE, gboolean};
use crate::media::{RtpIn, RtpOut};
use crate::rtp::Extensions;
use crate::rtp::extensions::{Accepted, AudioLevel, Orientation, PlayoutDelay};
use libc::{c_char, c_int};
use std::ptr;

/// Values of RTP header extensions; −1 (levels, rotation, delays, layers) and 0 (dd_len, abs_capture_ts) = absent.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_rtp_extensions {
    pub audio_level: i8,
    pub audio_level_vad: gboolean,
    pub video_rotation: i16,
    pub video_back_camera: gboolean,
    pub video_flipped: gboolean,
    pub min_delay: i16,
    pub max_delay: i16,
    pub dd_len: u8,
    pub dd_content: [u8; 256],
    pub abs_capture_ts: u64,
    pub spatial_layers: i8,
    pub temporal_layers: i8,
}

assert_layout!(janus_plugin_rtp_extensions: 304; audio_level @ 0, audio_level_vad @ 4, video_rotation @ 8,
    video_back_camera @ 12, video_flipped @ 16, min_delay @ 20, max_delay @ 22, dd_len @ 24, dd_content @ 25,
    abs_capture_ts @ 288, spatial_layers @ 296, temporal_layers @ 297);

#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_rtp {
    pub mindex: c_int,
    pub video: gboolean,
    pub buffer: *mut c_char,
    pub length: u16,
    pub extensions: janus_plugin_rtp_extensions,
}

assert_layout!(janus_plugin_rtp: 328; mindex @ 0, video @ 4, buffer @ 8, length @ 16, extensions @ 24);

/// No extension present.
pub const ABSENT: janus_plugin_rtp_extensions = janus_plugin_rtp_extensions {
    audio_level: -1,
    audio_level_vad: FALSE,
    video_rotation: -1,
    video_back_camera: FALSE,
    video_flipped: FALSE,
    min_delay: -1,
    max_delay: -1,
    dd_len: 0,
    dd_content: [0; 256],
    abs_capture_ts: 0,
    spatial_layers: -1,
    temporal_layers: -1,
};

/// No packet.
pub const EMPTY_RTP: janus_plugin_rtp =
    janus_plugin_rtp { mindex: -1, video: FALSE, buffer: ptr::null_mut(), length: 0, extensions: ABSENT };

/// v0.12.0 … v1.2.0 (0.x from generation A10 on): without capture time and layer counts.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_rtp_extensions_284 {
    pub audio_level: i8,
    pub audio_level_vad: gboolean,
    pub video_rotation: i16,
    pub video_back_camera: gboolean,
    pub video_flipped: gboolean,
    pub min_delay: i16,
    pub max_delay: i16,
    pub dd_len: u8,
    pub dd_content: [u8; 256],
}

assert_layout!(janus_plugin_rtp_extensions_284: 284; audio_level @ 0, audio_level_vad @ 4, video_rotation @ 8,
    video_back_camera @ 12, video_flipped @ 16, min_delay @ 20, max_delay @ 22, dd_len @ 24, dd_content @ 25);

/// v1.2.1 … v1.3.1: with capture time, without layer counts.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_rtp_extensions_296 {
    pub audio_level: i8,
    pub audio_level_vad: gboolean,
    pub video_rotation: i16,
    pub video_back_camera: gboolean,
    pub video_flipped: gboolean,
    pub min_delay: i16,
    pub max_delay: i16,
    pub dd_len: u8,
    pub dd_content: [u8; 256],
    pub abs_capture_ts: u64,
}

assert_layout!(janus_plugin_rtp_extensions_296: 296; audio_level @ 0, audio_level_vad @ 4, video_rotation @ 8,
    video_back_camera @ 12, video_flipped @ 16, min_delay @ 20, max_delay @ 22, dd_len @ 24, dd_content @ 25,
    abs_capture_ts @ 288);

/// Generations B1 … B4.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_rtp_b3 {
    pub mindex: c_int,
    pub video: gboolean,
    pub buffer: *mut c_char,
    pub length: u16,
    pub extensions: janus_plugin_rtp_extensions_284,
}

assert_layout!(janus_plugin_rtp_b3: 304; mindex @ 0, video @ 4, buffer @ 8, length @ 16, extensions @ 20);

/// Generation B5.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_plugin_rtp_b5 {
    pub mindex: c_int,
    pub video: gboolean,
    pub buffer: *mut c_char,
    pub length: u16,
    pub extensions: janus_plugin_rtp_extensions_296,
}

assert_layout!(janus_plugin_rtp_b5: 320; mindex @ 0, video @ 4, buffer @ 8, length @ 16, extensions @ 24);

/// A generation's RTP packet struct.
pub trait PluginRtp: Sized {
    /// Plugins of this generation may hand over less than the whole struct: bindings of other languages leave out what
    /// they do not know. Then no extension value is read but the accepted ones.
    const MAY_BE_SHORT: bool;

    /// The struct for `incoming_rtp`, pointing into `packet`.
    fn fill(packet: &mut RtpIn<'_>) -> Self;

    /// What `relay_rtp` was given. `None` without a buffer.
    ///
    /// # Safety
    /// `this` is valid up to its extensions, and in these as far as the accepted ones; `buffer` is NULL or holds `length`
    /// bytes. Nobody writes to any of it during `'a`.
    unsafe fn read<'a>(this: *const Self, accepted: Accepted) -> Option<RtpOut<'a>>;
}

/// Implements [`PluginRtp`]. After the name of the packet `streams` or `single`, after that of the extensions the groups
/// of values that these have beyond audio level and orientation.
macro_rules! plugin_rtp {
    ($packet:ident $stream:ident, $extensions:ident, $absent:expr; $($tail:ident),*) => {
        impl $extensions {
            pub(super) fn fill(from: &Extensions<'_>) -> Self {
                let mut to = $absent;
                if let Some(audio) = from.audio_level {
                    to.audio_level = audio.level as i8;
                    to.audio_level_vad = gboolean::from(audio.voice);
                }
                if let Some(orientation) = from.orientation {
                    to.video_rotation = orientation.rotation as i16;
                    to.video_back_camera = gboolean::from(orientation.back_camera);
                    to.video_flipped = gboolean::from(orientation.flipped);
                }
                $( plugin_rtp!(@fill $tail, from, to); )*
                to
            }
        }

        plugin_rtp!(@packet $packet $stream, $extensions; $($tail),*);
    };
    (@packet $packet:ident $stream:ident, $extensions:ident; $($tail:ident),*) => {
        impl PluginRtp for $packet {
            const MAY_BE_SHORT: bool = plugin_rtp!(@short $stream);

            fn fill(packet: &mut RtpIn<'_>) -> Self {
                plugin_rtp!(@new $stream, $packet, packet, $extensions::fill(&packet.extensions))
            }

            #[inline]
            unsafe fn read<'a>(this: *const Self, accepted: Accepted) -> Option<RtpOut<'a>> {
                // Only places inside the struct are named; nothing is read that the caller has not promised.
                // SAFETY: promised by the caller.
                unsafe {
                    let (buffer, length) = ((*this).buffer, (*this).length);
                    if buffer.is_null() {
                        return None;
                    }
                    let packet = std::slice::from_raw_parts(buffer.cast::<u8>(), usize::from(length));
                    let from = &raw const (*this).extensions;
                    let mut extensions = Extensions::default();
                    if accepted.audio_level {
                        extensions.audio_level = u8::try_from((*from).audio_level)
                            .ok()
                            .map(|level| AudioLevel { level, voice: (*from).audio_level_vad != FALSE });
                    }
                    if accepted.orientation {
                        extensions.orientation =
                            u16::try_from((*from).video_rotation).ok().map(|rotation| Orientation {
                                rotation,
                                back_camera: (*from).video_back_camera != FALSE,
                                flipped: (*from).video_flipped != FALSE,
                            });
                    }
                    $( plugin_rtp!(@read $tail, from, extensions, accepted); )*
                    Some(RtpOut {
                        mindex: plugin_rtp!(@mindex $stream, this),
                        video: (*this).video != FALSE,
                        packet,
                        extensions,
                    })
                }
            }
        }
    };
    (@short streams) => { false };
    (@short single) => { true };
    (@mindex streams, $this:ident) => { (*$this).mindex };
    (@mindex single, $this:ident) => { FIRST_OF_ITS_KIND };
    (@new streams, $packet:ident, $from:ident, $extensions:expr) => {
        $packet {
            mindex: $from.mindex,
            video: gboolean::from($from.video),
            buffer: $from.packet.as_mut_ptr().cast(),
            length: $from.packet.len().min(usize::from(u16::MAX)) as u16,
            extensions: $extensions,
        }
    };
    (@new single, $packet:ident, $from:ident, $extensions:expr) => {
        $packet {
            video: gboolean::from($from.video),
            buffer: $from.packet.as_mut_ptr().cast(),
            length: $from.packet.len().min(usize::from(u16::MAX)) as u16,
            extensions: $extensions,
        }
    };
    (@fill delay, $from:ident, $to:ident) => {
        if let Some(delay) = $from.playout_delay {
            $to.min_delay = delay.min as i16;
            $to.max_delay = delay.max as i16;
        }
    };
    (@read delay, $from:ident, $to:ident, $accepted:ident) => {
        if $accepted.playout_delay {
            $to.playout_delay = match (u16::try_from((*$from).min_delay), u16::try_from((*$from).max_delay)) {
                (Ok(min), Ok(max)) => Some(PlayoutDelay { min, max }),
                _ => None,
            };
        }
    };
    (@fill descriptor, $from:ident, $to:ident) => {
        let length = $from.dependency_descriptor.len().min(255);
        $to.dd_content[..length].copy_from_slice(&$from.dependency_descriptor[..length]);
        $to.dd_len = length as u8;
    };
    (@read descriptor, $from:ident, $to:ident, $accepted:ident) => {
        if $accepted.dependency_descriptor {
            let content = (&raw const (*$from).dd_content).cast::<u8>();
            $to.dependency_descriptor = std::slice::from_raw_parts(content, usize::from((*$from).dd_len));
        }
    };
    (@fill capture, $from:ident, $to:ident) => { $to.abs_capture_ts = $from.abs_capture_time; };
    (@read capture, $from:ident, $to:ident, $accepted:ident) => { $to.abs_capture_time = (*$from).abs_capture_ts; };
    (@fill layers, $from:ident, $to:ident) => {
        $to.spatial_layers = $from.spatial_layers.map_or(-1, |n| n as i8);
        $to.temporal_layers = $from.temporal_layers.map_or(-1, |n| n as i8);
    };
    (@read layers, $from:ident, $to:ident, $accepted:ident) => {
        $to.spatial_layers = u8::try_from((*$from).spatial_layers).ok();
        $to.temporal_layers = u8::try_from((*$from).temporal_layers).ok();
    };
}

/// The `mindex` that stands for the first medium of a packet's kind.
pub const FIRST_OF_ITS_KIND: c_int = -1;

plugin_rtp!(janus_plugin_rtp streams, janus_plugin_rtp_extensions, ABSENT; delay, descriptor, capture, layers);
plugin_rtp!(janus_plugin_rtp_b5 streams, janus_plugin_rtp_extensions_296, janus_plugin_rtp_extensions_296::ABSENT;
    delay, descriptor, capture);
plugin_rtp!(janus_plugin_rtp_b3 streams, janus_plugin_rtp_extensions_284, janus_plugin_rtp_extensions_284::ABSENT;
    delay, descriptor);
impl janus_plugin_rtp_extensions_284 {
    /// No extension present.
    pub const ABSENT: Self = Self {
        audio_level: -1,
        audio_level_vad: FALSE,
        video_rotation: -1,
        video_back_camera: FALSE,
        video_flipped: FALSE,
        min_delay: -1,
        max_delay: -1,
        dd_len: 0,
        dd_content: [0; 256],
    };
}

impl janus_plugin_rtp_extensions_296 {
    /// No extension present.
    pub const ABSENT: Self = Self {
        audio_level: -1,
        audio_level_vad: FALSE,
        video_rotation: -1,
        video_back_camera: FALSE,
        video_flipped: FALSE,
        min_delay: -1,
        max_delay: -1,
        dd_len: 0,
        dd_content: [0; 256],
        abs_capture_ts: 0,
    };
}

impl janus_plugin_rtp_b3 {
    pub const EMPTY: Self = Self {
        mindex: -1,
        video: FALSE,
        buffer: ptr::null_mut(),
        length: 0,
        extensions: janus_plugin_rtp_extensions_284::ABSENT,
    };
}

impl janus_plugin_rtp_b5 {
    pub const EMPTY: Self = Self {
        mindex: -1,
        video: FALSE,
        buffer: ptr::null_mut(),
        length: 0,
        extensions: janus_plugin_rtp_extensions_296::ABSENT,
    };
}
