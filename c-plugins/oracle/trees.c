/* config.h: configuration trees. */
#include "oracle.h"

#include <glib/gstdio.h>

static void show(const GList *children) {
	WORD("{");
	for(; children; children = children->next) {
		const janus_config_container *c = children->data;
		INT(c->type), TEXT(c->name), TEXT(c->value);
		if(c->list)
			show(c->list);
	}
	WORD("}");
}

static void tree(janus_config *config) {
	if(!config) {
		WORD("NULL");
		return;
	}
	INT(config->is_jcfg), TEXT(config->name), show(config->list);
}

static char *inside(const char *name) {
	return g_build_filename(oracle_scratch(), name, NULL);
}

/* What a file with this text is read as. */
static janus_config *parse(const char *name, const char *text) {
	char *path = inside(name);
	g_file_set_contents(path, text, -1, NULL);
	janus_config *config = janus_config_parse(path);
	g_free(path);
	return config;
}

static void names_of(GList *list) {
	INT(g_list_length(list));
	for(GList *l = list; l; l = l->next)
		TEXT(((janus_config_container *)l->data)->name);
	g_list_free(list);
}

static const janus_config_type types[] = { janus_config_type_any, janus_config_type_item, janus_config_type_category, janus_config_type_array };

/* Everything that can be asked about the children of `parent`. */
static void ask(const char *label, janus_config *config, janus_config_container *parent) {
	static const char *const names[] = { "general", "GENERAL", "decimal", "id", "rooms", "codecs", "text", "nothing", "" };
	EACH(const char *const, name, names)
		EACH(const janus_config_type, type, types) {
			CASE("janus_config_get", "%s: %s type %d", label, *name, *type);
			janus_config_container *found = janus_config_get(config, parent, *type, *name);
			if(found)
				INT(found->type), TEXT(found->name), TEXT(found->value);
			else
				WORD("NULL");
		}
	CASE("janus_config_get_items", "%s", label);
	names_of(janus_config_get_items(config, parent));
	CASE("janus_config_get_categories", "%s", label);
	names_of(janus_config_get_categories(config, parent));
	CASE("janus_config_get_arrays", "%s", label);
	names_of(janus_config_get_arrays(config, parent));
}

static void walk(const char *label, janus_config *config, janus_config_container *parent, int depth) {
	ask(label, config, parent);
	int index = 0;
	for(GList *l = parent ? parent->list : config->list; l && depth < 4; l = l->next, index++) {
		char *deeper = g_strdup_printf("%s/%d", label, index);
		walk(deeper, config, l->data, depth + 1);
		g_free(deeper);
	}
}

static void save(const char *label, janus_config *config) {
	char *base = inside("saved"), *folder = g_build_filename(base, "deep", NULL);
	CASE("janus_config_save", "%s", label);
	INT(janus_config_save(config, folder, "file"));
	char *path = g_strdup_printf("%s/file.%s", folder, config && config->is_jcfg ? "jcfg" : "cfg"), *text = NULL;
	if(g_file_get_contents(path, &text, NULL, NULL))
		TEXT(text);
	CASE("janus_config_parse", "%s, saved", label);
	janus_config *again = text ? janus_config_parse(path) : NULL;
	tree(again);
	CASE("janus_config_destroy", "%s, saved", label);
	janus_config_destroy(again);
	g_remove(path);
	g_free(text);
	g_free(path);
	g_free(base);
	g_free(folder);
}

static void corpus_files(const char *ending) {
	GPtrArray *files = oracle_files("config", ending);
	for(guint f = 0; f < files->len; f++) {
		oracle_item *file = g_ptr_array_index(files, f);
		char *path = g_build_filename(oracle_corpus(), "config", file->name, NULL);
		CASE("janus_config_parse", "%s", file->name);
		janus_config *config = janus_config_parse(path);
		tree(config);
		/* Included files are looked for in different places. */
		if(config && !g_str_has_prefix(file->name, "include")) {
			walk(file->name, config, NULL, 0);
			save(file->name, config);
			CASE("janus_config_search", "%s", file->name);
			janus_config_container *found = janus_config_search(config, "general", "text", NULL);
			TEXT(found ? found->value : NULL);
			found = janus_config_search(config, "nothing", "text", NULL);
			TEXT(found ? found->value : NULL);
			found = janus_config_search(config, "GENERAL", NULL);
			TEXT(found ? found->name : NULL);
		}
		CASE("janus_config_destroy", "%s", file->name);
		janus_config_destroy(config);
		g_free(path);
	}
}

