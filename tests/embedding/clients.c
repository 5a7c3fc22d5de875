/* The Janus API of a core inside this program, with a plugin that is part of it: requests, replies, events, secrets, the
 * Admin API, events as handlers get them, draining. One thread, one descriptor. */
#include <plugins/plugin.h> /* first: its JSON values are in the API then */
#include "embedding.h"
#include <poll.h>

janus_plugin *create(void);

static janus_rs *core;
static janus_rs_queue *queue, *watched;
static janus_rs_event event = JANUS_RS_EVENT_INIT;

/* The next event of that type, which has to come; others are passed over. */
static json_t *await(janus_rs_queue *from, uint32_t type) {
	do {
		EXPECT(janus_rs_next(from, &event, 20000) == 1);
	} while(event.type != type);
	EXPECT(strlen(event.text) == event.length);
	return event.length == 0 ? NULL : json_loads(event.text, 0, NULL);
}

static const char *text(json_t *json, const char *name) {
	const char *value = json_string_value(json_object_get(json, name));
	return value != NULL ? value : "";
}

static json_t *ask(janus_rs_client client, uint32_t flags, const char *request) {
	static uint64_t tag = 100;
	EXPECT(janus_rs_request(core, client, ++tag, flags, request, strlen(request)) == 0);
	json_t *reply = await(queue, JANUS_RS_EVENT_REPLY);
	EXPECT(event.tag == tag && event.client == client && event.user == &core);
	return reply;
}

static long code(json_t *reply) {
	long found = json_integer_value(json_object_get(json_object_get(reply, "error"), "code"));
	json_decref(reply);
	return found;
}

static char *filled(const char *format, json_t *session, json_t *handle) {
	static char request[512];
	snprintf(request, sizeof(request), format, (long long)json_integer_value(session),
		(long long)json_integer_value(handle));
	return request;
}

static janus_rs_client client(int admin, int trusted) {
	janus_rs_client_options options = JANUS_RS_CLIENT_OPTIONS_INIT;
	janus_rs_client made;
	options.admin = admin;
	options.trusted = trusted;
	options.user = &core;
	EXPECT(janus_rs_client_open(core, queue, &options, &made) == 0);
	return made;
}

static int seen;

static void count(void *user, const janus_rs_event *handled) {
	EXPECT(user == &seen && handled->type == JANUS_RS_EVENT_REPLY);
	seen++;
}

static void log_line(void *user, int level, const char *line, size_t length) {
	EXPECT(user == &seen && level >= 1 && level <= 4 && strlen(line) == length && strchr(line, '\n') == NULL);
	/* On a thread of the library nothing waits. */
	EXPECT(janus_rs_stop(core, -1) == JANUS_RS_EDEADLK);
}

