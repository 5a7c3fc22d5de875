/*! \file events.h
 * \brief Events for event handlers.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_EVENTS_H
#define JANUS_EVENTS_H

#include <glib.h>
#include <jansson.h>
#include "utils.h"

#ifdef __cplusplus
extern "C" {
#endif

/*! Types, also the bits of an event handler's mask. */
#define JANUS_EVENT_TYPE_ALL 0xffffffffu
#define JANUS_EVENT_TYPE_CORE 256
#define JANUS_EVENT_TYPE_EXTERNAL 4
#define JANUS_EVENT_TYPE_HANDLE 2
#define JANUS_EVENT_TYPE_JSEP 8
#define JANUS_EVENT_TYPE_MEDIA 32
#define JANUS_EVENT_TYPE_NONE 0
#define JANUS_EVENT_TYPE_PLUGIN 64
#define JANUS_EVENT_TYPE_SESSION 1
#define JANUS_EVENT_TYPE_TRANSPORT 128
#define JANUS_EVENT_TYPE_WEBRTC 16

/*! Subtypes. */
#define JANUS_EVENT_SUBTYPE_CORE_SHUTDOWN 2
#define JANUS_EVENT_SUBTYPE_CORE_STARTUP 1
#define JANUS_EVENT_SUBTYPE_MEDIA_SLOWLINK 2
#define JANUS_EVENT_SUBTYPE_MEDIA_STATE 1
#define JANUS_EVENT_SUBTYPE_MEDIA_STATS 3
#define JANUS_EVENT_SUBTYPE_NONE 0
#define JANUS_EVENT_SUBTYPE_WEBRTC_DTLS 5
#define JANUS_EVENT_SUBTYPE_WEBRTC_ICE 1
#define JANUS_EVENT_SUBTYPE_WEBRTC_LCAND 2
#define JANUS_EVENT_SUBTYPE_WEBRTC_PAIR 4
#define JANUS_EVENT_SUBTYPE_WEBRTC_RCAND 3
#define JANUS_EVENT_SUBTYPE_WEBRTC_STATE 6

void janus_events_deinit(void);

/*! Replaces the mask by what the comma list of labels says; NULL changes nothing. */
void janus_events_edit_events_mask(const char *list, janus_flags *target);

int janus_events_init(gboolean, char *, GHashTable *);

/*! Whether events are broadcast. */
gboolean janus_events_is_enabled(void);

void janus_events_notify_handlers(int, int, guint64, ...);

/*! Static text or NULL. */
const char *janus_events_type_to_label(int kind);

/*! Static text or NULL. */
const char *janus_events_type_to_name(int kind);

#ifdef __cplusplus
}
#endif

#endif
