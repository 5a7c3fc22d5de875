//! The Janus API: who may ask what, and where it is answered (control-plane.md §3).

use super::request::{Answer, Request};
use super::{handle, message, root, session};
use crate::core::errors::{ApiError, Code};
use crate::core::handle::Handle;
use std::sync::Arc;

pub fn handle(request: &Request) -> Answer {
    if request.is_root() {
        return match request.lower_name().as_str() {
            "info" => root::info(request),
            "ping" => root::ping(request),
            "create" => root::create(request),
            _ => Err(request.wrong_path()),
        };
    }
    if request.session_id == 0 {
        return Err(ApiError::new(Code::SessionNotFound, "Session not found"));
    }
    if request.names_handle && request.handle_id == 0 {
        return Err(ApiError::new(Code::HandleNotFound, "Handle not found"));
    }
    // Before existence, so that a stranger learns nothing (CP-091).
    request.authorise()?;
    let owner = request.find_session()?;
    owner.touch();
    let attached = request.find_handle(&owner)?;
    let span = tracing::info_span!(
        "request",
        session = request.session_id,
        handle = tracing::field::Empty,
        plugin = tracing::field::Empty
    );
    if let Some(handle) = &attached {
        span.record("handle", handle.id).record("plugin", handle.plugin.package());
    }
    let _inside = span.enter();
    match request.lower_name().as_str() {
        "keepalive" => Ok(request.reply("ack").into()),
        "attach" => without(request, &attached).and_then(|()| session::attach(request, &owner)),
        "destroy" => without(request, &attached).and_then(|()| session::destroy(request, &owner)),
        "claim" => session::claim(request, &owner),
        "detach" => handle::detach(request, with(request, &attached)?),
        "hangup" => handle::hangup(request, with(request, &attached)?),
        "message" => message::message(request, with(request, &attached)?),
        "trickle" => handle::trickle(request, with(request, &attached)?),
        _ => Err(ApiError::new(Code::UnknownRequest, format!("Unknown request '{}'", request.name))),
    }
}

/// A request on a handle.
fn with<'a>(request: &Request, handle: &'a Option<Arc<Handle>>) -> Result<&'a Arc<Handle>, ApiError> {
    handle.as_ref().ok_or_else(|| request.wrong_path())
}

/// A request on the session itself.
fn without(request: &Request, handle: &Option<Arc<Handle>>) -> Result<(), ApiError> {
    if handle.is_some() { Err(request.wrong_path()) } else { Ok(()) }
}
