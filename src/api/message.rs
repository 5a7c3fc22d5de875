//! `message`: what the client says to the plugin, with or without a session description (control-plane.md §5).

use super::check::{Kind, Members};
use super::request::{Answer, Reply, Request};
use crate::core::errors::{ApiError, Code};
use crate::core::handle::Handle;
use crate::core::jsep::{RidOrder, SdpType};
use crate::core::negotiate::ClientJsep;
use crate::json::Json;
use crate::modules::host::PluginResult;
use crate::util::lock::outside;
use crate::util::seldom::Seldom;
use std::sync::Arc;

pub fn message(request: &Request, handle: &Arc<Handle>) -> Answer {
    let gone = || ApiError::new(Code::PluginMessage, "No plugin to handle this message");
    if handle.plugin_session().is_none() {
        return Err(gone());
    }
    let body = request.members().required("body", Kind::Object)?;
    let jsep = match request.json.get("jsep") {
        None => None,
        Some(jsep) => {
            let jsep = read_jsep(&jsep).inspect_err(|error| handle.tell_refusal(error))?;
            Some(handle.negotiate_from_client(&jsep)?)
        }
    };
    // Negotiating may have taken a while.
    let plugin = handle.plugin_session().ok_or_else(gone)?;
    let result = outside(|| plugin.handle_message(&request.transaction, body, jsep));
    answer(request, handle, result)
}

fn failed(reason: &str) -> ApiError {
    ApiError::new(Code::PluginMessage, reason)
}

fn answer(request: &Request, handle: &Handle, result: PluginResult) -> Answer {
    match result {
        PluginResult::None => {
            tracing::warn!(handle = handle.id, "{} gave no result to a message", handle.plugin.package());
            Err(failed("Plugin didn't give a result"))
        }
        PluginResult::Ok(None) => {
            Err(failed("Plugin didn't provide any content for this synchronous response"))
        }
        PluginResult::Ok(Some(content)) if !content.is_object() => {
            Err(failed("Plugin returned an invalid JSON response"))
        }
        PluginResult::Ok(Some(content)) => {
            let data = Json::object().with("plugin", handle.plugin.package()).with("data", content);
            let reply = request.success().with("sender", handle.id);
            Ok(reply.with_some("opaque_id", handle.shown_opaque_id()).with("plugindata", data).into())
        }
        PluginResult::Wait(hint) => {
            Ok(Reply { is_followed: true, ..request.reply("ack").with_some("hint", hint).into() })
        }
        PluginResult::Error(text) => {
            Err(failed(text.as_deref().unwrap_or("Plugin returned a severe (unknown) error")))
        }
    }
}

/// Members that a client got wrong and that have a default.
static ODD_JSEP: Seldom = Seldom::every(1_000_000);
/// Of such a member, this much is logged.
const SHOWN: usize = 40;

fn read_jsep(json: &Json) -> Result<ClientJsep, ApiError> {
    if !json.is_object() {
        return Err(ApiError::new(Code::InvalidJsonObject, "Invalid jsep object"));
    }
    let members = Members::with_prefix(json, "JSEP error: ");
    let type_text = members.text("type")?;
    let sdp = members.text("sdp")?;
    let trickle = members.optional_boolean("trickle")?.unwrap_or(true);
    let rid_order = members.optional_text("rid_order")?;
    let force_relay = members.optional_boolean("force_relay")?.unwrap_or(false);
    let e2ee = members.optional_boolean("e2ee")?.unwrap_or(false);
    let kind = SdpType::from_name(&type_text).ok_or_else(|| {
        let reason = format!("JSEP error: unknown message type '{type_text}'");
        ApiError::new(Code::JsepUnknownType, reason)
    })?;
    let rid_order = match rid_order.as_deref() {
        Some(order) if order.eq_ignore_ascii_case("lmh") => RidOrder::Lmh,
        Some(order) if !order.eq_ignore_ascii_case("hml") => {
            if ODD_JSEP.one_more().is_some() {
                tracing::warn!(
                    "Unknown rid_order '{}', using hml",
                    &order[..order.floor_char_boundary(SHOWN)]
                );
            }
            RidOrder::Hml
        }
        _ => RidOrder::Hml,
    };
    let svc = json.get("svc").filter(|svc| {
        let valid = is_svc(svc);
        if !valid && ODD_JSEP.one_more().is_some() {
            tracing::warn!("Ignoring a malformed 'svc' in the JSEP");
        }
        valid
    });
    Ok(ClientJsep { kind, type_text, sdp, trickle, rid_order, force_relay, e2ee, svc })
}

/// A non-empty array of objects that name a medium and its mode (CP-162).
fn is_svc(svc: &Json) -> bool {
    !svc.is_empty()
        && svc.is_array()
        && svc.elements().all(|element| {
            let mindex = element.get("mindex");
            let mid = element.get("mid");
            element.get("svc").is_some_and(|v| v.is_string())
                && (mindex.is_some() || mid.is_some())
                && mindex.is_none_or(|v| v.as_i64().is_some())
                && mid.is_none_or(|v| v.is_string())
        })
}
