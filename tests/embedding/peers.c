/* Two peers of one process that find each other by descriptions alone: no plugin, no transport, no client. */
#include "peers.h"

static janus_rs_channel channel_of(side *side, const char *label) {
	janus_rs_event *event = await(side, JANUS_RS_EVENT_CHANNEL);
	EXPECT(strcmp(event->text, label) == 0 && event->length == strlen(label));
	return event->channel;
}

static void close_both(side *one, side *other) {
	EXPECT(janus_rs_peer_close(core, one->peer) == 0);
	EXPECT(strcmp(await(one, JANUS_RS_EVENT_CLOSED)->text, "closed") == 0);
	EXPECT(strcmp(await(other, JANUS_RS_EVENT_CLOSED)->text, "DTLS alert") == 0);
	EXPECT(janus_rs_peer_close(core, one->peer) == JANUS_RS_ENOENT);
	EXPECT(janus_rs_peer_close(core, other->peer) == JANUS_RS_ENOENT);
	EXPECT(janus_rs_next(one->queue, &one->event, 0) == 0 && janus_rs_next(other->queue, &other->event, 0) == 0);
}

/* The descriptions hold everything; what is known of the peers, and what the Admin API says. */
static void describe_and_accept(const char *capture) {
	side a = open_side(0, 1, 0), b = open_side(0, 2, 0);
	char *sdp = NULL;
	EXPECT(janus_rs_peer_describe(core, a.peer, 0, &sdp) == JANUS_RS_ESTATE);
	janus_rs_channel noises, heard;
	EXPECT(janus_rs_channel_open(core, a.peer, "cat-noises", NULL, &noises) == 0);
	say(noises, "before anything");
	EXPECT(janus_rs_peer_capture(core, b.peer, capture) == 0);
	EXPECT(janus_rs_peer_capture(core, b.peer, capture) == JANUS_RS_ESTATE);
	connect_sides(&a, &b);
	heard = channel_of(&b, "cat-noises");
	hear(&b, heard, "before anything");
	say(heard, "purr");
	hear(&a, noises, "purr");

	janus_rs_peer_info info = JANUS_RS_PEER_INFO_INIT;
	EXPECT(janus_rs_peer_get(core, a.peer, &info) == 0);
	EXPECT(info.state == JANUS_RS_PEER_CONNECTED && info.signaling == JANUS_RS_SIGNALING_STABLE);
	EXPECT(info.ice == 3 && info.dtls == 2 && info.sctp == 2 && info.ice_controlling && info.worker == 1);
	EXPECT(strncmp(info.local, "127.0.0.1:", 10) == 0 && strncmp(info.remote, "127.0.0.1:", 10) == 0);
	EXPECT(strcmp(info.local_type, "host") == 0 && info.connected_at > 0 && info.channels == 1);
	EXPECT(info.remote_max_message == 16 << 20);
	EXPECT(janus_rs_peer_get(core, b.peer, &info) == 0 && !info.ice_controlling && info.worker == 2);
	char *json = NULL;
	EXPECT(janus_rs_inspect(core, a.peer, &json) == 0);
	EXPECT(strstr(json, "\"janus.rs.peer\"") && strstr(json, "\"cat-noises\"") && strstr(json, "\"one of two\""));
	janus_rs_free(json);
	janus_rs_counters counters = JANUS_RS_COUNTERS_INIT;
	EXPECT(janus_rs_count(core, &counters) == 0 && counters.peers == 2 && counters.channels == 2);
	EXPECT(counters.peers_connected == 2 && counters.sessions == 0 && counters.handles == 0);
	EXPECT(janus_rs_peer_capture(core, b.peer, NULL) == 0);
	close_both(&a, &b);
}

