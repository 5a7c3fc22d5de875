//! Offers and answers. Texts marked 1.1 are what the reference (1.1.2) wrote for the same calls, byte for byte.

use super::answer::{AnswerMline, generate_answer};
use super::offer::{generate_offer, offer_mline};
use super::options::{Oa, OaError};
use super::*;
use crate::rtp::uri::{DEPENDENCY_DESCRIPTOR, TRANSPORT_WIDE_CC};

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The m-lines of an offer, without CRs.
fn offer(rules: &Rules, options: Vec<Oa>) -> String {
    let sdp = generate_offer(Some("nm"), Some("1.2.3.4"), 1, options, rules).expect("offer");
    let text = sdp.write_with(rules).replace('\r', "");
    text.strip_prefix("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=nm\nt=0 0\nc=IN IP4 1.2.3.4\n")
        .expect("head")
        .to_owned()
}

fn mline(rules: &Rules, options: Vec<Oa>) -> Result<String, OaError> {
    let mut sdp = Sdp::new(None, Some("1.2.3.4"), 1);
    let mline = offer_mline(&sdp, options, rules)?;
    sdp.mlines.push(mline);
    Ok(sdp.write_with(rules).replace('\r', "").split_once("\nm=").expect("m-line").1.to_owned())
}

const AUDIO: Oa = Oa::Mline(MediaType::Audio);
const VIDEO: Oa = Oa::Mline(MediaType::Video);
const DATA: Oa = Oa::Mline(MediaType::Application);

#[test]
fn a_full_audio_offer() {
    // HL-196, HL-197, HL-200: id 0 and 15 are refused, as are a second id for a URI and a second URI for an id.
    let extension = |uri: &str, id| Oa::Extension(some(uri), id);
    let options = vec![
        AUDIO,
        Oa::Mid(some("a0")),
        Oa::Msid(some("st"), some("tr")),
        Oa::Codec(some("opus")),
        Oa::Pt(99),
        Oa::Fmtp(some("x=1")),
        Oa::AudioDtmf(true),
        Oa::OpusRedPt(63),
        Oa::Direction(Direction::SendOnly),
        extension(TRANSPORT_WIDE_CC, 5),
        extension("urn:a", 2),
        extension("urn:b", 0),
        extension("urn:c", 15),
        extension("urn:a", 3),
        extension("urn:d", 2),
    ];
    let expected = |feedback: &str| {
        format!(
            "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 126\nc=IN IP4 1.2.3.4\na=sendonly\na=mid:a0\na=msid:st tr\n\
             a=rtpmap:63 red/48000/2\na=rtpmap:111 opus/48000/2\na=rtpmap:126 telephone-event/8000\n{feedback}\
             a=extmap:2 urn:a\na=extmap:5 {TRANSPORT_WIDE_CC}\na=fmtp:63 111/111\na=fmtp:111 x=1\n"
        )
    };
    assert_eq!(offer(&Rules::V1_1, options.clone()), expected("a=rtcp-fb:111 transport-cc\n"));
    assert_eq!(offer(&Rules::NATIVE, options), expected(""));
}

#[test]
fn video_offers() {
    let plain = "m=video 9 UDP/TLS/RTP/SAVPF 96\nc=IN IP4 1.2.3.4\na=rtpmap:96 VP8/90000\n\
        a=rtcp-fb:96 ccm fir\na=rtcp-fb:96 nack\na=rtcp-fb:96 nack pli\na=rtcp-fb:96 goog-remb\n";
    assert_eq!(offer(&Rules::NATIVE, vec![VIDEO]), plain);
    assert_eq!(offer(&Rules::V1_1, vec![VIDEO]), format!("{plain}a=rtcp-fb:96 transport-cc\n"));
    let profile = |codec: &str| {
        vec![
            VIDEO,
            Oa::Codec(some(codec)),
            Oa::Pt(99),
            Oa::Fmtp(some("x=1")),
            Oa::Vp9Profile(some("2")),
            Oa::H264Profile(some("42E01f")),
            Oa::VideoRtcpFbDefaults(false),
        ]
    };
    for (codec, fmtp) in
        [("vp9", "profile-id=2"), ("h264", "profile-level-id=42E01f;packetization-mode=1"), ("AV1", "x=1")]
    {
        let text = offer(&Rules::V1_1, profile(codec));
        assert!(text.ends_with(&format!("/90000\na=rtcp-fb:99 transport-cc\na=fmtp:99 {fmtp}\n")), "{text}");
    }
}

