/* rtcp.h: reading and rewriting, building, statistics. */
#include "oracle.h"

#include <arpa/inet.h>

static gint64 since(gint64 time) {
	return time ? time - janus_get_monotonic_time() : 1;
}

static void statistics(janus_rtcp_context *c) {
	INT(c->rtp_recvd), INT(c->rtp_last_inorder_ts), INT(since(c->rtp_last_inorder_time)), INT(c->max_seq_nr), INT(c->seq_cycle), INT(c->base_seq), REAL(c->jitter), REAL(c->jitter_remote);
	INT(c->tb), INT(c->lsr), INT(since(c->lsr_ts)), INT(c->received), INT(c->received_prior), INT(c->expected), INT(c->expected_prior), INT(c->lost), INT(c->lost_remote);
	INT(c->retransmitted), INT(c->retransmitted_prior), INT(c->rr_last_ehsnr), INT(c->rr_last_lost), INT(c->rr_last_nack_count), INT(c->sent_packets_since_last_rr);
	INT(c->nack_count), REAL(c->in_link_quality), REAL(c->in_media_link_quality), REAL(c->out_link_quality), REAL(c->out_media_link_quality);
}

static void getters(const char *label, janus_rtcp_context *c) {
	CASE("janus_rtcp_context_get_rtt", "%s", label);
	INT(janus_rtcp_context_get_rtt(c));
	CASE("janus_rtcp_context_get_in_link_quality", "%s", label);
	INT(janus_rtcp_context_get_in_link_quality(c));
	CASE("janus_rtcp_context_get_in_media_link_quality", "%s", label);
	INT(janus_rtcp_context_get_in_media_link_quality(c));
	CASE("janus_rtcp_context_get_out_link_quality", "%s", label);
	INT(janus_rtcp_context_get_out_link_quality(c));
	CASE("janus_rtcp_context_get_out_media_link_quality", "%s", label);
	INT(janus_rtcp_context_get_out_media_link_quality(c));
	for(int remote = 0; remote < 2; remote++) {
		CASE("janus_rtcp_context_get_jitter", "%s, %d", label, remote);
		INT(janus_rtcp_context_get_jitter(c, remote));
		CASE("janus_rtcp_context_get_lost_all", "%s, %d", label, remote);
		INT(janus_rtcp_context_get_lost_all(c, remote));
	}
}

