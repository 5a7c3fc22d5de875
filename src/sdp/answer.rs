//! Answer generation, helpers.md §9.5 (RFC 3264).
#![forbid(unsafe_code)]

use super::codec::Codec;
use super::cscan::leading_int;
use super::model::{Direction, MediaType, Mline, Sdp};
use super::options::{Oa, OaError, VIDEO_FEEDBACK, video_fmtp};
use super::rules::Rules;
use crate::rtp::uri;

const AUTO_AUDIO: [&str; 9] =
    ["opus", "pcmu", "pcma", "g722", "isac32", "isac16", "multiopus", "l16-48", "l16"];
const AUTO_VIDEO: [&str; 5] = ["vp8", "vp9", "h264", "av1", "h265"];

/// How one offered m-line shall be answered.
#[derive(Clone, Debug)]
pub struct AnswerMline {
    pub enabled: bool,
    /// What we want at most.
    pub direction: Direction,
    /// `None`: the first of our order of preference that was offered.
    pub codec: Option<String>,
    pub msid: Option<(String, String)>,
    pub fmtp: Option<String>,
    /// Takes an offered `telephone-event/8000`.
    pub dtmf: bool,
    /// Takes offered RED, for Opus.
    pub opusred: bool,
    pub vp9_profile: Option<String>,
    pub h264_profile: Option<String>,
    pub rtcp_fb: bool,
    /// URIs of header extensions to take.
    pub extensions: Vec<String>,
}

impl Default for AnswerMline {
    fn default() -> AnswerMline {
        AnswerMline {
            enabled: true,
            direction: Direction::Default,
            codec: None,
            msid: None,
            fmtp: None,
            dtmf: false,
            opusred: false,
            vp9_profile: None,
            h264_profile: None,
            rtcp_fb: true,
            extensions: Vec::new(),
        }
    }
}

impl AnswerMline {
    /// From options that begin with `Mline`.
    ///
    /// # Errors
    /// Another first option; a kind that is not audio, video or application.
    pub fn from_options(options: Vec<Oa>) -> Result<AnswerMline, OaError> {
        let mut options = options.into_iter();
        match options.next() {
            Some(Oa::Mline(MediaType::Other)) => return Err(OaError::AudioCodec),
            Some(Oa::Mline(_)) => {}
            _ => {
                tracing::error!("The first option of an m-line must be its type");
                return Err(OaError::FirstIsNotMline);
            }
        }
        let mut wanted = AnswerMline::default();
        for option in options {
            match option {
                Oa::Enabled(enabled) => wanted.enabled = enabled,
                Oa::Direction(direction) => wanted.direction = direction,
                Oa::Codec(codec) => wanted.codec = codec,
                Oa::Msid(stream, track) => wanted.msid = stream.zip(track),
                Oa::Fmtp(fmtp) => wanted.fmtp = fmtp,
                Oa::AudioDtmf(on) => wanted.dtmf = on,
                Oa::AcceptOpusRed(on) => wanted.opusred = on,
                Oa::Vp9Profile(profile) => wanted.vp9_profile = profile,
                Oa::H264Profile(profile) => wanted.h264_profile = profile,
                Oa::VideoRtcpFbDefaults(on) => wanted.rtcp_fb = on,
                Oa::AcceptExtmap(uri) => wanted.extensions.extend(uri),
                other => tracing::warn!("Option {other:?} does not apply to an answer, ignored"),
            }
        }
        Ok(wanted)
    }

