//! What functions write into structs of the caller whose size differs between generations: each form writes no further than
//! the struct of the generations that it is given to.

use super::entry::{Address, SYMBOLS, VARIANTS};
use super::generation::Generation;
use Generation::*;
use libc::{c_char, c_int};
use std::ops::RangeInclusive;
use std::ptr;

/// Sizes of the structs of each generation, as their headers have them.
const LAYOUTS: &str = include_str!("../../c-plugins/dialects/layouts.txt");

/// A function that writes (or reads) all of a struct, and what may be written of it.
pub struct Writer {
    pub symbol: &'static str,
    structure: &'static str,
    /// Calls this form of the function with a struct that was zero or reset.
    call: unsafe fn(*const (), Generation, *mut u8),
}

impl Writer {
    /// In generations that have the function, as far as the layouts name it.
    pub fn size(&self, generation: Generation) -> Option<usize> {
        let mut spans = heads("function", self.symbol).map(|(span, _)| span).peekable();
        if spans.peek().is_some() && !spans.any(|span| span.contains(&generation)) {
            return None;
        }
        size(self.structure, generation)
    }

    /// What a reset may find. From 1.2.0 on it frees what the contexts hold, and expects zeros or its own work.
    fn filler(&self, generation: Generation) -> u8 {
        if generation >= B4 && ["svc", "simulcasting"].iter().any(|kind| self.structure.contains(kind)) {
            0
        } else {
            !GUARD
        }
    }
}

/// The lines of LAYOUTS that begin something: the generations, and what follows the name.
fn heads(kind: &str, name: &str) -> impl Iterator<Item = (RangeInclusive<Generation>, &'static str)> {
    LAYOUTS.lines().filter(|line| !line.starts_with(' ')).filter_map(move |line| {
        let (span, rest) = line.split_once(' ')?;
        let (first, last) = span.split_once("..")?;
        let rest = rest.strip_prefix(kind)?.strip_prefix(' ')?.strip_prefix(name)?.strip_prefix(' ')?;
        Some((Generation::from_name(first)?..=Generation::from_name(last)?, rest))
    })
}

/// 1.1.4 alone of B3 has 184 bytes of `rtcp_context`; nobody knows that from its generation.
fn size(structure: &str, generation: Generation) -> Option<usize> {
    match structure {
        "rtcp_context" => Some(if generation <= B3 { 176 } else { 184 }),
        "janus_rtp_svc_context" if generation < B3 => None,
        "janus_rtp_svc_context" => Some(if generation == B3 { 64 } else { 96 }),
        _ => {
            let (_, rest) = heads("struct", structure).find(|(span, _)| span.contains(&generation))?;
            rest.split(' ').next()?.parse().ok()
        }
    }
}

/// The function as a module of this generation gets it.
pub fn form(symbol: &str, generation: Generation) -> *const () {
    let variant = VARIANTS.iter().find(|v| v.symbol == symbol && (v.first..=v.last).contains(&generation));
    let Address(address) = match variant {
        Some(variant) => (variant.address)(),
        None => (SYMBOLS.iter().find(|s| s.name == symbol).expect("exported").address)(),
    };
    address
}

/// A VP8 key frame in an RTP packet, with room.
fn packet() -> [u8; 64] {
    let mut packet = [0; 64];
    packet[..12].copy_from_slice(&[0x80, 96, 0, 1, 0, 0, 0x0b, 0xb8, 0, 0, 0, 7]);
    packet[12..22].copy_from_slice(&[0x10, 0, 0, 0, 0x9d, 1, 0x2a, 64, 0, 64]);
    packet
}

/// # Safety
/// `f` is a function of one pointer.
unsafe fn alone(f: *const (), _: Generation, at: *mut u8) {
    // SAFETY: promised by the caller.
    unsafe { std::mem::transmute::<*const (), unsafe extern "C" fn(*mut u8)>(f)(at) }
}

/// # Safety
/// `f` has this number of pointers and integers as arguments, and none on the stack.
unsafe fn call(f: *const (), arguments: [usize; 6]) {
    let [a, b, c, d, e, g] = arguments;
    // SAFETY: promised by the caller; what is not read does no harm in a register.
    unsafe {
        type Function = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize) -> usize;
        std::mem::transmute::<*const (), Function>(f)(a, b, c, d, e, g);
    }
}

