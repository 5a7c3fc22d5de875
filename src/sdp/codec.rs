//! Codec names and their rtpmap texts (RFC 8866 §6.6).
#![forbid(unsafe_code)]

use super::model::MediaType;

/// One codec as the helpers know it.
#[derive(Debug)]
pub struct Codec {
    /// As in the Janus API: lower case.
    pub name: &'static str,
    pub kind: MediaType,
    /// `name/clock[/channels]` as written into offers and answers.
    pub rtpmap: &'static str,
    /// Lower-case text that an rtpmap must contain to be this codec.
    pub pattern: &'static str,
}

const fn audio(name: &'static str, rtpmap: &'static str, pattern: &'static str) -> Codec {
    Codec { name, kind: MediaType::Audio, rtpmap, pattern }
}

const fn video(name: &'static str, rtpmap: &'static str, pattern: &'static str) -> Codec {
    Codec { name, kind: MediaType::Video, rtpmap, pattern }
}

/// Every codec, the audio ones first.
pub static CODECS: [Codec; 15] = [
    audio("opus", "opus/48000/2", "opus/48000/2"),
    audio("multiopus", "multiopus/48000/6", "multiopus/48000/6"),
    audio("pcmu", "PCMU/8000", "pcmu/8000"),
    audio("pcma", "PCMA/8000", "pcma/8000"),
    audio("g722", "G722/8000", "g722/8000"),
    audio("isac16", "ISAC/16000", "isac/16000"),
    audio("isac32", "ISAC/32000", "isac/32000"),
    audio("l16-48", "L16/48000", "l16/48000"),
    audio("l16", "L16/16000", "l16/16000"),
    audio("dtmf", "telephone-event/8000", "telephone-event/8000"),
    video("vp8", "VP8/90000", "vp8/90000"),
    video("vp9", "VP9/90000", "vp9/90000"),
    video("h264", "H264/90000", "h264/90000"),
    video("av1", "AV1/90000", "av1/90000"),
    video("h265", "H265/90000", "h265/90000"),
];

/// Order in which `find_preferred_codec` tries (HL-193).
pub const PREFERRED_AUDIO: [&str; 9] =
    ["opus", "multiopus", "pcmu", "pcma", "g722", "l16-48", "l16", "isac16", "isac32"];
pub const PREFERRED_VIDEO: [&str; 5] = ["vp8", "vp9", "h264", "av1", "h265"];

/// Order in which [`Sdp::codec_name`](super::Sdp::codec_name) looks for a name in an rtpmap.
const NAME_ORDER: [(&str, &str); 16] = [
    ("vp8", "vp8"),
    ("vp9", "vp9"),
    ("h264", "h264"),
    ("av1", "av1"),
    ("h265", "h265"),
    ("multiopus", "multiopus"),
    ("opus", "opus"),
    ("pcmu", "pcmu"),
    ("pcma", "pcma"),
    ("g722", "g722"),
    ("isac/16", "isac16"),
    ("isac/32", "isac32"),
    ("l16/48", "l16-48"),
    ("l16/16", "l16"),
    ("telephone-event/8000", "dtmf"),
    ("red", "red"),
];

impl Codec {
    /// By Janus name, case-insensitive.
    pub fn by_name(name: &str) -> Option<&'static Codec> {
        CODECS.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// Whether this rtpmap value is of this codec: contains the pattern in lower or in upper case, nothing mixed.
    pub fn matches(&self, rtpmap: &str) -> bool {
        contains_either_case(rtpmap, self.pattern)
    }
}

/// Whether `text` contains `pattern` (lower case) or its upper-case form.
pub fn contains_either_case(text: &str, pattern: &str) -> bool {
    text.contains(pattern) || text.contains(&pattern.to_ascii_uppercase())
}

/// Janus name of the codec an rtpmap value (`111 opus/48000/2`) speaks of.
pub fn name_in_rtpmap(value: &str) -> Option<&'static str> {
    NAME_ORDER.iter().find(|(pattern, _)| contains_either_case(value, pattern)).map(|(_, name)| *name)
}

/// Janus name of a payload type that needs no rtpmap (RFC 3551).
pub fn static_name(ptype: i32) -> Option<&'static str> {
    match ptype {
        0 => Some("pcmu"),
        8 => Some("pcma"),
        9 => Some("g722"),
        _ => None,
    }
}

/// Janus name of `name/clock…`, by case-insensitive prefix (HL-189).
pub fn name_of_rtpmap(rtpmap: &str) -> Option<&'static str> {
    const PREFIXES: [(&str, &str); 15] = [
        ("opus/", "opus"),
        ("multiopus/", "multiopus"),
        ("pcmu/", "pcmu"),
        ("pcma/", "pcma"),
        ("g722/", "g722"),
        ("isac/16", "isac16"),
        ("isac/32", "isac32"),
        ("l16/48", "l16-48"),
        ("l16/16", "l16"),
        ("telephone-event/", "dtmf"),
        ("vp8/", "vp8"),
        ("vp9/", "vp9"),
        ("h264/", "h264"),
        ("av1/", "av1"),
        ("h265/", "h265"),
    ];
    let starts = |prefix: &str| {
        rtpmap.as_bytes().get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    PREFIXES.iter().find(|(prefix, _)| starts(prefix)).map(|(_, name)| *name)
}

/// The name of this list that equals `name` (case-insensitive); `None` for other kinds of media (HL-195).
pub fn preferred(kind: MediaType, name: &str) -> Option<&'static str> {
    preferences(kind).iter().find(|n| n.eq_ignore_ascii_case(name)).copied()
}

pub fn preferences(kind: MediaType) -> &'static [&'static str] {
    match kind {
        MediaType::Audio => &PREFERRED_AUDIO,
        MediaType::Video => &PREFERRED_VIDEO,
        _ => &[],
    }
}

/// Which parameter of an fmtp carries the profile, for `vp9` and `h264`.
pub fn profile_key(codec: &str) -> Option<&'static str> {
    match codec {
        "h264" => Some("profile-level-id="),
        "vp9" => Some("profile-id="),
        _ => None,
    }
}

/// The profile in an fmtp text (`a;profile-id=0;b`), up to the next `;`. `None` when absent or empty (HL-191).
pub fn profile_in_fmtp<'a>(codec: &str, fmtp: &'a str) -> Option<&'a str> {
    let key = profile_key(codec)?;
    let start = fmtp.find(key)? + key.len();
    fmtp[start..].split(';').next().filter(|profile| !profile.is_empty())
}
