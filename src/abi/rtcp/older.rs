//! `rtcp.h` as older generations see it.

use super::structs::report_block;
use super::{Counting, fix, number, write_block};
use crate::abi::rtp::{packet, put};
use crate::glib::{FALSE, GHashTable, GSList, TRUE, gboolean};
use crate::rtcp::compound;
use crate::rtcp::report::ReportBlock;
use crate::rtcp::ssrc::{self, Rewrite};
use crate::rtcp::{Context, context, feedback, nack};
use libc::{c_char, c_int};
use std::ptr;

/// `rtcp_context` before 1.1.4, without the parts of the round-trip time. 1.1.4 has the native layout, but cannot be
/// told from 1.1.0 … 1.1.3; with this one nothing is written outside the smaller struct.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[allow(non_camel_case_types)]
pub struct rtcp_context_b3 {
    pub rtp_recvd: u8,
    pub rtp_last_inorder_ts: u32,
    pub rtp_last_inorder_time: i64,
    pub max_seq_nr: u16,
    pub seq_cycle: u16,
    pub base_seq: u16,
    pub pt: u16,
    pub transit: i64,
    pub jitter: f64,
    pub jitter_remote: f64,
    pub tb: u32,
    pub lsr: u32,
    pub lsr_ts: i64,
    pub last_sent: i64,
    pub rtt: u32,
    pub received: u32,
    pub received_prior: u32,
    pub expected: u32,
    pub expected_prior: u32,
    pub lost: i32,
    pub lost_remote: i32,
    pub retransmitted: u32,
    pub retransmitted_prior: u32,
    pub rr_last_ts: i64,
    pub rr_last_ehsnr: u32,
    pub rr_last_lost: i32,
    pub rr_last_nack_count: u32,
    pub sent_packets_since_last_rr: i32,
    pub nack_count: i32,
    pub in_link_quality: f64,
    pub in_media_link_quality: f64,
    pub out_link_quality: f64,
    pub out_media_link_quality: f64,
}

assert_layout!(rtcp_context_b3: 176; rtp_recvd @ 0, rtp_last_inorder_ts @ 4, rtp_last_inorder_time @ 8,
    max_seq_nr @ 16, seq_cycle @ 18, base_seq @ 20, pt @ 22, transit @ 24, jitter @ 32, jitter_remote @ 40, tb @ 48,
    lsr @ 52, lsr_ts @ 56, last_sent @ 64, rtt @ 72, received @ 76, received_prior @ 80, expected @ 84,
    expected_prior @ 88, lost @ 92, lost_remote @ 96, retransmitted @ 100, retransmitted_prior @ 104, rr_last_ts @ 112,
    rr_last_ehsnr @ 120, rr_last_lost @ 124, rr_last_nack_count @ 128, sent_packets_since_last_rr @ 132,
    nack_count @ 136, in_link_quality @ 144, in_media_link_quality @ 152, out_link_quality @ 160,
    out_media_link_quality @ 168);

/// Copies the fields that both contexts have.
macro_rules! copy_common {
    ($from:expr => $to:expr) => {{
        let (from, to) = ($from, $to);
        (to.rtp_recvd, to.rtp_last_inorder_ts) = (from.rtp_recvd, from.rtp_last_inorder_ts);
        (to.rtp_last_inorder_time, to.transit) = (from.rtp_last_inorder_time, from.transit);
        (to.max_seq_nr, to.seq_cycle, to.base_seq, to.pt) =
            (from.max_seq_nr, from.seq_cycle, from.base_seq, from.pt);
        (to.jitter, to.jitter_remote, to.tb) = (from.jitter, from.jitter_remote, from.tb);
        (to.lsr, to.lsr_ts, to.last_sent, to.rtt) = (from.lsr, from.lsr_ts, from.last_sent, from.rtt);
        (to.received, to.received_prior) = (from.received, from.received_prior);
        (to.expected, to.expected_prior) = (from.expected, from.expected_prior);
        (to.lost, to.lost_remote) = (from.lost, from.lost_remote);
        (to.retransmitted, to.retransmitted_prior) = (from.retransmitted, from.retransmitted_prior);
        (to.rr_last_ts, to.rr_last_ehsnr) = (from.rr_last_ts, from.rr_last_ehsnr);
        (to.rr_last_lost, to.rr_last_nack_count) = (from.rr_last_lost, from.rr_last_nack_count);
        (to.sent_packets_since_last_rr, to.nack_count) = (from.sent_packets_since_last_rr, from.nack_count);
        (to.in_link_quality, to.in_media_link_quality) = (from.in_link_quality, from.in_media_link_quality);
        (to.out_link_quality, to.out_media_link_quality) =
            (from.out_link_quality, from.out_media_link_quality);
    }};
}

