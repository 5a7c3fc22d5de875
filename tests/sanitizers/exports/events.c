/* events.h and apierror.h */
#include "exports.h"

void test_events(void) {
	VOID(2, janus_events_edit_events_mask(P(0, text()), P(1, buffer())));
	CALL(0, 0x0, 0, janus_events_is_enabled());
	TEXT(0, 0x0, janus_events_type_to_label(integer(0)));
	TEXT(0, 0x0, janus_events_type_to_name(integer(0)));
	TEXT(0, 0x0, janus_get_api_error(integer(0)));
}
