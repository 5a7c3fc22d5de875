use super::*;
use crate::media::streams::fixtures::*;
use crate::media::types::{MediumConfig, PeerEvent};
use crate::rtp::extensions::{AudioLevel, Orientation, PlayoutDelay};

/// What the plugin sees: mindex, packet, extensions' level and rotation.
fn receive(streams: &mut Streams, now: i64, mut packet: Vec<u8>) -> Result<(Mindex, Vec<u8>), Dropped> {
    let route = streams.route(&packet)?;
    let mut room = [0; MAX_DESCRIPTOR];
    let received = streams.receive(at(now), route, &mut packet, &mut room)?;
    let (mindex, len) = (received.mindex, received.len);
    packet.truncate(len);
    Ok((mindex, packet))
}

fn numbers(packet: &[u8]) -> (u16, u32, u32) {
    let header = Header::new(packet).unwrap();
    (header.sequence(), header.timestamp(), header.ssrc())
}

fn simple(sequence: u16, timestamp: u32, ssrc: u32) -> Vec<u8> {
    rtp(96, sequence, timestamp, ssrc, &[(4, b"v")], &[1, 2, 3, 4])
}

fn rtx(sequence: u16, original: u16, ssrc: u32) -> Vec<u8> {
    let mut payload = original.to_be_bytes().to_vec();
    payload.extend([9, 9, 9]);
    rtp(97, sequence, 1000, ssrc, &[(4, b"v")], &payload)
}

// MP-142
#[test]
fn unknown_ssrc_without_mid_is_dropped() {
    let twice = MediumConfig { mindex: 2, mid: "w".into(), ssrc: 9, ssrc_rtx: 0, ..video() };
    let streams = streams(vec![audio(), video(), twice]);
    let packet = rtp(96, 1, 1, 77, &[], &[1]);
    assert_eq!(streams.route(&packet), Err(Dropped::Unknown));
    assert_eq!(streams.route(&rtp(96, 1, 1, 77, &[(4, b"x")], &[1])), Err(Dropped::Unknown));
}

#[test]
fn a_payload_type_of_one_medium_names_it() {
    let mut streams = streams(vec![audio(), video()]);
    let plain = |pt, sequence, ssrc| rtp(pt, sequence, 1, ssrc, &[], &[0, 1, 2, 3]);
    assert_eq!(streams.route(&plain(98, 1, 70)), Err(Dropped::Unknown));
    assert_eq!(receive(&mut streams, 1, plain(111, 1, 71)).unwrap().0, 0);
    assert_eq!(receive(&mut streams, 1, plain(96, 1, 72)).unwrap().0, 1);
    assert!(streams.route(&plain(97, 1, 73)).unwrap().binding.rtx);
    // Which layer it is, only a rid tells.
    let streams = self::streams(vec![audio(), simulcast()]);
    assert_eq!(streams.route(&plain(96, 1, 72)), Err(Dropped::Unknown));
}

// MP-143
#[test]
fn mid_binds_the_ssrc() {
    let mut streams = streams(vec![audio(), video()]);
    assert_eq!(receive(&mut streams, 1, simple(1, 1, 77)).unwrap().0, 1);
    assert_eq!(receive(&mut streams, 2, rtp(96, 2, 1, 77, &[], &[1])).unwrap().0, 1);
    assert_eq!(streams.media[1].layers[0].ssrc, 77);
}

#[test]
fn a_forged_packet_changes_nothing() {
    let streams = streams(vec![audio(), video()]);
    let before = format!("{streams:?}");
    assert!(streams.route(&simple(1, 1, 77)).is_ok());
    assert_eq!(format!("{streams:?}"), before);
}

