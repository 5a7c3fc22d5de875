/*! \file misbehave.c
 * \brief A plugin that breaks the rules on request; the server has to survive it.
 *
 * Synchronous requests: "null" (no result), "empty" (OK without content), "stale" (calls the core with sessions that
 * are gone, foreign or NULL), "oversized" (RTP of 65535 and of 1501 bytes), "end_twice", "over_release" (drops references
 * that it does not have), "once" (one "call" with the first session that there was, from another thread), "create_code"
 * (what push_event said inside create_session), "block" (the next incoming_rtp of any handle does not return before
 * "release"), "entered" (how media callbacks were entered), "flood" (a thread makes one "call" "count" times with this
 * session), "flooded" (floods that have ended, and how many events were refused). An offer is answered, and media then
 * sent back.
 */

#include <plugins/plugin.h>
#include <sdp-utils.h>

#define ABOUT_API JANUS_PLUGIN_API_VERSION
#define ABOUT_PACKAGE "janus.plugin.misbehave"
#define ABOUT_TEXT "Misbehaves"
#include "about.h"
#include "flood.h"

static janus_callbacks *core = NULL;
static janus_plugin misbehave_plugin;

/*! Sessions that existed once. Nothing is referenced. */
#define REMEMBERED 64
static janus_plugin_session *volatile remembered[REMEMBERED];
static gint sessions = 0;
static gint create_code = 0;

static char oversized[65535];

/*! A callback that blocks, and what happened meanwhile. All behind the mutex. */
static GMutex gate;
static GCond opened;
static enum { GATE_OPEN, GATE_NEXT, GATE_BLOCKS } gate_state = GATE_OPEN;
static int rtp_calls = 0, rtp_inside = 0, overlaps = 0;

static void enter_rtp(void) {
	g_mutex_lock(&gate);
	rtp_calls++;
	if(rtp_inside++ > 0)
		overlaps++;
	if(gate_state == GATE_NEXT) {
		gate_state = GATE_BLOCKS;
		while(gate_state == GATE_BLOCKS)
			g_cond_wait(&opened, &gate);
	}
	g_mutex_unlock(&gate);
}

static void leave_rtp(void) {
	g_mutex_lock(&gate);
	rtp_inside--;
	g_mutex_unlock(&gate);
}

static void set_gate(int state) {
	g_mutex_lock(&gate);
	gate_state = state;
	g_cond_broadcast(&opened);
	g_mutex_unlock(&gate);
}

static json_t *entered(void) {
	g_mutex_lock(&gate);
	json_t *counts = json_pack("{s:i, s:i, s:b}", "calls", rtp_calls, "overlaps", overlaps, "blocked",
		gate_state == GATE_BLOCKS);
	g_mutex_unlock(&gate);
	return counts;
}

static gint events_refused = 0;

/*! Every function of the core, with a session that may be anything. The sum of push_event's codes. */
static int call_everything(janus_plugin_session *session) {
	json_t *event = json_pack("{s:s}", "from", "the grave");
	int code = core->push_event(session, &misbehave_plugin, NULL, event, NULL);
	json_decref(event);
	char bytes[12] = {(char)0x80, 96};
	janus_plugin_rtp rtp = {.mindex = -1, .video = TRUE, .buffer = bytes, .length = sizeof(bytes)};
	janus_plugin_rtp_extensions_reset(&rtp.extensions);
	core->relay_rtp(session, &rtp);
	core->relay_rtp(session, NULL);
	rtp.buffer = NULL;
	core->relay_rtp(session, &rtp);
	janus_plugin_rtcp rtcp = {.mindex = -1, .video = TRUE, .buffer = bytes, .length = sizeof(bytes)};
	core->relay_rtcp(session, &rtcp);
	core->relay_rtcp(session, NULL);
	janus_plugin_data data = {.buffer = bytes, .length = sizeof(bytes)};
	core->relay_data(session, &data);
	core->relay_data(session, NULL);
	core->send_pli(session);
	core->send_pli_stream(session, 7);
	core->send_remb(session, 1);
	core->close_pc(session);
	core->end_session(session);
	core->notify_event(&misbehave_plugin, session, json_object());
	core->notify_event(NULL, session, NULL);
	return code;
}

