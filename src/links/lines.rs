//! What a program wants of each m-line, and the descriptions that follow from it, as a plugin would write them: the core puts
//! the transport in.
#![forbid(unsafe_code)]

use super::fault::{Fault, Result};
use crate::core::jsep::MediumKind;
use crate::rtp::uri;
use crate::sdp::answer::{AnswerMline, generate_answer};
use crate::sdp::codec::{name_of_rtpmap, static_name};
use crate::sdp::{Codec, Direction, MediaType, Mline, Rules, Sdp};
use std::collections::BTreeSet;
use std::fmt::Write as _;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Data,
    Medium(Wanted),
    /// The peer's, which the program does not want; rejected.
    Foreign(MediumKind),
}

/// Audio or video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub video: bool,
    /// Ours.
    pub direction: Direction,
    /// In order of preference.
    pub formats: Vec<Format>,
    pub mid: Option<String>,
    pub msid: Option<(String, String)>,
    /// URIs; `None`: the usual ones.
    pub extensions: Option<Vec<String>>,
    /// Taken because the peer offered it; the program has said nothing.
    pub automatic: bool,
}

/// A codec, and its parameters if they matter.
#[derive(Clone, Debug)]
pub struct Format {
    pub codec: &'static Codec,
    pub fmtp: Option<String>,
}

impl PartialEq for Format {
    fn eq(&self, other: &Format) -> bool {
        self.codec.name == other.codec.name && self.fmtp == other.fmtp
    }
}

impl Eq for Format {}

impl Format {
    /// "h264;profile-level-id=42e01f,vp8"; `None`: Opus, or what a browser sends.
    pub fn list(text: Option<&str>, video: bool) -> Result<Vec<Format>> {
        let text = text.unwrap_or(if video { "vp8" } else { "opus" });
        text.split(',').map(str::trim).map(|text| Format::one(text, video)).collect()
    }

    fn one(text: &str, video: bool) -> Result<Format> {
        let (name, fmtp) = text.split_once(';').map_or((text, None), |(name, fmtp)| (name, Some(fmtp)));
        let kind = if video { MediaType::Video } else { MediaType::Audio };
        let codec = Codec::by_name(name.trim()).filter(|codec| codec.kind == kind);
        let codec = codec.ok_or_else(|| Fault::invalid(format!("'{name}' is no codec for this kind")))?;
        let fmtp = fmtp.map(|fmtp| fmtp.trim().to_owned());
        if fmtp.as_ref().is_some_and(|fmtp| fmtp.contains(['\r', '\n'])) {
            return Err(Fault::invalid("parameters of a codec are one line"));
        }
        Ok(Format { codec, fmtp })
    }

    /// Of a payload type of a description.
    pub fn of(mline: &Mline, pt: i32) -> Option<Format> {
        let named = mline.rtpmap(pt).and_then(name_of_rtpmap).or_else(|| static_name(pt))?;
        Some(Format { codec: Codec::by_name(named)?, fmtp: mline.fmtp(pt).map(str::to_owned) })
    }

    /// What tells two payload types of this codec apart.
    fn profile(&self) -> Option<&str> {
        let key = match self.codec.name {
            "h264" => "profile-level-id=",
            "vp9" => "profile-id=",
            _ => return None,
        };
        let (_, rest) = self.fmtp.as_deref()?.split_once(key)?;
        rest.split(';').next().map(str::trim)
    }

    fn usual_payload_type(&self) -> u8 {
        match self.codec.name {
            "pcmu" => 0,
            "pcma" => 8,
            "g722" => 9,
            "opus" => 111,
            "dtmf" => 126,
            _ => 96,
        }
    }
}

impl Wanted {
    /// Of what the peer offers, taken without being asked for: it sends, we receive.
    pub fn automatic(video: bool) -> Wanted {
        let names: &[&str] =
            if video { &["vp8", "vp9", "h264", "av1", "h265"] } else { &["opus", "g722", "pcmu", "pcma"] };
        let formats = names.iter().filter_map(|name| Codec::by_name(name));
        Wanted {
            video,
            direction: Direction::RecvOnly,
            formats: formats.map(|codec| Format { codec, fmtp: None }).collect(),
            mid: None,
            msid: None,
            extensions: None,
            automatic: true,
        }
    }

