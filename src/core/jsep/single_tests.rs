use super::super::description::Setup;
use super::super::*;
use super::*;
use crate::media::{DtlsRole, IceCredentials};

/// Two m-lines of each kind, and data between them.
const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE v a d v2 a2\r\n\
a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\na=msid:s v\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n\
a=fmtp:97 apt=96\r\na=extmap:3 urn:3gpp:video-orientation\r\n\
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
a=extmap:9 http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07\r\n\
a=rid:h send\r\na=rid:m send\r\na=rid:l send\r\na=simulcast:send h;m;l\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=msid:s a\r\na=rtpmap:111 opus/48000/2\r\n\
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v2\r\na=msid:t v\r\na=rtpmap:96 VP8/90000\r\na=ssrc-group:SIM 5 6\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a2\r\na=msid:t a\r\na=rtpmap:111 opus/48000/2\r\n";

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 1.1.1.1\r\ns=-\r\nt=0 0\r\n";
const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
const VIDEO: &str =
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=extmap:3 urn:3gpp:video-orientation\r\n";
const DATA: &str = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";

fn remote() -> (Negotiation, Sdp) {
    let mut negotiation = Negotiation::for_remote_offer();
    let mut description = Description::parse(SdpType::Offer, OFFER).unwrap();
    assert_eq!(description.setup, Some(Setup::ActPass));
    negotiation.apply_remote(&mut description, RidOrder::Hml, true).unwrap();
    anonymise(&mut description.sdp);
    (negotiation, description.sdp)
}

/// What the client gets of what the plugin says, line by line.
fn local(negotiation: &mut Negotiation, kind: SdpType, text: &str) -> Vec<String> {
    let mut description = Description::parse(kind, text).unwrap();
    without_mids(&mut description.sdp);
    negotiation.from_single(&mut description);
    negotiation.apply_local(&mut description).unwrap();
    let transport = LocalTransport {
        address: "192.0.2.7".parse().unwrap(),
        credentials: IceCredentials { ufrag: "uuuu".into(), pwd: "pppppppppppppppppppppp".into() },
        fingerprint: Some("11:22".into()),
        dtls_role: DtlsRole::Active,
        ice_lite: false,
        candidates: None,
        largest_message: 262_144,
    };
    negotiation.merge(description, &transport).lines().map(str::to_owned).collect()
}

/// The m-lines with their mids.
fn media(lines: &[String]) -> Vec<&str> {
    lines
        .iter()
        .filter(|l| l.starts_with("m=") || l.starts_with("a=mid:"))
        .map(|l| l.split(" UDP").next().unwrap())
        .collect()
}

// MP-012, MP-049
#[test]
fn the_plugin_sees_the_first_of_each_kind_without_names() {
    let (negotiation, mut sdp) = remote();
    to_single(&mut sdp);
    let text = sdp.write();
    assert!(!text.contains("a=mid") && !text.contains("a=msid"), "{text}");
    let ports: Vec<u16> = sdp.mlines.iter().map(|m| m.port).collect();
    assert_eq!(ports, [9, 9, 9, 0, 0]);
    let simulcast = negotiation.simulcast_of_single().unwrap();
    let rids = ["h", "m", "l"].map(String::from).to_vec();
    assert_eq!(simulcast.layers, SimulcastLayers::Rids { rids, extension: Some(4) });
    assert_eq!(frame_marking(&sdp), Some(9));
}

#[test]
fn an_answer_finds_its_places_by_kind() {
    let (mut negotiation, _) = remote();
    // In another order, with a second one, without data.
    let answer = local(&mut negotiation, SdpType::Answer, &format!("{HEAD}{AUDIO}{VIDEO}{AUDIO}"));
    let places = [
        "m=video 9",
        "a=mid:v",
        "m=audio 9",
        "a=mid:a",
        "m=application 0",
        "a=mid:d",
        "m=video 0",
        "a=mid:v2",
    ];
    assert_eq!(media(&answer)[..8], places);
    assert_eq!(media(&answer)[8..], ["m=audio 0", "a=mid:a2"]);
    assert!(answer.contains(&"a=group:BUNDLE v a".to_owned()), "{answer:#?}");
    let flows: Vec<bool> = negotiation.media.iter().map(|m| m.recv).collect();
    assert_eq!(flows, [true, true, false, false, false]);
    // The level was not answered: the plugin's structs need not have it.
    let accepted = negotiation.accepted();
    assert!(accepted.orientation && !accepted.audio_level && !accepted.dependency_descriptor);
}

#[test]
fn an_unwanted_medium_is_rejected_but_not_the_first() {
    let unwanted = |kind: &str| format!("m={kind} 9 UDP/TLS/RTP/SAVPF 0\r\na=inactive\r\n");
    let (mut negotiation, _) = remote();
    let text = format!("{HEAD}{VIDEO}{}{DATA}", unwanted("audio"));
    let answer = local(&mut negotiation, SdpType::Answer, &text);
    assert_eq!(media(&answer)[2..6], ["m=audio 0", "a=mid:a", "m=application 9", "a=mid:d"]);
    let (mut negotiation, _) = remote();
    let text = format!("{HEAD}{}{AUDIO}", unwanted("video"));
    let answer = local(&mut negotiation, SdpType::Answer, &text);
    assert_eq!(media(&answer)[..4], ["m=video 9", "a=mid:v", "m=audio 9", "a=mid:a"]);
    assert!(!negotiation.media[0].send && !negotiation.media[0].recv && negotiation.media[1].recv);
}

#[test]
fn an_offer_keeps_the_places_that_there_are() {
    let mut negotiation = Negotiation::for_local_offer();
    let offer = local(&mut negotiation, SdpType::Offer, &format!("{HEAD}{VIDEO}{VIDEO}{DATA}"));
    assert_eq!(media(&offer), ["m=video 9", "a=mid:0", "m=application 9", "a=mid:1"]);
    // Audio comes, and comes last; the order of the plugin's text does not count.
    let offer = local(&mut negotiation, SdpType::Offer, &format!("{HEAD}{AUDIO}{DATA}{VIDEO}"));
    let places = ["m=video 9", "a=mid:0", "m=application 9", "a=mid:1", "m=audio 9", "a=mid:2"];
    assert_eq!(media(&offer), places);
}
