/* Audio and video of peers: negotiation, and packets in and out of the program. */
#include "media.h"
#include <pthread.h>
#include <unistd.h>

/* What the direct functions have seen; they run on a media thread. */
typedef struct seen {
	pthread_mutex_t lock;
	pthread_cond_t more;
	int packets, rtcp, wrong;
	uint32_t ssrc;
	uint16_t last;
	int16_t level;
	int8_t layer;
	int closed, deadlock;
} seen;

static seen ears = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER };

static void on_rtp(void *user, janus_rs_rtp *rtp) {
	seen *now = user;
	pthread_mutex_lock(&now->lock);
	if(rtp->size < sizeof(*rtp) || rtp->length < 12 || rtp->received <= 0 || (now->packets > 0 && now->ssrc != rtp->ssrc))
		now->wrong++;
	now->packets++;
	now->ssrc = rtp->ssrc;
	now->last = (uint16_t)(rtp->packet[2] << 8 | rtp->packet[3]);
	now->level = rtp->audio_level;
	now->layer = rtp->layer;
	/* What waits is refused here; what does not is allowed. */
	if(now->packets == 1) {
		now->deadlock = janus_rs_stop(core, 0);
		janus_rs_peer_info info = JANUS_RS_PEER_INFO_INIT;
		if(janus_rs_peer_get(core, rtp->peer, &info) != 0)
			now->wrong++;
	}
	memset(rtp->packet, 0, rtp->length);
	pthread_cond_signal(&now->more);
	pthread_mutex_unlock(&now->lock);
}

static void on_rtcp(void *user, janus_rs_peer peer, int32_t mindex, const uint8_t *packet, size_t length) {
	seen *now = user;
	pthread_mutex_lock(&now->lock);
	if(peer == 0 || mindex < 0 || length < 8 || packet[1] < 192)
		now->wrong++;
	now->rtcp++;
	pthread_cond_signal(&now->more);
	pthread_mutex_unlock(&now->lock);
}

static void wait_for(seen *now, int *count, int least) {
	pthread_mutex_lock(&now->lock);
	while(*count < least)
		pthread_cond_wait(&now->more, &now->lock);
	pthread_mutex_unlock(&now->lock);
}

static int reached(seen *now, int *count, int least) {
	pthread_mutex_lock(&now->lock);
	int result = *count >= least;
	pthread_mutex_unlock(&now->lock);
	return result;
}

