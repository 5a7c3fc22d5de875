//! `/status`: what the page for people shows, looked up anew each time.
#![forbid(unsafe_code)]

use crate::core::Core;
use crate::core::handle::Handle;
use crate::json::{Json, dump};
use crate::log::{self, LogSink};
use crate::media::{MediumSnapshot, PeerSnapshot};
use crate::stall;
use crate::util::lock::{Lock, outside};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Lines of the log that are kept for the page.
const LINES: usize = 200;
/// Handles that are looked into; more are only counted.
const HANDLES: usize = 100;
/// No more PeerConnections are asked after this time: a worker that is stuck answers none of them.
const ASKING: Duration = Duration::from_secs(1);

/// Keeps the end of the log, until this is dropped.
pub struct Status {
    tail: Arc<Tail>,
    sink: Option<Arc<dyn LogSink>>,
}

/// The last lines, and the number of all that there were.
#[derive(Default)]
struct Tail(Lock<(VecDeque<String>, u64)>);

struct Sink(Arc<Tail>);

impl LogSink for Sink {
    fn incoming_logline(&self, _: i64, line: &str) {
        let mut tail = self.0.0.lock();
        if tail.0.len() == LINES {
            tail.0.pop_front();
        }
        tail.0.push_back(without_colours(line.trim_end()));
        tail.1 += 1;
    }
}

/// Without the escape sequences of `debug_colors` (ECMA-48 SGR).
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

impl Status {
    pub fn new() -> Status {
        let tail = Arc::<Tail>::default();
        let sink: Arc<dyn LogSink> = Arc::new(Sink(tail.clone()));
        log::add_sink(sink.clone());
        Status { tail, sink: Some(sink) }
    }

    /// `None` only where there is no memory for it.
    pub fn of(&self, core: &Core) -> Option<String> {
        let (lines, count) = {
            let tail = self.tail.0.lock();
            (tail.0.iter().map(|line| Json::from(line.as_str())).collect::<Json>(), tail.1)
        };
        let (plugins, untold) = plugins(core);
        let (events, events_dropped) = core.notifier.figures();
        let status = Json::object()
            .with("name", core.settings.server_name.as_str())
            .with("version", env!("CARGO_PKG_VERSION"))
            .with("accepting", core.live.accepting_sessions.load(Ordering::Relaxed))
            .with("sessions", core.sessions().len())
            .with("peerconnections", core.peer_connections())
            .with("requests_waiting", core.queues.requests.load().number)
            .with("events_waiting", events.number)
            .with("events_dropped", events_dropped)
            .with("workers", workers(core))
            .with("plugins", plugins)
            .with("handles_not_shown", untold)
            .with("stalls", stalls())
            .with("modules", modules(core))
            .with("log", Json::object().with("count", count).with("lines", lines));
        status.dump(dump::COMPACT)
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        if let Some(sink) = self.sink.take() {
            log::remove_sink(sink);
        }
    }
}

fn workers(core: &Core) -> Json {
    let Some(engine) = core.engine() else { return Json::array() };
    let all = engine.counts().into_iter().zip(engine.traffic()).zip(engine.loads());
    all.map(|((counts, traffic), load)| {
        Json::object()
            .with("peerconnections", load)
            .with("busy_ms", counts.busy_ns / 1_000_000)
            .with("received", traffic.received)
            .with("sent", traffic.sent)
            .with("dropped", traffic.dropped)
    })
    .collect()
}

/// Plugins, their rooms, and handles in those; how many handles are left out.
fn plugins(core: &Core) -> (Json, usize) {
    let handles: Vec<Arc<Handle>> = core.sessions().iter().flat_map(|session| session.handles()).collect();
    let mut rooms: BTreeMap<(String, String), Vec<Json>> = BTreeMap::new();
    let end = Instant::now() + ASKING;
    for handle in handles.iter().take(HANDLES) {
        let (room, json) = of_handle(handle, Instant::now() < end);
        rooms.entry((handle.plugin.package().to_owned(), room)).or_default().push(json);
    }
    let rooms = rooms.into_iter().map(|((plugin, room), handles)| {
        Json::object()
            .with("plugin", plugin)
            .with("room", room)
            .with("handles", handles.into_iter().collect::<Json>())
    });
    (rooms.collect(), handles.len().saturating_sub(HANDLES))
}

