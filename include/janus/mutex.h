/*! \file mutex.h
 * \brief Locks that modules and the core share.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_MUTEX_H
#define JANUS_MUTEX_H

#include <errno.h>
#include <pthread.h>
#include <glib.h>
#include "debug.h"

#ifdef __cplusplus
extern "C" {
#endif

/*! Non-zero: every operation is printed. */
extern int lock_debug;

/*! The lock inside shared structs: GLib's, 8 bytes. */
typedef GMutex janus_mutex;
/*! The condition that goes with it. */
typedef GCond janus_condition;

/*! For locks that are static. */
#define JANUS_MUTEX_INITIALIZER {0}

#define janus_mutex_print_(operation, mutex) \
	JANUS_PRINT("[%s:%s:%d:" operation "] %p\n", __FILE__, __func__, __LINE__, (void *)(mutex))

#define janus_mutex_init(mutex) g_mutex_init(mutex)
#define janus_mutex_destroy(mutex) g_mutex_clear(mutex)

#define janus_mutex_lock_nodebug(mutex) g_mutex_lock(mutex)
#define janus_mutex_lock_debug(mutex) do { janus_mutex_print_("lock", mutex); g_mutex_lock(mutex); } while(0)
/*! Takes the lock. */
#define janus_mutex_lock(mutex) \
	do { if(lock_debug) janus_mutex_print_("lock", mutex); g_mutex_lock(mutex); } while(0)

#define janus_mutex_unlock_nodebug(mutex) g_mutex_unlock(mutex)
#define janus_mutex_unlock_debug(mutex) do { janus_mutex_print_("unlock", mutex); g_mutex_unlock(mutex); } while(0)
/*! Releases the lock. */
#define janus_mutex_unlock(mutex) \
	do { if(lock_debug) janus_mutex_print_("unlock", mutex); g_mutex_unlock(mutex); } while(0)

static inline gboolean janus_mutex_trylock_(janus_mutex *mutex, const char *file, const char *function, int line) {
	if(lock_debug)
		JANUS_PRINT("[%s:%s:%d:trylock] %p\n", file, function, line, (void *)mutex);
	return g_mutex_trylock(mutex);
}
/*! TRUE when the lock was free and is now taken. */
#define janus_mutex_trylock(mutex) janus_mutex_trylock_((mutex), __FILE__, __func__, __LINE__)

#define janus_condition_init(condition) g_cond_init(condition)
#define janus_condition_destroy(condition) g_cond_clear(condition)
#define janus_condition_wait(condition, mutex) g_cond_wait(condition, mutex)
/*! Until a moment of g_get_monotonic_time(), in µs. */
#define janus_condition_wait_until(condition, mutex, until) g_cond_wait_until(condition, mutex, until)
#define janus_condition_signal(condition) g_cond_signal(condition)
#define janus_condition_broadcast(condition) g_cond_broadcast(condition)

#ifdef __cplusplus
}
#endif

#endif
