/*! \file debug.h
 * \brief Logging for modules.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_DEBUG_H
#define JANUS_DEBUG_H

#include <time.h>
#include <glib.h>
#include <glib/gprintf.h>
#include "log.h"

#ifdef __cplusplus
extern "C" {
#endif

/*! Highest level that is printed. */
extern int janus_log_level;
/*! Whether lines begin with the date. */
extern gboolean janus_log_timestamps;
/*! Whether tags are coloured; 0 or 1. */
extern gboolean janus_log_colors;
/*! First text of every line, or NULL. */
extern char *janus_log_global_prefix;

/*! Terminal colours. */
#define ANSI_COLOR_RED     "\x1b[31m"
#define ANSI_COLOR_GREEN   "\x1b[32m"
#define ANSI_COLOR_YELLOW  "\x1b[33m"
#define ANSI_COLOR_BLUE    "\x1b[34m"
#define ANSI_COLOR_MAGENTA "\x1b[35m"
#define ANSI_COLOR_CYAN    "\x1b[36m"
#define ANSI_COLOR_RESET   "\x1b[0m"

/*! Levels; FATAL, ERR and DBG lines say where they come from. */
#define LOG_DBG (7)
#define LOG_ERR (2)
#define LOG_FATAL (1)
#define LOG_HUGE (6)
#define LOG_INFO (4)
#define LOG_MAX LOG_DBG
#define LOG_NONE (0)
#define LOG_VERB (5)
#define LOG_WARN (3)

/*! Prints without any decoration. */
#define JANUS_PRINT janus_vprintf

/*! The tag of a level, plain or coloured. */
static inline const char *janus_log_tag_(int level, gboolean colored) {
	switch(level) {
		case LOG_FATAL: return colored ? ANSI_COLOR_MAGENTA "[FATAL]" ANSI_COLOR_RESET " " : "[FATAL] ";
		case LOG_ERR: return colored ? ANSI_COLOR_RED "[ERR]" ANSI_COLOR_RESET " " : "[ERR] ";
		case LOG_WARN: return colored ? ANSI_COLOR_YELLOW "[WARN]" ANSI_COLOR_RESET " " : "[WARN] ";
		default: return "";
	}
}

/*! Writes "[date] " into \c buffer, or nothing. */
static inline const char *janus_log_date_(char *buffer, size_t size) {
	buffer[0] = '\0';
	if(janus_log_timestamps) {
		time_t now = time(NULL);
		struct tm local;
		if(localtime_r(&now, &local) == NULL || strftime(buffer, size, "[%a %b %e %H:%M:%S %Y] ", &local) == 0)
			buffer[0] = '\0';
	}
	return buffer;
}

/*! Prints a line when \c level is enabled; the format ends with the line end. */
#define JANUS_LOG(level, format, ...) \
	do { \
		if((level) > LOG_NONE && (level) <= LOG_MAX && (level) <= janus_log_level) { \
			char janus_log_date_buffer_[64]; \
			const char *janus_log_prefix_ = janus_log_global_prefix ? janus_log_global_prefix : ""; \
			janus_log_date_(janus_log_date_buffer_, sizeof(janus_log_date_buffer_)); \
			if((level) == LOG_FATAL || (level) == LOG_ERR || (level) == LOG_DBG) \
				JANUS_PRINT("%s%s%s[%s:%s:%d] " format, janus_log_prefix_, janus_log_date_buffer_, \
					janus_log_tag_((level), janus_log_colors), __FILE__, __func__, __LINE__, ##__VA_ARGS__); \
			else \
				JANUS_PRINT("%s%s%s" format, janus_log_prefix_, janus_log_date_buffer_, \
					janus_log_tag_((level), janus_log_colors), ##__VA_ARGS__); \
		} \
	} while(0)

#ifdef __cplusplus
}
#endif

#endif
