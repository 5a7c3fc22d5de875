/*! \file sdp-utils.h
 * \brief Session descriptions: parse, change, write.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_SDP_UTILS_H
#define JANUS_SDP_UTILS_H

#include <inttypes.h>
#include <glib.h>
#include "refcount.h"
#include "rtp.h"

#ifdef __cplusplus
extern "C" {
#endif

/*! Kind of an m-line. */
typedef enum janus_sdp_mtype {
	JANUS_SDP_AUDIO = 0,
	JANUS_SDP_VIDEO = 1,
	JANUS_SDP_APPLICATION = 2,
	JANUS_SDP_OTHER = 3
} janus_sdp_mtype;

/*! Direction of an m-line or an extension. */
typedef enum janus_sdp_mdirection {
	JANUS_SDP_DEFAULT = 0,
	JANUS_SDP_SENDRECV = 1,
	JANUS_SDP_SENDONLY = 2,
	JANUS_SDP_RECVONLY = 3,
	JANUS_SDP_INACTIVE = 4,
	JANUS_SDP_INVALID = 5
} janus_sdp_mdirection;

/*! Keys of the offer and answer generators, each followed by its values; JANUS_SDP_OA_DONE ends. */
typedef enum janus_sdp_oa_type {
	JANUS_SDP_OA_MLINE = 1,
	JANUS_SDP_OA_ENABLED = 2,
	JANUS_SDP_OA_DIRECTION = 3,
	JANUS_SDP_OA_MID = 4,
	JANUS_SDP_OA_MSID = 5,
	JANUS_SDP_OA_CODEC = 6,
	JANUS_SDP_OA_EXTENSION = 7,
	JANUS_SDP_OA_EXTENSIONS = 8,
	JANUS_SDP_OA_ACCEPT_EXTMAP = 9,
	JANUS_SDP_OA_PT = 10,
	JANUS_SDP_OA_FMTP = 11,
	JANUS_SDP_OA_AUDIO_DTMF = 12,
	JANUS_SDP_OA_OPUSRED_PT = 13,
	JANUS_SDP_OA_ACCEPT_OPUSRED = 14,
	JANUS_SDP_OA_VP9_PROFILE = 15,
	JANUS_SDP_OA_H264_PROFILE = 16,
	JANUS_SDP_OA_VIDEO_RTCPFB_DEFAULTS = 17,
	JANUS_SDP_OA_DATA_LEGACY = 18,
	JANUS_SDP_OA_DONE = 0
} janus_sdp_oa_type;

/*! A session description. */
typedef struct janus_sdp {
	int version;
	char *o_name;
	guint64 o_sessid;
	guint64 o_version;
	gboolean o_ipv4;
	char *o_addr;
	char *s_name;
	guint64 t_start;
	guint64 t_stop;
	gboolean c_ipv4;
	char *c_addr;
	GList *attributes;
	GList *m_lines;
	volatile gint destroyed;
	janus_refcount ref;
} janus_sdp;

/*! An m-line. */
typedef struct janus_sdp_mline {
	int index;
	janus_sdp_mtype type;
	char *type_str;
	guint16 port;
	char *proto;
	GList *fmts;
	GList *ptypes;
	gboolean c_ipv4;
	char *c_addr;
	char *b_name;
	uint32_t b_value;
	janus_sdp_mdirection direction;
	GList *attributes;
	volatile gint destroyed;
	janus_refcount ref;
} janus_sdp_mline;

/*! An a= line. */
typedef struct janus_sdp_attribute {
	char *name;
	char *value;
	janus_sdp_mdirection direction;
	volatile gint destroyed;
	janus_refcount ref;
} janus_sdp_attribute;

/*! Appends an attribute and takes it: 0, −1 for NULL. */
int janus_sdp_attribute_add_to_mline(janus_sdp_mline *mline, janus_sdp_attribute *attribute);

/*! printf-style value (NULL for none), cut at 2047 bytes. */
janus_sdp_attribute *janus_sdp_attribute_create(const char *, const char *, ...) G_GNUC_PRINTF(2, 3);

/*! As janus_sdp_destroy. */
void janus_sdp_attribute_destroy(janus_sdp_attribute *attribute);

/*! Gives up the maker's reference, once; freed with the last one, m-lines and attributes first. */
void janus_sdp_destroy(janus_sdp *sdp);

/*! Stores the first codec offered; leaves *codec alone when there is none. */
void janus_sdp_find_first_codec(janus_sdp *sdp, janus_sdp_mtype kind, int index, const char **codec);

/*! Stores the best codec by our preference; leaves *codec alone when there is none. */
void janus_sdp_find_preferred_codec(janus_sdp *sdp, janus_sdp_mtype kind, int index, const char **codec);

