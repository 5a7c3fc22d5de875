/* rtp.h: what has a memory – switching, skew compensation, simulcast, SVC. The clock moves only as told. */
#include "oracle.h"

#include <arpa/inet.h>

static gint64 since(gint64 time) {
	return time ? time - janus_get_monotonic_time() : 1;
}

static void switching(const janus_rtp_switching_context *c) {
	INT(c->last_ssrc), INT(c->last_ts), INT(c->base_ts), INT(c->base_ts_prev), INT(c->prev_ts), INT(c->target_ts), INT(c->start_ts), INT(c->last_seq), INT(c->prev_seq), INT(c->base_seq);
	INT(c->base_seq_prev), INT(c->ts_reset), INT(c->seq_reset), INT(c->new_ssrc), INT(c->seq_offset), INT(c->prev_delay), INT(c->active_delay), INT(c->ts_offset);
	INT(since(c->last_time)), INT(since(c->reference_time)), INT(since(c->start_time)), INT(since(c->evaluating_start_time));
}

static void head(char *bytes, int pt, uint16_t seq, uint32_t ts, uint32_t ssrc) {
	const uint16_t s = htons(seq);
	const uint32_t t = htonl(ts), x = htonl(ssrc);
	bytes[0] = (char)0x80, bytes[1] = (char)pt;
	memcpy(bytes + 2, &s, 2), memcpy(bytes + 4, &t, 4), memcpy(bytes + 8, &x, 4);
}

/* Sources that come and go, packets lost, repeated, reordered, dropped on purpose. */
static void continuity(int round) {
	static const int pts[] = { 96, 111, 0, 8, 9, 13 };
	janus_rtp_switching_context c;
	memset(&c, 0xff, sizeof(c));
	CASE("janus_rtp_switching_context_reset", "%d", round);
	janus_rtp_switching_context_reset(&c), switching(&c);
	uint16_t seq = (uint16_t)oracle_random();
	uint32_t ts = oracle_random(), ssrc = oracle_random();
	gboolean video = round & 1;
	int pt = pts[round % (int)COUNT(pts)];
	for(int i = 0; i < 250; i++) {
		char bytes[80] = { 0 };
		switch(oracle_below(30)) {
			case 0: ssrc = oracle_random(), seq = (uint16_t)oracle_random(), ts = oracle_random(); break;
			case 1: seq = (uint16_t)(seq + oracle_below(10)); break;
			case 2: seq = (uint16_t)(seq - oracle_below(4)); break;
			case 3: c.base_seq++; break;
			case 4: c.seq_reset = TRUE; break;
			case 5: c.ts_reset = TRUE; break;
			case 6: oracle_clock_advance(5000000); break;
			default: break;
		}
		head(bytes, pt, seq, ts, ssrc);
		CASE("janus_rtp_header_update", "%d/%d", round, i);
		janus_rtp_header_update((janus_rtp_header *)bytes, &c, video, (int)oracle_below(2) * 4500), BYTES(bytes, 12), switching(&c);
		seq++, ts += video ? 3000 : 960;
		oracle_clock_advance(oracle_below(40000));
	}
}

/* A source whose clock is `drift` percent off. */
static void skew(int round, int drift) {
	janus_rtp_switching_context c;
	janus_rtp_switching_context_reset(&c);
	gboolean video = round % 3 == 0;
	int pt = video ? 96 : round % 3 == 1 ? 111 : 0, rate = video ? 90 : pt == 0 ? 8 : 48;
	uint32_t ts = oracle_random();
	uint16_t seq = (uint16_t)(65000 + round * 100);
	for(int i = 0; i < 1500; i++) {
		char bytes[80] = { 0 };
		head(bytes, pt, seq, ts, 77);
		janus_rtp_header_update((janus_rtp_header *)bytes, &c, video, 0);
		CASE(video ? "janus_rtp_skew_compensate_video" : "janus_rtp_skew_compensate_audio", "%d at %d%%, %d", round, drift, i);
		gint64 now = janus_get_monotonic_time();
		INT(video ? janus_rtp_skew_compensate_video((janus_rtp_header *)bytes, &c, now) : janus_rtp_skew_compensate_audio((janus_rtp_header *)bytes, &c, now));
		BYTES(bytes, 12), switching(&c);
		seq = (uint16_t)(seq + (oracle_below(50) == 0 ? 2 : 1));
		ts += (uint32_t)(20 * rate);
		oracle_clock_advance(20000 * (100 + drift) / 100 + (int)oracle_below(2000) - 1000);
	}
}

