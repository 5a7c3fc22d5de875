//! Redundant audio data (RFC 2198).

/// One block of a RED payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedBlock<'a> {
    pub payload_type: u8,
    /// How much older than the packet, timestamp units; 0 for the primary block.
    pub timestamp_offset: u16,
    pub data: &'a [u8],
}

/// The blocks of `payload`, redundant ones first, the primary one last, unless it is empty. `None` when a header or a
/// block reaches beyond the payload (HL-234, HL-235).
pub fn blocks(payload: &[u8]) -> Option<impl Iterator<Item = RedBlock<'_>>> {
    let primary = headers(payload).last().filter(|head| head.last)?.at;
    let redundant: usize = headers(payload).map(|head| head.length).sum();
    let mut data = payload.get(primary + 1..).filter(|data| redundant <= data.len())?;
    Some(headers(payload).filter_map(move |head| {
        let (own, rest) = data.split_at(if head.last { data.len() } else { head.length });
        data = rest;
        let block =
            RedBlock { payload_type: head.payload_type, timestamp_offset: head.timestamp_offset, data: own };
        (!head.last || !own.is_empty()).then_some(block)
    }))
}

struct BlockHeader {
    at: usize,
    last: bool,
    payload_type: u8,
    timestamp_offset: u16,
    length: usize,
}

/// The block headers up to the primary one's, or to a truncated one.
fn headers(payload: &[u8]) -> impl Iterator<Item = BlockHeader> {
    let (mut at, mut done) = (0, false);
    std::iter::from_fn(move || {
        let first = *payload.get(at).filter(|_| !done)?;
        let payload_type = first & 0x7f;
        if first & 0x80 == 0 {
            done = true;
            return Some(BlockHeader { at, last: true, payload_type, timestamp_offset: 0, length: 0 });
        }
        let rest = payload.get(at + 1..at + 4)?;
        let timestamp_offset = (u16::from(rest[0]) << 6) | u16::from(rest[1] >> 2);
        let length = (usize::from(rest[1] & 3) << 8) | usize::from(rest[2]);
        at += 4;
        Some(BlockHeader { at: at - 4, last: false, payload_type, timestamp_offset, length })
    })
}

/// Writes headers, then data; returns the length. `None` when it does not fit, or when a redundant block has 1024 bytes
/// or more.
pub fn pack<'a>(buffer: &mut [u8], blocks: impl Iterator<Item = RedBlock<'a>> + Clone) -> Option<usize> {
    let count = blocks.clone().count();
    let mut at = 0;
    for (n, block) in blocks.clone().enumerate() {
        if n + 1 == count {
            *buffer.get_mut(at)? = block.payload_type & 0x7f;
            at += 1;
        } else {
            let length = u32::try_from(block.data.len()).ok().filter(|length| *length < 1024)?;
            let offset = u32::from(block.timestamp_offset & 0x3fff);
            let word = (0x80 | u32::from(block.payload_type)) << 24 | offset << 10 | length;
            buffer.get_mut(at..at + 4)?.copy_from_slice(&word.to_be_bytes());
            at += 4;
        }
    }
    for block in blocks {
        buffer.get_mut(at..at + block.data.len())?.copy_from_slice(block.data);
        at += block.data.len();
    }
    Some(at)
}

/// Gives every block this payload type.
pub fn replace_payload_type(payload: &mut [u8], payload_type: u8) {
    let mut at = 0;
    while let Some(first) = payload.get_mut(at) {
        let more = *first & 0x80;
        *first = more | (payload_type & 0x7f);
        if more == 0 {
            break;
        }
        at += 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKS: [RedBlock<'_>; 2] = [
        RedBlock { payload_type: 111, timestamp_offset: 960, data: b"AAA" },
        RedBlock { payload_type: 111, timestamp_offset: 0, data: b"BBBB" },
    ];
    /// Observed.
    const BYTES: &[u8] = b"\xef\x0f\x00\x03\x6fAAABBBB";

    // HL-234
    #[test]
    fn blocks_are_packed_and_found() {
        let mut buffer = [0; 12];
        assert_eq!(pack(&mut buffer, BLOCKS.into_iter()), Some(12));
        assert_eq!(buffer, BYTES);
        assert!(blocks(BYTES).unwrap().eq(BLOCKS));
        assert_eq!(pack(&mut buffer[..11], BLOCKS.into_iter()), None);
        let range = BYTES.as_ptr_range();
        assert!(blocks(BYTES).unwrap().all(|block| range.contains(&block.data.as_ptr())));
    }

    // HL-235
    #[test]
    fn broken_lengths() {
        assert!(blocks(b"\xef\x0f\x00\x09\x6fAAABBBB").is_none());
        assert!(blocks(&BYTES[..3]).is_none());
        assert!(blocks(&BYTES[..4]).is_none());
        assert!(blocks(b"").is_none());
        // Observed: an empty primary block is not listed, an empty redundant one is.
        assert_eq!(blocks(b"\x6f").unwrap().count(), 0);
        assert_eq!(blocks(b"\xef\0\0\x01\x6f\x01").unwrap().count(), 1);
        assert_eq!(blocks(b"\xef\0\0\0\x6f\x01").unwrap().count(), 2);
        for length in 0..=BYTES.len() {
            for at in 0..length {
                for value in [0, 0x7f, 0x80, 0xff] {
                    let mut bytes = BYTES[..length].to_vec();
                    bytes[at] = value;
                    blocks(&bytes)
                        .into_iter()
                        .flatten()
                        .for_each(|block| assert!(block.data.len() <= length));
                    replace_payload_type(&mut bytes, 1);
                }
            }
        }
    }

    #[test]
    fn payload_types_are_replaced() {
        let mut bytes = BYTES.to_vec();
        replace_payload_type(&mut bytes, 96);
        assert!(blocks(&bytes).unwrap().all(|block| block.payload_type == 96));
    }
}
