//! One publisher of a videoroom and its viewers, in steps: gather them, let packets flow, look at who got what.

use crate::api::{Api, Handle};
use crate::load::{Leg, NUMBER, TIME};
use crate::server::Server;
use crate::{LIMIT, until};
use serde_json::json;
use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use str0m::Event;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

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
        let (connected, mut is_connected) = watch::channel(0);
        let (orders, taken) = mpsc::unbounded_channel();
        let mut tasks = vec![tokio::spawn(publish(leg, taken, connected.clone()))];
        publisher.event("webrtcup").await; // before that the room has nothing to subscribe to
        let (mut handles, mut got) = (vec![], vec![]);
        for _ in 0..viewers {
            let handle = api.attach(session, "videoroom").await;
            let join = json!({"request": "join", "ptype": "subscriber", "room": ROOM,
                "streams": [{"feed": PUBLISHER}]});
            let offer = handle.message(join, None).await;
            let (mut leg, answer) = Leg::answering(offer["jsep"]["sdp"].as_str().expect("an offer")).await;
            leg.lose_each = lose_each;
            let numbers = Arc::<Mutex<HashSet<u32>>>::default();
            tasks.push(tokio::spawn(view(leg, numbers.clone(), connected.clone())));
            got.push(numbers);
            let answer = json!({"type": "answer", "sdp": answer});
            handle.message(json!({"request": "start"}), Some(answer)).await;
            handles.push(handle);
        }
        let all = viewers + 1;
        timeout(LIMIT, is_connected.wait_for(|n| *n == all)).await.expect("all viewers").expect("tasks");
        for handle in &handles {
            handle.event("webrtcup").await;
        }
        Audience { session, publisher, viewers: handles, api, orders, sent: 0, got, tasks }
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
            let lists = self.got.iter().map(|got| {
                let got = got.lock().unwrap();
                (first..self.sent).filter(|number| !got.contains(number)).count()
            });
            lists.collect::<Vec<_>>()
        };
        until("every packet at every viewer", async || missing().iter().all(|n| *n == 0).then_some(())).await;
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

async fn publish(mut leg: Leg, mut orders: mpsc::UnboundedReceiver<Order>, connected: watch::Sender<usize>) {
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
            for _ in 0..given.burst.min(left) {
                leg.send(number, PAYLOAD, started);
                number += 1;
            }
            left -= given.burst.min(left);
            next += given.pause;
        }
        if left == 0
            && let Some(finished) = order.take()
        {
            let _ = finished.done.send(());
        }
        let until = if order.is_some() { next } else { Instant::now() + TURN };
        for event in leg.step(until).await {
            if matches!(event, Event::Connected) {
                connected.send_modify(|count| *count += 1);
            }
        }
    }
}

async fn view(mut leg: Leg, got: Arc<Mutex<HashSet<u32>>>, connected: watch::Sender<usize>) {
    loop {
        for event in leg.step(Instant::now() + 5 * TURN).await {
            match event {
                Event::Connected => connected.send_modify(|count| *count += 1),
                Event::RtpPacket(packet) if packet.payload.len() == PAYLOAD => {
                    let number = packet.payload[NUMBER..TIME].try_into().expect("four bytes");
                    got.lock().unwrap().insert(u32::from_be_bytes(number));
                }
                _ => {}
            }
        }
    }
}
