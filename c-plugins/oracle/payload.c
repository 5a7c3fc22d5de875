/* utils.h: what payloads tell (key frames, descriptors), RED, bits. */
#include "oracle.h"

static void vp8(const char *label, char *payload, int size) {
	uint16_t picture = 0x7777;
	uint8_t tl0 = 0x77, tid = 0x77, y = 0x77, key = 0x77;
	gboolean wide = -3;
	CASE("janus_vp8_parse_descriptor", "%s", label);
	int result = janus_vp8_parse_descriptor(payload, size, &wide, &picture, &tl0, &tid, &y, &key);
	INT(result);
	if(result == 0)
		INT(wide), INT(picture), INT(tl0), INT(tid), INT(y), INT(key);
	for(int switched = 0; switched < 2; switched++) {
		janus_vp8_simulcast_context context = { 0 };
		char *copy = g_malloc((gsize)size + 1);
		memcpy(copy, payload, (size_t)size);
		context.last_picid = 126, context.base_picid = 5, context.base_picid_prev = 120, context.last_tlzi = 255, context.base_tlzi = 3, context.base_tlzi_prev = 254;
		CASE("janus_vp8_simulcast_descriptor_update", "%s, %d", label, switched);
		janus_vp8_simulcast_descriptor_update(copy, size, &context, switched), BYTES(copy, (size_t)size);
		INT(context.last_picid), INT(context.base_picid), INT(context.base_picid_prev), INT(context.last_tlzi), INT(context.base_tlzi), INT(context.base_tlzi_prev);
		g_free(copy);
	}
}

static void vp9(const char *label, char *payload, int size) {
	gboolean found = -3;
	janus_vp9_svc_info info = { 0 };
	CASE("janus_vp9_parse_svc", "%s", label);
	int result = janus_vp9_parse_svc(payload, size, &found, &info);
	INT(result);
	if(result == 0)
		INT(found);
	if(result == 0 && found > 0)
		INT(info.spatial_layer), INT(info.temporal_layer), INT(info.fbit), INT(info.pbit), INT(info.dbit), INT(info.ubit), INT(info.bbit), INT(info.ebit);
}

static void red(const char *label, char *payload, int size) {
	CASE("janus_red_parse_blocks", "%s", label);
	GList *blocks = janus_red_parse_blocks(payload, size);
	for(GList *l = blocks; l; l = l->next) {
		janus_red_block *b = l->data;
		INT(b->pt), INT(b->ts_offset), INT(b->length), INT(b->data ? (char *)b->data - payload : -1);
	}
	if(blocks) {
		char packed[2048] = { 0 };
		CASE("janus_red_pack_blocks", "%s", label);
		int length = janus_red_pack_blocks(packed, sizeof(packed), blocks);
		INT(length), BYTES(packed, (size_t)MAX(length, 0));
	}
	g_list_free_full(blocks, g_free);
	char *copy = g_malloc0((gsize)size + 1);
	memcpy(copy, payload, (size_t)size);
	CASE("janus_red_replace_block_pt", "%s", label);
	INT(janus_red_replace_block_pt(copy, size, 99)), BYTES(copy, (size_t)size);
	g_free(copy);
}

/* `bytes` is a payload. */
static void any(const char *label, char *bytes, int length) {
	CASE("janus_vp8_is_keyframe", "%s", label);
	INT(janus_vp8_is_keyframe(bytes, length));
	CASE("janus_vp9_is_keyframe", "%s", label);
	INT(janus_vp9_is_keyframe(bytes, length));
	CASE("janus_h264_is_keyframe", "%s", label);
	INT(janus_h264_is_keyframe(bytes, length));
	CASE("janus_av1_is_keyframe", "%s", label);
	INT(janus_av1_is_keyframe(bytes, length));
	CASE("janus_h265_is_keyframe", "%s", label);
	INT(janus_h265_is_keyframe(bytes, length));
#if ORACLE_14
	CASE("janus_h264_is_i_frame", "%s", label);
	INT(janus_h264_is_i_frame(bytes, length));
	CASE("janus_h264_is_b_frame", "%s", label);
	INT(janus_h264_is_b_frame(bytes, length));
	for(int codec = -1; codec < 8; codec++) {
		CASE("janus_is_keyframe", "%s, %d", label, codec);
		INT(janus_is_keyframe((janus_videocodec)codec, bytes, length));
	}
#endif
	if(g_str_has_prefix(label, "vp8"))
		vp8(label, bytes, length);
	if(g_str_has_prefix(label, "vp9") || g_str_has_prefix(label, "vp8"))
		vp9(label, bytes, length);
	if(g_str_has_prefix(label, "red") || g_str_has_prefix(label, "opus"))
		red(label, bytes, length);
}

static void bits(void) {
	guint8 bytes[8];
	for(int i = 0; i < 400; i++) {
		guint32 word = oracle_random(), value = oracle_random();
		size_t count = oracle_below(33);
		if(count == 32)
			count = 31;
		CASE("janus_push_bits", "%d", i);
		INT(janus_push_bits(word, count, value));
		size_t at = oracle_below(5);
		memset(bytes, 0x55, sizeof(bytes));
		CASE("janus_set1", "%d", i);
		janus_set1(bytes, at, (guint8)value), BYTES(bytes, 8);
		CASE("janus_set2", "%d", i);
		janus_set2(bytes, at, value), BYTES(bytes, 8);
		CASE("janus_set3", "%d", i);
		janus_set3(bytes, at, value), BYTES(bytes, 8);
		CASE("janus_set4", "%d", i);
		janus_set4(bytes, at, value), BYTES(bytes, 8);
		uint32_t offset = oracle_below(32);
		CASE("janus_bitstream_getbit", "%d", i);
		INT(janus_bitstream_getbit(bytes, offset));
		uint8_t number = (uint8_t)oracle_below(32);
		CASE("janus_bitstream_getbits", "%d", i);
		INT(janus_bitstream_getbits(bytes, number, &offset)), INT(offset);
	}
}

