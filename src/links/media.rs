//! The media of one peer: what it sends (tracks), what it gets (links), and what the program sends itself.
#![forbid(unsafe_code)]

use super::fault::{Fault, Result};
use super::link::{Link, Wish};
use super::outlet::{Fact, Outlet};
use super::track::Track;
use crate::core::jsep::MediumKind;
use crate::media::{LARGEST_RTP, Mindex, RtpIn, RtpOut};
use crate::rtcp::compound::{self, AFB, FIR, FULL_INTRA, PLI, PSFB};
use crate::rtcp::remb;
use crate::rtp::{Extensions, Header};
use crate::util::lock::packet_path;
use crate::util::time;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

#[derive(Default)]
pub struct Media {
    pub outlet: Arc<Outlet>,
    /// By m-line.
    tracks: ArcSwap<Vec<Arc<Track>>>,
    links: ArcSwap<Vec<Option<Linked>>>,
}

/// A medium's link, and the track that it gets. Without one the link stays all the same: another source goes on with its
/// numbers, which the receiver has seen.
#[derive(Clone)]
struct Linked {
    link: Arc<Link>,
    track: Option<Arc<Track>>,
}

impl Linked {
    fn leave(&self) {
        self.link.set_source(0);
        if let Some(track) = &self.track {
            track.remove(&self.link);
        }
    }
}

impl Media {
    /// After each description: what is negotiated now, by m-line.
    pub fn update(&self, media: Vec<Fact>) {
        let kinds: Vec<_> = media.iter().map(|fact| fact.kind).collect();
        self.outlet.update(media);
        self.tracks.rcu(|tracks| {
            let mut all = Vec::clone(tracks);
            for (index, kind) in kinds.iter().enumerate() {
                let video = *kind == MediumKind::Video;
                let new = || Arc::new(Track::new(self.outlet.clone(), index as Mindex, video));
                match all.get_mut(index) {
                    None => all.push(new()),
                    // The m-line is used again for something else.
                    Some(track) if track.video != video => {
                        track.end();
                        *track = new();
                    }
                    Some(_) => {}
                }
            }
            all
        });
        self.tracks.load().iter().for_each(|track| track.update());
        self.links.load().iter().flatten().for_each(|linked| linked.link.is_stale());
    }

    pub fn incoming(&self, packet: &mut RtpIn<'_>) {
        let tracks = self.tracks.load();
        if let Some(track) = usize::try_from(packet.mindex).ok().and_then(|index| tracks.get(index)) {
            track.forward(packet);
        }
    }

    /// The peer wants a key frame; false when what it gets is the program's own.
    pub fn wants_keyframe(&self, mindex: Mindex) -> bool {
        let links = self.links.load();
        let linked = usize::try_from(mindex).ok().and_then(|index| links.get(index)?.as_ref());
        let Some(track) = linked.and_then(|linked| linked.track.as_ref()) else { return false };
        track.ask_keyframe(time::recent());
        true
    }

    /// Key frames of everything that it gets: it has just come up.
    pub fn want_all(&self) {
        let now = time::monotonic();
        for track in self.links.load().iter().flatten().filter_map(|linked| linked.track.as_ref()) {
            track.ask_keyframe(now);
        }
    }

    /// What could not be asked for at once.
    pub fn remind(&self, now: i64) {
        self.tracks.load().iter().for_each(|track| track.remind(now));
    }

    fn track(&self, mindex: Mindex) -> Result<Arc<Track>> {
        let found = usize::try_from(mindex).ok().and_then(|index| self.tracks.load().get(index).cloned());
        let is_media = |mindex| self.outlet.with_fact(mindex, |fact| fact.kind.is_media()).unwrap_or(false);
        found.filter(|_| is_media(mindex)).ok_or_else(|| no_medium(mindex))
    }

    /// What `from` sends comes to this medium of ours. One change at a time: the caller sees to that.
    pub fn link(&self, mindex: Mindex, from: &Media, of: Mindex, wish: Wish) -> Result<()> {
        let track = from.track(of)?;
        let index = usize::try_from(mindex).map_err(|_| no_medium(mindex))?;
        let video =
            self.outlet.with_fact(mindex, |fact| fact.kind.is_media().then(|| fact.video())).flatten();
        let video = video.ok_or_else(|| no_medium(mindex))?;
        if track.video != video {
            return Err(Fault::invalid("audio and video cannot be linked"));
        }
        let present = self.links.load().get(index).cloned().flatten();
        let link = match &present {
            Some(present) => present.link.clone(),
            None => Arc::new(Link::new(self.outlet.clone(), mindex, video)),
        };
        link.set_wish(wish);
        let former = present.as_ref().and_then(|present| present.track.as_ref());
        if former.is_none_or(|former| !Arc::ptr_eq(former, &track)) {
            if let Some(former) = former {
                former.remove(&link);
            }
            link.set_source(track.number);
            track.add(&link);
        }
        self.set(index, Linked { link, track: Some(track.clone()) });
        track.ask_keyframe(time::monotonic());
        Ok(())
    }

