/* rtp.h: the packet itself, header extensions, names of codecs. */
#include "oracle.h"

/* Whole packets are asked for all of these, damaged ones for the first few. */
static const int ids[] = { 1, 3, 10, 12, 8, 4, 2, 13, -1, 0, 7, 14, 15, 16, 255, 256 };
#define EACH_ID(label) for(const int *id = ids; id < ids + (strchr(label, ' ') ? 5 : COUNT(ids)); id++)

static void parse(const char *label, char *bytes, int length) {
	int size = -7;
	CASE("janus_is_rtp", "%s", label);
	INT(janus_is_rtp(bytes, (guint)length));
	CASE("janus_rtp_payload", "%s", label);
	char *payload = janus_rtp_payload(bytes, length, &size);
	INT(payload ? payload - bytes : -1), INT(payload ? size : 0), INT(janus_rtp_payload(bytes, length, NULL) == payload);
	EACH_ID(label) {
		gboolean a = -3, b = -3, c = -3, d = -3;
		int level = -3, room = 64;
		uint16_t low = 0x7777, high = 0x7777;
		uint32_t time = 0x77777777;
		char text[17] = "unchanged";
		uint8_t descriptor[64] = { 0 };
		CASE("janus_rtp_header_extension_parse_audio_level", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_parse_audio_level(bytes, length, *id, &a, &level)), INT(a), INT(level);
		CASE("janus_rtp_header_extension_parse_video_orientation", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_parse_video_orientation(bytes, length, *id, &a, &b, &c, &d)), INT(a), INT(b), INT(c), INT(d);
		CASE("janus_rtp_header_extension_parse_playout_delay", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_parse_playout_delay(bytes, length, *id, &low, &high)), INT(low), INT(high);
		CASE("janus_rtp_header_extension_parse_mid", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_parse_mid(bytes, length, *id, text, sizeof(text))), TEXT(text);
		strcpy(text, "unchanged");
		CASE("janus_rtp_header_extension_parse_rid", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_parse_rid(bytes, length, *id, text, 12)), TEXT(text);
		CASE("janus_rtp_header_extension_parse_dependency_desc", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_parse_dependency_desc(bytes, length, *id, descriptor, &room)), INT(room), BYTES(descriptor, sizeof(descriptor));
		CASE("janus_rtp_header_extension_parse_transport_wide_cc", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_parse_transport_wide_cc(bytes, length, *id, &low)), INT(low);
#if ORACLE_14
		uint64_t capture = 0x7777777777777777;
		int8_t spatial = 1, temporal = 1;
		CASE("janus_rtp_header_extension_parse_abs_send_time", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_parse_abs_send_time(bytes, length, *id, &time)), INT(time);
		CASE("janus_rtp_header_extension_parse_abs_capture_time", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_parse_abs_capture_time(bytes, length, *id, &capture)), INT((long long)capture);
		CASE("janus_rtp_header_extension_parse_video_layers_allocation", "%s id %d", label, *id);
		int result = janus_rtp_header_extension_parse_video_layers_allocation(bytes, length, *id, &spatial, &temporal);
		INT(result);
		if(result == 0)
			INT(spatial), INT(temporal);
#else
		CASE("janus_rtp_header_extension_parse_abs_sent_time", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_parse_abs_sent_time(bytes, length, *id, &time)), INT(time);
#endif
	}
}

static void rewrite(const char *label, char *bytes, int length) {
	char *before = g_malloc((gsize)length + 1);
	memcpy(before, bytes, (size_t)length);
	EACH_ID(label) {
		CASE("janus_rtp_header_extension_set_transport_wide_cc", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_set_transport_wide_cc(bytes, length, *id, 0xabcd)), BYTES(bytes, (size_t)length);
		memcpy(bytes, before, (size_t)length);
		CASE("janus_rtp_header_extension_set_abs_send_time", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_set_abs_send_time(bytes, length, *id, 0x12abcdef)), BYTES(bytes, (size_t)length);
		memcpy(bytes, before, (size_t)length);
#if ORACLE_14
		CASE("janus_rtp_header_extension_set_abs_capture_time", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_set_abs_capture_time(bytes, length, *id, 0x123456789abcdef0)), BYTES(bytes, (size_t)length);
		memcpy(bytes, before, (size_t)length);
#endif
		CASE("janus_rtp_header_extension_replace_id", "%s id %d", label, *id);
		INT(janus_rtp_header_extension_replace_id(bytes, length, *id, 5)), BYTES(bytes, (size_t)length);
		memcpy(bytes, before, (size_t)length);
	}
	g_free(before);
}

