use super::*;

fn text(key: Key, text: &str) -> (Key, Arguments) {
    (key, Arguments { number: 0, text: Some(text.to_owned()) })
}

fn number(key: Key, number: i32) -> (Key, Arguments) {
    (key, Arguments { number, text: None })
}

fn offer(options: Vec<(Key, Arguments)>) -> String {
    let offer = generate_offer(Some("nm"), Some("1.2.3.4"), 1, options, &Rules::V1_1).unwrap();
    let text = offer.write_with(&Rules::V1_1).replace('\r', "");
    text.strip_prefix("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=nm\nt=0 0\nc=IN IP4 1.2.3.4\n").unwrap().to_owned()
}

#[test]
fn an_offer_has_all_three_unless_they_are_switched_off() {
    let all = offer(vec![]);
    let mlines: Vec<&str> = all.lines().filter(|l| l.starts_with("m=")).collect();
    assert_eq!(
        mlines,
        [
            "m=audio 1 UDP/TLS/RTP/SAVPF 111",
            "m=video 1 UDP/TLS/RTP/SAVPF 96",
            "m=application 1 DTLS/SCTP 5000"
        ]
    );
    assert!(
        all.contains("a=sctpmap:5000 webrtc-datachannel 16\n") && all.contains("a=rtcp-fb:96 nack pli\n")
    );
    let video = offer(vec![
        number(Key::Audio, 0),
        number(Key::Data, 0),
        text(Key::VideoCodec, "h264"),
        text(Key::H264Profile, "42e01f"),
        number(Key::VideoPt, 102),
        number(Key::VideoDirection, Direction::SendOnly as i32),
        number(Key::VideoRtcpFbDefaults, 0),
        (Key::VideoExtension, Arguments { number: 3, text: Some("urn:x".into()) }),
        (Key::VideoExtension, Arguments { number: 3, text: Some("urn:y".into()) }),
        (Key::VideoExtension, Arguments { number: 15, text: Some("urn:z".into()) }),
    ]);
    assert_eq!(
        video,
        "m=video 1 UDP/TLS/RTP/SAVPF 102\nc=IN IP4 1.2.3.4\na=sendonly\na=rtpmap:102 H264/90000\n\
         a=rtcp-fb:102 transport-cc\na=extmap:3 urn:x\n\
         a=fmtp:102 profile-level-id=42e01f;packetization-mode=1\n"
    );
    let unknown = vec![text(Key::AudioCodec, "nope")];
    assert_eq!(generate_offer(None, None, 1, unknown, &Rules::V1_1), Err(OaError::AudioCodec));
}

#[test]
fn what_0_9_says_of_h264() {
    let options = || vec![text(Key::VideoCodec, "h264"), number(Key::VideoH264Fmtp, 1)];
    assert!(offer(options()).contains("a=fmtp:96 profile-level-id=42e01f;packetization-mode=1\n"));
    assert!(!offer(options()[..1].to_vec()).contains("fmtp"));
}

const OFFER: &str = "v=0\r\no=- 7 2 IN IP4 10.0.0.1\r\ns=x\r\nt=0 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
    a=rtpmap:63 red/48000/2\r\na=extmap:1 urn:level\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 102\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:102 H264/90000\r\n\
    a=fmtp:102 profile-level-id=42001f;packetization-mode=1\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";

fn answer(options: Vec<(Key, Arguments)>) -> Sdp {
    generate_answer(&Sdp::parse(OFFER).unwrap(), options, &Rules::V1_1)
}

#[test]
fn an_answer_takes_the_first_of_each_kind() {
    let all = answer(vec![number(Key::AcceptOpusRed, 1), text(Key::AcceptExtmap, "urn:level")]);
    let ports: Vec<u16> = all.mlines.iter().map(|m| m.port).collect();
    assert_eq!(ports, [9, 9, 9, 0, 0]);
    assert_eq!((&all.mlines[0].ptypes[..], &all.mlines[1].ptypes[..]), (&[63, 111][..], &[96][..]));
    assert_eq!(all.mlines[1].direction, Direction::SendOnly);
    assert_eq!(all.mlines[0].value("extmap"), Some("1 urn:level"));
    assert_eq!(all.mlines[2].fmts, ["webrtc-datachannel"]);
    // The order of preference is the same in all generations.
    let h264 = answer(vec![text(Key::VideoCodec, "h264"), text(Key::AudioCodec, "pcmu")]);
    assert_eq!((h264.mlines[0].port, &h264.mlines[1].ptypes[..]), (0, &[102][..]), "no rtpmap names PCMU");
    assert_eq!(h264.mlines[1].value("fmtp"), Some("102 profile-level-id=42001f;packetization-mode=1"));
    let own = answer(vec![text(Key::VideoCodec, "h264"), number(Key::VideoH264Fmtp, 0)]);
    assert_eq!(own.mlines[1].value("fmtp"), None);
}

#[test]
fn what_is_not_wanted_keeps_its_port_and_carries_nothing() {
    let none = answer(vec![number(Key::Audio, 0), number(Key::Video, 0), number(Key::Data, 0)]);
    let [audio, video, data, ..] = &none.mlines[..] else { panic!() };
    for mline in [audio, video] {
        assert_eq!((mline.port, mline.direction, mline.ptypes.len()), (9, Direction::Inactive, 0));
    }
    assert_eq!(data.port, 0);
    // What the peer rejects stays rejected.
    let offer = Sdp::parse(&OFFER.replace("m=video 9", "m=video 0")).unwrap();
    assert_eq!(generate_answer(&offer, vec![], &Rules::V1_1).mlines[1].port, 0);
}

#[test]
fn the_two_numberings() {
    for (number, old, new) in [
        (7, Some(Key::VideoCodec), Some(Key::VideoCodec)),
        (8, Some(Key::AudioPt), Some(Key::Vp9Profile)),
        (13, Some(Key::VideoH264Fmtp), Some(Key::AudioFmtp)),
        (17, Some(Key::AcceptExtmap), Some(Key::AudioExtension)),
        (18, None, Some(Key::VideoExtension)),
        (21, None, Some(Key::AcceptOpusRed)),
        (22, None, None),
    ] {
        assert_eq!((Numbering::V0_9.key(number), Numbering::V0_10.key(number)), (old, new), "{number}");
    }
    assert_eq!(Key::AudioExtension.shape(), Shape::PointerInt);
    assert_eq!(Key::VideoH264Fmtp.shape(), Shape::Int);
}
