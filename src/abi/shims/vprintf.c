/* janus_vprintf is C-variadic; the formatted line is handed to Rust (see src/abi/log.rs). "hidden" keeps the
   Rust function out of the symbols that the library exports. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((visibility("hidden"))) void janus_rs_log_line(const char *text, size_t length);
void janus_rs_shim_vprintf(const char *format, ...);

void janus_rs_shim_vprintf(const char *format, ...) {
	if(format == NULL)
		return;
	char small[1024];
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int length = vsnprintf(small, sizeof small, format, args);
	va_end(args);
	if(length >= 0 && (size_t)length < sizeof small) {
		janus_rs_log_line(small, (size_t)length);
	} else if(length >= 0) {
		char *large = malloc((size_t)length + 1);
		if(large != NULL) {
			vsnprintf(large, (size_t)length + 1, format, again);
			janus_rs_log_line(large, (size_t)length);
			free(large);
		}
	}
	va_end(again);
}
