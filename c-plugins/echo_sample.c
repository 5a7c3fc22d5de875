/*! \file echo_sample.c
 * \brief A plugin to start from: sends back what it receives.
 *
 * Messages: {"request": "ping"} is answered at once; any other object comes back as an event, and a JSEP offer is
 * answered. RTP, RTCP and data channel messages go back to where they came from.
 *
 * Build: cc -shared -fPIC -o libecho_sample.so echo_sample.c $(pkg-config --cflags janus_rs-plugins) and nothing to link:
 * the server provides the functions.
 */

#include <plugins/plugin.h>

#include <apierror.h>
#include <debug.h>
#include <sdp-utils.h>
#include <utils.h>

static int echo_init(janus_callbacks *callbacks, const char *config_folder);
static void echo_destroy(void);
static int echo_get_api_compatibility(void);
static int echo_get_version(void);
static const char *echo_get_version_string(void);
static const char *echo_get_description(void);
static const char *echo_get_name(void);
static const char *echo_get_author(void);
static const char *echo_get_package(void);
static void echo_create_session(janus_plugin_session *handle, int *error);
static janus_plugin_result *echo_handle_message(janus_plugin_session *handle, char *transaction, json_t *message,
	json_t *jsep);
static void echo_setup_media(janus_plugin_session *handle);
static void echo_incoming_rtp(janus_plugin_session *handle, janus_plugin_rtp *packet);
static void echo_incoming_rtcp(janus_plugin_session *handle, janus_plugin_rtcp *packet);
static void echo_incoming_data(janus_plugin_session *handle, janus_plugin_data *packet);
static void echo_hangup_media(janus_plugin_session *handle);
static void echo_destroy_session(janus_plugin_session *handle, int *error);
static json_t *echo_query_session(janus_plugin_session *handle);

static janus_plugin echo_plugin = JANUS_PLUGIN_INIT(
	.init = echo_init,
	.destroy = echo_destroy,
	.get_api_compatibility = echo_get_api_compatibility,
	.get_version = echo_get_version,
	.get_version_string = echo_get_version_string,
	.get_description = echo_get_description,
	.get_name = echo_get_name,
	.get_author = echo_get_author,
	.get_package = echo_get_package,
	.create_session = echo_create_session,
	.handle_message = echo_handle_message,
	.setup_media = echo_setup_media,
	.incoming_rtp = echo_incoming_rtp,
	.incoming_rtcp = echo_incoming_rtcp,
	.incoming_data = echo_incoming_data,
	.hangup_media = echo_hangup_media,
	.destroy_session = echo_destroy_session,
	.query_session = echo_query_session,
);

/*! What we keep per handle. The core's functions may run at the same time as ours, so counters are atomic. */
typedef struct echo_session {
	gint packets;
	gint messages;
} echo_session;

static janus_callbacks *core = NULL;

/*! Every plugin exports this function. */
janus_plugin *create(void);
janus_plugin *create(void) {
	return &echo_plugin;
}

static int echo_init(janus_callbacks *callbacks, const char *config_folder) {
	if(callbacks == NULL || config_folder == NULL)
		return -1;
	core = callbacks;
	JANUS_LOG(LOG_INFO, "%s initialized\n", echo_get_name());
	return 0;
}

static void echo_destroy(void) {
	JANUS_LOG(LOG_INFO, "%s destroyed\n", echo_get_name());
}

static int echo_get_api_compatibility(void) {
	return JANUS_PLUGIN_API_VERSION;
}

static int echo_get_version(void) {
	return 1;
}

static const char *echo_get_version_string(void) {
	return "0.0.1";
}

static const char *echo_get_description(void) {
	return "Sends back what it receives.";
}

static const char *echo_get_name(void) {
	return "Echo sample";
}

static const char *echo_get_author(void) {
	return "libjanus_rs";
}

static const char *echo_get_package(void) {
	return "janus.plugin.echosample";
}

static void echo_create_session(janus_plugin_session *handle, int *error) {
	(void)error;
	handle->plugin_handle = g_new0(echo_session, 1);
}

