//! The client against a relay of ours that follows a script, on a clock of ours.

use super::client::{Client, Event, Unwrapped};
use super::frame::Frame;
use super::message::{HEADER, Key, LIFETIME, Method, NONCE, REALM, Request, xor_address};
use super::{HEAD, Server, Transport};
use is::stun::{Class, Method as Read, StunMessage};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const USER: &str = "us";
const PASSWORD: &str = "secret";
const NAME: &str = "relay.example";
const XOR_RELAYED_ADDRESS: u16 = 0x0016;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const ERROR_CODE: u16 = 0x0009;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn server(transport: Transport) -> Server {
    Server {
        host: NAME.into(),
        address: address("192.0.2.1:3478"),
        transport,
        username: USER.into(),
        password: PASSWORD.to_owned().into(),
    }
}

/// The relay: what it would answer to a request now.
pub(super) struct Relay {
    pub(super) nonce: String,
    pub(super) password: &'static str,
    /// Of the next allocation.
    pub(super) relayed: SocketAddr,
    pub(super) has_allocation: bool,
    pub(super) lifetime: u32,
    /// Refuses permissions and channels with this code.
    pub(super) refuses: Option<u16>,
    /// Has no address to relay from.
    pub(super) refuses_family: bool,
    pub(super) asked: Vec<Read>,
}

impl Relay {
    pub(super) fn new() -> Relay {
        Relay {
            nonce: "n1".into(),
            password: PASSWORD,
            relayed: address("192.0.2.1:40000"),
            has_allocation: false,
            lifetime: 600,
            refuses: None,
            refuses_family: false,
            asked: Vec::new(),
        }
    }

    fn key(&self) -> Key {
        Key::new(USER, NAME, self.password).unwrap()
    }

    pub(super) fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        let read = StunMessage::parse(request).unwrap();
        self.asked.push(read.method());
        if read.nonce() != Some(&self.nonce) {
            let stale = read.nonce().is_some() && self.key().verifies(&read);
            return self.failure(request, if stale { 438 } else { 401 });
        }
        assert_eq!((read.username(), read.realm()), (Some(USER), Some(NAME)));
        if !self.key().verifies(&read) {
            return self.failure(request, 401);
        }
        match read.method() {
            Read::Allocate if self.has_allocation => self.failure(request, 437),
            // REQUESTED-ADDRESS-FAMILY: IPv6.
            Read::Allocate
                if self.refuses_family
                    || self.relayed.is_ipv6()
                        != request.windows(8).any(|part| part == [0, 0x17, 0, 4, 2, 0, 0, 0]) =>
            {
                self.failure(request, 440)
            }
            Read::Allocate => {
                // REQUESTED-TRANSPORT: UDP.
                assert!(request.windows(8).any(|part| part == [0, 0x19, 0, 4, 17, 0, 0, 0]));
                self.has_allocation = true;
                let (relayed, mapped) = (self.relayed, address("203.0.113.9:50000"));
                self.relayed.set_port(relayed.port() + 1);
                let id = request[8..HEADER].try_into().unwrap();
                let ((relayed, relayed_len), (mapped, mapped_len)) =
                    (xor_address(relayed, &id), xor_address(mapped, &id));
                response(request, 0x0100)
                    .with(XOR_RELAYED_ADDRESS, &relayed[..relayed_len])
                    .with(XOR_MAPPED_ADDRESS, &mapped[..mapped_len])
                    .with(LIFETIME, &self.lifetime.to_be_bytes())
                    .sealed(&self.key())
            }
            _ if !self.has_allocation => self.failure(request, 437),
            Read::Refresh => {
                let lifetime = read.lifetime().unwrap().min(self.lifetime);
                self.has_allocation = lifetime > 0;
                response(request, 0x0100).with(LIFETIME, &lifetime.to_be_bytes()).sealed(&self.key())
            }
            _ => match self.refuses {
                Some(code) => self.failure(request, code),
                None => response(request, 0x0100).sealed(&self.key()),
            },
        }
    }

    fn failure(&self, request: &[u8], code: u16) -> Vec<u8> {
        let code = [0, 0, (code / 100) as u8, (code % 100) as u8];
        response(request, 0x0110)
            .with(ERROR_CODE, &code)
            .with(REALM, NAME.as_bytes())
            .with(NONCE, self.nonce.as_bytes())
            .plain()
    }

    fn count(&self, method: Read) -> usize {
        self.asked.iter().filter(|asked| **asked == method).count()
    }
}

