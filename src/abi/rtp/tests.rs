use super::*;

// HL-079, HL-081, HL-087, HL-088, HL-093
#[test]
fn texts_cross_the_boundary() {
    let sdp = c"v=0\r\nm=video 9 X 96\r\na=extmap:12/sendonly urn:3gpp:video-orientation\r\n";
    let orientation = c"urn:3gpp:video-orientation";
    let mut packet = [0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0xbe, 0xde, 0, 1, 0x52, b'a', b'b', b'c', 1];
    let (buf, len) = (packet.as_mut_ptr().cast(), packet.len() as c_int);
    let mut out = [0x7f as c_char; 4];
    // SAFETY: live buffers with their lengths, and C strings.
    unsafe {
        assert_eq!(janus_rtp_header_extension_get_id(sdp.as_ptr(), orientation.as_ptr()), 12);
        assert_eq!(janus_rtp_header_extension_get_id(sdp.as_ptr(), c"urn:other".as_ptr()), -2);
        assert_eq!(janus_rtp_header_extension_get_id(ptr::null(), orientation.as_ptr()), -1);
        let found = janus_rtp_header_extension_get_from_id(sdp.as_ptr(), 12);
        assert_eq!(CStr::from_ptr(found), orientation);
        assert_eq!(janus_rtp_header_extension_parse_mid(buf, len, 4, out.as_mut_ptr(), 4), -1);
        assert_eq!(janus_rtp_header_extension_parse_rid(buf, len, 5, out.as_mut_ptr(), 4), 0);
        assert_eq!(CStr::from_ptr(out.as_ptr()), c"abc");
        assert_eq!(janus_rtp_header_extension_parse_rid(buf, len, 5, out.as_mut_ptr(), 3), 0);
        assert_eq!(CStr::from_ptr(out.as_ptr()), c"ab");
        assert_eq!(janus_rtp_header_extension_replace_id(buf, len, 5, 9), 0);
        assert_eq!(janus_rtp_header_extension_replace_id(buf, len, 5, 9), -3);
        assert_eq!(janus_rtp_header_extension_replace_id(buf, 20, 5, 9), -3);
        assert_eq!(janus_rtp_header_extension_replace_id(buf, 11, 5, 9), -1);
        assert_eq!(janus_audiocodec_from_name(c"OPUS".as_ptr()), 1);
        assert_eq!(janus_audiocodec_from_name(c"speex".as_ptr()), 0);
        assert_eq!(CStr::from_ptr(janus_videocodec_name(77)), c"vp8");
    }
}

// HL-076
#[test]
fn payloads_are_borrowed() {
    let mut packet = [0x80u8, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 1, 2];
    let buf = packet.as_mut_ptr().cast::<c_char>();
    let mut length = -1;
    // SAFETY: a live buffer with its length.
    unsafe {
        assert_eq!(janus_rtp_payload(buf, 14, &mut length), buf.add(12));
        assert_eq!(length, 2);
        assert!(janus_rtp_payload(buf, 12, ptr::null_mut()).is_null());
        assert!(janus_rtp_payload(buf, -1, ptr::null_mut()).is_null());
    }
}

// HL-095, HL-100
#[test]
fn header_update_ignores_its_step() {
    let mut packet = [0x80u8, 96, 0, 9, 0, 0, 0, 7, 0, 0, 0, 9];
    let mut context = SwitchingContext { last_seq: 5, ..Default::default() };
    // SAFETY: a live header and context.
    unsafe {
        janus_rtp_switching_context_reset(&mut context);
        janus_rtp_header_update(packet.as_mut_ptr().cast(), &mut context, 1, 4500);
    }
    assert_eq!(packet[2..8], [0, 1, 0, 0, 0, 0]);
}
