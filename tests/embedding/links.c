/* Links: cameras and screens outside, and the peers that receive and feed them. */
#include "media.h"

/* A camera outside, and the peer that receives it; or a screen outside, and the peer that feeds it. */
typedef struct pair { side outside, inside; } pair;

/* Two peers between the same two sockets would have to be told apart by what they send: the outside has its own. */
static pair open_camera(uint32_t worker) {
	pair made = { open_side(0, worker + 2, 0), open_side(JANUS_RS_ACCEPT_MEDIA, worker, 0) };
	add(&made.outside, JANUS_RS_VIDEO, JANUS_RS_SENDONLY, "vp8");
	add(&made.outside, JANUS_RS_AUDIO, JANUS_RS_SENDONLY, NULL);
	connect_sides(&made.outside, &made.inside);
	return made;
}

static pair open_screen(uint32_t worker, int video_first) {
	pair made = { open_side(JANUS_RS_ACCEPT_MEDIA | JANUS_RS_RTP_EVENTS, worker + 4, 0), open_side(0, worker, 0) };
	add(&made.inside, video_first ? JANUS_RS_VIDEO : JANUS_RS_AUDIO, JANUS_RS_SENDONLY, video_first ? "h264,vp8" : NULL);
	add(&made.inside, video_first ? JANUS_RS_AUDIO : JANUS_RS_VIDEO, JANUS_RS_SENDONLY, NULL);
	connect_sides(&made.inside, &made.outside);
	return made;
}

/* The number of the next video packet that the screen gets, which ends with `mark`. */
static uint16_t next_number(pair *screen, int mindex, uint8_t mark) {
	janus_rs_event *event = await(&screen->outside, JANUS_RS_EVENT_RTP);
	const uint8_t *got = event->data;
	EXPECT(event->mindex == mindex && got[event->length - 1] == mark);
	EXPECT((got[1] & 0x7f) == medium(&screen->outside, mindex).payload_type || medium(&screen->outside, mindex).payload_type != 96);
	return (uint16_t)(got[2] << 8 | got[3]);
}

static janus_rs_link link_of(pair *camera, int from, pair *screen, int to) {
	janus_rs_link link = JANUS_RS_LINK_INIT;
	link.from = camera->inside.peer;
	link.from_mindex = from;
	link.to = screen->inside.peer;
	link.to_mindex = to;
	return link;
}

/* Sends what is no key frame, until one is asked for. */
static void until_keyframe(side *camera) {
	for(int i = 0; i < 400; i++) {
		send_packet(camera, 0, (uint16_t)i, 0);
		if(janus_rs_next(camera->queue, &camera->event, 50) == 1 && camera->event.type == JANUS_RS_EVENT_KEYFRAME)
			return;
	}
	EXPECT(!"nobody asks for a key frame");
}

