/* utils.h: folders, paths, PID file, gzip. */
#include "oracle.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char *inside(const char *path) {
	return g_build_filename(oracle_scratch(), path, NULL);
}

static void folders(void) {
	static const char *const paths[] = {
		"one", "one", "two/three/four", "two/three", "trailing/", "double//slash", "with space/x", "dot/./x", "up/../x", "file/below",
		"\xc3\xa9t\xc3\xa9",
	};
	char *file = inside("file");
	g_file_set_contents(file, "x", 1, NULL);
	g_free(file);
	EACH(const char *const, path, paths) {
		char *folder = inside(*path);
		struct stat info = { 0 };
		CASE("janus_mkdir", "%s", *path);
		INT(janus_mkdir(folder, 0750)), INT(g_file_test(folder, G_FILE_TEST_IS_DIR));
		if(stat(folder, &info) == 0)
			INT(info.st_mode & 0777);
		g_free(folder);
	}
	CASE("janus_mkdir", "/proc/none");
	INT(janus_mkdir("/proc/none/x", 0755)), INT(errno);
	g_chdir(oracle_scratch());
	CASE("janus_mkdir", "relative");
	INT(janus_mkdir("relative/path", 0755)), INT(g_file_test("relative/path", G_FILE_TEST_IS_DIR));

	static const char *const bases[] = { NULL, "", "/", "/a", "/a/", "a", "." };
	static const char *const names[] = { NULL, "", "b", "/b", "b/c", "../c", "//d", "~/e", " /f" };
	EACH(const char *const, base, bases)
		EACH(const char *const, name, names) {
			CASE("janus_make_absolute_path", "%s, %s", *base ? *base : "NULL", *name ? *name : "NULL");
			TAKE(janus_make_absolute_path(*base, *name));
		}
}

static void protected_folders(void) {
	char *folder = inside("protected"), *neighbour = inside("protected-not"), *link = inside("link");
	g_mkdir(folder, 0755);
	g_mkdir(neighbour, 0755);
	if(symlink(folder, link) < 0)
		WORD("?");
	static const char *const suffixes[] = { "", "/", "/x", "/x/y", "/../protected/x", "/.." };
	for(int round = 0; round < 2; round++) {
		if(round == 1)
			janus_protected_folder_add(folder);
		const char *const paths[] = { folder, neighbour, link };
		EACH(const char *const, path, paths)
			EACH(const char *const, suffix, suffixes) {
				char *joined = g_strconcat(*path, *suffix, NULL), *base = g_path_get_basename(*path);
				CASE("janus_is_folder_protected", "round %d %s%s", round, base, *suffix);
				INT(janus_is_folder_protected(joined));
				g_free(joined);
				g_free(base);
			}
		static const char *const others[] = { NULL, "", " ", " /tmp", "/", "/nowhere/at/all", "relative", "." };
		EACH(const char *const, other, others) {
			CASE("janus_is_folder_protected", "round %d %s", round, *other ? *other : "NULL");
			INT(janus_is_folder_protected(*other));
		}
		CASE("janus_protected_folder_add", "round %d", round);
		INT(janus_is_folder_protected(folder));
	}
	/* Last, and nothing is asked afterwards: the reference keeps the freed list. NULL is left out, it crashes there. */
	CASE("janus_protected_folders_clear", "once");
	janus_protected_folders_clear();
	g_free(folder);
	g_free(neighbour);
	g_free(link);
}

static void pid_file(void) {
	char *path = inside("oracle.pid"), *text = NULL, *pid = g_strdup_printf("%d\n", getpid());
	CASE("janus_pidfile_create", "NULL");
	INT(janus_pidfile_create(NULL));
	CASE("janus_pidfile_remove", "none");
	INT(janus_pidfile_remove());
	CASE("janus_pidfile_create", "in no folder");
	INT(janus_pidfile_create("/nowhere/oracle.pid"));
	CASE("janus_pidfile_create", "written");
	INT(janus_pidfile_create(path));
	g_file_get_contents(path, &text, NULL, NULL);
	INT(g_strcmp0(text, pid));
	CASE("janus_pidfile_remove", "written");
	INT(janus_pidfile_remove()), INT(g_file_test(path, G_FILE_TEST_EXISTS));
	g_free(text);
	g_free(pid);
	g_free(path);
}

/* The compressed bytes depend on the library; what they unpack to does not. */
static void gzip(void) {
	for(int i = 0; i < 150; i++) {
		size_t length = 1 + oracle_below(i < 100 ? 200 : 4000), room = oracle_below(3) ? 8192 : 1 + oracle_below(60);
		char *text = g_strdup(oracle_random_text(length)), *packed = g_malloc0(8192), unpacked[8192];
		int level = (int)oracle_below(14) - 2;
		CASE("janus_gzip_compress", "%d: level %d, %zu bytes, room %zu", i, level, length, room);
		size_t size = janus_gzip_compress(level, text, length, packed, room);
		z_stream stream = { .next_in = (Bytef *)packed, .avail_in = (uInt)size, .next_out = (Bytef *)unpacked, .avail_out = sizeof(unpacked) };
		if(!size) {
			WORD("failed");
		} else if(inflateInit2(&stream, 15 + 16) == Z_OK) {
			INT(inflate(&stream, Z_FINISH) == Z_STREAM_END);
			INT(stream.total_out == length && memcmp(unpacked, text, length) == 0);
			inflateEnd(&stream);
			BYTES(packed, 4);
		}
		g_free(text);
		g_free(packed);
	}
	char packed[64];
	CASE("janus_gzip_compress", "no text");
	INT((long long)janus_gzip_compress(6, NULL, 5, packed, sizeof(packed)));
	CASE("janus_gzip_compress", "length 0");
	INT((long long)janus_gzip_compress(6, (char *)"x", 0, packed, sizeof(packed)));
	CASE("janus_gzip_compress", "no target");
	INT((long long)janus_gzip_compress(6, (char *)"x", 1, NULL, sizeof(packed)));
	CASE("janus_gzip_compress", "room 0");
	INT((long long)janus_gzip_compress(6, (char *)"x", 1, packed, 0));
}

SUBJECT(files) {
	folders();
	pid_file();
	gzip();
	protected_folders();
}