    fn receives(&self) -> bool {
        matches!(self.direction, Direction::RecvOnly | Direction::SendRecv | Direction::Default)
    }

    fn extensions(&self) -> Vec<String> {
        if let Some(chosen) = &self.extensions {
            return chosen.clone();
        }
        let mut usual = vec![uri::MID];
        if self.video {
            usual.extend([uri::ABS_SEND_TIME, uri::VIDEO_ORIENTATION, uri::PLAYOUT_DELAY]);
            usual.push(uri::DEPENDENCY_DESCRIPTOR);
        } else {
            usual.push(uri::AUDIO_LEVEL);
        }
        if self.video && self.receives() {
            // Where nothing is received, the peer says by REMB what its path takes.
            usual.extend([uri::RID, uri::REPAIRED_RID, uri::TRANSPORT_WIDE_CC]);
        }
        usual.into_iter().map(str::to_owned).collect()
    }
}

/// What an m-line of the peer is.
pub fn kind_of(mline: &Mline) -> MediumKind {
    match mline.kind {
        MediaType::Audio => MediumKind::Audio,
        MediaType::Video => MediumKind::Video,
        MediaType::Application if mline.proto.contains("DTLS/SCTP") => MediumKind::Data,
        _ => MediumKind::Unsupported,
    }
}

impl Line {
    pub fn kind(&self) -> MediumKind {
        match self {
            Line::Data => MediumKind::Data,
            Line::Medium(wanted) if wanted.video => MediumKind::Video,
            Line::Medium(_) => MediumKind::Audio,
            Line::Foreign(kind) => *kind,
        }
    }
}

/// The lines after an offer of the peer. The first `known` ones are at their places already; what the program wanted besides
/// takes the first new m-line of its kind, and stands behind the peer's where there is none. `all`: media are taken that the
/// program has not asked for.
pub fn follow(lines: &[Line], known: usize, offered: &Sdp, all: bool) -> Vec<Line> {
    let mut data = false;
    let mut waiting: Vec<Line> = lines.iter().skip(known).cloned().collect();
    let mut next = Vec::with_capacity(offered.mlines.len());
    for (index, mline) in offered.mlines.iter().enumerate() {
        let kind = kind_of(mline);
        let present = lines.get(index).filter(|line| index < known && line.kind() == kind);
        let wanted = || waiting.iter().position(|line| line.kind() == kind && kind != MediumKind::Data);
        let line = match kind {
            MediumKind::Data if mline.port > 0 && !std::mem::replace(&mut data, true) => Line::Data,
            MediumKind::Audio | MediumKind::Video => match (present, wanted()) {
                (Some(present), _) => present.clone(),
                (None, Some(place)) if mline.port > 0 => waiting.remove(place),
                (None, _) if all => Line::Medium(Wanted::automatic(kind == MediumKind::Video)),
                (None, _) => Line::Foreign(kind),
            },
            kind => Line::Foreign(kind),
        };
        next.push(line);
    }
    next.extend(waiting.into_iter().filter(|line| !(data && *line == Line::Data)));
    next
}

const DATA: &str = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";

fn head(id: u64, version: u64) -> String {
    format!("v=0\r\no=- {id} {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")
}

/// Numbers and names that are in use on a PeerConnection: they keep their meaning (RFC 8843 §10.1).
#[derive(Default)]
struct Book {
    /// Payload type, rtpmap, parameters.
    formats: Vec<(u8, String, Option<String>)>,
    extensions: Vec<(u8, String)>,
    mids: BTreeSet<String>,
}

impl Book {
    /// What the peer's last description says.
    fn of(remote: Option<&str>) -> Book {
        let mut book = Book::default();
        let Some(remote) = remote.and_then(|text| Sdp::parse(text).ok()) else { return book };
        for mline in &remote.mlines {
            book.mids.extend(mline.value("mid").map(str::to_owned));
            for pt in mline.ptypes.iter().filter_map(|pt| u8::try_from(*pt).ok()) {
                let rtpmap = mline.rtpmap(pt.into()).unwrap_or_default().to_owned();
                book.formats.push((pt, rtpmap, mline.fmtp(pt.into()).map(str::to_owned)));
            }
            for value in mline.values("extmap") {
                let mut words = value.split_ascii_whitespace();
                let id = words.next().and_then(|id| id.split('/').next()?.parse().ok());
                if let (Some(id), Some(name)) = (id, words.next()) {
                    book.extensions.push((id, name.to_owned()));
                }
            }
        }
        book
    }

