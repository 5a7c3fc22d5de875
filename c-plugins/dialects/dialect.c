/*! \file dialect.c
 * \brief One plugin for every ABI generation, against the layout that header.py writes for it.
 *
 * Answers an offer and sends back what it receives; says what it saw. Requests, each answered by an event
 * {"dialect": NAME, "answer": …}:
 *   report       counts and values so far (the same as query_session)
 *   layer        "substream": which simulcast layer to send back
 *   pli, remb    send_pli, send_remb with "bitrate"
 *   stream_pli   send_pli_stream with "mindex", where there is such
 *   rtcp         relay_rtcp of a PLI of its own
 *   say          relay_data of "text"
 *   record       starts recorders in "folder" under "name"; stop ends them
 *   offer        an offer of its own for audio, video and data
 *   auth         what the functions for signed tokens say about "token" and "descriptor"
 *   helpers      what the SDP and codec functions find in "sdp"
 *   notify       notify_event
 *   hangup, end  close_pc, end_session
 * "ping" is answered at once.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "layout.h"

extern int janus_log_level;

#define HEARD 64
/*! Behind what the core writes to. */
#define GUARD 0x5afe5afe5afe5afeULL

/*! What is known of one medium. */
typedef struct medium {
	int packets;
	int last_index;
	guint32 heard[HEARD];
	int with_extension;
	int extension;
	int rtcp;
} medium;

typedef struct session {
	janus_plugin_session *handle;
	GMutex mutex;
	int setups, hangups, datas, data_ready, slow_links;
	int slow_video, slow_uplink, slow_index;
	int plis;
	guint32 remb;
	medium audio, video;
	char label[64], protocol[64];
	int texts, binaries, data_bytes;
	guint32 data_hash;
	/* Simulcast */
	int simulcast;
	int rid_ext_id;
	guint32 ssrcs[3];
	char *rids[3];
	janus_mutex rid_mutex;
	janus_videocodec codec;
	int relayed, dropped, changed, need_pli;
	struct {
		janus_rtp_simulcasting_context context;
		guint64 guard;
	} layers;
	struct {
#if DIALECT_MULTISTREAM
		janus_rtp_switching_context context[2];
#else
		janus_rtp_switching_context context[1];
#endif
		guint64 guard;
	} switching;
	janus_vp8_simulcast_context vp8;
	int misplaced;
	janus_recorder *recorders[2];
	int saved[2];
} session;

static janus_callbacks *core = NULL;
static char configuration[256];
static atomic_int sessions = 0;

/* ---- Helpers of the headers, which are inline there ---- */

static void unref(const janus_refcount *ref) {
	if(g_atomic_int_dec_and_test((gint *)&ref->count))
		ref->free(ref);
}

static guint32 fnv(const char *bytes, int length) {
	guint32 hash = 2166136261u;
	for(int i = 0; i < length; i++)
		hash = (hash ^ (guint8)bytes[i]) * 16777619u;
	return hash;
}

/* ---- Reporting ---- */

static json_t *medium_report(const medium *m) {
	json_t *heard = json_array();
	for(int i = 0; i < m->packets && i < HEARD; i++)
		json_array_append_new(heard, json_integer(m->heard[i]));
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:o}", "packets", m->packets, "index", m->last_index,
		"with_extension", m->with_extension, "extension", m->extension, "rtcp", m->rtcp, "heard", heard);
}

static json_t *text_or_null(const char *text) {
	return text != NULL ? json_string(text) : json_null();
}

static int overrun(const session *s) {
	return (s->layers.guard != GUARD) + (s->switching.guard != GUARD);
}

static json_t *report(session *s) {
	g_mutex_lock(&s->mutex);
	janus_rtp_simulcasting_context *layers = &s->layers.context;
	json_t *simulcast = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "on", s->simulcast, "rid_ext_id",
		s->rid_ext_id, "substream", layers->substream, "target", layers->substream_target, "templayer",
		layers->templayer, "relayed", s->relayed, "dropped", s->dropped, "changed", s->changed, "need_pli",
		s->need_pli);
	json_t *ssrcs = json_array(), *rids = json_array();
	for(int i = 0; i < 3; i++) {
		json_array_append_new(ssrcs, json_integer(s->ssrcs[i]));
		json_array_append_new(rids, text_or_null(s->rids[i]));
	}
	json_object_set_new(simulcast, "ssrcs", ssrcs);
	json_object_set_new(simulcast, "rids", rids);
	json_t *data = json_pack("{s:i, s:i, s:i, s:i, s:i, s:s, s:s}", "texts", s->texts, "binaries", s->binaries,
		"bytes", s->data_bytes, "hash", (int)(s->data_hash & 0x7fffffff), "ready", s->data_ready, "label", s->label,
		"protocol", s->protocol);
	json_t *slow = json_pack("{s:i, s:i, s:i, s:i}", "count", s->slow_links, "video", s->slow_video, "uplink",
		s->slow_uplink, "index", s->slow_index);
	json_t *all = json_pack("{s:i, s:i, s:i, s:I, s:i, s:i, s:i, s:i}", "setups", s->setups, "hangups", s->hangups,
		"plis", s->plis, "remb", (json_int_t)s->remb, "misplaced", s->misplaced, "overrun", overrun(s), "saved_audio",
		s->saved[0], "saved_video", s->saved[1]);
	json_object_set_new(all, "audio", medium_report(&s->audio));
	json_object_set_new(all, "video", medium_report(&s->video));
	json_object_set_new(all, "simulcast", simulcast);
	json_object_set_new(all, "data", data);
	json_object_set_new(all, "slow_link", slow);
	json_object_set_new(all, "configuration", json_string(configuration));
	g_mutex_unlock(&s->mutex);
	return all;
}

