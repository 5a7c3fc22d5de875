/* The plugin around a subject: writes the results while it is initialised, then ends the process. */
#include "oracle.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static FILE *out;
static gboolean open_line, whole;

/* clock.c */
void oracle_clock_set(int64_t microseconds) __attribute__((weak));
void oracle_clock_shift(int64_t microseconds) __attribute__((weak));
int64_t oracle_clock_get(void) __attribute__((weak));

/* ---- results ---- */

static void end_line(void) {
	if(open_line)
		fputc('\n', out);
	open_line = FALSE;
}

void oracle_case(const char *function, const char *label, ...) {
	end_line();
	fprintf(out, "%s\t", function);
	va_list arguments;
	va_start(arguments, label);
	char *text = g_strdup_vprintf(label, arguments);
	va_end(arguments);
	for(const char *p = text; *p; p++)
		fputc(g_ascii_isprint(*p) ? *p : '?', out);
	g_free(text);
	fputc('\t', out);
	open_line = TRUE;
	fflush(out);
}

void INT(long long value) {
	fprintf(out, " %lld", value);
}

void REAL(double value) {
	if(isnan(value))
		WORD("nan");	/* of either sign */
	else
		fprintf(out, " %.9g", value);
}

void WORD(const char *word) {
	fprintf(out, " %s", word);
}

static void hash(const void *bytes, size_t length) {
	char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA1, bytes, length);
	fprintf(out, " %zu:%.16s", length, digest);
	g_free(digest);
}

void TEXT(const char *text) {
	if(!text) {
		WORD("NULL");
		return;
	}
	size_t length = strlen(text);
	if(length > 160 && !whole) {
		hash(text, length);
		return;
	}
	fputs(" \"", out);
	for(const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if(*p == '\r')
			fputs("\\r", out);
		else if(*p == '\n')
			fputs("\\n", out);
		else if(*p < 0x20 || *p > 0x7e || *p == '"' || *p == '\\')
			fprintf(out, "\\x%02x", *p);
		else
			fputc(*p, out);
	}
	fputc('"', out);
}

void TAKE(char *text) {
	TEXT(text);
	g_free(text);
}

void BYTES(const void *bytes, size_t length) {
	if(!bytes) {
		WORD("NULL");
		return;
	}
	if(length > 64 && !whole) {
		hash(bytes, length);
		return;
	}
	fputc(' ', out);
	if(!length)
		fputc('-', out);
	for(size_t i = 0; i < length; i++)
		fprintf(out, "%02x", ((const unsigned char *)bytes)[i]);
}

/* ---- inputs ---- */

static uint64_t state = 1;

void oracle_seed(uint64_t seed) {
	state = seed * 2 + 1;
}

uint32_t oracle_random(void) {
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

uint32_t oracle_below(uint32_t limit) {
	return oracle_random() % limit;
}

const char *oracle_random_text(size_t length) {
	static char text[4096];
	length = MIN(length, sizeof(text) - 1);
	for(size_t i = 0; i < length; i++)
		text[i] = (char)(' ' + oracle_below(95));
	text[length] = '\0';
	return text;
}

void oracle_clock_advance(gint64 microseconds) {
	if(oracle_clock_set)
		oracle_clock_set(oracle_clock_get() + microseconds);
}

static const char *variable(const char *name) {
	const char *value = getenv(name);
	if(!value) {
		fprintf(stderr, "oracle: %s is not set\n", name);
		exit(1);
	}
	return value;
}

const char *oracle_corpus(void) {
	return variable("ORACLE_CORPUS");
}

const char *oracle_scratch(void) {
	return variable("ORACLE_SCRATCH");
}

static void add_item(GPtrArray *items, char *name, const char *bytes, size_t length) {
	oracle_item *item = g_new0(oracle_item, 1);
	item->name = name;
	item->bytes = g_malloc0(length + 1);
	memcpy(item->bytes, bytes, length);
	item->length = length;
	g_ptr_array_add(items, item);
}

static gint by_name(gconstpointer a, gconstpointer b) {
	return strcmp((*(oracle_item *const *)a)->name, (*(oracle_item *const *)b)->name);
}

GPtrArray *oracle_files(const char *folder, const char *ending) {
	char *path = g_build_filename(oracle_corpus(), folder, NULL);
	GPtrArray *items = g_ptr_array_new();
	GDir *directory = g_dir_open(path, 0, NULL);
	const char *name;
	while(directory && (name = g_dir_read_name(directory))) {
		char *file = g_build_filename(path, name, NULL), *bytes;
		gsize length;
		if(g_str_has_suffix(name, ending) && g_file_get_contents(file, &bytes, &length, NULL)) {
			add_item(items, g_strdup(name), bytes, length);
			g_free(bytes);
		}
		g_free(file);
	}
	if(directory)
		g_dir_close(directory);
	g_ptr_array_sort(items, by_name);
	g_free(path);
	if(!items->len) {
		fprintf(stderr, "oracle: nothing in %s/*%s\n", folder, ending);
		exit(1);
	}
	return items;
}

GPtrArray *oracle_packets(const char *folder) {
	GPtrArray *files = oracle_files(folder, ".hex"), *items = g_ptr_array_new();
	for(guint f = 0; f < files->len; f++) {
		oracle_item *file = g_ptr_array_index(files, f);
		char **lines = g_strsplit(file->bytes, "\n", -1);
		for(int l = 0; lines[l]; l++) {
			char bytes[4096];
			size_t length = 0;
			for(const char *p = lines[l]; g_ascii_isxdigit(p[0]) && g_ascii_isxdigit(p[1]); p += 2)
				bytes[length++] = (char)(g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]));
			if(length)
				add_item(items, g_strdup_printf("%.*s:%d", (int)strcspn(file->name, "."), file->name, l + 1), bytes, length);
		}
		g_strfreev(lines);
	}
	return items;
}

