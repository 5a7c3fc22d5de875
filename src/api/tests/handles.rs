//! Lives of handles, without media.

use super::*;

fn on(name: &str, session: u64, handle: u64) -> String {
    format!(r#"{{"janus":"{name}","transaction":"t","session_id":{session},"handle_id":{handle}}}"#)
}

#[test]
fn attach() {
    // CP-129, CP-130, CP-131, CP-132, CP-218
    let world = World::new();
    let (session, handle) = world.attached();
    let head = format!(r#""janus":"attach","transaction":"a","session_id":{session}"#);
    world.refused(&format!("{{{head}}}"), 456, "Missing mandatory element (plugin)");
    world.refused(&format!(r#"{{{head},"plugin":"x.y"}}"#), 460, "No such plugin 'x.y'");
    let request = format!(r#"{{{head},"plugin":"test.plugin","handle_id":{handle}}}"#);
    world.refused(&request, 457, "Unhandled request 'attach' at this path");
    let request = format!(r#"{{{head},"plugin":"test.plugin","opaque_id":null}}"#);
    world.refused(&request, 467, "Invalid element type (opaque_id should be a string)");
    let request = format!(r#"{{{head},"plugin":"test.plugin","loop_index":-1}}"#);
    world.refused(&request, 467, "Invalid element type (loop_index should be a positive integer)");
    // Events come when they come.
    world.log.wait("handler 2 attached");
    world.log.clear();
    let reply = world.ask(&format!(r#"{{{head},"plugin":"test.plugin","opaque_id":"o","loop_index":7}}"#));
    assert_eq!(names(&reply), ["janus", "session_id", "transaction", "data"]);
    let id = number(&reply, "data", "id");
    assert!(id < 1 << 53);
    world.log.in_order(&[&format!("create_session {id}"), "reply"]);
    let event = world.log.wait("handler 2 attached");
    let tail = format!(
        r#""session_id":{session},"handle_id":{id},"opaque_id":"o","event":{{"name":"attached","plugin":"test.plugin","opaque_id":"o"}}}}"#
    );
    assert!(event.ends_with(&tail), "{event} (CP-315)");
}

#[test]
fn a_plugin_that_refuses() {
    // CP-133, CP-134, CP-206, MP-003
    let world = World::new();
    let session = world.session();
    let pushed = Arc::new(Mutex::new(None));
    let seen = pushed.clone();
    *world.plugin.on_create.lock().unwrap() = Some(Arc::new(move |host: Arc<dyn HandleHost>| {
        *seen.lock().unwrap() = Some(host.push_event("test.plugin", None, Json::object(), None));
        -3
    }));
    let request =
        format!(r#"{{"janus":"attach","transaction":"a","session_id":{session},"plugin":"test.plugin"}}"#);
    world.refused(&request, 461, "Couldn't attach to plugin: error '-3'");
    assert_eq!(*pushed.lock().unwrap(), Some(-2));
    let list =
        world.admin(&format!(r#"{{"janus":"list_handles","transaction":"l","session_id":{session}}}"#));
    assert_eq!(list.get("handles").unwrap().len(), 0);
}

#[test]
fn detach() {
    // CP-138, CP-139, CP-140, CP-200, CP-207, CP-222, CP-225
    let world = World::new();
    let (session, handle) = world.attached();
    let host = world.host(handle);
    let request = format!(r#"{{"janus":"detach","transaction":"t","session_id":{session}}}"#);
    world.refused(&request, 457, "Unhandled request 'detach' at this path");
    let reply = world.ask(&on("detach", session, handle));
    assert_eq!(names(&reply), ["janus", "session_id", "transaction"]);
    let event = world.log.wait(&format!("event {A} detached"));
    assert!(
        event.ends_with(&format!(r#"{{"janus":"detached","session_id":{session},"sender":{handle}}}"#)),
        "{event}"
    );
    world
        .log
        .in_order(&["stop", "destroy_session", &format!("event {A} detached"), "handler 2 detached"][..3]);
    world.log.wait("handler 2 detached");
    assert!(!world.log.has("hangup_media"));
    let reason = format!("No such handle {handle} in session {session}");
    world.refused(&on("detach", session, handle), 459, &reason);
    assert_eq!(host.push_event("test.plugin", None, Json::object(), None), -2);
    assert_eq!(world.log.count("destroy_session"), 1);
}

#[test]
fn ends_wanted_by_the_plugin() {
    // CP-230, CP-231, CP-232, CP-233
    let world = World::new();
    let (_, handle) = world.attached();
    let host = world.host(handle);
    host.close_pc();
    host.close_pc();
    host.end_session();
    host.end_session();
    world.log.wait(&format!("event {A} detached"));
    world.settle();
    assert_eq!(world.log.count("destroy_session"), 1);
    assert!(!world.log.has("hangup_media") && !world.log.has(&format!("event {A} hangup")));
}

#[test]
fn hangup_without_a_peer_connection() {
    // CP-141, CP-226, CP-234
    let world = World::new();
    let (session, handle) = world.attached();
    let request = format!(r#"{{"janus":"hangup","transaction":"t","session_id":{session}}}"#);
    world.refused(&request, 457, "Unhandled request 'hangup' at this path");
    assert_eq!(text(&world.ask(&on("hangup", session, handle)), "janus"), "success");
    world.host(handle).send_pli(None);
    world.host(handle).send_remb(5);
    world.settle();
    assert!(!world.log.has("hangup_media") && !world.log.has("event 160 hangup"));
}

#[test]
fn trickles_before_anything() {
    // CP-179, CP-180, CP-181, MP-092, MP-095
    let world = World::new();
    let (session, handle) = world.attached();
    let trickle = |members: &str| {
        format!(
            r#"{{"janus":"trickle","transaction":"t","session_id":{session},"handle_id":{handle}{members}}}"#
        )
    };
    world.refused(&trickle(""), 456, "Missing mandatory element (candidate|candidates)");
    let both = r#","candidate":{},"candidates":[]"#;
    world.refused(&trickle(both), 454, "Can't have both candidate and candidates");
    for early in [r#","candidate":{}"#, r#","candidate":null"#, r#","candidates":{}"#] {
        assert_eq!(text(&world.ask(&trickle(early)), "janus"), "ack", "{early}");
    }
    let request =
        format!(r#"{{"janus":"handle_info","transaction":"t","session_id":{session},"handle_id":{handle}}}"#);
    assert_eq!(number(&world.admin(&request), "info", "pending-trickles"), 3);
    // They are not kept without end.
    let kept =
        (0..1100).filter(|_| text(&world.ask(&trickle(r#","candidate":{}"#)), "janus") == "ack").count();
    assert_eq!(kept, 997);
}

#[test]
fn early_trickles_are_bounded_in_bytes() {
    let world = World::new();
    let session = world.session();
    let handles: Vec<u64> = (0..7).map(|_| world.attach(session)).collect();
    let large = "x".repeat(300_000);
    let keeps = |handle: u64, candidate: &str| {
        let request = format!(
            r#"{{"janus":"trickle","transaction":"t","session_id":{session},"handle_id":{handle},"candidate":{candidate}}}"#
        );
        text(&world.ask(&request), "janus") == "ack"
    };
    let trickle = |handle: u64| keeps(handle, &format!(r#"{{"candidate":"{large}"}}"#));
    let kept: Vec<usize> =
        handles.iter().map(|handle| (0..10).filter(|_| trickle(*handle)).count()).collect();
    // A megabyte per handle, four per session.
    assert_eq!(kept, [3, 3, 3, 3, 1, 0, 0]);
    // Their room comes back with the end of a handle.
    assert_eq!(text(&world.ask(&on("detach", session, handles[0])), "janus"), "success");
    world.log.wait("handler 2 detached");
    assert_eq!((0..10).filter(|_| trickle(handles[5])).count(), 3);
    // What is kept besides its text counts, too: 128 bytes each.
    let empty = handles[4..].iter().map(|handle| (0..1000).filter(|_| keeps(*handle, "{}")).count());
    let left = (4 << 20) - 13 * (large.len() + 16 + 128);
    assert_eq!(empty.sum::<usize>(), left / (2 + 128));
}

#[test]
fn opaque_ids() {
    // CP-201
    for shown in [false, true] {
        let world = World::with(Settings { opaque_id_in_api: shown, ..Settings::default() });
        world.on_message(|_| PluginResult::Ok(Some(Json::object())));
        let session = world.session();
        let attach = format!(
            r#"{{"janus":"attach","transaction":"a","session_id":{session},"plugin":"test.plugin","opaque_id":"o"}}"#
        );
        let handle = number(&world.ask(&attach), "data", "id");
        let message = format!(
            r#"{{"janus":"message","transaction":"m","session_id":{session},"handle_id":{handle},"body":{{}}}}"#
        );
        let reply = world.ask(&message);
        assert_eq!(reply.get("opaque_id").is_some(), shown);
        world.host(handle).push_event("test.plugin", Some("m"), Json::object(), None);
        let event = world.log.wait(&format!("event {A} event"));
        assert_eq!(event.contains(r#""opaque_id":"o""#), shown);
    }
}
