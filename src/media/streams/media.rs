//! The media of one PeerConnection: running state beside each negotiated medium, and the tables to find it by.

use super::{Layer, Sender};
use crate::media::prefetch::prefetch;
use crate::media::types::{MediaKind, MediumConfig, Mindex};
use crate::rtp::VideoCodec;

/// Where each layer is after a negotiation; `None`: nowhere.
type Moves = [Option<usize>; 3];

/// Remote SSRCs remembered per medium, former ones among them.
const MAX_REMOTE_SSRCS: usize = 12;

/// One m-line: what was negotiated, and what happened since.
#[derive(Debug)]
pub struct Medium {
    pub config: MediumConfig,
    /// The first packet in either direction fixes these three.
    pub payload_type: Option<u8>,
    pub rtx_payload_type: Option<u8>,
    pub codec: Option<String>,
    /// The same, for key frame detection.
    pub(super) video_codec: Option<VideoCodec>,
    /// Lowest simulcast layer first; one without simulcast.
    pub layers: Vec<Layer>,
    pub sender: Sender,
}

impl Medium {
    fn new(config: MediumConfig) -> Medium {
        let nothing_yet = MediumConfig {
            remote_ssrc: [0; 3],
            remote_ssrc_rtx: [0; 3],
            rids: [None, None, None],
            ..config.clone()
        };
        let mut medium = Medium {
            config: nothing_yet,
            payload_type: None,
            rtx_payload_type: None,
            codec: None,
            video_codec: None,
            layers: Vec::new(),
            sender: Sender::default(),
        };
        medium.negotiated(config);
        medium
    }

    /// Takes over a new negotiation; what was learned and is not contradicted stays. Returns where each layer is now.
    fn negotiated(&mut self, config: MediumConfig) -> Moves {
        let moves = self.move_layers(&config);
        let former = std::mem::replace(&mut self.config, config);
        let config = &self.config;
        for (index, layer) in self.layers.iter_mut().enumerate() {
            if config.remote_ssrc[index] != former.remote_ssrc[index] {
                layer.ssrc = config.remote_ssrc[index];
            }
            if config.remote_ssrc_rtx[index] != former.remote_ssrc_rtx[index]
                || config.remote_ssrc[index] != former.remote_ssrc[index]
            {
                layer.ssrc_rtx = config.remote_ssrc_rtx[index];
            }
        }
        let named = |config: &MediumConfig, payload_type: u8| {
            config.codecs.iter().find(|(pt, _)| *pt == payload_type).map(|(_, name)| name.clone())
        };
        if let Some(payload_type) = self.payload_type
            && named(config, payload_type) != named(&former, payload_type)
        {
            // It stands for another codec now.
            self.payload_type = None;
        } else if let Some(payload_type) = self.payload_type {
            self.rtx_payload_type = self.rtx_for(payload_type);
        }
        moves
    }

    /// As many layers as are signalled. One that is known by its rid goes where its rid stands now.
    fn move_layers(&mut self, config: &MediumConfig) -> Moves {
        let signalled = |layer: usize| config.rids[layer].is_some() || config.remote_ssrc[layer] != 0;
        let layers = (1..3).rev().find(|&layer| signalled(layer)).map_or(1, |layer| layer + 1);
        let mut moves: Moves = [None; 3];
        for (from, to) in moves.iter_mut().enumerate().take(self.layers.len()) {
            let place = match (&self.config.rids[from], config.rids.iter().any(Option::is_some)) {
                (rid @ Some(_), true) => config.rids.iter().position(|known| known == rid),
                // From or to a medium without rids there is only one that may be the same.
                _ => Some(from),
            };
            *to = place.filter(|place| *place < layers);
        }
        let mut former: Vec<_> = std::mem::take(&mut self.layers).into_iter().map(Some).collect();
        // Of a range: not one more than needed.
        self.layers = Vec::from_iter((0..layers).map(|layer| {
            let from = moves.iter().position(|to| *to == Some(layer));
            from.and_then(|from| former[from].take()).unwrap_or_else(|| Layer::new(config.kind))
        }));
        moves
    }

    /// Fetches what sending a packet needs besides the medium itself.
    pub fn prefetch(&self) {
        prefetch(self.config.mid.as_bytes());
        prefetch(&*self.config.clock_rates);
        if let Some(layer) = self.layers.first() {
            prefetch(&layer.statistics.sent_packets_since_last_rr);
        }
        self.sender.history.prefetch();
    }

    /// Fetches what RTCP about it needs besides the medium itself.
    pub fn prefetch_for_rtcp(&self) {
        self.layers.first().into_iter().for_each(prefetch);
    }