/* A file cut and damaged at every byte. */
static const char *damaged_name;

static void damaged(const char *label, char *bytes, int length) {
	(void)length;
	CASE("janus_config_parse", "%s", label);
	janus_config *config = parse(damaged_name, bytes);
	tree(config);
	janus_config_destroy(config);
}

static void snippets(void) {
	static const char *const ini[] = {
		"", "\n", "a=b", "a = b", " a = b ", "a =", "a = ", "a =>", "a => b", "a => ", "= b", "=> b", "a", "[a]", "[a", "[]", "[ ]", "[a]\nb=c\n[a]\nd=e",
		"a=b\na=c\nd=e\nA=f", ";a=b", "a=b;c", "a=b\\;c", "a=b\\;c;d", "a=b\\", "#a=b", "a=b=c", "[a] trailing", "[a]\n\nb=c\r\n", "a=b\r\n", "\ta\t=\tb\t",
		"[a]b=c", "a==b", "a=>=b", "a=>>b", "a>b", " [a] ", "a = \"b\"", "[a;b]", "\xef\xbb\xbf""a=b", "a=\xc3\xa9", "a[b]=c",
	};
	static const char *const jcfg[] = {
		"", "\n", "a = 1", "a = 1;", "a: 1", "a = 1, b = 2", "a = \"b\"", "a = \"b", "a = true", "a = True", "a = FALSE", "a = yes", "a = 1.5", "a = 1e3",
		"a = 0x1f", "a = 10L", "a = -1", "a = ( )", "a = [ ]", "a = { }", "a = ( 1, \"b\", ( 2 ), { c = 3; } )", "a = [ 1, 2 ]", "a = [ 1, \"b\" ]",
		"a: { b: { c: { d = 1 } } }", "a = 1\na = 2", "a = 1\nA = 2", "a", "= 1", "a = ", "a = }", "{ a = 1 }", "# comment\n", "// comment\n", "/* comment */",
		"/* open", "a = 1 # comment\n", "a.b = 1", "a-b = 1", "a_b = 1", "*a = 1", "1a = 1", "a = 'b'", "a = \"\\x41\\n\\t\\\\\\\"\"", "a = \"b\" \"c\"",
		"a = 2147483648", "a = 9223372036854775807L", "a = 1.0e-10", "a = ( ( ( ) ) )", "a = {b=1;c=2}", "a: {\n}\nb: {\n}\n", "@include \"none\"",
		"a = [ true, false ]", "a = [ 1.5, 2.5 ]", "a = [ 1, 2L ]", "a = ( { b = 1 }, { b = 2 } )", "a = \"\xc3\xa9\"",
	};
	for(size_t i = 0; i < COUNT(ini) + COUNT(jcfg); i++) {
		gboolean is_ini = i < COUNT(ini);
		const char *text = is_ini ? ini[i] : jcfg[i - COUNT(ini)], *name = is_ini ? "snippet.cfg" : "snippet.jcfg";
		CASE("janus_config_parse", "%zu %s", i, text);
		janus_config *config = parse(name, text);
		tree(config);
		if(config) {
			char *label = g_strdup_printf("%zu %s", i, text);
			save(label, config);
			g_free(label);
		}
		janus_config_destroy(config);
	}
	static const char *const names[] = { "a.jcfg", "a.cfg", "a.jcfg.old", "jcfg", "a.JCFG", "x.jcfgx", "a" };
	EACH(const char *const, name, names) {
		CASE("janus_config_parse", "called %s", *name);
		janus_config *config = parse(*name, "a = \"b\"");
		tree(config);
		janus_config_destroy(config);
		CASE("janus_config_create", "%s", *name);
		config = janus_config_create(*name);
		tree(config);
		janus_config_destroy(config);
	}
	CASE("janus_config_parse", "NULL");
	tree(janus_config_parse(NULL));
	CASE("janus_config_parse", "missing");
	tree(janus_config_parse("/nowhere/a.jcfg"));
	CASE("janus_config_create", "NULL");
	tree(janus_config_create(NULL));
}

