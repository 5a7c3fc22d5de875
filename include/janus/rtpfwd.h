/*! \file rtpfwd.h
 * \brief Forwarding RTP over UDP.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_RTPFWD_H
#define JANUS_RTPFWD_H

#include <netinet/in.h>
#include <glib.h>
#include "mutex.h"
#include "refcount.h"
#include "rtp.h"
#include "rtpsrtp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct janus_rtp_forwarder janus_rtp_forwarder;

/*! One receiver. */
struct janus_rtp_forwarder {
	void *source;
	char *context;
	uint32_t stream_id;
	int udp_fd;
	gboolean is_video;
	gboolean is_data;
	uint32_t ssrc;
	int payload_type;
	int substream;
	struct sockaddr_in serv_addr;
	struct sockaddr_in6 serv_addr6;
	int rtcp_fd;
	uint16_t local_rtcp_port;
	uint16_t remote_rtcp_port;
	void (*rtcp_callback)(struct janus_rtp_forwarder *, char *, int);
	GSource *rtcp_recv;
	gboolean simulcast;
	janus_rtp_switching_context rtp_context;
	janus_rtp_simulcasting_context sim_context;
	gboolean is_srtp;
	srtp_t srtp_ctx;
	srtp_policy_t srtp_policy;
	void *metadata;
	volatile gint destroyed;
	janus_refcount ref;
};

int janus_rtp_forwarder_add_rtcp(janus_rtp_forwarder *, int, void (*)(janus_rtp_forwarder *, char *, int));

janus_rtp_forwarder *janus_rtp_forwarder_create(const char *, uint32_t, int, const char *, int, uint32_t, int, int, const char *, gboolean, int, gboolean, gboolean);

void janus_rtp_forwarder_destroy(janus_rtp_forwarder *);

void janus_rtp_forwarder_send_rtp(janus_rtp_forwarder *, char *, int, int);

void janus_rtp_forwarder_send_rtp_full(janus_rtp_forwarder *, char *, int, int, uint32_t *, char **, janus_videocodec, janus_mutex *);

void janus_rtp_forwarders_deinit(void);

int janus_rtp_forwarders_init(void);

#ifdef __cplusplus
}
#endif

#endif