static void names(void) {
	static const char *const words[] = {
		NULL, "", "none", "opus", "OPUS", "multiopus", "red", "opusred", "pcmu", "pcma", "g722", "isac16", "isac32", "l16", "l16-48", "vp8", "Vp9", "h264", "av1", "h265", "foo", "opus ",
	};
	EACH(const char *const, word, words) {
		CASE("janus_audiocodec_from_name", "%s", *word ? *word : "NULL");
		INT(janus_audiocodec_from_name(*word));
		CASE("janus_videocodec_from_name", "%s", *word ? *word : "NULL");
		INT(janus_videocodec_from_name(*word));
	}
	for(int codec = -1; codec < 14; codec++) {
		CASE("janus_audiocodec_name", "%d", codec);
		TEXT(janus_audiocodec_name((janus_audiocodec)codec));
		CASE("janus_audiocodec_pt", "%d", codec);
		INT(janus_audiocodec_pt((janus_audiocodec)codec));
		CASE("janus_videocodec_name", "%d", codec);
		TEXT(janus_videocodec_name((janus_videocodec)codec));
		CASE("janus_videocodec_pt", "%d", codec);
		INT(janus_videocodec_pt((janus_videocodec)codec));
	}
	static const char *const uris[] = {
		NULL, "", JANUS_RTP_EXTMAP_AUDIO_LEVEL, JANUS_RTP_EXTMAP_TOFFSET, JANUS_RTP_EXTMAP_ABS_SEND_TIME, JANUS_RTP_EXTMAP_VIDEO_ORIENTATION, JANUS_RTP_EXTMAP_TRANSPORT_WIDE_CC,
		JANUS_RTP_EXTMAP_PLAYOUT_DELAY, JANUS_RTP_EXTMAP_MID, JANUS_RTP_EXTMAP_RID, JANUS_RTP_EXTMAP_REPAIRED_RID, JANUS_RTP_EXTMAP_DEPENDENCY_DESC, JANUS_RTP_EXTMAP_ENCRYPTED,
#if ORACLE_14
		JANUS_RTP_EXTMAP_ABS_CAPTURE_TIME, JANUS_RTP_EXTMAP_VIDEO_LAYERS,
#endif
		"URN:ietf:params:rtp-hdrext:SDES:mid", "urn:ietf:params:rtp-hdrext:sdes:mid ", "urn:unknown",
	};
	EACH(const char *const, uri, uris) {
		CASE("janus_rtp_extension_id", "%s", *uri ? *uri : "NULL");
		INT(janus_rtp_extension_id(*uri));
	}
	for(int pt = 0; pt < 256; pt++) {
		char bytes[16] = { (char)0x80, (char)pt };
		CASE("janus_is_rtp", "byte %d", pt);
		INT(janus_is_rtp(bytes, 12)), INT(janus_is_rtp(bytes, 11));
	}
	CASE("janus_rtp_payload", "NULL");
	INT(janus_rtp_payload(NULL, 20, NULL) == NULL);
}

static void in_descriptions(void) {
	GPtrArray *files = oracle_files("sdp", ".sdp");
	for(guint f = 0; f < files->len; f++) {
		oracle_item *file = g_ptr_array_index(files, f);
		char *text = g_strdup(file->bytes);
		static const char *const uris[] = {
			JANUS_RTP_EXTMAP_AUDIO_LEVEL, JANUS_RTP_EXTMAP_TOFFSET, JANUS_RTP_EXTMAP_ABS_SEND_TIME, JANUS_RTP_EXTMAP_VIDEO_ORIENTATION, JANUS_RTP_EXTMAP_TRANSPORT_WIDE_CC,
			JANUS_RTP_EXTMAP_PLAYOUT_DELAY, JANUS_RTP_EXTMAP_MID, JANUS_RTP_EXTMAP_RID, JANUS_RTP_EXTMAP_REPAIRED_RID, JANUS_RTP_EXTMAP_DEPENDENCY_DESC, "urn:nothing", "urn",
		};
		EACH(const char *const, uri, uris) {
			CASE("janus_rtp_header_extension_get_id", "%s %s", file->name, *uri);
			INT(janus_rtp_header_extension_get_id(text, *uri));
		}
		for(int id = -1; id < 17; id++) {
			CASE("janus_rtp_header_extension_get_from_id", "%s %d", file->name, id);
			TEXT(janus_rtp_header_extension_get_from_id(text, id));
		}
		CASE("janus_rtp_header_extension_get_id", "%s unchanged", file->name);
		INT(strcmp(text, file->bytes));
		g_free(text);
	}
	char text[] = "v=0\r\na=extmap:1 urn:before\r\nm=audio 9 RTP/AVP 0\r\na=extmap:12/sendonly urn:3gpp:video-orientation\r\na=extmap:x urn:odd\r\na=extmap:3 urn:first\r\na=extmap:4 urn:first\r\n";
	static const char *const uris[] = { "urn:before", "urn:3gpp:video-orientation", "urn:odd", "urn:first", "first", "" };
	EACH(const char *const, uri, uris) {
		CASE("janus_rtp_header_extension_get_id", "small %s", *uri);
		INT(janus_rtp_header_extension_get_id(text, *uri));
	}
	CASE("janus_rtp_header_extension_get_id", "NULL");
	INT(janus_rtp_header_extension_get_id(NULL, "x")), INT(janus_rtp_header_extension_get_id(text, NULL));
	CASE("janus_rtp_header_extension_get_from_id", "NULL");
	TEXT(janus_rtp_header_extension_get_from_id(NULL, 1));
}

SUBJECT(rtp) {
	names();
	in_descriptions();
	GPtrArray *packets = oracle_packets("rtp"), *some = g_ptr_array_new();
	for(guint i = 0; i < packets->len; i++) {
		oracle_item *packet = g_ptr_array_index(packets, i);
		if(g_str_has_prefix(packet->name, "opus") || g_str_has_prefix(packet->name, "layers") || i % 100 == 0)
			g_ptr_array_add(some, packet);
	}
	/* Whole packets of every codec; damage in some of them. */
	oracle_damage(packets, 100000, 0, parse);
	oracle_damage(some, 3, 0, parse);
	oracle_damage(some, 7, 0, rewrite);
}
