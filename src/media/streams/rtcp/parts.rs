//! Which medium each block of a compound is about, and what its plugin is given of it.

use super::incoming::compound_word;
use super::split::{Split, Writing};
use crate::media::streams::{Binding, Streams};
use crate::rtcp::compound::{self, AFB, Block, FIR, FULL_INTRA, PLI, PSFB, RR, RTPFB, SR};
use crate::rtcp::{ReportBlock, remb};

/// Sender information of an SR, behind its SSRC; the RTP timestamp in it.
const SENDER_INFO: std::ops::Range<usize> = 8..28;
const TIMESTAMP: std::ops::Range<usize> = 8..12;
/// Where the entries of a FIR and the SSRCs of a REMB begin.
const FIR_ENTRIES: usize = 12;
const REMB_SSRCS: usize = 20;

impl Streams {
    /// Whose compound it is as a whole: by the peer's SSRC that sends it, else by the first of ours that it is about.
    pub(super) fn stream_of(&self, packet: &[u8]) -> Option<Binding> {
        let sender = self.remote(crate::rtcp::ssrc::sender(packet));
        sender.or_else(|| {
            compound::blocks(packet).find_map(|block| {
                let bytes = block.bytes(packet);
                let known = |mut ssrcs: &mut dyn Iterator<Item = u32>| {
                    Iterator::find_map(&mut ssrcs, |ssrc| self.media.by_ssrc(ssrc))
                };
                match (block.packet_type, block.count) {
                    (SR | RR, _) => known(&mut reports(&block, bytes).map(|r| compound_word(r, 0))),
                    (PSFB, FULL_INTRA) => known(&mut entries(bytes).map(|e| compound_word(e, 0))),
                    (PSFB, AFB) if remb::is_remb(bytes) => known(&mut remb_ssrcs(bytes)),
                    (RTPFB | PSFB, _) => self.media.by_ssrc(compound_word(bytes, 8)),
                    (FIR, _) => self.media.by_ssrc(compound_word(bytes, 4)),
                    _ => None,
                }
            })
        })
    }

    fn remote(&self, ssrc: u32) -> Option<Binding> {
        self.media.by_ssrc(ssrc).filter(|binding| !binding.local)
    }

    fn local(&self, ssrc: u32) -> Option<Binding> {
        self.media.by_ssrc(ssrc).filter(|binding| binding.local)
    }

    /// Calls `each` with every medium that a block is about.
    pub(super) fn subjects(&self, block: &Block, bytes: &[u8], main: Binding, each: &mut dyn FnMut(usize)) {
        match (block.packet_type, block.count) {
            (SR | RR, _) => {
                if let Some(medium) = self.sending_medium(block, bytes, main) {
                    each(medium);
                }
                reports(block, bytes)
                    .filter_map(|report| self.reported_medium(bytes, report))
                    .for_each(|(medium, _)| each(medium));
            }
            (PSFB, FULL_INTRA) => entries(bytes).for_each(|entry| each(self.wanted_medium(entry, main))),
            _ => each(self.subject(block, bytes, main)),
        }
    }

    /// Whose sender information an SR has, or whom an RR without report blocks is for. MP-207: not something other than
    /// the RTP that the layer receives.
    fn sending_medium(&self, block: &Block, bytes: &[u8], main: Binding) -> Option<usize> {
        let ssrc = compound_word(bytes, 4);
        let sender = self.remote(ssrc);
        match (block.packet_type, block.count) {
            (SR, _) => {
                let sender = sender?;
                let current = self.media[sender.medium].layers[sender.layer].numbering.last_ssrc;
                (current == ssrc).then_some(sender.medium)
            }
            (_, 0) => Some(sender.unwrap_or(main).medium),
            _ => None,
        }
    }

    /// The medium of a report block, and whether it is about its retransmissions. One about nothing that we know belongs
    /// to its sender.
    fn reported_medium(&self, bytes: &[u8], report: &[u8]) -> Option<(usize, bool)> {
        match self.local(compound_word(report, 0)) {
            Some(about) => Some((about.medium, about.rtx)),
            None => self.remote(compound_word(bytes, 4)).map(|sender| (sender.medium, false)),
        }
    }

    fn wanted_medium(&self, entry: &[u8], main: Binding) -> usize {
        self.local(compound_word(entry, 0)).unwrap_or(main).medium
    }

