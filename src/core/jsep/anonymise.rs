//! What a plugin sees of a client's description, and what is cleared from a plugin's own (media-plane.md §2.4).

use super::extensions::ENCRYPTED;
use crate::sdp::{Attribute, MediaType, Mline, Sdp};
use std::collections::HashSet;

const ADDRESS: &str = "1.1.1.1";

/// Session attributes that belong to the transport.
const SESSION: [&str; 8] = [
    "ice-ufrag",
    "ice-pwd",
    "ice-options",
    "fingerprint",
    "group",
    "msid-semantic",
    "extmap-allow-mixed",
    "rtcp-rsize",
];

/// Media attributes that belong to the transport or to the numbering of streams.
const MEDIA: [&str; 21] = [
    "ice-ufrag",
    "ice-pwd",
    "ice-options",
    "crypto",
    "fingerprint",
    "setup",
    "connection",
    "group",
    "msid-semantic",
    "rid",
    "simulcast",
    "rtcp",
    "rtcp-mux",
    "rtcp-rsize",
    "candidate",
    "end-of-candidates",
    "ssrc",
    "ssrc-group",
    "sctpmap",
    "sctp-port",
    "max-message-size",
];

/// Payloads that only the core deals with (MP-050).
const CORE_PAYLOADS: [&str; 4] = ["red/90000", "ulpfec/90000", "flexfec-03/90000", "rtx/90000"];

/// Clears transport and stream details, in place (MP-047 … MP-054).
pub fn anonymise(sdp: &mut Sdp) {
    sdp.o_ipv4 = true;
    sdp.o_addr = Some(ADDRESS.into());
    sdp.attributes.retain(|a| !named(a, &SESSION));
    let mut data_seen = false;
    for mline in &mut sdp.mlines {
        anonymise_mline(mline, &mut data_seen);
    }
}

fn anonymise_mline(mline: &mut Mline, data_seen: &mut bool) {
    match mline.kind {
        MediaType::Audio | MediaType::Video => {
            if mline.port > 0 {
                mline.port = 9;
            }
        }
        _ => {
            let data = mline.proto.contains("DTLS/SCTP") && mline.port > 0;
            mline.port = if data && !*data_seen { 9 } else { 0 };
            *data_seen |= data;
        }
    }
    mline.c_ipv4 = true;
    mline.c_addr = Some(ADDRESS.into());
    mline
        .attributes
        .retain(|a| !named(a, &MEDIA) && !a.value.as_deref().is_some_and(|v| v.contains(ENCRYPTED)));
    let core_only = mline
        .attributes
        .iter()
        .filter(|a| a.name.eq_ignore_ascii_case("rtpmap"))
        .filter_map(|a| a.value.as_deref())
        .filter(|v| CORE_PAYLOADS.iter().any(|p| v.to_ascii_lowercase().contains(p)))
        .filter_map(leading_number)
        .collect();
    remove_payload_types(mline, &core_only);
}

fn named(attribute: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|n| attribute.name.eq_ignore_ascii_case(n))
}

/// The number a value starts with.
pub(super) fn leading_number(value: &str) -> Option<i32> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    value[..digits].parse().ok()
}

/// Takes payload types out of the list, with the attributes that describe them. Only those whose value starts with a
/// payload type are looked at: an extmap or mid of the same number stays. One pass for all, because a hostile description
/// may have thousands of either.
pub(super) fn remove_payload_types(mline: &mut Mline, pts: &HashSet<i32>) {
    const DESCRIBING: [&str; 3] = ["rtpmap", "fmtp", "rtcp-fb"];
    if pts.is_empty() {
        return;
    }
    let goes = |pt: Option<i32>| pt.is_some_and(|pt| pts.contains(&pt));
    mline.ptypes.retain(|p| !pts.contains(p));
    mline.fmts.retain(|f| !goes(f.parse().ok()));
    mline.attributes.retain(|a| !named(a, &DESCRIBING) || !goes(a.value.as_deref().and_then(leading_number)));
}
