/*! \file flooding.c
 * \brief A plugin that fills queues on request; the server has to keep them bounded.
 *
 * Synchronous requests: "wait" (does not return before "go_on", from any handle), "flood" (a thread makes one "call" "count"
 * times with this session), "flooded" (floods that have ended, and what their calls returned: how many 0, how many not).
 * The calls: "push_event"; "answer" (push_event with a transaction); "useless" (push_event with a description that nobody
 * can use); "notify_event". A message with a description is answered with an event.
 */

#include <plugins/plugin.h>

#define ABOUT_API JANUS_PLUGIN_API_VERSION
#define ABOUT_PACKAGE "janus.plugin.flooding"
#define ABOUT_TEXT "Flooding"
#include "about.h"
#include "flood.h"

static janus_callbacks *core = NULL;
static janus_plugin flooding_plugin;

/*! All behind the mutex. */
static GMutex gate;
static GCond opened;
static gboolean waits = FALSE;

static gint accepted = 0, refused = 0;

static void wait_for_others(void) {
	g_mutex_lock(&gate);
	waits = TRUE;
	while(waits)
		g_cond_wait(&opened, &gate);
	g_mutex_unlock(&gate);
}

static void go_on(void) {
	g_mutex_lock(&gate);
	waits = FALSE;
	g_cond_broadcast(&opened);
	g_mutex_unlock(&gate);
}

static void flood_once(const flood *what, json_int_t i) {
	(void)i;
	char text[1001];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	json_t *event = json_pack("{s:s}", "flood", text);
	int code = 0;
	if(strcmp(what->call, "push_event") == 0) {
		code = core->push_event(what->session, &flooding_plugin, NULL, event, NULL);
	} else if(strcmp(what->call, "answer") == 0) {
		code = core->push_event(what->session, &flooding_plugin, "a flood", event, NULL);
	} else if(strcmp(what->call, "useless") == 0) {
		json_t *useless = json_pack("{s:s, s:s}", "type", "answer", "sdp", "no description");
		code = core->push_event(what->session, &flooding_plugin, NULL, event, useless);
		json_decref(useless);
	} else if(strcmp(what->call, "notify_event") == 0) {
		core->notify_event(&flooding_plugin, what->session, json_incref(event));
	}
	g_atomic_int_inc(code == 0 ? &accepted : &refused);
	json_decref(event);
}

static int flooding_init(janus_callbacks *callbacks, const char *folder) {
	(void)folder;
	core = callbacks;
	return 0;
}

static void flooding_destroy(void) {
	go_on();
}

static void flooding_session(janus_plugin_session *handle, int *error) {
	(void)handle;
	(void)error;
}

static void flooding_media(janus_plugin_session *handle) {
	(void)handle;
}

static json_t *flooding_query(janus_plugin_session *handle) {
	(void)handle;
	return NULL;
}

static janus_plugin_result *flooding_handle_message(janus_plugin_session *handle, char *transaction,
		json_t *message, json_t *jsep) {
	const char *request = json_string_value(json_object_get(message, "request"));
	json_t *content = json_object();
	janus_plugin_result *result = NULL;
	if(request == NULL) {
		core->push_event(handle, &flooding_plugin, transaction, content, NULL);
		result = janus_plugin_result_new(JANUS_PLUGIN_OK_WAIT, NULL, NULL);
	} else if(strcmp(request, "wait") == 0) {
		wait_for_others();
	} else if(strcmp(request, "go_on") == 0) {
		go_on();
	} else if(strcmp(request, "flood") == 0) {
		start_flood(handle, json_string_value(json_object_get(message, "call")),
			json_integer_value(json_object_get(message, "count")));
	} else if(strcmp(request, "flooded") == 0) {
		json_object_set_new(content, "over", json_integer(g_atomic_int_get(&floods_over)));
		json_object_set_new(content, "accepted", json_integer(g_atomic_int_get(&accepted)));
		json_object_set_new(content, "refused", json_integer(g_atomic_int_get(&refused)));
	}
	g_free(transaction);
	json_decref(message);
	json_decref(jsep);
	if(result == NULL)
		return janus_plugin_result_new(JANUS_PLUGIN_OK, NULL, content);
	json_decref(content);
	return result;
}

static janus_plugin flooding_plugin = JANUS_PLUGIN_INIT(
	.init = flooding_init,
	.destroy = flooding_destroy,
	ABOUT,
	.create_session = flooding_session,
	.handle_message = flooding_handle_message,
	.setup_media = flooding_media,
	.hangup_media = flooding_media,
	.destroy_session = flooding_session,
	.query_session = flooding_query,
);

janus_plugin *create(void);
janus_plugin *create(void) {
	return &flooding_plugin;
}
