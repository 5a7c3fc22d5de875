//! A later negotiation replaces what an earlier one signalled and packets told, and keeps the rest.

use super::fixtures::*;
use super::*;

fn receive(streams: &mut Streams, packet: Vec<u8>) -> Result<(i32, u32), Dropped> {
    let mut packet = packet;
    let route = streams.route(&packet)?;
    let mut room = [0; inbound::MAX_DESCRIPTOR];
    let received = streams.receive(at(1), route, &mut packet, &mut room)?;
    Ok((received.mindex, crate::rtp::Header::new(&packet[..received.len]).unwrap().ssrc()))
}

fn plain(sequence: u16, ssrc: u32) -> Vec<u8> {
    rtp(96, sequence, 1, ssrc, &[], &[1, 2, 3])
}

fn signalled(ssrcs: [u32; 3], rtx: [u32; 3]) -> MediumConfig {
    MediumConfig { remote_ssrc: ssrcs, remote_ssrc_rtx: rtx, ..video() }
}

fn with_rids(rids: &[&str]) -> MediumConfig {
    let mut config = video();
    config.rids.iter_mut().zip(rids).for_each(|(slot, rid)| *slot = Some((*rid).to_owned()));
    config
}

/// Every pair of negotiations: what the second one signals is found where it is found without the first.
#[test]
fn signalled_ssrcs_lead_to_their_layer() {
    let all = [
        signalled([10, 0, 0], [0; 3]),
        signalled([20, 0, 0], [0; 3]),
        signalled([10, 0, 0], [11, 0, 0]),
        signalled([10, 0, 0], [12, 0, 0]),
        signalled([11, 0, 0], [10, 0, 0]),
        signalled([10, 20, 30], [0; 3]),
        signalled([30, 20, 10], [31, 21, 0]),
        with_rids(&["l", "m", "h"]),
        signalled([0; 3], [0; 3]),
    ];
    for first in &all {
        for second in &all {
            let mut streams = streams(vec![audio(), first.clone()]);
            for ssrc in first.remote_ssrc.into_iter().filter(|ssrc| *ssrc != 0) {
                receive(&mut streams, plain(1, ssrc)).unwrap();
            }
            streams.set_media(vec![audio(), second.clone()]);
            let mut fresh = self::streams(vec![audio(), second.clone()]);
            let layers =
                |s: &Streams| s.media[1].layers.iter().map(|l| (l.ssrc, l.ssrc_rtx)).collect::<Vec<_>>();
            let named =
                second.remote_ssrc.into_iter().chain(second.remote_ssrc_rtx).filter(|ssrc| *ssrc != 0);
            for ssrc in named {
                assert_eq!(
                    streams.media.by_ssrc(ssrc),
                    fresh.media.by_ssrc(ssrc),
                    "{first:?} {second:?} {ssrc}"
                );
            }
            assert_eq!(layers(&streams), layers(&fresh), "{first:?} {second:?}");
            for ssrc in second.remote_ssrc.into_iter().filter(|ssrc| *ssrc != 0) {
                assert!(receive(&mut streams, plain(7, ssrc)).is_ok(), "{first:?} {second:?} {ssrc}");
                assert!(receive(&mut fresh, plain(7, ssrc)).is_ok());
            }
        }
    }
}

/// The plugin goes on seeing the SSRC that it knows (MP-150), and packets of the former one are still taken.
#[test]
fn a_replaced_ssrc_goes_on_under_its_old_name() {
    let mut streams = streams(vec![audio(), signalled([10, 0, 0], [11, 0, 0])]);
    assert_eq!(receive(&mut streams, plain(1, 10)), Ok((1, 10)));
    streams.set_media(vec![audio(), signalled([20, 0, 0], [0; 3])]);
    assert_eq!((streams.media[1].layers[0].ssrc, streams.media[1].layers[0].ssrc_rtx), (20, 0));
    assert_eq!(receive(&mut streams, plain(1, 20)), Ok((1, 10)));
    assert_eq!(receive(&mut streams, plain(2, 10)), Ok((1, 10)));
    assert_eq!(streams.media.by_ssrc(11), None, "a retransmission stream that was taken away");
}

