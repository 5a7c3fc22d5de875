/* Two browsers that call each other, in one thread, with signalling of the program's own: libwebsockets serves the page and the
 * WebSockets, and the library's one descriptor is in its loop. What one person sends is linked to the other.
 *
 *   cc lws_call.c $(pkg-config --cflags --libs janus_rs libwebsockets) -o lws_call
 *   ./lws_call 8080 lws_call.html    and open http://localhost:8080/ twice
 *
 * Four messages, the first letter of a text: "o…" an offer of the page, "a…" our answer, "s…" a state of its peer, "b" goodbye.
 */
#include <janus_rs.h>
#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST = 64 << 10, PEOPLE = 2, WAITING = 8 };

/* One person: a WebSocket, a peer, and what waits to be written. */
struct person {
	struct lws *socket;
	janus_rs_peer peer;
	char *waiting[WAITING], text[LARGEST + 1];
	size_t length;
};

static janus_rs *core;
static janus_rs_queue *queue;
static struct person people[PEOPLE];
static const char *page;
static volatile sig_atomic_t over;

/* Queues a message; libwebsockets says when it may be written. */
static void say(struct person *person, char kind, const char *text) {
	int i = 0;
	for(; i < WAITING - 1 && person->waiting[i] != NULL; i++);
	free(person->waiting[i]);
	person->waiting[i] = malloc(LWS_PRE + strlen(text) + 2);
	sprintf(person->waiting[i] + LWS_PRE, "%c%s", kind, text);
	lws_callback_on_writable(person->socket);
}

static void forward(const struct person *from, const struct person *to) {
	for(int i = 0; i < 2; i++) {
		janus_rs_link link = JANUS_RS_LINK_INIT;
		link.from = from->peer, link.to = to->peer, link.from_mindex = link.to_mindex = i;
		janus_rs_link_set(core, &link);
	}
}

/* The page offers sound and a picture, in this order; our answer takes both, in both directions. */
static void answer(struct person *person) {
	char *sdp = NULL;
	if(janus_rs_peer_open(core, queue, NULL, &person->peer) == 0 && janus_rs_peer_accept(core, person->peer, person->text + 1) == 0)
		for(int kind = JANUS_RS_AUDIO; kind <= JANUS_RS_VIDEO; kind++) {
			janus_rs_media media = JANUS_RS_MEDIA_INIT;
			media.kind = kind;
			janus_rs_peer_media(core, person->peer, &media);
		}
	janus_rs_peer_describe(core, person->peer, 0, &sdp);
	say(person, sdp != NULL ? 'a' : 's', sdp != NULL ? sdp : janus_rs_error());
	janus_rs_free(sdp);
	struct person *other = &people[person == people];
	if(other->peer != 0) {
		forward(person, other);
		forward(other, person);
	}
}

/* What has happened in the library. */
static void news(void) {
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	while(janus_rs_next(queue, &event, 0) > 0)
		for(int i = 0; i < PEOPLE; i++)
			if(event.type == JANUS_RS_EVENT_STATE && event.peer == people[i].peer)
				say(&people[i], 's', event.text);
}

static int served(struct lws *socket, enum lws_callback_reasons reason, void *user, void *data, size_t length) {
	struct person *person = NULL;
	(void)user;
	for(int i = 0; i < PEOPLE && person == NULL; i++)
		if(people[i].socket == (reason == LWS_CALLBACK_ESTABLISHED ? NULL : socket))
			person = &people[i];
	if(reason == LWS_CALLBACK_RAW_RX_FILE) {
		news();
	} else if(reason == LWS_CALLBACK_HTTP) {
		unsigned char head[LWS_PRE + 512], *start = head + LWS_PRE, *at = start;
		if(lws_add_http_common_headers(socket, 200, "text/html", strlen(page), &at, head + sizeof(head))
				|| lws_finalize_write_http_header(socket, start, &at, head + sizeof(head)))
			return 1;
		lws_callback_on_writable(socket);
	} else if(reason == LWS_CALLBACK_HTTP_WRITEABLE) {
		lws_write(socket, (unsigned char *)page, strlen(page), LWS_WRITE_HTTP_FINAL);
		return lws_http_transaction_completed(socket) ? -1 : 0;
	} else if(reason == LWS_CALLBACK_ESTABLISHED && person == NULL) {
		return -1; /* two are enough */
	} else if(reason == LWS_CALLBACK_ESTABLISHED) {
		person->socket = socket;
	} else if(reason == LWS_CALLBACK_RECEIVE && person != NULL) {
		if(person->length + length > LARGEST)
			return -1;
		memcpy(person->text + person->length, data, length);
		person->text[person->length += length] = '\0';
		if(!lws_is_final_fragment(socket) || lws_remaining_packet_payload(socket) > 0)
			return 0;
		person->length = 0;
		if(person->text[0] == 'o' && person->peer == 0)
			answer(person);
		return person->text[0] == 'b' ? -1 : 0;
	} else if(reason == LWS_CALLBACK_SERVER_WRITEABLE && person != NULL && person->waiting[0] != NULL) {
		char *text = person->waiting[0] + LWS_PRE;
		lws_write(socket, (unsigned char *)text, strlen(text), LWS_WRITE_TEXT);
		free(person->waiting[0]);
		memmove(person->waiting, person->waiting + 1, sizeof(person->waiting) - sizeof(char *));
		person->waiting[WAITING - 1] = NULL;
		lws_callback_on_writable(socket);
	} else if(reason == LWS_CALLBACK_CLOSED && person != NULL) {
		janus_rs_peer_close(core, person->peer);
		for(int i = 0; i < WAITING; i++)
			free(person->waiting[i]);
		memset(person, 0, sizeof(*person));
	}
	return 0;
}

static void stop(int signal) { over = signal; }

int main(int argc, char **argv) {
	static char text[LWS_PRE + LARGEST];
	static const struct lws_protocols protocols[] = { { .name = "call", .callback = served, .rx_buffer_size = 4096 }, { .name = NULL } };
	struct lws_context_creation_info info = { .port = argc > 1 ? atoi(argv[1]) : 0, .protocols = protocols };
	FILE *file = argc > 2 ? fopen(argv[2], "r") : NULL;
	if(file == NULL || fread(text + LWS_PRE, 1, LARGEST - 1, file) == 0 || janus_rs_open(&core, NULL) < 0
			|| janus_rs_set(core, "nat.ice_enforce_list", getenv("ADDRESSES")) < 0 || janus_rs_start(core) < 0
			|| janus_rs_queue_open(core, &queue, NULL) < 0)
		return fprintf(stderr, "usage: lws_call PORT PAGE; %s\n", janus_rs_error()), 1;
	page = text + LWS_PRE;
	signal(SIGTERM, stop);
	lws_set_log_level(LLL_ERR, NULL);
	struct lws_context *loop = lws_create_context(&info);
	/* A copy of the descriptor: libwebsockets closes what it was given. */
	lws_sock_file_fd_type events = { .filefd = dup(janus_rs_queue_fd(queue)) };
	if(loop != NULL && lws_adopt_descriptor_vhost(lws_get_vhost_by_name(loop, "default"), LWS_ADOPT_RAW_FILE_DESC, events, "call", NULL))
		while(!over && lws_service(loop, 0) >= 0);
	lws_context_destroy(loop);
	janus_rs_close(core);
	return !over;
}
