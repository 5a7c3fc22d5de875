//! One client: a PeerConnection of str0m over a socket of its own.
#![forbid(unsafe_code)]

use crate::sys::{Batch, Socket, realtime_ns};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{DatagramRecv, Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};

/// RTP payload, so that with header, extensions and SRTP tag a datagram has about 1200 bytes.
pub const PAYLOAD: usize = 1160;
/// Of an audio packet: Opus at 32 kbit/s, 20 ms.
pub const AUDIO_PAYLOAD: usize = 80;
const MARK: u32 = 0x6a72_7362;
/// `Full` clients get every packet; of the others only one in so many is decrypted, the rest is counted by its header.
pub const SAMPLE: u16 = 16;

/// How a client treats what it receives.
#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    /// Everything goes through str0m, which asks for what is missing.
    Full,
    /// Steady state at little cost: no NACK.
    Sampled,
}

/// What the clients together have seen since the last reset.
#[derive(Default)]
pub struct Totals {
    /// RTP packets in the order of their arrival, before artificial loss; messages of data channels.
    pub received: u64,
    /// Datagrams and the reads that brought them: together the mean length of a train.
    pub datagrams: u64,
    pub messages: u64,
    /// Packets withheld, by the side that withheld them.
    pub dropped_here: u64,
    pub dropped_sent: u64,
    /// First deliveries and repetitions of decrypted packets.
    pub unique: u64,
    pub repeated: u64,
    /// From the sender's `write` to the receiver's kernel, µs.
    pub latency_us: Vec<u32>,
    /// Bytes of the largest RTP datagram received.
    pub datagram_bytes: usize,
    pub sent: u64,
}

/// A small generator of numbers, the same in each run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn percent(&mut self, percent: f64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        percent > 0.0 && (self.0 >> 11) as f64 / (1u64 << 53) as f64 * 100.0 < percent
    }
}

/// One moment on two clocks: that of the kernel's timestamps, and that of str0m.
struct Clock {
    instant: Instant,
    ns: u64,
}

impl Clock {
    fn instant(&self, ns: u64) -> Instant {
        self.instant + Duration::from_nanos(ns.saturating_sub(self.ns))
    }

    fn ns(&self, instant: Instant) -> u64 {
        self.ns + instant.saturating_duration_since(self.instant).as_nanos() as u64
    }
}

/// What a publisher sends.
struct Source {
    mid: Mid,
    pt: u8,
    sequence: u64,
}

impl Source {
    fn of(mid: Mid) -> Source {
        Source { mid, pt: 0, sequence: 1000 }
    }
}

/// Payload types in a description.
#[derive(Default)]
struct Types {
    vp8: Option<u8>,
    opus: Option<u8>,
}

impl Types {
    fn of(sdp: &str) -> Types {
        let of = |codec: &str| {
            let line = sdp.lines().find(|line| line.starts_with("a=rtpmap:") && line.contains(codec))?;
            line["a=rtpmap:".len()..].split(' ').next()?.parse().ok()
        };
        Types { vp8: of(" VP8/"), opus: of(" opus/") }
    }

    fn has(&self, pt: u8) -> bool {
        self.vp8 == Some(pt) || self.opus == Some(pt)
    }
}

/// What an offer asks for.
#[derive(Clone, Copy)]
pub struct Wanted {
    pub direction: Direction,
    pub audio: bool,
}

pub struct Peer {
    rtc: Rtc,
    socket: Socket,
    next: Instant,
    pub connected: bool,
    pub failed: Option<String>,
    mode: Mode,
    /// Artificial loss in percent: of what arrives, of what is sent.
    pub loss: (f64, f64),
    dice: Dice,
    clock: Clock,
    pending: Option<SdpPendingOffer>,
    video: Option<Source>,
    audio: Option<Source>,
    types: Types,
    /// The data channel, once it is open.
    channel: Option<ChannelId>,
    /// Which numbers of which sender have been seen (`Full` only).
    seen: Vec<(u32, Vec<bool>)>,
    /// Senders that are no longer asked for what is missing, so that most of their packets need not be decrypted.
    sampled: Vec<u32>,
}