    /// Of all other blocks.
    fn subject(&self, block: &Block, bytes: &[u8], main: Binding) -> usize {
        let about = match (block.packet_type, block.count) {
            (PSFB, AFB) if remb::is_remb(bytes) => remb_ssrcs(bytes).find_map(|ssrc| self.local(ssrc)),
            (RTPFB | PSFB, _) => self.local(compound_word(bytes, 8)),
            (FIR, _) => self.local(compound_word(bytes, 4)),
            _ => None,
        };
        about.or_else(|| self.remote(compound_word(bytes, 4))).unwrap_or(main).medium
    }

    /// Writes what of `packet` is about the medium of a part.
    pub(super) fn write_part(&self, packet: &[u8], main: Binding, part: usize, split: &mut Split) {
        let index = split.medium(part);
        let medium = &self.media[index];
        let mut out = split.begin();
        let (mut wants_frame, mut has_pli) = (None, false);
        for block in compound::blocks(packet) {
            let bytes = block.bytes(packet);
            match (block.packet_type, block.count) {
                (SR | RR, _) => self.write_report(&block, bytes, main, index, &mut out),
                (PSFB, FULL_INTRA) => {
                    for entry in entries(bytes).filter(|entry| self.wanted_medium(entry, main) == index) {
                        out.block([bytes[0], PSFB], &[&bytes[4..FIR_ENTRIES], entry]);
                        wants_frame = Some(&bytes[4..8]);
                    }
                }
                _ if self.subject(&block, bytes, main) == index => {
                    out.block([bytes[0], bytes[1]], &[&bytes[4..]]);
                    has_pli |= block.is(PSFB, PLI);
                }
                _ => {}
            }
        }
        // Plugins of before RFC 5104 know PLI only.
        if let (Some(sender), false) = (wants_frame, has_pli) {
            out.block([0x80 | PLI, PSFB], &[sender, &medium.config.ssrc.to_be_bytes()]);
        }
        let is_report = |bytes: &[u8]| matches!(bytes.get(1), Some(&(SR | RR)));
        let reporter = is_report(packet) && !is_report(out.written());
        let peer = medium.layers[self.layer_of(main, index)].first_ssrc;
        out.finish(part, medium.config.mindex, medium.video(), reporter.then_some(peer));
    }

    /// MP-205 … MP-207: under the SSRCs that the plugin knows, shifted like the RTP; its own stream before its
    /// retransmissions.
    fn write_report(&self, block: &Block, bytes: &[u8], main: Binding, index: usize, out: &mut Writing<'_>) {
        let medium = &self.media[index];
        let sender = self.remote(compound_word(bytes, 4)).filter(|sender| sender.medium == index);
        let layer = &medium.layers[sender.map_or(self.layer_of(main, index), |sender| sender.layer)];
        let peer = layer.first_ssrc.to_be_bytes();
        let at = out.at();
        if self.sending_medium(block, bytes, main) == Some(index) {
            if block.packet_type == SR
                && let Some(info) = bytes.get(SENDER_INFO)
            {
                let numbering = &layer.numbering;
                let timestamp = compound_word(info, TIMESTAMP.start);
                let shifted = timestamp.wrapping_sub(numbering.base_ts).wrapping_add(numbering.base_ts_prev);
                let pieces =
                    [&peer, &info[..TIMESTAMP.start], &shifted.to_be_bytes(), &info[TIMESTAMP.end..]];
                out.block([0x80, SR], &pieces);
            } else {
                out.block([0x80, RR], &[&peer]);
            }
        }
        let mut first = None;
        for rtx in [false, true] {
            for report in reports(block, bytes) {
                if self.reported_medium(bytes, report) != Some((index, rtx)) {
                    continue;
                }
                if out.at() == at {
                    out.block([0x80, RR], &[&peer]);
                }
                let place = out.at();
                if out.report(at, report) {
                    first.get_or_insert(place);
                }
            }
        }
        if let Some(place) = first {
            out.set_word(place, medium.config.ssrc);
        }
    }

    fn layer_of(&self, main: Binding, index: usize) -> usize {
        if main.medium == index && !main.local { main.layer } else { 0 }
    }
}

fn reports<'a>(block: &Block, bytes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let blocks = block.reports_at().and_then(|at| bytes.get(at..)).unwrap_or_default();
    blocks.chunks_exact(ReportBlock::LEN).take(block.count.into())
}

/// RFC 5104 §4.3.1: SSRC, sequence number, three bytes of nothing.
fn entries(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.get(FIR_ENTRIES..).unwrap_or_default().chunks_exact(8)
}

fn remb_ssrcs(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.get(REMB_SSRCS..).unwrap_or_default().chunks_exact(4).map(|ssrc| compound_word(ssrc, 0))
}
