//! Payload types and codecs looked up in SDP text, without parsing it as a whole. helpers.md §12.3.
#![forbid(unsafe_code)]

use super::codec::{Codec, contains_either_case, name_in_rtpmap, static_name};
use super::cscan::leading_int;
use super::model::MediaType;

/// Why no payload type was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanError {
    UnknownCodec,
    /// No m-line of the medium, or the format is nowhere in the text.
    NotThere,
    /// No rtpmap with this format after the m-line.
    NoRtpmap,
}

impl ScanError {
    /// As C sees it.
    pub fn code(self) -> i32 {
        match self {
            ScanError::UnknownCodec => -1,
            ScanError::NotThere => -2,
            ScanError::NoRtpmap => -3,
        }
    }
}

/// Payload type of the first rtpmap with this codec's format after the first m-line of its medium.
///
/// # Errors
/// See [`ScanError`].
pub fn codec_pt(sdp: &str, codec: &str) -> Result<i32, ScanError> {
    // These two have no form here.
    let codec = Codec::by_name(codec).filter(|c| !matches!(c.name, "multiopus" | "dtmf"));
    let codec = codec.ok_or_else(|| {
        tracing::error!("Unsupported codec");
        ScanError::UnknownCodec
    })?;
    let section = if codec.kind == MediaType::Audio { "m=audio" } else { "m=video" };
    let start = sdp.find(section).ok_or(ScanError::NotThere)?;
    if !contains_either_case(sdp, codec.pattern) {
        return Err(ScanError::NotThere);
    }
    sdp[start..]
        .lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:"))
        .filter(|value| codec.matches(value))
        .find(|value| value.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit()))
        .map(leading_int)
        .ok_or(ScanError::NoRtpmap)
}

/// Janus name of a payload type: static, or from its first rtpmap line. `multiopus` counts as `opus` here.
pub fn codec_from_pt(sdp: &str, ptype: i32) -> Option<&'static str> {
    if ptype < 0 {
        return None;
    }
    let find = || {
        let value = sdp.find(&format!("a=rtpmap:{ptype} ")).map(|at| &sdp[at..])?.lines().next()?;
        match name_in_rtpmap(value)? {
            "multiopus" => Some("opus"),
            "red" | "dtmf" => None,
            name => Some(name),
        }
    };
    let name = static_name(ptype).or_else(find);
    if name.is_none() {
        tracing::error!("No codec for payload type {ptype}");
    }
    name
}
