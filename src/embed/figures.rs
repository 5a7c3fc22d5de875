//! What an instance counts.

use super::error::{Error, Result};
use super::instance::Instance;
use super::peer::Peer;
use super::types::janus_rs_code::{JANUS_RS_ENOENT, JANUS_RS_ESTATE};
use super::types::{
    janus_rs_counters, janus_rs_direction, janus_rs_figures, janus_rs_kind, janus_rs_media_info,
    janus_rs_peer_info,
};
use crate::core::jsep::MediumKind;
use crate::json::{Json, dump};
use crate::links::outlet::Fact;
use crate::media::{DtlsRole, DtlsState, IceRole, IceState, LayerSnapshot, Mindex, PairEnd, PeerSnapshot};
use crate::metrics::Format;
use crate::server::metrics;
use crate::stall;
use std::ffi::{c_char, c_int};
use std::sync::atomic::Ordering;

pub fn count(instance: &Instance) -> Result<janus_rs_counters> {
    let live = instance.live()?;
    let core = &live.api.core;
    let sessions = core.sessions();
    let queues = instance.queues();
    let peers = instance.peers.len() as u64;
    let traffic = core.engine().map(|engine| engine.traffic()).unwrap_or_default();
    Ok(janus_rs_counters {
        size: size_of::<janus_rs_counters>(),
        clients: instance.clients.len() as u64,
        // A peer has one of each.
        sessions: (sessions.len() as u64).saturating_sub(peers),
        handles: sessions.iter().map(|s| s.handle_count() as u64).sum::<u64>().saturating_sub(peers),
        peers_connected: core.peerconnections.load(Ordering::Relaxed) as u64,
        received_packets: traffic.iter().map(|worker| worker.received).sum(),
        sent_packets: traffic.iter().map(|worker| worker.sent).sum(),
        requests_waiting: instance.clients.waiting() as u64,
        events_waiting: queues.iter().map(|queue| queue.len() as u64).sum(),
        events_lost: queues.iter().map(|queue| queue.lost_ever()).sum(),
        peers,
        channels: instance.peers.channel_count() as u64,
        links: instance.peers.link_count() as u64,
        send_calls: traffic.iter().map(|worker| worker.send_calls).sum(),
        dropped_packets: traffic.iter().map(|worker| worker.dropped).sum(),
        slow_calls: stall::report().iter().flat_map(|plugin| &plugin.callbacks).map(|call| call.stalls).sum(),
    })
}

/// What is known of a peer.
pub fn peer(instance: &Instance, peer: &Peer) -> janus_rs_peer_info {
    let channels = instance.peers.channels_of(peer.number);
    let handle = peer.handle();
    let role = handle.as_ref().and_then(|handle| handle.signalling_facts().ice_role);
    // `usize::MAX`: it says where it is, not where it may be.
    let worker = handle.as_ref().and_then(|handle| handle.worker(usize::MAX)).map_or(0, |worker| worker + 1);
    let largest = peer.largest_message();
    peer.look(|known| {
        let snapshot = known.snapshot;
        let fingerprint = snapshot.and_then(|s| s.remote_fingerprint.as_ref());
        let end = |end: &PairEnd| (end.address.to_string(), end.kind.name());
        let (local, remote) = known.pair.map(|(local, remote)| (end(local), end(remote))).unwrap_or_default();
        let (received, sent) = snapshot.map(|s| (s.dtls_in, s.dtls_out)).unwrap_or_default();
        janus_rs_peer_info {
            size: size_of::<janus_rs_peer_info>(),
            state: known.connection as i32,
            signaling: known.signaling as i32,
            ice: match known.ice {
                IceState::Connected | IceState::Ready if known.away => 4,
                IceState::Disconnected | IceState::Gathering => 0,
                IceState::Connecting => 1,
                IceState::Connected => 2,
                IceState::Ready => 3,
                IceState::Failed => 5,
            },
            dtls: match known.dtls {
                DtlsState::Created => 0,
                DtlsState::Trying => 1,
                DtlsState::Connected => 2,
                DtlsState::Failed => 3,
            },
            sctp: known.sctp as i32,
            ice_controlling: i32::from(role == Some(IceRole::Controlling)),
            dtls_client: i32::from(snapshot.and_then(|s| s.dtls_role) == Some(DtlsRole::Active)),
            worker: worker as u32,
            local: array(&local.0),
            remote: array(&remote.0),
            local_type: array(local.1),
            remote_type: array(remote.1),
            srtp: array(snapshot.and_then(|s| s.srtp_profile).unwrap_or_default()),
            remote_fingerprint: array(
                &fingerprint.map(|f| format!("{} {}", f.hash.name(), f.value)).unwrap_or_default(),
            ),
            connected_at: known.connected_at,
            received_packets: received.packets,
            received_bytes: received.bytes,
            sent_packets: sent.packets,
            sent_bytes: sent.bytes,
            remote_max_message: i64::try_from(largest).unwrap_or(i64::MAX),
            channels: u32::try_from(channels).unwrap_or(u32::MAX),
            last_received: snapshot.and_then(|s| s.heard_at).unwrap_or(0),
            round_trip: snapshot.and_then(round_trip).unwrap_or(-1),
            lost_in: lost(snapshot, |layer| layer.lost),
            lost_out: lost(snapshot, |layer| layer.lost_by_remote),
        }
    })
}

