//! What a recording is of.
#![forbid(unsafe_code)]

/// Numbering of the C enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Medium {
    Audio = 0,
    Video = 1,
    Data = 2,
}

impl Medium {
    /// What a codec makes it, `None` for codecs that cannot be recorded (HL-043, HL-044).
    pub fn of_codec(codec: &str) -> Option<Medium> {
        const VIDEO: [&str; 5] = ["vp8", "vp9", "h264", "av1", "h265"];
        const AUDIO: [&str; 8] = ["opus", "multiopus", "g711", "pcmu", "pcma", "g722", "l16-48", "l16"];
        const DATA: [&str; 2] = ["text", "binary"];
        let one_of = |list: &[&str]| list.iter().any(|c| c.eq_ignore_ascii_case(codec));
        match () {
            () if one_of(&VIDEO) => Some(Medium::Video),
            () if one_of(&AUDIO) => Some(Medium::Audio),
            () if one_of(&DATA) => Some(Medium::Data),
            () => None,
        }
    }

    /// As the description names it (HL-047).
    pub fn letter(self) -> &'static str {
        match self {
            Medium::Audio => "a",
            Medium::Video => "v",
            Medium::Data => "d",
        }
    }
}
