//! The codecs that have a number in the plugin API, their names and default payload types (helpers.md §7.3).

/// `janus_audiocodec` of the native generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum AudioCodec {
    #[default]
    None = 0,
    Opus = 1,
    MultiOpus = 2,
    OpusRed = 3,
    Pcmu = 4,
    Pcma = 5,
    G722 = 6,
    Isac32k = 7,
    Isac16k = 8,
    L16_48k = 9,
    L16_16k = 10,
}

/// `janus_videocodec`; the same numbers in every generation, only the last two came later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum VideoCodec {
    #[default]
    None = 0,
    Vp8 = 1,
    Vp9 = 2,
    H264 = 3,
    Av1 = 4,
    H265 = 5,
}

impl AudioCodec {
    pub const ALL: [AudioCodec; 11] = [
        AudioCodec::None,
        AudioCodec::Opus,
        AudioCodec::MultiOpus,
        AudioCodec::OpusRed,
        AudioCodec::Pcmu,
        AudioCodec::Pcma,
        AudioCodec::G722,
        AudioCodec::Isac32k,
        AudioCodec::Isac16k,
        AudioCodec::L16_48k,
        AudioCodec::L16_16k,
    ];

    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|codec| *codec as i32 == number)
    }

    /// In any letter case; `None` for an unknown name.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|codec| codec.name().as_bytes().eq_ignore_ascii_case(name))
    }

    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or_default()
    }

    /// The name as C reads it.
    pub fn c_name(self) -> &'static std::ffi::CStr {
        match self {
            AudioCodec::None => c"none",
            AudioCodec::Opus => c"opus",
            AudioCodec::MultiOpus => c"multiopus",
            AudioCodec::OpusRed => c"red",
            AudioCodec::Pcmu => c"pcmu",
            AudioCodec::Pcma => c"pcma",
            AudioCodec::G722 => c"g722",
            AudioCodec::Isac32k => c"isac32",
            AudioCodec::Isac16k => c"isac16",
            AudioCodec::L16_48k => c"l16-48",
            AudioCodec::L16_16k => c"l16",
        }
    }

    /// Default payload type; −1 for none.
    pub fn payload_type(self) -> i32 {
        match self {
            AudioCodec::None => -1,
            AudioCodec::Opus | AudioCodec::MultiOpus => 111,
            AudioCodec::OpusRed => 120,
            AudioCodec::Pcmu => 0,
            AudioCodec::Pcma => 8,
            AudioCodec::G722 => 9,
            AudioCodec::Isac32k => 104,
            AudioCodec::Isac16k => 103,
            AudioCodec::L16_48k => 105,
            AudioCodec::L16_16k => 106,
        }
    }
}

impl VideoCodec {
    pub const ALL: [VideoCodec; 6] = [
        VideoCodec::None,
        VideoCodec::Vp8,
        VideoCodec::Vp9,
        VideoCodec::H264,
        VideoCodec::Av1,
        VideoCodec::H265,
    ];

    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|codec| *codec as i32 == number)
    }

    /// In any letter case; `None` for an unknown name.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|codec| codec.name().as_bytes().eq_ignore_ascii_case(name))
    }

    pub fn name(self) -> &'static str {
        self.c_name().to_str().unwrap_or_default()
    }

    /// The name as C reads it.
    pub fn c_name(self) -> &'static std::ffi::CStr {
        match self {
            VideoCodec::None => c"none",
            VideoCodec::Vp8 => c"vp8",
            VideoCodec::Vp9 => c"vp9",
            VideoCodec::H264 => c"h264",
            VideoCodec::Av1 => c"av1",
            VideoCodec::H265 => c"h265",
        }
    }

    /// Default payload type; −1 for none.
    pub fn payload_type(self) -> i32 {
        match self {
            VideoCodec::None => -1,
            VideoCodec::Vp8 => 96,
            VideoCodec::Vp9 => 101,
            VideoCodec::H264 => 107,
            VideoCodec::Av1 => 98,
            VideoCodec::H265 => 100,
        }
    }
}

/// RTP clock of a packet in kHz, as continuity of numbering counts it: 90 for video, 8 for the static audio payload
/// types 0, 8 and 9, else 48 (HL-097, HL-098).
pub fn clock_khz(video: bool, payload_type: u8) -> i64 {
    match (video, payload_type) {
        (true, _) => 90,
        (false, 0 | 8 | 9) => 8,
        _ => 48,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HL-093
    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(AudioCodec::from_name(b"OPUS"), Some(AudioCodec::Opus));
        assert_eq!(VideoCodec::from_name(b"Vp9"), Some(VideoCodec::Vp9));
        assert_eq!(AudioCodec::from_name(b"speex"), None);
        for codec in AudioCodec::ALL {
            assert_eq!(AudioCodec::from_name(codec.name().as_bytes()), Some(codec));
            assert_eq!(AudioCodec::from_number(codec as i32), Some(codec));
        }
    }

    // HL-094
    #[test]
    fn default_payload_types() {
        let audio: Vec<i32> = AudioCodec::ALL.iter().map(|c| c.payload_type()).collect();
        assert_eq!(audio, [-1, 111, 111, 120, 0, 8, 9, 104, 103, 105, 106]);
        let video: Vec<i32> = VideoCodec::ALL.iter().map(|c| c.payload_type()).collect();
        assert_eq!(video, [-1, 96, 101, 107, 98, 100]);
    }

    #[test]
    fn clocks() {
        assert_eq!([clock_khz(true, 0), clock_khz(false, 111), clock_khz(false, 9)], [90, 48, 8]);
    }
}
