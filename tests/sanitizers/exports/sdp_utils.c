/* sdp-utils.h */
#include "exports.h"

/* Of 0.x, in no header: m-lines begin with their type, and any 32-bit number is one. */
void janus_sdp_find_first_codecs(janus_sdp *sdp, const char **acodec, const char **vcodec);
void janus_sdp_find_preferred_codecs(janus_sdp *sdp, const char **acodec, const char **vcodec);

/*! The attribute belongs to the m-line when 0 is returned. */
static void add(janus_sdp_mline *line, janus_sdp_attribute *added) {
	int code = janus_sdp_attribute_add_to_mline(line, added);
	if(line == NULL || added == NULL)
		expect(code == -1, "janus_sdp_attribute_add_to_mline");
	if(code == 0)
		taken(added);
}

/*! What is generated is released. */
static void answer_mline(janus_sdp *offer, janus_sdp *answer, janus_sdp_mline *line) {
	janus_sdp_generate_answer_mline(offer, answer, line, JANUS_SDP_OA_DONE);
	janus_sdp_generate_answer_mline(offer, answer, line, JANUS_SDP_OA_MLINE, JANUS_SDP_VIDEO,
		JANUS_SDP_OA_CODEC, NULL, JANUS_SDP_OA_MID, NULL, JANUS_SDP_OA_MSID, NULL, NULL, JANUS_SDP_OA_ACCEPT_EXTMAP, NULL,
		JANUS_SDP_OA_EXTENSIONS, NULL, JANUS_SDP_OA_FMTP, NULL, JANUS_SDP_OA_H264_PROFILE, NULL, JANUS_SDP_OA_DONE);
	janus_sdp_generate_answer_mline(offer, answer, line, 4711, JANUS_SDP_OA_DONE);
}

void test_sdp_utils(void) {
	VOID(1, janus_sdp_attribute_destroy(TAKEN(P(0, attribute()))));
	VOID(1, janus_sdp_destroy(TAKEN(P(0, sdp()))));
	VOID(2, janus_sdp_find_first_codec(P(0, sdp()), integer(0), integer(1), P(1, buffer())));
	VOID(2, janus_sdp_find_preferred_codec(P(0, sdp()), integer(0), integer(1), P(1, buffer())));
	VOID(3, janus_sdp_find_first_codecs(P(0, sdp()), P(1, buffer()), P(2, buffer())));
	VOID(3, janus_sdp_find_preferred_codecs(P(0, sdp()), P(1, buffer()), P(2, buffer())));
	OWNED(1, 0x1, janus_sdp_destroy, janus_sdp_generate_answer(P(0, sdp())));
	TEXT(1, 0x1, janus_sdp_get_codec_name(P(0, sdp()), integer(0), integer(1)));
	CALL(2, 0x3, -1, janus_sdp_get_codec_pt(P(0, sdp()), integer(0), P(1, text())));
	CALL(3, 0x3, -1, janus_sdp_get_codec_pt_full(P(0, sdp()), integer(0), P(1, text()), P(2, text())));
	TEXT(1, 0x1, janus_sdp_get_codec_rtpmap(P(0, text())));
	TEXT(1, 0x1, janus_sdp_get_fmtp(P(0, sdp()), integer(0), integer(1)));
	CALL(1, 0x1, -1, janus_sdp_get_opusred_pt(P(0, sdp()), integer(0)));
	TEXT(1, 0x1, janus_sdp_get_rtpmap_codec(P(0, text())));
	OWNED(1, 0x1, g_free, janus_sdp_get_video_profile(integer(0), P(0, text())));
	TEXT(1, 0x1, janus_sdp_match_preferred_codec(integer(0), P(0, owned_text())));
	TEXT(0, 0x0, janus_sdp_mdirection_str(integer(0)));
	OWNED(1, 0x0, janus_sdp_mline_destroy, janus_sdp_mline_create(integer(0), natural(1), P(0, text()), integer(2)));
	VOID(1, janus_sdp_mline_destroy(TAKEN(P(0, mline()))));
	CALL(1, 0x1, NULL, janus_sdp_mline_find(P(0, sdp()), integer(0)));
	CALL(1, 0x1, NULL, janus_sdp_mline_find_by_index(P(0, sdp()), integer(0)));
	CALL(1, 0x1, -1, janus_sdp_mline_remove(P(0, sdp()), integer(0)));
	TEXT(0, 0x0, janus_sdp_mtype_str(integer(0)));
	OWNED(2, 0x0, janus_sdp_destroy, janus_sdp_new(P(0, text()), P(1, text())));
	TEXT(0, 0x0, janus_sdp_oa_type_str(integer(0)));
	OWNED(2, 0x0, janus_sdp_destroy, janus_sdp_parse(P(0, description()), P(1, buffer()), natural(0)));
	CALL(1, 0x1, JANUS_SDP_INVALID, janus_sdp_parse_mdirection(P(0, text())));
	CALL(1, 0x1, JANUS_SDP_OTHER, janus_sdp_parse_mtype(P(0, text())));
	CALL(1, 0x1, -1, janus_sdp_remove_payload_type(P(0, sdp()), integer(0), integer(1)));
	OWNED(1, 0x1, g_free, janus_sdp_write(P(0, sdp())));
	EACH(2, "janus_sdp_attribute_add_to_mline", add(P(0, mline()), P(1, attribute())));
	OWNED(1, 0, janus_sdp_attribute_destroy, janus_sdp_attribute_create(P(0, text()), NULL));
	OWNED(1, 0, janus_sdp_attribute_destroy, janus_sdp_attribute_create(P(0, text()), "%s", text()));
	EACH(3, "janus_sdp_generate_answer_mline", answer_mline(P(0, sdp()), P(1, sdp()), P(2, mline())));
	OWNED(2, 0, janus_sdp_destroy, janus_sdp_generate_offer(P(0, text()), P(1, text()), JANUS_SDP_OA_DONE));
	OWNED(2, 0, janus_sdp_destroy, janus_sdp_generate_offer(P(0, text()), P(1, text()), JANUS_SDP_OA_MLINE, integer(0),
		JANUS_SDP_OA_CODEC, NULL, JANUS_SDP_OA_MSID, NULL, NULL, JANUS_SDP_OA_EXTENSION, NULL, integer(1),
		JANUS_SDP_OA_PT, integer(2), JANUS_SDP_OA_DONE));
	OWNED(2, 0, janus_sdp_destroy, janus_sdp_generate_offer(P(0, text()), P(1, text()), 4711, JANUS_SDP_OA_DONE));
	CALL(1, 0x1, -1, janus_sdp_generate_offer_mline(P(0, sdp()), JANUS_SDP_OA_DONE));
	CALL(1, 0x1, -1, janus_sdp_generate_offer_mline(P(0, sdp()), JANUS_SDP_OA_MLINE, JANUS_SDP_AUDIO,
		JANUS_SDP_OA_CODEC, NULL,
		JANUS_SDP_OA_EXTENSIONS, P(0, table()), JANUS_SDP_OA_FMTP, NULL, JANUS_SDP_OA_DONE));
}
