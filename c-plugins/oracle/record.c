/* record.h: recordings. */
#include "oracle.h"

#include <glib/gstdio.h>

static char *inside(const char *name) {
	return g_build_filename(oracle_scratch(), name, NULL);
}

static void file(const char *folder, const char *name) {
	char *path = g_build_filename(folder, name ? name : "none", NULL), *bytes = NULL;
	gsize length = 0;
	if(g_file_get_contents(path, &bytes, &length, NULL)) {
		INT((long long)length);
		/* The head is text for the most part. */
		char *head = g_strndup(bytes + MIN(length, 10), MIN(length, 300) - MIN(length, 10));
		if(length > 10 && length < 330)
			TEXT(head);
		g_free(head);
		BYTES(bytes, length);
	} else {
		WORD("no file");
	}
	g_free(bytes);
	g_free(path);
}

/* What modules read. The rest is the core's own. */
static void state(const janus_recorder *r) {
	if(!r) {
		WORD("NULL");
		return;
	}
	INT(r->type), TEXT(r->filename), TEXT(r->codec), TEXT(r->fmtp), TEXT(r->description);
	INT(r->destroyed), INT(r->ref.count), INT(r->created);
}

static uint16_t sequence;
static uint32_t timestamp;

static int packet(char *bytes, uint32_t ssrc, int payload) {
	sequence++;
	timestamp += 960;
	char head[12] = { (char)0x80, 111, (char)(sequence >> 8), (char)sequence, (char)(timestamp >> 24), (char)(timestamp >> 16), (char)(timestamp >> 8), (char)timestamp,
		(char)(ssrc >> 24), (char)(ssrc >> 16), (char)(ssrc >> 8), (char)ssrc };
	memcpy(bytes, head, 12);
	for(int i = 0; i < payload; i++)
		bytes[12 + i] = (char)oracle_random();
	return 12 + payload;
}

static void save(janus_recorder *r, int round, const char *label, char *bytes, int length) {
	char before[1600];
	memcpy(before, bytes, (size_t)length);
	CASE("janus_recorder_save_frame", "%d %s", round, label);
	INT(janus_recorder_save_frame(r, bytes, (uint)length)), INT(memcmp(before, bytes, (size_t)length));
}

/* A whole recording, with everything that can be set before, during and after. */
static void recording(int round, const char *folder, const char *codec) {
	char name[32], bytes[1600];
	gboolean data = !strcmp(codec, "text") || !strcmp(codec, "binary");
	g_snprintf(name, sizeof(name), "round%d", round);
	oracle_clock_advance(round * 1000 + 7);
	CASE("janus_recorder_create_full", "%d %s", round, codec);
	janus_recorder *r = janus_recorder_create_full(folder, codec, round & 1 ? "a=b;c=\"d\"" : NULL, name);
	state(r);
	if(!r)
		return;
	for(int id = -1; id < 18; id++) {
		/* All of them only once: their order in the file is not defined. */
		if(round != 2 && id > 0 && id < 16 && (id != 3 || !(round & 2)))
			continue;
		CASE("janus_recorder_add_extmap", "%d id %d", round, id);
		INT(janus_recorder_add_extmap(r, id, id == 3 ? "urn:other" : "urn:ietf:params:rtp-hdrext:sdes:mid"));
	}
	if(round & 2)
		janus_recorder_add_extmap(r, 3, "urn:again");
	if(round & 4) {
		CASE("janus_recorder_description", "%d", round);
		INT(janus_recorder_description(r, "first")), INT(janus_recorder_description(r, "a \"second\" one"));
		CASE("janus_recorder_opusred", "%d", round);
		INT(janus_recorder_opusred(r, round & 8 ? 63 : 0));
	}
	if(round & 8) {
		CASE("janus_recorder_encrypted", "%d", round);
		INT(janus_recorder_encrypted(r));
	}
	CASE("janus_recorder_resume", "%d early", round);
	INT(janus_recorder_resume(r));
	uint32_t ssrc = 0x01020304;
	sequence = (uint16_t)(65530 + round);
	timestamp = 0xfffff000u + (uint32_t)round;
	for(int i = 0; i < 24; i++) {
		oracle_clock_advance(20000 + oracle_below(4000));
		if(i == 7)
			ssrc++;
		if(i == 10 || i == 16) {
			CASE("janus_recorder_pause", "%d/%d", round, i);
			INT(janus_recorder_pause(r)), INT(janus_recorder_pause(r));
		}
		if(i == 13 || i == 17) {
			oracle_clock_advance(300000);
			CASE("janus_recorder_resume", "%d/%d", round, i);
			INT(janus_recorder_resume(r)), INT(janus_recorder_resume(r));
		}
		char label[32];
		g_snprintf(label, sizeof(label), "frame %d", i);
		if(data) {
			int length = g_snprintf(bytes, sizeof(bytes), "message %d", i);
			save(r, round, label, bytes, length);
		} else {
			save(r, round, label, bytes, packet(bytes, ssrc, (int)oracle_below(i == 20 ? 1200 : 60)));
		}
	}
	CASE("janus_recorder_add_extmap", "%d late", round);
	INT(janus_recorder_add_extmap(r, 5, "urn:late"));
	CASE("janus_recorder_description", "%d late", round);
	INT(janus_recorder_description(r, "late"));
	CASE("janus_recorder_opusred", "%d late", round);
	INT(janus_recorder_opusred(r, 64));
	CASE("janus_recorder_encrypted", "%d late", round);
	INT(janus_recorder_encrypted(r));
	CASE("janus_recorder_save_frame", "%d nothing", round);
	INT(janus_recorder_save_frame(r, NULL, 20)), INT(janus_recorder_save_frame(r, bytes, 0));
	CASE("janus_recorder_close", "%d", round);
	INT(janus_recorder_close(r)), INT(janus_recorder_close(r)), state(r), file(folder, r->filename);
	if(!data)
		save(r, round, "closed", bytes, packet(bytes, ssrc, 20));
	CASE("janus_recorder_pause", "%d closed", round);
	INT(janus_recorder_pause(r));
	CASE("janus_recorder_destroy", "%d", round);
	janus_refcount_increase(&r->ref);
	janus_recorder_destroy(r);
	janus_recorder_destroy(r);
	INT(r->ref.count), INT(r->destroyed);
	janus_refcount_decrease(&r->ref);
}

