//! `sdp-utils.h` of 0.9.0 … 0.16.x (generations A1 … A10): m-lines begin with their type and have no index, so that the
//! functions about one m-line take none.

use super::convert::{mline_from_c, mline_to_c, ptypes_to_c, sdp_with, session_from_c};
use super::layout::{janus_sdp, janus_sdp_mline, janus_sdp_mline_a1};
use super::lines::{copy_text, find, remove};
use super::names::c_text;
use super::object::free_formats;
use super::query::{codec_pt, fmtp_of_any, store_codec};
use crate::glib::{self, text};
use crate::sdp::{Direction, MediaType, Mline, Rules, Sdp};
use libc::{c_char, c_int};
use std::ptr;

fn mline_to_single(mline: &Mline) -> *mut janus_sdp_mline_a1 {
    let c = mline_to_c(mline);
    let c = c.cast::<janus_sdp_mline_a1>();
    // SAFETY: a fresh m-line of ours, of the same size. Index and type stand where 0.x has type and padding.
    unsafe {
        c.cast::<u64>().write(0);
        (*c).kind = mline.kind as u32;
    }
    c
}

/// # Safety
/// `mline` is a live m-line of 0.x.
unsafe fn kind(mline: *const janus_sdp_mline) -> u32 {
    // SAFETY: promised by the caller.
    unsafe { (*mline.cast::<janus_sdp_mline_a1>()).kind }
}

pub fn sdp_to_single(sdp: &Sdp) -> *mut janus_sdp {
    sdp_with(sdp, mline_to_single)
}

/// Indexes are the places in the list.
///
/// # Safety
/// `c` is a live description of 0.x that nobody edits meanwhile.
pub unsafe fn sdp_from_single(c: *const janus_sdp) -> Sdp {
    // SAFETY: promised by the caller.
    unsafe {
        let mlines = glib::iter::<janus_sdp_mline>((*c).m_lines).filter(|m| !m.is_null());
        let mlines = mlines.zip(0..).map(|(m, index)| {
            let kind = MediaType::from_number(kind(m));
            Mline { index, kind, ..mline_from_c(m) }
        });
        session_from_c(c, mlines.collect())
    }
}

export! {
    /// Stores the first audio and the first video codec offered; leaves alone what there is none for. Of 0.x, whose m-lines
    /// it reads.
    "-" fn janus_sdp_find_first_codecs(sdp: *mut janus_sdp, acodec: *mut *const c_char, vcodec: *mut *const c_char)
        as nonnull(sdp) or (); {
        // SAFETY: a live description of 0.x; the others are NULL or the caller's variables.
        unsafe {
            let sdp = sdp_from_single(sdp);
            store_codec(acodec, sdp.first_codec(MediaType::Audio, None));
            store_codec(vcodec, sdp.first_codec(MediaType::Video, None));
        }
    }
    /// Stores the best audio and the best video codec by our preference; else as `janus_sdp_find_first_codecs`.
    "-" fn janus_sdp_find_preferred_codecs(sdp: *mut janus_sdp, acodec: *mut *const c_char, vcodec: *mut *const c_char)
        as nonnull(sdp) or (); {
        // SAFETY: a live description of 0.x; the others are NULL or the caller's variables.
        unsafe {
            let sdp = sdp_from_single(sdp);
            store_codec(acodec, sdp.preferred_codec(MediaType::Audio, None));
            store_codec(vcodec, sdp.preferred_codec(MediaType::Video, None));
        }
    }
}

