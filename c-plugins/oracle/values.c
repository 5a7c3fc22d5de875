/* utils.h: text, numbers, flags, random values, JSON validation. */
#include "oracle.h"

static const char *const texts[] = {
	NULL, "", " ", "0", "1", "-1", "+1", "2", "yes", "YES", "Yes ", "no", "true", "TRUE", "tRuE", "false", "on", "255",
	"256", "-0", "65535", "65536", "4294967295", "4294967296", "99999999999999999999", "-99999999999999999999", "12ab",
	"ab12", " 12", "\t12", "0x10", "010", "1e3", "1.5", "12 13", "\xc3\xa9", "9223372036854775807",
	"9223372036854775808", "18446744073709551615", "-65535", "-255", "-4294967295", "true1", "1true", "yesyes",
};

static void numbers(const char *text, const char *label) {
	uint8_t n8 = 77;
	uint16_t n16 = 777;
	uint32_t n32 = 7777;
	CASE("janus_is_true", "%s", label);
	INT(janus_is_true(text));
	CASE("janus_string_to_uint8", "%s", label);
	INT(janus_string_to_uint8(text, &n8)), INT(n8);
	CASE("janus_string_to_uint16", "%s", label);
	INT(janus_string_to_uint16(text, &n16)), INT(n16);
	CASE("janus_string_to_uint32", "%s", label);
	INT(janus_string_to_uint32(text, &n32)), INT(n32);
}

static void text_to_number(void) {
	EACH(const char *const, text, texts)
		numbers(*text, *text ? *text : "NULL");
	for(int i = 0; i < 400; i++) {
		char *number = g_strdup_printf("%lld", (long long)(int32_t)oracle_random() >> oracle_below(30));
		numbers(number, number);
		g_free(number);
	}
	for(int i = 0; i < 300; i++) {
		char *text = g_strdup(oracle_random_text(oracle_below(12)));
		numbers(text, text);
		g_free(text);
	}
	CASE("janus_string_to_uint8", "nowhere");
	INT(janus_string_to_uint8(NULL, NULL));
}

static void compare(void) {
	EACH(const char *const, a, texts)
		EACH(const char *const, b, texts) {
			CASE("janus_strcmp_const_time", "%s, %s", *a ? *a : "NULL", *b ? *b : "NULL");
			INT(janus_strcmp_const_time(*a, *b));
		}
}

static void concatenate(void) {
	for(int i = 0; i < 1500; i++) {
		char target[64];
		memset(target, 'z', sizeof(target));
		size_t room = oracle_below(40), filled = room ? oracle_below((uint32_t)room) : 0;
		char *before = g_strdup(oracle_random_text(filled)), *added = g_strdup(oracle_random_text(oracle_below(30)));
		/* Room 0 is left out: the reference writes before the buffer. */
		if(room) {
			memcpy(target, before, filled + 1);
			/* HL-219 */
			CASE("janus_strlcat", "%d: room %zu, %zu there, %zu more", i, room, filled, strlen(added));
			INT((long long)janus_strlcat(target, added, room)), BYTES(target, sizeof(target));
		}
		memset(target, 'z', sizeof(target));
		memcpy(target, before, filled + 1);
		size_t offset = filled;
		CASE("janus_strlcat_fast", "%d: room %zu, %zu there, %zu more", i, room, filled, strlen(added));
		INT(janus_strlcat_fast(target, added, room, &offset)), INT((long long)offset), BYTES(target, sizeof(target));
		g_free(before);
		g_free(added);
	}
	char target[8] = "abc";
	size_t offset = 3;
	CASE("janus_strlcat_fast", "NULL");
	INT(janus_strlcat_fast(NULL, "x", 8, &offset)), INT(janus_strlcat_fast(target, NULL, 8, &offset)),
		INT(janus_strlcat_fast(target, "x", 8, NULL)), TEXT(target);
}

static void replace(void) {
	static const char *const messages[] = { "", "a", "aaa", "abcabc", "a=b\r\na=c\r\n", "no match here", "xaxaxax", "aXa" };
	static const char *const words[] = { "a", "aa", "abc", "a=", "X", "\r\n", "zzz", "x" };
	static const char *const with[] = { "", "b", "aa", "123456789", "\n", "X", "xax" };
	EACH(const char *const, message, messages)
		EACH(const char *const, word, words)
			EACH(const char *const, by, with) {
				CASE("janus_string_replace", "%s, %s, %s", *message, *word, *by);
				TAKE(janus_string_replace(g_strdup(*message), *word, *by));
			}
	CASE("janus_string_replace", "NULL");
	char *kept = g_strdup("abc");
	TEXT(janus_string_replace(NULL, "a", "b")), TEXT(janus_string_replace(kept, NULL, "b")), TEXT(janus_string_replace(kept, "a", NULL));
	g_free(kept);
}

