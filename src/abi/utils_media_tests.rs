use super::*;

// HL-234, HL-235
#[test]
fn red_blocks_cross_the_boundary() {
    let mut bytes = *b"\xef\x0f\x00\x03\xef\x00\x00\x00\x6fAAABBBB";
    let buffer = bytes.as_mut_ptr().cast::<c_char>();
    let length = bytes.len() as c_int;
    // SAFETY: live buffers; the list is ours.
    unsafe {
        let list = janus_red_parse_blocks(buffer, length);
        let blocks: Vec<*mut janus_red_block> = glib::iter(list).collect();
        let seen: Vec<_> = blocks.iter().map(|b| ((**b).pt, (**b).ts_offset, (**b).length)).collect();
        assert_eq!(seen, [(111, 960, 3), (111, 0, 0), (111, 0, 4)]);
        assert_eq!((*blocks[0]).data.cast(), buffer.add(9));
        assert!((*blocks[1]).data.is_null());
        let mut out = [0u8; 16];
        assert_eq!(janus_red_pack_blocks(out.as_mut_ptr().cast(), 16, list), 16);
        assert_eq!(out, bytes);
        assert_eq!(janus_red_pack_blocks(out.as_mut_ptr().cast(), 15, list), -2);
        assert_eq!(janus_red_pack_blocks(out.as_mut_ptr().cast(), -1, list), 1);
        glib_sys::g_list_free_full(list, Some(glib_sys::g_free));
        assert!(janus_red_parse_blocks(buffer, 11).is_null());
        assert_eq!(janus_red_replace_block_pt(buffer, length, 96), 0);
    }
    assert_eq!([bytes[0], bytes[4], bytes[8]], [0xe0, 0xe0, 0x60]);
}

// HL-228, HL-233
#[test]
fn key_frames_and_layers() {
    let middle = [0x7cu8, 0x07, 0, 0, 0, 0];
    let mut none = [0x88u8, 1, 0, 0, 0, 0, 0, 0];
    let (mut found, mut info) = (5, SvcInfo { ebit: 7, ..Default::default() });
    // SAFETY: live buffers.
    unsafe {
        assert_eq!(janus_h264_is_keyframe(middle.as_ptr().cast(), 6), FALSE);
        assert_eq!(h264_is_keyframe_b3(middle.as_ptr().cast(), 6), 1);
        assert_eq!(janus_is_keyframe(4, [8u8, 0, 0].as_ptr().cast(), 3), 1);
        assert_eq!(janus_vp9_parse_svc(none.as_mut_ptr().cast(), 8, &mut found, &mut info), 0);
        assert_eq!((found, info.ebit), (FALSE, 7));
        assert_eq!(janus_vp9_parse_svc(none.as_mut_ptr().cast(), 7, &mut found, &mut info), -1);
    }
}

#[test]
fn bits_and_bytes() {
    let mut data = [0u8; 8];
    let mut offset = 4;
    // SAFETY: live buffers with room.
    unsafe {
        janus_set1(data.as_mut_ptr(), 0, 1);
        janus_set2(data.as_mut_ptr(), 1, 0x0203);
        janus_set3(data.as_mut_ptr(), 3, 0x0004_0506);
        assert_eq!(data, [1, 2, 3, 4, 5, 6, 0, 0]);
        assert_eq!((janus_bitstream_getbits(data.as_mut_ptr(), 12, &mut offset), offset), (0x102, 16));
        assert_eq!(janus_bitstream_getbit(data.as_mut_ptr(), 23), 1);
        janus_set4(data.as_mut_ptr(), 4, 0x0708_090a);
        assert_eq!(data[4..], [7, 8, 9, 10]);
        assert_eq!(janus_push_bits(1, 4, 0xf3), 0x13);
        let mut wide = [0x90u8, 0xf0, 0x92, 0x34, 7, 0xa5];
        let (mut m, mut id, mut layer, mut key) = (9, 9, 9, 9);
        let null = ptr::null_mut();
        let buffer = wide.as_mut_ptr().cast();
        assert_eq!(
            janus_vp8_parse_descriptor(buffer, 6, &mut m, &mut id, null, &mut layer, null, &mut key),
            0
        );
        assert_eq!((m, id, layer, key), (1, 0x1234, 2, 5));
        assert_eq!(vp8_parse_descriptor_a1(buffer, 5, &mut id, null, null, null, null), -1);
    }
}
