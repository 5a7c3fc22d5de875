//! Offers and answers with the real engine: two handles of one core are each other's browsers, over loopback.

use super::*;
use crate::media::{Engine, EngineConfig};

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\ns=test\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
c=IN IP4 1.1.1.1\r\na=sendrecv\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n";

fn world_with(settings: Settings) -> World {
    let world = World::with(Settings { events: true, ..settings });
    let config = EngineConfig {
        workers: Some(2),
        addresses: vec!["127.0.0.1".parse().unwrap()],
        ..EngineConfig::default()
    };
    world.core.set_engine(Arc::new(Engine::start(config).unwrap()));
    world
}

fn world() -> World {
    world_with(Settings::default())
}

fn jsep(kind: &str, sdp: &str) -> Json {
    Json::object().with("type", kind).with("sdp", sdp)
}

impl World {
    fn message(&self, session: u64, handle: u64, jsep: &Json) -> Json {
        let request = Json::object()
            .with("janus", "message")
            .with("transaction", "m")
            .with("session_id", session)
            .with("handle_id", handle)
            .with("body", Json::object())
            .with("jsep", jsep);
        let id = self.send_raw(A, false, Ok(request));
        self.reply_to(A, false, id)
    }

    fn push(&self, handle: u64, jsep: &Json) -> i32 {
        self.host(handle).push_event("test.plugin", None, Json::object(), Some(jsep.clone()))
    }

