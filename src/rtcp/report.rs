//! Report blocks, sender and receiver reports (RFC 3550 §6.4).

use super::compound::{Malformed, RR, SR, Walk, set_word, word};

/// The present, as reports need it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Monotonic µs.
    pub monotonic: i64,
    /// NTP 32.32 fixed point, wall clock.
    pub ntp: u64,
}

/// NTP time (RFC 5905 §6, 32.32 fixed point, seconds since 1900) of a wall clock in µs since 1970.
pub fn ntp(wall: i64) -> u64 {
    const SINCE_1900: i64 = 2_208_988_800;
    let seconds = (wall.div_euclid(1_000_000) + SINCE_1900) as u64;
    let fraction = ((wall.rem_euclid(1_000_000) as u64) << 32) / 1_000_000;
    seconds << 32 | fraction
}

/// One report block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    pub ssrc: u32,
    /// Fraction lost (8 bits, in 1/256) and cumulative loss (24 bits, signed).
    pub loss: u32,
    /// Extended highest sequence number.
    pub highest: u32,
    /// In timestamp units.
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time, and the delay since, in 1/65536 s.
    pub last_sr: u32,
    pub delay: u32,
}

impl ReportBlock {
    pub const LEN: usize = 24;

    /// Reads the first 24 bytes; what is missing counts as 0.
    pub fn parse(bytes: &[u8]) -> Self {
        ReportBlock {
            ssrc: word(bytes, 0),
            loss: word(bytes, 4),
            highest: word(bytes, 8),
            jitter: word(bytes, 12),
            last_sr: word(bytes, 16),
            delay: word(bytes, 20),
        }
    }

    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let words = [self.ssrc, self.loss, self.highest, self.jitter, self.last_sr, self.delay];
        for (n, word) in words.into_iter().enumerate() {
            set_word(&mut bytes, 4 * n, word);
        }
        bytes
    }

    /// Cumulative loss, sign-extended.
    pub fn cumulative_loss(&self) -> i32 {
        ((self.loss << 8) as i32) >> 8
    }
}

/// Sender information of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// NTP 32.32 fixed point.
    pub ntp: u64,
    pub rtp_timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// Writes an SR without report blocks (28 bytes). `None` when it does not fit.
pub fn write_sr(buffer: &mut [u8], ssrc: u32, info: &SenderInfo) -> Option<usize> {
    let room = buffer.get_mut(..28)?;
    let words = [
        0x80c8_0006,
        ssrc,
        (info.ntp >> 32) as u32,
        info.ntp as u32,
        info.rtp_timestamp,
        info.packets,
        info.octets,
    ];
    for (n, word) in words.into_iter().enumerate() {
        set_word(room, 4 * n, word);
    }
    Some(28)
}

/// Writes an RR with at most 31 blocks (8 + 24·n bytes). `None` when it does not fit.
pub fn write_rr(buffer: &mut [u8], ssrc: u32, blocks: &[ReportBlock]) -> Option<usize> {
    let length = 8 + ReportBlock::LEN * blocks.len();
    let room = buffer.get_mut(..length).filter(|_| blocks.len() <= 31)?;
    set_word(room, 0, 0x80c9_0000 | ((blocks.len() as u32) << 24) | (length as u32 / 4 - 1));
    set_word(room, 4, ssrc);
    for (block, room) in blocks.iter().zip(room[8..].chunks_exact_mut(ReportBlock::LEN)) {
        room.copy_from_slice(&block.to_bytes());
    }
    Some(length)
}

/// How [`fix_report_data`] maps a peer's reports onto the stream that plugins see.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReportRewrite {
    /// RTP timestamps become t − base_ts + base_ts_prev.
    pub base_ts: u32,
    pub base_ts_prev: u32,
    /// The SSRC that plugins know the peer under.
    pub peer: u32,
    pub local: u32,
    /// The SSRC that a sender report must come from.
    pub expected: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportError {
    Malformed,
    /// A sender report of another SSRC than expected.
    Stranger,
}

impl From<Malformed> for ReportError {
    fn from(_: Malformed) -> Self {
        ReportError::Malformed
    }
}

/// Rewrites reports and returns how many SSRCs were written; timestamps are not counted (HL-140, HL-141).
pub fn fix_report_data(packet: &mut [u8], rewrite: &ReportRewrite) -> Result<u32, ReportError> {
    let (mut walk, mut changed) = (Walk::new(), 0);
    while let Some(block) = walk.next(packet) {
        let block = block?;
        let Some(reports_at) = block.reports_at() else { continue };
        if !block.reports_fit() {
            return Err(ReportError::Malformed);
        }
        let bytes = block.bytes_mut(packet);
        if block.packet_type == SR {
            if word(bytes, 4) != rewrite.expected {
                return Err(ReportError::Stranger);
            }
            let timestamp = word(bytes, 16).wrapping_sub(rewrite.base_ts).wrapping_add(rewrite.base_ts_prev);
            set_word(bytes, 16, timestamp);
        }
        debug_assert!(matches!(block.packet_type, SR | RR));
        set_word(bytes, 4, rewrite.peer);
        changed += 1;
        if block.count > 0 {
            set_word(bytes, reports_at, rewrite.local);
            changed += 1;
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::super::compound::tests::{hex, unhex};
    use super::*;

    const REWRITE: ReportRewrite =
        ReportRewrite { base_ts: 1000, base_ts_prev: 4000, peer: 0x11, local: 0x22, expected: 9 };

    // HL-140, HL-141
    #[test]
    fn reports_are_mapped() {
        let report = "81c8000c 00000009 00000001 00000002 000003e9 00000004 00000005 \
            aaaaaaaa 01000002 00000003 00000004 00000005 00000006";
        let mut packet = unhex(report);
        assert_eq!(fix_report_data(&mut packet, &REWRITE), Ok(2));
        assert_eq!(hex(&packet[..32]), "81c8000c00000011000000010000000200000fa1000000040000000500000022");
        assert_eq!(fix_report_data(&mut packet, &REWRITE), Err(ReportError::Stranger));
        let mut packet = unhex("80c90001 00000009 81ce0002 00000001 00000002");
        assert_eq!(fix_report_data(&mut packet, &REWRITE), Ok(1));
        assert_eq!(hex(&packet), "80c900010000001181ce00020000000100000002");
        assert_eq!(fix_report_data(&mut packet[..10], &REWRITE), Err(ReportError::Malformed));
    }

    #[test]
    fn written_reports_read_back() {
        let block = ReportBlock { ssrc: 1, loss: 0x40ff_ffff, highest: 3, jitter: 4, last_sr: 5, delay: 6 };
        let mut buffer = [0; 64];
        assert_eq!(write_rr(&mut buffer, 7, &[block, block]), Some(56));
        assert_eq!(hex(&buffer[..12]), "82c9000d0000000700000001");
        assert_eq!(ReportBlock::parse(&buffer[32..]), block);
        assert_eq!(block.cumulative_loss(), -1);
        assert_eq!(write_rr(&mut buffer, 7, &[block; 3]), None);
        let info = SenderInfo { ntp: 0x1_0000_0002, rtp_timestamp: 3, packets: 4, octets: 5 };
        assert_eq!(write_sr(&mut buffer, 7, &info), Some(28));
        assert_eq!(hex(&buffer[..28]), "80c80006000000070000000100000002000000030000000400000005");
    }
}
