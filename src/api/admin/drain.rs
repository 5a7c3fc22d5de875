//! `drain` and `reload`. Not in the reference.

use crate::api::request::{Answer, Request};
use crate::core::errors::{ApiError, Code};
use crate::json::Json;
use std::sync::atomic::Ordering;

/// Takes no new sessions any more (`accept_new_sessions` undoes it), and says how many there are. Ask again to see how it goes.
pub fn drain(request: &Request) -> Answer {
    let core = &request.core;
    if core.live.accepting_sessions.swap(false, Ordering::Relaxed) {
        tracing::info!("Draining: no new sessions are taken");
    }
    let reply = request.success().with("sessions", core.sessions().len());
    Ok(reply.with("peerconnections", core.peer_connections()).into())
}

/// Reads janus.jcfg anew, and takes over what can change while running. The reply names what was taken over, and what has
/// changed and needs a restart.
pub fn reload(request: &Request) -> Answer {
    match request.core.reload() {
        None => Err(ApiError::new(Code::Unknown, "There is no file to read")),
        Some(Err(why)) => Err(ApiError::new(Code::Unknown, why)),
        Some(Ok(changes)) => {
            let list =
                |names: &[String]| names.iter().map(|name| Json::from(name.as_str())).collect::<Json>();
            let reply = request.success().with("changed", list(&changes.taken));
            Ok(reply.with("needs_restart", list(&changes.restart)).into())
        }
    }
}
