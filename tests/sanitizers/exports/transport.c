/* transports/transport.h */
#include "exports.h"

static int freed;

static void count_free(void *memory) {
	(void)memory;
	freed++;
}

static void destroy(janus_transport_session *session) {
	/* HL-238 */
	int before = freed;
	janus_transport_session_destroy(session);
	expect(freed == before + 1, "janus_transport_session_destroy");
}

void test_transport(void) {
	OWNED(1, 0, destroy, janus_transport_session_create(P(0, "private"), count_free));
	OWNED(1, 0, janus_transport_session_destroy, janus_transport_session_create(P(0, "private"), NULL));
	VOID(0, janus_transport_session_destroy(NULL));
}