static int misbehave_init(janus_callbacks *callbacks, const char *config_folder) {
	(void)config_folder;
	core = callbacks;
	return 0;
}

static void misbehave_destroy(void) {
}

static void misbehave_create_session(janus_plugin_session *handle, int *error) {
	(void)error;
	g_atomic_int_set(&create_code, call_everything(handle));
	remembered[g_atomic_int_add(&sessions, 1) % REMEMBERED] = handle;
}

static void misbehave_destroy_session(janus_plugin_session *handle, int *error) {
	call_everything(handle);
	*error = 99;
	janus_refcount_decrease(&handle->ref);
	call_everything(handle);
}

/*! The codes of push_event: for sessions that are not the caller's, for NULL, for no pointer, for a stranger. */
static json_t *stale(janus_plugin_session *own) {
	json_t *codes = json_array();
	for(int i = 0; i < REMEMBERED; i++) {
		if(remembered[i] != NULL && remembered[i] != own)
			json_array_append_new(codes, json_integer(call_everything(remembered[i])));
	}
	janus_plugin_session *stranger = g_new0(janus_plugin_session, 1);
	json_array_append_new(codes, json_integer(call_everything(NULL)));
	json_array_append_new(codes, json_integer(call_everything((janus_plugin_session *)8)));
	json_array_append_new(codes, json_integer(call_everything(stranger)));
	g_free(stranger);
	return codes;
}

/*! One call of the core with a session that is gone, for a look at the log. */
static void once(const char *call, janus_plugin_session *session) {
	char bytes[12] = {(char)0x80, 96};
	if(strcmp(call, "push_event") == 0) {
		json_t *event = json_object();
		core->push_event(session, &misbehave_plugin, NULL, event, NULL);
		json_decref(event);
	} else if(strcmp(call, "relay_rtp") == 0) {
		janus_plugin_rtp rtp = {.mindex = -1, .video = TRUE, .buffer = bytes, .length = sizeof(bytes)};
		core->relay_rtp(session, &rtp);
	} else if(strcmp(call, "relay_rtcp") == 0) {
		janus_plugin_rtcp rtcp = {.mindex = -1, .video = TRUE, .buffer = bytes, .length = sizeof(bytes)};
		core->relay_rtcp(session, &rtcp);
	} else if(strcmp(call, "relay_data") == 0) {
		janus_plugin_data data = {.buffer = bytes, .length = sizeof(bytes)};
		core->relay_data(session, &data);
	} else if(strcmp(call, "end_session") == 0) {
		core->end_session(session);
	} else if(strcmp(call, "close_pc") == 0) {
		core->close_pc(session);
	} else if(strcmp(call, "send_pli") == 0) {
		core->send_pli(session);
	} else if(strcmp(call, "send_remb") == 0) {
		core->send_remb(session, 1);
	}
}

/*! The same from a thread that the core does not know. */
static gpointer once_elsewhere(gpointer call) {
	once(call, remembered[0]);
	g_free(call);
	return NULL;
}

