//! `queues_info`: what waits in the control plane, and what there was no room for. Not in the reference.

use crate::api::request::{Answer, Request};
use crate::json::Json;

/// Number and bytes of what waits now; counters since the start.
pub fn info(request: &Request) -> Answer {
    let core = &request.core;
    let queues = &core.queues;
    let requests = queues.requests.load();
    let (events, dropped) = core.notifier.figures();
    let (jobs, threads) = core.pool.figures();
    let body = Json::object()
        .with(
            "requests",
            Json::object()
                .with("waiting", requests.number)
                .with("bytes", requests.bytes)
                .with("refused", queues.refused.count())
                .with("unanswered", queues.unanswered.count()),
        )
        .with(
            "events",
            Json::object()
                .with("waiting", events.number)
                .with("bytes", events.bytes)
                .with("dropped", dropped),
        )
        .with("notifications", Json::object().with("dropped", queues.notifications.count()))
        .with("changes", Json::object().with("refused", queues.changes.count()))
        .with("jobs", Json::object().with("waiting", jobs).with("threads", threads));
    Ok(request.success().with("queues", body).into())
}
