use super::*;
use std::time::{Duration, Instant};

/// Small numbers, reproducible (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Two associations and the time between them. Index 0 is the DTLS client.
struct World {
    ends: [Sctp; 2],
    events: [Vec<SctpEvent>; 2],
    now: Instant,
    dice: Dice,
    /// Lost per hundred packets.
    loss: u64,
    /// The next packet that begins with this chunk is lost.
    victim: Option<u8>,
}

impl World {
    fn new(loss: u64) -> World {
        let now = Instant::now();
        World {
            ends: [true, false].map(|client| Sctp::new(client, 1200, now).unwrap()),
            events: [Vec::new(), Vec::new()],
            now,
            dice: Dice(0x1234_5678_9abc_def1 + loss),
            loss,
            victim: None,
        }
    }

    fn up(loss: u64) -> World {
        let mut world = World::new(loss);
        world.run(120);
        assert_eq!(world.events.each_ref().map(|e| e.first() == Some(&SctpEvent::Up)), [true; 2]);
        world
    }

    /// Exchanges packets, and moves on to the next timer when there are none, for so many seconds at most.
    fn run(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        loop {
            let mut idle = true;
            for from in [0, 1] {
                while let Some(packet) = self.ends[from].poll_transmit() {
                    idle = false;
                    assert!(packet.len() <= 1200 - 37, "{}", packet.len());
                    let lost = self.victim.take_if(|kind| packet[12] == *kind).is_some();
                    if !lost && self.dice.roll(100) >= self.loss {
                        self.ends[1 - from].handle(packet, self.now);
                    }
                }
            }
            for (end, events) in self.ends.iter_mut().zip(&mut self.events) {
                events.extend(std::iter::from_fn(|| end.poll_event()));
            }
            if idle {
                let Some(due) = self.ends.iter().filter_map(Sctp::timeout).min() else { return };
                if due > end {
                    self.now = end;
                    return;
                }
                self.now = self.now.max(due);
                self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
            }
        }
    }

    fn send(&mut self, from: usize, label: Option<&str>, binary: bool, data: &[u8]) {
        self.ends[from].send(label, None, binary, Bytes::copy_from_slice(data), self.now).unwrap();
    }

    /// Messages that arrived at `end`, as (label, binary, data); clears the events.
    fn arrived(&mut self, end: usize) -> Vec<(String, bool, Bytes)> {
        let events = std::mem::take(&mut self.events[end]);
        let messages = events.into_iter().filter_map(|event| match event {
            SctpEvent::Incoming { label, binary, data, .. } => Some((label.to_string(), binary, data)),
            _ => None,
        });
        messages.collect()
    }
}

// MP-213, MP-221
#[test]
fn both_ask_and_both_come_up_whatever_is_lost() {
    for loss in [0, 10, 30, 50] {
        for seed in 0..100 {
            let mut world = World::new(loss);
            world.dice.0 += seed * 0x1_0001;
            world.run(5000);
            for events in &world.events {
                assert_eq!(events[..], [SctpEvent::Up, SctpEvent::DataReady], "loss {loss} seed {seed}");
            }
            world.send(0, Some("a"), false, b"x");
            world.send(1, Some("b"), false, b"y");
            world.run(5000);
            assert_eq!(world.arrived(1).len(), 1, "loss {loss} seed {seed}");
            assert_eq!(world.arrived(0).len(), 1);
        }
    }
}

// MP-213: what overtakes the last packet of the handshake waits for it; the channel is acknowledged afterwards.
#[test]
fn channel_opened_before_the_cookie_ack() {
    const COOKIE_ACK: u8 = 11;
    let mut world = World::new(0);
    world.victim = Some(COOKIE_ACK);
    world.send(1, Some("early"), false, b"x");
    world.run(60);
    assert_eq!(world.victim, None);
    assert_eq!(world.events[0].first(), Some(&SctpEvent::Up));
    assert_eq!(world.arrived(0).len(), 1);
    world.send(0, Some("early"), false, b"y");
    world.run(60);
    assert_eq!(world.arrived(1), [("early".to_owned(), false, Bytes::from_static(b"y"))]);
}

