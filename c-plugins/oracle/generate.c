/* sdp-utils.h: offers and answers. Options are chosen at random; the generators are variadic, but on the machines
 * that we run on an int and a pointer take one slot each, so an array of words can be passed. */
#include "oracle.h"

#include <stdint.h>

#define SLOTS 48

typedef struct options {
	intptr_t slot[SLOTS];
	int count;
	GString *label;
} options;

static void number(options *o, int type, intptr_t value, const char *name) {
	o->slot[o->count++] = type;
	o->slot[o->count++] = value;
	g_string_append_printf(o->label, " %s %d", name, (int)value);
}

static void text(options *o, int type, const char *value, const char *name) {
	o->slot[o->count++] = type;
	o->slot[o->count++] = (intptr_t)value;
	g_string_append_printf(o->label, " %s %s", name, value ? value : "NULL");
}

#define PICK(array) (array)[oracle_below(COUNT(array))]

static const char *const audio[] = { "opus", "opus", "pcmu", "pcma", "g722", "multiopus", "isac16", "isac32", "l16", "l16-48", "OPUS" };
static const char *const video[] = { "vp8", "vp8", "vp9", "h264", "av1", "h265", "VP8" };
static const char *const fmtps[] = { "useinbandfec=1", "profile-id=1", "a=1;b=2", "channel_mapping=0,1", "" };
static const char *const vp9[] = { "0", "2", "1" };
static const char *const h264[] = { "42e01f", "42E01F", "640c1f", "42001f" };
static const char *const uris[] = {
	JANUS_RTP_EXTMAP_MID, JANUS_RTP_EXTMAP_AUDIO_LEVEL, JANUS_RTP_EXTMAP_VIDEO_ORIENTATION, JANUS_RTP_EXTMAP_TRANSPORT_WIDE_CC, JANUS_RTP_EXTMAP_ABS_SEND_TIME,
	JANUS_RTP_EXTMAP_PLAYOUT_DELAY, JANUS_RTP_EXTMAP_DEPENDENCY_DESC, JANUS_RTP_EXTMAP_RID, "urn:unknown",
};

/* The options of one m-line, MLINE first. */
static void offered(options *o, int type, gboolean with_enabled) {
	number(o, JANUS_SDP_OA_MLINE, type, "mline");
	if(with_enabled && oracle_below(4) == 0)
		number(o, JANUS_SDP_OA_ENABLED, (intptr_t)oracle_below(2), "enabled");
	if(oracle_below(2))
		number(o, JANUS_SDP_OA_DIRECTION, (intptr_t)oracle_below(5), "direction");
	if(oracle_below(2))
		text(o, JANUS_SDP_OA_MID, oracle_below(2) ? "0" : "video", "mid");
	if(oracle_below(3) == 0) {
		text(o, JANUS_SDP_OA_MSID, oracle_below(4) ? "stream" : NULL, "msid");
		o->slot[o->count++] = oracle_below(4) ? (intptr_t)"track" : 0;
	}
	if(type == JANUS_SDP_APPLICATION) {
		if(oracle_below(2))
			number(o, JANUS_SDP_OA_DATA_LEGACY, (intptr_t)oracle_below(2), "legacy");
		return;
	}
	if(oracle_below(4))
		text(o, JANUS_SDP_OA_CODEC, type == JANUS_SDP_AUDIO ? PICK(audio) : PICK(video), "codec");
	if(oracle_below(3) == 0)
		number(o, JANUS_SDP_OA_PT, 96 + (intptr_t)oracle_below(30), "pt");
	if(oracle_below(3) == 0)
		text(o, JANUS_SDP_OA_FMTP, PICK(fmtps), "fmtp");
	if(type == JANUS_SDP_AUDIO) {
		if(oracle_below(3) == 0)
			number(o, JANUS_SDP_OA_AUDIO_DTMF, (intptr_t)oracle_below(2), "dtmf");
		if(oracle_below(4) == 0)
			number(o, JANUS_SDP_OA_OPUSRED_PT, oracle_below(2) ? 120 : 0, "red");
	} else {
		if(oracle_below(4) == 0)
			text(o, JANUS_SDP_OA_VP9_PROFILE, PICK(vp9), "vp9");
		if(oracle_below(4) == 0)
			text(o, JANUS_SDP_OA_H264_PROFILE, PICK(h264), "h264");
		if(oracle_below(4) == 0)
			number(o, JANUS_SDP_OA_VIDEO_RTCPFB_DEFAULTS, (intptr_t)oracle_below(2), "feedback");
	}
	for(uint32_t n = oracle_below(4); n > 0; n--) {
		text(o, JANUS_SDP_OA_EXTENSION, PICK(uris), "extension");
		int id = (int)oracle_below(17);
		o->slot[o->count++] = id;
		g_string_append_printf(o->label, " %d", id);
	}
}

