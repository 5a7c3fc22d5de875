/* utils.h */
#include "exports.h"

/*! The message belongs to the function, unless a NULL made it do nothing. */
static void replace(char *message, const char *from, const char *to) {
	char *replaced = janus_string_replace(message, from, to);
	expect((replaced == NULL) == (nulls != 0), "janus_string_replace");
	if(replaced != NULL) {
		taken(message);
		keep(replaced, g_free);
	}
}

/*! Only in older headers. */
gboolean janus_is_keyframe(int codec, const char *buffer, int len);

void test_utils(void) {
	CALL(1, 0x1, FALSE, janus_is_keyframe(integer(0), P(0, packet()), integer(1)));
	CALL(1, 0x1, FALSE, janus_av1_is_keyframe(P(0, text()), integer(0)));
	CALL(1, 0x1, 0, janus_bitstream_getbit(P(0, buffer()), natural(0)));
	CALL(2, 0x3, 0, janus_bitstream_getbits(P(0, buffer()), natural(0), P(1, buffer())));
	VOID(1, janus_flags_clear(P(0, buffer()), natural(0)));
	CALL(1, 0x1, FALSE, janus_flags_is_set(P(0, buffer()), natural(0)));
	VOID(1, janus_flags_reset(P(0, buffer())));
	VOID(1, janus_flags_set(P(0, buffer()), natural(0)));
	TEXT(1, 0x1, janus_get_codec_from_pt(P(0, description()), integer(0)));
	CALL(2, 0x3, -1, janus_get_codec_pt(P(0, description()), P(1, text())));
	CALL(0, 0x0, 0, janus_get_monotonic_time());
	CALL(0, 0x0, 0, janus_get_monotonic_time_internal());
	CALL(0, 0x0, 0, janus_get_real_time());
	CALL(2, 0x3, 0, janus_gzip_compress(integer(0), P(0, packet()), natural(1), P(1, buffer()), natural(2)));
	CALL(1, 0x1, FALSE, janus_h264_is_b_frame(P(0, text()), integer(0)));
	CALL(1, 0x1, FALSE, janus_h264_is_i_frame(P(0, text()), integer(0)));
	CALL(1, 0x1, FALSE, janus_h264_is_keyframe(P(0, text()), integer(0)));
	CALL(1, 0x1, FALSE, janus_h265_is_keyframe(P(0, text()), integer(0)));
	CALL(1, 0x1, TRUE, janus_is_folder_protected(P(0, text())));
	CALL(1, 0x1, FALSE, janus_is_true(P(0, text())));
	CALL(1, 0x1, FALSE, janus_json_is_valid(P(0, simulcast()), integer(0), natural(1)));
	OWNED(2, 0x2, g_free, janus_make_absolute_path(P(0, text()), P(1, text())));
	VOID(0, janus_mark_started());
	VOID(1, janus_protected_folder_add(P(0, text())));
	VOID(0, janus_protected_folders_clear());
	CALL(0, 0x0, 0, janus_push_bits(natural(0), natural(1), natural(2)));
	CALL(0, 0x0, 0, janus_random_uint32());
	CALL(0, 0x0, 0, janus_random_uint64());
	CALL(0, 0x0, 0, janus_random_uint64_full());
	OWNED(0, 0x0, g_free, janus_random_uuid());
	CALL(2, 0x1, 1, janus_red_pack_blocks(P(0, buffer()), integer(0), P(1, red_blocks())));
	OWNED(1, 0x1, free_blocks, janus_red_parse_blocks(P(0, packet()), integer(0)));
	CALL(1, 0x1, -1, janus_red_replace_block_pt(P(0, packet()), integer(0), integer(1)));
	VOID(1, janus_set1(P(0, buffer()), natural(0), natural(1)));
	VOID(1, janus_set2(P(0, buffer()), natural(0), natural(1)));
	VOID(1, janus_set3(P(0, buffer()), natural(0), natural(1)));
	VOID(1, janus_set4(P(0, buffer()), natural(0), natural(1)));
	CALL(2, 0x3, FALSE, janus_strcmp_const_time(P(0, buffer()), P(1, buffer())));
	CALL(2, 0x3, -EINVAL, janus_string_to_uint16(P(0, text()), P(1, buffer())));
	CALL(2, 0x3, -EINVAL, janus_string_to_uint32(P(0, text()), P(1, buffer())));
	CALL(2, 0x3, -EINVAL, janus_string_to_uint8(P(0, text()), P(1, buffer())));
	OWNED(0, 0x0, g_free, janus_uint64_dup(natural(0)));
	CALL(0, 0x0, 0, janus_uint64_hash(natural(0)));
	CALL(1, 0x1, FALSE, janus_vp8_is_keyframe(P(0, text()), integer(0)));
	CALL(7, 0x1, -1, janus_vp8_parse_descriptor(P(0, packet()), integer(0), P(1, buffer()), P(2, buffer()), P(3,
		buffer()), P(4, buffer()), P(5, buffer()), P(6, buffer())));
	VOID(1, janus_vp8_simulcast_context_reset(P(0, buffer())));
	VOID(2, janus_vp8_simulcast_descriptor_update(P(0, packet()), integer(0), P(1, buffer()), edge % 2));
	CALL(1, 0x1, FALSE, janus_vp9_is_keyframe(P(0, text()), integer(0)));
	CALL(3, 0x1, -1, janus_vp9_parse_svc(P(0, packet()), integer(0), P(1, buffer()), P(2, buffer())));
	EACH(3, "janus_string_replace", replace(P(0, owned_text()), P(1, text()), P(2, "replaced")));
	EACH(3, "janus_string_replace", replace(P(0, owned_text()), P(1, text()), P(2, text())));
	CALL(2, 0x3, 0, janus_strlcat(P(0, buffer()), P(1, text()), natural(0)));
	CALL(3, 0x7, -1, janus_strlcat_fast(P(0, buffer()), P(1, text()), natural(0), P(2, buffer())));
	VOID(1, janus_get_json_type_name(integer(0), natural(1), P(0, buffer())));
	CALL(1, 0x1, -1, janus_mkdir(P(0, edge % 2 ? "folder" : "folder/in/it"), 0755));
	CALL(1, 0x1, 0, janus_pidfile_create(P(0, "pid")));
	CALL(0, 0, 0, janus_pidfile_remove());
}
