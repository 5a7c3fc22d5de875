//! The thread that expires sessions, gives memory back, and reports the status of the core.

use super::Core;
use super::leftovers::Leftovers;
use super::notifier::{Kind, Subject, subtype};
use super::residue::Residue;
use crate::glib;
use crate::json::Json;
use crate::util::time;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_secs(2);
const STATUS: Duration = Duration::from_secs(15);

/// Dropping it stops the thread.
pub struct Watchdog {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    pub fn start(core: &Arc<Core>) -> std::io::Result<Watchdog> {
        let stop = Arc::new(AtomicBool::new(false));
        let (core, stopped): (Weak<Core>, _) = (Arc::downgrade(core), stop.clone());
        let thread = crate::util::thread::spawn("timeout watchdog", move || {
            let (mut tick, mut status) = (Instant::now() + TICK, Instant::now() + STATUS);
            let mut residue = Residue::default();
            let mut leftovers = Leftovers::default();
            if let Some(core) = core.upgrade() {
                core.set_ups.keep();
            }
            while !stopped.load(Ordering::Acquire) {
                let Some(core) = core.upgrade() else { return };
                let look = leftovers.look(&core.set_ups, glib::give_heaps_back);
                if Instant::now() >= tick {
                    tick = Instant::now() + TICK;
                    core.expire_sessions(time::monotonic());
                    residue.look(core.pool.jobs());
                }
                if Instant::now() >= status {
                    status += STATUS;
                    core.report_status();
                }
                drop(core);
                let rest = tick.saturating_duration_since(Instant::now());
                std::thread::park_timeout(look.map_or(rest, |look| look.min(rest)));
            }
        })?;
        Ok(Watchdog { stop, thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Core {
    /// One tick: expires what has been idle too long at `now` (monotonic µs). The transports are told elsewhere,
    /// so that one that blocks does not delay the rest.
    pub fn expire_sessions(self: &Arc<Self>, now: i64) {
        let timeout = self.live.session_timeout.load(Ordering::Relaxed);
        let reclaim = self.settings.reclaim_session_timeout;
        for session in self.sessions() {
            if session.is_expired(now, timeout, reclaim) && self.remove_session(&session) {
                tracing::info!("Timeout expired for session {}", session.id);
                let core = self.clone();
                self.pool.run(move || core.expire(&session));
            }
        }
    }

    fn report_status(&self) {
        let status = || {
            let sessions = self.sessions();
            let handles: usize = sessions.iter().map(|s| s.handle_count()).sum();
            Json::object().with("status", "update").with(
                "info",
                Json::object()
                    .with("sessions", sessions.len())
                    .with("handles", handles)
                    .with("peerconnections", self.peerconnections.load(Ordering::Relaxed))
                    .with("stats-period", self.settings.media.stats_period),
            )
        };
        self.notifier.emit(Kind::Core, subtype::STARTUP, Subject::default(), status);
    }
}