#[test]
fn data_offers() {
    let modern =
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 1.2.3.4\na=mid:d\na=sctp-port:5000\n";
    let msid = Oa::Msid(some("a"), some("b"));
    let options = vec![DATA, Oa::Mid(some("d")), msid, Oa::Direction(Direction::SendOnly)];
    assert_eq!(offer(&Rules::V1_1, options), modern);
    assert_eq!(
        offer(&Rules::V1_1, vec![DATA, Oa::DataLegacy(true), Oa::Mid(some("d"))]),
        "m=application 9 DTLS/SCTP 5000\nc=IN IP4 1.2.3.4\na=mid:d\na=sctpmap:5000 webrtc-datachannel 16\n"
    );
}

#[test]
fn disabled_mlines_are_left_out_but_keep_their_extension_ids() {
    // HL-198
    let text = offer(
        &Rules::NATIVE,
        vec![
            AUDIO,
            Oa::Enabled(false),
            Oa::Extension(some("urn:q"), 7),
            VIDEO,
            Oa::Extension(some("urn:r"), 7),
            Oa::Extension(some("urn:q"), 7),
            AUDIO,
            Oa::Enabled(true),
            Oa::Mid(some("2")),
        ],
    );
    assert_eq!(text.matches("m=").count(), 2);
    assert!(
        text.contains("m=video") && text.contains("a=extmap:7 urn:q\nm=audio") && !text.contains("urn:r")
    );
}

#[test]
fn offers_that_make_no_sense() {
    let refused = |options| generate_offer(None, None, 1, options, &Rules::NATIVE).unwrap_err();
    assert_eq!(refused(vec![Oa::Mid(some("x"))]), OaError::FirstIsNotMline);
    assert_eq!(refused(vec![Oa::Mline(MediaType::Other)]), OaError::VideoCodec);
    assert_eq!(refused(vec![VIDEO, Oa::Codec(some("foo"))]), OaError::VideoCodec);
    assert_eq!(refused(vec![AUDIO, Oa::Codec(some("red"))]), OaError::AudioCodec);
    assert!(generate_offer(None, None, 1, vec![], &Rules::NATIVE).unwrap().mlines.is_empty());
    // HL-201
    assert_eq!(mline(&Rules::NATIVE, vec![AUDIO, Oa::Codec(some("zz"))]), Err(OaError::AudioCodec));
    assert_eq!(mline(&Rules::NATIVE, vec![VIDEO, Oa::Codec(some("zz"))]), Err(OaError::VideoCodec));
    assert_eq!(mline(&Rules::NATIVE, vec![]), Err(OaError::FirstIsNotMline));
    let codes = [OaError::FirstIsNotMline, OaError::AudioCodec, OaError::VideoCodec, OaError::Conflict];
    assert_eq!(codes.map(OaError::code), [-2, -3, -4, -5]);
}

#[test]
fn single_mlines() {
    // HL-199, HL-200. The payload type counts here.
    let extension = |uri: &str, id| Oa::Extension(some(uri), id);
    let options = vec![
        VIDEO,
        Oa::Pt(99),
        extension(TRANSPORT_WIDE_CC, 5),
        extension("urn:a", 5),
        extension(TRANSPORT_WIDE_CC, 6),
        extension("urn:b", 15),
        extension("urn:d", -1),
    ];
    let expected = format!(
        "video 9 UDP/TLS/RTP/SAVPF 99\nc=IN IP4 1.2.3.4\na=rtpmap:99 VP8/90000\na=rtcp-fb:99 ccm fir\n\
         a=rtcp-fb:99 nack\na=rtcp-fb:99 nack pli\na=rtcp-fb:99 goog-remb\na=rtcp-fb:99 transport-cc\n\
         a=extmap:5 {TRANSPORT_WIDE_CC}\n"
    );
    assert_eq!(mline(&Rules::V1_1, options.clone()).unwrap(), expected);
    assert_eq!(mline(&Rules::NATIVE, options).unwrap(), expected);
    assert!(mline(&Rules::V1_1, vec![AUDIO]).unwrap().ends_with("a=rtcp-fb:111 transport-cc\n"));
    assert!(mline(&Rules::NATIVE, vec![AUDIO]).unwrap().ends_with("a=rtpmap:111 opus/48000/2\n"));
    let red = vec![AUDIO, Oa::Codec(some("pcmu")), Oa::OpusRedPt(63), Oa::Pt(7)];
    assert!(
        mline(&Rules::NATIVE, red).unwrap().ends_with(
            "63 7\nc=IN IP4 1.2.3.4\na=rtpmap:63 red/48000/2\na=rtpmap:7 PCMU/8000\na=fmtp:63 7/7\n"
        )
    );
}

