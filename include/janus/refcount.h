/*! \file refcount.h
 * \brief Counted references, changed inline by modules and core on any thread.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_REFCOUNT_H
#define JANUS_REFCOUNT_H

#include <stddef.h>
#include <glib.h>
#include "mutex.h"

#ifdef __cplusplus
extern "C" {
#endif

/*! Non-zero: every change is printed. */
extern int refcount_debug;

typedef struct janus_refcount janus_refcount;
/*! Embedded in what is counted. Whoever drops the last reference calls free with the counter's address. */
struct janus_refcount {
	gint count;
	void (*free)(const janus_refcount *);
};

/*! The struct around a counter. */
#define janus_refcount_containerof(refptr, type, member) \
	((type *)((char *)(refptr) - offsetof(type, member)))

#define janus_refcount_print_(operation, refp, value) \
	JANUS_PRINT("[%s:%s:%d:" operation "] %p (%d)\n", __FILE__, __func__, __LINE__, (void *)(refp), (value))

#define janus_refcount_init_nodebug(refp, free_fn) \
	do { (refp)->count = 1; (refp)->free = (free_fn); } while(0)
#define janus_refcount_init_debug(refp, free_fn) \
	do { janus_refcount_init_nodebug(refp, free_fn); janus_refcount_print_("init", refp, 1); } while(0)
/*! One reference, owned by the caller. */
#define janus_refcount_init(refp, free_fn) \
	do { \
		janus_refcount_init_nodebug(refp, free_fn); \
		if(refcount_debug) \
			janus_refcount_print_("init", refp, 1); \
	} while(0)

#define janus_refcount_increase_nodebug(refp) g_atomic_int_inc((gint *)&(refp)->count)
#define janus_refcount_increase_debug(refp) \
	do { \
		janus_refcount_print_("increase", refp, (refp)->count + 1); \
		janus_refcount_increase_nodebug(refp); \
	} while(0)
/*! One reference more. */
#define janus_refcount_increase(refp) \
	do { \
		if(refcount_debug) \
			janus_refcount_print_("increase", refp, (refp)->count + 1); \
		janus_refcount_increase_nodebug(refp); \
	} while(0)

#define janus_refcount_decrease_nodebug(refp) \
	do { \
		if(g_atomic_int_dec_and_test((gint *)&(refp)->count)) \
			(refp)->free(refp); \
	} while(0)
#define janus_refcount_decrease_debug(refp) \
	do { \
		janus_refcount_print_("decrease", refp, (refp)->count - 1); \
		janus_refcount_decrease_nodebug(refp); \
	} while(0)
/*! One reference less; the last one frees, here and now. */
#define janus_refcount_decrease(refp) \
	do { \
		if(refcount_debug) \
			janus_refcount_print_("decrease", refp, (refp)->count - 1); \
		janus_refcount_decrease_nodebug(refp); \
	} while(0)

#ifdef __cplusplus
}
#endif

#endif
