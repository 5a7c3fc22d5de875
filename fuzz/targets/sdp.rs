//! Session descriptions: parse, write, parse again; the offer/answer helpers; and what a client's description does to a
//! PeerConnection and to the answer.
#![no_main]

use janus_rs::core::jsep::{
    Description, LocalTransport, Negotiation, RidOrder, SdpType, anonymise, to_single, without_mids,
};
use janus_rs::media::{DtlsRole, IceCredentials};
use janus_rs::rtp::uri;
use janus_rs::sdp::answer::{AnswerMline, generate_answer};
use janus_rs::sdp::{MediaType, Rules, Sdp, single, textscan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    uri::id_in_sdp(text, b"urn:ietf:params:rtp-hdrext:sdes:mid");
    uri::uri_in_sdp(text, 1);
    let text = String::from_utf8_lossy(text);
    let _ = textscan::codec_pt(&text, "vp8");
    textscan::codec_from_pt(&text, 96);
    if let Ok(sdp) = Sdp::parse(&text) {
        look_up(sdp.clone());
        answer(&sdp);
        let written = sdp.write();
        if let Ok(again) = Sdp::parse(&written) {
            assert_eq!(again.write(), written, "writing is stable");
        }
    }
    negotiate(&text);
});

fn look_up(mut sdp: Sdp) {
    for index in [None, Some(0), Some(1), Some(-1)] {
        for codec in ["opus", "vp8", "vp9", "h264", "av1", "pcmu"] {
            sdp.codec_pt(index, codec, Some("42e01f"));
        }
        sdp.codec_name(index, 96);
        sdp.fmtp(index, 96);
        sdp.opusred_pt(index);
        sdp.preferred_codec(MediaType::Video, index);
        sdp.first_codec(MediaType::Audio, index);
    }
    sdp.remove_payload_type(None, 96);
    sdp.write();
}

fn answer(offer: &Sdp) {
    let mut answer = generate_answer(offer);
    let wanted = AnswerMline::from_options(Vec::new()).ok();
    for (offered, mline) in offer.mlines.iter().zip(&mut answer.mlines) {
        if let Some(wanted) = &wanted {
            wanted.answer(offered, mline, &Rules::NATIVE);
        }
    }
    answer.write();
    single::generate_answer(offer, Vec::new(), &Rules::V1_1).write();
}

/// The client offers or answers, the plugin, of 1.x or 0.x, sends the same text back.
fn negotiate(text: &str) {
    let (offer, answer) = (SdpType::Offer, SdpType::Answer);
    for (kind, back, of_0_x) in
        [(offer, answer, false), (answer, offer, false), (offer, answer, true), (answer, offer, true)]
    {
        let Ok(mut description) = Description::parse(kind, text) else { continue };
        let mut negotiation = Negotiation::for_remote_offer();
        let _ = negotiation.apply_remote(&mut description, RidOrder::Hml, false);
        anonymise(&mut description.sdp);
        negotiation.media_configs();
        negotiation.simulcast();
        if of_0_x {
            to_single(&mut description.sdp);
            negotiation.simulcast_of_single();
        }
        let Ok(mut local) = Description::parse(back, &description.sdp.write()) else { continue };
        if of_0_x {
            without_mids(&mut local.sdp);
            negotiation.from_single(&mut local);
        }
        if negotiation.apply_local(&mut local).is_ok() {
            let merged = negotiation.merge(local, &transport());
            assert!(merged.starts_with("v="));
        }
    }
}

fn transport() -> LocalTransport {
    LocalTransport {
        address: [127, 0, 0, 1].into(),
        credentials: IceCredentials { ufrag: "ufrag".into(), pwd: "a password of some length".into() },
        fingerprint: Some("sha-256 00".into()),
        dtls_role: DtlsRole::Active,
        ice_lite: false,
        candidates: Some(vec!["1 1 udp 1 127.0.0.1 9 typ host".into()]),
        largest_message: 262_144,
    }
}
