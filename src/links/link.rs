//! Links: what one medium of a receiver gets of its source.
//!
//! The receiver sees one stream, whatever its source is: numbers go on without gaps, and a change of source or layer takes
//! place at a key frame. All of it happens on the worker of the source, for each receiver in turn, in the packet's own
//! buffer; payloads that are the same for many receivers stay the same, so that they are stored once.
#![forbid(unsafe_code)]

use super::layers::Judge;
use super::outlet::Outlet;
use crate::media::{Mindex, RtpOut};
use crate::rtp::av1::Av1Context;
use crate::rtp::simulcast::{Layers, Packet, Rules};
use crate::rtp::svc::SvcContext;
use crate::rtp::vp9::SvcInfo;
use crate::rtp::{Extensions, Header, SwitchingContext, VideoCodec, vp8};
use crate::util::lock::Lock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// How long a key frame is waited for before packets go out without one, µs: it may be one that we do not recognise.
const WITHOUT_KEYFRAME: i64 = 5_000_000;
/// Between two requests for one, µs: at first, and at most.
const RETRY: i64 = 500_000;
const MOST_RETRY: i64 = 16_000_000;
/// As many temporal layers as there are.
const ALL: i32 = 2;
/// No payload type.
const NONE: u8 = 0xff;

/// What a packet is, to all its receivers.
pub struct Seen<'a> {
    /// Its source.
    pub track: u64,
    pub from: &'a Outlet,
    pub mindex: Mindex,
    pub video: bool,
    /// `None` for audio, and for what we do not know.
    pub codec: VideoCodec,
    pub payload_type: u8,
    pub keyframe: bool,
    /// Of simulcast: which layer, and how many there are.
    pub layer: u8,
    pub layers: u8,
    /// Those that come at present, a bit for each; 0: not known yet.
    pub alive: u8,
    pub vp8: Option<vp8::Descriptor>,
    pub vp9: Option<SvcInfo>,
    pub extensions: Extensions<'a>,
    /// Monotonic µs.
    pub now: i64,
    /// Bit/s that go to a receiver of this layer.
    pub rate: &'a dyn Fn(u8) -> u64,
}

impl Seen<'_> {
    /// Whether there is a use in asking for a key frame of this layer. Browsers name more layers than a picture of its size
    /// has.
    fn comes(&self, layer: u8) -> bool {
        self.alive == 0 || self.alive & (1 << layer) != 0
    }

    /// The lowest layer of simulcast that comes.
    fn lowest(&self) -> u8 {
        if self.alive == 0 { 0 } else { self.alive.trailing_zeros() as u8 }
    }

    /// The highest of the `count` lowest ones that come; 0: of all.
    fn highest(&self, count: u8) -> u8 {
        let mut coming = (0..self.layers).filter(|layer| self.comes(*layer));
        let counted = if count == 0 { None } else { coming.nth(usize::from(count) - 1) };
        counted.unwrap_or(self.layers - 1)
    }
}

/// What the program asks of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// At most so many; 0: all.
    pub layers: u8,
    pub temporal: u8,
    pub paused: bool,
}

impl Wish {
    fn bits(self) -> u32 {
        u32::from(self.layers) | u32::from(self.temporal) << 8 | u32::from(self.paused) << 16
    }

    fn from_bits(bits: u32) -> Wish {
        Wish { layers: bits as u8, temporal: (bits >> 8) as u8, paused: bits >> 16 != 0 }
    }
}

pub struct Link {
    to: Arc<Outlet>,
    mindex: Mindex,
    pub video: bool,
    /// Number of the track that it gets; 0: none.
    source: AtomicU64,
    wish: AtomicU32,
    /// Payload types have to be looked up anew.
    stale: AtomicBool,
    /// Whoever has it is at a packet of the former source: nobody waits for that.
    state: Lock<State>,
}

impl Link {
    pub fn new(to: Arc<Outlet>, mindex: Mindex, video: bool) -> Link {
        Link {
            to,
            mindex,
            video,
            source: 0.into(),
            wish: 0.into(),
            stale: false.into(),
            state: Lock::new(State::default()),
        }
    }

    /// From now on packets of no other track are taken.
    pub fn set_source(&self, track: u64) {
        self.source.store(track, Ordering::Release);
    }

    pub fn set_wish(&self, wish: Wish) {
        self.wish.store(wish.bits(), Ordering::Relaxed);
    }

