//! The bytes of a `.mjr` file (helpers.md §5): magic, one JSON description, then framed packets. All integers are
//! big-endian.
#![forbid(unsafe_code)]

use super::medium::Medium;
use crate::json::{Json, dump};
use std::collections::BTreeMap;

/// First bytes of every file.
pub const MAGIC: &[u8; 8] = b"MJR00002";
const FRAME: &[u8; 4] = b"MEET";

/// What the description says about the recording.
#[derive(Clone, Debug, Default)]
pub struct Info {
    pub codec: String,
    pub fmtp: Option<String>,
    pub description: Option<String>,
    /// RTP header extension id → URI.
    pub extensions: BTreeMap<u8, String>,
    /// Wall clock, µs.
    pub created: i64,
    pub opusred_pt: i32,
    pub encrypted: bool,
}

impl Info {
    /// Length and JSON text, written in front of the first frame. `first_frame`: wall clock, µs (HL-046 … HL-048).
    pub fn encode(&self, medium: Medium, first_frame: i64) -> Option<Vec<u8>> {
        let info = Json::object()
            .with("t", medium.letter())
            .with("c", &self.codec)
            .with_some("f", self.fmtp.as_ref())
            .with_some("d", self.description.as_ref());
        if !self.extensions.is_empty() {
            let extensions = Json::object();
            for (id, uri) in &self.extensions {
                extensions.set(&id.to_string(), uri);
            }
            info.set("x", extensions);
        }
        info.set("s", self.created).set("u", first_frame);
        if medium == Medium::Audio && self.opusred_pt > 0 {
            info.set("or", self.opusred_pt);
        }
        if self.encrypted {
            info.set("e", true);
        }
        let text = info.dump(dump::PRESERVE_ORDER)?;
        let length = u16::try_from(text.len()).ok()?;
        let mut out = Vec::with_capacity(2 + text.len());
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(text.as_bytes());
        Some(out)
    }
}

/// Header of one frame: `milliseconds` since the first one, `length` of what follows (HL-049).
pub fn frame_header(milliseconds: u32, length: u16) -> [u8; 10] {
    let mut out = [0; 10];
    out[..4].copy_from_slice(FRAME);
    out[4..8].copy_from_slice(&milliseconds.to_be_bytes());
    out[8..].copy_from_slice(&length.to_be_bytes());
    out
}
