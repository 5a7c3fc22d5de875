/* A program that is its own Janus plugin: "mirror.plugin.own" answers pings and sends media back. No module file is needed; those
 * that are named on the command line are loaded beside it.
 *
 *   cc own_plugin.c $(pkg-config --cflags --libs janus_rs janus_rs-plugins) -o own_plugin
 *   ./own_plugin [MODULE.so …]
 *
 * Each line of its input is a request of the Janus API, and each line of its output a reply or an event. It ends with its input.
 */
#include <plugins/plugin.h> /* first: its JSON values are in the API then */
#include <sdp-utils.h>
#include <janus_rs.h>
#include <poll.h>
#include <stdio.h>

static janus_callbacks *host;
static janus_plugin plugin;

static int init(janus_callbacks *callbacks, const char *config_folder) {
	(void)config_folder;
	host = callbacks;
	return 0;
}
static void destroy(void) {}
static int api(void) { return JANUS_PLUGIN_API_VERSION; }
static int version(void) { return 1; }
static const char *version_string(void) { return "1"; }
static const char *description(void) { return "Sends back what it receives"; }
static const char *name(void) { return "Mirror"; }
static const char *author(void) { return "You"; }
static const char *package(void) { return "mirror.plugin.own"; }
static void create_session(janus_plugin_session *handle, int *error) { (void)handle, (void)error; }
static void media(janus_plugin_session *handle) { (void)handle; }
static json_t *query_session(janus_plugin_session *handle) { (void)handle; return json_object(); }
/* The core's own references are the core's. */
static void destroy_session(janus_plugin_session *handle, int *error) { (void)error; janus_refcount_decrease(&handle->ref); }

static void rtp(janus_plugin_session *handle, janus_plugin_rtp *packet) { host->relay_rtp(handle, packet); }
static void rtcp(janus_plugin_session *handle, janus_plugin_rtcp *packet) { host->relay_rtcp(handle, packet); }
static void data(janus_plugin_session *handle, janus_plugin_data *message) { host->relay_data(handle, message); }

/* Takes all that is offered. */
static json_t *answer(json_t *jsep) {
	char error[256];
	const char *offered = json_string_value(json_object_get(jsep, "sdp"));
	janus_sdp *offer = offered != NULL ? janus_sdp_parse(offered, error, sizeof(error)) : NULL;
	if(offer == NULL)
		return NULL;
	janus_sdp *sdp = janus_sdp_generate_answer(offer);
	for(GList *item = offer->m_lines; item != NULL; item = item->next) {
		janus_sdp_mline *mline = item->data;
		janus_sdp_generate_answer_mline(offer, sdp, mline, JANUS_SDP_OA_MLINE, mline->type, JANUS_SDP_OA_DONE);
	}
	char *text = janus_sdp_write(sdp);
	json_t *result = json_pack("{ss, ss}", "type", "answer", "sdp", text);
	g_free(text);
	janus_sdp_destroy(sdp);
	janus_sdp_destroy(offer);
	return result;
}

/* "ping" is answered at once, an offer by an event. Transaction, message and jsep are ours. */
static janus_plugin_result *handle_message(janus_plugin_session *handle, char *transaction, json_t *message, json_t *jsep) {
	janus_plugin_result *result;
	if(jsep == NULL) {
		result = janus_plugin_result_new(JANUS_PLUGIN_OK, NULL, json_pack("{ss}", "mirror", "pong"));
	} else {
		json_t *event = json_pack("{ss}", "mirror", "answer"), *described = answer(jsep);
		host->push_event(handle, &plugin, transaction, event, described);
		json_decref(event);
		json_decref(described);
		result = janus_plugin_result_new(JANUS_PLUGIN_OK_WAIT, NULL, NULL);
	}
	g_free(transaction);
	json_decref(message);
	json_decref(jsep);
	return result;
}

static janus_plugin plugin = JANUS_PLUGIN_INIT(.init = init, .destroy = destroy, .get_api_compatibility = api,
	.get_version = version, .get_version_string = version_string, .get_description = description, .get_name = name,
	.get_author = author, .get_package = package, .create_session = create_session, .handle_message = handle_message,
	.setup_media = media, .incoming_rtp = rtp, .incoming_rtcp = rtcp, .incoming_data = data, .hangup_media = media,
	.destroy_session = destroy_session, .query_session = query_session,);

int main(int argc, char **argv) {
	janus_rs_options options = JANUS_RS_OPTIONS_INIT;
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	janus_rs *core = NULL;
	janus_rs_queue *queue;
	janus_rs_client client;
	static char line[1 << 16];
	options.flags = JANUS_RS_MODULES;
	int result = janus_rs_open(&core, &options);
	/* Told apart by the number: headers of another Janus would have tables of another form. */
	if(result == 0)
		result = janus_rs_register(core, JANUS_RS_PLUGIN, &plugin, JANUS_RS_SDK);
	for(int i = 1; i < argc && result == 0; i++)
		result = janus_rs_load(core, JANUS_RS_PLUGIN, argv[i]);
	if(result < 0 || janus_rs_set(core, "nat.ice_enforce_list", getenv("ADDRESSES")) < 0 || janus_rs_start(core) < 0
			|| janus_rs_queue_open(core, &queue, NULL) < 0 || janus_rs_client_open(core, queue, NULL, &client) < 0) {
		fprintf(stderr, "%s\n", janus_rs_error());
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	struct pollfd both[2] = { { 0, POLLIN, 0 }, { janus_rs_queue_fd(queue), POLLIN, 0 } };
	while(poll(both, 2, -1) >= 0) {
		if(both[0].revents != 0 && fgets(line, sizeof(line), stdin) == NULL)
			break;
		if(both[0].revents != 0)
			janus_rs_request(core, client, 0, 0, line, strlen(line));
		while(janus_rs_next(queue, &event, 0) > 0)
			if(event.type == JANUS_RS_EVENT_REPLY || event.type == JANUS_RS_EVENT_JANUS) {
				json_t *json = json_loads(event.text, 0, NULL);
				json_dumpf(json, stdout, JSON_COMPACT);
				json_decref(json);
				puts("");
				fflush(stdout);
			}
	}
	janus_rs_close(core);
	return 0;
}
