/* text2pcap.h */
#include "exports.h"

void test_text2pcap(void) {
	CALL(1, 0x1, -1, janus_text2pcap_close(P(0, pcap())));
	OWNED(2, 0x0, janus_text2pcap_free, janus_text2pcap_create(P(0, text()), P(1, text()), integer(0), edge % 2));
	VOID(1, janus_text2pcap_free(TAKEN(P(0, pcap()))));
	TEXT(0, 0x0, janus_text2pcap_packet_string(integer(0)));
	CALL(2, 0x1, -1, janus_text2pcap_dump(P(0, pcap()), integer(1), edge % 2, P(1, packet()), integer(0), NULL));
	CALL(2, 0x1, -1, janus_text2pcap_dump(P(0, pcap()), JANUS_TEXT2PCAP_RTP, TRUE, P(1, packet()), integer(0), "%d",
		edge));
}
