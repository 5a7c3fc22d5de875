//! Things that happen at the same time. In debug builds every call into the fakes asserts that no core lock is held.

use super::*;
use crate::util::relief::{self, Work};
use std::sync::Weak;
use std::sync::mpsc::{Receiver, Sender, channel};

fn gate() -> (Sender<()>, Arc<Mutex<Receiver<()>>>) {
    let (open, closed) = channel();
    (open, Arc::new(Mutex::new(closed)))
}

/// Messages are answered when the gate is open.
fn blocked() -> (World, Sender<()>) {
    let world = World::new();
    let (open, closed) = gate();
    world.on_message(move |_| {
        let _ = closed.lock().unwrap().recv();
        PluginResult::Wait(None)
    });
    (world, open)
}

fn message(session: u64, handle: u64) -> String {
    format!(
        r#"{{"janus":"message","transaction":"m","session_id":{session},"handle_id":{handle},"body":{{}}}}"#
    )
}

#[test]
fn a_blocked_plugin_blocks_only_its_handle() {
    // CP-168
    let (world, open) = blocked();
    let (session, handle) = world.attached();
    let blocked = world.send(A, &message(session, handle));
    world.log.wait(&format!("message {handle}"));
    let keepalive =
        format!(r#"{{"janus":"keepalive","transaction":"k","session_id":{session},"handle_id":{handle}}}"#);
    assert_eq!(text(&world.ask(&keepalive), "janus"), "ack");
    let other = world.attach(session);
    let hangup =
        format!(r#"{{"janus":"hangup","transaction":"h","session_id":{session},"handle_id":{other}}}"#);
    assert_eq!(text(&world.ask(&hangup), "janus"), "success");
    open.send(()).unwrap();
    assert_eq!(text(&world.reply_to(A, false, blocked), "janus"), "ack");
}

#[test]
fn what_calls_no_module_is_answered_at_once_unless_it_has_to_wait() {
    let (world, open) = blocked();
    let (session, handle) = world.attached();
    let on_handle = |name: &str| {
        format!(r#"{{"janus":"{name}","transaction":"t","session_id":{session},"handle_id":{handle}}}"#)
    };
    let answered = |id: usize| world.log.all().iter().any(|e| e.starts_with(&format!("reply {A} #{id} ")));
    let blocked = world.send_here(A, &message(session, handle));
    world.log.wait(&format!("message {handle}"));
    // Behind the message; what is of the session is not.
    let detach = world.send_here(A, &on_handle("detach"));
    assert!(answered(world.send_here(A, &on_handle("keepalive"))));
    assert!(answered(world.send_here(A, r#"{"janus":"create","transaction":"c"}"#)));
    assert!(!answered(detach) && !answered(blocked));
    open.send(()).unwrap();
    assert_eq!(text(&world.reply_to(A, false, blocked), "janus"), "ack");
    assert_eq!(text(&world.reply_to(A, false, detach), "janus"), "success");
    // The owner is told of the end of a session: that is a call into its transport, unless it is who asks.
    let destroy = format!(r#"{{"janus":"destroy","transaction":"d","session_id":{session}}}"#);
    let head = crate::api::request::Head::of(&Ok(json(&destroy)));
    assert!(!head.is_short(false, |id| id != session) && head.is_short(false, |id| id == session));
    assert!(answered(world.send_here(A, &destroy)));
    let log = world.log.all();
    let at = |start: &str| log.iter().position(|e| e.starts_with(start)).unwrap();
    assert!(at(&format!("reply {A} #{blocked} ")) < at(&format!("reply {A} #{detach} ")));
}

#[test]
fn messages_of_a_handle_stay_in_order() {
    // CP-167 allows any order; ours is the order of arrival.
    let world = World::new();
    let (session, handle) = world.attached();
    for n in 0..200 {
        let request = format!(
            r#"{{"janus":"message","transaction":"m","session_id":{session},"handle_id":{handle},"body":{{"n":{n}}}}}"#
        );
        world.send(A, &request);
    }
    world.finish_jobs();
    let all = world.log.all();
    let seen: Vec<&String> = all.iter().filter(|e| e.starts_with("message")).collect();
    assert_eq!(seen.len(), 200);
    assert!(seen.iter().enumerate().all(|(n, e)| e.contains(&format!(r#"{{"n":{n}}}"#))));
}

#[test]
fn the_end_of_a_session_while_a_message_runs() {
    let world = World::new();
    let (open, closed) = gate();
    let log = world.log.clone();
    world.on_message(move |m| {
        let _ = closed.lock().unwrap().recv();
        log.add(format!("pushed {}", m.host.push_event("test.plugin", None, Json::object(), None)));
        PluginResult::Wait(None)
    });
    let (session, handle) = world.attached();
    let blocked = world.send(A, &message(session, handle));
    world.log.wait(&format!("message {handle}"));
    let destroy = format!(r#"{{"janus":"destroy","transaction":"d","session_id":{session}}}"#);
    assert_eq!(text(&world.ask(&destroy), "janus"), "success");
    world.log.wait(&format!("destroy_session {handle}"));
    open.send(()).unwrap();
    assert_eq!(text(&world.reply_to(A, false, blocked), "janus"), "ack");
    world.log.wait("pushed -2");
}

#[test]
fn a_session_that_ends_during_create_session() {
    let world = World::new();
    let (open, closed) = gate();
    *world.plugin.on_create.lock().unwrap() = Some(Arc::new(move |_| {
        let _ = closed.lock().unwrap().recv();
        0
    }));
    let session = world.session();
    let attach =
        format!(r#"{{"janus":"attach","transaction":"a","session_id":{session},"plugin":"test.plugin"}}"#);
    let attaching = world.send(A, &attach);
    world.log.wait("create_session");
    world.api.transport_gone("test.transport", A);
    // The queued end of the handles has nothing to call yet.
    assert!(world.core.session(session).is_none());
    open.send(()).unwrap();
    world.reply_to(A, false, attaching);
    world.log.wait("destroy_session");
    world.settle();
    assert_eq!((world.log.count("stop"), world.log.count("destroy_session")), (1, 1));
    world.plugin.hosts.lock().unwrap().clear();
    assert_eq!(world.plugin.sessions_alive.load(Ordering::SeqCst), 0);
}

#[test]
fn transport_gone_from_inside_send_message() {
    // CP-307: with the transport's own lock held, as pfunix does.
    let world = World::new();
    let lock = Arc::new(Mutex::new(()));
    let api = Arc::downgrade(&world.api);
    *world.transport.on_send.lock().unwrap() = Some(Arc::new(move |(at, message): (usize, Json)| {
        let _held = lock.try_lock().expect("send_message is not called from within itself");
        if message.get("janus").unwrap().as_str() == Some("event") {
            let api: Weak<Api> = api.clone();
            api.upgrade().unwrap().transport_gone("test.transport", at);
        }
    }));
    let (session, handle) = world.attached();
    assert_eq!(world.host(handle).push_event("test.plugin", None, Json::object(), None), 0);
    assert!(world.core.session(session).is_none());
    world.log.wait(&format!("destroy_session {handle}"));
    world.settle();
    assert!(!world.log.has(&format!("event {A} detached")));
    *world.transport.on_send.lock().unwrap() = None;
}

#[test]
fn claims_race() {
    let world = World::with(Settings { reclaim_session_timeout: 60, ..Settings::default() });
    let session = world.session();
    let claim = format!(r#"{{"janus":"claim","transaction":"x","session_id":{session}}}"#);
    let connections: Vec<usize> = (0..20).map(|n| 0x1000 + n).collect();
    let requests: Vec<usize> = connections.iter().map(|at| world.send(*at, &claim)).collect();
    for (at, request) in connections.iter().zip(requests) {
        assert_eq!(text(&world.reply_to(*at, false, request), "janus"), "success");
    }
    // Every owner but the last was told that it lost the session to the next.
    let all = world.log.all();
    let mut owner = A;
    for entry in all.iter().filter(|e| e.starts_with("over") || e.starts_with("claimed")) {
        let mut words = entry.split(' ');
        let (kind, at) = (words.next().unwrap(), words.next().unwrap().parse::<usize>().unwrap());
        match kind {
            "over" => assert_eq!(at, owner),
            _ => owner = at,
        }
    }
    assert!(world.core.session(session).unwrap().owner().unwrap().is("test.transport", owner));
    assert_eq!((world.log.count("over"), world.log.count("claimed")), (20, 20));
}

#[test]
fn destroy_from_inside_the_plugin() {
    // end_session and close_pc from inside handle_message, create_session and destroy_session: never synchronous.
    let world = World::new();
    *world.plugin.on_create.lock().unwrap() = Some(Arc::new(|host: Arc<dyn HandleHost>| {
        host.close_pc();
        0
    }));
    let log = world.log.clone();
    world.on_message(move |m| {
        m.host.close_pc();
        m.host.end_session();
        log.add("message over".into());
        PluginResult::Ok(Some(Json::object()))
    });
    let (session, handle) = world.attached();
    assert_eq!(text(&world.ask(&message(session, handle)), "janus"), "success");
    world.log.wait(&format!("event {A} detached"));
    assert_eq!(world.log.count("destroy_session"), 1);
}

#[test]
fn a_thousand_sessions_leave_nothing() {
    let world = World::new();
    let mut handles = Vec::new();
    for round in 0..1000u64 {
        let id = round + 1;
        world.send(A, &format!(r#"{{"janus":"create","transaction":"c","id":{id}}}"#));
        for _ in 0..2 {
            let attach =
                format!(r#"{{"janus":"attach","transaction":"a","session_id":{id},"plugin":"test.plugin"}}"#);
            world.send(A, &attach);
        }
        let destroy = format!(r#"{{"janus":"destroy","transaction":"d","session_id":{id}}}"#);
        match round % 3 {
            0 => drop(world.send(A, &destroy)),
            1 => drop(world.send(B, &destroy)),
            _ => {}
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while world.log.count("create_session") < 2000 {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    world.api.transport_gone("test.transport", A);
    for host in world.plugin.hosts.lock().unwrap().drain(..) {
        handles.push(Arc::downgrade(&host));
    }
    world.settle();
    assert!(world.core.sessions().is_empty());
    let ended: Vec<String> =
        world.log.all().into_iter().filter(|e| e.starts_with("destroy_session")).collect();
    assert_eq!(ended.len(), 2000);
    assert_eq!(world.plugin.sessions_alive.load(Ordering::SeqCst), 0);
    assert!(handles.iter().all(|handle| handle.strong_count() == 0), "a handle is still referenced");
    let core = Arc::downgrade(&world.core);
    world.core.notifier.stop();
    drop(world);
    assert_eq!(core.strong_count(), 0, "the core is still referenced");
}

#[test]
fn a_panic_in_a_request_is_answered() {
    let world = World::new();
    world.on_message(|_| panic!("on purpose"));
    let (session, handle) = world.attached();
    let request = message(session, handle);
    world.refused(&request, 490, "Unknown error");
    world.refused(&request, 490, "Unknown error");
}

/// Requests that are read by a thread which can be relieved, one after the other.
struct Reader {
    world: Arc<World>,
    requests: Mutex<Receiver<String>>,
}

impl Work for Reader {
    fn go_on(&self) {
        while !relief::is_relieved() {
            let next = self.requests.lock().unwrap().recv();
            let Ok(text) = next else { return };
            self.world.send_here(A, &text);
        }
    }
}

#[test]
fn plugins_are_called_where_the_request_was_read_if_that_can_be_relieved() {
    let world = Arc::new(World::new());
    let (requests, next) = channel();
    let reader = Reader { world: world.clone(), requests: Mutex::new(next) };
    relief::start("reader", Arc::new(reader)).unwrap();
    let session = world.session();
    let was_here = Arc::new(AtomicBool::new(false));
    let (open, closed) = gate();
    let seen = was_here.clone();
    world.on_message(move |_| {
        seen.store(std::thread::current().name() == Some("reader"), Ordering::SeqCst);
        let _ = closed.lock().unwrap().recv();
        PluginResult::Wait(None)
    });
    // The first ones are called elsewhere: the thread that would relieve may not be there yet.
    while !was_here.swap(false, Ordering::SeqCst) {
        world.log.clear();
        let handle = world.attach(session);
        let ask = |request: String| requests.send(request).unwrap();
        ask(message(session, handle));
        world.log.wait(&format!("message {handle}"));
        // What is for the same handle waits; nobody else does, whatever thread is blocked.
        ask(format!(r#"{{"janus":"detach","transaction":"d","session_id":{session},"handle_id":{handle}}}"#));
        ask(format!(r#"{{"janus":"keepalive","transaction":"kept","session_id":{session}}}"#));
        while !world.log.all().iter().any(|entry| entry.contains("kept")) {
            std::thread::yield_now();
        }
        assert_eq!(world.log.count(&format!("event {A} detached")), 0);
        open.send(()).unwrap();
        world.log.wait(&format!("event {A} detached"));
        world.log.in_order(&[&format!("destroy_session {handle}"), &format!("event {A} detached")]);
        assert_eq!(world.log.count("message"), 1);
    }
}

#[test]
fn what_is_negotiated_is_not_called_where_it_was_read() {
    let is_call = |text: &str| crate::api::request::Head::of(&Ok(json(text))).is_call(false);
    assert!(is_call(r#"{"janus":"message","session_id":1,"handle_id":2,"body":{}}"#));
    assert!(is_call(r#"{"janus":"attach","session_id":1}"#));
    for other in [
        r#"{"janus":"message","session_id":1,"handle_id":2,"body":{},"jsep":{}}"#,
        r#"{"janus":"message","session_id":1,"body":{}}"#,
        r#"{"janus":"trickle","session_id":1,"handle_id":2}"#,
        r#"{"janus":"claim","session_id":1}"#,
    ] {
        assert!(!is_call(other), "{other}");
    }
}

#[test]
fn the_news_of_a_detach_come_after_its_reply() {
    let world = World::new();
    for _ in 0..50 {
        let (session, handle) = world.attached();
        let detach =
            format!(r#"{{"janus":"detach","transaction":"d","session_id":{session},"handle_id":{handle}}}"#);
        let detach = world.send(A, &detach);
        world.log.wait(&format!("event {A} detached"));
        world.log.in_order(&[
            &format!("reply {A} #{detach} "),
            &format!("destroy_session {handle}"),
            &format!("event {A} detached"),
        ]);
        world.log.clear();
    }
}
