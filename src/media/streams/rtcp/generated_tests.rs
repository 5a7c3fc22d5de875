use super::*;
use crate::media::streams::fixtures::*;
use crate::media::streams::inbound::MAX_DESCRIPTOR;
use crate::media::streams::rtcp::Split;
use crate::media::types::{MediumConfig, PeerEvent};
use crate::rtcp::ReportBlock;
use crate::rtcp::compound::{RR, SDES, SR, blocks};
use crate::rtp::Extensions;

fn receive(streams: &mut Streams, now: i64, packet: &[u8]) -> Option<(Binding, Nacks)> {
    let mut packet = packet.to_vec();
    let route = streams.route(&packet).unwrap();
    streams.receive(at(now), route, &mut packet, &mut [0; MAX_DESCRIPTOR]).unwrap().nacks
}

fn emitted(run: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    run(&mut |packet| packets.push(packet.to_vec()));
    packets
}

fn word(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(packet[at..at + 4].try_into().unwrap())
}

fn reports(streams: &mut Streams, now: i64) -> Vec<Vec<u8>> {
    emitted(|emit| streams.reports(at(now), emit))
}

// MP-192, MP-193
#[test]
fn sender_reports_follow_the_first_packet() {
    let mut streams = streams(vec![audio(), video()]);
    assert!(reports(&mut streams, 1).is_empty());
    let packet = rtp(96, 1, 1000, 5, &[], &[1, 2, 3]);
    let mut slot = [0; 200];
    let len = streams
        .prepare(at(1_000_000), &outgoing(1, &packet, Extensions::default()), &mut slot)
        .unwrap()
        .size();
    for now in [1_500_000, 2_500_000] {
        let sent = reports(&mut streams, now);
        assert_eq!(sent.len(), 1);
        let sent = &sent[0];
        let kinds: Vec<_> = blocks(sent).map(|block| block.packet_type).collect();
        assert_eq!(kinds, [SR, SDES]);
        assert_eq!((word(sent, 4), word(sent, 32)), (VIDEO_SSRC, VIDEO_SSRC));
        assert_eq!(word(sent, 16), 1000 + (now as u32 - 1_000_000) / 100 * 9);
        assert_eq!((word(sent, 20), word(sent, 24)), (1, len as u32));
        assert_eq!(sent[38..43], *CNAME);
        assert_eq!(u64::from_be_bytes(sent[8..16].try_into().unwrap()), ntp(at(now).wall));
    }
}

// MP-194
#[test]
fn each_received_layer_is_reported() {
    let mut streams = streams(vec![audio(), simulcast()]);
    for (ssrc, rid, sequences) in [(70, b"l", [5, 7]), (72, b"h", [8, 9])] {
        for sequence in sequences {
            receive(&mut streams, 1, &rtp(96, sequence, 1, ssrc, &[(4, b"v"), (5, rid)], &[1]));
        }
    }
    let sent = reports(&mut streams, 1_000_000).concat();
    let blocks = blocks(&sent).map(|block| {
        assert_eq!((block.packet_type, word(&sent, block.start + 4)), (RR, VIDEO_SSRC));
        let report = ReportBlock::parse(&sent[block.start + 8..]);
        (report.ssrc, report.highest, report.cumulative_loss())
    });
    let blocks: Vec<_> = blocks.collect();
    assert_eq!(blocks, [(70, 7, 1), (72, 9, 0)]);
}

// MP-195
#[test]
fn compounds_stay_below_1200_bytes() {
    let media = (0..60).map(|mindex| MediumConfig {
        mindex,
        mid: mindex.to_string(),
        ssrc: 500 + mindex as u32,
        ..video()
    });
    let mut streams = streams(media.collect());
    let packet = rtp(96, 1, 1000, 5, &[], &[1, 2, 3]);
    for mindex in 0..60 {
        streams.prepare(at(1), &outgoing(mindex, &packet, Extensions::default()), &mut [0; 200]).unwrap();
        let mid = mindex.to_string();
        receive(&mut streams, 1, &rtp(96, 1, 1, 9000 + mindex as u32, &[(4, mid.as_bytes())], &[1]));
    }
    let sent = reports(&mut streams, 1_000_000);
    assert!(sent.iter().all(|compound| compound.len() <= MAX_COMPOUND));
    let counted: usize = sent.iter().map(|compound| blocks(compound).count()).sum();
    assert_eq!((counted, sent.len()), (180, 4));
}

