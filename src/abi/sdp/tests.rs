//! Through the exported symbols, as C calls them.

use super::lines::*;
use super::object::*;
use super::query::*;
use super::{janus_sdp, janus_sdp_attribute, janus_sdp_mline};
use crate::abi::refcount;
use crate::glib;
use libc::{c_char, c_int};
use std::ffi::{CStr, CString};
use std::ptr;

// The shims as C declares them; the exported names jump to these, and the macros know them without arguments.
#[allow(clashing_extern_declarations)]
unsafe extern "C" {
    fn janus_rs_shim_sdp_attribute_create(
        name: *const c_char,
        format: *const c_char,
        ...
    ) -> *mut janus_sdp_attribute;
    fn janus_rs_shim_sdp_attribute_create_511(
        name: *const c_char,
        format: *const c_char,
        ...
    ) -> *mut janus_sdp_attribute;
    fn janus_rs_shim_sdp_generate_offer(name: *const c_char, address: *const c_char, ...) -> *mut janus_sdp;
    fn janus_rs_shim_sdp_generate_offer_1(name: *const c_char, address: *const c_char, ...)
    -> *mut janus_sdp;
    fn janus_rs_shim_sdp_generate_offer_2(name: *const c_char, address: *const c_char, ...)
    -> *mut janus_sdp;
    fn janus_rs_shim_sdp_generate_offer_mline(offer: *mut janus_sdp, ...) -> c_int;
    fn janus_rs_shim_sdp_generate_answer_mline(
        offer: *mut janus_sdp,
        answer: *mut janus_sdp,
        offered: *mut janus_sdp_mline,
        ...
    ) -> c_int;
}

const MLINE: c_int = 1;
const MID: c_int = 4;
const MSID: c_int = 5;
const CODEC: c_int = 6;
const EXTENSION: c_int = 7;
const EXTENSIONS: c_int = 8;
const DONE: c_int = 0;

const OFFER: &CStr = c"v=0\r\no=- 7 2 IN IP4 10.0.0.1\r\ns=x\r\nt=0 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=mid:a\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";

fn parse(sdp: &CStr) -> *mut janus_sdp {
    let mut error = [0 as c_char; 128];
    // SAFETY: C text and a buffer of its size.
    let parsed = unsafe { janus_sdp_parse(sdp.as_ptr(), error.as_mut_ptr(), error.len()) };
    assert!(!parsed.is_null());
    parsed
}

fn written(sdp: *mut janus_sdp) -> String {
    // SAFETY: a live description; the text is GLib's.
    unsafe {
        let text = janus_sdp_write(sdp);
        let copy = CStr::from_ptr(text).to_str().unwrap().to_owned();
        glib::free(text);
        copy
    }
}

#[test]
fn a_description_survives_the_way_through_c() {
    let sdp = parse(OFFER);
    let model = crate::sdp::Sdp::parse(OFFER.to_str().unwrap()).unwrap();
    assert_eq!(written(sdp), model.write());
    // SAFETY: live until the destroy.
    unsafe {
        assert_eq!(super::convert::sdp_from_c(sdp), model);
        janus_sdp_destroy(sdp);
    }
}

#[test]
fn errors_are_cut_to_the_buffer() {
    let mut error = [0x7f as c_char; 12];
    // SAFETY: the buffer is longer than the length given.
    unsafe {
        assert!(janus_sdp_parse(c"x".as_ptr(), error.as_mut_ptr(), 8).is_null());
        assert_eq!(CStr::from_ptr(error.as_ptr()), c"Invalid");
        assert_eq!(error[8], 0x7f);
        assert!(janus_sdp_parse(ptr::null(), ptr::null_mut(), 0).is_null());
    }
}

