//! Events, log lines and words about the log from outside (control-plane.md §7).

use crate::api::check::Kind as Member;
use crate::api::request::{Answer, Request};
use crate::core::notifier::{Kind, Subject, subtype};
use crate::json::Json;

const INFO: i64 = 4;
const HIGHEST: i64 = 7;

/// Accepted, and dropped when events are off.
pub fn event(request: &Request) -> Answer {
    let members = request.members();
    let schema = members.text("schema")?;
    let data = members.required("data", Member::Object)?;
    request.core.notifier.emit(Kind::External, subtype::NONE, Subject::default(), || {
        Json::object().with("schema", schema).with("data", data)
    });
    Ok(request.success().into())
}

/// As SIGHUP in the daemon: whoever rotates logs has moved the file away.
pub fn reopen_log(request: &Request) -> Answer {
    request.core.settings.log.reopen();
    Ok(request.success().into())
}

/// Level 0 logs nothing, an unknown one is INFO (CP-258).
pub fn log_line(request: &Request) -> Answer {
    let members = request.members();
    let line = members.text("line")?;
    let level = members.optional_number("level")?.unwrap_or(INFO);
    let level = if level > HIGHEST { INFO } else { level };
    if level > 0 {
        request.core.settings.log.line(level as i32, &line);
    }
    Ok(request.success().into())
}
