/* log.h, debug.h, and the printing of configurations. The lines themselves are compared by oracle.py: those that
 * carry the prefix set here. */
#include "oracle.h"

#include <unistd.h>

SUBJECT(logging) {
	usleep(400000);	/* until the core's other threads have announced themselves */
	CASE("janus_log_is_stdout_enabled", "as started");
	INT(janus_log_is_stdout_enabled());
	CASE("janus_log_is_logfile_enabled", "as started");
	INT(janus_log_is_logfile_enabled());
	CASE("janus_log_get_logfile_path", "as started");
	TEXT(janus_log_get_logfile_path());
	CASE("janus_log_init", "again");
#if ORACLE_14
	INT(janus_log_init(FALSE, TRUE, NULL, NULL));
	CASE("janus_log_reload", "no file");
	janus_log_reload();
#else
	INT(janus_log_init(FALSE, TRUE, NULL));
	CASE("janus_log_set_loggers", "none");
	janus_log_set_loggers(NULL);
#endif
	INT(janus_log_is_stdout_enabled());

	char prefix[] = "ORACLE|", *before = janus_log_global_prefix;
	janus_log_global_prefix = prefix;
	for(int i = 0; i < 300; i++) {
		char *text = g_strdup(oracle_random_text(oracle_below(i < 250 ? 120 : 4000)));
		CASE("janus_vprintf", "%d", i);
		janus_vprintf("%s%d %s %5.2f %-5s|%05d|%x %lld %c\n", prefix, i, text, i / 3.0, "ab", i, i, (long long)i << 40, 'a' + i % 26);
		g_free(text);
	}
	janus_vprintf("%sno line end, ", prefix);
	janus_vprintf("then one\n");
	janus_vprintf("%stwo\n%slines\n", prefix, prefix);
	int level = janus_log_level;
	for(janus_log_level = 0; janus_log_level <= LOG_MAX; janus_log_level++)
		for(int with = LOG_FATAL; with <= LOG_MAX; with++)
			for(janus_log_colors = 0; janus_log_colors < 2; janus_log_colors++) {
				CASE("janus_vprintf", "level %d at %d, colours %d", with, janus_log_level, janus_log_colors);
				JANUS_LOG(with, "level %d at %d\n", with, janus_log_level);
			}
	janus_log_colors = FALSE;
	janus_log_level = LOG_MAX;
	janus_log_timestamps = TRUE;
	JANUS_LOG(LOG_INFO, "with a date\n");
	janus_log_timestamps = FALSE;

	static const char *const endings[] = { ".jcfg", ".cfg" };
	EACH(const char *const, ending, endings) {
		GPtrArray *files = oracle_files("config", *ending);
		for(guint f = 0; f < files->len; f++) {
			oracle_item *file = g_ptr_array_index(files, f);
			if(g_str_has_prefix(file->name, "include"))
				continue;	/* where it is looked for depends on the working directory */
			char *path = g_build_filename(oracle_corpus(), "config", file->name, NULL);
			janus_config *config = janus_config_parse(path);
			g_free(path);
			if(!config)
				continue;
			CASE("janus_config_print", "%s", file->name);
			janus_config_print(config);
			for(int at = LOG_NONE; at <= LOG_MAX; at++) {
				CASE("janus_config_print_as", "%s, %d", file->name, at);
				janus_log_level = LOG_INFO;
				janus_config_print_as(config, at);
				janus_log_level = LOG_MAX;
			}
			janus_config_destroy(config);
		}
	}
	janus_config_print(NULL);
	janus_log_level = level;
	janus_log_global_prefix = before;
	CASE("janus_log_destroy", "at the end");
	janus_log_destroy();
	INT(1);
}
