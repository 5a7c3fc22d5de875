//! The values of header extensions that cross the plugin boundary (media-plane.md §5.6).
#![forbid(unsafe_code)]

/// What a packet's negotiated header extensions say, or shall say. `None` and 0 mean "not there".
#[derive(Clone, Copy, Debug, Default, Eq)]
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

impl PartialEq for Extensions<'_> {
    /// Written out for the sake of the empty descriptor: `memcmp` of no bytes at the place where an empty slice points to
    /// costs hundreds of cycles on processors that skip it with a mask.
    fn eq(&self, other: &Self) -> bool {
        let Extensions {
            audio_level,
            orientation,
            playout_delay,
            dependency_descriptor,
            abs_capture_time,
            spatial_layers,
            temporal_layers,
        } = *self;
        let theirs = other.dependency_descriptor;
        audio_level == other.audio_level
            && orientation == other.orientation
            && playout_delay == other.playout_delay
            && dependency_descriptor.len() == theirs.len()
            && (theirs.is_empty() || dependency_descriptor == theirs)
            && abs_capture_time == other.abs_capture_time
            && spatial_layers == other.spatial_layers
            && temporal_layers == other.temporal_layers
    }
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

/// Which values a plugin may send: those whose extension the peer offered or answered, and the plugin's own description
/// names too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    pub audio_level: bool,
    pub orientation: bool,
    pub playout_delay: bool,
    pub dependency_descriptor: bool,
}

impl Accepted {
    pub const ALL: Accepted =
        Accepted { audio_level: true, orientation: true, playout_delay: true, dependency_descriptor: true };

    /// As a number, for an atomic.
    pub fn bits(self) -> u8 {
        u8::from(self.audio_level)
            | u8::from(self.orientation) << 1
            | u8::from(self.playout_delay) << 2
            | u8::from(self.dependency_descriptor) << 3
    }

    pub fn from_bits(bits: u8) -> Accepted {
        Accepted {
            audio_level: bits & 1 != 0,
            orientation: bits & 2 != 0,
            playout_delay: bits & 4 != 0,
            dependency_descriptor: bits & 8 != 0,
        }
    }
}
