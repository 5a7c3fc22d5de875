//! Requests by API, name and code, and how long they take: from when their turn comes to when the reply is ready.

use crate::core::measures::{Asked, Measures};
use crate::json::Json;
use crate::modules::host::Incoming;
use std::time::Instant;

const JANUS: [&str; 11] = [
    "info",
    "ping",
    "create",
    "keepalive",
    "attach",
    "destroy",
    "claim",
    "detach",
    "hangup",
    "message",
    "trickle",
];
const ADMIN: [&str; 44] = [
    "info",
    "ping",
    "get_status",
    "set_session_timeout",
    "set_log_level",
    "set_locking_debug",
    "set_libnice_debug",
    "set_refcount_debug",
    "set_log_timestamps",
    "set_log_colors",
    "set_min_nack_queue",
    "set_nack_optimizations",
    "set_no_media_timer",
    "set_slowlink_threshold",
    "accept_new_sessions",
    "drain",
    "message_plugin",
    "query_transport",
    "query_eventhandler",
    "query_logger",
    "custom_event",
    "custom_logline",
    "reopen_log",
    "reload",
    "list_sessions",
    "add_token",
    "allow_token",
    "disallow_token",
    "list_tokens",
    "remove_token",
    "resolve_address",
    "test_stun",
    "loops_info",
    "queues_info",
    "stalls_info",
    "destroy_session",
    "list_handles",
    "detach_handle",
    "hangup_webrtc",
    "start_pcap",
    "start_text2pcap",
    "stop_pcap",
    "stop_text2pcap",
    "handle_info",
];

/// A request whose turn has come.
pub struct Measured {
    asked: Asked,
    since: Instant,
}

impl Measured {
    pub fn begin(request: &Incoming) -> Measured {
        let name = request.message.as_ref().ok().and_then(|message| message.get("janus"));
        let name = name.and_then(|name| name.as_str().map(str::to_ascii_lowercase)).unwrap_or_default();
        Measured { asked: asked(request.admin, &name), since: Instant::now() }
    }

    pub fn end(self, measures: &Measures, reply: &Json) {
        let code = reply.get("error").and_then(|error| error.get("code")?.as_i64());
        measures.answered(self.asked, code.unwrap_or(0), self.since.elapsed());
    }
}

/// Names that nobody answers are one.
fn asked(admin: bool, name: &str) -> Asked {
    let (api, known): (_, &[_]) = if admin { ("admin", &ADMIN) } else { ("janus", &JANUS) };
    (api, known.iter().copied().find(|known| *known == name && !name.is_empty()).unwrap_or("other"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // What an API answers is known here.
    #[test]
    fn all_requests_have_a_name() {
        let arms = |source: &'static str| {
            let quoted =
                source.lines().map(str::trim).filter(|line| line.starts_with('"') && line.contains("=>"));
            quoted
                .flat_map(|line| line.split("=>").next().unwrap().split('|'))
                .map(|name| name.trim().trim_matches('"'))
        };
        for (admin, source) in [(true, include_str!("admin/mod.rs")), (false, include_str!("janus.rs"))] {
            let names: Vec<_> = arms(source).collect();
            assert!(names.len() > 8, "{names:?}");
            names.iter().for_each(|name| assert_eq!(asked(admin, name).1, *name));
        }
    }

    #[test]
    fn invented_names_are_one() {
        assert_eq!(asked(false, "message"), ("janus", "message"));
        assert_eq!(asked(true, "handle_info"), ("admin", "handle_info"));
        for name in ["handle_info", "", "other", "x"] {
            assert_eq!(asked(false, name), ("janus", "other"));
        }
    }
}
