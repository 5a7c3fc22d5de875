/* Calls of exported functions with every combination of NULL and valid pointers and with edge integers.
 *
 * A statement names the pointer arguments P(n, value); EACH runs it for all 2^pointers combinations, with each edge.
 * Values of CALL, TEXT and OWNED are compared with what the function has to return when a pointer in `checked` (bit n for
 * P(n, …)) is NULL. Fixtures live until the call is over; TAKEN says that the function takes ownership. */
#ifndef EXPORTS_H
#define EXPORTS_H

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <plugins/plugin.h>
#include <transports/transport.h>
#include <config.h>
#include <events.h>
#include <ip-utils.h>
#include <log.h>
#include <record.h>
#include <rtcp.h>
#include <rtp.h>
#include <rtpsrtp.h>
#include <sdp-utils.h>
#include <text2pcap.h>
#include <apierror.h>
#include <utils.h>

/*! Bit n: the nth pointer argument is NULL. */
extern unsigned nulls;
extern unsigned pointers;
/*! Which edge. */
extern int edge;
extern int calls, failures;

#define EDGES 6
/*! Bytes of a packet() and of a buffer(); no valid length is larger. */
#define PACKET 1500

/*! Edge integer; the kth integer of a call gets another one than the first. Beyond PACKET only if no pointer is valid. */
int integer(int k);
/*! As integer(), never negative while there is a valid pointer: for unsigned lengths and offsets. */
unsigned natural(int k);

/*! Frees `memory` with `release` when the call is over. */
void *keep(void *memory, void (*release)(void *));
/*! The function frees it. */
void *taken(void *memory);
void begin(const char *what);
void end(void);
void expect(int holds, const char *what);

/* Fixtures. */
char *packet(void);
char *rtcp(void);
/*! PACKET + 16 bytes, zero. */
void *buffer(void);
/*! Depends on the edge. */
const char *text(void);
char *owned_text(void);
const char *description(void);
janus_sdp *sdp(void);
janus_sdp_mline *mline(void);
janus_sdp_attribute *attribute(void);
char **rids(void);
json_t *simulcast(void);
janus_config *config(void);
janus_config_container *category(void);
janus_recorder *recorder(void);
janus_text2pcap *pcap(void);
janus_plugin_rtp *plugin_rtp(void);
struct ifaddrs *interfaces(void);
janus_network_query_config *query(void);
janus_network_address *address(void);
GHashTable *table(void);
GQueue *queue(void);
GList *red_blocks(void);
void free_blocks(void *list);
void free_list(void *list);
void free_rtp(void *rtp);

#define P(n, value) ((nulls >> (n)) & 1 ? NULL : (value))
#define TAKEN(value) taken(value)
#define EACH(count, name, ...) \
	do { \
		pointers = (count); \
		for(nulls = 0; nulls < 1u << (count); nulls++) \
			for(edge = 0; edge < EDGES; edge++) { \
				begin(name); \
				__VA_ARGS__; \
				end(); \
			} \
	} while(0)

/*! Returns nothing. */
#define VOID(count, call) EACH(count, #call, call)
/*! Returns a value. */
#define CALL(count, checked, failure, call) \
	EACH(count, #call, { \
		__typeof__(call) result = call; \
		if(nulls & (checked)) \
			expect(result == (failure), #call); \
	})
/*! Returns text that is not the caller's; it is read. */
#define TEXT(count, checked, call) \
	EACH(count, #call, { \
		const char *result = call; \
		if(nulls & (checked)) \
			expect(result == NULL, #call); \
		if(result != NULL) \
			calls += strlen(result) > 100000; \
	})
/*! Returns what has to be released. */
#define OWNED(count, checked, release, call) \
	EACH(count, #call, { \
		void *result = call; \
		if(nulls & (checked)) \
			expect(result == NULL, #call); \
		if(result != NULL) \
			keep(result, (void (*)(void *))release); \
	})

void test_config(void);
void test_events(void);
void test_ip_utils(void);
void test_log(void);
void test_plugin(void);
void test_record(void);
void test_rtcp(void);
void test_rtp(void);
void test_rtpfwd(void);
void test_sdp_utils(void);
void test_text2pcap(void);
void test_transport(void);
void test_utils(void);

#endif
