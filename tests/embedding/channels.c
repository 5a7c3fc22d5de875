/* Data channels between two peers of one process. */
#include "peers.h"

enum { LARGE = 16 << 20, PIECE = 64 << 10 };

static side a, b;

/* A channel of a's, and its other end. */
static janus_rs_channel open_channel(const char *label, janus_rs_channel_options *options, janus_rs_channel *theirs) {
	janus_rs_channel made;
	EXPECT(janus_rs_channel_open(core, a.peer, label, options, &made) == 0);
	*theirs = await(&b, JANUS_RS_EVENT_CHANNEL)->channel;
	EXPECT(strcmp(b.event.text, label) == 0 && b.event.peer == b.peer);
	EXPECT(await(&a, JANUS_RS_EVENT_CHANNEL_OPEN)->channel == made);
	return made;
}

/* Two of one label, with what they are like; whose events they are. */
static void identity(void) {
	janus_rs_channel_options options = JANUS_RS_CHANNEL_OPTIONS_INIT;
	janus_rs_channel ours[2], theirs[2];
	int user, other;
	options.protocol = "chat";
	options.unordered = 1;
	options.reliability = JANUS_RS_MAX_RETRANSMITS;
	options.limit = 5;
	options.user = &user;
	for(int i = 0; i < 2; i++) {
		ours[i] = open_channel("same", &options, &theirs[i]);
		EXPECT(a.event.user == &user && b.event.user == &core);
		EXPECT(strcmp(b.event.data, "chat") == 0);
	}
	EXPECT(ours[0] != ours[1] && theirs[0] != theirs[1] && ours[0] != theirs[0]);
	janus_rs_channel_info info = JANUS_RS_CHANNEL_INFO_INIT;
	EXPECT(janus_rs_channel_get(core, theirs[1], &info) == 0);
	EXPECT(info.peer == b.peer && info.state == 1 && info.remote && info.unordered && !info.negotiated);
	EXPECT(info.reliability == JANUS_RS_MAX_RETRANSMITS && info.limit == 5);
	EXPECT(janus_rs_channel_user(core, theirs[1], &other) == 0);
	say(ours[1], "second");
	hear(&b, theirs[1], "second");
	EXPECT(b.event.user == &other && b.event.flags == 0);
	say(theirs[0], "first");
	hear(&a, ours[0], "first");
	for(int i = 0; i < 2; i++)
		EXPECT(janus_rs_channel_close(core, ours[i]) == 0);
	for(int i = 0; i < 2; i++) {
		EXPECT(strcmp(await(&b, JANUS_RS_EVENT_CHANNEL_CLOSED)->text, "closed by the peer") == 0);
		EXPECT(strcmp(await(&a, JANUS_RS_EVENT_CHANNEL_CLOSED)->text, "closed") == 0);
	}
	EXPECT(janus_rs_channel_send(core, ours[0], JANUS_RS_TEXT, "x", 1) == JANUS_RS_ENOENT);
	EXPECT(janus_rs_channel_get(core, theirs[0], &info) == JANUS_RS_ENOENT);
}

static void empty_and_large(void) {
	janus_rs_channel theirs, ours = open_channel("sizes", NULL, &theirs);
	EXPECT(janus_rs_channel_send(core, ours, JANUS_RS_TEXT, NULL, 0) == 0);
	EXPECT(janus_rs_channel_send(core, ours, JANUS_RS_BINARY, "", 0) == 0);
	EXPECT(await(&b, JANUS_RS_EVENT_MESSAGE)->length == 0 && b.event.flags == 0);
	EXPECT(await(&b, JANUS_RS_EVENT_MESSAGE)->length == 0 && b.event.flags == JANUS_RS_BINARY);
	char *large = malloc(LARGE + 1);
	for(int i = 0; i <= LARGE; i++)
		large[i] = (char)(i * 7 / 3);
	EXPECT(janus_rs_channel_send(core, ours, JANUS_RS_BINARY, large, LARGE + 1) == JANUS_RS_ETOOBIG);
	EXPECT(janus_rs_channel_send(core, ours, JANUS_RS_BINARY, large, LARGE) == 0);
	EXPECT(janus_rs_channel_buffered(core, ours) > 0);
	EXPECT(await(&b, JANUS_RS_EVENT_MESSAGE)->length == LARGE && memcmp(b.event.data, large, LARGE) == 0);
	free(large);
	EXPECT(await(&a, JANUS_RS_EVENT_LOW)->channel == ours && janus_rs_channel_buffered(core, ours) == 0);
	/* Closed by the other side. */
	EXPECT(janus_rs_channel_close(core, theirs) == 0);
	EXPECT(janus_rs_channel_send(core, theirs, JANUS_RS_TEXT, "x", 1) < 0);
	EXPECT(await(&a, JANUS_RS_EVENT_CHANNEL_CLOSED)->channel == ours);
	EXPECT(await(&b, JANUS_RS_EVENT_CHANNEL_CLOSED)->channel == theirs);
}

