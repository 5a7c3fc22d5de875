use super::*;
use crate::rtp::vp9;

const SECOND: i64 = 1_000_000;

/// A receiver, whose payload types are those of its sources.
struct Receiver {
    state: State,
    wish: Wish,
    share: Option<u64>,
    /// Sequence number, timestamp, marker, picture of what was sent on.
    sent: Vec<(u16, u32, bool, Option<u16>)>,
    asked: usize,
}

/// One packet of a source.
#[derive(Clone, Copy)]
struct From {
    track: u64,
    ssrc: u32,
    codec: VideoCodec,
    layer: u8,
    layers: u8,
    rates: [u64; 3],
}

impl From {
    /// Layers with a rate.
    fn alive(&self) -> u8 {
        (0..3).filter(|layer| self.rates[*layer] > 0).map(|layer| 1 << layer).sum()
    }
}

const CAMERA: From = From { track: 1, ssrc: 10, codec: VideoCodec::Vp8, layer: 0, layers: 1, rates: [0; 3] };

impl Receiver {
    fn new() -> Receiver {
        let state = State { payload_type: (96, 100), ..State::default() };
        Receiver { state, wish: Wish::default(), share: None, sent: Vec::new(), asked: 0 }
    }

    /// Whether it was sent on.
    fn take(&mut self, from: From, sequence: u16, payload: &[u8], now: i64) -> bool {
        let mut packet = vec![0x80, 96];
        packet.extend(sequence.to_be_bytes());
        packet.extend((u32::from(sequence) * 3000).to_be_bytes());
        packet.extend(from.ssrc.to_be_bytes());
        packet.extend(payload);
        let seen = Seen {
            track: from.track,
            from: &Outlet::default(),
            mindex: 0,
            video: true,
            codec: from.codec,
            payload_type: 96,
            keyframe: crate::rtp::keyframe::is_keyframe(from.codec, payload),
            layer: from.layer,
            layers: from.layers,
            alive: from.alive(),
            vp8: (from.codec == VideoCodec::Vp8).then(|| vp8::Descriptor::parse(payload)).flatten(),
            vp9: (from.codec == VideoCodec::Vp9).then(|| vp9::svc_info(payload).unwrap()).flatten(),
            extensions: Extensions::default(),
            now,
            rate: &|layer| from.rates[usize::from(layer)],
        };
        let share = self.share;
        let step = self.state.step(Ask { seen: &seen, wish: self.wish, share: &|| share }, &mut packet);
        self.asked += usize::from(step.asks);
        if step.send {
            let header = Header::new(&packet[..]).unwrap();
            assert_eq!(header.payload_type(), 100);
            let picture = match from.codec {
                VideoCodec::Vp8 => vp8::Descriptor::parse(&packet[12..]).unwrap().picture_id,
                _ => None,
            };
            self.sent.push((header.sequence(), header.timestamp(), header.marker(), picture));
        }
        step.send
    }

    fn sequences(&self) -> Vec<u16> {
        self.sent.iter().map(|(sequence, ..)| *sequence).collect()
    }

    fn pictures(&self) -> Vec<u16> {
        self.sent.iter().filter_map(|(.., picture)| *picture).collect()
    }
}

fn picture(id: u16, key: bool) -> Vec<u8> {
    let [high, low] = (id | 0x8000).to_be_bytes();
    let mut payload = vec![0x90, 0xe0, high, low, id as u8, 0x00];
    payload.extend([if key { 0 } else { 1 }, 0, 0, 0x9d, 0x01, 0x2a]);
    payload.resize(32, 0);
    payload
}

