//! Offer generation, helpers.md §9.4.
#![forbid(unsafe_code)]

use super::codec::Codec;
use super::model::{Direction, MediaType, Mline, Sdp};
use super::options::{Oa, OaError, VIDEO_FEEDBACK, video_fmtp};
use super::rules::Rules;
use crate::rtp::uri;
use std::collections::BTreeMap;

/// Payload type of `telephone-event/8000` in our offers.
const DTMF_PT: i32 = 126;

/// What one offered m-line shall say.
#[derive(Clone, Debug)]
pub struct OfferMline {
    pub kind: MediaType,
    pub enabled: bool,
    pub direction: Direction,
    pub mid: Option<String>,
    /// Stream and track id.
    pub msid: Option<(String, String)>,
    /// Default opus and vp8.
    pub codec: Option<String>,
    /// Default 111 and 96.
    pub pt: Option<i32>,
    /// Id → URI.
    pub extensions: BTreeMap<i32, String>,
    /// Writes `rtcp-fb … transport-cc`.
    pub transport_cc: bool,
    pub fmtp: Option<String>,
    pub dtmf: bool,
    /// RED when positive.
    pub opusred_pt: i32,
    pub vp9_profile: Option<String>,
    pub h264_profile: Option<String>,
    pub rtcp_fb: bool,
    /// `DTLS/SCTP` with sctpmap (before RFC 8841).
    pub data_legacy: bool,
}

impl OfferMline {
    pub fn new(kind: MediaType) -> OfferMline {
        OfferMline {
            kind,
            enabled: true,
            direction: Direction::Default,
            mid: None,
            msid: None,
            codec: None,
            pt: None,
            extensions: BTreeMap::new(),
            transport_cc: false,
            fmtp: None,
            dtmf: false,
            opusred_pt: 0,
            vp9_profile: None,
            h264_profile: None,
            rtcp_fb: true,
            data_legacy: false,
        }
    }

    /// Takes an option that means the same in both generators; others are reported and ignored.
    fn set(&mut self, option: Oa) {
        match option {
            Oa::Direction(direction) => self.direction = direction,
            Oa::Mid(mid) => self.mid = mid,
            Oa::Msid(stream, track) => self.msid = stream.zip(track),
            Oa::Codec(codec) => self.codec = codec,
            Oa::Pt(pt) => self.pt = Some(pt),
            Oa::Fmtp(fmtp) => self.fmtp = fmtp,
            Oa::AudioDtmf(on) => self.dtmf = on,
            Oa::OpusRedPt(pt) => self.opusred_pt = pt,
            Oa::Vp9Profile(profile) => self.vp9_profile = profile,
            Oa::H264Profile(profile) => self.h264_profile = profile,
            Oa::VideoRtcpFbDefaults(on) => self.rtcp_fb = on,
            Oa::DataLegacy(on) => self.data_legacy = on,
            other => tracing::warn!("Option {other:?} does not apply to an offer, ignored"),
        }
    }

    /// The m-line, with index and address of the description it is for.
    ///
    /// # Errors
    /// An unknown codec or kind.
    pub fn build(&self, offer: &Sdp, rules: &Rules) -> Result<Mline, OaError> {
        let mut mline = match self.kind {
            MediaType::Audio => self.audio(rules)?,
            MediaType::Video => self.video(rules)?,
            MediaType::Application => self.data(),
            MediaType::Other => return Err(OaError::VideoCodec),
        };
        mline.index = offer.mlines.len() as i32;
        mline.c_ipv4 = offer.c_ipv4;
        mline.c_addr = offer.c_addr.clone();
        Ok(mline)
    }

    fn media(&self) -> Mline {
        let mut mline = Mline::new(self.kind, 9, "UDP/TLS/RTP/SAVPF", self.direction);
        if let Some(mid) = &self.mid {
            mline.add("mid", mid);
        }
        if let Some((stream, track)) = &self.msid {
            mline.add("msid", format!("{stream} {track}"));
        }
        mline
    }

    fn audio(&self, rules: &Rules) -> Result<Mline, OaError> {
        let codec = codec(self.codec.as_deref().unwrap_or("opus")).ok_or(OaError::AudioCodec)?;
        let pt = self.pt.unwrap_or(111);
        let red = self.opusred_pt;
        let mut mline = self.media();
        if red > 0 {
            mline.ptypes.push(red);
            mline.add("rtpmap", format!("{red} red/48000/2"));
        }
        mline.ptypes.push(pt);
        mline.add("rtpmap", format!("{pt} {}", codec.rtpmap));
        if self.dtmf {
            mline.ptypes.push(DTMF_PT);
            mline.add("rtpmap", format!("{DTMF_PT} telephone-event/8000"));
        }
        self.transport_cc_and_extensions(&mut mline, pt, rules);
        if red > 0 {
            mline.add("fmtp", format!("{red} {pt}/{pt}"));
        }
        if let Some(fmtp) = &self.fmtp {
            mline.add("fmtp", format!("{pt} {fmtp}"));
        }
        Ok(mline)
    }

