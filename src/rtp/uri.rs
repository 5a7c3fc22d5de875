//! URIs of the header extensions that plugins and SDP know, and the ids under which we offer them.

use std::ffi::CStr;

pub const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
pub const TOFFSET: &str = "urn:ietf:params:rtp-hdrext:toffset";
pub const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
pub const ABS_CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
pub const VIDEO_ORIENTATION: &str = "urn:3gpp:video-orientation";
pub const TRANSPORT_WIDE_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
pub const PLAYOUT_DELAY: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";
pub const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
pub const DEPENDENCY_DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
pub const VIDEO_LAYERS: &str = "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00";
/// Never accepted.
pub const ENCRYPTED: &str = "urn:ietf:params:rtp-hdrext:encrypt";

/// What we know, with the id used in our offers; 0: never offered by number (HL-078).
pub const KNOWN: [(&str, u8); 12] = [
    (AUDIO_LEVEL, 1),
    (ABS_SEND_TIME, 2),
    (TRANSPORT_WIDE_CC, 3),
    (MID, 4),
    (RID, 5),
    (REPAIRED_RID, 6),
    (ABS_CAPTURE_TIME, 7),
    (PLAYOUT_DELAY, 12),
    (VIDEO_ORIENTATION, 13),
    (TOFFSET, 14),
    (DEPENDENCY_DESCRIPTOR, 0),
    (VIDEO_LAYERS, 0),
];

/// [`KNOWN`] as C reads it, in the same order.
const C_TEXTS: [&CStr; 12] = [
    c"urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    c"http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    c"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    c"urn:ietf:params:rtp-hdrext:sdes:mid",
    c"urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    c"urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    c"http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
    c"http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    c"urn:3gpp:video-orientation",
    c"urn:ietf:params:rtp-hdrext:toffset",
    c"https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    c"http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
];

/// The id under which we offer this extension, in any letter case; 0 when there is none.
pub fn fixed_id(uri: &[u8]) -> u8 {
    KNOWN.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(uri)).map_or(0, |(_, id)| *id)
}

/// The id that the first `a=extmap:` line naming `uri` gives it, looking from the first `m=` on, in newline-terminated
/// lines (HL-079, HL-080).
pub fn id_in_sdp(sdp: &[u8], uri: &[u8]) -> Option<i32> {
    extmap_lines(sdp).find(|line| contains(line, uri)).and_then(leading_number)
}

/// The known URI that an `a=extmap:` line gives `id`, as C reads it.
pub fn uri_in_sdp(sdp: &[u8], id: i32) -> Option<&'static CStr> {
    extmap_lines(sdp)
        .filter(|line| leading_number(line) == Some(id))
        .find_map(|line| C_TEXTS.into_iter().find(|uri| contains(line, uri.to_bytes())))
}

/// What follows `a=extmap:` on each such line after the first `m=`.
fn extmap_lines(sdp: &[u8]) -> impl Iterator<Item = &[u8]> {
    let media = sdp.windows(2).position(|w| w == b"m=").map_or(&[][..], |at| &sdp[at..]);
    let whole = media.iter().rposition(|b| *b == b'\n').map_or(&[][..], |end| &media[..end]);
    whole.split(|b| *b == b'\n').filter_map(|line| line.strip_prefix(b"a=extmap:"))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|w| w == part)
}

/// The number that the text starts with.
fn leading_number(text: &[u8]) -> Option<i32> {
    let digits = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &[u8] = b"v=0\r\na=extmap:9 urn:3gpp:video-orientation\r\nm=video 9 X 96\r\n\
        a=extmap:12/sendonly urn:3gpp:video-orientation\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
        a=extmap:5 urn:ietf:params:rtp-hdrext:toffset";

    // HL-078
    #[test]
    fn fixed_ids() {
        let ids: Vec<u8> = KNOWN.iter().map(|(uri, _)| fixed_id(uri.as_bytes())).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 0, 0]);
        assert_eq!(fixed_id(b"URN:3GPP:Video-Orientation"), 13);
        assert_eq!(fixed_id(b"urn:unknown"), 0);
    }

    // HL-079, HL-080
    #[test]
    fn ids_are_read_after_the_first_m_line() {
        assert_eq!(id_in_sdp(SDP, VIDEO_ORIENTATION.as_bytes()), Some(12));
        assert_eq!(id_in_sdp(SDP, MID.as_bytes()), Some(4));
        assert_eq!(id_in_sdp(SDP, AUDIO_LEVEL.as_bytes()), None);
        // Not newline-terminated.
        assert_eq!(id_in_sdp(SDP, TOFFSET.as_bytes()), None);
        assert_eq!(id_in_sdp(b"a=extmap:1 x\n", b"x"), None);
    }

    #[test]
    fn uris_are_found_by_id() {
        assert_eq!(uri_in_sdp(SDP, 12), Some(c"urn:3gpp:video-orientation"));
        assert_eq!(uri_in_sdp(SDP, 4), Some(c"urn:ietf:params:rtp-hdrext:sdes:mid"));
        assert!(KNOWN.iter().zip(C_TEXTS).all(|((uri, _), text)| uri.as_bytes() == text.to_bytes()));
        assert_eq!(uri_in_sdp(SDP, 9), None);
    }
}
