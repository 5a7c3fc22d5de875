/* The C-variadic functions of sdp-utils.h: arguments are collected here and understood in Rust
 * (src/abi/sdp/generate.rs, src/abi/sdp/lines.rs). */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

struct janus_rs_oa {
	int key;
	int number;
	void *first;
	void *second;
};

/* Shape in src/sdp/options.rs. */
enum { END = 0, INT = 1, POINTER = 2, POINTER_INT = 3, POINTER_POINTER = 4, UNKNOWN = 5 };

/* More options than any caller passes; a list without an end stops here. */
enum { LIMIT = 512 };

/* Not for others: "hidden" keeps these Rust functions out of the symbols that the library exports. */
#pragma GCC visibility push(hidden)
int janus_rs_sdp_oa_shape(int flavour, int key);
void *janus_rs_sdp_generate_offer(int flavour, const char *name, const char *address,
	const struct janus_rs_oa *items, size_t count);
int janus_rs_sdp_generate_offer_mline(int flavour, void *offer, const struct janus_rs_oa *items, size_t count);
int janus_rs_sdp_generate_answer_mline(int flavour, void *answer, void *offered,
	const struct janus_rs_oa *items, size_t count);
void *janus_rs_sdp_generate_offer_of_single(int flavour, const char *name, const char *address,
	const struct janus_rs_oa *items, size_t count);
void *janus_rs_sdp_generate_answer_of_single(int flavour, void *offer, const struct janus_rs_oa *items, size_t count);
void *janus_rs_sdp_attribute(const char *name, const char *value);
#pragma GCC visibility pop

static size_t collect(int flavour, struct janus_rs_oa *items, va_list args) {
	size_t count = 0;
	for(size_t seen = 0; seen < LIMIT; seen++) {
		struct janus_rs_oa item = { va_arg(args, int), 0, NULL, NULL };
		switch(janus_rs_sdp_oa_shape(flavour, item.key)) {
			case END:
				return count;
			case INT:
				item.number = va_arg(args, int);
				break;
			case POINTER:
				item.first = va_arg(args, void *);
				break;
			case POINTER_INT:
				item.first = va_arg(args, void *);
				item.number = va_arg(args, int);
				break;
			case POINTER_POINTER:
				item.first = va_arg(args, void *);
				item.second = va_arg(args, void *);
				break;
			default:
				/* Not a key: nothing is known to follow it. */
				continue;
		}
		items[count++] = item;
	}
	return count;
}

#define COLLECT(flavour, last) \
	struct janus_rs_oa items[LIMIT]; \
	va_list args; \
	va_start(args, last); \
	size_t count = collect(flavour, items, args); \
	va_end(args)

/* One set per group of generations; the number is the place in FLAVOURS, or one of `single_numbering`. */
#define GENERATORS(flavour, suffix) \
	void *janus_rs_shim_sdp_generate_offer##suffix(const char *name, const char *address, ...); \
	int janus_rs_shim_sdp_generate_offer_mline##suffix(void *offer, ...); \
	int janus_rs_shim_sdp_generate_answer_mline##suffix(void *offer, void *answer, void *offered, ...); \
	void *janus_rs_shim_sdp_generate_offer##suffix(const char *name, const char *address, ...) { \
		COLLECT(flavour, address); \
		return janus_rs_sdp_generate_offer(flavour, name, address, items, count); \
	} \
	int janus_rs_shim_sdp_generate_offer_mline##suffix(void *offer, ...) { \
		COLLECT(flavour, offer); \
		return janus_rs_sdp_generate_offer_mline(flavour, offer, items, count); \
	} \
	int janus_rs_shim_sdp_generate_answer_mline##suffix(void *offer, void *answer, void *offered, ...) { \
		(void)offer; \
		COLLECT(flavour, offered); \
		return janus_rs_sdp_generate_answer_mline(flavour, answer, offered, items, count); \
	}

GENERATORS(0, )
GENERATORS(1, _1)
GENERATORS(2, _2)

/* 0.x: an answer is variadic as well, and there is nothing for one m-line. */
#define GENERATORS_OF_SINGLE(flavour, suffix) \
	void *janus_rs_shim_sdp_generate_offer##suffix(const char *name, const char *address, ...); \
	void *janus_rs_shim_sdp_generate_answer##suffix(void *offer, ...); \
	void *janus_rs_shim_sdp_generate_offer##suffix(const char *name, const char *address, ...) { \
		COLLECT(flavour, address); \
		return janus_rs_sdp_generate_offer_of_single(flavour, name, address, items, count); \
	} \
	void *janus_rs_shim_sdp_generate_answer##suffix(void *offer, ...) { \
		COLLECT(flavour, offer); \
		return janus_rs_sdp_generate_answer_of_single(flavour, offer, items, count); \
	}

GENERATORS_OF_SINGLE(3, _3)
GENERATORS_OF_SINGLE(4, _4)

/* `size` counts the NUL. */
#define ATTRIBUTE_CREATE(function, size) \
	void *function(const char *name, const char *format, ...); \
	void *function(const char *name, const char *format, ...) { \
		char value[size]; \
		if(format == NULL) \
			return janus_rs_sdp_attribute(name, NULL); \
		va_list args; \
		va_start(args, format); \
		int length = vsnprintf(value, sizeof value, format, args); \
		va_end(args); \
		return janus_rs_sdp_attribute(name, length < 0 ? NULL : value); \
	}

ATTRIBUTE_CREATE(janus_rs_shim_sdp_attribute_create, 2048)
ATTRIBUTE_CREATE(janus_rs_shim_sdp_attribute_create_511, 512)