/* ---- Descriptions ---- */

#define LEVEL "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
#define MID "urn:ietf:params:rtp-hdrext:sdes:mid"
#define RID "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
#define ORIENTATION "urn:3gpp:video-orientation"
#define DELAY "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

static char *write_and_free(janus_sdp *sdp) {
	if(sdp == NULL)
		return NULL;
	char *text = janus_sdp_write(sdp);
	janus_sdp_destroy(sdp);
	return text;
}

#if DIALECT_MULTISTREAM

static char *answer(janus_sdp *offer) {
	janus_sdp *made = janus_sdp_generate_answer(offer);
	for(GList *item = offer->m_lines; item != NULL; item = item->next) {
		janus_sdp_mline *line = item->data;
		if(line->type == JANUS_SDP_AUDIO) {
			janus_sdp_generate_answer_mline(offer, made, line,
				JANUS_SDP_OA_MLINE, JANUS_SDP_AUDIO,
				JANUS_SDP_OA_DIRECTION, JANUS_SDP_SENDRECV,
				JANUS_SDP_OA_CODEC, "opus",
				JANUS_SDP_OA_FMTP, "useinbandfec=1",
				JANUS_SDP_OA_ACCEPT_EXTMAP, MID,
				JANUS_SDP_OA_ACCEPT_EXTMAP, LEVEL,
				JANUS_SDP_OA_DONE);
		} else if(line->type == JANUS_SDP_VIDEO) {
			janus_sdp_generate_answer_mline(offer, made, line,
				JANUS_SDP_OA_MLINE, JANUS_SDP_VIDEO,
				JANUS_SDP_OA_DIRECTION, JANUS_SDP_SENDRECV,
				JANUS_SDP_OA_CODEC, "vp8",
				JANUS_SDP_OA_ACCEPT_EXTMAP, MID,
				JANUS_SDP_OA_ACCEPT_EXTMAP, RID,
				JANUS_SDP_OA_ACCEPT_EXTMAP, ORIENTATION,
				JANUS_SDP_OA_ACCEPT_EXTMAP, DELAY,
				JANUS_SDP_OA_DONE);
		} else {
			janus_sdp_generate_answer_mline(offer, made, line,
				JANUS_SDP_OA_MLINE, JANUS_SDP_APPLICATION,
				JANUS_SDP_OA_DONE);
		}
	}
	return write_and_free(made);
}

static char *own_offer(void) {
	janus_sdp *made = janus_sdp_generate_offer("dialect", "127.0.0.1",
		JANUS_SDP_OA_MLINE, JANUS_SDP_AUDIO,
		JANUS_SDP_OA_CODEC, "opus",
		JANUS_SDP_OA_PT, 111,
		JANUS_SDP_OA_FMTP, "useinbandfec=1",
		JANUS_SDP_OA_DIRECTION, JANUS_SDP_SENDRECV,
		JANUS_SDP_OA_EXTENSION, LEVEL, 5,
		JANUS_SDP_OA_DONE);
	janus_sdp_generate_offer_mline(made,
		JANUS_SDP_OA_MLINE, JANUS_SDP_VIDEO,
		JANUS_SDP_OA_CODEC, "vp8",
		JANUS_SDP_OA_PT, 98,
		JANUS_SDP_OA_VIDEO_RTCPFB_DEFAULTS, TRUE,
		JANUS_SDP_OA_DIRECTION, JANUS_SDP_SENDRECV,
		JANUS_SDP_OA_EXTENSION, ORIENTATION, 6,
		JANUS_SDP_OA_DONE);
	janus_sdp_generate_offer_mline(made,
		JANUS_SDP_OA_MLINE, JANUS_SDP_APPLICATION,
		JANUS_SDP_OA_DATA_LEGACY, FALSE,
		JANUS_SDP_OA_DONE);
	return write_and_free(made);
}

