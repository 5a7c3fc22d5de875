//! Through the functions that modules of 0.x are bound to.

use super::super::object::janus_sdp_destroy;
use super::*;
use libc::c_int;
use std::ffi::CStr;

#[allow(clashing_extern_declarations)]
unsafe extern "C" {
    fn janus_rs_shim_sdp_generate_offer_3(name: *const c_char, address: *const c_char, ...)
    -> *mut janus_sdp;
    fn janus_rs_shim_sdp_generate_offer_4(name: *const c_char, address: *const c_char, ...)
    -> *mut janus_sdp;
    fn janus_rs_shim_sdp_generate_answer_3(offer: *mut janus_sdp, ...) -> *mut janus_sdp;
    fn janus_rs_shim_sdp_generate_answer_4(offer: *mut janus_sdp, ...) -> *mut janus_sdp;
}

const OFFER: &CStr = c"v=0\r\no=- 7 2 IN IP4 10.0.0.1\r\ns=x\r\nt=0 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 0 111 96\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 98\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:98 VP9/90000\r\n\
    a=fmtp:98 profile-id=2\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8\r\n";
const DONE: c_int = 0;

fn parse(sdp: &CStr) -> *mut janus_sdp {
    // SAFETY: C text.
    let parsed = unsafe { parse_single(sdp.as_ptr(), ptr::null_mut(), 0) };
    assert!(!parsed.is_null());
    parsed
}

fn written(sdp: *mut janus_sdp) -> String {
    // SAFETY: a live description; the text is ours.
    unsafe {
        let text = write_single(sdp);
        let copy = glib::text(text).unwrap();
        glib::free(text);
        copy
    }
}

/// The first eight bytes, as a module reads them.
fn head(mline: *const janus_sdp_mline) -> [u32; 2] {
    // SAFETY: a live m-line.
    unsafe { mline.cast::<[u32; 2]>().read() }
}

#[test]
fn mlines_begin_with_their_type() {
    let sdp = parse(OFFER);
    // SAFETY: live until destroyed.
    unsafe {
        let heads: Vec<_> = glib::iter::<janus_sdp_mline>((*sdp).m_lines).map(|m| head(m)).collect();
        assert_eq!(heads, [[0, 0], [1, 0], [0, 0]]);
        let video = mline_find_single(sdp, 1);
        assert_eq!((head(video), (*video).port), ([1, 0], 9));
        assert!(mline_find_single(sdp, 2).is_null());
        let text = written(sdp);
        assert!(text.contains("m=video 9 UDP/TLS/RTP/SAVPF 96 98\r\n"), "{text}");
        // Whatever a module has in the padding.
        video.cast::<u32>().add(1).write(7);
        assert_eq!(written(sdp), text);
        let made = mline_create_single(2, 5, c"UDP/DTLS/SCTP".as_ptr(), 0);
        assert_eq!((head(made.cast()), (*made.cast::<janus_sdp_mline>()).port), ([2, 0], 5));
        (*sdp).m_lines = glib_sys::g_list_append((*sdp).m_lines, made.cast());
        assert_eq!((mline_remove_single(sdp, 2), mline_remove_single(sdp, 2)), (0, -2));
        janus_sdp_destroy(sdp);
    }
}

#[test]
fn questions_are_about_all_mlines() {
    let sdp = parse(OFFER);
    // SAFETY: live until destroyed, and C texts.
    unsafe {
        assert_eq!(get_codec_pt_single(sdp, c"vp9".as_ptr()), 98);
        assert_eq!(get_codec_pt_full_single(sdp, c"vp9".as_ptr(), c"2".as_ptr()), 98);
        assert_eq!(get_codec_pt_full_single(sdp, c"vp9".as_ptr(), c"0".as_ptr()), -1);
        assert_eq!(CStr::from_ptr(get_codec_name_single(sdp, 96)), c"vp8");
        assert_eq!(CStr::from_ptr(get_fmtp_single(sdp, 111)), c"useinbandfec=1");
        assert_eq!(get_opusred_pt_single(sdp), -1);
        let (mut audio, mut video) = (ptr::null(), ptr::null());
        janus_sdp_find_first_codecs(sdp, &mut audio, &mut video);
        assert_eq!((CStr::from_ptr(audio), CStr::from_ptr(video)), (c"pcmu", c"vp8"));
        janus_sdp_find_preferred_codecs(sdp, &mut audio, ptr::null_mut());
        assert_eq!(CStr::from_ptr(audio), c"opus");
        // Out of the video m-line, and out of the audio m-line where it means something else.
        assert_eq!(remove_payload_type_single(sdp, 96), 0);
        assert!(!written(sdp).contains("96"));
        for mline in glib::iter::<janus_sdp_mline>((*sdp).m_lines) {
            (*mline).direction = Direction::Inactive as u32;
        }
        janus_sdp_find_first_codecs(sdp, &mut audio, &mut video);
        assert_eq!((CStr::from_ptr(audio), CStr::from_ptr(video)), (c"opus", c"vp8"), "untouched");
        janus_sdp_destroy(sdp);
    }
}

