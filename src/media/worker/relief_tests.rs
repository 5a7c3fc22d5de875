//! A worker with two plugins, one of which blocks. Nothing comes from the network: ends of PeerConnections are callbacks
//! too.

use super::relief::OnDuty;
use super::station::Exit;
use crate::media::{
    Command, DtlsRole, Engine, EngineConfig, HangupReason, IceRole, Mindex, Peer, PeerConfig, PeerEvent,
    PeerSink, RtpIn,
};
use crate::stall::{Callback, LIMIT, News, Observer, Plugin, Stall, enter, turn};
use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use std::time::Instant;

/// What happened: plugin's package, and "enters" or "leaves".
type Log = Sender<(u64, &'static str)>;

struct Sink {
    plugin: &'static Plugin,
    id: u64,
    /// Callbacks of this plugin at the moment.
    inside: Arc<AtomicUsize>,
    log: Mutex<Log>,
    gate: Option<Mutex<Receiver<()>>>,
}

impl PeerSink for Sink {
    fn watched(&self) -> Option<&'static Plugin> {
        Some(self.plugin)
    }
    fn connected(&self) {}
    fn incoming_rtp(&self, _: RtpIn<'_>) {}
    fn incoming_rtcp(&self, _: Mindex, _: bool, _: &mut [u8]) {}
    fn incoming_data(&self, _: &str, _: &str, _: bool, _: &[u8]) {}
    fn data_ready(&self) {}
    fn event(&self, _: PeerEvent) {}
    fn closed(&self, _: HangupReason) {
        let _inside = enter(self.plugin, Callback::HangupMedia, self.id);
        assert_eq!(self.inside.fetch_add(1, Ordering::SeqCst), 0, "two callbacks of a plugin overlap");
        self.log.lock().unwrap().send((self.id, "enters")).unwrap();
        if let Some(gate) = &self.gate {
            gate.lock().unwrap().recv().unwrap();
        }
        self.log.lock().unwrap().send((self.id, "leaves")).unwrap();
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

struct World {
    engine: Engine,
    log: Log,
    happened: Receiver<(u64, &'static str)>,
    observer: Observer,
    now: Instant,
    _turn: MutexGuard<'static, ()>,
}

struct Party {
    plugin: &'static Plugin,
    inside: Arc<AtomicUsize>,
}

impl Party {
    /// One of its name in this process: no other test has it.
    fn new(package: &str) -> Party {
        Party { plugin: Plugin::of(package), inside: Arc::default() }
    }
}

impl World {
    fn new() -> World {
        let turn = turn();
        let config = EngineConfig { workers: Some(1), ..EngineConfig::default() };
        let (log, happened) = channel();
        let engine = Engine::start(config).unwrap();
        World { engine, log, happened, observer: Observer::default(), now: Instant::now(), _turn: turn }
    }

    fn peer(&self, id: u64, party: &Party, gate: Option<Receiver<()>>) -> Peer {
        let config = PeerConfig {
            id,
            ice_role: IceRole::Controlled,
            dtls_role: DtlsRole::ActPass,
            worker: None,
            force_relay: false,
        };
        let sink = Sink {
            plugin: party.plugin,
            id,
            inside: party.inside.clone(),
            log: Mutex::new(self.log.clone()),
            gate: gate.map(Mutex::new),
        };
        self.engine.create_peer(config, Arc::new(sink))
    }

    fn expect(&self, id: u64, what: &'static str) {
        assert_eq!(self.happened.recv().unwrap(), (id, what));
    }

    /// The stall of this plugin, after a while.
    fn stall(&mut self, of: &Party) -> Stall {
        self.observer.look(self.now);
        self.now += LIMIT;
        let news = self.observer.look(self.now);
        let its = |news| match news {
            News::Lasts(stall) if std::ptr::eq(stall.plugin, of.plugin) => Some(stall),
            _ => None,
        };
        news.into_iter().find_map(its).expect("its callback stalls")
    }
}

fn hang_up(peer: &Peer) {
    peer.command(Command::Hangup(HangupReason::ClosePc));
}

#[test]
fn a_worker_in_a_callback_gives_no_sign_of_life_until_another_thread_goes_on() {
    let mut world = World::new();
    let party = Party::new("janus.plugin.blocks-alone");
    let (release, gate) = channel();
    assert_eq!(world.engine.answers(Duration::from_secs(60)), Ok(()));
    hang_up(&world.peer(1, &party, Some(gate)));
    world.expect(1, "enters");
    let stall = world.stall(&party);
    let stuck = world.engine.answers(Duration::from_millis(50));
    assert!(stuck.is_err());
    assert!(world.engine.relieve(&stall));
    assert_eq!(world.engine.answers(Duration::from_secs(60)), Ok(()));
    release.send(()).unwrap();
    world.expect(1, "leaves");
    world.engine.stop();
}

#[test]
fn others_go_on_while_a_plugin_blocks_and_it_is_told_the_rest_in_order() {
    let mut world = World::new();
    let (blocks, bystander) = (Party::new("janus.plugin.blocks"), Party::new("janus.plugin.bystander"));
    for round in 0..20 {
        let id = round * 10;
        let (release, gate) = channel();
        let first = world.peer(id, &blocks, Some(gate));
        let others = [1, 2, 3].map(|number| world.peer(id + number, &blocks, None));
        let quiet = [4, 5].map(|number| world.peer(id + number, &bystander, None));
        hang_up(&first);
        world.expect(id, "enters");
        let stall = world.stall(&blocks);
        assert!(world.engine.relieve(&stall));
        // It is nobody's thread any more.
        assert!(!world.engine.relieve(&stall) && blocks.plugin.is_blocked());
        others.iter().for_each(hang_up);
        for (number, peer) in (4..).zip(&quiet) {
            hang_up(peer);
            world.expect(id + number, "enters");
            world.expect(id + number, "leaves");
        }
        release.send(()).unwrap();
        world.expect(id, "leaves");
        for number in 1..=3 {
            world.expect(id + number, "enters");
            world.expect(id + number, "leaves");
        }
        assert!(!blocks.plugin.is_blocked());
    }
    assert!(world.happened.try_recv().is_err());
    world.engine.stop();
}

/// Where the system has no way to take a core, or the callback has returned: asked again and again, nothing is started.
#[test]
fn no_thread_is_started_that_has_nothing_to_take() {
    let mut world = World::new();
    let blocks = Party::new("janus.plugin.blocks-for-good");
    let (release, gate) = channel();
    let peer = world.peer(1, &blocks, Some(gate));
    hang_up(&peer);
    world.expect(1, "enters");
    let stall = world.stall(&blocks);
    let worker = world.engine.worker(0);
    let put = |exit| {
        let mut duty = worker.duty.lock();
        let duty: &mut dyn Any = duty.as_mut().unwrap().as_mut();
        std::mem::replace(&mut duty.downcast_mut::<OnDuty>().unwrap().exit, exit)
    };
    let exit = put(Exit::closed());
    assert!((0..10).all(|_| !world.engine.relieve(&stall)));
    put(exit);
    release.send(()).unwrap();
    world.expect(1, "leaves");
    while stall.lasts() {
        std::thread::yield_now();
    }
    assert!(!world.engine.relieve(&stall));
    assert_eq!(worker.successors.lock().len(), 0);
    world.engine.stop();
}

#[test]
fn there_is_one_spare_thread_and_a_stop_waits_for_what_blocks() {
    let mut world = World::new();
    let (a, b) = (Party::new("janus.plugin.blocks-first"), Party::new("janus.plugin.blocks-next"));
    let (release_a, gate_a) = channel();
    let (release_b, gate_b) = channel();
    let first = world.peer(1, &a, Some(gate_a));
    let next = world.peer(2, &b, Some(gate_b));
    let _waits = [world.peer(3, &a, None), world.peer(4, &b, None)];
    hang_up(&first);
    world.expect(1, "enters");
    let stall = world.stall(&a);
    assert!(world.engine.relieve(&stall));
    hang_up(&next);
    world.expect(2, "enters");
    let stall = world.stall(&b);
    assert!(!world.engine.relieve(&stall));
    // When the first one has come back, its worker may be relieved again.
    release_a.send(()).unwrap();
    world.expect(1, "leaves");
    while !world.engine.relieve(&stall) {
        std::thread::yield_now();
    }
    // The end of the server: the blocked plugin is told of it when it can be.
    let World { engine, happened, .. } = world;
    let stop = std::thread::spawn(move || engine.stop());
    assert_eq!([(); 2].map(|()| happened.recv().unwrap()), [(3, "enters"), (3, "leaves")]);
    release_b.send(()).unwrap();
    let rest = [(); 3].map(|()| happened.recv().unwrap());
    assert_eq!(rest, [(2, "leaves"), (4, "enters"), (4, "leaves")]);
    stop.join().unwrap();
}
