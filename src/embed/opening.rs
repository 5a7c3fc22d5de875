//! How a peer comes into being: a handle of the built-in plugin, in a session of its own.
#![forbid(unsafe_code)]

use super::error::{Error, Result};
use super::peer::{Peer, PeerOptions};
use super::peer_plugin::{Hidden, Plugin};
use super::peers::Peers;
use super::queue::Queue;
use crate::core::Core;
use crate::core::handle::{Handle, HandleConfig};
use crate::core::session::Owner;
use crate::util::serial;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A new PeerConnection, of which nothing is to be seen yet.
pub fn open(peers: &Arc<Peers>, core: &Arc<Core>, queue: Arc<Queue>, options: PeerOptions) -> Result<u64> {
    if !core.live.accepting_sessions.load(Ordering::Relaxed) {
        return Err(Error::state("the instance is draining"));
    }
    let engine = core.engine().ok_or_else(|| Error::state("there is no media engine"))?;
    let workers = engine.loads().len();
    if options.worker.is_some_and(|worker| worker >= workers) {
        return Err(Error::invalid(format!("there are {workers} media threads")));
    }
    let number = serial::next();
    let (name, worker) = (options.name.clone(), options.worker);
    let peer = Arc::new(Peer::new(number, queue, options));
    let stopping = || Error::state("the instance is stopping");
    let session = core.create_session(0, Owner(Arc::new(Hidden(number)))).ok_or_else(stopping)?;
    session.set_timeout(0);
    let config = HandleConfig {
        plugin: Arc::new(Plugin { peer: peer.clone(), all: Arc::downgrade(peers) }),
        opaque_id: name,
        token: None,
        loop_index: worker,
    };
    let handle = Handle::new(core, &session, number, config);
    peer.belongs_to(&handle);
    peers.insert(peer);
    if !session.add_handle(&handle) || handle.attach().is_err() {
        peers.remove(number);
        return Err(stopping());
    }
    Ok(number)
}