impl Peer {
    pub fn new(mode: Mode, gro: bool, seed: u64) -> Result<Peer, String> {
        let socket = Socket::new(gro).map_err(|error| error.to_string())?;
        let now = Instant::now();
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .enable_vp8(true)
            .enable_opus(true, false)
            .set_rtp_mode(true)
            .build(now);
        let candidate = Candidate::host(socket.address, "udp").map_err(|error| error.to_string())?;
        rtc.add_local_candidate(candidate);
        Ok(Peer {
            rtc,
            socket,
            next: now,
            connected: false,
            failed: None,
            mode,
            loss: (0.0, 0.0),
            dice: Dice::new(seed),
            clock: Clock { instant: now, ns: realtime_ns() },
            pending: None,
            video: None,
            audio: None,
            types: Types::default(),
            channel: None,
            seen: Vec::new(),
            sampled: Vec::new(),
        })
    }

    /// An offer with one video stream, and audio before it if wanted.
    pub fn offer(&mut self, wanted: Wanted) -> Result<String, String> {
        let mut changes = self.rtc.sdp_api();
        let mut media = |kind| Source::of(changes.add_media(kind, wanted.direction, None, None, None));
        self.audio = wanted.audio.then(|| media(MediaKind::Audio));
        self.video = Some(media(MediaKind::Video));
        let (offer, pending) = changes.apply().ok_or("nothing to offer")?;
        self.pending = Some(pending);
        Ok(offer.to_sdp_string())
    }

    /// An offer with nothing but a data channel.
    pub fn offer_channel(&mut self, label: &str) -> Result<String, String> {
        let mut changes = self.rtc.sdp_api();
        changes.add_channel(label.to_owned());
        let (offer, pending) = changes.apply().ok_or("nothing to offer")?;
        self.pending = Some(pending);
        Ok(offer.to_sdp_string())
    }