/// # Safety
/// As each function asks.
unsafe fn simulcast(f: *const (), generation: Generation, at: *mut u8) {
    type Old = unsafe extern "C" fn(
        *mut u8,
        *mut c_char,
        c_int,
        *mut u32,
        *mut *mut c_char,
        c_int,
        *mut u8,
        *mut u8,
    ) -> c_int;
    type New = unsafe extern "C" fn(
        *mut u8,
        *mut c_char,
        c_int,
        *mut u8,
        c_int,
        *mut u32,
        *mut *mut c_char,
        c_int,
        *mut u8,
        *mut u8,
    ) -> c_int;
    let (mut ssrcs, mut rids, mut packet) = ([7_u32, 8, 9], [ptr::null_mut(); 3], packet());
    let (buffer, length) = (packet.as_mut_ptr().cast(), 22);
    let none = ptr::null_mut::<u8>();
    // SAFETY: promised by the caller.
    unsafe {
        if generation < B4 {
            let f = std::mem::transmute::<*const (), Old>(f);
            f(at, buffer, length, ssrcs.as_mut_ptr(), rids.as_mut_ptr(), 1, none, none);
        } else {
            let f = std::mem::transmute::<*const (), New>(f);
            f(at, buffer, length, none, 0, ssrcs.as_mut_ptr(), rids.as_mut_ptr(), 1, none, none);
        }
    }
}

/// # Safety
/// As each function asks.
unsafe fn svc(f: *const (), generation: Generation, at: *mut u8) {
    type Old = unsafe extern "C" fn(*mut u8, *mut c_char, c_int, c_int, *mut u64, *mut u8) -> c_int;
    type New =
        unsafe extern "C" fn(*mut u8, *mut c_char, c_int, *mut u8, c_int, c_int, *mut u64, *mut u8) -> c_int;
    let (mut packet, mut info, none) = (packet(), [0_u64; 8], ptr::null_mut::<u8>());
    let (buffer, length) = (packet.as_mut_ptr().cast(), 22);
    // SAFETY: promised by the caller; `info` is larger than its struct.
    unsafe {
        if generation < B4 {
            let f = std::mem::transmute::<*const (), Old>(f);
            f(at, buffer, length, 2, info.as_mut_ptr(), none);
        } else {
            let f = std::mem::transmute::<*const (), New>(f);
            f(at, buffer, length, none, 0, 2, info.as_mut_ptr(), none);
        }
    }
}

/// A header, the context, and two numbers.
///
/// # Safety
/// As each function asks.
unsafe fn behind_header(f: *const (), _: Generation, at: *mut u8) {
    let mut packet = packet();
    for video in [0, 1] {
        // SAFETY: promised by the caller.
        unsafe { call(f, [packet.as_mut_ptr().addr(), at.addr(), video, 0, 0, 0]) }
    }
}

/// The context, and a compound of a sender report with a report block.
///
/// # Safety
/// As each function asks.
unsafe fn rtcp(f: *const (), _: Generation, at: *mut u8) {
    let mut report = [0_u8; 52];
    report[..4].copy_from_slice(&[0x81, 200, 0, 12]);
    report[28..52].copy_from_slice(&[9; 24]);
    // SAFETY: promised by the caller.
    unsafe { call(f, [at.addr(), report.as_mut_ptr().addr(), report.len(), 1, 5, 6]) }
}

/// # Safety
/// As the function asks.
unsafe fn incoming(f: *const (), _: Generation, at: *mut u8) {
    type Function = unsafe extern "C" fn(*mut u8, *mut u8, c_int, c_int, c_int, c_int, *mut u8) -> c_int;
    let mut packet = packet();
    // SAFETY: promised by the caller.
    unsafe {
        let f = std::mem::transmute::<*const (), Function>(f);
        f(at, packet.as_mut_ptr(), 22, 0, 0, 0, ptr::null_mut());
    }
}

/// The context, and room for a report block.
///
/// # Safety
/// As the function asks.
unsafe fn block(f: *const (), _: Generation, at: *mut u8) {
    let mut block = [0_u64; 3];
    // SAFETY: promised by the caller.
    unsafe { call(f, [at.addr(), block.as_mut_ptr().addr(), 0, 0, 0, 0]) }
}

