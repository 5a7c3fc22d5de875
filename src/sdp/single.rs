//! Offers and answers as 0.9.0 … 0.16.x generate them: all m-lines in one call, at most one audio, one video and one
//! data m-line. helpers.md §9.4, §9.5; written with the generators of 1.x.
#![forbid(unsafe_code)]

use super::answer::{self, AnswerMline};
use super::model::{Direction, MediaType, Mline, Sdp};
use super::offer::OfferMline;
use super::options::{OaError, Shape};
use super::rules::Rules;

/// What an option is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Done,
    Audio,
    Video,
    Data,
    AudioDirection,
    VideoDirection,
    AudioCodec,
    VideoCodec,
    Vp9Profile,
    H264Profile,
    AudioPt,
    VideoPt,
    AudioDtmf,
    AudioFmtp,
    VideoFmtp,
    VideoRtcpFbDefaults,
    VideoH264Fmtp,
    DataLegacy,
    AudioExtension,
    VideoExtension,
    AcceptExtmap,
    OpusRedPt,
    AcceptOpusRed,
}

impl Key {
    /// The C arguments that follow it.
    pub fn shape(self) -> Shape {
        match self {
            Key::Done => Shape::End,
            Key::AudioCodec | Key::VideoCodec | Key::Vp9Profile | Key::H264Profile => Shape::Pointer,
            Key::AudioFmtp | Key::VideoFmtp | Key::AcceptExtmap => Shape::Pointer,
            Key::AudioExtension | Key::VideoExtension => Shape::PointerInt,
            _ => Shape::Int,
        }
    }
}

/// The numbers of some generations: a key's number is its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbering(&'static [Key]);

impl Numbering {
    /// 0.9.0 … 0.9.5 (A1 … A3).
    pub const V0_9: Numbering = Numbering(&[
        Key::Done,
        Key::Audio,
        Key::Video,
        Key::Data,
        Key::AudioDirection,
        Key::VideoDirection,
        Key::AudioCodec,
        Key::VideoCodec,
        Key::AudioPt,
        Key::VideoPt,
        Key::AudioDtmf,
        Key::AudioFmtp,
        Key::VideoRtcpFbDefaults,
        Key::VideoH264Fmtp,
        Key::DataLegacy,
        Key::AudioExtension,
        Key::VideoExtension,
        Key::AcceptExtmap,
    ]);
    /// 0.10.0 … 0.16.x (A4 … A10); the last two came with 0.11.8, and no earlier plugin passes their numbers.
    pub const V0_10: Numbering = Numbering(&[
        Key::Done,
        Key::Audio,
        Key::Video,
        Key::Data,
        Key::AudioDirection,
        Key::VideoDirection,
        Key::AudioCodec,
        Key::VideoCodec,
        Key::Vp9Profile,
        Key::H264Profile,
        Key::AudioPt,
        Key::VideoPt,
        Key::AudioDtmf,
        Key::AudioFmtp,
        Key::VideoFmtp,
        Key::VideoRtcpFbDefaults,
        Key::DataLegacy,
        Key::AudioExtension,
        Key::VideoExtension,
        Key::AcceptExtmap,
        Key::OpusRedPt,
        Key::AcceptOpusRed,
    ]);

    /// The key of this number.
    pub fn key(self, number: i32) -> Option<Key> {
        self.0.get(usize::try_from(number).ok()?).copied()
    }
}

/// The arguments of an option, as its shape has them. `None` stands for NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    pub number: i32,
    pub text: Option<String>,
}

/// What 0.9 writes for H.264 when nothing else is known.
const H264_FMTP: &str = "profile-level-id=42e01f;packetization-mode=1";
/// The port of offered m-lines; the core writes another one for the client.
const OFFERED_PORT: u16 = 1;

/// A whole offer: audio, video, data, each unless it is switched off. `session_id` is the real time in µs.
///
/// # Errors
/// An unknown codec.
pub fn generate_offer(
    name: Option<&str>,
    address: Option<&str>,
    session_id: u64,
    options: Vec<(Key, Arguments)>,
    rules: &Rules,
) -> Result<Sdp, OaError> {
    let mut audio = OfferMline::new(MediaType::Audio);
    let mut video = OfferMline::new(MediaType::Video);
    let mut data = OfferMline { data_legacy: true, ..OfferMline::new(MediaType::Application) };
    let mut h264_fmtp = false;
    for (key, Arguments { number, text }) in options {
        let on = number != 0;
        let direction = Direction::from_number(number as u32);
        match key {
            Key::Audio => audio.enabled = on,
            Key::Video => video.enabled = on,
            Key::Data => data.enabled = on,
            Key::AudioDirection => audio.direction = direction,
            Key::VideoDirection => video.direction = direction,
            Key::AudioCodec => audio.codec = text,
            Key::VideoCodec => video.codec = text,
            Key::Vp9Profile => video.vp9_profile = text,
            Key::H264Profile => video.h264_profile = text,
            Key::AudioPt => audio.pt = Some(number),
            Key::VideoPt => video.pt = Some(number),
            Key::AudioDtmf => audio.dtmf = on,
            Key::AudioFmtp => audio.fmtp = text,
            Key::VideoFmtp => video.fmtp = text,
            Key::VideoRtcpFbDefaults => video.rtcp_fb = on,
            Key::VideoH264Fmtp => h264_fmtp = on,
            Key::DataLegacy => data.data_legacy = on,
            Key::AudioExtension => extension(&mut audio, text, number),
            Key::VideoExtension => extension(&mut video, text, number),
            Key::OpusRedPt => audio.opusred_pt = number,
            Key::AcceptExtmap | Key::AcceptOpusRed => {
                tracing::warn!("Option {key:?} does not apply to an offer, ignored");
            }
            Key::Done => break,
        }
    }
    if h264_fmtp && video.codec.as_deref().is_some_and(|codec| codec.eq_ignore_ascii_case("h264")) {
        video.fmtp.get_or_insert_with(|| H264_FMTP.to_owned());
    }
    let mut offer = Sdp::new(name, address, session_id);
    for wanted in [audio, video, data].iter().filter(|m| m.enabled) {
        let mut mline = wanted.build(&offer, rules)?;
        mline.port = OFFERED_PORT;
        offer.mlines.push(mline);
    }
    Ok(offer)
}

