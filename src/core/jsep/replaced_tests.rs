//! What a later offer says replaces what an earlier one said, for every attribute that is kept: after two offers the
//! state is that of the second one alone.

use super::*;

/// Lines that offers have one after the other: of the session or the first m-line where they describe the transport, of a third
/// one where they are about data, else of the second; and what is kept of them.
struct Case {
    what: &'static str,
    values: &'static [&'static str],
    kept: fn(&Negotiation) -> String,
}

macro_rules! kept {
    ($($field:tt)+) => { |n| format!("{:?}", n.media[1].$($field)+) };
}

const RIDS: &str = "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n";

const CASES: &[Case] = &[
    Case {
        what: "ssrc",
        values: &["a=ssrc:4369 cname:x\r\n", "a=ssrc:13107 cname:x\r\n"],
        kept: kept!(remote_ssrc),
    },
    Case {
        what: "ssrc-group",
        values: &[
            "a=ssrc:1 cname:x\r\n",
            "a=ssrc-group:SIM 1 2 3\r\na=ssrc:1 cname:x\r\n",
            "a=ssrc-group:SIM 7 8\r\na=ssrc:7 cname:x\r\n",
            "a=ssrc-group:FID 1 11\r\na=ssrc:1 cname:x\r\n",
            "a=ssrc-group:FID 1 12\r\na=ssrc:1 cname:x\r\n",
            "a=ssrc-group:SIM 1 2\r\na=ssrc-group:FID 2 22\r\na=ssrc:1 cname:x\r\n",
        ],
        kept: |n| format!("{:?}", (n.media[1].remote_ssrc, n.media[1].remote_ssrc_rtx, n.simulcast())),
    },
    Case {
        what: "rid, simulcast",
        values: &[
            "a=ssrc:1 cname:x\r\n",
            RIDS,
            "a=rid:a send\r\na=rid:b send\r\na=rid:c send\r\na=simulcast:send a;~b;c\r\n",
            "a=rid:h send\r\na=simulcast: send rid=h\r\n",
        ],
        kept: |n| {
            let m = &n.media[1];
            format!("{:?}", (&m.rids, &m.disabled_rids, m.legacy_simulcast, n.simulcast()))
        },
    },
    Case {
        what: "rtcp-fb",
        values: &["a=rtcp-fb:100 nack\r\n", "a=rtcp-fb:100 ccm fir\r\n"],
        kept: kept!(nacks),
    },
    Case {
        what: "rtpmap",
        values: &["a=rtpmap:100 VP8/90000\r\n", "a=rtpmap:100 H264/45000\r\n", "a=rtpmap:102 VP9/90000\r\n"],
        kept: kept!(clock_rates),
    },
    Case {
        what: "fmtp apt",
        values: &[
            "a=rtpmap:100 VP8/90000\r\n",
            "a=rtpmap:100 VP8/90000\r\na=rtpmap:101 rtx/90000\r\na=fmtp:101 apt=100\r\n",
            "a=rtpmap:101 VP8/90000\r\na=rtpmap:102 rtx/90000\r\na=fmtp:102 apt=101\r\n",
            "a=rtpmap:100 VP8/90000\r\na=rtpmap:102 rtx/90000\r\na=fmtp:102 apt=100\r\n",
        ],
        kept: |n| format!("{:?}", (&n.media[1].rtx, &n.media[1].clock_rates, &n.rtx, n.rtx_enabled)),
    },
    Case { what: "mid", values: &["a=mid:1\r\n", "a=mid:again\r\n"], kept: kept!(mid) },
    Case {
        what: "msid",
        values: &["a=msid:one track\r\n", "a=msid:two track\r\n", ""],
        kept: kept!(remote_msid),
    },
    Case {
        what: "direction",
        values: &["a=sendrecv\r\n", "a=sendonly\r\n", "a=recvonly\r\n", "a=inactive\r\n"],
        kept: |n| format!("{:?}", (n.media[1].send, n.media[1].recv)),
    },
    Case {
        what: "extmap",
        values: &[
            "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
            "a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
            "a=extmap:4 urn:3gpp:video-orientation\r\n",
            "",
        ],
        kept: |n| format!("{:?}", n.extensions),
    },
    Case {
        what: "fingerprint",
        values: &["a=fingerprint:sha-256 AA:BB\r\n", "a=fingerprint:sha-512 CC:DD\r\n"],
        kept: |n| format!("{:?}", n.remote.as_ref().unwrap().fingerprint),
    },
    Case {
        what: "ice-lite",
        values: &["a=ice-lite\r\n", ""],
        kept: |n| format!("{:?}", n.remote.as_ref().unwrap().ice_lite),
    },
    Case {
        what: "group",
        values: &["a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 1 0\r\n", ""],
        kept: |n| format!("{:?}", (n.bundle_index, &n.bundle_mid)),
    },
    Case {
        what: "data",
        values: &[
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\na=max-message-size:1000\r\n",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n",
            "m=application 9 DTLS/SCTP 5000\r\na=mid:2\r\na=sctpmap:5000 webrtc-datachannel 16\r\n",
        ],
        kept: |n| format!("{:?}", (n.data, n.largest_message, n.media[2].send)),
    },
];

