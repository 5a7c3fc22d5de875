/* Every function with NULL, with what is not there any more, and at the wrong time: an error, a text, no crash. */
#include "embedding.h"
#include <sys/wait.h>
#include <unistd.h>

#define FAILS(call, code) do { \
	int result = (call); \
	if(result != (code) || strlen(janus_rs_error()) == 0) { \
		fprintf(stderr, "%s:%d: %s = %s (%s)\n", __FILE__, __LINE__, #call, janus_rs_error_name(result), janus_rs_error()); \
		exit(1); \
	} \
} while(0)

/* Peers and channels: nothing of them when not running (`code`), with numbers of something else, or at the wrong time. */
static void without_peers(janus_rs *core, uint64_t number, int code) {
	janus_rs_peer_info info = JANUS_RS_PEER_INFO_INIT;
	janus_rs_channel_info about = JANUS_RS_CHANNEL_INFO_INIT;
	janus_rs_channel channel;
	char *text;
	FAILS(janus_rs_peer_close(core, number), code);
	FAILS(janus_rs_peer_describe(core, number, 0, &text), code);
	FAILS(janus_rs_peer_accept(core, number, "v=0"), code);
	FAILS(janus_rs_peer_candidate(core, number, NULL, NULL), code);
	FAILS(janus_rs_peer_get(core, number, &info), code);
	FAILS(janus_rs_inspect(core, number, &text), code);
	FAILS(janus_rs_peer_capture(core, number, "/dev/null"), code);
	FAILS(janus_rs_channel_open(core, number, "x", NULL, &channel), code);
	FAILS(janus_rs_channel_send(core, number, JANUS_RS_TEXT, "x", 1), code);
	FAILS(janus_rs_channel_buffered(core, number), code);
	FAILS(janus_rs_channel_low(core, number, 0), code);
	FAILS(janus_rs_channel_user(core, number, NULL), code);
	FAILS(janus_rs_channel_get(core, number, &about), code);
	FAILS(janus_rs_channel_close(core, number), code);
	janus_rs_media media = JANUS_RS_MEDIA_INIT;
	janus_rs_media_info medium = JANUS_RS_MEDIA_INFO_INIT;
	janus_rs_link link = JANUS_RS_LINK_INIT;
	uint8_t packet[20] = { 0x80 };
	media.kind = JANUS_RS_AUDIO;
	link.from = link.to = number;
	FAILS(janus_rs_peer_media(core, number, &media), code);
	FAILS(janus_rs_peer_direction(core, number, 0, JANUS_RS_SENDONLY), code);
	FAILS(janus_rs_media_get(core, number, 0, &medium), code);
	FAILS(janus_rs_send_rtp(core, number, 0, packet, sizeof(packet)), code);
	FAILS(janus_rs_send_rtcp(core, number, 0, packet, sizeof(packet)), code);
	FAILS(janus_rs_ask_keyframe(core, number, 0), code);
	FAILS(janus_rs_limit_bitrate(core, number, 1), code);
	FAILS(janus_rs_link_set(core, &link), code);
	FAILS(janus_rs_link_clear(core, number, 0), code);
}

/* Functions that may wait, on a thread of the library: refused, once, as soon as there is something to ask for. */
static struct {
	janus_rs *core;
	janus_rs_queue *queue;
	janus_rs_client client;
	janus_rs_peer peer;
} at;
static int ready, refused;

static void inside(void *user, int level, const char *line, size_t length) {
	janus_rs *core = at.core;
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	char *text;
	(void)user, (void)level, (void)line, (void)length;
	if(!__atomic_load_n(&ready, __ATOMIC_ACQUIRE) || __atomic_load_n(&refused, __ATOMIC_RELAXED))
		return;
	FAILS(janus_rs_open(&core, NULL), JANUS_RS_EDEADLK);
	FAILS(janus_rs_start(core), JANUS_RS_EDEADLK);
	FAILS(janus_rs_stop(core, -1), JANUS_RS_EDEADLK);
	FAILS(janus_rs_close(core), JANUS_RS_EDEADLK);
	FAILS(janus_rs_next(at.queue, &event, -1), JANUS_RS_EDEADLK);
	FAILS(janus_rs_dispatch(at.queue, 0), JANUS_RS_EDEADLK);
	FAILS(janus_rs_call(core, at.client, 0, "{}", &text, 1000), JANUS_RS_EDEADLK);
	FAILS(janus_rs_inspect(core, at.peer, &text), JANUS_RS_EDEADLK);
	FAILS(janus_rs_peer_capture(core, at.peer, NULL), JANUS_RS_EDEADLK);
	FAILS(janus_rs_metrics(core, JANUS_RS_OPENMETRICS, &text), JANUS_RS_EDEADLK);
	/* What never waits is welcome. */
	janus_rs_counters counters = JANUS_RS_COUNTERS_INIT;
	EXPECT(janus_rs_count(core, &counters) == 0 && counters.peers == 1 && janus_rs_queue_wake(at.queue) == 0);
	__atomic_store_n(&refused, 1, __ATOMIC_RELEASE);
}

