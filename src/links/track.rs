//! Tracks: media that a peer sends, and the links that forward it.
#![forbid(unsafe_code)]

use super::link::{Link, Seen};
use super::outlet::Outlet;
use crate::media::{Mindex, RtpIn};
use crate::rtp::header::FIXED_LEN;
use crate::rtp::{Header, VideoCodec, keyframe, vp8, vp9};
use crate::util::lock::packet_path;
use crate::util::{serial, time};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};

/// Requests for key frames of one source are at least so far apart, µs, however many receivers want one.
const BETWEEN_KEYFRAMES: i64 = 300_000;
/// Bytes of a payload that a link may write to: the descriptor of VP8.
const DESCRIPTOR: usize = 6;

pub struct Track {
    pub number: u64,
    mindex: Mindex,
    pub video: bool,
    from: Arc<Outlet>,
    links: ArcSwap<Vec<Arc<Link>>>,
    /// Of simulcast.
    layers: AtomicU8,
    /// Of the last payload type: `(1 << 16) | type << 8 | codec`.
    codec: AtomicU32,
    rates: Rates,
    keyframes: Keyframes,
}

impl Track {
    pub fn new(from: Arc<Outlet>, mindex: Mindex, video: bool) -> Track {
        Track {
            number: serial::next(),
            mindex,
            video,
            from,
            links: ArcSwap::default(),
            layers: 1.into(),
            codec: 0.into(),
            rates: Rates::default(),
            keyframes: Keyframes::default(),
        }
    }

    /// After a description of its peer.
    pub fn update(&self) {
        let layers = self.from.with_fact(self.mindex, |fact| fact.layers).unwrap_or(1);
        self.layers.store(layers, Ordering::Relaxed);
        self.codec.store(0, Ordering::Relaxed);
        self.links.load().iter().for_each(|link| link.is_stale());
    }

    pub fn add(&self, link: &Arc<Link>) {
        self.links.rcu(|links| [&links[..], std::slice::from_ref(link)].concat());
    }

    pub fn remove(&self, link: &Arc<Link>) {
        self.links
            .rcu(|links| links.iter().filter(|other| !Arc::ptr_eq(other, link)).cloned().collect::<Vec<_>>());
    }

    /// Nobody gets anything any more.
    pub fn end(&self) {
        self.links.swap(Arc::default()).iter().for_each(|link| link.set_source(0));
    }

    /// A packet of the peer, for all receivers. What it holds afterwards is what it held before.
    pub fn forward(&self, rtp: &mut RtpIn<'_>) {
        let links = self.links.load();
        if links.is_empty() {
            return;
        }
        let now = time::recent();
        let asks = packet_path(|| self.to_all(&links, rtp, now)).unwrap_or(false);
        if asks || self.keyframes.is_wanted() {
            self.ask_keyframe(now);
        }
    }

    fn to_all(&self, links: &[Arc<Link>], rtp: &mut RtpIn<'_>, now: i64) -> Option<bool> {
        let RtpIn { packet, extensions, layer, .. } = rtp;
        let head = *packet.first_chunk::<FIXED_LEN>()?;
        let header = Header::new(&**packet)?;
        let (at, payload_type) = (header.payload_start()?, header.payload_type());
        let payload = packet.get(at..).filter(|payload| !payload.is_empty())?;
        let codec = if self.video { self.codec_of(payload_type) } else { VideoCodec::None };
        let vp8 = (codec == VideoCodec::Vp8).then(|| vp8::Descriptor::parse(payload)).flatten();
        let vp9 = (codec == VideoCodec::Vp9).then(|| vp9::svc_info(payload).ok().flatten()).flatten();
        let layers = self.layers.load(Ordering::Relaxed);
        let spatial = vp9.map(|info| info.spatial_layer as usize);
        self.rates.count(now, spatial.unwrap_or((*layer).into()), packet.len());
        let seen = Seen {
            track: self.number,
            from: &self.from,
            mindex: self.mindex,
            video: self.video,
            codec,
            payload_type,
            keyframe: codec == VideoCodec::None || keyframe::is_keyframe(codec, payload),
            layer: *layer,
            layers,
            alive: self.rates.alive(),
            vp8,
            vp9,
            extensions: *extensions,
            now,
            rate: &|layer| self.rates.of(layer, layers == 1),
        };
        let mut descriptor = [0; DESCRIPTOR];
        let written = payload.len().min(DESCRIPTOR);
        descriptor[..written].copy_from_slice(&payload[..written]);
        let mut asks = false;
        for link in links {
            asks |= link.forward(&seen, packet);
            packet[..FIXED_LEN].copy_from_slice(&head);
            packet[at..at + written].copy_from_slice(&descriptor[..written]);
        }
        Some(asks)
    }

