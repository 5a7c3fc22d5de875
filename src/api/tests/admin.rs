//! The Admin API.

use super::*;

#[test]
fn who_may_ask() {
    // CP-239, CP-240, CP-241, CP-242, CP-260
    let world = World::with(Settings { admin_secret: Some("s".into()), ..Settings::default() });
    let wrong = "Unauthorized request (wrong or missing secret/token)";
    assert_eq!(text(&world.admin(r#"{"janus":"ping","transaction":"x"}"#), "janus"), "pong");
    world.admin_refused(r#"{"janus":"foo","transaction":"x"}"#, 403, wrong);
    world.admin_refused(r#"{"janus":"list_sessions","transaction":"x","admin_secret":"t"}"#, 403, wrong);
    let unhandled = |name: &str| format!("Unhandled request '{name}' at this path");
    let ask = |name: &str| format!(r#"{{"janus":"{name}","transaction":"x","admin_secret":"s"}}"#);
    world.admin_refused(&ask("foo"), 457, &unhandled("foo"));
    world.admin_refused(&ask("list_handles"), 457, &unhandled("list_handles"));
    let (session, handle) = world.attached();
    let on = |name: &str, handle: &str| {
        format!(
            r#"{{"janus":"{name}","transaction":"x","admin_secret":"s","session_id":{session},"handle_id":{handle}}}"#
        )
    };
    world.admin_refused(&on("handle_info", "null"), 458, "Session not found");
    world.admin_refused(&on("foo", &handle.to_string()), 457, &unhandled("foo"));
    let unknown = r#"{"janus":"x","transaction":"x","session_id":7,"admin_secret":"s"}"#;
    world.admin_refused(unknown, 458, "No such session 7");
    let secretless = r#"{"janus":"x","transaction":"x","session_id":7}"#;
    world.admin_refused(secretless, 403, wrong);
}

#[test]
fn tuning() {
    // CP-243 … CP-250
    let world = World::new();
    let status = world.admin(r#"{"janus":"get_status","transaction":"x"}"#).get("status").unwrap();
    let expected = [
        "token_auth",
        "session_timeout",
        "reclaim_session_timeout",
        "candidates_timeout",
        "log_level",
        "log_timestamps",
        "log_colors",
        "log_rotate_sig",
        "locking_debug",
        "refcount_debug",
        "libnice_debug",
        "min_nack_queue",
        "nack-optimizations",
        "no_media_timer",
        "slowlink_threshold",
    ];
    assert_eq!(names(&status), expected);
    let ask = |text: &str| world.admin(&format!(r#"{{"transaction":"x",{text}}}"#));
    let reason = "Invalid element type (timeout should be a positive integer)";
    assert_error(&ask(r#""janus":"set_session_timeout","timeout":-1"#), 467, reason, "timeout");
    assert_eq!(ask(r#""janus":"set_session_timeout","timeout":0"#).get("timeout").unwrap().as_i64(), Some(0));
    let reason = "Invalid element type (level should be between 0 and 7)";
    assert_error(&ask(r#""janus":"set_log_level","level":9"#), 467, reason, "level");
    assert_eq!(ask(r#""janus":"set_log_level","level":5"#).get("level").unwrap().as_i64(), Some(5));
    let reply = ask(r#""janus":"set_log_colors","colors":true"#);
    assert_eq!(names(&reply), ["janus", "transaction", "log_colors"]);
    let reply = ask(r#""janus":"set_libnice_debug","debug":true"#);
    assert_eq!(reply.get("libnice_debug").unwrap().as_bool(), Some(true));
    let reason = "Invalid element type (debug should be a boolean)";
    assert_error(&ask(r#""janus":"set_libnice_debug","debug":1"#), 467, reason, "debug");
    let reply = ask(r#""janus":"set_min_nack_queue","min_nack_queue":5000"#);
    assert_eq!(reply.get("min_nack_queue").unwrap().as_i64(), Some(1000));
    let reply = ask(r#""janus":"set_nack_optimizations","nack_optimizations":true"#);
    assert_eq!(reply.get("nack-optimizations").unwrap().as_bool(), Some(true));
    ask(r#""janus":"accept_new_sessions","accept":false"#);
    world.refused(r#"{"janus":"create","transaction":"c"}"#, 472, "Currently not accepting new sessions");
    let status = world.admin(r#"{"janus":"get_status","transaction":"x"}"#).get("status").unwrap();
    assert_eq!(status.get("log_level").unwrap().as_i64(), Some(5));
    assert_eq!(status.get("log_colors").unwrap().as_bool(), Some(true));
    assert_eq!(status.get("libnice_debug").unwrap().as_bool(), Some(true));
    assert_eq!(status.get("session_timeout").unwrap().as_i64(), Some(0));
}

#[test]
fn questions_to_modules() {
    // CP-252, CP-254, CP-256
    let world = World::new();
    let ask = |text: &str| world.admin(&format!(r#"{{"transaction":"x",{text}}}"#));
    let reply = ask(r#""janus":"message_plugin","plugin":"test.plugin","request":{}"#);
    assert_eq!(reply.get("response").unwrap().get("asked").unwrap().as_bool(), Some(true));
    assert_error(&ask(r#""janus":"message_plugin","plugin":"x""#), 460, "Invalid plugin", "plugin");
    let reply = ask(r#""janus":"query_transport","transport":"test.transport""#);
    assert_eq!(reply.get("response").unwrap().get("asked").unwrap().as_bool(), Some(false));
    let refused = ask(r#""janus":"query_eventhandler","handler":"test.handler""#);
    assert_error(&refused, 490, "Event handler doesn't support queries", "handler");
    assert_error(&ask(r#""janus":"query_logger","logger":"x""#), 460, "Invalid logger", "logger");
    let refused = ask(r#""janus":"message_plugin","plugin":"test.plugin","request":[]"#);
    assert_error(&refused, 467, "Invalid element type (request should be an object)", "request");
}

#[test]
fn events_and_lines_from_outside() {
    // CP-257, CP-258
    let world = World::new();
    let ask = |text: &str| world.admin(&format!(r#"{{"transaction":"x",{text}}}"#));
    let refused = ask(r#""janus":"custom_event","schema":"s","data":[]"#);
    assert_error(&refused, 467, "Invalid element type (data should be an object)", "data");
    assert_eq!(text(&ask(r#""janus":"custom_event","schema":"s","data":{"a":1}"#), "janus"), "success");
    let event = world.log.wait("handler 4");
    assert!(event.ends_with(r#""event":{"schema":"s","data":{"a":1}}}"#), "{event}");
    assert!(!event.contains("session_id"), "CP-314");
    for level in ["", r#","level":0"#, r#","level":99"#] {
        let reply = ask(&format!(r#""janus":"custom_logline","line":"hello"{level}"#));
        assert_eq!(text(&reply, "janus"), "success");
    }
    assert_eq!(text(&ask(r#""janus":"reopen_log""#), "janus"), "success");
}

#[test]
fn lists_and_handle_info() {
    // CP-259, CP-260, CP-262, CP-264, CP-265, CP-268, CP-269, CP-270, CP-273, CP-295
    let world = World::new();
    let (session, handle) = world.attached();
    let ids = world.admin(r#"{"janus":"list_sessions","transaction":"x"}"#).get("sessions").unwrap();
    assert_eq!(ids.at(0).unwrap().as_i64(), Some(session as i64));
    let on = |name: &str, more: &str| {
        let request = format!(
            r#"{{"janus":"{name}","transaction":"x","session_id":{session},"handle_id":{handle}{more}}}"#
        );
        world.admin(&request)
    };
    let reply = on("handle_info", "");
    assert_eq!(names(&reply), ["janus", "session_id", "transaction", "handle_id", "info"]);
    let info = reply.get("info").unwrap();
    let expected = [
        "session_id",
        "session_last_activity",
        "session_timeout",
        "session_transport",
        "handle_id",
        "loop-running",
        "created",
        "current_time",
        "plugin",
        "plugin_specific",
        "flags",
        "sdps",
        "queued-packets",
    ];
    assert_eq!(names(&info), expected);
    assert_eq!(info.get("flags").unwrap().len(), 20);
    assert_eq!(info.get("session_timeout").unwrap().as_i64(), Some(60));
    let info = on("handle_info", r#","plugin_only":true"#).get("info").unwrap();
    assert_eq!(names(&info).last().unwrap(), "plugin_specific");
    assert_eq!(world.admin(r#"{"janus":"loops_info","transaction":"x"}"#).get("loops").unwrap().len(), 0);
    assert!(world.admin(r#"{"janus":"stalls_info","transaction":"x"}"#).get("plugins").is_some());
    assert_eq!(text(&on("detach_handle", ""), "janus"), "success");
    world.log.wait(&format!("event {A} detached"));
}

#[test]
fn captures() {
    // CP-264 … CP-267
    let world = World::new();
    let (session, handle) = world.attached();
    let on = |name: &str, more: &str| {
        world.admin(&format!(
            r#"{{"janus":"{name}","transaction":"x","session_id":{session},"handle_id":{handle}{more}}}"#
        ))
    };
    let folder = std::env::temp_dir().join(format!("janus-rs-captures-{}", std::process::id()));
    let open = folder.join("open");
    let place = format!(r#","folder":"{}","filename":"a.pcap""#, open.display());
    assert_error(&on("stop_text2pcap", ""), 490, "Capture not started", "none");
    assert_eq!(names(&on("start_pcap", &place)), ["janus", "transaction"]);
    assert_error(&on("start_pcap", &place), 490, "pcap already started", "twice");
    assert_error(&on("start_text2pcap", &place), 490, "text2pcap already started", "the other kind");
    let info = on("handle_info", "").get("info").unwrap();
    assert_eq!(info.get("dump-to-pcap").unwrap().as_bool(), Some(true));
    assert_eq!(text(&info, "pcap-file"), open.join("a.pcap").to_str().unwrap());
    assert_eq!(text(&on("stop_text2pcap", ""), "janus"), "success");
    assert_error(&on("stop_pcap", ""), 490, "Capture not started", "again");
    assert!(on("handle_info", "").get("info").unwrap().get("dump-to-pcap").is_none());
    assert_eq!(std::fs::metadata(open.join("a.pcap")).unwrap().len(), 24);

    assert_eq!(text(&on("start_text2pcap", &place.replace("a.pcap", "a.txt")), "janus"), "success");
    let info = on("handle_info", "").get("info").unwrap();
    assert_eq!(text(&info, "text2pcap-file"), open.join("a.txt").to_str().unwrap());
    assert_eq!(text(&on("stop_pcap", ""), "janus"), "success");

    // The end of a handle ends its capture (control-plane.md §6.4).
    let (session, handle) = world.attached();
    let held = world.core.session(session).unwrap().handle(handle).unwrap();
    let start = format!(
        r#"{{"janus":"start_pcap","transaction":"x","session_id":{session},"handle_id":{handle}{place}}}"#
    );
    assert_eq!(text(&world.admin(&start), "janus"), "success");
    assert!(held.capture().is_some());
    held.detach();
    assert!(held.capture().is_none());

    let protected = folder.join("protected");
    crate::util::files::protect(protected.to_str().unwrap());
    let place = format!(r#","folder":"{}""#, protected.display());
    assert_error(&on("start_pcap", &place), 490, "Error starting pcap dump", "protected");
    assert_error(&on("start_text2pcap", &place), 490, "Error starting text2pcap dump", "protected");
    assert!(!protected.exists());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn stored_tokens() {
    // CP-278 … CP-287, CP-295
    let world = World::with(Settings { token_auth: true, ..Settings::default() });
    let ask = |text: &str| world.admin(&format!(r#"{{"transaction":"x",{text}}}"#));
    let plugins = |reply: &Json| {
        let list = reply.get("data").unwrap_or_else(|| panic!("{reply:?}")).get("plugins").unwrap();
        list.dump(0x20).unwrap()
    };
    let wrong = "Unauthorized request (wrong or missing secret/token)";
    world.refused(r#"{"janus":"create","transaction":"x","token":"T"}"#, 403, wrong);
    assert_eq!(plugins(&ask(r#""janus":"add_token","token":"T""#)), r#"["test.plugin"]"#);
    assert_eq!(plugins(&ask(r#""janus":"add_token","token":"U","plugins":["x",5]"#)), "[]");
    assert_eq!(
        plugins(&ask(r#""janus":"add_token","token":"U","plugins":["test.plugin"]"#)),
        r#"["test.plugin"]"#
    );
    let reason = "Invalid element type (plugins should be a non-empty array)";
    assert_error(&ask(r#""janus":"allow_token","token":"T","plugins":[]"#), 467, reason, "allow");
    assert_error(&ask(r#""janus":"disallow_token","token":"T""#), 467, reason, "disallow");
    let reason = "Invalid element type (some of the provided plugins are invalid)";
    let request = r#""janus":"disallow_token","token":"T","plugins":["test.plugin","x"]"#;
    assert_error(&ask(request), 467, reason, "disallow");
    let request = r#""janus":"allow_token","token":"T9","plugins":["test.plugin"]"#;
    assert_error(&ask(request), 470, "Token T9 not found", "allow");
    let created = world.ask(r#"{"janus":"create","transaction":"x","token":"T"}"#);
    let session = number(&created, "data", "id");
    let attach = format!(
        r#"{{"janus":"attach","transaction":"x","session_id":{session},"plugin":"test.plugin","token":"T"}}"#
    );
    let handle = number(&world.ask(&attach), "data", "id");
    let info = format!(r#""janus":"handle_info","session_id":{session},"handle_id":{handle}"#);
    assert_eq!(text(&ask(&info).get("info").unwrap(), "token"), "T");
    assert_eq!(plugins(&ask(r#""janus":"disallow_token","token":"T","plugins":["test.plugin"]"#)), "[]");
    world.refused(&attach, 405, "Provided token can't access plugin 'test.plugin'");
    let list = ask(r#""janus":"list_tokens""#).get("data").unwrap().get("tokens").unwrap();
    assert_eq!(list.dump(0x20).unwrap(), r#"[{"token":"U","allowed_plugins":["test.plugin"]}]"#);
    assert_eq!(text(&ask(r#""janus":"remove_token","token":"T""#), "janus"), "success");
    assert_error(&ask(r#""janus":"remove_token","token":"T""#), 490, "Error removing token", "remove");
    world.refused(&attach, 403, wrong);
    let off = World::new().admin(r#"{"janus":"list_tokens","transaction":"x"}"#);
    assert_error(&off, 490, "Stored-Token based authentication disabled", "list");
}

#[test]
fn a_secret_alone_opens_every_plugin() {
    // CP-285
    let settings = Settings { api_secret: Some("s".into()), token_auth: true, ..Settings::default() };
    let world = World::with(settings);
    world.core.auth.store().unwrap().allow("T", &[]);
    let created = world.ask(r#"{"janus":"create","transaction":"x","apisecret":"s"}"#);
    let session = number(&created, "data", "id");
    let attach = |token: &str| {
        format!(
            r#"{{"janus":"attach","transaction":"x","session_id":{session},"plugin":"test.plugin","apisecret":"s"{token}}}"#
        )
    };
    world.refused(&attach(r#","token":"T""#), 405, "Provided token can't access plugin 'test.plugin'");
    for none in ["", r#","token":5"#] {
        assert_eq!(text(&world.ask(&attach(none)), "janus"), "success");
    }
}