    fn payload_type(&mut self, format: &Format) -> Option<u8> {
        let same = |(_, rtpmap, fmtp): &&(u8, String, Option<String>)| {
            let fits = |profile: &str| fmtp.as_deref().is_some_and(|fmtp| fmtp.contains(profile));
            format.codec.matches(rtpmap) && format.profile().is_none_or(fits)
        };
        if let Some((pt, ..)) = self.formats.iter().find(same) {
            return Some(*pt);
        }
        let usual = format.usual_payload_type();
        let dynamic = (usual.max(96)..128).chain(96..usual.max(96));
        let free = |pt: &u8| self.formats.iter().all(|(used, ..)| used != pt);
        let pt = if usual < 96 { Some(usual).filter(free) } else { None };
        let pt = pt.or_else(|| dynamic.into_iter().find(free))?;
        self.formats.push((pt, format.codec.rtpmap.to_owned(), format.fmtp.clone()));
        Some(pt)
    }

    fn extension(&mut self, name: &str) -> Option<u8> {
        if let Some((id, _)) = self.extensions.iter().find(|(_, known)| known == name) {
            return Some(*id);
        }
        let usual = uri::fixed_id(name.as_bytes());
        let free = |id: &u8| *id > 0 && self.extensions.iter().all(|(used, _)| used != id);
        // Small ones fit one-byte headers (RFC 8285 §4.2); 8 to 11 have no other use in our offers.
        let id = std::iter::once(usual).chain(8..12).chain(1..15).find(free)?;
        self.extensions.push((id, name.to_owned()));
        Some(id)
    }

    fn mid(&mut self, index: usize, chosen: Option<&str>) -> String {
        let usual = chosen.map_or_else(|| index.to_string(), str::to_owned);
        let mid = if self.mids.contains(&usual) { format!("m{index}") } else { usual };
        self.mids.insert(mid.clone());
        mid
    }
}

/// Our offer. `mids`: of m-lines that there are, whose names stay; `remote`: the peer's last description. `version` grows.
pub fn offer(id: u64, version: u64, lines: &[Line], mids: &[Option<String>], remote: Option<&str>) -> String {
    let mut text = head(id, version);
    let mut book = Book::of(remote);
    book.mids.extend(mids.iter().flatten().cloned());
    let mut data = false;
    for (index, line) in lines.iter().enumerate() {
        let known = mids.get(index).and_then(Option::as_deref);
        let mid = match (known, line) {
            (Some(known), _) => known.to_owned(),
            (None, Line::Medium(wanted)) => book.mid(index, wanted.mid.as_deref()),
            (None, _) => book.mid(index, None),
        };
        match line {
            Line::Data if !std::mem::replace(&mut data, true) => {
                let _ = write!(text, "{DATA}a=mid:{mid}\r\n");
            }
            Line::Medium(wanted) => medium(&mut text, wanted, &mid, &mut book),
            line => {
                let _ = write!(text, "{}a=mid:{mid}\r\n", rejected(line.kind()));
            }
        }
    }
    text
}

fn rejected(kind: MediumKind) -> &'static str {
    match kind {
        MediumKind::Data => "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n",
        MediumKind::Audio => "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\n",
        MediumKind::Video => "m=video 0 UDP/TLS/RTP/SAVPF 0\r\n",
        MediumKind::Unsupported => "m=text 0 RTP/AVP 0\r\n",
    }
}