/*! A full RTCP packet, and messages and video of ordinary size. */
static void flood_once(const flood *what, json_int_t i) {
	char pli[12] = {(char)0x81, (char)206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2};
	char message[1200];
	memset(message, 'x', sizeof(message));
	if(strcmp(what->call, "send_pli") == 0) {
		core->send_pli(what->session);
	} else if(strcmp(what->call, "send_remb") == 0) {
		core->send_remb(what->session, 100000 + (uint32_t)i);
	} else if(strcmp(what->call, "relay_data") == 0) {
		janus_plugin_data packet = {.label = "flood", .buffer = message, .length = sizeof(message)};
		core->relay_data(what->session, &packet);
	} else if(strcmp(what->call, "relay_rtp") == 0) {
		char video[sizeof(message)] = {(char)0x80, 96, (char)(i >> 8), (char)i};
		janus_plugin_rtp packet = {.mindex = -1, .video = TRUE, .buffer = video, .length = sizeof(video)};
		janus_plugin_rtp_extensions_reset(&packet.extensions);
		core->relay_rtp(what->session, &packet);
	} else if(strcmp(what->call, "relay_rtcp") == 0) {
		janus_plugin_rtcp packet = {.mindex = -1, .video = TRUE, .buffer = pli, .length = sizeof(pli)};
		core->relay_rtcp(what->session, &packet);
	} else if(strcmp(what->call, "push_event") == 0) {
		json_t *event = json_pack("{s:s}", "from", "a flood");
		if(core->push_event(what->session, &misbehave_plugin, NULL, event, NULL) != 0)
			g_atomic_int_inc(&events_refused);
		json_decref(event);
	} else if(strcmp(what->call, "close_pc") == 0) {
		core->close_pc(what->session);
	} else if(strcmp(what->call, "end_session") == 0) {
		core->end_session(what->session);
	}
}

/*! Whose packets another thread relays, and those that wait for it. */
static janus_plugin_session *volatile forwarded;
static GAsyncQueue *waiting;

typedef struct copy {
	janus_plugin_rtp rtp;
	char bytes[1500];
} copy;

static gpointer forward_thread(gpointer none) {
	(void)none;
	for(;;) {
		copy *packet = g_async_queue_pop(waiting);
		core->relay_rtp(forwarded, &packet->rtp);
		g_free(packet);
	}
	return NULL;
}

static void forward_elsewhere(janus_plugin_session *session) {
	janus_refcount_increase(&session->ref);
	waiting = g_async_queue_new();
	forwarded = session;
	g_thread_unref(g_thread_new("forward", forward_thread, NULL));
}

static void hand_over(janus_plugin_rtp *packet) {
	if(packet->length > sizeof(((copy *)NULL)->bytes))
		return;
	copy *made = g_new0(copy, 1);
	made->rtp = *packet;
	made->rtp.buffer = made->bytes;
	memcpy(made->bytes, packet->buffer, packet->length);
	g_async_queue_push(waiting, made);
}

static gpointer end_twice(gpointer handle) {
	core->end_session(handle);
	core->end_session(handle);
	return NULL;
}

/*! Too large for the network, and one byte too large. */
static void relay_oversized(janus_plugin_session *handle) {
	janus_plugin_rtp rtp = {.mindex = -1, .video = FALSE, .buffer = oversized, .length = sizeof(oversized)};
	janus_plugin_rtp_extensions_reset(&rtp.extensions);
	oversized[0] = (char)0x80;
	core->relay_rtp(handle, &rtp);
	rtp.length = 1501;
	core->relay_rtp(handle, &rtp);
}

/*! Accepts everything that is offered; the answer comes as an event. */
static janus_plugin_result *answer_offer(janus_plugin_session *handle, const char *transaction, json_t *jsep) {
	janus_sdp *offer = janus_sdp_parse(json_string_value(json_object_get(jsep, "sdp")), NULL, 0);
	if(offer == NULL)
		return janus_plugin_result_new(JANUS_PLUGIN_ERROR, "No offer", NULL);
	janus_sdp *answer = janus_sdp_generate_answer(offer);
	for(GList *item = offer->m_lines; item != NULL; item = item->next) {
		janus_sdp_mline *mline = item->data;
		janus_sdp_generate_answer_mline(offer, answer, mline, JANUS_SDP_OA_MLINE, mline->type, JANUS_SDP_OA_DONE);
	}
	char *text = janus_sdp_write(answer);
	json_t *event = json_object(), *description = json_pack("{s:s, s:s}", "type", "answer", "sdp", text);
	core->push_event(handle, &misbehave_plugin, transaction, event, description);
	json_decref(description);
	json_decref(event);
	g_free(text);
	janus_sdp_destroy(answer);
	janus_sdp_destroy(offer);
	return janus_plugin_result_new(JANUS_PLUGIN_OK_WAIT, NULL, NULL);
}

