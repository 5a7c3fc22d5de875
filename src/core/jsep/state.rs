//! What the descriptions exchanged so far add up to (media-plane.md §1.3).

use crate::media::{ExtensionIds, MediaKind, MediumConfig, RemoteTransport};
use crate::rtp::extensions::Accepted;
use crate::util::random;
use std::collections::{BTreeMap, BTreeSet};

/// What an m-line is to us. `Unsupported` keeps its place so that indexes stay right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediumKind {
    Audio,
    Video,
    Data,
    Unsupported,
}

impl MediumKind {
    pub fn is_media(self) -> bool {
        matches!(self, MediumKind::Audio | MediumKind::Video)
    }

    fn for_engine(self) -> Option<MediaKind> {
        match self {
            MediumKind::Audio => Some(MediaKind::Audio),
            MediumKind::Video => Some(MediaKind::Video),
            MediumKind::Data => Some(MediaKind::Data),
            MediumKind::Unsupported => None,
        }
    }
}

/// Whether rids are listed highest first (`hml`, the default) or lowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RidOrder {
    #[default]
    Hml,
    Lmh,
}

/// How the peer writes its data m-line, and so how we answer (MP-039, MP-040).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataSyntax {
    /// `UDP/DTLS/SCTP` and `a=sctp-port`.
    SctpPort,
    /// `DTLS/SCTP` and `a=sctpmap`.
    SctpMap,
}

/// One m-line over the life of the PeerConnection.
#[derive(Clone, Debug)]
pub struct Medium {
    pub kind: MediumKind,
    /// The peer's, from its last offer; of a medium that a plugin offered, the first value (MP-006).
    pub mid: Option<String>,
    pub msid: Option<(String, String)>,
    pub remote_msid: Option<(String, String)>,
    pub send: bool,
    pub recv: bool,
    /// The peer's last description was an offer without this m-line (port 0), so an answer has to be without it, too.
    pub refused: bool,
    /// 0 = none.
    pub ssrc: u32,
    pub ssrc_rtx: u32,
    pub remote_ssrc: [u32; 3],
    pub remote_ssrc_rtx: [u32; 3],
    /// With rids, the first signalled SSRC is only a fallback (used when the answer drops rids).
    pub fallback_ssrc: u32,
    /// Slot 0 is the lowest layer.
    pub rids: [Option<String>; 3],
    /// Offered as paused (`~`), reported back.
    pub disabled_rids: BTreeSet<String>,
    pub rid_order: RidOrder,
    pub legacy_simulcast: bool,
    pub nacks: bool,
    pub clock_rates: BTreeMap<u8, u32>,
    pub rtx: BTreeMap<u8, u8>,
    pub codecs: BTreeMap<u8, String>,
    pub opus_red_pt: Option<u8>,
}

impl Medium {
    pub(super) fn new(kind: MediumKind) -> Medium {
        Medium {
            kind,
            mid: None,
            msid: None,
            remote_msid: None,
            send: false,
            recv: false,
            refused: false,
            ssrc: 0,
            ssrc_rtx: 0,
            remote_ssrc: [0; 3],
            remote_ssrc_rtx: [0; 3],
            fallback_ssrc: 0,
            rids: [None, None, None],
            disabled_rids: BTreeSet::new(),
            rid_order: RidOrder::Hml,
            legacy_simulcast: false,
            nacks: false,
            clock_rates: BTreeMap::new(),
            rtx: BTreeMap::new(),
            codecs: BTreeMap::new(),
            opus_red_pt: None,
        }
    }

    pub fn has_rids(&self) -> bool {
        self.rids.iter().any(Option::is_some)
    }

    /// Fresh local SSRCs where there are none (MP-008).
    pub(super) fn ensure_ssrc(&mut self, rtx: bool) {
        if !self.kind.is_media() {
            return;
        }
        if self.ssrc == 0 {
            self.ssrc = random_ssrc();
        }
        if rtx && self.kind == MediumKind::Video && self.ssrc_rtx == 0 {
            self.ssrc_rtx = random_ssrc();
        }
    }

    /// What only holds until the next offer.
    pub(super) fn begin_offer(&mut self) {
        self.nacks = false;
        self.clock_rates.clear();
        self.rtx.clear();
        self.opus_red_pt = None;
    }

    /// The peer sends nothing on this m-line any more; should it be used again, then for something else.
    pub(super) fn forget_streams(&mut self) {
        self.remote_ssrc = [0; 3];
        self.remote_ssrc_rtx = [0; 3];
        self.fallback_ssrc = 0;
    }

    /// An inactive m-line holds no SSRC (MP-009).
    pub(super) fn release_ssrc(&mut self) {
        self.ssrc = 0;
        self.ssrc_rtx = 0;
    }
}

