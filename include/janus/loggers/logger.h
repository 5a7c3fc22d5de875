/*! \file logger.h
 * \brief What a logger is made of.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_LOGGER_H
#define JANUS_LOGGER_H

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>
#include <jansson.h>
#include "../utils.h"

#ifdef __cplusplus
extern "C" {
#endif

#define JANUS_LOGGER_API_VERSION 3

/* The form of these headers, for janus_rs_register(). */
#ifndef JANUS_RS_SDK
#define JANUS_RS_SDK 6
#endif

/* Members given twice are meant: the later one counts. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Woverride-init"
#endif

/*! Initialiser: every member NULL unless given as .member = value. */
#define JANUS_LOGGER_INIT(...) { \
		.init = NULL, \
		.destroy = NULL, \
		.get_api_compatibility = NULL, \
		.get_version = NULL, \
		.get_version_string = NULL, \
		.get_description = NULL, \
		.get_name = NULL, \
		.get_author = NULL, \
		.get_package = NULL, \
		.incoming_logline = NULL, \
		.handle_request = NULL, \
		## __VA_ARGS__ }

typedef struct janus_logger janus_logger;

/*! The logger's functions. incoming_logline gets the wall clock (µs) and the line as printed, lent. */
struct janus_logger {
	int (*const init)(const char *, const char *);
	void (*const destroy)(void);
	int (*const get_api_compatibility)(void);
	int (*const get_version)(void);
	const char *(*const get_version_string)(void);
	const char *(*const get_description)(void);
	const char *(*const get_name)(void);
	const char *(*const get_author)(void);
	const char *(*const get_package)(void);
	void (*const incoming_logline)(int64_t, const char *);
	json_t *(*const handle_request)(json_t *);
};

/*! The function that every logger exports under the name create. */
typedef janus_logger *create_l(void);

#ifdef __cplusplus
}
#endif

#endif
