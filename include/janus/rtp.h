/*! \file rtp.h
 * \brief RTP: headers, header extensions, codecs, continuity of numbering, simulcast and SVC.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_RTP_H
#define JANUS_RTP_H

#include <arpa/inet.h>
#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <glib.h>
#include <jansson.h>
#include "mutex.h"
#include "utils.h"
#include "plugins/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/*! Without CSRCs, bytes. */
#define RTP_HEADER_SIZE 12

/*! Names of header extensions. */
#define JANUS_RTP_EXTMAP_ABS_CAPTURE_TIME "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
#define JANUS_RTP_EXTMAP_ABS_SEND_TIME "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
#define JANUS_RTP_EXTMAP_AUDIO_LEVEL "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
#define JANUS_RTP_EXTMAP_DEPENDENCY_DESC "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
#define JANUS_RTP_EXTMAP_ENCRYPTED "urn:ietf:params:rtp-hdrext:encrypt"
#define JANUS_RTP_EXTMAP_MID "urn:ietf:params:rtp-hdrext:sdes:mid"
#define JANUS_RTP_EXTMAP_PLAYOUT_DELAY "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
#define JANUS_RTP_EXTMAP_REPAIRED_RID "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
#define JANUS_RTP_EXTMAP_RID "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
#define JANUS_RTP_EXTMAP_TOFFSET "urn:ietf:params:rtp-hdrext:toffset"
#define JANUS_RTP_EXTMAP_TRANSPORT_WIDE_CC "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define JANUS_RTP_EXTMAP_VIDEO_LAYERS "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00"
#define JANUS_RTP_EXTMAP_VIDEO_ORIENTATION "urn:3gpp:video-orientation"

/*! Skew compensation. */
#define RTP_AUDIO_SKEW_TH_MS 120
#define RTP_VIDEO_SKEW_TH_MS 120
#define SKEW_DETECTION_WAIT_TIME_SECS 10

/*! RFC 3550, 5.1; multi-byte fields in network order. */
typedef struct rtp_header {
#if __BYTE_ORDER == __BIG_ENDIAN
	uint16_t version:2;
	uint16_t padding:1;
	uint16_t extension:1;
	uint16_t csrccount:4;
	uint16_t markerbit:1;
	uint16_t type:7;
#else
	uint16_t csrccount:4;
	uint16_t extension:1;
	uint16_t padding:1;
	uint16_t version:2;
	uint16_t type:7;
	uint16_t markerbit:1;
#endif
	uint16_t seq_number;
	uint32_t timestamp;
	uint32_t ssrc;
	uint32_t csrc[];
} rtp_header, janus_rtp_header;

/*! RFC 3550, 5.3.1. */
typedef struct janus_rtp_header_extension {
	uint16_t type;
	uint16_t length;
} janus_rtp_header_extension;

/*! A telephone event. */
typedef struct janus_rtp_rfc2833_payload {
	uint8_t event;
#if __BYTE_ORDER == __BIG_ENDIAN
	uint8_t end:1;
	uint8_t reserved:1;
	uint8_t volume:6;
#else
	uint8_t volume:6;
	uint8_t reserved:1;
	uint8_t end:1;
#endif
	uint16_t duration;
} janus_rtp_rfc2833_payload;

/*! Audio codecs. */
typedef enum janus_audiocodec {
	JANUS_AUDIOCODEC_NONE = 0,
	JANUS_AUDIOCODEC_OPUS = 1,
	JANUS_AUDIOCODEC_MULTIOPUS = 2,
	JANUS_AUDIOCODEC_OPUSRED = 3,
	JANUS_AUDIOCODEC_PCMU = 4,
	JANUS_AUDIOCODEC_PCMA = 5,
	JANUS_AUDIOCODEC_G722 = 6,
	JANUS_AUDIOCODEC_ISAC_32K = 7,
	JANUS_AUDIOCODEC_ISAC_16K = 8,
	JANUS_AUDIOCODEC_L16_48K = 9,
	JANUS_AUDIOCODEC_L16_16K = 10
} janus_audiocodec;

/*! Video codecs. */
typedef enum janus_videocodec {
	JANUS_VIDEOCODEC_NONE = 0,
	JANUS_VIDEOCODEC_VP8 = 1,
	JANUS_VIDEOCODEC_VP9 = 2,
	JANUS_VIDEOCODEC_H264 = 3,
	JANUS_VIDEOCODEC_AV1 = 4,
	JANUS_VIDEOCODEC_H265 = 5
} janus_videocodec;

/*! A packet kept for later. */
typedef struct janus_rtp_packet {
	char *data;
	gint length;
	gint64 created;
	gint64 last_retransmit;
	gint64 current_backoff;
	janus_plugin_rtp_extensions extensions;
} janus_rtp_packet;

