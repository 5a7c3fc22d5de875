//! What an instance counts.

use super::error::{Error, Result};
use super::instance::Instance;
use super::types::janus_rs_code::JANUS_RS_ESTATE;
use super::types::janus_rs_counters;
use crate::json::{Json, dump};
use std::sync::atomic::Ordering;

pub fn count(instance: &Instance) -> Result<janus_rs_counters> {
    let live = instance.live()?;
    let core = &live.api.core;
    let sessions = core.sessions();
    let queues = instance.queues();
    let traffic = core.engine().map(|engine| engine.traffic()).unwrap_or_default();
    Ok(janus_rs_counters {
        size: size_of::<janus_rs_counters>(),
        clients: instance.clients.len() as u64,
        sessions: sessions.len() as u64,
        handles: sessions.iter().map(|session| session.handle_count() as u64).sum(),
        peers_connected: core.peerconnections.load(Ordering::Relaxed) as u64,
        received_packets: traffic.iter().map(|worker| worker.received).sum(),
        sent_packets: traffic.iter().map(|worker| worker.sent).sum(),
        requests_waiting: instance.clients.waiting() as u64,
        events_waiting: queues.iter().map(|queue| queue.len() as u64).sum(),
        events_lost: queues.iter().map(|queue| queue.lost_ever()).sum(),
    })
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
