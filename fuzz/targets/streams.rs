//! The media streams of one PeerConnection under a script of packets, RTCP, time and plugin calls.
#![no_main]

use janus_rs::media::clock::Clock;
use janus_rs::media::streams::inbound::MAX_DESCRIPTOR;
use janus_rs::media::streams::rtcp::Split;
use janus_rs::media::streams::{Settings, Streams};
use janus_rs::media::{ExtensionIds, MediaKind, MediumConfig, RtpOut};
use janus_rs::rtp::{Extensions, SwitchingContext};
use arbitrary::{Arbitrary, Error, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

/// SSRCs and payload types that packets are steered to, so that they find a medium.
const SSRCS: [u32; 8] = [0xA0, 0xA1, 0xB0, 0xB1, 0xC0, 0xC1, 0xC2, 0xC3];
const PAYLOAD_TYPES: [u8; 4] = [111, 96, 97, 63];

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Rtp { steered: bool, pt: u8, ssrc: u8, sequence: u16, bytes: &'a [u8] },
    Rtcp { steered: bool, sender: u8, media: u8, bytes: &'a [u8] },
    Relay { mindex: i8, video: bool, bytes: &'a [u8], descriptor: &'a [u8] },
    RelayRtcp { mindex: i8, video: bool, bytes: &'a [u8] },
    Wait { ms: u16 },
    Reports,
    Renegotiate { rids: bool, recv: bool, rtx: bool },
    Ask { mindex: i8, bitrate: u32 },
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});

fn run(input: &mut Unstructured<'_>) -> Result<(), Error> {
    let mut streams = Streams::new(Settings {
        min_nack_queue_ms: 200,
        nack_optimizations: input.arbitrary()?,
        no_media_timer: 1,
        slowlink_threshold: 4,
    });
    streams.set_media(media(input.arbitrary()?, true, true));
    streams.set_extensions(&ExtensionIds {
        mid: 4,
        rid: 5,
        repaired_rid: 6,
        audio_level: 1,
        orientation: 13,
        playout_delay: 12,
        abs_send_time: 2,
        abs_capture_time: 7,
        video_layers: 8,
        transport_wide_cc: 3,
        dependency_descriptor: 9,
    });
    let mut now = Clock::read();
    for _ in 0..200 {
        step(&mut streams, &mut now, input.arbitrary()?);
        let mut slot = [0; 1500];
        while streams.next_resend(now, &mut slot).is_some() {}
        while streams.next_event().is_some() {}
        if input.is_empty() {
            break;
        }
    }
    streams.snapshot();
    Ok(())
}

fn step(streams: &mut Streams, now: &mut Clock, step: Step<'_>) {
    let mut emit = |packet: &[u8]| assert!(packet.len() <= 1500 && packet.len().is_multiple_of(4));
    match step {
        Step::Rtp { steered, pt, ssrc, sequence, bytes } => {
            let mut packet = bytes.to_vec();
            if steered && packet.len() >= 12 {
                packet[0] = 0x80 | (packet[0] & 0x3f);
                packet[1] = (packet[1] & 0x80) | PAYLOAD_TYPES[usize::from(pt) % PAYLOAD_TYPES.len()];
                packet[2..4].copy_from_slice(&sequence.to_be_bytes());
                packet[8..12].copy_from_slice(&SSRCS[usize::from(ssrc) % SSRCS.len()].to_be_bytes());
            }
            receive(streams, *now, &mut packet);
        }
        Step::Rtcp { steered, sender, media, bytes } => {
            let mut packet = bytes.to_vec();
            if steered && packet.len() >= 12 {
                packet[0] = 0x80 | (packet[0] & 0x1f);
                packet[1] = 200 + packet[1] % 8;
                let words = (packet.len() / 4 - 1) as u16;
                packet[2..4].copy_from_slice(&words.to_be_bytes());
                packet.truncate(packet.len() / 4 * 4);
                packet[4..8].copy_from_slice(&SSRCS[usize::from(sender) % SSRCS.len()].to_be_bytes());
                packet[8..12].copy_from_slice(&SSRCS[usize::from(media) % SSRCS.len()].to_be_bytes());
            }
            let mut split = Split::default();
            if streams.incoming_rtcp(*now, &mut packet, &mut split).is_ok() {
                assert!(!split.is_empty());
                split.each(|_, _, part| assert!(part.len() >= 8 && part.len() % 4 == 0));
            }
        }
        Step::Relay { mindex, video, bytes, descriptor } => {
            let extensions = Extensions {
                dependency_descriptor: &descriptor[..descriptor.len().min(MAX_DESCRIPTOR)],
                ..Extensions::default()
            };
            let out = RtpOut { mindex: mindex.into(), video, packet: bytes, extensions };
            let mut slot = [0; 1500];
            if let Some(prepared) = streams.prepare(*now, &out, &mut slot) {
                streams.protected(*now, &prepared, &slot[..prepared.size()]);
            }
        }
        Step::RelayRtcp { mindex, video, bytes } => {
            streams.relay_rtcp(mindex.into(), video, bytes, &mut |_| ());
        }
        Step::Wait { ms } => {
            *now = now.after(Duration::from_millis(ms.into()));
            streams.tick(*now);
        }
        Step::Reports => {
            streams.reports(*now, &mut emit);
            streams.transport_feedback(&mut emit);
        }
        Step::Renegotiate { rids, recv, rtx } => streams.set_media(media(rids, recv, rtx)),
        Step::Ask { mindex, bitrate } => {
            streams.send_pli((mindex >= 0).then_some(mindex.into()), &mut emit);
            streams.send_remb(bitrate, &mut emit);
        }
    }
}

fn receive(streams: &mut Streams, now: Clock, packet: &mut [u8]) {
    let mut descriptor = [0; MAX_DESCRIPTOR];
    let Ok(route) = streams.route(packet) else { return };
    let Ok(received) = streams.receive(now, route, packet, &mut descriptor) else { return };
    assert!(received.len <= packet.len());
    if let Some((binding, nacks)) = received.nacks {
        streams.nack(binding, &nacks, &mut |_| ());
    }
    SwitchingContext::default().header_update(&mut packet[..received.len], received.video, now.mono);
}

/// One audio and one video medium.
fn media(rids: bool, recv: bool, rtx: bool) -> Vec<MediumConfig> {
    let audio = MediumConfig {
        mindex: 0,
        kind: MediaKind::Audio,
        mid: "a".into(),
        send: true,
        recv,
        ssrc: SSRCS[0],
        ssrc_rtx: 0,
        remote_ssrc: [SSRCS[1], 0, 0],
        remote_ssrc_rtx: [0; 3],
        rids: [None, None, None],
        nacks: false,
        clock_rates: vec![(111, 48_000)],
        rtx_payload_types: Vec::new(),
        codecs: vec![(111, "opus".into())],
        opus_red_pt: Some(63),
    };
    let video = MediumConfig {
        mindex: 1,
        kind: MediaKind::Video,
        mid: "v".into(),
        ssrc: SSRCS[2],
        ssrc_rtx: if rtx { SSRCS[3] } else { 0 },
        remote_ssrc: if rids { [0; 3] } else { [SSRCS[4], SSRCS[6], 0] },
        remote_ssrc_rtx: if rids || !rtx { [0; 3] } else { [SSRCS[5], SSRCS[7], 0] },
        rids: if rids { ["l", "m", "h"].map(|rid| Some(rid.to_owned())) } else { [None, None, None] },
        nacks: true,
        clock_rates: vec![(96, 90_000), (97, 90_000)],
        rtx_payload_types: if rtx { vec![(96, 97)] } else { Vec::new() },
        codecs: vec![(96, "vp8".into())],
        opus_red_pt: None,
        ..audio.clone()
    };
    vec![audio, video]
}
