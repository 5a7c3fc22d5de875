//! The structs of `rtcp.h`: wire formats in network order, so that only their sizes and offsets matter here, and the
//! statistics context.

use crate::rtcp::Context;
use libc::c_char;

/// Declares a struct with its layout.
macro_rules! wire {
    ($($(#[$meta:meta])* $name:ident: $size:literal { $($field:ident: $ty:ty = $offset:literal),* $(,)? })*) => { $(
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types)]
        pub struct $name { $(pub $field: $ty),* }
        assert_layout!($name: $size; $($field @ $offset),*);
    )* };
}

wire! {
    /// Two bytes of bit-fields (count, padding, version; type), then the length in words less one.
    rtcp_header: 4 { fields: u16 = 0, length: u16 = 2 }
    sender_info: 20 { ntp_ts_msw: u32 = 0, ntp_ts_lsw: u32 = 4, rtp_ts: u32 = 8, s_packets: u32 = 12, s_octets: u32 = 16 }
    report_block: 24 { ssrc: u32 = 0, flcnpl: u32 = 4, ehsnr: u32 = 8, jitter: u32 = 12, lsr: u32 = 16, delay: u32 = 20 }
    rtcp_sr: 52 { header: rtcp_header = 0, ssrc: u32 = 4, si: sender_info = 8, rb: [report_block; 1] = 28 }
    rtcp_rr: 32 { header: rtcp_header = 0, ssrc: u32 = 4, rb: [report_block; 1] = 8 }
    rtcp_sdes_chunk: 4 { ssrc: u32 = 0 }
    rtcp_sdes_item: 3 { r#type: u8 = 0, len: u8 = 1, content: [c_char; 1] = 2 }
    rtcp_sdes: 12 { header: rtcp_header = 0, chunk: rtcp_sdes_chunk = 4, item: rtcp_sdes_item = 8 }
    rtcp_bye: 8 { header: rtcp_header = 0, ssrc: [u32; 1] = 4 }
    rtcp_app: 12 { header: rtcp_header = 0, ssrc: u32 = 4, name: [c_char; 4] = 8 }
    rtcp_nack: 4 { pid: u16 = 0, blp: u16 = 2 }
    rtcp_remb: 20 { id: [c_char; 4] = 0, bitrate: u32 = 4, ssrc: [u32; 3] = 8 }
    rtcp_fir: 8 { ssrc: u32 = 0, seqnr: u32 = 4 }
    rtcp_fb: 16 { header: rtcp_header = 0, ssrc: u32 = 4, media: u32 = 8, fci: [c_char; 1] = 12 }
    extended_report_block: 6 { blocktype: u8 = 0, typesp: u8 = 1, length: u16 = 2, content: [c_char; 1] = 4 }
    rtcp_xr: 16 { header: rtcp_header = 0, ssrc: u32 = 4, erb: [extended_report_block; 1] = 8 }
    /// An element of the queue of `janus_rtcp_transport_wide_cc_feedback`: µs, 0 = not received.
    rtcp_transport_wide_cc_stats: 16 { transport_seq_num: u32 = 0, timestamp: u64 = 8 }
    /// A node of a list of sequence numbers; no function takes it.
    janus_nack: 16 { seq_no: u16 = 0, next: *mut janus_nack = 8 }
}

assert_layout!(Context: 184; rtp_recvd @ 0, rtp_last_inorder_ts @ 4, rtp_last_inorder_time @ 8, max_seq_nr @ 16,
    seq_cycle @ 18, base_seq @ 20, pt @ 22, transit @ 24, jitter @ 32, jitter_remote @ 40, tb @ 48, lsr @ 52,
    lsr_ts @ 56, last_sent @ 64, rtt @ 72, rtt_ntp @ 76, rtt_lsr @ 80, rtt_dlsr @ 84, received @ 88,
    received_prior @ 92, expected @ 96, expected_prior @ 100, lost @ 104, lost_remote @ 108, retransmitted @ 112,
    retransmitted_prior @ 116, rr_last_ts @ 120, rr_last_ehsnr @ 128, rr_last_lost @ 132, rr_last_nack_count @ 136,
    sent_packets_since_last_rr @ 140, nack_count @ 144, in_link_quality @ 152, in_media_link_quality @ 160,
    out_link_quality @ 168, out_media_link_quality @ 176);
