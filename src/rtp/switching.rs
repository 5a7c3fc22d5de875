//! Continuous sequence numbers and timestamps across changes of source (helpers.md §7.4), and compensation of clock
//! skew (§7.5).

use super::codec::clock_khz;
use super::header::Header;

/// Warm-up and evaluation of the skew compensation, µs.
const SKEW_PERIOD: i64 = 5_000_000;
/// Skew that is compensated, ms.
const SKEW_THRESHOLD: i64 = 120;

/// State of one outgoing numbering. The layout is `janus_rtp_switching_context` of the 1.x generations: plugins read
/// and write these fields, booleans are 0 or 1.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwitchingContext {
    pub last_ssrc: u32,
    pub last_ts: u32,
    pub base_ts: u32,
    pub base_ts_prev: u32,
    pub prev_ts: u32,
    pub target_ts: u32,
    pub start_ts: u32,
    pub last_seq: u16,
    pub prev_seq: u16,
    pub base_seq: u16,
    pub base_seq_prev: u16,
    pub ts_reset: i32,
    pub seq_reset: i32,
    pub new_ssrc: i32,
    pub seq_offset: i16,
    pub prev_delay: i32,
    pub active_delay: i32,
    pub ts_offset: i32,
    /// Monotonic µs, as those below.
    pub last_time: i64,
    pub reference_time: i64,
    pub start_time: i64,
    pub evaluating_start_time: i64,
}

/// What skew compensation did to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// Nothing new: untouched, or restamped with the offsets in force.
    Steady,
    /// A jump of so many sequence numbers was introduced before this packet.
    Jump(i32),
    /// The packet must be dropped.
    Drop,
}

impl SwitchingContext {
    /// Rewrites sequence number and timestamp of `packet` so that they continue what was sent before. `now`: monotonic
    /// µs. A packet shorter than a fixed header is left alone (HL-095 … HL-101).
    pub fn header_update(&mut self, packet: &mut [u8], video: bool, now: i64) {
        let Some(mut header) = Header::new(packet) else { return };
        let (timestamp, sequence, ssrc) = (header.timestamp(), header.sequence(), header.ssrc());
        if ssrc != self.last_ssrc {
            self.last_ssrc = ssrc;
            (self.ts_reset, self.seq_reset, self.new_ssrc) = (1, 1, 1);
        }
        if self.ts_reset != 0 {
            self.ts_reset = 0;
            self.base_ts_prev = self.last_ts;
            self.base_ts = timestamp;
            if self.last_time > 0 {
                let khz = clock_khz(video, header.payload_type());
                let elapsed = now.wrapping_sub(self.last_time).wrapping_mul(khz) / 1000;
                let elapsed = elapsed.max(1) as u32;
                self.base_ts_prev = self.base_ts_prev.wrapping_add(elapsed);
                self.prev_ts = self.prev_ts.wrapping_add(elapsed);
                self.last_ts = self.last_ts.wrapping_add(elapsed);
            }
        }
        if self.seq_reset != 0 {
            self.seq_reset = 0;
            self.base_seq_prev = self.last_seq;
            self.base_seq = sequence;
        }
        self.prev_ts = self.last_ts;
        self.last_ts = timestamp.wrapping_sub(self.base_ts).wrapping_add(self.base_ts_prev);
        self.prev_seq = self.last_seq;
        self.last_seq = sequence.wrapping_sub(self.base_seq).wrapping_add(self.base_seq_prev).wrapping_add(1);
        header.set_timestamp(self.last_ts);
        header.set_sequence(self.last_seq);
        self.last_time = now;
    }

    /// Leaves out one packet on purpose: the next one takes its number (HL-101).
    pub fn skip_one(&mut self) {
        self.base_seq = self.base_seq.wrapping_add(1);
    }

    /// Call after [`header_update`](Self::header_update). `now`: monotonic µs (HL-102 … HL-106).
    pub fn skew_compensate(&mut self, packet: &mut [u8], video: bool, now: i64) -> Skew {
        let Some(mut header) = Header::new(packet) else { return Skew::Steady };
        let khz = clock_khz(video, header.payload_type());
        let threshold = (SKEW_THRESHOLD * khz) as i32;
        if self.new_ssrc != 0 {
            *self = SwitchingContext {
                new_ssrc: 0,
                reference_time: now,
                start_time: 0,
                evaluating_start_time: 0,
                start_ts: 0,
                active_delay: 0,
                prev_delay: 0,
                seq_offset: 0,
                ts_offset: 0,
                target_ts: 0,
                ..*self
            };
        }
        if now.wrapping_sub(self.reference_time) < SKEW_PERIOD {
            return Skew::Steady;
        }
        if self.start_time == 0 {
            self.start_time = now;
            self.evaluating_start_time = now;
            self.start_ts = self.last_ts;
        }
        let mut result = Skew::Steady;
        let waiting = self.target_ts > 0 && self.target_ts.wrapping_sub(self.last_ts) as i32 > 0;
        if waiting {
            self.seq_offset = self.seq_offset.wrapping_sub(1);
            result = Skew::Drop;
        } else {
            self.target_ts = 0;
            let step = self.last_ts.wrapping_sub(self.prev_ts);
            // The numbers are compared without wrap-around: one packet in 65536 takes no part.
            if u32::from(self.last_seq) == u32::from(self.prev_seq) + 1 && step != 0 {
                let elapsed = now.wrapping_sub(self.start_time).wrapping_mul(khz) / 1000;
                let expected = (elapsed as u32).wrapping_add(self.start_ts);
                let delay = i64::from(self.last_ts.wrapping_sub(expected) as i32);
                let estimate = ((63 * i64::from(self.prev_delay) + delay) / 64) as i32;
                self.prev_delay = estimate;
                let offset = self.active_delay.wrapping_sub(estimate);
                if self.evaluating_start_time > 0 {
                    self.evaluate(offset, threshold, now);
                    return Skew::Steady;
                }
                result = self.correct(offset, estimate, threshold, step);
            }
        }
        header.set_timestamp(self.last_ts.wrapping_add_signed(self.ts_offset));
        header.set_sequence(self.last_seq.wrapping_add_signed(self.seq_offset));
        result
    }

    /// Five seconds in which the source must hold still before it is judged.
    fn evaluate(&mut self, offset: i32, threshold: i32, now: i64) {
        if now.wrapping_sub(self.evaluating_start_time) > SKEW_PERIOD {
            self.evaluating_start_time = 0;
        } else if offset.unsigned_abs() > threshold.unsigned_abs() / 2 {
            self.start_time = now;
            self.evaluating_start_time = now;
            self.start_ts = self.last_ts;
        }
    }

    fn correct(&mut self, offset: i32, estimate: i32, threshold: i32, step: u32) -> Skew {
        if offset >= threshold {
            self.active_delay = estimate;
            self.ts_offset = self.ts_offset.wrapping_add(threshold);
            let jump = (threshold as u32).div_ceil(step) as i32;
            self.seq_offset = self.seq_offset.wrapping_add(jump as i16);
            Skew::Jump(jump)
        } else if offset <= -threshold {
            self.active_delay = estimate;
            self.ts_offset = self.ts_offset.wrapping_sub(threshold);
            // 0 would mean "no target".
            self.target_ts = self.last_ts.wrapping_add(threshold as u32).max(1);
            self.seq_offset = self.seq_offset.wrapping_sub(1);
            Skew::Drop
        } else {
            Skew::Steady
        }
    }
}

#[cfg(test)]
#[path = "switching_tests.rs"]
mod tests;