static janus_plugin_result *misbehave_handle_message(janus_plugin_session *handle, char *transaction,
		json_t *message, json_t *jsep) {
	const char *request = json_string_value(json_object_get(message, "request"));
	json_t *content = json_object();
	janus_plugin_result *result = NULL;
	gboolean nothing = FALSE;
	if(jsep != NULL) {
		result = answer_offer(handle, transaction, jsep);
	} else if(request == NULL || strcmp(request, "null") == 0) {
		nothing = TRUE;
	} else if(strcmp(request, "stale") == 0) {
		json_object_set_new(content, "codes", stale(handle));
	} else if(strcmp(request, "once") == 0) {
		const char *call = json_string_value(json_object_get(message, "call"));
		GThread *thread = g_thread_new("once", once_elsewhere, g_strdup(call != NULL ? call : ""));
		g_thread_join(thread);
	} else if(strcmp(request, "create_code") == 0) {
		json_object_set_new(content, "code", json_integer(g_atomic_int_get(&create_code)));
	} else if(strcmp(request, "flood") == 0) {
		start_flood(handle, json_string_value(json_object_get(message, "call")),
			json_integer_value(json_object_get(message, "count")));
	} else if(strcmp(request, "calm") == 0) {
		g_atomic_int_set(&raging, FALSE);
	} else if(strcmp(request, "elsewhere") == 0) {
		forward_elsewhere(handle);
	} else if(strcmp(request, "flooded") == 0) {
		json_object_set_new(content, "over", json_integer(g_atomic_int_get(&floods_over)));
		json_object_set_new(content, "refused", json_integer(g_atomic_int_get(&events_refused)));
	} else if(strcmp(request, "oversized") == 0) {
		relay_oversized(handle);
	} else if(strcmp(request, "over_release") == 0) {
		for(int i = 0; i < REMEMBERED; i++) {
			if(remembered[i] != NULL && remembered[i] != handle && remembered[i]->stopped) {
				janus_refcount_increase(&remembered[i]->ref);
				janus_refcount_decrease(&remembered[i]->ref);
				janus_refcount_decrease(&remembered[i]->ref);
			}
		}
	} else if(strcmp(request, "end_twice") == 0) {
		g_thread_unref(g_thread_new("end", end_twice, handle));
	} else if(strcmp(request, "block") == 0) {
		set_gate(GATE_NEXT);
	} else if(strcmp(request, "release") == 0) {
		set_gate(GATE_OPEN);
	} else if(strcmp(request, "entered") == 0) {
		json_object_set_new(content, "entered", entered());
	} else if(strcmp(request, "empty") == 0) {
		json_decref(content);
		content = NULL;
	}
	g_free(transaction);
	json_decref(message);
	json_decref(jsep);
	if(nothing || result != NULL) {
		json_decref(content);
		return result;
	}
	return janus_plugin_result_new(JANUS_PLUGIN_OK, NULL, content);
}

static void misbehave_setup_media(janus_plugin_session *handle) {
	(void)handle;
}

static void misbehave_incoming_rtp(janus_plugin_session *handle, janus_plugin_rtp *packet) {
	enter_rtp();
	if(handle == forwarded)
		hand_over(packet);
	else
		core->relay_rtp(handle, packet);
	leave_rtp();
}

static void misbehave_hangup_media(janus_plugin_session *handle) {
	call_everything(handle);
}

static json_t *misbehave_query(janus_plugin_session *handle) {
	(void)handle;
	return NULL;
}

static janus_plugin misbehave_plugin = JANUS_PLUGIN_INIT(
	.init = misbehave_init,
	.destroy = misbehave_destroy,
	ABOUT,
	.create_session = misbehave_create_session,
	.handle_message = misbehave_handle_message,
	.setup_media = misbehave_setup_media,
	.incoming_rtp = misbehave_incoming_rtp,
	.hangup_media = misbehave_hangup_media,
	.destroy_session = misbehave_destroy_session,
	.query_session = misbehave_query,
);

janus_plugin *create(void);
janus_plugin *create(void) {
	return &misbehave_plugin;
}
