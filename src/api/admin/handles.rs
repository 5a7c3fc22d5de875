//! Handles in the Admin API (control-plane.md §7); `handle_info` has its own file.

use crate::api::handle::hangup_because;
use crate::api::request::{Answer, Reply, Request};
use crate::core::errors::{ApiError, Code};
use crate::core::handle::Handle;
use crate::json::Json;
use crate::media::HangupReason;
use crate::record::capture::{Capture, Format};
use std::sync::Arc;

pub fn hangup(request: &Request, handle: &Arc<Handle>) -> Answer {
    hangup_because(request, handle, HangupReason::AdminApi)
}

/// Unlike other replies about a handle, these do not name the session.
fn done(request: &Request) -> Reply {
    Json::object().with("janus", "success").with("transaction", request.transaction.as_str()).into()
}

/// `start_pcap` and `start_text2pcap`. One capture at a time, of either kind (CP-264).
pub fn start_capture(request: &Request, handle: &Handle, format: Format) -> Answer {
    let kind = match format {
        Format::Pcap => "pcap",
        Format::Text => "text2pcap",
    };
    let members = request.members();
    let folder = members.optional_text("folder")?;
    let name = members.optional_text("filename")?;
    let truncate = members.optional_number("truncate")?.unwrap_or(0);
    let busy = || ApiError::new(Code::Unknown, format!("{kind} already started"));
    if handle.capture().is_some() {
        return Err(busy());
    }
    let truncate = usize::try_from(truncate).unwrap_or(usize::MAX);
    let capture = Capture::create(folder.as_deref(), name.as_deref(), truncate, format).map_err(|error| {
        tracing::error!("Cannot create the capture: {error}");
        ApiError::new(Code::Unknown, format!("Error starting {kind} dump"))
    })?;
    if !handle.start_capture(Arc::new(capture)) {
        return Err(busy());
    }
    Ok(done(request))
}

/// Either name ends either kind (CP-265).
pub fn stop_capture(request: &Request, handle: &Handle) -> Answer {
    if !handle.stop_capture() {
        return Err(ApiError::new(Code::Unknown, "Capture not started"));
    }
    Ok(done(request))
}