/// A peer that waits for an INIT never sends one; one that only sends them never answers ours.
#[test]
fn peers_that_only_answer_or_only_ask() {
    use super::filter::{INIT, first_chunk};
    for client in [true, false] {
        for only_answers in [true, false] {
            let mut world = World::new(0);
            let (us, peer) = if client { (0, 1) } else { (1, 0) };
            let end = world.now + Duration::from_secs(60);
            while !(world.ends[0].is_up() && world.ends[1].is_up()) {
                assert!(world.now < end, "client {client}, only answers {only_answers}");
                for from in [0, 1] {
                    while let Some(packet) = world.ends[from].poll_transmit() {
                        let init = first_chunk(&packet) == Some(INIT);
                        let lost = init && (from == peer) == only_answers;
                        if !lost {
                            world.ends[1 - from].handle(packet, world.now);
                        }
                    }
                }
                if let Some(due) = [us, peer].iter().filter_map(|end| world.ends[*end].timeout()).min() {
                    world.now = world.now.max(due);
                }
                let now = world.now;
                world.ends.iter_mut().for_each(|end| end.handle_timeout(now));
            }
        }
    }
}

// MP-214, MP-215, MP-216, MP-217, MP-218
#[test]
fn text_and_binary_arrive_with_their_label() {
    let mut world = World::up(0);
    world.send(0, Some("chat"), false, "grüß".as_bytes());
    world.send(0, Some("chat"), true, &[0, 1, 2]);
    world.send(0, None, false, b"default");
    world.send(0, Some("chat"), false, b"");
    world.run(5);
    let expected = [
        ("chat".to_owned(), false, Bytes::from("grüß")),
        ("chat".to_owned(), true, Bytes::from_static(&[0, 1, 2])),
        ("JanusDataChannel".to_owned(), false, Bytes::from("default")),
    ];
    let mut arrived = world.arrived(1);
    arrived.sort_by_key(|(label, binary, _)| (label != "chat", *binary));
    assert_eq!(arrived, expected);
    // The answer uses the peer's channel.
    world.send(1, Some("chat"), false, b"back");
    world.run(5);
    assert_eq!(world.arrived(0), [("chat".to_owned(), false, Bytes::from("back"))]);
}

// MP-222
#[test]
fn the_subprotocol_is_told() {
    let mut world = World::up(0);
    let data = Bytes::from_static(b"x");
    world.ends[0].send(Some("a"), Some("sub"), true, data.clone(), world.now).unwrap();
    world.ends[0].send(Some("b"), None, true, data.clone(), world.now).unwrap();
    world.run(5);
    let protocols: Vec<_> = world.events[1]
        .iter()
        .filter_map(|event| match event {
            SctpEvent::Incoming { label, protocol, .. } => {
                Some((label.to_string(), protocol.as_deref().map(str::to_owned)))
            }
            _ => None,
        })
        .collect();
    assert!(protocols.contains(&("a".into(), Some("sub".into()))), "{protocols:?}");
    assert!(protocols.contains(&("b".into(), None)), "{protocols:?}");
}

// MP-223
#[test]
fn large_messages_arrive_complete() {
    for loss in [0, 5] {
        let mut world = World::up(loss);
        let big: Vec<u8> = (0..200_000u32).map(|i| (i * 7 / 3) as u8).collect();
        world.send(0, Some("big"), true, &big);
        world.send(0, Some("big"), false, b"after");
        world.run(600);
        let arrived = world.arrived(1);
        assert_eq!(arrived.len(), 2);
        assert!(arrived[0].2 == big, "loss {loss}");
        assert_eq!(arrived[1].2, "after");
    }
}

// MP-220, MP-221
#[test]
fn what_does_not_fit_waits_in_order_and_the_end_is_told() {
    let mut world = World::new(3);
    // Before the association is up, and far above what the stack is given at once.
    for number in 0..2000u32 {
        let mut data = vec![0; 2000];
        data[..4].copy_from_slice(&number.to_be_bytes());
        world.send(0, Some("queue"), true, &data);
    }
    world.run(3600);
    let ready = world.events[0].iter().filter(|event| **event == SctpEvent::DataReady).count();
    assert_eq!(ready, 1, "only when all is delivered");
    let numbers: Vec<u32> =
        world.arrived(1).iter().map(|(_, _, d)| u32::from_be_bytes([d[0], d[1], d[2], d[3]])).collect();
    assert_eq!(numbers, (0..2000).collect::<Vec<_>>());
    world.events[0].clear();
    world.send(0, Some("queue"), true, b"one more");
    world.run(60);
    assert_eq!(world.events[0], [SctpEvent::DataReady]);
}

#[test]
fn a_peer_that_takes_nothing_does_not_fill_the_memory() {
    let mut world = World::up(0);
    let megabyte = Bytes::from(vec![0; 1 << 20]);
    let mut taken = 0;
    let refused = loop {
        match world.ends[0].send(None, None, true, megabyte.clone(), world.now) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, SctpError::Full);
    assert!((15..=18).contains(&taken), "{taken} MiB");
}

