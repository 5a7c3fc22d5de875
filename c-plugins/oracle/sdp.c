/* sdp-utils.h: parsing, writing, looking up, editing. utils.h: what scans descriptions as text. */
#include "oracle.h"

static void attributes(const GList *list) {
	for(; list; list = list->next) {
		const janus_sdp_attribute *a = list->data;
		WORD("a"), TEXT(a->name), TEXT(a->value), INT(a->direction);
	}
}

static void mline(const janus_sdp_mline *m) {
	WORD("m"), INT(m->index), INT(m->type), TEXT(m->type_str), INT(m->port), TEXT(m->proto), INT(m->c_ipv4), TEXT(m->c_addr), TEXT(m->b_name), INT(m->b_value), INT(m->direction);
	for(const GList *l = m->fmts; l; l = l->next)
		TEXT(l->data);
	for(const GList *l = m->ptypes; l; l = l->next)
		INT(GPOINTER_TO_INT(l->data));
	attributes(m->attributes);
}

static void model(const janus_sdp *sdp) {
	INT(sdp->version), TEXT(sdp->o_name), INT((long long)sdp->o_sessid), INT((long long)sdp->o_version), INT(sdp->o_ipv4), TEXT(sdp->o_addr), TEXT(sdp->s_name);
	INT((long long)sdp->t_start), INT((long long)sdp->t_stop), INT(sdp->c_ipv4), TEXT(sdp->c_addr);
	attributes(sdp->attributes);
	for(const GList *l = sdp->m_lines; l; l = l->next)
		mline(l->data);
}

static const char *const codecs[] = {
	NULL, "", "opus", "OPUS", "Opus", "multiopus", "pcmu", "PCMA", "pcma", "g722", "isac16", "isac32", "l16", "l16-48", "dtmf", "red", "vp8", "VP8", "vp9", "h264",
	"H264", "av1", "h265", "rtx", "foo",
};
static const char *const profiles[] = { NULL, "", "0", "2", "42e01f", "42E01F", "42001f", "640c1f", "4d0032", "foo" };

static void lookups(const char *label, janus_sdp *sdp) {
	for(int index = -1; index < 5; index++) {
		CASE("janus_sdp_mline_find_by_index", "%s, %d", label, index);
		janus_sdp_mline *found = janus_sdp_mline_find_by_index(sdp, index);
		INT(found ? found->index : -1);
		CASE("janus_sdp_get_opusred_pt", "%s, %d", label, index);
		INT(janus_sdp_get_opusred_pt(sdp, index));
		EACH(const char *const, codec, codecs) {
			if(!*codec)
				continue;
			CASE("janus_sdp_get_codec_pt", "%s, %d %s", label, index, *codec);
			INT(janus_sdp_get_codec_pt(sdp, index, *codec));
			EACH(const char *const, profile, profiles) {
				CASE("janus_sdp_get_codec_pt_full", "%s, %d %s %s", label, index, *codec, *profile ? *profile : "NULL");
				INT(janus_sdp_get_codec_pt_full(sdp, index, *codec, *profile));
			}
		}
		for(int pt = -1; pt < 128; pt++) {
			CASE("janus_sdp_get_codec_name", "%s, %d %d", label, index, pt);
			TEXT(janus_sdp_get_codec_name(sdp, index, pt));
			CASE("janus_sdp_get_fmtp", "%s, %d %d", label, index, pt);
			TEXT(janus_sdp_get_fmtp(sdp, index, pt));
		}
		for(int type = 0; type < 3; type++) {
			const char *codec = "unchanged";
			CASE("janus_sdp_find_preferred_codec", "%s, %d type %d", label, index, type);
			janus_sdp_find_preferred_codec(sdp, (janus_sdp_mtype)type, index, &codec);
			TEXT(codec);
			codec = "unchanged";
			CASE("janus_sdp_find_first_codec", "%s, %d type %d", label, index, type);
			janus_sdp_find_first_codec(sdp, (janus_sdp_mtype)type, index, &codec);
			TEXT(codec);
		}
	}
	for(int type = 0; type < 4; type++) {
		CASE("janus_sdp_mline_find", "%s, type %d", label, type);
		janus_sdp_mline *found = janus_sdp_mline_find(sdp, (janus_sdp_mtype)type);
		INT(found ? found->index : -1);
	}
}

