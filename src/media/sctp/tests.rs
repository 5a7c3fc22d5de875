use super::*;
use crate::media::channel::*;
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
    /// Whether anybody goes on reading.
    reads: bool,
}

impl World {
    fn new(loss: u64) -> World {
        World::with(DataTerms::default(), loss)
    }

    /// Whose ends tell channels apart, and are up.
    fn of_channels(loss: u64) -> World {
        let mut world = World::with(DataTerms { channels: true, most: None }, loss);
        world.run(120);
        for events in &mut world.events {
            assert_eq!(events[..2], [SctpEvent::Up, SctpEvent::Channel(ChannelEvent::Up)]);
            events.clear();
        }
        world
    }

    fn with(terms: DataTerms, loss: u64) -> World {
        let now = Instant::now();
        World {
            ends: [true, false].map(|client| Sctp::with(client, 1200, terms, now).unwrap()),
            events: [Vec::new(), Vec::new()],
            now,
            dice: Dice(0x1234_5678_9abc_def1 + loss),
            loss,
            victim: None,
            reads: true,
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
                while let Some(event) = end.poll_event() {
                    if self.reads && event == SctpEvent::Channel(ChannelEvent::Paused) {
                        idle = false;
                        end.command(ChannelCommand::ReadOn, self.now);
                    } else {
                        events.push(event);
                    }
                }
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

    /// What both have to send now, if it `passes`; then a second goes by.
    fn exchange(&mut self, passes: impl Fn(usize, &[u8]) -> bool) {
        for from in [0, 1] {
            while let Some(packet) = self.ends[from].poll_transmit() {
                if passes(from, &packet) {
                    self.ends[1 - from].handle(packet, self.now);
                }
            }
        }
        self.now += Duration::from_secs(1);
        self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
    }

    fn take_events(&mut self) {
        for (end, events) in self.ends.iter_mut().zip(&mut self.events) {
            events.extend(std::iter::from_fn(|| end.poll_event()));
        }
    }

    fn send(&mut self, from: usize, label: Option<&str>, binary: bool, data: &[u8]) {
        self.ends[from].send(label, None, binary, Bytes::copy_from_slice(data), self.now).unwrap();
    }

    fn command(&mut self, from: usize, command: ChannelCommand) {
        self.ends[from].command(command, self.now);
    }

    fn open(&mut self, from: usize, config: ChannelConfig) -> ChannelId {
        let id = ChannelId::fresh();
        self.command(from, ChannelCommand::Open(id, config));
        id
    }

    fn send_on(&mut self, from: usize, id: ChannelId, binary: bool, data: impl Into<Bytes>) {
        self.command(from, ChannelCommand::Send { id, binary, data: data.into() });
    }

    /// What was told of channels at `end`, without what waits no longer; clears the events.
    fn told(&mut self, end: usize) -> Vec<ChannelEvent> {
        let events = std::mem::take(&mut self.events[end]);
        let told = events.into_iter().filter_map(|event| match event {
            SctpEvent::Channel(ChannelEvent::Released { .. }) => None,
            SctpEvent::Channel(event) => Some(event),
            _ => None,
        });
        told.collect()
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
    use super::chunk::{INIT, first_chunk};
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

fn config(label: &str) -> ChannelConfig {
    ChannelConfig {
        label: label.into(),
        protocol: String::new(),
        ordered: true,
        reliability: Reliability::Reliable,
        negotiated: None,
    }
}

#[test]
fn two_channels_of_one_label_are_two() {
    let mut world = World::of_channels(0);
    let ids = [0, 1].map(|_| world.open(0, config("same")));
    for (id, text) in ids.iter().zip(["first", "second"]) {
        world.send_on(0, *id, false, text);
    }
    world.run(5);
    assert_eq!(world.told(0), ids.map(ChannelEvent::Opened));
    // In one packet: channel by channel.
    let told = world.told(1);
    let [
        ChannelEvent::Announced(a, of_a),
        ChannelEvent::Message { id: x, data: first, .. },
        ChannelEvent::Announced(b, _),
        ChannelEvent::Message { id: y, data: second, .. },
    ] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!((&first[..], &second[..], of_a), (&b"first"[..], &b"second"[..], &config("same")));
    assert!(a != b && x == a && y == b);
    // Answers go to the one that is meant.
    world.send_on(1, *b, true, &b"to the second"[..]);
    world.run(5);
    let answer = ChannelEvent::Message { id: ids[1], binary: true, data: Bytes::from("to the second") };
    assert_eq!(world.told(0), [answer]);
}

#[test]
fn parameters_and_long_labels_arrive() {
    let mut world = World::of_channels(0);
    let label = "é".repeat(500);
    for (ordered, reliability) in [
        (true, Reliability::Retransmissions(3)),
        (false, Reliability::Lifetime(70_000)),
        (false, Reliability::Reliable),
    ] {
        let config = ChannelConfig { protocol: "proto".into(), ordered, reliability, ..config(&label) };
        world.open(0, config.clone());
        world.run(5);
        let told = world.told(1);
        assert!(matches!(&told[..], [ChannelEvent::Announced(_, came)] if *came == config), "{told:?}");
    }
}

// RFC 8831 §6.6
#[test]
fn empty_messages_arrive_empty() {
    let mut world = World::of_channels(0);
    let id = world.open(0, config("empty"));
    world.send_on(0, id, false, "");
    world.send_on(0, id, true, "");
    world.send_on(0, id, true, "x");
    world.run(5);
    let told = world.told(1);
    let messages: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            ChannelEvent::Message { binary, data, .. } => Some((*binary, &data[..])),
            _ => None,
        })
        .collect();
    assert_eq!(messages, [(false, &b""[..]), (true, b""), (true, b"x")]);
    // By label, too.
    let mut world = World::up(0);
    world.send(0, Some("a"), false, b"");
    world.send(0, Some("a"), true, b"");
    world.run(5);
    let empty = |binary| ("a".to_owned(), binary, Bytes::new());
    assert_eq!(world.arrived(1), [empty(false), empty(true)]);
}

#[test]
fn negotiated_channels_need_no_words() {
    let mut world = World::of_channels(0);
    let config = ChannelConfig { negotiated: Some(298), ..config("ours alone") };
    let ids = [0, 1].map(|end| world.open(end, config.clone()));
    world.send_on(0, ids[0], false, "one way");
    world.send_on(1, ids[1], false, "the other");
    world.run(5);
    for (end, text) in [(0, "the other"), (1, "one way")] {
        let message = ChannelEvent::Message { id: ids[end], binary: false, data: text.into() };
        assert_eq!(world.told(end), [ChannelEvent::Opened(ids[end]), message]);
    }
    let taken = world.open(0, config);
    world.run(5);
    assert_eq!(world.told(0), [ChannelEvent::Closed(taken, ChannelEnd::NoStream)]);
    // One that is chosen avoids them.
    let chosen = ChannelConfig { negotiated: Some(2), ..self::config("even") };
    world.open(0, chosen);
    world.open(0, self::config("chosen"));
    world.run(5);
    let streams: Vec<_> = world.ends[0].snapshot().iter().map(|channel| channel.stream).collect();
    assert_eq!(streams, [Some(298), Some(2), Some(4)]);
}

/// A plugin only knows labels, and the other side negotiated by itself: it delivers, and answers arrive.
#[test]
fn a_channel_that_was_never_announced_delivers_by_label() {
    let now = Instant::now();
    let mut world = World::new(0);
    let terms = DataTerms { channels: true, most: None };
    world.ends[0] = Sctp::with(true, 1200, terms, now).unwrap();
    let id = world.open(0, ChannelConfig { negotiated: Some(5), ..config("unknown to the other") });
    world.send_on(0, id, false, "hello");
    world.run(30);
    assert_eq!(world.arrived(1), [("JanusDataChannel".to_owned(), false, Bytes::from("hello"))]);
    world.told(0);
    world.send(1, Some("JanusDataChannel"), false, b"answer");
    world.run(30);
    let answer = ChannelEvent::Message { id, binary: false, data: Bytes::from("answer") };
    assert_eq!(world.told(0), [answer]);
}

/// How many of so many messages of 100 bytes arrive, in a network that loses every fifth packet.
fn arrive_of(count: usize, ordered: bool, reliability: Reliability) -> usize {
    let mut world = World::of_channels(20);
    let id = world.open(0, ChannelConfig { ordered, reliability, ..config("x") });
    world.run(60);
    world.told(1);
    let mut arrived = Vec::new();
    for number in 0..count {
        let mut data = vec![0; 1000];
        data[..4].copy_from_slice(&(number as u32).to_be_bytes());
        world.send_on(0, id, true, data);
        // Each in a packet of its own, with time to be given up.
        world.run(3);
        arrived.extend(world.told(1).into_iter().filter_map(|event| match event {
            ChannelEvent::Message { data, .. } => Some(data.to_vec()),
            _ => None,
        }));
    }
    world.run(120);
    // Whatever is lost, nothing waits.
    assert_eq!(world.ends[0].snapshot()[0].buffered, 0, "{reliability:?}");
    if ordered {
        assert!(arrived.is_sorted(), "{reliability:?}");
    }
    arrived.len()
}

#[test]
fn unreliable_channels_lose_and_go_on() {
    for ordered in [true, false] {
        assert_eq!(arrive_of(200, ordered, Reliability::Reliable), 200);
        for unreliable in [Reliability::Retransmissions(0), Reliability::Lifetime(50)] {
            let arrived = arrive_of(200, ordered, unreliable);
            assert!((120..200).contains(&arrived), "{arrived} with {unreliable:?}, ordered: {ordered}");
        }
        // Five in a hundred are lost twice, one in a hundred thrice.
        let once = arrive_of(200, ordered, Reliability::Retransmissions(1));
        assert!((180..200).contains(&once), "{once}");
    }
}

#[test]
fn a_channel_that_is_closed_ends_at_both_sides_behind_its_messages() {
    for loss in [0, 20] {
        let mut world = World::of_channels(loss);
        for round in 0..60 {
            let from = round % 2;
            let id = world.open(from, config("again"));
            let size = 1 + round * 977;
            world.send_on(from, id, true, vec![7; size]);
            world.command(from, ChannelCommand::Close(id));
            // Behind it nothing is sent any more.
            world.send_on(from, id, true, "late");
            world.run(600);
            let told = world.told(1 - from);
            let [
                ChannelEvent::Announced(theirs, _),
                ChannelEvent::Message { data, .. },
                ChannelEvent::Closed(closed, ChannelEnd::Peer),
            ] = &told[..]
            else {
                panic!("round {round}, loss {loss}: {told:?}")
            };
            assert!(closed == theirs && data.len() == size);
            let told = world.told(from);
            assert_eq!(told.last(), Some(&ChannelEvent::Closed(id, ChannelEnd::Here)), "round {round}");
            assert_eq!(world.ends.each_ref().map(Sctp::open_channels), [0, 0], "round {round}");
        }
    }
}

/// Both send all the time, one closes: what is under way for it gets lost, and the stream becomes free. The stack by itself
/// would keep what came too late, and refuse the peer's reset because of it.
#[test]
fn a_channel_closes_while_the_other_side_sends() {
    for loss in [0, 10] {
        let mut world = World::of_channels(loss);
        for round in 0..40 {
            let id = world.open(0, config("busy"));
            world.run(60);
            let told = world.told(1);
            let [ChannelEvent::Announced(theirs, _)] = told[..] else { panic!("{told:?}") };
            for _ in 0..20 {
                world.send_on(1, theirs, true, vec![1; 3000]);
            }
            world.command(0, ChannelCommand::Close(id));
            world.run(600);
            assert!(world.told(0).contains(&ChannelEvent::Closed(id, ChannelEnd::Here)), "round {round}");
            assert!(world.told(1).contains(&ChannelEvent::Closed(theirs, ChannelEnd::Peer)), "round {round}");
            assert_eq!(world.ends.each_ref().map(Sctp::open_channels), [0, 0]);
        }
    }
}

/// The rest of a message that nobody wants any more is thrown away, and leaves the window as it was.
#[test]
fn a_channel_closes_in_the_middle_of_a_message() {
    let mut world = World::of_channels(0);
    for round in 0..3 {
        let id = world.open(0, config("long"));
        world.run(60);
        let told = world.told(1);
        let [ChannelEvent::Announced(theirs, _)] = told[..] else { panic!("{told:?}") };
        world.send_on(0, id, true, vec![1; 4000]);
        let parts: Vec<_> = std::iter::from_fn(|| world.ends[0].poll_transmit()).collect();
        assert!(parts.len() >= 3, "{}", parts.len());
        for (number, part) in parts.into_iter().enumerate() {
            if number == 1 {
                world.command(1, ChannelCommand::Close(theirs));
            }
            world.ends[1].handle(part, world.now);
        }
        world.run(600);
        assert_eq!(world.told(1), [ChannelEvent::Closed(theirs, ChannelEnd::Here)], "round {round}");
        let other = world.open(0, config("short"));
        world.run(60);
        assert!(world.ends[1].link.filter.told_widest_window(), "round {round}");
        world.command(0, ChannelCommand::Close(other));
        world.run(60);
        assert_eq!(world.ends.each_ref().map(Sctp::open_channels), [0, 0]);
        world.told(1);
    }
}

/// The peer opens channels and closes them, and acknowledges nothing of what it is greeted with.
#[test]
fn what_was_sent_on_channels_that_are_gone_counts() {
    const SACK: u8 = 3;
    const GREETING: usize = 200_000;
    let mut world = World::of_channels(0);
    let mut most = 0;
    for round in 0..10 {
        let id = world.open(0, config("greeted"));
        for _ in 0..6 {
            world.exchange(|from, packet| from == 1 || packet[12] != SACK);
        }
        world.take_events();
        let told = world.told(1);
        let Some(ChannelEvent::Announced(theirs, _)) = told.first() else { panic!("{told:?}") };
        world.send_on(1, *theirs, true, vec![2; GREETING]);
        world.command(0, ChannelCommand::Close(id));
        for _ in 0..6 {
            world.exchange(|from, packet| from == 1 || packet[12] != SACK);
        }
        world.take_events();
        assert_eq!(world.told(1), [ChannelEvent::Closed(*theirs, ChannelEnd::Peer)], "round {round}");
        let buffered = world.ends[1].buffered();
        assert!(buffered >= GREETING, "round {round}: {buffered}");
        most = most.max(buffered);
        assert!(world.ends[1].waiting.is_empty(), "round {round}");
    }
    assert!(most < 3 * GREETING, "{most}");
    world.run(600);
    assert_eq!(world.ends[1].buffered(), 0);
}

/// So many messages that their bytes alone say little of what they need; nothing gets lost.
#[test]
fn many_small_messages_wait_at_the_sender() {
    let mut world = World::of_channels(0);
    world.reads = false;
    let id = world.open(0, config("crumbs"));
    const COUNT: usize = 70_000;
    for number in 0..COUNT as u32 {
        world.send_on(0, id, true, number.to_be_bytes().to_vec());
    }
    world.run(600);
    assert!(world.ends[0].snapshot()[0].buffered > 0, "it waits");
    let mut numbers = Vec::new();
    while numbers.len() < COUNT {
        let told = world.told(1);
        assert!(!told.is_empty(), "{}", numbers.len());
        numbers.extend(told.iter().filter_map(|event| match event {
            ChannelEvent::Message { data, .. } => Some(u32::from_be_bytes(data[..].try_into().unwrap())),
            _ => None,
        }));
        if told.contains(&ChannelEvent::Paused) {
            world.command(1, ChannelCommand::ReadOn);
        }
        world.take_events();
        if world.events[1].is_empty() {
            world.run(600);
        }
    }
    assert!(numbers.iter().copied().eq(0..COUNT as u32));
}

#[test]
fn what_waits_is_counted_down_to_nothing() {
    let mut world = World::of_channels(5);
    let id = world.open(0, config("counted"));
    let sizes = [0, 1, 5000, 0, 200_000, 17];
    for size in sizes {
        world.send_on(0, id, true, vec![0; size]);
    }
    world.run(600);
    let released = std::mem::take(&mut world.events[0]).into_iter().filter_map(|event| match event {
        SctpEvent::Channel(ChannelEvent::Released { bytes, messages, .. }) => Some((bytes, messages)),
        _ => None,
    });
    let total = released.fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1));
    assert_eq!(total, (sizes.iter().sum(), sizes.len()));
}

