use super::*;
use crate::media::streams::Resend;
use crate::media::streams::fixtures::*;
use crate::media::streams::inbound::MAX_DESCRIPTOR;
use crate::media::streams::rtcp::Split;
use crate::media::types::{MediumConfig, Mindex};
use crate::rtcp::compound::{PSFB, RR};
use crate::rtcp::report::{SenderInfo, write_rr, write_sr};
use crate::rtcp::{feedback, remb};
use crate::rtp::Extensions;

/// The peer's video SSRC in these tests.
const PEER: u32 = 77;

fn receive_rtp(streams: &mut Streams, now: i64, sequence: u16, timestamp: u32) {
    let mut packet = rtp(96, sequence, timestamp, PEER, &[(4, b"v")], &[1, 2]);
    let route = streams.route(&packet).unwrap();
    streams.receive(at(now), route, &mut packet, &mut [0; MAX_DESCRIPTOR]).unwrap();
}

fn send_rtp(streams: &mut Streams, now: i64, sequence: u16) {
    let packet = rtp(96, sequence, 5, 5, &[], &[1, 2]);
    streams.prepare(at(now), &outgoing(1, &packet, Extensions::default()), &mut [0; 200]).unwrap();
}

/// An RR about one stream of ours, after `rtt_ms`.
fn rr(now: i64, sender: u32, about: u32, rtt_ms: i64) -> Vec<u8> {
    let last_sr = (ntp(at(now - rtt_ms * 1000).wall) >> 16) as u32;
    let block = ReportBlock { ssrc: about, last_sr, ..ReportBlock::default() };
    let mut packet = [0; 32];
    write_rr(&mut packet, sender, &[block]).unwrap();
    packet.to_vec()
}

fn sr(sender: u32, timestamp: u32) -> Vec<u8> {
    let mut packet = [0; 28];
    let info = SenderInfo { ntp: 1 << 40, rtp_timestamp: timestamp, packets: 1, octets: 1 };
    write_sr(&mut packet, sender, &info).unwrap();
    packet.to_vec()
}

fn nack(sender: u32, media: u32, sequences: &[u16]) -> Vec<u8> {
    let mut packet = [0; 100];
    let len = crate::rtcp::nack::build(&mut packet, sequences.iter().copied()).unwrap();
    packet[4..8].copy_from_slice(&sender.to_be_bytes());
    packet[8..12].copy_from_slice(&media.to_be_bytes());
    packet[..len].to_vec()
}

/// What the plugin gets, compound by compound.
fn parts(streams: &mut Streams, now: i64, packet: &[u8]) -> Result<Vec<(Mindex, Vec<u8>)>, RtcpDropped> {
    let mut split = Split::default();
    streams.incoming_rtcp(at(now), &mut packet.to_vec(), &mut split)?;
    let mut seen = Vec::new();
    split.each(|mindex, video, packet| {
        assert_eq!(video, mindex != 0);
        seen.push((mindex, packet.to_vec()));
    });
    assert_eq!(seen.len(), split.len());
    Ok(seen)
}

/// Of a compound about one medium.
fn incoming(streams: &mut Streams, now: i64, packet: &[u8]) -> Result<(Mindex, Vec<u8>), RtcpDropped> {
    let mut parts = parts(streams, now, packet)?;
    assert_eq!(parts.len(), 1);
    Ok(parts.remove(0))
}

// MP-208
#[test]
fn rtcp_about_nothing_of_ours_is_dropped() {
    let mut streams = streams(vec![audio(), video()]);
    assert_eq!(incoming(&mut streams, 1, &rr(1, 1, 99, 0)), Err(RtcpDropped::Unknown));
    assert_eq!(incoming(&mut streams, 1, &[0x80, 201, 0, 9, 0, 0, 0, 1]), Err(RtcpDropped::Malformed));
    assert_eq!(incoming(&mut streams, 1, &[0x80, 201]), Err(RtcpDropped::Malformed));
}

