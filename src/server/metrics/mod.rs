//! What the server counts, as text for monitoring systems: `/metrics`, and whoever embeds us. Everything is looked up when
//! somebody asks; nobody who works waits for it.
#![forbid(unsafe_code)]

mod list;
mod process;
#[cfg(test)]
mod page;

use crate::core::Core;
use crate::media::counts::{Direction, Message, Reason, Snapshot};
use crate::metrics::{Format, Reading, Writer};
use crate::stall;
use list::*;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

const MS: f64 = 1e-3;
const US: f64 = 1e-6;

/// All of [`list`].
pub fn text(core: &Core, format: Format) -> String {
    let mut out = Writer::new(format);
    about(core, &mut out);
    who_is_here(core, &mut out);
    requests(core, &mut out);
    media(core, &mut out);
    modules(&mut out);
    queues(core, &mut out);
    process(core, &mut out);
    out.finish()
}

fn about(core: &Core, out: &mut Writer) {
    let facts = &core.settings.facts;
    out.family(&BUILD);
    out.sample(&["janus-rs", env!("CARGO_PKG_VERSION"), &facts.commit_hash, &facts.version_string], 1);
    out.family(&MODULE);
    let kinds = [
        ("plugin", core.plugins.infos()),
        ("transport", core.transports.infos()),
        ("eventhandler", core.event_handlers.infos()),
        ("logger", core.loggers.infos()),
    ];
    for (kind, module) in kinds.iter().flat_map(|(kind, all)| all.iter().map(move |module| (kind, module))) {
        let origin = stall::origin_of(&module.package);
        let (file, generation) = origin.map(|o| (o.file, o.generation)).unwrap_or_default();
        let version = module.version_string.as_deref().unwrap_or_default();
        out.sample(&[kind, &module.package, version, &file, generation.as_deref().unwrap_or_default()], 1);
    }
}

fn who_is_here(core: &Core, out: &mut Writer) {
    let sessions = core.sessions();
    let mut handles: BTreeMap<String, u64> = core.plugins.packages().into_iter().map(|p| (p, 0)).collect();
    let mut states = BTreeMap::from([("connecting", 0_u64), ("connected", 0), ("closing", 0)]);
    for handle in sessions.iter().flat_map(|session| session.handles()) {
        *handles.entry(handle.plugin.package().to_owned()).or_default() += 1;
        if let Some(state) = handle.connection_state() {
            *states.entry(state).or_default() += 1;
        }
    }
    out.family(&SESSIONS);
    out.sample(&[], sessions.len());
    out.family(&HANDLES);
    handles.iter().for_each(|(plugin, count)| out.sample(&[plugin], count));
    out.family(&PEERCONNECTIONS);
    states.iter().for_each(|(state, count)| out.sample(&[state], count));
    out.family(&ENDED);
    core.measures.ends().iter().for_each(|(reason, count)| out.sample(&[reason], count));
    out.family(&ACCEPTING);
    out.sample(&[], u8::from(core.live.accepting_sessions.load(Ordering::Relaxed)));
}

fn requests(core: &Core, out: &mut Writer) {
    out.family(&REQUESTS);
    for (((api, name), code), count) in core.measures.answers() {
        out.sample(&[api, name, &code.to_string()], count);
    }
    out.family(&REQUEST_TIME);
    for ((api, name), times) in core.measures.times() {
        out.histogram(&[api, name], &times, MS);
    }
    out.family(&REQUESTS_WAITING);
    out.sample(&[], core.queues.requests.load().number);
    out.family(&REQUESTS_REFUSED);
    out.sample(&[], core.queues.refused.count());
    let (jobs, threads) = core.pool.figures();
    out.family(&JOBS_WAITING);
    out.sample(&[], jobs);
    out.family(&THREADS);
    out.sample(&[], threads);
}