/// Nothing came through for so long that the stack by itself would look again after a minute.
#[test]
fn what_waits_goes_on_as_soon_as_the_network_does() {
    for dark in [1, 10, 60, 300] {
        let mut world = World::up(0);
        world.send(0, None, true, b"before");
        world.run(5);
        world.arrived(1);
        world.loss = 100;
        (0..20).for_each(|number| world.send(0, None, true, &[number; 900]));
        world.run(dark);
        assert_eq!(world.arrived(1).len(), 0);
        world.loss = 0;
        world.run(4);
        assert_eq!(world.arrived(1).len(), 20, "after {dark} s");
    }
}

/// The peer slows down, because nobody reads; and goes on where it was.
#[test]
fn who_does_not_read_is_not_sent_to() {
    let mut world = World::of_channels(0);
    world.reads = false;
    let id = world.open(0, config("slow"));
    let message = Bytes::from(vec![3; 100_000]);
    const COUNT: usize = 300;
    for _ in 0..COUNT {
        world.send_on(0, id, true, message.clone());
    }
    world.run(300);
    let mut seen = 0;
    let mut asked = 0;
    let mut told = world.told(1);
    assert!(world.ends[0].snapshot()[0].buffered > 0, "it waits");
    loop {
        seen += told.iter().filter(|event| matches!(event, ChannelEvent::Message { .. })).count();
        // One message is more than what is read at once.
        assert!(told.len() <= 3, "{}", told.len());
        if told.last() != Some(&ChannelEvent::Paused) {
            break;
        }
        asked += 1;
        world.command(1, ChannelCommand::ReadOn);
        world.run(300);
        told = world.told(1);
    }
    assert_eq!((seen, asked), (COUNT, COUNT));
}

