use super::*;
use crate::rtcp::{context::Context, feedback, nack, remb, report, ssrc};

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

// HL-130
#[test]
fn rtcp_is_told_by_type_and_length() {
    for second in 0..=255u8 {
        assert_eq!(is_rtcp(&[0x80, second, 0, 1, 0, 0, 0, 0]), (64..=95).contains(&(second & 0x7f)));
    }
    assert!(!is_rtcp(&[0x80, 200, 0, 1, 0, 0, 0]));
}

// HL-131
#[test]
fn lengths_are_checked() {
    assert_eq!(block_length(&unhex("80c90001 00000009")), Some(8));
    assert_eq!(block_length(&unhex("80c90002 00000009")), None);
    assert_eq!(block_length(&unhex("80c90000 000000")), None);
    assert_eq!(block_length(&unhex("00c90001 00000009")), None);
}

#[test]
fn a_length_of_zero_ends_the_walk() {
    let packet = unhex("80c90000 80c90001 00000009");
    assert_eq!(blocks(&packet).count(), 1);
}

/// SR with one block, SDES, XR, NACK, TWCC, TMMBR, PLI, FIR, REMB, BYE, APP, legacy FIR.
const EVERYTHING: &str = "81c8000c 00000009 00000001 00000002 000003e9 00000004 00000005 \
    aaaaaaaa 01000002 00000003 00000004 00000005 00000006 \
    81ca0002 00000000 01000000 80cf0001 00000001 81cd0003 00000001 00000002 00030004 \
    8fcd0004 00000001 00000002 00030000 00000000 83cd0004 00000001 00000002 00000003 00000004 \
    81ce0002 00000001 00000002 84ce0004 00000001 00000002 00000003 01000000 \
    8fce0005 00000001 00000002 52454d42 010bd090 00000000 \
    81cb0001 00000001 80cc0002 00000001 41424344 80c00001 00000001";

// HL-138, HL-139
#[test]
fn the_filter_keeps_what_the_core_does_not_answer() {
    let mut packet = unhex(EVERYTHING);
    let length = filter(&mut packet);
    let kept: Vec<(u8, u8)> = blocks(&packet[..length]).map(|b| (b.packet_type, b.count)).collect();
    assert_eq!(kept, [(205, 3), (206, 1), (206, 4), (206, 15), (203, 1), (204, 0), (192, 0)]);
    assert_eq!(filter(&mut unhex("80c90001 00000009")), 0);
    assert_eq!(filter(&mut unhex("81ce0002 00000001 00000002 81ce")), 0);
}

#[test]
fn damaged_compounds_do_no_harm() {
    let good = unhex(EVERYTHING);
    let now = report::Now { monotonic: 10_000_000, ntp: 7 << 32 };
    let check = |bytes: &mut Vec<u8>| {
        let mut context = Context::default();
        let rewrite = ssrc::Rewrite { local: 1, remote: 2 };
        let _ = ssrc::fix(bytes, Some(rewrite), Some(&mut context), now);
        ssrc::swap_report_blocks(bytes, 0xaaaa_aaaa);
        let _ = (ssrc::sender(bytes), ssrc::receiver(bytes, true), remb::bitrate(bytes));
        let _ = (feedback::has_bye(bytes), feedback::has_pli(bytes), feedback::has_fir(bytes, true));
        let _ = remb::set_bitrate(bytes, 5);
        let _ = report::fix_report_data(bytes, &report::ReportRewrite { expected: 1, ..Default::default() });
        assert!(nack::nacks(bytes).count() <= bytes.len() * 17);
        assert!(nack::remove(bytes) <= bytes.len());
        assert!(filter(bytes) <= bytes.len());
    };
    for length in 0..=good.len() {
        check(&mut good[..length].to_vec());
    }
    for at in 0..good.len() {
        for flip in [1u8, 2, 0x10, 0x1f, 0x40, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            check(&mut bytes);
        }
    }
}
