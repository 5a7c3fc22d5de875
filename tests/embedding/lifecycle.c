/* Opens, starts, stops and closes instances without modules, many times and several at once: threads, descriptors and
 * memory are as before. A child of fork() cannot use what its parent has started, and can start what was only set up. */
#define _GNU_SOURCE
#include "embedding.h"
#include <dirent.h>
#include <malloc.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static int entries(const char *path) {
	DIR *folder = opendir(path);
	EXPECT(folder != NULL);
	int count = 0;
	while(readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

/* This one, and the two dots; ThreadSanitizer has one of its own, and keeps what it has seen. */
#ifdef __SANITIZE_THREAD__
enum { ALONE = 4 };
#else
enum { ALONE = 3 };
#endif

/* Threads that have been joined may be there for a moment. */
static int threads(int wanted) {
	int found = 0;
	for(int tries = 0; tries < 500; tries++) {
		found = entries("/proc/self/task");
		if(found == wanted)
			break;
		usleep(10000);
	}
	return found;
}

static long resident_kb(void) {
	long total, resident;
	/* What is free and still resident is the allocator's business. */
	malloc_trim(0);
	FILE *file = fopen("/proc/self/statm", "r");
	EXPECT(file != NULL && fscanf(file, "%ld %ld", &total, &resident) == 2);
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static janus_rs *opened(void) {
	janus_rs *core = NULL;
	EXPECT(janus_rs_open(&core, NULL) == JANUS_RS_OK && core != NULL);
	EXPECT(janus_rs_set(core, "general.event_loops", "1") == JANUS_RS_OK);
	EXPECT(janus_rs_set(core, "general.interface", "127.0.0.1") == JANUS_RS_OK);
	return core;
}

static void once(void) {
	janus_rs *core = opened();
	janus_rs_queue *queue;
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	EXPECT(janus_rs_queue_open(core, &queue, NULL) == 0);
	EXPECT(janus_rs_start(core) == 0);
	EXPECT(janus_rs_start(core) == JANUS_RS_ESTATE);
	EXPECT(janus_rs_stop(core, -1) == 0 && janus_rs_stop(core, -1) == 0);
	EXPECT(janus_rs_next(queue, &event, 0) == 1 && event.type == JANUS_RS_EVENT_STOPPED);
	EXPECT(janus_rs_start(core) == JANUS_RS_ESTATE);
	EXPECT(janus_rs_close(core) == 0);
	EXPECT(janus_rs_close(core) == JANUS_RS_ENOENT);
	EXPECT(janus_rs_next(queue, &event, -1) == JANUS_RS_ENOENT);
}

static void several(void) {
	enum { COUNT = 3 };
	janus_rs *cores[COUNT];
	for(int i = 0; i < COUNT; i++) {
		cores[i] = opened();
		EXPECT(janus_rs_start(cores[i]) == 0);
	}
	/* They do not share their sockets. */
	char *addresses[COUNT];
	for(int i = 0; i < COUNT; i++) {
		EXPECT(janus_rs_addresses(cores[i], &addresses[i]) == 0 && strstr(addresses[i], ":") != NULL);
		for(int j = 0; j < i; j++)
			EXPECT(strcmp(addresses[i], addresses[j]) != 0);
	}
	for(int i = 0; i < COUNT; i++) {
		janus_rs_free(addresses[i]);
		EXPECT(janus_rs_close(cores[i]) == 0);
	}
}

/* The status of a child that runs `act`. */
static int in_child(janus_rs *core, int (*act)(janus_rs *)) {
	fflush(NULL);
	pid_t child = fork();
	if(child == 0)
		_exit(act(core));
	int status = -1;
	EXPECT(child > 0 && waitpid(child, &status, 0) == child);
	EXPECT(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static janus_rs_queue *of_started;

/* Neither takes nor touches what is the parent's. */
static int of_the_parent(janus_rs *core) {
	janus_rs_counters counters = JANUS_RS_COUNTERS_INIT;
	janus_rs_event event = JANUS_RS_EVENT_INIT;
	return janus_rs_next(of_started, &event, 0) == JANUS_RS_EFORK && janus_rs_queue_wake(of_started) == JANUS_RS_EFORK
		&& janus_rs_count(core, &counters) == JANUS_RS_EFORK
		&& janus_rs_stop(core, -1) == JANUS_RS_EFORK && janus_rs_close(core) == 0 ? 0 : 1;
}

static int of_its_own(janus_rs *core) {
	return janus_rs_start(core) == 0 && janus_rs_close(core) == 0 ? 0 : 1;
}

static int lines;

static void count_lines(void *user, int level, const char *line, size_t length) {
	(void)user, (void)level, (void)line;
	__atomic_add_fetch(&lines, length > 0, __ATOMIC_RELAXED);
}

/* Its log works, although the parent's thread for it stayed there. */
static int with_a_log(janus_rs *core) {
	lines = 0;
	return janus_rs_start(core) == 0 && janus_rs_close(core) == 0 && lines > 0 ? 0 : 1;
}

int main(int argc, char **argv) {
	int rounds = argc > 1 ? atoi(argv[1]) : 1;
	/* New threads get arenas of their own as chance has it: that is not what is looked for. */
	mallopt(M_ARENA_MAX, 1);
	/* What is made once in a process. */
	for(int i = 0; i < 5; i++)
		once();
	int descriptors = entries("/proc/self/fd");
	EXPECT(threads(ALONE) == ALONE);
	long memory = resident_kb();
	for(int i = 0; i < rounds; i++)
		once();
	several();
	EXPECT(threads(ALONE) == ALONE);
	EXPECT(entries("/proc/self/fd") == descriptors);
	long grown = resident_kb() - memory;
	printf("%d rounds: %ld kB more\n", rounds, grown);
#ifndef __SANITIZE_THREAD__
	EXPECT(grown < 4096 + rounds);
#endif

	janus_rs *set_up = opened(), *started = opened();
	EXPECT(in_child(set_up, of_its_own) == 0 && in_child(set_up, of_its_own) == 0);
	EXPECT(janus_rs_queue_open(started, &of_started, NULL) == 0);
	EXPECT(janus_rs_start(started) == 0);
	EXPECT(janus_rs_queue_wake(of_started) == 0);
	EXPECT(in_child(started, of_the_parent) == 0);
	struct pollfd waits = { janus_rs_queue_fd(of_started), POLLIN, 0 };
	EXPECT(poll(&waits, 1, 0) == 1);
	janus_rs_options logs = JANUS_RS_OPTIONS_INIT;
	logs.log = count_lines;
	janus_rs *logging;
	EXPECT(janus_rs_open(&logging, &logs) == 0 && janus_rs_set(logging, "general.interface", "127.0.0.1") == 0);
	EXPECT(in_child(logging, with_a_log) == 0);
	EXPECT(janus_rs_close(logging) == 0);
	EXPECT(janus_rs_close(started) == 0 && janus_rs_close(set_up) == 0);
	return 0;
}