/* Parsed, written; then each editing function on a copy of its own. */
static void description(const char *label, const char *text, gboolean edit) {
	char error[512] = "";
	CASE("janus_sdp_parse", "%s", label);
	janus_sdp *sdp = janus_sdp_parse(text, error, sizeof(error));
	if(!sdp) {
		TEXT(error);
		return;
	}
	model(sdp);
	CASE("janus_sdp_write", "%s", label);
	TAKE(janus_sdp_write(sdp));
	if(edit)
		lookups(label, sdp);
	CASE("janus_sdp_destroy", "%s", label);
	janus_refcount_increase(&sdp->ref);
	janus_sdp_destroy(sdp);
	janus_sdp_destroy(sdp);
	INT(sdp->ref.count), INT(sdp->destroyed);
	janus_refcount_decrease(&sdp->ref);
	if(!edit)
		return;
	for(int index = -1; index < 3; index++)
		for(int pt = -1; pt < 128; pt++) {
			sdp = janus_sdp_parse(text, NULL, 0);
			CASE("janus_sdp_remove_payload_type", "%s, %d %d", label, index, pt);
			INT(janus_sdp_remove_payload_type(sdp, index, pt));
			TAKE(janus_sdp_write(sdp));
			janus_sdp_destroy(sdp);
		}
	for(int type = 0; type < 4; type++) {
		sdp = janus_sdp_parse(text, NULL, 0);
		CASE("janus_sdp_mline_remove", "%s, type %d", label, type);
		INT(janus_sdp_mline_remove(sdp, (janus_sdp_mtype)type)), INT(janus_sdp_mline_remove(sdp, (janus_sdp_mtype)type));
		TAKE(janus_sdp_write(sdp));
		janus_sdp_destroy(sdp);
	}
}

static void damaged(const char *label, char *bytes, int length) {
	(void)length;
	description(label, bytes, FALSE);
}

static const char start[] = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

