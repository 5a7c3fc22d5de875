//! A subscriber of a videoroom, by hand: every packet is seen as it came, also when it comes twice, and RTCP can be sent at
//! will.

use crate::api::Handle;
use crate::dtls::Keys;
use crate::exact::Packet;
use crate::hand_peer::HandPeer;
use crate::rtcp;
use rtc::rtp;
use rtc::shared::marshal::Unmarshal;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a step of the handshake may take before it is tried again.
const PATIENCE: Duration = Duration::from_millis(1100);
const LARGEST: usize = 2048;
/// Bytes of the socket's buffer: a machine that is busy elsewhere for a moment loses nothing.
const LARGE_BUFFER: usize = 4 << 20;
const SMALL_BUFFER: usize = 64 << 10;
/// The second byte of SRTCP (RFC 5761 §4).
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 192..=223;

/// One medium of the offer.
#[derive(Clone, Debug)]
pub struct Stream {
    pub ssrc: u32,
    pub rtx_ssrc: Option<u32>,
}

/// All that came.
#[derive(Default)]
struct Received {
    /// With their SSRCs, in order of arrival.
    packets: Vec<(u32, Packet)>,
    /// The last sender report of each SSRC, as a report block names it (LSR, RFC 3550 §6.4.1).
    reports: HashMap<u32, u32>,
}

impl Received {
    /// # Panics
    /// When the datagram does not pass: nobody but the server knows the address.
    fn take(&mut self, keys: &mut Keys, datagram: &[u8]) {
        if datagram.get(1).is_some_and(|kind| RTCP_TYPES.contains(kind)) {
            let plain = keys.receive.decrypt_rtcp(datagram).expect("an authentic packet");
            self.reports.extend(rtcp::sender_reports(&plain));
            return;
        }
        let plain = keys.receive.decrypt_rtp(datagram).expect("an authentic packet");
        let packet = rtp::Packet::unmarshal(&mut &plain[..]).expect("a packet");
        let rtp::Header { sequence_number: sequence, timestamp, marker, ssrc, .. } = packet.header;
        let payload = packet.payload.to_vec();
        self.packets.push((ssrc, Packet { sequence, timestamp, marker, payload }));
    }
}

enum Command {
    Read(bool),
    Rtcp(Vec<u8>),
    Close,
}

/// It vanishes with the value.
pub struct Viewer {
    pub handle: Handle,
    /// In the order of the offer: for each feed audio, then video.
    pub streams: Vec<Stream>,
    received: Arc<Mutex<Received>>,
    commands: mpsc::UnboundedSender<Command>,
    driver: JoinHandle<()>,
}

impl Viewer {
    /// Subscribes to all streams of the feeds, in one PeerConnection, and waits until it is up.
    pub async fn watch(handle: Handle, room: u64, feeds: &[u64]) -> Self {
        Self::subscribe(handle, room, feeds, true).await
    }

    /// The same, but nothing of what comes is kept, or even decrypted.
    pub async fn ignore(handle: Handle, room: u64, feeds: &[u64]) -> Self {
        Self::subscribe(handle, room, feeds, false).await
    }

    async fn subscribe(handle: Handle, room: u64, feeds: &[u64], keep: bool) -> Self {
        let streams: Vec<_> = feeds.iter().map(|feed| json!({"feed": feed})).collect();
        let join = json!({"request": "join", "ptype": "subscriber", "room": room, "streams": streams});
        let reply = handle.message(join, None).await;
        let offer = reply["jsep"]["sdp"].as_str().unwrap_or_else(|| panic!("no offer in {reply}"));
        let peer = HandPeer::new(offer).await;
        peer.set_buffer(LARGE_BUFFER);
        let answer = json!({"type": "answer", "sdp": peer.answer()});
        let (commands, requests) = mpsc::unbounded_channel();
        let received = Arc::<Mutex<Received>>::default();
        let driver = tokio::spawn(drive(peer, requests, keep.then(|| received.clone())));
        let viewer = Viewer { handle, streams: parse(offer), received, commands, driver };
        viewer.handle.message(json!({"request": "start"}), Some(answer)).await;
        viewer.handle.event("webrtcup").await;
        viewer
    }

    /// Whether to read the socket. While it is not read, nothing is answered either, and the kernel keeps little.
    pub fn read(&self, whether: bool) {
        self.command(Command::Read(whether));
    }

    /// Sends a compound packet, protected.
    pub fn send_rtcp(&self, packet: Vec<u8>) {
        self.command(Command::Rtcp(packet));
    }

    /// Sends the close alert of DTLS.
    pub fn close(&self) {
        self.command(Command::Close);
    }

    fn command(&self, command: Command) {
        self.commands.send(command).expect("a peer that lives");
    }

    /// What came with this SSRC so far.
    pub fn received(&self, ssrc: u32) -> Vec<Packet> {
        let received = self.received.lock().unwrap();
        received.packets.iter().filter(|(of, _)| *of == ssrc).map(|(_, packet)| packet.clone()).collect()
    }

    /// How many packets came with this SSRC so far.
    pub fn count(&self, ssrc: u32) -> usize {
        self.received.lock().unwrap().packets.iter().filter(|(of, _)| *of == ssrc).count()
    }

    /// What the sender's last report about this SSRC is known by, see [`rtcp::report`].
    pub fn last_report(&self, ssrc: u32) -> Option<u32> {
        self.received.lock().unwrap().reports.get(&ssrc).copied()
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn drive(
    mut peer: HandPeer,
    mut commands: mpsc::UnboundedReceiver<Command>,
    received: Option<Arc<Mutex<Received>>>,
) {
    let mut buffer = [0; LARGEST];
    while !peer.is_complete() {
        // The server begins, with its connectivity checks.
        if timeout(PATIENCE, peer.receive(&mut buffer)).await.is_err() {
            peer.check().await;
        }
        peer.handshake().await;
    }
    let mut keys = peer.keys();
    let mut reading = true;
    loop {
        tokio::select! {
            datagram = peer.receive(&mut buffer), if reading => {
                if let (Some(datagram), Some(received)) = (datagram, &received) {
                    received.lock().unwrap().take(&mut keys, datagram);
                }
            }
            command = commands.recv() => match command {
                Some(Command::Read(whether)) => {
                    reading = whether;
                    peer.set_buffer(if reading { LARGE_BUFFER } else { SMALL_BUFFER });
                }
                Some(Command::Rtcp(packet)) => {
                    peer.send(&keys.send.encrypt_rtcp(&packet).expect("a compound packet")).await;
                }
                Some(Command::Close) => peer.close().await,
                None => return,
            }
        }
    }
}

/// The streams of an offer, in its order.
fn parse(offer: &str) -> Vec<Stream> {
    let media = offer.split("\r\nm=").skip(1);
    media
        .map(|medium| {
            let number = |text: &str| text.parse().expect("an SSRC");
            let attributes =
                |name: &'static str| medium.lines().filter_map(move |line| line.strip_prefix(name));
            if let Some(group) = attributes("a=ssrc-group:FID ").next() {
                let (ssrc, rtx) = group.split_once(' ').expect("two SSRCs");
                return Stream { ssrc: number(ssrc), rtx_ssrc: Some(number(rtx)) };
            }
            let ssrc = attributes("a=ssrc:").next().and_then(|value| value.split(' ').next());
            Stream { ssrc: number(ssrc.unwrap_or_else(|| panic!("no SSRC in {medium}"))), rtx_ssrc: None }
        })
        .collect()
}
