/*! \file plugin.h
 * \brief What a plugin is made of, and what it may call.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_PLUGIN_H
#define JANUS_PLUGIN_H

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>
#include <jansson.h>
#include "../refcount.h"

#ifdef __cplusplus
extern "C" {
#endif

#define JANUS_PLUGIN_API_VERSION 106

/* The form of these headers, for janus_rs_register(). */
#ifndef JANUS_RS_SDK
#define JANUS_RS_SDK 6
#endif

/* Members given twice are meant: the later one counts. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

/*! Initialiser: every member NULL unless given as .member = value. */
#define JANUS_PLUGIN_INIT(...) { \
		.init = NULL, \
		.destroy = NULL, \
		.get_api_compatibility = NULL, \
		.get_version = NULL, \
		.get_version_string = NULL, \
		.get_description = NULL, \
		.get_name = NULL, \
		.get_author = NULL, \
		.get_package = NULL, \
		.create_session = NULL, \
		.handle_message = NULL, \
		.handle_admin_message = NULL, \
		.setup_media = NULL, \
		.incoming_rtp = NULL, \
		.incoming_rtcp = NULL, \
		.incoming_data = NULL, \
		.data_ready = NULL, \
		.slow_link = NULL, \
		.hangup_media = NULL, \
		.destroy_session = NULL, \
		.query_session = NULL, \
		## __VA_ARGS__ }

typedef struct janus_callbacks janus_callbacks;
typedef struct janus_plugin_session janus_plugin_session;
typedef struct janus_plugin janus_plugin;
typedef struct janus_plugin_result janus_plugin_result;
typedef struct janus_plugin_rtp janus_plugin_rtp;
typedef struct janus_plugin_rtp_extensions janus_plugin_rtp_extensions;
typedef struct janus_plugin_rtcp janus_plugin_rtcp;
typedef struct janus_plugin_data janus_plugin_data;

/*! One handle. The plugin owns one reference, from create_session on; it drops it when it is done
 * with the session, after destroy_session. stopped is 1 once the core has stopped the handle. */
struct janus_plugin_session {
	void *gateway_handle;
	void *plugin_handle;
	volatile gint stopped;
	janus_refcount ref;
};

/*! The plugin's functions. Required: all but get_author, handle_admin_message, incoming_*,
 * data_ready and slow_link. handle_message owns its arguments: the transaction (g_free) and a
 * reference of each JSON value. */
struct janus_plugin {
	int (*const init)(janus_callbacks *, const char *);
	void (*const destroy)(void);
	int (*const get_api_compatibility)(void);
	int (*const get_version)(void);
	const char *(*const get_version_string)(void);
	const char *(*const get_description)(void);
	const char *(*const get_name)(void);
	const char *(*const get_author)(void);
	const char *(*const get_package)(void);
	void (*const create_session)(janus_plugin_session *, int *);
	struct janus_plugin_result *(*const handle_message)(janus_plugin_session *, char *, json_t *, json_t *);
	struct json_t *(*const handle_admin_message)(json_t *);
	void (*const setup_media)(janus_plugin_session *);
	void (*const incoming_rtp)(janus_plugin_session *, janus_plugin_rtp *);
	void (*const incoming_rtcp)(janus_plugin_session *, janus_plugin_rtcp *);
	void (*const incoming_data)(janus_plugin_session *, janus_plugin_data *);
	void (*const data_ready)(janus_plugin_session *);
	void (*const slow_link)(janus_plugin_session *, int, gboolean, gboolean);
	void (*const hangup_media)(janus_plugin_session *);
	void (*const destroy_session)(janus_plugin_session *, int *);
	json_t *(*const query_session)(janus_plugin_session *);
};

/*! The core's functions, for init. From any thread, also inside the plugin's own functions.
 * push_event borrows its JSON; notify_event takes it over; close_pc and end_session only ask. */
