//! The values of header extensions that cross the plugin boundary (media-plane.md §5.6).
#![forbid(unsafe_code)]

/// What a packet's negotiated header extensions say, or shall say. `None` and 0 mean "not there".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions<'a> {
    /// −dBov, 0 (loud) … 127 (silence), and whether it is speech. RFC 6464. Audio only.
    pub audio_level: Option<AudioLevel>,
    /// 3GPP coordination of video orientation. Video only.
    pub orientation: Option<Orientation>,
    /// Playout delay limits, units of 10 ms, 12 bits each.
    pub playout_delay: Option<PlayoutDelay>,
    /// AV1 dependency descriptor, raw, at most 255 bytes; empty when absent.
    pub dependency_descriptor: &'a [u8],
    /// Absolute capture time, NTP 32.32 fixed point; 0 when absent.
    pub abs_capture_time: u64,
    /// Counts from the video layers allocation.
    pub spatial_layers: Option<u8>,
    pub temporal_layers: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    pub level: u8,
    pub voice: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orientation {
    /// Degrees clockwise: 0, 90, 180 or 270.
    pub rotation: u16,
    pub back_camera: bool,
    pub flipped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayoutDelay {
    pub min: u16,
    pub max: u16,
}
