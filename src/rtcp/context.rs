//! Receive statistics, report blocks and link quality of one stream (helpers.md §8.1, §8.2; RFC 3550 §6.4, A.3, A.8).

use super::report::{Now, ReportBlock};
use crate::rtp::Header;

/// Least time between two judgements of the outgoing link, µs.
const QUALITY_PERIOD: i64 = 2_000_000;
/// Age from which an out-of-order packet counts as retransmitted, ms.
const LATE: u64 = 120;

/// Statistics of one stream. The layout is `rtcp_context` of the native generation.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Context {
    /// Lowest bit: RTP was received.
    pub rtp_recvd: u8,
    pub rtp_last_inorder_ts: u32,
    /// Monotonic µs.
    pub rtp_last_inorder_time: i64,
    pub max_seq_nr: u16,
    pub seq_cycle: u16,
    pub base_seq: u16,
    pub pt: u16,
    pub transit: i64,
    /// Timestamp units.
    pub jitter: f64,
    pub jitter_remote: f64,
    /// Clock rate, Hz.
    pub tb: u32,
    /// Middle 32 bits of the last sender report's NTP time, and when it came (monotonic µs).
    pub lsr: u32,
    pub lsr_ts: i64,
    /// When the last receiver report was sent; kept by the caller.
    pub last_sent: i64,
    /// ms, with the values it was computed from.
    pub rtt: u32,
    pub rtt_ntp: u32,
    pub rtt_lsr: u32,
    pub rtt_dlsr: u32,
    pub received: u32,
    pub received_prior: u32,
    pub expected: u32,
    pub expected_prior: u32,
    pub lost: i32,
    pub lost_remote: i32,
    pub retransmitted: u32,
    pub retransmitted_prior: u32,
    /// Monotonic µs.
    pub rr_last_ts: i64,
    pub rr_last_ehsnr: u32,
    pub rr_last_lost: i32,
    pub rr_last_nack_count: u32,
    /// Kept by the caller.
    pub sent_packets_since_last_rr: i32,
    pub nack_count: i32,
    /// 0 … 100.
    pub in_link_quality: f64,
    pub in_media_link_quality: f64,
    pub out_link_quality: f64,
    pub out_media_link_quality: f64,
}

/// How a received packet has to be counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// The packet was recovered from a retransmission stream.
    pub rtx: bool,
    /// Retransmissions have a stream of their own (RFC 4588).
    pub rtx_enabled: bool,
    /// No NACKs are sent.
    pub no_retransmissions: bool,
    /// Clock rate of its payload type, Hz, when known.
    pub clock: Option<u32>,
}

impl Context {
    /// Counts one packet. `now`: monotonic µs. `false` when it is shorter than a fixed header (HL-163 … HL-165).
    pub fn incoming_rtp(&mut self, packet: &[u8], how: Incoming, now: i64) -> bool {
        let Some(header) = Header::new(packet) else { return false };
        let (sequence, timestamp) = (header.sequence(), header.timestamp());
        if let Some(clock) = how.clock {
            self.tb = clock;
        }
        let first = self.rtp_recvd & 1 == 0 && self.base_seq == 0 && self.seq_cycle == 0;
        if first {
            self.base_seq = sequence;
        }
        if how.rtx {
            self.retransmitted = self.retransmitted.wrapping_add(1);
        } else if first || sequence.wrapping_sub(self.max_seq_nr) as i16 > 0 {
            self.in_order(sequence, timestamp, first, now);
        } else {
            let age = timestamp.wrapping_sub(self.rtp_last_inorder_ts) as i32;
            let late = u64::from(age.unsigned_abs()) > LATE * u64::from(self.tb) / 1000;
            if late && !how.rtx_enabled && !how.no_retransmissions {
                self.retransmitted = self.retransmitted.wrapping_add(1);
            } else {
                self.received = self.received.wrapping_add(1);
            }
        }
        self.rtp_recvd |= 1;
        true
    }

    fn in_order(&mut self, sequence: u16, timestamp: u32, first: bool, now: i64) {
        self.received = self.received.wrapping_add(1);
        if sequence < self.max_seq_nr && !first {
            self.seq_cycle = self.seq_cycle.wrapping_add(1);
        }
        self.max_seq_nr = sequence;
        self.expected = self.highest().wrapping_add(1).wrapping_sub(self.base_seq.into());
        let transit = (now.wrapping_mul(self.tb.into()) / 1_000_000).wrapping_sub(timestamp.into());
        if self.transit != 0 {
            // Timestamps are modulo 2^32, so is their distance to the clock.
            let change = transit.wrapping_sub(self.transit) as i32;
            self.jitter += (f64::from(change.unsigned_abs()) - self.jitter) / 16.0;
        }
        self.transit = transit;
        self.rtp_last_inorder_ts = timestamp;
        self.rtp_last_inorder_time = now;
    }

    /// Notes a sender report. `now`: monotonic µs.
    pub fn incoming_sr(&mut self, ntp_seconds: u32, ntp_fraction: u32, now: i64) {
        self.lsr = (ntp_seconds << 16) | (ntp_fraction >> 16);
        self.lsr_ts = now;
    }