fn media(core: &Core, out: &mut Writer) {
    let Some(engine) = core.engine() else { return };
    let workers = engine.counts();
    let all = workers.iter().fold(Snapshot::default(), Snapshot::and);
    let histogram = |out: &mut Writer, family, reading: &Reading, scale| {
        out.family(family);
        out.histogram(&[], reading, scale);
    };
    histogram(out, &ICE_TIME, &all.ice_ms, MS);
    histogram(out, &DTLS_TIME, &all.dtls_ms, MS);
    histogram(out, &JOIN_TIME, &core.measures.joins(), MS);
    let traffic: Vec<_> = engine.traffic().into_iter().enumerate().map(|(i, t)| (i.to_string(), t)).collect();
    out.family(&DATAGRAMS);
    for (worker, traffic) in &traffic {
        out.sample(&["in", worker], traffic.received);
        out.sample(&["out", worker], traffic.sent);
    }
    out.family(&RTP);
    for_each_flow(&all, |direction, kind, (packets, _)| out.sample(&[direction, kind], packets));
    out.family(&RTP_BYTES);
    for_each_flow(&all, |direction, kind, (_, bytes)| out.sample(&[direction, kind], bytes));
    out.family(&RTCP);
    for (direction, name) in Direction::BOTH {
        for (message, kind) in Message::ALL {
            out.sample(&[name, kind], all.rtcp[direction as usize][message as usize]);
        }
    }
    for (family, counts) in [(&NACKED, all.nacked), (&RETRANSMITTED, all.retransmitted)] {
        out.family(family);
        Direction::BOTH.iter().for_each(|(way, name)| out.sample(&[name], counts[*way as usize]));
    }
    out.family(&DROPPED);
    Reason::ALL.iter().for_each(|(why, name)| out.sample(&[name], all.dropped[*why as usize]));
    out.family(&UNSENT);
    for (worker, traffic) in &traffic {
        out.sample(&[worker, "ring_full"], traffic.ring_full);
        out.sample(&[worker, "refused"], traffic.dropped.saturating_sub(traffic.ring_full));
    }
    histogram(out, &RTT, &all.rtt_ms, MS);
    let of_both = |out: &mut Writer, family, readings: &[Reading; 2], scale| {
        out.family(family);
        Direction::BOTH
            .iter()
            .for_each(|(way, name)| out.histogram(&[name], &readings[*way as usize], scale));
    };
    of_both(out, &JITTER, &all.jitter_ms, MS);
    of_both(out, &LOSS, &all.loss, 1.0 / 256.0);
    histogram(out, &FORWARD, &all.forward_us, US);
    of_both(out, &BATCHES, &all.batches, 1.0);
    out.family(&SEND_CALLS);
    traffic.iter().for_each(|(worker, traffic)| out.sample(&[worker], traffic.send_calls));
    out.family(&BUSY);
    workers.iter().enumerate().for_each(|(i, w)| out.sample(&[&i.to_string()], w.busy_ns as f64 / 1e9));
    out.family(&WORKER_LOAD);
    engine.loads().iter().enumerate().for_each(|(i, load)| out.sample(&[&i.to_string()], load));
}

fn for_each_flow(all: &Snapshot, mut act: impl FnMut(&str, &str, (u64, u64))) {
    for (direction, name) in Direction::BOTH {
        for (video, kind) in ["audio", "video"].iter().enumerate() {
            act(name, kind, all.rtp[direction as usize][video]);
        }
    }
}

fn modules(out: &mut Writer) {
    let spent = stall::spent();
    out.family(&CALLBACK_TIME);
    spent.iter().for_each(|s| out.sample(&[&s.package, s.callback.name()], s.time.as_secs_f64()));
    out.family(&CALLBACKS);
    spent.iter().for_each(|s| out.sample(&[&s.package, s.callback.name()], s.calls));
    let report = stall::report();
    let stalls = || report.iter().flat_map(|p| p.callbacks.iter().map(move |c| (p.package.as_str(), c)));
    out.family(&STALLS);
    stalls().for_each(|(package, c)| out.sample(&[package, c.callback.name()], c.stalls));
    out.family(&STALLED);
    stalls().for_each(|(package, c)| out.sample(&[package, c.callback.name()], c.stalled));
    out.family(&BLOCKED);
    report.iter().for_each(|plugin| out.sample(&[&plugin.package], plugin.dropped));
}

fn queues(core: &Core, out: &mut Writer) {
    let (events, dropped) = core.notifier.figures();
    out.family(&EVENTS_WAITING);
    out.sample(&[], events.number);
    for (family, count) in [
        (&EVENTS_DROPPED, dropped),
        (&NOTIFICATIONS_DROPPED, core.queues.notifications.count()),
        (&CHANGES_REFUSED, core.queues.changes.count()),
        (&LOG_LOST, crate::log::lost()),
    ] {
        out.family(family);
        out.sample(&[], count);
    }
}

fn process(core: &Core, out: &mut Writer) {
    if let Some(engine) = core.engine() {
        out.family(&CERTIFICATE);
        out.sample(&[], engine.certificate_expires());
    }
    let process = process::read();
    out.family(&CPU);
    out.sample(&[], process.cpu_seconds);
    for (family, value) in [
        (&MEMORY, process.resident),
        (&VIRTUAL, process.virtual_memory),
        (&FILES, process.files),
        (&FILES_LIMIT, process.files_limit),
    ] {
        out.family(family);
        out.sample(&[], value);
    }
    out.family(&STARTED);
    out.sample(&[], process.started);
    out.family(&OS_THREADS);
    out.sample(&[], process.threads);
}