fn extension(mline: &mut OfferMline, uri: Option<String>, id: i32) {
    let taken = |uri: &str| mline.extensions.iter().any(|(i, u)| *i == id || u == uri);
    match uri {
        Some(uri) if (1..=14).contains(&id) && !taken(&uri) => {
            mline.extensions.insert(id, uri);
        }
        _ => tracing::debug!("Extension {id} is not usable or there already, ignored"),
    }
}

/// What is wanted of an offer.
struct Wanted {
    audio: AnswerMline,
    video: AnswerMline,
    data: bool,
    /// The format of H.264 is the core's affair.
    h264_fmtp: bool,
}

impl Wanted {
    fn from_options(options: Vec<(Key, Arguments)>) -> Wanted {
        let (mut audio, mut video) = (AnswerMline::default(), AnswerMline::default());
        let (mut data, mut h264_fmtp) = (true, true);
        let mut extensions = Vec::new();
        for (key, Arguments { number, text }) in options {
            let on = number != 0;
            let direction = Direction::from_number(number as u32);
            match key {
                Key::Audio => audio.enabled = on,
                Key::Video => video.enabled = on,
                Key::Data => data = on,
                Key::AudioDirection => audio.direction = direction,
                Key::VideoDirection => video.direction = direction,
                Key::AudioCodec => audio.codec = text,
                Key::VideoCodec => video.codec = text,
                Key::Vp9Profile => video.vp9_profile = text,
                Key::H264Profile => video.h264_profile = text,
                Key::AudioDtmf => audio.dtmf = on,
                Key::AudioFmtp => audio.fmtp = text,
                Key::VideoFmtp => video.fmtp = text,
                Key::VideoRtcpFbDefaults => video.rtcp_fb = on,
                Key::VideoH264Fmtp => h264_fmtp = on,
                Key::AcceptExtmap => extensions.extend(text),
                Key::AcceptOpusRed => audio.opusred = on,
                // Payload types are the offer's, and so is the form of the data m-line.
                Key::AudioPt | Key::VideoPt | Key::DataLegacy => {}
                Key::AudioExtension | Key::VideoExtension | Key::OpusRedPt => {
                    tracing::warn!("Option {key:?} does not apply to an answer, ignored");
                }
                Key::Done => break,
            }
        }
        audio.extensions.clone_from(&extensions);
        video.extensions = extensions;
        Wanted { audio, video, data, h264_fmtp }
    }

    /// The first m-line of its kind.
    fn answer(&self, offered: &Mline, mline: &mut Mline, rules: &Rules) {
        if offered.port == 0 {
            return;
        }
        match offered.kind {
            MediaType::Audio => medium(&self.audio, offered, mline, rules),
            MediaType::Video => {
                medium(&self.video, offered, mline, rules);
                self.format(offered, mline);
            }
            MediaType::Application if self.data => AnswerMline::default().answer(offered, mline, rules),
            _ => {}
        }
    }

    /// The answer takes over the offered format of its codec when no other was asked for.
    fn format(&self, offered: &Mline, mline: &mut Mline) {
        let Some(pt) = mline.ptypes.first().copied().filter(|_| mline.port > 0) else { return };
        let Some(codec) = mline.rtpmap(pt).map(str::to_ascii_lowercase) else { return };
        let h264 = codec.starts_with("h264/");
        let copies = codec.starts_with("vp8/") || codec.starts_with("vp9/") || (h264 && self.h264_fmtp);
        if !copies || mline.fmtp(pt).is_some() {
            return;
        }
        if let Some(fmtp) = offered.fmtp(pt) {
            mline.add("fmtp", format!("{pt} {fmtp}"));
        }
    }
}

fn medium(wanted: &AnswerMline, offered: &Mline, mline: &mut Mline, rules: &Rules) {
    if wanted.enabled {
        wanted.answer(offered, mline, rules);
    } else {
        mline.port = offered.port;
        mline.direction = Direction::Inactive;
        mline.ptypes.clear();
    }
}

/// The answer to a whole offer: of each kind the first m-line as the options want it, all others rejected.
pub fn generate_answer(offer: &Sdp, options: Vec<(Key, Arguments)>, rules: &Rules) -> Sdp {
    let wanted = Wanted::from_options(options);
    let mut answer = answer::generate_answer(offer);
    for kind in [MediaType::Audio, MediaType::Video, MediaType::Application] {
        let first = offer.mlines.iter().zip(&mut answer.mlines).find(|(offered, _)| offered.kind == kind);
        if let Some((offered, mline)) = first {
            wanted.answer(offered, mline, rules);
        }
    }
    answer
}

#[cfg(test)]
#[path = "single_tests.rs"]
mod tests;
