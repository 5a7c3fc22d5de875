use super::*;

#[test]
fn resets_write_no_byte_past_their_structs() {
    fn check(reset: unsafe extern "C" fn(*mut c_void), size: usize, first: u8) {
        let mut room = [u64::from_ne_bytes([0x55; 8]); 42];
        // SAFETY: room for more than the struct, whose fields accept any bytes.
        let bytes = unsafe {
            reset(room.as_mut_ptr().cast());
            std::slice::from_raw_parts(room.as_ptr().cast::<u8>(), size_of_val(&room))
        };
        assert_eq!(bytes[0], first, "{size}");
        assert!(bytes[size..].iter().all(|b| *b == 0x55), "{size}");
    }
    // SAFETY: functions that take one pointer.
    let of = |function: *const ()| unsafe {
        std::mem::transmute::<*const (), unsafe extern "C" fn(*mut c_void)>(function)
    };
    check(of(janus_plugin_rtp_extensions_reset_20 as *const ()), 20, 0xff);
    check(of(janus_plugin_rtp_extensions_reset_280 as *const ()), 280, 0xff);
    check(of(janus_plugin_rtp_reset_a1 as *const ()), 40, 0);
    check(of(janus_plugin_rtp_reset_a9 as *const ()), 304, 0);
    check(of(janus_plugin_rtp_reset_a10 as *const ()), 304, 0);
    check(of(janus_plugin_rtcp_reset_a1 as *const ()), 24, 0);
    check(of(janus_plugin_data_reset_a1 as *const ()), 32, 0);
}

fn round_trip<P: PluginRtp>(accepted: Accepted) -> (c_int, bool, Vec<u8>, Extensions<'static>, usize) {
    let mut bytes = [0x80u8, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    let mut packet = RtpIn {
        mindex: 2,
        video: true,
        layer: 0,
        packet: &mut bytes,
        extensions: Extensions {
            audio_level: Some(AudioLevel { level: 127, voice: true }),
            orientation: Some(Orientation { rotation: 270, back_camera: true, flipped: false }),
            playout_delay: Some(PlayoutDelay { min: 0, max: 4095 }),
            dependency_descriptor: &[1; 40],
            abs_capture_time: 42,
            spatial_layers: Some(3),
            temporal_layers: Some(2),
        },
    };
    let filled = P::fill(&mut packet);
    // SAFETY: the buffer is `bytes`.
    let out = unsafe { P::read(&raw const filled, accepted) }.unwrap();
    let descriptor = out.extensions.dependency_descriptor.len();
    let extensions = Extensions { dependency_descriptor: &[], ..out.extensions };
    (out.mindex, out.video, out.packet.to_vec(), extensions, descriptor)
}

#[test]
fn each_generation_carries_what_it_has_room_for() {
    let packet = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
    let levels = Extensions {
        audio_level: Some(AudioLevel { level: 127, voice: true }),
        orientation: Some(Orientation { rotation: 270, back_camera: true, flipped: false }),
        ..Extensions::default()
    };
    let delay = Extensions { playout_delay: Some(PlayoutDelay { min: 0, max: 4095 }), ..levels };
    let all = Accepted::ALL;
    assert_eq!(round_trip::<janus_plugin_rtp_a1>(all), (-1, true, packet.clone(), levels, 0));
    assert_eq!(round_trip::<janus_plugin_rtp_a9>(all), (-1, true, packet.clone(), levels, 40));
    assert_eq!(round_trip::<janus_plugin_rtp_a10>(all), (-1, true, packet.clone(), delay, 40));
    let none = Accepted::default();
    assert_eq!(round_trip::<janus_plugin_rtp_a10>(none), (-1, true, packet, Extensions::default(), 0));
}

/// A binding's struct that ends before the extensions, at the end of what may be read.
#[test]
fn what_a_short_struct_lacks_is_not_read() {
    let mut bytes = *b"\x80\x60twelve-bytes";
    // SAFETY: two pages of our own, of which the second is not accessible; the struct ends with the first.
    unsafe {
        let pages = libc::mmap(
            ptr::null_mut(),
            8192,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        assert_ne!(pages, libc::MAP_FAILED);
        assert_eq!(libc::mprotect(pages.add(4096), 4096, libc::PROT_NONE), 0);
        let packet = pages.add(4096 - 24).cast::<janus_plugin_rtp_a1>();
        (*packet).video = 1;
        (*packet).buffer = bytes.as_mut_ptr().cast();
        (*packet).length = bytes.len() as u16;
        let read = PluginRtp::read(packet.cast_const(), Accepted::default()).unwrap();
        assert_eq!((read.mindex, read.video, read.packet), (-1, true, &bytes[..]));
        assert_eq!(read.extensions, Extensions::default());
        libc::munmap(pages, 8192);
    }
}
