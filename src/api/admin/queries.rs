//! Questions to modules, passed on as they are (control-plane.md §7).

use crate::api::check::Kind;
use crate::api::request::{Answer, Request};
use crate::core::errors::{ApiError, Code};
use crate::core::registry::Registry;
use crate::json::Json;
use crate::util::lock::outside;

/// Reads `request`, finds the module that `member` names, asks it.
fn ask<T: ?Sized>(
    request: &Request,
    member: &str,
    registry: &Registry<T>,
    what: (&str, &str),
    question: impl FnOnce(&T, Option<&Json>) -> Option<Json>,
) -> Answer {
    let (invalid, unsupported) = what;
    let members = request.members();
    let package = members.text(member)?;
    let content = members.optional("request", Kind::Object)?;
    let module = registry.get(&package).ok_or_else(|| ApiError::new(Code::PluginNotFound, invalid))?;
    let answer = outside(|| question(&module, content.as_ref()))
        .ok_or_else(|| ApiError::new(Code::Unknown, unsupported))?;
    Ok(request.success().with("response", answer).into())
}

pub fn plugin(request: &Request) -> Answer {
    let what = ("Invalid plugin", "Plugin doesn't support Admin API messages");
    ask(request, "plugin", &request.core.plugins, what, |plugin, content| {
        plugin.handle_admin_message(content)
    })
}

pub fn transport(request: &Request) -> Answer {
    let what = ("Invalid transport", "Transport plugin doesn't support queries");
    ask(request, "transport", &request.core.transports, what, |transport, content| transport.query(content))
}

pub fn event_handler(request: &Request) -> Answer {
    let what = ("Invalid event handler", "Event handler doesn't support queries");
    ask(request, "handler", &request.core.event_handlers, what, |handler, content| handler.query(content))
}

pub fn logger(request: &Request) -> Answer {
    let what = ("Invalid logger", "Logger doesn't support queries");
    ask(request, "logger", &request.core.loggers, what, |logger, content| logger.query(content))
}
