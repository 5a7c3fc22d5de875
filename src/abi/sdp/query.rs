//! Questions about payload types and codecs.

use super::convert::sdp_from_c;
use super::layout::{janus_sdp, janus_sdp_attribute, janus_sdp_mline};
use super::names::{c_text, key_text};
use crate::glib::{self, bytes, text};
use crate::sdp::codec::{self, Codec};
use crate::sdp::options::Numbering;
use crate::sdp::{MediaType, Sdp};
use libc::{c_char, c_int};
use std::ptr;

/// −1 means all m-lines.
fn which(index: c_int) -> Option<i32> {
    (index >= 0).then_some(index)
}

/// # Safety
/// C text; `profile` may be NULL.
pub(super) unsafe fn codec_pt(sdp: &Sdp, index: c_int, name: *const c_char, profile: *const c_char) -> c_int {
    // SAFETY: promised by the caller.
    let (name, profile) = unsafe { (text(name).unwrap_or_default(), text(profile)) };
    sdp.codec_pt(which(index), &name, profile.as_deref()).unwrap_or(-1)
}

/// Stores what was found; leaves `*name` alone when that is nothing.
///
/// # Safety
/// `name` is NULL or valid for writes.
pub(super) unsafe fn store_codec(name: *mut *const c_char, found: Option<&'static str>) {
    if !name.is_null() && found.is_some() {
        // SAFETY: promised by the caller.
        unsafe { *name = c_text(found) };
    }
}

/// Parameters of the first fmtp for a payload type in the m-lines that `wanted` says yes to, borrowed.
///
/// # Safety
/// A live description that nobody edits meanwhile.
pub(super) unsafe fn fmtp_of_any(
    sdp: *mut janus_sdp,
    wanted: impl Fn(*mut janus_sdp_mline) -> bool,
    ptype: c_int,
) -> *const c_char {
    if ptype < 0 {
        return ptr::null();
    }
    let prefix = format!("{ptype} ");
    // SAFETY: promised by the caller; the lists are only read.
    unsafe {
        glib::iter::<janus_sdp_mline>((*sdp).m_lines)
            .filter(|m| wanted(*m))
            .flat_map(|m| glib::iter::<janus_sdp_attribute>((*m).attributes))
            .map(|a| fmtp_of(a, &prefix))
            .find(|fmtp| !fmtp.is_null())
            .unwrap_or(ptr::null())
    }
}

fn oa_type_str(numbering: Numbering, number: u32) -> *const c_char {
    let key = i32::try_from(number).ok().and_then(|n| numbering.key(n));
    key.and_then(key_text).map_or(ptr::null(), |name| name.as_ptr())
}

/// The parameters after `ptype ` when this attribute is that fmtp; borrowed from the attribute, else NULL.
///
/// # Safety
/// A live attribute.
unsafe fn fmtp_of(attribute: *mut janus_sdp_attribute, prefix: &str) -> *const c_char {
    // SAFETY: promised by the caller; the offset is inside the text, at worst at its NUL.
    unsafe {
        let is_fmtp = bytes((*attribute).name).is_some_and(|n| n.eq_ignore_ascii_case(b"fmtp"));
        match bytes((*attribute).value) {
            Some(value) if is_fmtp && value.starts_with(prefix.as_bytes()) => {
                (*attribute).value.add(prefix.len()).cast_const()
            }
            _ => ptr::null(),
        }
    }
}

