//! Load for benches: one publisher and many viewers of a videoroom, in one process, so that packets can carry their time.

use crate::api::Api;
use crate::cascade::Cascade;
use crate::{LIMIT, home};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

const PLUGIN: &str = "videoroom";
const PUBLISHER: u64 = 1;
const VP8: u8 = crate::canned::VP8_PAYLOAD_TYPE;
/// Where the number and the time of a packet stand in its payload: behind the descriptor and the header of a key frame.
pub(crate) const NUMBER: usize = 12;
pub(crate) const TIME: usize = 16;
const SHORTEST: usize = 24;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub viewers: usize,
    /// How long the publisher sends once every viewer is connected.
    pub length: Duration,
    /// Packets per second.
    pub rate: u32,
    /// Bytes of a packet's payload, at least 24.
    pub size: usize,
    /// Where a second server listens for WebSockets: as many viewers once more, there.
    pub second: Option<u16>,
}

/// What came of it, over all viewers.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Packets that the publisher sent.
    pub sent: u64,
    /// Packets that the viewers should have got, and did get.
    pub expected: u64,
    pub received: u64,
    /// From the publisher's socket to the viewer's: median, 99th percentile, longest.
    pub latency: [Duration; 3],
    /// Of those, what the viewers of the second server got.
    pub received_there: u64,
}

/// Runs a load against the server whose Janus API listens for WebSockets on `port`.
///
/// # Panics
/// When the server refuses something or does not answer.
pub async fn run(port: u16, plan: Plan) -> Figures {
    let started = Instant::now();
    let api = Api::connect(port, "janus-protocol").await;
    let session = api.create().await;
    let room = 1 + u64::from(std::process::id());
    let handle = api.attach(session, PLUGIN).await;
    let create = json!({"request": "create", "room": room, "publishers": 1, "videocodec": "vp8", "bitrate": 100_000_000});
    handle.message(create, None).await;
    let join = json!({"request": "join", "ptype": "publisher", "room": room, "id": PUBLISHER});
    handle.message(join, None).await;

    let (mut leg, offer) = Leg::offering().await;
    let answer = handle.offer(json!({"request": "publish"}), &offer.1.to_sdp_string()).await;
    leg.accept(offer.0, &answer);
    let mid = leg.video.expect("a video").to_string();
    let (connected, mut is_connected) = watch::channel(0usize);
    let (end, ended) = watch::channel(false);
    let (go, gone) = watch::channel(false);
    let publisher = tokio::spawn(publish(leg, plan, started, connected.clone(), gone));
    timeout(LIMIT, is_connected.wait_for(|count| *count == 1)).await.expect("a publisher").expect("a task");
    handle.event("webrtcup").await; // before that the room has nothing to subscribe to

    let mut viewers = JoinSet::new();
    let mut handles = vec![];
    for _ in 0..plan.viewers {
        let handle = api.attach(session, PLUGIN).await;
        let join =
            json!({"request": "join", "ptype": "subscriber", "room": room, "streams": [{"feed": PUBLISHER}]});
        let offer = handle.message(join, None).await;
        let (leg, answer) = Leg::answering(offer["jsep"]["sdp"].as_str().expect("an offer")).await;
        let answer: Value = json!({"type": "answer", "sdp": answer});
        viewers.spawn(view(leg, started, connected.clone(), ended.clone()));
        handle.message(json!({"request": "start"}), Some(answer)).await;
        handles.push(handle);
    }
    let cascade = match plan.second {
        Some(port) => Some(Cascade::new(&handle, (room, PUBLISHER, &mid), VP8, port).await),
        None => None,
    };
    let mut viewers_there = JoinSet::new();
    if let Some(cascade) = &cascade {
        for _ in 0..plan.viewers {
            let (handle, offer) = cascade.watch().await;
            let (leg, answer) = Leg::answering(offer["jsep"]["sdp"].as_str().expect("an offer")).await;
            let answer: Value = json!({"type": "answer", "sdp": answer});
            viewers_there.spawn(view(leg, started, connected.clone(), ended.clone()));
            handle.message(json!({"request": "start"}), Some(answer)).await;
            handles.push(handle);
        }
    }
    let audience = plan.viewers * if cascade.is_some() { 2 } else { 1 };
    let all = audience + 1;
    timeout(LIMIT, is_connected.wait_for(|count| *count == all)).await.expect("all viewers").expect("tasks");
    go.send_replace(true);
    let sent = publisher.await.expect("a publisher");
    sleep(Duration::from_secs(1)).await; // what is on its way
    end.send_replace(true);
    let mut latencies = vec![];
    while let Some(viewer) = viewers.join_next().await {
        latencies.extend(viewer.expect("a viewer"));
    }
    let here = latencies.len();
    while let Some(viewer) = viewers_there.join_next().await {
        latencies.extend(viewer.expect("a viewer"));
    }
    let received_there = (latencies.len() - here) as u64;
    api.destroy(session).await;
    if let Some(cascade) = cascade {
        cascade.end().await;
    }
    latencies.sort_unstable();
    let at = |part: f64| {
        latencies.get(((latencies.len() as f64 - 1.0) * part) as usize).copied().unwrap_or_default()
    };
    Figures {
        sent,
        expected: sent * audience as u64,
        received: latencies.len() as u64,
        latency: [at(0.5), at(0.99), at(1.0)],
        received_there,
    }
}

