use super::*;
use crate::modules::host::ModuleInfo;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

const BOUND: Bound = Bound { number: 2000, bytes: 1 << 20 };

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
    let notifier = Notifier::start(true, "E", BOUND, registry).unwrap();
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
    let notifier = Notifier::start(true, "E", BOUND, registry).unwrap();
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
fn a_slow_handler_makes_nobody_wait_and_no_flood_takes_all_the_room() {
    let registry: Arc<Registry<dyn EventHandlerFace>> = Arc::default();
    let stuck = Arc::new(Stuck::default());
    registry.add(ModuleInfo::default(), stuck.clone());
    let notifier = Notifier::start(true, "E", BOUND, registry).unwrap();
    let text = "x".repeat(1000);
    let emit = |kind, session_id| {
        let before = notifier.figures();
        let subject = Subject { session_id, ..Subject::default() };
        notifier.emit(kind, 0, subject, || Json::object().with("text", text.as_str()));
        notifier.figures().1 == before.1
    };
    emit(Kind::Core, 0);
    while stuck.seen.load(Ordering::Acquire) == 0 {
        std::thread::yield_now();
    }
    let flood = |kind, session_id| (0..BOUND.number).filter(|_| emit(kind, session_id)).count();
    let one = flood(Kind::Plugin, 1);
    let bytes = notifier.figures().0.bytes;
    assert!(one > 100 && bytes <= BOUND.bytes / 4, "{one} of {bytes} bytes");
    // Another session has as much room, and then the plugins of all have had theirs.
    assert_eq!(flood(Kind::Plugin, 2), one);
    for session_id in 3..10 {
        flood(Kind::Plugin, session_id);
    }
    assert!(notifier.figures().0.bytes <= BOUND.bytes * 3 / 4);
    assert!(!emit(Kind::Plugin, 99) && emit(Kind::Handle, 99) && emit(Kind::Webrtc, 1));
    let (load, dropped) = notifier.figures();
    assert!(dropped > 1000);
    stuck.may_go_on.store(true, Ordering::Release);
    while stuck.seen.load(Ordering::Acquire) < load.number + 1 {
        std::thread::yield_now();
    }
    // There is room again, and nothing is remembered of who was there.
    assert_eq!(notifier.figures().0, Load::default());
    assert!(notifier.queue.waiting.lock().sources.is_empty());
    notifier.stop();
}

#[test]
fn disabled_builds_nothing() {
    let notifier = Notifier::start(false, "E", BOUND, Arc::default()).unwrap();
    notifier.emit(Kind::Core, 1, Subject::default(), || panic!("built"));
    assert!(!notifier.is_enabled());
    notifier.stop();
}
