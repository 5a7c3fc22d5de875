//! Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03).

use super::compound::{AFB, Malformed, PSFB, Walk, blocks, set_word, word};

/// Length of a REMB with one SSRC.
pub const LEN: usize = 24;

/// Is this application layer feedback a REMB with room for one SSRC, and for as many as it announces?
pub fn is_remb(block: &[u8]) -> bool {
    block.len() >= LEN && block.get(12..16) == Some(b"REMB") && 20 + 4 * usize::from(block[16]) <= block.len()
}

/// Bits per second of the first REMB, at most 32 bits; 0 when there is none (HL-146).
pub fn bitrate(packet: &[u8]) -> u32 {
    let first = blocks(packet).find(|block| block.is(PSFB, AFB) && is_remb(block.bytes(packet)));
    first.map_or(0, |block| {
        let rate = word(block.bytes(packet), 16);
        let (exponent, mantissa) = ((rate >> 18) & 0x3f, u128::from(rate & 0x3_ffff));
        u32::try_from(mantissa << exponent).unwrap_or(u32::MAX)
    })
}

/// Overwrites the bitrate of every REMB, also of a lower one; 0 changes nothing (HL-147, HL-148).
pub fn set_bitrate(packet: &mut [u8], bitrate: u32) -> Result<(), Malformed> {
    if bitrate == 0 {
        return Ok(());
    }
    let mut walk = Walk::new();
    while let Some(block) = walk.next(packet) {
        let block = block?;
        let bytes = block.bytes_mut(packet);
        if block.is(PSFB, AFB) && is_remb(bytes) {
            let count = word(bytes, 16) & 0xff00_0000;
            set_word(bytes, 16, count | encode(bitrate));
        }
    }
    Ok(())
}

/// Writes a REMB for `count` ≥ 1 SSRCs, all 0, and returns its length, 20 + 4·count. `None` when `count` is 0 or it
/// does not fit (HL-149, HL-150).
pub fn build(buffer: &mut [u8], bitrate: u32, count: u8) -> Option<usize> {
    let length = 20 + 4 * usize::from(count);
    let room = buffer.get_mut(..length).filter(|_| count > 0)?;
    room.fill(0);
    set_word(room, 0, 0x8fce_0000 | (length as u32 / 4 - 1));
    room[12..16].copy_from_slice(b"REMB");
    set_word(room, 16, (u32::from(count) << 24) | encode(bitrate));
    Some(length)
}

/// Six bits of exponent, the smallest that fits, and eighteen of mantissa.
fn encode(bitrate: u32) -> u32 {
    let exponent = (32 - bitrate.leading_zeros()).saturating_sub(18);
    (exponent << 18) | (bitrate >> exponent)
}

#[cfg(test)]
mod tests {
    use super::super::compound::tests::{hex, unhex};
    use super::*;

    // HL-146, HL-149
    #[test]
    fn rates_are_coded() {
        let mut buffer = [0xff; 24];
        // Observed.
        for (rate, word) in [(1_000_000, "010bd090"), (256_000, "0103e800")] {
            assert_eq!(build(&mut buffer, rate, 1), Some(24));
            assert_eq!(hex(&buffer), format!("8fce0005000000000000000052454d42{word}00000000"));
            assert_eq!(bitrate(&buffer), rate);
        }
        build(&mut buffer, u32::MAX, 1);
        assert_eq!(bitrate(&buffer), 0xffff_c000);
        assert_eq!(bitrate(&unhex("81ce0002 00000000 00000000")), 0);
        assert_eq!(bitrate(&unhex("8fce0005 00000000 00000000 52454d42 01ffffff 00000000")), u32::MAX);
    }

    // HL-150
    #[test]
    fn room_is_needed() {
        assert_eq!(build(&mut [0; 23], 1, 1), None);
        assert_eq!(build(&mut [0; 64], 1, 0), None);
        assert_eq!(build(&mut [0; 64], 1, 3), Some(32));
    }

    // HL-147, HL-148
    #[test]
    fn rates_are_overwritten() {
        let mut packet = [0; 24];
        build(&mut packet, 256_000, 1);
        let before = packet;
        assert_eq!(set_bitrate(&mut packet, 0), Ok(()));
        assert_eq!(packet, before);
        assert_eq!(set_bitrate(&mut packet, 1_000_000), Ok(()));
        assert_eq!(bitrate(&packet), 1_000_000);
        assert_eq!(set_bitrate(&mut packet[..10], 1), Err(Malformed));
    }
}
