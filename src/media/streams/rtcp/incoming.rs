//! RTCP from the peer, decrypted (media-plane.md §7.1).

use super::split::Split;
use crate::media::clock::Clock;
use crate::media::counts::Direction;
use crate::media::counts::Reason;
use crate::media::streams::{Binding, Streams};
use crate::rtcp::compound::{self, BYE, Block, FULL_INTRA, NACK, PLI, PSFB, RTPFB, SR};
use crate::rtcp::report::{Now, ntp};
use crate::rtcp::{ReportBlock, nack, remb, ssrc};

/// Longest time that sent packets are kept for, ms (MP-189).
const MAX_NACK_QUEUE_MS: u32 = 1000;
/// Kept for longer than the round trip takes, by this much.
const NACK_QUEUE_MARGIN_MS: u32 = 100;

/// Why the plugin does not see a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpDropped {
    Malformed,
    /// MP-208: about no stream of ours.
    Unknown,
    /// MP-207: a sender report of something other than the RTP that the layer receives.
    Stranger,
    /// MP-203: nothing but NACKs, which the core answers, and requests that came too often.
    Answered,
}

impl RtcpDropped {
    /// RTCP that holds nothing for the plugin is not lost.
    pub fn reason(self) -> Option<Reason> {
        match self {
            RtcpDropped::Malformed => Some(Reason::Malformed),
            RtcpDropped::Unknown | RtcpDropped::Stranger => Some(Reason::UnknownStream),
            RtcpDropped::Answered => None,
        }
    }
}

impl Streams {
    /// Evaluates a compound, starts retransmissions (see [`Streams::next_resend`]), and writes what the plugin shall see
    /// to `split`: a compound for each medium that something in it is about.
    pub fn incoming_rtcp(
        &mut self,
        now: Clock,
        packet: &mut [u8],
        split: &mut Split,
    ) -> Result<(), RtcpDropped> {
        split.clear();
        ssrc::fix(packet, None, None, now.into()).map_err(|_| RtcpDropped::Malformed)?;
        let main = self.stream_of(packet).ok_or(RtcpDropped::Unknown)?;
        let mut kept = 0;
        let mut walk = compound::Walk::new();
        while let Some(Ok(block)) = walk.next(packet) {
            let bytes = block.bytes(packet);
            self.evaluate(now, &block, bytes, main.medium, main.layer);
            let kept_back = self.answers(&block, bytes, main.medium) || self.is_too_much(now, &block);
            if !kept_back {
                packet.copy_within(block.start..block.end, kept);
                kept += block.end - block.start;
            }
        }
        if kept == 0 {
            return Err(RtcpDropped::Answered);
        }
        let packet = &packet[..kept];
        for block in compound::blocks(packet) {
            self.subjects(&block, block.bytes(packet), main, &mut |medium| split.want(medium));
        }
        for part in 0..split.wanted() {
            self.write_part(packet, main, part, split);
        }
        if split.is_empty() { Err(RtcpDropped::Stranger) } else { Ok(()) }
    }

    /// Whose packets a NACK asks for: the medium that it names, else the compound's.
    fn nacked_medium(&self, block: &[u8], compound: usize) -> usize {
        let named = self.media.by_ssrc(compound_word(block, 8)).filter(|binding| binding.local);
        named.map_or(compound, |binding| binding.medium)
    }

    /// A peer that asks for key frames all the time costs its publisher, and so all other receivers, their bandwidth.
    fn is_too_much(&mut self, now: Clock, block: &Block) -> bool {
        matches!((block.packet_type, block.count), (PSFB, PLI | FULL_INTRA))
            && !self.keyframe_limit.admits(now.mono)
    }

    /// Whether another compound of the peer may be looked at.
    pub fn admits_rtcp(&mut self, now: Clock) -> bool {
        self.rtcp_limit.admits(now.mono)
    }

