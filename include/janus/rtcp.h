/*! \file rtcp.h
 * \brief RTCP: packets, feedback, statistics.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_RTCP_H
#define JANUS_RTCP_H

#include <arpa/inet.h>
#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <glib.h>
#include "rtp.h"

#ifdef __cplusplus
extern "C" {
#endif

/*! Packet types. */
typedef enum {
	RTCP_FIR = 192,
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_APP = 204,
	RTCP_RTPFB = 205,
	RTCP_PSFB = 206,
	RTCP_XR = 207
} rtcp_type;
typedef rtcp_type janus_rtcp_type;

/*! RFC 3550, 6.4.1. */
typedef struct rtcp_header {
#if __BYTE_ORDER == __BIG_ENDIAN
	uint16_t version:2;
	uint16_t padding:1;
	uint16_t rc:5;
	uint16_t type:8;
	uint16_t length:16;
#else
	uint16_t rc:5;
	uint16_t padding:1;
	uint16_t version:2;
	uint16_t type:8;
	uint16_t length:16;
#endif
} rtcp_header, janus_rtcp_header;

/*! Of a sender report. */
typedef struct sender_info {
	uint32_t ntp_ts_msw;
	uint32_t ntp_ts_lsw;
	uint32_t rtp_ts;
	uint32_t s_packets;
	uint32_t s_octets;
} sender_info, janus_sender_info;

/*! Of sender and receiver reports. */
typedef struct report_block {
	uint32_t ssrc;
	uint32_t flcnpl;
	uint32_t ehsnr;
	uint32_t jitter;
	uint32_t lsr;
	uint32_t delay;
} report_block, janus_report_block;

/*! Sender report. */
typedef struct rtcp_sr {
	rtcp_header header;
	uint32_t ssrc;
	sender_info si;
	report_block rb[1];
} rtcp_sr, janus_rtcp_sr;

/*! Receiver report. */
typedef struct rtcp_rr {
	rtcp_header header;
	uint32_t ssrc;
	report_block rb[1];
} rtcp_rr, janus_rtcp_rr;

/*! Source description, chunk. */
typedef struct rtcp_sdes_chunk {
	uint32_t ssrc;
} rtcp_sdes_chunk, janus_rtcp_sdes_chunk;

/*! Source description, item. */
typedef struct rtcp_sdes_item {
	uint8_t type;
	uint8_t len;
	char content[1];
} rtcp_sdes_item, janus_rtcp_sdes_item;

/*! Source description. */
typedef struct rtcp_sdes {
	rtcp_header header;
	rtcp_sdes_chunk chunk;
	rtcp_sdes_item item;
} rtcp_sdes, janus_rtcp_sdes;

/*! BYE. */
typedef struct rtcp_bye {
	rtcp_header header;
	uint32_t ssrc[1];
} rtcp_bye, janus_rtcp_bye;

/*! Application-defined. */
typedef struct rtcp_app {
	rtcp_header header;
	uint32_t ssrc;
	char name[4];
} rtcp_app, janus_rtcp_app;

/*! Generic NACK item, RFC 4585, 6.2.1. */
typedef struct rtcp_nack {
	uint16_t pid;
	uint16_t blp;
} rtcp_nack, janus_rtcp_nack;

/*! A lost sequence number, in a list. */
typedef struct janus_nack {
	uint16_t seq_no;
	struct janus_nack *next;
} janus_nack;

/*! Receiver estimated maximum bitrate. */
typedef struct rtcp_remb {
	char id[4];
	uint32_t bitrate;
	uint32_t ssrc[3];
} rtcp_remb, janus_rtcp_fb_remb;

/*! Full intra request, RFC 5104, 4.3.1. */
typedef struct rtcp_fir {
	uint32_t ssrc;
	uint32_t seqnr;
} rtcp_fir, janus_rtcp_fb_fir;

