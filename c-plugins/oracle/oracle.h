/* The oracle: a plugin that calls the core's helpers and writes down what they answer. Two cores that it is loaded
 * into must write the same. One shared object is built per subject, so that a crash costs one subject only. */
#ifndef ORACLE_H
#define ORACLE_H

#include <glib.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include <plugins/plugin.h>
#include <transports/transport.h>
#include <apierror.h>
#include <config.h>
#include <debug.h>
#include <ip-utils.h>
#include <log.h>
#include <mutex.h>
#include <record.h>
#include <refcount.h>
#include <rtcp.h>
#include <rtp.h>
#include <rtpsrtp.h>
#include <sdp-utils.h>
#include <text2pcap.h>
#include <utils.h>

/* Headers of 1.4 rather than 1.1. */
#define ORACLE_14 (JANUS_PLUGIN_API_VERSION >= 106)

/* The one function of a subject. */
void oracle_subject(void);
extern const char oracle_name[];
#define SUBJECT(name) const char oracle_name[] = #name; void oracle_subject(void)

/* Begins a line: `function<TAB>label<TAB>`; what follows until the next CASE are its results. The line is in the file
 * before the function is called, so a crash names its case. */
void oracle_case(const char *function, const char *label, ...) G_GNUC_PRINTF(2, 3);
#define CASE oracle_case
void INT(long long value);
void REAL(double value);
/* Escaped, in quotes; long text as hash and length. NULL is written as such. */
void TEXT(const char *text);
/* TEXT, then g_free. */
void TAKE(char *text);
/* Hexadecimal; many bytes as hash and length. */
void BYTES(const void *bytes, size_t length);
/* A word between values. */
void WORD(const char *word);

/* Pseudo-random numbers, equal in every run. */
void oracle_seed(uint64_t seed);
uint32_t oracle_random(void);
/* 0 … limit-1 */
uint32_t oracle_below(uint32_t limit);
/* A printable text of that many characters, in a buffer that the next call reuses. */
const char *oracle_random_text(size_t length);

/* The clock of this thread stands still, and moves only when told (µs; monotonic, the other follows). */
void oracle_clock_advance(gint64 microseconds);

/* One input of the corpus. */
typedef struct oracle_item {
	char *name;
	/* NUL-terminated behind `length`. */
	char *bytes;
	size_t length;
} oracle_item;
/* The files of tests/corpus/FOLDER with this ending, by name, whole. */
GPtrArray *oracle_files(const char *folder, const char *ending);
/* The lines of the .hex files of tests/corpus/FOLDER, named FILE:LINE. */
GPtrArray *oracle_packets(const char *folder);
const char *oracle_corpus(void);
/* An empty folder for the subject's files. */
const char *oracle_scratch(void);

/* Calls `body` with copies of each item: whole, cut at every `step`th byte, and with damage to every `step`th byte.
 * `room` more bytes are behind each copy, zero. */
typedef void (*oracle_body)(const char *label, char *bytes, int length);
void oracle_damage(const GPtrArray *items, int step, size_t room, oracle_body body);

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define EACH(type, variable, array) \
	for(type *variable = (array); variable < (array) + COUNT(array); variable++)

#endif