/* As browsers print it, and offers of both that meet. */
static void glare(void) {
	side a = open_side(0, 0, 0), b = open_side(0, 0, 0);
	janus_rs_channel of_a, of_b;
	EXPECT(janus_rs_channel_open(core, a.peer, "of a", NULL, &of_a) == 0);
	EXPECT(janus_rs_channel_open(core, b.peer, "of b", NULL, &of_b) == 0);
	EXPECT(janus_rs_peer_accept(core, a.peer, "{\"type\": \"rollback\"}") == JANUS_RS_ESTATE);
	char *mine = NULL, *theirs = NULL;
	EXPECT(janus_rs_peer_describe(core, a.peer, 0, &mine) == 0);
	EXPECT(janus_rs_peer_describe(core, b.peer, 0, &theirs) == 0);
	/* b gives its offer up for a's. */
	EXPECT(janus_rs_peer_accept(core, b.peer, mine) == 0);
	janus_rs_free(theirs);
	EXPECT(janus_rs_peer_describe(core, b.peer, 0, &theirs) == 0);
	char json[8192], *to = json + sprintf(json, "{\"type\": \"answer\", \"sdp\": \"");
	for(const char *from = theirs; *from; from++)
		to += sprintf(to, *from == '\r' ? "\\r" : *from == '\n' ? "\\n" : "%c", *from);
	strcpy(to, "\"}");
	EXPECT(janus_rs_peer_accept(core, a.peer, json) == 0);
	EXPECT(janus_rs_peer_accept(core, a.peer, json) == JANUS_RS_ESTATE);
	janus_rs_free(mine);
	janus_rs_free(theirs);
	await_state(&a, JANUS_RS_PEER_CONNECTED);
	await_state(&b, JANUS_RS_PEER_CONNECTED);
	janus_rs_peer_info info = JANUS_RS_PEER_INFO_INIT;
	EXPECT(janus_rs_peer_get(core, b.peer, &info) == 0 && !info.ice_controlling);
	janus_rs_channel at_b = channel_of(&b, "of a"), at_a = channel_of(&a, "of b");
	say(at_b, "1");
	hear(&a, of_a, "1");
	say(at_a, "2");
	hear(&b, of_b, "2");

	/* Later: an offer that is taken back, and new paths while messages go on. */
	EXPECT(janus_rs_peer_describe(core, a.peer, 0, &mine) == 0);
	EXPECT(janus_rs_peer_accept(core, a.peer, "{\"type\": \"rollback\"}") == 0);
	janus_rs_free(mine);
	hand_over(&b, &a);
	hand_over(&a, &b);
	EXPECT(janus_rs_peer_describe(core, b.peer, JANUS_RS_RESTART_ICE, &mine) == 0);
	EXPECT(janus_rs_peer_accept(core, a.peer, mine) == 0);
	janus_rs_free(mine);
	hand_over(&a, &b);
	await_state(&a, JANUS_RS_PEER_CONNECTED);
	await_state(&b, JANUS_RS_PEER_CONNECTED);
	say(of_b, "3");
	hear(&a, at_a, "3");
	close_both(&b, &a);
}

/* Candidates by themselves, some before the description that they belong to. */
static void trickle(void) {
	side a = open_side(JANUS_RS_TRICKLE, 0, 0), b = open_side(JANUS_RS_TRICKLE, 0, 0);
	janus_rs_channel channel;
	EXPECT(janus_rs_channel_open(core, a.peer, "x", NULL, &channel) == 0);
	char *offer = NULL, *answer = NULL;
	EXPECT(janus_rs_peer_describe(core, a.peer, 0, &offer) == 0 && !strstr(offer, "a=candidate"));
	for(;;) {
		const char *candidate = await(&a, JANUS_RS_EVENT_CANDIDATE)->text;
		EXPECT(janus_rs_peer_candidate(core, b.peer, NULL, candidate) == 0);
		if(candidate[0] == '\0')
			break;
		EXPECT(strncmp(candidate, "candidate:", 10) == 0);
	}
	EXPECT(janus_rs_peer_accept(core, b.peer, offer) == 0);
	EXPECT(janus_rs_peer_describe(core, b.peer, 0, &answer) == 0 && !strstr(answer, "a=candidate"));
	EXPECT(janus_rs_peer_accept(core, a.peer, answer) == 0);
	EXPECT(janus_rs_peer_candidate(core, a.peer, "0", "candidate: what") == JANUS_RS_ESDP);
	for(;;) {
		char line[256];
		const char *candidate = await(&b, JANUS_RS_EVENT_CANDIDATE)->text;
		snprintf(line, sizeof(line), candidate[0] ? "a=%s" : "%s", candidate);
		EXPECT(janus_rs_peer_candidate(core, a.peer, "0", line) == 0);
		if(candidate[0] == '\0')
			break;
	}
	janus_rs_free(offer);
	janus_rs_free(answer);
	await(&a, JANUS_RS_EVENT_CHANNEL_OPEN);
	close_both(&a, &b);
}

