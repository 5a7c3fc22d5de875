//! The echo: what a client sends comes back. It goes by the name of the reference's plugin and takes the requests of its
//! demo page (`audio`, `video`, `bitrate`), without recordings and simulcast.

use crate::json::Json;
use crate::media::{Mindex, Route, RtpIn, RtpOut};
use crate::modules::host::{HandleHost, ModuleInfo, PluginFace, PluginResult, PluginSessionFace};
use crate::rtp::uri;
use crate::sdp::answer::{AnswerMline, generate_answer};
use crate::sdp::{Rules, Sdp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

pub const PACKAGE: &str = "janus.plugin.echotest";
/// The module whose place it takes.
pub const FILE: &str = "libjanus_echotest.so";

/// Header extensions that are of use when packets come back as they are. No stream ids: there is no simulcast.
const EXTENSIONS: [&str; 6] = [
    uri::MID,
    uri::TRANSPORT_WIDE_CC,
    uri::ABS_SEND_TIME,
    uri::AUDIO_LEVEL,
    uri::VIDEO_ORIENTATION,
    uri::PLAYOUT_DELAY,
];

/// Errors of the plugin's own, with the numbers of the reference's.
const NO_MESSAGE: i32 = 411;
const INVALID_ELEMENT: i32 = 413;
const INVALID_SDP: i32 = 414;

/// The plugin.
pub struct Echo;

impl Echo {
    pub fn info() -> ModuleInfo {
        ModuleInfo {
            package: PACKAGE.to_owned(),
            name: Some("Echo, built in".to_owned()),
            author: Some("libjanus_rs".to_owned()),
            description: Some("What a client sends comes back; there is no module of this name".to_owned()),
            version_string: Some(env!("CARGO_PKG_VERSION").to_owned()),
            version: 1,
        }
    }
}

impl PluginFace for Echo {
    fn package(&self) -> &str {
        PACKAGE
    }

    fn attach(&self, host: Arc<dyn HandleHost>) -> Result<Arc<dyn PluginSessionFace>, i32> {
        Ok(Arc::new(Session {
            host,
            alive: true.into(),
            audio: true.into(),
            video: true.into(),
            bitrate: 0.into(),
            hung_up: true.into(),
            route: Route::default(),
        }))
    }

    fn handle_admin_message(&self, _: Option<&Json>) -> Option<Json> {
        None
    }
}

struct Session {
    host: Arc<dyn HandleHost>,
    alive: AtomicBool,
    /// Whether it comes back.
    audio: AtomicBool,
    video: AtomicBool,
    /// What the client may send, bits/s; 0: as much as it likes.
    bitrate: AtomicU32,
    hung_up: AtomicBool,
    route: Route,
}

/// A request, checked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    audio: Option<bool>,
    video: Option<bool>,
    bitrate: Option<u32>,
}

impl Wanted {
    fn read(body: &Json) -> Result<Wanted, String> {
        let wrong = |name: &str, kind: &str| format!("Invalid element type ({name} should be {kind})");
        let flag = |name: &str| match body.get(name) {
            None => Ok(None),
            Some(value) => value.as_bool().map(Some).ok_or_else(|| wrong(name, "a boolean")),
        };
        let bitrate = match body.get("bitrate").map(|value| value.as_i64()) {
            None => None,
            Some(Some(bitrate)) if bitrate >= 0 => Some(u32::try_from(bitrate).unwrap_or(u32::MAX)),
            Some(_) => return Err(wrong("bitrate", "a positive integer")),
        };
        Ok(Wanted { audio: flag("audio")?, video: flag("video")?, bitrate })
    }
}

/// Takes what is offered, both ways.
fn answer(offer: &str) -> Option<String> {
    let offer = Sdp::parse(offer).ok()?;
    let mut answer = generate_answer(&offer);
    let wanted = AnswerMline {
        dtmf: true,
        extensions: EXTENSIONS.map(str::to_owned).to_vec(),
        ..AnswerMline::default()
    };
    for (offered, mline) in offer.mlines.iter().zip(&mut answer.mlines) {
        wanted.answer(offered, mline, &Rules::NATIVE);
    }
    Some(answer.write())
}

impl Session {
    fn refuse(&self, transaction: &str, code: i32, reason: &str) {
        let event = Json::object().with("echotest", "event").with("error_code", code).with("error", reason);
        self.host.push_event(PACKAGE, Some(transaction), event, None);
    }

    fn remember(&self, wanted: &Wanted) {
        for (flag, value) in [(&self.audio, wanted.audio), (&self.video, wanted.video)] {
            if let Some(value) = value {
                let before = flag.swap(value, Ordering::Relaxed);
                if value && !before {
                    self.host.send_pli(None);
                }
            }
        }
        if let Some(bitrate) = wanted.bitrate {
            self.bitrate.store(bitrate, Ordering::Relaxed);
            self.limit();
        }
    }