/// AUDIO_CODEC 6; H264_PROFILE 9 and VIDEO_PT 11 of one are VIDEO_PT and AUDIO_FMTP of the other.
#[test]
fn offers_in_both_numberings() {
    // SAFETY: C texts and options as each numbering has them.
    unsafe {
        let newer = janus_rs_shim_sdp_generate_offer_3(
            c"n".as_ptr(),
            ptr::null::<c_char>(),
            6 as c_int,
            c"pcma".as_ptr(),
            7 as c_int,
            c"h264".as_ptr(),
            9 as c_int,
            c"42e01f".as_ptr(),
            10 as c_int,
            8 as c_int,
            11 as c_int,
            107 as c_int,
            18 as c_int,
            c"urn:x".as_ptr(),
            3 as c_int,
            3 as c_int,
            0 as c_int,
            DONE,
        );
        let text = written(newer);
        assert!(
            text.contains("m=audio 1 UDP/TLS/RTP/SAVPF 8\r\n") && text.contains("SAVPF 107\r\n"),
            "{text}"
        );
        assert!(text.contains("a=extmap:3 urn:x\r\na=fmtp:107 profile-level-id=42e01f"), "{text}");
        assert!(!text.contains("m=application"), "{text}");
        assert_eq!(head(mline_find_single(newer, 1)), [1, 0]);
        janus_sdp_destroy(newer);
        let older = janus_rs_shim_sdp_generate_offer_4(
            c"n".as_ptr(),
            ptr::null::<c_char>(),
            8 as c_int,
            112 as c_int,
            9 as c_int,
            107 as c_int,
            11 as c_int,
            c"x=1".as_ptr(),
            15 as c_int,
            c"urn:x".as_ptr(),
            3 as c_int,
            DONE,
        );
        let text = written(older);
        for line in [
            "SAVPF 112\r\n",
            "SAVPF 107\r\n",
            "a=fmtp:112 x=1\r\n",
            "a=extmap:3 urn:x\r\n",
            "DTLS/SCTP 5000\r\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        janus_sdp_destroy(older);
    }
}

#[test]
fn answers_in_both_numberings() {
    let offer = parse(OFFER);
    // SAFETY: live until destroyed; options as each numbering has them.
    unsafe {
        let newer = janus_rs_shim_sdp_generate_answer_3(
            offer,
            7 as c_int,
            c"vp9".as_ptr(),
            8 as c_int,
            c"2".as_ptr(),
            1 as c_int,
            0 as c_int,
            DONE,
        );
        let text = written(newer);
        // Without payload types a line could not be read.
        assert!(
            text.contains("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 127.0.0.1\r\na=inactive\r\n"),
            "{text}"
        );
        assert!((*mline_find_single(newer, 0)).ptypes.is_null());
        assert!(
            text.contains("m=video 9 UDP/TLS/RTP/SAVPF 98\r\n")
                && text.contains("a=fmtp:98 profile-id=2\r\n")
        );
        assert!(text.contains("m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"), "{text}");
        janus_sdp_destroy(newer);
        let older = janus_rs_shim_sdp_generate_answer_4(
            offer,
            11 as c_int,
            c"stereo=1".as_ptr(),
            12 as c_int,
            0 as c_int,
            DONE,
        );
        let text = written(older);
        assert!(text.contains("a=fmtp:111 stereo=1\r\n") && !text.contains("nack"), "{text}");
        janus_sdp_destroy(older);
        janus_sdp_destroy(offer);
        assert!(janus_rs_shim_sdp_generate_answer_3(ptr::null_mut(), DONE).is_null());
    }
}