int main(void) {
	janus_rs_options options = JANUS_RS_OPTIONS_INIT;
	options.flags = JANUS_RS_MODULES;
	options.log = log_line;
	options.user = &seen;
	EXPECT(janus_rs_open(&core, &options) == 0);
	EXPECT(janus_rs_queue_open(core, &queue, NULL) == 0);
	EXPECT(janus_rs_register(core, JANUS_RS_PLUGIN, create(), JANUS_RS_SDK - 1) == JANUS_RS_EMODULE);
	/* A table of another kind has other functions behind its head. */
	EXPECT(janus_rs_register(core, JANUS_RS_TRANSPORT, create(), JANUS_RS_SDK) == JANUS_RS_EMODULE);
	EXPECT(janus_rs_register(core, JANUS_RS_PLUGIN, create(), JANUS_RS_SDK) == 0);
	/* Its `init` runs once. */
	EXPECT(janus_rs_register(core, JANUS_RS_PLUGIN, create(), JANUS_RS_SDK) == JANUS_RS_EMODULE);
	EXPECT(janus_rs_set(core, "general.api_secret", "open") == 0);
	EXPECT(janus_rs_set(core, "general.admin_secret", "sesame") == 0);
	EXPECT(janus_rs_set(core, "general.interface", "127.0.0.1") == 0);
	EXPECT(janus_rs_set(core, "general.no_such_option", "1") == JANUS_RS_EINVAL);
	EXPECT(janus_rs_queue_open(core, &watched, NULL) == 0 && janus_rs_watch(core, watched, 1 | 2) == 0);
	EXPECT(janus_rs_start(core) == 0);
	char *value;
	EXPECT(janus_rs_get(core, "general.admin_secret", &value) == 0 && strcmp(value, "sesame") == 0);
	janus_rs_free(value);

	/* Secrets, trust, rights. */
	janus_rs_client stranger = client(0, 0), known = client(1, 1);
	EXPECT(code(ask(stranger, 0, "{\"janus\":\"create\",\"transaction\":\"a\"}")) == 403);
	EXPECT(code(ask(stranger, 0, "not JSON")) == 454);
	EXPECT(janus_rs_request(core, stranger, 1, JANUS_RS_ADMIN, "{}", 2) == JANUS_RS_EDENIED);
	EXPECT(janus_rs_request(core, stranger, 1, 8, "{}", 2) == JANUS_RS_EINVAL);
	json_t *reply = ask(stranger, 0, "{\"janus\":\"create\",\"transaction\":\"a\",\"apisecret\":\"open\"}");
	EXPECT(strcmp(text(reply, "janus"), "success") == 0);
	json_decref(reply);
	char *answer;
	EXPECT(janus_rs_call(core, known, JANUS_RS_ADMIN, "{\"janus\":\"list_sessions\",\"transaction\":\"b\"}", &answer, -1) == 0);
	reply = json_loads(answer, 0, NULL);
	EXPECT(json_array_size(json_object_get(reply, "sessions")) == 1);
	json_decref(reply);
	janus_rs_free(answer);

	/* A handle of the plugin in this program. */
	reply = ask(known, 0, "{\"janus\":\"create\",\"transaction\":\"c\"}");
	json_t *session = json_incref(json_object_get(json_object_get(reply, "data"), "id"));
	json_decref(reply);
	reply = ask(known, 0, filled("{\"janus\":\"attach\",\"plugin\":\"janus.plugin.echosample\",\"session_id\":%lld,\"transaction\":\"d\"}", session, NULL));
	json_t *handle = json_incref(json_object_get(json_object_get(reply, "data"), "id"));
	json_decref(reply);
	json_t *handled = await(watched, JANUS_RS_EVENT_HANDLER);
	EXPECT(event.session != 0 && json_object_get(handled, "timestamp") != NULL);
	json_decref(handled);
	reply = ask(known, 0, filled("{\"janus\":\"message\",\"body\":{\"request\":\"ping\"},\"session_id\":%lld,\"handle_id\":%lld,\"transaction\":\"e\"}", session, handle));
	EXPECT(strcmp(text(json_object_get(json_object_get(reply, "plugindata"), "data"), "echo"), "pong") == 0);
	json_decref(reply);
	/* The plugin may tell before the request is acknowledged. */
	char *request = filled("{\"janus\":\"message\",\"body\":{\"text\":\"\\u00fc\"},\"session_id\":%lld,\"handle_id\":%lld,\"transaction\":\"f\"}", session, handle);
	EXPECT(janus_rs_request(core, known, 7, 0, request, strlen(request)) == 0);
	for(int acknowledged = 0, told = 0; !acknowledged || !told; ) {
		EXPECT(janus_rs_next(queue, &event, 20000) == 1 && event.client == known);
		json_t *json = json_loads(event.text, 0, NULL);
		EXPECT(strcmp(text(json, "transaction"), "f") == 0);
		if(event.type == JANUS_RS_EVENT_REPLY) {
			EXPECT(event.tag == 7 && strcmp(text(json, "janus"), "ack") == 0);
			acknowledged = 1;
		} else {
			EXPECT(event.type == JANUS_RS_EVENT_JANUS && strcmp(text(json, "janus"), "event") == 0);
			EXPECT((json_int_t)event.session == json_integer_value(session));
			EXPECT((json_int_t)event.handle == json_integer_value(handle));
			told = 1;
		}
		json_decref(json);
	}

	/* The same through jansson, and through handlers. */
	janus_rs_handlers handlers = JANUS_RS_HANDLERS_INIT;
	janus_rs_queue_options queue_options = JANUS_RS_QUEUE_OPTIONS_INIT;
	handlers.reply = count;
	queue_options.handlers = &handlers;
	queue_options.user = &seen;
	janus_rs_queue *second;
	janus_rs_client other;
	EXPECT(janus_rs_queue_open(core, &second, &queue_options) == 0);
	EXPECT(janus_rs_client_open(core, second, NULL, &other) == 0);
	for(int i = 0; i < 10; i++)
		EXPECT(janus_rs_request_json(core, other, i, 0, json_pack("{ss,ss}", "janus", "ping", "transaction", "g")) == 0);
	while(seen < 10) {
		struct pollfd readable = { janus_rs_queue_fd(second), POLLIN, 0 };
		EXPECT(poll(&readable, 1, 20000) == 1);
		EXPECT(janus_rs_dispatch(second, 0) > 0);
	}
	EXPECT(janus_rs_dispatch(second, 0) == 0 && janus_rs_dispatch(queue, 0) == JANUS_RS_EINVAL);

	/* Draining; a client that goes takes its sessions with it. */
	janus_rs_counters counters = JANUS_RS_COUNTERS_INIT;
	EXPECT(janus_rs_count(core, &counters) == 0);
	EXPECT(counters.clients == 3 && counters.sessions == 2 && counters.handles == 1);
	EXPECT(janus_rs_drain(core, 1) == 0);
	EXPECT(code(ask(known, 0, "{\"janus\":\"create\",\"transaction\":\"h\"}")) == 472);
	EXPECT(janus_rs_client_close(core, stranger) == 0 && janus_rs_client_close(core, known) == 0);
	EXPECT(janus_rs_request(core, known, 1, 0, "{}", 2) == JANUS_RS_ENOENT);
	EXPECT(await(queue, JANUS_RS_EVENT_DRAINED) == NULL);

	/* The table is in the program: another instance may use it once this one has stopped. */
	janus_rs *next;
	EXPECT(janus_rs_open(&next, &options) == 0);
	EXPECT(janus_rs_register(next, JANUS_RS_PLUGIN, create(), JANUS_RS_SDK) == JANUS_RS_EBUSY);
	EXPECT(janus_rs_close(core) == 0);
	EXPECT(janus_rs_register(next, JANUS_RS_PLUGIN, create(), JANUS_RS_SDK) == 0);
	EXPECT(janus_rs_set(next, "general.interface", "127.0.0.1") == 0);
	core = next;
	EXPECT(janus_rs_start(next) == 0);
	EXPECT(janus_rs_close(next) == 0);
	json_decref(session);
	json_decref(handle);
	return 0;
}