/* An offer with everything; an answer that takes what comes, with direct functions. */
static void in_and_out(void) {
	side a = open_side(0, 1, 0), b;
	memset(&b, 0, sizeof(b));
	b.event.size = sizeof(b.event);
	EXPECT(janus_rs_queue_open(core, &b.queue, NULL) == 0);
	janus_rs_peer_options options = JANUS_RS_PEER_OPTIONS_INIT;
	options.flags = JANUS_RS_ACCEPT_MEDIA;
	options.worker = 2;
	options.user = &ears;
	options.rtp = on_rtp;
	options.rtcp = on_rtcp;
	EXPECT(janus_rs_peer_open(core, b.queue, &options, &b.peer) == 0);

	EXPECT(add(&a, JANUS_RS_AUDIO, JANUS_RS_SENDONLY, NULL) == 0);
	janus_rs_channel channel;
	EXPECT(janus_rs_channel_open(core, a.peer, "beside", NULL, &channel) == 0);
	EXPECT(add(&a, JANUS_RS_VIDEO, JANUS_RS_SENDONLY, "vp8,h264;profile-level-id=42e01f") == 2);
	janus_rs_media_info info = JANUS_RS_MEDIA_INFO_INIT;
	EXPECT(janus_rs_media_get(core, a.peer, 0, &info) == JANUS_RS_ENOENT);
	uint8_t early[20] = { 0x80 };
	EXPECT(janus_rs_send_rtp(core, a.peer, 0, early, sizeof(early)) == JANUS_RS_ESTATE);
	hand_over(&a, &b);
	hand_over(&b, &a);
	await_state(&a, JANUS_RS_PEER_CONNECTED);
	while(await(&b, JANUS_RS_EVENT_STATE)->code != JANUS_RS_PEER_CONNECTED);

	info = medium(&a, 0);
	EXPECT(info.kind == JANUS_RS_AUDIO && info.direction == JANUS_RS_SENDONLY && strcmp(info.codec, "opus") == 0);
	EXPECT(medium(&a, 1).kind == 0);
	info = medium(&b, 2);
	EXPECT(info.kind == JANUS_RS_VIDEO && info.direction == JANUS_RS_RECVONLY && strcmp(info.codec, "vp8") == 0);
	EXPECT(strcmp(info.mid, "2") == 0 && info.layers == 1 && !info.linked);
	EXPECT(info.payload_type == medium(&a, 2).payload_type && medium(&a, 2).ssrc != 0);

	/* The receiver receives only. */
	EXPECT(janus_rs_send_rtp(core, b.peer, 2, early, sizeof(early)) == JANUS_RS_ESTATE);
	EXPECT(janus_rs_send_rtp(core, a.peer, 1, early, sizeof(early)) == JANUS_RS_ENOENT);
	EXPECT(janus_rs_send_rtp(core, a.peer, 3, early, sizeof(early)) == JANUS_RS_ENOENT);
	EXPECT(janus_rs_send_rtp(core, a.peer, 2, "no", 2) == JANUS_RS_EINVAL);
	static uint8_t large[1501] = { 0x80, 96 };
	EXPECT(janus_rs_send_rtp(core, a.peer, 2, large, sizeof(large)) == JANUS_RS_ETOOBIG);
	for(uint16_t number = 1; number <= 50; number++)
		send_packet(&a, 2, (uint16_t)(1000 + number), number == 1);
	wait_for(&ears, &ears.packets, 50);
	EXPECT(ears.wrong == 0 && ears.layer == -1 && ears.level == 1 && ears.deadlock == JANUS_RS_EDEADLK);

	/* Feedback both ways. */
	EXPECT(janus_rs_ask_keyframe(core, b.peer, 2) == 0);
	EXPECT(await(&a, JANUS_RS_EVENT_KEYFRAME)->mindex == 2 && a.event.peer == a.peer && a.event.user == &core);
	EXPECT(janus_rs_ask_keyframe(core, b.peer, 0) == JANUS_RS_EINVAL);
	EXPECT(janus_rs_ask_keyframe(core, b.peer, 7) == JANUS_RS_ENOENT);
	EXPECT(janus_rs_limit_bitrate(core, b.peer, 512000) == 0);
	int64_t bitrate = await(&a, JANUS_RS_EVENT_BITRATE)->number;
	EXPECT(bitrate > 500000 && bitrate <= 512000);
	EXPECT(janus_rs_limit_bitrate(core, b.peer, 0) == 0);
	EXPECT(await(&a, JANUS_RS_EVENT_BITRATE)->number > 100000000);
	/* A request for a key frame that the program has written itself. */
	uint8_t pli[12] = { 0x81, 206, 0, 2 };
	EXPECT(janus_rs_send_rtcp(core, b.peer, 2, pli, sizeof(pli)) == 0);
	EXPECT(await(&a, JANUS_RS_EVENT_KEYFRAME)->mindex == 2);
	EXPECT(janus_rs_send_rtcp(core, b.peer, 2, early, sizeof(early)) == JANUS_RS_EINVAL);
	/* Sender reports of a reach b's function once a second. */
	wait_for(&ears, &ears.rtcp, 1);
	EXPECT(await(&b, JANUS_RS_EVENT_MEDIA)->mindex == 2 && b.event.code == 1 && b.event.number == -1);

	/* Another direction from the next description on. */
	EXPECT(janus_rs_peer_direction(core, a.peer, 2, JANUS_RS_INACTIVE) == 0);
	EXPECT(janus_rs_peer_direction(core, a.peer, 1, JANUS_RS_INACTIVE) == JANUS_RS_ENOENT);
	hand_over(&a, &b);
	hand_over(&b, &a);
	EXPECT(medium(&a, 2).direction == JANUS_RS_INACTIVE && medium(&b, 2).direction == JANUS_RS_INACTIVE);
	EXPECT(janus_rs_send_rtp(core, a.peer, 2, early, sizeof(early)) == JANUS_RS_ESTATE);
	EXPECT(janus_rs_peer_direction(core, a.peer, 2, JANUS_RS_SENDONLY) == 0);
	hand_over(&a, &b);
	hand_over(&b, &a);
	/* Another SSRC by then, and the same stream. The first packets may come before the thread knows of the change. */
	for(uint16_t number = 2000; number < 2200 && !reached(&ears, &ears.packets, 51); number++) {
		send_packet(&a, 2, number, 1);
		usleep(50000);
	}
	EXPECT(reached(&ears, &ears.packets, 51) && ears.wrong == 0);
	close_side(&b);
	await(&a, JANUS_RS_EVENT_CLOSED);
}

