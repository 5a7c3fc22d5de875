/* plugins/plugin.h */
#include "exports.h"

void test_plugin(void) {
	VOID(1, janus_plugin_data_reset(P(0, buffer())));
	VOID(1, janus_plugin_rtcp_reset(P(0, buffer())));
	OWNED(1, 0x1, free_rtp, janus_plugin_rtp_duplicate(P(0, plugin_rtp())));
	VOID(1, janus_plugin_rtp_extensions_reset(P(0, buffer())));
	VOID(1, janus_plugin_rtp_reset(P(0, plugin_rtp())));
	OWNED(2, 0, janus_plugin_result_destroy,
		janus_plugin_result_new(integer(0), P(0, text()), P(1, json_incref(simulcast()))));
	VOID(0, janus_plugin_result_destroy(NULL));
}
