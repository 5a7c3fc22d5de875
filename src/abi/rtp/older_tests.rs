use super::*;
use crate::rtp::Header;

const KEY: [u8; 20] = [0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn vp8(ssrc: u8) -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, ssrc];
    packet.extend(KEY);
    packet
}

// HL-107, HL-114, HL-117: every layout keeps its own fields.
#[test]
fn simulcast_in_every_layout() {
    fn check<T: Simulcast + Default + Copy>(lowers: bool) {
        let mut ssrcs = [1u32, 2, 3];
        let sender = sender(ssrcs.as_mut_ptr(), ptr::null_mut(), ptr::null_mut());
        let mut context = T::default();
        // SAFETY: live objects.
        unsafe {
            reset(&mut context, |_| ());
            let layers = context.load();
            assert_eq!((layers.substream, layers.templayer, layers.substream_target_temp), (-1, -1, -1));
            let mut wanted = layers;
            wanted.substream_target_temp = 2;
            if lowers {
                context.store(&wanted);
                assert_eq!((context.load().substream_target, context.load().substream_target_temp), (2, -1));
            }
            let mut packet = vp8(3);
            let (buf, len) = (packet.as_mut_ptr().cast(), packet.len() as c_int);
            assert_eq!(process(&mut context, buf, len, &sender, 1, None), TRUE);
            assert_eq!(context.load().substream, 2);
            assert!(context.load().last_relayed > 0);
            assert_eq!(process(&mut context, buf, 11, &sender, 1, None), FALSE);
        }
    }
    check::<simulcasting_context_a1>(true);
    check::<simulcasting_context_a2>(true);
    check::<simulcasting_context_a5>(false);
    check::<simulcasting_context_b3>(false);
}

// HL-122
#[test]
fn av1_does_not_start_before_1_2() {
    let mut ssrcs = [1u32, 2, 3];
    let mut packet = vec![0x80, 98, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0x08, 0, 0];
    let mut context = simulcasting_context_b3::default();
    // SAFETY: live objects.
    unsafe {
        simulcasting_context_reset_b3(&mut context);
        let (buf, len) = (packet.as_mut_ptr().cast(), packet.len() as c_int);
        let (rids, sc, mutex) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        assert_eq!(
            simulcasting_process_b3(&mut context, buf, len, ssrcs.as_mut_ptr(), rids, 4, sc, mutex),
            FALSE
        );
    }
    assert_eq!(context.substream, -1);
}

// HL-095
#[test]
fn the_two_halves_number_apart() {
    let mut context = switching_context_a7::default();
    let mut old = switching_context_a1::default();
    let numbers =
        |packet: &[u8]| (Header::new(packet).unwrap().sequence(), Header::new(packet).unwrap().timestamp());
    for (video, expected) in [(1, 1), (0, 1), (1, 2), (0, 2)] {
        let mut packet = [0x80u8, 96, 0, expected, 0, 0, 0, 7, 0, 0, 0, 9];
        let mut copy = packet;
        // SAFETY: live objects.
        unsafe {
            header_update_a7(packet.as_mut_ptr().cast(), &mut context, video, 0);
            header_update_a1(copy.as_mut_ptr().cast(), &mut old, video, 0);
        }
        assert_eq!(numbers(&packet), (u16::from(expected), 0));
        assert_eq!(packet, copy);
    }
    assert_eq!((context.words[0][0], context.words[1][0], context.a_ts_reset, old.v_new_ssrc), (9, 9, 0, 1));
}

#[test]
fn audio_codecs_have_their_old_numbers() {
    // SAFETY: C strings.
    unsafe {
        assert_eq!((audiocodec_from_name_a1(c"pcmu".as_ptr()), audiocodec_pt_a1(2)), (2, 0));
        assert_eq!((audiocodec_from_name_a3(c"pcmu".as_ptr()), audiocodec_pt_a3(3)), (3, 0));
        assert_eq!(audiocodec_from_name_a3(c"red".as_ptr()), 0);
        assert_eq!(CStr::from_ptr(audiocodec_name_a1(99)), c"opus");
    }
}

/// The best rid, which the core names first, is the highest substream, as in newer generations.
#[test]
fn the_first_rid_is_the_highest_substream() {
    let json = crate::json::Json::parse(br#"{"rids":["h","m","l"],"rid-ext":5}"#, 0).unwrap();
    let (mut id, mut marking, mut rids) = (0, 1, [ptr::null_mut::<c_char>(); 3]);
    // SAFETY: as the header of this generation asks; the texts are ours.
    let names = unsafe {
        let (ssrcs, rids) = (ptr::null_mut(), rids.as_mut_ptr());
        simulcasting_prepare_a1(json.as_ptr(), &mut id, &mut marking, ssrcs, rids);
        [0, 1, 2].map(|n| {
            let name = crate::glib::text(*rids.add(n));
            crate::glib::free(*rids.add(n));
            name.unwrap()
        })
    };
    assert_eq!((id, marking, names), (5, 0, ["l", "m", "h"].map(String::from)));
}

#[test]
fn a_call_of_another_generation_touches_nothing() {
    let mut packet = vp8(1);
    let (buffer, length) = (packet.as_mut_ptr().cast::<c_char>(), packet.len() as c_int);
    let mut older = simulcasting_context_b3::default();
    // A context of the older size: the newer form must not look into it.
    let mut small = [0x55_u64; 7];
    let mut numbers = [1_u32; 3];
    // SAFETY: live objects; what is no pointer is not followed, which is what is tested.
    unsafe {
        let sc = ptr::null_mut();
        let codec = numbers.as_mut_ptr().addr() as c_int | 1 << 20;
        assert_eq!(
            process(
                &mut older,
                buffer,
                length,
                &sender(ptr::null_mut(), ptr::null_mut(), ptr::null_mut()),
                codec,
                None
            ),
            FALSE
        );
        assert_eq!(older.substream, 0);
        let context = small.as_mut_ptr().cast();
        let answer = crate::abi::rtp::layers::janus_rtp_simulcasting_context_process_rtp(
            context,
            buffer,
            length,
            numbers.as_mut_ptr().cast(),
            -7,
            ptr::without_provenance_mut(2),
            sc,
            0,
            ptr::null_mut(),
            ptr::null_mut(),
        );
        assert_eq!((answer, small), (FALSE, [0x55; 7]));
    }
}