    pub fn video(&self) -> bool {
        self.config.kind == MediaKind::Video
    }

    pub fn simulcast(&self) -> bool {
        self.layers.len() > 1
    }

    /// RFC 4588 payload type that repairs `payload_type`.
    pub fn rtx_for(&self, payload_type: u8) -> Option<u8> {
        self.config.rtx_payload_types.iter().find(|(pt, _)| *pt == payload_type).map(|(_, rtx)| *rtx)
    }

    pub fn is_rtx(&self, payload_type: u8) -> bool {
        self.config.rtx_payload_types.iter().any(|(_, rtx)| *rtx == payload_type)
    }

    /// Whether what we send is repaired with RTX rather than by sending the same packet again.
    pub fn sends_rtx(&self) -> bool {
        self.video() && self.config.ssrc_rtx != 0 && !self.config.rtx_payload_types.is_empty()
    }

    /// Hz.
    pub fn clock_rate(&self, payload_type: u8) -> u32 {
        let negotiated = self.config.clock_rates.iter().find(|(pt, _)| *pt == payload_type);
        negotiated.map_or(if self.video() { 90_000 } else { 48_000 }, |(_, rate)| *rate)
    }

    /// MP-161: the first packet in either direction fixes the codec, by the local description.
    pub fn learn_codec(&mut self, payload_type: u8) {
        if self.payload_type.is_some() || self.is_rtx(payload_type) {
            return;
        }
        self.payload_type = Some(payload_type);
        self.rtx_payload_type = self.rtx_for(payload_type);
        let codec = self.config.codecs.iter().find(|(pt, _)| *pt == payload_type);
        self.codec = codec.map(|(_, name)| name.clone());
        self.video_codec = self.codec.as_ref().and_then(|name| VideoCodec::from_name(name.as_bytes()));
    }
}

/// Whose SSRC it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Index into [`Media`], stable for the life of the PeerConnection.
    pub medium: usize,
    pub layer: usize,
    pub rtx: bool,
    /// Ours, not the peer's.
    pub local: bool,
}

/// SSRCs that a new negotiation takes away without naming another one in their place. One that is only replaced stays
/// known: packets of it are still on their way.
fn withdrawn(former: &MediumConfig, config: &MediumConfig) -> Vec<u32> {
    let remote = |c: &MediumConfig| c.remote_ssrc.into_iter().chain(c.remote_ssrc_rtx);
    let mut gone: Vec<u32> = remote(former)
        .zip(remote(config))
        .filter(|(old, new)| *old != 0 && *new == 0)
        .map(|(old, _)| old)
        .collect();
    for (old, new) in [(former.ssrc, config.ssrc), (former.ssrc_rtx, config.ssrc_rtx)] {
        if old != new {
            gone.push(old);
        }
    }
    gone
}

#[derive(Debug, Default)]
pub struct Media {
    /// In the order of their creation, which is that of the m-lines. None is ever removed.
    media: Vec<Medium>,
    /// Sorted by SSRC.
    by_ssrc: Vec<(u32, Binding)>,
}

impl Media {
    /// Takes over a negotiation. Media that it does not mention stay as they are. Returns those (by index) that were
    /// received before and no longer are.
    pub fn negotiated(&mut self, configs: Vec<MediumConfig>) -> Vec<usize> {
        let mut stopped = Vec::new();
        for config in configs {
            match self.index(config.mindex) {
                Some(index) => {
                    if self.media[index].config.recv && !config.recv {
                        stopped.push(index);
                    }
                    self.negotiated_again(index, config);
                }
                None => {
                    // There are few m-lines, and a place that stays empty is as large as one.
                    self.media.reserve_exact(1);
                    self.media.push(Medium::new(config));
                }
            }
        }
        // What descriptions name goes before what packets told, whichever medium that was in.
        for signalled in [false, true] {
            for medium in self.indices() {
                self.insert_known(medium, signalled);
            }
        }
        self.indices().for_each(|medium| self.forget_former(medium));
        stopped
    }

    fn negotiated_again(&mut self, index: usize, config: MediumConfig) {
        let medium = &mut self.media[index];
        let mut withdrawn = withdrawn(&medium.config, &config);
        let moves = if medium.config.kind == config.kind {
            medium.negotiated(config)
        } else {
            // The m-line is used again for another kind of media.
            withdrawn.extend([medium.config.ssrc, medium.config.ssrc_rtx]);
            *medium = Medium::new(config);
            [None; 3]
        };
        self.by_ssrc.retain_mut(|(ssrc, binding)| {
            if binding.medium != index {
                return true;
            }
            if withdrawn.contains(ssrc) {
                return false;
            }
            if binding.local {
                return true;
            }
            let place = moves[binding.layer];
            binding.layer = place.unwrap_or(0);
            place.is_some()
        });
    }

