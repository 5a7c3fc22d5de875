//! Lives of sessions.

use super::*;
use crate::util::time;

const SECOND: i64 = 1_000_000;

fn keepalive(world: &World, from: usize, id: u64) -> Json {
    world.ask_from(from, &format!(r#"{{"janus":"keepalive","transaction":"k","session_id":{id}}}"#))
}

#[test]
fn keepalives() {
    // CP-108, CP-109
    let world = World::new();
    let (session, handle) = world.attached();
    let reply = keepalive(&world, A, session);
    assert_eq!(
        reply.dump(0x20).unwrap(),
        format!(r#"{{"janus":"ack","session_id":{session},"transaction":"k"}}"#)
    );
    let request =
        format!(r#"{{"janus":"keepalive","transaction":"k","session_id":{session},"handle_id":{handle}}}"#);
    assert_eq!(text(&world.ask(&request), "janus"), "ack");
}

#[test]
fn activity() {
    // CP-110, CP-111, CP-112
    let world = World::with(Settings { api_secret: Some("s".into()), ..Settings::default() });
    let created = world.ask(r#"{"janus":"create","transaction":"c","apisecret":"s"}"#);
    let id = number(&created, "data", "id");
    let session = world.core.session(id).unwrap();
    let mut last = session.last_activity();
    let mut touched = |request: &str, admin: bool| {
        if admin {
            world.admin(request)
        } else {
            world.ask(request)
        };
        let before = std::mem::replace(&mut last, session.last_activity());
        last > before
    };
    assert!(!touched(&format!(r#"{{"janus":"keepalive","transaction":"k","session_id":{id}}}"#), false));
    assert!(touched(
        &format!(r#"{{"janus":"keepalive","transaction":"k","session_id":{id},"apisecret":"s"}}"#),
        false
    ));
    assert!(touched(
        &format!(r#"{{"janus":"hangup","transaction":"k","session_id":{id},"handle_id":5,"apisecret":"s"}}"#),
        false
    ));
    assert!(!touched(&format!(r#"{{"janus":"list_handles","transaction":"k","session_id":{id}}}"#), true));
}

#[test]
fn expiry() {
    // CP-113, CP-114, CP-128
    let world = World::new();
    let (session, handle) = world.attached();
    let start = world.core.session(session).unwrap().last_activity();
    world.core.expire_sessions(start + 60 * SECOND - 1);
    assert!(world.core.session(session).is_some());
    world.core.expire_sessions(start + 60 * SECOND);
    world.core.expire_sessions(start + 62 * SECOND);
    world.log.wait("handler 1 timeout");
    world.log.wait(&format!("destroy_session {handle}"));
    world.log.in_order(&[&format!("event {A} timeout"), &format!("over {A} {session} true false")]);
    assert!(
        world
            .log
            .wait(&format!("event {A} timeout"))
            .ends_with(&format!(r#"{{"janus":"timeout","session_id":{session}}}"#))
    );
    assert_eq!(text(&keepalive(&world, A, session), "janus"), "error");
    world.settle();
    assert_eq!((world.log.count("handler 1 timeout"), world.log.count("over")), (1, 1));
}

#[test]
fn timeouts_of_one_session() {
    // CP-115, CP-116, CP-244, CP-245
    let world = World::with(Settings { reclaim_session_timeout: 10, ..Settings::default() });
    let id = world.session();
    let session = world.core.session(id).unwrap();
    let set = |n: i64| {
        format!(r#"{{"janus":"set_session_timeout","transaction":"t","session_id":{id},"timeout":{n}}}"#)
    };
    let reply = world.admin(&set(0));
    assert_eq!(names(&reply), ["janus", "transaction", "timeout", "session_id"]);
    let start = session.last_activity();
    world.core.expire_sessions(start + 10_000 * SECOND);
    assert!(world.core.session(id).is_some());
    let reason = "Invalid element type (timeout should be a non-negative integer or -1)";
    world.admin_refused(&set(-2), 467, reason);
    world.admin(&set(-1));
    world.core.expire_sessions(start + 59 * SECOND);
    assert!(world.core.session(id).is_some());
    world.admin(&set(0));
    world.api.transport_gone("test.transport", A);
    world.core.expire_sessions(start + 10 * SECOND);
    assert!(world.core.session(id).is_none(), "an explicit 0 does not protect an orphan");
}

#[test]
fn a_gone_transport_ends_its_sessions() {
    // CP-117, CP-128, CP-308
    let world = World::new();
    let (session, handle) = world.attached();
    let other = number(&world.ask_from(B, r#"{"janus":"create","transaction":"c"}"#), "data", "id");
    world.api.transport_gone("test.transport", 0xDEAD);
    while world.log.count("handler 1 created") < 2 {
        std::thread::yield_now();
    }
    world.log.wait("handler 2 attached");
    world.log.clear();
    world.api.transport_gone("test.transport", A);
    world.api.transport_gone("test.transport", A);
    assert!(world.core.session(session).is_none() && world.core.session(other).is_some());
    world.log.wait(&format!("destroy_session {handle}"));
    world.log.wait("handler 1 destroyed");
    world.log.wait("handler 2 detached");
    assert_eq!(world.log.count("handler 1 destroyed"), 1);
    assert!(!world.log.has("over") && !world.log.has("event"));
}

#[test]
fn reclaiming() {
    // CP-118, CP-119, CP-120, CP-121, CP-122
    let world = World::with(Settings { reclaim_session_timeout: 10, events: true, ..Settings::default() });
    let (session, handle) = world.attached();
    let claim = format!(r#"{{"janus":"claim","transaction":"x","session_id":{session}}}"#);
    world.log.clear();
    assert_eq!(text(&world.ask(&claim), "janus"), "success");
    assert_eq!((world.log.count("over"), world.log.count("claimed")), (0, 0));
    world.api.transport_gone("test.transport", A);
    // Someone else's request postpones the end, and does not make it the owner.
    let before = world.core.session(session).unwrap().last_activity();
    assert_eq!(text(&keepalive(&world, B, session), "janus"), "ack");
    let after = world.core.session(session).unwrap().last_activity();
    assert!(after > before && after <= time::monotonic());
    assert!(world.core.session(session).unwrap().owner().unwrap().is("test.transport", A));
    let reply = world.ask_from(B, &claim);
    assert_eq!(names(&reply), ["janus", "session_id", "transaction"]);
    world.log.in_order(&[
        &format!("over {A} {session} false true"),
        &format!("claimed {B} {session}"),
        &format!("reply {B} #5"),
    ]);
    world.core.expire_sessions(after + 59 * SECOND);
    assert!(world.core.session(session).is_some(), "claimed: no orphan any more");
    world.host(handle).push_event("test.plugin", None, Json::object(), None);
    world.log.wait(&format!("event {B} event"));
    assert!(!world.log.has(&format!("event {A} event")));
    world.api.transport_gone("test.transport", B);
    world.core.expire_sessions(after + 11 * SECOND);
    assert!(world.core.session(session).is_none());
}

#[test]
fn claims_that_fail() {
    // CP-123, CP-124
    let world = World::new();
    let session = world.session();
    world.refused(r#"{"janus":"claim","transaction":"x","session_id":5}"#, 458, "No such session 5");
    let request = format!(r#"{{"janus":"claim","transaction":"x","session_id":{session},"handle_id":5}}"#);
    world.refused(&request, 459, &format!("No such handle 5 in session {session}"));
}

#[test]
fn destroy() {
    // CP-125, CP-126, CP-127, CP-128
    let world = World::new();
    let (session, handle) = world.attached();
    let with_handle =
        format!(r#"{{"janus":"destroy","transaction":"d","session_id":{session},"handle_id":{handle}}}"#);
    world.refused(&with_handle, 457, "Unhandled request 'destroy' at this path");
    world.log.clear();
    let request = format!(r#"{{"janus":"destroy","transaction":"d","session_id":{session}}}"#);
    let reply = world.ask(&request);
    assert_eq!(names(&reply), ["janus", "session_id", "transaction"]);
    world.log.in_order(&[&format!("over {A} {session} false false"), &format!("reply {A}")]);
    world.refused(&request, 458, &format!("No such session {session}"));
    world.log.wait(&format!("destroy_session {handle}"));
    world.log.wait("handler 2 detached");
    world.log.wait("handler 1 destroyed");
    world.settle();
    assert!(!world.log.has("event "), "nothing is pushed to the client after destroy");
    assert_eq!(world.log.count("handler 1 destroyed"), 1);
}

#[test]
fn admin_destroy_is_silent_for_the_client() {
    // CP-261
    let world = World::new();
    let (session, handle) = world.attached();
    world.log.clear();
    let request = format!(r#"{{"janus":"destroy_session","transaction":"d","session_id":{session}}}"#);
    assert_eq!(text(&world.admin(&request), "janus"), "success");
    world.log.wait(&format!("over {A} {session} false false"));
    world.log.wait(&format!("destroy_session {handle}"));
    world.settle();
    assert!(!world.log.has("event "));
}