/// A packet with nothing in it; the copy is freed.
///
/// # Safety
/// As the function asks.
unsafe fn duplicate(f: *const (), _: Generation, at: *mut u8) {
    // SAFETY: promised by the caller; the copy comes from GLib.
    unsafe {
        let f = std::mem::transmute::<*const (), unsafe extern "C" fn(*mut u8) -> *mut libc::c_void>(f);
        glib_sys::g_free(f(at));
    }
}

/// Functions that work on a struct whose size differs.
pub const WRITERS: [Writer; 24] = {
    const fn writer(
        structure: &'static str,
        symbol: &'static str,
        call: unsafe fn(*const (), Generation, *mut u8),
    ) -> Writer {
        Writer { symbol, structure, call }
    }
    const SIMULCAST: &str = "janus_rtp_simulcasting_context";
    const SWITCHING: &str = "janus_rtp_switching_context";
    const SVC: &str = "janus_rtp_svc_context";
    const RTCP: &str = "rtcp_context";
    [
        writer("janus_plugin_rtp_extensions", "janus_plugin_rtp_extensions_reset", alone),
        writer("janus_plugin_rtp", "janus_plugin_rtp_reset", alone),
        writer("janus_plugin_rtp", "janus_plugin_rtp_duplicate", duplicate),
        writer("janus_plugin_rtcp", "janus_plugin_rtcp_reset", alone),
        writer("janus_plugin_data", "janus_plugin_data_reset", alone),
        writer(SIMULCAST, "janus_rtp_simulcasting_context_reset", alone),
        writer(SIMULCAST, "janus_rtp_simulcasting_context_process_rtp", simulcast),
        writer(SVC, "janus_rtp_svc_context_reset", alone),
        writer(SVC, "janus_rtp_svc_context_process_rtp", svc),
        writer(SWITCHING, "janus_rtp_switching_context_reset", alone),
        writer(SWITCHING, "janus_rtp_header_update", behind_header),
        writer(SWITCHING, "janus_rtp_skew_compensate_audio", behind_header),
        writer(SWITCHING, "janus_rtp_skew_compensate_video", behind_header),
        writer(RTCP, "janus_rtcp_parse", rtcp),
        writer(RTCP, "janus_rtcp_fix_ssrc", rtcp),
        writer(RTCP, "janus_rtcp_process_incoming_rtp", incoming),
        writer(RTCP, "janus_rtcp_report_block", block),
        writer(RTCP, "janus_rtcp_context_get_rtt", alone),
        writer(RTCP, "janus_rtcp_context_get_jitter", block),
        writer(RTCP, "janus_rtcp_context_get_lost_all", block),
        writer(RTCP, "janus_rtcp_context_get_in_link_quality", alone),
        writer(RTCP, "janus_rtcp_context_get_in_media_link_quality", alone),
        writer(RTCP, "janus_rtcp_context_get_out_link_quality", alone),
        writer(RTCP, "janus_rtcp_context_get_out_media_link_quality", alone),
    ]
};

/// Functions that differ between generations in something else: what they mean, their arguments, what they allocate.
pub const OTHERS: &[&str] = &[
    "janus_audiocodec_from_name",
    "janus_audiocodec_name",
    "janus_audiocodec_pt",
    "janus_av1_svc_context_process_dd",
    "janus_gzip_compress",
    "janus_h264_is_keyframe",
    "janus_network_lookup_interface",
    "janus_rtcp_get_nacks",
    "janus_rtcp_get_receiver_ssrc",
    "janus_rtcp_has_fir",
    "janus_rtp_forwarder_add_rtcp",
    "janus_rtp_forwarder_create",
    "janus_rtp_forwarder_destroy",
    "janus_rtp_forwarder_send_rtp",
    "janus_rtp_forwarder_send_rtp_full",
    "janus_rtp_simulcasting_prepare",
    "janus_sdp_attribute_create",
    "janus_sdp_generate_answer",
    "janus_sdp_generate_answer_mline",
    "janus_sdp_generate_offer",
    "janus_sdp_generate_offer_mline",
    "janus_sdp_get_codec_name",
    "janus_sdp_get_codec_pt",
    "janus_sdp_get_codec_pt_full",
    "janus_sdp_get_fmtp",
    "janus_sdp_get_opusred_pt",
    "janus_sdp_mline_create",
    "janus_sdp_mline_find",
    "janus_sdp_mline_remove",
    "janus_sdp_oa_type_str",
    "janus_sdp_parse",
    "janus_sdp_remove_payload_type",
    "janus_sdp_write",
    "janus_vp8_parse_descriptor",
];

