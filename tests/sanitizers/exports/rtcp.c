/* rtcp.h */
#include "exports.h"

/* Of older releases; the headers of today do not have it. */
gboolean janus_rtcp_parse_lost_info(char *buf, int len, uint32_t *lost, int *fraction);

void test_rtcp(void) {
	CALL(1, 0x1, FALSE, janus_is_rtcp(P(0, rtcp()), natural(0)));
	CALL(1, 0x1, -1, janus_rtcp_cap_remb(P(0, rtcp()), integer(0), natural(1)));
	CALL(1, 0x1, FALSE, janus_rtcp_check_fci(P(0, (janus_rtcp_header *)rtcp()), integer(0), integer(1)));
	CALL(1, 0x1, FALSE, janus_rtcp_check_len(P(0, (janus_rtcp_header *)rtcp()), integer(0)));
	CALL(1, 0x1, FALSE, janus_rtcp_check_remb(P(0, (janus_rtcp_header *)rtcp()), integer(0)));
	CALL(1, 0x1, FALSE, janus_rtcp_check_rr(P(0, (janus_rtcp_header *)rtcp()), integer(0)));
	CALL(1, 0x1, FALSE, janus_rtcp_check_sr(P(0, (janus_rtcp_header *)rtcp()), integer(0)));
	CALL(1, 0x1, 0, janus_rtcp_context_get_in_link_quality(P(0, buffer())));
	CALL(1, 0x1, 0, janus_rtcp_context_get_in_media_link_quality(P(0, buffer())));
	CALL(1, 0x1, 0, janus_rtcp_context_get_jitter(P(0, buffer()), edge % 2));
	CALL(1, 0x1, 0, janus_rtcp_context_get_lost_all(P(0, buffer()), edge % 2));
	CALL(1, 0x1, 0, janus_rtcp_context_get_out_link_quality(P(0, buffer())));
	CALL(1, 0x1, 0, janus_rtcp_context_get_out_media_link_quality(P(0, buffer())));
	CALL(1, 0x1, 0, janus_rtcp_context_get_rtt(P(0, buffer())));
	OWNED(2, 0x3, g_free, janus_rtcp_filter(P(0, rtcp()), integer(0), P(1, buffer())));
	CALL(2, 0x3, -1, janus_rtcp_fir(P(0, rtcp()), integer(0), P(1, buffer())));
	CALL(1, 0x1, -1, janus_rtcp_fix_report_data(P(0, rtcp()), integer(0), natural(1), natural(2), natural(3),
		natural(4), natural(5), edge % 2));
	CALL(2, 0x2, -1, janus_rtcp_fix_ssrc(P(0, buffer()), P(1, rtcp()), integer(0), integer(1), natural(2), natural(3)));
	VOID(2, janus_rtcp_get_nacks(P(0, rtcp()), integer(0), P(1, queue())));
	CALL(1, 0x1, 0, janus_rtcp_get_receiver_ssrc(P(0, rtcp()), integer(0)));
	CALL(1, 0x1, 0, janus_rtcp_get_remb(P(0, rtcp()), integer(0)));
	CALL(1, 0x1, 0, janus_rtcp_get_sender_ssrc(P(0, rtcp()), integer(0)));
	CALL(1, 0x1, FALSE, janus_rtcp_has_bye(P(0, rtcp()), integer(0)));
	CALL(1, 0x1, FALSE, janus_rtcp_has_fir(P(0, rtcp()), integer(0)));
	CALL(1, 0x1, FALSE, janus_rtcp_has_pli(P(0, rtcp()), integer(0)));
	CALL(1, 0x1, -1, janus_rtcp_nacks(P(0, rtcp()), integer(0), NULL));
	CALL(2, 0x2, -1, janus_rtcp_parse(P(0, buffer()), P(1, rtcp()), integer(0)));
	CALL(3, 0x1, FALSE, janus_rtcp_parse_lost_info(P(0, rtcp()), integer(0), P(1, buffer()), P(2, buffer())));
	CALL(1, 0x1, -1, janus_rtcp_pli(P(0, rtcp()), integer(0)));
	CALL(3, 0x3, -1, janus_rtcp_process_incoming_rtp(P(0, buffer()), P(1, packet()), integer(0), edge % 2, edge % 2,
		edge % 2, P(2, table())));
	CALL(1, 0x1, -1, janus_rtcp_remb(P(0, rtcp()), integer(0), natural(1)));
	CALL(1, 0x1, -1, janus_rtcp_remb_ssrcs(P(0, rtcp()), integer(0), natural(1), natural(2)));
	CALL(1, 0x1, 0, janus_rtcp_remove_nacks(P(0, rtcp()), integer(0)));
	CALL(2, 0x3, -1, janus_rtcp_report_block(P(0, buffer()), P(1, buffer())));
	CALL(2, 0x3, -1, janus_rtcp_sdes_cname(P(0, rtcp()), integer(0), P(1, text()), integer(1)));
	VOID(1, janus_rtcp_swap_report_blocks(P(0, rtcp()), integer(0), natural(1)));
	CALL(2, 0x3, -1, janus_rtcp_transport_wide_cc_feedback(P(0, buffer()), natural(0), natural(1), natural(2),
		natural(3), P(1, queue())));
}
