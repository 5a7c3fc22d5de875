use super::*;
use crate::media::{DtlsRole, IceCredentials};
use crate::sdp::Sdp;

const OFFER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
a=group:BUNDLE 0 1 2\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS stream\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
a=candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host generation 0\r\n\
a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=ice-options:trickle\r\n\
a=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=mid:0\r\n\
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
a=sendrecv\r\na=msid:stream track-a\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=ssrc:1001 cname:x\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96 97 116\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
a=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=mid:1\r\na=extmap:13 urn:3gpp:video-orientation\r\n\
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendrecv\r\na=msid:stream track-v\r\na=rtcp-mux\r\n\
a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
a=rtpmap:116 ulpfec/90000\r\na=ssrc-group:FID 2001 2002\r\na=ssrc:2001 cname:x\r\na=ssrc:2002 cname:x\r\n\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
a=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=mid:2\r\n\
a=sctp-port:5000\r\na=max-message-size:262144\r\n";

const ANSWER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 1.1.1.1\r\ns=-\r\nt=0 0\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 1.1.1.1\r\na=sendrecv\r\na=rtpmap:111 opus/48000/2\r\n\
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 1.1.1.1\r\na=sendrecv\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 1.1.1.1\r\n";

fn transport() -> LocalTransport {
    LocalTransport {
        address: "192.0.2.7".parse().unwrap(),
        credentials: IceCredentials { ufrag: "uuuu".into(), pwd: "pppppppppppppppppppppp".into() },
        fingerprint: Some("11:22".into()),
        dtls_role: DtlsRole::Active,
        ice_lite: false,
        candidates: Some(vec!["1 1 udp 2013266431 192.0.2.7 40000 typ host".into()]),
        largest_message: 262_144,
    }
}

fn remote(text: &str) -> (Negotiation, Description, RemoteChange) {
    let mut negotiation = Negotiation::for_remote_offer();
    let mut description = Description::parse(SdpType::Offer, text).unwrap();
    let change = negotiation.apply_remote(&mut description, RidOrder::Hml, true).unwrap();
    (negotiation, description, change)
}

fn answered(text: &str) -> (Negotiation, String) {
    let (mut negotiation, _, _) = remote(text);
    let mut answer = Description::parse(SdpType::Answer, ANSWER).unwrap();
    negotiation.apply_local(&mut answer).unwrap();
    let merged = negotiation.merge(answer, &transport());
    (negotiation, merged)
}

// MP-005, MP-025, MP-034, MP-035, MP-036, MP-037, MP-039
#[test]
fn a_browser_offer_becomes_state() {
    let (negotiation, description, change) = remote(OFFER);
    assert_eq!(description.setup, Some(Setup::ActPass));
    assert_eq!(change.candidates.len(), 1);
    assert!(change.data_added && !change.ice_restart);
    assert_eq!(negotiation.bundle_mid.as_deref(), Some("0"));
    assert_eq!(negotiation.data, Some(DataSyntax::SctpPort));
    assert!(negotiation.rtx_enabled);
    let [audio, video, data] = &negotiation.media[..] else { panic!() };
    assert_eq!((audio.kind, video.kind, data.kind), (MediumKind::Audio, MediumKind::Video, MediumKind::Data));
    assert_eq!(audio.opus_red_pt, Some(63));
    assert_eq!(audio.remote_ssrc[0], 1001);
    assert_eq!((video.remote_ssrc[0], video.remote_ssrc_rtx[0]), (2001, 2002));
    assert!(video.nacks && !audio.nacks);
    assert!(video.ssrc != 0 && video.ssrc_rtx != 0 && audio.ssrc != 0 && audio.ssrc_rtx == 0);
    assert_eq!(negotiation.extensions.mid, 4);
    assert_eq!(negotiation.extensions.orientation, 13);
    assert_eq!(video.rtx.get(&96), Some(&97));
}

