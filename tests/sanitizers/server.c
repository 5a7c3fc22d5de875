/* The daemon, in a program that is built with a sanitizer: the modules it loads allocate through it. */
#include <janus_rs.h>

int main(int argc, char *argv[]) {
	return janus_rs_main(argc, (const char *const *)argv);
}