    /// Whether a block is a NACK that we answer ourselves; the plugin does not see it (MP-203).
    fn answers(&self, block: &Block, bytes: &[u8], index: usize) -> bool {
        block.is(RTPFB, NACK) && self.media[self.nacked_medium(bytes, index)].config.nacks
    }

    fn evaluate(&mut self, now: Clock, block: &Block, bytes: &[u8], index: usize, layer: usize) {
        self.counts.rtcp(Direction::In, block);
        self.asked |= matches!((block.packet_type, block.count), (RTPFB, NACK) | (PSFB, PLI | FULL_INTRA));
        match (block.packet_type, block.count) {
            (SR, _) => {
                let sender = self.media.by_ssrc(compound_word(bytes, 4)).filter(|binding| !binding.local);
                let (index, layer) = sender.map_or((index, layer), |sender| (sender.medium, sender.layer));
                let statistics = &mut self.media[index].layers[layer].statistics;
                statistics.incoming_sr(compound_word(bytes, 8), compound_word(bytes, 12), now.mono);
            }
            (RTPFB, NACK) if self.answers(block, bytes, index) => self.nacked(now, bytes, index, layer),
            (PSFB, compound::AFB) if remb::is_remb(bytes) => self.remb = Some(remb::bitrate(bytes)),
            // MP-209
            (BYE, _) => tracing::debug!(mid = self.media[index].config.mid, "RTCP BYE"),
            _ => {}
        }
        // One compound of a browser has a block for each stream of ours that it receives.
        let reports = block.reports_at().and_then(|at| bytes.get(at..)).unwrap_or_default();
        for report in reports.chunks_exact(ReportBlock::LEN).take(block.count.into()) {
            let report = ReportBlock::parse(report);
            match self.media.by_ssrc(report.ssrc) {
                Some(Binding { medium, local: true, rtx: false, .. }) => self.reported(now, medium, &report),
                _ => continue,
            }
        }
    }

    fn nacked(&mut self, now: Clock, block: &[u8], index: usize, layer: usize) {
        let medium = self.nacked_medium(block, index);
        let mut count = 0;
        for sequence in nack::nacks(block) {
            count += 1;
            self.asked_for(now, medium, sequence);
        }
        self.counts.nacked(Direction::In, count);
        let layer = if medium == index { layer } else { 0 };
        let layer = &mut self.media[medium].layers[layer];
        layer.nacks_received += count;
        layer.statistics.nack_count = layer.statistics.nack_count.wrapping_add(count as i32);
    }

    /// A report block about what we send. A new round-trip time decides how long sent packets are kept (§6.4).
    fn reported(&mut self, now: Clock, medium: usize, report: &ReportBlock) {
        let least = self.settings.min_nack_queue_ms;
        let medium = &mut self.media[medium];
        let statistics = &mut medium.layers[0].statistics;
        statistics.incoming_rr(report, now.into());
        self.counts.report(Direction::Out, statistics.jitter_ms(true), report.loss >> 24);
        if report.last_sr != 0 {
            self.counts.rtt(statistics.rtt);
        }
        if report.last_sr != 0 && medium.config.nacks {
            let sender = &mut medium.sender;
            sender.nack_queue_ms = nack_queue(sender.nack_queue_ms, statistics.rtt, least);
            sender.history.set_keep(sender.nack_queue_ms);
        }
    }
}

/// MP-182, MP-189: the first value follows the round-trip time at once, later ones slowly.
fn nack_queue(old_ms: u32, rtt_ms: u32, least_ms: u32) -> u32 {
    let limit = |ms: u32| ms.max(least_ms).min(MAX_NACK_QUEUE_MS);
    let wanted = limit(rtt_ms.saturating_add(NACK_QUEUE_MARGIN_MS));
    if old_ms == 0 { wanted } else { limit((7 * old_ms + wanted) / 8) }
}

pub(super) fn compound_word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

impl From<Clock> for Now {
    fn from(now: Clock) -> Now {
        Now { monotonic: now.mono, ntp: ntp(now.wall) }
    }
}

#[cfg(test)]
#[path = "incoming_tests.rs"]
mod tests;
