use super::*;
use crate::media::streams::Resend;
use crate::media::streams::fixtures::*;
use crate::media::types::MediumConfig;
use crate::rtp::extensions::{AudioLevel, Extensions};
use crate::rtp::header_ext;

fn prepare(streams: &mut Streams, now: i64, mindex: i32, packet: &[u8]) -> Option<Vec<u8>> {
    let mut slot = [0xEE; 1600];
    let prepared = streams.prepare(at(now), &outgoing(mindex, packet, Extensions::default()), &mut slot)?;
    // A stand-in for SRTP.
    let protected = [&slot[..prepared.size()], b"tag"].concat();
    streams.protected(at(now), &prepared, &protected);
    Some(slot[..prepared.size()].to_vec())
}

fn resend(streams: &mut Streams, now: i64, sequences: &[u16]) -> Vec<(Resend, Vec<u8>)> {
    for &sequence in sequences {
        streams.asked_for(at(now), 1, sequence);
    }
    let mut slot = [0xEE; 1600];
    std::iter::from_fn(|| {
        let resend = streams.next_resend(at(now), &mut slot)?;
        let (Resend::Plain(len) | Resend::Protected(len)) = resend;
        Some((resend, slot[..len].to_vec()))
    })
    .collect()
}

fn simple(sequence: u16) -> Vec<u8> {
    rtp(96, sequence, 9000, 5, &[], &[1, 2, 3, 4])
}

fn transport_sequence(packet: &[u8]) -> Option<u16> {
    header_ext::find(packet, 3).and_then(header_ext::transport_wide_cc)
}

// MP-172, MP-173, MP-174, MP-180
#[test]
fn ssrc_and_extensions_are_ours_the_rest_is_the_plugins() {
    let mut streams = streams(vec![audio(), video()]);
    let mut packet = rtp(0x80 | 96, 777, 9000, 5, &[(4, b"plugin"), (8, b"x")], &[1, 2, 3, 4]);
    packet.splice(12..12, [9; 8]);
    packet[0] |= 2;
    let before = packet.clone();
    let sent = prepare(&mut streams, 1, 1, &packet).unwrap();
    assert_eq!(packet, before);
    let header = Header::new(&sent[..]).unwrap();
    assert_eq!((header.ssrc(), header.sequence(), header.timestamp()), (VIDEO_SSRC, 777, 9000));
    assert_eq!((header.payload_type(), header.marker(), header.csrc_count()), (96, true, 0));
    assert_eq!(header_ext::find(&sent, 4), Some(&b"v"[..]));
    assert_eq!(header_ext::find(&sent, 8), None);
    assert_eq!(sent[header.payload_start().unwrap()..], [1, 2, 3, 4]);
}

// MP-175, MP-176, MP-177, MP-179
#[test]
fn extensions_follow_the_kind_of_medium() {
    let mut streams = streams(vec![audio(), video()]);
    let values = Extensions {
        audio_level: Some(AudioLevel { level: 9, voice: false }),
        spatial_layers: Some(3),
        ..Extensions::default()
    };
    let mut slot = [0; 200];
    let len = streams.prepare(at(1), &outgoing(0, &simple(1), values), &mut slot).unwrap().size();
    let ids = |packet: &[u8]| header_ext::elements(packet).map(|element| element.id).collect::<Vec<_>>();
    let mut audio_ids = ids(&slot[..len]);
    audio_ids.sort();
    assert_eq!(audio_ids, [1, 4]);
    for number in 1..4 {
        let sent = prepare(&mut streams, 1, 1, &simple(number)).unwrap();
        assert_eq!(ids(&sent), [2, 3, 4]);
        assert_eq!(transport_sequence(&sent), Some(number));
    }
}

// MP-178
#[test]
fn a_long_descriptor_takes_two_byte_extensions() {
    let mut streams = streams(vec![audio(), video()]);
    let descriptor = [3; 17];
    let values = Extensions { dependency_descriptor: &descriptor, ..Extensions::default() };
    let mut slot = [0; 200];
    let len = streams.prepare(at(1), &outgoing(1, &simple(1), values), &mut slot).unwrap().size();
    assert_eq!(slot[12..14], [0x10, 0]);
    assert_eq!(header_ext::find(&slot[..len], 9), Some(&descriptor[..]));
}

