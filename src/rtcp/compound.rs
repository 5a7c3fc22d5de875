//! Walking a compound packet (RFC 3550 §6.1), and leaving out what the core answers itself.

/// Packet types.
pub const FIR: u8 = 192;
pub const SR: u8 = 200;
pub const RR: u8 = 201;
pub const SDES: u8 = 202;
pub const BYE: u8 = 203;
pub const APP: u8 = 204;
pub const RTPFB: u8 = 205;
pub const PSFB: u8 = 206;
pub const XR: u8 = 207;

/// Feedback message types of [`RTPFB`].
pub const NACK: u8 = 1;
pub const TMMBR: u8 = 3;
pub const TRANSPORT_CC: u8 = 15;
/// Feedback message types of [`PSFB`].
pub const PLI: u8 = 1;
pub const FULL_INTRA: u8 = 4;
pub const AFB: u8 = 15;

/// Shortest block the walk accepts.
pub const MIN_LEN: usize = 8;

/// A block that is too short for what it announces, or not version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// At least a header and an SSRC, and a packet type between 192 and 223 (RFC 5761 §4). HL-130.
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.len() >= MIN_LEN && (64..96).contains(&(packet[1] & 0x7f))
}

/// One block of a compound: its header's fields and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub packet_type: u8,
    /// Report count, source count or feedback message type.
    pub count: u8,
    pub start: usize,
    pub end: usize,
}

impl Block {
    /// The block's bytes within the packet it was found in.
    pub fn bytes<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        packet.get(self.start..self.end).unwrap_or_default()
    }

    pub fn bytes_mut<'a>(&self, packet: &'a mut [u8]) -> &'a mut [u8] {
        packet.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// Is this feedback of that packet type and message type?
    pub fn is(&self, packet_type: u8, message: u8) -> bool {
        self.packet_type == packet_type && self.count == message
    }

    /// Offset of the first report block within the block: 28 in an SR, 8 in an RR.
    pub fn reports_at(&self) -> Option<usize> {
        match self.packet_type {
            SR => Some(28),
            RR => Some(8),
            _ => None,
        }
    }

    /// Whether a report has room for its sender information and all report blocks it counts.
    pub fn reports_fit(&self) -> bool {
        self.reports_at().is_some_and(|at| at + 24 * usize::from(self.count) <= self.end - self.start)
    }
}

/// A position in a compound. The packet is passed to each step, so that it can be changed between them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Walk {
    at: usize,
    done: bool,
}

impl Walk {
    pub fn new() -> Self {
        Walk::default()
    }

    /// The next block; `None` after the last one, after a block of length field 0 and after a malformed one (HL-131).
    pub fn next(&mut self, packet: &[u8]) -> Option<Result<Block, Malformed>> {
        let rest = packet.get(self.at..).unwrap_or_default();
        if self.done || rest.is_empty() {
            return None;
        }
        let Some(length) = block_length(rest) else {
            self.done = true;
            return Some(Err(Malformed));
        };
        let (start, end) = (self.at, self.at + length);
        self.done = length == 4;
        self.at = end;
        Some(Ok(Block { packet_type: rest[1], count: rest[0] & 0x1f, start, end }))
    }
}

/// Length in bytes of the block that `rest` starts with. `None`: malformed.
pub fn block_length(rest: &[u8]) -> Option<usize> {
    if rest.len() < MIN_LEN || rest[0] >> 6 != 2 {
        return None;
    }
    let length = 4 * usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 4;
    (length <= rest.len()).then_some(length)
}

/// The acceptable blocks up to the first malformed one.
pub fn blocks(packet: &[u8]) -> impl Iterator<Item = Block> {
    let mut walk = Walk::new();
    std::iter::from_fn(move || walk.next(packet)?.ok())
}

/// Removes SR, RR, SDES, XR, NACK, transport-wide feedback and unknown types in place and returns the length of what
/// is left; 0 for a malformed compound (HL-138, HL-139).
pub fn filter(packet: &mut [u8]) -> usize {
    let (mut walk, mut kept) = (Walk::new(), 0);
    while let Some(block) = walk.next(packet) {
        let Ok(block) = block else { return 0 };
        let keep = match block.packet_type {
            FIR | BYE | APP | PSFB => true,
            RTPFB => block.count != NACK && block.count != TRANSPORT_CC,
            _ => false,
        };
        if keep {
            packet.copy_within(block.start..block.end, kept);
            kept += block.end - block.start;
        }
    }
    kept
}

/// Four bytes at `at`, 0 when they are not there.
pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

/// Writes four bytes at `at` when they are there.
pub(crate) fn set_word(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(room) = bytes.get_mut(at..at + 4) {
        room.copy_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
#[path = "tests.rs"]
pub(super) mod tests;