static void lines(void) {
	/* With the usual beginning. */
	static const char *const tails[] = {
		"", "m=audio 9 RTP/AVP 0", "m=audio 9 RTP/AVP 0\n", "m=audio 9 RTP/AVP", "m=audio 9", "m=audio", "m=", "m", "m=audio  9 RTP/AVP 0", "m=AUDIO 9 RTP/AVP 0",
		"m=text 9 RTP/AVP 0", "m=video 65535 UDP/TLS/RTP/SAVPF 96 97 98", "m=video 65536 RTP/AVP 96", "m=video -1 RTP/AVP 96", "m=video 0 RTP/AVP 96\na=mid:x\na=sendonly",
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\na=x", "m=audio 9 RTP/AVP x y",
		"m=audio 9 RTP/AVP 0  8", "m=audio 9 RTP/AVP 0 ", "m=audio 9/2 RTP/AVP 0", "m=audio 9 UDP 0 1", "c=IN IP4 1.2.3.4\nm=audio 9 RTP/AVP 0\nc=IN IP6 ::1\na=x",
		"c=IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 9 RTP/AVP 0", "c=IN IP5 x\nm=audio 9 RTP/AVP 0", "c=IN\nm=audio 9 RTP/AVP 0", "c=IN IP4\nm=audio 9 RTP/AVP 0",
		"m=audio 9 RTP/AVP 0\nc=IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4", "m=audio 9 RTP/AVP 0\nc=IN IP7 x", "m=audio 9 RTP/AVP 0\nc=x", "b=AS:10\nm=audio 9 RTP/AVP 0",
		"m=audio 9 RTP/AVP 0\nb=AS:10", "m=audio 9 RTP/AVP 0\nb=TIAS:10\nb=AS:20", "m=audio 9 RTP/AVP 0\nb=CT:10", "m=audio 9 RTP/AVP 0\nb=AS", "m=audio 9 RTP/AVP 0\nb=AS:",
		"m=audio 9 RTP/AVP 0\nb=AS:x", "m=audio 9 RTP/AVP 0\nb=AS:4294967296", "m=audio 9 RTP/AVP 0\nb=as:5", "m=audio 9 RTP/AVP 0\nb=RR:0\nb=AS:5", "m=audio 0 RTP/AVP 0\nb=AS:5",
		"m=audio 9 RTP/AVP 0\na=sendonly", "m=audio 9 RTP/AVP 0\na=SendOnly", "m=audio 9 RTP/AVP 0\na=sendonly\na=inactive", "m=audio 9 RTP/AVP 0\na=sendonly:x",
		"a=sendonly\nm=audio 9 RTP/AVP 0", "m=audio 9 RTP/AVP 0\na=extmap:1/sendonly urn:x", "m=audio 9 RTP/AVP 0\na=extmap:1/recvonly urn:x", "m=audio 9 RTP/AVP 0\na=extmap:1/inactive u",
		"m=audio 9 RTP/AVP 0\na=extmap:1/sendrecv u", "m=audio 9 RTP/AVP 0\na=x/sendonly", "m=audio 9 RTP/AVP 0\na=", "m=audio 9 RTP/AVP 0\na=x", "m=audio 9 RTP/AVP 0\na=x:",
		"m=audio 9 RTP/AVP 0\na=x:y:z", "m=audio 9 RTP/AVP 0\na=:y", "m=audio 9 RTP/AVP 0\na=x: y ", "m=audio 9 RTP/AVP 0\n\n\na=x", "m=audio 9 RTP/AVP 0\r\r\na=x",
		"m=audio 9 RTP/AVP 0\na=x\rhidden", "m=audio 9 RTP/AVP 0\nxx", "m=audio 9 RTP/AVP 0\nx", "m=audio 9 RTP/AVP 0\na:x", "m=audio 9 RTP/AVP 0\nz=what", "i=info\nm=audio 9 RTP/AVP 0",
		"s=again\nm=audio 9 RTP/AVP 0", "o=- 1 2 IN IP4 1.2.3.4\nm=audio 9 RTP/AVP 0", "v=1\nm=audio 9 RTP/AVP 0", "v=x\nm=audio 9 RTP/AVP 0", "t=5\nm=audio 9 RTP/AVP 0", "t=1 2\nm=audio 9 RTP/AVP 0",
		"m=audio 9 RTP/AVP 0\ns=late\no=- 1 2 IN IP4 1.2.3.4\nv=3\nt=4 5", "m=audio 9 RTP/AVP 300 -1 256 0",
	};
	/* On their own. */
	static const char *const whole[] = {
		"", "v", "v=", "v=0", "v=0\n", "V=0", "o=- 1 2 IN IP4 x", "v=0\no=- 1 2 IN IP4 x\nm=audio 9 RTP/AVP 0", "v=0\ns=-\nm=audio 9 RTP/AVP 0",
		"v=0\no=- 1 2 IN IP6 ::1\ns=-\nm=audio 9 RTP/AVP 0", "v=0\no=- 1 2 IN IP5 x\ns=-\nm=audio 9 RTP/AVP 0", "v=0\no=- x 2 IN IP4 x\ns=-\nm=audio 9 RTP/AVP 0",
		"v=0\no=-\ns=-\nm=audio 9 RTP/AVP 0", "v=0\no=- -1 2 IN IP4 x\ns=-\nm=audio 9 RTP/AVP 0", "v=0\no=- 18446744073709551615 2 IN IP4 x\ns=-\nm=audio 9 RTP/AVP 0",
		"v=0\no=- 1 2 IN IP4 x y z\ns= \nm=audio 9 RTP/AVP 0", "v=0\no=- 1 2 ON IP4 x\ns=-\nm=audio 9 RTP/AVP 0", "v=0\no=a b 1 2 IN IP4 x\ns=-\nm=audio 9 RTP/AVP 0",
		"v=0\no=- 1 2 IN IP4 x\ns=a b c\nm=audio 9 RTP/AVP 0", "v=0\no=- 1 2 IN IP4 x\ns=\nm=audio 9 RTP/AVP 0",
	};
	for(size_t i = 0; i < COUNT(tails); i++) {
		char *text = g_strconcat(start, tails[i], NULL), *label = g_strdup_printf("tail %zu %s", i, tails[i]);
		description(label, text, FALSE);
		g_free(text), g_free(label);
	}
	for(size_t i = 0; i < COUNT(whole); i++) {
		char *label = g_strdup_printf("whole %zu %s", i, whole[i]);
		description(label, whole[i], FALSE);
		g_free(label);
	}
	for(int length = 150; length < 260; length += 3) {
		char *text = g_strdup_printf("%sm=audio 9 RTP/AVP %0*d", start, length, 1), *label = g_strdup_printf("long m-line %d", length);
		description(label, text, FALSE);
		g_free(text), g_free(label);
	}
	CASE("janus_sdp_parse", "NULL");
	INT(janus_sdp_parse(NULL, NULL, 0) == NULL);
	CASE("janus_sdp_parse", "short error");
	char error[12] = "";
	INT(janus_sdp_parse("x=1", error, sizeof(error)) == NULL), TEXT(error);
	for(int i = 0; i < 400; i++) {
		char *text = g_strconcat(i & 1 ? "v=0\n" : start, oracle_random_text(oracle_below(60)), "\n", oracle_random_text(oracle_below(60)), NULL);
		char *label = g_strdup_printf("random %d", i);
		description(label, text, FALSE);
		g_free(text), g_free(label);
	}
}

