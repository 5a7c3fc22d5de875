//! `rtp.h`: headers, header extensions, codecs, continuity of numbering (helpers.md §7). Simulcast and SVC stand in
//! [`layers`], older forms in [`older`]. Thin over [`crate::rtp`].

pub mod layers;
pub mod older;

use super::plugin::janus_plugin_rtp_extensions;
use crate::glib::{FALSE, TRUE, gboolean};
use crate::rtp::{self, AudioCodec, SwitchingContext, VideoCodec, header_ext, switching::Skew, uri};
use crate::util::time;
use libc::{c_char, c_int, c_uint};
use std::ffi::CStr;
use std::ptr;

/// The fixed header; the fields of the first two bytes are bit-fields in C.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct rtp_header {
    pub first: u8,
    pub marker_and_type: u8,
    pub seq_number: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub csrc: [u32; 0],
}

assert_layout!(rtp_header: 12; first @ 0, marker_and_type @ 1, seq_number @ 2, timestamp @ 4, ssrc @ 8, csrc @ 12);

/// Head of an extension block.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_rtp_header_extension {
    pub r#type: u16,
    pub length: u16,
}

assert_layout!(janus_rtp_header_extension: 4; r#type @ 0, length @ 2);

/// A stored packet; no function takes it.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_rtp_packet {
    pub data: *mut c_char,
    pub length: c_int,
    pub created: i64,
    pub last_retransmit: i64,
    pub current_backoff: i64,
    pub extensions: janus_plugin_rtp_extensions,
}

assert_layout!(janus_rtp_packet: 344; data @ 0, length @ 8, created @ 16, last_retransmit @ 24,
    current_backoff @ 32, extensions @ 40);

/// Payload of a telephone event (RFC 4733); the fields of the second byte are bit-fields in C.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_rtp_rfc2833_payload {
    pub event: u8,
    pub volume_and_flags: u8,
    pub duration: u16,
}

assert_layout!(janus_rtp_rfc2833_payload: 4; event @ 0, volume_and_flags @ 1, duration @ 2);

assert_layout!(SwitchingContext: 96; last_ssrc @ 0, last_ts @ 4, base_ts @ 8, base_ts_prev @ 12, prev_ts @ 16,
    target_ts @ 20, start_ts @ 24, last_seq @ 28, prev_seq @ 30, base_seq @ 32, base_seq_prev @ 34, ts_reset @ 36,
    seq_reset @ 40, new_ssrc @ 44, seq_offset @ 48, prev_delay @ 52, active_delay @ 56, ts_offset @ 60,
    last_time @ 64, reference_time @ 72, start_time @ 80, evaluating_start_time @ 88);

/// A packet of a module as bytes; empty for NULL and for a length that is not positive.
///
/// # Safety
/// `buf` is NULL or valid for `len` bytes, which nobody else uses during `'a`.
pub(super) unsafe fn packet<'a>(buf: *mut c_char, len: c_int) -> &'a mut [u8] {
    match usize::try_from(len) {
        // SAFETY: promised by the caller.
        Ok(len) if len > 0 && !buf.is_null() => unsafe { std::slice::from_raw_parts_mut(buf.cast(), len) },
        _ => &mut [],
    }
}

/// Writes to an output argument that may be NULL.
///
/// # Safety
/// `out` is NULL or valid for writes.
pub(crate) unsafe fn put<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: promised by the caller.
        unsafe { out.write(value) }
    }
}

/// The data of an element; ids outside 1 … 255 are never found.
///
/// # Safety
/// As [`packet`].
unsafe fn element<'a>(buf: *mut c_char, len: c_int, id: c_int) -> Option<&'a mut [u8]> {
    let id = u8::try_from(id).ok().filter(|id| *id > 0)?;
    // SAFETY: promised by the caller.
    header_ext::find_mut(unsafe { packet(buf, len) }, id)
}

fn id_of(id: c_int) -> u8 {
    u8::try_from(id).unwrap_or(0)
}

fn skew_result(skew: Skew) -> c_int {
    match skew {
        Skew::Steady => 0,
        Skew::Jump(count) => count,
        Skew::Drop => -1,
    }
}