    /// Evaluates the first block of a receiver report (HL-167, HL-169).
    pub fn incoming_rr(&mut self, block: &ReportBlock, now: Now) {
        self.jitter_remote = f64::from(block.jitter);
        self.lost_remote = block.cumulative_loss();
        if now.monotonic.wrapping_sub(self.rr_last_ts) >= QUALITY_PERIOD {
            if self.rr_last_ehsnr != 0 {
                self.judge_outgoing(block.highest);
                self.rr_last_ts = now.monotonic;
            }
            self.rr_last_ehsnr = block.highest;
            self.rr_last_lost = self.lost_remote;
            self.rr_last_nack_count = self.nack_count as u32;
            self.sent_packets_since_last_rr = 0;
        }
        if block.last_sr != 0 {
            let ntp = (now.ntp >> 16) as u32;
            let elapsed = ntp.wrapping_sub(block.last_sr).wrapping_sub(block.delay);
            (self.rtt_ntp, self.rtt_lsr, self.rtt_dlsr) = (ntp, block.last_sr, block.delay);
            // Rounding may take a tiny time below 0.
            let elapsed = (elapsed as i32).max(0) as u64;
            self.rtt = (elapsed * 1000 / 65536) as u32;
        }
    }

    fn judge_outgoing(&mut self, highest: u32) {
        let nacks = (self.nack_count as u32).wrapping_sub(self.rr_last_nack_count);
        let sent = self.sent_packets_since_last_rr.max(0) as u32;
        let lost = self.lost_remote.wrapping_sub(self.rr_last_lost).max(0) as u32;
        let expected = highest.wrapping_sub(self.rr_last_ehsnr);
        smooth(&mut self.out_link_quality, share_without(nacks, sent));
        smooth(&mut self.out_media_link_quality, share_without(lost, expected));
    }

    /// Ends a reporting interval: everything of a report block but the SSRC. `now`: monotonic µs (HL-160 … HL-162).
    pub fn report_block(&mut self, now: i64) -> ReportBlock {
        let expected = self.expected.wrapping_sub(self.expected_prior);
        let received = self.received.wrapping_sub(self.received_prior);
        let retransmitted = self.retransmitted.wrapping_sub(self.retransmitted_prior);
        (self.expected_prior, self.received_prior) = (self.expected, self.received);
        self.retransmitted_prior = self.retransmitted;

        let lost = (expected.wrapping_sub(received) as i32).max(0);
        self.lost = self.lost.saturating_add(lost);
        let fraction =
            (u64::from(lost.unsigned_abs()) * 256).checked_div(expected.into()).unwrap_or(0).min(255);
        smooth(&mut self.in_link_quality, quality(expected, received));
        smooth(&mut self.in_media_link_quality, quality(expected, received.wrapping_add(retransmitted)));

        let heard = self.lsr != 0;
        let since = now.wrapping_sub(self.lsr_ts).max(0) as u128 * 65536 / 1_000_000;
        ReportBlock {
            ssrc: 0,
            loss: ((fraction as u32) << 24) | (self.lost.clamp(0, 0x7f_ffff) as u32),
            highest: self.highest(),
            jitter: self.jitter as u32,
            last_sr: self.lsr,
            delay: if heard { since as u32 } else { 0 },
        }
    }

    /// Extended highest sequence number received.
    pub fn highest(&self) -> u32 {
        (u32::from(self.seq_cycle) << 16) | u32::from(self.max_seq_nr)
    }

    /// Whole milliseconds; 0 while the clock rate is not known (HL-166).
    pub fn jitter_ms(&self, remote: bool) -> u32 {
        let jitter = if remote { self.jitter_remote } else { self.jitter };
        match self.tb / 1000 {
            0 => 0,
            khz => (jitter / f64::from(khz)) as u32,
        }
    }

    /// Packets lost in all; as the peer reported them when `remote`.
    pub fn lost_all(&self, remote: bool) -> i32 {
        if remote { self.lost_remote } else { self.lost }
    }
}

/// A quality as plugins see it: 0 … 100, rounded.
pub fn rounded(quality: f64) -> u32 {
    (quality + 0.5) as u32
}

/// Per cent of `all` that is not `bad`: 100 without bad ones, 0 when all are.
fn share_without(bad: u32, all: u32) -> f64 {
    match bad {
        0 => 100.0,
        _ if bad >= all => 0.0,
        _ => 100.0 - 100.0 * f64::from(bad) / f64::from(all),
    }
}

/// Per cent of the expected packets that came; 0 when none was expected.
fn quality(expected: u32, received: u32) -> f64 {
    match expected {
        0 => 0.0,
        _ => 100.0 - 100.0 * f64::from(expected.saturating_sub(received)) / f64::from(expected),
    }
}

/// One third of the new sample, two of what was (HL-168).
fn smooth(value: &mut f64, sample: f64) {
    let start = *value == 0.0 || value.is_nan();
    *value = if start { sample } else { *value * 2.0 / 3.0 + sample / 3.0 };
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