/// An answer's m-lines for one m-line taken with `options`, without CRs.
fn answer(rules: &Rules, text: &str, index: i32, options: Vec<Oa>) -> String {
    let offer = Sdp::parse(text).expect("offer");
    let mut answer = generate_answer(&offer);
    let offered = offer.mline(index).expect("offered");
    let options = [vec![Oa::Mline(offered.kind)], options].concat();
    AnswerMline::from_options(options).unwrap().answer(offered, answer.mline_mut(index).unwrap(), rules);
    answer.write_with(rules).replace('\r', "").split_once("\nm=").expect("m-line").1.to_owned()
}

const HEAD: &str = "v=0\r\no=- 77 2 IN IP4 10.0.0.1\r\ns=sess\r\nt=1 2\r\n";
const BROWSER: &str = include_str!("../../tests/corpus/sdp/chromium-offer.sdp");

#[test]
fn an_answer_rejects_first() {
    // HL-202
    let offer = Sdp::parse(BROWSER).unwrap();
    let answer = generate_answer(&offer);
    assert_eq!(
        answer.write_with(&Rules::V1_1).replace('\r', ""),
        "v=0\no=- 4611731400430051336 2 IN IP4 127.0.0.1\ns=-\nt=0 0\nc=IN IP4 127.0.0.1\n\
         m=audio 0 UDP/TLS/RTP/SAVPF 0\nc=IN IP4 127.0.0.1\na=inactive\n\
         m=video 0 UDP/TLS/RTP/SAVPF 0\nc=IN IP4 127.0.0.1\na=inactive\n\
         m=application 0 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 127.0.0.1\na=inactive\n"
    );
    assert_eq!(answer.mlines.iter().map(|m| m.index).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn directions_are_mirrored() {
    // HL-203, HL-204. Rows: offered; columns: wanted, by number. As observed.
    use Direction::{Default, Inactive, Invalid, RecvOnly, SendOnly, SendRecv};
    let wanted = [Default, SendRecv, SendOnly, RecvOnly, Inactive, Invalid];
    for (offered, expected) in [
        (SendRecv, [Default, SendRecv, SendOnly, RecvOnly, Inactive, Invalid]),
        (SendOnly, [RecvOnly, RecvOnly, Inactive, RecvOnly, Inactive, Inactive]),
        (RecvOnly, [SendOnly, SendOnly, SendOnly, Inactive, Inactive, Inactive]),
        (Inactive, [Inactive; 6]),
    ] {
        let mut offer =
            Sdp::parse(&format!("{HEAD}m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n")).unwrap();
        offer.mlines[0].direction = offered;
        for (wanted, expected) in wanted.into_iter().zip(expected) {
            let mut mline = generate_answer(&offer).mlines.remove(0);
            let options = AnswerMline { direction: wanted, ..AnswerMline::default() };
            options.answer(&offer.mlines[0], &mut mline, &Rules::NATIVE);
            assert_eq!(mline.direction, expected, "{offered:?} {wanted:?}");
        }
    }
}

#[test]
fn audio_answers() {
    // HL-208: no mid, asked for or not. 1.1 has no transport-cc for audio.
    let options = vec![
        Oa::Msid(some("s"), some("t")),
        Oa::Codec(some("opus")),
        Oa::Fmtp(some("f=1")),
        Oa::AudioDtmf(true),
        Oa::AcceptOpusRed(true),
        Oa::AcceptExtmap(some("urn:ietf:params:rtp-hdrext:sdes:mid")),
        Oa::AcceptExtmap(some(TRANSPORT_WIDE_CC)),
        Oa::Direction(Direction::RecvOnly),
        Oa::Mid(some("zz")),
    ];
    let expected = |feedback: &str| {
        format!(
            "audio 9 UDP/TLS/RTP/SAVPF 63 111 126\nc=IN IP4 127.0.0.1\na=recvonly\na=msid:s t\n\
             a=rtpmap:63 red/48000/2\na=rtpmap:111 opus/48000/2\na=rtpmap:126 telephone-event/8000\n\
             a=fmtp:63 111/111\na=fmtp:111 f=1\n{feedback}a=extmap:3 {TRANSPORT_WIDE_CC}\n\
             a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\nm=video 0 "
        )
    };
    let old = answer(&Rules::V1_1, BROWSER, 0, options.clone());
    assert!(old.starts_with(&expected("")), "{old}");
    let native = answer(&Rules::NATIVE, BROWSER, 0, options);
    assert!(native.starts_with(&expected("a=rtcp-fb:111 transport-cc\n")), "{native}");
    // Without a codec: our order, not theirs.
    for (formats, chosen) in [
        ("9 G722/8000|8 PCMA/8000|104 ISAC/32000", "8"),
        ("103 ISAC/16000|104 ISAC/32000|107 multiopus/48000/6", "104"),
        ("105 L16/48000|106 L16/16000|107 multiopus/48000/6", "107"),
        ("106 L16/16000|105 L16/48000", "105"),
    ] {
        let maps: String = formats.split('|').map(|f| format!("a=rtpmap:{f}\r\n")).collect();
        let text = answer(&Rules::V1_1, &format!("{HEAD}m=audio 9 RTP/AVP 1\r\n{maps}"), 0, vec![]);
        assert!(text.starts_with(&format!("audio 9 RTP/AVP {chosen}\n")), "{text}");
    }
}

#[test]
fn what_cannot_be_taken_is_rejected() {
    // HL-205
    for codec in ["isac16", "foo", "vp8"] {
        let text = answer(&Rules::NATIVE, BROWSER, 0, vec![Oa::Codec(some(codec))]);
        assert!(
            text.starts_with("audio 0 UDP/TLS/RTP/SAVPF 0\nc=IN IP4 127.0.0.1\na=inactive\nm=video"),
            "{text}"
        );
    }
    let profile = vec![Oa::Codec(some("vp9")), Oa::Vp9Profile(some("1"))];
    assert!(answer(&Rules::NATIVE, BROWSER, 1, profile).contains("m=video 0 "));
    // A static payload type without an rtpmap counts as unknown.
    let text = answer(&Rules::NATIVE, &format!("{HEAD}m=audio 9 RTP/AVP 0 8\r\n"), 0, vec![]);
    assert!(text.starts_with("audio 0 "));
    // Disabling later keeps the port.
    let offer = Sdp::parse(BROWSER).unwrap();
    let mut mline = generate_answer(&offer).mlines.remove(0);
    AnswerMline::default().answer(&offer.mlines[0], &mut mline, &Rules::NATIVE);
    let off = AnswerMline { enabled: false, ..AnswerMline::default() };
    off.answer(&offer.mlines[0], &mut mline, &Rules::NATIVE);
    assert_eq!((mline.port, mline.ptypes, mline.direction), (9, vec![0], Direction::Inactive));
    assert_eq!(AnswerMline::from_options(vec![]).unwrap_err().code(), -2);
    assert_eq!(AnswerMline::from_options(vec![Oa::Mline(MediaType::Other)]).unwrap_err().code(), -3);
}

const FEEDBACK: &str =
    "a=rtcp-fb:96 ccm fir\na=rtcp-fb:96 nack\na=rtcp-fb:96 nack pli\na=rtcp-fb:96 goog-remb\n";

#[test]
fn video_answers_copy_formats_while_they_walk() {
    // HL-206
    let offer = format!(
        "{HEAD}m=video 9 RTP/AVP 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 VP8/90000\r\na=extmap:1 urn:x\r\n\
         a=fmtp:96 one\r\na=extmap:2 urn:xy\r\na=fmtp:96 two\r\na=fmtp:97 three\r\na=extmap:3 urn:z\r\n"
    );
    let head = format!("video 9 RTP/AVP 96\nc=IN IP4 127.0.0.1\na=rtpmap:96 VP8/90000\n{FEEDBACK}");
    let accept = vec![Oa::AcceptExtmap(some("urn:x"))];
    assert_eq!(
        answer(&Rules::V1_1, &offer, 0, accept.clone()),
        format!(
            "{head}a=rtcp-fb:96 transport-cc\na=extmap:1 urn:x\na=fmtp:96 one\na=extmap:2 urn:x\na=fmtp:96 two\n"
        )
    );
    assert_eq!(answer(&Rules::NATIVE, &offer, 0, vec![]), head);
    let own = [accept, vec![Oa::Fmtp(some("own"))]].concat();
    let expected = format!("{head}a=fmtp:96 own\na=extmap:1 urn:x\na=extmap:2 urn:x\n");
    assert_eq!(answer(&Rules::NATIVE, &offer, 0, own), expected);
}

#[test]
fn extension_directions_and_the_dependency_descriptor() {
    // HL-207, HL-209
    let offer = format!(
        "{HEAD}m=video 9 RTP/AVP 96 98\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:98 VP9/90000\r\n\
         a=extmap:12/sendonly urn:o\r\na=extmap:13/recvonly urn:x\r\na=extmap:14/inactive urn:y\r\n\
         a=extmap:8 {DEPENDENCY_DESCRIPTOR}\r\n"
    );
    let options = |codec: &str| {
        let accept = |uri: &str| Oa::AcceptExtmap(some(uri));
        vec![
            Oa::Codec(some(codec)),
            accept("urn:"),
            accept(DEPENDENCY_DESCRIPTOR),
            Oa::VideoRtcpFbDefaults(false),
        ]
    };
    let mirrored = "a=extmap:12/recvonly urn:\na=extmap:13/sendonly urn:\na=extmap:14/inactive urn:\n";
    let descriptor = format!("{mirrored}a=extmap:8 {DEPENDENCY_DESCRIPTOR}\n");
    assert!(answer(&Rules::NATIVE, &offer, 0, options("vp8")).ends_with(mirrored));
    assert!(answer(&Rules::NATIVE, &offer, 0, options("vp9")).ends_with(&descriptor));
    assert!(answer(&Rules::V1_1, &offer, 0, options("vp8")).ends_with(&descriptor));
}

#[test]
fn profiles_choose_the_payload_type() {
    let with =
        |codec: &str, profile: Oa| answer(&Rules::NATIVE, BROWSER, 1, vec![Oa::Codec(some(codec)), profile]);
    let vp9 = with("vp9", Oa::Vp9Profile(some("2")));
    assert!(
        vp9.contains("m=video 9 UDP/TLS/RTP/SAVPF 100\n") && vp9.contains("a=fmtp:100 profile-id=2\n"),
        "{vp9}"
    );
    let h264 = with("h264", Oa::H264Profile(some("42E01F")));
    assert!(h264.contains("a=fmtp:109 profile-level-id=42E01F;packetization-mode=1\n"), "{h264}");
}

#[test]
fn multiopus_takes_the_channels_of_the_offer() {
    let offer = format!(
        "{HEAD}m=audio 9 RTP/AVP 107\r\na=rtpmap:107 multiopus/48000/6\r\na=fmtp:107 channel_mapping=0,4\r\n"
    );
    let fmtp = |text: &str| answer(&Rules::V1_1, &offer, 0, vec![Oa::Fmtp(some(text))]);
    assert!(fmtp("useinbandfec=1").ends_with("a=fmtp:107 channel_mapping=0,4\n"));
    assert!(fmtp("channel_mapping=1").ends_with("a=fmtp:107 channel_mapping=1\n"));
}

#[test]
fn data_answers_keep_the_formats() {
    let offer = format!("{HEAD}m=application 9 DTLS/SCTP 5000\r\na=sctpmap:5000 webrtc-datachannel 16\r\n");
    let expected = "application 9 DTLS/SCTP 5000\nc=IN IP4 127.0.0.1\n";
    assert_eq!(answer(&Rules::V1_1, &offer, 0, vec![Oa::DataLegacy(true)]), expected);
}

#[test]
fn a_new_description_has_the_known_defaults() {
    // HL-210
    assert_eq!(
        Sdp::new(None, None, 5).write(),
        "v=0\r\no=- 5 1 IN IP4 127.0.0.1\r\ns=Janus session\r\nt=0 0\r\nc=IN IP4 127.0.0.1\r\n"
    );
}

#[test]
fn text_is_scanned() {
    use super::textscan::{codec_from_pt, codec_pt};
    let text = "v=0\r\nm=audio 9 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\nm=video 9 RTP 96\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtpmap:99 multiopus/48000/6\r\na=rtpmap:101 red/48000/2\r\n\
        a=rtpmap:104 L16/48000\r\na=rtpmap:106 Vp9/90000\r\n";
    let pt = |text: &str, codec: &str| codec_pt(text, codec).map_err(|e| e.code());
    assert_eq!(pt(text, "OPUS"), Ok(111));
    assert_eq!(pt(text, "vp8"), Ok(96));
    assert_eq!(pt(text, "l16-48"), Ok(104));
    assert_eq!(pt(text, "vp9"), Err(-2));
    assert_eq!(pt(text, "multiopus"), Err(-1));
    assert_eq!(pt("a=rtpmap:111 opus/48000/2\r\nm=audio 9\r\n", "opus"), Err(-3));
    assert_eq!(pt("m=audio 9\na=rtpmap:x opus/48000/2\n", "opus"), Err(-3));
    assert_eq!(pt("m=video 9\na=rtpmap:96 opus/48000/2\n", "opus"), Err(-2));
    assert_eq!(codec_from_pt(text, 8), Some("pcma"));
    assert_eq!(codec_from_pt(text, 99), Some("opus"));
    assert_eq!(codec_from_pt(text, 104), Some("l16-48"));
    for unknown in [-1, 1, 101, 106] {
        assert_eq!(codec_from_pt(text, unknown), None);
    }
}
