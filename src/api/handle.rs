//! Requests on a handle: detach, hangup, trickle (control-plane.md §3.2, §3.4).

use super::request::{Answer, Reply, Request};
use crate::core::errors::{ApiError, Code};
use crate::core::handle::Handle;
use crate::core::trickle::Trickle;
use crate::media::HangupReason;
use std::sync::Arc;

/// Starts the end of the handle; `detached` follows as an event.
pub fn detach(request: &Request, handle: &Arc<Handle>) -> Answer {
    let Some(rest) = handle.detach_but_for_the_rest() else {
        return Err(ApiError::new(Code::PluginDetach, "No plugin to detach from"));
    };
    // The event that follows leaves with the reply.
    Ok(Reply { then: rest.map(|rest| Box::new(move || rest.run()) as _), ..request.success().into() })
}

/// Ends the PeerConnection, if there is one.
pub fn hangup(request: &Request, handle: &Arc<Handle>) -> Answer {
    hangup_because(request, handle, HangupReason::JanusApi)
}

pub fn hangup_because(request: &Request, handle: &Arc<Handle>, reason: HangupReason) -> Answer {
    if handle.plugin_session().is_none() {
        return Err(ApiError::new(Code::PluginDetach, "No plugin attached"));
    }
    handle.hangup(reason);
    Ok(request.success().into())
}

/// Candidates of the client.
pub fn trickle(request: &Request, handle: &Arc<Handle>) -> Answer {
    if handle.plugin_session().is_none() {
        let reason = "No plugin to handle this trickle candidate";
        return Err(ApiError::new(Code::PluginMessage, reason));
    }
    let candidates = match (request.json.get("candidate"), request.json.get("candidates")) {
        (None, None) => {
            let reason = "Missing mandatory element (candidate|candidates)";
            return Err(ApiError::new(Code::MissingElement, reason));
        }
        (Some(_), Some(_)) => {
            let reason = "Can't have both candidate and candidates";
            return Err(ApiError::new(Code::InvalidJson, reason));
        }
        (Some(one), None) => Trickle::One(one),
        (None, Some(several)) => Trickle::Several(several),
    };
    handle.trickle(&candidates)?;
    Ok(request.reply("ack").into())
}
