//! Offers and answers. The C shim turns variable arguments into [`janus_rs_oa`] items; here they become options.

use super::convert::{mline_from_c, mline_to_c, refill_mline, sdp_from_c, sdp_to_c};
use super::layout::{janus_sdp, janus_sdp_mline};
use super::lines::find;
use super::single::{sdp_from_single, sdp_to_single};
use crate::abi::entry::guard;
use crate::glib::{GHashTable, text};
use crate::sdp::answer::{AnswerMline, generate_answer};
use crate::sdp::offer::{generate_offer, offer_mline};
use crate::sdp::options::{Key, Numbering, Oa, Shape};
use crate::sdp::{Direction, MediaType, Rules, single};
use crate::util::time;
use libc::{c_char, c_int, c_void};
use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::ptr;

/// One option with its arguments, as the shim found them.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_rs_oa {
    pub key: c_int,
    pub number: c_int,
    pub first: *mut c_void,
    pub second: *mut c_void,
}

/// How a group of generations numbers the options and what it writes. Known to the shim by its place.
struct Flavour {
    numbering: Numbering,
    rules: Rules,
}

static FLAVOURS: [Flavour; 3] = [
    Flavour { numbering: Numbering::V1_1, rules: Rules::NATIVE },
    Flavour { numbering: Numbering::V1_1, rules: Rules::V1_1 },
    Flavour { numbering: Numbering::V1_0, rules: Rules::V1_1 },
];

fn flavour(number: c_int) -> &'static Flavour {
    &FLAVOURS[usize::try_from(number).unwrap_or(0).min(FLAVOURS.len() - 1)]
}

/// The numbers of the shims of 0.x; they are beyond [`FLAVOURS`].
fn single_numbering(number: c_int) -> Option<single::Numbering> {
    match number {
        3 => Some(single::Numbering::V0_10),
        4 => Some(single::Numbering::V0_9),
        _ => None,
    }
}

/// Which arguments follow a key, for the shim.
#[unsafe(no_mangle)]
extern "C" fn janus_rs_sdp_oa_shape(number: c_int, key: c_int) -> c_int {
    let shape = match single_numbering(number) {
        Some(numbering) => numbering.key(key).map(single::Key::shape),
        None => flavour(number).numbering.key(key).map(Key::shape),
    };
    shape.unwrap_or(Shape::Unknown) as c_int
}

/// # Safety
/// `table` is NULL or a table from id (in the pointer) to C text.
unsafe fn extension_table(table: *mut GHashTable) -> Option<BTreeMap<i32, String>> {
    if table.is_null() {
        return None;
    }
    let mut extensions = BTreeMap::new();
    let mut iter = MaybeUninit::<glib_sys::GHashTableIter>::uninit();
    let (mut key, mut value) = (ptr::null_mut::<c_void>(), ptr::null_mut::<c_void>());
    // SAFETY: promised by the caller; the iterator is initialised before use.
    unsafe {
        glib_sys::g_hash_table_iter_init(iter.as_mut_ptr(), table);
        while glib_sys::g_hash_table_iter_next(iter.as_mut_ptr(), &raw mut key, &raw mut value) != 0 {
            extensions.extend(text(value.cast()).map(|uri| (key.addr() as i32, uri)));
        }
    }
    Some(extensions)
}

/// # Safety
/// `items` are `count` items with arguments as their keys ask for.
unsafe fn options(numbering: Numbering, items: *const janus_rs_oa, count: usize) -> Vec<Oa> {
    if count == 0 {
        return Vec::new();
    }
    // SAFETY: promised by the caller.
    let items = unsafe { std::slice::from_raw_parts(items, count) };
    items
        .iter()
        .filter_map(|item| {
            let on = item.number != 0;
            // SAFETY: keys of these shapes come with C text, which may be NULL.
            let (first, second) =
                (|| unsafe { text(item.first.cast()) }, || unsafe { text(item.second.cast()) });
            Some(match numbering.key(item.key)? {
                Key::Done => return None,
                Key::Mline => Oa::Mline(MediaType::from_number(item.number as u32)),
                Key::Enabled => Oa::Enabled(on),
                Key::Direction => Oa::Direction(Direction::from_number(item.number as u32)),
                Key::Mid => Oa::Mid(first()),
                Key::Msid => Oa::Msid(first(), second()),
                Key::Codec => Oa::Codec(first()),
                Key::Extension => Oa::Extension(first(), item.number),
                // SAFETY: this key comes with a table.
                Key::Extensions => Oa::Extensions(unsafe { extension_table(item.first.cast()) }),
                Key::AcceptExtmap => Oa::AcceptExtmap(first()),
                Key::Pt => Oa::Pt(item.number),
                Key::Fmtp => Oa::Fmtp(first()),
                Key::AudioDtmf => Oa::AudioDtmf(on),
                Key::OpusRedPt => Oa::OpusRedPt(item.number),
                Key::AcceptOpusRed => Oa::AcceptOpusRed(on),
                Key::Vp9Profile => Oa::Vp9Profile(first()),
                Key::H264Profile => Oa::H264Profile(first()),
                Key::VideoRtcpFbDefaults => Oa::VideoRtcpFbDefaults(on),
                Key::DataLegacy => Oa::DataLegacy(on),
            })
        })
        .collect()
}