static void inspect(const char *label, char *bytes, int length) {
	char *before = g_malloc((gsize)length + 1);
	memcpy(before, bytes, (size_t)length);
#define AGAIN memcpy(bytes, before, (size_t)length)
	CASE("janus_is_rtcp", "%s", label);
	INT(janus_is_rtcp(bytes, (guint)length));
	if(length >= 4) {
		janus_rtcp_header *header = (janus_rtcp_header *)bytes;
		CASE("janus_rtcp_check_len", "%s", label);
		INT(janus_rtcp_check_len(header, length));
		CASE("janus_rtcp_check_sr", "%s", label);
		INT(janus_rtcp_check_sr(header, length));
		CASE("janus_rtcp_check_rr", "%s", label);
		INT(janus_rtcp_check_rr(header, length));
		for(int n = 0; n < 9; n += 4) {
			CASE("janus_rtcp_check_fci", "%s, %d", label, n);
			INT(janus_rtcp_check_fci(header, length, n));
		}
		CASE("janus_rtcp_check_remb", "%s", label);
		INT(length < 20 ? 0 : janus_rtcp_check_remb(header, length));
	}
	CASE("janus_rtcp_get_sender_ssrc", "%s", label);
	INT(janus_rtcp_get_sender_ssrc(bytes, length));
	CASE("janus_rtcp_get_receiver_ssrc", "%s", label);
	INT(janus_rtcp_get_receiver_ssrc(bytes, length));
	CASE("janus_rtcp_has_bye", "%s", label);
	INT(janus_rtcp_has_bye(bytes, length));
	CASE("janus_rtcp_has_pli", "%s", label);
	INT(janus_rtcp_has_pli(bytes, length));
	CASE("janus_rtcp_has_fir", "%s", label);
	INT(janus_rtcp_has_fir(bytes, length));
	CASE("janus_rtcp_get_remb", "%s", label);
	INT(janus_rtcp_get_remb(bytes, length));
	CASE("janus_rtcp_get_nacks", "%s", label);
#if ORACLE_14
	GQueue nacks = G_QUEUE_INIT;
	g_queue_push_tail(&nacks, GUINT_TO_POINTER(7));
	janus_rtcp_get_nacks(bytes, length, &nacks);
	for(GList *l = nacks.head; l; l = l->next)
		INT(GPOINTER_TO_UINT(l->data));
	g_queue_clear(&nacks);
#else
	GSList *nacks = janus_rtcp_get_nacks(bytes, length);
	for(GSList *l = nacks; l; l = l->next)
		INT(GPOINTER_TO_UINT(l->data));
	g_slist_free(nacks);
#endif
	CASE("janus_rtcp_remove_nacks", "%s", label);
	int left = janus_rtcp_remove_nacks(bytes, length);
	INT(left), BYTES(bytes, (size_t)MAX(left, 0));
	AGAIN;
	CASE("janus_rtcp_swap_report_blocks", "%s", label);
	janus_rtcp_swap_report_blocks(bytes, length, 2), BYTES(bytes, (size_t)length);
	AGAIN;
	CASE("janus_rtcp_swap_report_blocks", "%s, first", label);
	janus_rtcp_swap_report_blocks(bytes, length, 1), BYTES(bytes, (size_t)length);
	AGAIN;
	static const uint32_t rates[] = { 0, 1, 1000000, 0xffffffff };
	EACH(const uint32_t, rate, rates) {
		CASE("janus_rtcp_cap_remb", "%s, %u", label, *rate);
		INT(janus_rtcp_cap_remb(bytes, length, *rate)), BYTES(bytes, (size_t)length);
		AGAIN;
	}
	for(int with = 0; with < 5; with++) {
		CASE("janus_rtcp_fix_ssrc", "%s, %d", label, with);
		INT(janus_rtcp_fix_ssrc(NULL, bytes, length, with < 4, with & 1 ? 0xa1a1a1a1 : 0, with & 2 ? 0xb2b2b2b2 : 0)), BYTES(bytes, (size_t)length);
		AGAIN;
	}
	CASE("janus_rtcp_fix_report_data", "%s", label);
	INT(janus_rtcp_fix_report_data(bytes, length, 1000, 500, 0xa1a1a1a1, 0xb2b2b2b2, 0x11111111, TRUE)), BYTES(bytes, (size_t)length);
	AGAIN;
	CASE("janus_rtcp_filter", "%s", label);
	int kept = 77;
	char *filtered = janus_rtcp_filter(bytes, length, &kept);
	INT(kept), BYTES(filtered, filtered ? (size_t)kept : 0);
	g_free(filtered);
	AGAIN;
	janus_rtcp_context c;
	memset(&c, 0, sizeof(c));
	c.tb = 90000, c.sent_packets_since_last_rr = 100, c.nack_count = 10;
	CASE("janus_rtcp_parse", "%s", label);
	INT(janus_rtcp_parse(&c, bytes, length));
	statistics(&c);
	CASE("janus_rtcp_context_get_rtt", "%s", label);
	INT(janus_rtcp_context_get_rtt(&c));
	g_free(before);
}