// MP-047, MP-048, MP-049, MP-050, MP-051, MP-053, MP-054
#[test]
fn the_plugin_sees_no_transport() {
    let (_, mut description, _) = remote(OFFER);
    anonymise(&mut description.sdp);
    let text = description.sdp.write();
    for gone in [
        "candidate",
        "ufrag",
        "ice-pwd",
        "fingerprint",
        "setup",
        "BUNDLE",
        "ssrc",
        "rtx",
        "ulpfec",
        "sctp-port",
    ] {
        assert!(!text.contains(gone) || gone == "ssrc" && !text.contains("a=ssrc:"), "{gone} in\n{text}");
    }
    assert!(text.contains("o=- 4611731400430051336 2 IN IP4 1.1.1.1"));
    assert!(text.contains("m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 1.1.1.1"));
    assert!(text.contains("a=mid:1") && text.contains("a=msid:stream track-v"));
    assert!(text.contains("red/48000/2") && text.contains("a=extmap:13 urn:3gpp:video-orientation"));
}

// MP-055 … MP-063, MP-065 … MP-067, MP-071, MP-073, MP-076
#[test]
fn the_answer_carries_our_transport_in_order() {
    let (negotiation, text) = answered(OFFER);
    let sdp = Sdp::parse(&text).unwrap();
    let session: Vec<&str> = sdp.attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(session, ["group", "ice-options", "fingerprint", "extmap-allow-mixed", "msid-semantic"]);
    assert_eq!(sdp.attributes[0].value.as_deref(), Some("BUNDLE 0 1 2"));
    assert!(text.contains("a=msid-semantic: WMS *\r\n"));
    assert_eq!(sdp.c_addr, None);
    let video = &sdp.mlines[1];
    let names: Vec<&str> = video.attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "mid",
            "rtcp-mux",
            "ice-ufrag",
            "ice-pwd",
            "ice-options",
            "setup",
            "rtpmap",
            "rtcp-fb",
            "rtpmap",
            "fmtp",
            "ssrc-group",
            "msid",
            "ssrc",
            "ssrc",
            "candidate",
            "end-of-candidates"
        ]
    );
    assert_eq!(video.ptypes, [96, 97]);
    assert_eq!(video.value("setup"), Some("active"));
    assert_eq!(video.value("msid"), Some("janus janus1"));
    let medium = &negotiation.media[1];
    assert_eq!(video.value("ssrc-group"), Some(format!("FID {} {}", medium.ssrc, medium.ssrc_rtx).as_str()));
    assert_eq!(sdp.mlines[2].value("sctp-port"), Some("5000"));
    assert_eq!(sdp.mlines[2].value("max-message-size"), Some("262144"));
    assert_eq!(negotiation.largest_message, Some(262_144));
    // MP-078: the answer kept mid only on the audio m-line, and dropped nothing else of the kept six
    assert_eq!(negotiation.extensions.mid, 4);
    assert!(medium.send && medium.recv);
    assert_eq!(medium.codecs.get(&96).map(String::as_str), Some("vp8"));
}

// MP-017, MP-023, MP-024, CP-153
#[test]
fn the_first_mline_needs_a_transport() {
    for gone in
        ["a=fingerprint:sha-256 AA:BB\r\n", "a=ice-ufrag:abcd\r\n", "a=ice-pwd:0123456789012345678901\r\n"]
    {
        let mut description = Description::parse(SdpType::Offer, &OFFER.replacen(gone, "", 1)).unwrap();
        let mut negotiation = Negotiation::for_remote_offer();
        assert!(negotiation.apply_remote(&mut description, RidOrder::Hml, true).is_err(), "{gone}");
        assert!(negotiation.media.is_empty(), "a refused description changes nothing");
    }
    let md5 = OFFER.replacen("sha-256 AA:BB", "md5 AA:BB", 1);
    let mut description = Description::parse(SdpType::Offer, &md5).unwrap();
    assert!(Negotiation::for_remote_offer().apply_remote(&mut description, RidOrder::Hml, true).is_err());
    let moved = OFFER
        .replace("a=fingerprint:sha-256 AA:BB\r\n", "")
        .replace("a=extmap-allow-mixed\r\n", "a=fingerprint:sha-256 CC:DD\r\n");
    assert_eq!(remote(&moved).2.transport.fingerprint.unwrap().value, "CC:DD");
}