/// Sends at the planned rate from the moment `go` becomes true; how many packets.
async fn publish(
    mut leg: Leg,
    plan: Plan,
    started: Instant,
    connected: watch::Sender<usize>,
    go: watch::Receiver<bool>,
) -> u64 {
    let pause = Duration::from_secs(1) / plan.rate;
    let total = (plan.length.as_secs_f64() * f64::from(plan.rate)) as u32;
    let (mut begun, mut sent): (Option<Instant>, u32) = (None, 0);
    loop {
        let now = Instant::now();
        if begun.is_none() && *go.borrow() {
            begun = Some(now);
        }
        if let Some(begun) = begun {
            if sent == total {
                break;
            }
            // Late turns catch up.
            while begun + pause * sent <= now && sent < total {
                leg.send(sent, plan.size, started, true);
                sent += 1;
            }
        }
        let next = begun.map_or(now + Duration::from_millis(20), |begun| begun + pause * sent);
        for event in leg.step(next).await {
            if matches!(event, Event::Connected) {
                connected.send_modify(|count| *count += 1);
            }
        }
    }
    tokio::spawn(async move {
        // Feedback is answered for a little longer.
        let end = Instant::now() + Duration::from_secs(2);
        while Instant::now() < end {
            leg.step(end).await;
        }
    });
    sent.into()
}

/// Receives until `ended`; how long each packet was under way, each counted once.
async fn view(
    mut leg: Leg,
    started: Instant,
    connected: watch::Sender<usize>,
    ended: watch::Receiver<bool>,
) -> Vec<Duration> {
    let mut seen = std::collections::HashSet::new();
    let mut latencies = vec![];
    while !*ended.borrow() {
        for event in leg.step(Instant::now() + Duration::from_millis(100)).await {
            match event {
                Event::Connected => connected.send_modify(|count| *count += 1),
                Event::RtpPacket(packet) if packet.payload.len() >= SHORTEST => {
                    let number: [u8; 4] = packet.payload[NUMBER..TIME].try_into().expect("four bytes");
                    let time: [u8; 8] = packet.payload[TIME..SHORTEST].try_into().expect("eight bytes");
                    if seen.insert(number) {
                        let sent = Duration::from_nanos(u64::from_be_bytes(time));
                        latencies.push(packet.timestamp.duration_since(started).saturating_sub(sent));
                    }
                }
                _ => {}
            }
        }
    }
    latencies
}

/// A packet's payload, with its number and time.
pub(crate) fn payload(number: u32, size: usize, started: Instant) -> Vec<u8> {
    let mut payload = crate::canned::vp8(0).to_vec(); // a key frame each
    payload.resize(size.max(SHORTEST), 0);
    payload[NUMBER..TIME].copy_from_slice(&number.to_be_bytes());
    let time = started.elapsed().as_nanos() as u64;
    payload[TIME..SHORTEST].copy_from_slice(&time.to_be_bytes());
    payload
}

