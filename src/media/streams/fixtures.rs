//! Media and packets for the tests of this room and of its RTCP neighbour.

use super::{Settings, Streams};
use crate::media::clock::Clock;
use crate::media::types::{ExtensionIds, MediaKind, MediumConfig, RtpOut};
use crate::rtp::{ExtensionWriter, Extensions};

pub const IDS: ExtensionIds = ExtensionIds {
    mid: 4,
    rid: 5,
    repaired_rid: 6,
    audio_level: 1,
    orientation: 13,
    playout_delay: 12,
    abs_send_time: 2,
    abs_capture_time: 7,
    video_layers: 0,
    transport_wide_cc: 3,
    dependency_descriptor: 9,
};

pub const AUDIO_SSRC: u32 = 0xA0;
pub const VIDEO_SSRC: u32 = 0xB0;
pub const VIDEO_RTX_SSRC: u32 = 0xB1;

pub fn at(mono: i64) -> Clock {
    Clock { instant: crate::util::time::started(), mono, wall: 1_700_000_000_000_000 + mono }
}

pub fn audio() -> MediumConfig {
    MediumConfig {
        mindex: 0,
        kind: MediaKind::Audio,
        mid: "a".into(),
        send: true,
        recv: true,
        ssrc: AUDIO_SSRC,
        ssrc_rtx: 0,
        remote_ssrc: [0; 3],
        remote_ssrc_rtx: [0; 3],
        rids: [None, None, None],
        nacks: false,
        clock_rates: vec![(111, 48_000), (0, 8000)],
        rtx_payload_types: Vec::new(),
        codecs: vec![(111, "opus".into()), (0, "pcmu".into())],
        opus_red_pt: None,
    }
}

/// With NACK and RTX.
pub fn video() -> MediumConfig {
    MediumConfig {
        mindex: 1,
        kind: MediaKind::Video,
        mid: "v".into(),
        ssrc: VIDEO_SSRC,
        ssrc_rtx: VIDEO_RTX_SSRC,
        nacks: true,
        clock_rates: vec![(96, 90_000), (97, 90_000)],
        rtx_payload_types: vec![(96, 97)],
        codecs: vec![(96, "vp8".into())],
        ..audio()
    }
}

pub fn simulcast() -> MediumConfig {
    MediumConfig { rids: ["l", "m", "h"].map(|rid| Some(rid.to_string())), ..video() }
}

pub fn streams(configs: Vec<MediumConfig>) -> Streams {
    streams_with(configs, |_| ())
}

pub fn streams_with(configs: Vec<MediumConfig>, change: impl FnOnce(&mut Settings)) -> Streams {
    let mut settings = Settings {
        min_nack_queue_ms: 200,
        nack_optimizations: false,
        no_media_timer: 1,
        slowlink_threshold: 0,
    };
    change(&mut settings);
    let mut streams = Streams::new(settings);
    streams.set_media(configs);
    streams.set_extensions(&IDS);
    streams
}

/// An RTP packet with the given extension elements.
pub fn rtp(
    pt: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    elements: &[(u8, &[u8])],
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = vec![0x80, pt];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    let mut block = [0; 600];
    let long = elements.iter().any(|(_, data)| data.len() > 16);
    let mut writer = ExtensionWriter::new(&mut block, long);
    for (id, data) in elements {
        assert!(writer.element(*id, data));
    }
    let len = writer.finish();
    if len > 0 {
        packet[0] |= 0x10;
        packet.extend(&block[..len]);
    }
    packet.extend(payload);
    packet
}

pub fn outgoing<'a>(mindex: i32, packet: &'a [u8], extensions: Extensions<'a>) -> RtpOut<'a> {
    RtpOut { mindex, video: mindex != 0, packet, extensions }
}
