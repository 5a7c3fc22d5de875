/* Data channels by copy and paste: with another `paste`, or with paste.html in a browser.
 *
 *   cc paste.c $(pkg-config --cflags --libs janus_rs) -o paste
 *   ./paste offer    prints an offer; the other side's answer is to be pasted
 *   ./paste          waits for an offer, and prints the answer
 *
 * An empty line ends a description. From then on a line is a message, on the channel that was opened, or heard, last. The end
 * of the input ends the program. ADDRESSES=127.0.0.1 in the environment is for peers on this machine only.
 */
#include <janus_rs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static janus_rs *core;
static janus_rs_peer peer;
static janus_rs_channel channel;
static int connected;

static void check(int result, const char *what) {
	if(result < 0) {
		fprintf(stderr, "%s: %s\n", what, janus_rs_error());
		exit(1);
	}
}

static void describe(void) {
	char *sdp;
	check(janus_rs_peer_describe(core, peer, 0, &sdp), "describe");
	printf("%s\n", sdp);
	fflush(stdout);
	janus_rs_free(sdp);
}

/* What was pasted; an offer is answered. */
static void paste(const char *description) {
	janus_rs_peer_info info = JANUS_RS_PEER_INFO_INIT;
	if(janus_rs_peer_accept(core, peer, description) < 0) {
		fprintf(stderr, "not usable: %s\n", janus_rs_error());
		return;
	}
	check(janus_rs_peer_get(core, peer, &info), "peer");
	if(info.signaling == JANUS_RS_SIGNALING_REMOTE_OFFER)
		describe();
}

/* A line without its end: a message, or part of a description. */
static void line(char *text, size_t length) {
	static char description[65536];
	static size_t filled;
	if(connected) {
		if(janus_rs_channel_send(core, channel, JANUS_RS_TEXT, text, length) < 0)
			fprintf(stderr, "not sent: %s\n", janus_rs_error());
		return;
	}
	if(filled + length + 2 < sizeof(description))
		filled += (size_t)sprintf(description + filled, "%.*s\n", (int)length, text);
	/* The JSON that browsers print is one line. */
	if(text[0] != '{' && length > 0 && text[0] != '\r')
		return;
	if(strspn(description, "\r\n") < filled)
		paste(description);
	filled = 0;
}

/* Takes what the input has, line by line; 0 at its end. */
static int input(void) {
	static char *waiting;
	static size_t filled, size;
	if(size - filled < 65536)
		waiting = realloc(waiting, size += 65536);
	ssize_t more = read(STDIN_FILENO, waiting + filled, size - filled);
	if(more <= 0)
		return 0;
	filled += (size_t)more;
	char *end, *begin = waiting;
	while((end = memchr(begin, '\n', filled - (size_t)(begin - waiting))) != NULL) {
		*end = '\0';
		line(begin, (size_t)(end - begin));
		begin = end + 1;
	}
	filled -= (size_t)(begin - waiting);
	memmove(waiting, begin, filled);
	return 1;
}

/* 0 when it was the last one. */
static int handle(const janus_rs_event *event) {
	switch(event->type) {
		case JANUS_RS_EVENT_STATE:
		case JANUS_RS_EVENT_PATH:
			fprintf(stderr, "%s\n", event->text);
			break;
		case JANUS_RS_EVENT_CHANNEL:
			fprintf(stderr, "channel %s\n", event->text);
			/* fall through */
		case JANUS_RS_EVENT_CHANNEL_OPEN:
			channel = event->channel;
			connected = 1;
			break;
		case JANUS_RS_EVENT_MESSAGE:
			channel = event->channel;
			if(event->length > 200)
				printf("< %zu bytes\n", event->length);
			else
				printf("< %s\n", (const char *)event->data);
			fflush(stdout);
			break;
		case JANUS_RS_EVENT_CLOSED:
			fprintf(stderr, "closed: %s\n", event->text);
			return 0;
	}
	return 1;
}

int main(int argc, char **argv) {
	janus_rs_queue *queue;
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	check(janus_rs_open(&core, NULL), "open");
	check(janus_rs_set(core, "nat.ice_enforce_list", getenv("ADDRESSES")), "addresses");
	check(janus_rs_start(core), "start");
	check(janus_rs_queue_open(core, &queue, NULL), "queue");
	check(janus_rs_peer_open(core, queue, NULL, &peer), "peer");
	if(argc > 1 && strcmp(argv[1], "offer") == 0) {
		check(janus_rs_channel_open(core, peer, "cat-noises", NULL, &channel), "channel");
		describe();
	}
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { janus_rs_queue_fd(queue), POLLIN, 0 } };
	int going = 1;
	while(going && poll(fds, 2, -1) > 0) {
		if(fds[0].revents && !input())
			going = 0;
		while(going && janus_rs_next(queue, &event, 0) > 0)
			going = handle(&event);
	}
	janus_rs_close(core);
	return 0;
}
