//! Header extension ids in descriptions.

use crate::media::ExtensionIds;
use crate::rtp::extensions::Accepted;
use crate::sdp::{Mline, Sdp};

pub const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const VIDEO_ORIENTATION: &str = "urn:3gpp:video-orientation";
const PLAYOUT_DELAY: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";
const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const ABS_CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
const VIDEO_LAYERS: &str = "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00";
const TRANSPORT_WIDE_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
const DEPENDENCY_DESCRIPTOR: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/// Refused wherever it appears (MP-052).
pub const ENCRYPTED: &str = "urn:ietf:params:rtp-hdrext:encrypt";

/// Each id with its URI.
fn table(ids: &mut ExtensionIds) -> [(&mut u8, &'static str); 11] {
    [
        (&mut ids.mid, MID),
        (&mut ids.rid, RID),
        (&mut ids.repaired_rid, REPAIRED_RID),
        (&mut ids.audio_level, AUDIO_LEVEL),
        (&mut ids.orientation, VIDEO_ORIENTATION),
        (&mut ids.playout_delay, PLAYOUT_DELAY),
        (&mut ids.abs_send_time, ABS_SEND_TIME),
        (&mut ids.abs_capture_time, ABS_CAPTURE_TIME),
        (&mut ids.video_layers, VIDEO_LAYERS),
        (&mut ids.transport_wide_cc, TRANSPORT_WIDE_CC),
        (&mut ids.dependency_descriptor, DEPENDENCY_DESCRIPTOR),
    ]
}

/// The id that this m-line gives to `uri`, 0 when it does not name it. RFC 8285 §5: `id[/direction] uri …`.
pub fn id_in_mline(mline: &Mline, uri: &str) -> u8 {
    mline
        .attributes
        .iter()
        .filter(|a| a.name.eq_ignore_ascii_case("extmap"))
        .filter_map(|a| a.value.as_deref())
        .find_map(|value| {
            let mut words = value.split_ascii_whitespace();
            let id = words.next()?.split('/').next()?.parse::<u8>().ok()?;
            (words.next()? == uri).then_some(id)
        })
        .unwrap_or(0)
}

/// Which of the values that plugins send a description names.
pub fn named(sdp: &Sdp) -> Accepted {
    let names = |uri| sdp.mlines.iter().any(|m| id_in_mline(m, uri) != 0);
    Accepted {
        audio_level: names(AUDIO_LEVEL),
        orientation: names(VIDEO_ORIENTATION),
        playout_delay: names(PLAYOUT_DELAY),
        dependency_descriptor: names(DEPENDENCY_DESCRIPTOR),
    }
}

/// Ids of the first m-line that names each URI; absent ones are 0.
pub fn from_first(sdp: &Sdp) -> ExtensionIds {
    let mut ids = ExtensionIds::default();
    for (id, uri) in table(&mut ids) {
        *id = sdp.mlines.iter().map(|m| id_in_mline(m, uri)).find(|id| *id != 0).unwrap_or(0);
    }
    ids
}

/// As [`from_first`], the last m-line wins (plugin offers); never rids, which plugins do not send.
pub fn from_last(sdp: &Sdp) -> ExtensionIds {
    let mut ids = ExtensionIds::default();
    for (id, uri) in table(&mut ids) {
        *id = sdp.mlines.iter().rev().map(|m| id_in_mline(m, uri)).find(|id| *id != 0).unwrap_or(0);
    }
    ids.rid = 0;
    ids.repaired_rid = 0;
    ids
}

/// An answer of the peer drops what it does not name, of these six (MP-078).
pub fn keep_answered_by_peer(ids: &mut ExtensionIds, answer: &Sdp) {
    let named = from_first(answer);
    keep(&mut ids.mid, named.mid);
    keep(&mut ids.transport_wide_cc, named.transport_wide_cc);
    keep(&mut ids.dependency_descriptor, named.dependency_descriptor);
    keep(&mut ids.abs_send_time, named.abs_send_time);
    keep(&mut ids.abs_capture_time, named.abs_capture_time);
    keep(&mut ids.video_layers, named.video_layers);
}

/// A plugin's answer drops what it does not name, of these eight (MP-078).
pub fn keep_answered_by_plugin(ids: &mut ExtensionIds, answer: &Sdp) {
    let named = from_first(answer);
    keep_answered_by_peer(ids, answer);
    if named.rid == 0 {
        ids.rid = 0;
        ids.repaired_rid = 0;
    }
    keep(&mut ids.repaired_rid, named.repaired_rid);
}

fn keep(id: &mut u8, named: u8) {
    if named == 0 {
        *id = 0;
    }
}
