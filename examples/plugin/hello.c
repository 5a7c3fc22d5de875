/* The smallest plugin: says hello to whoever sends it a message. Built outside the tree, it links nothing:
 *
 *   cc -shared -fPIC hello.c -o libhello.so $(pkg-config --cflags janus_rs-plugins)
 */
#include <plugins/plugin.h>

static int init(janus_callbacks *callbacks, const char *config_folder) {
	return callbacks != NULL && config_folder != NULL ? 0 : -1;
}
static void destroy(void) {}
static int api(void) { return JANUS_PLUGIN_API_VERSION; }
static int version(void) { return 1; }
static const char *version_string(void) { return "0.0.1"; }
static const char *description(void) { return "Says hello"; }
static const char *name(void) { return "Hello"; }
static const char *author(void) { return "You"; }
static const char *package(void) { return "you.plugin.hello"; }
static void create_session(janus_plugin_session *handle, int *error) { (void)handle, (void)error; }
static void destroy_session(janus_plugin_session *handle, int *error) { (void)handle, (void)error; }
static void media(janus_plugin_session *handle) { (void)handle; }
static json_t *query_session(janus_plugin_session *handle) { return handle != NULL ? json_object() : NULL; }

/* Transaction and message are ours. */
static janus_plugin_result *handle_message(janus_plugin_session *handle, char *transaction, json_t *message, json_t *jsep) {
	json_t *hello = json_pack("{ss}", "hello", handle != NULL ? "you" : "nobody");
	g_free(transaction);
	json_decref(message);
	json_decref(jsep);
	return janus_plugin_result_new(JANUS_PLUGIN_OK, NULL, hello);
}

static janus_plugin plugin = JANUS_PLUGIN_INIT(.init = init, .destroy = destroy, .get_api_compatibility = api,
	.get_version = version, .get_version_string = version_string, .get_description = description, .get_name = name,
	.get_author = author, .get_package = package, .create_session = create_session, .handle_message = handle_message,
	.setup_media = media, .hangup_media = media, .destroy_session = destroy_session, .query_session = query_session,);

janus_plugin *create(void);
janus_plugin *create(void) { return &plugin; }
