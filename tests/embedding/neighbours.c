/* Two peers of one process, wherever they are placed, connect to each other: not through one socket, where both would have the same
 * addresses on both ends. */
#include "peers.h"

static janus_rs_peer_info about(const side *side) {
	janus_rs_peer_info info = JANUS_RS_PEER_INFO_INIT;
	EXPECT(janus_rs_peer_get(core, side->peer, &info) == 0);
	return info;
}

static void offer_data(side *side) {
	janus_rs_channel channel;
	EXPECT(janus_rs_channel_open(core, side->peer, "beside", NULL, &channel) == 0);
}

int main(void) {
	char *sdp = NULL;
	start_core_with("2");
	side a = open_side(0, 0, 0), b = open_side(0, 0, 0), busy = open_side(0, 0, 0);
	offer_data(&a);
	offer_data(&busy);
	EXPECT(janus_rs_peer_describe(core, a.peer, 0, &sdp) == 0);
	/* Now both threads have one peer, and the next one goes to the first: where `a` is. */
	char *other = NULL;
	EXPECT(janus_rs_peer_describe(core, busy.peer, 0, &other) == 0);
	EXPECT(janus_rs_peer_accept(core, b.peer, sdp) == 0);
	EXPECT(about(&a).worker != 0 && about(&b).worker != 0 && about(&a).worker != about(&b).worker);
	hand_over(&b, &a);
	await_state(&a, JANUS_RS_PEER_CONNECTED);
	await_state(&b, JANUS_RS_PEER_CONNECTED);
	janus_rs_free(sdp);
	janus_rs_free(other);

	/* Where the program wants both on one thread, or there is only one, it is told. */
	side c = open_side(0, 1, 0), d = open_side(0, 1, 0);
	offer_data(&c);
	EXPECT(janus_rs_peer_describe(core, c.peer, 0, &sdp) == 0);
	EXPECT(janus_rs_peer_accept(core, d.peer, sdp) == JANUS_RS_ENOSUP && strstr(janus_rs_error(), "media thread"));
	janus_rs_free(sdp);
	EXPECT(janus_rs_close(core) == 0);
	start_core_with("1");
	side e = open_side(0, 0, 0), f = open_side(0, 0, 0);
	offer_data(&e);
	EXPECT(janus_rs_peer_describe(core, e.peer, 0, &sdp) == 0);
	EXPECT(janus_rs_peer_accept(core, f.peer, sdp) == JANUS_RS_ENOSUP);
	janus_rs_free(sdp);
	EXPECT(janus_rs_close(core) == 0);
	return 0;
}
