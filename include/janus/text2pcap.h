/*! \file text2pcap.h
 * \brief Packet dumps.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_TEXT2PCAP_H
#define JANUS_TEXT2PCAP_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glib.h>
#include "mutex.h"

#ifdef __cplusplus
extern "C" {
#endif

/*! What a dumped packet is. */
typedef enum janus_text2pcap_packet {
	JANUS_TEXT2PCAP_RTP = 0,
	JANUS_TEXT2PCAP_RTCP = 1,
	JANUS_TEXT2PCAP_DATA = 2
} janus_text2pcap_packet;

/*! A dump. */
typedef struct janus_text2pcap {
	char *filename;
	FILE *file;
	int truncate;
	gboolean text;
	volatile int writable;
	janus_mutex mutex;
} janus_text2pcap;

/*! 0, −1 when it is closed. */
int janus_text2pcap_close(janus_text2pcap *instance);

/*! NULL when truncate is negative, the folder is protected, or the file cannot be opened. */
janus_text2pcap *janus_text2pcap_create(const char *dir, const char *filename, int truncate, gboolean text);

/*! 0; −1 bad arguments or closed, −2 write error. The last arguments are a printf-like remark. */
int janus_text2pcap_dump(janus_text2pcap *, janus_text2pcap_packet, gboolean, char *, int, const char *, ...);

void janus_text2pcap_free(janus_text2pcap *);

/*! Static text, NULL for unknown types. */
const char *janus_text2pcap_packet_string(janus_text2pcap_packet kind);

#ifdef __cplusplus
}
#endif

#endif