/*! Feedback, RFC 4585, 6.1. */
typedef struct rtcp_fb {
	rtcp_header header;
	uint32_t ssrc;
	uint32_t media;
	char fci[1];
} rtcp_fb, janus_rtcp_fb;

/*! RFC 3611. */
typedef struct extended_report_block {
	uint8_t blocktype;
	uint8_t typesp;
	uint16_t length;
	char content[1];
} extended_report_block, janus_extended_report_block;

/*! Extended report. */
typedef struct rtcp_xr {
	rtcp_header header;
	uint32_t ssrc;
	extended_report_block erb[1];
} rtcp_xr, janus_rtcp_xr;

/*! Statistics of one RTP stream. */
typedef struct rtcp_context {
	uint8_t rtp_recvd:1;
	uint32_t rtp_last_inorder_ts;
	int64_t rtp_last_inorder_time;
	uint16_t max_seq_nr;
	uint16_t seq_cycle;
	uint16_t base_seq;
	uint16_t pt;
	int64_t transit;
	double jitter;
	double jitter_remote;
	uint32_t tb;
	uint32_t lsr;
	int64_t lsr_ts;
	int64_t last_sent;
	uint32_t rtt;
	uint32_t rtt_ntp;
	uint32_t rtt_lsr;
	uint32_t rtt_dlsr;
	uint32_t received;
	uint32_t received_prior;
	uint32_t expected;
	uint32_t expected_prior;
	int32_t lost;
	int32_t lost_remote;
	uint32_t retransmitted;
	uint32_t retransmitted_prior;
	int64_t rr_last_ts;
	uint32_t rr_last_ehsnr;
	int32_t rr_last_lost;
	uint32_t rr_last_nack_count;
	gint sent_packets_since_last_rr;
	gint nack_count;
	double in_link_quality;
	double in_media_link_quality;
	double out_link_quality;
	double out_media_link_quality;
} rtcp_context, janus_rtcp_context;

/*! Arrival of one packet, for transport-wide feedback. */
typedef struct rtcp_transport_wide_cc_stats {
	guint32 transport_seq_num;
	guint64 timestamp;
} rtcp_transport_wide_cc_stats, janus_rtcp_transport_wide_cc_stats;

gboolean janus_is_rtcp(char *buf, guint len);

/*! Overwrites the bitrate of every REMB. 0; −1 NULL or empty, −2 malformed. */
int janus_rtcp_cap_remb(char *buf, int len, uint32_t bitrate);

/*! Room for one entry of sizeof_fci bytes and for as many as the length field announces. */
gboolean janus_rtcp_check_fci(janus_rtcp_header *rtcp, int len, int sizeof_fci);

/*! At least 8 bytes, and as many as the length field says. The version is not looked at. */
gboolean janus_rtcp_check_len(janus_rtcp_header *rtcp, int len);

/*! At least 24 bytes, and room for the SSRCs it counts. */
gboolean janus_rtcp_check_remb(janus_rtcp_header *rtcp, int len);

/*! Room for all report blocks. */
gboolean janus_rtcp_check_rr(janus_rtcp_header *rtcp, int len);

/*! Room for sender information and all report blocks. */
gboolean janus_rtcp_check_sr(janus_rtcp_header *rtcp, int len);

/*! 0 … 100. */
uint32_t janus_rtcp_context_get_in_link_quality(janus_rtcp_context *ctx);

/*! 0 … 100. */
uint32_t janus_rtcp_context_get_in_media_link_quality(janus_rtcp_context *ctx);

/*! Whole ms. */
uint32_t janus_rtcp_context_get_jitter(janus_rtcp_context *ctx, gboolean remote);

/*! Packets. */
int32_t janus_rtcp_context_get_lost_all(janus_rtcp_context *ctx, gboolean remote);

/*! 0 … 100. */
uint32_t janus_rtcp_context_get_out_link_quality(janus_rtcp_context *ctx);

/*! 0 … 100. */
uint32_t janus_rtcp_context_get_out_media_link_quality(janus_rtcp_context *ctx);

