//! PeerConnections that end while they are made, against the fakes of the control plane's tests.

use super::*;
use crate::api::tests::World;
use crate::core::jsep::SdpType;
use crate::media::{Engine, EngineConfig, PeerSink};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\ns=test\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
c=IN IP4 1.1.1.1\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n\
a=fingerprint:sha-256 00\r\n";

fn world() -> World {
    let world = World::new();
    let config = EngineConfig {
        workers: Some(1),
        addresses: vec!["127.0.0.1".parse().unwrap()],
        ..EngineConfig::default()
    };
    world.core.set_engine(Arc::new(Engine::start(config).unwrap()));
    world
}

fn handle_of(world: &World) -> Arc<Handle> {
    let (session, handle) = world.attached();
    world.core.session(session).unwrap().handle(handle).unwrap()
}

fn create(handle: &Handle) -> Result<(), ApiError> {
    let offer = Description::parse(SdpType::Offer, OFFER).unwrap();
    handle.create_link(IceRole::Controlled, DtlsRole::Passive, &offer, false)
}

fn until(what: &str, probe: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !probe() {
        assert!(Instant::now() < end, "not yet: {what}");
        thread::yield_now();
    }
}

/// As long as the plugin hears of the end, no other one begins, which would be forgotten in its place, and the handle
/// does not end.
#[test]
fn it_is_there_until_its_last_callback() {
    let world = world();
    let (go_on, waits) = mpsc::channel();
    let waits = Mutex::new(waits);
    *world.plugin.on_hangup.lock().unwrap() = Some(Arc::new(move |_| {
        let _ = waits.lock().unwrap().recv();
    }));
    let handle = handle_of(&world);
    thread::scope(|scope| {
        // Whoever makes it stops here when it exists already.
        let paused = handle.capture.lock();
        let maker = scope.spawn(|| create(&handle));
        until("a PeerConnection", || handle.link.load().is_some());
        handle.link.load().as_ref().unwrap().command(Command::Hangup(HangupReason::ClosePc));
        world.log.wait("hangup_media");
        drop(paused);
        let _ = maker.join().unwrap();
    });
    assert!(handle.has_link());
    assert!(create(&handle).is_err());
    go_on.send(()).unwrap();
    until("its end", || !handle.has_link());
    assert!(handle.link.load().is_none() && handle.flags.any(flags::ALERT));
    create(&handle).unwrap();
    assert!(handle.link.load().is_some());
    drop(go_on);
    world.settle();
}

#[test]
fn one_that_has_ended_is_not_noted_down() {
    let world = world();
    let handle = handle_of(&world);
    assert!(handle.link_begins());
    let sink = Arc::new(Sink::new(handle.clone(), handle.plugin_session().unwrap()));
    let config = PeerConfig {
        id: handle.id,
        ice_role: IceRole::Controlled,
        dtls_role: DtlsRole::Passive,
        worker: None,
        force_relay: false,
    };
    let peer = world.core.engine().unwrap().create_peer(config, sink.clone());
    sink.closed(HangupReason::DtlsSrtpStackError);
    assert!(!handle.note_link(peer));
    assert!(handle.link.load().is_none() && handle.flags.any(flags::ALERT) && !handle.has_link());
    create(&handle).unwrap();
    world.settle();
}