static void layers(const janus_rtp_simulcasting_context *c) {
	INT(c->rid_ext_id), INT(c->substream), INT(c->substream_target), INT(c->substream_target_temp), INT(c->templayer), INT(c->templayer_target), INT(c->drop_trigger);
	INT(since(c->last_relayed)), INT(c->changed_substream), INT(c->changed_temporal), INT(c->need_pli);
}

static void prepare(void) {
	static const char *const elements[] = {
		"{}", "{\"rids\":[]}", "{\"rids\":[\"h\"]}", "{\"rids\":[\"h\",\"m\"]}", "{\"rids\":[\"h\",\"m\",\"l\"],\"rid-ext\":10}", "{\"rids\":[\"a\",\"b\",\"c\",\"d\"],\"rid-ext\":3}",
		"{\"ssrcs\":[1,2,3]}", "{\"ssrcs\":[1,2,3,4]}", "{\"ssrcs\":[4294967295]}", "{\"ssrcs\":[]}", "{\"rids\":[\"h\"],\"ssrcs\":[1]}", "{\"ssrcs\":[\"x\"]}", "{\"rid-ext\":5}",
		"{\"rid-ext\":5,\"ssrcs\":[9]}", "{\"rids\":[\"h\",\"m\",\"l\"],\"rid-ext\":\"x\"}",
	};
	for(size_t i = 0; i <= COUNT(elements); i++)
		for(int with = 0; with < 8; with++) {
			json_t *element = i < COUNT(elements) ? json_loads(elements[i], 0, NULL) : NULL;
			int ext = 77;
			uint32_t ssrcs[3] = { 7, 8, 9 };
			char *rids[3] = { NULL, NULL, NULL };
			/* The reference asks for the extension when there are rids. */
			CASE("janus_rtp_simulcasting_prepare", "%s, %d", element ? elements[i] : "NULL", with);
			janus_rtp_simulcasting_prepare(element, with & 1 ? NULL : &ext, with & 2 ? NULL : ssrcs, with & 4 ? NULL : rids);
			INT(ext), BYTES(ssrcs, sizeof(ssrcs)), TEXT(rids[0]), TEXT(rids[1]), TEXT(rids[2]);
			janus_mutex mutex;
			janus_mutex_init(&mutex);
			CASE("janus_rtp_simulcasting_cleanup", "%zu, %d", i, with);
			janus_rtp_simulcasting_cleanup(&ext, ssrcs, rids, with & 1 ? &mutex : NULL);
			INT(ext), BYTES(ssrcs, sizeof(ssrcs)), TEXT(rids[0]), TEXT(rids[1]), TEXT(rids[2]);
			if(element)
				json_decref(element);
		}
	janus_rtp_simulcasting_cleanup(NULL, NULL, NULL, NULL);
	janus_rtp_simulcasting_context c;
	memset(&c, 0, sizeof(c));
	c.substream = 5, c.need_pli = 1, c.last_relayed = 99, c.rid_ext_id = 4;
	CASE("janus_rtp_simulcasting_context_reset", "all");
	janus_rtp_simulcasting_context_reset(&c), layers(&c);
	janus_rtp_simulcasting_context_reset(NULL);
}