    #[inline]
    fn codec_of(&self, payload_type: u8) -> VideoCodec {
        let key = 1 << 16 | u32::from(payload_type) << 8;
        let known = self.codec.load(Ordering::Relaxed);
        if known & !0xff == key {
            return VideoCodec::from_number((known & 0xff) as i32).unwrap_or_default();
        }
        let found = self.from.with_fact(self.mindex, |fact| {
            let (_, name) = fact.codecs.iter().find(|(pt, _)| *pt == payload_type)?;
            VideoCodec::from_name(name.as_bytes())
        });
        let codec = found.flatten().unwrap_or_default();
        self.codec.store(key | codec as u32, Ordering::Relaxed);
        codec
    }

    /// Once in a while: a source that sends nothing is asked all the same.
    pub fn remind(&self, now: i64) {
        if self.keyframes.is_wanted() {
            self.ask_keyframe(now);
        }
    }

    /// Somebody wants a key frame: now, or as soon as the last request is old enough.
    pub fn ask_keyframe(&self, now: i64) {
        if self.video
            && self.keyframes.may_ask(now)
            && let Some(handle) = self.from.handle()
        {
            handle.send_pli(Some(self.mindex));
        }
    }
}

/// Requests for key frames of one source.
#[derive(Default)]
struct Keyframes {
    /// Monotonic µs.
    asked_at: AtomicI64,
    wanted: AtomicBool,
}

impl Keyframes {
    fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    fn may_ask(&self, now: i64) -> bool {
        let last = self.asked_at.load(Ordering::Relaxed);
        let due = now - last >= BETWEEN_KEYFRAMES;
        let mine =
            due && self.asked_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        self.wanted.store(!mine, Ordering::Relaxed);
        mine
    }
}

/// What comes, by layer. Written by the source's worker only.
#[derive(Default)]
struct Rates {
    since: AtomicI64,
    bytes: [AtomicU64; 3],
    /// Bit/s of the last second.
    bits: [AtomicU64; 3],
    /// Layers that came then, a bit for each.
    alive: AtomicU8,
}

const SECOND: i64 = 1_000_000;

impl Rates {
    fn count(&self, now: i64, layer: usize, bytes: usize) {
        let Some(counted) = self.bytes.get(layer) else { return };
        counted.store(counted.load(Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
        let elapsed = now - self.since.load(Ordering::Relaxed);
        if elapsed < SECOND {
            return;
        }
        let mut alive = 0;
        for (layer, (bytes, bits)) in self.bytes.iter().zip(&self.bits).enumerate() {
            let sum = bytes.swap(0, Ordering::Relaxed);
            // A first second that never began says nothing.
            let rate = if elapsed > 10 * SECOND { 0 } else { sum * 8 * SECOND as u64 / elapsed as u64 };
            bits.store(rate, Ordering::Relaxed);
            alive |= u8::from(rate > 0) << layer;
        }
        self.alive.store(alive, Ordering::Relaxed);
        self.since.store(now, Ordering::Relaxed);
    }

    /// 0 before the first second has ended, and after a long silence.
    fn alive(&self) -> u8 {
        self.alive.load(Ordering::Relaxed)
    }

    /// `stacked`: a layer comes with those below it.
    fn of(&self, layer: u8, stacked: bool) -> u64 {
        let layer = usize::from(layer).min(2);
        let own = self.bits[layer].load(Ordering::Relaxed);
        if !stacked || own == 0 {
            return own;
        }
        self.bits[..=layer].iter().map(|bits| bits.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_frames_are_asked_for_once_in_a_while() {
        let keyframes = Keyframes::default();
        assert!(keyframes.may_ask(1_000_000) && !keyframes.is_wanted());
        assert!(!keyframes.may_ask(1_299_999) && keyframes.is_wanted());
        assert!(keyframes.may_ask(1_300_000) && !keyframes.is_wanted());
    }

    #[test]
    fn rates_are_those_of_the_last_second() {
        let rates = Rates::default();
        rates.count(100 * SECOND, 0, 1);
        assert_eq!(rates.alive(), 0);
        for packet in 1..=100 {
            rates.count(100 * SECOND + packet * SECOND / 100, (packet % 2) as usize, 1000);
        }
        assert_eq!((rates.of(0, false), rates.of(1, false), rates.of(2, false)), (400_000, 400_000, 0));
        assert_eq!(rates.alive(), 0b011);
        assert_eq!((rates.of(1, true), rates.of(2, true)), (800_000, 0));
    }
}
