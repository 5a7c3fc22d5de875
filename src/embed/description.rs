//! Session descriptions of peers: what people paste is read, and what a plugin would say is written.
#![forbid(unsafe_code)]

use super::error::{Error, Result};
use super::types::janus_rs_code::*;
use crate::core::jsep::{Description, Negotiation, RidOrder, SdpType, Setup};
use crate::json::{Json, load};
use crate::sdp::MediaType;

/// What was handed over.
#[derive(Debug, PartialEq, Eq)]
pub enum Pasted {
    /// `kind` is `None` for bare SDP.
    Sdp { kind: Option<SdpType>, text: String },
    /// {"type": "rollback"}
    Rollback,
}

/// Reads SDP with any line ends, or an RTCSessionDescription as JSON, perhaps as a JSON text itself.
pub fn read(pasted: &str) -> Result<Pasted> {
    let text = pasted.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(unusable("the description is empty"));
    }
    if text.starts_with(['{', '"']) {
        let json = Json::parse(text.as_bytes(), load::DECODE_ANY)
            .map_err(|why| unusable(format!("the description looks like JSON and is none: {}", why.text)))?;
        return match json.as_str() {
            Some(inner) if inner.trim_start().starts_with(['{', 'v']) => read(inner),
            Some(_) => Err(unusable("the text in quotes is no description")),
            None => from_json(&json),
        };
    }
    // From a program that printed them as they are in its source.
    let escaped = !text.contains(['\r', '\n']) && text.contains("\\n");
    let lines = if escaped { text.replace("\\r", "\r").replace("\\n", "\n") } else { text.to_owned() };
    Ok(Pasted::Sdp { kind: None, text: clean(&lines)? })
}

fn from_json(json: &Json) -> Result<Pasted> {
    let member = |name: &str| json.get(name).and_then(|value| value.as_str().map(str::to_owned));
    let kind = member("type").ok_or_else(|| unusable("the description has no \"type\""))?;
    if kind.eq_ignore_ascii_case("rollback") {
        return Ok(Pasted::Rollback);
    }
    let kind = SdpType::from_name(&kind)
        .ok_or_else(|| unusable(format!("a description of type \"{kind}\" is not taken")))?;
    let sdp = member("sdp").ok_or_else(|| unusable("the description has no \"sdp\""))?;
    Ok(Pasted::Sdp { kind: Some(kind), text: clean(&sdp)? })
}

/// One line end for all, no blanks around, and no line that is none.
fn clean(text: &str) -> Result<String> {
    let mut clean = String::with_capacity(text.len() + 64);
    let numbered = text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty()).enumerate();
    for (index, line) in numbered {
        let number = index + 1;
        let bytes = line.as_bytes();
        let wrong = |what: &str| {
            let shown = &line[..line.floor_char_boundary(60)];
            unusable(format!("line {number} {what}: {shown}"))
        };
        if bytes.len() < 2 || bytes[1] != b'=' || !bytes[0].is_ascii_alphabetic() {
            return Err(wrong("is not of the form x=…"));
        }
        if index == 0 && bytes != b"v=0" {
            return Err(wrong("should be v=0"));
        }
        clean.push_str(line);
        clean.push_str("\r\n");
    }
    Ok(clean)
}

pub fn unusable(why: impl Into<String>) -> Error {
    Error::new(JANUS_RS_ESDP, why)
}

/// Looks at a description of the peer before anything depends on it.
pub fn check(kind: SdpType, text: &str) -> Result<Description> {
    let description = Description::parse(kind, text).map_err(|why| unusable(why.to_string()))?;
    let mut copy = description.clone();
    Negotiation::for_remote_offer()
        .apply_remote(&mut copy, RidOrder::Hml, true)
        .map_err(|why| unusable(why.to_string()))?;
    Ok(description)
}

/// Whether its `a=setup` is that of an answer.
pub fn is_answer(description: &Description) -> bool {
    matches!(description.setup, Some(Setup::Active | Setup::Passive))
}

/// Whether there is something that could be taken.
pub fn has_anything(description: &Description) -> bool {
    let known = |mline: &crate::sdp::Mline| match mline.kind {
        MediaType::Application => mline.proto.contains("DTLS/SCTP"),
        kind => kind != MediaType::Other,
    };
    description.sdp.mlines.iter().any(|mline| mline.port > 0 && known(mline))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
        a=ice-pwd:abcdefghijklmnopqrstuv\r\na=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\na=mid:0\r\n\
        a=sctp-port:5000\r\n";

    fn sdp(pasted: &str) -> (Option<SdpType>, String) {
        match read(pasted) {
            Ok(Pasted::Sdp { kind, text }) => (kind, text),
            other => panic!("{other:?} of {pasted}"),
        }
    }

    #[test]
    fn what_people_paste() {
        let json = Json::object().with("type", "offer").with("sdp", OFFER);
        let json = json.dump(crate::json::dump::COMPACT).unwrap();
        let quoted = Json::object().with("x", json.as_str()).dump(crate::json::dump::COMPACT).unwrap();
        let quoted = quoted.strip_prefix("{\"x\":").unwrap().strip_suffix('}').unwrap();
        let bare = [
            OFFER.to_owned(),
            OFFER.replace("\r\n", "\n"),
            OFFER.replace("\r\n", "\r"),
            OFFER.replace("\r\n", "\r\n\r\n   "),
            format!("\u{feff}\n {OFFER}\n\n"),
            OFFER.replace("\r\n", "\\r\\n"),
        ];
        for pasted in bare {
            assert_eq!(sdp(&pasted), (None, OFFER.to_owned()), "{pasted}");
        }
        for pasted in [json.as_str(), quoted] {
            assert_eq!(sdp(pasted), (Some(SdpType::Offer), OFFER.to_owned()), "{pasted}");
        }
        assert_eq!(read("{\"type\": \"rollback\"}").unwrap(), Pasted::Rollback);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let says = |pasted: &str, what: &str| {
            let error = read(pasted).and_then(|pasted| match pasted {
                Pasted::Sdp { text, .. } => check(SdpType::Offer, &text).map(drop),
                Pasted::Rollback => Ok(()),
            });
            let error = format!("{:?}", error.unwrap_err());
            assert!(error.contains(what) && error.contains("ESDP"), "{error} of {pasted}");
        };
        says("", "empty");
        says("hello", "line 1");
        says("o=- 1 1 IN IP4 1.1.1.1", "line 1");
        says(&OFFER.replace("a=mid:0", "mid:0"), "line 12");
        says("{\"type\": \"offer\"", "JSON");
        says("{\"type\": \"offer\"}", "sdp");
        says("{\"sdp\": \"v=0\"}", "type");
        says("{\"type\": \"pranswer\", \"sdp\": \"v=0\"}", "pranswer");
        says(&OFFER.replace("a=ice-pwd:abcdefghijklmnopqrstuv\r\n", ""), "ICE password");
        says(&OFFER.replace("a=fingerprint:sha-256 AB:CD\r\n", ""), "fingerprint");
    }
}