/*! Numbering over switches of source. */
typedef struct janus_rtp_switching_context {
	uint32_t last_ssrc;
	uint32_t last_ts;
	uint32_t base_ts;
	uint32_t base_ts_prev;
	uint32_t prev_ts;
	uint32_t target_ts;
	uint32_t start_ts;
	uint16_t last_seq;
	uint16_t prev_seq;
	uint16_t base_seq;
	uint16_t base_seq_prev;
	gboolean ts_reset;
	gboolean seq_reset;
	gboolean new_ssrc;
	gint16 seq_offset;
	gint32 prev_delay;
	gint32 active_delay;
	gint32 ts_offset;
	gint64 last_time;
	gint64 reference_time;
	gint64 start_time;
	gint64 evaluating_start_time;
} janus_rtp_switching_context;

/*! A template of a dependency descriptor. */
typedef struct janus_av1_svc_template {
	uint8_t id;
	int spatial;
	int temporal;
} janus_av1_svc_template;

/*! What dependency descriptors have told. */
typedef struct janus_av1_svc_context {
	uint8_t tcnt;
	uint8_t tioff;
	GHashTable *templates;
	int spatial_layers;
	int temporal_layers;
	gboolean updated;
} janus_av1_svc_context;

/*! Which simulcast layer a viewer gets. */
typedef struct janus_rtp_simulcasting_context {
	gint rid_ext_id;
	janus_av1_svc_context av1_context[3];
	int substream;
	int substream_target;
	int substream_target_temp;
	int templayer;
	int templayer_target;
	guint32 drop_trigger;
	gint64 last_relayed;
	gboolean changed_substream;
	gboolean changed_temporal;
	gboolean need_pli;
} janus_rtp_simulcasting_context;

/*! Which SVC layers a viewer gets. */
typedef struct janus_rtp_svc_context {
	struct janus_av1_svc_context dd_context;
	int spatial;
	int spatial_target;
	int temporal;
	int temporal_target;
	guint32 drop_trigger;
	gint64 last_spatial_layer[3];
	gboolean changed_spatial;
	gboolean changed_temporal;
	gboolean need_pli;
} janus_rtp_svc_context;

/*! In any letter case; 0 for NULL and, with a warning, for unknown names. */
janus_audiocodec janus_audiocodec_from_name(const char *name);

/*! Static text; a number without a codec counts as opus. */
const char *janus_audiocodec_name(janus_audiocodec acodec);

/*! −1 for none; a number without a codec counts as opus. */
int janus_audiocodec_pt(janus_audiocodec acodec);

/*! Reads a dependency descriptor: the index of its template, and whether the packet ends a frame.
 * FALSE when it is not usable. */
gboolean janus_av1_svc_context_process_dd(janus_av1_svc_context *context, uint8_t *dd, int dd_len, uint8_t *template_id, uint8_t *ebit);

/*! Frees the template table and sets everything to 0. */
void janus_av1_svc_context_reset(janus_av1_svc_context *context);

gboolean janus_is_rtp(char *buf, guint len);

/*! The id under which we offer an extension; 0 for others and NULL. */
int janus_rtp_extension_id(const char *type_);

/*! The known extension to which an SDP gives this id, as static text; NULL without. */
const char *janus_rtp_header_extension_get_from_id(const char *sdp, int id);

/*! The id that an SDP gives an extension; −1 for NULL, −2 when it does not. The text is not
 * changed. */
int janus_rtp_header_extension_get_id(const char *sdp, const char *extension);

/*! NTP 32.32 fixed point. 0; −1 not found, −3 shorter than 8 bytes. */
int janus_rtp_header_extension_parse_abs_capture_time(char *buf, int len, int id, uint64_t *abs_ts);

/*! 0; −1 not found, −3 shorter than 3 bytes. */
int janus_rtp_header_extension_parse_abs_send_time(char *buf, int len, int id, uint32_t *abs_ts);

/*! 0; −1 not found. */
int janus_rtp_header_extension_parse_audio_level(char *buf, int len, int id, gboolean *vad, int *level);

/*! Copies the descriptor; desc_len is the room, then the length (0 on failure). 0; −1 not found, −2
 * empty. */
int janus_rtp_header_extension_parse_dependency_desc(char *buf, int len, int id, uint8_t *desc_content, int *desc_len);

/*! 0; −1 not found, −2 empty. Truncates to sdes_len − 1 characters. */
int janus_rtp_header_extension_parse_mid(char *buf, int len, int id, char *sdes_item, int sdes_len);

