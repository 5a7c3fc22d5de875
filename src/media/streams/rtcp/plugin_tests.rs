use super::*;
use crate::media::streams::fixtures::*;
use crate::media::types::MediumConfig;
use crate::rtcp::compound::{BYE, RR, blocks};
use crate::rtcp::ssrc;

fn emitted(run: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    run(&mut |packet| packets.push(packet.to_vec()));
    packets
}

fn word(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(packet[at..at + 4].try_into().unwrap())
}

fn layered() -> Streams {
    let video = MediumConfig { remote_ssrc: [70, 71, 72], ..video() };
    streams(vec![audio(), video, MediumConfig { mindex: 2, mid: "w".into(), ssrc: 0xC0, ..self::video() }])
}

use crate::media::streams::fixtures::video;

// MP-198
#[test]
fn what_the_core_does_itself_is_left_out() {
    let streams = layered();
    let mut packet = vec![0x80, 200, 0, 6];
    packet.extend([0; 24]);
    packet.extend([0x81, 202, 0, 3, 0, 0, 0, 0, 1, 5, b'j', b'a', b'n', b'u', b's', 0]);
    packet.extend([0x81, 205, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert!(emitted(|emit| streams.relay_rtcp(0, false, &packet, emit)).is_empty());
    packet.extend([0x81, BYE, 0, 1, 0, 0, 0, 9]);
    let sent = emitted(|emit| streams.relay_rtcp(0, false, &packet, emit));
    assert_eq!(sent, [[0x81, BYE, 0, 1, 0, 0, 0, AUDIO_SSRC as u8]]);
    assert!(emitted(|emit| streams.relay_rtcp(0, false, &vec![0x80; 2000], emit)).is_empty());
    assert!(emitted(|emit| streams.relay_rtcp(9, false, &packet, emit)).is_empty());
}

// MP-199, MP-201
#[test]
fn a_pli_goes_to_all_layers() {
    let streams = layered();
    let sent = emitted(|emit| streams.send_pli(Some(1), emit));
    let addressed: Vec<_> = sent.iter().map(|pli| (pli[..2].to_vec(), word(pli, 4), word(pli, 8))).collect();
    assert_eq!(addressed, [70, 71, 72].map(|layer| (vec![0x81, 206], VIDEO_SSRC, layer)));
}

// MP-200
#[test]
fn every_video_medium_gets_its_pli() {
    let streams = layered();
    let sent = emitted(|emit| streams.send_pli(None, emit));
    assert_eq!(
        sent.iter().map(|pli| word(pli, 4)).collect::<Vec<_>>(),
        [VIDEO_SSRC, VIDEO_SSRC, VIDEO_SSRC, 0xC0]
    );
}

// MP-202
#[test]
fn remb_follows_an_empty_rr() {
    let streams = layered();
    let sent = emitted(|emit| streams.send_remb(500_000, emit));
    assert_eq!(sent.len(), 1);
    let kinds: Vec<_> = blocks(&sent[0]).map(|block| (block.packet_type, block.end - block.start)).collect();
    assert_eq!(kinds, [(RR, 8), (PSFB, remb::LEN)]);
    assert_eq!(ssrc::sender(&sent[0]), 0xC0);
    assert_eq!(remb::bitrate(&sent[0]), 500_000);

    let mut three = [0; 32];
    remb::build(&mut three, 1, 3).unwrap();
    let sent = emitted(|emit| streams.relay_rtcp(1, true, &three, emit));
    assert_eq!([28, 32, 36].map(|at| word(&sent[0], at)), [70, 71, 72]);
}