/* Both sides open the same number by themselves. */
static void negotiated(void) {
	janus_rs_channel_options options = JANUS_RS_CHANNEL_OPTIONS_INIT;
	janus_rs_channel of_a, of_b;
	options.negotiated = 1;
	options.id = 298;
	EXPECT(janus_rs_channel_open(core, a.peer, "", &options, &of_a) == 0);
	EXPECT(janus_rs_channel_open(core, b.peer, "", &options, &of_b) == 0);
	EXPECT(await(&a, JANUS_RS_EVENT_CHANNEL_OPEN)->channel == of_a);
	EXPECT(await(&b, JANUS_RS_EVENT_CHANNEL_OPEN)->channel == of_b);
	say(of_a, "agreed");
	hear(&b, of_b, "agreed");
	EXPECT(janus_rs_channel_close(core, of_b) == 0);
	EXPECT(await(&a, JANUS_RS_EVENT_CHANNEL_CLOSED)->channel == of_a);
	EXPECT(await(&b, JANUS_RS_EVENT_CHANNEL_CLOSED)->channel == of_b);
}

/* Whether a was told that there is room in this channel; it is told nothing else. */
static int is_low(janus_rs_channel channel) {
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	if(janus_rs_next(a.queue, &event, 0) == 0)
		return 0;
	EXPECT(event.type == JANUS_RS_EVENT_LOW && event.channel == channel);
	return 1;
}

/* b takes no events: its queue fills, its receive window closes, and a is refused. Then everything arrives. */
static void back_pressure(void) {
	static char piece[PIECE];
	janus_rs_channel_options options = JANUS_RS_CHANNEL_OPTIONS_INIT;
	options.low = 1 << 20;
	janus_rs_channel theirs, ours = open_channel("pressed", &options, &theirs);
	int sent = 0, result;
	while((result = janus_rs_channel_send(core, ours, JANUS_RS_BINARY, piece, PIECE)) == 0)
		EXPECT(++sent < 100000);
	EXPECT(result == JANUS_RS_EAGAIN && sent >= LARGE / PIECE);
	EXPECT(janus_rs_channel_buffered(core, ours) >= LARGE - PIECE);
	/* Whatever goes on meanwhile: there is an end to it. */
	for(int room = 0; room < 2000; room++) {
		struct { janus_rs_event event; } low = { JANUS_RS_EVENT_INIT };
		if(janus_rs_next(a.queue, &low.event, 5) == 1)
			EXPECT(low.event.type == JANUS_RS_EVENT_LOW);
		if((result = janus_rs_channel_send(core, ours, JANUS_RS_BINARY, piece, PIECE)) == 0)
			sent++, room = 0;
		else if(room == 100)
			break;
	}
	EXPECT(result == JANUS_RS_EAGAIN);
	janus_rs_counters counters = JANUS_RS_COUNTERS_INIT;
	EXPECT(janus_rs_count(core, &counters) == 0 && counters.events_waiting < 64);
	for(int come = 0; come < sent; come++)
		EXPECT(await(&b, JANUS_RS_EVENT_MESSAGE)->length == PIECE);
	EXPECT(await(&a, JANUS_RS_EVENT_LOW)->channel == ours);
	EXPECT(janus_rs_channel_buffered(core, ours) <= 1 << 20);
	/* Messages without bytes are counted, too. There is room again when b takes some: by now it may have as many as it can hold. */
	for(sent = 0; (result = janus_rs_channel_send(core, ours, JANUS_RS_TEXT, NULL, 0)) == 0;)
		EXPECT(++sent < 10000000);
	EXPECT(result == JANUS_RS_EAGAIN);
	int come = 0;
	for(; come < sent && !is_low(ours); come++)
		EXPECT(await(&b, JANUS_RS_EVENT_MESSAGE)->length == 0);
	if(come == sent)
		await(&a, JANUS_RS_EVENT_LOW);
	EXPECT(janus_rs_channel_send(core, ours, JANUS_RS_TEXT, NULL, 0) == 0);
}

int main(void) {
	start_core();
	a = open_side(0, 1, 0);
	b = open_side(0, 2, 256 << 10);
	janus_rs_channel first;
	EXPECT(janus_rs_channel_open(core, a.peer, "first", NULL, &first) == 0);
	connect_sides(&a, &b);
	EXPECT(await(&a, JANUS_RS_EVENT_CHANNEL_OPEN)->channel == first);
	EXPECT(await(&b, JANUS_RS_EVENT_CHANNEL)->type == JANUS_RS_EVENT_CHANNEL);
	identity();
	empty_and_large();
	negotiated();
	back_pressure();
	EXPECT(janus_rs_close(core) == 0);
	return 0;
}