static void build(void) {
	char bytes[2048];
	for(int length = 0; length < 40; length++) {
		memset(bytes, 0x55, sizeof(bytes));
		CASE("janus_rtcp_pli", "%d", length);
		INT(janus_rtcp_pli(bytes, length)), BYTES(bytes, 40);
		int seq = length == 20 ? 255 : length;
		memset(bytes, 0x55, sizeof(bytes));
		CASE("janus_rtcp_fir", "%d", length);
		INT(janus_rtcp_fir(bytes, length, &seq)), INT(seq), BYTES(bytes, 40);
		memset(bytes, 0x55, sizeof(bytes));
		CASE("janus_rtcp_remb", "%d", length);
		INT(janus_rtcp_remb(bytes, length, 1000000)), BYTES(bytes, 24);
		for(int n = 0; n < 4; n++) {
			memset(bytes, 0x55, sizeof(bytes));
			CASE("janus_rtcp_remb_ssrcs", "%d, %d", length, n);
			INT(janus_rtcp_remb_ssrcs(bytes, length, 256000, (uint8_t)n)), BYTES(bytes, (size_t)(20 + 4 * n));
		}
		memset(bytes, 0x55, sizeof(bytes));
		CASE("janus_rtcp_sdes_cname", "%d", length);
		int written = janus_rtcp_sdes_cname(bytes, length, "janus", 5);
		INT(written), BYTES(bytes, (size_t)MAX(written, 0));
	}
	int seq = 255;
	CASE("janus_rtcp_fir", "wrap");
	INT(janus_rtcp_fir(bytes, 20, &seq)), INT(seq), BYTES(bytes, 20);
	INT(janus_rtcp_fir(NULL, 20, &seq)), INT(janus_rtcp_fir(bytes, 20, NULL)), INT(janus_rtcp_pli(NULL, 12)), INT(janus_rtcp_remb(NULL, 24, 1));
	for(int i = 0; i < 200; i++) {
		uint32_t rate = oracle_random() >> oracle_below(32);
		CASE("janus_rtcp_remb", "rate %u", rate);
		INT(janus_rtcp_remb(bytes, 24, rate)), BYTES(bytes, 24);
		CASE("janus_rtcp_get_remb", "rate %u", rate);
		INT(janus_rtcp_get_remb(bytes, 24));
	}
	for(int n = 0; n < 60; n++) {
		char name[64];
		g_snprintf(name, sizeof(name), "%.*s", n, oracle_random_text(60));
		memset(bytes, 0x55, sizeof(bytes));
		CASE("janus_rtcp_sdes_cname", "name of %d", n);
		INT(janus_rtcp_sdes_cname(bytes, 100, name, n)), BYTES(bytes, 80);
	}
	for(int i = 0; i < 400; i++) {
		GSList *list = NULL;
		uint16_t number = (uint16_t)oracle_below(50000);
		for(uint32_t n = oracle_below(40); n > 0; n--) {
			number = (uint16_t)(number + (oracle_below(3) ? oracle_below(4) : oracle_below(30)));
			list = g_slist_append(list, GUINT_TO_POINTER(number));
		}
		int room = oracle_below(3) ? 1500 : (int)oracle_below(60);
		memset(bytes, 0x55, sizeof(bytes));
		CASE("janus_rtcp_nacks", "%d", i);
		int length = janus_rtcp_nacks(bytes, room, list);
		INT(length), BYTES(bytes, (size_t)MAX(length, 0));
		g_slist_free(list);
	}
	CASE("janus_rtcp_nacks", "NULL");
	INT(janus_rtcp_nacks(NULL, 100, NULL)), INT(janus_rtcp_nacks(bytes, 100, NULL));
	for(int i = 0; i < 500; i++) {
		GQueue *queue = g_queue_new();
		uint32_t number = oracle_below(65000);
		guint64 time = 1000000 + oracle_random();
		int style = (int)oracle_below(4);
		for(uint32_t n = 1 + oracle_below(i % 10 ? 40 : 300); n > 0; n--) {
			janus_rtcp_transport_wide_cc_stats *s = g_new0(janus_rtcp_transport_wide_cc_stats, 1);
			/* Whole ticks: what is lost in rounding is listed as a difference elsewhere. */
			time += 250 * (style == 0 ? oracle_below(40) : style == 1 ? oracle_below(500) : style == 2 ? 1 : oracle_below(20) ? oracle_below(200) : 20000);
			s->transport_seq_num = number++;
			s->timestamp = (style == 2 ? n % 30 > 15 : oracle_below(4) > 0) ? time : 0;
			g_queue_push_tail(queue, s);
		}
		memset(bytes, 0x55, sizeof(bytes));
		CASE("janus_rtcp_transport_wide_cc_feedback", "%d style %d", i, style);
		int length = janus_rtcp_transport_wide_cc_feedback(bytes, sizeof(bytes), 0x11111111, 0x22222222, (guint8)i, queue);
		INT(length), BYTES(bytes, (size_t)MAX(length, 0)), INT(g_queue_get_length(queue));
		g_queue_free(queue);
	}
}