    fn insert_known(&mut self, medium: usize, signalled: bool) {
        let Medium { config, layers, .. } = &self.media[medium];
        let mut known = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let ssrcs = [
                (layer.ssrc, config.remote_ssrc[index], false),
                (layer.ssrc_rtx, config.remote_ssrc_rtx[index], true),
            ];
            for (ssrc, named, rtx) in ssrcs {
                if (ssrc == named) == signalled {
                    known.push((ssrc, Binding { medium, layer: index, rtx, local: false }));
                }
            }
        }
        if signalled {
            let local = |ssrc, rtx| (ssrc, Binding { medium, layer: 0, rtx, local: true });
            known.extend([local(config.ssrc, false), local(config.ssrc_rtx, true)]);
        }
        known
            .into_iter()
            .filter(|(ssrc, _)| *ssrc != 0)
            .for_each(|(ssrc, binding)| self.insert(ssrc, binding));
    }

    /// Remembers a remote SSRC and makes it the current one of its layer. Only for authenticated packets.
    pub fn bind(&mut self, ssrc: u32, binding: Binding) {
        let layer = &mut self.media[binding.medium].layers[binding.layer];
        let current = if binding.rtx { &mut layer.ssrc_rtx } else { &mut layer.ssrc };
        *current = ssrc;
        self.insert(ssrc, binding);
        self.forget_former(binding.medium);
    }

    /// Keeps only the current SSRCs of a medium when it had too many.
    fn forget_former(&mut self, medium: usize) {
        let remote = |binding: &Binding| binding.medium == medium && !binding.local;
        if self.by_ssrc.iter().filter(|(_, binding)| remote(binding)).count() > MAX_REMOTE_SSRCS {
            let layers = &self.media[medium].layers;
            let current = |ssrc: u32| layers.iter().any(|layer| layer.ssrc == ssrc || layer.ssrc_rtx == ssrc);
            self.by_ssrc.retain(|(ssrc, binding)| !remote(binding) || current(*ssrc));
        }
    }

    fn insert(&mut self, ssrc: u32, binding: Binding) {
        match self.by_ssrc.binary_search_by_key(&ssrc, |(known, _)| *known) {
            // A peer cannot take over an SSRC of ours.
            Ok(at) if self.by_ssrc[at].1.local && !binding.local => {}
            Ok(at) => self.by_ssrc[at].1 = binding,
            Err(at) => self.by_ssrc.insert(at, (ssrc, binding)),
        }
    }

    pub fn by_ssrc(&self, ssrc: u32) -> Option<Binding> {
        let at = self.by_ssrc.binary_search_by_key(&ssrc, |(known, _)| *known).ok()?;
        Some(self.by_ssrc[at].1)
    }

    /// Fetches what [`Media::by_ssrc`] reads; peers have few SSRCs.
    pub fn prefetch_ssrcs(&self) {
        self.by_ssrc.iter().take(4).for_each(prefetch);
    }

    pub fn by_mid(&self, mid: &[u8]) -> Option<usize> {
        self.media.iter().position(|medium| medium.config.mid.as_bytes() == mid)
    }

    /// MP-010: −1 addresses the last created medium of the type, any other number an m-line.
    pub fn find(&self, mindex: Mindex, video: bool) -> Option<usize> {
        if mindex >= 0 {
            return self.index(mindex);
        }
        let kind = if video { MediaKind::Video } else { MediaKind::Audio };
        self.media.iter().rposition(|medium| medium.config.kind == kind)
    }

    fn index(&self, mindex: Mindex) -> Option<usize> {
        // Nearly always the m-line at its own place.
        let usual = usize::try_from(mindex).ok()?;
        match self.media.get(usual) {
            Some(medium) if medium.config.mindex == mindex => Some(usual),
            _ => self.media.iter().position(|medium| medium.config.mindex == mindex),
        }
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Medium> {
        self.media.iter()
    }

    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Medium> {
        self.media.iter_mut()
    }

    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.media.capacity()
    }

    pub fn indices(&self) -> std::ops::Range<usize> {
        0..self.media.len()
    }
}

impl std::ops::Index<usize> for Media {
    type Output = Medium;

    fn index(&self, index: usize) -> &Medium {
        &self.media[index]
    }
}

impl std::ops::IndexMut<usize> for Media {
    fn index_mut(&mut self, index: usize) -> &mut Medium {
        &mut self.media[index]
    }
}
