use super::super::plugin_packets::PluginRtp;
use super::*;
use crate::media::RtpIn;
use crate::rtp::Extensions;
use crate::rtp::extensions::{Accepted, AudioLevel, Orientation, PlayoutDelay};
use std::sync::atomic::{AtomicUsize, Ordering};

fn references(value: &Json) -> usize {
    // SAFETY: live value, plain counter.
    unsafe { AtomicUsize::from_ptr(&raw mut (*value.as_ptr()).refcount) }.load(Ordering::SeqCst)
}

// HL-236
#[test]
fn result_takes_the_content_and_borrows_the_text() {
    let content = Json::object();
    let text = c"stays";
    // SAFETY: valid arguments, destroyed once.
    unsafe {
        let result = janus_plugin_result_new(RESULT_OK, text.as_ptr(), content.clone().into_ptr());
        assert_eq!((*result).text, text.as_ptr());
        assert_eq!(references(&content), 2);
        janus_plugin_result_destroy(result);
        janus_plugin_result_destroy(ptr::null_mut());
    }
    assert_eq!(references(&content), 1);
}

// HL-237: everything absent, the capture time untouched.
#[test]
fn extensions_reset_leaves_the_capture_time() {
    let mut native = janus_plugin_rtp_extensions { abs_capture_ts: 7, dd_len: 3, audio_level: 5, ..ABSENT };
    native.dd_content[2] = 9;
    // SAFETY: our own struct.
    unsafe { janus_plugin_rtp_extensions_reset(&raw mut native) };
    assert_eq!(
        (native.audio_level, native.video_rotation, native.min_delay, native.max_delay),
        (-1, -1, -1, -1)
    );
    assert_eq!((native.dd_len, native.dd_content[2], native.abs_capture_ts), (0, 0, 7));
    assert_eq!((native.spatial_layers, native.temporal_layers), (-1, -1));
}

#[test]
fn older_reset_writes_no_byte_past_its_struct() {
    let mut room = [0x55u8; 304];
    // SAFETY: room for more than the struct, whose fields accept any bytes.
    unsafe { janus_plugin_rtp_extensions_reset_284(room.as_mut_ptr().cast()) };
    assert_eq!(room[0], 0xff);
    assert!(room[284..].iter().all(|b| *b == 0x55));
}

#[test]
fn packets_reset_and_duplicate() {
    let mut bytes = *b"\x80\x60twelve-bytes";
    let mut packet = janus_plugin_rtp { mindex: 3, length: bytes.len() as u16, ..EMPTY_RTP };
    packet.buffer = bytes.as_mut_ptr().cast();
    // SAFETY: our own structs; the copy is released as the contract says.
    unsafe {
        let copy = janus_plugin_rtp_duplicate(&raw mut packet);
        assert_ne!((*copy).buffer, packet.buffer);
        assert_eq!(std::slice::from_raw_parts((*copy).buffer.cast::<u8>(), bytes.len()), bytes);
        assert_eq!((*copy).mindex, 3);
        glib::free((*copy).buffer);
        glib::free(copy);
        assert!(janus_plugin_rtp_duplicate(ptr::null_mut()).is_null());
        janus_plugin_rtp_reset(&raw mut packet);
        assert_eq!((packet.mindex, packet.length, packet.buffer), (-1, 0, ptr::null_mut()));
    }
}

fn round_trip<P: PluginRtp>() -> (i32, bool, Vec<u8>, Option<AudioLevel>, u64, Option<u8>, usize) {
    let mut bytes = [0x80u8, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    let descriptor = [1u8; 40];
    let mut packet = RtpIn {
        mindex: 2,
        video: true,
        layer: 0,
        packet: &mut bytes,
        extensions: Extensions {
            audio_level: Some(AudioLevel { level: 127, voice: true }),
            orientation: Some(Orientation { rotation: 270, back_camera: true, flipped: false }),
            playout_delay: Some(PlayoutDelay { min: 0, max: 4095 }),
            dependency_descriptor: &descriptor,
            abs_capture_time: 42,
            spatial_layers: Some(3),
            temporal_layers: Some(2),
        },
    };
    let filled = P::fill(&mut packet);
    // SAFETY: the buffer is `bytes`.
    let out = unsafe { P::read(&raw const filled, Accepted::ALL) }.unwrap();
    assert_eq!(
        out.extensions.orientation,
        Some(Orientation { rotation: 270, back_camera: true, flipped: false })
    );
    assert_eq!(out.extensions.playout_delay, Some(PlayoutDelay { min: 0, max: 4095 }));
    (
        out.mindex,
        out.video,
        out.packet.to_vec(),
        out.extensions.audio_level,
        out.extensions.abs_capture_time,
        out.extensions.spatial_layers,
        out.extensions.dependency_descriptor.len(),
    )
}

#[test]
fn each_generation_carries_what_it_has_room_for() {
    let packet = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    let level = Some(AudioLevel { level: 127, voice: true });
    assert_eq!(round_trip::<janus_plugin_rtp>(), (2, true, packet.clone(), level, 42, Some(3), 40));
    assert_eq!(round_trip::<janus_plugin_rtp_b5>(), (2, true, packet.clone(), level, 42, None, 40));
    assert_eq!(round_trip::<janus_plugin_rtp_b3>(), (2, true, packet, level, 0, None, 40));
}

#[test]
fn a_packet_without_buffer_is_no_packet() {
    let empty = EMPTY_RTP;
    // SAFETY: NULL is allowed.
    assert!(unsafe { PluginRtp::read(&raw const empty, Accepted::ALL) }.is_none());
}