/// Two media whose streams change places.
#[test]
fn streams_may_change_places() {
    let config = |mindex, mid: &str, ssrc| MediumConfig {
        mindex,
        mid: mid.into(),
        ssrc: 100 + mindex as u32,
        ssrc_rtx: 0,
        ..signalled([ssrc, 0, 0], [0; 3])
    };
    let mut streams = streams(vec![config(0, "a", 10), config(1, "b", 20)]);
    streams.set_media(vec![config(0, "a", 20), config(1, "b", 10)]);
    assert_eq!(receive(&mut streams, plain(1, 10)).unwrap().0, 1);
    assert_eq!(receive(&mut streams, plain(1, 20)).unwrap().0, 0);
    // One that packets told gives way, too, in either order of the media.
    for (learned_by, named_by) in [(0, 1), (1, 0)] {
        let mids = ["a", "b"];
        let mut streams = self::streams(vec![config(0, "a", 0), config(1, "b", 0)]);
        let told = rtp(96, 1, 1, 30, &[(4, mids[learned_by].as_bytes())], &[1]);
        assert_eq!(receive(&mut streams, told).unwrap().0, learned_by as i32);
        let mut second = vec![config(0, "a", 0), config(1, "b", 0)];
        second[named_by].remote_ssrc[0] = 30;
        streams.set_media(second);
        assert_eq!(receive(&mut streams, plain(2, 30)).unwrap().0, named_by as i32);
    }
}

/// A place that stays empty is as large as one that does not: half a kilobyte for each PeerConnection.
#[test]
fn there_are_as_many_places_as_media_and_layers() {
    let mut streams = streams(Vec::new());
    for _ in 0..2 {
        streams.set_media(vec![audio(), signalled([10, 20, 30], [0; 3])]);
    }
    let layers = streams.media.iter().map(|medium| medium.layers.capacity());
    assert_eq!(layers.collect::<Vec<_>>(), [1, 3]);
    assert_eq!(streams.media.capacity(), 2);
}

/// A layer is its rid, wherever that stands in the list.
#[test]
fn layers_follow_their_rids() {
    let with = |ssrc, rid: &[u8]| rtp(96, 1, 1, ssrc, &[(4, b"v"), (5, rid)], &[0, 1, 2]);
    let mut streams = streams(vec![audio(), simulcast()]);
    for (ssrc, rid) in [(70, b"l"), (71, b"m"), (72, b"h")] {
        receive(&mut streams, with(ssrc, rid)).unwrap();
    }
    streams.set_media(vec![audio(), with_rids(&["l", "h"])]);
    let layers: Vec<_> = streams.media[1].layers.iter().map(|l| l.ssrc).collect();
    assert_eq!(layers, [70, 72]);
    assert_eq!(receive(&mut streams, plain(9, 72)), Ok((1, 72)), "without its rid");
    assert_eq!(streams.route(&plain(9, 71)), Err(Dropped::Unknown), "a layer that is no more");
    // The plugin wants one stream only, and the next offer names them again.
    for rids in [&[] as &[&str], &["l", "h"], &[]] {
        streams.set_media(vec![audio(), with_rids(rids)]);
        assert_eq!(receive(&mut streams, plain(10 + rids.len() as u16, 70)), Ok((1, 70)));
    }
}

#[test]
fn an_mline_used_again_for_another_kind() {
    let mut streams = streams(vec![audio(), signalled([10, 0, 0], [11, 0, 0])]);
    receive(&mut streams, plain(1, 10)).unwrap();
    let other = MediumConfig { mindex: 1, mid: "n".into(), ssrc: 5, remote_ssrc: [12, 0, 0], ..audio() };
    streams.set_media(vec![audio(), other]);
    assert!(!streams.media[1].video() && streams.media[1].codec.is_none());
    assert_eq!(streams.route(&plain(2, 10)), Err(Dropped::Unknown));
    assert_eq!(streams.media.by_ssrc(VIDEO_SSRC), None);
    assert_eq!(receive(&mut streams, rtp(111, 1, 1, 12, &[], &[1])), Ok((1, 12)));
}

#[test]
fn another_codec_is_learned_anew() {
    let mut streams = streams(vec![audio(), signalled([10, 0, 0], [0; 3])]);
    receive(&mut streams, plain(1, 10)).unwrap();
    assert_eq!(streams.media[1].codec.as_deref(), Some("vp8"));
    let config = MediumConfig { codecs: vec![(96, "h264".into())], ..signalled([10, 0, 0], [0; 3]) };
    streams.set_media(vec![audio(), config]);
    receive(&mut streams, plain(2, 10)).unwrap();
    assert_eq!(streams.media[1].codec.as_deref(), Some("h264"));
}
