/* A program with the server inside. It serves what the janus.jcfg of the named folder says, until its standard input ends
 * (Ctrl-D), and does whatever else it likes meanwhile.
 *
 *   cargo build --release && ln -sf libjanus_rs.so target/release/libjanus_rs.so.0
 *   cc examples/embed.c -o embed -Iinclude -Ltarget/release -ljanus_rs -Wl,--allow-shlib-undefined
 *   LD_LIBRARY_PATH=target/release ./embed /etc/janus
 */
#include <janus_rs.h>
#include <stdio.h>

int main(int argc, char **argv) {
	const char *folder = argc > 1 ? argv[1] : NULL; /* NULL is /etc/janus */
	printf("libjanus_rs %s\n", janus_rs_version());
	/* Returns when all transports serve. The log has said why, if it fails. */
	if(janus_rs_start(folder) != 0) {
		fprintf(stderr, "The server has not started\n");
		return 1;
	}
	puts("Serving; Ctrl-D ends it");
	fflush(stdout);
	while(getchar() != EOF) {
	}
	/* Sessions are ended and modules destroyed when this returns. Signals have stayed the program's own all the time. */
	janus_rs_stop();
	return 0;
}