/// The beginning of an answer: type and transaction.
fn response(request: &[u8], class: u16) -> Request {
    let mut answer = Request::new(Method::Allocate, &request[8..HEADER].try_into().unwrap());
    answer.set_kind(u16::from_be_bytes([request[0], request[1]]) | class);
    answer
}

struct World {
    now: Instant,
    client: Client,
    relay: Relay,
}

impl World {
    fn new() -> World {
        let now = Instant::now();
        World { now, client: Client::new(server(Transport::Udp), now), relay: Relay::new() }
    }

    fn allocated() -> World {
        let mut world = World::new();
        world.run();
        assert!(matches!(world.events()[..], [Event::Allocated { .. }]));
        world
    }

    /// Until nothing more is to be said.
    fn run(&mut self) {
        self.client.handle_timeout(self.now);
        while let Some(request) = self.client.poll_transmit() {
            let answer = self.relay.answer(&request);
            assert_eq!(self.client.take(self.now, &answer), Unwrapped::Taken);
        }
    }

    /// So many seconds, in steps of one; a peer is sent to in each where one is named.
    fn pass(&mut self, seconds: u64, peer: Option<SocketAddr>) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            if let Some(peer) = peer {
                self.client.reach(self.now, peer);
            }
            self.run();
        }
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }
}

#[test]
fn an_allocation_takes_two_requests() {
    let mut world = World::new();
    world.run();
    let allocated =
        Event::Allocated { relayed: address("192.0.2.1:40000"), mapped: address("203.0.113.9:50000") };
    assert_eq!(world.events(), [allocated]);
    assert_eq!(world.relay.asked, [Read::Allocate; 2]);
    assert_eq!(world.client.relayed(), Some(address("192.0.2.1:40000")));
}

#[test]
fn a_relay_that_has_only_ipv6_is_asked_for_that() {
    let mut world = World::new();
    world.relay.relayed = address("[2001:db8::1]:40000");
    world.run();
    let [Event::Allocated { relayed, .. }] = world.events()[..] else { panic!() };
    assert_eq!(relayed, address("[2001:db8::1]:40000"));
    assert_eq!(world.relay.count(Read::Allocate), 3);
    // One that has neither is asked later, and for IPv4 at first again.
    let mut world = World::new();
    world.relay.refuses_family = true;
    world.run();
    assert_eq!(world.events(), [Event::Refused(Some(440))]);
    world.relay.refuses_family = false;
    world.pass(2, None);
    assert!(matches!(world.events()[..], [Event::Allocated { .. }]));
}

#[test]
fn a_request_is_sent_seven_times_and_then_later_again() {
    let mut world = World::new();
    let begin = world.now;
    let mut sent = Vec::new();
    while sent.len() < 8 {
        world.client.handle_timeout(world.now);
        while world.client.poll_transmit().is_some() {
            sent.push((world.now - begin).as_millis());
        }
        world.now = world.client.poll_timeout().unwrap();
    }
    assert_eq!(sent, [0, 500, 1500, 3500, 5500, 7500, 9500, 12_500]);
    assert_eq!(world.events(), [Event::Refused(None)]);
}

#[test]
fn a_stream_carries_a_request_once() {
    let now = Instant::now();
    let mut client = Client::new(server(Transport::Tls), now);
    client.handle_timeout(now);
    assert!(client.poll_transmit().is_some());
    assert_eq!(client.poll_timeout(), Some(now + Duration::from_secs(10)));
    client.handle_timeout(now + Duration::from_secs(10));
    assert_eq!((client.poll_transmit(), client.poll_event()), (None, Some(Event::Refused(None))));
    // The connection ends: with it the allocation, or what was asked.
    client.handle_timeout(now + Duration::from_secs(11));
    client.interrupted(now + Duration::from_secs(11));
    assert_eq!((client.poll_transmit(), client.poll_event()), (None, Some(Event::Refused(None))));
}