fn offer(case: &Case, value: &str, restarted: bool) -> String {
    let ufrag = if restarted { "wxyz" } else { "abcd" };
    let fingerprint = "a=fingerprint:sha-256 AA:BB\r\n";
    let (session, transport, medium, data) = match case.what {
        "ice-lite" | "group" => (value, fingerprint, "", ""),
        "fingerprint" => ("", value, "", ""),
        "data" => ("", fingerprint, "", value),
        _ => ("", fingerprint, value, ""),
    };
    let mid = if case.what == "mid" { "" } else { "a=mid:1\r\n" };
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n{session}\
m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:0123456789012345678901\r\n{transport}\
a=setup:actpass\r\na=mid:0\r\nm=video 9 UDP/TLS/RTP/SAVPF 100 101 102\r\n{mid}{medium}{data}"
    )
}

fn take(negotiation: &mut Negotiation, text: &str) -> RemoteChange {
    let mut description = Description::parse(SdpType::Offer, text).unwrap();
    negotiation.apply_remote(&mut description, RidOrder::Hml, true).unwrap()
}

#[test]
fn the_last_offer_holds() {
    for case in CASES {
        for first in case.values {
            for second in case.values {
                for restarted in [false, true] {
                    let mut negotiation = Negotiation::for_remote_offer();
                    take(&mut negotiation, &offer(case, first, false));
                    let mut fresh = Negotiation::for_remote_offer();
                    take(&mut fresh, &offer(case, second, restarted));
                    let change = take(&mut negotiation, &offer(case, second, restarted));
                    assert_eq!(change.ice_restart, restarted);
                    let (kept, alone) = ((case.kept)(&negotiation), (case.kept)(&fresh));
                    assert_eq!(kept, alone, "{}: {first:?}, then {second:?}", case.what);
                }
            }
        }
    }
}

/// With rids no SSRC is needed, and no SSRC of before may be taken for a layer.
#[test]
fn naming_no_ssrc_changes_none() {
    let case = &CASES[0];
    let mut negotiation = Negotiation::for_remote_offer();
    take(&mut negotiation, &offer(case, "a=ssrc:4369 cname:x\r\n", false));
    take(&mut negotiation, &offer(case, "", false));
    assert_eq!(negotiation.media[1].remote_ssrc, [4369, 0, 0]);
    take(&mut negotiation, &offer(case, RIDS, false));
    assert_eq!(negotiation.media[1].remote_ssrc, [0, 0, 0]);
}

/// RFC 8829 §5.2.2: an m-line that is not used any more may come back as anything.
#[test]
fn an_mline_used_again_starts_afresh() {
    let (case, ssrc) = (&CASES[0], "a=ssrc:4369 cname:x\r\na=rtcp-fb:100 nack\r\n");
    let mut negotiation = Negotiation::for_remote_offer();
    take(&mut negotiation, &offer(case, ssrc, false));
    let rejected = offer(case, "a=inactive\r\n", false).replace("m=video 9", "m=video 0");
    take(&mut negotiation, &rejected);
    let medium = &negotiation.media[1];
    assert!(!medium.send && !medium.recv && medium.refused && medium.remote_ssrc == [0; 3]);
    let data = rejected
        .replace(
            "m=video 0 UDP/TLS/RTP/SAVPF 100 101 102",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        )
        .replace("a=mid:1\r\n", "a=mid:d\r\na=sctp-port:5000\r\n");
    let change = take(&mut negotiation, &data);
    let medium = &negotiation.media[1];
    assert!(change.data_added && negotiation.data == Some(DataSyntax::SctpPort));
    assert_eq!((medium.kind, medium.mid.as_deref()), (MediumKind::Data, Some("d")));
    let older = data.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000");
    take(&mut negotiation, &older);
    assert_eq!(negotiation.data, Some(DataSyntax::SctpMap));
    take(&mut negotiation, &offer(case, ssrc, false));
    assert_eq!((negotiation.media[1].kind, negotiation.data), (MediumKind::Video, None));
}
