//! A received RTP packet, before and after decryption (media-plane.md §5).

use super::loss::{Asked, Losses, Memory, Nacks};
use super::{Binding, Layer, Medium, Streams};
use crate::media::clock::Clock;
use crate::media::counts::{Direction, Reason};
use crate::media::types::Mindex;
use crate::rtcp::Context;
use crate::rtcp::context::Incoming;
use crate::rtp::{Extensions, Header, header_ext};

/// Largest dependency descriptor that a plugin can be given (MP-157).
pub const MAX_DESCRIPTOR: usize = 255;

/// Where a packet belongs, by its header, which is not encrypted. Believe it only after decryption succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub binding: Binding,
    pub ssrc: u32,
    /// The SSRC was not known before.
    new: bool,
}

/// Why a packet goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The header contradicts itself.
    Malformed,
    /// MP-142: neither the SSRC nor a mid nor the payload type says which medium it is.
    Unknown,
    /// Negotiation says that nothing is received on this medium (MP-146).
    NotReceived,
    /// MP-152: a retransmission of something that was not asked for, often a bandwidth probe.
    NotAskedFor,
    /// It was asked for, and has come already (MP-153).
    Duplicate,
}

impl From<Dropped> for Reason {
    fn from(why: Dropped) -> Reason {
        match why {
            Dropped::Malformed => Reason::Malformed,
            Dropped::Unknown => Reason::UnknownStream,
            Dropped::NotReceived => Reason::NotReceived,
            Dropped::NotAskedFor => Reason::NotAskedFor,
            Dropped::Duplicate => Reason::Duplicate,
        }
    }
}

/// A packet for the plugin, after its header was rewritten in place.
#[derive(Debug)]
pub struct Received<'a> {
    pub mindex: Mindex,
    pub video: bool,
    /// Of simulcast.
    pub layer: u8,
    /// Of the packet; less than before when RTX was unwrapped.
    pub len: usize,
    pub extensions: Extensions<'a>,
    /// To be asked for with [`Streams::nack`].
    pub nacks: Option<(Binding, Nacks)>,
}

impl Streams {
    /// Before decryption: finds medium, direction and layer. Changes nothing, because the packet may be forged.
    pub fn route(&self, packet: &[u8]) -> Result<Route, Dropped> {
        let header = Header::new(packet).ok_or(Dropped::Malformed)?;
        header.payload_start().ok_or(Dropped::Malformed)?;
        let ssrc = header.ssrc();
        let (binding, new) = match self.media.by_ssrc(ssrc) {
            Some(binding) => (binding, false),
            None => (self.by_extensions(packet, header.payload_type()).ok_or(Dropped::Unknown)?, true),
        };
        if binding.local {
            return Err(Dropped::Unknown);
        }
        if !self.media[binding.medium].config.recv {
            return Err(Dropped::NotReceived);
        }
        Ok(Route { binding, ssrc, new })
    }

    /// MP-143 … MP-145: mid names the medium, rid or repaired rid the layer.
    fn by_extensions(&self, packet: &[u8], payload_type: u8) -> Option<Binding> {
        let text =
            |id: u8| if id > 0 { header_ext::find(packet, id).and_then(header_ext::text) } else { None };
        let Some(mid) = text(self.ids.mid) else { return self.by_payload_type(payload_type) };
        let medium = self.media.by_mid(mid)?;
        let Medium { config, layers, .. } = &self.media[medium];
        let layer_of = |rid: &[u8]| {
            let same = |known: &Option<String>| known.as_ref().is_some_and(|known| known.as_bytes() == rid);
            config.rids.iter().position(same).filter(|layer| *layer < layers.len())
        };
        let has_rids = config.rids.iter().any(Option::is_some);
        let (layer, rtx) = if !has_rids || self.ids.rid == 0 {
            (0, self.media[medium].is_rtx(payload_type))
        } else if let Some(rid) = text(self.ids.rid) {
            (layer_of(rid)?, false)
        } else {
            (layer_of(text(self.ids.repaired_rid)?)?, true)
        };
        Some(Binding { medium, layer, rtx, local: false })
    }