/*! ms. */
uint32_t janus_rtcp_context_get_rtt(janus_rtcp_context *ctx);

/*! A copy without what the core answers itself, to be released with g_free; NULL and 0 when nothing
 * remains. */
char *janus_rtcp_filter(char *buf, int len, int *newlen);

/*! Counts seqnr up, modulo 256. 20; −1 when the buffer has another length. */
int janus_rtcp_fir(char *buf, int len, int *seqnr);

/*! The number of fields changed; −1 arguments, −2 malformed, −3 an SR of another SSRC. */
int janus_rtcp_fix_report_data(char *buf, int len, uint32_t base_ts, uint32_t base_ts_prev, uint32_t ssrc_peer, uint32_t ssrc_local, uint32_t ssrc_expected, gboolean video);

/*! Rewrites SSRCs when fixssrc, updates ctx. 0; −1 NULL or empty, −2 malformed. */
int janus_rtcp_fix_ssrc(janus_rtcp_context *ctx, char *buf, int len, int fixssrc, uint32_t newssrcl, uint32_t newssrcr);

/*! Empties the queue, then pushes the sequence numbers of the first NACK block, each to the head. */
void janus_rtcp_get_nacks(char *buf, int len, GQueue *nacks);

/*! 0 when there is none. */
guint32 janus_rtcp_get_receiver_ssrc(char *buf, int len);

/*! Bits per second of the first REMB; 0 without. */
uint32_t janus_rtcp_get_remb(char *buf, int len);

/*! 0 when there is none. */
guint32 janus_rtcp_get_sender_ssrc(char *buf, int len);

/*! A BYE anywhere. */
gboolean janus_rtcp_has_bye(char *buf, int len);

/*! A FIR of RFC 2032 or RFC 5104 anywhere. */
gboolean janus_rtcp_has_fir(char *buf, int len);

/*! A PLI anywhere. */
gboolean janus_rtcp_has_pli(char *buf, int len);

/*! From a list of ascending numbers. The length; −1 when the buffer is too small or the list empty. */
int janus_rtcp_nacks(char *buf, int len, GSList *nacks);

/*! Validates and updates ctx. 0; −1 NULL or empty, −2 malformed. */
int janus_rtcp_parse(janus_rtcp_context *ctx, char *buf, int len);

/*! 12; −1 when the buffer has another length. */
int janus_rtcp_pli(char *buf, int len);

/*! clock_rates: payload type → Hz, may be NULL. 0; −1 not RTP. */
int janus_rtcp_process_incoming_rtp(janus_rtcp_context *ctx, char *buf, int len, gboolean rfc4588_pkt, gboolean rfc4588_enabled, gboolean retransmissions_disabled, GHashTable *clock_rates);

/*! 24; −1 when the buffer is smaller. */
int janus_rtcp_remb(char *buf, int len, uint32_t bitrate);

/*! 20 + 4·numssrc; −1 when the buffer is smaller or there is no SSRC. */
int janus_rtcp_remb_ssrcs(char *buf, int len, uint32_t bitrate, uint8_t numssrc);

/*! Removes the first NACK block; the new length. */
int janus_rtcp_remove_nacks(char *buf, int len);

/*! Everything but the SSRC. 0. */
int janus_rtcp_report_block(janus_rtcp_context *ctx, janus_report_block *rb);

/*! The length; −1 when the buffer is too small. */
int janus_rtcp_sdes_cname(char *buf, int len, const char *cname, int cnamelen);

/*! Puts the second report block first where the first is about rtx_ssrc. */
void janus_rtcp_swap_report_blocks(char *buf, int len, uint32_t rtx_ssrc);

/*! The length; −1 when the buffer is too small. Empties the queue and frees its elements. */
int janus_rtcp_transport_wide_cc_feedback(char *buf, size_t size, guint32 ssrc, guint32 media, guint8 feedback_packet_count, GQueue *transport_wide_cc_stats);

#ifdef __cplusplus
}
#endif

#endif