/*! 0; −1 not found, −2 shorter than 3 bytes. */
int janus_rtp_header_extension_parse_playout_delay(char *buf, int len, int id, uint16_t *min_delay, uint16_t *max_delay);

/*! As the mid. */
int janus_rtp_header_extension_parse_rid(char *buf, int len, int id, char *sdes_item, int sdes_len);

/*! 0; −1 not found, −3 shorter than 2 bytes. */
int janus_rtp_header_extension_parse_transport_wide_cc(char *buf, int len, int id, uint16_t *seq);

/*! Raises the outputs to the counts. 0; −1 not found, −2 shorter than 2 bytes, −3 truncated. */
int janus_rtp_header_extension_parse_video_layers_allocation(char *buf, int len, int id, int8_t *spatial_layers, int8_t *temporal_layers);

/*! Camera, flip and the two bits of the rotation. 0; −1 not found. */
int janus_rtp_header_extension_parse_video_orientation(char *buf, int len, int id, gboolean *c, gboolean *f, gboolean *r1, gboolean *r0);

/*! 0; −1 too short, −2 not version 2, −3 no such element, or an id that the form cannot hold. */
int janus_rtp_header_extension_replace_id(char *buf, int len, int id, int new_id);

/*! 0; −1 not found, −3 shorter than 8 bytes. */
int janus_rtp_header_extension_set_abs_capture_time(char *buf, int len, int id, uint64_t abs_ts);

/*! 0; −1 not found, −3 shorter than 3 bytes. */
int janus_rtp_header_extension_set_abs_send_time(char *buf, int len, int id, uint32_t abs_ts);

/*! 0; −1 not found, −3 shorter than 2 bytes. */
int janus_rtp_header_extension_set_transport_wide_cc(char *buf, int len, int id, uint16_t seq);

/*! step is not looked at. */
void janus_rtp_header_update(janus_rtp_header *header, janus_rtp_switching_context *context, gboolean video, int step);

/*! The payload, borrowed, and its length; NULL when there is none. */
char *janus_rtp_payload(char *buf, int len, int *plen);

/*! rid_ext_id −1, SSRCs 0, rids freed and NULL, all under rid_mutex. Any pointer may be NULL. */
void janus_rtp_simulcasting_cleanup(int *rid_ext_id, uint32_t *ssrcs, char **rids, janus_mutex *rid_mutex);

/*! TRUE: relay the packet. */
gboolean janus_rtp_simulcasting_context_process_rtp(janus_rtp_simulcasting_context *context, char *buf, int len, uint8_t *dd_content, int dd_len, uint32_t *ssrcs, char **rids, janus_videocodec vcodec, janus_rtp_switching_context *sc, janus_mutex *rid_mutex);

/*! Frees the AV1 tables, then sets everything to 0 and rid_ext_id, substream, substream_target_temp
 * and templayer to −1. The context must have been zero before its first use. */
void janus_rtp_simulcasting_context_reset(janus_rtp_simulcasting_context *context);

/*! Reads the simulcast object of a jsep. rids[n−1−i] becomes a copy of element i; old pointers are
 * not freed. Any output may be NULL. */
void janus_rtp_simulcasting_prepare(json_t *simulcast, int *rid_ext_id, uint32_t *ssrcs, char **rids);

/*! Numbers of a jump, −1 to drop the packet, or 0. now: janus_get_monotonic_time. */
int janus_rtp_skew_compensate_audio(janus_rtp_header *header, janus_rtp_switching_context *context, gint64 now);

/*! As the audio one, with a clock of 90 kHz. */
int janus_rtp_skew_compensate_video(janus_rtp_header *header, janus_rtp_switching_context *context, gint64 now);

/*! TRUE: relay the packet, whose marker bit may have been set. info may be NULL for AV1. */
gboolean janus_rtp_svc_context_process_rtp(janus_rtp_svc_context *context, char *buf, int len, uint8_t *dd_content, int dd_len, janus_videocodec vcodec, janus_vp9_svc_info *info, janus_rtp_switching_context *sc);

/*! As for simulcast: zero, spatial and temporal −1. */
void janus_rtp_svc_context_reset(janus_rtp_svc_context *context);

/*! All zero. */
void janus_rtp_switching_context_reset(janus_rtp_switching_context *context);

/*! In any letter case; 0 for NULL and, with a warning, for unknown names. */
janus_videocodec janus_videocodec_from_name(const char *name);

/*! Static text; a number without a codec counts as vp8. */
const char *janus_videocodec_name(janus_videocodec vcodec);

/*! −1 for none; a number without a codec counts as vp8. */
int janus_videocodec_pt(janus_videocodec vcodec);

#ifdef __cplusplus
}
#endif

#endif