export! {
    /// Payload type of a codec, −1 when absent. HL-185.
    "sdp-utils.h" fn janus_sdp_get_codec_pt(sdp: *mut janus_sdp, index: c_int, codec: *const c_char) -> c_int
        as nonnull(sdp, codec) or -1; {
        // SAFETY: a live description and C text.
        unsafe { codec_pt(&sdp_from_c(sdp), index, codec, ptr::null()) }
    }
    /// The same with a profile, for VP9 and H.264. HL-186.
    "sdp-utils.h" fn janus_sdp_get_codec_pt_full(sdp: *mut janus_sdp, index: c_int, codec: *const c_char,
        profile: *const c_char) -> c_int as nonnull(sdp, codec) or -1; {
        // SAFETY: a live description and C text.
        unsafe { codec_pt(&sdp_from_c(sdp), index, codec, profile) }
    }
    /// Name of a payload type, static; NULL when unknown. HL-187, HL-188.
    "sdp-utils.h" fn janus_sdp_get_codec_name(sdp: *mut janus_sdp, index: c_int, ptype: c_int) -> *const c_char
        as nonnull(sdp) or ptr::null(); {
        if ptype < 0 {
            return ptr::null();
        }
        // SAFETY: a live description.
        c_text(unsafe { sdp_from_c(sdp) }.codec_name(which(index), ptype))
    }
    /// Name of what an rtpmap like `opus/48000/2` speaks of, static; NULL when unknown. HL-189.
    "sdp-utils.h" fn janus_sdp_get_rtpmap_codec(rtpmap: *const c_char) -> *const c_char
        as nonnull(rtpmap) or ptr::null(); {
        // SAFETY: C text.
        let rtpmap = unsafe { text(rtpmap) }.unwrap_or_default();
        let name = codec::name_of_rtpmap(&rtpmap);
        if name.is_none() {
            tracing::error!("Unsupported rtpmap '{rtpmap}'");
        }
        c_text(name)
    }
    /// The rtpmap text of a codec, static; NULL when unknown.
    "sdp-utils.h" fn janus_sdp_get_codec_rtpmap(codec: *const c_char) -> *const c_char
        as nonnull(codec) or ptr::null(); {
        // SAFETY: C text.
        let name = unsafe { text(codec) }.unwrap_or_default();
        let codec = Codec::by_name(&name);
        if codec.is_none() {
            tracing::error!("Unsupported codec '{name}'");
        }
        c_text(codec.map(|c| c.rtpmap))
    }
    /// Parameters of the first fmtp for a payload type, borrowed from the attribute; NULL when there is none. HL-190.
    "sdp-utils.h" fn janus_sdp_get_fmtp(sdp: *mut janus_sdp, index: c_int, ptype: c_int) -> *const c_char
        as nonnull(sdp) or ptr::null(); {
        // SAFETY: a live description.
        unsafe { fmtp_of_any(sdp, |m| index < 0 || (*m).index == index, ptype) }
    }
    /// Profile in an fmtp, for `g_free`; NULL for other codecs (2 is VP9, 3 is H.264) and when absent. HL-191.
    "sdp-utils.h" fn janus_sdp_get_video_profile(codec: u32, fmtp: *const c_char) -> *mut c_char
        as nonnull(fmtp) or ptr::null_mut(); {
        let codec = match codec {
            2 => "vp9",
            3 => "h264",
            _ => return ptr::null_mut(),
        };
        // SAFETY: C text.
        let fmtp = unsafe { text(fmtp) }.unwrap_or_default();
        glib::strdup_opt(codec::profile_in_fmtp(codec, &fmtp))
    }
    /// Payload type of RED for Opus, −1 when absent. HL-192.
    "sdp-utils.h" fn janus_sdp_get_opusred_pt(sdp: *mut janus_sdp, index: c_int) -> c_int as nonnull(sdp) or -1; {
        // SAFETY: a live description.
        unsafe { sdp_from_c(sdp) }.opusred_pt(which(index)).unwrap_or(-1)
    }
    /// Stores the best codec by our preference; leaves `*codec` alone when there is none. HL-193.
    "sdp-utils.h" fn janus_sdp_find_preferred_codec(sdp: *mut janus_sdp, kind: u32, index: c_int,
        codec: *mut *const c_char) as nonnull(sdp, codec) or (); {
        // SAFETY: a live description; `codec` is the caller's variable.
        unsafe {
            store_codec(codec, sdp_from_c(sdp).preferred_codec(MediaType::from_number(kind), which(index)))
        }
    }
    /// Stores the first codec offered; leaves `*codec` alone when there is none. HL-194.
    "sdp-utils.h" fn janus_sdp_find_first_codec(sdp: *mut janus_sdp, kind: u32, index: c_int,
        codec: *mut *const c_char) as nonnull(sdp, codec) or (); {
        // SAFETY: a live description; `codec` is the caller's variable.
        unsafe { store_codec(codec, sdp_from_c(sdp).first_codec(MediaType::from_number(kind), which(index))) }
    }
    /// The canonical name, static; NULL when this medium has no such codec. HL-195.
    "sdp-utils.h" fn janus_sdp_match_preferred_codec(kind: u32, codec: *mut c_char) -> *const c_char
        as nonnull(codec) or ptr::null(); {
        // SAFETY: C text.
        let name = unsafe { text(codec) }.unwrap_or_default();
        c_text(codec::preferred(MediaType::from_number(kind), &name))
    }
    /// Name of the enumerator, static; NULL for unknown numbers and the two RED options.
    "sdp-utils.h" fn janus_sdp_oa_type_str(number: u32) -> *const c_char as nonnull() or ptr::null(); {
        oa_type_str(Numbering::V1_1, number)
    }
}

variant! {
    /// Before `msid` had a number.
    janus_sdp_oa_type_str in B1 ..= B2, fn oa_type_str_v1_0(number: u32) -> *const c_char
        as nonnull() or ptr::null(); {
        oa_type_str(Numbering::V1_0, number)
    }
}