    /// Nothing comes to this medium by itself any more.
    pub fn unlink(&self, mindex: Mindex) -> Result<()> {
        let index = usize::try_from(mindex).map_err(|_| no_medium(mindex))?;
        let linked = self.links.load().get(index).cloned().flatten().filter(|linked| linked.track.is_some());
        let linked = linked.ok_or_else(|| Fault::Missing(format!("medium {mindex} has no link")))?;
        linked.leave();
        self.set(index, Linked { link: linked.link, track: None });
        Ok(())
    }

    fn set(&self, index: usize, linked: Linked) {
        self.links.rcu(|links| {
            let mut all = Vec::clone(links);
            if all.len() <= index {
                all.resize(index + 1, None);
            }
            all[index] = Some(linked.clone());
            all
        });
        let is_sent = |link: &&Linked| link.link.video && link.track.is_some() && !link.link.wish().paused;
        let videos = self.links.load().iter().flatten().filter(is_sent).count();
        self.outlet.videos.store(videos as u32, Ordering::Relaxed);
    }

    /// The peer has gone: nobody gets anything of it, and it gets nothing.
    pub fn end(&self) {
        self.tracks.load().iter().for_each(|track| track.end());
        self.links.swap(Arc::default()).iter().flatten().for_each(Linked::leave);
    }

    pub fn is_linked(&self, mindex: Mindex) -> bool {
        let links = self.links.load();
        let linked = usize::try_from(mindex).ok().and_then(|index| links.get(index)?.as_ref());
        linked.is_some_and(|linked| linked.track.is_some())
    }

    pub fn link_count(&self) -> usize {
        self.links.load().iter().flatten().filter(|linked| linked.track.is_some()).count()
    }

    /// A packet of the program's; without allocation or lock.
    pub fn send(&self, mindex: Mindex, packet: &[u8]) -> Result<()> {
        let video = self.may_send(mindex)?;
        if packet.len() > LARGEST_RTP {
            let why = format!("RTP of {} bytes: {LARGEST_RTP} is the most", packet.len());
            return Err(Fault::TooLarge(why));
        }
        if Header::new(packet).and_then(|header| header.payload_start()).is_none() {
            return Err(Fault::invalid("the packet is no RTP"));
        }
        let extensions = Extensions::default();
        packet_path(|| self.outlet.relay(RtpOut { mindex, video, packet, extensions }));
        Ok(())
    }

    /// The same of RTCP; what the library sends by itself is left out.
    pub fn send_rtcp(&self, mindex: Mindex, packet: &[u8]) -> Result<()> {
        let video =
            self.outlet.with_fact(mindex, |fact| fact.kind.is_media().then(|| fact.video())).flatten();
        let video = video.ok_or_else(|| no_medium(mindex))?;
        if packet.len() > LARGEST_RTP {
            return Err(Fault::TooLarge(format!("RTCP of {} bytes", packet.len())));
        }
        if !crate::rtcp::is_rtcp(packet) {
            return Err(Fault::invalid("the packet is no RTCP"));
        }
        if let Some(handle) = self.outlet.handle() {
            handle.relay_rtcp(mindex, video, packet);
        }
        Ok(())
    }

    pub fn ask_keyframe(&self, mindex: Mindex) -> Result<()> {
        let track = self.track(mindex)?;
        if !track.video {
            return Err(Fault::invalid(format!("medium {mindex} is no video")));
        }
        track.ask_keyframe(time::recent());
        Ok(())
    }

    fn may_send(&self, mindex: Mindex) -> Result<bool> {
        let found = self.outlet.with_fact(mindex, |fact| (fact.kind.is_media(), fact.video(), fact.send));
        match found {
            Some((true, video, true)) => Ok(video),
            Some((true, ..)) => Err(Fault::State(format!("medium {mindex} sends nothing"))),
            _ => Err(no_medium(mindex)),
        }
    }
}

/// What a receiver says in RTCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub wants_keyframe: bool,
    /// Bit/s that it can take.
    pub estimate: Option<u32>,
}

pub fn heard(packet: &[u8]) -> Heard {
    let mut heard = Heard::default();
    for block in compound::blocks(packet) {
        let bytes = block.bytes(packet);
        match (block.packet_type, block.count) {
            (PSFB, PLI | FULL_INTRA) | (FIR, _) => heard.wants_keyframe = true,
            (PSFB, AFB) if remb::is_remb(bytes) => heard.estimate = Some(remb::bitrate(bytes)),
            _ => {}
        }
    }
    heard
}

fn no_medium(mindex: Mindex) -> Fault {
    Fault::Missing(format!("there is no audio or video at m-line {mindex}"))
}
