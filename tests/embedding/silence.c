/* A peer in another process that stops, and goes on: it is disconnected meanwhile, and nothing is done about it. What is known of
 * a connected peer by then: when it was heard last, and how long a check takes. */
#include "peers.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void tell(int to, janus_rs_peer peer) {
	char *sdp = NULL;
	EXPECT(janus_rs_peer_describe(core, peer, 0, &sdp) == 0);
	uint32_t length = (uint32_t)strlen(sdp) + 1;
	EXPECT(write(to, &length, sizeof(length)) == sizeof(length) && write(to, sdp, length) == (ssize_t)length);
	janus_rs_free(sdp);
}

static void take(int from, janus_rs_peer peer) {
	static char sdp[65536];
	uint32_t length = 0, read_so_far = 0;
	EXPECT(read(from, &length, sizeof(length)) == sizeof(length) && length <= sizeof(sdp));
	while(read_so_far < length) {
		ssize_t some = read(from, sdp + read_so_far, length - read_so_far);
		EXPECT(some > 0);
		read_so_far += (uint32_t)some;
	}
	EXPECT(janus_rs_peer_accept(core, peer, sdp) == 0);
}

/* The other process: it answers, and ends with its parent. */
static int other(int from, int to) {
	start_core_with("1");
	side side = open_side(0, 0, 0);
	take(from, side.peer);
	tell(to, side.peer);
	await(&side, JANUS_RS_EVENT_CLOSED);
	EXPECT(janus_rs_stop(core, -1) == 0);
	return 0;
}

int main(void) {
	int there[2], back[2];
	EXPECT(pipe(there) == 0 && pipe(back) == 0);
	/* Before there is a core: each process has its own. */
	pid_t child = fork();
	EXPECT(child >= 0);
	if(child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return other(there[0], back[1]);
	}
	start_core_with("1");
	side a = open_side(0, 0, 0);
	janus_rs_peer_info info = JANUS_RS_PEER_INFO_INIT;
	EXPECT(janus_rs_peer_get(core, a.peer, &info) == 0 && info.last_received == 0 && info.round_trip == -1);
	janus_rs_channel channel;
	EXPECT(janus_rs_channel_open(core, a.peer, "x", NULL, &channel) == 0);
	tell(there[1], a.peer);
	take(back[0], a.peer);
	await_state(&a, JANUS_RS_PEER_CONNECTED);

	EXPECT(kill(child, SIGSTOP) == 0);
	await_state(&a, JANUS_RS_PEER_DISCONNECTED);
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	EXPECT(janus_rs_peer_get(core, a.peer, &info) == 0);
	EXPECT(strcmp(info.srtp, "SRTP_AEAD_AES_128_GCM") == 0 && strncmp(info.remote_fingerprint, "sha-256 ", 8) == 0);
	EXPECT(info.state == JANUS_RS_PEER_DISCONNECTED && info.ice == 4 && info.dtls == 2);
	EXPECT(info.last_received > info.connected_at - 1000000 && info.last_received < now.tv_sec * 1000000LL);
	EXPECT(info.round_trip >= 0 && info.lost_in == 0);
	int64_t before = info.last_received;
	/* It may be sent to all the same. */
	say(channel, "are you there?");

	EXPECT(kill(child, SIGCONT) == 0);
	await_state(&a, JANUS_RS_PEER_CONNECTED);
	for(int i = 0; i < 300 && info.last_received <= before; i++) {
		usleep(100000);
		EXPECT(janus_rs_peer_get(core, a.peer, &info) == 0);
	}
	EXPECT(info.last_received > before && info.state == JANUS_RS_PEER_CONNECTED && info.ice == 3);
	EXPECT(janus_rs_peer_close(core, a.peer) == 0);
	EXPECT(strcmp(await(&a, JANUS_RS_EVENT_CLOSED)->text, "closed") == 0);
	EXPECT(janus_rs_stop(core, -1) == 0 && janus_rs_close(core) == 0);
	int status = -1;
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
	return 0;
}
