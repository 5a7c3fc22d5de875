//! Requests on a session: attach, claim, destroy (control-plane.md §2, §3.2, §6.1).

use super::request::{Answer, Reply, Request};
use crate::core::Session;
use crate::core::errors::{ApiError, Code};
use crate::core::free_id;
use crate::core::handle::{AttachError, Handle, HandleConfig};
use crate::json::Json;
use std::sync::Arc;

/// Creates a handle: the plugin's `create_session` runs before the reply.
///
/// Errors: 456/467, 460, 405, 461 in this order.
pub fn attach(request: &Request, session: &Arc<Session>) -> Answer {
    let core = &request.core;
    let members = request.members();
    let package = members.text("plugin")?;
    let opaque_id = members.optional_text("opaque_id")?;
    let loop_index = members.optional_number("loop_index")?.map(|index| index as usize);
    // Anything but a string counts as absent.
    let token = request.json.get("token").and_then(|v| v.as_str().map(str::to_owned));
    let plugin = core
        .plugins
        .get(&package)
        .ok_or_else(|| ApiError::new(Code::PluginNotFound, format!("No such plugin '{package}'")))?;
    if let Some(token) = &token
        && core.auth.token_needed()
        && !core.auth.plugin_allowed(token, &package)
    {
        let reason = format!("Provided token can't access plugin '{package}'");
        return Err(ApiError::new(Code::UnauthorizedPlugin, reason));
    }
    let token = token.filter(|_| core.auth.token_needed());
    let id = free_id(|id| session.handle(id).is_some());
    let handle = Handle::new(core, session, id, HandleConfig { plugin, opaque_id, token, loop_index });
    let gone = || ApiError::new(Code::SessionNotFound, format!("No such session {}", session.id));
    if !session.add_handle(&handle) {
        return Err(gone());
    }
    handle.attach().map_err(|error| match error {
        AttachError::Plugin(code) => {
            ApiError::new(Code::PluginAttach, format!("Couldn't attach to plugin: error '{code}'"))
        }
        AttachError::SessionGone => gone(),
    })?;
    Ok(request.success().with("data", Json::object().with("id", id)).into())
}

/// Makes the asker the owner.
pub fn claim(request: &Request, session: &Arc<Session>) -> Answer {
    if request.core.claim_session(session, request.from.clone()) {
        Ok(request.success().into())
    } else {
        Err(ApiError::new(Code::SessionNotFound, format!("No such session {}", session.id)))
    }
}

/// Ends the session; the news for event handlers follow the reply.
pub fn destroy(request: &Request, session: &Arc<Session>) -> Answer {
    if !request.core.destroy_session(session) {
        return Err(ApiError::new(Code::SessionNotFound, format!("No such session {}", session.id)));
    }
    let (core, session) = (request.core.clone(), session.clone());
    let then = Box::new(move || core.announce_destroyed(&session));
    Ok(Reply { then: Some(then), ..request.success().into() })
}
