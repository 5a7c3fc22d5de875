//! Who sends a compound, whom it is about, and rewriting both.

use super::compound::{
    AFB, APP, BYE, Block, FULL_INTRA, Malformed, NACK, PLI, PSFB, RR, RTPFB, SDES, SR, TMMBR, Walk, XR,
    blocks, set_word, word,
};
use super::context::Context;
use super::remb;
use super::report::Now;

/// Sender SSRC of the first report or feedback block; 0 when there is none (HL-132).
pub fn sender(packet: &[u8]) -> u32 {
    let first = blocks(packet).find(|b| matches!(b.packet_type, SR | RR | RTPFB | PSFB | XR));
    first.map_or(0, |block| word(block.bytes(packet), 4))
}

/// The SSRC that the first report block, transport feedback or PLI is about; 0 when there is none (HL-133).
/// `pli`: look at PLIs (1.4.1, not 1.1.2).
pub fn receiver(packet: &[u8], pli: bool) -> u32 {
    let about = |block: Block| match block.packet_type {
        SR | RR if block.count > 0 && block.reports_fit() => {
            Some(word(block.bytes(packet), block.reports_at()?))
        }
        RTPFB if block.bytes(packet).len() >= 16 => Some(word(block.bytes(packet), 8)),
        PSFB if pli && block.count == PLI => Some(word(block.bytes(packet), 8)),
        _ => None,
    };
    blocks(packet).find_map(about).unwrap_or(0)
}

/// Where the first report block is about the retransmission stream `rtx`, puts the second one first.
pub fn swap_report_blocks(packet: &mut [u8], rtx: u32) {
    let mut walk = Walk::new();
    while let Some(Ok(block)) = walk.next(packet) {
        let Some(at) = block.reports_at() else { continue };
        if block.count < 2 || !block.reports_fit() || word(block.bytes(packet), at) != rtx {
            continue;
        }
        let (first, second) = block.bytes_mut(packet)[at..at + 48].split_at_mut(24);
        first.swap_with_slice(second);
    }
}

/// The SSRCs that [`fix`] writes; 0 leaves the field alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rewrite {
    /// Becomes the sender.
    pub local: u32,
    /// Becomes what the block is about.
    pub remote: u32,
}

/// Validates a compound, rewrites its SSRCs when asked to, and updates `context` from the reports in it. What stands
/// before a malformed block has been dealt with already (HL-134 … HL-137).
pub fn fix(
    packet: &mut [u8],
    rewrite: Option<Rewrite>,
    mut context: Option<&mut Context>,
    now: Now,
) -> Result<(), Malformed> {
    let mut walk = Walk::new();
    while let Some(block) = walk.next(packet) {
        let block = block?;
        let bytes = block.bytes_mut(packet);
        let enough = match block.packet_type {
            SR | RR => block.reports_fit(),
            // An FCI is optional in a PLI only.
            RTPFB if block.count == NACK => bytes.len() >= 16,
            RTPFB if block.count == TMMBR => bytes.len() >= 20,
            PSFB if block.count == FULL_INTRA => bytes.len() >= 20,
            RTPFB | PSFB => bytes.len() >= 12,
            _ => true,
        };
        if !enough {
            return Err(Malformed);
        }
        if let Some(context) = context.as_deref_mut() {
            match block.packet_type {
                SR => context.incoming_sr(word(bytes, 8), word(bytes, 12), now.monotonic),
                RR if block.count > 0 => context.incoming_rr(&super::ReportBlock::parse(&bytes[8..]), now),
                _ => {}
            }
        }
        if let Some(rewrite) = rewrite {
            rewrite_block(block, bytes, rewrite);
        }
        if !matches!(block.packet_type, super::compound::FIR | SR..=XR) {
            tracing::error!("Unknown RTCP packet type {}", block.packet_type);
        }
    }
    Ok(())
}