    /// The `jsep` of the last event that this handle sent to its client.
    fn sent(&self, handle: u64) -> Json {
        let start = format!("event {A} event ");
        let mark = format!(r#""sender":{handle},"#);
        let all = self.log.all();
        let last = all.iter().rev().find(|e| e.starts_with(&start) && e.contains(&mark)).unwrap();
        json(&last[start.len()..]).get("jsep").unwrap()
    }

    /// The `jsep` that the plugin of this handle was last given.
    fn received(&self, handle: u64) -> Json {
        let start = format!("message {handle} {{}} ");
        let all = self.log.all();
        json(&all.iter().rev().find(|e| e.starts_with(&start)).unwrap()[start.len()..])
    }

    fn ask_handle(&self, name: &str, session: u64, handle: u64) -> Json {
        self.ask(&format!(
            r#"{{"janus":"{name}","transaction":"t","session_id":{session},"handle_id":{handle}}}"#
        ))
    }

    fn flag(&self, session: u64, handle: u64, name: &str) -> bool {
        let request = format!(
            r#"{{"janus":"handle_info","transaction":"t","session_id":{session},"handle_id":{handle}}}"#
        );
        let info = self.admin(&request).get("info").unwrap();
        info.get("flags").unwrap().get(name).unwrap().as_bool().unwrap()
    }

    /// Plugin of `caller` offers, `callee`'s plugin answers; both are connected afterwards.
    fn connect(&self, session: u64, caller: u64, callee: u64) {
        assert_eq!(self.push(caller, &jsep("offer", OFFER)), 0);
        assert_eq!(text(&self.message(session, callee, &self.sent(caller)), "janus"), "ack");
        let answer = self.received(callee).with("type", "answer");
        assert_eq!(self.push(callee, &answer), 0);
        assert_eq!(text(&self.message(session, caller, &self.sent(callee)), "janus"), "ack");
        for handle in [caller, callee] {
            self.log.wait(&format!("setup_media {handle}"));
            self.log.wait(&format!(
                r#"event {A} webrtcup {{"janus":"webrtcup","session_id":{session},"sender":{handle}}}"#
            ));
        }
    }
}

#[test]
fn an_exchange_and_its_end() {
    // CP-142, CP-156, CP-158, CP-159, CP-160, CP-189, CP-202, CP-217, CP-238, CP-317, CP-320, MP-001, MP-011, MP-224, MP-225
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    world.connect(session, caller, callee);
    let given = world.received(callee);
    assert_eq!(names(&given), ["type", "sdp"]);
    let sdp = text(&given, "sdp");
    for hidden in ["candidate", "ice-ufrag", "fingerprint", "BUNDLE"] {
        assert!(!sdp.contains(hidden), "{hidden} in {sdp}");
    }
    let sent = world.sent(caller);
    assert_eq!(names(&sent), ["type", "sdp"]);
    assert!(text(&sent, "sdp").contains("a=candidate:") && text(&sent, "sdp").contains("a=setup:actpass"));
    assert!(world.flag(session, caller, "ready") && world.flag(session, caller, "negotiated"));
    let up = format!(r#"event {A} webrtcup {{"janus":"webrtcup","session_id":{session},"sender":{caller}"#);
    world.log.in_order(&[&format!("setup_media {caller}"), &up]);
    // MP-083
    let local =
        world.log.all().into_iter().find(|e| e.starts_with("handler 8") && e.contains(r#""owner":"local""#));
    assert!(local.is_some_and(|e| e.contains("a=candidate:")), "the description that the client got");
    world.log.wait("handler 16");

    assert_eq!(text(&world.ask_handle("hangup", session, caller), "janus"), "success");
    let hangup = format!(
        r#"event {A} hangup {{"janus":"hangup","session_id":{session},"sender":{caller},"reason":"Janus API"}}"#
    );
    world.log.wait(&hangup);
    world.log.in_order(&[&format!("hangup_media {caller}"), &hangup]);
    let alert = format!(
        r#"event {A} hangup {{"janus":"hangup","session_id":{session},"sender":{callee},"reason":"DTLS alert"}}"#
    );
    // CP-198
    world.log.wait(&alert);
    assert!(!world.flag(session, caller, "ready") && !world.flag(session, caller, "cleaning"));

    // The same handles again (CP-238).
    world.log.clear();
    world.connect(session, callee, caller);
}

/// A plugin's answer that comes when its PeerConnection is gone does not make the next offer a renegotiation.
#[test]
fn an_answer_that_comes_too_late() {
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    assert_eq!(world.push(caller, &jsep("offer", OFFER)), 0);
    let offer = world.sent(caller);
    assert_eq!(text(&world.message(session, callee, &offer), "janus"), "ack");
    let answer = world.received(callee).with("type", "answer");
    assert_eq!(text(&world.ask_handle("hangup", session, callee), "janus"), "success");
    world.log.wait(&format!("hangup_media {callee}"));
    let damaged = jsep("offer", "v=0");
    assert_eq!(text(&world.message(session, callee, &damaged), "janus"), "error");
    assert_ne!(world.push(callee, &answer), 0);
    assert_eq!(text(&world.message(session, callee, &offer), "janus"), "ack");
    assert_eq!(world.push(callee, &answer), 0);
}

/// The whole of `handle_info` that the control plane adds to, before and after a PeerConnection.
#[test]
fn what_is_known_of_a_peerconnection() {
    // CP-269, CP-270
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    let info = |handle: u64| {
        let request = format!(
            r#"{{"janus":"handle_info","transaction":"t","session_id":{session},"handle_id":{handle}}}"#
        );
        world.admin(&request).get("info").unwrap()
    };
    assert!(info(caller).get("webrtc").is_none());
    let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 1.1.1.1\r\na=sendrecv\r\na=mid:1\r\n\
a=sctp-port:5000\r\n";
    assert_eq!(world.push(caller, &jsep("offer", &format!("{OFFER}{data}"))), 0);
    let offered = info(caller);
    assert!(offered.get("agent-created").is_some() && offered.get("agent-started").is_none());
    let medium = |info: &Json, mid: &str| info.get("webrtc").unwrap().get("media").unwrap().get(mid).unwrap();
    assert_eq!(text(&medium(&offered, "0"), "type"), "audio");
    assert_eq!(names(&medium(&offered, "1")), ["type", "mindex", "mid", "stats"]);
    assert_eq!(text(&medium(&offered, "1"), "type"), "data");

    assert_eq!(text(&world.message(session, callee, &world.sent(caller)), "janus"), "ack");
    let answer = world.received(callee).with("type", "answer");
    assert_eq!(world.push(callee, &answer), 0);
    assert_eq!(text(&world.message(session, caller, &world.sent(callee)), "janus"), "ack");
    world.log.wait(&format!("setup_media {caller}"));
    let up = info(caller);
    assert!(up.get("agent-started").is_some());
    // What DTLS carried.
    let stats = medium(&up, "1").get("stats").unwrap();
    assert!(["in", "out"].iter().all(|way| stats.get(way).unwrap().get("bytes").unwrap().as_i64() > Some(0)));
}

#[test]
fn relay_is_forced_or_refused_but_never_ignored() {
    // MP-116
    for allowed in [false, true] {
        let world = world_with(Settings { allow_force_relay: allowed, ..Settings::default() });
        let (session, caller) = world.attached();
        let callee = world.attach(session);
        assert_eq!(world.push(caller, &jsep("offer", OFFER)), 0);
        let reply = world.message(session, callee, &world.sent(caller).with("force_relay", true));
        match allowed {
            false => assert_eq!(text(&reply, "janus"), "ack"),
            true => assert_error(&reply, 490, "No relayed candidates: cannot force them", "allowed"),
        }
    }
}

#[test]
fn setters_reach_the_engine() {
    // CP-248, CP-249
    let world = world();
    for (name, member, value) in [
        ("set_min_nack_queue", "min_nack_queue", "300"),
        ("set_nack_optimizations", "nack_optimizations", "true"),
        ("set_no_media_timer", "no_media_timer", "7"),
        ("set_slowlink_threshold", "slowlink_threshold", "4"),
    ] {
        let request = format!(r#"{{"janus":"{name}","transaction":"x","{member}":{value}}}"#);
        assert_eq!(text(&world.admin(&request), "janus"), "success");
    }
    let expected = crate::media::Settings {
        min_nack_queue_ms: 300,
        nack_optimizations: true,
        no_media_timer: 7,
        slowlink_threshold: 4,
    };
    assert_eq!(world.core.engine().unwrap().tuning(), expected);
}

#[test]
fn renegotiation() {
    // CP-155, CP-157, CP-161, CP-164, MP-018, MP-044, MP-045
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    world.connect(session, caller, callee);
    let again = world.sent(caller).with("e2ee", true).with("force_relay", true);
    assert_eq!(text(&world.message(session, callee, &again), "janus"), "ack");
    let given = world.received(callee);
    assert_eq!(names(&given), ["type", "sdp", "update", "e2ee"]);
    let answer = Json::object().with("type", "answer").with("sdp", text(&given, "sdp"));
    assert_eq!(world.push(callee, &answer), 0);
    assert_eq!(names(&world.sent(callee)), ["type", "sdp", "e2ee"]);
    let no_ufrag = text(&again, "sdp").replace("a=ice-ufrag", "a=x-ufrag");
    let reply = world.message(session, callee, &jsep("offer", &no_ufrag));
    assert_error(&reply, 469, "Error processing SDP", "renegotiation");
    // MP-079: what is of no use is told by its number; before the first PeerConnection it is another (CP-211).
    assert_eq!(world.push(caller, &jsep("offer", "x")), 465);
    assert!(!world.log.has(&format!("hangup_media {callee}")), "the PeerConnection stays");
}

#[test]
fn an_ice_restart_by_the_plugin() {
    // CP-215
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    world.connect(session, caller, callee);
    let ufrag = |sdp: &Json| {
        let sdp = text(sdp, "sdp");
        sdp.lines().find(|l| l.starts_with("a=ice-ufrag")).unwrap().to_owned()
    };
    let before = ufrag(&world.sent(caller));
    assert_eq!(world.push(caller, &jsep("offer", OFFER)), 0);
    assert_eq!(ufrag(&world.sent(caller)), before);
    assert_eq!(world.push(caller, &jsep("offer", OFFER).with("restart", true)), 0);
    assert_ne!(ufrag(&world.sent(caller)), before);
}

#[test]
fn offers_that_fail() {
    // CP-153, CP-154
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    assert_eq!(world.push(caller, &jsep("offer", OFFER)), 0);
    let good = world.sent(caller);
    let bad = text(&good, "sdp").replace("a=fingerprint", "a=nothing");
    let reply = world.message(session, callee, &jsep("offer", &bad));
    assert_error(&reply, 465, "Error processing SDP", "no fingerprint");
    assert_error(&world.message(session, callee, &good), 490, "Error setting ICE locally", "again");
    world.ask_handle("hangup", session, callee);
    world.log.wait(&format!("hangup_media {callee}"));
    assert_eq!(text(&world.message(session, callee, &good), "janus"), "ack");
    assert_error(
        &world.message(session, callee, &good),
        490,
        "Error setting ICE locally",
        "before the answer",
    );
}

#[test]
fn a_detach_with_a_peer_connection() {
    // CP-139, CP-199, CP-223, CP-224, CP-227, MP-226, MP-227, MP-238
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    world.connect(session, caller, callee);
    world.ask_handle("detach", session, caller);
    world.log.wait(&format!("event {A} detached"));
    world.log.in_order(&[
        &format!("stop {caller}"),
        &format!("hangup_media {caller}"),
        &format!("destroy_session {caller}"),
        &format!("event {A} detached"),
    ]);
    let hangup = format!(r#"event {A} hangup {{"janus":"hangup","session_id":{session},"sender":{caller}"#);
    assert!(!world.log.has(&hangup));
    world.log.wait(&format!("hangup_media {callee}"));
}

#[test]
fn close_pc() {
    // CP-230, CP-231, CP-263
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    world.connect(session, caller, callee);
    world.host(caller).close_pc();
    world.host(caller).close_pc();
    let start = format!(r#"event {A} hangup {{"janus":"hangup","session_id":{session},"sender":{caller},"#);
    assert!(world.log.wait(&start).ends_with(r#""reason":"Close PC"}"#));
    world.settle();
    assert_eq!(world.log.count(&format!("hangup_media {caller}")), 1);
}

#[test]
fn trickles_around_the_answer() {
    // CP-182 … CP-187, CP-216, MP-093, MP-096, MP-097, MP-098, MP-100
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    let trickle = |handle: u64, members: &str| {
        world.ask(&format!(
            r#"{{"janus":"trickle","transaction":"t","session_id":{session},"handle_id":{handle},{members}}}"#
        ))
    };
    assert_eq!(world.push(caller, &jsep("offer", OFFER)), 0);
    assert!(world.flag(session, caller, "processing-offer"));
    assert_eq!(text(&trickle(caller, r#""candidate":5"#), "janus"), "ack");
    assert!(!world.flag(session, caller, "all-trickles"), "queued until the answer");
    let offer = world.sent(caller);
    world.message(session, callee, &offer);
    let answer = world.received(callee).with("type", "answer");
    assert_eq!(world.push(callee, &answer), 0);
    world.message(session, caller, &world.sent(callee));
    assert!(world.flag(session, caller, "all-trickles"));
    let refused = |members: &str, code: i64, reason: &str| {
        assert_error(&trickle(callee, members), code, reason, members);
    };
    let reason = "Trickle error: missing mandatory element (sdpMid or sdpMLineIndex)";
    refused(r#""candidate":{}"#, 456, reason);
    let reason = "Trickle error: invalid element type (sdpMid should be a string)";
    refused(r#""candidate":{"sdpMid":0}"#, 467, reason);
    let reason = "Trickle error: missing mandatory element (candidate)";
    refused(r#""candidate":{"sdpMid":"0"}"#, 456, reason);
    refused(r#""candidates":{}"#, 467, "candidates is not an array");
    for fine in [
        r#""candidate":{"sdpMLineIndex":1,"candidate":"x"}"#,
        r#""candidate":{"sdpMid":"other","candidate":"x"}"#,
        r#""candidate":{"sdpMid":"0","candidate":"not a candidate"}"#,
        r#""candidates":[]"#,
    ] {
        assert_eq!(text(&trickle(callee, fine), "janus"), "ack", "{fine}");
    }
    assert!(!world.flag(session, callee, "all-trickles"));
    trickle(callee, r#""candidate":{"completed":false}"#);
    assert!(world.flag(session, callee, "all-trickles"));
}

#[test]
fn full_trickle() {
    // CP-195, MP-072, MP-105
    let world = world_with(Settings { full_trickle: true, ..Settings::default() });
    let (session, caller) = world.attached();
    assert_eq!(world.push(caller, &jsep("offer", OFFER)), 0);
    assert!(!text(&world.sent(caller), "sdp").contains("a=candidate:"));
    let start = format!(r#"event {A} trickle {{"janus":"trickle","session_id":{session},"sender":{caller},"#);
    world.log.wait(&format!(r#"{start}"candidate":{{"completed":true}}}}"#));
    assert!(
        world
            .log
            .has(&format!(r#"{start}"candidate":{{"sdpMid":"0","sdpMLineIndex":0,"candidate":"candidate:"#))
    );
}

#[test]
fn simulcast_and_svc() {
    // CP-162, CP-163, CP-165
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    let video = "v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\ns=test\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n\
c=IN IP4 1.1.1.1\r\na=sendrecv\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\n";
    assert_eq!(world.push(caller, &jsep("offer", video)), 0);
    let rids = "a=mid:v\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=rid:h send\r\n\
a=rid:m send\r\na=rid:l send\r\na=simulcast:send h;m;l\r\n";
    let sdp = text(&world.sent(caller), "sdp").replace("a=mid:v\r\n", rids);
    let offer =
        jsep("Offer", &sdp).with("rid_order", "foo").with("svc", json(r#"[{"mid":"v","svc":"L3T3"}]"#));
    assert_eq!(text(&world.message(session, callee, &offer), "janus"), "ack");
    let given = world.received(callee);
    assert_eq!(names(&given), ["type", "sdp", "simulcast", "svc"]);
    assert_eq!(text(&given, "type"), "Offer");
    assert_eq!(
        given.get("simulcast").unwrap().dump(0x20).unwrap(),
        r#"[{"mindex":0,"mid":"v","rids":["h","m","l"],"rid-ext":4}]"#
    );
    for bad in ["{}", "[]", r#"[{"mid":"v"}]"#, r#"[{"svc":"L1T2"}]"#] {
        world.ask_handle("hangup", session, callee);
        let offer = jsep("offer", &sdp).with("svc", json(bad));
        assert_eq!(text(&world.message(session, callee, &offer), "janus"), "ack");
        assert!(world.received(callee).get("svc").is_none(), "{bad}");
    }
}

/// What a plugin of 0.x is told of an offer with two video m-lines, and what becomes of an answer for one.
#[test]
fn a_plugin_of_one_stream_per_kind() {
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    let audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 1.1.1.1\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n\
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
    let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 1.1.1.1\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\n";
    let head = "v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\ns=test\r\nt=0 0\r\n";
    let both = format!("{head}{audio}{video}{}", video.replace("mid:v", "mid:w"));
    assert_eq!(world.push(caller, &jsep("offer", &both)), 0);
    let layers = "a=mid:v\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=rid:h send\r\n\
a=rid:l send\r\na=simulcast:send h;l\r\n\
a=extmap:9 http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07\r\n";
    let offer = text(&world.sent(caller), "sdp").replace("a=mid:v\r\n", layers);
    let offer = jsep("offer", &offer).with("svc", json(r#"[{"mid":"w","svc":"L3T3"}]"#));
    for (form, simulcast) in [
        (Form::Single { frame_marking: false }, r#"{"rids":["h","l"],"rid-ext":4}"#),
        (Form::Single { frame_marking: true }, r#"{"rids":["h","l"],"rid-ext":4,"framemarking-ext":9}"#),
    ] {
        *world.plugin.form.lock().unwrap() = form;
        assert_eq!(text(&world.message(session, callee, &offer), "janus"), "ack");
        let given = world.received(callee);
        assert_eq!(names(&given), ["type", "sdp", "simulcast"]);
        assert_eq!(given.get("simulcast").unwrap().dump(0x20).unwrap(), simulcast);
        let sdp = text(&given, "sdp");
        assert!(!sdp.contains("a=mid") && !sdp.contains("a=msid"), "{sdp}");
        assert!(sdp.contains("m=video 9") && sdp.contains("m=video 0"), "{sdp}");
        if frame_marking(form) {
            break;
        }
        world.ask_handle("hangup", session, callee);
        world.log.wait(&format!("hangup_media {callee}"));
    }
    // Video only, first.
    let answer = format!("{head}{}{audio}", video.replace("a=mid:v\r\n", "a=mid:other\r\n"));
    assert_eq!(world.push(callee, &jsep("answer", &answer)), 0);
    let sdp = text(&world.sent(callee), "sdp");
    let mlines: Vec<&str> = sdp.lines().filter(|l| l.starts_with("m=") || l.starts_with("a=mid:")).collect();
    assert_eq!(
        mlines,
        [
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "a=mid:a",
            "m=video 9 UDP/TLS/RTP/SAVPF 96",
            "a=mid:v",
            "m=video 0 UDP/TLS/RTP/SAVPF 0",
            "a=mid:w"
        ]
    );
    world.log.wait(&format!("accept {callee} Accepted {{ audio_level: true, orientation: false"));
}

fn frame_marking(form: Form) -> bool {
    form == Form::Single { frame_marking: true }
}

#[test]
fn shutting_down_ends_every_handle() {
    // §1.7: destroy_session for all of them, before plugins are destroyed.
    let world = world();
    let (session, caller) = world.attached();
    let callee = world.attach(session);
    world.connect(session, caller, callee);
    world.settle();
    for handle in [caller, callee] {
        world.log.in_order(&[&format!("hangup_media {handle}"), &format!("destroy_session {handle}")]);
    }
    world.plugin.hosts.lock().unwrap().clear();
    assert_eq!(world.plugin.sessions_alive.load(Ordering::SeqCst), 0);
}
