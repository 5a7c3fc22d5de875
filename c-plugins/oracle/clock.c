/* Loaded before everything else (LD_PRELOAD): a thread can stop its own clock. Threads that do not ask see the real
 * one. It makes results exact that depend on the time between two calls. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

static _Thread_local int64_t frozen;	/* monotonic µs, 0 = the real clock */
static const int64_t epoch = 1700000000000000;	/* real time is this much ahead */

static _Thread_local int64_t shift;	/* what the monotonic clock shows more, while it stands still */

void oracle_clock_set(int64_t microseconds);
void oracle_clock_shift(int64_t microseconds);
int64_t oracle_clock_get(void);

void oracle_clock_set(int64_t microseconds) {
	frozen = microseconds;
}

void oracle_clock_shift(int64_t microseconds) {
	shift = microseconds;
}

int64_t oracle_clock_get(void) {
	return frozen;
}

int clock_gettime(clockid_t id, struct timespec *now) {
	static int (*real)(clockid_t, struct timespec *);
	if(!frozen || (id != CLOCK_MONOTONIC && id != CLOCK_REALTIME)) {
		if(!real)
			real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
		return real(id, now);
	}
	int64_t us = frozen + (id == CLOCK_REALTIME ? epoch : shift);
	now->tv_sec = us / 1000000;
	now->tv_nsec = us % 1000000 * 1000;
	return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
	struct timespec precise;
	(void)zone;
	if(clock_gettime(CLOCK_REALTIME, &precise) < 0)
		return -1;
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *now) {
	struct timespec precise;
	clock_gettime(CLOCK_REALTIME, &precise);
	if(now)
		*now = precise.tv_sec;
	return precise.tv_sec;
}
