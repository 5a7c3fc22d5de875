/* Starts the server in this process, tries to do so twice, stops it. */
#include <janus_rs.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
	if(argc != 2 || strlen(janus_rs_version()) == 0)
		return 2;
	janus_rs_wait(); /* nothing runs */
	if(janus_rs_start(argv[1]) != 0)
		return 3;
	if(janus_rs_start(argv[1]) == 0)
		return 4;
	janus_rs_stop();
	janus_rs_stop();
	janus_rs_wait();
	return 0;
}
