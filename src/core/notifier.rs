//! Events to event handlers (control-plane.md §10): built where they happen, queued, delivered in order by one thread.

use super::registry::Registry;
use crate::json::Json;
use crate::modules::host::EventHandlerFace;
use crate::util::lock::{Lock, outside};
use crate::util::seldom::Seldom;
use crate::util::time;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
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

/// Most events that wait for the handlers. Further ones are dropped: who makes them must not wait, and may hold what a
/// handler waits for.
const MOST_WAITING: usize = 16_384;

type Queued = (Kind, Json);

pub struct Notifier {
    emitter: String,
    queue: Lock<Option<SyncSender<Queued>>>,
    thread: Lock<Option<JoinHandle<()>>>,
    stopping: Arc<AtomicBool>,
    enabled: bool,
    dropped: Seldom,
}

impl Notifier {
    /// Starts the thread if events are enabled at all.
    pub fn start(
        enabled: bool,
        emitter: &str,
        handlers: Arc<Registry<dyn EventHandlerFace>>,
    ) -> std::io::Result<Notifier> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (mut queue, mut thread) = (None, None);
        if enabled {
            let (sender, receiver) = sync_channel(MOST_WAITING);
            let stop = stopping.clone();
            queue = Some(sender);
            let run = move || deliver_all(&receiver, &handlers, &stop);
            thread = Some(crate::util::thread::spawn("janus events thread", run)?);
        }
        Ok(Notifier {
            emitter: emitter.to_owned(),
            queue: Lock::new(queue),
            thread: Lock::new(thread),
            stopping,
            enabled,
            dropped: Seldom::default(),
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
        let outcome = self.queue.lock().as_ref().map(|queue| queue.try_send((kind, event)));
        if let Some(Err(TrySendError::Full(_))) = outcome
            && let Some(count) = self.dropped.one_more()
        {
            tracing::warn!(
                "{count} events for event handlers dropped: {MOST_WAITING} are waiting, and a handler is slow"
            );
        }
    }

    /// Drops what is not delivered and joins the thread.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        *self.queue.lock() = None;
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn deliver_all(queue: &Receiver<Queued>, handlers: &Registry<dyn EventHandlerFace>, stop: &AtomicBool) {
    while let Ok((kind, event)) = queue.recv() {
        if stop.load(Ordering::Acquire) {
            return;
        }
        deliver(kind, &event, &handlers.all());
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
mod tests {
    use super::*;
    use crate::modules::host::ModuleInfo;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc::{Sender, channel};

    struct Handler {
        mask: AtomicUsize,
        seen: Sender<(Json, std::thread::ThreadId)>,
    }

    impl EventHandlerFace for Handler {
        fn package(&self) -> &str {
            "test.handler"
        }
        fn events_mask(&self) -> usize {
            self.mask.load(Ordering::Relaxed)
        }
        fn incoming_event(&self, event: &Json) {
            self.seen.send((event.clone(), std::thread::current().id())).unwrap();
        }
        fn query(&self, _: Option<&Json>) -> Option<Json> {
            None
        }
    }

    fn handler(
        registry: &Registry<dyn EventHandlerFace>,
        package: &str,
        mask: usize,
    ) -> (Arc<Handler>, Receiver<(Json, std::thread::ThreadId)>) {
        let (seen, events) = channel();
        let handler = Arc::new(Handler { mask: mask.into(), seen });
        registry.add(ModuleInfo { package: package.into(), ..ModuleInfo::default() }, handler.clone());
        (handler, events)
    }

    #[test]
    fn envelope_order_and_masks() {
        // CP-311, CP-312, CP-313, CP-314, CP-325, CP-327
        let registry: Arc<Registry<dyn EventHandlerFace>> = Arc::default();
        let (one, events) = handler(&registry, "a", usize::MAX);
        let notifier = Notifier::start(true, "E", registry).unwrap();
        let before = time::real();
        notifier.emit(
            Kind::Handle,
            0,
            Subject { session_id: 5, handle_id: 6, opaque_id: Some("o") },
            Json::object,
        );
        notifier.emit(Kind::Core, 1, Subject::default(), Json::object);
        let (event, first) = events.recv().unwrap();
        let stamp = event.get("timestamp").unwrap().as_i64().unwrap();
        assert!(stamp >= before && stamp <= time::real());
        event.remove("timestamp");
        let text = r#"{"emitter":"E","type":2,"session_id":5,"handle_id":6,"opaque_id":"o","event":{}}"#;
        assert_eq!(event.dump(0x20).unwrap(), text);
        let (event, second) = events.recv().unwrap();
        assert_eq!(first, second);
        assert!(event.get("session_id").is_none());
        assert_eq!(event.get("subtype").unwrap().as_i64(), Some(1));
        one.mask.store(0, Ordering::Relaxed);
        notifier.emit(Kind::Core, 1, Subject::default(), Json::object);
        one.mask.store(0, Ordering::Relaxed);
        notifier.stop();
        assert!(events.try_recv().is_err());
    }

    #[test]
    fn copies_for_several() {
        // CP-326
        let registry: Arc<Registry<dyn EventHandlerFace>> = Arc::default();
        let (_a, first) = handler(&registry, "a", 1);
        let (_b, second) = handler(&registry, "b", 3);
        let notifier = Notifier::start(true, "E", registry).unwrap();
        notifier.emit(Kind::Session, 0, Subject::default(), Json::object);
        let (a, b) = (first.recv().unwrap().0, second.recv().unwrap().0);
        a.set("changed", true);
        assert!(b.get("changed").is_none());
        notifier.stop();
    }

    /// Does not return from its first event before it may.
    #[derive(Default)]
    struct Stuck {
        may_go_on: AtomicBool,
        seen: AtomicUsize,
    }

    impl EventHandlerFace for Stuck {
        fn package(&self) -> &str {
            "test.stuck"
        }
        fn events_mask(&self) -> usize {
            usize::MAX
        }
        fn incoming_event(&self, _: &Json) {
            self.seen.fetch_add(1, Ordering::AcqRel);
            while !self.may_go_on.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        }
        fn query(&self, _: Option<&Json>) -> Option<Json> {
            None
        }
    }

    #[test]
    fn a_handler_that_blocks_fills_no_memory() {
        let registry: Arc<Registry<dyn EventHandlerFace>> = Arc::default();
        let stuck = Arc::new(Stuck::default());
        registry.add(ModuleInfo::default(), stuck.clone());
        let notifier = Notifier::start(true, "E", registry).unwrap();
        let emit = || notifier.emit(Kind::Plugin, 0, Subject::default(), Json::object);
        (0..MOST_WAITING + 1000).for_each(|_| emit());
        stuck.may_go_on.store(true, Ordering::Release);
        // The one that it was stuck in, and those that waited, come; then there is room again.
        while stuck.seen.load(Ordering::Acquire) < MOST_WAITING {
            std::thread::yield_now();
        }
        notifier.stop();
        assert!(stuck.seen.load(Ordering::Acquire) <= MOST_WAITING + 1);
    }

    #[test]
    fn disabled_builds_nothing() {
        let notifier = Notifier::start(false, "E", Arc::default()).unwrap();
        notifier.emit(Kind::Core, 1, Subject::default(), || panic!("built"));
        assert!(!notifier.is_enabled());
        notifier.stop();
    }
}
