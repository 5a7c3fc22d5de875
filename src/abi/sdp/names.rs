//! Static C text for the names that the helpers return.

use crate::sdp::options::Key;
use libc::c_char;
use std::ffi::CStr;
use std::ptr;

static TEXTS: [&CStr; 38] = [
    // Codecs.
    c"opus",
    c"multiopus",
    c"pcmu",
    c"pcma",
    c"g722",
    c"isac16",
    c"isac32",
    c"l16-48",
    c"l16",
    c"dtmf",
    c"red",
    c"vp8",
    c"vp9",
    c"h264",
    c"av1",
    c"h265",
    // rtpmaps.
    c"opus/48000/2",
    c"multiopus/48000/6",
    c"PCMU/8000",
    c"PCMA/8000",
    c"G722/8000",
    c"ISAC/16000",
    c"ISAC/32000",
    c"L16/48000",
    c"L16/16000",
    c"telephone-event/8000",
    c"VP8/90000",
    c"VP9/90000",
    c"H264/90000",
    c"AV1/90000",
    c"H265/90000",
    // Media and directions.
    c"audio",
    c"video",
    c"application",
    c"sendrecv",
    c"sendonly",
    c"recvonly",
    c"inactive",
];

/// The same text with a NUL; NULL for `None`.
pub fn c_text(text: Option<&'static str>) -> *const c_char {
    let found = text.and_then(|text| TEXTS.iter().find(|c| c.to_bytes() == text.as_bytes()));
    found.map_or(ptr::null(), |c| c.as_ptr())
}

/// The C enumerator of an option. The two RED options have none, as in every release.
pub fn key_text(key: Key) -> Option<&'static CStr> {
    Some(match key {
        Key::Done => c"JANUS_SDP_OA_DONE",
        Key::Mline => c"JANUS_SDP_OA_MLINE",
        Key::Enabled => c"JANUS_SDP_OA_ENABLED",
        Key::Direction => c"JANUS_SDP_OA_DIRECTION",
        Key::Mid => c"JANUS_SDP_OA_MID",
        Key::Msid => c"JANUS_SDP_OA_MSID",
        Key::Codec => c"JANUS_SDP_OA_CODEC",
        Key::Extension => c"JANUS_SDP_OA_EXTENSION",
        Key::Extensions => c"JANUS_SDP_OA_EXTENSIONS",
        Key::AcceptExtmap => c"JANUS_SDP_OA_ACCEPT_EXTMAP",
        Key::Pt => c"JANUS_SDP_OA_PT",
        Key::Fmtp => c"JANUS_SDP_OA_FMTP",
        Key::AudioDtmf => c"JANUS_SDP_OA_AUDIO_DTMF",
        Key::OpusRedPt | Key::AcceptOpusRed => return None,
        Key::Vp9Profile => c"JANUS_SDP_OA_VP9_PROFILE",
        Key::H264Profile => c"JANUS_SDP_OA_H264_PROFILE",
        Key::VideoRtcpFbDefaults => c"JANUS_SDP_OA_VIDEO_RTCPFB_DEFAULTS",
        Key::DataLegacy => c"JANUS_SDP_OA_DATA_LEGACY",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::codec::CODECS;

    #[test]
    fn every_codec_has_its_texts() {
        for codec in &CODECS {
            assert!(!c_text(Some(codec.name)).is_null(), "{}", codec.name);
            assert!(!c_text(Some(codec.rtpmap)).is_null(), "{}", codec.rtpmap);
        }
        assert!(c_text(Some("nope")).is_null());
    }
}