// MP-144, MP-145
#[test]
fn rids_name_the_layer() {
    let mut streams = streams(vec![audio(), simulcast()]);
    let with = |ssrc, id, rid: &[u8]| rtp(96, 1, 1, ssrc, &[(4, b"v"), (id, rid)], &[0, 1, 2]);
    receive(&mut streams, 1, with(70, 5, b"l")).unwrap();
    receive(&mut streams, 1, with(72, 5, b"h")).unwrap();
    let _ = receive(&mut streams, 1, with(82, 6, b"h"));
    assert_eq!(receive(&mut streams, 1, with(73, 5, b"x")), Err(Dropped::Unknown));
    assert_eq!(receive(&mut streams, 1, simple(1, 1, 74)), Err(Dropped::Unknown));
    let layers: Vec<_> = streams.media[1].layers.iter().map(|layer| (layer.ssrc, layer.ssrc_rtx)).collect();
    assert_eq!(layers, [(70, 0), (0, 0), (72, 82)]);
}

// MP-146
#[test]
fn nothing_arrives_on_a_medium_that_is_not_received() {
    let streams = streams(vec![audio(), MediumConfig { recv: false, ..video() }]);
    assert_eq!(streams.route(&simple(1, 1, 77)), Err(Dropped::NotReceived));
}

// MP-148, MP-149
#[test]
fn numbering_starts_at_one_and_keeps_gaps_and_order() {
    let mut streams = streams(vec![audio(), video()]);
    let seen: Vec<_> = [(500, 9000), (501, 9000), (504, 12000), (503, 11000)]
        .into_iter()
        .map(|(sequence, timestamp)| {
            numbers(&receive(&mut streams, 1, simple(sequence, timestamp, 77)).unwrap().1)
        })
        .collect();
    assert_eq!(seen, [(1, 0, 77), (2, 0, 77), (5, 3000, 77), (4, 2000, 77)]);
}

// MP-150
#[test]
fn a_new_ssrc_is_invisible() {
    let mut streams = streams(vec![audio(), video()]);
    receive(&mut streams, 1, simple(500, 9000, 77)).unwrap();
    let (_, packet) = receive(&mut streams, 1_000_001, simple(7, 5, 78)).unwrap();
    assert_eq!(numbers(&packet), (2, 90_000, 77));
    assert_eq!(streams.media[1].layers[0].ssrc, 78);
}

/// Receives with a hole at 11 and makes it be asked for.
fn with_hole(streams: &mut Streams) {
    receive(streams, 1, simple(10, 1000, 77)).unwrap();
    receive(streams, 2, simple(12, 1000, 77)).unwrap();
    let mut packet = simple(13, 1000, 77);
    let route = streams.route(&packet).unwrap();
    let mut room = [0; MAX_DESCRIPTOR];
    let received = streams.receive(at(20_000), route, &mut packet, &mut room).unwrap();
    assert_eq!(received.nacks.unwrap().1.as_slice(), [11]);
}

// MP-151, MP-153
#[test]
fn rtx_becomes_the_original_packet_once() {
    let mut streams = streams(vec![audio(), video()]);
    with_hole(&mut streams);
    let repair = rtx(1, 11, 79);
    let (_, packet) = receive(&mut streams, 30_000, repair.clone()).unwrap();
    assert_eq!(numbers(&packet), (2, 0, 77));
    assert_eq!(packet[1], 96);
    assert_eq!(packet[packet.len() - 3..], [9, 9, 9]);
    assert_eq!(streams.media[1].layers[0].ssrc_rtx, 79);
    assert_eq!(receive(&mut streams, 30_001, repair), Err(Dropped::Duplicate));
    assert_eq!(receive(&mut streams, 30_002, simple(11, 1000, 77)), Err(Dropped::Duplicate));
}

// MP-152
#[test]
fn rtx_that_nobody_asked_for_is_dropped_but_counts_for_congestion_control() {
    let mut streams = streams(vec![audio(), video()]);
    with_hole(&mut streams);
    let packets = streams.media[1].layers[0].tally.packets;
    let stray = rtx(1, 9, 79);
    assert_eq!(receive(&mut streams, 30_000, stray), Err(Dropped::NotAskedFor));
    // A probe: padding only.
    let mut probe = rtp(97, 2, 1000, 79, &[(4, b"v"), (3, &[0, 7])], &[0, 0, 0, 4]);
    probe[0] |= 0x20;
    assert_eq!(receive(&mut streams, 30_000, probe), Err(Dropped::NotAskedFor));
    assert_eq!(streams.media[1].layers[0].tally.packets, packets);
    let mut reported = Vec::new();
    streams.arrivals.report(|_, statuses| reported.extend(statuses.iter().map(|(sequence, _)| *sequence)));
    assert_eq!(reported, [7]);
}