/// Nobody has read for minutes, and the sender asks once a minute. When somebody reads, it goes on at once.
#[test]
fn who_reads_again_is_sent_to_at_once() {
    for pause in [250, 270, 290] {
        for (size, count) in [(100_000, 300), (1, 40_000)] {
            let mut world = World::of_channels(0);
            world.reads = false;
            let id = world.open(0, config("patient"));
            let message = Bytes::from(vec![3; size]);
            for _ in 0..count {
                world.send_on(0, id, true, message.clone());
            }
            world.run(pause);
            assert!(world.ends[0].snapshot()[0].buffered > 0, "it waits");
            let messages = |told: Vec<ChannelEvent>| {
                told.iter().filter(|event| matches!(event, ChannelEvent::Message { .. })).count()
            };
            let before = messages(world.told(1));
            world.reads = true;
            world.command(1, ChannelCommand::ReadOn);
            world.run(20);
            assert_eq!(before + messages(world.told(1)), count, "{size} {pause}");
        }
    }
}

#[test]
fn the_largest_message_arrives_and_larger_ones_end_the_channel() {
    let mut world = World::of_channels(0);
    let id = world.open(0, config("large"));
    let large: Bytes = (0..LARGEST_MESSAGE).map(|i| (i * 7 / 3) as u8).collect::<Vec<_>>().into();
    world.send_on(0, id, true, large.clone());
    world.run(600);
    let told = world.told(1);
    assert!(told.iter().any(|e| matches!(e, ChannelEvent::Message { data, .. } if *data == large)));
    world.ends[0].set_terms(DataTerms { channels: true, most: Some(1000) });
    world.send_on(0, id, true, vec![0; 1000]);
    world.send_on(0, id, true, vec![0; 1001]);
    world.run(60);
    assert!(world.told(0).contains(&ChannelEvent::Closed(id, ChannelEnd::TooLarge)));
    // By label it is an error.
    let mut world = World::up(0);
    world.ends[0].set_terms(DataTerms { channels: false, most: Some(1000) });
    let now = world.now;
    let outcome = world.ends[0].send(Some("a"), None, true, Bytes::from(vec![0; 1001]), now);
    assert_eq!(outcome, Err(SctpError::TooLarge(1001, 1000)));
}

