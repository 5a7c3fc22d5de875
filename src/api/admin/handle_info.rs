//! `handle_info`: everything known of one handle (control-plane.md §7, media-plane.md §10).

use crate::api::request::{Answer, Request};
use crate::core::flags;
use crate::core::handle::Handle;
use crate::core::jsep::{Medium, MediumKind, RidOrder};
use crate::core::statistics;
use crate::json::Json;
use crate::media::channel::{ChannelSnapshot, Reliability};
use crate::media::{
    Counter, DtlsRole, DtlsState, ExtensionIds, IceRole, IceState, LayerSnapshot, MediaKind, MediumSnapshot,
    PeerSnapshot,
};
use crate::record::capture::Format;
use crate::rtp::uri;
use crate::util::lock::outside;
use crate::util::time;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub fn handle_info(request: &Request, handle: &Arc<Handle>) -> Answer {
    let plugin_only = request.members().optional_boolean("plugin_only")?.unwrap_or(false);
    let info = identity(handle);
    if !plugin_only {
        webrtc_state(&info, handle);
    }
    Ok(request.success().with("handle_id", handle.id).with("info", info).into())
}

/// All of it, for a program.
pub fn of(handle: &Arc<Handle>) -> Json {
    let info = identity(handle);
    webrtc_state(&info, handle);
    info
}

fn identity(handle: &Handle) -> Json {
    let (session, core) = (&handle.session, handle.core());
    let info = Json::object()
        .with("session_id", session.id)
        .with("session_last_activity", session.last_activity())
        .with("session_timeout", session.timeout(core.live.session_timeout.load(Ordering::Relaxed)))
        .with_some("session_transport", session.owner().map(|o| o.0.package().to_owned()))
        .with("handle_id", handle.id)
        .with_some("opaque_id", handle.opaque_id.as_deref())
        .with_some("token", handle.token.as_deref())
        .with("loop-running", true)
        .with("created", handle.created)
        .with("current_time", time::monotonic())
        .with("plugin", handle.plugin.package());
    if let Some(plugin_session) = handle.plugin_session()
        && let Some(specific) = outside(|| plugin_session.query()).filter(Json::is_object)
    {
        info.set("plugin_specific", specific);
    }
    info
}

fn webrtc_state(info: &Json, handle: &Handle) {
    let all = Json::object();
    for (name, bit) in flags::NAMES {
        all.set(name, handle.flags.any(bit));
    }
    info.set("flags", all);
    let signalling = handle.signalling_facts();
    let snapshot = handle.snapshot();
    if let Some(created) = signalling.created {
        info.set("agent-created", created)
            .set_some("agent-started", snapshot.as_ref().and_then(|s| s.checks_started_at))
            .set("ice-mode", if handle.core().settings.media.ice_lite { "lite" } else { "full" })
            .set(
                "ice-role",
                match signalling.ice_role {
                    Some(IceRole::Controlling) => "controlling",
                    _ => "controlled",
                },
            );
    }
    let sdps = Json::object()
        .with_some("profile", signalling.profile)
        .with_some("local", signalling.local_sdp)
        .with_some("remote", signalling.remote_sdp);
    info.set("sdps", sdps);
    if signalling.pending > 0 {
        info.set("pending-trickles", signalling.pending);
    }
    // Nothing is queued between plugin and network.
    info.set("queued-packets", 0);
    if let Some(capture) = handle.capture() {
        let (flag, file) = match capture.format() {
            Format::Pcap => ("dump-to-pcap", "pcap-file"),
            Format::Text => ("dump-to-text2pcap", "text2pcap-file"),
        };
        info.set(flag, true).set(file, capture.path().to_string_lossy().as_ref());
    }
    if let Some(snapshot) = snapshot {
        info.set("webrtc", webrtc(&snapshot, &signalling.media));
    }
}

fn webrtc(snapshot: &PeerSnapshot, media: &[Medium]) -> Json {
    let all = Json::object();
    for medium in &snapshot.media {
        let signalled = usize::try_from(medium.config.mindex).ok().and_then(|index| media.get(index));
        all.set(&medium.config.mid, medium_info(medium, signalled, &snapshot.extensions));
    }
    let bwe =
        Json::object().with("twcc", snapshot.twcc).with("twcc-ext-id", snapshot.extensions.transport_wide_cc);
    Json::object()
        .with("ice", ice(snapshot))
        .with("dtls", dtls(snapshot))
        .with("extensions", extensions(&snapshot.extensions))
        .with("bwe", bwe)
        .with_some("too-large", (snapshot.too_large > 0).then_some(snapshot.too_large))
        .with_some("relay-waiting", (snapshot.relay_waiting > 0).then_some(snapshot.relay_waiting))
        .with_some("relay-dropped", (snapshot.relay_dropped > 0).then_some(snapshot.relay_dropped))
        .with("media", all)
}

