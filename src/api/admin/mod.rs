//! The Admin API (control-plane.md §7): tuning, inspection, and the ends of sessions, handles and PeerConnections.

mod drain;
mod external;
pub mod handle_info;
mod handles;
mod network;
mod queries;
mod queues;
mod sessions;
mod stalls;
mod stun;
mod tokens;
mod tuning;

pub use stun::public_address;

use super::request::{Answer, Request};
use super::root;
use crate::core::errors::{ApiError, Code};
use crate::record::capture::Format;

pub fn handle(request: &Request) -> Answer {
    if request.is_root() {
        return at_root(request);
    }
    let not_found = || ApiError::new(Code::SessionNotFound, "Session not found");
    if request.session_id == 0 || (request.names_handle && request.handle_id == 0) {
        return Err(not_found());
    }
    request.authorise_admin()?;
    // Unlike the Janus API, this does not count as activity (CP-112).
    let session = request.find_session()?;
    let name = request.lower_name();
    match request.find_handle(&session)? {
        None => match name.as_str() {
            "destroy_session" => super::session::destroy(request, &session),
            "set_session_timeout" => sessions::set_timeout(request, &session),
            "list_handles" => sessions::list_handles(request, &session),
            _ => Err(request.wrong_path()),
        },
        Some(handle) => match name.as_str() {
            "detach_handle" => super::handle::detach(request, &handle),
            "hangup_webrtc" => handles::hangup(request, &handle),
            "start_pcap" => handles::start_capture(request, &handle, Format::Pcap),
            "start_text2pcap" => handles::start_capture(request, &handle, Format::Text),
            "stop_pcap" | "stop_text2pcap" => handles::stop_capture(request, &handle),
            "handle_info" => handle_info::handle_info(request, &handle),
            _ => Err(request.wrong_path()),
        },
    }
}

fn at_root(request: &Request) -> Answer {
    let name = request.lower_name();
    match name.as_str() {
        "info" => return root::info(request),
        "ping" => return root::ping(request),
        _ => {}
    }
    // Before the name is looked at (CP-240).
    request.authorise_admin()?;
    match name.as_str() {
        "get_status" => tuning::status(request),
        "set_session_timeout" => tuning::session_timeout(request),
        "set_log_level" => tuning::log_level(request),
        "set_locking_debug" => tuning::locking_debug(request),
        "set_libnice_debug" => tuning::libnice_debug(request),
        "set_refcount_debug" => tuning::refcount_debug(request),
        "set_log_timestamps" => tuning::log_timestamps(request),
        "set_log_colors" => tuning::log_colors(request),
        "set_min_nack_queue" => tuning::min_nack_queue(request),
        "set_nack_optimizations" => tuning::nack_optimizations(request),
        "set_no_media_timer" => tuning::no_media_timer(request),
        "set_slowlink_threshold" => tuning::slowlink_threshold(request),
        "accept_new_sessions" => tuning::accept_new_sessions(request),
        "drain" => drain::drain(request),
        "reload" => drain::reload(request),
        "message_plugin" => queries::plugin(request),
        "query_transport" => queries::transport(request),
        "query_eventhandler" => queries::event_handler(request),
        "query_logger" => queries::logger(request),
        "custom_event" => external::event(request),
        "custom_logline" => external::log_line(request),
        "reopen_log" => external::reopen_log(request),
        "list_sessions" => sessions::list(request),
        "add_token" => tokens::add(request),
        "allow_token" => tokens::allow(request),
        "disallow_token" => tokens::disallow(request),
        "list_tokens" => tokens::list(request),
        "remove_token" => tokens::remove(request),
        "resolve_address" => network::resolve_address(request),
        "test_stun" => network::test_stun(request),
        "loops_info" => network::loops_info(request),
        "queues_info" => queues::info(request),
        "stalls_info" => stalls::info(request),
        _ => Err(request.wrong_path()),
    }
}