#[test]
fn the_rid_of_a_repaired_packet_has_the_plain_id() {
    let mut streams = streams(vec![audio(), simulcast()]);
    let with = |pt, sequence, ssrc, id, payload: &[u8]| {
        rtp(pt, sequence, 1, ssrc, &[(4, b"v"), (id, b"m")], payload)
    };
    receive(&mut streams, 1, with(96, 10, 70, 5, &[1])).unwrap();
    receive(&mut streams, 2, with(96, 12, 70, 5, &[1])).unwrap();
    receive(&mut streams, 20_000, with(96, 13, 70, 5, &[1])).unwrap();
    let (_, packet) = receive(&mut streams, 20_001, with(97, 1, 80, 6, &[0, 11, 5])).unwrap();
    assert_eq!(numbers(&packet), (2, 0, 70));
    assert_eq!(header_ext::find(&packet, 5), Some(&b"m"[..]));
    assert_eq!(header_ext::find(&packet, 6), None);
}

fn extensions_of(streams: &mut Streams, mut packet: Vec<u8>, check: impl FnOnce(Extensions<'_>)) {
    let route = streams.route(&packet).unwrap();
    let mut room = [0; MAX_DESCRIPTOR];
    let received = streams.receive(at(1), route, &mut packet, &mut room).unwrap();
    // MP-159: the plugin may overwrite everything.
    let extensions = received.extensions;
    packet.fill(0xFF);
    check(extensions);
}

// MP-155, MP-156, MP-157, MP-158
#[test]
fn extensions_reach_the_plugin_by_kind() {
    let mut streams = streams(vec![audio(), video()]);
    let descriptor = [7; 255];
    let all: [(u8, &[u8]); 5] =
        [(4, b"v"), (1, &[0x85]), (13, &[0b1101]), (12, &[0, 0xA0, 0x14]), (9, &descriptor)];
    extensions_of(&mut streams, rtp(96, 1, 1, 77, &all, &[1]), |seen| {
        assert_eq!(seen.audio_level, None);
        assert_eq!(seen.orientation, Some(Orientation { rotation: 90, back_camera: true, flipped: true }));
        assert_eq!(seen.playout_delay, Some(PlayoutDelay { min: 10, max: 20 }));
        assert_eq!(seen.dependency_descriptor, descriptor);
    });
    extensions_of(&mut streams, rtp(111, 1, 1, 66, &[(4, b"a"), (1, &[0x85]), (13, &[1])], &[1]), |seen| {
        assert_eq!(seen.audio_level, Some(AudioLevel { level: 5, voice: true }));
        assert_eq!(seen.orientation, None);
    });
    extensions_of(&mut streams, rtp(111, 2, 1, 66, &[], &[1]), |seen| {
        assert_eq!(seen, Extensions::default())
    });
}

// MP-161, MP-162
#[test]
fn the_first_packet_fixes_the_codec() {
    let mut streams = streams(vec![audio(), video()]);
    receive(&mut streams, 1, rtp(0, 1, 1, 66, &[(4, b"a")], &[1])).unwrap();
    let red = rtp(63, 2, 1, 66, &[], &[111, 1]);
    assert_eq!(receive(&mut streams, 1, red.clone()).unwrap().1[12..], red[12..]);
    let snapshot = &streams.snapshot()[0];
    assert_eq!((snapshot.payload_type, snapshot.codec.as_deref()), (Some(0), Some("pcmu")));
}

// MP-167
#[test]
fn no_nacks_without_feedback() {
    let mut streams = streams(vec![audio(), MediumConfig { nacks: false, ..video() }]);
    for (now, sequence) in [(1, 1), (2, 5), (50_000, 6)] {
        let mut packet = simple(sequence, 1, 77);
        let route = streams.route(&packet).unwrap();
        assert!(
            streams.receive(at(now), route, &mut packet, &mut [0; MAX_DESCRIPTOR]).unwrap().nacks.is_none()
        );
    }
}

// MP-228, MP-229, MP-230, MP-089, CP-192
#[test]
fn silence_and_its_end_are_events() {
    let mut streams = streams_with(vec![audio(), simulcast()], |settings| settings.no_media_timer = 3);
    let event = |streams: &mut Streams| match streams.next_event()? {
        PeerEvent::Receiving { mid, substream, receiving, seconds, .. } => {
            Some((mid, substream, receiving, seconds))
        }
        other => panic!("{other:?}"),
    };
    receive(&mut streams, 1, rtp(111, 1, 1, 66, &[(4, b"a")], &[1])).unwrap();
    assert_eq!(event(&mut streams), Some(("a".into(), None, true, None)));
    receive(&mut streams, 1, rtp(96, 1, 1, 72, &[(4, b"v"), (5, b"h")], &[1])).unwrap();
    assert_eq!(event(&mut streams), Some(("v".into(), Some(2), true, None)));
    streams.tick(at(2_500_000));
    assert_eq!(event(&mut streams), None);
    streams.tick(at(3_500_000));
    assert_eq!(event(&mut streams), Some(("a".into(), None, false, Some(3))));
    assert_eq!(event(&mut streams), Some(("v".into(), Some(2), false, Some(3))));
    streams.tick(at(4_500_000));
    assert_eq!(event(&mut streams), None);
    receive(&mut streams, 5_000_000, rtp(111, 2, 1, 66, &[], &[1])).unwrap();
    assert_eq!(event(&mut streams), Some(("a".into(), None, true, None)));
    streams.set_media(vec![MediumConfig { recv: false, ..audio() }]);
    assert_eq!(event(&mut streams), Some(("a".into(), None, false, None)));
}

#[test]
fn running_state_survives_renegotiation() {
    let mut streams = streams(vec![audio(), video()]);
    receive(&mut streams, 1, simple(500, 9000, 77)).unwrap();
    streams.set_media(vec![audio(), MediumConfig { send: false, ..video() }]);
    let (_, packet) = receive(&mut streams, 2, rtp(96, 501, 9000, 77, &[], &[1])).unwrap();
    assert_eq!(numbers(&packet), (2, 0, 77));
}

#[test]
fn a_peer_cannot_take_our_ssrc_nor_fill_the_table() {
    let mut streams = streams(vec![audio(), video()]);
    assert_eq!(streams.route(&simple(1, 1, VIDEO_SSRC)), Err(Dropped::Unknown));
    for ssrc in 1000..2000 {
        receive(&mut streams, 1, simple(1, 1, ssrc)).unwrap();
    }
    let known = (1000..2000).filter(|ssrc| streams.media.by_ssrc(*ssrc).is_some()).count();
    assert!(known <= 12, "{known}");
    assert!(streams.media.by_ssrc(1999).is_some());
}

#[test]
fn damaged_packets_never_panic() {
    let mut streams = streams(vec![audio(), simulcast()]);
    with_seed(|random| {
        let mut packet =
            rtp(96, random() as u16, random(), 70, &[(4, b"v"), (5, b"l"), (3, &[1, 2])], &[0, 11, 3]);
        for _ in 0..random() % 4 {
            let at = random() as usize % packet.len();
            packet[at] = random() as u8;
        }
        packet.truncate(random() as usize % (packet.len() + 1));
        let _ = receive(&mut streams, i64::from(random()), packet);
    });
}

fn with_seed(mut run: impl FnMut(&mut dyn FnMut() -> u32)) {
    let mut seed = 7_u32;
    let mut random = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 8
    };
    for _ in 0..20_000 {
        run(&mut random);
    }
}

#[test]
fn numbers_of_a_former_ssrc_are_no_duplicates() {
    let mut streams = streams(vec![audio(), video()]);
    with_hole(&mut streams);
    receive(&mut streams, 30_000, rtx(1, 11, 79)).unwrap();
    assert!(receive(&mut streams, 30_001, simple(11, 1000, 78)).is_ok());
}
