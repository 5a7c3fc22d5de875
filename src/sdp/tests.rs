//! Parser, writer and lookups against the statements; texts and outputs as observed on the reference.

use super::*;

const HEAD: &str = "v=0\r\no=- 123 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";

fn parse(tail: &str) -> Result<Sdp, String> {
    Sdp::parse(&format!("{HEAD}{tail}")).map_err(|e| e.to_string())
}

/// What the writer adds after [`HEAD`] for this tail.
fn rewrite(tail: &str) -> String {
    let text = parse(tail).expect(tail).write();
    text.strip_prefix(HEAD).expect("head").to_owned()
}

#[test]
fn refusals_have_the_known_texts() {
    // HL-170
    assert_eq!(Sdp::parse("").unwrap_err().to_string(), "Invalid SDP (doesn't start with v=)");
    assert_eq!(Sdp::parse(" v=0").unwrap_err().to_string(), "Invalid SDP (doesn't start with v=)");
    let long = format!("m=audio 9 RTP/AVP {}", "1".repeat(183));
    for (tail, error) in [
        // HL-171
        ("a=\r\n", "Invalid line (2 bytes): a="),
        ("a\r\n", "Invalid line (1 bytes): a"),
        ("abc\r\n", "Invalid line (2nd char is not '='): abc"),
        // HL-172
        ("m=audio x RTP/AVP 0\r\n", "Invalid m= line: m=audio x RTP/AVP 0"),
        ("m=audio 9 RTP/AVP\r\n", "Invalid m= line (no payload types/formats): m=audio 9 RTP/AVP"),
        // HL-174
        // HL-176
        (&long, "Invalid m= line (too long): 201"),
        ("", "Missing mandatory lines (o=, s= or m=)"),
        ("o=- 1 1 IN IP4 1.1.1.1\r\n", "Multiple o= lines: o=- 1 1 IN IP4 1.1.1.1"),
        ("s=-\r\n", "Multiple s= lines: s=-"),
        ("c=IN IP4 1.1.1.1\r\nc=IN IP4 1.1.1.1\r\n", "Multiple global c= lines: c=IN IP4 1.1.1.1"),
        ("c=IN IPX 1.1.1.1\r\n", "Invalid c= line (unsupported protocol IPX): c=IN IPX 1.1.1.1"),
        ("c=IN IP4\r\n", "Invalid c= line: c=IN IP4"),
        ("t=5\r\n", "Invalid t= line: t=5"),
        ("v=a\r\n", "Invalid v= line: v=a"),
    ] {
        assert_eq!(parse(tail).unwrap_err(), error);
    }
    // HL-175
    let twice = format!("{AUDIO}c=IN IP4 1.2.3.4\r\nc=IN IP4 1.2.3.4\r\n");
    assert_eq!(parse(&twice).unwrap_err(), "Multiple m-line c= lines: c=IN IP4 1.2.3.4");
    assert_eq!(parse(&format!("{AUDIO}b=AS\r\n")).unwrap_err(), "Invalid b= line: AS");
}

#[test]
fn origin_line_is_checked() {
    let with =
        |origin: &str| Sdp::parse(&format!("v=0\r\n{origin}\r\ns=-\r\n{AUDIO}")).map_err(|e| e.to_string());
    // HL-173
    for line in ["", "s=\r\n"] {
        let no_name = format!("v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\n{line}{AUDIO}");
        assert_eq!(Sdp::parse(&no_name).unwrap().s_name.as_deref(), Some("-"));
    }
    let blanks = with("o=John  Q. Public 123 4 IN IP6 ::1").unwrap();
    assert_eq!((blanks.o_name.as_deref(), blanks.o_sessid), (Some("John_Q._Public"), 123));
    assert_eq!(
        with("o=- 123 1 IN IP44444 127.0.0.1").unwrap_err(),
        "Invalid o= line (unsupported protocol IP444): o=- 123 1 IN IP44444 127.0.0.1"
    );
    for bad in
        ["o=- abc 1 IN IP4 1.1.1.1", "o=- 1 1 XX IP4 1.1.1.1", "o=- 1 1 IN IP4", "o=- - 1 1 OUT IP4 1.1.1.1"]
    {
        assert_eq!(with(bad).unwrap_err(), format!("Invalid o= line: {bad}"));
    }
    let sdp = with("o=x -5 99999999999999999999999IN ip6 ::1 rest").unwrap();
    assert_eq!(sdp.o_sessid, 18446744073709551611);
    assert_eq!(sdp.o_version, u64::MAX);
    assert!(!sdp.o_ipv4);
    assert_eq!(sdp.o_addr.as_deref(), Some("::1"));
}

