/* A room without any plugin: one publisher, any number of viewers. The packets stay inside the library: it is told once who
 * gets what. Signalling is that of WHIP and WHEP, an offer in a request and the answer in its reply, with libmicrohttpd.
 *
 *   cc room.c $(pkg-config --cflags --libs janus_rs libmicrohttpd) -o room
 *   ./room 8080 room.html    and open http://localhost:8080/ in one browser for the publisher, and in others for viewers
 *
 * POST /viewer/NUMBER/N lets a viewer have at most N layers of simulcast (0: all that its path takes). DELETE is goodbye.
 */
#include <janus_rs.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1000, LARGEST = 64 << 10 };

static janus_rs *core;
static janus_rs_queue *queue;
static const char *page;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static janus_rs_peer publisher, viewers[MOST];

/* The publisher's audio to the viewer's audio, and its video to the viewer's video. */
static void link_viewer(janus_rs_peer viewer, int layers) {
	janus_rs_media_info from = JANUS_RS_MEDIA_INFO_INIT, to = JANUS_RS_MEDIA_INFO_INIT;
	for(int i = 0; janus_rs_media_get(core, publisher, i, &from) == 0; i++)
		for(int j = 0; janus_rs_media_get(core, viewer, j, &to) == 0; j++)
			if(from.kind != 0 && from.kind == to.kind) {
				janus_rs_link link = JANUS_RS_LINK_INIT;
				link.from = publisher, link.from_mindex = i, link.to = viewer, link.to_mindex = j, link.layers = layers;
				janus_rs_link_set(core, &link);
			}
}

static janus_rs_peer *find(janus_rs_peer peer) {
	for(int i = 0; i < MOST; i++)
		if(viewers[i] == peer)
			return &viewers[i];
	return NULL;
}

/* Our answer to an offer: the publisher sends to us, viewers get what we send. */
static char *join(const char *offer, int publishes, janus_rs_peer *viewer) {
	janus_rs_peer_options options = JANUS_RS_PEER_OPTIONS_INIT;
	janus_rs_peer peer, *place = publishes ? &publisher : find(0);
	char *answer = NULL;
	options.flags = publishes ? JANUS_RS_ACCEPT_MEDIA : 0;
	if(place == NULL || janus_rs_peer_open(core, queue, &options, &peer) < 0)
		return NULL;
	if(janus_rs_peer_accept(core, peer, offer) == 0) {
		for(int kind = JANUS_RS_AUDIO; !publishes && kind <= JANUS_RS_VIDEO; kind++) {
			janus_rs_media media = JANUS_RS_MEDIA_INIT;
			media.kind = kind;
			media.direction = JANUS_RS_SENDONLY;
			janus_rs_peer_media(core, peer, &media);
		}
		janus_rs_peer_describe(core, peer, 0, &answer);
	}
	if(answer == NULL) {
		fprintf(stderr, "%s\n", janus_rs_error());
		janus_rs_peer_close(core, peer);
		return NULL;
	}
	if(publishes && publisher != 0)
		janus_rs_peer_close(core, publisher);
	*place = peer;
	*viewer = publishes ? 0 : peer;
	for(int i = 0; i < MOST; i++)
		if(viewers[i] != 0 && (publishes || &viewers[i] == place))
			link_viewer(viewers[i], 0);
	return answer;
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *text, janus_rs_peer who) {
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
	if(who != 0) {
		char location[40];
		snprintf(location, sizeof(location), "/viewer/%llu", (unsigned long long)who);
		MHD_add_response_header(response, "Location", location);
	}
	MHD_add_response_header(response, "Content-Type", text[0] == '<' ? "text/html" : "application/sdp");
	enum MHD_Result queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

static enum MHD_Result serve(void *user, struct MHD_Connection *connection, const char *path, const char *method,
		const char *version, const char *data, size_t *length, void **state) {
	(void)user, (void)version;
	if(*state == NULL)
		return (*state = calloc(1, LARGEST)) != NULL ? MHD_YES : MHD_NO;
	if(*length > 0) {
		strncat(*state, data, *length < LARGEST - strlen(*state) ? *length : 0);
		*length = 0;
		return MHD_YES;
	}
	enum MHD_Result result;
	unsigned long long number = 0;
	int layers = 0, publishes = strcmp(path, "/whip") == 0, words = sscanf(path, "/viewer/%llu/%d", &number, &layers);
	pthread_mutex_lock(&lock);
	if(strcmp(method, "GET") == 0) {
		result = reply(connection, MHD_HTTP_OK, page, 0);
	} else if(publishes || strcmp(path, "/whep") == 0) {
		janus_rs_peer viewer = 0;
		char *answer = join(*state, publishes, &viewer);
		result = reply(connection, answer ? MHD_HTTP_CREATED : MHD_HTTP_BAD_REQUEST, answer ? answer : "", viewer);
		janus_rs_free(answer);
	} else if(words < 1 || find(number) == NULL) {
		result = reply(connection, MHD_HTTP_NOT_FOUND, "", 0);
	} else {
		if(strcmp(method, "DELETE") == 0)
			janus_rs_peer_close(core, number);
		else
			link_viewer(number, layers);
		result = reply(connection, MHD_HTTP_OK, "", 0);
	}
	pthread_mutex_unlock(&lock);
	free(*state);
	return result;
}

int main(int argc, char **argv) {
	static char text[LARGEST];
	FILE *file = argc > 2 ? fopen(argv[2], "r") : NULL;
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	if(file == NULL || fread(text, 1, sizeof(text) - 1, file) == 0 || janus_rs_open(&core, NULL) < 0
			|| janus_rs_set(core, "nat.ice_enforce_list", getenv("ADDRESSES")) < 0 || janus_rs_start(core) < 0
			|| janus_rs_queue_open(core, &queue, NULL) < 0) {
		fprintf(stderr, "usage: room PORT PAGE; %s\n", janus_rs_error());
		return 1;
	}
	page = text;
	struct MHD_Daemon *web = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)atoi(argv[1]), NULL, NULL, serve,
		NULL, MHD_OPTION_END);
	while(web != NULL && janus_rs_next(queue, &event, -1) > 0) {
		pthread_mutex_lock(&lock);
		janus_rs_peer *viewer = find(event.peer);
		if(event.type == JANUS_RS_EVENT_CLOSED && event.peer == publisher)
			publisher = 0;
		else if(event.type == JANUS_RS_EVENT_CLOSED && viewer != NULL)
			*viewer = 0;
		if(event.type == JANUS_RS_EVENT_STATE || event.type == JANUS_RS_EVENT_CLOSED)
			printf("%llu %s\n", (unsigned long long)event.peer, event.text), fflush(stdout);
		pthread_mutex_unlock(&lock);
	}
	return 1;
}