/// What plugins tell of a handle names its room, mountpoint or the like under different names.
const ROOMS: [&str; 4] = ["room", "room_id", "id", "mountpoint_id"];

fn of_handle(handle: &Handle, ask: bool) -> (String, Json) {
    let json = Json::object()
        .with("session", handle.session.id.to_string())
        .with("handle", handle.id.to_string())
        .with_some("opaque_id", handle.opaque_id.as_deref())
        .with("state", handle.connection_state().unwrap_or("none"));
    let Some(session) = handle.plugin_session().filter(|_| ask) else { return (String::new(), json) };
    let told = outside(|| session.query()).filter(Json::is_object);
    let room = told.and_then(|told| ROOMS.iter().find_map(|name| told.get(name)));
    let room = room.and_then(|room| match room.as_str() {
        Some(text) => Some(text.to_owned()),
        None => room.as_i64().map(|number| number.to_string()),
    });
    if let Some(snapshot) = handle.snapshot() {
        json.set("figures", figures(&snapshot));
    }
    (room.unwrap_or_default(), json)
}

/// Sums over the media of a call. Bytes and packets since its start, for the page to make rates of.
fn figures(snapshot: &PeerSnapshot) -> Json {
    let layers = || snapshot.media.iter().flat_map(|medium: &MediumSnapshot| &medium.layers);
    let sent = || snapshot.media.iter().map(|medium| medium.sent);
    Json::object()
        .with("ice", snapshot.ice_state.map_or("", |state| state.name()))
        .with("bytes_in", layers().map(|l| l.received.bytes).sum::<u64>())
        .with("packets_in", layers().map(|l| l.received.packets).sum::<u64>())
        .with("bytes_out", sent().map(|s| s.bytes).sum::<u64>())
        .with("packets_out", sent().map(|s| s.packets).sum::<u64>())
        .with("lost", layers().map(|l| i64::from(l.lost)).sum::<i64>())
        .with("nacks", layers().map(|l| l.received.nacks).sum::<u64>())
        .with("rtt_ms", layers().map(|l| l.rtt_ms).max().unwrap_or(0))
        .with("jitter_ms", layers().map(|l| l.jitter_local).max().unwrap_or(0))
}

fn stalls() -> Json {
    let of = |plugin: stall::PluginReport| {
        plugin.callbacks.into_iter().map(move |report| {
            Json::object()
                .with("plugin", plugin.package.as_str())
                .with("callback", report.callback.name())
                .with("stalls", report.stalls)
                .with("stalled", report.stalled)
                .with("longest_ms", report.longest_ms)
        })
    };
    stall::report().into_iter().flat_map(of).collect()
}

fn modules(core: &Core) -> Json {
    let kinds = [
        ("plugin", core.plugins.infos()),
        ("transport", core.transports.infos()),
        ("event handler", core.event_handlers.infos()),
        ("logger", core.loggers.infos()),
    ];
    let of = |kind: &'static str| {
        move |module: crate::modules::host::ModuleInfo| {
            let origin = stall::origin_of(&module.package);
            Json::object()
                .with("kind", kind)
                .with("package", module.package.as_str())
                .with_some("version", module.version_string.as_deref())
                .with_some("file", origin.as_ref().map(|o| o.file.as_str()))
                .with_some("generation", origin.as_ref().and_then(|o| o.generation.as_deref()))
        }
    };
    kinds.into_iter().flat_map(|(kind, infos)| infos.into_iter().map(of(kind))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_short_and_plain() {
        let tail = Arc::<Tail>::default();
        for number in 0..LINES + 5 {
            Sink(tail.clone()).incoming_logline(0, &format!("\x1b[31m[ERR]\x1b[0m line {number}\n"));
        }
        let tail = tail.0.lock();
        assert_eq!((tail.0.len(), tail.1), (LINES, LINES as u64 + 5));
        assert_eq!(tail.0.front().unwrap(), "[ERR] line 5");
    }
}
