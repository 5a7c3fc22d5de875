use super::*;

fn packet(payload_type: u8, sequence: u16, timestamp: u32, ssrc: u32) -> [u8; 12] {
    let mut bytes = [0x80, payload_type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut header = Header::new(&mut bytes[..]).unwrap();
    header.set_sequence(sequence);
    header.set_timestamp(timestamp);
    header.set_ssrc(ssrc);
    bytes
}

/// Passes one packet through and returns its new numbers.
fn update(context: &mut SwitchingContext, mut bytes: [u8; 12], video: bool, now: i64) -> (u16, u32) {
    context.header_update(&mut bytes, video, now);
    let header = Header::new(&bytes[..]).unwrap();
    (header.sequence(), header.timestamp())
}

// HL-095, HL-096
#[test]
fn a_fresh_context_starts_at_one_and_keeps_order() {
    let mut context = SwitchingContext::default();
    assert_eq!(update(&mut context, packet(96, 1000, 5000, 7), true, 10), (1, 0));
    assert_eq!(update(&mut context, packet(96, 1002, 5180, 7), true, 20), (3, 180));
    assert_eq!(update(&mut context, packet(96, 1001, 5090, 7), true, 30), (2, 90));
}

// HL-097, HL-098
#[test]
fn a_new_source_continues_after_the_elapsed_time() {
    for (payload_type, video, khz) in
        [(96, true, 90), (111, false, 48), (0, false, 8), (8, false, 8), (9, false, 8)]
    {
        let mut context = SwitchingContext::default();
        update(&mut context, packet(payload_type, 9, 100, 1), video, 1_000_000);
        let next = update(&mut context, packet(payload_type, 60000, 777, 2), video, 1_020_000);
        assert_eq!(next, (2, 20 * khz), "{payload_type}");
        // No time passed: at least one.
        let third = update(&mut context, packet(payload_type, 4, 4, 3), video, 1_020_000);
        assert_eq!(third, (3, 20 * khz + 1));
    }
}

// HL-099
#[test]
fn seq_reset_alone_keeps_the_timestamps() {
    let mut context = SwitchingContext::default();
    update(&mut context, packet(96, 10, 1000, 1), true, 1);
    context.seq_reset = 1;
    assert_eq!(update(&mut context, packet(96, 500, 4000, 1), true, 2), (2, 3000));
}

// HL-101
#[test]
fn skipping_hides_one_packet() {
    let mut context = SwitchingContext::default();
    update(&mut context, packet(96, 10, 0, 1), true, 1);
    context.skip_one();
    assert_eq!(update(&mut context, packet(96, 12, 0, 1), true, 2).0, 2);
}

const STEP: i64 = 20_000;

/// Sends audio at `rate` × real time from `count` packets on and returns the results that are not steady.
fn run(context: &mut SwitchingContext, count: i64, rate: f64) -> Vec<(i64, Skew)> {
    let mut seen = Vec::new();
    for n in 0..count {
        let now = 1_000_000 + n * STEP;
        let mut bytes = packet(111, n as u16, (n as f64 * 960.0 * rate) as u32, 1);
        context.header_update(&mut bytes, false, now);
        let before = bytes;
        let skew = context.skew_compensate(&mut bytes, false, now);
        if now - 1_000_000 < 10_000_000 {
            // HL-102, HL-103
            assert_eq!((skew, bytes), (Skew::Steady, before));
        }
        if skew != Skew::Steady {
            seen.push((n, skew));
        }
    }
    seen
}

// HL-102, HL-103, HL-104
#[test]
fn a_slow_source_jumps_forward() {
    let mut context = SwitchingContext::default();
    let seen = run(&mut context, 4000, 0.995);
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|(_, skew)| *skew == Skew::Jump(7) || *skew == Skew::Jump(6)), "{seen:?}");
    assert_eq!(context.ts_offset, 5760 * seen.len() as i32);
}

// HL-105
#[test]
fn a_fast_source_is_dropped_until_the_target() {
    let mut context = SwitchingContext::default();
    let seen = run(&mut context, 4000, 1.005);
    assert!(seen.len() >= 6 && seen.iter().all(|(_, skew)| *skew == Skew::Drop), "{seen:?}");
    let first_run = seen.windows(2).take_while(|w| w[1].0 == w[0].0 + 1).count() + 1;
    assert_eq!(first_run, 6);
    assert!(context.ts_offset <= -5760);
    assert_eq!(i32::from(context.seq_offset), -(seen.len() as i32));
}

// HL-106
#[test]
fn a_new_source_starts_anew() {
    let mut context = SwitchingContext::default();
    run(&mut context, 4000, 0.995);
    let mut bytes = packet(111, 1, 1, 99);
    context.header_update(&mut bytes, false, 200_000_000);
    assert_eq!(context.new_ssrc, 1);
    assert_eq!(context.skew_compensate(&mut bytes, false, 200_000_000), Skew::Steady);
    let state =
        (context.new_ssrc, context.ts_offset, context.seq_offset, context.start_time, context.reference_time);
    assert_eq!(state, (0, 0, 0, 0, 200_000_000));
}

#[test]
fn short_packets_are_left_alone() {
    let mut context = SwitchingContext::default();
    let mut bytes = [0x80u8; 11];
    context.header_update(&mut bytes, true, 1);
    assert_eq!(context.skew_compensate(&mut bytes, true, 1), Skew::Steady);
    assert_eq!((bytes, context), ([0x80; 11], SwitchingContext::default()));
}