#[test]
fn video_begins_with_a_key_frame() {
    let mut receiver = Receiver::new();
    assert!(!receiver.take(CAMERA, 7, &picture(500, false), SECOND) && receiver.asked == 1);
    assert!(!receiver.take(CAMERA, 8, &picture(501, false), SECOND + 1) && receiver.asked == 1);
    assert!(receiver.take(CAMERA, 9, &picture(502, true), SECOND + 2));
    assert!(receiver.take(CAMERA, 10, &picture(503, false), SECOND + 3));
    assert_eq!((receiver.sequences(), receiver.pictures()), (vec![1, 2], vec![502, 503]));
    // Something that we do not recognise is not withheld for ever.
    let mut receiver = Receiver::new();
    assert!(!receiver.take(CAMERA, 1, &picture(1, false), SECOND));
    assert!(receiver.take(CAMERA, 2, &picture(2, false), SECOND + WITHOUT_KEYFRAME));
}

/// Another camera: numbers, times and pictures go on, from its first key frame.
#[test]
fn a_switch_is_not_noticed() {
    let mut receiver = Receiver::new();
    let other = From { track: 2, ssrc: 20, ..CAMERA };
    for n in 0..5 {
        assert!(receiver.take(CAMERA, 100 + n, &picture(40 + n, n == 0), SECOND + i64::from(n) * 33_333));
    }
    let asked = receiver.asked;
    assert!(!receiver.take(other, 60_000, &picture(9000, false), 2 * SECOND));
    assert_eq!(receiver.asked, asked + 1);
    assert!(receiver.take(other, 60_001, &picture(9001, true), 2 * SECOND));
    assert!(receiver.take(other, 60_002, &picture(9002, false), 2 * SECOND + 33_333));
    assert_eq!(receiver.sequences(), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(receiver.pictures(), [40, 41, 42, 43, 44, 45, 46]);
    let times: Vec<u32> = receiver.sent.iter().map(|(_, time, ..)| *time).collect();
    assert!(times.is_sorted() && times[5] - times[4] < 90_000 && times[6] - times[5] == 3000, "{times:?}");
    // And back to the first one, which has gone on meanwhile.
    assert!(receiver.take(CAMERA, 300, &picture(240, true), 3 * SECOND));
    assert_eq!((receiver.sequences()[7], receiver.pictures()[7]), (8, 47));
}

#[test]
fn a_pause_leaves_no_gap() {
    let mut receiver = Receiver::new();
    assert!(receiver.take(CAMERA, 1, &picture(1, true), SECOND));
    receiver.wish.paused = true;
    assert!(!receiver.take(CAMERA, 2, &picture(2, true), 2 * SECOND));
    receiver.wish.paused = false;
    assert!(!receiver.take(CAMERA, 500, &picture(300, false), 3 * SECOND));
    assert!(receiver.take(CAMERA, 501, &picture(301, true), 4 * SECOND));
    assert_eq!((receiver.sequences(), receiver.pictures()), (vec![1, 2], vec![1, 2]));
}

#[test]
fn an_unknown_payload_type_goes_nowhere() {
    let mut receiver = Receiver::new();
    receiver.state.payload_type = (96, NONE);
    assert!(!receiver.take(CAMERA, 1, &picture(1, true), SECOND));
}

const RATES: [u64; 3] = [150_000, 500_000, 1_500_000];

/// One frame on each of three layers a second; which of them were sent on, after `seconds`.
fn simulcast(receiver: &mut Receiver, from: i64, seconds: i64) -> Vec<u8> {
    some_of_simulcast(receiver, from, seconds, 0)
}

/// As above, without the layers below `lowest`.
fn some_of_simulcast(receiver: &mut Receiver, from: i64, seconds: i64, lowest: u8) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut rates = RATES;
    rates[..usize::from(lowest)].fill(0);
    for second in from..from + seconds {
        for layer in lowest..3 {
            let from = From { ssrc: 30 + u32::from(layer), layer, layers: 3, rates, ..CAMERA };
            let number = 1000 * u16::from(layer) + second as u16;
            if receiver.take(from, number, &picture(number, true), second * SECOND + i64::from(layer)) {
                seen.push(layer);
            }
        }
    }
    seen
}