fn medium(text: &mut String, wanted: &Wanted, mid: &str, book: &mut Book) {
    let formats: Vec<(u8, &Format)> =
        wanted.formats.iter().filter_map(|format| Some((book.payload_type(format)?, format))).collect();
    let kind = if wanted.video { "video" } else { "audio" };
    let list: Vec<String> = formats.iter().map(|(pt, _)| pt.to_string()).collect();
    let _ = write!(text, "m={kind} 9 UDP/TLS/RTP/SAVPF {}\r\n", list.join(" "));
    let _ = write!(text, "a={}\r\n", direction_name(wanted.direction));
    let _ = write!(text, "a=mid:{mid}\r\n");
    if let Some((stream, track)) = &wanted.msid {
        let _ = write!(text, "a=msid:{stream} {track}\r\n");
    }
    let extensions = wanted.extensions();
    for (pt, format) in &formats {
        let _ = write!(text, "a=rtpmap:{pt} {}\r\n", format.codec.rtpmap);
        if wanted.video {
            for feedback in ["ccm fir", "nack", "nack pli", "goog-remb"] {
                let _ = write!(text, "a=rtcp-fb:{pt} {feedback}\r\n");
            }
            if extensions.iter().any(|name| name == uri::TRANSPORT_WIDE_CC) {
                let _ = write!(text, "a=rtcp-fb:{pt} transport-cc\r\n");
            }
        }
        let usual = match format.codec.name {
            "opus" => Some("minptime=10;useinbandfec=1"),
            "h264" => Some("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
            _ => None,
        };
        if let Some(fmtp) = format.fmtp.as_deref().or(usual) {
            let _ = write!(text, "a=fmtp:{pt} {fmtp}\r\n");
        }
    }
    for name in extensions {
        if let Some(id) = book.extension(&name) {
            let _ = write!(text, "a=extmap:{id} {name}\r\n");
        }
    }
}

pub fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
        _ => "sendrecv",
    }
}

/// Our answer; `None` when it would take nothing.
pub fn answer(id: u64, version: u64, offered: &Sdp, lines: &[Line]) -> Option<String> {
    let mut answer = generate_answer(offered);
    (answer.o_name, answer.s_name) = (Some("-".into()), Some("-".into()));
    (answer.o_sessid, answer.o_version) = (id, version);
    let mut taken = false;
    for ((mline, offered), line) in answer.mlines.iter_mut().zip(&offered.mlines).zip(lines) {
        if offered.port == 0 {
            continue;
        }
        match line {
            Line::Data => {
                AnswerMline::default().answer(offered, mline, &Rules::NATIVE);
                taken = true;
            }
            Line::Medium(wanted) => taken |= take(wanted, offered, mline),
            Line::Foreign(_) => {}
        }
    }
    taken.then(|| answer.write())
}

