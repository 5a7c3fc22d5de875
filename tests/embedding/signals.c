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

/* Libraries below modules may ignore SIGPIPE; nobody may handle it. */
static int same(const struct sigaction *a, const struct sigaction *b, int signal) {
	return a->sa_handler == b->sa_handler || (signal == SIGPIPE && b->sa_handler == SIG_IGN);
}

int main(int argc, char **argv) {
	static struct sigaction before[NSIG], after[NSIG];
	sigset_t mask_before, mask_after, waited;
	if(argc != 4)
		return 2;
	/* Nobody reads what the log writes to stdout. */
	int ends[2];
	expect(pipe(ends) == 0 && dup2(ends[1], STDOUT_FILENO) >= 0, "no pipe", 0);
	close(ends[0]);
	close(ends[1]);
	pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
	handlers(before);
	janus_rs *core;
	janus_rs_options options = JANUS_RS_OPTIONS_INIT;
	options.flags = JANUS_RS_MODULES;
	options.config_folder = argv[1];
	expect(janus_rs_open(&core, &options) == 0, "it does not open", 0);
	expect(janus_rs_load_folder(core, JANUS_RS_PLUGIN, argv[2], NULL) == 1, "no plugin", 0);
	expect(janus_rs_load(core, JANUS_RS_TRANSPORT, argv[3]) == 0, "no transport", 0);
	expect(janus_rs_set(core, "general.log_to_stdout", "true") == 0, "no option", 0);
	expect(janus_rs_start(core) == 0, janus_rs_error(), 0);
	handlers(after);
	pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
	for(int signal = 1; signal < NSIG; signal++) {
		expect(same(&before[signal], &after[signal], signal), "another handler", signal);
		expect(sigismember(&mask_before, signal) == sigismember(&mask_after, signal), "another mask", signal);
	}
	expect(check_threads() >= 3, "hardly any threads", 0);
	/* Sent to the process, it waits for the one who asks for it. */
	sigemptyset(&waited);
	sigaddset(&waited, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &waited, NULL);
	for(int i = 0; i < 100; i++) {
		int got = 0;
		kill(getpid(), SIGUSR1);
		expect(sigwait(&waited, &got) == 0 && got == SIGUSR1, "another signal", got);
	}
	expect(janus_rs_close(core) == 0, "it does not close", 0);
	handlers(after);
	for(int signal = 1; signal < NSIG; signal++)
		expect(same(&before[signal], &after[signal], signal), "another handler at the end", signal);
	return 0;
}