// MP-189
#[test]
fn the_first_round_trip_starts_the_history() {
    let mut streams = streams(vec![audio(), video()]);
    let queue = |streams: &Streams| streams.media[1].sender.nack_queue_ms;
    incoming(&mut streams, 1_000_000, &rr(1_000_000, 1, VIDEO_SSRC, 301)).unwrap();
    assert!((400..402).contains(&queue(&streams)), "{}", queue(&streams));
    incoming(&mut streams, 2_000_000, &rr(2_000_000, 1, VIDEO_SSRC, 10)).unwrap();
    assert!((374..377).contains(&queue(&streams)), "{}", queue(&streams));
    for _ in 0..100 {
        incoming(&mut streams, 3_000_000, &rr(3_000_000, 1, VIDEO_SSRC, 1)).unwrap();
    }
    assert!((200..208).contains(&queue(&streams)), "{}", queue(&streams));
    for _ in 0..100 {
        incoming(&mut streams, 9_000_000, &rr(9_000_000, 1, VIDEO_SSRC, 5000)).unwrap();
    }
    assert!((993..=1000).contains(&queue(&streams)), "{}", queue(&streams));
}

// MP-182, MP-183, MP-203
#[test]
fn nacks_are_answered_and_hidden() {
    let mut streams = streams(vec![audio(), video()]);
    send_rtp(&mut streams, 1, 10);
    let ask = nack(1, VIDEO_SSRC, &[10, 11, 12]);
    assert_eq!(incoming(&mut streams, 2, &ask), Err(RtcpDropped::Answered));
    assert_eq!(streams.next_resend(at(2), &mut [0; 200]), None);
    incoming(&mut streams, 1_000_000, &rr(1_000_000, 1, VIDEO_SSRC, 20)).unwrap();
    for sequence in [11, 12] {
        send_rtp(&mut streams, 1_000_000, sequence);
    }
    let compound = [rr(1_010_000, 1, VIDEO_SSRC, 20), ask.clone(), feedback_pli(VIDEO_SSRC)].concat();
    let (mindex, seen) = incoming(&mut streams, 1_010_000, &compound).unwrap();
    assert_eq!((mindex, seen.len()), (1, 44));
    assert!(feedback::has_pli(&seen));
    let resent = std::iter::from_fn(|| streams.next_resend(at(1_010_000), &mut [0; 200]));
    assert!(resent.map(|resend| matches!(resend, Resend::Plain(_))).eq([true, true]));
    let snapshot = &streams.snapshot()[1];
    assert_eq!((snapshot.layers[0].received.nacks, snapshot.sent.retransmissions), (6, 2));
}

#[test]
fn without_nack_handling_the_plugin_answers() {
    let mut streams = streams(vec![audio(), MediumConfig { nacks: false, ..video() }]);
    let ask = nack(1, VIDEO_SSRC, &[10]);
    assert_eq!(incoming(&mut streams, 2, &ask), Ok((1, ask)));
}

fn feedback_pli(media: u32) -> Vec<u8> {
    let mut pli = feedback::pli();
    pli[7] = 1;
    pli[8..12].copy_from_slice(&media.to_be_bytes());
    pli.to_vec()
}

// MP-204
#[test]
fn feedback_reaches_the_right_medium() {
    let mut streams = streams(vec![audio(), video()]);
    let pli = feedback_pli(VIDEO_SSRC);
    assert_eq!(incoming(&mut streams, 1, &pli), Ok((1, pli)));
    let mut wish = [0; remb::LEN];
    remb::build(&mut wish, 256_000, 1).unwrap();
    wish[7] = 1;
    wish[20..24].copy_from_slice(&VIDEO_SSRC.to_be_bytes());
    assert_eq!(incoming(&mut streams, 1, &wish).unwrap().0, 1);
    assert_eq!(streams.remb(), Some(256_000));
    let mut fir = feedback::fir(1);
    fir[12..16].copy_from_slice(&AUDIO_SSRC.to_be_bytes());
    assert_eq!(incoming(&mut streams, 1, &fir).unwrap().0, 0);
}