#[test]
fn formats_are_split_at_single_blanks() {
    assert_eq!(rewrite("m=audio 9 RTP/AVP \r\n"), "m=audio 9 RTP/AVP 0\r\na=sendrecv\r\n");
    assert_eq!(rewrite("m=audio 9 RTP/AVP  0  8 \r\n"), "m=audio 9 RTP/AVP 0 0 0 8 0\r\na=sendrecv\r\n");
    assert_eq!(
        rewrite("m=AUDIO 9 RTP/AVP 0 abc 12x -3 400\r\n"),
        "m=AUDIO 9 RTP/AVP 0 0 12 400\r\na=sendrecv\r\n"
    );
    assert_eq!(rewrite("m=audio 9/2 RTP/AVP 0\r\n"), "m=audio 9 /2 0\r\na=sendrecv\r\n");
    assert_eq!(rewrite("m=audio 99999 RTP/AVP 0\r\n"), "m=audio 34463 RTP/AVP 0\r\na=sendrecv\r\n");
    let sdp = parse("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n").unwrap();
    assert_eq!((sdp.mlines[0].ptypes.clone(), sdp.mlines[0].index), (vec![0], 0));
}

#[test]
fn unknown_lines_are_dropped() {
    // HL-177, HL-178
    assert_eq!(
        rewrite(&format!("b=AS:3\r\ni=x\r\n{AUDIO}i=x\r\no=x\r\nb=CT:30\r\nb=TIAS:60\r\nb=AS:70\r\n")),
        format!("{AUDIO}b=TIAS:60\r\na=sendrecv\r\n")
    );
}

#[test]
fn direction_moves_up() {
    // HL-179, HL-180, HL-183
    assert_eq!(
        rewrite(&format!(
            "{AUDIO}a=rtpmap:111 opus/48000/2\r\na=SENDONLY\r\na=sendonly:1\r\nb=AS:3\r\nc=IN IP4 1.1.1.1\r\n"
        )),
        format!(
            "{AUDIO}c=IN IP4 1.1.1.1\r\nb=AS:3\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\na=sendonly:1\r\n"
        )
    );
    // A session-level one stays an attribute.
    assert_eq!(rewrite(&format!("a=recvonly\r\n{AUDIO}")), format!("a=recvonly\r\n{AUDIO}a=sendrecv\r\n"));
    let sdp = parse(&format!("{AUDIO}a=extmap:1/recvonly urn:x\r\n")).unwrap();
    assert_eq!(sdp.mlines[0].attributes[0].direction, Direction::RecvOnly);
}

#[test]
fn rejected_mlines_are_short() {
    // HL-181, HL-182
    assert_eq!(
        rewrite("m=audio 0 RTP/AVP 0 8\r\na=mid:1\r\na=x\r\nb=AS:30\r\n"),
        "m=audio 0 RTP/AVP 0\r\na=sendrecv\r\na=mid:1\r\n"
    );
    assert_eq!(
        rewrite("m=application 0 UDP/DTLS/SCTP webrtc-datachannel x\r\na=foo\r\na=mid:1\r\n"),
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel x\r\na=sendrecv\r\na=mid:1\r\n"
    );
}

#[test]
fn the_address_family_follows_the_address_in_native_mode() {
    let sdp = parse(&format!("{AUDIO}c=IN IP4 fe80::1\r\n")).unwrap();
    assert!(sdp.write().contains("c=IN IP6 fe80::1\r\n"));
    assert!(sdp.write_with(&Rules::V1_1).contains("c=IN IP4 fe80::1\r\n"));
}

