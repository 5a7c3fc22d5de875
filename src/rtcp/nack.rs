//! Generic NACKs (RFC 4585 §6.2.1).

use super::compound::{NACK, RTPFB, blocks, set_word};

/// The sequence numbers that the first NACK block of a compound asks for, in its order (HL-144).
pub fn nacks(packet: &[u8]) -> impl Iterator<Item = u16> {
    let entries = blocks(packet)
        .find(|block| block.is(RTPFB, NACK))
        .and_then(|block| block.bytes(packet).get(12..))
        .unwrap_or_default();
    entries.chunks_exact(4).flat_map(|entry| {
        let first = u16::from_be_bytes([entry[0], entry[1]]);
        let mask = u16::from_be_bytes([entry[2], entry[3]]);
        let following = (0..16).filter(move |bit| mask & (1 << bit) != 0);
        std::iter::once(first).chain(following.map(move |bit| first.wrapping_add(bit + 1)))
    })
}

/// Removes the first NACK block in place and returns the new length, which may be 0 (HL-145).
pub fn remove(packet: &mut [u8]) -> usize {
    // One without an entry is none.
    let found = blocks(packet).find(|block| block.is(RTPFB, NACK) && block.bytes(packet).len() >= 16);
    match found {
        Some(block) => {
            packet.copy_within(block.end.., block.start);
            packet.len() - (block.end - block.start)
        }
        None => packet.len(),
    }
}

/// Writes one NACK block with SSRCs 0 and returns its length. `sequences` should ascend, as numbers or modulo 2^16; one
/// that does neither after the one before it is left out. `None`: no numbers, under 16 bytes of room, or too few for
/// the list (HL-154, HL-155).
pub fn build(buffer: &mut [u8], sequences: impl IntoIterator<Item = u16>) -> Option<usize> {
    if buffer.len() < 16 {
        return None;
    }
    let (mut at, mut last) = (8, None);
    let (mut first, mut mask) = (0u16, 0u16);
    for sequence in sequences {
        match last {
            Some(last) if sequence <= last && sequence.wrapping_sub(last) as i16 <= 0 => continue,
            Some(_) if (1..=16).contains(&sequence.wrapping_sub(first)) => {
                mask |= 1 << (sequence.wrapping_sub(first) - 1)
            }
            _ => {
                at += 4;
                (first, mask) = (sequence, 0);
            }
        }
        last = Some(sequence);
        let room = buffer.get_mut(at..at + 4)?;
        set_word(room, 0, (u32::from(first) << 16) | u32::from(mask));
    }
    let length = last.map(|_: u16| at + 4)?;
    set_word(buffer, 0, 0x81cd_0000 | (length as u32 / 4 - 1));
    buffer[4..12].fill(0);
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::super::compound::tests::{hex, unhex};
    use super::*;

    const LIST: [u16; 6] = [100, 101, 105, 116, 117, 200];
    /// Observed.
    const BYTES: &str = "81cd0005 00000000 00000000 00648011 00750000 00c80000";

    // HL-154
    #[test]
    fn three_blocks() {
        let mut buffer = [0xff; 64];
        let length = build(&mut buffer, LIST).unwrap();
        assert_eq!(hex(&buffer[..length]), BYTES.replace(' ', ""));
        let length = build(&mut buffer, [5, 5, 4, 6]).unwrap();
        assert_eq!(hex(&buffer[..length]), "81cd0003000000000000000000050001");
    }

    #[test]
    fn lists_may_wrap() {
        let mut buffer = [0; 64];
        let length = build(&mut buffer, [65535, 2, 65535]).unwrap();
        assert_eq!(hex(&buffer[12..length]), "ffff0004".to_owned() + "ffff0000");
        let length = build(&mut buffer, [1, 65534]).unwrap();
        assert_eq!(hex(&buffer[12..length]), "00010000fffe0000");
        assert_eq!(build(&mut buffer, []), None);
    }

    // HL-155
    #[test]
    fn too_small() {
        assert_eq!(build(&mut [0; 15], LIST), None);
        assert_eq!(build(&mut [0; 20], LIST), None);
        assert_eq!(build(&mut [0; 24], LIST), Some(24));
    }

    // HL-144
    #[test]
    fn expansion() {
        assert!(nacks(&unhex(BYTES)).eq(LIST));
        let two = unhex("81cd0003 00000000 00000000 ffff0001 81cd0003 00000000 00000000 00010000");
        assert!(nacks(&two).eq([65535, 0]));
        assert_eq!(nacks(&two[..14]).count(), 0);
    }

    // HL-145
    #[test]
    fn removal() {
        let mut packet =
            unhex("80c90001 00000009 81cd0003 00000000 00000000 ffff0001 81ce0002 00000001 00000002");
        let length = remove(&mut packet);
        assert_eq!(hex(&packet[..length]), "80c900010000000981ce00020000000100000002");
        let mut packet = unhex(BYTES);
        assert_eq!(remove(&mut packet), 0);
        assert_eq!(remove(&mut packet[..10]), 10);
    }
}
