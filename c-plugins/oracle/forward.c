/* rtpfwd.h (1.4): forwarders, and what arrives at the other end. */
#include "oracle.h"

#include <arpa/inet.h>
#include <rtpfwd.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener(int *port) {
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	if(bind(fd, (struct sockaddr *)&address, length) < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		WORD("no socket");
	*port = ntohs(address.sin_port);
	return fd;
}

/* Loopback delivers at once. */
static void arrived(int fd) {
	char bytes[2048];
	ssize_t length;
	while((length = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0)
		BYTES(bytes, (size_t)length);
}

static void nothing(janus_rtp_forwarder *rf, char *bytes, int length) {
	(void)rf, (void)bytes, (void)length;
}

static void forward(const GPtrArray *packets, int round, int out, int in, int port) {
	static const char key[] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNk";
	gboolean video = round & 1, data = round % 7 == 6, simulcast = video && round & 2;
	int suite = round % 5 == 1 ? 80 : round % 5 == 2 ? 32 : round % 5 == 3 ? 7 : 0, substream = round % 3;
	uint32_t ssrc = round & 4 ? 0x99 : 0;
	int pt = round & 8 ? 77 : 0;
	CASE("janus_rtp_forwarder_create", "%d", round);
	janus_rtp_forwarder *rf = janus_rtp_forwarder_create(round % 3 ? "context" : NULL, (uint32_t)(round + 1), out, "127.0.0.1", port, ssrc, pt, suite, suite ? key : NULL,
		simulcast, substream, video, data);
	if(!rf) {
		WORD("NULL");
		return;
	}
	TEXT(rf->context), INT(rf->stream_id), INT(rf->is_video), INT(rf->is_data), INT(rf->ssrc), INT(rf->payload_type), INT(rf->substream), INT(rf->simulcast), INT(rf->is_srtp), INT(rf->ref.count);
	CASE("janus_rtp_forwarder_create", "%d again", round);
	INT(janus_rtp_forwarder_create(round % 3 ? "context" : NULL, (uint32_t)(round + 1), out, "127.0.0.1", port, 0, 0, 0, NULL, FALSE, 0, FALSE, FALSE) == NULL);
	uint32_t ssrcs[3] = { 0x1000, 0x1001, 0x1002 };
	char *rids[3] = { NULL, NULL, NULL };
	for(guint i = 0; i < packets->len; i++) {
		oracle_item *packet = g_ptr_array_index(packets, i);
		if(!g_str_has_prefix(packet->name, video ? "vp8" : "opus"))
			continue;
		char *bytes = g_malloc0(packet->length + 64);
		memcpy(bytes, packet->bytes, packet->length);
		oracle_clock_advance(10000);
		if(simulcast || i % 2) {
			CASE("janus_rtp_forwarder_send_rtp_full", "%d %s", round, packet->name);
			janus_rtp_forwarder_send_rtp_full(rf, bytes, (int)packet->length, (int)(i % 3), ssrcs, rids, JANUS_VIDEOCODEC_VP8, NULL);
		} else {
			CASE("janus_rtp_forwarder_send_rtp", "%d %s", round, packet->name);
			janus_rtp_forwarder_send_rtp(rf, bytes, (int)packet->length, (int)(i % 3));
		}
		arrived(in);
		INT(memcmp(bytes, packet->bytes, packet->length));
		g_free(bytes);
	}
	CASE("janus_rtp_forwarder_add_rtcp", "%d", round);
	INT(janus_rtp_forwarder_add_rtcp(rf, 0, nothing));
	if(round % 4 == 0) {
		INT(janus_rtp_forwarder_add_rtcp(rf, port, nothing)), INT(janus_rtp_forwarder_add_rtcp(rf, port, nothing));
		usleep(20000);
		arrived(in);
	}
	CASE("janus_rtp_forwarder_destroy", "%d", round);
	janus_refcount_increase(&rf->ref);
	janus_rtp_forwarder_destroy(rf);
	INT(rf->destroyed);
	janus_rtp_forwarder_send_rtp(rf, ((oracle_item *)g_ptr_array_index(packets, 0))->bytes, 40, 0);
	arrived(in);
	janus_rtp_forwarder_destroy(rf);
	janus_refcount_decrease(&rf->ref);
}

SUBJECT(forward) {
	int port = 0, in = listener(&port), out = socket(AF_INET, SOCK_DGRAM, 0);
	GPtrArray *packets = oracle_packets("rtp");
	for(int round = 0; round < 32; round++)
		forward(packets, round, out, in, port);
	CASE("janus_rtp_forwarder_create", "bad keys");
	INT(janus_rtp_forwarder_create("c", 900, out, "127.0.0.1", port, 0, 0, 80, "short", FALSE, 0, FALSE, FALSE) == NULL);
	INT(janus_rtp_forwarder_create("c", 901, out, "127.0.0.1", port, 0, 0, 80, "!!!!", FALSE, 0, FALSE, FALSE) == NULL);
	/* Without a host the reference crashes. */
	CASE("janus_rtp_forwarder_create", "any id");
	janus_rtp_forwarder *rf = janus_rtp_forwarder_create("c", 0, out, "127.0.0.1", port, 0, 0, 0, NULL, FALSE, 0, FALSE, FALSE);
	INT(rf && rf->stream_id != 0);
	if(rf)
		janus_rtp_forwarder_destroy(rf);
	CASE("janus_rtp_forwarder_add_rtcp", "NULL");
	INT(janus_rtp_forwarder_add_rtcp(NULL, 5000, nothing));
	janus_rtp_forwarder_send_rtp(NULL, NULL, 0, 0);
	janus_rtp_forwarder_destroy(NULL);
	close(in), close(out);
}