/// # Safety
/// As [`options`]; C text or NULL.
#[unsafe(no_mangle)]
unsafe extern "C" fn janus_rs_sdp_generate_offer(
    number: c_int,
    name: *const c_char,
    address: *const c_char,
    items: *const janus_rs_oa,
    count: usize,
) -> *mut janus_sdp {
    guard("janus_sdp_generate_offer", ptr::null_mut(), || {
        let flavour = flavour(number);
        // SAFETY: promised by the shim.
        let (name, address, options) =
            unsafe { (text(name), text(address), options(flavour.numbering, items, count)) };
        let id = time::real() as u64;
        generate_offer(name.as_deref(), address.as_deref(), id, options, &flavour.rules)
            .map_or(ptr::null_mut(), |offer| sdp_to_c(&offer))
    })
}

/// # Safety
/// As [`options`]; `offer` is NULL or live.
#[unsafe(no_mangle)]
unsafe extern "C" fn janus_rs_sdp_generate_offer_mline(
    number: c_int,
    offer: *mut janus_sdp,
    items: *const janus_rs_oa,
    count: usize,
) -> c_int {
    if offer.is_null() {
        return -1;
    }
    guard("janus_sdp_generate_offer_mline", -1, || {
        let flavour = flavour(number);
        // SAFETY: promised by the shim.
        let (model, options) = unsafe { (sdp_from_c(offer), options(flavour.numbering, items, count)) };
        match offer_mline(&model, options, &flavour.rules) {
            Ok(mline) => {
                // SAFETY: a live description; the list is its own.
                unsafe {
                    let mline = mline_to_c(&mline).cast::<c_void>();
                    (*offer).m_lines = glib_sys::g_list_append((*offer).m_lines, mline);
                }
                0
            }
            Err(why) => why.code(),
        }
    })
}

/// # Safety
/// As [`options`]; `answer` and `offered` are NULL or live.
#[unsafe(no_mangle)]
unsafe extern "C" fn janus_rs_sdp_generate_answer_mline(
    number: c_int,
    answer: *mut janus_sdp,
    offered: *mut janus_sdp_mline,
    items: *const janus_rs_oa,
    count: usize,
) -> c_int {
    if answer.is_null() || offered.is_null() {
        return -1;
    }
    guard("janus_sdp_generate_answer_mline", -1, || {
        let flavour = flavour(number);
        // SAFETY: promised by the shim.
        let (offered, options) = unsafe { (mline_from_c(offered), options(flavour.numbering, items, count)) };
        let wanted = match AnswerMline::from_options(options) {
            Ok(wanted) => wanted,
            Err(why) => return why.code(),
        };
        if offered.kind == MediaType::Other {
            return -3;
        }
        // SAFETY: a live description.
        let mline = unsafe { find(answer, |m| (*m).index == offered.index) };
        if mline.is_null() {
            tracing::warn!("The answer has no m-line {}", offered.index);
            return 0;
        }
        // SAFETY: live, and the caller's to edit.
        unsafe {
            let mut model = mline_from_c(mline);
            wanted.answer(&offered, &mut model, &flavour.rules);
            refill_mline(mline, &model);
        }
        0
    })
}

/// # Safety
/// As [`options`].
unsafe fn single_options(
    numbering: single::Numbering,
    items: *const janus_rs_oa,
    count: usize,
) -> Vec<(single::Key, single::Arguments)> {
    if count == 0 {
        return Vec::new();
    }
    // SAFETY: promised by the caller.
    let items = unsafe { std::slice::from_raw_parts(items, count) };
    items
        .iter()
        .filter_map(|item| {
            let key = numbering.key(item.key)?;
            let text = match key.shape() {
                // SAFETY: keys of these shapes come with C text, which may be NULL.
                Shape::Pointer | Shape::PointerInt => unsafe { text(item.first.cast()) },
                _ => None,
            };
            Some((key, single::Arguments { number: item.number, text }))
        })
        .collect()
}

