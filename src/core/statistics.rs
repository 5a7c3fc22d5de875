//! Media statistics for event handlers (media-plane.md §9.3).

use crate::json::Json;
use crate::media::{LayerSnapshot, MediaKind, MediumSnapshot, PeerSnapshot};

/// One body per medium and simulcast layer.
pub fn media_events(snapshot: &PeerSnapshot) -> Vec<Json> {
    let mut events = Vec::new();
    for medium in &snapshot.media {
        let remb = snapshot.remb_bitrate.filter(|_| medium.config.mindex == 0);
        if medium.config.kind == MediaKind::Data {
            let received = medium.layers.first().map(|l| l.received).unwrap_or_default();
            events.push(
                head(medium, "data")
                    .with("packets-received", received.packets)
                    .with("packets-sent", medium.sent.packets)
                    .with("bytes-received", received.bytes)
                    .with("bytes-sent", medium.sent.bytes)
                    .with_some("remb-bitrate", remb),
            );
            continue;
        }
        for (index, layer) in medium.layers.iter().enumerate() {
            events.push(layer_event(medium, index, layer).with_some("remb-bitrate", remb));
        }
    }
    events
}

fn head(medium: &MediumSnapshot, name: &str) -> Json {
    Json::object()
        .with("mid", medium.config.mid.as_str())
        .with("mindex", medium.config.mindex)
        .with("media", name)
}

fn layer_event(medium: &MediumSnapshot, index: usize, layer: &LayerSnapshot) -> Json {
    let name = match (medium.config.kind, index) {
        (MediaKind::Video, 1) => "video-sim1",
        (MediaKind::Video, 2) => "video-sim2",
        (kind, _) => kind.name(),
    };
    let event = head(medium, name).with_some("codec", medium.codec.as_deref()).with("base", layer.clock_rate);
    if index == 0 {
        event.set("rtt", layer.rtt_ms);
        if layer.rtt_ms > 0 {
            let values = Json::object()
                .with("ntp", layer.rtt_ntp)
                .with("lsr", layer.rtt_lsr)
                .with("dlsr", layer.rtt_dlsr);
            event.set("rtt-values", values);
        }
    }
    quality(&event, layer);
    event
        .with("packets-received", layer.received.packets)
        .with("packets-sent", medium.sent.packets)
        .with("bytes-received", layer.received.bytes)
        .with("bytes-sent", medium.sent.bytes)
        .with("bytes-received-lastsec", layer.received.bytes_lastsec)
        .with("bytes-sent-lastsec", medium.sent.bytes_lastsec)
        .with("nacks-received", layer.received.nacks)
        .with("nacks-sent", medium.sent.nacks)
        .with("retransmissions-received", layer.received.retransmissions)
}

/// Loss, jitter and link qualities, in the order that events and `handle_info` share.
pub fn quality(object: &Json, layer: &LayerSnapshot) {
    object
        .set("lost", layer.lost)
        .set("lost-by-remote", layer.lost_by_remote)
        .set("jitter-local", layer.jitter_local)
        .set("jitter-remote", layer.jitter_remote)
        .set("in-link-quality", layer.in_link_quality)
        .set("in-media-link-quality", layer.in_media_link_quality)
        .set("out-link-quality", layer.out_link_quality)
        .set("out-media-link-quality", layer.out_media_link_quality);
}