fn list(texts: &[String]) -> Option<Json> {
    (!texts.is_empty()).then(|| texts.iter().collect())
}

fn ice(snapshot: &PeerSnapshot) -> Json {
    Json::object()
        .with("stream_id", 1)
        .with("component_id", 1)
        .with("state", snapshot.ice_state.unwrap_or(IceState::Disconnected).name())
        .with_some("failed-detected", snapshot.ice_failed_at)
        .with_some("icetimer-started", snapshot.ice_failed_at.map(|_| true))
        .with_some("gathered", snapshot.gathered_at)
        .with_some("connected", snapshot.connected_at)
        .with_some("local-candidates", list(&snapshot.local_candidates))
        .with_some("remote-candidates", list(&snapshot.remote_candidates))
        .with_some("selected-pair", snapshot.selected_pair.as_deref())
        .with("ready", i32::from(snapshot.gathered))
}

fn dtls(snapshot: &PeerSnapshot) -> Json {
    let role = match snapshot.dtls_role {
        Some(DtlsRole::Active) => "active",
        Some(DtlsRole::Passive) => "passive",
        _ => "actpass",
    };
    let traffic = |c: Counter| Json::object().with("packets", c.packets).with("bytes", c.bytes);
    let stats = Json::object().with("in", traffic(snapshot.dtls_in)).with("out", traffic(snapshot.dtls_out));
    let remote = snapshot.remote_fingerprint.as_ref();
    Json::object()
        .with("fingerprint", snapshot.local_fingerprint.as_str())
        .with_some("remote-fingerprint", remote.map(|f| f.value.as_str()))
        .with_some("remote-fingerprint-hash", remote.map(|f| f.hash.name()))
        .with("dtls-role", role)
        .with("dtls-state", snapshot.dtls_state.unwrap_or(DtlsState::Created).name())
        .with("retransmissions", snapshot.dtls_retransmissions)
        .with("valid", snapshot.dtls_valid)
        .with("srtp-profile", snapshot.srtp_profile.unwrap_or("none"))
        .with("ready", snapshot.dtls_ready)
        .with_some("handshake-started", snapshot.dtls_started_at)
        .with_some("connected", snapshot.dtls_connected_at)
        .with("sctp-association", snapshot.sctp_association)
        .with_some("channels", (!snapshot.channels.is_empty()).then(|| channels(&snapshot.channels)))
        .with("stats", stats)
}

fn channels(all: &[ChannelSnapshot]) -> Json {
    let channel = |channel: &ChannelSnapshot| {
        let (name, limit) = match channel.config.reliability {
            Reliability::Reliable => ("reliable", 0),
            Reliability::Retransmissions(count) => ("max-retransmits", count),
            Reliability::Lifetime(milliseconds) => ("max-packet-lifetime", milliseconds),
        };
        Json::object()
            .with_some("stream", channel.stream)
            .with("label", channel.config.label.as_str())
            .with("protocol", channel.config.protocol.as_str())
            .with("state", channel.state)
            .with("ordered", channel.config.ordered)
            .with("reliability", name)
            .with_some("limit", (limit > 0).then_some(limit))
            .with("negotiated", channel.config.negotiated.is_some())
            .with("buffered", channel.buffered)
    };
    all.iter().map(channel).collect()
}

fn extensions(ids: &ExtensionIds) -> Json {
    let all = Json::object();
    let known = [
        (uri::MID, ids.mid),
        (uri::RID, ids.rid),
        (uri::REPAIRED_RID, ids.repaired_rid),
        (uri::TRANSPORT_WIDE_CC, ids.transport_wide_cc),
        (uri::AUDIO_LEVEL, ids.audio_level),
        (uri::VIDEO_ORIENTATION, ids.orientation),
        (uri::PLAYOUT_DELAY, ids.playout_delay),
        (uri::ABS_SEND_TIME, ids.abs_send_time),
        (uri::ABS_CAPTURE_TIME, ids.abs_capture_time),
        (uri::VIDEO_LAYERS, ids.video_layers),
        (uri::DEPENDENCY_DESCRIPTOR, ids.dependency_descriptor),
    ];
    for (uri, id) in known {
        if id > 0 {
            all.set(uri, id);
        }
    }
    all
}