    /// Tells the client what it may send.
    fn limit(&self) {
        let bitrate = self.bitrate.load(Ordering::Relaxed);
        self.host.send_remb(if bitrate > 0 { bitrate } else { 10_000_000 });
    }
}

impl PluginSessionFace for Session {
    fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    fn route(&self) -> Option<&Route> {
        Some(&self.route)
    }

    fn handle_message(&self, transaction: &str, body: Json, jsep: Option<Json>) -> PluginResult {
        match Wanted::read(&body) {
            Err(reason) => self.refuse(transaction, INVALID_ELEMENT, &reason),
            Ok(wanted) if wanted == Wanted::default() && jsep.is_none() && !body.is_object() => {
                self.refuse(transaction, NO_MESSAGE, "No message??");
            }
            Ok(wanted) => {
                self.remember(&wanted);
                let offer = jsep.as_ref().and_then(|jsep| jsep.get("sdp"));
                let answered = offer.as_ref().map(|offer| answer(offer.as_str().unwrap_or_default()));
                let jsep = match answered {
                    Some(None) => {
                        self.refuse(transaction, INVALID_SDP, "Error parsing offer");
                        return PluginResult::Wait(None);
                    }
                    Some(Some(sdp)) => Some(Json::object().with("type", "answer").with("sdp", sdp)),
                    None => None,
                };
                let event = Json::object().with("echotest", "event").with("result", "ok");
                self.host.push_event(PACKAGE, Some(transaction), event, jsep);
            }
        }
        PluginResult::Wait(None)
    }

    fn query(&self) -> Option<Json> {
        let flag = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        Some(
            Json::object()
                .with("audio_active", flag(&self.audio))
                .with("video_active", flag(&self.video))
                .with("bitrate", self.bitrate.load(Ordering::Relaxed))
                .with("hangingup", flag(&self.hung_up)),
        )
    }

    fn setup_media(&self) {
        self.hung_up.store(false, Ordering::Relaxed);
        self.limit();
    }

    fn incoming_rtp(&self, packet: RtpIn<'_>) {
        let wanted = if packet.video { &self.video } else { &self.audio };
        if !wanted.load(Ordering::Relaxed) {
            return;
        }
        let out = RtpOut {
            mindex: packet.mindex,
            video: packet.video,
            packet: packet.packet,
            extensions: packet.extensions,
        };
        if !self.route.relay_rtp(&out) {
            self.host.relay_rtp(out);
        }
    }

    /// What the client asks of the sender of what it receives, which it is itself.
    fn incoming_rtcp(&self, mindex: Mindex, video: bool, packet: &mut [u8]) {
        self.host.relay_rtcp(mindex, video, packet);
    }

    fn incoming_data(&self, label: &str, protocol: &str, binary: bool, message: &[u8]) {
        let (label, protocol) = (Some(label), Some(protocol).filter(|protocol| !protocol.is_empty()));
        if binary {
            self.host.relay_data(label, protocol, true, message);
        } else {
            let said = [b"Janus EchoTest here! You wrote: ", message].concat();
            self.host.relay_data(label, protocol, false, &said);
        }
    }

    fn data_ready(&self) {}
    fn slow_link(&self, _: Mindex, _: bool, _: bool) {}

    fn hangup_media(&self) {
        if self.hung_up.swap(true, Ordering::Relaxed) {
            return;
        }
        self.audio.store(true, Ordering::Relaxed);
        self.video.store(true, Ordering::Relaxed);
        self.bitrate.store(0, Ordering::Relaxed);
        let event = Json::object().with("echotest", "event").with("result", "done");
        self.host.push_event(PACKAGE, None, event, None);
    }

    fn stop(&self) {
        self.alive.store(false, Ordering::Release);
    }

    fn destroy(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_and_no_simulcast() {
        let offer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=mid:0\r\na=sendrecv\r\na=rtpmap:111 opus/48000/2\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\n\
            a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:5 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n";
        let answer = Sdp::parse(&answer(offer).unwrap()).unwrap();
        use crate::sdp::Direction::{RecvOnly, SendRecv};
        assert_eq!(answer.mlines[0].direction, SendRecv);
        assert_eq!(answer.mlines[1].direction, RecvOnly);
        assert_eq!(answer.mlines[2].port, 9);
        assert_eq!(answer.mlines[1].value("extmap"), Some("4 urn:ietf:params:rtp-hdrext:sdes:mid"));
        assert!(super::answer("no description").is_none());
    }

    #[test]
    fn requests() {
        let read = |text: &str| Wanted::read(&Json::parse(text.as_bytes(), 0).unwrap());
        let wanted = read(r#"{"audio":false,"bitrate":64000,"other":1}"#).unwrap();
        assert_eq!(wanted, Wanted { audio: Some(false), video: None, bitrate: Some(64000) });
        for wrong in [r#"{"audio":1}"#, r#"{"video":"yes"}"#, r#"{"bitrate":-1}"#, r#"{"bitrate":true}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