    pub fn accept_answer(&mut self, sdp: &str) -> Result<(), String> {
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(|error| format!("{error}\n{sdp}"))?;
        let pending = self.pending.take().ok_or("no offer was made")?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| error.to_string())?;
        self.learn(sdp);
        Ok(())
    }

    pub fn answer(&mut self, sdp: &str) -> Result<String, String> {
        let offer = SdpOffer::from_sdp_string(sdp).map_err(|error| format!("{error}\n{sdp}"))?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|error| error.to_string())?;
        self.learn(sdp);
        Ok(answer.to_sdp_string())
    }

    fn learn(&mut self, sdp: &str) {
        self.types = Types::of(sdp);
        for (source, pt) in [(&mut self.video, self.types.vp8), (&mut self.audio, self.types.opus)] {
            if let (Some(source), Some(pt)) = (source, pt) {
                source.pt = pt;
            }
        }
        self.next = Instant::now();
    }

    /// Opens a data channel over what is negotiated already.
    pub fn open_channel(&mut self, label: &str) {
        let config = ChannelConfig { label: label.to_owned(), ..ChannelConfig::default() };
        self.rtc.direct_api().create_data_channel(config);
        self.next = Instant::now();
    }

    /// Whether a message can be sent.
    pub fn has_channel(&self) -> bool {
        self.channel.is_some()
    }

    /// Sends a message over the data channel.
    pub fn say(&mut self, binary: bool, message: &[u8], totals: &mut Totals) {
        let Some(mut channel) = self.channel.and_then(|id| self.rtc.channel(id)) else { return };
        match channel.write(binary, message) {
            Ok(true) => totals.sent += 1,
            Ok(false) => self.failed = Some("the data channel is full".into()),
            Err(error) => self.failed = Some(error.to_string()),
        }
        self.timeout(Instant::now(), totals);
    }

    /// Sends one packet of audio: `time` on the 48 kHz clock.
    pub fn send_audio(&mut self, number: u32, time: u32, totals: &mut Totals) {
        let mut payload = [0u8; AUDIO_PAYLOAD];
        stamp(&mut payload, number);
        self.write(false, time, number == 0, &payload, totals);
    }

    /// Sends one packet of a frame: `time` on the 90 kHz clock, the first one with a keyframe's header.
    pub fn send(&mut self, number: u32, time: u32, first: bool, last: bool, totals: &mut Totals) {
        let mut payload = [0u8; PAYLOAD];
        if first {
            // RFC 7741: start of partition 0; a keyframe of 640x480 with its start code.
            payload[..11].copy_from_slice(&[0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01]);
        }
        stamp(&mut payload, number);
        self.write(true, time, last, &payload, totals);
    }

    fn write(&mut self, video: bool, time: u32, marker: bool, payload: &[u8], totals: &mut Totals) {
        let Some(source) = (if video { &mut self.video } else { &mut self.audio }) else { return };
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(source.mid, None) else { return };
        let packet =
            RtpWrite::new(Pt::from(source.pt), source.sequence.into(), time, Instant::now(), payload);
        stream.write_rtp(packet.marker(marker).nackable(video));
        source.sequence += 1;
        totals.sent += 1;
        self.timeout(Instant::now(), totals);
    }

    /// Reads what has arrived and does what is due.
    pub fn turn(&mut self, batch: &mut Batch, totals: &mut Totals) {
        loop {
            let count = self.socket.receive(batch);
            for i in 0..count {
                let message = batch.message(i);
                totals.messages += 1;
                for datagram in message.bytes.chunks(message.segment) {
                    totals.datagrams += 1;
                    self.datagram(message.from, datagram, message.received_ns, totals);
                }
            }
            if count < batch.capacity() {
                break;
            }
        }
        let now = Instant::now();
        if now >= self.next {
            self.timeout(now, totals);
        }
    }

    fn datagram(&mut self, from: SocketAddr, datagram: &[u8], received_ns: u64, totals: &mut Totals) {
        let rtp = datagram.len() > 12 && datagram[0] >> 6 == 2 && !(192..224).contains(&datagram[1]);
        if rtp && self.types.has(datagram[1] & 0x7f) {
            totals.received += 1;
            totals.datagram_bytes = totals.datagram_bytes.max(datagram.len());
            let sequence = u16::from_be_bytes([datagram[2], datagram[3]]);
            let ssrc = u32::from_be_bytes([datagram[8], datagram[9], datagram[10], datagram[11]]);
            if !sequence.is_multiple_of(SAMPLE) && self.sampled.contains(&ssrc) {
                return;
            }
        }
        if rtp && self.dice.percent(self.loss.0) {
            totals.dropped_here += 1;
            return;
        }
        let Ok(contents) = DatagramRecv::try_from(datagram) else { return };
        let receive =
            Receive { proto: Protocol::Udp, source: from, destination: self.socket.address, contents };
        // str0m hands the time on with the packet, whenever it delivers it.
        if let Err(error) = self.rtc.handle_input(Input::Receive(self.clock.instant(received_ns), receive)) {
            self.failed = Some(error.to_string());
        }
        self.poll(totals);
    }

    fn timeout(&mut self, now: Instant, totals: &mut Totals) {
        if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
            self.failed = Some(error.to_string());
        }
        self.poll(totals);
    }

    fn poll(&mut self, totals: &mut Totals) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(next)) => {
                    self.next = next;
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    let first = transmit.contents.first().copied().unwrap_or(0);
                    let second = transmit.contents.get(1).copied().unwrap_or(0);
                    let rtp = first >> 6 == 2 && !(192..224).contains(&second);
                    if rtp && self.dice.percent(self.loss.1) {
                        totals.dropped_sent += 1;
                    } else if let Err(error) = self.socket.send(transmit.destination, &transmit.contents) {
                        self.failed = Some(error.to_string());
                    }
                }
                Ok(Output::Event(event)) => self.event(event, totals),
                Err(error) => {
                    self.failed = Some(error.to_string());
                    self.next = Instant::now() + Duration::from_secs(3600);
                    return;
                }
            }
        }
    }

    fn event(&mut self, event: Event, totals: &mut Totals) {
        match event {
            Event::Connected => self.connected = true,
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                self.failed = Some("ICE: disconnected".into());
            }
            Event::ChannelOpen(id, _) => self.channel = Some(id),
            Event::ChannelData(_) => totals.received += 1,
            Event::RtpPacket(packet) => {
                let ssrc = packet.header.ssrc;
                if self.mode == Mode::Sampled
                    && !self.sampled.contains(&*ssrc)
                    && let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc)
                {
                    stream.suppress_nack(true);
                    self.sampled.push(*ssrc);
                }
                self.delivered(&packet, totals);
            }
            _ => {}
        }
    }

    fn delivered(&mut self, packet: &RtpPacket, totals: &mut Totals) {
        let Some((number, sent_ns)) = read_stamp(&packet.payload) else { return };
        if self.mode == Mode::Full {
            let ssrc = *packet.header.ssrc;
            let index = self.seen.iter().position(|(seen, _)| *seen == ssrc).unwrap_or_else(|| {
                self.seen.push((ssrc, Vec::new()));
                self.seen.len() - 1
            });
            let seen = &mut self.seen[index].1;
            if seen.len() <= number as usize {
                seen.resize(number as usize + 1024, false);
            }
            if std::mem::replace(&mut seen[number as usize], true) {
                totals.repeated += 1;
                return;
            }
            totals.unique += 1;
        }
        let received_ns = self.clock.ns(packet.timestamp);
        if received_ns > sent_ns {
            totals.latency_us.push(((received_ns - sent_ns) / 1000).min(u32::MAX as u64) as u32);
        }
    }
}