// MP-020, MP-021, MP-022, MP-015, CP-151
#[test]
fn the_first_look() {
    let zero = OFFER.replacen("m=audio 9", "m=audio 0", 1);
    assert_eq!(Description::parse(SdpType::Offer, &zero).unwrap().sdp.mlines[0].port, 9);
    let only = OFFER.replacen("m=video 9", "m=video 0", 1).replacen(
        "a=mid:1\r\n",
        "a=mid:1\r\na=bundle-only\r\n",
        1,
    );
    assert_eq!(Description::parse(SdpType::Offer, &only).unwrap().sdp.mlines[1].port, 9);
    let long = OFFER.replacen("a=mid:0", "a=mid:12345678901234567", 1);
    assert!(Description::parse(SdpType::Offer, &long).is_err());
    let many = format!("{OFFER}{}", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(1100));
    assert!(Description::parse(SdpType::Offer, &many).unwrap_err().to_string().contains("more than 1024"));
    let error = Description::parse(SdpType::Offer, "x").unwrap_err();
    assert_eq!(error.to_string(), "Invalid SDP (doesn't start with v=)");
}

/// As Chromium writes a stopped first transceiver: with ICE attributes that are nobody's any more.
#[test]
fn the_transport_is_not_that_of_a_rejected_mline() {
    let text = OFFER.replacen("m=audio 9", "m=audio 0", 1).replacen("ice-ufrag:abcd", "ice-ufrag:gone", 1);
    let bundled = |mids| text.replacen("BUNDLE 0 1 2", mids, 1);
    let (negotiation, _, change) = remote(&bundled("BUNDLE 1 2"));
    assert_eq!(change.transport.credentials.ufrag, "abcd");
    assert!(negotiation.media[0].refused && !negotiation.media[1].refused);
    assert_eq!(negotiation.bundle_mid.as_deref(), Some("1"));
    // What is bundled is in use, whatever its port.
    let (negotiation, _, change) = remote(&text);
    assert_eq!(change.transport.credentials.ufrag, "gone");
    assert!(!negotiation.media[0].refused);
}

fn simulcast_offer(lines: &str) -> String {
    let groups = "a=ssrc-group:FID 2001 2002\r\na=ssrc:2001 cname:x\r\na=ssrc:2002 cname:x\r\n";
    OFFER
        .replace(groups, lines)
        .replace("a=extmap:13 ", "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=extmap:13 ")
}

// MP-028, MP-029, MP-031, MP-046, CP-165
#[test]
fn rids_reach_the_plugin_highest_first() {
    let three = simulcast_offer(
        "a=rid:h send\r\na=rid:m send\r\na=rid:l send\r\na=rid:x send\r\na=simulcast:send h;m;~l\r\n",
    );
    let (negotiation, _, _) = remote(&three);
    let simulcast = negotiation.simulcast();
    let rids = vec!["h".to_owned(), "m".to_owned(), "l".to_owned()];
    assert_eq!(simulcast[0].layers, SimulcastLayers::Rids { rids, extension: Some(10) });
    assert_eq!((simulcast[0].mindex, simulcast[0].mid.as_deref()), (1, Some("1")));
    assert_eq!(negotiation.media[1].rids[0].as_deref(), Some("l"));
    let (two, _, _) = remote(&simulcast_offer("a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n"));
    assert_eq!(two.media[1].rids, [Some("l".into()), Some("h".into()), None]);
}