#else

static char *answer(janus_sdp *offer) {
	return write_and_free(janus_sdp_generate_answer(offer,
		JANUS_SDP_OA_AUDIO, TRUE,
		JANUS_SDP_OA_AUDIO_DIRECTION, JANUS_SDP_SENDRECV,
		JANUS_SDP_OA_AUDIO_CODEC, "opus",
		JANUS_SDP_OA_AUDIO_FMTP, "useinbandfec=1",
		JANUS_SDP_OA_VIDEO, TRUE,
		JANUS_SDP_OA_VIDEO_DIRECTION, JANUS_SDP_SENDRECV,
		JANUS_SDP_OA_VIDEO_CODEC, "vp8",
		JANUS_SDP_OA_DATA, TRUE,
		JANUS_SDP_OA_ACCEPT_EXTMAP, MID,
		JANUS_SDP_OA_ACCEPT_EXTMAP, LEVEL,
		JANUS_SDP_OA_ACCEPT_EXTMAP, RID,
		JANUS_SDP_OA_ACCEPT_EXTMAP, ORIENTATION,
		JANUS_SDP_OA_ACCEPT_EXTMAP, DELAY,
		JANUS_SDP_OA_DONE));
}

static char *own_offer(void) {
	return write_and_free(janus_sdp_generate_offer("dialect", "127.0.0.1",
		JANUS_SDP_OA_AUDIO, TRUE,
		JANUS_SDP_OA_AUDIO_CODEC, "opus",
		JANUS_SDP_OA_AUDIO_PT, 111,
		JANUS_SDP_OA_AUDIO_FMTP, "useinbandfec=1",
		JANUS_SDP_OA_AUDIO_DIRECTION, JANUS_SDP_SENDRECV,
		JANUS_SDP_OA_AUDIO_EXTENSION, LEVEL, 5,
		JANUS_SDP_OA_VIDEO, TRUE,
		JANUS_SDP_OA_VIDEO_CODEC, "vp8",
		JANUS_SDP_OA_VIDEO_PT, 98,
		JANUS_SDP_OA_VIDEO_RTCPFB_DEFAULTS, TRUE,
		JANUS_SDP_OA_VIDEO_DIRECTION, JANUS_SDP_SENDRECV,
		JANUS_SDP_OA_VIDEO_EXTENSION, ORIENTATION, 6,
		JANUS_SDP_OA_DATA, TRUE,
		JANUS_SDP_OA_DATA_LEGACY, FALSE,
		JANUS_SDP_OA_DONE));
}

#endif

#ifdef HAS_JANUS_AUDIOCODEC_L16_16K
#define LAST_AUDIOCODEC JANUS_AUDIOCODEC_L16_16K
#else
#define LAST_AUDIOCODEC JANUS_AUDIOCODEC_ISAC_16K
#endif
#ifdef HAS_JANUS_VIDEOCODEC_H265
#define LAST_VIDEOCODEC JANUS_VIDEOCODEC_H265
#else
#define LAST_VIDEOCODEC JANUS_VIDEOCODEC_H264
#endif

