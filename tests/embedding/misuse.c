/* Every function with NULL, with what is not there any more, and at the wrong time: an error, a text, no crash. */
#include "embedding.h"

#define FAILS(call, code) do { \
	int result = (call); \
	if(result != (code) || strlen(janus_rs_error()) == 0) { \
		fprintf(stderr, "%s:%d: %s = %s (%s)\n", __FILE__, __LINE__, #call, janus_rs_error_name(result), janus_rs_error()); \
		exit(1); \
	} \
} while(0)

int main(void) {
	janus_rs *core = NULL, *closed = NULL, *never = (janus_rs *)&core;
	janus_rs_queue *queue = NULL, *no_queue = (janus_rs_queue *)&queue;
	janus_rs_event event = JANUS_RS_EVENT_INIT, no_size;
	janus_rs_counters counters = JANUS_RS_COUNTERS_INIT;
	janus_rs_client client = 0;
	char *text = NULL;
	memset(&no_size, 0, sizeof(no_size));
	EXPECT(strlen(janus_rs_error()) == 0);
	EXPECT(janus_rs_api() >= JANUS_RS_API && strlen(janus_rs_version()) > 0);
	janus_rs_free(NULL);
	EXPECT(janus_rs_close(NULL) == 0);

	/* NULL */
	FAILS(janus_rs_open(NULL, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_start(NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_stop(NULL, 0), JANUS_RS_EINVAL);
	FAILS(janus_rs_drain(NULL, 1), JANUS_RS_EINVAL);
	FAILS(janus_rs_set(NULL, "nat.ice_lite", "true"), JANUS_RS_EINVAL);
	FAILS(janus_rs_next(NULL, &event, 0), JANUS_RS_EINVAL);
	FAILS(janus_rs_dispatch(NULL, 0), JANUS_RS_EINVAL);
	FAILS(janus_rs_queue_fd(NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_queue_wake(NULL), JANUS_RS_EINVAL);

	/* What never was, and structs that say nothing of their size */
	FAILS(janus_rs_start(never), JANUS_RS_ENOENT);
	FAILS(janus_rs_queue_wake(no_queue), JANUS_RS_ENOENT);
	janus_rs_options options;
	memset(&options, 0, sizeof(options));
	FAILS(janus_rs_open(&core, &options), JANUS_RS_EINVAL);
	options.size = sizeof(options);
	options.flags = 1u << 31;
	FAILS(janus_rs_open(&core, &options), JANUS_RS_EINVAL);
	options.flags = 0;
	options.config_folder = "/no/such/folder";
	EXPECT(janus_rs_open(&closed, &options) == 0);
	FAILS(janus_rs_start(closed), JANUS_RS_EINVAL);
	EXPECT(janus_rs_close(closed) == 0);
	/* A program of the future that asks for nothing new. */
	struct { janus_rs_options known; char unknown[64]; } longer;
	memset(&longer, 0, sizeof(longer));
	longer.known.size = sizeof(longer);
	EXPECT(janus_rs_open(&closed, &longer.known) == 0 && janus_rs_close(closed) == 0);
	longer.unknown[63] = 1;
	FAILS(janus_rs_open(&core, &longer.known), JANUS_RS_ENOSUP);

	/* Set-up: wrong names, no modules, not started */
	EXPECT(janus_rs_open(&core, NULL) == 0);
	FAILS(janus_rs_set(core, NULL, "1"), JANUS_RS_EINVAL);
	FAILS(janus_rs_set(core, "nat", "1"), JANUS_RS_EINVAL);
	FAILS(janus_rs_set(core, "nat.ice_lit", "true"), JANUS_RS_EINVAL);
	FAILS(janus_rs_set(core, "nat.ice_lite", "\xff"), JANUS_RS_EINVAL);
	FAILS(janus_rs_get(core, "nat.ice_lite", &text), JANUS_RS_ESTATE);
	FAILS(janus_rs_config(core, "a/b.jcfg", ""), JANUS_RS_EINVAL);
	FAILS(janus_rs_config(core, "a.jcfg", "general: {"), JANUS_RS_EINVAL);
	FAILS(janus_rs_config(core, "janus.jcfg", ""), JANUS_RS_EINVAL);
	FAILS(janus_rs_load(core, JANUS_RS_PLUGIN, "/dev/null"), JANUS_RS_ESTATE);
	FAILS(janus_rs_load(core, 9, "/dev/null"), JANUS_RS_EINVAL);
	FAILS(janus_rs_register(core, JANUS_RS_PLUGIN, NULL, 6), JANUS_RS_EINVAL);
	EXPECT(janus_rs_queue_open(core, &queue, NULL) == 0);
	FAILS(janus_rs_queue_open(core, NULL, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_client_open(core, queue, NULL, &client), JANUS_RS_ESTATE);
	FAILS(janus_rs_request(core, 1, 0, 0, "{}", 2), JANUS_RS_ESTATE);
	FAILS(janus_rs_count(core, &counters), JANUS_RS_ESTATE);
	FAILS(janus_rs_stop(core, -1), JANUS_RS_ESTATE);

	/* Running */
	EXPECT(janus_rs_set(core, "general.interface", "127.0.0.1") == 0);
	EXPECT(janus_rs_start(core) == 0);
	FAILS(janus_rs_set(core, "nat.ice_lite", "true"), JANUS_RS_ESTATE);
	FAILS(janus_rs_get(core, "nat.ice_lite", &text), JANUS_RS_ENOENT);
	FAILS(janus_rs_client_open(core, no_queue, NULL, &client), JANUS_RS_ENOENT);
	janus_rs *other;
	janus_rs_queue *of_other;
	EXPECT(janus_rs_open(&other, NULL) == 0 && janus_rs_queue_open(other, &of_other, NULL) == 0);
	FAILS(janus_rs_client_open(core, of_other, NULL, &client), JANUS_RS_EINVAL);
	EXPECT(janus_rs_close(other) == 0);
	FAILS(janus_rs_client_open(core, queue, NULL, NULL), JANUS_RS_EINVAL);
	EXPECT(janus_rs_client_open(core, queue, NULL, &client) == 0);
	FAILS(janus_rs_request(core, client, 0, 0, NULL, 0), JANUS_RS_EINVAL);
	FAILS(janus_rs_request(core, client + 1, 0, 0, "{}", 2), JANUS_RS_ENOENT);
	FAILS(janus_rs_call(core, client, 0, NULL, &text, 0), JANUS_RS_EINVAL);
	FAILS(janus_rs_call(core, client, 0, "{}", NULL, 0), JANUS_RS_EINVAL);
	FAILS(janus_rs_watch(core, queue, 1), JANUS_RS_ESTATE);
	FAILS(janus_rs_next(queue, NULL, 0), JANUS_RS_EINVAL);
	FAILS(janus_rs_next(queue, &no_size, 0), JANUS_RS_EINVAL);
	FAILS(janus_rs_dispatch(queue, -1), JANUS_RS_EINVAL);
	FAILS(janus_rs_count(core, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_log_level(8), JANUS_RS_EINVAL);

	/* What has gone */
	EXPECT(janus_rs_client_close(core, client) == 0);
	FAILS(janus_rs_client_close(core, client), JANUS_RS_ENOENT);
	EXPECT(janus_rs_stop(core, 0) == 0);
	FAILS(janus_rs_count(core, &counters), JANUS_RS_ESTATE);
	EXPECT(janus_rs_close(core) == 0);
	FAILS(janus_rs_close(core), JANUS_RS_ENOENT);
	FAILS(janus_rs_next(queue, &event, -1), JANUS_RS_ENOENT);
	FAILS(janus_rs_queue_fd(queue), JANUS_RS_ENOENT);
	for(int code = -17; code < 2; code++)
		EXPECT(strlen(janus_rs_error_name(code)) > 0);
	return 0;
}
