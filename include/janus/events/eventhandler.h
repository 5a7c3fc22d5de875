/*! \file eventhandler.h
 * \brief What an event handler is made of.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_EVENTHANDLER_H
#define JANUS_EVENTHANDLER_H

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>
#include <jansson.h>
#include "../events.h"
#include "../utils.h"

#ifdef __cplusplus
extern "C" {
#endif

#define JANUS_EVENTHANDLER_API_VERSION 3

/* The form of these headers, for janus_rs_register(). */
#ifndef JANUS_RS_SDK
#define JANUS_RS_SDK 6
#endif

/* Members given twice are meant: the later one counts. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

/*! Initialiser: every member NULL unless given as .member = value. */
#define JANUS_EVENTHANDLER_INIT(...) { \
		.init = NULL, \
		.destroy = NULL, \
		.get_api_compatibility = NULL, \
		.get_version = NULL, \
		.get_version_string = NULL, \
		.get_description = NULL, \
		.get_name = NULL, \
		.get_author = NULL, \
		.get_package = NULL, \
		.incoming_event = NULL, \
		.handle_request = NULL, \
		.events_mask = 0, \
		## __VA_ARGS__ }

typedef struct janus_eventhandler janus_eventhandler;

/*! The event handler's functions. Events are lent: take a reference of what is kept. events_mask
 * may change at any time. */
struct janus_eventhandler {
	int (*const init)(const char *);
	void (*const destroy)(void);
	int (*const get_api_compatibility)(void);
	int (*const get_version)(void);
	const char *(*const get_version_string)(void);
	const char *(*const get_description)(void);
	const char *(*const get_name)(void);
	const char *(*const get_author)(void);
	const char *(*const get_package)(void);
	void (*const incoming_event)(json_t *);
	json_t *(*const handle_request)(json_t *);
	janus_flags events_mask;
};

/*! The function that every event handler exports under the name create. */
typedef janus_eventhandler *create_e(void);

#ifdef __cplusplus
}
#endif

#endif
