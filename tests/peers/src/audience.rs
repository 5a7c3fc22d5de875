//! One publisher of a videoroom, or a stream, and its viewers, in steps: gather them, let packets flow, look at who got
//! what.

use crate::LIMIT;
use crate::api::{Api, Handle};
use crate::canned::VP8_PAYLOAD_TYPE as VP8;
use crate::load::{Leg, NUMBER, TIME, payload};
use crate::server::Server;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use str0m::Event;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until};

const ROOM: u64 = 4321;
const PUBLISHER: u64 = 1;
/// With header and encryption about 1200 bytes.
const PAYLOAD: usize = 1150;
const TURN: Duration = Duration::from_millis(20);

/// So many packets, in bursts of `burst`.
#[derive(Debug)]
struct Order {
    packets: u32,
    burst: u32,
    pause: Duration,
    done: oneshot::Sender<()>,
}

pub struct Audience {
    pub session: u64,
    pub publisher: Handle,
    pub viewers: Vec<Handle>,
    api: Api,
    orders: mpsc::UnboundedSender<Order>,
    sent: u32,
    /// Numbers of the packets that each viewer got.
    got: Vec<Arc<Mutex<HashSet<u32>>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Audience {
    /// Connects a publisher and so many viewers. Of the media packets that arrive at any of them, or that one of them
    /// sends, one in `lose_each` is lost.
    ///
    /// # Panics
    /// When the server refuses something or does not answer; as do the others.
    pub async fn gather(server: &Server, viewers: usize, lose_each: Option<NonZeroU32>) -> Audience {
        let api = server.connect().await;
        let session = api.create().await;
        let publisher = api.attach(session, "videoroom").await;
        let create = json!({"request": "create", "room": ROOM, "publishers": 1, "videocodec": "vp8",
            "bitrate": 100_000_000});
        publisher.message(create, None).await;
        let join = json!({"request": "join", "ptype": "publisher", "room": ROOM, "id": PUBLISHER});
        publisher.message(join, None).await;
        let (mut leg, (pending, offer)) = Leg::offering().await;
        leg.lose_each = lose_each;
        leg.accept(pending, &publisher.offer(json!({"request": "publish"}), &offer.to_sdp_string()).await);
        let mut audience = Audience::of(api, session, publisher, Source::Peer(Box::new(leg)));
        audience.publisher.event("webrtcup").await; // before that the room has nothing to subscribe to
        let join =
            json!({"request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{"feed": PUBLISHER}]});
        audience.seat("videoroom", &join, viewers, lose_each).await;
        audience
    }

    /// The same with a mountpoint of the streaming plugin, which relays from a thread of its own. Nothing is lost on the way
    /// to it.
    pub async fn watch(server: &Server, viewers: usize, lose_each: Option<NonZeroU32>) -> Audience {
        let api = server.connect().await;
        let session = api.create().await;
        let handle = api.attach(session, "streaming").await;
        let create = json!({"request": "create", "type": "rtp", "id": ROOM, "media": [
            {"type": "video", "mid": "v", "label": "v", "port": 0, "pt": VP8, "codec": "vp8"}]});
        let reply = handle.message(create, None).await;
        let port = reply["plugindata"]["data"]["stream"]["ports"][0]["port"].as_u64();
        let port = u16::try_from(port.unwrap_or_else(|| panic!("no port in {reply}"))).expect("a port");
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        socket.connect((Ipv4Addr::LOCALHOST, port)).await.expect("an address");
        let mut audience = Audience::of(api, session, handle, Source::Plain(socket));
        audience.seat("streaming", &json!({"request": "watch", "id": ROOM}), viewers, lose_each).await;
        audience
    }

    fn of(api: Api, session: u64, publisher: Handle, source: Source) -> Audience {
        let (orders, taken) = mpsc::unbounded_channel();
        let tasks = vec![tokio::spawn(publish(source, taken))];
        Audience { session, publisher, viewers: vec![], api, orders, sent: 0, got: vec![], tasks }
    }

    /// Connects viewers: `ask` makes the plugin offer.
    async fn seat(&mut self, plugin: &str, ask: &Value, viewers: usize, lose_each: Option<NonZeroU32>) {
        for _ in 0..viewers {
            let handle = self.api.attach(self.session, plugin).await;
            let offer = handle.message(ask.clone(), None).await;
            let (mut leg, answer) = Leg::answering(offer["jsep"]["sdp"].as_str().expect("an offer")).await;
            leg.lose_each = lose_each;
            let numbers = Arc::<Mutex<HashSet<u32>>>::default();
            self.tasks.push(tokio::spawn(view(leg, numbers.clone())));
            self.got.push(numbers);
            let answer = json!({"type": "answer", "sdp": answer});
            handle.message(json!({"request": "start"}), Some(answer)).await;
            self.viewers.push(handle);
        }
        for handle in &self.viewers {
            handle.event("webrtcup").await;
        }
    }

    /// The publisher sends so many packets, so many at a time and in a second. Returns when they are sent.
    pub async fn publish(&mut self, packets: u32, burst: u32, per_second: u32) {
        let (done, is_done) = oneshot::channel();
        let pause = Duration::from_secs(1) * burst / per_second;
        self.orders.send(Order { packets, burst, pause, done }).expect("a publisher");
        is_done.await.expect("a publisher");
        self.sent += packets;
    }

    /// Waits until every viewer has every packet from `first` on that was sent.
    pub async fn all_arrive(&self, first: u32) {
        let missing = || {
            let of_viewer = |got: &Arc<Mutex<HashSet<u32>>>| {
                let got = got.lock().unwrap();
                (first..self.sent).filter(|number| !got.contains(number)).count()
            };
            self.got.iter().map(of_viewer).collect::<Vec<_>>()
        };
        let end = Instant::now() + LIMIT;
        while missing().iter().any(|count| *count > 0) {
            assert!(Instant::now() < end, "of {} packets each viewer misses {:?}", self.sent, missing());
            sleep(TURN).await;
        }
    }

    /// How many packets the viewers got, all together, each counted once.
    pub fn received(&self) -> usize {
        self.got.iter().map(|got| got.lock().unwrap().len()).sum()
    }

    /// Packets that the publisher sent.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    pub async fn leave(self) {
        self.api.destroy(self.session).await;
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Who sends.
enum Source {
    Peer(Box<Leg>),
    /// RTP to a mountpoint.
    Plain(UdpSocket),
}

impl Source {
    async fn send(&mut self, number: u32, started: Instant, last: bool) {
        match self {
            Source::Peer(leg) => leg.send(number, PAYLOAD, started, last),
            Source::Plain(socket) => {
                let mut packet = vec![0x80, VP8 | if last { 0x80 } else { 0 }];
                packet.extend((number as u16).to_be_bytes());
                packet.extend((number * 90).to_be_bytes());
                packet.extend(1_u32.to_be_bytes());
                packet.extend(payload(number, PAYLOAD, started));
                let _ = socket.send(&packet).await;
            }
        }
    }

    /// What else is to be done, until then.
    async fn pass(&mut self, until: Instant) {
        match self {
            Source::Peer(leg) => drop(leg.step(until).await),
            Source::Plain(_) => sleep_until(until.into()).await,
        }
    }
}

async fn publish(mut source: Source, mut orders: mpsc::UnboundedReceiver<Order>) {
    let started = Instant::now();
    let (mut order, mut left, mut number): (Option<Order>, u32, u32) = (None, 0, 0);
    let mut next = Instant::now();
    loop {
        if order.is_none()
            && let Ok(new) = orders.try_recv()
        {
            (left, next) = (new.packets, Instant::now());
            order = Some(new);
        }
        if let Some(given) = &order
            && next <= Instant::now()
        {
            let count = given.burst.min(left);
            for index in 1..=count {
                source.send(number, started, index == count).await;
                number += 1;
            }
            left -= count;
            next = Instant::now() + given.pause; // lost time is not made up for: bursts would overflow buffers
        }
        if left == 0
            && let Some(finished) = order.take()
        {
            let _ = finished.done.send(());
        }
        source.pass(if order.is_some() { next } else { Instant::now() + TURN }).await;
    }
}

async fn view(mut leg: Leg, got: Arc<Mutex<HashSet<u32>>>) {
    loop {
        for event in leg.step(Instant::now() + 5 * TURN).await {
            if let Event::RtpPacket(packet) = event
                && packet.payload.len() == PAYLOAD
            {
                let number = packet.payload[NUMBER..TIME].try_into().expect("four bytes");
                got.lock().unwrap().insert(u32::from_be_bytes(number));
            }
        }
    }
}