/// µs: of ICE, or of the slowest medium that RTCP tells it of.
fn round_trip(snapshot: &PeerSnapshot) -> Option<i64> {
    let of_media = snapshot.media.iter().flat_map(|medium| &medium.layers).filter(|layer| layer.rtt_lsr > 0);
    snapshot.round_trip.or_else(|| of_media.map(|layer| i64::from(layer.rtt_ms) * 1000).max())
}

fn lost(snapshot: Option<&PeerSnapshot>, of: impl Fn(&LayerSnapshot) -> i32) -> u64 {
    let layers = snapshot.into_iter().flat_map(|s| &s.media).flat_map(|medium| &medium.layers);
    layers.map(|layer| u64::try_from(of(layer)).unwrap_or(0)).sum()
}

/// What is known of an m-line.
pub fn medium(peer: &Peer, mindex: Mindex) -> Result<janus_rs_media_info> {
    use janus_rs_direction::*;
    let fact = peer.media.outlet.with_fact(mindex, Fact::clone);
    let fact =
        fact.ok_or_else(|| Error::new(JANUS_RS_ENOENT, format!("there is no m-line {mindex} (yet)")))?;
    let kind = match fact.kind {
        MediumKind::Audio => janus_rs_kind::JANUS_RS_AUDIO as i32,
        MediumKind::Video => janus_rs_kind::JANUS_RS_VIDEO as i32,
        MediumKind::Data | MediumKind::Unsupported => 0,
    };
    let direction = match (fact.send, fact.recv) {
        (true, true) => JANUS_RS_SENDRECV,
        (true, false) => JANUS_RS_SENDONLY,
        (false, true) => JANUS_RS_RECVONLY,
        (false, false) => JANUS_RS_INACTIVE,
    };
    let preferred = peer.preferred(mindex);
    let of_name = |name: &str| fact.codecs.iter().find(|(_, codec)| codec == name);
    let codec = preferred.iter().find_map(|name| of_name(name));
    let (payload_type, codec) = codec.map_or((-1, ""), |(pt, name)| (i32::from(*pt), name.as_str()));
    Ok(janus_rs_media_info {
        size: size_of::<janus_rs_media_info>(),
        kind,
        direction: direction as i32,
        mid: array(&fact.mid),
        codec: array(codec),
        payload_type,
        ssrc: fact.ssrc,
        layers: fact.layers.into(),
        linked: i32::from(peer.media.is_linked(mindex)),
    })
}

/// A text in an array, with a NUL.
fn array<const SIZE: usize>(text: &str) -> [c_char; SIZE] {
    let mut array = [0; SIZE];
    for (to, from) in array[..SIZE - 1].iter_mut().zip(text.bytes()) {
        *to = from as c_char;
    }
    array
}

/// What the daemon's `/metrics` says.
pub fn metrics(instance: &Instance, format: c_int) -> Result<String> {
    let format = match format {
        format if format == janus_rs_figures::JANUS_RS_OPENMETRICS as c_int => Format::OpenMetrics,
        format if format == janus_rs_figures::JANUS_RS_PROMETHEUS as c_int => Format::Plain,
        format => return Err(Error::invalid(format!("there is no form {format} of figures"))),
    };
    Ok(metrics::text(&instance.live()?.api.core, format))
}

/// One list per worker.
pub fn addresses(instance: &Instance) -> Result<String> {
    let live = instance.live()?;
    let engine = live.api.core.engine();
    let engine = engine.ok_or_else(|| Error::new(JANUS_RS_ESTATE, "there is no media engine"))?;
    let workers = Json::array();
    for addresses in engine.addresses() {
        let worker = Json::array();
        for address in addresses {
            worker.push(address.to_string().as_str());
        }
        workers.push(worker);
    }
    Ok(workers.dump(dump::COMPACT).unwrap_or_default())
}
