//! Requests without a session: info, ping, create (control-plane.md §3.2).

use super::info::server_info;
use super::request::{Answer, Request, error_json};
use crate::core::errors::{ApiError, Code};
use crate::json::Json;
use std::sync::atomic::Ordering;

/// Never asks who it is (CP-098).
pub fn info(request: &Request) -> Answer {
    Ok(server_info(&request.core, Some(&request.transaction)).into())
}

pub fn ping(request: &Request) -> Answer {
    Ok(request.reply("pong").into())
}

/// Creates a session, by a chosen or a random id.
///
/// Errors: 472, 403, 468 in this order.
pub fn create(request: &Request) -> Answer {
    if !request.core.live.accepting_sessions.load(Ordering::Relaxed) {
        return Err(Code::NotAcceptingSessions.into());
    }
    request.authorise()?;
    let id = request.members().optional_number("id")?.unwrap_or(0) as u64;
    match request.core.create_session(id, request.from.clone()) {
        Some(session) => Ok(request.success().with("data", Json::object().with("id", session.id)).into()),
        None => {
            let error = ApiError::new(Code::SessionConflict, "Session ID already in use");
            Ok(error_json(id, Some(&request.transaction), &error).into())
        }
    }
}
