/*! \file utils.h
 * \brief Helpers.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_UTILS_H
#define JANUS_UTILS_H

#include <stdint.h>
#include <sys/types.h>
#include <glib.h>
#include <jansson.h>
#include "debug.h"

#ifdef __cplusplus
extern "C" {
#endif

/*! Set of bits. */
typedef gsize janus_flags;

/*! Kinds of JSON values, for struct janus_json_parameter. */
#define JANUS_JSON_STRING JSON_STRING
#define JANUS_JSON_INTEGER JSON_INTEGER
#define JANUS_JSON_OBJECT JSON_OBJECT
#define JANUS_JSON_ARRAY JSON_ARRAY
/*! true or false */
#define JANUS_JSON_BOOL JSON_TRUE

/*! Flags of struct janus_json_parameter: must be there; not negative; not empty. */
#define JANUS_JSON_PARAM_NONEMPTY 4
#define JANUS_JSON_PARAM_POSITIVE 2
#define JANUS_JSON_PARAM_REQUIRED 1

/*! What a member of an object has to be. */
struct janus_json_parameter {
	const gchar *name;
	json_type jtype;
	unsigned int flags;
};

/*! Picture ids and TL0PICIDX of VP8 over switches. */
typedef struct janus_vp8_simulcast_context {
	uint16_t last_picid;
	uint16_t base_picid;
	uint16_t base_picid_prev;
	uint8_t last_tlzi;
	uint8_t base_tlzi;
	uint8_t base_tlzi_prev;
} janus_vp8_simulcast_context;
/*! Layer indices and flags of a VP9 payload descriptor. */
typedef struct janus_vp9_svc_info {
	int spatial_layer;
	int temporal_layer;
	uint8_t fbit;
	uint8_t pbit;
	uint8_t dbit;
	uint8_t ubit;
	uint8_t bbit;
	uint8_t ebit;
} janus_vp9_svc_info;
/*! One block of RFC 2198 redundancy. */
typedef struct janus_red_block {
	uint8_t pt;
	uint32_t ts_offset;
	uint8_t *data;
	uint16_t length;
} janus_red_block;

gboolean janus_av1_is_keyframe(const char *buffer, int len);

/*! The bit at this offset, most significant first. */
uint8_t janus_bitstream_getbit(uint8_t *base, uint32_t offset);

/*! num ≤ 32 bits; offset moves on by as many. */
uint32_t janus_bitstream_getbits(uint8_t *base, uint8_t num, uint32_t *offset);

void janus_flags_clear(janus_flags *, gsize);

gboolean janus_flags_is_set(janus_flags *, gsize);

void janus_flags_reset(janus_flags *);

void janus_flags_set(janus_flags *, gsize);

/*! Name of a payload type's codec, static; NULL when unknown. */
const char *janus_get_codec_from_pt(const char *sdp, int ptype);

/*! Payload type of a codec; −1 NULL or unknown codec, −2 not there, −3 no rtpmap. The text is not
 * touched. */
int janus_get_codec_pt(const char *sdp, const char *codec);

/*! Writes "a positive integer" and the like into 20 bytes. */
void janus_get_json_type_name(int jtype, unsigned int flags, char *type_name);

/*! The monotonic clock, µs; the same as GLib's, because older modules set GLib timers with it. */
gint64 janus_get_monotonic_time(void);

/*! The raw monotonic clock, µs. */
gint64 janus_get_monotonic_time_internal(void);

/*! Wall clock, µs since 1970. */
gint64 janus_get_real_time(void);

/*! A gzip container; its size, or 0 when it does not fit or an argument is missing. */
size_t janus_gzip_compress(int compression, char *text, size_t tlen, char *compressed, size_t zlen);

/*! A slice of another picture. */
gboolean janus_h264_is_b_frame(const char *buffer, int len);

/*! A slice of an IDR picture. */
gboolean janus_h264_is_i_frame(const char *buffer, int len);

