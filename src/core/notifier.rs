//! Events to event handlers (control-plane.md §10): built where they happen, queued, delivered in order by one thread.

use super::bounds::{Bound, Load};
use super::queues::Refused;
use super::registry::Registry;
use crate::json::Json;
use crate::modules::host::EventHandlerFace;
use crate::util::lock::{Lock, outside};
use crate::util::time;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar};
use std::thread::JoinHandle;

/// Type bits of `events_mask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Kind {
    Session = 1,
    Handle = 2,
    External = 4,
    Jsep = 8,
    Webrtc = 16,
    Media = 32,
    Plugin = 64,
    Transport = 128,
    Core = 256,
}

/// Subtypes; 0 is not written.
pub mod subtype {
    pub const NONE: u32 = 0;
    pub const ICE: u32 = 1;
    pub const LOCAL_CANDIDATE: u32 = 2;
    pub const REMOTE_CANDIDATE: u32 = 3;
    pub const SELECTED_PAIR: u32 = 4;
    pub const DTLS: u32 = 5;
    pub const CONNECTION: u32 = 6;
    pub const MEDIA_STATE: u32 = 1;
    pub const SLOW_LINK: u32 = 2;
    pub const STATS: u32 = 3;
    pub const STARTUP: u32 = 1;
    pub const SHUTDOWN: u32 = 2;
}

/// Whom an event is about; zeroes and `None` are not written.
#[derive(Clone, Copy, Default)]
pub struct Subject<'a> {
    pub session_id: u64,
    pub handle_id: u64,
    pub opaque_id: Option<&'a str>,
}

pub struct Notifier {
    emitter: String,
    enabled: bool,
    queue: Arc<Queue>,
    thread: Lock<Option<JoinHandle<()>>>,
    dropped: Refused,
}

/// What waits for the handlers. Further events are dropped: who makes them must not wait, and may hold what a handler
/// waits for.
struct Queue {
    bound: Bound,
    waiting: Lock<Waiting>,
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Queued>,
    all: Load,
    /// Those that are not the core's own.
    modules: Load,
    /// Nothing of others.
    sources: HashMap<Source, Load>,
    stopping: bool,
}

struct Queued {
    kind: Kind,
    event: Json,
    source: Source,
    weight: usize,
}

/// Whom a flood would be blamed on: a session, and what belongs to none by its kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Source {
    session_id: u64,
    kind: Option<usize>,
    of_module: bool,
}

impl Source {
    fn of(kind: Kind, session_id: u64) -> Source {
        let of_module = matches!(kind, Kind::Plugin | Kind::Transport | Kind::External);
        Source { session_id, kind: (session_id == 0).then_some(kind as usize), of_module }
    }
}

/// One source may have this part of what may wait.
const SOURCE: usize = 4;

impl Waiting {
    fn has_room(&self, source: Source, weight: usize, bound: Bound) -> bool {
        let own = self.sources.get(&source).copied().unwrap_or_default();
        // Modules leave a quarter for what the core itself has to say.
        let of_modules =
            Bound { number: bound.number - bound.number / 4, bytes: bound.bytes - bound.bytes / 4 };
        self.all.has_room(weight, bound)
            && own.has_room(weight, bound.part(SOURCE))
            && (!source.of_module || self.modules.has_room(weight, of_modules))
    }

    fn enter(&mut self, queued: Queued) {
        let (source, weight) = (queued.source, queued.weight);
        self.all.enter(weight);
        self.sources.entry(source).or_default().enter(weight);
        if source.of_module {
            self.modules.enter(weight);
        }
        self.events.push_back(queued);
    }

    fn take(&mut self) -> Option<Queued> {
        let queued = self.events.pop_front()?;
        let (source, weight) = (queued.source, queued.weight);
        self.all.leave(weight);
        if self.sources.get_mut(&source).is_some_and(|load| load.leave(weight)) {
            self.sources.remove(&source);
        }
        if source.of_module {
            self.modules.leave(weight);
        }
        Some(queued)
    }
}