static void names(const char *folder) {
	static const char *const codecs[] = {
		NULL, "", "opus", "OPUS", "multiopus", "g711", "pcmu", "PCMA", "g722", "l16", "l16-48", "isac16", "isac32", "red", "vp8", "VP9", "h264", "av1", "h265",
		"hevc", "text", "binary", "Binary", "opus ", "foo",
	};
	EACH(const char *const, codec, codecs) {
		char *name = g_strdup_printf("codec-%s", *codec ? *codec : "none");
		CASE("janus_recorder_create", "%s", *codec ? *codec : "NULL");
		janus_recorder *r = janus_recorder_create(folder, *codec, name);
		state(r);
		janus_recorder_destroy(r);
		g_free(name);
	}
	char *deep = g_build_filename(folder, "a/b", NULL), *in_file = g_build_filename(folder, "plain/x", NULL), *plain = g_build_filename(folder, "plain", NULL);
	char *path = g_build_filename(folder, "c/d/file", NULL);
	g_file_set_contents(plain, "x", 1, NULL);
	const struct { const char *label, *folder, *name; } places[] = {
		{ "new folders", deep, "x" }, { "below a file", in_file, "x" }, { "a file", plain, "x" }, { "path in the name", NULL, path },
		{ "path and folder", folder, "e/x" }, { "with ending", folder, "x.mjr" }, { "empty", folder, "" }, { "odd", folder, "a b\xc3\xa9" },
		{ "nowhere", "/proc/none", "x" },
	};
	for(size_t i = 0; i < COUNT(places); i++) {
		CASE("janus_recorder_create", "%s", places[i].label);
		janus_recorder *r = janus_recorder_create(places[i].folder, "opus", places[i].name);
		state(r);
		if(r) {
			TEXT(r->dir ? r->dir + (g_str_has_prefix(r->dir, folder) ? strlen(folder) : 0) : NULL);
			janus_recorder_close(r);
			char *directory = g_strdup(r->dir), *name = g_strdup(r->filename);
			janus_recorder_destroy(r);
			file(directory ? directory : "", name);
			g_free(directory), g_free(name);
		}
	}
	CASE("janus_recorder_create", "no name");
	janus_recorder *r = janus_recorder_create(folder, "vp8", NULL);
	INT(r && g_str_has_prefix(r->filename, "janus-recording-")), INT(r && g_str_has_suffix(r->filename, ".mjr"));
	janus_recorder_destroy(r);
	g_free(deep), g_free(in_file), g_free(plain), g_free(path);
}

SUBJECT(record) {
	char *folder = inside("recordings");
	static const char *const codecs[] = { "opus", "vp8", "text", "pcmu", "h264", "binary", "multiopus", "g722", "av1", "l16", "l16-48", "pcma", "h265", "vp9" };
	for(int round = 0; round < 48; round++)
		recording(round, folder, codecs[round % (int)COUNT(codecs)]);
	names(folder);
	static const char *const endings[] = { "part", NULL, "" };
	EACH(const char *const, ending, endings) {
		CASE("janus_recorder_init", "%s", *ending ? *ending : "NULL");
		janus_recorder_init(TRUE, *ending);
		janus_recorder *r = janus_recorder_create(folder, "opus", "temporary");
		state(r);
		if(r) {
			INT(janus_recorder_close(r)), state(r), file(folder, r->filename);
			g_remove(r->filename);
		}
		janus_recorder_destroy(r);
		CASE("janus_recorder_deinit", "%s", *ending ? *ending : "NULL");
		janus_recorder_deinit();
	}
	janus_recorder_init(FALSE, NULL);
	CASE("janus_recorder_pause", "NULL");
	INT(janus_recorder_pause(NULL)), INT(janus_recorder_resume(NULL)), INT(janus_recorder_close(NULL));
	INT(janus_recorder_save_frame(NULL, NULL, 0)), INT(janus_recorder_add_extmap(NULL, 1, "x")), INT(janus_recorder_description(NULL, "x"));
	INT(janus_recorder_opusred(NULL, 1)), INT(janus_recorder_encrypted(NULL));
	janus_recorder_destroy(NULL);
	janus_protected_folder_add(folder);
	CASE("janus_recorder_create", "protected");
	state(janus_recorder_create(folder, "vp8", "protected"));
	g_free(folder);
}
