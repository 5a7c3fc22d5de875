/* Preloaded: a handler that was there before the server's own. */
#include <signal.h>
#include <unistd.h>

static void before(int signal) {
	static const char line[] = "the handler from before\n";
	(void)signal;
	_exit(write(STDERR_FILENO, line, sizeof(line) - 1) > 0 ? 42 : 43);
}

__attribute__((constructor)) static void install(void) {
	struct sigaction action = { .sa_handler = before };
	sigaction(SIGSEGV, &action, NULL);
}