struct janus_callbacks {
	int (*const push_event)(janus_plugin_session *, janus_plugin *, const char *, json_t *, json_t *);
	void (*const relay_rtp)(janus_plugin_session *, janus_plugin_rtp *);
	void (*const relay_rtcp)(janus_plugin_session *, janus_plugin_rtcp *);
	void (*const relay_data)(janus_plugin_session *, janus_plugin_data *);
	void (*const send_pli)(janus_plugin_session *);
	void (*const send_pli_stream)(janus_plugin_session *, int);
	void (*const send_remb)(janus_plugin_session *, guint32);
	void (*const close_pc)(janus_plugin_session *);
	void (*const end_session)(janus_plugin_session *);
	gboolean (*const events_is_enabled)(void);
	void (*const notify_event)(janus_plugin *, janus_plugin_session *, json_t *);
	gboolean (*const auth_is_signed)(void);
	gboolean (*const auth_is_signature_valid)(janus_plugin *, const char *);
	gboolean (*const auth_signature_contains)(janus_plugin *, const char *, const char *);
};

/*! Values of header extensions; -1 or 0 (dd_len, abs_capture_ts) where there is none. */
struct janus_plugin_rtp_extensions {
	int8_t audio_level;
	gboolean audio_level_vad;
	int16_t video_rotation;
	gboolean video_back_camera;
	gboolean video_flipped;
	int16_t min_delay;
	int16_t max_delay;
	uint8_t dd_len;
	uint8_t dd_content[256];
	uint64_t abs_capture_ts;
	int8_t spatial_layers;
	int8_t temporal_layers;
};

/*! An RTP packet. Buffers are lent for the call. */
struct janus_plugin_rtp {
	int mindex;
	gboolean video;
	char *buffer;
	uint16_t length;
	janus_plugin_rtp_extensions extensions;
};

/*! A compound RTCP packet. */
struct janus_plugin_rtcp {
	int mindex;
	gboolean video;
	char *buffer;
	uint16_t length;
};

/*! A data channel message. */
struct janus_plugin_data {
	char *label;
	char *protocol;
	gboolean binary;
	char *buffer;
	uint16_t length;
};

/*! Kind of an answer. */
typedef enum janus_plugin_result_type {
	JANUS_PLUGIN_ERROR = -1,
	JANUS_PLUGIN_OK = 0,
	JANUS_PLUGIN_OK_WAIT = 1
} janus_plugin_result_type;

/*! An answer to handle_message, made by janus_plugin_result_new. */
struct janus_plugin_result {
	janus_plugin_result_type type;
	const char *text;
	json_t *content;
};

/*! Zero. */
void janus_plugin_data_reset(janus_plugin_data *packet);

/*! Drops the content's reference and frees the struct, never the text. */
void janus_plugin_result_destroy(janus_plugin_result *result);

/*! A result for handle_message, released by janus_plugin_result_destroy. text is borrowed and never
 * freed; the reference of content is taken over. Both may be NULL. */
janus_plugin_result *janus_plugin_result_new(janus_plugin_result_type type_, const char *text, json_t *content);

/*! Zero, mindex −1. */
void janus_plugin_rtcp_reset(janus_plugin_rtcp *packet);

/*! A copy of packet and buffer; the receiver frees the buffer, then the struct, with g_free. NULL
 * for NULL. */
janus_plugin_rtp *janus_plugin_rtp_duplicate(janus_plugin_rtp *packet);

/*! Sets every value to "absent", except abs_capture_ts, which stays as it is (helpers.md §13). */
void janus_plugin_rtp_extensions_reset(janus_plugin_rtp_extensions *extensions);

/*! Zero, mindex −1, extensions absent. */
void janus_plugin_rtp_reset(janus_plugin_rtp *packet);

/*! The function that every plugin exports under the name create. */
typedef janus_plugin *create_p(void);

#ifdef __cplusplus
}
#endif

#endif
