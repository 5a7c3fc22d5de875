use super::*;
use crate::rtp::Extensions;
use crate::rtp::extensions::{AudioLevel, PlayoutDelay};
use std::cell::RefCell;

thread_local! {
    /// What the "plugin" below was called with.
    static SEEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static WANTED: RefCell<usize> = const { RefCell::new(0) };
}

/// A plugin's `incoming_…`: copies as many bytes of its packet as its headers say.
unsafe extern "C" fn incoming(_: Session, packet: *mut c_void) {
    let size = WANTED.with_borrow(|size| *size);
    // SAFETY: the struct of this generation has so many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(packet.cast::<u8>(), size) };
    SEEN.set(bytes.to_vec());
}

unsafe extern "C" fn slow_link_of_b(_: Session, mindex: i32, video: gboolean, uplink: gboolean) {
    SEEN.set(vec![mindex as u8, video as u8, uplink as u8]);
}

unsafe extern "C" fn slow_link_of_a(_: Session, uplink: gboolean, video: gboolean) {
    SEEN.set(vec![uplink as u8, video as u8]);
}

fn seen(size: usize, call: impl FnOnce()) -> Vec<u8> {
    WANTED.set(size);
    call();
    SEEN.take()
}

fn int(bytes: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Sizes of the packets, from shared ABI facts: RTP, where its extensions are, data.
fn sizes(generation: Generation) -> (usize, usize, usize) {
    use Generation::*;
    match generation {
        A1 | A2 | A3 => (40, 20, 32),
        A4 | A5 | A6 | A7 | A8 => (40, 20, 40),
        A9 | A10 => (304, 20, 40),
        B1 | B2 | B3 | B4 => (304, 20, 40),
        B5 => (320, 24, 40),
        B6 => (328, 24, 40),
    }
}

#[test]
fn packets_have_the_bytes_of_their_generation() {
    for generation in Generation::ALL {
        let (dialect, (rtp, extensions, data)) = (of(generation), sizes(generation));
        let single = generation <= Generation::A10;
        let mut bytes = [7u8; 20];
        let address = bytes.as_ptr() as u64;
        let seen_rtp = seen(rtp, || {
            let values = Extensions {
                audio_level: Some(AudioLevel { level: 33, voice: true }),
                playout_delay: Some(PlayoutDelay { min: 5, max: 6 }),
                dependency_descriptor: &[9; 3],
                ..Extensions::default()
            };
            let packet = RtpIn { mindex: 4, video: true, layer: 0, packet: &mut bytes, extensions: values };
            // SAFETY: a function that reads so many bytes.
            unsafe { (dialect.incoming_rtp)(incoming, ptr::null_mut(), packet) }
        });
        let (mindex, video) = if single { (None, 0) } else { (Some(4), 4) };
        assert!(mindex.is_none_or(|mindex| int(&seen_rtp, 0) == mindex), "{generation}");
        assert_eq!(int(&seen_rtp, video), 1, "{generation}");
        assert_eq!(u64::from_le_bytes(seen_rtp[8..16].try_into().unwrap()), address, "{generation}");
        assert_eq!(seen_rtp[16..18], [20, 0], "{generation}");
        assert_eq!((seen_rtp[extensions], int(&seen_rtp, extensions + 4)), (33, 1), "{generation}");
        // Where the descriptor is, and whether there are delays before it.
        let descriptor = match generation {
            older if older <= Generation::A8 => None,
            Generation::A9 => Some(20),
            _ => Some(24),
        };
        if let Some(at) = descriptor {
            assert_eq!(seen_rtp[extensions + at..][..5], [3, 9, 9, 9, 0], "{generation}");
        }
        if descriptor == Some(24) {
            assert_eq!(seen_rtp[extensions + 20..][..4], [5, 0, 6, 0], "{generation}");
        }

        let mut report = [1u8; 8];
        let address = report.as_ptr() as u64;
        let seen_rtcp = seen(24, || {
            // SAFETY: as above.
            unsafe { (dialect.incoming_rtcp)(incoming, ptr::null_mut(), 4, true, &mut report) }
        });
        assert_eq!(int(&seen_rtcp, video), 1, "{generation}");
        assert_eq!(u64::from_le_bytes(seen_rtcp[8..16].try_into().unwrap()), address);
        assert_eq!(seen_rtcp[16..18], [8, 0]);

        let (mut label, mut protocol, mut message) = (*b"l\0", *b"p\0", *b"hello\0");
        let buffer = message.as_ptr() as u64;
        let seen_data = seen(data, || {
            let data = DataIn {
                label: label.as_mut_ptr().cast(),
                protocol: protocol.as_mut_ptr().cast(),
                binary: true,
                message: &mut message,
                length: 5,
            };
            // SAFETY: as above.
            unsafe { (dialect.incoming_data)(incoming, ptr::null_mut(), data) }
        });
        let pointer = |at: usize| u64::from_le_bytes(seen_data[at..at + 8].try_into().unwrap());
        let after = if data == 32 { 8 } else { 16 };
        assert_eq!(pointer(0), label.as_ptr() as u64, "{generation}");
        assert!(after == 8 || pointer(8) == protocol.as_ptr() as u64, "{generation}");
        assert_eq!((int(&seen_data, after), pointer(after + 8)), (1, buffer), "{generation}");
        assert_eq!(seen_data[after + 16..][..2], [5, 0], "{generation}");
    }
}

#[test]
fn slow_link_has_the_arguments_of_its_generation() {
    // SAFETY: a function of 0.x, called by the dialects of 0.x only.
    let older = unsafe { std::mem::transmute::<SlowLinkOfSingle, SlowLink>(slow_link_of_a) };
    for generation in Generation::ALL {
        let single = generation <= Generation::A10;
        let function = if single { older } else { slow_link_of_b };
        let call = |video, uplink| {
            // SAFETY: the function has the arguments of this generation.
            seen(0, || unsafe { (of(generation).slow_link)(function, ptr::null_mut(), 3, video, uplink) })
        };
        let expected = if single { [vec![0, 1], vec![1, 0]] } else { [vec![3, 1, 0], vec![3, 0, 1]] };
        assert_eq!([call(true, false), call(false, true)], expected, "{generation}");
    }
}

/// The slots of the callback table, by what stands in them.
#[test]
fn callback_tables_have_the_order_of_their_generation() {
    let native = of(Generation::NATIVE).callbacks().cast::<usize>();
    for generation in Generation::ALL {
        use Generation::*;
        // Slots of the native table.
        let common = [7, 8, 9, 10];
        let slots: Vec<usize> = match generation {
            A1 | A2 | A3 | A4 | A5 | A6 | A7 => [&[0, 4, 6][..], &common, &[12, 13]].concat(),
            A8 | A9 | A10 => [&[0, 4, 6][..], &common, &[11, 12, 13]].concat(),
            _ => [&[0, 4, 5, 6][..], &common, &[11, 12, 13]].concat(),
        };
        let table = of(generation).callbacks().cast::<usize>();
        // SAFETY: tables of at least so many pointers.
        let (mine, theirs): (Vec<usize>, Vec<usize>) = unsafe {
            let places = std::iter::once(0).chain(4..3 + slots.len());
            (
                places.map(|i| table.add(i).read()).collect(),
                slots.iter().map(|i| native.add(*i).read()).collect(),
            )
        };
        assert_eq!(mine, theirs, "{generation}");
    }
}

#[test]
fn the_table_of_0_9_is_read_to_its_end_and_no_further() {
    // SAFETY: an anonymous page of our own, followed by nothing accessible; only numbers are compared.
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
        let table = pages.add(4096 - 160).cast::<usize>();
        for i in 0..20 {
            table.add(i).write(1000 + i);
        }
        let functions = ptr::from_ref(of(Generation::A2).functions(table.cast())).cast::<usize>();
        let numbers: Vec<usize> = (0..21).map(|i| functions.add(i).read()).collect();
        let expected: Vec<usize> = (1000..1016).chain([0]).chain(1016..1020).collect();
        assert_eq!(numbers, expected);
        libc::munmap(pages, 8192);
    }
    // Later tables are used as they are.
    let native = [0usize; 21];
    // SAFETY: all functions are missing.
    let functions = unsafe { of(Generation::A4).functions(native.as_ptr().cast()) };
    assert_eq!(ptr::from_ref(functions).cast::<usize>(), native.as_ptr());
}