/*! What the getters find. Where they take the number of an m-line, that of the medium's. */
static json_t *helpers(const char *text) {
	char error[256] = "";
	janus_sdp *sdp = janus_sdp_parse(text, error, sizeof(error));
	if(sdp == NULL)
		return json_pack("{s:s}", "error", error);
	json_t *found = json_object(), *lines = json_array();
	for(GList *item = sdp->m_lines; item != NULL; item = item->next) {
		janus_sdp_mline *line = item->data;
		json_array_append_new(lines, json_pack("{s:s, s:i, s:i, s:i, s:i}", "type", janus_sdp_mtype_str(line->type),
			"port", line->port, "direction", (int)line->direction, "payload_types", (int)g_list_length(line->ptypes),
			"attributes", (int)g_list_length(line->attributes)));
	}
	json_object_set_new(found, "lines", lines);
	const char *audio = NULL, *video = NULL, *best_audio = NULL, *best_video = NULL;
#if DIALECT_MULTISTREAM
	int a = janus_sdp_mline_find(sdp, JANUS_SDP_AUDIO)->index, v = janus_sdp_mline_find(sdp, JANUS_SDP_VIDEO)->index;
#define OF(function, index, ...) function(sdp, index, __VA_ARGS__)
	janus_sdp_find_first_codec(sdp, JANUS_SDP_AUDIO, a, &audio);
	janus_sdp_find_first_codec(sdp, JANUS_SDP_VIDEO, v, &video);
	janus_sdp_find_preferred_codec(sdp, JANUS_SDP_AUDIO, a, &best_audio);
	janus_sdp_find_preferred_codec(sdp, JANUS_SDP_VIDEO, v, &best_video);
#else
#define OF(function, index, ...) function(sdp, __VA_ARGS__)
	janus_sdp_find_first_codecs(sdp, &audio, &video);
	janus_sdp_find_preferred_codecs(sdp, &best_audio, &best_video);
#endif
	json_object_set_new(found, "first", json_pack("[s?, s?]", audio, video));
	json_object_set_new(found, "preferred", json_pack("[s?, s?]", best_audio, best_video));
	int opus = OF(janus_sdp_get_codec_pt, a, "opus"), vp8 = OF(janus_sdp_get_codec_pt, v, "vp8");
	json_object_set_new(found, "pt", json_pack("[i, i]", opus, vp8));
	json_object_set_new(found, "pt_by_index", json_integer(OF(janus_sdp_get_codec_pt, a, "vp8")));
	json_object_set_new(found, "names", json_pack("[s?, s?]", OF(janus_sdp_get_codec_name, a, opus),
		OF(janus_sdp_get_codec_name, v, vp8)));
#ifdef HAS_janus_sdp_get_fmtp
	json_object_set_new(found, "fmtp", text_or_null(OF(janus_sdp_get_fmtp, a, opus)));
#endif
#ifdef HAS_janus_sdp_get_codec_pt_full
	json_object_set_new(found, "h264", json_integer(OF(janus_sdp_get_codec_pt_full, v, "h264", "42e01f")));
#endif
#ifdef HAS_janus_sdp_get_opusred_pt
#if DIALECT_MULTISTREAM
	json_object_set_new(found, "red", json_integer(janus_sdp_get_opusred_pt(sdp, a)));
#else
	json_object_set_new(found, "red", json_integer(janus_sdp_get_opusred_pt(sdp)));
#endif
#endif
	OF(janus_sdp_remove_payload_type, v, vp8);
	json_object_set_new(found, "after_removal", json_integer(OF(janus_sdp_get_codec_pt, v, "vp8")));
	json_object_set_new(found, "removed_line", json_integer(janus_sdp_mline_remove(sdp, JANUS_SDP_APPLICATION)));
	janus_sdp_mline *line = janus_sdp_mline_create(JANUS_SDP_VIDEO, 9, "UDP/TLS/RTP/SAVPF", JANUS_SDP_RECVONLY);
	json_object_set_new(found, "made", json_pack("[s, i, i]", janus_sdp_mtype_str(line->type), line->port,
		(int)line->direction));
	janus_sdp_mline_destroy(line);
	json_t *codecs = json_array();
	for(int i = 0; i <= LAST_AUDIOCODEC; i++) {
		const char *name = janus_audiocodec_name(i);
		json_array_append_new(codecs, json_pack("[s?, i, i]", name, janus_audiocodec_pt(i), (int)janus_audiocodec_from_name(name)));
	}
	json_object_set_new(found, "audio_codecs", codecs);
	codecs = json_array();
	for(int i = 0; i <= LAST_VIDEOCODEC; i++) {
		const char *name = janus_videocodec_name(i);
		json_array_append_new(codecs, json_pack("[s?, i, i]", name, janus_videocodec_pt(i), (int)janus_videocodec_from_name(name)));
	}
	json_object_set_new(found, "video_codecs", codecs);
	char *written = write_and_free(sdp);
	json_object_set_new(found, "written", text_or_null(written));
	g_free(written);
	return found;
}

/*! Reads the simulcast object of an offer. With several m-lines there is one for each that has it. */
static void prepare(session *s, json_t *simulcast) {
	if(json_is_array(simulcast))
		simulcast = DIALECT_MULTISTREAM ? json_array_get(simulcast, 0) : NULL;
	g_mutex_lock(&s->mutex);
	s->simulcast = json_is_object(simulcast);
	if(s->simulcast) {
		g_mutex_lock(&s->rid_mutex);
#if ARGUMENTS_janus_rtp_simulcasting_prepare == 5
		int frame_marking = -1;
		janus_rtp_simulcasting_prepare(simulcast, &s->rid_ext_id, &frame_marking, s->ssrcs, s->rids);
#else
		janus_rtp_simulcasting_prepare(simulcast, &s->rid_ext_id, s->ssrcs, s->rids);
#endif
		g_mutex_unlock(&s->rid_mutex);
		s->layers.context.rid_ext_id = s->rid_ext_id;
		s->layers.context.substream_target = 2;
		s->layers.context.templayer_target = 2;
	}
	g_mutex_unlock(&s->mutex);
}

