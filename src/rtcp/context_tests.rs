use super::*;

fn receive(context: &mut Context, sequence: u16, timestamp: u32, how: Incoming, now: i64) {
    let mut packet = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let mut header = Header::new(&mut packet[..]).unwrap();
    header.set_sequence(sequence);
    header.set_timestamp(timestamp);
    assert!(context.incoming_rtp(&packet, how, now));
}

const VIDEO: Incoming =
    Incoming { rtx: false, rtx_enabled: false, no_retransmissions: false, clock: Some(90_000) };

// HL-160, HL-161, HL-162
#[test]
fn report_blocks() {
    let mut context = Context::default();
    for sequence in [65530u16, 65531, 65533, 65534, 65535, 0, 1, 2] {
        receive(&mut context, sequence, 0, VIDEO, 1_000_000);
    }
    let block = context.report_block(2_000_000);
    assert_eq!((block.last_sr, block.delay), (0, 0));
    assert_eq!(block.highest, 0x1_0002);
    assert_eq!(block.loss, ((256 / 9) << 24) | 1);
    // A late packet fills the gap, but what was counted as lost stays.
    receive(&mut context, 65532, 0, VIDEO, 3_000_000);
    receive(&mut context, 3, 0, VIDEO, 3_000_000);
    context.incoming_sr(0x1111_2222, 0x3333_4444, 3_000_000);
    let block = context.report_block(3_500_000);
    assert_eq!(block.loss, 1);
    assert_eq!((block.last_sr, block.delay), (0x2222_3333, 32768));
    assert_eq!(context.lost_all(false), 1);
    // All of an interval lost: the fraction stays within its byte.
    context.expected += 10;
    assert_eq!(context.report_block(4_000_000).loss, (255 << 24) | 11);
}

// HL-163, HL-166
#[test]
fn jitter_follows_the_clock() {
    let mut context = Context::default();
    receive(&mut context, 1, 0, VIDEO, 1_000_000);
    receive(&mut context, 2, 900, VIDEO, 1_010_000);
    assert_eq!(context.jitter, 0.0);
    // 16 ms late: one sixteenth of 1440.
    receive(&mut context, 3, 1800, VIDEO, 1_036_000);
    assert_eq!((context.jitter, context.jitter_ms(false)), (90.0, 1));
    receive(&mut context, 4, 1800, Incoming { clock: Some(48_000), ..VIDEO }, 1_036_000);
    assert_eq!(context.tb, 48_000);
    assert_eq!(Context::default().jitter_ms(true), 0);
    // A wrapping timestamp is no jump.
    let mut context = Context::default();
    receive(&mut context, 1, u32::MAX - 899, VIDEO, 1_000_000);
    receive(&mut context, 2, 0, VIDEO, 1_010_000);
    assert_eq!(context.jitter, 0.0);
}

// HL-164
#[test]
fn rtx_is_only_counted() {
    let mut context = Context::default();
    receive(&mut context, 10, 0, VIDEO, 1_000_000);
    let before = context;
    receive(&mut context, 20, 5, Incoming { rtx: true, ..VIDEO }, 2_000_000);
    assert_eq!(context, Context { retransmitted: 1, ..before });
}

// HL-165
#[test]
fn late_packets() {
    let no_nack = Incoming { no_retransmissions: true, ..VIDEO };
    let rtx = Incoming { rtx_enabled: true, ..VIDEO };
    for (how, age, retransmitted) in
        [(VIDEO, 10801, 1), (VIDEO, 10800, 0), (no_nack, 10801, 0), (rtx, 10801, 0)]
    {
        let mut context = Context::default();
        receive(&mut context, 10, 50_000, how, 1_000_000);
        receive(&mut context, 12, 50_000, how, 1_000_000);
        receive(&mut context, 11, 50_000 - age, how, 1_000_000);
        assert_eq!((context.retransmitted, context.received), (retransmitted, 3 - retransmitted));
        assert_eq!((context.expected, context.max_seq_nr), (3, 12));
    }
}

// HL-167
#[test]
fn round_trip_time() {
    let mut context = Context::default();
    let now = Now { monotonic: 9_000_000, ntp: 0x0000_0010_8000_0000 };
    context.incoming_rr(&ReportBlock { jitter: 5, loss: 0x01ff_fffe, ..Default::default() }, now);
    assert_eq!((context.rtt, context.jitter_remote, context.lost_all(true)), (0, 5.0, -2));
    // Sent at 16.0 s, held back for 0.25 s, heard at 16.5 s.
    let block = ReportBlock { last_sr: 0x0010_0000, delay: 0x4000, ..Default::default() };
    context.incoming_rr(&block, now);
    assert_eq!(
        (context.rtt, context.rtt_ntp, context.rtt_lsr, context.rtt_dlsr),
        (250, 0x0010_8000, 0x0010_0000, 0x4000)
    );
    let early = ReportBlock { last_sr: 0x0010_7fff, delay: 2, ..Default::default() };
    context.incoming_rr(&early, now);
    assert_eq!(context.rtt, 0);
}

// HL-168
#[test]
fn new_samples_weigh_a_third() {
    let mut value = 0.0;
    smooth(&mut value, 90.0);
    assert_eq!(value, 90.0);
    smooth(&mut value, 30.0);
    assert_eq!(rounded(value), 70);
    let mut value = f64::NAN;
    smooth(&mut value, 50.0);
    assert_eq!(rounded(value), 50);
}

// HL-169
#[test]
fn outgoing_quality() {
    for (nacks, sent, lost, link, media) in
        [(0, 0, 0, 100, 100), (100, 100, 100, 0, 0), (25, 100, 10, 75, 90), (1, 0, 0, 0, 100)]
    {
        let mut context = Context::default();
        let mut now = Now { monotonic: 5_000_000, ntp: 0 };
        context.incoming_rr(&ReportBlock { highest: 1000, ..Default::default() }, now);
        assert_eq!(context.out_link_quality, 0.0);
        context.sent_packets_since_last_rr = sent;
        context.nack_count = nacks;
        now.monotonic += 2_000_000;
        context.incoming_rr(&ReportBlock { highest: 1100, loss: lost, ..Default::default() }, now);
        let seen = (rounded(context.out_link_quality), rounded(context.out_media_link_quality));
        assert_eq!(seen, (link, media));
        assert_eq!(context.sent_packets_since_last_rr, 0);
    }
}

#[test]
fn incoming_quality() {
    let mut context = Context::default();
    for sequence in [1u16, 2, 4] {
        receive(&mut context, sequence, 0, VIDEO, 1_000_000);
    }
    receive(&mut context, 3, 0, Incoming { rtx: true, ..VIDEO }, 1_000_000);
    context.report_block(2_000_000);
    assert_eq!((context.in_link_quality, context.in_media_link_quality), (75.0, 100.0));
    assert!(!context.incoming_rtp(&[0x80; 11], VIDEO, 1));
}