// MP-068, MP-069, MP-077
#[test]
fn simulcast_is_answered_as_offered() {
    let offer =
        simulcast_offer("a=rid:h send\r\na=rid:m send\r\na=rid:l send\r\na=simulcast:send h;m;~l\r\n");
    let (mut negotiation, _, _) = remote(&offer);
    let with_rid = ANSWER.replace(
        "a=rtpmap:96 VP8/90000\r\n",
        "a=rtpmap:96 VP8/90000\r\na=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n",
    );
    let mut answer = Description::parse(SdpType::Answer, &with_rid).unwrap();
    negotiation.apply_local(&mut answer).unwrap();
    let text = negotiation.merge(answer, &transport());
    assert!(
        text.contains("a=rid:h recv\r\na=rid:m recv\r\na=rid:l recv\r\na=simulcast:recv h;m;~l\r\n"),
        "{text}"
    );
    // without the rid extension the plugin wants one stream only
    let (mut negotiation, _, _) = remote(&offer);
    let mut answer = Description::parse(SdpType::Answer, ANSWER).unwrap();
    negotiation.apply_local(&mut answer).unwrap();
    assert!(!negotiation.media[1].has_rids());
    assert!(!negotiation.merge(answer, &transport()).contains("simulcast"));
}

// MP-032, MP-033
#[test]
fn ssrc_groups_name_layers() {
    let sim = simulcast_offer("a=ssrc-group:SIM 1 2 3\r\na=ssrc-group:FID 2 22\r\na=ssrc:1 cname:x\r\n");
    let (negotiation, _, _) = remote(&sim);
    assert_eq!(negotiation.media[1].remote_ssrc, [1, 2, 3]);
    assert_eq!(negotiation.media[1].remote_ssrc_rtx, [0, 22, 0]);
    assert_eq!(negotiation.simulcast()[0].layers, SimulcastLayers::Ssrcs(vec![1, 2, 3]));
    let both =
        simulcast_offer("a=rid:a send\r\na=rid:b send\r\na=ssrc-group:SIM 1 2 3\r\na=ssrc:1 cname:x\r\n");
    assert_eq!(remote(&both).0.media[1].remote_ssrc, [0, 0, 0]);
}

// MP-063, MP-064, MP-041
#[test]
fn rejected_mlines_keep_their_mid_only() {
    let (mut negotiation, _, _) = remote(OFFER);
    let rejected = ANSWER.replace("m=video 9", "m=video 0").replace("m=application 9", "m=application 0");
    let mut answer = Description::parse(SdpType::Answer, &rejected).unwrap();
    negotiation.apply_local(&mut answer).unwrap();
    let text = negotiation.merge(answer, &transport());
    assert!(text.contains("a=group:BUNDLE 0\r\n"));
    assert!(text.contains("m=video 0 UDP/TLS/RTP/SAVPF 0\r\n"), "{text}");
    let sdp = Sdp::parse(&text).unwrap();
    assert_eq!(sdp.mlines[1].attributes.len(), 1);
    assert!(!negotiation.media[1].send && negotiation.media[1].ssrc == 0);
}

// MP-007, MP-008, MP-009, MP-060, MP-074, MP-075
#[test]
fn a_plugin_offer_is_completed() {
    let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=room\r\nt=0 0\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\n\
a=rtcp-fb:96 nack\r\na=extmap:5 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=msid:feed v1\r\n";
    let mut negotiation = Negotiation::for_local_offer();
    let mut description = Description::parse(SdpType::Offer, offer).unwrap();
    negotiation.apply_local(&mut description).unwrap();
    let text = negotiation.merge(description.clone(), &transport());
    assert!(text.contains("a=group:BUNDLE 0 1\r\n") && text.contains("a=setup:actpass\r\n"));
    assert!(!text.contains("rtp-stream-id"));
    assert!(text.contains("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\n"), "{text}");
    assert!(text.contains(
        "a=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=96\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=97\r\n"
    ));
    assert!(text.contains("a=msid:feed v1\r\n") && text.contains("a=msid:janus janus0\r\n"));
    assert!(negotiation.media[1].send && !negotiation.media[1].recv);
    let before = negotiation.media[1].ssrc;
    let inactive = offer.replace("97\r\na=sendonly", "97\r\na=inactive");
    let mut description = Description::parse(SdpType::Offer, &inactive).unwrap();
    negotiation.apply_local(&mut description).unwrap();
    assert_eq!(negotiation.media[1].ssrc, 0);
    let mut description = Description::parse(SdpType::Offer, offer).unwrap();
    negotiation.apply_local(&mut description).unwrap();
    assert!(negotiation.media[1].ssrc != 0 && negotiation.media[1].ssrc != before);
}

