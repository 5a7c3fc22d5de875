use super::*;
use crate::rtp::av1::tests::announcing;

const SSRCS: [u32; 3] = [10, 11, 12];
const START: i64 = 1_000_000;

struct Receiver {
    context: SimulcastContext,
    ssrcs: [u32; 3],
    numbering: SwitchingContext,
    rules: Rules,
}

impl Receiver {
    fn new(target: i32) -> Self {
        let mut context = SimulcastContext::default();
        context.layers.substream_target = target;
        Receiver { context, ssrcs: SSRCS, numbering: SwitchingContext::default(), rules: Rules::NATIVE }
    }

    fn take(&mut self, ssrc: u32, payload: &[u8], codec: VideoCodec, dd: &[u8], now: i64) -> bool {
        let mut data = vec![0x80, 96, 0, 1, 0, 0, 0, 0];
        data.extend(ssrc.to_be_bytes());
        data.extend(payload);
        let packet = Packet { data: &data, descriptor: dd, codec, rid_ext_id: self.context.rid_ext_id };
        let Some(found) = substream(&packet, &mut self.ssrcs, |_| None) else { return false };
        let av1 = Some(&mut self.context.av1);
        self.context.layers.process(&packet, found, av1, Some(&mut self.numbering), self.rules, START + now)
    }

    /// One VP8 packet of this substream and temporal layer.
    fn vp8(&mut self, stream: u32, key: bool, layer: u8, now: i64) -> bool {
        let mut payload = [0u8; 20];
        payload[..4].copy_from_slice(&[0x90, 0x20, layer << 6, u8::from(!key)]);
        payload[6..9].copy_from_slice(&[0x9d, 0x01, 0x2a]);
        self.take(SSRCS[stream as usize], &payload, VideoCodec::Vp8, &[], now)
    }
}

// HL-107
#[test]
fn fresh_contexts() {
    let context = SimulcastContext::default();
    let layers = context.layers;
    assert_eq!(
        (context.rid_ext_id, layers.substream, layers.substream_target_temp, layers.templayer),
        (-1, -1, -1, -1)
    );
    assert_eq!((layers.substream_target, layers.templayer_target, layers.last_relayed), (0, 0, 0));
}

// HL-112, HL-113
#[test]
fn rids_teach_ssrcs() {
    let mut data = vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 99, 0xbe, 0xde, 0, 1, 0x50, b'm', 0, 0, 1];
    let mut ssrcs = [0; 3];
    let known = |rid: &[u8]| (rid == b"m").then_some(1);
    let packet = Packet { data: &data, descriptor: &[], codec: VideoCodec::Vp8, rid_ext_id: 5 };
    assert_eq!(substream(&packet, &mut ssrcs, known), Some(1));
    assert_eq!(ssrcs, [0, 99, 0]);
    assert_eq!(substream(&packet, &mut ssrcs, |_| panic!("known already")), Some(1));
    let other = Packet { rid_ext_id: -1, ..packet };
    assert_eq!(substream(&other, &mut [0; 3], known), None);
    data[17] = b'x';
    let packet = Packet { data: &data, descriptor: &[], codec: VideoCodec::Vp8, rid_ext_id: 5 };
    assert_eq!(substream(&packet, &mut [0; 3], known), None);
}

// HL-114, HL-115, HL-116, HL-123
#[test]
fn switches_wait_for_key_frames_in_their_direction() {
    let mut receiver = Receiver::new(2);
    assert!(!receiver.vp8(0, false, 0, 1));
    assert!(receiver.vp8(0, true, 0, 2));
    assert_eq!((receiver.context.layers.substream, receiver.context.layers.changed_substream), (0, 1));
    assert!(receiver.vp8(0, false, 0, 3));
    assert_eq!(receiver.context.layers.changed_substream, 0);
    assert!(!receiver.vp8(2, false, 0, 4));
    assert!(receiver.vp8(1, true, 0, 5));
    assert!(receiver.vp8(2, true, 0, 6));
    assert_eq!(receiver.context.layers.substream, 2);
    assert!(!receiver.vp8(0, true, 0, 7));
    receiver.context.layers.substream_target = 0;
    assert!(!receiver.vp8(1, false, 0, 8));
    assert!(receiver.vp8(0, true, 0, 9));
    assert_eq!((receiver.context.layers.substream, receiver.context.layers.changed_substream), (0, 1));
}