export! {
    /// By length (12 bytes at least) and payload type (below 64 or above 95) alone, RFC 5761 §4; the version is not
    /// looked at. `len` in bytes (HL-074, HL-075).
    "rtp.h" fn janus_is_rtp(buf: *mut c_char, len: c_uint) -> gboolean as nonnull(buf) or FALSE; {
        // SAFETY: `buf` holds `len` bytes.
        rtp::is_rtp(unsafe { packet(buf, len.min(i32::MAX as u32) as c_int) }).into()
    }

    /// The payload, borrowed, and its length; NULL when there is none. HL-076, HL-077.
    "rtp.h" fn janus_rtp_payload(buf: *mut c_char, len: c_int, plen: *mut c_int) -> *mut c_char
        as nonnull(buf) or ptr::null_mut(); {
        // SAFETY: `buf` holds `len` bytes; `plen` may be NULL.
        unsafe {
            let found = rtp::header::payload_mut(packet(buf, len));
            put(plen, found.as_ref().map_or(0, |p| p.len() as c_int));
            found.map_or(ptr::null_mut(), |p| p.as_mut_ptr().cast())
        }
    }

    /// The id under which we offer an extension; 0 for others and NULL. HL-078.
    "rtp.h" fn janus_rtp_extension_id(r#type: *const c_char) -> c_int as nonnull(r#type) or 0; {
        // SAFETY: NUL-terminated text.
        uri::fixed_id(unsafe { CStr::from_ptr(r#type) }.to_bytes()).into()
    }

    /// The id that an SDP gives an extension; −1 for NULL, −2 when it does not. The text is not changed. HL-079 … HL-081.
    "rtp.h" fn janus_rtp_header_extension_get_id(sdp: *const c_char, extension: *const c_char) -> c_int
        as nonnull(sdp, extension) or -1; {
        // SAFETY: NUL-terminated texts.
        let (sdp, extension) = unsafe { (CStr::from_ptr(sdp), CStr::from_ptr(extension)) };
        uri::id_in_sdp(sdp.to_bytes(), extension.to_bytes()).unwrap_or(-2)
    }

    /// The known extension to which an SDP gives this id, as static text; NULL without.
    "rtp.h" fn janus_rtp_header_extension_get_from_id(sdp: *const c_char, id: c_int) -> *const c_char
        as nonnull(sdp) or ptr::null(); {
        // SAFETY: NUL-terminated text.
        let found = uri::uri_in_sdp(unsafe { CStr::from_ptr(sdp) }.to_bytes(), id);
        found.map_or(ptr::null(), |uri| uri.as_ptr())
    }

    /// 0; −1 not found. HL-082.
    "rtp.h" fn janus_rtp_header_extension_parse_audio_level(buf: *mut c_char, len: c_int, id: c_int,
        vad: *mut gboolean, level: *mut c_int) -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes; the outputs may be NULL.
        unsafe {
            let Some(found) = element(buf, len, id).and_then(|data| header_ext::audio_level(data)) else {
                return -1;
            };
            put(vad, found.voice.into());
            put(level, found.level.into());
        }
        0
    }

    /// Camera, flip and the two bits of the rotation. 0; −1 not found.
    "rtp.h" fn janus_rtp_header_extension_parse_video_orientation(buf: *mut c_char, len: c_int, id: c_int,
        c: *mut gboolean, f: *mut gboolean, r1: *mut gboolean, r0: *mut gboolean) -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes; the outputs may be NULL.
        unsafe {
            let Some(byte) = element(buf, len, id).and_then(|data| data.first().copied()) else { return -1 };
            for (n, out) in [r0, r1, f, c].into_iter().enumerate() {
                put(out, ((byte >> n) & 1).into());
            }
        }
        0
    }

    /// 0; −1 not found, −2 shorter than 3 bytes. HL-086.
    "rtp.h" fn janus_rtp_header_extension_parse_playout_delay(buf: *mut c_char, len: c_int, id: c_int,
        min_delay: *mut u16, max_delay: *mut u16) -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes; the outputs may be NULL.
        unsafe {
            let Some(data) = element(buf, len, id) else { return -1 };
            let Some(delay) = header_ext::playout_delay(data) else { return -2 };
            put(min_delay, delay.min);
            put(max_delay, delay.max);
        }
        0
    }

    /// 0; −1 not found, −2 empty. Truncates to `sdes_len` − 1 characters. HL-088.
    "rtp.h" fn janus_rtp_header_extension_parse_mid(buf: *mut c_char, len: c_int, id: c_int, sdes_item: *mut c_char,
        sdes_len: c_int) -> c_int as nonnull(buf, sdes_item) or -1; {
        // SAFETY: as the header asks; `sdes_item` has room for `sdes_len` bytes.
        unsafe { copy_text(element(buf, len, id), packet(sdes_item, sdes_len)) }
    }

    /// As the mid. HL-087.
    "rtp.h" fn janus_rtp_header_extension_parse_rid(buf: *mut c_char, len: c_int, id: c_int, sdes_item: *mut c_char,
        sdes_len: c_int) -> c_int as nonnull(buf, sdes_item) or -1; {
        // SAFETY: as the header asks; `sdes_item` has room for `sdes_len` bytes.
        unsafe { copy_text(element(buf, len, id), packet(sdes_item, sdes_len)) }
    }

    /// Copies the descriptor; `desc_len` is the room, then the length (0 on failure). 0; −1 not found, −2 empty.
    "rtp.h" fn janus_rtp_header_extension_parse_dependency_desc(buf: *mut c_char, len: c_int, id: c_int,
        desc_content: *mut u8, desc_len: *mut c_int) -> c_int as nonnull(buf, desc_content, desc_len) or -1; {
        // SAFETY: as the header asks; `desc_content` has room for `*desc_len` bytes.
        unsafe {
            let room = packet(desc_content.cast(), desc_len.read());
            desc_len.write(0);
            let Some(data) = element(buf, len, id) else { return -1 };
            if data.is_empty() {
                return -2;
            }
            let length = data.len().min(room.len());
            room[..length].copy_from_slice(&data[..length]);
            desc_len.write(length as c_int);
        }
        0
    }

    /// 0; −1 not found, −3 shorter than 3 bytes. HL-091.
    "rtp.h" fn janus_rtp_header_extension_parse_abs_send_time(buf: *mut c_char, len: c_int, id: c_int,
        abs_ts: *mut u32) -> c_int as nonnull(buf) or -1; {
        // SAFETY: as the header asks.
        unsafe { parse_abs_send_time(buf, len, id, abs_ts) }
    }

    /// The former name of `janus_rtp_header_extension_parse_abs_send_time`.
    "rtp.h" fn janus_rtp_header_extension_parse_abs_sent_time(buf: *mut c_char, len: c_int, id: c_int,
        abs_ts: *mut u32) -> c_int as nonnull(buf) or -1; {
        // SAFETY: as the header asks.
        unsafe { parse_abs_send_time(buf, len, id, abs_ts) }
    }

    /// 0; −1 not found, −3 shorter than 3 bytes. HL-091.
    "rtp.h" fn janus_rtp_header_extension_set_abs_send_time(buf: *mut c_char, len: c_int, id: c_int, abs_ts: u32)
        -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes.
        written(unsafe { element(buf, len, id) }, |data| header_ext::put_abs_send_time(data, abs_ts))
    }

    /// NTP 32.32 fixed point. 0; −1 not found, −3 shorter than 8 bytes.
    "rtp.h" fn janus_rtp_header_extension_parse_abs_capture_time(buf: *mut c_char, len: c_int, id: c_int,
        abs_ts: *mut u64) -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes; the output may be NULL.
        unsafe {
            let Some(data) = element(buf, len, id) else { return -1 };
            let Some(time) = header_ext::abs_capture_time(data) else { return -3 };
            put(abs_ts, time);
        }
        0
    }

    /// 0; −1 not found, −3 shorter than 8 bytes.
    "rtp.h" fn janus_rtp_header_extension_set_abs_capture_time(buf: *mut c_char, len: c_int, id: c_int, abs_ts: u64)
        -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes.
        written(unsafe { element(buf, len, id) }, |data| header_ext::put_abs_capture_time(data, abs_ts))
    }

    /// 0; −1 not found, −3 shorter than 2 bytes. HL-090.
    "rtp.h" fn janus_rtp_header_extension_parse_transport_wide_cc(buf: *mut c_char, len: c_int, id: c_int,
        seq: *mut u16) -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes; the output may be NULL.
        unsafe {
            let Some(data) = element(buf, len, id) else { return -1 };
            let Some(sequence) = header_ext::transport_wide_cc(data) else { return -3 };
            put(seq, sequence);
        }
        0
    }

    /// 0; −1 not found, −3 shorter than 2 bytes. HL-090.
    "rtp.h" fn janus_rtp_header_extension_set_transport_wide_cc(buf: *mut c_char, len: c_int, id: c_int, seq: u16)
        -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes.
        written(unsafe { element(buf, len, id) }, |data| header_ext::put_transport_wide_cc(data, seq))
    }

    /// Raises the outputs to the counts. 0; −1 not found, −2 shorter than 2 bytes, −3 truncated. HL-092.
    "rtp.h" fn janus_rtp_header_extension_parse_video_layers_allocation(buf: *mut c_char, len: c_int, id: c_int,
        spatial_layers: *mut i8, temporal_layers: *mut i8) -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes; the outputs are NULL or hold a number.
        unsafe {
            let Some(data) = element(buf, len, id) else { return -1 };
            match header_ext::video_layers(data) {
                Ok((spatial, temporal)) => {
                    for (out, count) in [(spatial_layers, spatial as i8), (temporal_layers, temporal as i8)] {
                        if !out.is_null() && *out < count {
                            *out = count;
                        }
                    }
                    0
                }
                Err(header_ext::LayersError::Short) => -2,
                Err(header_ext::LayersError::Truncated) => -3,
            }
        }
    }

    /// 0; −1 too short, −2 not version 2, −3 no such element, or an id that the form cannot hold. HL-089.
    "rtp.h" fn janus_rtp_header_extension_replace_id(buf: *mut c_char, len: c_int, id: c_int, new_id: c_int) -> c_int
        as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes.
        let packet = unsafe { packet(buf, len) };
        if packet.len() < rtp::header::FIXED_LEN {
            return -1;
        }
        if packet[0] >> 6 != 2 {
            return -2;
        }
        if header_ext::replace_id(packet, id_of(id), id_of(new_id)) { 0 } else { -3 }
    }

    /// Static text; a number without a codec counts as opus.
    "rtp.h" fn janus_audiocodec_name(acodec: c_int) -> *const c_char as nonnull() or ptr::null(); {
        AudioCodec::from_number(acodec).unwrap_or(AudioCodec::Opus).c_name().as_ptr()
    }

    /// −1 for none; a number without a codec counts as opus. HL-094.
    "rtp.h" fn janus_audiocodec_pt(acodec: c_int) -> c_int as nonnull() or -1; {
        AudioCodec::from_number(acodec).unwrap_or(AudioCodec::Opus).payload_type()
    }

    /// In any letter case; 0 for NULL and, with a warning, for unknown names. HL-093.
    "rtp.h" fn janus_audiocodec_from_name(name: *const c_char) -> c_int as nonnull(name) or 0; {
        // SAFETY: NUL-terminated text.
        audio_from_name(unsafe { CStr::from_ptr(name) }) as c_int
    }

    /// Static text; a number without a codec counts as vp8.
    "rtp.h" fn janus_videocodec_name(vcodec: c_int) -> *const c_char as nonnull() or ptr::null(); {
        VideoCodec::from_number(vcodec).unwrap_or(VideoCodec::Vp8).c_name().as_ptr()
    }

    /// −1 for none; a number without a codec counts as vp8. HL-094.
    "rtp.h" fn janus_videocodec_pt(vcodec: c_int) -> c_int as nonnull() or -1; {
        VideoCodec::from_number(vcodec).unwrap_or(VideoCodec::Vp8).payload_type()
    }

    /// In any letter case; 0 for NULL and, with a warning, for unknown names.
    "rtp.h" fn janus_videocodec_from_name(name: *const c_char) -> c_int as nonnull(name) or 0; {
        // SAFETY: NUL-terminated text.
        let name = unsafe { CStr::from_ptr(name) };
        VideoCodec::from_name(name.to_bytes()).unwrap_or_else(|| {
            tracing::warn!("Unsupported video codec '{}'", name.to_string_lossy());
            VideoCodec::None
        }) as c_int
    }

    /// All zero.
    "rtp.h" fn janus_rtp_switching_context_reset(context: *mut SwitchingContext) as nonnull(context) or (); {
        // SAFETY: valid for writes.
        unsafe { context.write(SwitchingContext::default()) }
    }

    /// `step` is not looked at. HL-095 … HL-101.
    "rtp.h" fn janus_rtp_header_update(header: *mut rtp_header, context: *mut SwitchingContext, video: gboolean,
        step: c_int) as nonnull(header, context) or (); {
        let _ = step;
        // SAFETY: a header of 12 bytes, and a context that only this thread uses now.
        let (header, context) = unsafe { (packet(header.cast(), 12), &mut *context) };
        context.header_update(header, video != FALSE, time::recent());
    }

    /// Numbers of a jump, −1 to drop the packet, or 0. `now`: janus_get_monotonic_time. HL-102 … HL-106.
    "rtp.h" fn janus_rtp_skew_compensate_audio(header: *mut rtp_header, context: *mut SwitchingContext, now: i64)
        -> c_int as nonnull(header, context) or 0; {
        // SAFETY: a header of 12 bytes, and a context that only this thread uses now.
        let (header, context) = unsafe { (packet(header.cast(), 12), &mut *context) };
        skew_result(context.skew_compensate(header, false, now))
    }

    /// As the audio one, with a clock of 90 kHz.
    "rtp.h" fn janus_rtp_skew_compensate_video(header: *mut rtp_header, context: *mut SwitchingContext, now: i64)
        -> c_int as nonnull(header, context) or 0; {
        // SAFETY: a header of 12 bytes, and a context that only this thread uses now.
        let (header, context) = unsafe { (packet(header.cast(), 12), &mut *context) };
        skew_result(context.skew_compensate(header, true, now))
    }
}

