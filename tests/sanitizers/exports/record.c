/* record.h */
#include "exports.h"

void test_record(void) {
	CALL(2, 0x3, -1, janus_recorder_add_extmap(P(0, recorder()), integer(0), P(1, text())));
	CALL(1, 0x1, -1, janus_recorder_close(P(0, recorder())));
	OWNED(3, 0x2, janus_recorder_destroy, janus_recorder_create(P(0, text()), P(1, text()), P(2, text())));
	OWNED(4, 0x2, janus_recorder_destroy, janus_recorder_create_full(P(0, text()), P(1, text()), P(2, text()), P(3,
		text())));
	VOID(0, janus_recorder_deinit());
	CALL(2, 0x3, -1, janus_recorder_description(P(0, recorder()), P(1, text())));
	VOID(1, janus_recorder_destroy(TAKEN(P(0, recorder()))));
	CALL(1, 0x1, -1, janus_recorder_encrypted(P(0, recorder())));
	VOID(1, janus_recorder_init(edge % 2, P(0, text())));
	CALL(1, 0x1, -1, janus_recorder_opusred(P(0, recorder()), integer(0)));
	CALL(1, 0x1, -1, janus_recorder_pause(P(0, recorder())));
	CALL(1, 0x1, -1, janus_recorder_resume(P(0, recorder())));
	CALL(2, 0x1, -1, janus_recorder_save_frame(P(0, recorder()), P(1, packet()), natural(0)));
}
