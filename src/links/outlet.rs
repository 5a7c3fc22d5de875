//! Where packets for one peer go, and what is known of its media: read on the way of each packet, without a lock.
#![forbid(unsafe_code)]

use crate::core::jsep::{Medium, MediumKind};
use crate::media::{Mindex, Route, RtpOut};
use crate::modules::host::HandleHost;
use crate::sdp::codec::static_name;
use crate::sdp::{Direction, Mline};
use arc_swap::ArcSwap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// After so long, µs, the receiver's word about its path is forgotten.
const ESTIMATE_LASTS: i64 = 15_000_000;

#[derive(Default)]
pub struct Outlet {
    /// Kept up to date by the core.
    pub route: Route,
    handle: OnceLock<Weak<dyn HandleHost>>,
    facts: ArcSwap<Vec<Fact>>,
    /// Bit/s that the peer can take, as it says; and when it said so, monotonic µs.
    estimate: AtomicU32,
    estimated_at: AtomicI64,
    /// Video that is forwarded to it.
    pub videos: AtomicU32,
}

/// What negotiation has led to, of one m-line.
#[derive(Clone, Debug)]
pub struct Fact {
    pub kind: MediumKind,
    pub mid: String,
    pub send: bool,
    pub recv: bool,
    /// Payload types that we name, and their codecs, lower case.
    pub codecs: Vec<(u8, String)>,
    /// Of simulcast that the peer sends; else 1.
    pub layers: u8,
    pub ssrc: u32,
}

impl Fact {
    pub fn of(medium: &Medium) -> Fact {
        let rids = medium.rids.iter().flatten().count();
        let ssrcs = medium.remote_ssrc.iter().filter(|ssrc| **ssrc != 0).count();
        let layers = if rids > 0 { rids } else { ssrcs };
        Fact {
            kind: medium.kind,
            mid: medium.mid.clone().unwrap_or_default(),
            send: medium.send,
            recv: medium.recv,
            codecs: medium.codecs.iter().map(|(pt, name)| (*pt, name.clone())).collect(),
            layers: layers.clamp(1, 3) as u8,
            ssrc: medium.ssrc,
        }
    }

    /// Of an m-line of our own description, for who knows nothing but descriptions. `layers`: of simulcast.
    pub fn said(mline: &Mline, layers: u8) -> Fact {
        let on = mline.port > 0;
        let both = matches!(mline.direction, Direction::SendRecv | Direction::Default);
        let codec = |pt: &i32| {
            let named = mline.rtpmap(*pt).and_then(|rtpmap| rtpmap.split('/').next());
            let name = named.or_else(|| static_name(*pt))?.to_ascii_lowercase();
            Some((u8::try_from(*pt).ok()?, name))
        };
        Fact {
            kind: super::lines::kind_of(mline),
            mid: mline.value("mid").unwrap_or_default().to_owned(),
            send: on && (both || mline.direction == Direction::SendOnly),
            recv: on && (both || mline.direction == Direction::RecvOnly),
            codecs: mline.ptypes.iter().filter_map(codec).collect(),
            layers: layers.clamp(1, 3),
            ssrc: 0,
        }
    }

    pub fn video(&self) -> bool {
        self.kind == MediumKind::Video
    }
}

impl Outlet {
    /// Set once, before anybody knows the peer.
    pub fn belongs_to(&self, handle: Weak<dyn HandleHost>) {
        let _ = self.handle.set(handle);
    }

    pub fn handle(&self) -> Option<Arc<dyn HandleHost>> {
        self.handle.get()?.upgrade()
    }

    /// After each description.
    pub fn update(&self, facts: Vec<Fact>) {
        self.facts.store(Arc::new(facts));
    }

    pub fn with_fact<T>(&self, mindex: Mindex, look: impl FnOnce(&Fact) -> T) -> Option<T> {
        self.facts.load().get(usize::try_from(mindex).ok()?).map(look)
    }

    pub fn mindex_of(&self, mid: &str) -> Option<Mindex> {
        self.facts.load().iter().position(|fact| fact.mid == mid).map(|index| index as Mindex)
    }

    /// The payload type under which `name` is sent here; `usual` if that is one.
    fn payload_type(&self, mindex: Mindex, name: &str, usual: u8) -> Option<u8> {
        self.with_fact(mindex, |fact| {
            let mut same = fact.codecs.iter().filter(|(_, codec)| codec == name).map(|(pt, _)| *pt);
            let first = same.next()?;
            Some(if first == usual || same.any(|pt| pt == usual) { usual } else { first })
        })?
    }

    /// What a payload type of another peer is called here; `None` when it is not negotiated.
    pub fn translate(&self, mindex: Mindex, from: &Outlet, of: Mindex, payload_type: u8) -> Option<u8> {
        from.with_fact(of, |fact| {
            let (_, name) = fact.codecs.iter().find(|(pt, _)| *pt == payload_type)?;
            self.payload_type(mindex, name, payload_type)
        })?
    }

    pub fn relay(&self, packet: RtpOut<'_>) {
        if !self.route.relay_rtp(&packet)
            && let Some(handle) = self.handle()
        {
            handle.relay_rtp(packet);
        }
    }

    pub fn note_estimate(&self, now: i64, bits: u32) {
        self.estimate.store(bits, Ordering::Relaxed);
        self.estimated_at.store(now, Ordering::Relaxed);
    }

    /// What of the path is for each forwarded video, bit/s, if the peer says anything.
    pub fn share(&self, now: i64) -> Option<u64> {
        let at = self.estimated_at.load(Ordering::Relaxed);
        if at == 0 || now - at > ESTIMATE_LASTS {
            return None;
        }
        let videos = self.videos.load(Ordering::Relaxed).max(1);
        Some(u64::from(self.estimate.load(Ordering::Relaxed)) / u64::from(videos))
    }
}