static void wanted(options *o, int type) {
	number(o, JANUS_SDP_OA_MLINE, type, "mline");
	if(oracle_below(6) == 0)
		number(o, JANUS_SDP_OA_ENABLED, (intptr_t)oracle_below(2), "enabled");
	if(oracle_below(2))
		number(o, JANUS_SDP_OA_DIRECTION, (intptr_t)oracle_below(5), "direction");
	if(oracle_below(4) == 0) {
		text(o, JANUS_SDP_OA_MSID, "stream", "msid");
		o->slot[o->count++] = (intptr_t)"track";
	}
	if(type == JANUS_SDP_APPLICATION)
		return;
	if(oracle_below(2))
		text(o, JANUS_SDP_OA_CODEC, oracle_below(5) == 0 ? NULL : type == JANUS_SDP_AUDIO ? PICK(audio) : PICK(video), "codec");
	if(oracle_below(4) == 0)
		text(o, JANUS_SDP_OA_FMTP, PICK(fmtps), "fmtp");
	if(type == JANUS_SDP_AUDIO) {
		if(oracle_below(3) == 0)
			number(o, JANUS_SDP_OA_AUDIO_DTMF, (intptr_t)oracle_below(2), "dtmf");
		if(oracle_below(3) == 0)
			number(o, JANUS_SDP_OA_ACCEPT_OPUSRED, (intptr_t)oracle_below(2), "red");
	} else {
		if(oracle_below(4) == 0)
			text(o, JANUS_SDP_OA_VP9_PROFILE, PICK(vp9), "vp9");
		if(oracle_below(4) == 0)
			text(o, JANUS_SDP_OA_H264_PROFILE, PICK(h264), "h264");
		if(oracle_below(4) == 0)
			number(o, JANUS_SDP_OA_VIDEO_RTCPFB_DEFAULTS, (intptr_t)oracle_below(2), "feedback");
	}
	for(uint32_t n = oracle_below(5); n > 0; n--)
		text(o, JANUS_SDP_OA_ACCEPT_EXTMAP, PICK(uris), "accept");
}

#define S(i) o->slot[i]
#define TEN(i) S(i), S(i + 1), S(i + 2), S(i + 3), S(i + 4), S(i + 5), S(i + 6), S(i + 7), S(i + 8), S(i + 9)
#define ALL TEN(0), TEN(10), TEN(20), TEN(30), S(40), S(41), S(42), S(43), S(44), S(45), S(46), S(47), (intptr_t)0

static options fresh(void) {
	options o = { .label = g_string_new(NULL) };
	return o;
}

static void offers(void) {
	for(int i = 0; i < 3000; i++) {
		options made = fresh(), *o = &made;
		uint32_t lines = 1 + oracle_below(3);
		for(uint32_t l = 0; l < lines && o->count < 24; l++)
			offered(o, (int)oracle_below(3), TRUE);
		if(o->count >= SLOTS)
			continue;
		CASE("janus_sdp_generate_offer", "%d:%s", i, o->label->str);
		janus_sdp *offer = janus_sdp_generate_offer(i % 7 ? "name" : NULL, i % 5 ? "192.0.2.1" : NULL, ALL);
		if(offer)
			TAKE(janus_sdp_write(offer));
		else
			WORD("NULL");
		janus_sdp_destroy(offer);
		g_string_free(o->label, TRUE);
	}
	CASE("janus_sdp_generate_offer", "nothing");
	janus_sdp *offer = janus_sdp_generate_offer("name", "192.0.2.1", JANUS_SDP_OA_DONE);
	if(offer)
		TAKE(janus_sdp_write(offer));
	janus_sdp_destroy(offer);
	CASE("janus_sdp_generate_offer", "no m-line first");
	INT(janus_sdp_generate_offer("name", "192.0.2.1", JANUS_SDP_OA_DIRECTION, 1, JANUS_SDP_OA_DONE) == NULL);
}

