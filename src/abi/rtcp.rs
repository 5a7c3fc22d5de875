//! `rtcp.h`: parsing, rewriting and building RTCP (helpers.md §8). Thin over [`crate::rtcp`]; the structs stand in
//! [`structs`], older forms in [`older`].

pub mod older;
pub mod structs;

use self::structs::{report_block, rtcp_transport_wide_cc_stats};
use super::rtp::packet;
use crate::glib::{self, FALSE, GHashTable, GList, GQueue, GSList, gboolean};
use crate::rtcp::report::{self, Now, ReportError, ReportRewrite};
use crate::rtcp::ssrc::{self, Rewrite};
use crate::rtcp::twcc::{self, Arrival};
use crate::rtcp::{Context, compound, context, feedback, nack, remb, sdes};
use crate::rtp::Header;
use crate::util::time;
use libc::{c_char, c_int, c_uint, c_void};
use std::ptr;

pub use structs::rtcp_header;

/// Both clocks now.
pub(super) fn now() -> Now {
    Now { monotonic: time::monotonic(), ntp: report::ntp(time::real()) }
}

export! {
    /// By length (8 bytes at least) and packet type (192 to 223) alone, RFC 5761 §4; `len` in bytes (HL-130).
    "rtcp.h" fn janus_is_rtcp(buf: *mut c_char, len: c_uint) -> gboolean as nonnull(buf) or FALSE; {
        // SAFETY: `buf` holds `len` bytes.
        compound::is_rtcp(unsafe { packet(buf, len.min(i32::MAX as u32) as c_int) }).into()
    }

    /// At least 8 bytes, and as many as the length field says. The version is not looked at. HL-131.
    "rtcp.h" fn janus_rtcp_check_len(rtcp: *mut rtcp_header, len: c_int) -> gboolean as nonnull(rtcp) or FALSE; {
        // SAFETY: `rtcp` points to `len` bytes.
        let rest = unsafe { packet(rtcp.cast(), len) };
        (rest.len() >= compound::MIN_LEN && announced(rest) <= rest.len()).into()
    }

    /// Room for sender information and all report blocks.
    "rtcp.h" fn janus_rtcp_check_sr(rtcp: *mut rtcp_header, len: c_int) -> gboolean as nonnull(rtcp) or FALSE; {
        // SAFETY: `rtcp` points to `len` bytes.
        check_reports(unsafe { packet(rtcp.cast(), len) }, 28).into()
    }

    /// Room for all report blocks.
    "rtcp.h" fn janus_rtcp_check_rr(rtcp: *mut rtcp_header, len: c_int) -> gboolean as nonnull(rtcp) or FALSE; {
        // SAFETY: `rtcp` points to `len` bytes.
        check_reports(unsafe { packet(rtcp.cast(), len) }, 8).into()
    }

    /// Room for one entry of `sizeof_fci` bytes and for as many as the length field announces.
    "rtcp.h" fn janus_rtcp_check_fci(rtcp: *mut rtcp_header, len: c_int, sizeof_fci: c_int) -> gboolean
        as nonnull(rtcp) or FALSE; {
        // SAFETY: `rtcp` points to `len` bytes.
        let rest = unsafe { packet(rtcp.cast(), len) };
        let Ok(size) = usize::try_from(sizeof_fci) else { return FALSE };
        if rest.len() < 12 + size {
            return FALSE;
        }
        let entries = announced(rest).saturating_sub(12).checked_div(size).unwrap_or(0);
        (12 + entries * size <= rest.len()).into()
    }

    /// At least 24 bytes, and room for the SSRCs it counts.
    "rtcp.h" fn janus_rtcp_check_remb(rtcp: *mut rtcp_header, len: c_int) -> gboolean as nonnull(rtcp) or FALSE; {
        // SAFETY: `rtcp` points to `len` bytes.
        let rest = unsafe { packet(rtcp.cast(), len) };
        (rest.len() >= remb::LEN && 4 * usize::from(rest[16]) <= rest.len() - 12).into()
    }

    /// 0 when there is none. HL-132.
    "rtcp.h" fn janus_rtcp_get_sender_ssrc(buf: *mut c_char, len: c_int) -> u32 as nonnull(buf) or 0; {
        // SAFETY: `buf` holds `len` bytes.
        ssrc::sender(unsafe { packet(buf, len) })
    }

    /// 0 when there is none. HL-133.
    "rtcp.h" fn janus_rtcp_get_receiver_ssrc(buf: *mut c_char, len: c_int) -> u32 as nonnull(buf) or 0; {
        // SAFETY: `buf` holds `len` bytes.
        ssrc::receiver(unsafe { packet(buf, len) }, true)
    }

    /// Puts the second report block first where the first is about `rtx_ssrc`.
    "rtcp.h" fn janus_rtcp_swap_report_blocks(buf: *mut c_char, len: c_int, rtx_ssrc: u32) as nonnull(buf) or (); {
        // SAFETY: `buf` holds `len` bytes.
        ssrc::swap_report_blocks(unsafe { packet(buf, len) }, rtx_ssrc)
    }

    /// Validates and updates `ctx`. 0; −1 NULL or empty, −2 malformed.
    "rtcp.h" fn janus_rtcp_parse(ctx: *mut Context, buf: *mut c_char, len: c_int) -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes; `ctx` may be NULL and is this thread's.
        fix(unsafe { ctx.as_mut() }, unsafe { packet(buf, len) }, None)
    }

    /// Rewrites SSRCs when `fixssrc`, updates `ctx`. 0; −1 NULL or empty, −2 malformed. HL-134 … HL-137.
    "rtcp.h" fn janus_rtcp_fix_ssrc(ctx: *mut Context, buf: *mut c_char, len: c_int, fixssrc: c_int,
        newssrcl: u32, newssrcr: u32) -> c_int as nonnull(buf) or -1; {
        let rewrite = Rewrite { local: newssrcl, remote: newssrcr };
        // SAFETY: `buf` holds `len` bytes; `ctx` may be NULL and is this thread's.
        fix(unsafe { ctx.as_mut() }, unsafe { packet(buf, len) }, (fixssrc != 0).then_some(rewrite))
    }

    /// A copy without what the core answers itself, to be released with `g_free`; NULL and 0 when nothing remains.
    /// HL-138, HL-139.
    "rtcp.h" fn janus_rtcp_filter(buf: *mut c_char, len: c_int, newlen: *mut c_int) -> *mut c_char
        as nonnull(buf, newlen) or ptr::null_mut(); {
        // SAFETY: `buf` holds `len` bytes, `newlen` is valid; the copy has the same length and is ours.
        unsafe {
            newlen.write(0);
            if len <= 0 {
                return ptr::null_mut();
            }
            let copy = glib::memdup(buf, len as usize);
            let kept = compound::filter(packet(copy, len));
            if kept == 0 {
                glib::free(copy);
                return ptr::null_mut();
            }
            newlen.write(kept as c_int);
            copy
        }
    }

    /// The number of fields changed; −1 arguments, −2 malformed, −3 an SR of another SSRC. HL-140, HL-141.
    "rtcp.h" fn janus_rtcp_fix_report_data(buf: *mut c_char, len: c_int, base_ts: u32, base_ts_prev: u32,
        ssrc_peer: u32, ssrc_local: u32, ssrc_expected: u32, video: gboolean) -> c_int as nonnull(buf) or -1; {
        let _ = video;
        // SAFETY: `buf` holds `len` bytes.
        let packet = unsafe { packet(buf, len) };
        if packet.is_empty() {
            return -1;
        }
        let rewrite = ReportRewrite {
            base_ts,
            base_ts_prev,
            peer: ssrc_peer,
            local: ssrc_local,
            expected: ssrc_expected,
        };
        match report::fix_report_data(packet, &rewrite) {
            Ok(changed) => changed as c_int,
            Err(ReportError::Malformed) => -2,
            Err(ReportError::Stranger) => -3,
        }
    }

    /// A BYE anywhere.
    "rtcp.h" fn janus_rtcp_has_bye(buf: *mut c_char, len: c_int) -> gboolean as nonnull(buf) or FALSE; {
        // SAFETY: `buf` holds `len` bytes.
        feedback::has_bye(unsafe { packet(buf, len) }).into()
    }

    /// A PLI anywhere. HL-142.
    "rtcp.h" fn janus_rtcp_has_pli(buf: *mut c_char, len: c_int) -> gboolean as nonnull(buf) or FALSE; {
        // SAFETY: `buf` holds `len` bytes.
        feedback::has_pli(unsafe { packet(buf, len) }).into()
    }

    /// A FIR of RFC 2032 or RFC 5104 anywhere. HL-143.
    "rtcp.h" fn janus_rtcp_has_fir(buf: *mut c_char, len: c_int) -> gboolean as nonnull(buf) or FALSE; {
        // SAFETY: `buf` holds `len` bytes.
        feedback::has_fir(unsafe { packet(buf, len) }, true).into()
    }

    /// Empties the queue, then pushes the sequence numbers of the first NACK block, each to the head. HL-144.
    "rtcp.h" fn janus_rtcp_get_nacks(buf: *mut c_char, len: c_int, nacks: *mut GQueue) as nonnull(buf, nacks) or (); {
        // SAFETY: `buf` holds `len` bytes, `nacks` is a queue of numbers.
        unsafe {
            glib_sys::g_queue_clear(nacks);
            for sequence in nack::nacks(packet(buf, len)) {
                glib_sys::g_queue_push_head(nacks, number(sequence));
            }
        }
    }

    /// Removes the first NACK block; the new length. HL-145.
    "rtcp.h" fn janus_rtcp_remove_nacks(buf: *mut c_char, len: c_int) -> c_int as nonnull(buf) or 0; {
        // SAFETY: `buf` holds `len` bytes.
        nack::remove(unsafe { packet(buf, len) }) as c_int
    }

    /// Bits per second of the first REMB; 0 without. HL-146.
    "rtcp.h" fn janus_rtcp_get_remb(buf: *mut c_char, len: c_int) -> u32 as nonnull(buf) or 0; {
        // SAFETY: `buf` holds `len` bytes.
        remb::bitrate(unsafe { packet(buf, len) })
    }

    /// Overwrites the bitrate of every REMB. 0; −1 NULL or empty, −2 malformed. HL-147, HL-148.
    "rtcp.h" fn janus_rtcp_cap_remb(buf: *mut c_char, len: c_int, bitrate: u32) -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` holds `len` bytes.
        let packet = unsafe { packet(buf, len) };
        if packet.is_empty() {
            return -1;
        }
        if remb::set_bitrate(packet, bitrate).is_ok() { 0 } else { -2 }
    }

    /// The length; −1 when the buffer is too small. HL-153.
    "rtcp.h" fn janus_rtcp_sdes_cname(buf: *mut c_char, len: c_int, cname: *const c_char, cnamelen: c_int) -> c_int
        as nonnull(buf, cname) or -1; {
        // SAFETY: `buf` has room for `len` bytes, `cname` holds `cnamelen`, which are only read.
        let (room, name) = unsafe { (packet(buf, len), packet(cname.cast_mut(), cnamelen)) };
        length(sdes::cname(room, name))
    }

    /// 24; −1 when the buffer is smaller. HL-149, HL-150.
    "rtcp.h" fn janus_rtcp_remb(buf: *mut c_char, len: c_int, bitrate: u32) -> c_int as nonnull(buf) or -1; {
        // SAFETY: `buf` has room for `len` bytes.
        length(remb::build(unsafe { packet(buf, len) }, bitrate, 1))
    }

    /// 20 + 4·`numssrc`; −1 when the buffer is smaller or there is no SSRC.
    "rtcp.h" fn janus_rtcp_remb_ssrcs(buf: *mut c_char, len: c_int, bitrate: u32, numssrc: u8) -> c_int
        as nonnull(buf) or -1; {
        // SAFETY: `buf` has room for `len` bytes.
        length(remb::build(unsafe { packet(buf, len) }, bitrate, numssrc))
    }

    /// Counts `seqnr` up, modulo 256. 20; −1 when the buffer has another length. HL-152.
    "rtcp.h" fn janus_rtcp_fir(buf: *mut c_char, len: c_int, seqnr: *mut c_int) -> c_int as nonnull(buf, seqnr) or -1; {
        if len != feedback::FIR_LEN as c_int {
            return -1;
        }
        // SAFETY: `buf` has room for 20 bytes, `seqnr` is valid.
        unsafe {
            let next = (*seqnr).wrapping_add(1);
            *seqnr = if (0..256).contains(&next) { next } else { 0 };
            packet(buf, len).copy_from_slice(&feedback::fir(*seqnr as u8));
        }
        len
    }

    /// 12; −1 when the buffer has another length. HL-151.
    "rtcp.h" fn janus_rtcp_pli(buf: *mut c_char, len: c_int) -> c_int as nonnull(buf) or -1; {
        if len != feedback::PLI_LEN as c_int {
            return -1;
        }
        // SAFETY: `buf` has room for 12 bytes.
        unsafe { packet(buf, len) }.copy_from_slice(&feedback::pli());
        len
    }

    /// From a list of ascending numbers. The length; −1 when the buffer is too small or the list empty. HL-154, HL-155.
    "rtcp.h" fn janus_rtcp_nacks(buf: *mut c_char, len: c_int, nacks: *mut GSList) -> c_int as nonnull(buf, nacks) or -1; {
        // SAFETY: `buf` has room for `len` bytes; a list of numbers that nobody changes meanwhile.
        length(nack::build(unsafe { packet(buf, len) }, unsafe { numbers(nacks) }))
    }

    /// The length; −1 when the buffer is too small. Empties the queue and frees its elements. HL-156 … HL-159.
    "rtcp.h" fn janus_rtcp_transport_wide_cc_feedback(buf: *mut c_char, size: usize, ssrc: u32, media: u32,
        feedback_packet_count: u8, transport_wide_cc_stats: *mut GQueue) -> c_int
        as nonnull(buf, transport_wide_cc_stats) or -1; {
        // SAFETY: `buf` has room for `size` bytes; the queue holds statistics that came from g_malloc.
        unsafe {
            let room = packet(buf, size.min(i32::MAX as usize) as c_int);
            let arrivals = Arrivals((*transport_wide_cc_stats).head);
            let written = twcc::build(room, ssrc, media, feedback_packet_count, arrivals);
            loop {
                let stats = glib_sys::g_queue_pop_head(transport_wide_cc_stats);
                if stats.is_null() {
                    break;
                }
                glib::free(stats);
            }
            length(written)
        }
    }

    /// `clock_rates`: payload type → Hz, may be NULL. 0; −1 not RTP. HL-163 … HL-165.
    "rtcp.h" fn janus_rtcp_process_incoming_rtp(ctx: *mut Context, buf: *mut c_char, len: c_int, rfc4588_pkt: gboolean,
        rfc4588_enabled: gboolean, retransmissions_disabled: gboolean, clock_rates: *mut GHashTable) -> c_int
        as nonnull(ctx, buf) or -1; {
        let how = Counting { rfc4588_pkt, rfc4588_enabled, retransmissions_disabled, clock_rates };
        // SAFETY: `buf` holds `len` bytes; the context is this thread's; a table of numbers or NULL.
        unsafe { how.count(&mut *ctx, packet(buf, len)) }
    }

    /// Everything but the SSRC. 0. HL-160 … HL-162.
    "rtcp.h" fn janus_rtcp_report_block(ctx: *mut Context, rb: *mut report_block) -> c_int as nonnull(ctx, rb) or -1; {
        // SAFETY: the context is this thread's; a report block of C.
        unsafe { write_block(&mut *ctx, rb) }
    }

    /// ms.
    "rtcp.h" fn janus_rtcp_context_get_rtt(ctx: *mut Context) -> u32 as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        unsafe { (*ctx).rtt }
    }

    /// Whole ms. HL-166.
    "rtcp.h" fn janus_rtcp_context_get_jitter(ctx: *mut Context, remote: gboolean) -> u32 as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        unsafe { (*ctx).jitter_ms(remote != FALSE) }
    }

    /// Packets.
    "rtcp.h" fn janus_rtcp_context_get_lost_all(ctx: *mut Context, remote: gboolean) -> i32 as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        unsafe { (*ctx).lost_all(remote != FALSE) }
    }

    /// 0 … 100.
    "rtcp.h" fn janus_rtcp_context_get_in_link_quality(ctx: *mut Context) -> u32 as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        context::rounded(unsafe { (*ctx).in_link_quality })
    }

    /// 0 … 100.
    "rtcp.h" fn janus_rtcp_context_get_in_media_link_quality(ctx: *mut Context) -> u32 as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        context::rounded(unsafe { (*ctx).in_media_link_quality })
    }

    /// 0 … 100.
    "rtcp.h" fn janus_rtcp_context_get_out_link_quality(ctx: *mut Context) -> u32 as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        context::rounded(unsafe { (*ctx).out_link_quality })
    }

    /// 0 … 100.
    "rtcp.h" fn janus_rtcp_context_get_out_media_link_quality(ctx: *mut Context) -> u32 as nonnull(ctx) or 0; {
        // SAFETY: the context is this thread's.
        context::rounded(unsafe { (*ctx).out_media_link_quality })
    }
}

/// Bytes that a block's length field announces.
fn announced(rest: &[u8]) -> usize {
    4 * usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 4
}

fn check_reports(rest: &[u8], head: usize) -> bool {
    rest.len() >= head && head + 24 * usize::from(rest[0] & 0x1f) <= rest.len()
}

fn length(written: Option<usize>) -> c_int {
    written.map_or(-1, |length| length as c_int)
}

pub(super) fn fix(ctx: Option<&mut Context>, packet: &mut [u8], rewrite: Option<Rewrite>) -> c_int {
    if packet.is_empty() {
        return -1;
    }
    if ssrc::fix(packet, rewrite, ctx, now()).is_ok() { 0 } else { -2 }
}

/// A number in a pointer, as GLib's lists hold it.
fn number(value: u16) -> *mut c_void {
    ptr::without_provenance_mut(value.into())
}

/// # Safety
/// NULL or the head of a list of numbers that nobody changes meanwhile.
unsafe fn numbers(mut node: *mut GSList) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || {
        // SAFETY: promised by the caller.
        let (data, next) = unsafe { node.as_ref().map(|n| (n.data, n.next))? };
        node = next;
        Some(data.addr() as u16)
    })
}

/// Walks a list of `rtcp_transport_wide_cc_stats`; made only where the queue outlives it.
#[derive(Clone)]
struct Arrivals(*mut GList);

impl Iterator for Arrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        // SAFETY: a node of the queue, which lives and is not changed while this walks.
        let (data, next) = unsafe { self.0.as_ref().map(|n| (n.data, n.next))? };
        self.0 = next;
        // SAFETY: the queue's elements are statistics.
        let stats = unsafe { data.cast::<rtcp_transport_wide_cc_stats>().as_ref()? };
        Some(Arrival { sequence: stats.transport_seq_num, time: stats.timestamp })
    }
}

/// The arguments of `janus_rtcp_process_incoming_rtp` after the packet.
struct Counting {
    rfc4588_pkt: gboolean,
    rfc4588_enabled: gboolean,
    retransmissions_disabled: gboolean,
    clock_rates: *mut GHashTable,
}

impl Counting {
    /// # Safety
    /// `clock_rates` is NULL or a table of numbers by number.
    unsafe fn count(&self, context: &mut Context, packet: &[u8]) -> c_int {
        let Some(header) = Header::new(packet) else { return -1 };
        let clock = if self.clock_rates.is_null() {
            0
        } else {
            // SAFETY: promised by the caller.
            unsafe { glib_sys::g_hash_table_lookup(self.clock_rates, number(header.payload_type().into())) }
                .addr()
        };
        let how = context::Incoming {
            rtx: self.rfc4588_pkt != FALSE,
            rtx_enabled: self.rfc4588_enabled != FALSE,
            no_retransmissions: self.retransmissions_disabled != FALSE,
            clock: u32::try_from(clock).ok().filter(|clock| *clock > 0),
        };
        if context.incoming_rtp(packet, how, time::monotonic()) { 0 } else { -1 }
    }
}

/// Everything but the SSRC, in network order.
///
/// # Safety
/// `rb` is valid for writes.
unsafe fn write_block(context: &mut Context, rb: *mut report_block) -> c_int {
    let block = context.report_block(time::monotonic());
    // SAFETY: promised by the caller.
    unsafe {
        (*rb).flcnpl = block.loss.to_be();
        (*rb).ehsnr = block.highest.to_be();
        (*rb).jitter = block.jitter.to_be();
        (*rb).lsr = block.last_sr.to_be();
        (*rb).delay = block.delay.to_be();
    }
    0
}

#[cfg(test)]
#[path = "rtcp/tests.rs"]
mod tests;