gboolean janus_h264_is_keyframe(const char *buffer, int len);

gboolean janus_h265_is_keyframe(const char *buffer, int len);

gboolean janus_is_folder_protected(const char *path);

/*! By video codec number; FALSE for others. */
gboolean janus_is_keyframe(int codec, const char *buffer, int len);

gboolean janus_is_true(const char *value);

/*! Whether val has the type (either boolean for JSON_TRUE) and passes the flags. */
gboolean janus_json_is_valid(json_t *val, json_type jtype, unsigned int flags);

/*! Released with g_free; NULL without a path, and without a base for a relative one. */
gchar *janus_make_absolute_path(const gchar *base_dir, const gchar *path);

/*! Nothing to do: janus_get_monotonic_time does not count from the start. */
void janus_mark_started(void);

/*! 0, or −1 with errno. */
int janus_mkdir(const char *dir, mode_t mode);

/*! 0, also without a file; −1 when it is locked or cannot be written. */
int janus_pidfile_create(const char *file);

int janus_pidfile_remove(void);

void janus_protected_folder_add(const char *);

void janus_protected_folders_clear(void);

/*! word with the low num bits of val appended. */
guint32 janus_push_bits(guint32 word, size_t num, guint32 val);

guint32 janus_random_uint32(void);

/*! 53 bits. */
guint64 janus_random_uint64(void);

guint64 janus_random_uint64_full(void);

/*! Released with g_free. */
char *janus_random_uuid(void);

/*! The length, 0 for an empty list; 1 for NULL and negative arguments, −2 when the buffer is too
 * small. */
int janus_red_pack_blocks(char *buffer, int len, GList *blocks);

/*! A list of janus_red_block, to be released with g_list_free_full(list, g_free). */
GList *janus_red_parse_blocks(char *buffer, int len);

/*! Every block gets this payload type. 0; −1 arguments. */
int janus_red_replace_block_pt(char *buffer, int len, int pt);

/*! One byte at index i. */
void janus_set1(guint8 *data, size_t i, guint8 val);

/*! Two bytes, big-endian. */
void janus_set2(guint8 *data, size_t i, guint32 val);

/*! Three bytes, big-endian. */
void janus_set3(guint8 *data, size_t i, guint32 val);

/*! Four bytes, big-endian. */
void janus_set4(guint8 *data, size_t i, guint32 val);

gboolean janus_strcmp_const_time(const void *str1, const void *str2);

/*! Takes over message (GLib memory) and returns what replaces it, perhaps the same pointer. */
char *janus_string_replace(char *message, const char *old_string, const char *new_string);

/*! As janus_string_to_uint8. */
int janus_string_to_uint16(const char *str, uint16_t *num);

/*! As janus_string_to_uint8. */
int janus_string_to_uint32(const char *str, uint32_t *num);

/*! 0, −ERANGE, or −EINVAL for NULL. */
int janus_string_to_uint8(const char *str, uint8_t *num);

/*! Appends within dest_size bytes and returns the length it needs. */
size_t janus_strlcat(char *dest, const char *src, size_t dest_size);

/*! Appends at *offset and advances it: 0, −1 NULL, −2 no room, −3 truncated. */
int janus_strlcat_fast(char *dest, const char *src, size_t dest_size, size_t *offset);

/*! A key for tables that hash by g_int64_hash; released with g_free. */
guint64 *janus_uint64_dup(guint64 num);

guint64 janus_uint64_hash(guint64);

gboolean janus_vp8_is_keyframe(const char *buffer, int len);

/*! 0; −1 shorter than 6 bytes. m: the picture id has 15 bits. Outputs are 0 where the descriptor
 * has nothing. */
int janus_vp8_parse_descriptor(char *buffer, int len, gboolean *m, uint16_t *picid, uint8_t *tl0picidx, uint8_t *tid, uint8_t *y, uint8_t *keyidx);