    pub fn wish(&self) -> Wish {
        Wish::from_bits(self.wish.load(Ordering::Relaxed))
    }

    /// One of both ends has negotiated.
    pub fn is_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// Sends a packet of its source on, if it is for this receiver; may write to its header and to its payload descriptor.
    /// True when the source should be asked for a key frame.
    #[inline]
    pub fn forward(&self, seen: &Seen<'_>, packet: &mut [u8]) -> bool {
        if self.source.load(Ordering::Acquire) != seen.track {
            return false;
        }
        let Some(mut state) = self.state.try_lock() else { return false };
        if self.stale.load(Ordering::Relaxed) {
            self.stale.store(false, Ordering::Relaxed);
            state.payload_type = (NONE, NONE);
        }
        if state.payload_type.0 != seen.payload_type {
            let known = self.to.translate(self.mindex, seen.from, seen.mindex, seen.payload_type);
            state.payload_type = (seen.payload_type, known.unwrap_or(NONE));
        }
        let share = || self.to.share(seen.now);
        let step = state.step(Ask { seen, wish: self.wish(), share: &share }, packet);
        drop(state);
        if step.send {
            let (mindex, video, extensions) = (self.mindex, seen.video, seen.extensions);
            self.to.relay(RtpOut { mindex, video, packet, extensions });
        }
        step.asks
    }
}

/// A packet as one receiver looks at it.
#[derive(Clone, Copy)]
struct Ask<'a> {
    seen: &'a Seen<'a>,
    wish: Wish,
    /// Bit/s of the receiver's path, if it says so.
    share: &'a dyn Fn() -> Option<u64>,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Step {
    send: bool,
    /// A key frame is needed.
    asks: bool,
}

struct State {
    /// The track that the rest is about.
    source: u64,
    paused: bool,
    /// Of the source, and here.
    payload_type: (u8, u8),
    numbering: SwitchingContext,
    pictures: Pictures,
    layers: Layers,
    /// Key frames without layers are waited for since then.
    waiting: Option<i64>,
    judge: Judge,
    asked_at: i64,
    retry: i64,
    av1: Option<Box<[Av1Context; 3]>>,
    svc: Option<Box<SvcContext>>,
}

impl Default for State {
    fn default() -> State {
        State {
            source: 0,
            paused: false,
            payload_type: (NONE, NONE),
            numbering: SwitchingContext::default(),
            pictures: Pictures::default(),
            layers: Layers::default(),
            waiting: None,
            judge: Judge::new(),
            asked_at: 0,
            retry: RETRY,
            av1: None,
            svc: None,
        }
    }
}

impl State {
    fn step(&mut self, ask: Ask<'_>, packet: &mut [u8]) -> Step {
        let Ask { seen, wish, .. } = ask;
        if self.payload_type.1 == NONE {
            return Step::default();
        }
        if wish.paused {
            self.paused = true;
            return Step::default();
        }
        let resumed = std::mem::take(&mut self.paused);
        if self.source != seen.track || resumed {
            self.begin(seen);
        }
        let step = if !seen.video {
            Step { send: true, asks: false }
        } else if seen.layers > 1 {
            self.simulcast(ask, packet)
        } else if seen.vp9.is_some()
            || seen.codec == VideoCodec::Av1 && !seen.extensions.dependency_descriptor.is_empty()
        {
            self.scalable(ask, packet)
        } else {
            self.plain(seen)
        };
        if step.send {
            self.numbering.header_update(packet, seen.video, seen.now);
            if let Some(descriptor) = &seen.vp8 {
                self.pictures.pass(descriptor, packet);
            }
            if let Some(mut header) = Header::new(packet) {
                header.set_payload_type(self.payload_type.1);
            }
        }
        step
    }

    /// Another source, or the same one after a pause: what comes next goes on where the receiver is.
    fn begin(&mut self, seen: &Seen<'_>) {
        self.source = seen.track;
        if self.numbering.last_time > 0 {
            (self.numbering.ts_reset, self.numbering.seq_reset) = (1, 1);
        }
        self.pictures.switched = true;
        self.layers = Layers::default();
        (self.av1, self.svc) = (None, None);
        self.waiting = Some(seen.now);
        self.judge = Judge::new();
        (self.asked_at, self.retry) = (0, RETRY);
    }

