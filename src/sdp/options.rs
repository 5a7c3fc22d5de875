//! The options of the offer and answer generators: the numbers C passes, the arguments they take, and their values.
#![forbid(unsafe_code)]

use super::model::{Direction, MediaType};
use std::collections::BTreeMap;

/// What an option is about, independent of its number in a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Done,
    Mline,
    Enabled,
    Direction,
    Mid,
    Msid,
    Codec,
    Extension,
    Extensions,
    AcceptExtmap,
    Pt,
    Fmtp,
    AudioDtmf,
    OpusRedPt,
    AcceptOpusRed,
    Vp9Profile,
    H264Profile,
    VideoRtcpFbDefaults,
    DataLegacy,
}

/// The C arguments that follow a key. The numbers are known to src/abi/shims/sdp.c.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Shape {
    /// Ends the list.
    End = 0,
    Int = 1,
    Pointer = 2,
    PointerInt = 3,
    PointerPointer = 4,
    /// Not a key: nothing follows.
    Unknown = 5,
}

impl Key {
    pub fn shape(self) -> Shape {
        match self {
            Key::Done => Shape::End,
            Key::Mline | Key::Enabled | Key::Direction | Key::Pt | Key::AudioDtmf | Key::OpusRedPt => {
                Shape::Int
            }
            Key::AcceptOpusRed | Key::VideoRtcpFbDefaults | Key::DataLegacy => Shape::Int,
            Key::Mid | Key::Codec | Key::Extensions | Key::AcceptExtmap | Key::Fmtp => Shape::Pointer,
            Key::Vp9Profile | Key::H264Profile => Shape::Pointer,
            Key::Extension => Shape::PointerInt,
            Key::Msid => Shape::PointerPointer,
        }
    }
}

/// The numbers of one generation: a key's number is its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbering(&'static [Key]);

impl Numbering {
    /// 1.1.0 … 1.4.1 (B3 … B6).
    pub const V1_1: Numbering = Numbering(&[
        Key::Done,
        Key::Mline,
        Key::Enabled,
        Key::Direction,
        Key::Mid,
        Key::Msid,
        Key::Codec,
        Key::Extension,
        Key::Extensions,
        Key::AcceptExtmap,
        Key::Pt,
        Key::Fmtp,
        Key::AudioDtmf,
        Key::OpusRedPt,
        Key::AcceptOpusRed,
        Key::Vp9Profile,
        Key::H264Profile,
        Key::VideoRtcpFbDefaults,
        Key::DataLegacy,
    ]);
    /// 1.0.x (B1, B2): no `msid` yet.
    pub const V1_0: Numbering = Numbering(&Self::WITHOUT_MSID);

    const WITHOUT_MSID: [Key; 18] = {
        let mut keys = [Key::Done; 18];
        let mut number = 0;
        while number < keys.len() {
            keys[number] = Self::V1_1.0[if number < Key::Msid as usize { number } else { number + 1 }];
            number += 1;
        }
        keys
    };

    /// The key of this number.
    pub fn key(self, number: i32) -> Option<Key> {
        self.0.get(usize::try_from(number).ok()?).copied()
    }
}

/// One option with its arguments. `None` stands for NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oa {
    Mline(MediaType),
    Enabled(bool),
    Direction(Direction),
    Mid(Option<String>),
    Msid(Option<String>, Option<String>),
    Codec(Option<String>),
    Extension(Option<String>, i32),
    Extensions(Option<BTreeMap<i32, String>>),
    AcceptExtmap(Option<String>),
    Pt(i32),
    Fmtp(Option<String>),
    AudioDtmf(bool),
    OpusRedPt(i32),
    AcceptOpusRed(bool),
    Vp9Profile(Option<String>),
    H264Profile(Option<String>),
    VideoRtcpFbDefaults(bool),
    DataLegacy(bool),
}

/// Why a generator refused its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OaError {
    FirstIsNotMline,
    /// The codec of an audio m-line is unknown; in an answer: not audio, video or application.
    AudioCodec,
    /// The codec of a video m-line is unknown, or the m-line is not audio, video or application.
    VideoCodec,
    /// Extensions were given one by one and as a table.
    Conflict,
}

impl OaError {
    /// As C sees it.
    pub fn code(self) -> i32 {
        match self {
            OaError::FirstIsNotMline => -2,
            OaError::AudioCodec => -3,
            OaError::VideoCodec => -4,
            OaError::Conflict => -5,
        }
    }
}

/// The feedback every video m-line offers and accepts unless switched off.
pub(super) const VIDEO_FEEDBACK: [&str; 4] = ["ccm fir", "nack", "nack pli", "goog-remb"];

/// The fmtp text of a video codec: its profile when one was asked for, else what the caller gave.
pub(super) fn video_fmtp(
    codec: &str,
    vp9: Option<&str>,
    h264: Option<&str>,
    fmtp: Option<&str>,
) -> Option<String> {
    match (codec, vp9, h264) {
        ("vp9", Some(profile), _) => Some(format!("profile-id={profile}")),
        ("h264", _, Some(profile)) => Some(format!("profile-level-id={profile};packetization-mode=1")),
        _ => fmtp.map(str::to_owned),
    }
}
