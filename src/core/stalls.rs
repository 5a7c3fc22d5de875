//! The thread that notices callbacks of plugins that do not return: a line in the log after
//! [`LIMIT`](crate::stall::LIMIT), and another thread for the media worker that waits for one.

use super::Core;
use crate::modules::backtrace;
use crate::stall::{News, Observer, Stall};
use std::collections::HashMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One callback of one plugin is worth a line no more often.
const LINE_PAUSE: Duration = Duration::from_secs(1);

/// Dropping it stops the thread.
pub struct StallWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StallWatch {
    /// A media callback that blocks for longer than `limit` does not keep its worker's other PeerConnections waiting;
    /// `None`: it does.
    pub fn start(core: &Arc<Core>, limit: Option<Duration>) -> std::io::Result<StallWatch> {
        let (stop, stopped) = channel();
        let core = Arc::downgrade(core);
        let thread = crate::util::thread::spawn("stall watchdog", move || {
            let mut watch = Watch { core, limit, observer: Observer::default(), lines: HashMap::new() };
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(watch.observer.pause()) {
                watch.look(Instant::now());
            }
        })?;
        Ok(StallWatch { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for StallWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

struct Watch {
    core: Weak<Core>,
    limit: Option<Duration>,
    observer: Observer,
    /// When there was a line last, and how many stalls had none since.
    lines: HashMap<(&'static str, &'static str), (Instant, u64)>,
}

impl Watch {
    fn look(&mut self, now: Instant) {
        for news in self.observer.look(now) {
            match news {
                News::Began(stall) => self.tell(&stall, now),
                News::Lasts(stall) => self.relieve(&stall),
                News::Over(stall) if stall.callback.is_media() => {
                    tracing::warn!("{} has returned after {} ms", what(&stall), stall.time.as_millis());
                }
                News::Over(_) => {}
            }
        }
    }

    fn tell(&mut self, stall: &Stall, now: Instant) {
        let line = (stall.plugin.package(), stall.callback.name());
        let mut untold = 0;
        if let Some((last, more)) = self.lines.get_mut(&line) {
            if now.saturating_duration_since(*last) < LINE_PAUSE {
                *more += 1;
                return;
            }
            untold = *more;
        }
        self.lines.insert(line, (now, 0));
        // Requests may take their time, and the signal would end some of what they wait for early.
        let frames = if stall.callback.is_media() { backtrace::of(stall.tid()) } else { None };
        let frames = frames.map(|frames| format!(", at {}", frames.join(" < "))).unwrap_or_default();
        let others =
            if untold > 0 { format!(" ({untold} more since the last such line)") } else { String::new() };
        tracing::warn!(
            "{} has not returned for {} ms: thread \"{}\" ({}) waits for it{others}{frames}",
            what(stall),
            stall.time.as_millis(),
            stall.thread_name(),
            stall.tid(),
        );
    }

    fn relieve(&self, stall: &Stall) {
        let is_due = self.limit.is_some_and(|limit| stall.time >= limit) && stall.callback.is_media();
        let engine = is_due.then(|| self.core.upgrade()?.engine().cloned()).flatten();
        if engine.is_some_and(|engine| engine.relieve(stall)) {
            tracing::warn!(
                "{} still has not returned: another thread goes on with the other PeerConnections of its worker; \
                 packets for the plugin are dropped there until it has",
                what(stall),
            );
        }
    }
}

fn what(stall: &Stall) -> String {
    let handle = if stall.handle == 0 { String::new() } else { format!(", handle {},", stall.handle) };
    format!("{}: {}{handle}", stall.plugin.package(), stall.callback.name())
}