static void names(void) {
	static const char *const words[] = {
		NULL, "", "audio", "AUDIO", "video", "Video", "application", "text", "message", "other", "sendrecv", "SENDRECV", "sendonly", "recvonly", "inactive", "default", "foo", "sendonly ",
	};
	EACH(const char *const, word, words) {
		CASE("janus_sdp_parse_mtype", "%s", *word ? *word : "NULL");
		INT(janus_sdp_parse_mtype(*word));
		CASE("janus_sdp_parse_mdirection", "%s", *word ? *word : "NULL");
		INT(janus_sdp_parse_mdirection(*word));
	}
	for(int i = -2; i < 24; i++) {
		CASE("janus_sdp_mtype_str", "%d", i);
		TEXT(janus_sdp_mtype_str((janus_sdp_mtype)i));
		CASE("janus_sdp_mdirection_str", "%d", i);
		TEXT(janus_sdp_mdirection_str((janus_sdp_mdirection)i));
		CASE("janus_sdp_oa_type_str", "%d", i);
		TEXT(janus_sdp_oa_type_str((janus_sdp_oa_type)i));
	}
	EACH(const char *const, codec, codecs) {
		CASE("janus_sdp_get_codec_rtpmap", "%s", *codec ? *codec : "NULL");
		TEXT(janus_sdp_get_codec_rtpmap(*codec));
		for(int type = 0; type < 4 && *codec; type++) {
			char *copy = g_strdup(*codec);
			CASE("janus_sdp_match_preferred_codec", "%d %s", type, *codec);
			TEXT(janus_sdp_match_preferred_codec((janus_sdp_mtype)type, copy));
			g_free(copy);
		}
	}
	static const char *const rtpmaps[] = {
		NULL, "", "opus/48000/2", "OPUS/48000/2", "opus/48000", "opus", "opus/", "multiopus/48000/6", "PCMU/8000", "pcma/8000", "g722/8000", "ISAC/16000", "isac/32000", "isac/8000",
		"L16/48000", "L16/16000", "L16/44100", "telephone-event/8000", "telephone-event/48000", "VP8/90000", "vp9/90000", "H264/90000", "AV1/90000", "H265/90000", "HEVC/90000", "VP8",
		"VP80/90000", "rtx/90000", "red/48000/2", "foo/90000", " opus/48000/2",
	};
	EACH(const char *const, rtpmap, rtpmaps) {
		CASE("janus_sdp_get_rtpmap_codec", "%s", *rtpmap ? *rtpmap : "NULL");
		TEXT(janus_sdp_get_rtpmap_codec(*rtpmap));
	}
	static const char *const fmtps[] = {
		NULL, "", "profile-level-id=42e01f", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", "a=1; profile-level-id=42e01f; b=2", "profile-level-id=",
		"profile-level-id=;a=1", "profile-id=2", "a=1;profile-id=0;b", "profile-id=", "xprofile-id=1", "PROFILE-ID=1", "profile-level-id=42E01F;profile-level-id=000000", ";;profile-id=3",
	};
	EACH(const char *const, fmtp, fmtps)
		for(int codec = 0; codec < 7; codec++) {
			CASE("janus_sdp_get_video_profile", "%d %s", codec, *fmtp ? *fmtp : "NULL");
			TAKE(janus_sdp_get_video_profile((janus_videocodec)codec, *fmtp));
		}
}