    /// Whether to ask for a key frame, as long as one is needed.
    fn asks(&mut self, now: i64) -> bool {
        let due = now - self.asked_at >= self.retry;
        if due {
            self.retry = if self.asked_at == 0 { RETRY } else { (2 * self.retry).min(MOST_RETRY) };
            self.asked_at = now;
        }
        due
    }

    fn plain(&mut self, seen: &Seen<'_>) -> Step {
        if let Some(since) = self.waiting {
            if !seen.keyframe && seen.now - since < WITHOUT_KEYFRAME {
                return Step { send: false, asks: self.asks(seen.now) };
            }
            self.waiting = None;
        }
        Step { send: true, asks: false }
    }

    /// The layer that is wanted, at most `most`; a new one is worth a request for a key frame at once.
    fn target(&mut self, ask: Ask<'_>, most: u8, before: i32) -> i32 {
        let Ask { seen, share, .. } = ask;
        let target = self.judge.look(seen.now, most, share(), seen.rate);
        let target = if seen.layers > 1 { target.max(seen.lowest()) } else { target };
        if i32::from(target) != before {
            (self.asked_at, self.retry) = (0, RETRY);
        }
        target.into()
    }

    fn simulcast(&mut self, ask: Ask<'_>, packet: &[u8]) -> Step {
        let Ask { seen, wish, .. } = ask;
        let target = self.target(ask, seen.highest(wish.layers), self.layers.substream_target);
        self.layers.substream_target = target;
        self.layers.templayer_target = temporal(wish);
        if wish.temporal == 0 && seen.codec == VideoCodec::Vp8 {
            // All, however many there are.
            self.layers.templayer = -1;
        }
        let av1 = (seen.codec == VideoCodec::Av1).then(|| &mut **self.av1.get_or_insert_default());
        let packet = Packet {
            data: packet,
            descriptor: seen.extensions.dependency_descriptor,
            codec: seen.codec,
            rid_ext_id: -1,
        };
        let (layer, numbering) = (usize::from(seen.layer), Some(&mut self.numbering));
        let send = self.layers.process(&packet, layer, av1, numbering, Rules::NATIVE, seen.now);
        self.pictures.switched |= self.layers.changed_substream != 0;
        let needed = self.layers.substream != target && seen.comes(target as u8);
        let asks = self.layers.need_pli != 0 || needed && self.asks(seen.now);
        Step { send, asks }
    }

    fn scalable(&mut self, ask: Ask<'_>, packet: &mut [u8]) -> Step {
        let Ask { seen, wish, .. } = ask;
        let before = self.svc.as_ref().map_or(-1, |svc| svc.spatial_target);
        let most = if wish.layers == 0 { 2 } else { (wish.layers - 1).min(2) };
        let target = self.target(ask, most, before);
        let svc = self.svc.get_or_insert_default();
        (svc.spatial_target, svc.temporal_target) = (target, temporal(wish));
        let descriptor = seen.extensions.dependency_descriptor;
        let numbering = Some(&mut self.numbering);
        let send = svc.process(packet, descriptor, seen.codec, seen.vp9.as_ref(), numbering, seen.now);
        // More than the source has is wanted for ever.
        let needed = svc.spatial < 0 || svc.spatial < target && (seen.rate)(target as u8) > 0;
        Step { send, asks: needed && self.asks(seen.now) }
    }
}

fn temporal(wish: Wish) -> i32 {
    if wish.temporal == 0 { ALL } else { i32::from(wish.temporal) - 1 }
}

/// Picture numbers of VP8, which a decoder expects to go on, too. As long as there was one source they stay as they are.
#[derive(Default)]
struct Pictures {
    numbering: vp8::SimulcastContext,
    started: bool,
    /// The next one is of another source or layer.
    switched: bool,
    rewrites: bool,
}

impl Pictures {
    fn pass(&mut self, found: &vp8::Descriptor, packet: &mut [u8]) {
        let switched = std::mem::take(&mut self.switched);
        if !std::mem::replace(&mut self.started, true) || !(self.rewrites || switched) {
            self.numbering.last_picid = found.picture_id.unwrap_or(0);
            self.numbering.last_tlzi = found.tl0_index.unwrap_or(0);
            return;
        }
        self.rewrites = true;
        if let Some(payload) = crate::rtp::header::payload_mut(packet) {
            self.numbering.update(payload, switched);
        }
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