    /// RFC 8843 §9.2: without mid, a payload type that only one medium has names it; its layers need rids.
    fn by_payload_type(&self, payload_type: u8) -> Option<Binding> {
        let has = |medium: &Medium| {
            medium.is_rtx(payload_type) || medium.config.codecs.iter().any(|(pt, _)| *pt == payload_type)
        };
        let mut having = self.media.iter().enumerate().filter(|(_, medium)| has(medium));
        let (index, medium) = having.next()?;
        let sole = having.next().is_none() && !medium.simulcast() && medium.config.rids[0].is_none();
        sole.then(|| Binding { medium: index, layer: 0, rtx: medium.is_rtx(payload_type), local: false })
    }

    /// After decryption of the packet that `route` was made from: updates all state and makes the packet what the
    /// plugin shall see (§5.5). `descriptor` is room for a copy of the dependency descriptor, so that the plugin may write
    /// into the packet.
    pub fn receive<'a>(
        &mut self,
        now: Clock,
        route: Route,
        packet: &mut [u8],
        descriptor: &'a mut [u8; MAX_DESCRIPTOR],
    ) -> Result<Received<'a>, Dropped> {
        let header = Header::new(&*packet).ok_or(Dropped::Malformed)?;
        let payload_at = header.payload_start().ok_or(Dropped::Malformed)?;
        let (payload_type, ssrc) = (header.payload_type(), header.ssrc());
        let binding = route.binding;
        if route.new {
            self.media.bind(ssrc, binding);
        }
        self.note_transport_sequence(now, packet);
        let ids = self.ids;
        let medium = &mut self.media[binding.medium];
        let video = medium.video();
        let has_rtx = video && !medium.config.rtx_payload_types.is_empty();
        let layer = &mut medium.layers[binding.layer];
        if !binding.rtx {
            layer.ssrc = ssrc;
        }

        let mut len = packet.len();
        if binding.rtx {
            let repaired =
                repaired_by(&medium.config.rtx_payload_types, payload_type).or(medium.payload_type);
            let repaired = repaired.ok_or(Dropped::NotAskedFor)?;
            if layer.ssrc == 0 {
                return Err(Dropped::NotAskedFor);
            }
            len = unwrap_rtx(packet, payload_at, repaired, layer.ssrc).ok_or(Dropped::NotAskedFor)?;
            if ids.rid > 1 && ids.repaired_rid > 1 {
                header_ext::replace_id(&mut packet[..len], ids.repaired_rid, ids.rid);
            }
        }
        let packet = &mut packet[..len];
        let original = Header::new(&*packet).ok_or(Dropped::Malformed)?;
        let (sequence, ssrc) = (original.sequence(), original.ssrc());
        let payload_type = original.payload_type();

        if layer.numbering.last_ssrc != ssrc && layer.first_ssrc != 0 {
            layer.restart_reception();
        }
        if medium.config.nacks {
            match layer.memory.arrived(now.mono, sequence) {
                Asked::Again => return Err(Dropped::Duplicate),
                Asked::Never if binding.rtx => return Err(Dropped::NotAskedFor),
                _ => {}
            }
        }
        // From here on nothing fails.
        let clock =
            medium.config.clock_rates.iter().find(|(pt, _)| *pt == payload_type).map(|(_, rate)| *rate);
        let how = Incoming {
            rtx: binding.rtx,
            rtx_enabled: has_rtx,
            no_retransmissions: !medium.config.nacks,
            clock,
        };
        layer.statistics.incoming_rtp(packet, how, now.mono);
        layer.tally.count(now.mono, len);
        self.counts.rtp(Direction::In, video, len);
        if binding.rtx {
            self.counts.retransmitted(Direction::In);
        }
        let nacks = if medium.config.nacks { layer.track(now, ssrc, sequence) } else { None };
        if let Some(nacks) = &nacks
            && has_rtx
        {
            layer.memory.asked(now.mono, nacks.as_slice());
        }
        let started = layer.activity.received();
        if layer.first_ssrc == 0 {
            layer.first_ssrc = ssrc;
        }
        layer.numbering.header_update(packet, video, now.mono);
        if let Some(mut header) = Header::new(&mut *packet) {
            header.set_ssrc(layer.first_ssrc);
        }
        medium.learn_codec(payload_type);
        let mindex = medium.config.mindex;
        if started {
            self.report_receiving(binding.medium, binding.layer, true, None);
        }
        let extensions = detach(Extensions::read(packet, &ids, video), descriptor);
        let layer = binding.layer as u8;
        Ok(Received { mindex, video, layer, len, extensions, nacks: nacks.map(|nacks| (binding, nacks)) })
    }

    /// Every authenticated packet counts for congestion control, also one that is dropped afterwards.
    fn note_transport_sequence(&mut self, now: Clock, packet: &[u8]) {
        if self.ids.transport_wide_cc > 0
            && let Some(data) = header_ext::find(packet, self.ids.transport_wide_cc)
            && let Some(sequence) = header_ext::transport_wide_cc(data)
        {
            self.arrivals.note(sequence, now.mono);
        }
    }
}