const GUARD: u8 = 0xa5;

/// A struct of exactly this size, with a guard before and behind it.
struct Guarded {
    words: Vec<u64>,
    size: usize,
}

impl Guarded {
    const AROUND: usize = 512;

    fn new(size: usize) -> Guarded {
        let mut guarded = Guarded { words: vec![0; (2 * Guarded::AROUND + size).div_ceil(8)], size };
        let at = guarded.at();
        // SAFETY: inside the allocation.
        unsafe {
            at.sub(Guarded::AROUND).write_bytes(GUARD, Guarded::AROUND);
            at.add(size).write_bytes(GUARD, Guarded::AROUND);
        }
        guarded
    }

    fn at(&mut self) -> *mut u8 {
        // SAFETY: inside the allocation.
        unsafe { self.words.as_mut_ptr().cast::<u8>().add(Guarded::AROUND) }
    }

    fn fill(&mut self, with: u8) {
        let (at, size) = (self.at(), self.size);
        // SAFETY: the struct itself.
        unsafe { at.write_bytes(with, size) }
    }

    fn changed(&mut self, from: u8) -> usize {
        let at = self.at();
        // SAFETY: the struct itself.
        (0..self.size).filter(|i| unsafe { at.add(*i).read() } != from).count()
    }

    fn whole(&mut self) -> bool {
        let at = self.at();
        let (before, behind) = (1..=Guarded::AROUND, self.size..self.size + Guarded::AROUND);
        // SAFETY: inside the allocation.
        before.into_iter().all(|i| unsafe { at.sub(i).read() } == GUARD)
            && behind.into_iter().all(|i| unsafe { at.add(i).read() } == GUARD)
    }
}

fn resets(symbol: &str) -> bool {
    symbol.ends_with("_reset")
}

#[test]
fn no_form_writes_beyond_the_struct_of_its_generation() {
    let mut seen = 0;
    for writer in &WRITERS {
        for generation in Generation::ALL {
            let Some(size) = writer.size(generation) else { continue };
            let mut memory = Guarded::new(size);
            let filler = writer.filler(generation);
            if resets(writer.symbol) {
                memory.fill(filler);
            } else if let Some(reset) =
                WRITERS.iter().find(|w| w.structure == writer.structure && resets(w.symbol))
            {
                // SAFETY: a struct of this generation.
                unsafe { (reset.call)(form(reset.symbol, generation), generation, memory.at()) }
            }
            // SAFETY: as above; what is not written is found to be whole.
            unsafe { (writer.call)(form(writer.symbol, generation), generation, memory.at()) }
            assert!(memory.whole(), "{} of {generation}: beyond {size} bytes", writer.symbol);
            if resets(writer.symbol) {
                let changed = memory.changed(filler);
                assert!(changed >= 4, "{} of {generation}: {changed} of {size} bytes", writer.symbol);
            }
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen}");
}

/// Whoever adds a form says of which kind it is.
#[test]
fn every_function_that_differs_is_known() {
    let known = |symbol: &str| WRITERS.iter().any(|w| w.symbol == symbol) || OTHERS.contains(&symbol);
    let unknown: Vec<_> = VARIANTS.iter().map(|v| v.symbol).filter(|symbol| !known(symbol)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// Where a struct changes its size, the function gets another form.
#[test]
fn forms_change_where_structs_do() {
    for writer in &WRITERS {
        for pair in Generation::ALL.windows(2) {
            let (Some(one), Some(other)) = (writer.size(pair[0]), writer.size(pair[1])) else { continue };
            if one != other {
                let (old, new) = (form(writer.symbol, pair[0]), form(writer.symbol, pair[1]));
                assert!(old != new, "{}: {} and {}", writer.symbol, pair[0], pair[1]);
            }
        }
    }
}