impl Queue {
    /// False when there is no room; the event is gone then.
    fn push(&self, queued: Queued) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.stopping {
            return true;
        }
        let has_room = waiting.has_room(queued.source, queued.weight, self.bound);
        if has_room {
            waiting.enter(queued);
            drop(waiting);
            self.filled.notify_one();
        }
        has_room
    }

    /// Waits for the next; `None` when there will be none.
    fn pop(&self) -> Option<Queued> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.stopping {
                return None;
            }
            if let Some(queued) = waiting.take() {
                return Some(queued);
            }
            waiting = waiting.wait(&self.filled);
        }
    }
}

impl Notifier {
    /// Starts the thread if events are enabled at all.
    pub fn start(
        enabled: bool,
        emitter: &str,
        bound: Bound,
        handlers: Arc<Registry<dyn EventHandlerFace>>,
    ) -> std::io::Result<Notifier> {
        let queue = Arc::new(Queue { bound, waiting: Lock::default(), filled: Condvar::new() });
        let mut thread = None;
        if enabled {
            let queue = queue.clone();
            let run = move || {
                while let Some(Queued { kind, event, .. }) = queue.pop() {
                    deliver(kind, &event, &handlers.all());
                }
            };
            thread = Some(crate::util::thread::spawn("janus events thread", run)?);
        }
        Ok(Notifier {
            emitter: emitter.to_owned(),
            enabled,
            queue,
            thread: Lock::new(thread),
            dropped: Refused::default(),
        })
    }

    /// The broadcast switch; true even without handlers (CP-237).
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Queues one event; `body` is only built when somebody could see it.
    pub fn emit(&self, kind: Kind, subtype: u32, subject: Subject<'_>, body: impl FnOnce() -> Json) {
        if !self.enabled {
            return;
        }
        let event = Json::object().with("emitter", self.emitter.as_str()).with("type", kind as usize);
        if subtype > 0 {
            event.set("subtype", subtype);
        }
        event.set("timestamp", time::real());
        if subject.session_id > 0 {
            event.set("session_id", subject.session_id);
        }
        if subject.handle_id > 0 {
            event.set("handle_id", subject.handle_id);
        }
        event.set_some("opaque_id", subject.opaque_id);
        event.set("event", body());
        let weight = self.queue.bound.weight(&event);
        let source = Source::of(kind, subject.session_id);
        if !self.queue.push(Queued { kind, event, source, weight })
            && let Some(count) = self.dropped.one_more()
        {
            tracing::warn!(
                "{count} events for event handlers dropped, of kind {kind:?} the last: too many are waiting, and a handler is slow"
            );
        }
    }

    /// What waits, and how many were dropped.
    pub fn figures(&self) -> (Load, u64) {
        (self.queue.waiting.lock().all, self.dropped.count())
    }

    /// Drops what is not delivered and joins the thread.
    pub fn stop(&self) {
        let left = {
            let mut waiting = self.queue.waiting.lock();
            waiting.stopping = true;
            std::mem::take(&mut waiting.events)
        };
        self.queue.filled.notify_one();
        drop(left);
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// With several handlers each gets its own copy, so that what one changes the others do not see (CP-326).
fn deliver(kind: Kind, event: &Json, handlers: &[Arc<dyn EventHandlerFace>]) {
    for handler in handlers {
        outside(|| {
            if handler.events_mask() & kind as usize != 0 {
                if handlers.len() == 1 {
                    handler.incoming_event(event);
                } else {
                    handler.incoming_event(&event.deep_copy());
                }
            }
        });
    }
}

/// The id of a transport instance in events: the same wherever it appears, without giving away an address (§10.2).
pub fn instance_id(address: usize) -> String {
    // SplitMix64's finaliser over the low half.
    let mut z = (address as u64) & 0xFFFF_FFFF;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)).to_string()
}

#[cfg(test)]
#[path = "notifier_tests.rs"]
mod tests;
