//! Questions about a description: payload types, codecs, formats. helpers.md §9, §9.3.
#![forbid(unsafe_code)]

use super::codec::{Codec, name_in_rtpmap, preferences, static_name};
use super::cscan::leading_int;
use super::model::{Direction, MediaType, Mline, Sdp};

impl Mline {
    /// Values of all attributes of this name (case-insensitive), in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes
            .iter()
            .filter(move |a| a.name.eq_ignore_ascii_case(name))
            .filter_map(|a| a.value.as_deref())
    }

    /// `name/clock…` of the first rtpmap for this payload type.
    pub fn rtpmap(&self, ptype: i32) -> Option<&str> {
        parameters(self.values("rtpmap"), ptype)
    }

    /// Parameters of the first fmtp for this payload type.
    pub fn fmtp(&self, ptype: i32) -> Option<&str> {
        parameters(self.values("fmtp"), ptype)
    }

    /// Payload type of a codec, by Janus name; see [`Sdp::codec_pt`].
    pub fn codec_pt(&self, codec: &Codec, profile: Option<&str>) -> Option<i32> {
        if self.kind != codec.kind {
            return None;
        }
        let mut candidates = self.values("rtpmap").filter(|v| codec.matches(v)).map(leading_int);
        match profile.filter(|_| super::codec::profile_key(codec.name).is_some()) {
            None => candidates.next(),
            Some(profile) => {
                let candidates: Vec<i32> = candidates.collect();
                self.values("fmtp")
                    .find(|v| candidates.contains(&leading_int(v)) && has_profile(codec.name, profile, v))
                    .map(leading_int)
            }
        }
    }

    /// Payload type of the first RED for Opus; audio only (HL-192).
    pub fn opusred_pt(&self) -> Option<i32> {
        if self.kind != MediaType::Audio {
            return None;
        }
        self.values("rtpmap").find(|v| v.contains("red/48000/2")).map(leading_int)
    }

    /// Neither rejected nor inactive.
    pub fn is_enabled(&self) -> bool {
        self.port > 0 && self.direction != Direction::Inactive
    }
}

/// The text after `ptype ` of the first value that begins so.
fn parameters<'a>(mut values: impl Iterator<Item = &'a str>, ptype: i32) -> Option<&'a str> {
    values.find_map(|value| {
        let (number, text) = value.split_once(' ')?;
        (starts_with_number(number, ptype) && number.bytes().all(|b| b.is_ascii_digit())).then_some(text)
    })
}

fn has_profile(codec: &str, profile: &str, fmtp: &str) -> bool {
    if codec == "vp9" {
        return fmtp.contains(&format!("profile-id={profile}"));
    }
    // Only packetization mode 1 is of use to browsers.
    !fmtp.contains("packetization-mode=0")
        && (fmtp.contains(&format!("profile-level-id={}", profile.to_ascii_lowercase()))
            || fmtp.contains(&format!("profile-level-id={}", profile.to_ascii_uppercase())))
}

impl Sdp {
    /// The m-line with this index.
    pub fn mline(&self, index: i32) -> Option<&Mline> {
        self.mlines.iter().find(|m| m.index == index)
    }

    pub fn mline_mut(&mut self, index: i32) -> Option<&mut Mline> {
        self.mlines.iter_mut().find(|m| m.index == index)
    }

    /// The first m-line of this kind.
    pub fn find(&self, kind: MediaType) -> Option<&Mline> {
        self.mlines.iter().find(|m| m.kind == kind)
    }

    /// The m-line with this index, or all.
    pub fn select(&self, index: Option<i32>) -> impl Iterator<Item = &Mline> {
        self.mlines.iter().filter(move |m| index.is_none_or(|i| m.index == i))
    }

    /// Payload type of a codec in the m-lines of its medium (`index`: only in that one). A `profile` counts for VP9
    /// and H.264 only, and then an fmtp with it must be there. HL-185, HL-186.
    pub fn codec_pt(&self, index: Option<i32>, codec: &str, profile: Option<&str>) -> Option<i32> {
        let Some(codec) = Codec::by_name(codec) else {
            tracing::error!("Unsupported codec '{codec}'");
            return None;
        };
        self.select(index).find_map(|m| m.codec_pt(codec, profile))
    }

    /// Janus name of a payload type. Static ones need no rtpmap (HL-187, HL-188).
    pub fn codec_name(&self, index: Option<i32>, ptype: i32) -> Option<&'static str> {
        static_name(ptype).or_else(|| {
            // The first rtpmap decides, known or not.
            let mut rtpmaps = self.select(index).flat_map(|m| m.values("rtpmap"));
            let name = rtpmaps.find(|v| leading_int(v) == ptype).and_then(name_in_rtpmap);
            if name.is_none() {
                tracing::error!("Unknown codec for payload type {ptype}");
            }
            name
        })
    }

    /// Parameters of the first fmtp for this payload type (HL-190).
    pub fn fmtp(&self, index: Option<i32>, ptype: i32) -> Option<&str> {
        self.select(index).find_map(|m| m.fmtp(ptype))
    }

    pub fn opusred_pt(&self, index: Option<i32>) -> Option<i32> {
        self.select(index).find_map(Mline::opusred_pt)
    }

    /// The first codec of our order of preference that an enabled m-line of this kind has. Payload type 0 is never
    /// found (HL-193).
    pub fn preferred_codec(&self, kind: MediaType, index: Option<i32>) -> Option<&'static str> {
        self.select(index).filter(|m| m.kind == kind && m.is_enabled()).find_map(|m| {
            preferences(kind)
                .iter()
                .find(|name| self.codec_pt(Some(m.index), name, None).is_some_and(|pt| pt > 0))
                .copied()
        })
    }

    /// The codec of the first payload type of an enabled m-line of this kind; of the second when that is RED
    /// (HL-194). m-lines that begin with something else are passed over.
    pub fn first_codec(&self, kind: MediaType, index: Option<i32>) -> Option<&'static str> {
        self.select(index).filter(|m| m.kind == kind && m.is_enabled()).find_map(|mline| {
            let mut names = mline.ptypes.iter().map(|pt| self.codec_name(Some(mline.index), *pt));
            let name = match names.next()?? {
                "red" => names.next()??,
                name => name,
            };
            super::codec::preferred(kind, name)
        })
    }

    /// Takes a payload type out of the lists, and every attribute whose value starts with that number (that is
    /// rtpmap, fmtp and rtcp-fb, and any other that looks so). Formats stay. HL-184.
    pub fn remove_payload_type(&mut self, index: Option<i32>, ptype: i32) {
        for mline in self.mlines.iter_mut().filter(|m| index.is_none_or(|i| m.index == i)) {
            mline.ptypes.retain(|pt| *pt != ptype);
            mline.attributes.retain(|a| !a.value.as_deref().is_some_and(|v| starts_with_number(v, ptype)));
        }
    }
}

/// Whether an attribute value begins with this payload type.
pub fn starts_with_number(value: &str, ptype: i32) -> bool {
    value.starts_with(|c: char| c.is_ascii_digit()) && leading_int(value) == ptype
}
