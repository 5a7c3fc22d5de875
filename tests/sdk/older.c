/* A plugin of 1.1 (API 102): says how many bytes janus_plugin_rtp_extensions_reset writes, reached as a function
 * that is called and through a pointer in its data. In its own generation these are 284, natively 304.
 * -DAPI=…: it says another number of itself. */
#include <plugins/plugin.h>

#ifndef API
#define API 102
#endif

static int reset_size(void (*reset)(janus_plugin_rtp_extensions *)) {
	unsigned char room[512];
	memset(room, 0x55, sizeof(room));
	reset((janus_plugin_rtp_extensions *)(void *)room);
	int last = 0;
	for(int i = 0; i < (int)sizeof(room); i++)
		if(room[i] != 0x55)
			last = i + 1;
	return last;
}

static void called(janus_plugin_rtp_extensions *extensions) {
	janus_plugin_rtp_extensions_reset(extensions);
}

void (*volatile in_data)(janus_plugin_rtp_extensions *) = janus_plugin_rtp_extensions_reset;

static int init(janus_callbacks *callbacks, const char *folder) {
	(void)folder;
	return callbacks != NULL ? 0 : -1;
}
static void nothing(void) {
}
static int api(void) {
	return API;
}
static const char *text(void) {
	return "janus.plugin.older";
}
static void create_session(janus_plugin_session *handle, int *error) {
	(void)handle;
	(void)error;
}
static void destroy_session(janus_plugin_session *handle, int *error) {
	(void)error;
	janus_refcount_decrease(&handle->ref);
}
static janus_plugin_result *handle_message(janus_plugin_session *handle, char *transaction, json_t *message, json_t *jsep) {
	(void)handle;
	g_free(transaction);
	json_decref(message);
	json_decref(jsep);
	return janus_plugin_result_new(JANUS_PLUGIN_OK, NULL,
		json_pack("{s:i, s:i}", "called", reset_size(called), "in_data", reset_size(in_data)));
}
static void media(janus_plugin_session *handle) {
	(void)handle;
}
static json_t *query(janus_plugin_session *handle) {
	(void)handle;
	return json_object();
}

static janus_plugin plugin = JANUS_PLUGIN_INIT(
	.init = init, .destroy = nothing, .get_api_compatibility = api, .get_version = api, .get_version_string = text,
	.get_description = text, .get_name = text, .get_author = text, .get_package = text,
	.create_session = create_session, .handle_message = handle_message, .setup_media = media,
	.hangup_media = media, .destroy_session = destroy_session, .query_session = query,
);

janus_plugin *create(void);
janus_plugin *create(void) {
	return &plugin;
}
