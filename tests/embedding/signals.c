/* Embeds the server in a program that has its own ideas of signals: masks and handlers are the same before and after,
 * every thread that was started blocks what sigwait is to get, and a closed pipe ends nothing. */
#include <janus_rs.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect(int true_, const char *what, long which) {
	if(!true_) {
		fprintf(stderr, "%s (%ld)\n", what, which);
		exit(1);
	}
}

static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };

/* KILL and STOP cannot be blocked; 32 and 33 are the C library's. */
static unsigned long long asynchronous(void) {
	unsigned long long mask = ~0ULL;
	for(size_t i = 0; i < sizeof(faults)/sizeof(*faults); i++)
		mask &= ~(1ULL << (faults[i] - 1));
	mask &= ~(1ULL << (SIGKILL - 1)) & ~(1ULL << (SIGSTOP - 1)) & ~(1ULL << 31) & ~(1ULL << 32);
	return mask;
}

/* What a thread blocks; 0 for one that has ended. */
static int blocked_by(long tid, unsigned long long *blocked) {
	char path[64], line[256];
	int found = 0;
	snprintf(path, sizeof(path), "/proc/self/task/%ld/status", tid);
	FILE *status = fopen(path, "r");
	if(status == NULL)
		return 0;
	while(!found && fgets(line, sizeof(line), status) != NULL)
		found = sscanf(line, "SigBlk: %llx", blocked) == 1;
	fclose(status);
	return found;
}

static int blocks_a_fault(unsigned long long blocked) {
	for(size_t i = 0; i < sizeof(faults)/sizeof(*faults); i++)
		if(blocked >> (faults[i] - 1) & 1)
			return faults[i];
	return 0;
}

/* How many threads besides this one there are, all of which have to block what is asynchronous. */
static int check_threads(void) {
	DIR *tasks = opendir("/proc/self/task");
	expect(tasks != NULL, "no /proc", 0);
	int count = 0;
	for(struct dirent *task; (task = readdir(tasks)) != NULL; ) {
		long tid = atol(task->d_name);
		unsigned long long blocked = 0;
		if(tid == 0 || tid == getpid() || !blocked_by(tid, &blocked))
			continue;
		/* While a thread starts or ends, the C library blocks everything in it. */
		int alive = 1;
		for(int tries = 0; alive && blocks_a_fault(blocked) && tries < 500; tries++) {
			usleep(10000);
			alive = blocked_by(tid, &blocked);
		}
		if(!alive)
			continue;
		count++;
		expect((blocked & asynchronous()) == asynchronous(), "a thread has signals open", tid);
		expect(!blocks_a_fault(blocked), "a thread blocks a fault", blocks_a_fault(blocked));
	}
	closedir(tasks);
	return count;
}

static void handlers(struct sigaction *into) {
	for(int signal = 1; signal < NSIG; signal++)
		if(sigaction(signal, NULL, &into[signal]) != 0)
			memset(&into[signal], 0, sizeof(into[signal]));
}

/* How the C library has a handler return: it says so once something was set. */
#define RESTORER 0x04000000

/* Every one is what it was. */
static void check_handlers(const struct sigaction *before, const char *when) {
	static struct sigaction now[NSIG];
	handlers(now);
	for(int signal = 1; signal < NSIG; signal++)
		expect(now[signal].sa_handler == before[signal].sa_handler &&
			(now[signal].sa_flags | RESTORER) == (before[signal].sa_flags | RESTORER), when, signal);
}

/* The program's own, for SIGPIPE. */
static void on_pipe(int signal) {
	(void)signal;
}

/* argv: folder of configurations, folder of plugins, transports */
int main(int argc, char **argv) {
	static struct sigaction before[NSIG];
	sigset_t mask_before, mask_after, waited;
	if(argc < 4)
		return 2;
	/* Nobody reads what the log writes to stdout. */
	int ends[2];
	expect(pipe(ends) == 0 && dup2(ends[1], STDOUT_FILENO) >= 0, "no pipe", 0);
	close(ends[0]);
	close(ends[1]);
	pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
	handlers(before);
	expect(before[SIGPIPE].sa_handler == SIG_DFL, "SIGPIPE is ignored already", 0);
	janus_rs *core;
	janus_rs_options options = JANUS_RS_OPTIONS_INIT;
	options.flags = JANUS_RS_MODULES;
	options.config_folder = argv[1];
	expect(janus_rs_open(&core, &options) == 0, "it does not open", 0);
	check_handlers(before, "another handler after opening");
	expect(janus_rs_load_folder(core, JANUS_RS_PLUGIN, argv[2], NULL) == 1, "no plugin", 0);
	for(int i = 3; i < argc; i++)
		expect(janus_rs_load(core, JANUS_RS_TRANSPORT, argv[i]) == 0, "no transport", i);
	check_handlers(before, "another handler after loading");
	expect(janus_rs_set(core, "general.log_to_stdout", "true") == 0, "no option", 0);
	/* It may change its mind at any time. */
	struct sigaction own = { .sa_handler = on_pipe, .sa_flags = SA_RESTART };
	expect(sigaction(SIGPIPE, &own, NULL) == 0, "no handler", SIGPIPE);
	handlers(before);
	expect(janus_rs_start(core) == 0, janus_rs_error(), 0);
	check_handlers(before, "another handler after the start");
	pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
	for(int signal = 1; signal < NSIG; signal++)
		expect(sigismember(&mask_before, signal) == sigismember(&mask_after, signal), "another mask", signal);
	expect(check_threads() >= 3, "hardly any threads", 0);
	signal(SIGPIPE, SIG_DFL);
	handlers(before);
	/* Sent to the process, it waits for the one who asks for it. */
	sigemptyset(&waited);
	sigaddset(&waited, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &waited, NULL);
	for(int i = 0; i < 100; i++) {
		int got = 0;
		kill(getpid(), SIGUSR1);
		expect(sigwait(&waited, &got) == 0 && got == SIGUSR1, "another signal", got);
	}
	check_handlers(before, "another handler while it runs");
	expect(janus_rs_close(core) == 0, "it does not close", 0);
	check_handlers(before, "another handler at the end");
	return 0;
}