static void flags(void) {
	janus_flags value;
	janus_flags_reset(&value);
	CASE("janus_flags_reset", "zero");
	INT((long long)value);
	for(int i = 0; i < 300; i++) {
		gsize bit = (gsize)1 << oracle_below(40);
		gboolean set = oracle_below(3) > 0;
		CASE(set ? "janus_flags_set" : "janus_flags_clear", "%d: %zu", i, bit);
		if(set)
			janus_flags_set(&value, bit);
		else
			janus_flags_clear(&value, bit);
		INT((long long)value);
		bit = (gsize)1 << oracle_below(40) | (gsize)1 << oracle_below(40);
		CASE("janus_flags_is_set", "%d: %zu", i, bit);
		INT(janus_flags_is_set(&value, bit));
	}
	CASE("janus_flags_is_set", "NULL");
	janus_flags_set(NULL, 1);
	janus_flags_clear(NULL, 1);
	janus_flags_reset(NULL);
	INT(janus_flags_is_set(NULL, 1));
}

/* Only what does not depend on luck. */
static void random_values(void) {
	guint64 seen = 0, all = 0, full = 0;
	for(int i = 0; i < 2000; i++) {
		seen |= janus_random_uint32();
		all |= janus_random_uint64();
		full |= janus_random_uint64_full();
	}
	CASE("janus_random_uint32", "every bit");
	INT((long long)seen);
	CASE("janus_random_uint64", "every bit");
	INT((long long)all);
	CASE("janus_random_uint64_full", "every bit");
	INT((long long)full);
	GHashTable *different = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for(int i = 0; i < 200; i++) {
		char *uuid = janus_random_uuid(), shape[40];
		size_t length = strlen(uuid);
		for(size_t p = 0; p <= length && p < sizeof(shape); p++)
			shape[p] = g_ascii_isxdigit(uuid[p]) && p != 14 && p != 19 ? (g_ascii_isupper(uuid[p]) ? 'X' : 'x') : uuid[p];
		gboolean variant = length > 19 && strchr("89ab", uuid[19]) != NULL;
		if(length > 19)
			shape[19] = 'v';
		CASE("janus_random_uuid", "%d", i);
		TEXT(shape), INT(variant), INT(!g_hash_table_contains(different, uuid));
		g_hash_table_add(different, uuid);
	}
	g_hash_table_destroy(different);
	uint8_t bytes[256] = { 0 };
	CASE("srtp_crypto_get_random", "256");
	INT(srtp_crypto_get_random(bytes, sizeof(bytes)));
	int zeros = 0;
	for(size_t i = 0; i < sizeof(bytes); i++)
		zeros += bytes[i] == 0;
	INT(zeros < 32);
}

static void words(void) {
	for(int i = 0; i < 1500; i++) {
		guint64 n = (guint64)oracle_random() << 32 | oracle_random();
		n >>= oracle_below(64);
		CASE("janus_uint64_hash", "%llu", (unsigned long long)n);
		INT((long long)janus_uint64_hash(n));
		CASE("janus_uint64_dup", "%llu", (unsigned long long)n);
		guint64 *copy = janus_uint64_dup(n);
		INT((long long)*copy);
		g_free(copy);
	}
}

static void times(void) {
	CASE("janus_get_monotonic_time", "a second later");
	gint64 before = janus_get_monotonic_time();
	oracle_clock_advance(1000000);
	INT(janus_get_monotonic_time() - before), INT(before > 0);
	CASE("janus_get_real_time", "a second later");
	before = janus_get_real_time();
	oracle_clock_advance(1000000);
	INT(janus_get_real_time() - before), INT(before);
#if ORACLE_14
	CASE("janus_get_monotonic_time_internal", "a second later");
	before = janus_get_monotonic_time_internal();
	oracle_clock_advance(1000000);
	INT(janus_get_monotonic_time_internal() - before);
	CASE("janus_mark_started", "again");
	before = janus_get_monotonic_time();
	janus_mark_started();
	INT(janus_get_monotonic_time() - before);
#endif
}

static void json(void) {
	static const char *const values[] = {
		"null", "true", "false", "0", "1", "-1", "123456789012", "0.0", "1.5", "-1.5", "\"\"", "\"text\"", "[]", "[1]",
		"{}", "{\"a\":1}",
	};
	for(size_t v = 0; v <= COUNT(values); v++) {
		json_t *value = v < COUNT(values) ? json_loads(values[v], JSON_DECODE_ANY, NULL) : NULL;
		for(int type = JSON_OBJECT; value && type <= JSON_NULL; type++)
			for(unsigned int bits = 0; bits < 8; bits++) {
				CASE("janus_json_is_valid", "%s, type %d, flags %u", values[v], type, bits);
				INT(janus_json_is_valid(value, (json_type)type, bits));
			}
		if(value)
			json_decref(value);
	}
	for(int type = JSON_OBJECT; type <= JSON_NULL; type++)
		for(unsigned int bits = 0; bits < 8; bits++) {
			char name[20] = "unchanged";
			CASE("janus_get_json_type_name", "type %d, flags %u", type, bits);
			janus_get_json_type_name(type, bits, name);
			TEXT(name);
		}
}

SUBJECT(values) {
	text_to_number();
	compare();
	concatenate();
	replace();
	flags();
	random_values();
	words();
	times();
	json();
}