/* A stream with loss, reordering, retransmissions, other clocks; reports every now and then. */
static void receive(int round) {
	janus_rtcp_context c;
	memset(&c, 0, sizeof(c));
	c.tb = round & 1 ? 48000 : 90000;
	c.in_link_quality = c.in_media_link_quality = c.out_link_quality = c.out_media_link_quality = 100;
	GHashTable *clocks = g_hash_table_new(NULL, NULL);
	g_hash_table_insert(clocks, GINT_TO_POINTER(96), GINT_TO_POINTER(90000));
	g_hash_table_insert(clocks, GINT_TO_POINTER(111), GINT_TO_POINTER(48000));
	g_hash_table_insert(clocks, GINT_TO_POINTER(0), GINT_TO_POINTER(8000));
	uint16_t seq = (uint16_t)(1 + oracle_below(65000));
	uint32_t ts = oracle_below(1000000000);
	char label[64];
	for(int i = 0; i < 240; i++) {
		char bytes[64] = { (char)0x80, (char)(round & 1 ? 111 : 96) };
		uint16_t number = seq;
		uint32_t time = ts;
		uint32_t what = oracle_below(20);
		if(what == 0) {
			seq = (uint16_t)(seq + oracle_below(5)), number = seq;
		} else if(what == 1) {
			number = (uint16_t)(seq - 1 - oracle_below(5)), time = ts - 3000 * oracle_below(8);
		}
		uint16_t s = htons(number);
		uint32_t t = htonl(time);
		memcpy(bytes + 2, &s, 2), memcpy(bytes + 4, &t, 4);
		CASE("janus_rtcp_process_incoming_rtp", "%d/%d", round, i);
		INT(janus_rtcp_process_incoming_rtp(&c, bytes, 40, what == 2 && round % 3 == 0, round % 3 == 0, round % 3 == 2, round % 4 == 3 ? NULL : clocks)), statistics(&c);
		if(what > 1)
			seq++, ts += round & 1 ? 960 : 3000;
		oracle_clock_advance(15000 + oracle_below(10000));
		c.sent_packets_since_last_rr++;
		if(what == 5)
			c.nack_count++;
		if(i % 40 == 39) {
			janus_report_block block;
			memset(&block, 0, sizeof(block));
			g_snprintf(label, sizeof(label), "%d/%d", round, i);
			CASE("janus_rtcp_report_block", "%s", label);
			INT(janus_rtcp_report_block(&c, &block)), BYTES(&block, sizeof(block)), statistics(&c);
			getters(label, &c);
			/* SR, then RR with a block about us. */
			uint32_t words[] = { htonl(0x80c80006), 1, htonl((uint32_t)(i * 100)), htonl(0x12345678), 5, 6, 7 };
			CASE("janus_rtcp_parse", "%s SR", label);
			INT(janus_rtcp_parse(&c, (char *)words, sizeof(words))), statistics(&c);
			uint32_t report[] = { htonl(0x81c90007), 1, 2, htonl((uint32_t)(0x05000000 + i)), htonl((uint32_t)(70000 + i)), htonl((uint32_t)(i * 7)), i % 80 == 79 ? 0 : htonl(0x78001000), htonl(0x1000) };
			CASE("janus_rtcp_parse", "%s RR", label);
			INT(janus_rtcp_parse(&c, (char *)report, sizeof(report))), statistics(&c);
			getters(label, &c);
			oracle_clock_advance(1300000);
		}
	}
	g_hash_table_destroy(clocks);
}

SUBJECT(rtcp) {
	GPtrArray *packets = oracle_packets("rtcp");
	oracle_damage(packets, 1, 64, inspect);
	for(int pt = 0; pt < 256; pt++) {
		char bytes[8] = { (char)0x80, (char)pt };
		CASE("janus_is_rtcp", "byte %d", pt);
		INT(janus_is_rtcp(bytes, 8)), INT(janus_is_rtcp(bytes, 7));
	}
	build();
	for(int round = 0; round < 12; round++)
		receive(round);
	CASE("janus_rtcp_parse", "NULL");
	INT(janus_rtcp_parse(NULL, NULL, 0)), INT(janus_rtcp_fix_ssrc(NULL, NULL, 10, 1, 1, 1)), INT(janus_rtcp_cap_remb(NULL, 10, 1)), INT(janus_rtcp_remove_nacks(NULL, 10));
	INT(janus_rtcp_has_bye(NULL, 10)), INT(janus_rtcp_has_pli(NULL, 10)), INT(janus_rtcp_has_fir(NULL, 10)), INT(janus_rtcp_get_remb(NULL, 10)), INT(janus_rtcp_get_sender_ssrc(NULL, 10));
	INT(janus_rtcp_process_incoming_rtp(NULL, NULL, 0, FALSE, FALSE, FALSE, NULL)), INT(janus_rtcp_report_block(NULL, NULL));
}
