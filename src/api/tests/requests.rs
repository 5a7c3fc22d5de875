//! Requests in general, and those without a session.

use super::*;

#[test]
fn broken_json() {
    // CP-074, CP-075, CP-076, CP-298
    let world = World::new();
    let id = world.send_raw(A, false, Err(Some(ParseErrorText)));
    let reply = world.reply_to(A, false, id);
    let reason = text(&reply.get("error").unwrap(), "reason");
    assert_eq!(number(&reply, "error", "code"), 454);
    let detail = reason.strip_prefix("Invalid Janus API request - ").unwrap();
    assert!(detail.contains("(1,") && detail.contains("): "), "{reason}");
    let id = world.send_raw(A, false, Err(None));
    assert_error(&world.reply_to(A, false, id), 454, "Invalid Janus API request", "nothing");
    let id = world.send_raw(A, true, Err(Some(ParseErrorText)));
    assert_error(&world.reply_to(A, true, id), 456, "Missing mandatory element (transaction)", "admin");
    world.refused("[1,2]", 456, "Missing mandatory element (transaction)");
}

#[test]
fn the_head_of_a_request() {
    // CP-077, CP-078, CP-079, CP-080
    let world = World::new();
    let reply = world.ask(r#"{"janus":"ping"}"#);
    assert_error(&reply, 456, "Missing mandatory element (transaction)", "ping");
    assert_eq!(names(&reply), ["janus", "error"]);
    let reason = "Invalid element type (transaction should be a string)";
    world.refused(r#"{"janus":"ping","transaction":5}"#, 467, reason);
    let reply = world.ask(r#"{"transaction":"x"}"#);
    assert_error(&reply, 456, "Missing mandatory element (janus)", "nothing");
    assert!(reply.get("transaction").is_none());
    let reason = "Invalid element type (id should be a positive integer)";
    world.refused(r#"{"janus":"ping","transaction":"x","id":"5"}"#, 467, reason);
    world.refused(r#"{"janus":"info","transaction":"x","id":-1}"#, 467, reason);
}

#[test]
fn paths() {
    // CP-081, CP-082, CP-083, CP-084, CP-085, CP-086, CP-087, CP-088, CP-089, CP-090, CP-093, CP-094
    let world = World::new();
    let id = world.session();
    assert_eq!(world.ask(r#"{"janus":"PiNg","transaction":"x"}"#).dump(0x20).unwrap(), {
        r#"{"janus":"pong","transaction":"x"}"#
    });
    world.refused(r#"{"janus":"foo","transaction":"x"}"#, 457, "Unhandled request 'foo' at this path");
    for name in ["foo", "info", "ping", "create"] {
        let request = format!(r#"{{"janus":"{name}","transaction":"x","session_id":{id}}}"#);
        world.refused(&request, 453, &format!("Unknown request '{name}'"));
    }
    for absent in [r#""5""#, "null"] {
        let request = format!(r#"{{"janus":"ping","transaction":"x","session_id":{absent}}}"#);
        assert_eq!(text(&world.ask(&request), "janus"), "pong");
    }
    for handle in ["0", r#""7""#] {
        let request =
            format!(r#"{{"janus":"detach","transaction":"x","session_id":{id},"handle_id":{handle}}}"#);
        world.refused(&request, 459, "Handle not found");
    }
    world.refused(r#"{"janus":"detach","transaction":"x","handle_id":7}"#, 458, "Session not found");
    let reply = world.ask(r#"{"janus":"keepalive","transaction":"x","session_id":7}"#);
    assert_error(&reply, 458, "No such session 7", "keepalive");
    assert_eq!(names(&reply), ["janus", "session_id", "transaction", "error"]);
    assert_eq!(names(&reply.get("error").unwrap()), ["code", "reason"]);
    let reply = world.ask(r#"{"janus":"keepalive","transaction":"x","session_id":-1}"#);
    assert_error(&reply, 458, "No such session 18446744073709551615", "keepalive");
    assert_eq!(reply.get("session_id").unwrap().as_i64(), Some(-1));
    let request = format!(r#"{{"janus":"detach","transaction":"x","session_id":{id},"handle_id":9}}"#);
    world.refused(&request, 459, &format!("No such handle 9 in session {id}"));
}

#[test]
fn authentication_comes_before_existence() {
    // CP-091, CP-097, CP-098, CP-105, CP-275
    let world = World::with(Settings { api_secret: Some("s".into()), ..Settings::default() });
    let wrong = "Unauthorized request (wrong or missing secret/token)";
    world.refused(r#"{"janus":"keepalive","transaction":"x","session_id":7}"#, 403, wrong);
    world.refused(r#"{"janus":"create","transaction":"x","apisecret":"t"}"#, 403, wrong);
    assert_eq!(text(&world.ask(r#"{"janus":"ping","transaction":"x"}"#), "janus"), "pong");
    assert_eq!(text(&world.ask(r#"{"janus":"info","transaction":"x"}"#), "janus"), "server_info");
    assert_eq!(text(&world.admin(r#"{"janus":"info","transaction":"x"}"#), "janus"), "server_info");
    let created = world.ask(r#"{"janus":"create","transaction":"x","apisecret":"s"}"#);
    assert_eq!(text(&created, "janus"), "success");
    world.admin(r#"{"janus":"accept_new_sessions","transaction":"x","accept":false}"#);
    let closed = "Currently not accepting new sessions";
    world.refused(r#"{"janus":"create","transaction":"x","apisecret":"t"}"#, 472, closed);
}

#[test]
fn create() {
    // CP-092, CP-102, CP-103, CP-104, CP-106, CP-107
    let world = World::new();
    let reply = world.ask(r#"{"janus":"create","transaction":"x"}"#);
    assert_eq!(names(&reply), ["janus", "transaction", "data"]);
    let id = number(&reply, "data", "id");
    assert!(id > 0 && id < 1 << 53);
    world.log.in_order(&[&format!("created {A} {id}"), &format!("reply {A}")]);
    let event = world.log.wait("handler 1 created");
    assert!(event.contains(r#""transport":{"transport":"test.transport","id":""#), "{event}");
    assert_eq!(number(&world.ask(r#"{"janus":"create","transaction":"x","id":1234}"#), "data", "id"), 1234);
    let reply = world.ask(r#"{"janus":"create","transaction":"x","id":1234}"#);
    assert_error(&reply, 468, "Session ID already in use", "create");
    assert_eq!(reply.get("session_id").unwrap().as_i64(), Some(1234));
    assert_ne!(number(&world.ask(r#"{"janus":"create","transaction":"x","id":0}"#), "data", "id"), 0);
    world.settle();
    assert_eq!(world.log.count("reply"), 4);
}

#[test]
fn info_members() {
    // CP-099, CP-100, CP-101
    let world = World::new();
    let info = world.ask(r#"{"janus":"info","transaction":"x"}"#);
    let expected = [
        "janus",
        "transaction",
        "name",
        "version",
        "version_string",
        "implementation",
        "implementation_version",
        "author",
        "commit-hash",
        "compile-time",
        "log-to-stdout",
        "log-to-file",
        "data_channels",
        "accepting-new-sessions",
        "session-timeout",
        "reclaim-session-timeout",
        "candidates-timeout",
        "server-name",
        "local-ip",
        "ipv6",
        "ice-lite",
        "ice-tcp",
        "ice-nomination",
        "ice-consent-freshness",
        "ice-keepalive-conncheck",
        "hangup-on-failed",
        "full-trickle",
        "mdns-enabled",
        "min-nack-queue",
        "nack-optimizations",
        "twcc-period",
        "dtls-mtu",
        "static-event-loops",
        "api_secret",
        "auth_token",
        "event_handlers",
        "opaqueid_in_api",
        "dependencies",
        "transports",
        "events",
        "loggers",
        "plugins",
    ];
    assert_eq!(names(&info), expected);
    assert_eq!(names(&info.get("plugins").unwrap()), ["test.plugin"]);
    assert_eq!(info.get("loggers").unwrap().len(), 0);
    let mut settings = Settings { hide_dependencies: true, ..Settings::default() };
    settings.media.webrtc_encryption = false;
    let info = World::with(settings).ask(r#"{"janus":"info","transaction":"x"}"#);
    assert!(info.get("dependencies").is_none());
    assert_eq!(info.get("webrtc_encryption").unwrap().as_bool(), Some(false));
}

#[test]
fn replies_go_to_the_asker_events_to_the_owner() {
    // CP-095, CP-096
    let world = World::new();
    let session = world.session();
    let request =
        format!(r#"{{"janus":"attach","transaction":"x","session_id":{session},"plugin":"test.plugin"}}"#);
    let handle = number(&world.ask_from(B, &request), "data", "id");
    assert_eq!(world.host(handle).push_event("test.plugin", None, Json::object(), None), 0);
    world.log.wait(&format!("event {A} event"));
    assert!(!world.log.has(&format!("event {B}")));
}

#[test]
fn pipelined_create_and_attach() {
    // The reference works through its requests one by one: a client may rely on that with an id of its own.
    let world = World::new();
    for id in 1..50 {
        world.send(A, &format!(r#"{{"janus":"create","transaction":"c","id":{id}}}"#));
        let attach =
            format!(r#"{{"janus":"attach","transaction":"a","session_id":{id},"plugin":"test.plugin"}}"#);
        let request = world.send(A, &attach);
        assert_eq!(text(&world.reply_to(A, false, request), "janus"), "success");
    }
}