// MP-062: a SIP device's call without video, as the reference offers it.
#[test]
fn a_rejected_mline_has_the_profile_of_the_others() {
    let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n\
m=text 0 RTP/AVP 98\r\n";
    for (encrypted, profile) in [(true, "UDP/TLS/RTP/SAVPF"), (false, "RTP/AVPF")] {
        let mut negotiation = Negotiation::for_local_offer();
        let mut description = Description::parse(SdpType::Offer, offer).unwrap();
        negotiation.apply_local(&mut description).unwrap();
        let fingerprint = encrypted.then(|| "11:22".to_owned());
        let text = negotiation.merge(description, &LocalTransport { fingerprint, ..transport() });
        assert_eq!(text.matches(&format!(" {profile} 0\r\n")).count(), 2, "{text}");
        assert!(text.contains(&format!("m=video 0 {profile} 0\r\n")), "{text}");
        assert!(text.contains("m=text 0 RTP/AVP 0\r\n"), "{text}");
    }
}

// MP-075
#[test]
fn rtx_avoids_the_payload_types_of_later_mlines() {
    let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=room\r\nt=0 0\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 100\r\na=sendonly\r\na=rtpmap:100 VP8/90000\r\n\
m=video 9 UDP/TLS/RTP/SAVPF 101\r\na=sendonly\r\na=rtpmap:101 H264/90000\r\n";
    let mut negotiation = Negotiation::for_local_offer();
    let mut description = Description::parse(SdpType::Offer, offer).unwrap();
    negotiation.apply_local(&mut description).unwrap();
    let text = negotiation.merge(description, &transport());
    assert!(text.contains("SAVPF 100 102\r\n") && text.contains("SAVPF 101 103\r\n"), "{text}");
}

// MP-006, MP-084, MP-085, MP-086, MP-091
#[test]
fn renegotiation_keeps_and_adds() {
    let (mut negotiation, _) = answered(OFFER);
    let ssrc = negotiation.media[1].ssrc;
    let again = OFFER.replace("a=mid:1\r\n", "a=mid:other\r\n").replace("ice-ufrag:abcd", "ice-ufrag:wxyz");
    let mut description = Description::parse(SdpType::Offer, &again).unwrap();
    let change = negotiation.apply_remote(&mut description, RidOrder::Hml, true).unwrap();
    assert!(change.ice_restart && !change.data_added);
    assert_eq!(negotiation.media[1].mid.as_deref(), Some("other"));
    assert_eq!(negotiation.media[1].ssrc, ssrc);
    assert_eq!(negotiation.remote.as_ref().unwrap().credentials.ufrag, "wxyz");
}

/// Work that grows with the square of a description's length would not end here.
#[test]
fn payload_types_without_end() {
    let lines: String = (0..100_000).map(|pt| format!("a=rtpmap:{pt} rtx/90000\r\n")).collect();
    let text =
        format!("v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n{lines}");
    let mut sdp = crate::sdp::Sdp::parse(&text).unwrap();
    anonymise(&mut sdp);
    assert!(sdp.mlines[0].attributes.is_empty());
}
