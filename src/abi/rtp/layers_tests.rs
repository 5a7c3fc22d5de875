use super::*;

fn prepared(text: &[u8]) -> (c_int, [u32; 3], [Option<String>; 3]) {
    let json = Json::parse(text, 0).unwrap();
    let (mut id, mut ssrcs, mut rids) = (-1, [0u32; 3], [ptr::null_mut::<c_char>(); 3]);
    // SAFETY: live outputs of the sizes that the function wants; the rids are ours.
    unsafe {
        janus_rtp_simulcasting_prepare(json.as_ptr(), &mut id, ssrcs.as_mut_ptr(), rids.as_mut_ptr());
        let texts = rids.map(|rid| glib::text(rid));
        janus_rtp_simulcasting_cleanup(&mut id, ptr::null_mut(), rids.as_mut_ptr(), ptr::null_mut());
        assert!(rids.iter().all(|rid| rid.is_null()) && id == -1);
        janus_rtp_simulcasting_prepare(json.as_ptr(), &mut id, ptr::null_mut(), ptr::null_mut());
        (id, ssrcs, texts)
    }
}

// HL-108, HL-109, HL-110, HL-111
#[test]
fn prepare_and_cleanup() {
    let text = |t: &str| Some(t.to_owned());
    let (id, ssrcs, rids) = prepared(br#"{"rids":["h","m","l"],"rid-ext":5,"ssrcs":[7]}"#);
    assert_eq!((id, ssrcs, rids), (5, [0; 3], [text("l"), text("m"), text("h")]));
    assert_eq!(prepared(br#"{"rids":["a","b","c","d"]}"#).2, [text("d"), text("c"), text("b")]);
    assert_eq!(prepared(br#"{"ssrcs":[1,2,4294967295,4]}"#).1, [1, 2, u32::MAX]);
    let mut ssrcs = [1u32; 3];
    // SAFETY: NULL is refused; three numbers.
    unsafe {
        let null = ptr::null_mut();
        janus_rtp_simulcasting_prepare(ptr::null_mut(), ptr::null_mut(), ssrcs.as_mut_ptr(), null);
        assert_eq!(ssrcs, [1; 3]);
        janus_rtp_simulcasting_cleanup(ptr::null_mut(), ssrcs.as_mut_ptr(), null, ptr::null_mut());
    }
    assert_eq!(ssrcs, [0; 3]);
}

// HL-107, HL-112, HL-114
#[test]
fn a_packet_is_taken_by_rid() {
    let mut packet =
        vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 99, 0xbe, 0xde, 0, 1, 0x50, b'm', 0, 0, 0x08, 0, 0];
    let mut rids = [ptr::null_mut(), glib::strdup("m"), ptr::null_mut()];
    let mut ssrcs = [0u32; 3];
    let mut context = SimulcastContext::default();
    // SAFETY: live objects; the mutex is zero-initialised as GLib allows.
    unsafe {
        let mut mutex: janus_mutex = std::mem::zeroed();
        janus_rtp_simulcasting_context_reset(&mut context);
        context.rid_ext_id = 5;
        let relay = janus_rtp_simulcasting_context_process_rtp(
            &mut context,
            packet.as_mut_ptr().cast(),
            packet.len() as c_int,
            ptr::null_mut(),
            0,
            ssrcs.as_mut_ptr(),
            rids.as_mut_ptr(),
            VideoCodec::Av1 as c_int,
            ptr::null_mut(),
            &mut mutex,
        );
        assert_eq!((relay, ssrcs, context.layers.substream), (TRUE, [0, 99, 0], 1));
        glib_sys::g_mutex_clear(&mut mutex);
        glib::free(rids[1]);
    }
}

// HL-124
#[test]
fn descriptors_cross_the_boundary() {
    let mut context = Av1Context::default();
    // One template: flag, offset 0, no targets, end of templates.
    let mut announcing = [0xc0u8, 0, 1, 0x80, 0x00, 0xc0];
    let (mut template, mut end) = (9, 9);
    // SAFETY: live objects.
    unsafe {
        let mut short = [0x80u8, 0, 1];
        assert_eq!(
            janus_av1_svc_context_process_dd(&mut context, short.as_mut_ptr(), 3, &mut template, &mut end),
            FALSE
        );
        let dd = announcing.as_mut_ptr();
        assert_eq!(janus_av1_svc_context_process_dd(&mut context, dd, 6, &mut template, &mut end), TRUE);
        assert_eq!((template, end, context.tcnt), (0, 1, 1));
        janus_av1_svc_context_reset(&mut context);
    }
    assert_eq!(context, Av1Context::default());
}