    /// Fills `mline`, the one of the answer, from `offered`. What cannot be taken is rejected, which is no error.
    pub fn answer(&self, offered: &Mline, mline: &mut Mline, rules: &Rules) {
        mline.fmts.clear();
        mline.ptypes.clear();
        mline.attributes.clear();
        mline.direction = Direction::Inactive;
        if !self.enabled {
            reject(offered, mline);
            return;
        }
        if offered.kind == MediaType::Application {
            mline.port = 9;
            mline.direction = Direction::Default;
            mline.fmts = offered.fmts.clone();
            return;
        }
        let Some((codec, pt)) = self.choose(offered) else {
            tracing::warn!("No usable codec in m-line {}, rejected", offered.index);
            mline.port = 0;
            reject(offered, mline);
            return;
        };
        mline.port = 9;
        mline.direction = answer_direction(offered.direction, self.direction);
        if let Some((stream, track)) = &self.msid {
            mline.add("msid", format!("{stream} {track}"));
        }
        match offered.kind {
            MediaType::Audio => self.audio(offered, mline, codec, pt, rules),
            _ => self.video(offered, mline, codec, pt, rules),
        }
    }

    /// Codec and its payload type in the offer.
    fn choose(&self, offered: &Mline) -> Option<(&'static Codec, i32)> {
        let automatic: &[&str] = if offered.kind == MediaType::Audio { &AUTO_AUDIO } else { &AUTO_VIDEO };
        let codec = match &self.codec {
            Some(name) => Codec::by_name(name)?,
            None => automatic
                .iter()
                .filter_map(|name| Codec::by_name(name))
                .find(|codec| offered.codec_pt(codec, None).is_some())?,
        };
        let profile = match codec.name {
            "vp9" => self.vp9_profile.as_deref(),
            "h264" => self.h264_profile.as_deref(),
            _ => None,
        };
        Some((codec, offered.codec_pt(codec, profile)?))
    }

    fn audio(&self, offered: &Mline, mline: &mut Mline, codec: &Codec, pt: i32, rules: &Rules) {
        let red = offered.opusred_pt().filter(|_| self.opusred && codec.name == "opus");
        if let Some(red) = red {
            mline.ptypes.push(red);
            mline.add("rtpmap", format!("{red} red/48000/2"));
        }
        mline.ptypes.push(pt);
        mline.add("rtpmap", format!("{pt} {}", codec.rtpmap));
        let dtmf = Codec::by_name("dtmf").and_then(|dtmf| offered.codec_pt(dtmf, None));
        if let Some(dtmf) = dtmf.filter(|_| self.dtmf) {
            mline.ptypes.push(dtmf);
            mline.add("rtpmap", format!("{dtmf} telephone-event/8000"));
        }
        if let Some(red) = red {
            mline.add("fmtp", format!("{red} {pt}/{pt}"));
        }
        let mut fmtp = self.fmtp.as_deref();
        if codec.name == "multiopus" && !fmtp.is_some_and(|f| f.contains("channel_mapping")) {
            // Channels only the offerer can name (libwebrtc's multiopus).
            fmtp = offered.fmtp(pt).or(fmtp);
        }
        if let Some(fmtp) = fmtp {
            mline.add("fmtp", format!("{pt} {fmtp}"));
        }
        if !rules.always_transport_cc && self.takes_transport_cc(offered) {
            mline.add("rtcp-fb", format!("{pt} transport-cc"));
        }
        for value in offered.values("extmap") {
            self.extension(value, mline, codec, rules);
        }
    }

    fn video(&self, offered: &Mline, mline: &mut Mline, codec: &Codec, pt: i32, rules: &Rules) {
        mline.ptypes.push(pt);
        mline.add("rtpmap", format!("{pt} {}", codec.rtpmap));
        if self.rtcp_fb {
            for feedback in VIDEO_FEEDBACK {
                mline.add("rtcp-fb", format!("{pt} {feedback}"));
            }
        }
        if rules.always_transport_cc || self.takes_transport_cc(offered) {
            mline.add("rtcp-fb", format!("{pt} transport-cc"));
        }
        let (vp9, h264) = (self.vp9_profile.as_deref(), self.h264_profile.as_deref());
        let fmtp = video_fmtp(codec.name, vp9, h264, self.fmtp.as_deref());
        if let Some(fmtp) = &fmtp {
            mline.add("fmtp", format!("{pt} {fmtp}"));
        }
        if self.extensions.is_empty() {
            return;
        }
        // In offered order; the offered format is taken over on this walk only (HL-206).
        let copies_fmtp = fmtp.is_none() && matches!(codec.name, "vp8" | "vp9" | "h264");
        for attribute in &offered.attributes {
            let Some(value) = &attribute.value else { continue };
            if attribute.name.eq_ignore_ascii_case("extmap") {
                self.extension(value, mline, codec, rules);
            } else if copies_fmtp && attribute.name.eq_ignore_ascii_case("fmtp") && leading_int(value) == pt {
                mline.add("fmtp", value);
            }
        }
    }

