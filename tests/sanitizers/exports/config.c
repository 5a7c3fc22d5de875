/* config.h */
#include "exports.h"

/*! A child becomes part of the tree only when 0 is returned. */
static void add(janus_config *tree, janus_config_container *child) {
	int code = janus_config_add(tree, NULL, child);
	if(tree == NULL || child == NULL)
		expect(code == -1, "janus_config_add");
	if(code == 0)
		taken(child);
}

void test_config(void) {
	OWNED(1, 0x0, janus_config_container_destroy, janus_config_array_create(P(0, text())));
	OWNED(1, 0x0, janus_config_container_destroy, janus_config_category_create(P(0, text())));
	OWNED(1, 0x1, janus_config_destroy, janus_config_create(P(0, text())));
	VOID(1, janus_config_destroy(TAKEN(P(0, config()))));
	CALL(2, 0x3, NULL, janus_config_get(P(0, config()), NULL, integer(0), P(1, text())));
	OWNED(1, 0x1, free_list, janus_config_get_arrays(P(0, config()), NULL));
	OWNED(1, 0x1, free_list, janus_config_get_categories(P(0, config()), NULL));
	CALL(2, 0x3, NULL, janus_config_get_create(P(0, config()), NULL, integer(0), P(1, text())));
	OWNED(1, 0x1, free_list, janus_config_get_items(P(0, config()), NULL));
	OWNED(2, 0x0, janus_config_container_destroy, janus_config_item_create(P(0, text()), P(1, text())));
	OWNED(1, 0x1, janus_config_destroy, janus_config_parse(P(0, text())));
	VOID(1, janus_config_print(P(0, config())));
	VOID(1, janus_config_print_as(P(0, config()), integer(0)));
	CALL(2, 0x3, -1, janus_config_remove(P(0, config()), NULL, P(1, text())));
	CALL(3, 0x5, -1, janus_config_save(P(0, config()), P(1, text()), P(2, text())));
	EACH(2, "janus_config_add", add(P(0, config()), P(1, category())));
	EACH(1, "janus_config_container_destroy", janus_config_container_destroy(TAKEN(P(0, category()))));
	CALL(2, 0x1, NULL, janus_config_search(P(0, config()), P(1, "general"), NULL));
}
