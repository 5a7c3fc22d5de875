//! RTCP that the core sends by itself (media-plane.md §7.3).

use super::MAX_COMPOUND;
use crate::media::clock::Clock;
use crate::media::counts::Direction;
use crate::media::streams::loss::Nacks;
use crate::media::streams::{Binding, Medium, Micros, Streams};
use crate::media::types::MediaKind;
use crate::rtcp::report::{SenderInfo, ntp, write_rr, write_sr};
use crate::rtcp::{nack, sdes, twcc};

const CNAME: &[u8] = b"janus";
/// SR and SDES together, the largest unit of a compound.
const LARGEST: usize = 28 + 16;
/// A NACK message, media-plane.md §5.7.
const NACK_BUFFER: usize = 120;

/// Gathers blocks into compounds that are as large as allowed.
struct Compound<'a> {
    bytes: [u8; MAX_COMPOUND],
    len: usize,
    emit: &'a mut dyn FnMut(&[u8]),
}

impl Compound<'_> {
    fn append(&mut self, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        if MAX_COMPOUND - self.len < LARGEST {
            self.flush();
        }
        self.len += write(&mut self.bytes[self.len..]).unwrap_or(0);
    }

    fn flush(&mut self) {
        if self.len > 0 {
            (self.emit)(&self.bytes[..self.len]);
            self.len = 0;
        }
    }
}

impl Streams {
    /// Sender reports, descriptions and receiver reports of all media; once a second (MP-192 … MP-195). Then looks for
    /// slow links.
    pub fn reports(&mut self, now: Clock, emit: &mut dyn FnMut(&[u8])) {
        let mut compound = Compound { bytes: [0; MAX_COMPOUND], len: 0, emit };
        for index in self.media.indices() {
            let medium = &mut self.media[index];
            if medium.config.kind == MediaKind::Data {
                continue;
            }
            let (local, sender) = (medium.config.ssrc, &medium.sender);
            if sender.tally.packets > 0 {
                let elapsed =
                    i128::from(now.mono - sender.last_sent_at) * i128::from(sender.clock_rate) / 1_000_000;
                let info = SenderInfo {
                    ntp: ntp(now.wall),
                    rtp_timestamp: sender.last_timestamp.wrapping_add(elapsed as u32),
                    packets: sender.tally.packets as u32,
                    octets: sender.tally.bytes as u32,
                };
                compound.append(|room| {
                    let report = write_sr(room, local, &info)?;
                    let description = sdes::cname(&mut room[report..LARGEST], CNAME)?;
                    room[report + 4..report + 8].copy_from_slice(&local.to_be_bytes());
                    Some(report + description)
                });
            }
            if medium.config.recv {
                for layer in medium.layers.iter_mut().filter(|layer| layer.statistics.rtp_recvd & 1 != 0) {
                    let mut report = layer.statistics.report_block(now.mono);
                    report.ssrc = layer.ssrc;
                    self.counts.report(Direction::In, layer.statistics.jitter_ms(false), report.loss >> 24);
                    compound.append(|room| write_rr(room, local, &[report]));
                }
            }
            self.look_for_slow_link(index);
        }
        compound.flush();
    }

    /// Transport-wide feedback about everything received since the last call; every `twcc_period` (MP-196). Nothing
    /// while no received video medium has a known SSRC, in whichever layer.
    pub fn transport_feedback(&mut self, emit: &mut dyn FnMut(&[u8])) {
        if self.ids.transport_wide_cc == 0 {
            return;
        }
        // Of simulcast any layer may be the first to come.
        let received = |medium: &Medium| {
            let layer = medium.layers.iter().find(|layer| layer.ssrc != 0)?;
            (medium.video() && medium.config.recv).then_some((medium.config.ssrc, layer.ssrc))
        };
        let Some((sender, media)) = self.media.iter().find_map(received) else {
            self.arrivals.discard();
            return;
        };
        self.arrivals.report(|number, statuses| {
            let mut packet = [0; MAX_COMPOUND];
            let arrivals = statuses.iter().map(|&(sequence, arrival): &(u16, Micros)| twcc::Arrival {
                sequence: sequence.into(),
                time: arrival as u64,
            });
            if let Some(len) = twcc::build(&mut packet, sender, media, number, arrivals) {
                emit(&packet[..len]);
            }
        });
    }

    /// Asks the peer for what [`receive`](Streams::receive) found missing.
    pub fn nack(&mut self, stream: Binding, missing: &Nacks, emit: &mut dyn FnMut(&[u8])) {
        let medium = &mut self.media[stream.medium];
        let mut packet = [0; NACK_BUFFER];
        let Some(len) = nack::build(&mut packet, missing.as_slice().iter().copied()) else { return };
        packet[4..8].copy_from_slice(&medium.config.ssrc.to_be_bytes());
        packet[8..12].copy_from_slice(&medium.layers[stream.layer].ssrc.to_be_bytes());
        medium.sender.nacks_sent += missing.as_slice().len() as u64;
        self.counts.nacked(Direction::Out, missing.as_slice().len() as u64);
        emit(&packet[..len]);
    }
}

#[cfg(test)]
#[path = "generated_tests.rs"]
mod tests;
