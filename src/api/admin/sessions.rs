//! Sessions in the Admin API (control-plane.md §7).

use crate::api::check::Kind;
use crate::api::request::{Answer, Request};
use crate::core::Session;
use crate::json::Json;

pub fn list(request: &Request) -> Answer {
    let ids: Json = request.core.sessions().iter().map(|session| session.id).collect();
    Ok(request.success().with("sessions", ids).into())
}

/// Seconds; 0 = unlimited, −1 = the global value again.
pub fn set_timeout(request: &Request, session: &Session) -> Answer {
    let members = request.members();
    let timeout = members.required("timeout", Kind::Integer)?.as_i64().unwrap_or(-1);
    if timeout < -1 {
        return Err(members.wrong("timeout", "a non-negative integer or -1"));
    }
    session.set_timeout(i32::try_from(timeout).unwrap_or(i32::MAX));
    let reply = Json::object().with("janus", "success").with("transaction", request.transaction.as_str());
    Ok(reply.with("timeout", timeout).with("session_id", session.id).into())
}

pub fn list_handles(request: &Request, session: &Session) -> Answer {
    let ids: Json = session.handle_ids().into_iter().collect();
    Ok(request.success().with("handles", ids).into())
}
