//! Single turns of a worker, on the thread of the test.

use super::super::wake::Bell;
use super::*;
use crate::media::dtls::{DtlsConfig, DtlsContext, Identity};
use crate::media::ice::candidate::{Parsed, parse};
use crate::media::worker::handle::NewPeer;
use crate::media::worker::simulation::{Delicate, Nobody};
use crate::util::lock::Lock;
use std::net::UdpSocket;
use std::time::Duration;

/// Makes this thread a worker with that many sockets, all of the same family.
fn worker(sockets: usize) -> (Worker, Bed) {
    let config = EngineConfig::default();
    let identity = Identity::generate(false).unwrap();
    let shared = Arc::new(Shared {
        dtls: DtlsContext::new(&identity, &DtlsConfig::default()).unwrap(),
        fingerprint: identity.fingerprint().into(),
        destinations: Default::default(),
        cookies: Default::default(),
        live: Lock::new((&config).into()),
        config,
    });
    let sockets: Vec<_> = (0..sockets).map(|_| Socket::open(true, (0, 0), 0).unwrap()).collect();
    let mut bed = Bed::default();
    sockets.iter().for_each(|socket| bed.watch(&socket.udp, socket.rtcp.as_ref()).unwrap());
    let handle = Arc::new(WorkerHandle::new(0, [None; 2], &[], Bell::new().unwrap()));
    let station = Station::new(Box::new(Core::new(handle.clone(), shared, sockets)));
    STATION.with(|cell| *cell.borrow_mut() = Some(station));
    (Worker::new(handle), bed)
}

/// Rather than wait for more, the worker reads on when a family has more RTCP than is read at once.
#[test]
fn a_quiet_family_does_not_make_the_other_ones_rtcp_wait() {
    let (mut worker, bed) = worker(2);
    let from = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = core(|core| core.sockets[0].port());
    for _ in 0..=MESSAGES {
        from.send_to(&[0x80, 201, 0, 0], ("127.0.0.1", port)).unwrap();
    }
    let waits = |worker: &Worker| worker.rtcp_pause.until(core(|core| core.clock.instant)).is_some();
    worker.rtcp_is_next = true;
    assert!(worker.turn(&bed, 2).unwrap() && !waits(&worker));
    // One is left.
    assert!(worker.turn(&bed, 2).unwrap() && waits(&worker));
}

/// Payloads of before are overwritten some time later, also those of packets that have not left yet.
#[test]
fn packets_leave_before_their_payloads_are_too_old() {
    let _worker = worker(1);
    let to = Addressee { seat: 0, peer: 7 };
    let bytes = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let packet = RtpOut { mindex: 0, video: true, packet: &bytes, extensions: Default::default() };
    let is_pending = core(|core| {
        core.pending.seat_taken(to.seat, to.peer);
        core.relay(to, &Parts::of(&packet).unwrap(), Urgency::WithFrame);
        [1, 100].map(|ms| {
            core.set_clock(core.clock.after(Duration::from_millis(ms)));
            !core.pending.is_empty()
        })
    });
    assert_eq!(is_pending, [true, false]);
}

/// A PeerConnection that is about to be made.
fn peer(handle: &Arc<WorkerHandle>) -> (Arc<PeerShared>, Arc<Nobody>) {
    let credentials = IceCredentials { ufrag: "ufrag".into(), pwd: "a password of 22 letters".into() };
    let shared = Arc::new(PeerShared::new(handle.clone(), credentials.clone(), Vec::new(), 1));
    let config = PeerConfig {
        id: 1,
        ice_role: IceRole::Controlled,
        dtls_role: DtlsRole::ActPass,
        worker: None,
        force_relay: false,
    };
    let sink = Arc::<Nobody>::default();
    handle.load.fetch_add(1, Ordering::Relaxed);
    handle.submit(Job::Create(Box::new(NewPeer {
        shared: shared.clone(),
        config,
        credentials,
        sink: sink.clone(),
    })));
    (shared, sink)
}

