/*! \file telling.c
 * \brief A plugin of API 102 that calls the functions whose arguments changed under that number; nothing else says what it
 * was compiled for. It is looked at, and serves nobody.
 *
 * -DMLINE=…: 10 numbers SDP options as 1.0 does, 11 as 1.1 does. -DSIMULCAST=3 (to 1.1.4) or 4 (1.2.0), -DDESCRIPTOR=7 or 8:
 * the arguments of janus_rtp_simulcasting_context_process_rtp and of janus_vp8_parse_descriptor. Each may be left out.
 * -DBESIDE: a local variable is stored where an eighth argument would be, as compilers may do it that store arguments.
 * -DEARLY=1: `create` resets a simulcast context of up to 1.1.4, and ends the process if that was too much; 2: a constructor does;
 * 3: `create_session` does; 4: nobody does, but the code behind a constructor's call of `abort` would.
 * -DHELPER: calls `helper`, which helper.c of the test has.
 * -DMUTE=1: what its functions return cannot be read from the file; 2: only the API number can. As with plugins that host scripts.
 */

#include <stdint.h>
#include <stdlib.h>

typedef struct session {
	void *handle;
	int index, codec, dd_length;
	uint8_t *dd;
	char context[152];
	char switching[96];
	uint32_t ssrcs[3];
	char *rids[3];
	int64_t mutex[5];
	uint16_t picture;
	uint8_t tl0, temporal, sync, key;
	int m;
} session;

typedef struct packet {
	int mindex, video;
	char *buffer;
	uint16_t length;
} packet;

extern void janus_vprintf(const char *format, ...);

#if SIMULCAST == 3
int janus_rtp_simulcasting_context_process_rtp(void *, char *, int, uint32_t *, char **, int, void *, void *);
#elif SIMULCAST == 4
int janus_rtp_simulcasting_context_process_rtp(void *, char *, int, uint8_t *, int, uint32_t *, char **, int, void *, void *);
#endif
#if DESCRIPTOR == 7
int janus_vp8_parse_descriptor(char *, int, uint16_t *, uint8_t *, uint8_t *, uint8_t *, uint8_t *);
#elif DESCRIPTOR == 8
int janus_vp8_parse_descriptor(char *, int, int *, uint16_t *, uint8_t *, uint8_t *, uint8_t *, uint8_t *);
#endif
#if MLINE
int janus_sdp_generate_answer_mline(void *, void *, void *, ...);
/* DIRECTION is 3 in both; MSID became 5. */
#define CODEC (MLINE - 5)
#endif

/* -DIN_REGISTER: calls go through a register that was loaded with the function's address, as compilers do it in loops. */
#if IN_REGISTER
#define CALL(function) (__extension__({ __typeof__(&function) here = function; __asm__("" : "+r"(here)); here; }))
#else
#define CALL(function) function
#endif

static int relayed;

static void incoming_rtp(void **handle, packet *p) {
	session *s = handle[1];
	if(s == NULL || p->length < 12)
		return;
#if SIMULCAST == 3
	if(p->video)
		relayed += CALL(janus_rtp_simulcasting_context_process_rtp)(s->context, p->buffer, p->length, s->ssrcs, s->rids, s->codec,
			s->switching, s->mutex);
#elif SIMULCAST == 4
	if(p->video)
		relayed += CALL(janus_rtp_simulcasting_context_process_rtp)(s->context, p->buffer, p->length, s->dd, s->dd_length, s->ssrcs,
			s->rids, s->codec, s->switching, s->mutex);
#endif
#if DESCRIPTOR == 7 && BESIDE
	long result = p->length - 12;
	register uint8_t *temporal __asm__("r8") = &s->temporal, *sync __asm__("r9") = &s->sync;
	char *payload = p->buffer + 12;
	uint16_t *picture = &s->picture;
	uint8_t *tl0 = &s->tl0;
	__asm__ volatile(
		"subq $16, %%rsp\n\t"
		"leaq 8(%%r9), %%r10\n\t"
		"movq %%r10, (%%rsp)\n\t"
		"leaq 16(%%r9), %%r11\n\t"
		"movq %%r11, 8(%%rsp)\n\t"
		"call janus_vp8_parse_descriptor@PLT\n\t"
		"movq 8(%%rsp), %%r11\n\t"
		"addq $16, %%rsp"
		: "+D"(payload), "+S"(result), "+d"(picture), "+c"(tl0), "+r"(temporal), "+r"(sync)
		:
		: "rax", "r10", "r11", "memory", "cc");
#elif DESCRIPTOR == 7
	if(CALL(janus_vp8_parse_descriptor)(p->buffer + 12, p->length - 12, &s->picture, &s->tl0, &s->temporal, &s->sync, &s->key) == 0)
		janus_vprintf("%d %d\n", s->picture, s->key);
#elif DESCRIPTOR == 8
	if(CALL(janus_vp8_parse_descriptor)(p->buffer + 12, p->length - 12, &s->m, &s->picture, &s->tl0, &s->temporal, &s->sync,
			&s->key) == 0)
		janus_vprintf("%d %d\n", s->picture, s->key);
#endif
}

static void *handle_message(void **handle, char *transaction, void **message, void *jsep) {
	(void)transaction;
	(void)jsep;
#if MLINE
	int i;
	for(i = 0; message[i] != NULL; i++) {
		CALL(janus_sdp_generate_answer_mline)(handle, message, message[i], 1, 0, 3, i & 3, CODEC, "opus", 0);
		CALL(janus_sdp_generate_answer_mline)(handle, message, message[i], 1, 1, 3, 2, CODEC, (const char *)message[i], 0);
	}
#else
	(void)handle;
	(void)message;
#endif
	return NULL;
}

static int api(void) {
#if MUTE == 1
	static volatile int number = 102;
	return number;
#else
	return 102;
#endif
}

static int number(void) {
	return relayed;
}

static const char *text(void) {
#if MUTE
	static const char *volatile package = "org.example.telling";
	return package;
#else
	return "org.example.telling";
#endif
}

static void nothing(void) {
}

#if EARLY && EARLY != 4
void janus_rtp_simulcasting_context_reset(void *);
static struct {
	char context[56];
	uint64_t guard[12];
} early;

#if EARLY == 2
__attribute__((constructor))
#endif
static void reset(void) {
	int i;
	for(i = 0; i < 12; i++)
		early.guard[i] = 0x5afe;
	janus_rtp_simulcasting_context_reset(early.context);
	for(i = 0; i < 12; i++)
		if(early.guard[i] != 0x5afe)
			abort();
}
#endif
#if EARLY == 4
__asm__(".text\n"
	"checking: test %rsp, %rsp\n"
	"jz 1f\n"
	"ret\n"
	"1: call abort@PLT\n"
	"call janus_rtp_simulcasting_context_reset@PLT\n"
	"ret\n"
	".section .init_array, \"aw\"\n"
	".balign 8\n"
	".quad checking\n"
	".text\n");
#endif
#if EARLY == 3
#define CREATE_SESSION reset
#else
#define CREATE_SESSION nothing
#endif
#if HELPER
void helper(void);
#endif

typedef void (*function)(void);
static function table[21] = {
	(function)number, nothing, (function)api, (function)number, (function)text, (function)text, (function)text, (function)text,
	(function)text, CREATE_SESSION, (function)handle_message, NULL, nothing, (function)incoming_rtp, nothing, nothing, nothing, nothing,
	nothing, nothing, nothing,
};

function *create(void);
function *create(void) {
#if EARLY == 1
	reset();
#endif
#if HELPER
	helper();
#endif
	return table;
}