fn browser_like() -> Sdp {
    parse(
        "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 0 126\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:111 opus/48000/2\r\n\
         a=fmtp:63 111/111\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:126 telephone-event/8000\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 102\r\na=rtpmap:96 Vp8/90000\r\na=rtpmap:97 vp8/90000\r\n\
         a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\na=rtpmap:99 VP9/90000\r\na=fmtp:99 profile-id=2\r\n\
         a=rtpmap:100 H264/90000\r\na=fmtp:100 packetization-mode=0;profile-level-id=42e01f\r\n\
         a=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack\r\n\
         a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n",
    )
    .unwrap()
}

#[test]
fn payload_types_are_found() {
    let sdp = browser_like();
    // HL-185
    assert_eq!(sdp.codec_pt(None, "vp8", None), Some(97));
    assert_eq!(sdp.codec_pt(Some(0), "vp8", None), None);
    assert_eq!(sdp.codec_pt(None, "opus", None), Some(111));
    assert_eq!(sdp.codec_pt(None, "nope", None), None);
    // HL-186
    assert_eq!(sdp.codec_pt(None, "h264", Some("42E01F")), Some(102));
    assert_eq!(sdp.codec_pt(None, "h264", None), Some(100));
    assert_eq!(sdp.codec_pt(None, "vp9", Some("2")), Some(99));
    assert_eq!(sdp.codec_pt(None, "vp9", Some("7")), None);
    // HL-187, HL-188
    assert_eq!(sdp.codec_name(None, 8), Some("pcma"));
    assert_eq!(sdp.codec_name(None, 63), Some("red"));
    assert_eq!(sdp.codec_name(None, 126), Some("dtmf"));
    assert_eq!(sdp.codec_name(Some(1), 111), None);
    let twice = "m=audio 0 X 97\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:97 opus/48000/2\r\n";
    assert_eq!(parse(twice).unwrap().codec_name(None, 97), None);
    // HL-190, HL-192
    assert_eq!(sdp.fmtp(None, 98), Some("profile-id=0"));
    assert_eq!(sdp.fmtp(Some(0), 98), None);
    assert_eq!(sdp.opusred_pt(None), Some(63));
    assert_eq!(sdp.opusred_pt(Some(1)), None);
    assert_eq!(sdp.mlines[0].rtpmap(111), Some("opus/48000/2"));
}

#[test]
fn codecs_are_chosen() {
    let mut sdp = browser_like();
    // HL-194
    assert_eq!(sdp.first_codec(MediaType::Audio, None), Some("opus"));
    assert_eq!(sdp.preferred_codec(MediaType::Video, None), Some("vp8"));
    // HL-193
    let pcmu = parse("m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n").unwrap();
    assert_eq!(pcmu.preferred_codec(MediaType::Audio, None), None);
    assert_eq!(pcmu.first_codec(MediaType::Audio, None), Some("pcmu"));
    sdp.mlines[1].direction = Direction::Inactive;
    assert_eq!(sdp.preferred_codec(MediaType::Video, None), None);
    // HL-189, HL-191, HL-195
    assert_eq!(codec::name_of_rtpmap("opus/48000/2"), Some("opus"));
    assert_eq!(codec::name_of_rtpmap("foo/90000"), None);
    assert_eq!(codec::profile_in_fmtp("h264", "a=1; profile-level-id=42e01f;x"), Some("42e01f"));
    assert_eq!(codec::profile_in_fmtp("vp9", "profile-id="), None);
    assert_eq!(codec::preferred(MediaType::Audio, "OPUS"), Some("opus"));
    assert_eq!(codec::preferred(MediaType::Video, "OPUS"), None);
}

#[test]
fn a_payload_type_is_removed_with_its_attributes() {
    // HL-184
    let mut sdp = browser_like();
    sdp.remove_payload_type(Some(0), 102);
    assert_eq!(sdp, browser_like());
    sdp.remove_payload_type(None, 102);
    assert_eq!(sdp.mlines[1].ptypes, [96, 97, 98, 99, 100]);
    assert!(!sdp.write().contains(":102 "));
    assert!(sdp.write().contains(":100 "));
}