// MP-205, MP-206, MP-207
#[test]
fn reports_are_shifted_like_the_rtp() {
    let mut streams = streams(vec![audio(), MediumConfig { remote_ssrc: [PEER, 0, 0], ..video() }]);
    assert_eq!(incoming(&mut streams, 1, &sr(PEER, 9000)), Err(RtcpDropped::Stranger));
    receive_rtp(&mut streams, 1, 500, 9000);
    let (mindex, seen) = incoming(&mut streams, 2, &sr(PEER, 9090)).unwrap();
    assert_eq!((mindex, compound_word(&seen, 4), compound_word(&seen, 16)), (1, PEER, 90));
    let (_, seen) = incoming(&mut streams, 3, &rr(3, PEER, VIDEO_SSRC, 0)).unwrap();
    assert_eq!((compound_word(&seen, 4), compound_word(&seen, 8)), (PEER, VIDEO_SSRC));
    // The report block for RTX does not stand in front.
    let blocks = [VIDEO_RTX_SSRC, VIDEO_SSRC].map(|ssrc| ReportBlock { ssrc, ..ReportBlock::default() });
    let mut both = [0; 56];
    write_rr(&mut both, PEER, &blocks).unwrap();
    let (_, seen) = incoming(&mut streams, 3, &both).unwrap();
    assert_eq!((compound_word(&seen, 8), compound_word(&seen, 32)), (VIDEO_SSRC, VIDEO_RTX_SSRC));
}

#[test]
fn one_compound_reports_on_all_our_streams() {
    let mut streams = streams(vec![audio(), video()]);
    let blocks = [(AUDIO_SSRC, 7), (VIDEO_SSRC, 9)];
    let blocks = blocks.map(|(ssrc, loss)| ReportBlock { ssrc, loss, ..ReportBlock::default() });
    let mut packet = [0; 56];
    write_rr(&mut packet, 1, &blocks).unwrap();
    assert_eq!(parts(&mut streams, 1, &packet).unwrap().len(), 2);
    let lost: Vec<_> = streams.snapshot().iter().map(|medium| medium.layers[0].lost_by_remote).collect();
    assert_eq!(lost, [7, 9]);
}

// MP-209
#[test]
fn bye_is_passed_on() {
    let mut streams = streams(vec![audio(), video()]);
    receive_rtp(&mut streams, 1, 500, 9000);
    let packet = [&rr(1, PEER, VIDEO_SSRC, 0)[..], &[0x81, 203, 0, 1, 0, 0, 0, PEER as u8]].concat();
    let (_, seen) = incoming(&mut streams, 2, &packet).unwrap();
    assert!(feedback::has_bye(&seen));
    receive_rtp(&mut streams, 3, 501, 9000);
}

#[test]
fn damaged_compounds_never_panic() {
    let mut streams = streams(vec![audio(), video()]);
    receive_rtp(&mut streams, 1, 500, 9000);
    let mut wish = [0; remb::LEN];
    remb::build(&mut wish, 256_000, 1).unwrap();
    let whole =
        [sr(PEER, 1), rr(1, PEER, VIDEO_SSRC, 0), nack(1, VIDEO_SSRC, &[1, 2, 90]), wish.to_vec()].concat();
    let mut seed = 3_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize
    };
    let mut split = Split::default();
    for _ in 0..20_000 {
        let mut packet = whole.clone();
        for _ in 0..random() % 5 {
            let at = random() % packet.len();
            packet[at] = random() as u8;
        }
        packet.truncate(random() % (packet.len() + 1));
        let _ = streams.incoming_rtcp(at(1), &mut packet, &mut split);
        while streams.next_resend(at(1), &mut [0; 200]).is_some() {}
    }
}

