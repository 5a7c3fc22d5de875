use super::*;
use crate::abi::rtcp::older::*;

fn list(numbers: &[u16]) -> *mut GSList {
    // SAFETY: prepending to a list that only we know.
    numbers
        .iter()
        .rev()
        .fold(ptr::null_mut(), |list, n| unsafe { glib_sys::g_slist_prepend(list, number(*n)) })
}

// HL-144, HL-154, HL-155
#[test]
fn nacks_cross_the_boundary() {
    let mut buffer = [0u8; 64];
    let buf = buffer.as_mut_ptr().cast();
    // SAFETY: live buffers and lists of numbers.
    unsafe {
        let wanted = list(&[100, 101, 200]);
        assert_eq!(janus_rtcp_nacks(buf, 64, wanted), 20);
        assert_eq!(janus_rtcp_nacks(buf, 15, wanted), -1);
        let found = get_nacks_b5(buf, 20);
        assert!(numbers(found).eq([100, 101, 200]));
        let queue = glib_sys::g_queue_new();
        glib_sys::g_queue_push_head(queue, number(7));
        janus_rtcp_get_nacks(buf, 20, queue);
        let pop = || glib_sys::g_queue_pop_head(queue).addr();
        assert_eq!([pop(), pop(), pop(), pop()], [200, 101, 100, 0]);
        glib_sys::g_queue_free(queue);
        glib_sys::g_slist_free(found);
        glib_sys::g_slist_free(wanted);
        assert_eq!(janus_rtcp_remove_nacks(buf, 20), 0);
    }
}

// HL-156, HL-157
#[test]
fn twcc_feedback_empties_the_queue() {
    let mut buffer = [0u8; 64];
    // SAFETY: live objects; the queue's elements come from GLib.
    unsafe {
        let queue = glib_sys::g_queue_new();
        for n in 0..3u32 {
            let stats = glib::new0::<rtcp_transport_wide_cc_stats>();
            stats.write(rtcp_transport_wide_cc_stats { transport_seq_num: n, timestamp: 64_000 });
            glib_sys::g_queue_push_tail(queue, stats.cast());
        }
        assert_eq!(janus_rtcp_transport_wide_cc_feedback(buffer.as_mut_ptr().cast(), 64, 1, 2, 3, queue), 28);
        assert_eq!(glib_sys::g_queue_get_length(queue), 0);
        assert_eq!(janus_rtcp_transport_wide_cc_feedback(buffer.as_mut_ptr().cast(), 64, 1, 2, 3, queue), -1);
        glib_sys::g_queue_free(queue);
    }
    assert_eq!(buffer[20..25], [0x20, 3, 0, 0, 0]);
}

// HL-138, HL-139, HL-150, HL-151, HL-152, HL-153
#[test]
fn builders_check_their_room() {
    let mut buffer = [0u8; 64];
    let buf = buffer.as_mut_ptr().cast();
    let (mut count, mut length) = (255, 0);
    // SAFETY: live buffers.
    unsafe {
        assert_eq!(
            (janus_rtcp_pli(buf, 13), janus_rtcp_remb(buf, 23, 1), janus_rtcp_fir(buf, 21, &mut count)),
            (-1, -1, -1)
        );
        assert_eq!((janus_rtcp_fir(buf, 20, &mut count), count), (20, 0));
        assert_eq!(janus_rtcp_has_fir(buf, 20), 1);
        assert_eq!((has_fir_b3(buf, 20), has_fir_a1(buf, 20)), (0, 0));
        assert_eq!(janus_rtcp_sdes_cname(buf, 64, c"janus".as_ptr(), 5), 16);
        assert!(janus_rtcp_filter(buf, 16, &mut length).is_null() && length == 0);
        assert_eq!(janus_rtcp_pli(buf, 12), 12);
        let copy = janus_rtcp_filter(buf, 12, &mut length);
        assert_eq!((length, packet(copy, 12)[1]), (12, 206));
        glib::free(copy);
        assert_eq!(janus_rtcp_fix_ssrc(ptr::null_mut(), buf, 12, 1, 5, 6), 0);
        assert_eq!((janus_rtcp_get_receiver_ssrc(buf, 12), receiver_ssrc_b3(buf, 12)), (6, 0));
        assert_eq!(janus_rtcp_fix_ssrc(ptr::null_mut(), buf, 10, 1, 5, 6), -2);
        assert_eq!(janus_rtcp_fix_ssrc(ptr::null_mut(), ptr::null_mut(), 10, 1, 5, 6), -1);
        assert_eq!((janus_rtcp_check_len(buf.cast(), 11), janus_rtcp_check_len(buf.cast(), 12)), (0, 1));
        assert_eq!(
            (janus_rtcp_check_fci(buf.cast(), 12, 0), janus_rtcp_check_fci(buf.cast(), 12, 4)),
            (1, 0)
        );
    }
}

// HL-160 … HL-163: both layouts count alike.
#[test]
fn statistics_in_both_layouts() {
    let mut packet = [0x80u8, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    let (mut native, mut old) = (Context::default(), rtcp_context_b3::default());
    // SAFETY: live objects, and a table of numbers.
    unsafe {
        let rates = glib_sys::g_hash_table_new(None, None);
        glib_sys::g_hash_table_insert(rates, number(96), ptr::without_provenance_mut(90_000));
        for sequence in [1, 2, 4] {
            packet[3] = sequence;
            let buf = packet.as_mut_ptr().cast();
            assert_eq!(janus_rtcp_process_incoming_rtp(&mut native, buf, 12, 0, 0, 0, rates), 0);
            assert_eq!(process_incoming_rtp_b3(&mut old, buf, 12, 0, 0, 0, rates), 0);
            assert_eq!(process_incoming_rtp_b3(&mut old, buf, 11, 0, 0, 0, rates), -1);
        }
        glib_sys::g_hash_table_destroy(rates);
        let mut blocks: [report_block; 2] = std::mem::zeroed();
        janus_rtcp_report_block(&mut native, &mut blocks[0]);
        report_block_b3(&mut old, &mut blocks[1]);
        for block in blocks {
            assert_eq!((block.flcnpl, block.ehsnr, block.lsr), (0x4000_0001u32.to_be(), 4u32.to_be(), 0));
        }
        assert_eq!((old.tb, native.tb, old.received, old.lost), (90_000, 90_000, 3, 1));
        assert_eq!(janus_rtcp_context_get_in_link_quality(&mut native), 75);
        assert_eq!(get_in_quality_b3(&mut old), 75);
        assert_eq!((janus_rtcp_context_get_lost_all(&mut native, 0), get_lost_all_b3(&mut old, 0)), (1, 1));
    }
}