static void pack(void) {
	char data[] = "AAABBBBCCCCC", packed[64];
	for(int room = 0; room < 40; room++) {
		GList *blocks = NULL;
		for(int i = 0; i < 3; i++) {
			janus_red_block *b = g_new0(janus_red_block, 1);
			b->pt = (uint8_t)(111 + i), b->ts_offset = (uint32_t)(i < 2 ? 960 * (2 - i) : 0), b->data = (uint8_t *)data + 3 * i, b->length = (uint16_t)(3 + i);
			blocks = g_list_append(blocks, b);
		}
		memset(packed, 0, sizeof(packed));
		CASE("janus_red_pack_blocks", "room %d", room);
		INT(janus_red_pack_blocks(packed, room, blocks));
		BYTES(packed, room >= 21 ? 21 : 0);
		g_list_free_full(blocks, g_free);
	}
	CASE("janus_red_pack_blocks", "NULL");
	INT(janus_red_pack_blocks(NULL, 10, NULL)), INT(janus_red_pack_blocks(packed, 10, NULL)), INT(janus_red_pack_blocks(packed, -1, NULL));
	CASE("janus_red_parse_blocks", "NULL");
	INT(janus_red_parse_blocks(NULL, 10) == NULL), INT(janus_red_parse_blocks(packed, -1) == NULL), INT(janus_red_parse_blocks(packed, 0) == NULL);
	CASE("janus_red_replace_block_pt", "NULL");
	INT(janus_red_replace_block_pt(NULL, 10, 1)), INT(janus_red_replace_block_pt(packed, -1, 1));
}

/* A stream that is switched between three substreams: picture ids stay continuous. */
static void rewriting(void) {
	janus_vp8_simulcast_context context;
	memset(&context, 0xff, sizeof(context));
	CASE("janus_vp8_simulcast_context_reset", "all");
	janus_vp8_simulcast_context_reset(&context), BYTES(&context, 9);
	janus_vp8_simulcast_context_reset(NULL);
	for(int wide = 0; wide < 2; wide++) {
		janus_vp8_simulcast_context_reset(&context);
		uint16_t picture[3] = { 120, 32760, 7 };
		uint8_t tl0[3] = { 250, 3, 99 };
		int stream = 0;
		for(int i = 0; i < 600; i++) {
			gboolean switched = i == 0 || oracle_below(20) == 0;
			if(switched)
				stream = (int)oracle_below(3);
			picture[stream] += (uint16_t)(1 + (oracle_below(12) == 0 ? 60 : 0)), tl0[stream] += (uint8_t)oracle_below(2);
			char payload[24] = { (char)0x90, (char)0xf0, (char)(0x80 | picture[stream] >> 8), (char)picture[stream], (char)tl0[stream], 0x20, 0x11, 2, 0 };
			if(!wide) {
				payload[2] = (char)(picture[stream] & 0x7f), payload[3] = (char)tl0[stream], payload[4] = 0x40;
			}
			CASE("janus_vp8_simulcast_descriptor_update", "%s %d", wide ? "wide" : "narrow", i);
			janus_vp8_simulcast_descriptor_update(payload, sizeof(payload), &context, switched), BYTES(payload, 8);
			INT(context.last_picid), INT(context.last_tlzi);
		}
	}
	janus_vp8_simulcast_descriptor_update(NULL, 10, &context, TRUE);
}

SUBJECT(payload) {
	GPtrArray *packets = oracle_packets("rtp"), *payloads = g_ptr_array_new(), *some = g_ptr_array_new();
	for(guint i = 0; i < packets->len; i++) {
		oracle_item *packet = g_ptr_array_index(packets, i);
		/* Not by janus_rtp_payload: cores differ in some of these packets. */
		const guint8 *bytes = (guint8 *)packet->bytes;
		int at = 12 + 4 * (bytes[0] & 15);
		if(bytes[0] & 0x10)
			at += 4 + 4 * (bytes[at + 2] << 8 | bytes[at + 3]);
		char *payload = packet->bytes + at;
		int size = (int)packet->length - at;
		if(size <= 0)
			continue;
		oracle_item *item = g_new0(oracle_item, 1);
		item->name = packet->name, item->bytes = payload, item->length = (size_t)size;
		g_ptr_array_add(payloads, item);
		if(i % 9 == 0 || (g_str_has_prefix(item->name, "red") && size < 60) || g_str_has_prefix(item->name, "h264"))
			g_ptr_array_add(some, item);
	}
	/* What is behind the end is there and zero: the reference looks at it. */
	oracle_damage(payloads, 100000, 32, any);
	oracle_damage(some, 1, 32, any);
	for(int i = 0; i < 600; i++) {
		char bytes[96] = { 0 }, label[160];
		int length = (int)oracle_below(60);
		for(int b = 0; b < length; b++)
			bytes[b] = (char)oracle_random();
		int written = g_snprintf(label, sizeof(label), "%s random %d ", i % 3 == 0 ? "vp8" : i % 3 == 1 ? "vp9" : "red", i);
		for(int b = 0; b < length; b++)
			written += g_snprintf(label + written, sizeof(label) - (gulong)written, "%02x", (guint8)bytes[b]);
		any(label, bytes, length);
	}
	bits();
	pack();
	rewriting();
}