fn pli(about: u32) -> Vec<u8> {
    let mut packet = feedback::pli();
    packet[4..8].copy_from_slice(&PEER.to_be_bytes());
    packet[8..12].copy_from_slice(&about.to_be_bytes());
    packet.to_vec()
}

#[test]
fn a_flood_of_keyframe_requests_reaches_the_plugin_as_a_trickle() {
    let mut streams = streams(vec![audio(), video()]);
    let mut flood = |from: i64| {
        let times = (0..1000).map(|step| from + step * 1000);
        times.filter(|now| incoming(&mut streams, *now, &pli(VIDEO_SSRC)).is_ok()).count()
    };
    // A burst, and ten for the second that it lasts.
    assert_eq!(flood(1_000_000), 10 + 9);
    assert_eq!(flood(2_000_000), 10);
    // What comes with them is still delivered.
    let mut compound = rr(2_999_000, PEER, VIDEO_SSRC, 0);
    compound.extend(pli(VIDEO_SSRC));
    assert_eq!(incoming(&mut streams, 2_999_000, &compound).unwrap().1.len(), 32);
}

#[test]
fn a_flood_of_nacks_is_answered_once_per_packet_sent() {
    let mut streams = streams(vec![audio(), video()]);
    streams.media[1].sender.history.set_keep(1000);
    for sequence in 0..300 {
        send_rtp(&mut streams, 1_000_000, sequence);
    }
    let mut answers = 0;
    for step in 0..800 {
        let now = 1_001_000 + step * 1000;
        for first in (0..300).step_by(20) {
            let sequences: Vec<u16> = (first..first + 20).collect();
            let _ = incoming(&mut streams, now, &nack(PEER, VIDEO_SSRC, &sequences));
            while streams.next_resend(at(now), &mut [0; 200]).is_some() {
                answers += 1;
            }
        }
    }
    // One for each packet sent, and what everybody has at the start.
    assert_eq!(answers, 300 + 128);
    // Others, and the same one when it is sent more, are not affected.
    send_rtp(&mut streams, 1_900_000, 300);
    let _ = incoming(&mut streams, 1_901_000, &nack(PEER, VIDEO_SSRC, &[300]));
    assert!(streams.next_resend(at(1_901_000), &mut [0; 200]).is_some());
}

#[test]
fn only_so_many_compounds_of_a_peer_are_looked_at() {
    let mut streams = streams(vec![audio(), video()]);
    let admitted = (0..100_000).filter(|step| streams.admits_rtcp(at(1 + step * 10))).count();
    assert_eq!(admitted, 200 + 999);
}

/// Blocks by type and message type, with the SSRC at byte 8.
fn blocks_of(packet: &[u8]) -> Vec<(u8, u8, u32)> {
    compound::blocks(packet).map(|b| (b.packet_type, b.count, compound_word(b.bytes(packet), 8))).collect()
}

fn reports_about(ssrcs: &[u32]) -> Vec<u8> {
    let blocks: Vec<_> = ssrcs.iter().map(|ssrc| ReportBlock { ssrc: *ssrc, ..Default::default() }).collect();
    let mut packet = vec![0; 8 + 24 * ssrcs.len()];
    write_rr(&mut packet, 1, &blocks).unwrap();
    packet
}

