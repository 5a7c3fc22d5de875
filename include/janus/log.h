/*! \file log.h
 * \brief The log queue behind the macros of debug.h.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_LOG_H
#define JANUS_LOG_H

#include <stdio.h>
#include <glib.h>

#ifdef __cplusplus
extern "C" {
#endif

/*! Ends the log when all waiting lines are written. */
void janus_log_destroy(void);

/*! Borrowed for ever; NULL without a log file. */
char *janus_log_get_logfile_path(void);

/*! Starts the log; 0, also when it runs already, or -1 when the file cannot be opened. Only the
 * call that starts it looks at loggers (a table of name to janus_logger): older headers do not
 * have that argument. */
int janus_log_init(gboolean daemon, gboolean console, const char *logfile, GHashTable *loggers);

gboolean janus_log_is_logfile_enabled(void);

gboolean janus_log_is_stdout_enabled(void);

/*! Closes and reopens the log file after writing what waits. */
void janus_log_reload(void);

/*! Formats in the caller's thread and queues the line; never waits for output. */
void janus_vprintf(const char *, ...) G_GNUC_PRINTF(1, 2);

#ifdef __cplusplus
}
#endif

#endif
