/*! \file crash.c
 * \brief A plugin that crashes on request; the server has to say how.
 *
 * A message `{"how": …, "where": …}` crashes in handle_message, in the next incoming_rtp of any handle ("incoming_rtp"),
 * or in a thread of the plugin's own ("thread"). An offer is answered.
 */

#include <plugins/plugin.h>
#include <sdp-utils.h>

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define ABOUT_API JANUS_PLUGIN_API_VERSION
#define ABOUT_PACKAGE "janus.plugin.crash"
#define ABOUT_TEXT "Crashes"
#include "about.h"

static janus_callbacks *core = NULL;
static janus_plugin crash_plugin;

/*! Of the table below; the next incoming_rtp takes it. */
static const char *volatile armed = NULL;

/*! Not known to the compiler. */
static volatile int zero = 0;
static int *volatile nowhere = NULL;
static void (*volatile no_function)(void) = NULL;
/*! What CRASH_LIBRARY names. */
static void *library = NULL;

static int read_nowhere(void) {
	return *nowhere;
}

static int give_up(void) {
	abort();
}

static int divide(void) {
	return 7 / zero;
}

static int overflow(int depth) {
	volatile char frame[4096];
	frame[0] = (char)depth;
	return zero ? 0 : overflow(depth + 1) + frame[0];
}

static int deep(void) {
	return overflow(0);
}

/*! Of a library that was loaded by init and is unloaded now. */
static int call_unloaded(void) {
	int (*function)(void) = (int (*)(void))(intptr_t)dlsym(library, "in_a_library");
	dlclose(library);
	return function() + zero;
}

static int call_nothing(void) {
	no_function();
	return zero;
}

/*! Leaves nothing that could be unwound, so that the report crashes, too. */
static int lose_the_stack(void) {
#if defined(__x86_64__)
	__asm__ volatile("movq $64, %rsp\n\tmovq (%rsp), %rax");
#elif defined(__aarch64__)
	__asm__ volatile("mov x9, #64\n\tmov sp, x9\n\tldr x9, [sp]");
#endif
	return read_nowhere();
}

static const struct {
	const char *name;
	int (*function)(void);
} ways[] = {
	{ "read_nowhere", read_nowhere },
	{ "give_up", give_up },
	{ "divide", divide },
	{ "overflow", deep },
	{ "call_nothing", call_nothing },
	{ "call_unloaded", call_unloaded },
	{ "lose_the_stack", lose_the_stack },
};

static void crash(const char *how) {
	for(size_t i = 0; how != NULL && i < sizeof(ways)/sizeof(*ways); i++)
		if(!strcmp(ways[i].name, how))
			zero = ways[i].function();
}

static gpointer thread(gpointer how) {
	crash(how);
	return NULL;
}

static int crash_init(janus_callbacks *callbacks, const char *config_folder) {
	(void)config_folder;
	core = callbacks;
	if(getenv("CRASH_LIBRARY") != NULL)
		library = dlopen(getenv("CRASH_LIBRARY"), RTLD_NOW);
	return 0;
}

static void crash_destroy(void) {
}

static void crash_create_session(janus_plugin_session *handle, int *error) {
	(void)handle;
	(void)error;
}

static void crash_destroy_session(janus_plugin_session *handle, int *error) {
	(void)handle;
	(void)error;
}

static json_t *crash_query(janus_plugin_session *handle) {
	(void)handle;
	return json_object();
}

/*! Accepts everything that is offered; the answer comes as an event. */
static void answer_offer(janus_plugin_session *handle, const char *transaction, json_t *jsep) {
	janus_sdp *offer = janus_sdp_parse(json_string_value(json_object_get(jsep, "sdp")), NULL, 0);
	if(offer == NULL)
		return;
	janus_sdp *answer = janus_sdp_generate_answer(offer);
	for(GList *item = offer->m_lines; item != NULL; item = item->next) {
		janus_sdp_mline *mline = item->data;
		janus_sdp_generate_answer_mline(offer, answer, mline, JANUS_SDP_OA_MLINE, mline->type, JANUS_SDP_OA_DONE);
	}
	char *text = janus_sdp_write(answer);
	json_t *event = json_object(), *description = json_pack("{s:s, s:s}", "type", "answer", "sdp", text);
	core->push_event(handle, &crash_plugin, transaction, event, description);
	json_decref(event);
	json_decref(description);
	g_free(text);
	janus_sdp_destroy(answer);
	janus_sdp_destroy(offer);
}

static janus_plugin_result *crash_handle_message(janus_plugin_session *handle, char *transaction, json_t *message,
		json_t *jsep) {
	const char *how = json_string_value(json_object_get(message, "how"));
	const char *where = json_string_value(json_object_get(message, "where"));
	if(jsep != NULL)
		answer_offer(handle, transaction, jsep);
	else if(where == NULL)
		crash(how);
	else if(!strcmp(where, "thread"))
		g_thread_unref(g_thread_new("its own", thread, g_strdup(how)));
	else
		armed = g_strdup(how);
	g_free(transaction);
	json_decref(message);
	json_decref(jsep);
	return janus_plugin_result_new(JANUS_PLUGIN_OK_WAIT, NULL, NULL);
}

static void crash_setup_media(janus_plugin_session *handle) {
	(void)handle;
}

static void crash_hangup_media(janus_plugin_session *handle) {
	(void)handle;
}

static void crash_incoming_rtp(janus_plugin_session *handle, janus_plugin_rtp *packet) {
	(void)handle;
	(void)packet;
	crash(armed);
}

static janus_plugin crash_plugin = JANUS_PLUGIN_INIT(
	.init = crash_init,
	.destroy = crash_destroy,
	ABOUT,
	.create_session = crash_create_session,
	.handle_message = crash_handle_message,
	.setup_media = crash_setup_media,
	.incoming_rtp = crash_incoming_rtp,
	.hangup_media = crash_hangup_media,
	.destroy_session = crash_destroy_session,
	.query_session = crash_query,
);

janus_plugin *create(void);
janus_plugin *create(void) {
	return &crash_plugin;
}