fn rewrite_block(block: Block, bytes: &mut [u8], Rewrite { local, remote }: Rewrite) {
    let application = block.is(PSFB, AFB);
    if application && remote != 0 {
        set_word(bytes, 4, remote);
        set_word(bytes, 8, 0);
    }
    match block.packet_type {
        SR | RR | SDES | BYE | APP | RTPFB | PSFB | XR if local != 0 => set_word(bytes, 4, local),
        _ => {}
    }
    match (block.packet_type, block.count) {
        // Written together with the sender, whatever `remote` is.
        (SR | RR, 1..) if local != 0 => set_word(bytes, block.reports_at().unwrap_or(8), remote),
        (RTPFB, NACK) | (PSFB, PLI) if remote != 0 => set_word(bytes, 8, remote),
        (RTPFB, TMMBR) if remote != 0 => set_word(bytes, 12, remote),
        (PSFB, FULL_INTRA) if remote != 0 => {
            set_word(bytes, 8, remote);
            set_word(bytes, 12, remote);
        }
        (PSFB, AFB) if remote != 0 && remb::is_remb(bytes) => set_word(bytes, 20, remote),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::compound::tests::{hex, unhex};
    use super::*;

    fn fixed(text: &str, local: u32, remote: u32) -> String {
        let mut packet = unhex(text);
        fix(&mut packet, Some(Rewrite { local, remote }), None, Now::default()).unwrap();
        hex(&packet)
    }

    const BLOCK: &str = "aaaaaaaa 01000002 00000003 00000004 00000005 00000006";

    // HL-132, HL-133
    #[test]
    fn sender_and_receiver() {
        assert_eq!(sender(&unhex("81ca0002 00000007 01000000 80c90001 00000009")), 9);
        assert_eq!(sender(&unhex("81ca0002 00000007 01000000")), 0);
        let report = unhex(&format!("80c90001 00000009 81c90007 00000008 {BLOCK}"));
        assert_eq!(receiver(&report, true), 0xaaaa_aaaa);
        let pli = unhex("81ce0002 00000001 00000002");
        assert_eq!((receiver(&pli, true), receiver(&pli, false)), (2, 0));
        assert_eq!(receiver(&unhex("81cd0003 00000001 00000005 00010000"), false), 5);
    }

    // HL-134
    #[test]
    fn pli_gets_both() {
        assert_eq!(fixed("81ce0002 00000000 00000000", 0x11, 0x22), "81ce00020000001100000022");
        assert_eq!(fixed("81ce0002 00000005 00000006", 0, 0), "81ce00020000000500000006");
    }

    // HL-135
    #[test]
    fn remb_gets_its_first_feedback_ssrc() {
        let remb = "8fce0005 00000001 00000002 52454d42 010bd090 00000000";
        assert_eq!(fixed(remb, 0x11, 0x22), "8fce0005000000110000000052454d42010bd09000000022");
        assert_eq!(fixed(remb, 0, 0x22), "8fce0005000000220000000052454d42010bd09000000022");
        assert_eq!(fixed(remb, 0x11, 0), "8fce0005000000110000000252454d42010bd09000000000");
    }

    // HL-136
    #[test]
    fn truncated_compounds_are_malformed() {
        let mut packet = unhex("81ce0002 00000000 00000000 81ce0002 00000000");
        assert_eq!(fix(&mut packet, None, None, Now::default()), Err(Malformed));
        let mut packet = unhex("82c90007 00000008 aaaaaaaa 01000002 00000003 00000004 00000005 00000006");
        assert_eq!(fix(&mut packet, None, None, Now::default()), Err(Malformed));
    }

    // HL-137
    #[test]
    fn only_the_first_report_block_is_rewritten() {
        let packet = format!("82c9000d 00000008 {BLOCK} {BLOCK}");
        let out = fixed(&packet, 1, 2);
        assert!(out.starts_with("82c9000d0000000100000002"));
        assert_eq!(&out[64..72], "aaaaaaaa");
        assert_eq!(&fixed(&packet, 0, 2)[..24], "82c9000d00000008aaaaaaaa");
        assert_eq!(&fixed(&packet, 1, 0)[..24], "82c9000d0000000100000000");
    }

    #[test]
    fn fir_tmmbr_nack_sdes_bye() {
        let fir = "84ce0004 00000000 00000000 00000000 01000000";
        assert_eq!(fixed(fir, 1, 2), "84ce0004000000010000000200000002".to_owned() + "01000000");
        let tmmbr = "83cd0004 00000000 00000000 00000000 01000000";
        assert_eq!(fixed(tmmbr, 1, 2), "83cd0004000000010000000000000002".to_owned() + "01000000");
        assert_eq!(fixed("81cd0003 00000000 00000000 00010000", 1, 2), "81cd0003000000010000000200010000");
        assert_eq!(fixed("81cb0001 00000000", 1, 2), "81cb000100000001");
        assert_eq!(fixed("81ca0002 00000000 01000000", 1, 2), "81ca00020000000101000000");
    }

    #[test]
    fn the_retransmission_report_goes_second() {
        let other = BLOCK.replace("aaaaaaaa", "bbbbbbbb");
        let mut packet = unhex(&format!("82c9000d 00000008 {BLOCK} {other}"));
        swap_report_blocks(&mut packet, 0xbbbb_bbbb);
        assert_eq!(receiver(&packet, false), 0xaaaa_aaaa);
        swap_report_blocks(&mut packet, 0xaaaa_aaaa);
        assert_eq!(receiver(&packet, false), 0xbbbb_bbbb);
        assert_eq!(word(&packet, 32), 0xaaaa_aaaa);
    }
}
