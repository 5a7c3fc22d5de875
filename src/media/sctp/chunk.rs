//! The chunks of a packet, and how much of one the stack reads.
//!
//! The stack looks for the next chunk behind what it has understood of one, not where the chunk's length says: what else is in
//! there it would take for chunks that nobody has judged.
#![forbid(unsafe_code)]

use std::ops::Range;

/// Of a packet (RFC 9260 §3.1).
pub(super) const HEADER: usize = 12;
pub(super) const DATA: u8 = 0;
pub(super) const INIT: u8 = 1;
pub(super) const INIT_ACK: u8 = 2;
pub(super) const SACK: u8 = 3;
pub(super) const HEARTBEAT: u8 = 4;
pub(super) const ABORT: u8 = 6;
pub(super) const SHUTDOWN: u8 = 7;
pub(super) const SHUTDOWN_ACK: u8 = 8;
pub(super) const ERROR: u8 = 9;
pub(super) const COOKIE_ECHO: u8 = 10;
pub(super) const COOKIE_ACK: u8 = 11;
pub(super) const SHUTDOWN_COMPLETE: u8 = 14;
pub(super) const RECONFIG: u8 = 130;
pub(super) const FORWARD_TSN: u8 = 192;

pub(super) const RECONFIG_RESPONSE: u16 = 16;
/// Bytes of one without its optional part, which answers no request of ours.
pub(super) const RESPONSE: usize = 12;

/// Bytes before the parameters of an INIT or INIT ACK (RFC 9260 §3.3.2).
const PARAMETERS: usize = 20;
/// A parameter without a value (RFC 3758 §3.1), and one of 16-bit numbers (RFC 4895 §3.3).
const FORWARD_TSN_SUPPORTED: usize = 0xc000;
const REQUESTED_HMAC: usize = 0x8004;

/// Type of the first chunk.
pub(super) fn first_chunk(packet: &[u8]) -> Option<u8> {
    packet.get(HEADER).copied()
}

/// Type and extent, without padding, of the chunk at `at`.
pub(super) fn chunk_at(packet: &[u8], at: usize) -> Option<(u8, Range<usize>)> {
    let header = packet.get(at..at + 4)?;
    let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    (len >= 4 && at + len <= packet.len()).then(|| (header[0], at..at + len))
}

/// Bytes of this chunk, its header included, that are to be given to the stack. `None`: none, it is broken.
pub(super) fn extent(kind: u8, chunk: &[u8]) -> Option<usize> {
    let length = match kind {
        SACK => 16 + 4 * (be16(chunk, 12)? + be16(chunk, 14)?),
        // One parameter, the length of which has to include its header.
        HEARTBEAT => 4 + be16(chunk, 6).filter(|length| *length >= 4)?,
        INIT | INIT_ACK => parameters(chunk)?,
        COOKIE_ACK | SHUTDOWN_ACK | SHUTDOWN_COMPLETE => 4,
        // Without its causes, whose lengths the stack believes.
        ABORT => 4,
        _ => chunk.len(),
    };
    (length <= chunk.len()).then_some(length)
}

/// The end of the last parameter that is read.
fn parameters(chunk: &[u8]) -> Option<usize> {
    let (mut at, mut end) = (PARAMETERS, PARAMETERS);
    // One that is only a header is not read at the end.
    while chunk.len().saturating_sub(at) > 4 {
        let length = be16(chunk, at + 2)?;
        let is_understood = match be16(chunk, at)? {
            FORWARD_TSN_SUPPORTED => length == 4,
            REQUESTED_HMAC => length >= 4 && length.is_multiple_of(2),
            kind if kind == usize::from(RECONFIG_RESPONSE) => length == RESPONSE,
            _ => length >= 4,
        };
        end = at + length;
        if !is_understood || end > chunk.len() {
            return None;
        }
        at = end.next_multiple_of(4);
    }
    Some(end)
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    let number = bytes.get(at..at + 2)?;
    Some(usize::from(u16::from_be_bytes([number[0], number[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: u8, value: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, 0], value].concat()
    }

    #[test]
    fn what_the_stack_does_not_read_is_left_out() {
        let sack = |gaps, duplicates| {
            chunk(SACK, &[0, 0, 0, 1, 0, 0, 16, 0, 0, gaps, 0, duplicates, 1, 2, 3, 4, 5, 6, 7, 8])
        };
        for (gaps, duplicates, length) in [(0, 0, Some(16)), (1, 0, Some(20)), (1, 1, Some(24)), (2, 1, None)]
        {
            assert_eq!(extent(SACK, &sack(gaps, duplicates)), length, "{gaps} gaps, {duplicates} duplicates");
        }
        let heartbeat = |length| chunk(HEARTBEAT, &[0, 1, 0, length, 1, 2, 3, 4, 5, 6]);
        for (length, whole) in [(10, Some(14)), (7, Some(11)), (3, None), (11, None)] {
            assert_eq!(extent(HEARTBEAT, &heartbeat(length)), whole, "{length}");
        }
        for kind in [COOKIE_ACK, SHUTDOWN_ACK, SHUTDOWN_COMPLETE, ABORT] {
            assert_eq!(extent(kind, &chunk(kind, &[1, 2, 3, 4])), Some(4));
        }
        for short in 0..12 {
            assert_eq!(extent(SACK, &chunk(SACK, &vec![0; short])), None);
        }
    }

    #[test]
    fn parameters_end_where_the_stack_ends() {
        let init = |parameters: &[u8]| chunk(INIT_ACK, &[&[0; 16], parameters].concat());
        let cases: [(&[u8], Option<usize>); 8] = [
            (&[], Some(20)),
            (&[0xc0, 0, 0, 4], Some(20)),
            (&[0xc0, 0, 0, 4, 0, 7, 0, 6, 1, 2], Some(30)),
            (&[0, 7, 0, 6, 1, 2, 0, 0, 0xc0, 0, 0, 4], Some(26)),
            (&[0xc0, 0, 0, 8, 0, 0, 0, 0], None),
            (&[0, 16, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None),
            (&[0x80, 4, 0, 7, 0, 1, 0, 3], None),
            (&[0, 7, 0, 9, 0, 0, 0, 0], None),
        ];
        for (parameters, end) in cases {
            assert_eq!(extent(INIT_ACK, &init(parameters)), end, "{parameters:?}");
        }
        assert_eq!(extent(INIT, &chunk(INIT, &[0; 4])), None, "too short");
    }
}
