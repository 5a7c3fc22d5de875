/* rtp.h and rtpsrtp.h */
#include "exports.h"

static void simulcasting(int video_codec, janus_mutex *mutex) {
	janus_rtp_simulcasting_context *context = P(0, buffer());
	janus_rtp_simulcasting_context_reset(context);
	gboolean relayed = janus_rtp_simulcasting_context_process_rtp(context, P(1, packet()), integer(0), P(2, buffer()),
		integer(1), P(3, buffer()), P(4, rids()), video_codec, P(5, buffer()), mutex);
	if(nulls & 3)
		expect(!relayed, "janus_rtp_simulcasting_context_process_rtp");
}

/*! Only in older headers. */
int janus_rtp_header_extension_parse_framemarking(char *buf, int len, int id, janus_videocodec codec, uint8_t *tid);
int janus_rtp_header_extension_parse_abs_sent_time(char *buf, int len, int id, uint32_t *time);

void test_rtp(void) {
	CALL(2, 0x1, -1, janus_rtp_header_extension_parse_abs_sent_time(P(0, packet()), integer(0), integer(1), P(1,
		buffer())));
	CALL(2, 0x1, -1, janus_rtp_header_extension_parse_framemarking(P(0, packet()), integer(0), integer(1), integer(2), P(1,
		buffer())));
	CALL(1, 0x1, 0, janus_audiocodec_from_name(P(0, text())));
	TEXT(0, 0x0, janus_audiocodec_name(integer(0)));
	CALL(0, 0x0, -1, janus_audiocodec_pt(integer(0)));
	CALL(4, 0x3, FALSE, janus_av1_svc_context_process_dd(P(0, buffer()), P(1, buffer()), integer(0), P(2, buffer()),
		P(3, buffer())));
	VOID(1, janus_av1_svc_context_reset(P(0, buffer())));
	CALL(1, 0x1, FALSE, janus_is_rtp(P(0, packet()), natural(0)));
	CALL(1, 0x1, 0, janus_rtp_extension_id(P(0, text())));
	TEXT(1, 0x1, janus_rtp_header_extension_get_from_id(P(0, description()), integer(0)));
	CALL(2, 0x3, -1, janus_rtp_header_extension_get_id(P(0, description()), P(1, text())));
	CALL(2, 0x1, -1, janus_rtp_header_extension_parse_abs_capture_time(P(0, packet()), integer(0), integer(1), P(1,
		buffer())));
	CALL(2, 0x1, -1, janus_rtp_header_extension_parse_abs_send_time(P(0, packet()), integer(0), integer(1), P(1,
		buffer())));
	CALL(3, 0x1, -1, janus_rtp_header_extension_parse_audio_level(P(0, packet()), integer(0), integer(1), P(1,
		buffer()), P(2, buffer())));
	CALL(3, 0x7, -1, janus_rtp_header_extension_parse_dependency_desc(P(0, packet()), integer(0), integer(1), P(1,
		buffer()), P(2, buffer())));
	CALL(2, 0x3, -1, janus_rtp_header_extension_parse_mid(P(0, packet()), integer(0), integer(1), P(1, buffer()),
		integer(2)));
	CALL(3, 0x1, -1, janus_rtp_header_extension_parse_playout_delay(P(0, packet()), integer(0), integer(1), P(1,
		buffer()), P(2, buffer())));
	CALL(2, 0x3, -1, janus_rtp_header_extension_parse_rid(P(0, packet()), integer(0), integer(1), P(1, buffer()),
		integer(2)));
	CALL(2, 0x1, -1, janus_rtp_header_extension_parse_transport_wide_cc(P(0, packet()), integer(0), integer(1), P(1,
		buffer())));
	CALL(3, 0x1, -1, janus_rtp_header_extension_parse_video_layers_allocation(P(0, packet()), integer(0), integer(1),
		P(1, buffer()), P(2, buffer())));
	CALL(5, 0x1, -1, janus_rtp_header_extension_parse_video_orientation(P(0, packet()), integer(0), integer(1), P(1,
		buffer()), P(2, buffer()), P(3, buffer()), P(4, buffer())));
	CALL(1, 0x1, -1, janus_rtp_header_extension_replace_id(P(0, packet()), integer(0), integer(1), integer(2)));
	CALL(1, 0x1, -1, janus_rtp_header_extension_set_abs_capture_time(P(0, packet()), integer(0), integer(1), natural(2)));
	CALL(1, 0x1, -1, janus_rtp_header_extension_set_abs_send_time(P(0, packet()), integer(0), integer(1), natural(2)));
	CALL(1, 0x1, -1, janus_rtp_header_extension_set_transport_wide_cc(P(0, packet()), integer(0), integer(1), natural(2)));
	VOID(2, janus_rtp_header_update(P(0, (janus_rtp_header *)packet()), P(1, buffer()), edge % 2, integer(0)));
	CALL(2, 0x1, NULL, janus_rtp_payload(P(0, packet()), integer(0), P(1, buffer())));
	VOID(4, janus_rtp_simulcasting_cleanup(P(0, buffer()), P(1, buffer()), P(2, rids()), P(3, buffer())));
	VOID(1, janus_rtp_simulcasting_context_reset(P(0, buffer())));
	VOID(4, janus_rtp_simulcasting_prepare(P(0, simulcast()), P(1, buffer()), P(2, buffer()), P(3, rids())));
	CALL(2, 0x3, 0, janus_rtp_skew_compensate_audio(P(0, (janus_rtp_header *)packet()), P(1, buffer()), integer(0)));
	CALL(2, 0x3, 0, janus_rtp_skew_compensate_video(P(0, (janus_rtp_header *)packet()), P(1, buffer()), integer(0)));
	CALL(5, 0x3, FALSE, janus_rtp_svc_context_process_rtp(P(0, buffer()), P(1, packet()), integer(0), P(2, buffer()),
		integer(1), integer(2), P(3, buffer()), P(4, buffer())));
	VOID(1, janus_rtp_svc_context_reset(P(0, buffer())));
	VOID(1, janus_rtp_switching_context_reset(P(0, buffer())));
	CALL(1, 0x1, 0, janus_videocodec_from_name(P(0, text())));
	TEXT(0, 0x0, janus_videocodec_name(integer(0)));
	CALL(0, 0x0, -1, janus_videocodec_pt(integer(0)));
	TEXT(0, 0x0, janus_srtp_error_str(integer(0)));
	CALL(1, 0x1, -1, srtp_crypto_get_random(P(0, buffer()), integer(0)));
	EACH(7, "janus_rtp_simulcasting_context_process_rtp", simulcasting(integer(2), P(6, buffer())));
	for(int codec = JANUS_VIDEOCODEC_NONE; codec <= JANUS_VIDEOCODEC_H265; codec++)
		EACH(3, "janus_rtp_simulcasting_context_process_rtp", simulcasting(codec, NULL));
}