/// One PeerConnection and its socket.
pub(crate) struct Leg {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    /// What it sends.
    video: Option<Mid>,
    /// Of its media packets, in and out, one in so many is lost.
    pub(crate) lose_each: Option<NonZeroU32>,
    media: u32,
}

pub(crate) type Offered = (str0m::change::SdpPendingOffer, SdpOffer);

impl Leg {
    async fn new() -> Self {
        let socket = UdpSocket::bind((home(), 0)).await.expect("a socket");
        let address = socket.local_addr().expect("an address");
        let mut rtc = Rtc::builder().clear_codecs().enable_vp8(true).set_rtp_mode(true).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("a candidate"));
        let mut leg = Leg { rtc, socket, address, video: None, lose_each: None, media: 0 };
        leg.drain();
        leg
    }

    pub(crate) async fn offering() -> (Self, Offered) {
        let mut leg = Self::new().await;
        let mut change = leg.rtc.sdp_api();
        let video = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let (offer, pending) = change.apply().expect("an offer");
        leg.video = Some(video);
        leg.drain();
        (leg, (pending, offer))
    }

    pub(crate) fn accept(&mut self, pending: str0m::change::SdpPendingOffer, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).expect("an answer");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("an answer that fits");
        self.drain();
    }

    pub(crate) async fn answering(offer: &str) -> (Self, String) {
        let mut leg = Self::new().await;
        let offer = SdpOffer::from_sdp_string(offer).expect("an offer");
        let answer = leg.rtc.sdp_api().accept_offer(offer).expect("an offer that fits");
        leg.drain();
        (leg, answer.to_sdp_string())
    }

    /// `last`: of its frame.
    pub(crate) fn send(&mut self, number: u32, size: usize, started: Instant, last: bool) {
        let payload = payload(number, size, started);
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.video.expect("a video"), None).expect("a stream");
        let packet =
            RtpWrite::new(VP8.into(), u64::from(number).into(), number * 90, Instant::now(), payload);
        stream.write_rtp(packet.marker(last).nackable(true));
        self.drain();
    }

    fn is_lost(&mut self, datagram: &[u8]) -> bool {
        // RFC 5761 §4: RTP, not RTCP.
        let is_media = matches!(datagram, [128..=191, second, ..] if !(192..=223).contains(second));
        self.media += u32::from(is_media);
        is_media && self.lose_each.is_some_and(|each| self.media.is_multiple_of(each.get()))
    }

    /// Everything that the engine wants to send and tell, and when it wants to be called again.
    fn drain(&mut self) -> (Vec<Event>, Instant) {
        let mut events = vec![];
        while self.rtc.is_alive() {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(deadline)) => return (events, deadline),
                Ok(Output::Transmit(transmit)) if !self.is_lost(&transmit.contents) => {
                    let _ = self.socket.try_send_to(&transmit.contents, transmit.destination);
                }
                Ok(Output::Transmit(_)) => {}
                Ok(Output::Event(event)) => events.push(event),
                Err(_) => self.rtc.disconnect(),
            }
        }
        (events, Instant::now() + Duration::from_secs(1))
    }

    /// Waits for a datagram or a timer, until `latest` at most; the events of this.
    pub(crate) async fn step(&mut self, latest: Instant) -> Vec<Event> {
        let (mut events, deadline) = self.drain();
        let mut buffer = [0; 2048];
        let input = tokio::select! {
            received = self.socket.recv_from(&mut buffer) => received.ok(),
            () = sleep_until(deadline.min(latest).into()) => None,
        };
        let now = Instant::now();
        let input = match input {
            Some((length, _)) if self.is_lost(&buffer[..length]) => return events,
            None => Input::Timeout(now),
            Some((length, source)) => {
                match Receive::new(Protocol::Udp, source, self.address, &buffer[..length]) {
                    Ok(receive) => Input::Receive(now, receive),
                    Err(_) => return events,
                }
            }
        };
        let _ = self.rtc.handle_input(input);
        events.extend(self.drain().0);
        events
    }
}
