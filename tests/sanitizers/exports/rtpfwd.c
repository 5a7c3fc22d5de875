/* rtpfwd.h */
#include "exports.h"
#include <rtpfwd.h>

static void release(void *forwarder) {
	janus_rtp_forwarder_destroy(forwarder);
}

static void on_rtcp(janus_rtp_forwarder *forwarder, char *bytes, int length) {
	(void)forwarder, (void)bytes, (void)length;
}

/*! To the discard port; sending fails, as there is no socket. */
static janus_rtp_forwarder *forwarder(void) {
	return keep(janus_rtp_forwarder_create(NULL, 0, -1, "127.0.0.1", 9, 7, 96, 0, NULL, edge % 2, 0, TRUE, FALSE), release);
}

void test_rtpfwd(void) {
	CALL(0, 0, 0, janus_rtp_forwarders_init());
	OWNED(3, 0x2, release, janus_rtp_forwarder_create(P(0, text()), natural(0), -1, P(1, edge % 2 ? "::1" : "127.0.0.1"),
		integer(1), natural(2), integer(3), integer(4), P(2, text()), edge % 2, integer(5), edge % 2, edge % 3 == 0));
	OWNED(1, 0x1, release, janus_rtp_forwarder_create(NULL, 1, -1, P(0, "127.0.0.1"), 9, 0, 0, 80,
		"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw", FALSE, 0, TRUE, FALSE));
	CALL(1, 0x1, -1, janus_rtp_forwarder_add_rtcp(P(0, forwarder()), 9, edge % 2 ? on_rtcp : NULL));
	CALL(1, 0x1, -1, janus_rtp_forwarder_add_rtcp(P(0, forwarder()), integer(0), on_rtcp));
	VOID(2, janus_rtp_forwarder_send_rtp(P(0, forwarder()), P(1, packet()), integer(0), integer(1)));
	VOID(5, janus_rtp_forwarder_send_rtp_full(P(0, forwarder()), P(1, packet()), integer(0), integer(1), P(2, buffer()),
		P(3, rids()), integer(2), P(4, buffer())));
	VOID(1, janus_rtp_forwarder_destroy(TAKEN(P(0, forwarder()))));
	VOID(0, janus_rtp_forwarders_deinit());
}