/// Compounds as browsers and GStreamer write them: whatever stands in front, video's plugin gets its PLI.
#[test]
fn each_medium_gets_its_own_compound() {
    const UNKNOWN: u32 = 0xEE;
    let audio_nack = nack(1, AUDIO_SSRC, &[1]);
    for (front, of_audio) in [
        (vec![], vec![]),
        (reports_about(&[]), vec![]),
        (reports_about(&[UNKNOWN]), vec![]),
        (reports_about(&[AUDIO_SSRC]), vec![(RR, 1, AUDIO_SSRC)]),
        (reports_about(&[AUDIO_SSRC, VIDEO_SSRC]), vec![(RR, 1, AUDIO_SSRC)]),
        (reports_about(&[VIDEO_SSRC, AUDIO_SSRC]), vec![(RR, 1, AUDIO_SSRC)]),
        (reports_about(&[VIDEO_RTX_SSRC, VIDEO_SSRC, AUDIO_SSRC]), vec![(RR, 1, AUDIO_SSRC)]),
        (audio_nack.clone(), vec![(205, 1, AUDIO_SSRC)]),
        ([reports_about(&[]), audio_nack].concat(), vec![(RR, 0, 0), (205, 1, AUDIO_SSRC)]),
    ] {
        let mut streams = streams(vec![audio(), MediumConfig { nacks: false, ..video() }]);
        let compound = [front.clone(), pli(VIDEO_SSRC)].concat();
        let mut seen = parts(&mut streams, 1, &compound).unwrap();
        seen.sort();
        let (video, others): (Vec<_>, Vec<_>) = seen.iter().partition(|(mindex, _)| *mindex == 1);
        let blocks = blocks_of(&video[0].1);
        assert_eq!(*blocks.last().unwrap(), (PSFB, 1, VIDEO_SSRC), "{front:02x?}");
        assert!(blocks.iter().all(|b| b.0 != RR || b.1 == 0 || b.2 == VIDEO_SSRC), "{blocks:?}");
        let led_by_report = front.get(1) == Some(&RR);
        assert_eq!(blocks[0].0 == RR, led_by_report, "a compound stays one");
        let mut heard: Vec<_> = others.iter().flat_map(|(_, packet)| blocks_of(packet)).collect();
        heard.iter_mut().filter(|b| b.1 == 0).for_each(|b| b.2 = 0);
        assert_eq!(heard, of_audio, "{front:02x?}");
    }
}

/// Sender reports of both media in one compound, and one of them not yet known from RTP (MP-207).
#[test]
fn sender_reports_go_to_their_own_media() {
    let mut streams = streams(vec![
        MediumConfig { remote_ssrc: [55, 0, 0], ..audio() },
        MediumConfig { remote_ssrc: [PEER, 0, 0], ..video() },
    ]);
    receive_rtp(&mut streams, 1, 500, 9000);
    let compound = [sr(55, 1), sr(PEER, 9090), pli(VIDEO_SSRC)].concat();
    let seen = parts(&mut streams, 2, &compound).unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].0, compound_word(&seen[0].1, 16)), (1, 90));
    assert!(feedback::has_pli(&seen[0].1));
}

/// RFC 5104 §4.3.1: one FIR may ask for frames of several media, and plugins may know PLI only.
#[test]
fn a_fir_is_a_pli_as_well() {
    let other = MediumConfig { mindex: 2, mid: "w".into(), ssrc: 0xC0, ssrc_rtx: 0, ..video() };
    let mut streams = streams(vec![audio(), video(), other]);
    let mut fir = vec![0x84, PSFB, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0];
    for ssrc in [VIDEO_SSRC, 0xC0] {
        fir.extend(ssrc.to_be_bytes());
        fir.extend([7, 0, 0, 0]);
    }
    let seen = parts(&mut streams, 1, &fir).unwrap();
    for ((mindex, packet), (wanted, ssrc)) in seen.iter().zip([(1, VIDEO_SSRC), (2, 0xC0)]) {
        assert_eq!(*mindex, wanted);
        assert_eq!(blocks_of(packet), [(PSFB, 4, 0), (PSFB, 1, ssrc)]);
        assert_eq!((packet.len(), compound_word(packet, 12)), (32, ssrc));
    }
    assert_eq!(seen.len(), 2);
    let both = [fir, pli(VIDEO_SSRC)].concat();
    let seen = parts(&mut streams, 2_000_000, &both).unwrap();
    assert_eq!(blocks_of(&seen[0].1), [(PSFB, 4, 0), (PSFB, 1, VIDEO_SSRC)], "one PLI is enough");
}
