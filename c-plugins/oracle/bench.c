/* What the helpers of the packet path cost: `ns<TAB>function<TAB>what`. No test; see tests/oracle/run --bench. */
#include "oracle.h"

#include <time.h>

/* Not one of the clocks that clock.c stops. */
static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

#define TIMES 200000
/* The best of five runs. */
#define BENCH(function, what, ...) do { \
	double best = 0; \
	for(int run = 0; run < 5; run++) { \
		double began = now(); \
		for(int i = 0; i < TIMES; i++) { \
			__VA_ARGS__; \
		} \
		double each = (now() - began) / TIMES; \
		best = run == 0 || each < best ? each : best; \
	} \
	CASE(#function, what), REAL(best); \
} while(0)

static oracle_item *named(const GPtrArray *packets, const char *prefix, guint number) {
	for(guint i = 0; i < packets->len; i++) {
		oracle_item *packet = g_ptr_array_index(packets, i);
		if(g_str_has_prefix(packet->name, prefix) && number-- == 0)
			return packet;
	}
	return NULL;
}

SUBJECT(bench) {
	GPtrArray *rtp = oracle_packets("rtp"), *rtcp = oracle_packets("rtcp");
	oracle_item *vp8 = named(rtp, "vp8", 30), *opus = named(rtp, "opus", 3), *vp9 = named(rtp, "vp9", 4), *h264 = named(rtp, "h264", 0), *compound = named(rtcp, "compounds", 2);
	char *bytes = vp8->bytes, text[16];
	int length = (int)vp8->length, size = 0, level, room;
	gboolean flag;
	uint16_t number;
	uint8_t dd[64];
	char *payload = janus_rtp_payload(bytes, length, &size), *vp9_payload = janus_rtp_payload(vp9->bytes, (int)vp9->length, &level);
	int vp9_size = level, h264_size;
	char *h264_payload = janus_rtp_payload(h264->bytes, (int)h264->length, &h264_size);
	janus_rtp_switching_context context;
	janus_rtp_switching_context_reset(&context);
	janus_vp8_simulcast_context vp8_context;
	janus_vp8_simulcast_context_reset(&vp8_context);
	janus_vp9_svc_info info;
	BENCH(janus_is_rtp, "VP8", janus_is_rtp(bytes, (guint)length));
	BENCH(janus_rtp_payload, "VP8", janus_rtp_payload(bytes, length, &level));
	BENCH(janus_rtp_header_update, "same source", janus_rtp_header_update((janus_rtp_header *)bytes, &context, TRUE, 4500));
	BENCH(janus_rtp_skew_compensate_video, "warming up", janus_rtp_skew_compensate_video((janus_rtp_header *)bytes, &context, 1000 + i));
	BENCH(janus_rtp_header_extension_parse_audio_level, "fourth of four", janus_rtp_header_extension_parse_audio_level(opus->bytes, (int)opus->length, 1, &flag, &level));
	BENCH(janus_rtp_header_extension_parse_rid, "fourth of four", janus_rtp_header_extension_parse_rid(bytes, length, 10, text, sizeof(text)));
	BENCH(janus_rtp_header_extension_parse_transport_wide_cc, "second of four", janus_rtp_header_extension_parse_transport_wide_cc(bytes, length, 3, &number));
	BENCH(janus_rtp_header_extension_set_transport_wide_cc, "second of four", janus_rtp_header_extension_set_transport_wide_cc(bytes, length, 3, (uint16_t)i));
	BENCH(janus_rtp_header_extension_parse_dependency_desc, "absent", (room = sizeof(dd), janus_rtp_header_extension_parse_dependency_desc(bytes, length, 8, dd, &room)));
	BENCH(janus_vp8_is_keyframe, "VP8", janus_vp8_is_keyframe(payload, size));
	BENCH(janus_vp9_is_keyframe, "VP9", janus_vp9_is_keyframe(vp9_payload, vp9_size));
	BENCH(janus_h264_is_keyframe, "STAP-A", janus_h264_is_keyframe(h264_payload, h264_size));
	BENCH(janus_vp9_parse_svc, "VP9", janus_vp9_parse_svc(vp9_payload, vp9_size, &flag, &info));
	BENCH(janus_vp8_simulcast_descriptor_update, "VP8", janus_vp8_simulcast_descriptor_update(payload, size, &vp8_context, FALSE));
	janus_rtp_simulcasting_context simulcast;
	memset(&simulcast, 0, sizeof(simulcast));
	janus_rtp_simulcasting_context_reset(&simulcast);
	simulcast.substream_target = 2, simulcast.templayer_target = 2;
	uint32_t ssrcs[3] = { 0x1000, 0x1001, 0x1002 };
	char *rids[3] = { NULL, NULL, NULL };
	janus_mutex mutex;
	janus_mutex_init(&mutex);
	GPtrArray *stream = g_ptr_array_new();
	for(guint i = 0; i < rtp->len && stream->len < 64; i++)
		if(g_str_has_prefix(((oracle_item *)g_ptr_array_index(rtp, i))->name, "vp8"))
			g_ptr_array_add(stream, g_ptr_array_index(rtp, i));
#if ORACLE_14
#define DESCRIPTOR NULL, 0,
#else
#define DESCRIPTOR
#endif
	BENCH(janus_rtp_simulcasting_context_process_rtp, "three substreams", {
		oracle_item *packet = g_ptr_array_index(stream, (guint)i % stream->len);
		janus_rtp_simulcasting_context_process_rtp(&simulcast, packet->bytes, (int)packet->length, DESCRIPTOR ssrcs, rids, JANUS_VIDEOCODEC_VP8, &context, &mutex);
	});
	BENCH(janus_is_rtcp, "RR, NACK, REMB", janus_is_rtcp(compound->bytes, (guint)compound->length));
	BENCH(janus_rtcp_has_pli, "RR, NACK, REMB", janus_rtcp_has_pli(compound->bytes, (int)compound->length));
	BENCH(janus_rtcp_get_remb, "RR, NACK, REMB", janus_rtcp_get_remb(compound->bytes, (int)compound->length));
	BENCH(janus_rtcp_fix_ssrc, "RR, NACK, REMB", janus_rtcp_fix_ssrc(NULL, compound->bytes, (int)compound->length, 1, 1, 2));
	BENCH(janus_rtcp_filter, "RR, NACK, REMB", g_free(janus_rtcp_filter(compound->bytes, (int)compound->length, &level)));
	janus_rtcp_context statistics;
	memset(&statistics, 0, sizeof(statistics));
	statistics.tb = 90000;
	BENCH(janus_rtcp_process_incoming_rtp, "in order", {
		bytes[2] = (char)(i >> 8), bytes[3] = (char)i;
		janus_rtcp_process_incoming_rtp(&statistics, bytes, length, FALSE, FALSE, TRUE, NULL);
	});
}
