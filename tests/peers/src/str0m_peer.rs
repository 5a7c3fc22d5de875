//! A peer made of the `str0m` crate: sans-I/O, so that a test owns its socket and may change it during a call.

use crate::canned::{OPUS_PAYLOAD_TYPE, VP8_PAYLOAD_TYPE, opus, vp8};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::time::sleep_until;

/// What came back: the payloads of the media, and the messages of the data channel, in order of arrival.
#[derive(Default, Clone)]
pub struct Received {
    pub connected: bool,
    /// The server closed DTLS or SCTP.
    pub closed: bool,
    pub audio: Vec<Arc<[u8]>>,
    pub video: Vec<Arc<[u8]>>,
    pub data: Vec<Vec<u8>>,
    /// PLI and FIR.
    pub keyframe_requests: usize,
}

struct State {
    rtc: Rtc,
    socket: Arc<UdpSocket>,
    address: SocketAddr,
    deadline: Instant,
    received: Received,
    channel: Option<ChannelId>,
    open: bool,
}

impl State {
    /// One mutation of the engine, then everything that it wants to send and tell.
    fn change<T>(&mut self, mutation: impl FnOnce(&mut Rtc) -> T) -> T {
        let result = mutation(&mut self.rtc);
        while self.rtc.is_alive() {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(deadline)) => {
                    self.deadline = deadline;
                    break;
                }
                // A full socket buffer is loss, as in any network.
                Ok(Output::Transmit(transmit)) => {
                    let _ = self.socket.try_send_to(&transmit.contents, transmit.destination);
                }
                Ok(Output::Event(event)) => self.take(event),
                Err(_) => self.rtc.disconnect(),
            }
        }
        result
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Connected => self.received.connected = true,
            Event::Closed => self.received.closed = true,
            Event::ChannelOpen(id, _) => self.open |= self.channel == Some(id),
            Event::KeyframeRequest(_) => self.received.keyframe_requests += 1,
            Event::ChannelData(data) => self.received.data.push(data.data),
            Event::RtpPacket(packet) => match *packet.header.payload_type {
                OPUS_PAYLOAD_TYPE => self.received.audio.push(packet.payload),
                VP8_PAYLOAD_TYPE => self.received.video.push(packet.payload),
                _ => {}
            },
            _ => {}
        }
    }

    fn input(&mut self, datagram: Option<(&[u8], SocketAddr)>) {
        let now = Instant::now();
        let destination = self.address;
        let input = match datagram {
            None => Input::Timeout(now),
            // What the engine cannot parse is no concern of its peer.
            Some((bytes, source)) => match Receive::new(Protocol::Udp, source, destination, bytes) {
                Ok(receive) => Input::Receive(now, receive),
                Err(_) => return,
            },
        };
        let _ = self.change(|rtc| rtc.handle_input(input));
    }

    /// A datagram that may be another peer's, on the same socket.
    fn input_if_own(&mut self, bytes: &[u8], source: SocketAddr) {
        // RFC 7983 §7
        let is_stun = bytes.first().is_some_and(|first| *first < 4);
        let receive = Receive::new(Protocol::Udp, source, self.address, bytes);
        let is_own = receive.is_ok_and(|receive| self.rtc.accepts(&Input::Receive(Instant::now(), receive)));
        if is_own || !is_stun {
            self.input(Some((bytes, source)));
        }
    }
}

/// A peer that offers Opus, VP8 and mostly a data channel, all in both directions. It vanishes with the value.
pub struct Str0mPeer {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    drivers: Vec<tokio::task::JoinHandle<()>>,
    audio: Mid,
    video: Mid,
    offered: Mutex<Option<SdpPendingOffer>>,
}

impl Str0mPeer {
    /// A peer at an address of this machine, and its offer.
    pub async fn new(address: IpAddr) -> (Self, String) {
        Self::with(address, true).await
    }

    /// The same without a data channel.
    pub async fn media_only(address: IpAddr) -> (Self, String) {
        Self::with(address, false).await
    }

    async fn with(address: IpAddr, data: bool) -> (Self, String) {
        let socket = Arc::new(UdpSocket::bind((address, 0)).await.expect("a socket"));
        let (mut peer, offer) = Self::on(socket, data);
        peer.drivers.push(tokio::spawn(drive(peer.state.clone(), peer.changed.clone())));
        (peer, offer)
    }

    /// Two peers on one socket. STUN finds its own by ufrag or transaction; everything else is given to both, and their keys
    /// tell whose it was. So their handshakes have to follow each other.
    pub async fn two(address: IpAddr) -> [(Self, String); 2] {
        let socket = Arc::new(UdpSocket::bind((address, 0)).await.expect("a socket"));
        let mut both = [Self::on(socket.clone(), true), Self::on(socket.clone(), true)];
        let states = [both[0].0.state.clone(), both[1].0.state.clone()];
        for (peer, _) in &mut both {
            peer.drivers.push(tokio::spawn(let_time_pass(peer.state.clone(), peer.changed.clone())));
        }
        both[1].0.drivers.push(tokio::spawn(async move {
            let mut buffer = vec![0; 2048];
            loop {
                let Ok((length, source)) = socket.recv_from(&mut buffer).await else { continue };
                for state in &states {
                    state.lock().unwrap().input_if_own(&buffer[..length], source);
                }
            }
        }));
        both
    }