#[test]
fn the_highest_layer_of_simulcast_is_reached_and_limited() {
    let mut receiver = Receiver::new();
    let seen = simulcast(&mut receiver, 1, 4);
    assert_eq!(seen.last(), Some(&2), "{seen:?}");
    receiver.wish.layers = 1;
    let seen = simulcast(&mut receiver, 5, 4);
    assert_eq!(seen.last(), Some(&0), "{seen:?}");
    receiver.wish.layers = 2;
    let seen = simulcast(&mut receiver, 9, 4);
    assert_eq!(seen.last(), Some(&1), "{seen:?}");
    let sequences = receiver.sequences();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "{sequences:?}");
    let pictures = receiver.pictures();
    assert!(pictures.windows(2).all(|pair| pair[1] == pair[0] + 1), "{pictures:?}");
}

/// Of a small picture browsers send fewer layers than they name: what counts is what comes, and nobody is asked for the rest.
#[test]
fn layers_that_never_come_do_not_count() {
    let mut receiver = Receiver::new();
    assert_eq!(some_of_simulcast(&mut receiver, 1, 4, 1).last(), Some(&2));
    receiver.wish.layers = 2;
    assert_eq!(some_of_simulcast(&mut receiver, 5, 4, 1).last(), Some(&2));
    receiver.wish.layers = 1;
    assert_eq!(some_of_simulcast(&mut receiver, 9, 4, 1).last(), Some(&1));
    let asked = receiver.asked;
    some_of_simulcast(&mut receiver, 13, 100, 1);
    assert_eq!(receiver.asked, asked);
    // The lowest one begins after all.
    assert_eq!(simulcast(&mut receiver, 113, 4).last(), Some(&0));
}

#[test]
fn a_narrow_path_gets_a_lower_layer() {
    let mut receiver = Receiver::new();
    simulcast(&mut receiver, 1, 3);
    receiver.share = Some(600_000);
    let seen = simulcast(&mut receiver, 4, 5);
    assert_eq!(seen.last(), Some(&1), "{seen:?}");
    receiver.share = Some(100_000);
    let seen = simulcast(&mut receiver, 9, 5);
    assert_eq!(seen.last(), Some(&0), "{seen:?}");
}

/// Spatial layers of one stream: those above what is wanted are left out, without a gap.
#[test]
fn layers_of_one_stream_are_chosen() {
    let source = From { codec: VideoCodec::Vp9, rates: [100, 200, 300], ..CAMERA };
    let frame = |layer: u8, key: bool| {
        // I, L, F (flexible), B, E, and V with sizes on the lowest layer of a key frame.
        let mut payload = vec![0x3c | if key && layer == 0 { 0x02 } else { 0 }, layer << 1 | 0x10];
        payload.extend([0x50, 1, 1, 1, 1, 1, 1, 1, 1]);
        payload.resize(32, 0);
        payload
    };
    let mut receiver = Receiver::new();
    receiver.wish.layers = 2;
    let mut sequence = 0;
    let mut sent = Vec::new();
    for picture in 0..4 {
        for layer in 0..3 {
            sequence += 1;
            let now = SECOND + picture * 33_333;
            if receiver.take(source, sequence, &frame(layer, picture % 2 == 0), now) {
                sent.push(layer);
            }
        }
    }
    assert!(!sent.contains(&2) && sent.ends_with(&[0, 1]), "{sent:?}");
    let sequences = receiver.sequences();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "{sequences:?}");
    let &(_, _, marker, _) = receiver.sent.last().unwrap();
    assert!(marker);
}

#[test]
fn requests_for_key_frames_become_rare() {
    let mut receiver = Receiver::new();
    let narrow = From { layers: 2, rates: [100, 100, 0], ..CAMERA };
    for second in 1..200 {
        // No key frame of the upper layer ever comes.
        receiver.take(narrow, second as u16, &picture(second as u16, second == 1), second * SECOND);
    }
    assert!((5..25).contains(&receiver.asked), "{}", receiver.asked);
}

#[test]
fn wishes_survive_being_a_number() {
    for wish in [Wish::default(), Wish { layers: 3, temporal: 8, paused: true }] {
        assert_eq!(Wish::from_bits(wish.bits()), wish);
    }
}
