/* What the programs about media share. */
#ifndef MEDIA_H
#define MEDIA_H

#include "peers.h"

static inline int add(side *side, int kind, int direction, const char *codecs) {
	janus_rs_media media = JANUS_RS_MEDIA_INIT;
	media.kind = kind;
	media.direction = direction;
	media.codecs = codecs;
	int mindex = janus_rs_peer_media(core, side->peer, &media);
	EXPECT(mindex >= 0);
	return mindex;
}

static inline janus_rs_media_info medium(side *side, int mindex) {
	janus_rs_media_info info = JANUS_RS_MEDIA_INFO_INIT;
	EXPECT(janus_rs_media_get(core, side->peer, mindex, &info) == 0);
	return info;
}

/* One packet: of VP8 with the head of a key frame, or any. */
static inline void send_packet(side *side, int mindex, uint16_t number, int key) {
	uint8_t packet[60] = { 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0x10, key ? 0 : 1, 0, 0, 0x9d, 0x01, 0x2a };
	packet[1] = (uint8_t)(0x80 | medium(side, mindex).payload_type);
	packet[2] = (uint8_t)(number >> 8);
	packet[3] = (uint8_t)number;
	packet[6] = (uint8_t)number;
	packet[59] = (uint8_t)number;
	EXPECT(janus_rs_send_rtp(core, side->peer, mindex, packet, sizeof(packet)) == 0);
}

static inline void close_side(side *side) {
	EXPECT(janus_rs_peer_close(core, side->peer) == 0);
	await(side, JANUS_RS_EVENT_CLOSED);
}

#endif
