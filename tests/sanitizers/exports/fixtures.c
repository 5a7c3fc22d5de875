/* Valid arguments. */
#include "exports.h"

static void *zero(size_t size) {
	return keep(calloc(1, size), free);
}

void *buffer(void) {
	return zero(PACKET + 16);
}

/*! RTP with a one-byte extension block. */
char *packet(void) {
	static const unsigned char head[] = {0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 2, 0x10, 0xff, 0x22, 1, 2,
		3, 0, 0, 0x90, 0x80, 0x80, 0x01, 0x9d, 0x01, 0x2a};
	char *bytes = keep(malloc(PACKET), free);
	memset(bytes, 0x65, PACKET);
	return memcpy(bytes, head, sizeof(head));
}

/*! A sender report, a NACK and a REMB; the rest is zero. */
char *rtcp(void) {
	static const unsigned char compound[] = {0x80, 200, 0, 6, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9, 0, 0, 0, 1, 0,
		0, 0, 1, 0x81, 205, 0, 3, 0, 0, 0, 3, 0, 0, 0, 4, 0, 7, 0, 1, 0x8f, 206, 0, 5, 0, 0, 0, 3, 0, 0, 0, 0, 'R', 'E',
		'M', 'B', 1, 0x0b, 0xff, 0xff, 0, 0, 0, 3};
	char *bytes = zero(PACKET);
	return memcpy(bytes, compound, sizeof(compound));
}

const char *text(void) {
	static const char *texts[EDGES] = {"", "opus", "96", "../x %s%n", "true,jsep", NULL};
	static char large[9000];
	memset(large, 'x', sizeof(large) - 1);
	return texts[edge] != NULL ? texts[edge] : large;
}

char *owned_text(void) {
	return keep(g_strdup(text()), g_free);
}

const char *description(void) {
	return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a v\r\n"
		"m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n"
		"a=rtpmap:63 red/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
		"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\n"
		"a=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\na=rtcp-fb:96 nack pli\r\n"
		"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\n";
}

janus_sdp *sdp(void) {
	return keep(janus_sdp_parse(description(), NULL, 0), (void (*)(void *))janus_sdp_destroy);
}

janus_sdp_mline *mline(void) {
	return keep(janus_sdp_mline_create(JANUS_SDP_VIDEO, 9, "UDP/TLS/RTP/SAVPF", JANUS_SDP_SENDRECV),
		(void (*)(void *))janus_sdp_mline_destroy);
}

janus_sdp_attribute *attribute(void) {
	return keep(janus_sdp_attribute_create("mid", "%d", edge), (void (*)(void *))janus_sdp_attribute_destroy);
}

static void free_rids(void *memory) {
	char **all = memory;
	for(int i = 0; i < 3; i++)
		g_free(all[i]);
	free(all);
}

char **rids(void) {
	return keep(calloc(3, sizeof(char *)), free_rids);
}

static void free_json(void *json) {
	json_decref(json);
}

json_t *simulcast(void) {
	return keep(json_pack("{s:[sss], s:i}", "rids", "h", "m", "l", "rid-ext", 5), free_json);
}

janus_config *config(void) {
	janus_config *made = janus_config_create("test.jcfg");
	janus_config_add(made, NULL, janus_config_category_create("general"));
	return keep(made, (void (*)(void *))janus_config_destroy);
}

/*! One that belongs to no tree. */
janus_config_container *category(void) {
	return keep(janus_config_category_create("loose"), (void (*)(void *))janus_config_container_destroy);
}

janus_recorder *recorder(void) {
	return keep(janus_recorder_create(".", "opus", "recording"), (void (*)(void *))janus_recorder_destroy);
}

janus_text2pcap *pcap(void) {
	return keep(janus_text2pcap_create(".", "dump", 0, edge % 2), (void (*)(void *))janus_text2pcap_free);
}

janus_plugin_rtp *plugin_rtp(void) {
	janus_plugin_rtp *rtp = zero(sizeof(janus_plugin_rtp));
	rtp->buffer = packet();
	rtp->length = PACKET;
	return rtp;
}

void free_rtp(void *memory) {
	janus_plugin_rtp *rtp = memory;
	g_free(rtp->buffer);
	g_free(rtp);
}

struct ifaddrs *interfaces(void) {
	struct ifaddrs *list = NULL;
	if(getifaddrs(&list) != 0 || list == NULL)
		return NULL;
	return keep(list, (void (*)(void *))freeifaddrs);
}

janus_network_query_config *query(void) {
	janus_network_query_config *made = zero(sizeof(janus_network_query_config));
	janus_network_prepare_device_query_default("lo", made);
	return made;
}

janus_network_address *address(void) {
	janus_network_address *made = zero(sizeof(janus_network_address));
	janus_network_string_to_address(janus_network_query_options_any_ip, edge % 2 ? "::1" : "127.0.0.1", made);
	return made;
}

GHashTable *table(void) {
	return keep(g_hash_table_new(NULL, NULL), (void (*)(void *))g_hash_table_destroy);
}

GQueue *queue(void) {
	return keep(g_queue_new(), (void (*)(void *))g_queue_free);
}

void free_blocks(void *list) {
	g_list_free_full(list, g_free);
}

void free_list(void *list) {
	g_list_free(list);
}

/*! RFC 2198: one redundant block of three bytes, then the primary one. */
GList *red_blocks(void) {
	static char red[] = {(char)0xef, 0x0f, 0, 3, 0x6f, 'A', 'A', 'A', 'B', 'B'};
	return keep(janus_red_parse_blocks(red, sizeof(red)), free_blocks);
}