/* The answer says how the offer's media are taken: those that nobody takes are rejected. */
static void chosen_answers(void) {
	side a = open_side(0, 0, 0), b = open_side(JANUS_RS_RTP_EVENTS, 0, 0);
	add(&a, JANUS_RS_VIDEO, JANUS_RS_SENDRECV, "h264,vp8");
	add(&a, JANUS_RS_AUDIO, JANUS_RS_SENDRECV, NULL);
	hand_over(&a, &b);
	char *sdp = NULL;
	EXPECT(janus_rs_peer_describe(core, b.peer, 0, &sdp) == JANUS_RS_ESTATE && strstr(janus_rs_error(), "ACCEPT_MEDIA"));
	janus_rs_media media = JANUS_RS_MEDIA_INIT;
	media.kind = JANUS_RS_AUDIO;
	media.mid = "0";
	EXPECT(janus_rs_peer_media(core, b.peer, &media) == JANUS_RS_ENOENT);
	EXPECT(add(&b, JANUS_RS_VIDEO, JANUS_RS_SENDRECV, "vp8") == 0);
	media.kind = JANUS_RS_VIDEO;
	media.mid = NULL;
	EXPECT(janus_rs_peer_media(core, b.peer, &media) == JANUS_RS_ENOENT);
	hand_over(&b, &a);
	await_state(&a, JANUS_RS_PEER_CONNECTED);
	await_state(&b, JANUS_RS_PEER_CONNECTED);
	EXPECT(medium(&b, 0).direction == JANUS_RS_SENDRECV && medium(&b, 1).direction == JANUS_RS_INACTIVE);
	EXPECT(strcmp(medium(&b, 0).codec, "vp8") == 0);
	/* Both ways; packets as events. */
	uint8_t packet[40] = { 0x80, (uint8_t)medium(&b, 0).payload_type, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0x10 };
	packet[39] = 42;
	EXPECT(janus_rs_send_rtp(core, a.peer, 0, packet, sizeof(packet)) == 0);
	janus_rs_event *event = await(&b, JANUS_RS_EVENT_RTP);
	const uint8_t *got = event->data;
	EXPECT(event->mindex == 0 && event->flags == 1 && event->code == -1 && event->peer == b.peer);
	EXPECT(event->length >= sizeof(packet) && got[event->length - 1] == 42 && (got[1] & 0x7f) == packet[1]);
	await(&b, JANUS_RS_EVENT_RTCP);
	close_side(&a);
	await(&b, JANUS_RS_EVENT_CLOSED);
}

int main(void) {
	start_core();
	in_and_out();
	chosen_answers();
	EXPECT(janus_rs_close(core) == 0);
	return 0;
}