static void build(void) {
	static const char *const names[] = { NULL, "", "a", "A", "b", "with space" };
	EACH(const char *const, name, names) {
		EACH(const char *const, value, names) {
			CASE("janus_config_item_create", "%s, %s", *name ? *name : "NULL", *value ? *value : "NULL");
			janus_config_item *item = janus_config_item_create(*name, *value);
			if(item)
				INT(item->type), TEXT(item->name), TEXT(item->value);
			else
				WORD("NULL");
			CASE("janus_config_container_destroy", "item");
			janus_config_container_destroy(item);
		}
		CASE("janus_config_category_create", "%s", *name ? *name : "NULL");
		janus_config_category *category = janus_config_category_create(*name);
		INT(category->type), TEXT(category->name);
		CASE("janus_config_array_create", "%s", *name ? *name : "NULL");
		janus_config_array *array = janus_config_array_create(*name);
		INT(array->type), TEXT(array->name);
		CASE("janus_config_container_destroy", "category and array");
		janus_config_container_destroy(category);
		janus_config_container_destroy(array);
	}
	janus_config_container_destroy(NULL);
	janus_config_destroy(NULL);
}

/* Random changes; the whole tree after each. */
static void change(int round) {
	static const char *const names[] = { "a", "b", "C", "c", "d", "e" };
	janus_config *config = janus_config_create(round & 1 ? "change.jcfg" : "change.cfg");
	for(int i = 0; i < 120; i++) {
		janus_config_container *parent = NULL;
		for(int depth = (int)oracle_below(3); depth > 0; depth--) {
			GList *children = parent ? parent->list : config->list;
			janus_config_container *next = g_list_nth_data(children, oracle_below(6));
			if(next)
				parent = next;
		}
		const char *name = names[oracle_below(COUNT(names))], *value = names[oracle_below(COUNT(names))];
		janus_config_container *child = NULL;
		uint32_t what = oracle_below(10);
		if(what < 6) {
			child = what < 3 ? janus_config_item_create(name, value) : what < 5 ? janus_config_category_create(name) : janus_config_array_create(name);
			if(what == 2 && parent && parent->type == janus_config_type_array) {
				janus_config_container_destroy(child);
				child = janus_config_item_create(NULL, value);
			}
			CASE("janus_config_add", "%d/%d", round, i);
			int result = janus_config_add(config, parent, child);
			INT(result);
			if(result < 0)
				janus_config_container_destroy(child);
		} else if(what < 8) {
			CASE("janus_config_remove", "%d/%d", round, i);
			INT(janus_config_remove(config, parent, name));
		} else {
			CASE("janus_config_get_create", "%d/%d", round, i);
			child = janus_config_get_create(config, parent, types[oracle_below(COUNT(types))], name);
			if(child)
				INT(child->type), TEXT(child->name);
			else
				WORD("NULL");
		}
		tree(config);
	}
	char *label = g_strdup_printf("round %d", round);
	save(label, config);
	g_free(label);
	CASE("janus_config_add", "NULL");
	INT(janus_config_add(NULL, NULL, NULL)), INT(janus_config_add(config, NULL, NULL));
	CASE("janus_config_remove", "NULL");
	INT(janus_config_remove(NULL, NULL, "a")), INT(janus_config_remove(config, NULL, NULL));
	CASE("janus_config_get", "NULL");
	INT(janus_config_get(NULL, NULL, janus_config_type_any, "a") == NULL), INT(janus_config_get(config, NULL, janus_config_type_any, NULL) == NULL);
	CASE("janus_config_get_create", "NULL");
	INT(janus_config_get_create(NULL, NULL, janus_config_type_category, "a") == NULL);
	INT(janus_config_get_create(config, NULL, janus_config_type_category, NULL) == NULL);
	CASE("janus_config_get_items", "NULL");
	INT(janus_config_get_items(NULL, NULL) == NULL);
	CASE("janus_config_save", "NULL, and where it cannot");
	INT(janus_config_save(NULL, NULL, "x")), INT(janus_config_save(config, "/proc/none", "x"));
	INT(janus_config_save(config, oracle_scratch(), "no/such/folder"));
	janus_config_destroy(config);
}

SUBJECT(trees) {
	corpus_files(".jcfg");
	corpus_files(".cfg");
	snippets();
	build();
	for(int round = 0; round < 10; round++)
		change(round);
	damaged_name = "damaged.cfg";
	oracle_damage(oracle_files("config", ".cfg"), 1, 0, damaged);
	damaged_name = "damaged.jcfg";
	oracle_damage(oracle_files("config", "-values.jcfg"), 1, 0, damaged);
}
