/* The core inside a program: starts it, asks it who it is, and stops it.
 *
 *   cc first.c $(pkg-config --cflags --libs janus_rs) -o first && ./first
 */
#include <janus_rs.h>
#include <stdio.h>

static int failed(const char *what) {
	fprintf(stderr, "%s: %s\n", what, janus_rs_error());
	return 1;
}

int main(void) {
	janus_rs *core;
	janus_rs_queue *queue;
	janus_rs_client client;
	char *reply;

	if(janus_rs_open(&core, NULL) < 0)
		return failed("open");
	janus_rs_set(core, "general.server_name", "first");
	if(janus_rs_start(core) < 0)
		return failed("start");
	janus_rs_queue_open(core, &queue, NULL);
	janus_rs_client_open(core, queue, NULL, &client);
	if(janus_rs_call(core, client, 0, "{\"janus\": \"info\", \"transaction\": \"1\"}", &reply, 5000) < 0)
		return failed("info");
	puts(reply);
	janus_rs_free(reply);
	janus_rs_close(core);
	return 0;
}