/*! An answer that rejects every m-line of the offer. */
janus_sdp *janus_sdp_generate_answer(janus_sdp *offer);

/*! Answers one offered m-line: 0 (also when it had to be rejected), −1 for NULL, −2 when the first
 * option is not MLINE, −3 for a bad type. */
int janus_sdp_generate_answer_mline(janus_sdp *, janus_sdp *, janus_sdp_mline *, ...);

/*! An offer from options that end with 0; NULL when they make no sense. */
janus_sdp *janus_sdp_generate_offer(const char *, const char *, ...);

/*! Appends an m-line to an offer: 0, −1 for NULL, −2 when the first option is not MLINE, −3 for an
 * unknown audio codec, −4 for an unknown video codec or type, −5 for contradicting extensions. */
int janus_sdp_generate_offer_mline(janus_sdp *, ...);

/*! Name of a payload type, static; NULL when unknown. */
const char *janus_sdp_get_codec_name(janus_sdp *sdp, int index, int ptype);

/*! Payload type of a codec, −1 when absent. */
int janus_sdp_get_codec_pt(janus_sdp *sdp, int index, const char *codec);

/*! The same with a profile, for VP9 and H.264. */
int janus_sdp_get_codec_pt_full(janus_sdp *sdp, int index, const char *codec, const char *profile);

/*! The rtpmap text of a codec, static; NULL when unknown. */
const char *janus_sdp_get_codec_rtpmap(const char *codec);

/*! Parameters of the first fmtp for a payload type, borrowed from the attribute; NULL when there is
 * none. */
const char *janus_sdp_get_fmtp(janus_sdp *sdp, int index, int ptype);

/*! Payload type of RED for Opus, −1 when absent. */
int janus_sdp_get_opusred_pt(janus_sdp *sdp, int index);

/*! Name of what an rtpmap like opus/48000/2 speaks of, static; NULL when unknown. */
const char *janus_sdp_get_rtpmap_codec(const char *rtpmap);

/*! Profile in an fmtp, for g_free; NULL for other codecs (2 is VP9, 3 is H.264) and when absent. */
char *janus_sdp_get_video_profile(janus_videocodec codec, const char *fmtp);

/*! The canonical name, static; NULL when this medium has no such codec. */
const char *janus_sdp_match_preferred_codec(janus_sdp_mtype kind, char *codec);

/*! NULL for INVALID. Static. */
const char *janus_sdp_mdirection_str(janus_sdp_mdirection direction);

/*! A zeroed m-line of this type; an unknown type has no text and is reported. */
janus_sdp_mline *janus_sdp_mline_create(janus_sdp_mtype kind, guint16 port, const char *proto, janus_sdp_mdirection direction);

/*! As janus_sdp_destroy. */
void janus_sdp_mline_destroy(janus_sdp_mline *mline);

/*! The first m-line of this type, borrowed. */
janus_sdp_mline *janus_sdp_mline_find(janus_sdp *sdp, janus_sdp_mtype kind);

/*! The m-line with this index, borrowed. */
janus_sdp_mline *janus_sdp_mline_find_by_index(janus_sdp *sdp, int index);

/*! Removes and destroys the first m-line of this type: 0, −1 for NULL, −2 when there is none. */
int janus_sdp_mline_remove(janus_sdp *sdp, janus_sdp_mtype kind);

/*! NULL for OTHER. Static. */
const char *janus_sdp_mtype_str(janus_sdp_mtype kind);

/*! A description without media; session id is the real time in µs. */
janus_sdp *janus_sdp_new(const char *name, const char *address);

/*! Name of the enumerator, static; NULL for unknown numbers and the two RED options. */
const char *janus_sdp_oa_type_str(janus_sdp_oa_type number);

/*! NULL when refused, with the reason in error (at most error_length bytes with the NUL). */
janus_sdp *janus_sdp_parse(const char *sdp, char *error, size_t error_length);

/*! Unknown text and NULL are INVALID. */
janus_sdp_mdirection janus_sdp_parse_mdirection(const char *name);

/*! Unknown text and NULL are OTHER. */
janus_sdp_mtype janus_sdp_parse_mtype(const char *name);

/*! Takes a payload type, and the attributes about it, out of one m-line or all (−1). */
int janus_sdp_remove_payload_type(janus_sdp *sdp, int index, int ptype);

/*! The text, for g_free. A rejected audio or video m-line loses its formats and has the single
 * payload type 0 then, in the struct too. */
char *janus_sdp_write(janus_sdp *sdp);

#ifdef __cplusplus
}
#endif

#endif