/* Two cameras, screens on both media threads. */
static void links(void) {
	pair cameras[2] = { open_camera(1), open_camera(2) }, screens[2] = { open_screen(1, 0), open_screen(2, 1) };
	const int video[2] = { 1, 0 };
	for(int i = 0; i < 2; i++) {
		janus_rs_link link = link_of(&cameras[0], 0, &screens[i], video[i]);
		EXPECT(janus_rs_link_set(core, &link) == 0);
		link.to_mindex = 1 - video[i];
		EXPECT(janus_rs_link_set(core, &link) == JANUS_RS_EINVAL);
		link.from_mindex = 5;
		EXPECT(janus_rs_link_set(core, &link) == JANUS_RS_ENOENT);
		link.from_mindex = 1;
		EXPECT(janus_rs_link_set(core, &link) == 0);
		EXPECT(medium(&screens[i].inside, video[i]).linked);
	}
	janus_rs_counters counters = JANUS_RS_COUNTERS_INIT;
	EXPECT(janus_rs_count(core, &counters) == 0 && counters.links == 4);
	/* The links want one; so does the screen. */
	await(&cameras[0].outside, JANUS_RS_EVENT_KEYFRAME);
	EXPECT(janus_rs_ask_keyframe(core, screens[1].outside.peer, video[1]) == 0);
	/* Nothing goes on before the first key frame. */
	until_keyframe(&cameras[0].outside);
	uint16_t number[2];
	for(uint8_t n = 101; n < 120; n++) {
		send_packet(&cameras[0].outside, 0, (uint16_t)(500 + n), n == 101);
		for(int i = 0; i < 2; i++) {
			uint16_t got = next_number(&screens[i], video[i], (uint8_t)(500 + n));
			EXPECT(n == 101 || got == (uint16_t)(number[i] + 1));
			number[i] = got;
		}
	}
	/* The other camera: nothing of the first one any more, and the numbers go on. */
	for(int i = 0; i < 2; i++) {
		janus_rs_link link = link_of(&cameras[1], 0, &screens[i], video[i]);
		EXPECT(janus_rs_link_set(core, &link) == 0);
	}
	await(&cameras[1].outside, JANUS_RS_EVENT_KEYFRAME);
	send_packet(&cameras[0].outside, 0, 630, 1);
	send_packet(&cameras[1].outside, 0, 7, 0);
	for(uint8_t n = 8; n < 20; n++) {
		send_packet(&cameras[1].outside, 0, n, n == 8);
		for(int i = 0; i < 2; i++) {
			uint16_t got = next_number(&screens[i], video[i], n);
			EXPECT(got == (uint16_t)(number[i] + 1));
			number[i] = got;
		}
	}
	/* Paused; then from the next key frame on. */
	janus_rs_link link = link_of(&cameras[1], 0, &screens[0], video[0]);
	link.paused = 1;
	EXPECT(janus_rs_link_set(core, &link) == 0);
	send_packet(&cameras[1].outside, 0, 20, 1);
	EXPECT(next_number(&screens[1], video[1], 20) == (uint16_t)(number[1] + 1));
	link.paused = 0;
	EXPECT(janus_rs_link_set(core, &link) == 0);
	send_packet(&cameras[1].outside, 0, 21, 1);
	EXPECT(next_number(&screens[1], video[1], 21) == (uint16_t)(number[1] + 2));
	EXPECT(next_number(&screens[0], video[0], 21) == (uint16_t)(number[0] + 1));

	/* Ends: of one link, of a source, of a receiver. */
	EXPECT(janus_rs_link_clear(core, screens[0].inside.peer, video[0]) == 0);
	EXPECT(janus_rs_link_clear(core, screens[0].inside.peer, video[0]) == JANUS_RS_ENOENT);
	close_side(&cameras[1].inside);
	await(&cameras[1].outside, JANUS_RS_EVENT_CLOSED);
	link.from = cameras[1].inside.peer;
	EXPECT(janus_rs_link_set(core, &link) == JANUS_RS_ENOENT);
	/* The one that is left comes back. */
	for(int i = 0; i < 2; i++) {
		link = link_of(&cameras[0], 0, &screens[i], video[i]);
		EXPECT(janus_rs_link_set(core, &link) == 0);
	}
	send_packet(&cameras[0].outside, 0, 640, 1);
	EXPECT(next_number(&screens[0], video[0], (uint8_t)640) == (uint16_t)(number[0] + 2));
	EXPECT(next_number(&screens[1], video[1], (uint8_t)640) == (uint16_t)(number[1] + 3));
	for(int i = 0; i < 2; i++) {
		close_side(&screens[i].outside);
		await(&screens[i].inside, JANUS_RS_EVENT_CLOSED);
	}
	EXPECT(janus_rs_link_clear(core, screens[0].inside.peer, video[0]) == JANUS_RS_ENOENT);
	EXPECT(janus_rs_count(core, &counters) == 0 && counters.links == 0);
	send_packet(&cameras[0].outside, 0, 650, 1);
	close_side(&cameras[0].outside);
	await(&cameras[0].inside, JANUS_RS_EVENT_CLOSED);
}

int main(void) {
	start_core_with("6");
	links();
	EXPECT(janus_rs_close(core) == 0);
	return 0;
}