#[test]
fn channels_are_limited_and_both_sides_use_their_own_streams() {
    let mut world = World::up(0);
    for number in 0..75 {
        world.send(0, Some(&format!("client {number}")), true, b"x");
        world.send(1, Some(&format!("server {number}")), true, b"x");
    }
    world.run(30);
    for end in [0, 1] {
        let mut labels: Vec<_> = world.arrived(end).into_iter().map(|(label, ..)| label).collect();
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), 75);
    }
    let more = world.ends[0].send(Some("one too many"), None, true, Bytes::from_static(b"x"), world.now);
    assert_eq!(more, Err(SctpError::TooManyChannels));
}

#[test]
fn a_closed_stream_frees_its_slot_and_its_label() {
    let mut world = World::up(0);
    for round in 0..400 {
        world.send(0, Some("again"), false, format!("{round}").as_bytes());
        world.run(5);
        assert_eq!(world.arrived(1), [("again".to_owned(), false, Bytes::from(format!("{round}")))]);
        world.ends[1].reset_channel("again", world.now);
        world.run(5);
        assert_eq!(world.ends.each_ref().map(Sctp::open_channels), [0, 0], "round {round}");
    }
}

#[test]
fn an_abort_ends_both() {
    let mut world = World::up(0);
    world.events.iter_mut().for_each(Vec::clear);
    let now = world.now;
    world.ends[0].close(now);
    world.run(5);
    assert_eq!(world.events, [[SctpEvent::Closed], [SctpEvent::Closed]]);
    let late = world.ends[1].send(None, None, true, Bytes::from_static(b"x"), now);
    assert_eq!(late, Err(SctpError::Closed));
    assert_eq!(world.ends[1].timeout(), None);
}

#[test]
fn a_late_init_does_not_end_the_association() {
    let mut world = World::new(0);
    let inits: Vec<Bytes> = (0..2).map(|end| world.ends[end].poll_transmit().unwrap()).collect();
    for end in [0, 1] {
        world.ends[1 - end].handle(inits[end].clone(), world.now);
    }
    world.run(10);
    let now = world.now;
    for end in [0, 1] {
        world.ends[1 - end].handle(inits[end].clone(), now);
    }
    world.send(0, None, false, b"still here");
    world.run(5);
    assert_eq!(world.arrived(1).len(), 1);
}

/// Packets of a real conversation, damaged but with a correct checksum, into an association that is up.
#[test]
fn hostile_packets_neither_panic_nor_hang() {
    let mut dice = Dice(0xfeed_beef_dead_c0de);
    for round in 0..100 {
        let mut world = World::up(0);
        for step in 0..40 {
            let now = world.now;
            for (end, size) in [(0, 3000), (1, step * 31 + 1)] {
                let data = Bytes::from(vec![7; size]);
                // Fails when the association is already gone.
                let _ = world.ends[end].send(Some("victim"), None, true, data, now);
            }
            let mut packets = Vec::new();
            for from in [0, 1] {
                packets.extend(std::iter::from_fn(|| world.ends[from].poll_transmit()).map(|p| (from, p)));
            }
            for (from, packet) in packets {
                // From every packet to one in thirty, as one is often enough to end it.
                if dice.roll(round % 30 + 1) == 0 {
                    let damaged = damage(&packet, &mut dice);
                    world.ends[1 - from].handle(damaged, world.now);
                }
                world.ends[1 - from].handle(packet, world.now);
            }
            world.now += Duration::from_millis(300);
            let now = world.now;
            world.ends.iter_mut().for_each(|end| end.handle_timeout(now));
        }
    }
}

fn damage(packet: &[u8], dice: &mut Dice) -> Bytes {
    let mut bytes = packet.to_vec();
    match dice.roll(4) {
        0 => bytes.truncate(12 + dice.roll(bytes.len() as u64 - 11) as usize),
        // Mostly chunks that do not end the association.
        1 => bytes[12] = [0, 0, 2, 3, 3, 4, 9, 10, 11, 130, 192, 0x84][dice.roll(12) as usize],
        2 if dice.roll(50) == 0 => bytes[12] = [1, 6, 7, 8, 14][dice.roll(5) as usize],
        _ => {
            for _ in 0..=dice.roll(3) {
                let at = 12 + dice.roll(bytes.len() as u64 - 12) as usize;
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 0x40][dice.roll(6) as usize];
            }
        }
    }
    bytes[8..12].fill(0);
    let checksum = crc32c::crc32c(&bytes);
    bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
    bytes.into()
}