// MP-171, MP-010
#[test]
fn media_that_may_not_send_or_do_not_exist_drop() {
    let mut streams = streams(vec![audio(), MediumConfig { send: false, ..video() }]);
    assert!(prepare(&mut streams, 1, 1, &simple(1)).is_none());
    assert!(prepare(&mut streams, 1, 7, &simple(1)).is_none());
    assert!(prepare(&mut streams, 1, 0, &[0x80; 11]).is_none());
    assert!(prepare(&mut streams, 1, 0, &[0x9F; 40]).is_none());
    let second = MediumConfig { mindex: 2, mid: "w".into(), ssrc: 0xC0, ssrc_rtx: 0xC1, ..video() };
    streams.set_media(vec![second]);
    let mut slot = [0; 200];
    let mut packet = outgoing(-1, &[0; 0], Extensions::default());
    let plain = simple(1);
    packet.packet = &plain;
    let len = streams.prepare(at(1), &packet, &mut slot).unwrap().size();
    assert_eq!(header_ext::find(&slot[..len], 4), Some(&b"w"[..]));
    // Too large for its slot.
    assert!(streams.prepare(at(1), &packet, &mut slot[..20]).is_none());
    assert!(streams.prepare(at(1), &packet, &mut slot[..8]).is_none());
}

// MP-182, MP-183, MP-184, MP-185, MP-176
#[test]
fn rtx_repeats_under_its_own_numbers() {
    let mut streams = streams(vec![audio(), video()]);
    prepare(&mut streams, 1, 1, &simple(65535)).unwrap();
    assert!(resend(&mut streams, 2, &[65535]).is_empty());
    streams.media[1].sender.history.set_keep(200);
    prepare(&mut streams, 3, 1, &simple(0)).unwrap();
    let sent = prepare(&mut streams, 3, 1, &simple(1)).unwrap();
    let resent = resend(&mut streams, 10_000, &[0, 1, 65535]);
    assert_eq!(resent.len(), 2);
    for (index, (kind, packet)) in resent.iter().enumerate() {
        assert_eq!(*kind, Resend::Plain(sent.len() + 2));
        let header = Header::new(&packet[..]).unwrap();
        assert_eq!((header.payload_type(), header.ssrc()), (97, VIDEO_RTX_SSRC));
        assert_eq!((header.sequence(), header.timestamp()), (index as u16 + 1, 9000));
        assert_eq!(packet[header.payload_start().unwrap()..], [0, index as u8, 1, 2, 3, 4]);
        assert_eq!(transport_sequence(packet), Some(4 + index as u16));
        assert_eq!(header_ext::find(packet, 4), Some(&b"v"[..]));
    }
    assert_eq!(streams.media[1].sender.tally.packets, 5);
}

// MP-186, MP-187, MP-188
#[test]
fn without_rtx_the_identical_bytes_are_sent_again() {
    let mut streams =
        streams(vec![audio(), MediumConfig { ssrc_rtx: 0, rtx_payload_types: vec![], ..video() }]);
    streams.media[1].sender.history.set_keep(200);
    let sent = prepare(&mut streams, 3, 1, &simple(7)).unwrap();
    let resent = resend(&mut streams, 10, &[7]);
    assert_eq!(resent, [(Resend::Protected(sent.len() + 3), [&sent[..], b"tag"].concat())]);
    assert!(resend(&mut streams, 40_009, &[7]).is_empty());
    assert_eq!(resend(&mut streams, 40_010, &[7]).len(), 1);
    assert!(resend(&mut streams, 200_004, &[7]).is_empty());
    assert_eq!(streams.media[1].sender.tally.packets, 1);
}

#[test]
fn plain_bytes_never_leave_when_rtx_is_negotiated_away() {
    let mut streams = streams(vec![audio(), video()]);
    streams.media[1].sender.history.set_keep(200);
    prepare(&mut streams, 3, 1, &simple(7)).unwrap();
    streams.set_media(vec![MediumConfig { ssrc_rtx: 0, rtx_payload_types: vec![], ..video() }]);
    assert!(resend(&mut streams, 10, &[7]).is_empty());
}

// MP-190
#[test]
fn a_key_frame_empties_the_history() {
    let mut key = vec![0x10, 0x00, 0, 0, 0x9D, 0x01, 0x2A];
    key.resize(20, 0);
    let key = rtp(96, 8, 9000, 5, &[], &key);
    for optimize in [false, true] {
        let mut streams =
            streams_with(vec![audio(), video()], |settings| settings.nack_optimizations = optimize);
        streams.media[1].sender.history.set_keep(200);
        prepare(&mut streams, 3, 1, &simple(7)).unwrap();
        prepare(&mut streams, 3, 1, &key).unwrap();
        assert_eq!(resend(&mut streams, 10, &[7]).len(), usize::from(!optimize));
        assert_eq!(resend(&mut streams, 10, &[8]).len(), 1);
    }
}