// HL-117, HL-118, HL-119
#[test]
fn starvation_lowers_the_target_for_a_while() {
    for (drop_trigger, limit) in [(0, 250_000), (100_000, 100_000)] {
        let mut receiver = Receiver::new(2);
        receiver.context.layers.drop_trigger = drop_trigger;
        assert!(receiver.vp8(2, true, 0, 1));
        assert!(!receiver.vp8(0, false, 0, 1 + limit));
        assert_eq!(receiver.context.layers.substream_target_temp, -1);
        assert!(!receiver.vp8(0, false, 0, 2 + limit));
        let layers = receiver.context.layers;
        assert_eq!((layers.substream_target_temp, layers.need_pli), (1, 1));
        assert!(!receiver.vp8(0, false, 0, 3 + 2 * limit));
        assert_eq!((receiver.context.layers.substream_target_temp, receiver.context.layers.need_pli), (0, 1));
        assert!(receiver.vp8(0, true, 0, 4 + 2 * limit));
        assert!(!receiver.vp8(2, false, 0, 5 + 2 * limit));
        assert_eq!(receiver.context.layers.substream_target_temp, -1);
    }
}

// HL-120, HL-121
#[test]
fn vp8_temporal_layers() {
    let mut receiver = Receiver::new(0);
    receiver.context.layers.templayer_target = 1;
    assert!(receiver.vp8(0, true, 0, 1));
    assert!(receiver.vp8(0, false, 2, 2));
    assert!(receiver.vp8(0, false, 1, 3));
    assert_eq!((receiver.context.layers.templayer, receiver.context.layers.changed_temporal), (1, 1));
    assert!(!receiver.vp8(0, false, 2, 4));
    assert_eq!((receiver.numbering.base_seq, receiver.context.layers.changed_temporal), (1, 0));
}

// HL-122
#[test]
fn older_generations_do_not_start_av1_and_h265() {
    let key = [0x08, 0, 0, 0];
    for (rules, starts) in [(Rules::NATIVE, true), (Rules::BEFORE_1_2, false)] {
        let mut receiver = Receiver { rules, ..Receiver::new(0) };
        assert_eq!(receiver.take(10, &key, VideoCodec::Av1, &[], 1), starts);
        let mut receiver = Receiver { rules, ..Receiver::new(0) };
        assert_eq!(receiver.take(10, &[32 << 1, 1], VideoCodec::H265, &[], 1), starts);
        let mut receiver = Receiver { rules, ..Receiver::new(0) };
        assert_eq!(receiver.take(10, &[0x7c, 0x07, 0, 0, 0, 0], VideoCodec::H264, &[], 1), !starts);
    }
}

#[test]
fn av1_temporal_layers() {
    let mut receiver = Receiver::new(0);
    let key = [0x08, 0, 0, 0];
    // Templates: temporal layers 0, 1, 2.
    receiver.context.layers.templayer_target = 1;
    assert!(receiver.take(10, &key, VideoCodec::Av1, &announcing(0, true, 0, &[1, 1]), 1));
    assert_eq!(receiver.context.layers.templayer, 0);
    assert!(receiver.take(10, &key, VideoCodec::Av1, &[1, 0, 2], 2));
    assert!(!receiver.take(10, &key, VideoCodec::Av1, &[2, 0, 3], 3));
    assert_eq!((receiver.context.layers.templayer, receiver.numbering.base_seq), (1, 1));
    assert!(receiver.take(10, &key, VideoCodec::Av1, &[], 4));
}

#[test]
fn vp9_temporal_layers() {
    let mut receiver = Receiver::new(0);
    receiver.context.layers.templayer_target = 2;
    let packet = |flags: u8, layer: u8, up: bool| {
        let mut payload = [0u8; 20];
        payload[..4].copy_from_slice(&[0x20 | flags, (layer << 5) | (u8::from(up) << 4), 0, 0x10]);
        payload[4] = 1;
        payload
    };
    const KEY: u8 = 0x0a;
    assert!(receiver.take(10, &packet(KEY, 0, false), VideoCodec::Vp9, &[], 1));
    assert!(!receiver.take(10, &packet(0x08, 2, false), VideoCodec::Vp9, &[], 2));
    assert!(!receiver.take(10, &packet(0, 2, true), VideoCodec::Vp9, &[], 3));
    assert!(receiver.take(10, &packet(0x08, 2, true), VideoCodec::Vp9, &[], 4));
    receiver.context.layers.templayer_target = 0;
    assert!(receiver.take(10, &packet(0x04, 1, false), VideoCodec::Vp9, &[], 5));
    assert!(receiver.take(10, &packet(0x04, 0, false), VideoCodec::Vp9, &[], 6));
    assert!(!receiver.take(10, &packet(0x04, 1, false), VideoCodec::Vp9, &[], 7));
    assert_eq!(receiver.numbering.base_seq, 3);
}

#[test]
fn empty_payloads_are_not_relayed() {
    let mut receiver = Receiver::new(0);
    assert!(!receiver.take(10, &[], VideoCodec::Vp8, &[], 1));
    assert!(!receiver.take(77, &[1], VideoCodec::Vp8, &[], 1));
}