variant! {
    janus_sdp_parse in A1 ..= A10, fn parse_single(sdp: *const c_char, error: *mut c_char, error_length: usize)
        -> *mut janus_sdp as nonnull() or ptr::null_mut(); {
        // SAFETY: C text or NULL.
        match Sdp::parse(&unsafe { text(sdp) }.unwrap_or_default()) {
            Ok(parsed) => sdp_to_single(&parsed),
            Err(why) => {
                if !error.is_null() {
                    tracing::error!("Error parsing SDP: {why}");
                }
                // SAFETY: the caller's buffer of that size, or NULL.
                unsafe { copy_text(&why.to_string(), error, error_length) };
                ptr::null_mut()
            }
        }
    }
    /// An m-line without payload types, as answers have them for media that are not wanted, is written with the format 0.
    janus_sdp_write in A1 ..= A10, fn write_single(sdp: *mut janus_sdp) -> *mut c_char
        as nonnull(sdp) or ptr::null_mut(); {
        // SAFETY: a live description of 0.x.
        let mut model = unsafe {
            for mline in glib::iter::<janus_sdp_mline>((*sdp).m_lines) {
                if (*mline).port == 0 && kind(mline) != MediaType::Application as u32 {
                    free_formats(mline);
                    (*mline).ptypes = ptypes_to_c(&[0]);
                }
            }
            sdp_from_single(sdp)
        };
        for mline in
            model.mlines.iter_mut().filter(|m| m.kind != MediaType::Application && m.ptypes.is_empty())
        {
            mline.ptypes.push(0);
        }
        glib::strdup(&model.write_with(&Rules::V1_1))
    }
    janus_sdp_mline_create in A1 ..= A10, fn mline_create_single(kind: u32, port: u16, proto: *const c_char,
        direction: u32) -> *mut janus_sdp_mline_a1 as nonnull() or ptr::null_mut(); {
        let kind = MediaType::from_number(kind);
        if kind == MediaType::Other {
            tracing::warn!("Unknown media type, m-line without a type");
        }
        // SAFETY: C text or NULL.
        let proto = unsafe { text(proto) }.unwrap_or_default();
        let mut mline = Mline::new(kind, port, &proto, Direction::from_number(direction));
        mline.c_ipv4 = false;
        mline_to_single(&mline)
    }
    janus_sdp_mline_find in A1 ..= A10, fn mline_find_single(sdp: *mut janus_sdp, wanted: u32) -> *mut janus_sdp_mline
        as nonnull(sdp) or ptr::null_mut(); {
        // SAFETY: a live description of 0.x.
        unsafe { find(sdp, |m| kind(m) == wanted) }
    }
    janus_sdp_mline_remove in A1 ..= A10, fn mline_remove_single(sdp: *mut janus_sdp, wanted: u32) -> c_int
        as nonnull(sdp) or -1; {
        // SAFETY: a live description of 0.x.
        unsafe { remove(sdp, find(sdp, |m| kind(m) == wanted)) }
    }
    /// Out of all m-lines.
    janus_sdp_remove_payload_type in A1 ..= A10, fn remove_payload_type_single(sdp: *mut janus_sdp, ptype: c_int)
        -> c_int as nonnull(sdp) or -1; {
        // SAFETY: a live description; where the m-lines differ is not looked at.
        unsafe { super::lines::janus_sdp_remove_payload_type(sdp, -1, ptype) }
    }
    janus_sdp_get_codec_pt in A1 ..= A10, fn get_codec_pt_single(sdp: *mut janus_sdp, codec: *const c_char) -> c_int
        as nonnull(sdp, codec) or -1; {
        // SAFETY: a live description of 0.x and C text.
        unsafe { codec_pt(&sdp_from_single(sdp), -1, codec, ptr::null()) }
    }
    janus_sdp_get_codec_pt_full in A4 ..= A10, fn get_codec_pt_full_single(sdp: *mut janus_sdp, codec: *const c_char,
        profile: *const c_char) -> c_int as nonnull(sdp, codec) or -1; {
        // SAFETY: a live description of 0.x and C text.
        unsafe { codec_pt(&sdp_from_single(sdp), -1, codec, profile) }
    }
    janus_sdp_get_codec_name in A1 ..= A10, fn get_codec_name_single(sdp: *mut janus_sdp, ptype: c_int)
        -> *const c_char as nonnull(sdp) or ptr::null(); {
        if ptype < 0 {
            return ptr::null();
        }
        // SAFETY: a live description of 0.x.
        c_text(unsafe { sdp_from_single(sdp) }.codec_name(None, ptype))
    }
    janus_sdp_get_fmtp in A4 ..= A10, fn get_fmtp_single(sdp: *mut janus_sdp, ptype: c_int) -> *const c_char
        as nonnull(sdp) or ptr::null(); {
        // SAFETY: a live description; where the m-lines differ is not looked at.
        unsafe { fmtp_of_any(sdp, |_| true, ptype) }
    }
    janus_sdp_get_opusred_pt in A9 ..= A10, fn get_opusred_pt_single(sdp: *mut janus_sdp) -> c_int
        as nonnull(sdp) or -1; {
        // SAFETY: a live description of 0.x.
        unsafe { sdp_from_single(sdp) }.opusred_pt(None).unwrap_or(-1)
    }
}

#[cfg(test)]
#[path = "single_tests.rs"]
mod tests;