static void echo_destroy_session(janus_plugin_session *handle, int *error) {
	(void)error;
	g_free(handle->plugin_handle);
	handle->plugin_handle = NULL;
	/* Our reference: the core drops its own. */
	janus_refcount_decrease(&handle->ref);
}

static json_t *echo_query_session(janus_plugin_session *handle) {
	echo_session *session = handle->plugin_handle;
	return json_pack("{s:i, s:i}", "packets", g_atomic_int_get(&session->packets),
		"messages", g_atomic_int_get(&session->messages));
}

/*! Answers an offer with everything that was offered. */
static json_t *echo_answer(json_t *jsep) {
	const char *type = json_string_value(json_object_get(jsep, "type"));
	const char *sdp = json_string_value(json_object_get(jsep, "sdp"));
	if(type == NULL || sdp == NULL || strcasecmp(type, "offer") != 0)
		return NULL;
	char error[512];
	janus_sdp *offer = janus_sdp_parse(sdp, error, sizeof(error));
	if(offer == NULL) {
		JANUS_LOG(LOG_ERR, "Invalid offer: %s\n", error);
		return NULL;
	}
	janus_sdp *answer = janus_sdp_generate_answer(offer);
	for(GList *item = offer->m_lines; item != NULL; item = item->next) {
		janus_sdp_mline *mline = item->data;
		janus_sdp_generate_answer_mline(offer, answer, mline,
			JANUS_SDP_OA_MLINE, mline->type,
			JANUS_SDP_OA_DONE);
	}
	char *text = janus_sdp_write(answer);
	json_t *result = json_pack("{s:s, s:s}", "type", "answer", "sdp", text);
	g_free(text);
	janus_sdp_destroy(answer);
	janus_sdp_destroy(offer);
	return result;
}

static janus_plugin_result *echo_handle_message(janus_plugin_session *handle, char *transaction, json_t *message,
		json_t *jsep) {
	echo_session *session = handle->plugin_handle;
	g_atomic_int_inc(&session->messages);
	janus_plugin_result *result;
	const char *request = json_string_value(json_object_get(message, "request"));
	if(request != NULL && strcmp(request, "ping") == 0) {
		result = janus_plugin_result_new(JANUS_PLUGIN_OK, NULL, json_pack("{s:s}", "echo", "pong"));
	} else if(!json_is_object(message)) {
		result = janus_plugin_result_new(JANUS_PLUGIN_ERROR, "The body is no object", NULL);
	} else {
		json_t *event = json_pack("{s:O}", "echo", message);
		json_t *answer = jsep != NULL ? echo_answer(jsep) : NULL;
		int code = core->push_event(handle, &echo_plugin, transaction, event, answer);
		if(code != 0)
			JANUS_LOG(LOG_WARN, "Pushing the event failed: %d (%s)\n", code, janus_get_api_error(code));
		json_decref(event);
		json_decref(answer);
		result = janus_plugin_result_new(JANUS_PLUGIN_OK_WAIT, "Comes as an event", NULL);
	}
	/* All three are ours. */
	g_free(transaction);
	json_decref(message);
	json_decref(jsep);
	return result;
}

static void echo_setup_media(janus_plugin_session *handle) {
	(void)handle;
	JANUS_LOG(LOG_INFO, "Media is up\n");
}

static void echo_incoming_rtp(janus_plugin_session *handle, janus_plugin_rtp *packet) {
	echo_session *session = handle->plugin_handle;
	g_atomic_int_inc(&session->packets);
	core->relay_rtp(handle, packet);
}

static void echo_incoming_rtcp(janus_plugin_session *handle, janus_plugin_rtcp *packet) {
	core->relay_rtcp(handle, packet);
}

static void echo_incoming_data(janus_plugin_session *handle, janus_plugin_data *packet) {
	core->relay_data(handle, packet);
}

static void echo_hangup_media(janus_plugin_session *handle) {
	(void)handle;
	JANUS_LOG(LOG_INFO, "Media is gone\n");
}