#[test]
fn a_wrong_password_is_not_tried_for_ever() {
    let mut world = World::new();
    world.relay.password = "another";
    let mut tries = 0;
    for round in 0..3_u32 {
        let before = world.relay.asked.len();
        // A relay that gives a nonce of its own to each request.
        world.client.handle_timeout(world.now);
        while let Some(request) = world.client.poll_transmit() {
            let answer = world.relay.answer(&request);
            world.client.take(world.now, &answer);
            tries += 1;
            world.relay.nonce = format!("n{tries}");
        }
        assert!(world.relay.asked.len() - before <= 4, "{:?}", world.relay.asked);
        assert_eq!(world.events(), [Event::Refused(Some(401))]);
        let next = world.client.poll_timeout().unwrap();
        assert_eq!(next - world.now, Duration::from_secs(1 << round));
        world.now = next;
    }
}

#[test]
fn a_stale_nonce_is_renewed_and_the_request_repeated() {
    let mut world = World::allocated();
    let peer = address("198.51.100.1:5000");
    world.relay.nonce = "n2".into();
    world.client.reach(world.now, peer);
    world.run();
    assert_eq!(world.relay.asked[2..], [Read::CreatePermission; 2]);
    world.relay.nonce = "n3".into();
    world.client.bind(world.now, peer);
    world.run();
    assert_eq!(world.relay.asked[4..], [Read::ChannelBind; 2]);
    assert_eq!(world.client.reach(world.now, peer), Some(Frame::Channel(0x4000)));
    world.relay.nonce = "n4".into();
    world.pass(20, None);
    assert_eq!(world.relay.asked[6..], [Read::Refresh; 2]);
    assert_eq!(world.events(), []);
}

#[test]
fn an_allocation_is_kept_alive_and_renewed() {
    let mut world = World::allocated();
    // Nobody uses it: a sign of life every 20 s.
    world.pass(100, None);
    assert_eq!(world.relay.count(Read::Refresh), 5);
    // Something comes all the time: only before it ends.
    world.client.bind(world.now, address("198.51.100.1:5000"));
    world.run();
    for _ in 0..290 {
        let from_peer = [0x40, 0, 0, 1, 7];
        assert_eq!(
            world.client.take(world.now, &from_peer),
            Unwrapped::Data(address("198.51.100.1:5000"), 4..5)
        );
        world.pass(1, Some(address("198.51.100.1:5000")));
    }
    assert_eq!(world.relay.count(Read::Refresh), 5);
    for _ in 0..20 {
        world.client.take(world.now, &[0x40, 0, 0, 1, 7]);
        world.pass(1, None);
    }
    assert_eq!(world.relay.count(Read::Refresh), 6);
    assert_eq!(world.events(), []);
}

#[test]
fn permissions_are_asked_for_when_something_is_sent() {
    let mut world = World::allocated();
    let (peer, neighbour) = (address("198.51.100.1:5000"), address("198.51.100.1:5001"));
    assert_eq!(world.client.reach(world.now, peer), Some(Frame::Indication(peer)));
    // One for all ports.
    assert_eq!(world.client.reach(world.now, neighbour), Some(Frame::Indication(neighbour)));
    world.run();
    assert_eq!(world.relay.count(Read::CreatePermission), 1);
    world.pass(239, Some(peer));
    assert_eq!(world.relay.count(Read::CreatePermission), 1);
    world.pass(1, Some(peer));
    assert_eq!(world.relay.count(Read::CreatePermission), 2);
    // Whom nobody sends to is forgotten by the relay, and asked for when somebody does.
    world.pass(1000, None);
    assert_eq!(world.relay.count(Read::CreatePermission), 2);
    world.pass(1, Some(peer));
    assert_eq!(world.relay.count(Read::CreatePermission), 3);
}

#[test]
fn who_is_refused_is_asked_for_seldom_and_costs_nobody_else() {
    let mut world = World::allocated();
    world.relay.refuses = Some(403);
    world.pass(20, Some(address("198.51.100.1:5000")));
    assert_eq!(world.relay.count(Read::CreatePermission), 4);
    assert_eq!(world.events(), []);
}