impl rtcp_context_b3 {
    fn load(&self) -> Context {
        let mut native = Context::default();
        copy_common!(self => &mut native);
        native
    }

    fn with<R>(&mut self, work: impl FnOnce(&mut Context) -> R) -> R {
        let mut native = self.load();
        let result = work(&mut native);
        copy_common!(&native => self);
        result
    }
}

export! {
    /// 0.9.0 … 0.13.0, 1.0.0 … 1.1.0: cumulative and fraction lost of the first report block. TRUE when there is one.
    "rtcp.h" fn janus_rtcp_parse_lost_info(buf: *mut c_char, len: c_int, lost: *mut u32, fraction: *mut c_int) -> gboolean
        as nonnull(buf) or FALSE; {
        // SAFETY: `buf` holds `len` bytes; the outputs may be NULL.
        unsafe {
            let bytes = packet(buf, len);
            let first = compound::blocks(bytes)
                .find(|b| b.count > 0 && b.reports_fit())
                .and_then(|b| b.bytes(bytes).get(b.reports_at()?..));
            let Some(first) = first else { return FALSE };
            let block = ReportBlock::parse(first);
            put(lost, block.loss & 0xff_ffff);
            put(fraction, (block.loss >> 24) as c_int);
        }
        TRUE
    }
}