impl Layer {
    /// Another SSRC counts its packets on its own (RFC 3550 §8.2); what was lost before stays lost.
    fn restart_reception(&mut self) {
        let before = self.statistics;
        self.statistics = Context {
            rtp_recvd: 0,
            max_seq_nr: 0,
            seq_cycle: 0,
            base_seq: 0,
            transit: 0,
            received: 0,
            received_prior: 0,
            expected: 0,
            expected_prior: 0,
            ..before
        };
        self.memory = Memory::default();
    }

    /// §5.7: takes note of the packet and says what is due to be asked for.
    fn track(&mut self, now: Clock, ssrc: u32, sequence: u16) -> Option<Nacks> {
        let losses = self.losses.get_or_insert_with(Box::<Losses>::default);
        losses.received(now.mono, ssrc, sequence);
        losses.due(now.mono)
    }
}

fn repaired_by(rtx_payload_types: &[(u8, u8)], rtx: u8) -> Option<u8> {
    rtx_payload_types.iter().find(|(_, by)| *by == rtx).map(|(pt, _)| *pt)
}

/// RFC 4588 §4 backwards, in place: returns the length of the original packet. `None` when there is none inside, as in
/// a probe that consists of padding.
fn unwrap_rtx(packet: &mut [u8], payload_at: usize, payload_type: u8, ssrc: u32) -> Option<usize> {
    let padding = if packet[0] & 0x20 != 0 { usize::from(*packet.last()?) } else { 0 };
    if packet.len() < payload_at + 2 + padding {
        return None;
    }
    let sequence = u16::from_be_bytes([packet[payload_at], packet[payload_at + 1]]);
    packet.copy_within(payload_at + 2.., payload_at);
    let mut header = Header::new(&mut *packet)?;
    header.set_payload_type(payload_type);
    header.set_sequence(sequence);
    header.set_ssrc(ssrc);
    Some(packet.len() - 2)
}

/// The same values, with the descriptor copied out of the packet.
fn detach<'a>(seen: Extensions<'_>, room: &'a mut [u8; MAX_DESCRIPTOR]) -> Extensions<'a> {
    let len = seen.dependency_descriptor.len().min(MAX_DESCRIPTOR);
    room[..len].copy_from_slice(&seen.dependency_descriptor[..len]);
    Extensions {
        audio_level: seen.audio_level,
        orientation: seen.orientation,
        playout_delay: seen.playout_delay,
        dependency_descriptor: &room[..len],
        abs_capture_time: seen.abs_capture_time,
        spatial_layers: seen.spatial_layers,
        temporal_layers: seen.temporal_layers,
    }
}

#[cfg(test)]
#[path = "inbound_tests.rs"]
mod tests;
