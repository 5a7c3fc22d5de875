//! Handles in the Admin API (control-plane.md §7); `handle_info` has its own file.

use crate::api::handle::hangup_because;
use crate::api::request::{Answer, Request};
use crate::core::errors::{ApiError, Code};
use crate::core::handle::Handle;
use crate::media::HangupReason;
use std::sync::Arc;

pub fn hangup(request: &Request, handle: &Arc<Handle>) -> Answer {
    hangup_because(request, handle, HangupReason::AdminApi)
}

/// The engine has no packet capture yet: nothing can be started.
pub fn start_capture(request: &Request, kind: &str) -> Answer {
    let members = request.members();
    members.optional_text("folder")?;
    members.optional_text("filename")?;
    members.optional_number("truncate")?;
    Err(ApiError::new(Code::Unknown, format!("Error starting {kind} dump")))
}

pub fn stop_capture() -> Answer {
    Err(ApiError::new(Code::Unknown, "Capture not started"))
}