    fn takes_transport_cc(&self, offered: &Mline) -> bool {
        let accepted = |value: &str| self.extensions.iter().any(|name| value.contains(name.as_str()));
        offered.values("extmap").any(|value| value.contains(uri::TRANSPORT_WIDE_CC) && accepted(value))
    }

    /// Takes an offered extension (`id[/direction] uri`) for each accepted URI in it, its direction mirrored.
    fn extension(&self, value: &str, mline: &mut Mline, codec: &Codec, rules: &Rules) {
        if rules.filter_dependency_descriptor
            && value.contains(uri::DEPENDENCY_DESCRIPTOR)
            && !matches!(codec.name, "av1" | "vp9")
        {
            return;
        }
        let direction = if value.contains("/inactive") {
            "/inactive"
        } else if value.contains("/sendonly") {
            "/recvonly"
        } else if value.contains("/recvonly") {
            "/sendonly"
        } else {
            ""
        };
        for name in self.extensions.iter().filter(|name| value.contains(name.as_str())) {
            mline.add("extmap", format!("{}{direction} {name}", leading_int(value)));
        }
    }
}

/// Formats of a rejected m-line. The port is the caller's.
fn reject(offered: &Mline, mline: &mut Mline) {
    mline.direction = Direction::Inactive;
    mline.ptypes = vec![0];
    if offered.kind == MediaType::Application {
        mline.fmts = offered.fmts.clone();
    }
}

/// What we may do, given what was offered and what we want (HL-203, HL-204).
fn answer_direction(offered: Direction, wanted: Direction) -> Direction {
    use Direction::{Default, Inactive, RecvOnly, SendOnly, SendRecv};
    let answer = match (offered, wanted) {
        (RecvOnly, Default | SendRecv | SendOnly) => SendOnly,
        (SendOnly, Default | SendRecv | RecvOnly) => RecvOnly,
        (RecvOnly | SendOnly | Inactive, _) => Inactive,
        (_, wanted) => wanted,
    };
    if answer == Inactive && offered != Inactive && wanted != Inactive {
        tracing::warn!("{wanted:?} cannot answer {offered:?}, inactive");
    }
    answer
}

/// An answer that rejects everything: [`AnswerMline::answer`] then takes m-lines one by one. HL-202.
pub fn generate_answer(offer: &Sdp) -> Sdp {
    let reject_mline = |offered: &Mline| {
        let mut mline = Mline::new(offered.kind, 0, &offered.proto, Direction::Inactive);
        mline.index = offered.index;
        mline.type_str = offered.type_str.clone();
        mline.c_ipv4 = offered.c_ipv4;
        mline.c_addr = Some("127.0.0.1".into());
        reject(offered, &mut mline);
        mline
    };
    Sdp {
        version: offer.version,
        o_name: offer.o_name.clone(),
        o_sessid: offer.o_sessid,
        o_version: offer.o_version,
        o_ipv4: offer.o_ipv4,
        o_addr: offer.o_addr.clone(),
        s_name: offer.s_name.clone(),
        t_start: 0,
        t_stop: 0,
        c_ipv4: offer.c_ipv4,
        c_addr: Some(offer.c_addr.clone().unwrap_or_else(|| "127.0.0.1".into())),
        attributes: Vec::new(),
        mlines: offer.mlines.iter().map(reject_mline).collect(),
    }
}
