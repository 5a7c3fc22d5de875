//! `stalls_info`: which callbacks of which plugins took too long. Not in the reference.

use crate::api::request::{Answer, Request};
use crate::json::Json;
use crate::stall;

/// All plugins; of each, the callbacks that have stalled. Counters since the start.
pub fn info(request: &Request) -> Answer {
    let plugins = Json::array();
    for plugin in stall::report() {
        let callbacks = Json::array();
        for report in plugin.callbacks {
            callbacks.push(
                Json::object()
                    .with("callback", report.callback.name())
                    .with("stalls", report.stalls)
                    .with("stalled", report.stalled)
                    .with("relieved", report.relieved)
                    .with("longest_ms", report.longest_ms),
            );
        }
        plugins.push(
            Json::object()
                .with("plugin", plugin.package.as_str())
                .with("dropped", plugin.dropped)
                .with("callbacks", callbacks),
        );
    }
    Ok(request.success().with("plugins", plugins).into())
}
