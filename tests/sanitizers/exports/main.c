/* Runs all. Files are left in the current folder. */
#include "exports.h"

unsigned nulls, pointers;
int edge, calls, failures;
static const char *current;

static const int small[EDGES] = {0, -1, 1, 12, 96, PACKET};
static const int extreme[EDGES] = {0, -1, 1, INT_MAX, INT_MIN, PACKET};

int integer(int k) {
	const int *edges = nulls == (1u << pointers) - 1 ? extreme : small;
	return edges[(edge + k) % EDGES];
}

unsigned natural(int k) {
	int value = integer(k);
	return value < 0 && nulls != (1u << pointers) - 1 ? 2 : (unsigned)value;
}

static struct {
	void *memory;
	void (*release)(void *);
} kept[64];
static int count;

void *keep(void *memory, void (*release)(void *)) {
	kept[count].memory = memory;
	kept[count++].release = release;
	return memory;
}

void *taken(void *memory) {
	for(int i = 0; i < count; i++) {
		if(kept[i].memory == memory)
			kept[i].memory = NULL;
	}
	return memory;
}

void begin(const char *what) {
	current = what;
	count = 0;
	calls++;
	if(getenv("EXPORTS_VERBOSE") != NULL)
		fprintf(stderr, "%s, NULLs %x, edge %d\n", what, nulls, edge);
}

void end(void) {
	while(count > 0) {
		count--;
		if(kept[count].memory != NULL)
			kept[count].release(kept[count].memory);
	}
}

void expect(int holds, const char *what) {
	if(!holds && failures++ < 50)
		fprintf(stderr, "FAILED: %s with NULLs %x, edge %d\n", what, nulls, edge);
}

int main(void) {
	test_config();
	test_events();
	test_ip_utils();
	test_plugin();
	test_record();
	test_rtcp();
	test_rtp();
	test_rtpfwd();
	test_sdp_utils();
	test_text2pcap();
	test_transport();
	test_utils();
	test_log();
	printf("%d calls, %d with an unexpected result\n", calls, failures);
	return failures > 0;
}
