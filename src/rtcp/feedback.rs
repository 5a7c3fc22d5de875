//! Requests for key frames, and goodbyes.

use super::compound::{BYE, FIR, FULL_INTRA, PLI, PSFB, blocks, set_word};

/// Length of a PLI.
pub const PLI_LEN: usize = 12;
/// Length of a FIR with one entry.
pub const FIR_LEN: usize = 20;

/// A BYE anywhere in the compound.
pub fn has_bye(packet: &[u8]) -> bool {
    blocks(packet).any(|block| block.packet_type == BYE)
}

/// A picture loss indication anywhere in the compound (HL-142).
pub fn has_pli(packet: &[u8]) -> bool {
    blocks(packet).any(|block| block.is(PSFB, PLI))
}

/// A full intra request: of RFC 2032, and with `rfc5104` also of RFC 5104, which browsers send (HL-143).
pub fn has_fir(packet: &[u8], rfc5104: bool) -> bool {
    blocks(packet).any(|block| block.packet_type == FIR || (rfc5104 && block.is(PSFB, FULL_INTRA)))
}

/// A PLI with both SSRCs 0 (HL-151).
pub fn pli() -> [u8; PLI_LEN] {
    [0x81, PSFB, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// A FIR of RFC 5104 with SSRCs 0; `command` is its sequence number (HL-152).
pub fn fir(command: u8) -> [u8; FIR_LEN] {
    let mut packet = [0; FIR_LEN];
    set_word(&mut packet, 0, 0x84ce_0004);
    packet[16] = command;
    packet
}

#[cfg(test)]
mod tests {
    use super::super::compound::tests::{hex, unhex};
    use super::*;

    // HL-142, HL-143
    #[test]
    fn requests_are_found_anywhere() {
        let compound = unhex("80c90001 00000009 81ce0002 00000001 00000002");
        assert!(has_pli(&compound) && !has_fir(&compound, true) && !has_bye(&compound));
        assert!(!has_pli(&unhex("80c90001 00000009 81ce0003 00000001 00000002")));
        let modern = unhex("84ce0004 00000000 00000000 00000000 01000000");
        assert!(has_fir(&modern, true) && !has_fir(&modern, false));
        assert!(has_fir(&unhex("80c00001 00000009"), false));
        assert!(has_bye(&unhex("81cb0001 00000009")));
    }

    // HL-151, HL-152
    #[test]
    fn requests_are_built() {
        assert_eq!(hex(&pli()), "81ce00020000000000000000");
        assert_eq!(hex(&fir(7)), "84ce000400000000000000000000000007000000");
    }
}