fn medium_info(medium: &MediumSnapshot, signalled: Option<&Medium>, ids: &ExtensionIds) -> Json {
    let config = &medium.config;
    let info = Json::object()
        .with("type", config.kind.name())
        .with("mindex", config.mindex)
        .with("mid", config.mid.as_str());
    if let Some(signalled) = signalled {
        info.set_some("msid", msid(signalled));
    }
    if config.kind == MediaKind::Data {
        return info.with("stats", stats(medium, true));
    }
    info.set("do_nacks", config.nacks).set("nack-queue-ms", medium.nack_queue_ms).set("ssrc", ssrcs(medium));
    if let Some(signalled) = signalled.filter(|m| m.kind == MediumKind::Video && m.has_rids()) {
        info.set("rid-simulcast", rid_simulcast(signalled, ids));
    }
    info.set("direction", Json::object().with("send", config.send).with("recv", config.recv));
    if let Some(pt) = medium.payload_type {
        let codecs = Json::object()
            .with("pt", pt)
            .with_some("opus-red-pt", config.opus_red_pt)
            .with_some("rtx-pt", medium.rtx_payload_type)
            .with_some("codec", medium.codec.as_deref());
        info.set("codecs", codecs);
    }
    let rtcp = Json::object();
    for (index, layer) in medium.layers.iter().enumerate() {
        rtcp.set(["main", "sim1", "sim2"][index.min(2)], rtcp_info(index, layer));
    }
    info.set("rtcp", rtcp);
    info.with("stats", stats(medium, false))
}

fn msid(medium: &Medium) -> Option<Json> {
    let names = Json::object();
    if let Some((stream, track)) = &medium.msid {
        names.set("local-stream", stream).set("local-track", track);
    }
    if let Some((stream, track)) = &medium.remote_msid {
        names.set("remote-stream", stream).set("remote-track", track);
    }
    (!names.is_empty()).then_some(names)
}

fn ssrcs(medium: &MediumSnapshot) -> Json {
    let all = Json::object();
    let (ours, [a, b, c]) = (&medium.config, medium.remote_ssrc);
    let [a_rtx, b_rtx, c_rtx] = medium.remote_ssrc_rtx;
    let named = [
        ("ssrc", ours.ssrc),
        ("ssrc-rtx", ours.ssrc_rtx),
        ("ssrc-peer", a),
        ("ssrc-peer-sim-1", b),
        ("ssrc-peer-sim-2", c),
        ("ssrc-peer-rtx", a_rtx),
        ("ssrc-peer-sim-1-rtx", b_rtx),
        ("ssrc-peer-sim-2-rtx", c_rtx),
    ];
    for (name, ssrc) in named {
        if ssrc != 0 {
            all.set(name, ssrc);
        }
    }
    all
}

fn rid_simulcast(medium: &Medium, ids: &ExtensionIds) -> Json {
    let rids: Json = medium.rids.iter().rev().flatten().collect();
    Json::object()
        .with("rid", rids)
        .with("rid-ext-id", ids.rid)
        .with_some("ridrtx-ext-id", (ids.repaired_rid > 0).then_some(ids.repaired_rid))
        .with("rid-order", if medium.rid_order == RidOrder::Hml { "hml" } else { "lmh" })
        .with_some("rid-syntax", medium.legacy_simulcast.then_some("old"))
}

fn rtcp_info(index: usize, layer: &LayerSnapshot) -> Json {
    let info = Json::object().with("base", layer.clock_rate);
    if index == 0 {
        info.set("rtt", layer.rtt_ms);
    }
    statistics::quality(&info, layer);
    info
}

fn stats(medium: &MediumSnapshot, data: bool) -> Json {
    let incoming = |layer: &LayerSnapshot| {
        let c = layer.received;
        let all = Json::object().with("packets", c.packets).with("bytes", c.bytes);
        if !data {
            all.set("bytes_lastsec", c.bytes_lastsec);
        }
        if medium.config.nacks {
            all.set("nacks", c.nacks).set("retransmissions", c.retransmissions);
        }
        all
    };
    let received = incoming(&medium.layers.first().copied().unwrap_or_default());
    for (index, layer) in medium.layers.iter().enumerate().skip(1) {
        received.set(&format!("video-simulcast-{index}"), incoming(layer));
    }
    let sent = Json::object().with("packets", medium.sent.packets).with("bytes", medium.sent.bytes);
    if !data {
        sent.set("bytes_lastsec", medium.sent.bytes_lastsec).set("nacks", medium.sent.nacks);
    }
    Json::object().with("in", received).with("out", sent)
}
