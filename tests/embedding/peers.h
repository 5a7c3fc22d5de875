/* What the programs about peers share: one core on loopback, and a queue for each side. */
#ifndef PEERS_H
#define PEERS_H

#include "embedding.h"

/* One end: its events, and its one peer. */
typedef struct side {
	janus_rs_queue *queue;
	janus_rs_peer peer;
	janus_rs_event event;
} side;

static janus_rs *core;

static inline void start_core_with(const char *workers) {
	EXPECT(janus_rs_open(&core, NULL) == 0);
	EXPECT(janus_rs_set(core, "nat.ice_enforce_list", "127.0.0.1") == 0);
	EXPECT(janus_rs_set(core, "general.event_loops", workers) == 0);
	EXPECT(janus_rs_start(core) == 0);
}

static inline void start_core(void) {
	start_core_with("2");
}

static inline side open_side(uint32_t flags, uint32_t worker, size_t limit) {
	side made;
	memset(&made, 0, sizeof(made));
	made.event.size = sizeof(made.event);
	janus_rs_queue_options queue = JANUS_RS_QUEUE_OPTIONS_INIT;
	queue.limit = limit;
	EXPECT(janus_rs_queue_open(core, &made.queue, &queue) == 0);
	janus_rs_peer_options options = JANUS_RS_PEER_OPTIONS_INIT;
	options.flags = flags;
	options.worker = worker;
	options.name = "one of two";
	options.user = &core;
	EXPECT(janus_rs_peer_open(core, made.queue, &options, &made.peer) == 0);
	return made;
}

/* The next event of that type, which has to come; others are passed over. */
#define await(side, type) await_in(side, type, __func__, __LINE__)

static inline janus_rs_event *await_in(side *side, uint32_t type, const char *where, int line) {
	do {
		if(janus_rs_next(side->queue, &side->event, 30000) != 1) {
			unsigned long long peer = side->peer;
			fprintf(stderr, "%s, line %d: event %u does not come to peer %llu\n", where, line, type, peer);
			exit(1);
		}
	} while(side->event.type != type);
	return &side->event;
}

static inline void await_state(side *side, int state) {
	while(await(side, JANUS_RS_EVENT_STATE)->code != state);
	EXPECT(side->event.peer == side->peer && side->event.user == &core);
}

/* One side's description, at the other side. */
static inline void hand_over(side *from, side *to) {
	char *sdp = NULL;
	EXPECT(janus_rs_peer_describe(core, from->peer, 0, &sdp) == 0);
	EXPECT(janus_rs_peer_accept(core, to->peer, sdp) == 0);
	janus_rs_free(sdp);
}

static inline void connect_sides(side *one, side *other) {
	hand_over(one, other);
	hand_over(other, one);
	await_state(one, JANUS_RS_PEER_CONNECTED);
	await_state(other, JANUS_RS_PEER_CONNECTED);
}

static inline void say(janus_rs_channel channel, const char *text) {
	EXPECT(janus_rs_channel_send(core, channel, JANUS_RS_TEXT, text, strlen(text)) == 0);
}

static inline void hear(side *side, janus_rs_channel channel, const char *text) {
	janus_rs_event *event = await(side, JANUS_RS_EVENT_MESSAGE);
	if(event->channel != channel || event->length != strlen(text) || memcmp(event->data, text, event->length + 1) != 0) {
		fprintf(stderr, "'%s' instead of '%s'\n", (const char *)event->data, text);
		exit(1);
	}
}

#endif