    fn on(socket: Arc<UdpSocket>, data: bool) -> (Self, String) {
        let address = socket.local_addr().expect("an address");
        let now = Instant::now();
        let rtc = Rtc::builder()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_rtp_mode(true)
            .build(now);
        let mut state = State {
            rtc,
            socket,
            address,
            deadline: now,
            received: Received::default(),
            channel: None,
            open: false,
        };
        state.change(|rtc| rtc.add_local_candidate(candidate(address)).is_some());
        let (audio, video, channel, (offer, pending)) = state.change(|rtc| {
            let mut change = rtc.sdp_api();
            let audio = change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
            let video = change.add_media(MediaKind::Video, Direction::SendRecv, None, None, None);
            let channel = data.then(|| change.add_channel("data".into()));
            (audio, video, channel, change.apply().expect("an offer"))
        });
        state.channel = channel;
        let (state, changed) = (Arc::new(Mutex::new(state)), Arc::new(Notify::new()));
        let offered = Mutex::new(Some(pending));
        (Str0mPeer { state, changed, drivers: Vec::new(), audio, video, offered }, offer.to_sdp_string())
    }

    fn change<T>(&self, mutation: impl FnOnce(&mut Rtc) -> T) -> T {
        let result = self.state.lock().unwrap().change(mutation);
        self.changed.notify_one();
        result
    }

    pub fn accept(&self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).expect("an answer");
        let pending = self.offered.lock().unwrap().take().expect("an offer");
        self.change(|rtc| rtc.sdp_api().accept_answer(pending, answer)).expect("an answer that fits");
    }

    /// Moves to another address, and offers an ICE restart from there.
    pub async fn move_to(&self, address: IpAddr) -> String {
        let socket = Arc::new(UdpSocket::bind((address, 0)).await.expect("a socket"));
        let address = socket.local_addr().expect("an address");
        let (offer, pending): (SdpOffer, _) = {
            let mut state = self.state.lock().unwrap();
            let old = candidate(state.address);
            (state.socket, state.address) = (socket, address);
            state.change(|rtc| rtc.direct_api().invalidate_candidate(&old));
            state.change(|rtc| rtc.add_local_candidate(candidate(address)).is_some());
            state.change(|rtc| {
                let mut change = rtc.sdp_api();
                change.ice_restart(true);
                change.apply().expect("an offer")
            })
        };
        *self.offered.lock().unwrap() = Some(pending);
        self.changed.notify_one();
        offer.to_sdp_string()
    }

    /// Sends one audio and one video packet that carry `number`.
    pub fn send_media(&self, number: u32) {
        let sequence = number.into();
        self.send_packet(OPUS_PAYLOAD_TYPE, sequence, number * 960, true, opus(number).to_vec());
        self.send_packet(VP8_PAYLOAD_TYPE, sequence, number * 1800, true, vp8(number).to_vec());
    }

    /// Sends one packet of the medium that the payload type belongs to; the sequence number counts on beyond 16 bits.
    pub fn send_packet(
        &self,
        payload_type: u8,
        sequence: u64,
        timestamp: u32,
        marker: bool,
        payload: Vec<u8>,
    ) {
        let mid = if payload_type == OPUS_PAYLOAD_TYPE { self.audio } else { self.video };
        self.change(|rtc| {
            let mut api = rtc.direct_api();
            let stream = api.stream_tx_by_mid(mid, None).expect("a stream");
            let packet =
                RtpWrite::new(payload_type.into(), sequence.into(), timestamp, Instant::now(), payload);
            stream.write_rtp(packet.marker(marker).nackable(true));
        });
    }

    /// Sends bytes over the data channel.
    ///
    /// # Panics
    /// When it is not open, see [`Self::is_open`].
    pub fn send_data(&self, bytes: &[u8]) {
        let channel = self.state.lock().unwrap().channel.expect("a data channel");
        assert!(
            self.change(|rtc| rtc.channel(channel).expect("a channel").write(true, bytes))
                .expect("a channel")
        );
    }

    pub fn is_open(&self) -> bool {
        self.state.lock().unwrap().open
    }

    pub fn received(&self) -> Received {
        self.state.lock().unwrap().received.clone()
    }

    pub fn address(&self) -> SocketAddr {
        self.state.lock().unwrap().address
    }

    /// Sends the close alert of DTLS.
    pub fn close(&self) {
        let _ = self.change(|rtc| rtc.close());
    }
}

impl Drop for Str0mPeer {
    fn drop(&mut self) {
        self.drivers.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// As [`drive`], for one whose socket is read by somebody else.
async fn let_time_pass(state: Arc<Mutex<State>>, changed: Arc<Notify>) {
    loop {
        let deadline = state.lock().unwrap().deadline.max(Instant::now() + Duration::from_millis(1));
        tokio::select! {
            () = sleep_until(deadline.into()) => state.lock().unwrap().input(None),
            () = changed.notified() => {}
        }
    }
}

async fn drive(state: Arc<Mutex<State>>, changed: Arc<Notify>) {
    let mut buffer = vec![0; 2048];
    loop {
        let (socket, deadline) = {
            let state = state.lock().unwrap();
            (state.socket.clone(), state.deadline)
        };
        // The engine may name a moment in the past; give the others their turn.
        let deadline = deadline.max(Instant::now() + Duration::from_millis(1));
        tokio::select! {
            result = socket.recv_from(&mut buffer) => if let Ok((length, source)) = result {
                state.lock().unwrap().input(Some((&buffer[..length], source)));
            },
            () = sleep_until(deadline.into()) => state.lock().unwrap().input(None),
            () = changed.notified() => {}
        }
    }
}

fn candidate(address: SocketAddr) -> Candidate {
    Candidate::host(address, "udp").expect("a candidate")
}
