/* janus_config_search is C-variadic: names from the root down, ended by NULL; each may be of any type. */
#include <stdarg.h>
#include <stddef.h>

enum { ANY = 1 };

void *janus_config_get(void *config, void *parent, int type, const char *name);
void *janus_rs_shim_config_search(void *config, ...);

void *janus_rs_shim_config_search(void *config, ...) {
	va_list names;
	va_start(names, config);
	void *found = NULL;
	const char *name;
	while((name = va_arg(names, const char *)) != NULL) {
		found = janus_config_get(config, found, ANY, name);
		if(found == NULL)
			break;
	}
	va_end(names);
	return found;
}
