//! The thread that expires sessions, gives memory back, and reports the status of the core.

use super::Core;
use super::notifier::{Kind, Subject, subtype};
use super::residue::Residue;
use crate::json::Json;
use crate::util::time;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_secs(2);
const STATUS: Duration = Duration::from_secs(15);

/// Dropping it stops the thread.
pub struct Watchdog {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    pub fn start(core: &Arc<Core>) -> std::io::Result<Watchdog> {
        let (stop, stopped) = channel();
        let core: Weak<Core> = Arc::downgrade(core);
        let thread = crate::util::thread::spawn("timeout watchdog", move || {
            let mut status = Instant::now() + STATUS;
            let mut residue = Residue::default();
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                let Some(core) = core.upgrade() else { return };
                core.expire_sessions(time::monotonic());
                residue.look(core.pool.jobs());
                if Instant::now() >= status {
                    status += STATUS;
                    core.report_status();
                }
            }
        })?;
        Ok(Watchdog { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
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
