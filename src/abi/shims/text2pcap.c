/* janus_text2pcap_dump ends in a printf-like remark; formatted here, written by Rust (see src/abi/text2pcap.rs). */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

__attribute__((visibility("hidden")))
int janus_rs_text2pcap_dump(void *instance, int type, int incoming, char *buffer, int length, const char *note);
int janus_rs_shim_text2pcap_dump(void *instance, int type, int incoming, char *buffer, int length,
	const char *format, ...);

int janus_rs_shim_text2pcap_dump(void *instance, int type, int incoming, char *buffer, int length,
		const char *format, ...) {
	char note[512];
	if(format != NULL) {
		va_list args;
		va_start(args, format);
		vsnprintf(note, sizeof note, format, args);
		va_end(args);
	}
	return janus_rs_text2pcap_dump(instance, type, incoming, buffer, length, format != NULL ? note : NULL);
}