static void forget(session *s) {
	s->simulcast = 0;
#ifdef HAS_janus_rtp_simulcasting_cleanup
	janus_rtp_simulcasting_cleanup(&s->rid_ext_id, s->ssrcs, s->rids, &s->rid_mutex);
#else
	for(int i = 0; i < 3; i++) {
		s->ssrcs[i] = 0;
		g_free(s->rids[i]);
		s->rids[i] = NULL;
	}
	s->rid_ext_id = -1;
#endif
	janus_rtp_simulcasting_context_reset(&s->layers.context);
	for(gsize i = 0; i < G_N_ELEMENTS(s->switching.context); i++)
		janus_rtp_switching_context_reset(&s->switching.context[i]);
	janus_vp8_simulcast_context_reset(&s->vp8);
}

/* ---- Recording ---- */

static void stop_recording(session *s) {
	for(int video = 0; video < 2; video++) {
		if(s->recorders[video] == NULL)
			continue;
		janus_recorder_close(s->recorders[video]);
		janus_recorder_destroy(s->recorders[video]);
		s->recorders[video] = NULL;
	}
}

static int start_recording(session *s, const char *folder, const char *name) {
	static const char *codecs[2] = {"opus", "vp8"};
	for(int video = 0; video < 2; video++) {
		char *file = g_strdup_printf("%s-%s", name, codecs[video]);
		s->recorders[video] = janus_recorder_create(folder, codecs[video], file);
		g_free(file);
	}
	if(s->recorders[0] == NULL || s->recorders[1] == NULL)
		return 0;
#ifdef HAS_janus_recorder_add_extmap
	janus_recorder_add_extmap(s->recorders[0], 1, LEVEL);
#endif
#ifdef HAS_janus_recorder_opusred
	janus_recorder_opusred(s->recorders[0], 63);
#endif
#ifdef HAS_janus_recorder_pause
	janus_recorder_pause(s->recorders[0]);
	janus_recorder_resume(s->recorders[0]);
#endif
	return 1;
}

/* ---- Requests ---- */

/* What the table holds is exported, as by bundled plugins: two builds define the same names. */

static janus_plugin *table(void);

static void set_buffer(janus_plugin_data *packet, char *text) {
	packet->buffer = text;
	packet->length = (guint16)strlen(text);
}

static json_t *say(session *s, const char *text) {
	struct {
		janus_plugin_data packet;
		guint64 guard;
	} own = {.guard = GUARD};
	janus_plugin_data_reset(&own.packet);
	char *copy = g_strdup(text), label[] = "JanusDataChannel";
	set_buffer(&own.packet, copy);
	own.packet.label = label;
	core->relay_data(s->handle, &own.packet);
	g_free(copy);
	return json_integer(own.guard == GUARD);
}

static json_t *relay_pli(session *s) {
	struct {
		janus_plugin_rtcp packet;
		guint64 guard;
	} own = {.guard = GUARD};
	char bytes[12];
	janus_rtcp_pli(bytes, sizeof(bytes));
	janus_plugin_rtcp_reset(&own.packet);
	own.packet.video = TRUE;
	own.packet.buffer = bytes;
	own.packet.length = sizeof(bytes);
	core->relay_rtcp(s->handle, &own.packet);
	return json_integer(own.guard == GUARD);
}

static json_t *auth(const char *token, const char *descriptor) {
	json_t *said = json_pack("{s:b, s:b}", "valid", core->auth_is_signature_valid(table(), token), "contains",
		core->auth_signature_contains(table(), token, descriptor));
#ifdef HAS_janus_callbacks_auth_is_signed
	json_object_set_new(said, "signed", json_boolean(core->auth_is_signed()));
#endif
	return said;
}

/*! The value of "answer"; `jsep` becomes what goes with it. */
static json_t *act(session *s, const char *request, json_t *body, json_t **jsep) {
	const char *text = json_string_value(json_object_get(body, "text"));
	if(!strcmp(request, "report"))
		return report(s);
	if(!strcmp(request, "helpers"))
		return helpers(json_string_value(json_object_get(body, "sdp")));
	if(!strcmp(request, "say"))
		return say(s, text);
	if(!strcmp(request, "rtcp"))
		return relay_pli(s);
	if(!strcmp(request, "auth"))
		return auth(json_string_value(json_object_get(body, "token")),
			json_string_value(json_object_get(body, "descriptor")));
	if(!strcmp(request, "layer")) {
		g_mutex_lock(&s->mutex);
		s->layers.context.substream_target = (int)json_integer_value(json_object_get(body, "substream"));
		g_mutex_unlock(&s->mutex);
	} else if(!strcmp(request, "pli")) {
		core->send_pli(s->handle);
	} else if(!strcmp(request, "stream_pli")) {
#ifdef HAS_janus_callbacks_send_pli_stream
		core->send_pli_stream(s->handle, (int)json_integer_value(json_object_get(body, "mindex")));
#else
		return json_null();
#endif
	} else if(!strcmp(request, "remb")) {
		core->send_remb(s->handle, (guint32)json_integer_value(json_object_get(body, "bitrate")));
	} else if(!strcmp(request, "record")) {
		g_mutex_lock(&s->mutex);
		int good = start_recording(s, json_string_value(json_object_get(body, "folder")),
			json_string_value(json_object_get(body, "name")));
		g_mutex_unlock(&s->mutex);
		return json_boolean(good);
	} else if(!strcmp(request, "stop")) {
		g_mutex_lock(&s->mutex);
		stop_recording(s);
		g_mutex_unlock(&s->mutex);
	} else if(!strcmp(request, "notify")) {
		core->notify_event(table(), s->handle, json_pack("{s:s}", "from", DIALECT));
		return json_boolean(core->events_is_enabled());
	} else if(!strcmp(request, "hangup")) {
		core->close_pc(s->handle);
	} else if(!strcmp(request, "end")) {
		core->end_session(s->handle);
	} else if(!strcmp(request, "offer")) {
		char *offer = own_offer();
		*jsep = json_pack("{s:s, s:s}", "type", "offer", "sdp", offer);
		g_free(offer);
	}
	return json_true();
}

