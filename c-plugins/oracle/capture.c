/* text2pcap.h: packet dumps. */
#include "oracle.h"

static void file(const char *path) {
	char *bytes = NULL;
	gsize length = 0;
	if(g_file_get_contents(path, &bytes, &length, NULL))
		BYTES(bytes, length);
	else
		WORD("no file");
	g_free(bytes);
}

static void dump(const char *folder, int truncate, gboolean text) {
	char name[32], packet[4000];
	g_snprintf(name, sizeof(name), "%s%d", text ? "text" : "pcap", truncate);
	CASE("janus_text2pcap_create", "%s", name);
	janus_text2pcap *t = janus_text2pcap_create(folder, name, truncate, text);
	INT(t != NULL);
	if(!t)
		return;
	char *path = g_strdup(t->filename);
	TEXT(strrchr(t->filename, '/')), INT(t->truncate), INT(t->text), INT(t->truncate); /* the head may not be written yet */
	static const int lengths[] = { 1, 2, 12, 13, 60, 100, 500, 1500, 1640, 1700, 4000 };
	for(int type = 0; type < 3; type++)
		EACH(const int, length, lengths) {
			for(int i = 0; i < *length; i++)
				packet[i] = (char)oracle_random();
			oracle_clock_advance(1234567);
			CASE("janus_text2pcap_dump", "%s type %d length %d", name, type, *length);
			if(type == 0)
				INT(janus_text2pcap_dump(t, JANUS_TEXT2PCAP_RTP, *length & 1, packet, *length, NULL));
			else if(type == 1)
				INT(janus_text2pcap_dump(t, JANUS_TEXT2PCAP_RTCP, *length & 1, packet, *length, "custom %d", *length));
			else
				INT(janus_text2pcap_dump(t, JANUS_TEXT2PCAP_DATA, *length & 1, packet, *length, "%s", oracle_random_text(200)));
		}
	CASE("janus_text2pcap_dump", "%s nothing", name);
	INT(janus_text2pcap_dump(t, JANUS_TEXT2PCAP_RTP, TRUE, NULL, 10, NULL)), INT(janus_text2pcap_dump(t, JANUS_TEXT2PCAP_RTP, TRUE, packet, 0, NULL));
	INT(janus_text2pcap_dump(t, JANUS_TEXT2PCAP_RTP, TRUE, packet, -1, NULL)), INT(janus_text2pcap_dump(NULL, JANUS_TEXT2PCAP_RTP, TRUE, packet, 10, NULL));
	CASE("janus_text2pcap_close", "%s", name);
	INT(janus_text2pcap_close(t)), INT(janus_text2pcap_close(t)), file(path);
	CASE("janus_text2pcap_dump", "%s closed", name);
	INT(janus_text2pcap_dump(t, JANUS_TEXT2PCAP_RTP, TRUE, packet, 10, NULL));
	CASE("janus_text2pcap_free", "%s", name);
	janus_text2pcap_free(t);
	CASE("janus_text2pcap_create", "%s again", name);
	t = janus_text2pcap_create(folder, name, truncate, text);
	janus_text2pcap_free(t);
	file(path);
	g_free(path);
}

SUBJECT(capture) {
	for(int type = -2; type < 6; type++) {
		CASE("janus_text2pcap_packet_string", "%d", type);
		TEXT(janus_text2pcap_packet_string((janus_text2pcap_packet)type));
	}
	char *folder = g_build_filename(oracle_scratch(), "dumps/deep", NULL);
	static const int truncates[] = { -1, 0, 1, 12, 100, 2000 };
	EACH(const int, truncate, truncates) {
		dump(folder, *truncate, FALSE);
		dump(folder, *truncate, TRUE);
	}
	for(int text = 0; text < 2; text++) {
		CASE("janus_text2pcap_create", "no name, text %d", text);
		janus_text2pcap *t = janus_text2pcap_create(folder, NULL, 0, text);
		INT(t && g_str_has_prefix(t->filename, "janus-text2pcap-")), TEXT(t ? strrchr(t->filename, '.') : NULL);
		janus_text2pcap_free(t);
	}
	CASE("janus_text2pcap_create", "nowhere");
	INT(janus_text2pcap_create("/proc/none", "x", 0, TRUE) == NULL);
	CASE("janus_text2pcap_close", "NULL");
	INT(janus_text2pcap_close(NULL));
	janus_protected_folder_add(folder);
	CASE("janus_text2pcap_create", "protected");
	INT(janus_text2pcap_create(folder, "x", 0, TRUE) == NULL);
	g_free(folder);
}