/* Nothing new; the last peer's end is told before. */
static void drain(void) {
	side a = open_side(0, 0, 0);
	janus_rs_peer refused;
	EXPECT(janus_rs_drain(core, 1) == 0);
	EXPECT(janus_rs_peer_open(core, a.queue, NULL, &refused) == JANUS_RS_ESTATE);
	EXPECT(janus_rs_peer_close(core, a.peer) == 0);
	EXPECT(janus_rs_next(a.queue, &a.event, 30000) == 1 && a.event.type == JANUS_RS_EVENT_CLOSED);
	EXPECT(janus_rs_next(a.queue, &a.event, 30000) == 1 && a.event.type == JANUS_RS_EVENT_DRAINED);
	EXPECT(janus_rs_drain(core, 0) == 0);
}

/* Of a peer, an operator may detach the handle alone: its session is of no use without. */
static void detached_by_an_operator(void) {
	side a = open_side(0, 0, 0);
	janus_rs_client_options rights = JANUS_RS_CLIENT_OPTIONS_INIT;
	janus_rs_client operator;
	rights.admin = rights.trusted = 1;
	EXPECT(janus_rs_client_open(core, a.queue, &rights, &operator) == 0);
	char *reply = NULL, request[200];
	EXPECT(janus_rs_call(core, operator, JANUS_RS_ADMIN,
		"{\"janus\":\"list_sessions\",\"transaction\":\"l\"}", &reply, 30000) == 0);
	const char *sessions = strchr(reply, '[');
	EXPECT(sessions);
	unsigned long long session = strtoull(sessions + strcspn(sessions, "0123456789"), NULL, 10);
	janus_rs_free(reply);
	snprintf(request, sizeof(request), "{\"janus\":\"detach_handle\",\"transaction\":\"d\",\"session_id\":%llu,\"handle_id\":%llu}",
		session, (unsigned long long)a.peer);
	EXPECT(janus_rs_call(core, operator, JANUS_RS_ADMIN, request, &reply, 30000) == 0 && strstr(reply, "success"));
	janus_rs_free(reply);
	EXPECT(await(&a, JANUS_RS_EVENT_CLOSED)->peer == a.peer);
	EXPECT(janus_rs_drain(core, 1) == 0);
	await(&a, JANUS_RS_EVENT_DRAINED);
	EXPECT(janus_rs_drain(core, 0) == 0);
	EXPECT(janus_rs_client_close(core, operator) == 0);
}

int main(int argc, char **argv) {
	EXPECT(argc == 2);
	start_core();
	describe_and_accept(argv[1]);
	glare();
	trickle();
	drain();
	detached_by_an_operator();
	/* What is open ends with the instance. */
	side a = open_side(0, 0, 0), b = open_side(0, 0, 0);
	janus_rs_channel channel;
	EXPECT(janus_rs_channel_open(core, a.peer, "last", NULL, &channel) == 0);
	connect_sides(&a, &b);
	EXPECT(janus_rs_stop(core, -1) == 0);
	EXPECT(await(&a, JANUS_RS_EVENT_CHANNEL_CLOSED)->channel == channel);
	await(&a, JANUS_RS_EVENT_CLOSED);
	await(&a, JANUS_RS_EVENT_STOPPED);
	EXPECT(janus_rs_close(core) == 0);
	return 0;
}
