/* plugin.h, transport.h, events.h, apierror.h, rtpsrtp.h: small objects and tables. */
#include "oracle.h"

/* events.h is not among the headers that are installed, though modules use these. */
void janus_events_edit_events_mask(const char *list, janus_flags *target);
gboolean janus_events_is_enabled(void);
const char *janus_events_type_to_label(int type);
const char *janus_events_type_to_name(int type);

static void tables(void) {
	/* HL-241, HL-242 */
	for(int code = -5; code < 700; code++) {
		CASE("janus_get_api_error", "%d", code);
		TEXT(janus_get_api_error(code));
	}
	for(int code = -3; code < 40; code++) {
		CASE("janus_srtp_error_str", "%d", code);
		TEXT(janus_srtp_error_str(code));
	}
}

static void events(void) {
	for(int type = -2; type < 600; type++) {
		CASE("janus_events_type_to_label", "%d", type);
		TEXT(janus_events_type_to_label(type));
		CASE("janus_events_type_to_name", "%d", type);
		TEXT(janus_events_type_to_name(type));
	}
	CASE("janus_events_is_enabled", "as started");
	INT(janus_events_is_enabled());
	static const char *const lists[] = {
		NULL, "", "none", "all", "NONE", "All", "sessions", "handles", "external", "jsep", "webrtc", "media", "plugins",
		"transports", "core", "sessions,handles", "sessions, handles", " sessions", "sessions ", "sessions ,handles",
		"Sessions,MEDIA", "foo", "foo,core", "core,,media", ",", "none,core", "all,core", "core,all", "sessions;core",
	};
	EACH(const char *const, list, lists) {
		janus_flags mask = 0x55;
		CASE("janus_events_edit_events_mask", "%s", *list ? *list : "NULL");
		janus_events_edit_events_mask(*list, &mask);
		INT((long long)mask);
	}
}

static void packets(void) {
	for(int fill = 0; fill < 256; fill += 51) {
		janus_plugin_rtp rtp;
		janus_plugin_rtcp rtcp;
		janus_plugin_data data;
		memset(&rtp, fill, sizeof(rtp));
		CASE("janus_plugin_rtp_extensions_reset", "%d", fill);
		janus_plugin_rtp_extensions_reset(&rtp.extensions);
		const janus_plugin_rtp_extensions *e = &rtp.extensions;
		INT(e->audio_level), INT(e->audio_level_vad), INT(e->video_rotation), INT(e->video_back_camera), INT(e->video_flipped);
		INT(e->min_delay), INT(e->max_delay), INT(e->dd_len), BYTES(e->dd_content, sizeof(e->dd_content));
#if ORACLE_14
		INT((long long)e->abs_capture_ts), INT(e->spatial_layers), INT(e->temporal_layers);
#endif
		memset(&rtp, fill, sizeof(rtp));
		CASE("janus_plugin_rtp_reset", "%d", fill);
		janus_plugin_rtp_reset(&rtp);
		BYTES(&rtp, sizeof(rtp));
		memset(&rtcp, fill, sizeof(rtcp));
		CASE("janus_plugin_rtcp_reset", "%d", fill);
		janus_plugin_rtcp_reset(&rtcp);
		BYTES(&rtcp, sizeof(rtcp));
		memset(&data, fill, sizeof(data));
		CASE("janus_plugin_data_reset", "%d", fill);
		janus_plugin_data_reset(&data);
		BYTES(&data, sizeof(data));
	}
	janus_plugin_rtp_extensions_reset(NULL);
	janus_plugin_rtp_reset(NULL);
	janus_plugin_rtcp_reset(NULL);
	janus_plugin_data_reset(NULL);
	CASE("janus_plugin_rtp_reset", "NULL");
#if ORACLE_14
	for(int length = 0; length < 64; length += 7) {
		char bytes[64];
		memset(bytes, length, sizeof(bytes));
		janus_plugin_rtp rtp, *copy;
		janus_plugin_rtp_reset(&rtp);
		rtp.mindex = length;
		rtp.video = length & 1;
		rtp.buffer = bytes;
		rtp.length = (uint16_t)length;
		rtp.extensions.min_delay = (int16_t)length;
		CASE("janus_plugin_rtp_duplicate", "%d", length);
		copy = janus_plugin_rtp_duplicate(&rtp);
		if(copy) {
			INT(copy->mindex), INT(copy->video), INT(copy->length), INT(copy->buffer != bytes), BYTES(copy->buffer, copy->length);
			INT(memcmp(&copy->extensions, &rtp.extensions, sizeof(rtp.extensions)));
			g_free(copy->buffer);
			g_free(copy);
		}
	}
	CASE("janus_plugin_rtp_duplicate", "NULL");
	INT(janus_plugin_rtp_duplicate(NULL) == NULL);
#endif
}

static void results(void) {
	static const char text[] = "text";
	for(int type = JANUS_PLUGIN_ERROR; type <= JANUS_PLUGIN_OK_WAIT; type++)
		for(int given = 0; given < 4; given++) {
			json_t *content = given & 1 ? json_object() : NULL;
			if(content)
				json_incref(content);
			CASE("janus_plugin_result_new", "%d, %d", type, given);
			janus_plugin_result *result = janus_plugin_result_new((janus_plugin_result_type)type, given & 2 ? text : NULL, content);
			INT(result->type), INT(result->text == text), INT(result->content == content);
			if(content)
				INT((long long)content->refcount);
			CASE("janus_plugin_result_destroy", "%d, %d", type, given);
			janus_plugin_result_destroy(result);
			if(content) {
				INT((long long)content->refcount);
				json_decref(content);
			}
		}
}

static int freed;

static void count_free(void *data) {
	(void)data;
	freed++;
}

static void transports(void) {
	for(int with = 0; with < 4; with++) {
		int data;
		freed = 0;
		CASE("janus_transport_session_create", "%d", with);
		janus_transport_session *session = janus_transport_session_create(with & 1 ? &data : NULL, with & 2 ? count_free : NULL);
		INT(session->transport_p == (with & 1 ? &data : NULL)), INT(session->p_free == (with & 2 ? count_free : NULL));
		INT(session->destroyed), INT(session->ref.count);
		janus_mutex_lock(&session->mutex);
		janus_mutex_unlock(&session->mutex);
		CASE("janus_transport_session_destroy", "%d", with);
		janus_refcount_increase(&session->ref);
		janus_transport_session_destroy(session);
		INT(session->destroyed), INT(session->ref.count), INT(freed);
		janus_transport_session_destroy(session);
		INT(session->ref.count), INT(freed);
		janus_refcount_decrease(&session->ref);
		INT(freed);
	}
	janus_transport_session_destroy(NULL);
}

SUBJECT(objects) {
	tables();
	events();
	packets();
	results();
	transports();
}
