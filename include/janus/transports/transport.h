/*! \file transport.h
 * \brief What a transport is made of, and what it may call.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_TRANSPORT_H
#define JANUS_TRANSPORT_H

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>
#include <jansson.h>
#include "../mutex.h"
#include "../refcount.h"

#ifdef __cplusplus
extern "C" {
#endif

#define JANUS_TRANSPORT_API_VERSION 8

/* The form of these headers, for janus_rs_register(). */
#ifndef JANUS_RS_SDK
#define JANUS_RS_SDK 6
#endif

/* Members given twice are meant: the later one counts. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

/*! Initialiser: every member NULL unless given as .member = value. */
#define JANUS_TRANSPORT_INIT(...) { \
		.init = NULL, \
		.destroy = NULL, \
		.get_api_compatibility = NULL, \
		.get_version = NULL, \
		.get_version_string = NULL, \
		.get_description = NULL, \
		.get_name = NULL, \
		.get_author = NULL, \
		.get_package = NULL, \
		.is_janus_api_enabled = NULL, \
		.is_admin_api_enabled = NULL, \
		.send_message = NULL, \
		.session_created = NULL, \
		.session_over = NULL, \
		.session_claimed = NULL, \
		.query_transport = NULL, \
		## __VA_ARGS__ }

typedef struct janus_transport_callbacks janus_transport_callbacks;
typedef struct janus_transport janus_transport;
typedef struct janus_transport_session janus_transport_session;

/*! A connection of the transport. The core holds references while sessions or requests need it. */
struct janus_transport_session {
	void *transport_p;
	void (*p_free)(void *);
	volatile gint destroyed;
	janus_mutex mutex;
	janus_refcount ref;
};

/*! The transport's functions. send_message takes over one reference of the message, always. */
struct janus_transport {
	int (*const init)(janus_transport_callbacks *, const char *);
	void (*const destroy)(void);
	int (*const get_api_compatibility)(void);
	int (*const get_version)(void);
	const char *(*const get_version_string)(void);
	const char *(*const get_description)(void);
	const char *(*const get_name)(void);
	const char *(*const get_author)(void);
	const char *(*const get_package)(void);
	gboolean (*const is_janus_api_enabled)(void);
	gboolean (*const is_admin_api_enabled)(void);
	int (*const send_message)(janus_transport_session *, void *, gboolean, json_t *);
	void (*const session_created)(janus_transport_session *, guint64);
	void (*const session_over)(janus_transport_session *, guint64, gboolean, gboolean);
	void (*const session_claimed)(janus_transport_session *, guint64);
	json_t *(*const query_transport)(json_t *);
};

/*! The core's functions, for init. incoming_request takes over the message and reads the error only
 * without one. */
struct janus_transport_callbacks {
	void (*const incoming_request)(janus_transport *, janus_transport_session *, void *, gboolean, json_t *, json_error_t *);
	void (*const transport_gone)(janus_transport *, janus_transport_session *);
	gboolean (*const is_api_secret_needed)(janus_transport *);
	gboolean (*const is_api_secret_valid)(janus_transport *, const char *);
	gboolean (*const is_auth_token_needed)(janus_transport *);
	gboolean (*const is_auth_token_valid)(janus_transport *, const char *);
	gboolean (*const events_is_enabled)(void);
	void (*const notify_event)(janus_transport *, void *, json_t *);
};

/*! A connection object with one reference. free, when given, ends transport with the last
 * reference. */
janus_transport_session *janus_transport_session_create(void *transport, void (*free)(void *));

/*! Marks it destroyed and drops the creator's reference; later calls do nothing. */
void janus_transport_session_destroy(janus_transport_session *session);

/*! The function that every transport exports under the name create. */
typedef janus_transport *create_t(void);

#ifdef __cplusplus
}
#endif

#endif