// MP-196, MP-197
#[test]
fn transport_feedback_names_the_first_received_video() {
    let mut streams = streams(vec![audio(), video()]);
    let feedback = |streams: &mut Streams| emitted(|emit| streams.transport_feedback(emit));
    receive(&mut streams, 1, &rtp(111, 1, 1, 66, &[(4, b"a"), (3, &[0, 9])], &[1]));
    assert!(feedback(&mut streams).is_empty());
    for (now, number) in [(1000, 10), (2000, 12)] {
        receive(&mut streams, now, &rtp(96, number.into(), 1, 77, &[(4, b"v"), (3, &[0, number])], &[1]));
    }
    let sent = feedback(&mut streams);
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (sent[0][..2].to_vec(), word(&sent[0], 4), word(&sent[0], 8)),
        (vec![0x8F, 205], VIDEO_SSRC, 77)
    );
    assert_eq!(word(&sent[0], 12), 10 << 16 | 3);
    assert!(feedback(&mut streams).is_empty());
}

// MP-196
#[test]
fn transport_feedback_does_not_wait_for_the_first_layer() {
    let mut streams = streams(vec![simulcast()]);
    receive(&mut streams, 1000, &rtp(96, 1, 1, 72, &[(4, b"v"), (5, b"h"), (3, &[0, 7])], &[1]));
    let sent = emitted(|emit| streams.transport_feedback(emit));
    assert_eq!((sent.len(), word(&sent[0], 8), word(&sent[0], 12)), (1, 72, 7 << 16 | 1));
}

// MP-163, MP-164
#[test]
fn a_hole_is_asked_for_in_the_peers_numbers() {
    let mut streams = streams(vec![audio(), video()]);
    let packet = |sequence| rtp(96, sequence, 1, 77, &[(4, b"v")], &[1]);
    receive(&mut streams, 1, &packet(1000));
    receive(&mut streams, 1, &packet(1002));
    assert!(receive(&mut streams, 12_000, &packet(1003)).is_none());
    let (stream, missing) = receive(&mut streams, 12_002, &packet(1004)).unwrap();
    let sent = emitted(|emit| streams.nack(stream, &missing, emit));
    assert_eq!(sent.len(), 1);
    assert_eq!((word(&sent[0], 4), word(&sent[0], 8), word(&sent[0], 12)), (VIDEO_SSRC, 77, 1001 << 16));
    assert!(receive(&mut streams, 100_000, &packet(1005)).is_none());
    assert!(receive(&mut streams, 155_002, &packet(1006)).is_some());
    assert!(receive(&mut streams, 500_000, &packet(1007)).is_none());
    assert_eq!(streams.snapshot()[1].sent.nacks, 1);
}

fn slow_links(streams: &mut Streams) -> Vec<(i32, String, bool, u32)> {
    let mut found = Vec::new();
    while let Some(event) = streams.next_event() {
        if let PeerEvent::SlowLink { mindex, mid, uplink, lost, .. } = event {
            found.push((mindex, mid, uplink, lost));
        }
    }
    found
}

// MP-210, MP-211, MP-212, CP-194
#[test]
fn slow_links_follow_the_losses_of_a_second() {
    for threshold in [0, 3] {
        let mut streams =
            streams_with(vec![audio(), video()], |settings| settings.slowlink_threshold = threshold);
        let report = |streams: &mut Streams, loss| {
            let mut packet = [0; 32];
            let block = ReportBlock { ssrc: VIDEO_SSRC, loss, ..ReportBlock::default() };
            write_rr(&mut packet, 1, &[block]).unwrap();
            streams.incoming_rtcp(at(1), &mut packet, &mut Split::default()).unwrap();
            reports(streams, 1);
            slow_links(streams)
        };
        let expected = |lost| if threshold == 0 { vec![] } else { vec![(1, "v".to_string(), true, lost)] };
        assert_eq!(report(&mut streams, 3), expected(3));
        assert_eq!(report(&mut streams, 5), []);
        assert_eq!(report(&mut streams, 9), expected(4));
        assert_eq!(report(&mut streams, 2), []);
        receive(&mut streams, 1, &rtp(96, 1, 1, 77, &[(4, b"v")], &[1]));
        receive(&mut streams, 1, &rtp(96, 10, 1, 77, &[(4, b"v")], &[1]));
        reports(&mut streams, 2);
        let own = slow_links(&mut streams);
        assert_eq!(own, if threshold == 0 { vec![] } else { vec![(1, "v".to_string(), false, 8)] });
    }
}