static void offer_mlines(void) {
	for(int i = 0; i < 3000; i++) {
		janus_sdp *offer = janus_sdp_new("name", "192.0.2.1");
		options made = fresh(), *o = &made;
		offered(o, (int)oracle_below(3), FALSE);
		CASE("janus_sdp_generate_offer_mline", "%d:%s", i, o->label->str);
		INT(janus_sdp_generate_offer_mline(offer, ALL));
		TAKE(janus_sdp_write(offer));
		janus_sdp_destroy(offer);
		g_string_free(o->label, TRUE);
	}
	janus_sdp *offer = janus_sdp_new("name", "192.0.2.1");
	CASE("janus_sdp_generate_offer_mline", "NULL");
	INT(janus_sdp_generate_offer_mline(NULL, JANUS_SDP_OA_MLINE, JANUS_SDP_AUDIO, JANUS_SDP_OA_DONE));
	CASE("janus_sdp_generate_offer_mline", "no m-line first");
	INT(janus_sdp_generate_offer_mline(offer, JANUS_SDP_OA_DIRECTION, 1, JANUS_SDP_OA_DONE));
	CASE("janus_sdp_generate_offer_mline", "unknown audio codec");
	INT(janus_sdp_generate_offer_mline(offer, JANUS_SDP_OA_MLINE, JANUS_SDP_AUDIO, JANUS_SDP_OA_CODEC, "foo", JANUS_SDP_OA_DONE));
	CASE("janus_sdp_generate_offer_mline", "unknown video codec");
	INT(janus_sdp_generate_offer_mline(offer, JANUS_SDP_OA_MLINE, JANUS_SDP_VIDEO, JANUS_SDP_OA_CODEC, "foo", JANUS_SDP_OA_DONE));
	GHashTable *extensions = g_hash_table_new(NULL, NULL);
	for(int id = 1; id < 6; id++)
		g_hash_table_insert(extensions, GINT_TO_POINTER(id), (char *)uris[id]);
	CASE("janus_sdp_generate_offer_mline", "table of extensions");
	INT(janus_sdp_generate_offer_mline(offer, JANUS_SDP_OA_MLINE, JANUS_SDP_VIDEO, JANUS_SDP_OA_EXTENSIONS, extensions, JANUS_SDP_OA_DONE));
	TAKE(janus_sdp_write(offer));
	CASE("janus_sdp_generate_offer_mline", "table and extension");
	INT(janus_sdp_generate_offer_mline(offer, JANUS_SDP_OA_MLINE, JANUS_SDP_VIDEO, JANUS_SDP_OA_EXTENSIONS, extensions, JANUS_SDP_OA_EXTENSION, "urn:x", 3, JANUS_SDP_OA_DONE));
	g_hash_table_destroy(extensions);
	janus_sdp_destroy(offer);
}

static void answers(void) {
	GPtrArray *files = oracle_files("sdp", ".sdp");
	for(guint f = 0; f < files->len; f++) {
		oracle_item *file = g_ptr_array_index(files, f);
		for(int i = 0; i < 500; i++) {
			janus_sdp *offer = janus_sdp_parse(file->bytes, NULL, 0);
			if(!offer)
				break;
			if(i >= 250)
				for(GList *l = offer->m_lines; l; l = l->next)
					((janus_sdp_mline *)l->data)->direction = (janus_sdp_mdirection)oracle_below(5);
			CASE("janus_sdp_generate_answer", "%s %d", file->name, i);
			janus_sdp *answer = janus_sdp_generate_answer(offer);
			TAKE(janus_sdp_write(answer));
			for(GList *l = offer->m_lines; l; l = l->next) {
				janus_sdp_mline *m = l->data;
				if(oracle_below(8) == 0)
					continue;
				options made = fresh(), *o = &made;
				wanted(o, m->type);
				CASE("janus_sdp_generate_answer_mline", "%s %d, %d:%s", file->name, i, m->index, o->label->str);
				INT(janus_sdp_generate_answer_mline(offer, answer, m, ALL));
				TAKE(janus_sdp_write(answer));
				g_string_free(o->label, TRUE);
			}
			janus_sdp_destroy(answer);
			janus_sdp_destroy(offer);
		}
		janus_sdp *offer = janus_sdp_parse(file->bytes, NULL, 0), *answer = janus_sdp_generate_answer(offer);
		janus_sdp_mline *m = offer->m_lines->data;
		CASE("janus_sdp_generate_answer_mline", "%s NULL", file->name);
		INT(janus_sdp_generate_answer_mline(offer, NULL, m, JANUS_SDP_OA_MLINE, JANUS_SDP_AUDIO, JANUS_SDP_OA_DONE));
		INT(janus_sdp_generate_answer_mline(offer, answer, NULL, JANUS_SDP_OA_MLINE, JANUS_SDP_AUDIO, JANUS_SDP_OA_DONE));
		CASE("janus_sdp_generate_answer_mline", "%s no m-line first", file->name);
		INT(janus_sdp_generate_answer_mline(offer, answer, m, JANUS_SDP_OA_DIRECTION, 1, JANUS_SDP_OA_DONE));
		CASE("janus_sdp_generate_answer_mline", "%s bad type", file->name);
		INT(janus_sdp_generate_answer_mline(offer, answer, m, JANUS_SDP_OA_MLINE, JANUS_SDP_OTHER, JANUS_SDP_OA_DONE));
		janus_sdp_destroy(answer);
		janus_sdp_destroy(offer);
	}
	CASE("janus_sdp_generate_answer", "NULL");
	INT(janus_sdp_generate_answer(NULL) == NULL);
}

SUBJECT(generate) {
	offers();
	offer_mlines();
	answers();
}