/* A copy at the very end of its memory block, so that tools see reads beyond it. */
static void one(const char *label, const char *bytes, size_t length, size_t room, oracle_body body) {
	char *copy = g_malloc0(length + room + 1);
	memcpy(copy, bytes, length);
	body(label, copy, (int)length);
	g_free(copy);
}

void oracle_damage(const GPtrArray *items, int step, size_t room, oracle_body body) {
	static const unsigned char binary[] = { 0xff, 0x01, 0x80, 0x10 }, ascii[] = { 0x01, 0x10, 0x02, 0x20 };
	char label[256];
	for(guint i = 0; i < items->len; i++) {
		const oracle_item *item = g_ptr_array_index(items, i);
		/* Text stays ASCII. */
		const unsigned char *masks = g_str_is_ascii(item->bytes) && strlen(item->bytes) == item->length ? ascii : binary;
		one(item->name, item->bytes, item->length, room, body);
		for(size_t at = 0; at < item->length; at += (size_t)step) {
			g_snprintf(label, sizeof(label), "%s cut %zu", item->name, at);
			one(label, item->bytes, at, room, body);
			char *damaged = g_malloc(item->length);
			memcpy(damaged, item->bytes, item->length);
			damaged[at] = (char)(damaged[at] ^ masks[at / (size_t)step % COUNT(ascii)]);
			g_snprintf(label, sizeof(label), "%s damage %zu", item->name, at);
			one(label, damaged, item->length, room, body);
			g_free(damaged);
		}
	}
}

/* ---- the plugin ---- */

static int oracle_init(janus_callbacks *callback, const char *config_path) {
	(void)callback, (void)config_path;
	out = fopen(variable("ORACLE_OUT"), "w");
	if(!out) {
		perror("oracle");
		exit(1);
	}
	whole = getenv("ORACLE_FULL") != NULL;
	/* A day after the machine's start: later than what the core did with the real clock, wherever it counts from. */
	if(oracle_clock_set)
		oracle_clock_set(G_GINT64_CONSTANT(1000000000000));
	/* And at a whole second, so that ticks of media clocks begin at the same time. */
	if(oracle_clock_shift)
		oracle_clock_shift(1000000 - janus_get_monotonic_time() % 1000000);
	oracle_seed(1);
	oracle_subject();
	end_line();
	fputs("END\n", out);
	fclose(out);
	_exit(0);
}

static void oracle_destroy(void) {}
static int oracle_api(void) { return JANUS_PLUGIN_API_VERSION; }
static int oracle_version(void) { return 1; }
static const char *oracle_version_string(void) { return "1"; }
static const char *oracle_description(void) { return "Calls the core's helpers and writes down what they answer."; }
static const char *oracle_title(void) { return "Oracle"; }
static const char *oracle_author(void) { return "libjanus_rs"; }
static const char *oracle_package(void) { return "janus.plugin.oracle"; }
static void oracle_session(janus_plugin_session *handle, int *error) { (void)handle; *error = -1; }
static json_t *oracle_query(janus_plugin_session *handle) { (void)handle; return NULL; }
static void oracle_media(janus_plugin_session *handle) { (void)handle; }
static struct janus_plugin_result *oracle_message(janus_plugin_session *handle, char *transaction, json_t *message, json_t *jsep) {
	(void)handle;
	g_free(transaction);
	json_decref(message);
	if(jsep)
		json_decref(jsep);
	return NULL;
}

static janus_plugin plugin = JANUS_PLUGIN_INIT(
	.init = oracle_init,
	.destroy = oracle_destroy,
	.get_api_compatibility = oracle_api,
	.get_version = oracle_version,
	.get_version_string = oracle_version_string,
	.get_description = oracle_description,
	.get_name = oracle_title,
	.get_author = oracle_author,
	.get_package = oracle_package,
	.create_session = oracle_session,
	.handle_message = oracle_message,
	.setup_media = oracle_media,
	.hangup_media = oracle_media,
	.destroy_session = oracle_session,
	.query_session = oracle_query,
);

janus_plugin *create(void);
janus_plugin *create(void) {
	return &plugin;
}