/* The packets of a file through a context whose targets change. */
static void simulcast(const GPtrArray *packets, const char *file, janus_videocodec codec, int round) {
	janus_rtp_simulcasting_context c;
	memset(&c, 0, sizeof(c));
	janus_rtp_simulcasting_context_reset(&c);
	janus_rtp_switching_context sc;
	janus_rtp_switching_context_reset(&sc);
	uint32_t ssrcs[3] = { 0 };
	char *rids[3] = { NULL, NULL, NULL }, low[] = "l", middle[] = "m", high[] = "h";
	janus_mutex mutex;
	janus_mutex_init(&mutex);
	if(round % 3 == 0) {
		rids[0] = low, rids[1] = middle, rids[2] = high;
		c.rid_ext_id = 10;
	} else {
		/* Those of this file, any other file has them in substream 0. */
		ssrcs[0] = 0x1000, ssrcs[1] = 0x1001, ssrcs[2] = 0x1002;
	}
	c.substream_target = round % 4 == 3 ? 1 : 2;
	c.templayer_target = round % 2 ? 2 : 1;
	c.drop_trigger = round % 5 == 4 ? 100000 : 0;
	int position = 0;
	for(int repeat = 0; repeat < 3; repeat++)
		for(guint i = 0; i < packets->len; i++) {
			oracle_item *packet = g_ptr_array_index(packets, i);
			if(!g_str_has_prefix(packet->name, file))
				continue;
			if(position == 0 && round % 3) {
				if(strcmp(file, "vp8"))
					ssrcs[0] = ntohl(*(uint32_t *)(packet->bytes + 8));
			}
			position++;
			if(oracle_below(40) == 0)
				c.substream_target = (int)oracle_below(3);
			if(oracle_below(40) == 0)
				c.templayer_target = (int)oracle_below(3);
			oracle_clock_advance(oracle_below(60) == 0 ? 400000 : 5000);
			if(oracle_below(10) == 0 || (round % 6 == 5 && position % 100 > 60 && packet->bytes[11] == 2))
				continue;	/* lost */
			CASE("janus_rtp_simulcasting_context_process_rtp", "%s %d/%d", file, round, position);
			char *bytes = g_malloc0(packet->length + 32);
			memcpy(bytes, packet->bytes, packet->length);
#if ORACLE_14
			uint8_t dd[64];
			int room = sizeof(dd);
			gboolean described = janus_rtp_header_extension_parse_dependency_desc(bytes, (int)packet->length, 8, dd, &room) == 0;
			gboolean relay = janus_rtp_simulcasting_context_process_rtp(&c, bytes, (int)packet->length, described ? dd : NULL, described ? room : 0, ssrcs, rids, codec, &sc, &mutex);
#else
			gboolean relay = janus_rtp_simulcasting_context_process_rtp(&c, bytes, (int)packet->length, ssrcs, rids, codec, &sc, &mutex);
#endif
			INT(relay), layers(&c), BYTES(ssrcs, sizeof(ssrcs)), INT(sc.base_seq);
			if(relay) {
				CASE("janus_rtp_header_update", "%s %d/%d", file, round, position);
				janus_rtp_header_update((janus_rtp_header *)bytes, &sc, TRUE, 4500), BYTES(bytes, 12);
			}
			g_free(bytes);
		}
	janus_rtp_simulcasting_context_reset(&c);
}

static void av1(const GPtrArray *packets) {
	janus_av1_svc_context c;
	memset(&c, 0, sizeof(c));
	int count = 0;
	for(int repeat = 0; repeat < 60; repeat++) {
		janus_av1_svc_context_reset(&c);	/* so that cores that differ once agree again */
		for(guint i = 0; i < packets->len; i++) {
			oracle_item *packet = g_ptr_array_index(packets, i);
			uint8_t dd[64], template = 99;
			int room = sizeof(dd);
			memset(dd, 0xff, sizeof(dd));	/* the reference reads behind the end, up to a pair of ones */
			if(!g_str_has_prefix(packet->name, "av1") || janus_rtp_header_extension_parse_dependency_desc(packet->bytes, (int)packet->length, 8, dd, &room) < 0)
				continue;
			if(repeat)
				dd[oracle_below((uint32_t)room)] ^= (uint8_t)(1 << oracle_below(8));
			CASE("janus_av1_svc_context_process_dd", "%d", count++);
#if ORACLE_14
			uint8_t end = 99;
			gboolean known = janus_av1_svc_context_process_dd(&c, dd, room, &template, &end);
			INT(known), INT(known ? end : 0);
#else
			gboolean known = janus_av1_svc_context_process_dd(&c, dd, room, &template);
			INT(known);
#endif
			INT(known ? template : 0), INT(c.tcnt), INT(c.tioff), INT(c.spatial_layers), INT(c.temporal_layers), INT(c.updated);
			c.updated = FALSE;
		}
	}
	CASE("janus_av1_svc_context_process_dd", "short");
	uint8_t dd[64] = { 0 }, template = 99;
#if ORACLE_14
	uint8_t end = 99;
	INT(janus_av1_svc_context_process_dd(&c, dd, 2, &template, &end)), INT(janus_av1_svc_context_process_dd(&c, NULL, 3, &template, &end));
#else
	INT(janus_av1_svc_context_process_dd(&c, dd, 2, &template)), INT(janus_av1_svc_context_process_dd(&c, NULL, 3, &template));
#endif
	CASE("janus_av1_svc_context_reset", "all");
	janus_av1_svc_context_reset(&c), INT(c.tcnt), INT(c.tioff), INT(c.spatial_layers), INT(c.temporal_layers), INT(c.updated), INT(c.templates == NULL);
}