janus_plugin_result *dialect_handle_message(janus_plugin_session *handle, char *transaction, json_t *body, json_t *jsep) {
	session *s = handle->plugin_handle;
	const char *request = json_string_value(json_object_get(body, "request"));
	janus_plugin_result *result;
	if(request != NULL && !strcmp(request, "ping")) {
		result = janus_plugin_result_new(JANUS_PLUGIN_OK, NULL, json_pack("{s:s}", "pong", DIALECT));
	} else if(!json_is_object(body)) {
		result = janus_plugin_result_new(JANUS_PLUGIN_ERROR, "The body is no object", NULL);
	} else {
		json_t *event = json_pack("{s:s}", "dialect", DIALECT), *own = NULL;
		const char *type = json_string_value(json_object_get(jsep, "type"));
		if(type != NULL && !strcasecmp(type, "offer")) {
			char error[256] = "";
			janus_sdp *offer = janus_sdp_parse(json_string_value(json_object_get(jsep, "sdp")), error, sizeof(error));
			char *text = offer != NULL ? answer(offer) : NULL;
			if(text != NULL) {
				prepare(s, json_object_get(jsep, "simulcast"));
				own = json_pack("{s:s, s:s}", "type", "answer", "sdp", text);
			}
			/* What the plugin was handed. */
			json_object_set(event, "jsep", jsep);
			g_free(text);
			if(offer != NULL)
				janus_sdp_destroy(offer);
		}
		json_object_set_new(event, "answer", act(s, request != NULL ? request : "", body, &own));
		int code = core->push_event(handle, table(), transaction, event, own);
		if(code != 0 && janus_log_level > 1)
			janus_vprintf("dialect %s: push_event says %d\n", DIALECT, code);
		json_decref(event);
		json_decref(own);
		result = janus_plugin_result_new(JANUS_PLUGIN_OK_WAIT, "Comes as an event", NULL);
	}
	g_free(transaction);
	json_decref(body);
	json_decref(jsep);
	return result;
}

/* ---- Media ---- */

/*! Puts the packet where a receiver expects it, as plugins do that switch between sources. */
static void place(session *s, janus_rtp_header *header, gboolean video) {
#if DIALECT_MULTISTREAM
	janus_rtp_switching_context *context = &s->switching.context[video];
#define PLACED(field) context->field
#else
	janus_rtp_switching_context *context = &s->switching.context[0];
#define PLACED(field) (video ? context->v_##field : context->a_##field)
#endif
	janus_rtp_header_update(header, context, video, 0);
	if(PLACED(last_seq) != g_ntohs(header->seq_number) || PLACED(last_ts) != g_ntohl(header->timestamp))
		s->misplaced++;
}

static gboolean chosen(session *s, janus_plugin_rtp *packet) {
	/* Where 1.x asks for it, the lock of the RTP stream ids is another than ours. */
#if DIALECT_MULTISTREAM
	janus_rtp_switching_context *context = &s->switching.context[1];
#else
	janus_rtp_switching_context *context = &s->switching.context[0];
#endif
	gboolean relay = janus_rtp_simulcasting_context_process_rtp(&s->layers.context, packet->buffer, packet->length,
#if ARGUMENTS_janus_rtp_simulcasting_context_process_rtp == 10
		packet->extensions.dd_content, packet->extensions.dd_len,
#endif
		s->ssrcs, s->rids, s->codec, context
#if ARGUMENTS_janus_rtp_simulcasting_context_process_rtp >= 8
		, &s->rid_mutex
#endif
		);
	s->changed += s->layers.context.changed_substream != 0;
	if(s->layers.context.need_pli) {
		s->need_pli++;
		core->send_pli(s->handle);
	}
	*(relay ? &s->relayed : &s->dropped) += 1;
	return relay;
}

