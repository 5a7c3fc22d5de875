//! `message` and `push_event`, without media.

use super::*;

fn message(session: u64, handle: u64, members: &str) -> String {
    format!(r#"{{"janus":"message","transaction":"m","session_id":{session},"handle_id":{handle}{members}}}"#)
}

#[test]
fn validation() {
    // CP-144 … CP-152, MP-013, MP-014, MP-016, MP-042
    let world = World::new();
    let (session, handle) = world.attached();
    let request = format!(r#"{{"janus":"message","transaction":"m","session_id":{session},"body":{{}}}}"#);
    world.refused(&request, 457, "Unhandled request 'message' at this path");
    let refused = |members: &str, code: i64, reason: &str| {
        world.refused(&message(session, handle, members), code, reason);
    };
    refused("", 456, "Missing mandatory element (body)");
    refused(r#","body":5"#, 467, "Invalid element type (body should be an object)");
    refused(r#","body":{},"jsep":null"#, 455, "Invalid jsep object");
    let jsep = |jsep: &str, code: i64, reason: &str| {
        refused(&format!(r#","body":{{}},"jsep":{jsep}"#), code, reason)
    };
    jsep("{}", 456, "JSEP error: missing mandatory element (type)");
    jsep(r#"{"type":"offer"}"#, 456, "JSEP error: missing mandatory element (sdp)");
    let reason = "JSEP error: invalid element type (trickle should be a boolean)";
    jsep(r#"{"type":"offer","sdp":"x","trickle":"no"}"#, 467, reason);
    let reason = "JSEP error: invalid element type (e2ee should be a boolean)";
    jsep(r#"{"type":"offer","sdp":"x","e2ee":1}"#, 467, reason);
    jsep(r#"{"type":"rollback","sdp":"x"}"#, 464, "JSEP error: unknown message type 'rollback'");
    jsep(r#"{"type":"offer","sdp":"x"}"#, 465, "Invalid SDP (doesn't start with v=)");
    let sdp = "v=0\\r\\no=- 1 1 IN IP4 1.1.1.1\\r\\ns=-\\r\\nt=0 0\\r\\nm=audio 9 UDP/TLS/RTP/SAVPF 0\\r\\n";
    let answer = format!(r#"{{"type":"answer","sdp":"{sdp}"}}"#);
    jsep(&answer, 469, "Unexpected ANSWER (did we offer?)");
    assert!(!world.log.has("message"), "the plugin saw nothing of it");
    let remote = world.log.wait("handler 8");
    assert!(remote.contains(r#""owner":"remote","jsep":{"type":"answer""#), "{remote} (CP-316)");
}

#[test]
fn results() {
    // CP-170 … CP-175
    let world = World::new();
    world.on_message(|m| match m.body.get("want").unwrap().as_i64().unwrap() {
        0 => PluginResult::None,
        1 => PluginResult::Ok(None),
        2 => PluginResult::Ok(Some(Json::array())),
        3 => PluginResult::Ok(Some(Json::object().with("t", m.transaction))),
        4 => PluginResult::Wait(None),
        5 => PluginResult::Wait(Some("soon".into())),
        6 => PluginResult::Error(None),
        _ => PluginResult::Error(Some("my own text".into())),
    });
    let (session, handle) = world.attached();
    let want = |n: i32| message(session, handle, &format!(r#","body":{{"want":{n}}}"#));
    world.refused(&want(0), 462, "Plugin didn't give a result");
    let reason = "Plugin didn't provide any content for this synchronous response";
    world.refused(&want(1), 462, reason);
    world.refused(&want(2), 462, "Plugin returned an invalid JSON response");
    let head = format!(r#""session_id":{session},"transaction":"m""#);
    assert_eq!(
        world.ask(&want(3)).dump(0x20).unwrap(),
        format!(
            r#"{{"janus":"success",{head},"sender":{handle},"plugindata":{{"plugin":"test.plugin","data":{{"t":"m"}}}}}}"#
        )
    );
    assert_eq!(world.ask(&want(4)).dump(0x20).unwrap(), format!(r#"{{"janus":"ack",{head}}}"#));
    assert_eq!(world.ask(&want(5)).dump(0x20).unwrap(), format!(r#"{{"janus":"ack",{head},"hint":"soon"}}"#));
    world.refused(&want(6), 462, "Plugin returned a severe (unknown) error");
    world.refused(&want(7), 462, "my own text");
}

#[test]
fn pushed_events() {
    // CP-202, CP-203, CP-208, CP-209, CP-210, CP-211, MP-080
    let world = World::new();
    let (session, handle) = world.attached();
    let host = world.host(handle);
    let push = |message: &str, jsep: Option<&str>| {
        host.push_event("test.plugin", Some("m"), json(message), jsep.map(json))
    };
    assert_eq!(push("[]", None), 455);
    assert_eq!(push("{}", Some(r#"{"type":"offer"}"#)), 0);
    let event = world.log.wait(&format!("event {A} event"));
    let expected = format!(
        r#"{{"janus":"event","session_id":{session},"transaction":"m","sender":{handle},"plugindata":{{"plugin":"test.plugin","data":{{}}}}}}"#
    );
    assert!(event.ends_with(&expected), "{event}");
    world.log.clear();
    for jsep in [r#"{"type":"pranswer","sdp":"v=0"}"#, r#"{"type":"offer","sdp":"x"}"#] {
        assert_eq!(push("{}", Some(jsep)), 459, "alert is set before the first PeerConnection");
    }
    assert!(!world.log.has("event"));
    for n in 0..100 {
        assert_eq!(push(&format!(r#"{{"n":{n}}}"#), None), 0);
    }
    let all = world.log.all();
    let seen: Vec<&String> = all.iter().filter(|e| e.starts_with("event")).collect();
    assert!(seen.iter().enumerate().all(|(n, e)| e.contains(&format!(r#"{{"n":{n}}}"#))));
}

#[test]
fn the_pushed_message_is_passed_on_and_not_copied() {
    // CP-212
    let world = World::new();
    let (_, handle) = world.attached();
    let kept = Arc::new(Mutex::new(None));
    let seen = kept.clone();
    *world.transport.on_send.lock().unwrap() = Some(Arc::new(move |(_, event): (usize, Json)| {
        *seen.lock().unwrap() = event.get("plugindata").and_then(|p| p.get("data"));
    }));
    let message = Json::object();
    world.host(handle).push_event("test.plugin", None, message.clone(), None);
    assert_eq!(kept.lock().unwrap().as_ref().unwrap().as_ptr(), message.as_ptr());
}

#[test]
fn an_event_from_inside_handle_message() {
    // CP-204
    let world = World::new();
    world.on_message(|m| {
        assert_eq!(m.host.push_event("test.plugin", Some(&m.transaction), Json::object(), None), 0);
        PluginResult::Wait(None)
    });
    let (session, handle) = world.attached();
    world.log.clear();
    world.ask(&message(session, handle, r#","body":{}"#));
    world.log.in_order(&[&format!("event {A} event"), &format!("reply {A}")]);
}

#[test]
fn plugin_and_transport_events() {
    // CP-235, CP-309, CP-310, CP-315
    let world = World::new();
    let (session, handle) = world.attached();
    let data = || Json::object().with("x", 1);
    world.api.notify_plugin_event("test.plugin", Some(&*world.host(handle)), data());
    let event = world.log.wait("handler 64");
    let tail = format!(
        r#""session_id":{session},"handle_id":{handle},"event":{{"plugin":"test.plugin","data":{{"x":1}}}}}}"#
    );
    assert!(event.ends_with(&tail), "{event}");
    world.log.clear();
    world.api.notify_plugin_event("test.plugin", None, data());
    assert!(!world.log.wait("handler 64").contains("handle_id"));
    world.api.notify_transport_event("test.transport", A, data());
    let id = crate::core::notifier::instance_id(A);
    let event = world.log.wait("handler 128");
    let tail = format!(r#""event":{{"transport":"test.transport","id":"{id}","data":{{"x":1}}}}}}"#);
    assert!(event.ends_with(&tail), "{event}");
}