variant! {
    /// Only FIRs of RFC 2032. HL-143.
    janus_rtcp_has_fir in A1 ..= A9, fn has_fir_a1(buf: *mut c_char, len: c_int) -> gboolean as nonnull(buf) or FALSE; {
        // SAFETY: `buf` holds `len` bytes.
        feedback::has_fir(unsafe { packet(buf, len) }, false).into()
    }
    janus_rtcp_has_fir in B1 ..= B3, fn has_fir_b3(buf: *mut c_char, len: c_int) -> gboolean as nonnull(buf) or FALSE; {
        // SAFETY: `buf` holds `len` bytes.
        feedback::has_fir(unsafe { packet(buf, len) }, false).into()
    }

    /// PLIs are not looked at.
    janus_rtcp_get_receiver_ssrc in A1 ..= A9, fn receiver_ssrc_a1(buf: *mut c_char, len: c_int) -> u32
        as nonnull(buf) or 0; {
        // SAFETY: `buf` holds `len` bytes.
        ssrc::receiver(unsafe { packet(buf, len) }, false)
    }
    janus_rtcp_get_receiver_ssrc in B1 ..= B3, fn receiver_ssrc_b3(buf: *mut c_char, len: c_int) -> u32
        as nonnull(buf) or 0; {
        // SAFETY: `buf` holds `len` bytes.
        ssrc::receiver(unsafe { packet(buf, len) }, false)
    }

    /// A list to be released with `g_slist_free`. The last releases of A10 and B5, API 20 and 106, get the native form
    /// ([`Decision::exceptions`](crate::modules::generation::Decision::exceptions)). HL-144.
    janus_rtcp_get_nacks in A1 ..= B5, fn get_nacks_b5(buf: *mut c_char, len: c_int) -> *mut GSList
        as nonnull(buf) or ptr::null_mut(); {
        // SAFETY: `buf` holds `len` bytes; a new list.
        unsafe {
            let mut list = ptr::null_mut();
            for sequence in nack::nacks(packet(buf, len)) {
                list = glib_sys::g_slist_prepend(list, number(sequence));
            }
            glib_sys::g_slist_reverse(list)
        }
    }

    janus_rtcp_parse in A1 ..= B3, fn parse_b3(ctx: *mut rtcp_context_b3, buf: *mut c_char, len: c_int) -> c_int
        as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes; `ctx` may be NULL and is this thread's.
        unsafe { fix_b3(ctx, packet(buf, len), None) }
    }
    janus_rtcp_fix_ssrc in A1 ..= B3, fn fix_ssrc_b3(ctx: *mut rtcp_context_b3, buf: *mut c_char, len: c_int,
        fixssrc: c_int, newssrcl: u32, newssrcr: u32) -> c_int as nonnull(buf) or -1; {
        let rewrite = Rewrite { local: newssrcl, remote: newssrcr };
        // SAFETY: `buf` holds `len` bytes; `ctx` may be NULL and is this thread's.
        unsafe { fix_b3(ctx, packet(buf, len), (fixssrc != 0).then_some(rewrite)) }
    }
    janus_rtcp_process_incoming_rtp in A1 ..= B3, fn process_incoming_rtp_b3(ctx: *mut rtcp_context_b3,
        buf: *mut c_char, len: c_int, rfc4588_pkt: gboolean, rfc4588_enabled: gboolean,
        retransmissions_disabled: gboolean, clock_rates: *mut GHashTable) -> c_int as nonnull(ctx, buf) or -1; {
        let how = Counting { rfc4588_pkt, rfc4588_enabled, retransmissions_disabled, clock_rates };
        // SAFETY: `buf` holds `len` bytes; the context is this thread's; a table of numbers or NULL.
        unsafe { (*ctx).with(|native| how.count(native, packet(buf, len))) }
    }
    janus_rtcp_report_block in A1 ..= B3, fn report_block_b3(ctx: *mut rtcp_context_b3, rb: *mut report_block) -> c_int
        as nonnull(ctx, rb) or -1; {
        // SAFETY: the context is this thread's; a report block of C.
        unsafe { (*ctx).with(|native| write_block(native, rb)) }
    }
    janus_rtcp_context_get_rtt in A1 ..= B3, fn get_rtt_b3(ctx: *mut rtcp_context_b3) -> u32 as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        unsafe { (*ctx).rtt }
    }
    janus_rtcp_context_get_jitter in A1 ..= B3, fn get_jitter_b3(ctx: *mut rtcp_context_b3, remote: gboolean) -> u32
        as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        unsafe { (*ctx).load().jitter_ms(remote != FALSE) }
    }
    /// Unsigned, from 24 bits without sign. Of 0.x the last releases had the signed form.
    janus_rtcp_context_get_lost_all in A1 ..= B3, fn get_lost_all_b3(ctx: *mut rtcp_context_b3, remote: gboolean) -> u32
        as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        let lost = unsafe { (*ctx).load().lost_all(remote != FALSE) } as u32;
        if remote != FALSE { lost & 0xff_ffff } else { lost }
    }
    janus_rtcp_context_get_in_link_quality in A1 ..= B3, fn get_in_quality_b3(ctx: *mut rtcp_context_b3) -> u32
        as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        context::rounded(unsafe { (*ctx).in_link_quality })
    }
    janus_rtcp_context_get_in_media_link_quality in A1 ..= B3, fn get_in_media_quality_b3(ctx: *mut rtcp_context_b3)
        -> u32 as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        context::rounded(unsafe { (*ctx).in_media_link_quality })
    }
    janus_rtcp_context_get_out_link_quality in A1 ..= B3, fn get_out_quality_b3(ctx: *mut rtcp_context_b3) -> u32
        as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        context::rounded(unsafe { (*ctx).out_link_quality })
    }
    janus_rtcp_context_get_out_media_link_quality in A1 ..= B3, fn get_out_media_quality_b3(ctx: *mut rtcp_context_b3)
        -> u32 as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        context::rounded(unsafe { (*ctx).out_media_link_quality })
    }
}

/// # Safety
/// `ctx` is NULL or a context of this thread.
unsafe fn fix_b3(ctx: *mut rtcp_context_b3, packet: &mut [u8], rewrite: Option<Rewrite>) -> c_int {
    // SAFETY: promised by the caller.
    match unsafe { ctx.as_mut() } {
        Some(context) => context.with(|native| fix(Some(native), packet, rewrite)),
        None => fix(None, packet, rewrite),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_info_is_that_of_the_first_report_block() {
        let block = ReportBlock { loss: 0x4000_0102, ..ReportBlock::default() };
        let mut packet = [0; 64];
        let length = crate::rtcp::report::write_rr(&mut packet, 1, &[block]).unwrap() as c_int;
        let (mut lost, mut fraction) = (0, 0);
        // SAFETY: live buffers; NULL outputs are allowed.
        unsafe {
            let buffer = packet.as_mut_ptr().cast();
            assert_eq!(janus_rtcp_parse_lost_info(buffer, length, &mut lost, &mut fraction), TRUE);
            assert_eq!((lost, fraction), (0x102, 0x40));
            assert_eq!(janus_rtcp_parse_lost_info(buffer, 8, ptr::null_mut(), ptr::null_mut()), FALSE);
        }
    }
}