/*! All zero. */
void janus_vp8_simulcast_context_reset(janus_vp8_simulcast_context *context);

void janus_vp8_simulcast_descriptor_update(char *buffer, int len, janus_vp8_simulcast_context *context, gboolean switched);

gboolean janus_vp9_is_keyframe(const char *buffer, int len);

/*! 0; −1 truncated. */
int janus_vp9_parse_svc(char *buffer, int len, gboolean *found, janus_vp9_svc_info *info);

/*! Checks the members of a JSON object against an array of struct janus_json_parameter (not a pointer to one).
 * error_code becomes 0, missing_code or invalid_code, and error_cause, when it is not NULL, the reason: an array of
 * char, formatted by missing_format (one %s: the name) or invalid_format (two: name and expected kind). */
#define JANUS_VALIDATE_JSON_OBJECT_FORMAT(missing_format, invalid_format, obj, params, error_code, error_cause, log_error, missing_code, invalid_code) \
	do { \
		error_code = 0; \
		for(size_t janus_i_ = 0; error_code == 0 && janus_i_ < sizeof(params) / sizeof((params)[0]); janus_i_++) { \
			const struct janus_json_parameter *janus_param_ = &(params)[janus_i_]; \
			json_t *janus_value_ = json_object_get(obj, janus_param_->name); \
			if(janus_value_ == NULL && (janus_param_->flags & JANUS_JSON_PARAM_REQUIRED)) { \
				error_code = (missing_code); \
				if(log_error) \
					JANUS_LOG(LOG_ERR, missing_format "\n", janus_param_->name); \
				if((void *)(error_cause) != NULL) \
					g_snprintf((char *)(error_cause), sizeof(error_cause), missing_format, janus_param_->name); \
			} else if(janus_value_ != NULL && !janus_json_is_valid(janus_value_, janus_param_->jtype, janus_param_->flags)) { \
				char janus_kind_[20]; \
				janus_get_json_type_name(janus_param_->jtype, janus_param_->flags, janus_kind_); \
				error_code = (invalid_code); \
				if(log_error) \
					JANUS_LOG(LOG_ERR, invalid_format "\n", janus_param_->name, janus_kind_); \
				if((void *)(error_cause) != NULL) \
					g_snprintf((char *)(error_cause), sizeof(error_cause), invalid_format, janus_param_->name, janus_kind_); \
			} \
		} \
	} while(0)

/*! JANUS_VALIDATE_JSON_OBJECT_FORMAT with the texts of the Janus API. */
#define JANUS_VALIDATE_JSON_OBJECT(obj, params, error_code, error_cause, log_error, missing_code, invalid_code) \
	JANUS_VALIDATE_JSON_OBJECT_FORMAT("Missing mandatory element (%s)", "Invalid element type (%s should be %s)", \
		obj, params, error_code, error_cause, log_error, missing_code, invalid_code)

/*! When secret is not NULL, the member of obj has to be equal to it. */
#define JANUS_CHECK_SECRET(secret, obj, member, error_code, error_cause, missing_code, invalid_code, unauthorized_code) \
	do { \
		if(secret) { \
			static struct janus_json_parameter janus_secret_[] = { \
				{member, JSON_STRING, JANUS_JSON_PARAM_REQUIRED} \
			}; \
			JANUS_VALIDATE_JSON_OBJECT(obj, janus_secret_, error_code, error_cause, TRUE, missing_code, invalid_code); \
			if(error_code == 0 && !janus_strcmp_const_time((secret), json_string_value(json_object_get(obj, member)))) { \
				error_code = (unauthorized_code); \
				JANUS_LOG(LOG_ERR, "Unauthorized (wrong %s)\n", member); \
				if((void *)(error_cause) != NULL) \
					g_snprintf((char *)(error_cause), sizeof(error_cause), "Unauthorized (wrong %s)", member); \
			} \
		} \
	} while(0)

#ifdef __cplusplus
}
#endif

#endif
