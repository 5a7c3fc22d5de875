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

/// The extensions that this m-line names, each with its id, which is not 0. RFC 8285 §5: `id[/direction] uri …`.
fn of_mline(mline: &Mline) -> impl Iterator<Item = (u8, &str)> {
    let values = mline.attributes.iter().filter(|a| a.name.eq_ignore_ascii_case("extmap"));
    values.filter_map(|a| {
        let mut words = a.value.as_deref()?.split_ascii_whitespace();
        let id = words.next()?.split('/').next()?.parse::<u8>().ok()?;
        Some((id, words.next()?)).filter(|_| id != 0)
    })
}

/// The id that this m-line gives to `uri`, 0 when it does not name it.
pub fn id_in_mline(mline: &Mline, uri: &str) -> u8 {
    of_mline(mline).find(|(_, named)| *named == uri).map_or(0, |(id, _)| id)
}

/// Which of the values that plugins send a description names.
pub fn named(sdp: &Sdp) -> Accepted {
    let ids = from_first(sdp);
    Accepted {
        audio_level: ids.audio_level != 0,
        orientation: ids.orientation != 0,
        playout_delay: ids.playout_delay != 0,
        dependency_descriptor: ids.dependency_descriptor != 0,
    }
}

/// Ids of the first m-line that names each URI; absent ones are 0.
pub fn from_first(sdp: &Sdp) -> ExtensionIds {
    first_of(sdp.mlines.iter())
}

/// As [`from_first`], the last m-line wins (plugin offers); never rids, which plugins do not send.
pub fn from_last(sdp: &Sdp) -> ExtensionIds {
    let mut ids = first_of(sdp.mlines.iter().rev());
    ids.rid = 0;
    ids.repaired_rid = 0;
    ids
}

/// Of each URI the id that comes first. A line is read once: descriptions have dozens of them.
fn first_of<'a>(mlines: impl Iterator<Item = &'a Mline>) -> ExtensionIds {
    let mut ids = ExtensionIds::default();
    let mut table = table(&mut ids);
    for (id, uri) in mlines.flat_map(of_mline) {
        if let Some((place, _)) = table.iter_mut().find(|(_, known)| *known == uri)
            && **place == 0
        {
            **place = id;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_or_the_last_mline_decides() {
        let sdp = Sdp::parse(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
             a=EXTMAP:1/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\r\na=extmap:0 urn:3gpp:video-orientation\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=extmap:x urn:3gpp:video-orientation\r\na=extmap:7\r\n\
             a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:5 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
             a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=extmap:13 urn:3gpp:video-orientation\r\n",
        )
        .unwrap();
        let first = from_first(&sdp);
        assert_eq!((first.mid, first.rid, first.audio_level, first.orientation), (3, 9, 1, 13));
        let last = from_last(&sdp);
        assert_eq!((last.mid, last.rid, last.audio_level, last.orientation), (4, 0, 1, 13));
        assert_eq!(id_in_mline(&sdp.mlines[1], MID), 4);
        assert_eq!(id_in_mline(&sdp.mlines[0], VIDEO_ORIENTATION), 0);
        let named = named(&sdp);
        assert!(named.audio_level && named.orientation);
        assert!(!named.playout_delay && !named.dependency_descriptor);
    }
}