/// # Safety
/// `buf` holds `len` bytes; `abs_ts` is NULL or valid for writes.
unsafe fn parse_abs_send_time(buf: *mut c_char, len: c_int, id: c_int, abs_ts: *mut u32) -> c_int {
    // SAFETY: promised by the caller.
    unsafe {
        let Some(data) = element(buf, len, id) else { return -1 };
        let Some(time) = header_ext::abs_send_time(data) else { return -3 };
        put(abs_ts, time);
    }
    0
}

/// What a `set` function returns for the element it found, if any.
fn written(data: Option<&mut [u8]>, put: impl FnOnce(&mut [u8]) -> bool) -> c_int {
    match data {
        None => -1,
        Some(data) => {
            if put(data) {
                0
            } else {
                -3
            }
        }
    }
}

fn copy_text(data: Option<&mut [u8]>, room: &mut [u8]) -> c_int {
    let Some(data) = data else { return -1 };
    if data.is_empty() {
        return -2;
    }
    let Some(most) = room.len().checked_sub(1) else { return -3 };
    if data.len() > most {
        tracing::warn!("Header extension text of {} bytes truncated to {most}", data.len());
    }
    let length = data.len().min(most);
    room[..length].copy_from_slice(&data[..length]);
    room[length] = 0;
    0
}

fn audio_from_name(name: &CStr) -> AudioCodec {
    AudioCodec::from_name(name.to_bytes()).unwrap_or_else(|| {
        tracing::warn!("Unsupported audio codec '{}'", name.to_string_lossy());
        AudioCodec::None
    })
}

const _: () = assert!(TRUE == 1 && FALSE == 0);

#[cfg(test)]
#[path = "rtp/tests.rs"]
mod tests;