/// What a plugin sends on a data channel from inside its callback waits behind what waits already, and ends no call of the plugin's:
/// if it panics, the PeerConnection is told its end when the call is over.
#[test]
fn data_from_inside_a_callback_keeps_its_place() {
    let (mut worker, bed) = worker(1);
    let handle = worker.handle.clone();
    let (shared, sink) = peer(&handle);
    assert!(!relay_data_here(&shared, None, None, true, b"before it is there"));
    assert!(work_a_turn(&mut worker, &bed, 1).unwrap());
    assert!(relay_data_here(&shared, None, None, true, b"at once"));
    shared.submit(Command::StartChecks);
    assert!(!relay_data_here(&shared, None, None, true, b"behind it"));
    while !handle.jobs.is_empty() {
        assert!(work_a_turn(&mut worker, &bed, 1).unwrap());
    }
    assert!(core(|core| core.relay_data(&shared, |_, _| panic!("as the stack might"))));
    assert!(core(|core| core.has_calls()) && shared.seat().is_none());
    assert!(work_a_turn(&mut worker, &bed, 1).unwrap());
    assert!(sink.closed.load(Ordering::Relaxed));
    assert!(!relay_data_here(&shared, None, None, true, b"too late"));
    assert_eq!(handle.load.load(Ordering::Relaxed), 0);
}

/// A message for a whole room goes to all of them in one call, and what one of them does not survive the others may not, either.
#[test]
fn all_that_panic_in_one_callback_are_told_their_end() {
    let (mut worker, bed) = worker(1);
    let handle = worker.handle.clone();
    let peers = [(); 3].map(|()| peer(&handle));
    assert!(work_a_turn(&mut worker, &bed, 1).unwrap());
    for (shared, _) in &peers {
        assert!(core(|core| core.relay_data(shared, |_, _| panic!("as the stack might"))));
    }
    assert!(work_a_turn(&mut worker, &bed, 1).unwrap());
    let told = peers.map(|(shared, sink)| (shared.seat(), sink.closed.load(Ordering::Relaxed)));
    assert_eq!(told, [(None, true); 3]);
    assert_eq!(handle.load.load(Ordering::Relaxed), 0);
}

/// What waited for the worker and made it panic waits no longer, and the PeerConnection is told its end.
#[test]
fn a_panic_in_a_command_leaves_its_place() {
    let (mut worker, bed) = worker(1);
    let handle = worker.handle.clone();
    let (shared, sink) = peer(&handle);
    shared.submit(Command::StartChecks);
    assert!(work_a_turn(&mut worker, &bed, 1).unwrap() && !shared.intake.must_wait());
    // Worth a line of the ICE agent: and that panics.
    let Ok(Parsed::Candidate(candidate)) = parse("1 1 udp 1 192.0.2.1 5000 typ host", false) else {
        panic!()
    };
    shared.submit(Command::AddRemoteCandidate(candidate));
    assert!(shared.intake.must_wait());
    tracing::subscriber::with_default(Delicate::at(tracing::Level::TRACE), || {
        while !handle.jobs.is_empty() {
            assert!(work_a_turn(&mut worker, &bed, 1).unwrap());
        }
    });
    assert!(sink.closed.load(Ordering::Relaxed) && shared.seat().is_none());
    assert_eq!(shared.intake.changes(), (0, 0));
    assert_eq!(handle.load.load(Ordering::Relaxed), 0);
}

/// A plugin that asks without end: packets and timers get their turn in between.
#[test]
fn a_turn_ends_though_jobs_are_left() {
    let (mut worker, bed) = worker(1);
    let handle = worker.handle.clone();
    let credentials = IceCredentials { ufrag: "ufrag".into(), pwd: "a password of 22 letters".into() };
    let shared = Arc::new(PeerShared::new(handle.clone(), credentials, Vec::new(), 1));
    const JOBS: usize = 200_000;
    (0..JOBS).for_each(|_| shared.submit(Command::StartChecks));
    (0..JOBS).for_each(|_| shared.submit(Command::SendPli { mindex: None }));
    assert_eq!(handle.jobs.len(), JOBS + 1);
    let mut turns = 0;
    while !handle.jobs.is_empty() {
        assert!(worker.turn(&bed, 1).unwrap());
        turns += 1;
    }
    assert!(turns > 1 && !shared.intake.must_wait());
}
