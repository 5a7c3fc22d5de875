//! Every reader and every in-place writer of RTCP.
#![no_main]

use janus_rs::rtcp::context::Incoming;
use janus_rs::rtcp::report::{Now, ReportRewrite, fix_report_data};
use janus_rs::rtcp::ssrc::{self, Rewrite};
use janus_rs::rtcp::{Context, compound, feedback, is_rtcp, nack, remb, sdes, twcc};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    is_rtcp(data);
    compound::blocks(data).count();
    ssrc::sender(data);
    ssrc::receiver(data, true);
    ssrc::receiver(data, false);
    feedback::has_bye(data);
    feedback::has_pli(data);
    feedback::has_fir(data, true);
    feedback::has_fir(data, false);
    remb::bitrate(data);
    let sequences: Vec<u16> = nack::nacks(data).collect();

    let mut context = Context::default();
    context.incoming_rtp(data, Incoming::default(), 1_000_000);
    context.incoming_rtp(data, Incoming { clock: Some(90_000), ..Incoming::default() }, 2_000_000);
    let mut packet = data.to_vec();
    let now = Now { monotonic: 3_000_000, ntp: 0x1234_5678_9abc_def0 };
    let _ = ssrc::fix(&mut packet, Some(Rewrite { local: 1, remote: 2 }), Some(&mut context), now);
    let _ = ssrc::fix(&mut packet, None, Some(&mut context), Now { monotonic: 6_000_000, ..now });
    context.report_block(7_000_000);
    context.lost_all(true);
    context.jitter_ms(false);
    ssrc::swap_report_blocks(&mut packet, 2);
    let _ = remb::set_bitrate(&mut packet, 1_000_000);
    let _ = fix_report_data(&mut packet, &ReportRewrite { expected: ssrc::sender(data), ..Default::default() });
    for shorten in [nack::remove, compound::filter] {
        let mut packet = data.to_vec();
        assert!(shorten(&mut packet) <= data.len());
    }

    let mut buffer = [0; 300];
    if let Some(len) = nack::build(&mut buffer, sequences.iter().copied()) {
        assert!(len <= buffer.len());
    }
    sdes::cname(&mut buffer, data);
    let arrivals = data.chunks_exact(3).map(|c| twcc::Arrival {
        sequence: u32::from(c[0]),
        time: u64::from(c[1]) << c[2].min(63),
    });
    if let Some(len) = twcc::build(&mut buffer, 1, 2, 3, arrivals) {
        assert!(len.is_multiple_of(4));
    }
});