#[test]
fn a_reference_outlives_destroying_twice() {
    // HL-212
    let sdp = parse(OFFER);
    // SAFETY: the second reference keeps it alive.
    unsafe {
        refcount::increase(&raw mut (*sdp).r#ref);
        janus_sdp_destroy(sdp);
        janus_sdp_destroy(sdp);
        assert_eq!((*sdp).r#ref.count, 1);
        assert!(written(sdp).contains("m=audio"));
        refcount::decrease(&raw mut (*sdp).r#ref);
    }
}

#[test]
fn plugins_edit_strings_and_lists() {
    let sdp = parse(OFFER);
    // SAFETY: live; edited as C does.
    unsafe {
        glib::free((*sdp).s_name);
        (*sdp).s_name = glib::strdup("renamed");
        let audio = janus_sdp_mline_find(sdp, 0);
        let attribute =
            janus_rs_shim_sdp_attribute_create(c"x".as_ptr(), c"%d-%s".as_ptr(), 7, c"y".as_ptr());
        assert_eq!(janus_sdp_attribute_add_to_mline(audio, attribute), 0);
        assert_eq!(janus_sdp_attribute_add_to_mline(ptr::null_mut(), attribute), -1);
        assert_eq!(janus_sdp_remove_payload_type(sdp, -1, 111), 0);
        assert_eq!(janus_sdp_remove_payload_type(sdp, -1, -1), -1);
        assert_eq!(janus_sdp_mline_remove(sdp, 1), 0);
        assert_eq!(janus_sdp_mline_remove(sdp, 1), -2);
        assert_eq!(janus_sdp_mline_remove(ptr::null_mut(), 1), -1);
        assert!(janus_sdp_mline_find_by_index(sdp, -1).is_null());
        assert_eq!(janus_sdp_mline_find_by_index(sdp, 0), audio);
    }
    assert!(written(sdp).ends_with(
        "s=renamed\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=sendrecv\r\na=mid:a\r\na=x:7-y\r\n"
    ));
    // SAFETY: our last use.
    unsafe { janus_sdp_destroy(sdp) }
}

#[test]
fn writing_empties_what_is_rejected() {
    let sdp = parse(OFFER);
    // SAFETY: live until the destroy.
    unsafe {
        let audio = janus_sdp_mline_find(sdp, 0);
        (*audio).port = 0;
        assert!(written(sdp).contains("m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n"));
        let model = super::convert::mline_from_c(audio);
        assert_eq!((model.ptypes, model.fmts.len()), (vec![0], 0));
        janus_sdp_destroy(sdp);
    }
}

#[test]
fn attribute_values_are_cut() {
    // HL-211
    let long = CString::new("z".repeat(5000)).unwrap();
    // SAFETY: C text; our attributes.
    unsafe {
        let native = janus_rs_shim_sdp_attribute_create(c"n".as_ptr(), c"%s".as_ptr(), long.as_ptr());
        assert_eq!(libc::strlen((*native).value), 2047);
        janus_sdp_attribute_destroy(native);
        let old = janus_rs_shim_sdp_attribute_create_511(c"n".as_ptr(), c"%s".as_ptr(), long.as_ptr());
        assert_eq!(libc::strlen((*old).value), 511);
        janus_sdp_attribute_destroy(old);
        let flag = janus_rs_shim_sdp_attribute_create(c"n".as_ptr(), ptr::null());
        assert!((*flag).value.is_null());
        janus_sdp_attribute_destroy(flag);
        assert!(janus_rs_shim_sdp_attribute_create(ptr::null(), ptr::null()).is_null());
    }
}

#[test]
fn lookups_return_borrowed_and_static_text() {
    let sdp = parse(OFFER);
    // SAFETY: live until the end.
    unsafe {
        // HL-190
        let fmtp = janus_sdp_get_fmtp(sdp, -1, 111);
        assert_eq!(CStr::from_ptr(fmtp), c"useinbandfec=1");
        assert!(janus_sdp_get_fmtp(sdp, 1, 111).is_null());
        assert!(janus_sdp_get_fmtp(sdp, -1, 11).is_null());
        assert_eq!(CStr::from_ptr(janus_sdp_get_codec_name(sdp, -1, 96)), c"vp8");
        assert_eq!(janus_sdp_get_codec_pt(sdp, 0, c"vp8".as_ptr()), -1);
        let mut codec = c"unchanged".as_ptr();
        janus_sdp_find_preferred_codec(sdp, 2, -1, &raw mut codec);
        assert_eq!(CStr::from_ptr(codec), c"unchanged");
        janus_sdp_find_first_codec(sdp, 0, -1, &raw mut codec);
        assert_eq!(CStr::from_ptr(codec), c"opus");
        let profile = janus_sdp_get_video_profile(3, c"a=1; profile-level-id=42e01f;b=2".as_ptr());
        assert_eq!(CStr::from_ptr(profile), c"42e01f");
        glib::free(profile);
        assert_eq!(CStr::from_ptr(janus_sdp_oa_type_str(7)), c"JANUS_SDP_OA_EXTENSION");
        assert!(janus_sdp_oa_type_str(13).is_null());
        assert!(janus_sdp_oa_type_str(19).is_null());
        janus_sdp_destroy(sdp);
    }
}

#[test]
fn variable_arguments_arrive() {
    // SAFETY: arguments as the keys ask for, ended by 0.
    unsafe {
        let offer = janus_rs_shim_sdp_generate_offer(
            c"name".as_ptr(),
            c"1.2.3.4".as_ptr(),
            MLINE,
            0 as c_int,
            MID,
            c"m".as_ptr(),
            77 as c_int,
            MSID,
            c"s".as_ptr(),
            c"t".as_ptr(),
            EXTENSION,
            c"urn:a".as_ptr(),
            5 as c_int,
            CODEC,
            c"pcmu".as_ptr(),
            DONE,
        );
        assert_eq!(
            written(offer).split_once("t=0 0\r\n").unwrap().1,
            "c=IN IP4 1.2.3.4\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 1.2.3.4\r\na=mid:m\r\na=msid:s t\r\n\
             a=rtpmap:111 PCMU/8000\r\na=extmap:5 urn:a\r\n"
        );
        let table = glib_sys::g_hash_table_new(None, None);
        for (id, uri) in [(9usize, c"urn:nine"), (3, c"urn:three")] {
            glib_sys::g_hash_table_insert(
                table,
                ptr::without_provenance_mut(id),
                uri.as_ptr().cast_mut().cast(),
            );
        }
        assert_eq!(
            janus_rs_shim_sdp_generate_offer_mline(offer, MLINE, 1 as c_int, EXTENSIONS, table, DONE),
            0
        );
        assert!(written(offer).ends_with("a=extmap:3 urn:three\r\na=extmap:9 urn:nine\r\n"));
        let uri = c"urn:a".as_ptr();
        let both = janus_rs_shim_sdp_generate_offer_mline(
            offer, MLINE, 1 as c_int, EXTENSION, uri, 1 as c_int, EXTENSIONS, table, DONE,
        );
        assert_eq!(both, -5);
        glib_sys::g_hash_table_unref(table);
        assert_eq!((*janus_sdp_mline_find(offer, 1)).index, 1);
        janus_sdp_destroy(offer);
        // HL-201
        let offer = janus_sdp_new(ptr::null(), ptr::null());
        let bad = c"bad".as_ptr();
        assert_eq!(janus_rs_shim_sdp_generate_offer_mline(offer, MLINE, 0 as c_int, CODEC, bad, DONE), -3);
        assert_eq!(janus_rs_shim_sdp_generate_offer_mline(offer, MLINE, 1 as c_int, CODEC, bad, DONE), -4);
        assert_eq!(janus_rs_shim_sdp_generate_offer_mline(offer, MLINE, 3 as c_int, DONE), -4);
        assert_eq!(janus_rs_shim_sdp_generate_offer_mline(offer, MID, bad, DONE), -2);
        assert_eq!(janus_rs_shim_sdp_generate_offer_mline(ptr::null_mut(), DONE), -1);
        assert!((*offer).m_lines.is_null());
        janus_sdp_destroy(offer);
    }
}

#[test]
fn older_generations_number_and_write_as_they_did() {
    // SAFETY: as above.
    unsafe {
        let offer = janus_rs_shim_sdp_generate_offer_1(
            ptr::null(),
            ptr::null(),
            MLINE,
            0 as c_int,
            MSID,
            c"s".as_ptr(),
            c"t".as_ptr(),
            CODEC,
            c"pcma".as_ptr(),
            DONE,
        );
        assert!(
            written(offer)
                .ends_with("a=msid:s t\r\na=rtpmap:111 PCMA/8000\r\na=rtcp-fb:111 transport-cc\r\n")
        );
        janus_sdp_destroy(offer);
        // In 1.0, 5 is the codec.
        let offer = janus_rs_shim_sdp_generate_offer_2(
            ptr::null(),
            ptr::null(),
            MLINE,
            0 as c_int,
            5 as c_int,
            c"pcma".as_ptr(),
            DONE,
        );
        assert!(written(offer).ends_with("a=rtpmap:111 PCMA/8000\r\na=rtcp-fb:111 transport-cc\r\n"));
        janus_sdp_destroy(offer);
    }
}

#[test]
fn an_answer_takes_mlines_one_by_one() {
    let offer = parse(OFFER);
    // SAFETY: all live until destroyed.
    unsafe {
        let answer = super::generate::janus_sdp_generate_answer(offer);
        let video = janus_sdp_mline_find_by_index(offer, 1);
        assert_eq!(janus_rs_shim_sdp_generate_answer_mline(offer, answer, video, MLINE, 1 as c_int, DONE), 0);
        assert_eq!(
            janus_rs_shim_sdp_generate_answer_mline(offer, answer, video, MID, c"x".as_ptr(), DONE),
            -2
        );
        assert_eq!(
            janus_rs_shim_sdp_generate_answer_mline(offer, answer, video, MLINE, 3 as c_int, DONE),
            -3
        );
        let nothing = ptr::null_mut();
        assert_eq!(
            janus_rs_shim_sdp_generate_answer_mline(offer, answer, nothing, MLINE, 1 as c_int, DONE),
            -1
        );
        let text = written(answer);
        assert!(
            text.contains("m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 127.0.0.1\r\na=inactive\r\nm=video 9 ")
        );
        janus_sdp_destroy(answer);
        // An m-line that the answer does not have is left out, silently.
        let answer = super::generate::janus_sdp_generate_answer(offer);
        janus_sdp_mline_remove(answer, 1);
        assert_eq!(janus_rs_shim_sdp_generate_answer_mline(offer, answer, video, MLINE, 1 as c_int, DONE), 0);
        janus_sdp_destroy(answer);
        janus_sdp_destroy(offer);
    }
}