fn random_ssrc() -> u32 {
    loop {
        let ssrc = random::u32();
        if ssrc != 0 {
            return ssrc;
        }
    }
}

/// What the plugin is told about a simulcast medium (CP-165, MP-046).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulcast {
    pub mindex: usize,
    pub mid: Option<String>,
    pub layers: SimulcastLayers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimulcastLayers {
    /// Highest first; the id of the rid extension when negotiated.
    Rids { rids: Vec<String>, extension: Option<u8> },
    /// Lowest first.
    Ssrcs(Vec<u32>),
}

/// The state of one PeerConnection's negotiation. Index into `media` = index of the m-line (MP-005).
#[derive(Clone, Debug, Default)]
pub struct Negotiation {
    pub media: Vec<Medium>,
    /// First mid of the description: the one that trickled candidates name (MP-105).
    pub bundle_mid: Option<String>,
    /// Index of that m-line: 0, unless the peer rejected the first ones.
    pub bundle_index: usize,
    /// RTP profile of the first audio or video m-line of the peer (MP-062), in its last offer.
    pub profile: Option<String>,
    pub extensions: ExtensionIds,
    /// What the last description of each side names.
    pub(super) named_by_peer: Accepted,
    pub(super) named_by_plugin: Accepted,
    pub data: Option<DataSyntax>,
    /// Of data, as the peer's last description with data says (RFC 8841 §6); 0: any.
    pub largest_message: Option<u64>,
    /// Retransmissions by RFC 4588.
    pub rtx_enabled: bool,
    /// Payload type → RTX payload type, over all m-lines.
    pub rtx: BTreeMap<u8, u8>,
    /// Every payload type seen.
    pub payload_types: BTreeSet<u8>,
    pub remote: Option<RemoteTransport>,
}

impl Negotiation {
    /// A PeerConnection that the peer offers.
    pub fn for_remote_offer() -> Negotiation {
        Negotiation::default()
    }

    /// A PeerConnection that a plugin offers: retransmissions are proposed.
    pub fn for_local_offer() -> Negotiation {
        Negotiation { rtx_enabled: true, ..Negotiation::default() }
    }

    /// For [`crate::media::Command::SetMedia`].
    pub fn media_configs(&self) -> Vec<MediumConfig> {
        self.media
            .iter()
            .enumerate()
            .filter_map(|(index, medium)| config(index, medium, self.rtx_enabled))
            .collect()
    }

    /// The extension values that both sides know of.
    pub fn accepted(&self) -> Accepted {
        Accepted::from_bits(self.named_by_peer.bits() & self.named_by_plugin.bits())
    }

    /// For the plugin's `jsep.simulcast`; empty when there is none.
    pub fn simulcast(&self) -> Vec<Simulcast> {
        let rid_extension = (self.extensions.rid > 0).then_some(self.extensions.rid);
        let mut all = Vec::new();
        for (mindex, medium) in self.media.iter().enumerate() {
            if medium.kind != MediumKind::Video {
                continue;
            }
            let layers = if medium.has_rids() {
                let rids = medium.rids.iter().rev().flatten().cloned().collect();
                SimulcastLayers::Rids { rids, extension: rid_extension }
            } else if medium.remote_ssrc[1] != 0 {
                SimulcastLayers::Ssrcs(medium.remote_ssrc.iter().copied().filter(|s| *s != 0).collect())
            } else {
                continue;
            };
            all.push(Simulcast { mindex, mid: medium.mid.clone(), layers });
        }
        all
    }
}

fn config(index: usize, medium: &Medium, rtx: bool) -> Option<MediumConfig> {
    Some(MediumConfig {
        mindex: index as i32,
        kind: medium.kind.for_engine()?,
        mid: medium.mid.clone().unwrap_or_default(),
        send: medium.send,
        recv: medium.recv,
        ssrc: medium.ssrc,
        ssrc_rtx: if rtx { medium.ssrc_rtx } else { 0 },
        remote_ssrc: medium.remote_ssrc,
        remote_ssrc_rtx: medium.remote_ssrc_rtx,
        rids: medium.rids.clone(),
        nacks: medium.nacks,
        clock_rates: medium.clock_rates.iter().map(|(pt, rate)| (*pt, *rate)).collect(),
        rtx_payload_types: if rtx {
            medium.rtx.iter().map(|(pt, r)| (*pt, *r)).collect()
        } else {
            Vec::new()
        },
        codecs: medium.codecs.iter().map(|(pt, name)| (*pt, name.clone())).collect(),
        opus_red_pt: medium.opus_red_pt,
    })
}