static void inside_direct_functions(void) {
	janus_rs_options options = JANUS_RS_OPTIONS_INIT;
	options.log = inside;
	EXPECT(janus_rs_open(&at.core, &options) == 0 && janus_rs_set(at.core, "general.interface", "127.0.0.1") == 0);
	EXPECT(janus_rs_start(at.core) == 0 && janus_rs_queue_open(at.core, &at.queue, NULL) == 0);
	EXPECT(janus_rs_client_open(at.core, at.queue, NULL, &at.client) == 0);
	EXPECT(janus_rs_peer_open(at.core, at.queue, NULL, &at.peer) == 0);
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	/* Each session is a line of the log. */
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	while(!__atomic_load_n(&refused, __ATOMIC_ACQUIRE)) {
		const char *create = "{\"janus\": \"create\", \"transaction\": \"x\"}";
		EXPECT(janus_rs_request(at.core, at.client, 0, 0, create, strlen(create)) == 0);
		do
			EXPECT(janus_rs_next(at.queue, &event, 20000) >= 0);
		while(event.type != JANUS_RS_EVENT_REPLY);
		event.type = 0;
	}
	EXPECT(janus_rs_close(at.core) == 0);
}

/* What cannot be asked of a peer that there is. */
static void media(janus_rs *core, janus_rs_peer peer) {
	janus_rs_media wanted = JANUS_RS_MEDIA_INIT;
	janus_rs_media_info medium = JANUS_RS_MEDIA_INFO_INIT;
	janus_rs_link link = JANUS_RS_LINK_INIT;
	uint8_t packet[20] = { 0x80 };
	FAILS(janus_rs_peer_media(core, peer, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_peer_media(core, peer, &wanted), JANUS_RS_EINVAL);
	wanted.kind = JANUS_RS_VIDEO;
	wanted.direction = 4;
	FAILS(janus_rs_peer_media(core, peer, &wanted), JANUS_RS_EINVAL);
	wanted.direction = JANUS_RS_SENDONLY;
	const char *wrong[] = { "opus", "", "vp8,,vp9", "h264;x\r\na=evil", "\xff" };
	for(size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		wanted.codecs = wrong[i];
		FAILS(janus_rs_peer_media(core, peer, &wanted), JANUS_RS_EINVAL);
	}
	wanted.codecs = NULL;
	wanted.mid = "a b";
	FAILS(janus_rs_peer_media(core, peer, &wanted), JANUS_RS_EINVAL);
	wanted.mid = "12345678901234567";
	FAILS(janus_rs_peer_media(core, peer, &wanted), JANUS_RS_EINVAL);
	wanted.mid = NULL;
	wanted.msid = "stream";
	FAILS(janus_rs_peer_media(core, peer, &wanted), JANUS_RS_EINVAL);
	wanted.msid = "stream track\r\n";
	FAILS(janus_rs_peer_media(core, peer, &wanted), JANUS_RS_EINVAL);
	FAILS(janus_rs_peer_direction(core, peer, 0, 4), JANUS_RS_EINVAL);
	FAILS(janus_rs_peer_direction(core, peer, -1, 0), JANUS_RS_ENOENT);
	FAILS(janus_rs_media_get(core, peer, -1, &medium), JANUS_RS_ENOENT);
	FAILS(janus_rs_send_rtp(core, peer, 0, NULL, 12), JANUS_RS_EINVAL);
	FAILS(janus_rs_send_rtp(core, peer, 0, packet, sizeof(packet)), JANUS_RS_ESTATE);
	FAILS(janus_rs_send_rtcp(core, peer, 0, NULL, 12), JANUS_RS_EINVAL);
	FAILS(janus_rs_ask_keyframe(core, peer, INT32_MAX), JANUS_RS_ENOENT);
	FAILS(janus_rs_link_set(core, NULL), JANUS_RS_EINVAL);
	link.from = link.to = peer;
	FAILS(janus_rs_link_set(core, &link), JANUS_RS_ENOENT);
	link.layers = -1;
	FAILS(janus_rs_link_set(core, &link), JANUS_RS_EINVAL);
	FAILS(janus_rs_link_clear(core, peer, -1), JANUS_RS_ENOENT);
}

static void peers(janus_rs *core, janus_rs_queue *queue, janus_rs_client client) {
	janus_rs_peer_options options = JANUS_RS_PEER_OPTIONS_INIT;
	janus_rs_channel_options how = JANUS_RS_CHANNEL_OPTIONS_INIT;
	janus_rs_peer_info no_size, info = JANUS_RS_PEER_INFO_INIT;
	janus_rs_peer peer;
	janus_rs_channel channel;
	char *text = NULL;
	memset(&no_size, 0, sizeof(no_size));
	without_peers(core, 0, JANUS_RS_ENOENT);
	/* Of a client: numbers are no use for anything else. */
	without_peers(core, client, JANUS_RS_ENOENT);
	FAILS(janus_rs_peer_open(core, NULL, NULL, &peer), JANUS_RS_EINVAL);
	FAILS(janus_rs_peer_open(core, queue, NULL, NULL), JANUS_RS_EINVAL);
	options.flags = 1u << 31;
	FAILS(janus_rs_peer_open(core, queue, &options, &peer), JANUS_RS_EINVAL);
	options.flags = 0;
	options.worker = 1000;
	FAILS(janus_rs_peer_open(core, queue, &options, &peer), JANUS_RS_EINVAL);
	EXPECT(janus_rs_peer_open(core, queue, NULL, &peer) == 0);
	media(core, peer);
	FAILS(janus_rs_client_close(core, peer), JANUS_RS_ENOENT);
	FAILS(janus_rs_channel_send(core, peer, JANUS_RS_TEXT, "x", 1), JANUS_RS_ENOENT);
	FAILS(janus_rs_peer_get(core, peer, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_peer_get(core, peer, &no_size), JANUS_RS_EINVAL);
	EXPECT(janus_rs_peer_get(core, peer, &info) == 0 && info.state == JANUS_RS_PEER_NEW && info.local[0] == '\0');
	FAILS(janus_rs_peer_describe(core, peer, 0, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_peer_describe(core, peer, 2, &text), JANUS_RS_EINVAL);
	FAILS(janus_rs_peer_describe(core, peer, 0, &text), JANUS_RS_ESTATE);
	FAILS(janus_rs_peer_accept(core, peer, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_peer_accept(core, peer, "\xff"), JANUS_RS_EINVAL);
	FAILS(janus_rs_peer_accept(core, peer, ""), JANUS_RS_ESDP);
	FAILS(janus_rs_peer_accept(core, peer, "v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\nm=audio 9"), JANUS_RS_ESDP);
	FAILS(janus_rs_peer_accept(core, peer, "{\"type\": \"offer\", \"sdp\": \"v=0\\nhm\"}"), JANUS_RS_ESDP);
	EXPECT(strstr(janus_rs_error(), "line 2"));
	FAILS(janus_rs_peer_accept(core, peer, "{\"type\": \"rollback\"}"), JANUS_RS_ESTATE);
	FAILS(janus_rs_peer_candidate(core, peer, NULL, "hello"), JANUS_RS_ESDP);
	FAILS(janus_rs_peer_candidate(core, peer, NULL, "{"), JANUS_RS_ESDP);
	FAILS(janus_rs_peer_capture(core, peer, NULL), JANUS_RS_ESTATE);
	FAILS(janus_rs_peer_capture(core, peer, "/dev/null/file.pcap"), JANUS_RS_ESYSTEM);
	FAILS(janus_rs_inspect(core, peer, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_channel_open(core, peer, NULL, NULL, &channel), JANUS_RS_EINVAL);
	FAILS(janus_rs_channel_open(core, peer, "x", NULL, NULL), JANUS_RS_EINVAL);
	how.reliability = 3;
	FAILS(janus_rs_channel_open(core, peer, "x", &how, &channel), JANUS_RS_EINVAL);
	how.reliability = JANUS_RS_MAX_LIFETIME;
	how.limit = -1;
	FAILS(janus_rs_channel_open(core, peer, "x", &how, &channel), JANUS_RS_EINVAL);
	how.limit = 0;
	how.negotiated = 1;
	how.id = 299;
	FAILS(janus_rs_channel_open(core, peer, "x", &how, &channel), JANUS_RS_EINVAL);
	how.id = 0;
	how.low = 16 << 20;
	FAILS(janus_rs_channel_open(core, peer, "x", &how, &channel), JANUS_RS_EINVAL);
	EXPECT(janus_rs_channel_open(core, peer, "x", NULL, &channel) == 0 && channel != peer);
	FAILS(janus_rs_peer_close(core, channel), JANUS_RS_ENOENT);
	FAILS(janus_rs_channel_send(core, channel, 2, "x", 1), JANUS_RS_EINVAL);
	FAILS(janus_rs_channel_send(core, channel, JANUS_RS_TEXT, NULL, 1), JANUS_RS_EINVAL);
	FAILS(janus_rs_channel_send(core, channel, JANUS_RS_TEXT, "\xff", 1), JANUS_RS_EINVAL);
	static char large[65537];
	/* Nothing is known of the peer yet. */
	FAILS(janus_rs_channel_send(core, channel, JANUS_RS_BINARY, large, sizeof(large)), JANUS_RS_ETOOBIG);
	EXPECT(janus_rs_channel_buffered(core, channel) == 0);
	FAILS(janus_rs_channel_low(core, channel, 16 << 20), JANUS_RS_EINVAL);
	FAILS(janus_rs_channel_get(core, channel, NULL), JANUS_RS_EINVAL);
	EXPECT(janus_rs_channel_close(core, channel) == 0);
	FAILS(janus_rs_channel_close(core, channel), JANUS_RS_ESTATE);
	FAILS(janus_rs_channel_send(core, channel, JANUS_RS_TEXT, "x", 1), JANUS_RS_ESTATE);
	/* An answer to nothing. */
	EXPECT(janus_rs_peer_describe(core, peer, 0, &text) == 0);
	EXPECT(janus_rs_peer_accept(core, peer, "{\"type\": \"rollback\"}") == 0);
	char *setup = strstr(text, "actpass");
	memcpy(setup, "active ", 7);
	FAILS(janus_rs_peer_accept(core, peer, text), JANUS_RS_ESTATE);
	janus_rs_free(text);

	/* In a child of this process, all of it is the parent's. */
	pid_t child = fork();
	if(child == 0) {
		without_peers(core, peer, JANUS_RS_EFORK);
		FAILS(janus_rs_peer_open(core, queue, NULL, &peer), JANUS_RS_EFORK);
		_exit(0);
	}
	int status;
	EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	EXPECT(janus_rs_peer_close(core, peer) == 0);
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	EXPECT(janus_rs_next(queue, &event, 20000) == 1 && event.type == JANUS_RS_EVENT_CHANNEL_CLOSED);
	EXPECT(janus_rs_next(queue, &event, 20000) == 1 && event.type == JANUS_RS_EVENT_CLOSED);
	without_peers(core, peer, JANUS_RS_ENOENT);
	without_peers(core, channel, JANUS_RS_ENOENT);
}

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
	without_peers(NULL, 1, JANUS_RS_EINVAL);

	/* What never was, and structs that say nothing of their size */
	FAILS(janus_rs_start(never), JANUS_RS_ENOENT);
	without_peers(never, 1, JANUS_RS_ENOENT);
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
	EXPECT(strstr(janus_rs_error(), "did you mean ice_lite?") && !strstr(janus_rs_error(), "ignored"));
	/* An option by its other name; the last value counts. */
	EXPECT(janus_rs_set(core, "media.dscp_tos", "8") == 0 && janus_rs_set(core, "media.dscp", "46") == 0);
	FAILS(janus_rs_set(core, "nat.ice_lite", "\xff"), JANUS_RS_EINVAL);
	FAILS(janus_rs_get(core, "nat.ice_lite", &text), JANUS_RS_ESTATE);
	FAILS(janus_rs_config(core, "a/b.jcfg", ""), JANUS_RS_EINVAL);
	FAILS(janus_rs_config(core, "a.jcfg", "general: {"), JANUS_RS_EINVAL);
	FAILS(janus_rs_config(core, "janus.jcfg", ""), JANUS_RS_EINVAL);
	FAILS(janus_rs_load(core, JANUS_RS_PLUGIN, "/dev/null"), JANUS_RS_ESTATE);
	FAILS(janus_rs_load(core, 9, "/dev/null"), JANUS_RS_EINVAL);
	FAILS(janus_rs_load_folder(core, JANUS_RS_PLUGIN, "/dev", NULL), JANUS_RS_ESTATE);
	FAILS(janus_rs_load_folder(core, JANUS_RS_PLUGIN, NULL, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_addresses(core, &text), JANUS_RS_ESTATE);
	FAILS(janus_rs_register(core, JANUS_RS_PLUGIN, NULL, 6), JANUS_RS_EINVAL);
	EXPECT(janus_rs_queue_open(core, &queue, NULL) == 0);
	FAILS(janus_rs_queue_open(core, NULL, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_client_open(core, queue, NULL, &client), JANUS_RS_ESTATE);
	FAILS(janus_rs_request(core, 1, 0, 0, "{}", 2), JANUS_RS_ESTATE);
	FAILS(janus_rs_count(core, &counters), JANUS_RS_ESTATE);
	FAILS(janus_rs_stop(core, -1), JANUS_RS_ESTATE);
	without_peers(core, 1, JANUS_RS_ESTATE);
	janus_rs_peer peer;
	FAILS(janus_rs_peer_open(core, queue, NULL, &peer), JANUS_RS_ESTATE);

	/* Running */
	EXPECT(janus_rs_set(core, "general.interface", "127.0.0.1") == 0);
	EXPECT(janus_rs_start(core) == 0);
	FAILS(janus_rs_set(core, "nat.ice_lite", "true"), JANUS_RS_ESTATE);
	FAILS(janus_rs_get(core, "nat.ice_lite", &text), JANUS_RS_ENOENT);
	EXPECT(janus_rs_get(core, "media.dscp_tos", &text) == 0 && strcmp(text, "46") == 0);
	janus_rs_free(text);
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
	FAILS(janus_rs_metrics(core, JANUS_RS_OPENMETRICS, NULL), JANUS_RS_EINVAL);
	FAILS(janus_rs_metrics(core, 2, &text), JANUS_RS_EINVAL);
	for(int form = JANUS_RS_OPENMETRICS; form <= JANUS_RS_PROMETHEUS; form++) {
		EXPECT(janus_rs_metrics(core, form, &text) == 0 && strstr(text, "\njanus_sessions 0\n"));
		EXPECT((strstr(text, "# EOF") != NULL) == (form == JANUS_RS_OPENMETRICS));
		janus_rs_free(text);
	}
	FAILS(janus_rs_request(core, client, 0, 0, "{}", SIZE_MAX), JANUS_RS_EINVAL);
	FAILS(janus_rs_log_level(8), JANUS_RS_EINVAL);
	FAILS(janus_rs_addresses(core, NULL), JANUS_RS_EINVAL);

	peers(core, queue, client);

	/* What has gone */
	EXPECT(janus_rs_client_close(core, client) == 0);
	FAILS(janus_rs_client_close(core, client), JANUS_RS_ENOENT);
	EXPECT(janus_rs_stop(core, 0) == 0);
	FAILS(janus_rs_count(core, &counters), JANUS_RS_ESTATE);
	FAILS(janus_rs_metrics(core, JANUS_RS_OPENMETRICS, &text), JANUS_RS_ESTATE);
	without_peers(core, 1, JANUS_RS_ESTATE);
	EXPECT(janus_rs_close(core) == 0);
	FAILS(janus_rs_close(core), JANUS_RS_ENOENT);
	FAILS(janus_rs_next(queue, &event, -1), JANUS_RS_ENOENT);
	FAILS(janus_rs_queue_fd(queue), JANUS_RS_ENOENT);
	inside_direct_functions();
	for(int code = -17; code < 2; code++)
		EXPECT(strlen(janus_rs_error_name(code)) > 0);
	return 0;
}