#if ORACLE_14
static void svc(const GPtrArray *packets, const char *file, janus_videocodec codec, int round) {
	janus_rtp_svc_context c;
	memset(&c, 0, sizeof(c));
	CASE("janus_rtp_svc_context_reset", "%s %d", file, round);
	janus_rtp_svc_context_reset(&c);
	INT(c.spatial), INT(c.spatial_target), INT(c.temporal), INT(c.temporal_target), INT(c.drop_trigger);
	janus_rtp_switching_context sc;
	janus_rtp_switching_context_reset(&sc);
	c.spatial_target = 1 + round % 2, c.temporal_target = 1 + round % 2;
	int position = 0;
	for(int repeat = 0; repeat < 3; repeat++)
		for(guint i = 0; i < packets->len; i++) {
			oracle_item *packet = g_ptr_array_index(packets, i);
			if(!g_str_has_prefix(packet->name, file))
				continue;
			position++;
			if(oracle_below(30) == 0)
				c.spatial_target = (int)oracle_below(3);
			if(oracle_below(30) == 0)
				c.temporal_target = (int)oracle_below(3);
			oracle_clock_advance(15000);
			uint8_t dd[64];
			int room = sizeof(dd);
			gboolean described = janus_rtp_header_extension_parse_dependency_desc(packet->bytes, (int)packet->length, 8, dd, &room) == 0;
			janus_vp9_svc_info info = { 0 };
			gboolean found = FALSE;
			int size = 0;
			char *payload = janus_rtp_payload(packet->bytes, (int)packet->length, &size);
			if(codec == JANUS_VIDEOCODEC_VP9 && (janus_vp9_parse_svc(payload, size, &found, &info) < 0 || !found))
				continue;
			char *bytes = g_malloc0(packet->length + 32);
			memcpy(bytes, packet->bytes, packet->length);
			CASE("janus_rtp_svc_context_process_rtp", "%s %d/%d", file, round, position);
			INT(janus_rtp_svc_context_process_rtp(&c, bytes, (int)packet->length, described ? dd : NULL, described ? room : 0, codec, &info, &sc));
			INT(c.spatial), INT(c.temporal), INT(c.changed_spatial), INT(c.changed_temporal), INT(c.need_pli), INT(sc.base_seq), BYTES(bytes, 2);
			g_free(bytes);
		}
}
#endif

SUBJECT(streams) {
	GPtrArray *packets = oracle_packets("rtp");
	for(int round = 0; round < 36; round++)
		continuity(round);
	static const int drifts[] = { 0, 1, 2, 5, 10, -1, -2, -5, -10 };
	for(int round = 0; round < 9; round++)
		skew(round, drifts[round]);
	prepare();
	av1(packets);
	for(int round = 0; round < 12; round++) {
		simulcast(packets, "vp8", JANUS_VIDEOCODEC_VP8, round);
		simulcast(packets, "h264", JANUS_VIDEOCODEC_H264, round);
		simulcast(packets, "vp9", JANUS_VIDEOCODEC_VP9, round);
		simulcast(packets, "h265", JANUS_VIDEOCODEC_H265, round);
		simulcast(packets, "av1", JANUS_VIDEOCODEC_AV1, round);
#if ORACLE_14
		svc(packets, "vp9", JANUS_VIDEOCODEC_VP9, round);
		svc(packets, "av1", JANUS_VIDEOCODEC_AV1, round);
#endif
	}
}