/// Writes the time and the packet's number at the end.
pub fn stamp(payload: &mut [u8], number: u32) {
    let end = payload.len();
    payload[end - 16..end - 8].copy_from_slice(&realtime_ns().to_be_bytes());
    payload[end - 8..end - 4].copy_from_slice(&number.to_be_bytes());
    payload[end - 4..].copy_from_slice(&MARK.to_be_bytes());
}

fn read_stamp(payload: &[u8]) -> Option<(u32, u64)> {
    let tail: &[u8; 16] = payload.last_chunk()?;
    let (time, rest) = tail.split_first_chunk::<8>()?;
    let (number, mark) = rest.split_first_chunk::<4>()?;
    (*mark == MARK.to_be_bytes()).then(|| (u32::from_be_bytes(*number), u64::from_be_bytes(*time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_read_back() {
        let mut payload = [0; 40];
        let before = realtime_ns();
        stamp(&mut payload, 77);
        let (number, time) = read_stamp(&payload).unwrap();
        assert_eq!(number, 77);
        assert!((before..=realtime_ns()).contains(&time));
        payload[39] ^= 1;
        assert_eq!(read_stamp(&payload), None);
        assert_eq!(read_stamp(&payload[..15]), None);
    }

    #[test]
    fn dice_keep_their_rate() {
        let mut dice = Dice::new(3);
        let hits = (0..100_000).filter(|_| dice.percent(2.0)).count();
        assert!((1800..2200).contains(&hits), "{hits}");
        assert!(!(0..1000).any(|_| dice.percent(0.0)));
    }

    #[test]
    fn payload_types_are_found() {
        let types = Types::of("v=0\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 VP8/90000\r\n");
        assert_eq!((types.opus, types.vp8), (Some(111), Some(101)));
        assert!(types.has(101) && !types.has(96));
    }
}