void dialect_incoming_rtp(janus_plugin_session *handle, janus_plugin_rtp *packet) {
	session *s = handle->plugin_handle;
	g_mutex_lock(&s->mutex);
	medium *m = packet->video ? &s->video : &s->audio;
	int length = 0;
	char *payload = janus_rtp_payload(packet->buffer, packet->length, &length);
	if(m->packets < HEARD)
		m->heard[m->packets] = fnv(payload, payload != NULL ? length : 0);
	m->packets++;
#ifdef HAS_janus_plugin_rtp_mindex
	m->last_index = packet->mindex;
#else
	m->last_index = -1;
#endif
	int value = packet->video ? packet->extensions.video_rotation : packet->extensions.audio_level;
	if(value != -1) {
		m->with_extension++;
		m->extension = value;
	}
#ifdef HAS_janus_rtp_header_extension_parse_video_layers_allocation
	int8_t spatial = -1, temporal = -1;
	if(janus_rtp_header_extension_parse_video_layers_allocation(packet->buffer, packet->length, 14, &spatial,
			&temporal) == 0)
		s->misplaced++;
#endif
	if(s->recorders[!!packet->video] != NULL)
		s->saved[!!packet->video] += janus_recorder_save_frame(s->recorders[!!packet->video], packet->buffer,
			packet->length) == 0;
	if(packet->video && s->simulcast && !chosen(s, packet)) {
		g_mutex_unlock(&s->mutex);
		return;
	}
	janus_rtp_header *header = (janus_rtp_header *)packet->buffer;
	guint32 timestamp = header->timestamp;
	guint16 number = header->seq_number;
	place(s, header, packet->video);
	if(packet->video && s->simulcast && payload != NULL)
		janus_vp8_simulcast_descriptor_update(payload, length, &s->vp8, s->layers.context.changed_substream);
	struct {
		janus_plugin_rtp packet;
		guint64 guard;
	} own = {.guard = GUARD};
	janus_plugin_rtp_reset(&own.packet);
#ifdef HAS_janus_plugin_rtp_mindex
	own.packet.mindex = packet->mindex;
#endif
	own.packet.video = packet->video;
	own.packet.buffer = packet->buffer;
	own.packet.length = packet->length;
	janus_plugin_rtp_extensions_reset(&own.packet.extensions);
	if(packet->video) {
		own.packet.extensions.video_rotation = 90;
		own.packet.extensions.video_back_camera = TRUE;
#ifdef HAS_janus_plugin_rtp_extensions_min_delay
		own.packet.extensions.min_delay = 10;
		own.packet.extensions.max_delay = 200;
#endif
	} else {
		own.packet.extensions.audio_level = 42;
		own.packet.extensions.audio_level_vad = TRUE;
	}
	if(own.guard != GUARD)
		s->layers.guard = 0;
#ifdef HAS_janus_plugin_rtp_duplicate
	janus_plugin_rtp *copy = janus_plugin_rtp_duplicate(&own.packet);
	core->relay_rtp(handle, copy);
	g_free(copy->buffer);
	g_free(copy);
#else
	core->relay_rtp(handle, &own.packet);
#endif
	header->timestamp = timestamp;
	header->seq_number = number;
	g_mutex_unlock(&s->mutex);
}

void dialect_incoming_rtcp(janus_plugin_session *handle, janus_plugin_rtcp *packet) {
	session *s = handle->plugin_handle;
	g_mutex_lock(&s->mutex);
	medium *m = packet->video ? &s->video : &s->audio;
	m->rtcp++;
	s->plis += packet->video && janus_rtcp_has_pli(packet->buffer, packet->length);
	guint32 remb = janus_rtcp_get_remb(packet->buffer, packet->length);
	if(remb > 0)
		s->remb = remb;
	g_mutex_unlock(&s->mutex);
}

void dialect_incoming_data(janus_plugin_session *handle, janus_plugin_data *packet) {
	session *s = handle->plugin_handle;
	g_mutex_lock(&s->mutex);
	*(packet->binary ? &s->binaries : &s->texts) += 1;
	s->data_bytes += packet->length;
	s->data_hash = fnv(packet->buffer, packet->length);
	g_strlcpy(s->label, packet->label != NULL ? packet->label : "", sizeof(s->label));
#ifdef HAS_janus_plugin_data_protocol
	g_strlcpy(s->protocol, packet->protocol != NULL ? packet->protocol : "", sizeof(s->protocol));
#endif
	g_mutex_unlock(&s->mutex);
	core->relay_data(handle, packet);
}

#ifdef HAS_janus_plugin_data_ready
void dialect_data_ready(janus_plugin_session *handle) {
	session *s = handle->plugin_handle;
	g_mutex_lock(&s->mutex);
	s->data_ready++;
	g_mutex_unlock(&s->mutex);
}
#endif

