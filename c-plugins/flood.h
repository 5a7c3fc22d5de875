/*! \file flood.h
 * \brief A thread that makes one call of the core over and over, with one session.
 */

#ifndef FLOOD_H
#define FLOOD_H

typedef struct flood {
	janus_plugin_session *session;
	char call[32];
	json_int_t count;
} flood;

/*! Floods that have ended. */
static gint floods_over = 0;
/*! Floods go on. */
static gint raging = FALSE;

/*! The call, for the i-th time: each plugin has its own. */
static void flood_once(const flood *what, json_int_t i);

/*! Without a pause. */
static gpointer flood_thread(gpointer data) {
	flood *what = data;
	for(json_int_t i = 0; i < what->count && g_atomic_int_get(&raging); i++)
		flood_once(what, i);
	janus_refcount_decrease(&what->session->ref);
	g_free(what);
	g_atomic_int_inc(&floods_over);
	return NULL;
}

static void start_flood(janus_plugin_session *session, const char *call, json_int_t count) {
	flood *what = g_new0(flood, 1);
	what->session = session;
	what->count = count;
	g_strlcpy(what->call, call != NULL ? call : "", sizeof(what->call));
	janus_refcount_increase(&session->ref);
	g_atomic_int_set(&raging, TRUE);
	g_thread_unref(g_thread_new("flood", flood_thread, what));
}

#endif