/// The first of our codecs that was offered; false when there is none.
fn take(wanted: &Wanted, offered: &Mline, mline: &mut Mline) -> bool {
    let found = |format: &&Format| offered.codec_pt(format.codec, format.profile());
    let Some((format, pt)) = wanted.formats.iter().find_map(|format| Some((format, found(&format)?))) else {
        return false;
    };
    let profile = |name: &str| format.profile().filter(|_| format.codec.name == name).map(str::to_owned);
    let own = format.fmtp.clone().filter(|_| format.profile().is_none());
    let answer = AnswerMline {
        direction: wanted.direction,
        codec: Some(format.codec.name.to_owned()),
        msid: wanted.msid.clone(),
        // What the peer says of audio it understands, too; of video the generator sees to that.
        fmtp: own.or_else(|| offered.fmtp(pt).filter(|_| !wanted.video).map(str::to_owned)),
        vp9_profile: profile("vp9"),
        h264_profile: profile("h264"),
        extensions: wanted.extensions(),
        ..AnswerMline::default()
    };
    answer.answer(offered, mline, &Rules::NATIVE);
    mline.port > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(video: bool, codecs: &str) -> Wanted {
        let formats = Format::list(Some(codecs), video).unwrap();
        Wanted { formats, direction: Direction::SendRecv, automatic: false, ..Wanted::automatic(video) }
    }

    fn lines() -> Vec<Line> {
        vec![
            Line::Data,
            Line::Medium(wanted(false, "opus,pcmu")),
            Line::Medium(wanted(true, "vp8,h264;profile-level-id=42e01f")),
        ]
    }

    #[test]
    fn codecs_are_named() {
        assert_eq!(Format::list(None, true).unwrap()[0].codec.name, "vp8");
        let list = Format::list(Some("h264;profile-level-id=42e01f, vp9"), true).unwrap();
        assert_eq!((list[0].profile(), list[1].profile()), (Some("42e01f"), None));
        for (text, video) in
            [("opus", true), ("vp8", false), ("", true), ("vp8,", true), ("vp8;a\r\nb", true)]
        {
            assert!(Format::list(Some(text), video).is_err(), "{text}");
        }
    }

    #[test]
    fn an_offer_has_every_line_at_its_place() {
        let text = offer(1, 1, &lines(), &[], None);
        let sdp = Sdp::parse(&text).unwrap();
        let kinds: Vec<_> = sdp.mlines.iter().map(|mline| (kind_of(mline), mline.port)).collect();
        assert_eq!(kinds, [(MediumKind::Data, 9), (MediumKind::Audio, 9), (MediumKind::Video, 9)]);
        assert_eq!(sdp.mlines[1].ptypes, [111, 0]);
        assert_eq!(sdp.mlines[2].ptypes, [96, 97]);
        assert_eq!(sdp.mlines[2].fmtp(97), Some("profile-level-id=42e01f"));
        let mids: Vec<_> = sdp.mlines.iter().map(|mline| mline.value("mid").unwrap()).collect();
        assert_eq!(mids, ["0", "1", "2"]);
        // Received video: the peer gets feedback about each packet.
        assert!(text.contains("transport-cc\r\n"));
        let sent = Wanted { direction: Direction::SendOnly, ..wanted(true, "vp8") };
        let text = offer(1, 1, &[Line::Medium(sent)], &[], None);
        assert!(text.contains("goog-remb") && !text.contains("transport-wide-cc"), "{text}");
    }

    /// Payload types and ids of extensions that the peer has named stay what they are.
    #[test]
    fn numbers_keep_their_meaning() {
        let remote = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 100 96 97 111\r\na=mid:1\r\na=rtpmap:100 VP8/90000\r\n\
            a=rtpmap:96 VP9/90000\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:111 rtx/90000\r\n\
            a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:1 urn:of:something:else\r\n";
        let text = offer(1, 2, &lines(), &[Some("d".into())], Some(remote));
        let sdp = Sdp::parse(&text).unwrap();
        assert_eq!(sdp.mlines[2].ptypes, [100, 98]);
        assert_eq!(sdp.mlines[1].ptypes, [112, 0]);
        let mids: Vec<_> = sdp.mlines.iter().map(|mline| mline.value("mid").unwrap()).collect();
        assert_eq!(mids, ["d", "m1", "2"]);
        let ids: Vec<_> = sdp.mlines[1].values("extmap").collect();
        assert_eq!(
            ids,
            ["9 urn:ietf:params:rtp-hdrext:sdes:mid", "8 urn:ietf:params:rtp-hdrext:ssrc-audio-level"]
        );
    }

    #[test]
    fn an_answer_takes_what_is_wanted() {
        let offered = Sdp::parse(&offer(1, 1, &lines(), &[], None)).unwrap();
        let kinds = |text: &str| {
            Sdp::parse(text).unwrap().mlines.iter().map(|mline| mline.port > 0).collect::<Vec<_>>()
        };
        let nothing = follow(&[], 0, &offered, false);
        assert!(matches!(nothing[..], [Line::Data, Line::Foreign(_), Line::Foreign(_)]));
        assert_eq!(kinds(&answer(2, 1, &offered, &nothing).unwrap()), [true, false, false]);
        let all = follow(&[], 0, &offered, true);
        let text = answer(2, 1, &offered, &all).unwrap();
        assert_eq!(kinds(&text), [true, true, true]);
        assert!(text.contains("a=recvonly") && !text.contains("sendrecv"), "{text}");
        // What was wanted before takes its place; more of it comes behind.
        let before = [Line::Medium(wanted(true, "h264")), Line::Medium(wanted(true, "vp8"))];
        let next = follow(&before, 0, &offered, false);
        assert_eq!((next.len(), &next[2], &next[3]), (4, &before[0], &before[1]));
        let text = answer(2, 1, &offered, &next).unwrap();
        assert!(text.contains("H264/90000") && !text.contains("VP8"), "{text}");
        assert_eq!(answer(2, 1, &offered, &[Line::Foreign(MediumKind::Data)]), None);
    }

    #[test]
    fn a_codec_that_was_not_offered_is_refused() {
        let offered = Sdp::parse(&offer(1, 1, &lines(), &[], None)).unwrap();
        let lines = [
            Line::Foreign(MediumKind::Data),
            Line::Foreign(MediumKind::Audio),
            Line::Medium(wanted(true, "av1")),
        ];
        assert_eq!(answer(2, 1, &offered, &lines), None);
    }
}