static void slow(janus_plugin_session *handle, int index, gboolean video, gboolean uplink) {
	session *s = handle->plugin_handle;
	g_mutex_lock(&s->mutex);
	s->slow_links++;
	s->slow_index = index;
	s->slow_video = video;
	s->slow_uplink = uplink;
	g_mutex_unlock(&s->mutex);
}

#if DIALECT_MULTISTREAM
void dialect_slow_link(janus_plugin_session *handle, int mindex, gboolean video, gboolean uplink) {
	slow(handle, mindex, video, uplink);
}
#else
void dialect_slow_link(janus_plugin_session *handle, gboolean uplink, gboolean video) {
	slow(handle, -1, video, uplink);
}
#endif

void dialect_setup_media(janus_plugin_session *handle) {
	session *s = handle->plugin_handle;
	g_mutex_lock(&s->mutex);
	s->setups++;
	g_mutex_unlock(&s->mutex);
}

void dialect_hangup_media(janus_plugin_session *handle) {
	session *s = handle->plugin_handle;
	g_mutex_lock(&s->mutex);
	s->hangups++;
	stop_recording(s);
	forget(s);
	g_mutex_unlock(&s->mutex);
}

/* ---- Sessions ---- */

void dialect_create_session(janus_plugin_session *handle, int *error) {
	session *s = g_new0(session, 1);
	(void)error;
	s->handle = handle;
	s->layers.guard = s->switching.guard = GUARD;
	s->codec = JANUS_VIDEOCODEC_VP8;
	g_mutex_init(&s->mutex);
	g_mutex_init(&s->rid_mutex);
	forget(s);
	handle->plugin_handle = s;
	atomic_fetch_add(&sessions, 1);
}

void dialect_destroy_session(janus_plugin_session *handle, int *error) {
	session *s = handle->plugin_handle;
	(void)error;
	stop_recording(s);
	forget(s);
	g_mutex_clear(&s->mutex);
	g_mutex_clear(&s->rid_mutex);
	g_free(s);
	handle->plugin_handle = NULL;
	atomic_fetch_sub(&sessions, 1);
	unref(&handle->ref);
}

json_t *dialect_query_session(janus_plugin_session *handle) {
	return report(handle->plugin_handle);
}

json_t *dialect_handle_admin_message(json_t *message) {
	return json_pack("{s:s, s:i, s:O}", "dialect", DIALECT, "sessions", atomic_load(&sessions), "echo", message);
}

/* ---- The plugin ---- */

int dialect_init(janus_callbacks *callbacks, const char *folder) {
	core = callbacks;
	g_strlcpy(configuration, folder, sizeof(configuration));
	return 0;
}

void dialect_destroy(void) {
	if(janus_log_level > 3)
		janus_vprintf("dialect %s: destroyed, %d sessions\n", DIALECT, atomic_load(&sessions));
}

int dialect_get_api_compatibility(void) {
	return DIALECT_API;
}

int dialect_get_version(void) {
	return 1;
}

const char *dialect_get_version_string(void) {
	return "0.0.1";
}

const char *dialect_get_description(void) {
	return "Speaks the binary interface of " DIALECT_RELEASE ".";
}

const char *dialect_get_name(void) {
	return "Dialect " DIALECT;
}

const char *dialect_get_author(void) {
	return "libjanus_rs";
}

const char *dialect_get_package(void) {
	/* With room for a longer name: tests write others into the file. */
	return "org.example.dialect." DIALECT "\0\0\0\0\0\0\0\0";
}

static janus_plugin plugin = {
	.init = dialect_init,
	.destroy = dialect_destroy,
	.get_api_compatibility = dialect_get_api_compatibility,
	.get_version = dialect_get_version,
	.get_version_string = dialect_get_version_string,
	.get_description = dialect_get_description,
	.get_name = dialect_get_name,
	.get_author = dialect_get_author,
	.get_package = dialect_get_package,
	.create_session = dialect_create_session,
	.handle_message = dialect_handle_message,
	.handle_admin_message = dialect_handle_admin_message,
	.setup_media = dialect_setup_media,
	.incoming_rtp = dialect_incoming_rtp,
	.incoming_rtcp = dialect_incoming_rtcp,
	.incoming_data = dialect_incoming_data,
#ifdef HAS_janus_plugin_data_ready
	.data_ready = dialect_data_ready,
#endif
	.slow_link = dialect_slow_link,
	.hangup_media = dialect_hangup_media,
	.destroy_session = dialect_destroy_session,
	.query_session = dialect_query_session,
};

static janus_plugin *table(void) {
	return &plugin;
}

/*! Every plugin exports this function. */
janus_plugin *create(void);
janus_plugin *create(void) {
	return &plugin;
}