#[test]
fn a_channel_is_renewed_while_it_is_used() {
    let mut world = World::allocated();
    let peer = address("198.51.100.1:5000");
    world.client.bind(world.now, peer);
    // Not before the relay has said so.
    assert_eq!(world.client.reach(world.now, peer), Some(Frame::Indication(peer)));
    world.run();
    assert_eq!(world.client.reach(world.now, peer), Some(Frame::Channel(0x4000)));
    world.run();
    world.pass(239, Some(peer));
    assert_eq!(world.relay.count(Read::ChannelBind), 1);
    world.pass(1, Some(peer));
    assert_eq!(world.relay.count(Read::ChannelBind), 2);
    // Refused from now on: it lives for ten minutes after the last success, and others are sent to meanwhile.
    world.relay.refuses = Some(400);
    world.pass(599, Some(peer));
    assert_eq!(world.client.reach(world.now, peer), Some(Frame::Channel(0x4000)));
    world.pass(1, None);
    assert_eq!(world.client.reach(world.now, peer), Some(Frame::Indication(peer)));
    assert_eq!(world.events(), []);
}

#[test]
fn channels_are_4096_and_a_number_stands_for_one_peer_for_a_quarter_of_an_hour() {
    let mut world = World::allocated();
    let peer = |number: u16| SocketAddr::from(([198, 51, 100, 1], number));
    for number in 1..=4097 {
        world.client.bind(world.now, peer(number));
        world.run();
    }
    assert_eq!(world.relay.count(Read::ChannelBind), 4096);
    assert_eq!(world.client.count().0, 4096);
    assert_eq!(world.client.reach(world.now, peer(4096)), Some(Frame::Channel(0x4FFF)));
    assert_eq!(world.client.reach(world.now, peer(4097)), Some(Frame::Indication(peer(4097))));
    world.run();
    world.pass(899, None);
    world.client.bind(world.now, peer(4097));
    assert!(!world.client.has_channel(&peer(4097)));
    world.pass(1, None);
    world.client.bind(world.now, peer(4097));
    world.run();
    assert_eq!(world.client.reach(world.now, peer(4097)), Some(Frame::Channel(0x4000)));
    assert!(!world.client.has_channel(&peer(1)));
    assert_eq!(world.client.take(world.now, &[0x40, 0, 0, 0]), Unwrapped::Data(peer(4097), 4..4));
}

#[test]
fn a_relay_that_was_started_again_is_noticed_and_used_anew() {
    let mut world = World::allocated();
    let peer = address("198.51.100.1:5000");
    world.client.bind(world.now, peer);
    world.run();
    // It knows nothing any more, and says nothing to what is sent to peers.
    (world.relay.has_allocation, world.relay.nonce) = (false, "after".into());
    world.pass(1, Some(peer));
    assert_eq!(world.events(), []);
    world.pass(3, Some(peer));
    let again =
        Event::Allocated { relayed: address("192.0.2.1:40001"), mapped: address("203.0.113.9:50000") };
    assert_eq!(world.events(), [Event::Lost, again]);
    // Nothing of before counts.
    assert_eq!(world.client.reach(world.now, peer), Some(Frame::Indication(peer)));
    world.run();
    assert_eq!(world.relay.asked.last(), Some(&Read::CreatePermission));
}

#[test]
fn a_permission_of_a_lost_allocation_tells_too() {
    let mut world = World::allocated();
    world.relay.has_allocation = false;
    world.client.reach(world.now, address("198.51.100.1:5000"));
    world.run();
    assert!(matches!(world.events()[..], [Event::Lost, Event::Allocated { .. }]));
}

#[test]
fn a_relay_that_is_gone_is_given_up() {
    let mut world = World::allocated();
    let begin = world.now;
    world.client.reach(world.now, address("198.51.100.1:5000"));
    while world.client.relayed().is_some() {
        world.now = world.client.poll_timeout().unwrap();
        world.client.handle_timeout(world.now);
        while world.client.poll_transmit().is_some() {}
    }
    assert_eq!(world.events(), [Event::Lost]);
    // In the world's own time, which no clock is asked for: 2 s of silence, and seven requests.
    assert_eq!((world.now - begin).as_millis(), 13_500);
    assert_eq!(world.client.reach(world.now, address("198.51.100.1:5000")), None);
}

