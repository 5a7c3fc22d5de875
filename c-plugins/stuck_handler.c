/*! \file stuck_handler.c
 * \brief An event handler that does not return from an event before the Admin API says so.
 *
 * query_eventhandler: "stick" (no event returns any more), "go_on"; the reply counts the events that came, and how many of them
 * named the session "of".
 */

#include <events/eventhandler.h>

#define ABOUT_API JANUS_EVENTHANDLER_API_VERSION
#define ABOUT_PACKAGE "janus.eventhandler.stuck"
#define ABOUT_TEXT "Stuck"
#include "about.h"

/*! All behind the mutex. */
static GMutex gate;
static GCond opened;
static gboolean sticks = FALSE, inside = FALSE;
static int seen = 0, named = 0;
static json_int_t of = 0;

static int stuck_init(const char *folder) {
	(void)folder;
	return 0;
}

static void set(gboolean to) {
	g_mutex_lock(&gate);
	sticks = to;
	g_cond_broadcast(&opened);
	g_mutex_unlock(&gate);
}

static void stuck_destroy(void) {
	set(FALSE);
}

static void stuck_incoming_event(json_t *event) {
	g_mutex_lock(&gate);
	inside = TRUE;
	while(sticks)
		g_cond_wait(&opened, &gate);
	inside = FALSE;
	seen++;
	if(of != 0 && json_integer_value(json_object_get(event, "session_id")) == of)
		named++;
	g_mutex_unlock(&gate);
}

static json_t *stuck_handle_request(json_t *request) {
	const char *what = json_string_value(json_object_get(request, "request"));
	if(what != NULL && strcmp(what, "stick") == 0)
		set(TRUE);
	else if(what != NULL && strcmp(what, "go_on") == 0)
		set(FALSE);
	g_mutex_lock(&gate);
	json_int_t session = json_integer_value(json_object_get(request, "of"));
	if(session != 0)
		of = session;
	json_t *reply = json_pack("{s:i, s:i, s:b}", "seen", seen, "named", named, "inside", inside);
	g_mutex_unlock(&gate);
	return reply;
}

static janus_eventhandler stuck_handler = JANUS_EVENTHANDLER_INIT(
	.init = stuck_init,
	.destroy = stuck_destroy,
	ABOUT,
	.incoming_event = stuck_incoming_event,
	.handle_request = stuck_handle_request,
	.events_mask = (janus_flags)-1,
);

janus_eventhandler *create(void);
janus_eventhandler *create(void) {
	return &stuck_handler;
}
