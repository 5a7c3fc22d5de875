/* log.h */
#include "exports.h"

/*! Exported for older versions; in no header. */
void janus_log_set_loggers(GHashTable *loggers);

void test_log(void) {
	CALL(0, 0x0, NULL, janus_log_get_logfile_path());
	CALL(0, 0x0, FALSE, janus_log_is_logfile_enabled());
	CALL(0, 0x0, FALSE, janus_log_is_stdout_enabled());
	VOID(0, janus_log_reload());
	janus_vprintf(NULL);
	CALL(1, 0, 0, janus_log_init(FALSE, edge % 2, P(0, "log.txt"), NULL));
	janus_vprintf("%s %d\n", "text", 1);
	VOID(0, janus_vprintf("%s\n", text()));
	janus_log_set_loggers(NULL);
	g_free(janus_log_get_logfile_path());
	janus_log_reload();
	janus_log_destroy();
	janus_log_destroy();
	janus_vprintf("late\n");
}