#[test]
fn channels_end_with_the_association() {
    let mut world = World::of_channels(0);
    let id = world.open(0, config("short"));
    world.run(5);
    let told = world.told(1);
    let [ChannelEvent::Announced(theirs, _)] = told[..] else { panic!("{told:?}") };
    world.told(0);
    let now = world.now;
    world.ends[0].close(now);
    world.run(5);
    for (end, id) in [(0, id), (1, theirs)] {
        let closed = ChannelEvent::Closed(id, ChannelEnd::Association);
        assert_eq!(world.told(end), [closed, ChannelEvent::Down]);
        let late = world.open(end, config("late"));
        world.run(5);
        assert_eq!(world.told(end), [ChannelEvent::Closed(late, ChannelEnd::Association)]);
    }
}

/// The peer says that it wants to end the association, and then nothing: nothing can be sent any more.
#[test]
fn channels_end_when_nothing_can_be_sent() {
    const SHUTDOWN: u8 = 7;
    let mut world = World::of_channels(0);
    let id = world.open(0, config("half"));
    world.run(60);
    world.told(0);
    world.send_on(1, ChannelId::fresh(), true, "nowhere");
    // Any packet of the peer's has the header.
    world.open(1, config("another"));
    let packet = world.ends[1].poll_transmit().unwrap();
    let mut shutdown = packet[..12].to_vec();
    shutdown.extend([SHUTDOWN, 0, 0, 8]);
    let sent = world.ends[0].link.filter.last_sent();
    shutdown.extend(sent.to_be_bytes());
    shutdown[8..12].fill(0);
    let checksum = crc32c::crc32c(&shutdown);
    shutdown[8..12].copy_from_slice(&checksum.to_le_bytes());
    world.ends[0].handle(shutdown.into(), world.now);
    world.send_on(0, id, true, "lost");
    world.take_events();
    let told = world.told(0);
    assert!(told.contains(&ChannelEvent::Closed(id, ChannelEnd::Association)), "{told:?}");
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

/// The stack takes what it does not understand of a chunk for the next one: an ABORT here, whose cause it would not survive.
#[test]
fn what_is_left_of_a_chunk_is_no_chunk() {
    const HIDDEN: [u8; 12] = [6, 0, 0, 10, 0, 12, 0x20, 0, 0, 0, 0, 0];
    let (cookie_ack, heartbeat) = ([11, 0, 0, 4], [4, 0, 0, 12, 0, 1, 0, 8, 0, 0, 0, 0]);
    for chunk in [None, Some(&cookie_ack[..]), Some(&heartbeat)] {
        let mut world = World::up(0);
        // Its header, and the TSN of what it brings (RFC 9260 §3.3.1).
        let sent = world.ends.each_mut().map(|end| {
            end.send(Some("label"), None, false, "text".into(), world.now).unwrap();
            end.poll_transmit().unwrap()
        });
        let [theirs, ours] = sent;
        let sack = [&[3, 0, 0, 16], &ours[16..20], &[0, 16, 0, 0, 0, 0, 0, 0]].concat();
        let mut packet = [&theirs[..12], chunk.unwrap_or(&sack), &HIDDEN].concat();
        packet[15] += HIDDEN.len() as u8;
        packet[8..12].fill(0);
        let checksum = crc32c::crc32c(&packet);
        packet[8..12].copy_from_slice(&checksum.to_le_bytes());
        world.ends[1].handle(packet.into(), world.now);
        world.run(1);
        let is_closed = |events: &Vec<SctpEvent>| events.contains(&SctpEvent::Closed);
        assert!(!world.events.iter().any(is_closed), "{chunk:?}: {:?}", world.events);
    }
}

/// A byte that waits for its rest does not keep all that came with it.
#[test]
fn what_waits_holds_no_more_than_itself() {
    const REST: usize = 15_000;
    let mut world = World::up(0);
    world.send(0, Some("label"), true, &[7, 8]);
    world.run(1);
    world.take_events();
    world.send(0, Some("label"), true, &[7, 8]);
    let sent = world.ends[0].poll_transmit().unwrap();
    let mut heartbeat = vec![0; REST];
    heartbeat[0] = 4;
    heartbeat[2..4].copy_from_slice(&(REST as u16).to_be_bytes());
    heartbeat[5] = 1;
    heartbeat[6..8].copy_from_slice(&(REST as u16 - 4).to_be_bytes());
    // The first byte of the message; then the second one.
    for (begins, more, byte) in [(2, 0, 7), (1, 1, 8)] {
        let tsn = u32::from_be_bytes(sent[16..20].try_into().unwrap()) + more;
        let data = [&[0, begins, 0, 17], &tsn.to_be_bytes()[..], &sent[20..28], &[byte, 0, 0, 0]].concat();
        let mut packet = [&sent[..12], &heartbeat[..], &data[..]].concat();
        packet[8..12].fill(0);
        let checksum = crc32c::crc32c(&packet);
        packet[8..12].copy_from_slice(&checksum.to_le_bytes());
        let packet = Bytes::from(packet);
        world.ends[1].handle(packet.clone(), world.now);
        while world.ends[1].poll_transmit().is_some() {}
        assert!(packet.is_unique(), "{byte}");
    }
    let told = world.ends[1].poll_event();
    assert!(matches!(&told, Some(SctpEvent::Incoming { data, .. }) if data[..] == [7, 8]), "{told:?}");
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