    fn video(&self, rules: &Rules) -> Result<Mline, OaError> {
        let codec = codec(self.codec.as_deref().unwrap_or("vp8")).ok_or(OaError::VideoCodec)?;
        let pt = self.pt.unwrap_or(96);
        let mut mline = self.media();
        mline.ptypes.push(pt);
        mline.add("rtpmap", format!("{pt} {}", codec.rtpmap));
        if self.rtcp_fb {
            for feedback in VIDEO_FEEDBACK {
                mline.add("rtcp-fb", format!("{pt} {feedback}"));
            }
        }
        self.transport_cc_and_extensions(&mut mline, pt, rules);
        let (vp9, h264) = (self.vp9_profile.as_deref(), self.h264_profile.as_deref());
        if let Some(fmtp) = video_fmtp(codec.name, vp9, h264, self.fmtp.as_deref()) {
            mline.add("fmtp", format!("{pt} {fmtp}"));
        }
        Ok(mline)
    }

    fn transport_cc_and_extensions(&self, mline: &mut Mline, pt: i32, rules: &Rules) {
        if self.transport_cc || rules.always_transport_cc {
            mline.add("rtcp-fb", format!("{pt} transport-cc"));
        }
        for (id, uri) in &self.extensions {
            mline.add("extmap", format!("{id} {uri}"));
        }
    }

    fn data(&self) -> Mline {
        let (proto, format) = match self.data_legacy {
            true => ("DTLS/SCTP", "5000"),
            false => ("UDP/DTLS/SCTP", "webrtc-datachannel"),
        };
        let mut mline = Mline::new(self.kind, 9, proto, self.direction);
        mline.fmts.push(format.to_owned());
        if let Some(mid) = &self.mid {
            mline.add("mid", mid);
        }
        match self.data_legacy {
            true => mline.add("sctpmap", "5000 webrtc-datachannel 16"),
            false => mline.add("sctp-port", "5000"),
        }
        mline
    }
}

fn codec(name: &str) -> Option<&'static Codec> {
    let codec = Codec::by_name(name);
    if codec.is_none() {
        tracing::error!("Unsupported codec '{name}'");
    }
    codec
}

fn usable_id(id: i32) -> bool {
    if !(1..=14).contains(&id) {
        // Debian's video room offers id 0 for every extension that a publisher does not have.
        tracing::debug!("Invalid extension id {id}, ignored");
    }
    (1..=14).contains(&id)
}

/// One m-line for `offer`, from options that begin with `Mline`.
///
/// # Errors
/// See [`OaError`]; nothing was added then.
pub fn offer_mline(offer: &Sdp, options: Vec<Oa>, rules: &Rules) -> Result<Mline, OaError> {
    let mut options = options.into_iter();
    let Some(Oa::Mline(kind)) = options.next() else {
        tracing::error!("The first option of an m-line must be its type");
        return Err(OaError::FirstIsNotMline);
    };
    let mut wanted = OfferMline::new(kind);
    let mut table = None;
    for option in options {
        match option {
            Oa::Extension(Some(name), id) if usable_id(id) => {
                if wanted.extensions.iter().any(|(i, u)| *i == id || *u == name) {
                    tracing::warn!("Extension {id} {name} is there already, ignored");
                    continue;
                }
                wanted.transport_cc |= name == uri::TRANSPORT_WIDE_CC;
                wanted.extensions.insert(id, name);
            }
            Oa::Extension(..) => {}
            Oa::Extensions(extensions) => table = extensions.or(table),
            option => wanted.set(option),
        }
    }
    if let Some(table) = table {
        if !wanted.extensions.is_empty() {
            return Err(OaError::Conflict);
        }
        wanted.extensions = table;
    }
    wanted.build(offer, rules)
}

/// A whole offer: each `Mline` option starts the next m-line. An extension's id and URI are settled by their first
/// use, in whichever m-line, disabled ones included. `session_id` is the real time in µs.
///
/// # Errors
/// See [`OaError`].
pub fn generate_offer(
    name: Option<&str>,
    address: Option<&str>,
    session_id: u64,
    options: Vec<Oa>,
    rules: &Rules,
) -> Result<Sdp, OaError> {
    let mut offer = Sdp::new(name, address, session_id);
    let mut wanted: Vec<OfferMline> = Vec::new();
    let mut known: BTreeMap<i32, String> = BTreeMap::new();
    for option in options {
        if let Oa::Mline(kind) = option {
            wanted.push(OfferMline::new(kind));
            continue;
        }
        let Some(mline) = wanted.last_mut() else {
            tracing::error!("The first option of an offer must be the type of an m-line");
            return Err(OaError::FirstIsNotMline);
        };
        match option {
            Oa::Enabled(enabled) => mline.enabled = enabled,
            // Not honoured here by any release, and callers count on 111.
            Oa::Pt(_) if mline.kind == MediaType::Audio => {}
            // Likewise; `offer_mline` does write it.
            Oa::Direction(_) if mline.kind == MediaType::Application => {}
            Oa::Extension(Some(uri), id) if usable_id(id) => {
                let new = !known.iter().any(|(i, u)| *i == id || *u == uri);
                if new || known.get(&id) == Some(&uri) {
                    known.insert(id, uri.clone());
                    mline.extensions.insert(id, uri);
                } else {
                    tracing::warn!("Extension {id} {uri} contradicts an earlier one, ignored");
                }
            }
            Oa::Extension(..) => {}
            option => mline.set(option),
        }
    }
    for mline in wanted.iter().filter(|m| m.enabled) {
        let mline = mline.build(&offer, rules)?;
        offer.mlines.push(mline);
    }
    Ok(offer)
}