/// # Safety
/// As [`options`]; C text or NULL.
#[unsafe(no_mangle)]
unsafe extern "C" fn janus_rs_sdp_generate_offer_of_single(
    number: c_int,
    name: *const c_char,
    address: *const c_char,
    items: *const janus_rs_oa,
    count: usize,
) -> *mut janus_sdp {
    guard("janus_sdp_generate_offer", ptr::null_mut(), || {
        let numbering = single_numbering(number).unwrap_or(single::Numbering::V0_10);
        // SAFETY: promised by the shim.
        let (name, address, options) =
            unsafe { (text(name), text(address), single_options(numbering, items, count)) };
        let id = time::real() as u64;
        single::generate_offer(name.as_deref(), address.as_deref(), id, options, &Rules::V1_1)
            .map_or(ptr::null_mut(), |offer| sdp_to_single(&offer))
    })
}

/// # Safety
/// As [`options`]; `offer` is NULL or a live description of 0.x.
#[unsafe(no_mangle)]
unsafe extern "C" fn janus_rs_sdp_generate_answer_of_single(
    number: c_int,
    offer: *mut janus_sdp,
    items: *const janus_rs_oa,
    count: usize,
) -> *mut janus_sdp {
    if offer.is_null() {
        return ptr::null_mut();
    }
    guard("janus_sdp_generate_answer", ptr::null_mut(), || {
        let numbering = single_numbering(number).unwrap_or(single::Numbering::V0_10);
        // SAFETY: promised by the shim.
        let (offer, options) = unsafe { (sdp_from_single(offer), single_options(numbering, items, count)) };
        sdp_to_single(&single::generate_answer(&offer, options, &Rules::V1_1))
    })
}

export! {
    /// An answer that rejects every m-line of the offer. HL-202.
    "sdp-utils.h" fn janus_sdp_generate_answer(offer: *mut janus_sdp) -> *mut janus_sdp
        as nonnull(offer) or ptr::null_mut(); {
        // SAFETY: a live description.
        sdp_to_c(&generate_answer(&unsafe { sdp_from_c(offer) }))
    }
}

export_variadic! {
    /// An offer from options that end with 0; NULL when they make no sense. HL-196 … HL-198.
    "sdp-utils.h" fn janus_sdp_generate_offer => janus_rs_shim_sdp_generate_offer;
    /// Appends an m-line to an offer: 0, −1 for NULL, −2 when the first option is not MLINE, −3 for an unknown audio
    /// codec, −4 for an unknown video codec or type, −5 for contradicting extensions. HL-199 … HL-201.
    "sdp-utils.h" fn janus_sdp_generate_offer_mline => janus_rs_shim_sdp_generate_offer_mline;
    /// Answers one offered m-line: 0 (also when it had to be rejected), −1 for NULL, −2 when the first option is not
    /// MLINE, −3 for a bad type. HL-203 … HL-209.
    "sdp-utils.h" fn janus_sdp_generate_answer_mline => janus_rs_shim_sdp_generate_answer_mline;
}

variant_variadic! {
    /// 0.x: everything in one call, which an answer is too.
    janus_sdp_generate_offer in A4 ..= A10 => janus_rs_shim_sdp_generate_offer_3;
    janus_sdp_generate_answer in A4 ..= A10 => janus_rs_shim_sdp_generate_answer_3;
    /// 0.9: other option numbers.
    janus_sdp_generate_offer in A1 ..= A3 => janus_rs_shim_sdp_generate_offer_4;
    janus_sdp_generate_answer in A1 ..= A3 => janus_rs_shim_sdp_generate_answer_4;
    /// 1.1: transport-cc is always offered.
    janus_sdp_generate_offer in B3 ..= B3 => janus_rs_shim_sdp_generate_offer_1;
    janus_sdp_generate_offer_mline in B3 ..= B3 => janus_rs_shim_sdp_generate_offer_mline_1;
    janus_sdp_generate_answer_mline in B3 ..= B3 => janus_rs_shim_sdp_generate_answer_mline_1;
    /// 1.0: other option numbers.
    janus_sdp_generate_offer in B1 ..= B2 => janus_rs_shim_sdp_generate_offer_2;
    janus_sdp_generate_offer_mline in B1 ..= B2 => janus_rs_shim_sdp_generate_offer_mline_2;
    janus_sdp_generate_answer_mline in B1 ..= B2 => janus_rs_shim_sdp_generate_answer_mline_2;
}