#[test]
fn an_allocation_that_is_given_back_is_told() {
    let mut world = World::allocated();
    world.client.end(world.now);
    let request = world.client.poll_transmit().unwrap();
    let read = StunMessage::parse(&request).unwrap();
    assert_eq!((read.method(), read.lifetime()), (Read::Refresh, Some(0)));
    world.relay.answer(&request);
    assert!(!world.relay.has_allocation);
    assert_eq!((world.client.poll_timeout(), world.client.relayed()), (None, None));
}

#[test]
fn forged_answers_change_nothing() {
    let mut world = World::new();
    world.client.handle_timeout(world.now);
    let first = world.client.poll_transmit().unwrap();
    let challenge = world.relay.answer(&first);
    world.client.take(world.now, &challenge);
    let signed = world.client.poll_transmit().unwrap();
    let mut forger = Relay { password: "guessed", ..Relay::new() };
    let forged = response(&signed, 0x0100).with(LIFETIME, &[0; 4]).sealed(&forger.key());
    assert_eq!(world.client.take(world.now, &forged), Unwrapped::Taken);
    forger.nonce = "of nobody".into();
    let strange = forger.failure(&first, 401);
    assert_eq!(world.client.take(world.now, &strange), Unwrapped::Other);
    assert_eq!(world.client.relayed(), None);
    let answer = world.relay.answer(&signed);
    world.client.take(world.now, &answer);
    assert!(world.client.relayed().is_some());
    // What is cut off leads nowhere.
    for len in 0..answer.len() {
        world.client.take(world.now, &answer[..len]);
    }
    assert!(world.client.relayed().is_some());
}

#[test]
fn frames_are_what_they_should_be() {
    for peer in ["198.51.100.1:5000", "[2001:db8::5]:6000"].map(address) {
        for length in [0, 1, 1200, 1203] {
            let frame = Frame::Indication(peer);
            let mut message = vec![0; frame.head()];
            frame.write(&mut message, length);
            message.extend(std::iter::repeat_n(9, length));
            message.resize(message.len() + frame.tail(length, false), 0);
            let read = StunMessage::parse(&message).unwrap();
            assert_eq!((read.method(), read.class()), (Read::Send, Class::Indication));
            assert_eq!(read.xor_peer_address(), Some(peer));
            assert_eq!(read.data(), Some(&vec![9; length][..]));
            assert!(frame.head() <= HEAD);
            // The relay would make this of it.
            message[1] = 0x17;
            let mut world = World::allocated();
            let head = frame.head();
            assert_eq!(world.client.take(world.now, &message), Unwrapped::Data(peer, head..head + length));
        }
    }
    let channel = Frame::Channel(0x4ABC);
    let mut head = [0; 4];
    channel.write(&mut head, 0x0203);
    assert_eq!(head, [0x4A, 0xBC, 2, 3]);
    assert_eq!([0, 1, 2, 3, 4].map(|length| channel.tail(length, true)), [0, 3, 2, 1, 0]);
    assert_eq!(channel.tail(3, false), 0);
}

#[test]
fn channel_data_that_is_cut_off_or_of_nobody_is_dropped() {
    let mut world = World::allocated();
    world.client.bind(world.now, address("198.51.100.1:5000"));
    world.run();
    for bytes in
        [&[0x40][..], &[0x40, 0, 0], &[0x40, 0, 0, 2, 1], &[0x40, 1, 0, 1, 1], &[0x4F, 0xFF, 0, 1, 1]]
    {
        assert_eq!(world.client.take(world.now, bytes), Unwrapped::Taken);
    }
    // With padding, as over a stream.
    let padded = [0x40, 0, 0, 1, 7, 0, 0, 0];
    assert_eq!(world.client.take(world.now, &padded), Unwrapped::Data(address("198.51.100.1:5000"), 4..5));
}
