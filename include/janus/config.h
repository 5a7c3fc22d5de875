/*! \file config.h
 * \brief Configuration files: a tree of containers.
 *
 * Layouts and prototypes are those of 1.4.1 (plugin ABI generation B6).
 */

#ifndef JANUS_CONFIG_H
#define JANUS_CONFIG_H

#include <glib.h>

#ifdef __cplusplus
extern "C" {
#endif

/*! Kind of a container. */
typedef enum janus_config_type {
	janus_config_type_any = 1,
	janus_config_type_item = 2,
	janus_config_type_category = 3,
	janus_config_type_array = 4
} janus_config_type;

/*! An item (value), or a category or array (list). The strings are the container's. */
typedef struct janus_config_container {
	janus_config_type type;
	const char *name;
	const char *value;
	GList *list;
} janus_config_container, janus_config_item, janus_config_category, janus_config_array;

/*! A configuration file. */
typedef struct janus_config {
	gboolean is_jcfg;
	const char *name;
	GList *list;
} janus_config;

/*! Takes child over as the last child of parent (NULL: the root); one of the same name is destroyed
 * first. 0, -1 without a tree or child, -2 when the parent is an item. */
int janus_config_add(janus_config *config, janus_config_container *parent, janus_config_container *child);

/*! A new array; the name may be NULL. */
janus_config_array *janus_config_array_create(const char *name);

/*! A new category; the name may be NULL. */
janus_config_category *janus_config_category_create(const char *name);

/*! Frees a container and all below it; it must be in no list. NULL is fine. */
void janus_config_container_destroy(janus_config_container *gone);

/*! An empty tree; .jcfg in the name decides its format. */
janus_config *janus_config_create(const char *name);

/*! Frees the whole tree; NULL is fine. */
void janus_config_destroy(janus_config *config);

/*! The first child of parent (NULL: the root) of that type and name, borrowed, or NULL. */
janus_config_container *janus_config_get(janus_config *config, janus_config_container *parent, janus_config_type kind, const char *name);

/*! The arrays, as janus_config_get_items. */
GList *janus_config_get_arrays(janus_config *config, janus_config_container *parent);

/*! The categories, as janus_config_get_items. */
GList *janus_config_get_categories(janus_config *config, janus_config_container *parent);

/*! As janus_config_get, but a missing category or array is added. */
janus_config_container *janus_config_get_create(janus_config *config, janus_config_container *parent, janus_config_type kind, const char *name);

/*! The items below parent (NULL: the root) in order. The caller frees the list, not what is in it. */
GList *janus_config_get_items(janus_config *config, janus_config_container *parent);

/*! A new item; NULL only when both are NULL (elements of arrays have no name). */
janus_config_item *janus_config_item_create(const char *name, const char *value);

/*! Reads a file; NULL when that fails, with the reason in the log The caller destroys it. */
janus_config *janus_config_parse(const char *path);

/*! Prints at level VERB. */
void janus_config_print(janus_config *config);

/*! Prints at a level, one line of the log each. */
void janus_config_print_as(janus_config *config, int level);

/*! Destroys the child of that name. 0, -1 without a tree or name, -2 when the parent is an item, -3
 * when there is none. */
int janus_config_remove(janus_config *config, janus_config_container *parent, const char *name);

/*! Writes folder/filename plus the extension of its format. 0, -1 without a tree, -2 when the
 * folder cannot be created, -3 when the file cannot be written. */
int janus_config_save(janus_config *config, const char *folder, const char *filename);

/*! Follows names from the root down, ended by NULL; borrowed, or NULL. */
janus_config_container *janus_config_search(janus_config *, ...) G_GNUC_NULL_TERMINATED;

#ifdef __cplusplus
}
#endif

#endif