static void objects(void) {
	for(int type = 0; type < 4; type++)
		for(int direction = 0; direction < 6; direction++) {
			CASE("janus_sdp_mline_create", "%d %d", type, direction);
			janus_sdp_mline *m = janus_sdp_mline_create((janus_sdp_mtype)type, (guint16)(type * 1000), direction & 1 ? NULL : "UDP/TLS/RTP/SAVPF", (janus_sdp_mdirection)direction);
			if(!m) {
				WORD("NULL");
				continue;
			}
			mline(m), INT(m->ref.count);
			CASE("janus_sdp_attribute_add_to_mline", "%d %d", type, direction);
			janus_sdp_attribute *a = janus_sdp_attribute_create("x", "%d", direction);
			INT(janus_sdp_attribute_add_to_mline(m, a)), mline(m);
			CASE("janus_sdp_mline_destroy", "%d %d", type, direction);
			janus_refcount_increase(&m->ref);
			janus_sdp_mline_destroy(m);
			INT(m->ref.count), INT(m->destroyed);
			janus_refcount_decrease(&m->ref);
		}
	CASE("janus_sdp_attribute_add_to_mline", "NULL");
	INT(janus_sdp_attribute_add_to_mline(NULL, NULL));
	static const int lengths[] = { 0, 1, 100, 509, 510, 511, 512, 600 };
	EACH(const int, length, lengths) {
		CASE("janus_sdp_attribute_create", "%d", *length);
		janus_sdp_attribute *a = janus_sdp_attribute_create("name", "%s", oracle_random_text((size_t)*length));
		TEXT(a->name), TEXT(a->value), INT(a->direction), INT(a->ref.count);
		CASE("janus_sdp_attribute_destroy", "%d", *length);
		janus_refcount_increase(&a->ref);
		janus_sdp_attribute_destroy(a);
		INT(a->ref.count), INT(a->destroyed);
		janus_refcount_decrease(&a->ref);
	}
	CASE("janus_sdp_attribute_create", "no value, no name");
	janus_sdp_attribute *a = janus_sdp_attribute_create("flag", NULL);
	TEXT(a->name), TEXT(a->value), INT(janus_sdp_attribute_create(NULL, NULL) == NULL);
	janus_sdp_attribute_destroy(a);
	static const char *const words[] = { NULL, "", "name", "a b" };
	EACH(const char *const, name, words)
		EACH(const char *const, address, words) {
			CASE("janus_sdp_new", "%s, %s", *name ? *name : "NULL", *address ? *address : "NULL");
			janus_sdp *sdp = janus_sdp_new(*name, *address);
			model(sdp), TAKE(janus_sdp_write(sdp));
			janus_sdp_destroy(sdp);
		}
	CASE("janus_sdp_new", "IPv6");
	janus_sdp *sdp = janus_sdp_new("x", "2001:db8::1");
	model(sdp), TAKE(janus_sdp_write(sdp));
	janus_sdp_destroy(sdp);
	janus_sdp_destroy(NULL), janus_sdp_mline_destroy(NULL), janus_sdp_attribute_destroy(NULL);
	CASE("janus_sdp_write", "NULL");
	TEXT(janus_sdp_write(NULL));
	CASE("janus_sdp_mline_find", "NULL");
	INT(janus_sdp_mline_find(NULL, JANUS_SDP_AUDIO) == NULL), INT(janus_sdp_mline_find_by_index(NULL, 0) == NULL), INT(janus_sdp_mline_remove(NULL, JANUS_SDP_AUDIO));
	CASE("janus_sdp_get_codec_pt", "NULL");
	INT(janus_sdp_get_codec_pt(NULL, -1, "opus")), INT(janus_sdp_get_codec_pt_full(NULL, -1, "opus", NULL)), INT(janus_sdp_get_opusred_pt(NULL, -1));
	TEXT(janus_sdp_get_codec_name(NULL, -1, 100)), TEXT(janus_sdp_get_fmtp(NULL, -1, 100)), INT(janus_sdp_remove_payload_type(NULL, -1, 100));
}

static void scanners(const GPtrArray *files) {
	for(guint f = 0; f < files->len; f++) {
		oracle_item *file = g_ptr_array_index(files, f);
		char *text = g_strdup(file->bytes);
		EACH(const char *const, codec, codecs) {
			CASE("janus_get_codec_pt", "%s %s", file->name, *codec ? *codec : "NULL");
			INT(janus_get_codec_pt(text, *codec));
		}
		for(int pt = -1; pt < 128; pt++) {
			CASE("janus_get_codec_from_pt", "%s %d", file->name, pt);
			TEXT(janus_get_codec_from_pt(text, pt));
		}
		CASE("janus_get_codec_pt", "%s unchanged", file->name);
		INT(strcmp(text, file->bytes));
		g_free(text);
	}
	CASE("janus_get_codec_from_pt", "NULL");
	TEXT(janus_get_codec_from_pt(NULL, 100)), INT(janus_get_codec_pt(NULL, "opus"));
}

SUBJECT(sdp) {
	GPtrArray *files = oracle_files("sdp", ".sdp");
	for(guint f = 0; f < files->len; f++) {
		oracle_item *file = g_ptr_array_index(files, f);
		description(file->name, file->bytes, TRUE);
	}
	names();
	objects();
	lines();
	scanners(files);
	oracle_damage(files, 5, 0, damaged);
}
