//! `utils.h`: payload types and codecs in SDP text. helpers.md §12.3.

use super::names::c_text;
use crate::glib::text;
use crate::sdp::textscan;
use libc::{c_char, c_int};
use std::ptr;

export! {
    /// Payload type of a codec; −1 NULL or unknown codec, −2 not there, −3 no rtpmap. The text is not touched.
    "utils.h" fn janus_get_codec_pt(sdp: *const c_char, codec: *const c_char) -> c_int as nonnull(sdp, codec) or -1; {
        // SAFETY: C text.
        let (sdp, codec) = unsafe { (text(sdp).unwrap_or_default(), text(codec).unwrap_or_default()) };
        textscan::codec_pt(&sdp, &codec).unwrap_or_else(|why| why.code())
    }
    /// Name of a payload type's codec, static; NULL when unknown.
    "utils.h" fn janus_get_codec_from_pt(sdp: *const c_char, ptype: c_int) -> *const c_char
        as nonnull(sdp) or ptr::null(); {
        // SAFETY: C text.
        c_text(textscan::codec_from_pt(&unsafe { text(sdp) }.unwrap_or_default(), ptype))
    }
}
