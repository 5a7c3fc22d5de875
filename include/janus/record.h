/*! \file record.h
 * \brief Recordings (.mjr).
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_RECORD_H
#define JANUS_RECORD_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glib.h>
#include "mutex.h"
#include "refcount.h"
#include "rtp.h"

#ifdef __cplusplus
extern "C" {
#endif

/*! What is recorded. */
typedef enum janus_recorder_medium {
	JANUS_RECORDER_AUDIO = 0,
	JANUS_RECORDER_VIDEO = 1,
	JANUS_RECORDER_DATA = 2
} janus_recorder_medium;

/*! A recording. */
typedef struct janus_recorder {
	char *dir;
	char *filename;
	FILE *file;
	char *codec;
	char *fmtp;
	char *description;
	GHashTable *extensions;
	gint64 created;
	gint64 started;
	janus_recorder_medium type;
	int opusred_pt;
	gboolean encrypted;
	volatile int header;
	volatile int writable;
	volatile int paused;
	janus_rtp_switching_context context;
	janus_mutex mutex;
	volatile gint destroyed;
	janus_refcount ref;
} janus_recorder;

/*! Ids 1 … 15, before the first frame; else −1. */
int janus_recorder_add_extmap(janus_recorder *recorder, int id, const char *extmap);

/*! 0, −1 when it was closed. */
int janus_recorder_close(janus_recorder *recorder);

/*! janus_recorder_create_full without fmtp. */
janus_recorder *janus_recorder_create(const char *dir, const char *codec, const char *filename);

/*! One reference, or NULL: codec, folder or file are no good. */
janus_recorder *janus_recorder_create_full(const char *dir, const char *codec, const char *fmtp, const char *filename);

void janus_recorder_deinit(void);

/*! Without effect, and still 0, after the first frame. */
int janus_recorder_description(janus_recorder *recorder, const char *description);

/*! Drops the creator's reference, once. */
void janus_recorder_destroy(janus_recorder *recorder);

/*! Before the first frame, else −1. */
int janus_recorder_encrypted(janus_recorder *recorder);

/*! Files get .extension (default tmp) until they are closed. */
void janus_recorder_init(gboolean tempnames, const char *extension);

/*! Before the first frame, else −1. */
int janus_recorder_opusred(janus_recorder *recorder, int red_pt);

/*! 0, −2 when it was paused. */
int janus_recorder_pause(janus_recorder *recorder);

/*! 0, −2 when it was not paused. */
int janus_recorder_resume(janus_recorder *recorder);

/*! 0; −2 empty, −4 closed, −5 paused or no description, −6 write error The buffer is as before
 * afterwards. */
int janus_recorder_save_frame(janus_recorder *recorder, char *buffer, uint length);

#ifdef __cplusplus
}
#endif

#endif
