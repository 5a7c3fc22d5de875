//! All clients and sources of one run, on one thread that wakes by the clock: sockets are read every few milliseconds,
//! many packets at a time, so that one core carries hundreds of viewers. The kernel's timestamps keep latencies exact.
#![forbid(unsafe_code)]

use crate::peer::{PAYLOAD, Peer, Totals, stamp};
use crate::sys::{Batch, Socket};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// From so many clients on, and for each of them, so much time passes from one look at all to the next.
const MANY: usize = 500;
const LOOK: Duration = Duration::from_micros(20);

/// How a source spreads its packets over time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pacing {
    /// The packets of a frame in one burst: 30 frames/s at 300 packets/s, 25 at 100.
    Frames,
    /// One packet at a time.
    Even,
}

/// Who sends what.
#[derive(Clone)]
pub enum From {
    /// Video of a client of the list.
    Peer(usize),
    /// Audio of a client of the list, packet by packet.
    Audio(usize),
    /// Plain RTP to a mountpoint of the streaming plugin.
    Plain(SocketAddr),
    /// Messages of a client of the list over its data channel.
    Messages(usize, Message),
}

/// A message of a data channel.
#[derive(Clone)]
pub enum Message {
    Binary(usize),
    Text(String),
}

struct Sender {
    from: From,
    period: Duration,
    packets: u32,
    next: Instant,
    number: u32,
    frames: u32,
}

pub struct World {
    pub peers: Vec<Peer>,
    pub totals: Totals,
    senders: Vec<Sender>,
    paused: bool,
    plain: Socket,
    batch: Batch,
    pacing: Pacing,
    pub gro: bool,
}

impl World {
    pub fn new(gro: bool, pacing: Pacing) -> Result<World, String> {
        Ok(World {
            peers: Vec::new(),
            totals: Totals::default(),
            senders: Vec::new(),
            paused: false,
            plain: Socket::new(false).map_err(|error| error.to_string())?,
            batch: Batch::new(gro),
            pacing,
            gro,
        })
    }

    /// From now on `from` sends `rate` packets per second, `burst` at once, or those of a frame. `phase` (0 to 1) staggers the
    /// sources.
    pub fn start_sender(&mut self, from: From, rate: u32, burst: Option<u32>, phase: f64) {
        let packets = match (self.pacing, burst) {
            _ if matches!(from, From::Audio(_) | From::Messages(..)) => 1,
            (Pacing::Even, _) => 1,
            (Pacing::Frames, Some(burst)) => burst,
            (Pacing::Frames, None) if rate >= 300 => rate.div_ceil(30),
            (Pacing::Frames, None) => rate.div_ceil(25),
        };
        let period = Duration::from_secs(1) * packets / rate;
        self.senders.push(Sender {
            from,
            period,
            packets,
            next: Instant::now() + period.mul_f64(phase),
            number: 0,
            frames: 0,
        });
    }

    /// Pauses all sources. Their numbers go on when they start again.
    pub fn stop_senders(&mut self) {
        self.paused = true;
    }

    pub fn resume_senders(&mut self) {
        self.paused = false;
        let now = Instant::now();
        let count = self.senders.len();
        for (i, sender) in self.senders.iter_mut().enumerate() {
            sender.next = now + sender.period.mul_f64(i as f64 / count as f64);
        }
    }

    /// Goes on for `duration`, reading every `tick`, and whenever something is sent; less often in a world of many, where a
    /// look at all sockets takes its time.
    pub fn run(&mut self, duration: Duration, tick: Duration) {
        let end = Instant::now() + duration;
        let pause = match self.peers.len() {
            few if few <= MANY => Duration::ZERO,
            many => LOOK * many as u32,
        };
        let mut looked: Option<Instant> = None;
        loop {
            let now = Instant::now();
            for sender in &mut self.senders {
                if !self.paused && now >= sender.next {
                    let frame = Frame { packets: sender.packets, number: sender.number, time: sender.time() };
                    let totals = &mut self.totals;
                    match &sender.from {
                        From::Peer(peer) => frame.by_peer(&mut self.peers[*peer], totals),
                        From::Audio(peer) => self.peers[*peer].send_audio(frame.number, frame.time, totals),
                        From::Plain(to) => frame.plain(&self.plain, *to, totals),
                        From::Messages(peer, Message::Binary(length)) => {
                            self.peers[*peer].say(true, &vec![0x5a; *length], totals);
                        }
                        From::Messages(peer, Message::Text(text)) => {
                            self.peers[*peer].say(false, text.as_bytes(), totals);
                        }
                    }
                    sender.number += sender.packets;
                    sender.frames += 1;
                    sender.next += sender.period;
                }
            }
            let is_over = Instant::now() >= end;
            if is_over || looked.is_none_or(|looked| looked.elapsed() >= pause) {
                looked = Some(Instant::now());
                for peer in &mut self.peers {
                    peer.turn(&mut self.batch, &mut self.totals);
                }
            }
            let now = Instant::now();
            if is_over || now >= end {
                return;
            }
            let senders = self.senders.iter().filter(|_| !self.paused);
            let next = senders.map(|sender| sender.next).min().unwrap_or(end);
            let wake = next.min(now + tick.max(pause)).min(end);
            std::thread::sleep(wake.saturating_duration_since(now));
        }
    }

    /// Runs until all clients are connected.
    pub fn connect(&mut self) -> Result<(), String> {
        self.until("connected", |peer| peer.connected)
    }

    /// Runs until all clients have an open data channel.
    pub fn open_channels(&mut self) -> Result<(), String> {
        self.until("its data channel", Peer::has_channel)
    }

    fn until(&mut self, what: &str, done: impl Fn(&Peer) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while let Some(peer) = self.peers.iter().position(|peer| !done(peer)) {
            if let Some(error) = self.failure() {
                return Err(error);
            }
            if Instant::now() > deadline {
                return Err(format!("client {peer} does not get {what}"));
            }
            self.run(Duration::from_millis(2), Duration::from_micros(500));
        }
        Ok(())
    }

    pub fn failure(&self) -> Option<String> {
        self.peers
            .iter()
            .enumerate()
            .find_map(|(i, peer)| Some(format!("client {i}: {}", peer.failed.as_ref()?)))
    }
}

impl Sender {
    /// On the clock of what it sends.
    fn time(&self) -> u32 {
        let clock = if matches!(self.from, From::Audio(_)) { 48_000.0 } else { 90_000.0 };
        (self.period.as_secs_f64() * clock * f64::from(self.frames)) as u32
    }
}

struct Frame {
    packets: u32,
    number: u32,
    time: u32,
}

impl Frame {
    fn by_peer(&self, peer: &mut Peer, totals: &mut Totals) {
        for i in 0..self.packets {
            peer.send(self.number + i, self.time, i == 0, i + 1 == self.packets, totals);
        }
    }

    fn plain(&self, socket: &Socket, to: SocketAddr, totals: &mut Totals) {
        for i in 0..self.packets {
            let mut packet = [0u8; 12 + PAYLOAD];
            let number = self.number + i;
            packet[0] = 0x80;
            packet[1] = 96 | if i + 1 == self.packets { 0x80 } else { 0 };
            packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&self.time.to_be_bytes());
            packet[8..12].copy_from_slice(&0x5eed_5eed_u32.to_be_bytes());
            packet[12] = 0x10;
            stamp(&mut packet[12..], number);
            let _ = socket.send(to, &packet);
            totals.sent += 1;
        }
    }
}
