/* The Janus API and the Admin API over a web server of one's own (libmicrohttpd): POST /janus and POST /admin, one request
 * and its reply each, and GET /metrics for Prometheus. Modules are those of a folder; the web server's threads ask the core directly.
 *
 *   cc mhd_admin.c $(pkg-config --cflags --libs janus_rs libmicrohttpd) -o mhd_admin
 *   ./mhd_admin 8088 /usr/lib/x86_64-linux-gnu/janus/plugins
 */
#include <janus_rs.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 1 << 20 };
#define JSON "application/json"

static janus_rs *core;
static janus_rs_client client;

/* What has come of a request's body. */
struct body {
	size_t length;
	char text[LARGEST + 1];
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int status, const char *type, char *text) {
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
	MHD_add_response_header(response, "Content-Type", type);
	enum MHD_Result queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result serve(void *user, struct MHD_Connection *connection, const char *path, const char *method,
		const char *version, const char *data, size_t *length, void **state) {
	(void)user;
	(void)version;
	struct body *body = *state;
	if(body == NULL)
		return (*state = calloc(1, sizeof(struct body))) != NULL ? MHD_YES : MHD_NO;
	if(*length > 0) {
		if(body->length + *length > LARGEST)
			return MHD_NO;
		memcpy(body->text + body->length, data, *length);
		body->length += *length;
		*length = 0;
		return MHD_YES;
	}
	int admin = strcmp(path, "/admin") == 0;
	if(strcmp(method, "GET") == 0 && strcmp(path, "/metrics") == 0) {
		char *figures = NULL;
		if(janus_rs_metrics(core, JANUS_RS_OPENMETRICS, &figures) < 0)
			return MHD_NO;
		enum MHD_Result queued = answer(connection, MHD_HTTP_OK, "application/openmetrics-text; version=1.0.0", figures);
		janus_rs_free(figures);
		return queued;
	}
	if(strcmp(method, "POST") != 0 || (!admin && strcmp(path, "/janus") != 0))
		return answer(connection, MHD_HTTP_NOT_FOUND, JSON, "{}");
	char *reply;
	if(janus_rs_call(core, client, admin ? JANUS_RS_ADMIN : 0, body->text, &reply, 10000) < 0) {
		fprintf(stderr, "%s\n", janus_rs_error());
		return answer(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, JSON, "{}");
	}
	enum MHD_Result queued = answer(connection, MHD_HTTP_OK, JSON, reply);
	janus_rs_free(reply);
	return queued;
}

static void done(void *user, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode how) {
	(void)user;
	(void)connection;
	(void)how;
	free(*state);
}

int main(int argc, char **argv) {
	janus_rs_options options = JANUS_RS_OPTIONS_INIT;
	janus_rs_client_options rights = JANUS_RS_CLIENT_OPTIONS_INIT;
	janus_rs_queue *queue;
	sigset_t signals;
	int signal = 0;
	if(argc < 3)
		return 2;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	options.flags = JANUS_RS_MODULES;
	rights.admin = 1;
	if(janus_rs_open(&core, &options) < 0 || janus_rs_set(core, "general.admin_secret", "janusoverlord") < 0
			|| janus_rs_load_folder(core, JANUS_RS_PLUGIN, argv[2], NULL) < 0 || janus_rs_start(core) < 0
			|| janus_rs_queue_open(core, &queue, NULL) < 0
			|| janus_rs_client_open(core, queue, &rights, &client) < 0) {
		fprintf(stderr, "%s\n", janus_rs_error());
		return 1;
	}
	struct MHD_Daemon *web = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD,
		(uint16_t)atoi(argv[1]), NULL, NULL, serve, NULL, MHD_OPTION_NOTIFY_COMPLETED, done, NULL, MHD_OPTION_END);
	if(web == NULL)
		return 1;
	puts("ready");
	fflush(stdout);
	/* Events of plugins are not wanted here: they are taken and dropped. */
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	struct timespec second = { 1, 0 };
	while((signal = sigtimedwait(&signals, NULL, &second)) < 0)
		while(janus_rs_next(queue, &event, 0) > 0);
	MHD_stop_daemon(web);
	janus_rs_close(core);
	return 0;
}
