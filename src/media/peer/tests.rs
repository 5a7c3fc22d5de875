//! Two connections without a network: what the batches hold is handed over, and time is ours.

use super::*;
use crate::media::dtls::{DtlsConfig, Identity};
use crate::media::ice::{Way, local, stun};
use crate::media::streams::Parts;
use crate::media::streams::fixtures::{IDS, VIDEO_SSRC, video};
use crate::media::streams::store::SharedStore;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Somewhere.
const ANY: Origin =
    Origin { way: Way::Udp, at: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9) };

pub(super) struct End {
    pub connection: Connection,
    pub batch: Batch,
    outputs: Vec<Output>,
    pub address: SocketAddr,
    credentials: IceCredentials,
    shared: Arc<Shared>,
    store: SharedStore,
    /// Datagrams of these kinds do not arrive.
    deaf_to: Option<stun::Kind>,
}

pub(super) fn end(
    name: &str,
    ice_role: IceRole,
    clock: Clock,
    change: impl FnOnce(&mut EngineConfig),
) -> End {
    let identity = Identity::generate(false).unwrap();
    let mut config = EngineConfig::default();
    change(&mut config);
    let shared = Arc::new(Shared {
        dtls: DtlsContext::new(&identity, &DtlsConfig::default()).unwrap(),
        fingerprint: identity.fingerprint().into(),
        destinations: Default::default(),
        cookies: Default::default(),
        live: crate::util::lock::Lock::new((&config).into()),
        config,
    });
    let address: SocketAddr = format!("10.0.0.{}:1000", name.len()).parse().unwrap();
    let credentials =
        IceCredentials { ufrag: format!("{name}ufrag"), pwd: format!("{name}-twenty-two-characters") };
    placed(address, ice_role, credentials, shared, SharedStore::default(), clock)
}

/// With this address, and what it may have in common with another one.
fn placed(
    address: SocketAddr,
    ice_role: IceRole,
    credentials: IceCredentials,
    shared: Arc<Shared>,
    store: SharedStore,
    clock: Clock,
) -> End {
    let config =
        PeerConfig { id: 1, ice_role, dtls_role: DtlsRole::ActPass, worker: None, force_relay: false };
    let setup = Setup {
        config,
        credentials: credentials.clone(),
        addresses: vec![address],
        tcp: Vec::new(),
        relayed: None,
        candidates: local::advertised(&shared.config, &[address]),
        shared: shared.clone(),
        store: store.clone(),
        counts: Arc::default(),
    };
    End {
        connection: Connection::new(setup, clock),
        batch: Batch::new(256),
        outputs: Vec::new(),
        address,
        credentials,
        shared,
        store,
        deaf_to: None,
    }
}

impl End {
    pub fn command(&mut self, clock: Clock, command: Command) {
        self.connection.command(clock, command, &mut self.batch);
    }

    pub fn meet(&mut self, other: &End, role: DtlsRole, clock: Clock) {
        self.learn_of(other, role, clock);
        let candidate = local::advertised(&other.shared.config, &[other.address]).remove(0);
        self.command(clock, Command::AddRemoteCandidate(candidate));
        self.command(clock, Command::StartChecks);
    }

    /// What a description without candidates tells.
    pub fn learn_of(&mut self, other: &End, role: DtlsRole, clock: Clock) {
        let fingerprint =
            Fingerprint { hash: FingerprintHash::Sha256, value: other.shared.fingerprint.clone() };
        let transport = RemoteTransport {
            credentials: other.credentials.clone(),
            fingerprint: Some(fingerprint),
            ice_lite: other.shared.config.ice_lite,
        };
        self.command(clock, Command::SetRemote { transport, dtls_role: role });
    }

    pub fn take(&mut self, clock: Clock, path: Path, datagram: &mut [u8]) {
        let kind = stun::kind(datagram);
        if self.deaf_to == Some(kind) {
            return;
        }
        match kind {
            stun::Kind::Stun => self.connection.stun(clock, path, datagram, &mut self.batch),
            stun::Kind::Dtls => self.connection.dtls(clock, path.origin(), datagram, &mut self.batch),
            _ => {
                let mut room = Room::default();
                self.connection.media(clock, path.origin(), datagram, &mut room, &mut self.batch);
            }
        }
    }

    pub fn drain(&mut self) -> Vec<(Path, Vec<u8>)> {
        let mut all = Vec::new();
        for lane in self.batch.lanes() {
            all.extend(self.batch.packets(lane).map(|packet| (lane.path, packet.to_vec())));
        }
        self.batch.clear();
        while let Some(output) = self.connection.next_output() {
            self.outputs.push(output);
        }
        all
    }

    fn is_connected(&self) -> bool {
        self.outputs.iter().any(|o| matches!(o, Output::Connected))
    }

    pub fn closed(&self) -> Option<HangupReason> {
        let reasons: Vec<_> = self
            .outputs
            .iter()
            .filter_map(|o| match o {
                Output::Closed(reason) => Some(*reason),
                _ => None,
            })
            .collect();
        assert!(reasons.len() <= 1, "closed {} times", reasons.len());
        if !reasons.is_empty() {
            assert!(matches!(self.outputs.last(), Some(Output::Closed(_))), "something follows the end");
        }
        reasons.first().copied()
    }
}

/// Lets `span` pass for both; returns the clock of the end.
fn run(a: &mut End, b: &mut End, mut clock: Clock, span: Duration) -> Clock {
    let until = clock.instant + span;
    while clock.instant < until {
        for _ in 0..4 {
            for flip in [false, true] {
                let (from, to) = if flip { (&mut *b, &mut *a) } else { (&mut *a, &mut *b) };
                for (path, mut datagram) in from.drain() {
                    if path.remote == to.address {
                        let path = Path::udp(path.remote, path.local);
                        to.take(clock, path, &mut datagram);
                    }
                }
            }
        }
        clock = clock.after(Duration::from_millis(20));
        for end in [&mut *a, &mut *b] {
            if end.connection.poll_timeout(clock.instant).is_some_and(|at| at <= clock.instant) {
                end.connection.handle_timeout(clock, &mut end.batch);
            }
        }
    }
    clock
}

fn two(change: impl Fn(&mut EngineConfig)) -> (End, End, Clock) {
    let clock = Clock::read();
    let a = end("a", IceRole::Controlling, clock, &change);
    let b = end("bb", IceRole::Controlled, clock, &change);
    (a, b, clock)
}

fn connected(change: impl Fn(&mut EngineConfig)) -> (End, End, Clock) {
    let (mut a, mut b, clock) = two(change);
    a.meet(&b, DtlsRole::Passive, clock);
    b.meet(&a, DtlsRole::Active, clock);
    let clock = run(&mut a, &mut b, clock, Duration::from_secs(2));
    assert!(a.is_connected() && b.is_connected());
    (a, b, clock)
}

/// The same peer with another transport, as browsers open it.
fn moved(former: &End, clock: Clock) -> End {
    let End { credentials, shared, store, .. } = former;
    let address = "10.0.0.1:2000".parse().unwrap();
    placed(address, IceRole::Controlling, credentials.clone(), shared.clone(), store.clone(), clock)
}

/// `b` has been told of the move, or not; `a` closes its transport and opens another one, whose checks come before that, or after.
fn after_a_move(lite: bool, told: bool, checks_first: bool) -> (End, End, Clock) {
    let (mut a, mut b, clock) = two(|_| {});
    let change = |config: &mut EngineConfig| config.ice_lite = lite;
    b = if lite { end("bb", IceRole::Controlled, clock, change) } else { b };
    a.meet(&b, DtlsRole::Passive, clock);
    b.meet(&a, DtlsRole::Active, clock);
    let mut clock = run(&mut a, &mut b, clock, Duration::from_secs(2));
    assert!(a.is_connected() && b.is_connected());
    if told {
        b.command(clock, Command::ExpectMove);
    }
    let mut other = moved(&a, clock);
    other.meet(&b, DtlsRole::Passive, clock);
    if checks_first {
        clock = run(&mut other, &mut b, clock, Duration::from_millis(500));
    }
    a.command(clock, Command::Hangup(HangupReason::ClosePc));
    for (path, mut datagram) in a.drain() {
        b.take(clock, Path::udp(path.remote, path.local), &mut datagram);
    }
    let clock = run(&mut other, &mut b, clock, Duration::from_secs(5));
    (other, b, clock)
}

#[test]
fn a_peer_that_opens_another_transport_is_followed() {
    for (lite, checks_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let (other, b, _) = after_a_move(lite, true, checks_first);
        assert_eq!(b.closed(), None, "lite: {lite}, checks first: {checks_first}");
        assert!(other.is_connected() && other.connection.is_up() && b.connection.is_up());
        assert_eq!(b.connection.path.unwrap().remote, other.address);
        let connected = b.outputs.iter().filter(|o| matches!(o, Output::Connected)).count();
        assert_eq!(connected, 1, "media is up once");
        let (other, b, _) = after_a_move(lite, false, checks_first);
        assert_eq!(b.closed(), Some(HangupReason::DtlsAlert));
        assert!(!other.is_connected());
    }
}

#[test]
fn a_close_alert_that_is_lost_is_missed() {
    let (mut a, mut b, clock) = connected(|_| {});
    b.command(clock, Command::ExpectMove);
    let mut other = moved(&a, clock);
    other.meet(&b, DtlsRole::Passive, clock);
    a.command(clock, Command::Hangup(HangupReason::ClosePc));
    a.drain();
    run(&mut other, &mut b, clock, Duration::from_secs(8));
    assert_eq!(b.closed(), None);
    assert!(other.is_connected() && other.connection.is_up() && b.connection.is_up());
}

#[test]
fn a_peer_that_goes_instead_is_waited_for_as_long_as_a_handshake_may_take() {
    let (mut a, mut b, clock) = connected(|_| {});
    b.command(clock, Command::ExpectMove);
    a.command(clock, Command::Hangup(HangupReason::ClosePc));
    let clock = run(&mut a, &mut b, clock, Duration::from_secs(1));
    assert_eq!(b.closed(), None);
    run(&mut a, &mut b, clock, DTLS_LIMIT);
    assert!(b.closed().is_some());
    // And who closes long after the description has gone.
    let (mut a, mut b, clock) = connected(|_| {});
    b.command(clock, Command::ExpectMove);
    let clock = run(&mut a, &mut b, clock, DTLS_LIMIT);
    a.command(clock, Command::Hangup(HangupReason::ClosePc));
    run(&mut a, &mut b, clock, Duration::from_secs(1));
    assert_eq!(b.closed(), Some(HangupReason::DtlsAlert));
}

// MP-136
#[test]
fn dtls_that_is_not_answered_times_out_after_20_seconds() {
    let (mut a, mut b, clock) = two(|_| {});
    a.deaf_to = Some(stun::Kind::Dtls);
    a.meet(&b, DtlsRole::Passive, clock);
    b.meet(&a, DtlsRole::Active, clock);
    let clock = run(&mut a, &mut b, clock, Duration::from_secs(19));
    assert_eq!((a.closed(), b.closed()), (None, None));
    run(&mut a, &mut b, clock, Duration::from_secs(3));
    assert_eq!((a.closed(), b.closed()), (Some(HangupReason::DtlsTimeout), Some(HangupReason::DtlsTimeout)));
}

// The client's ClientHello may come before we know our role.
#[test]
fn an_early_client_hello_is_kept() {
    let (mut a, mut b, clock) = two(|_| {});
    b.meet(&a, DtlsRole::Active, clock);
    // The other side has started everything; we do not know its description yet.
    let mut dtls = b.shared.dtls.associate(DtlsRole::Active).unwrap();
    dtls.start();
    let hello: Vec<Vec<u8>> = std::iter::from_fn(|| dtls.poll_transmit()).collect();
    assert!(!hello.is_empty());
    for datagram in &hello {
        a.connection.dtls(clock, Origin::udp(b.address), datagram, &mut a.batch);
    }
    assert_eq!(a.connection.early.len(), hello.len());
    a.meet(&b, DtlsRole::Passive, clock);
    // Only ours is heard from now on: an answer to that ClientHello, which is not repeated.
    a.deaf_to = Some(stun::Kind::Dtls);
    let mut answered = false;
    let mut clock = clock;
    for _ in 0..100 {
        for (path, mut datagram) in b.drain() {
            a.take(clock, Path::udp(path.remote, path.local), &mut datagram);
        }
        for (path, mut datagram) in a.drain() {
            answered |= stun::kind(&datagram) == stun::Kind::Dtls;
            b.take(clock, Path::udp(path.remote, path.local), &mut datagram);
        }
        clock = clock.after(Duration::from_millis(20));
        a.connection.handle_timeout(clock, &mut a.batch);
        b.connection.handle_timeout(clock, &mut b.batch);
    }
    assert!(answered);
}

/// Only one side exists; its checks fail.
fn alone(complete: bool) -> (Option<Duration>, End) {
    let (mut a, mut b, clock) = two(|_| {});
    a.meet(&b, DtlsRole::Passive, clock);
    if complete {
        a.command(clock, Command::EndOfRemoteCandidates);
    }
    b.deaf_to = Some(stun::Kind::Stun);
    let failed = |end: &End| {
        end.outputs
            .iter()
            .any(|o| matches!(o, Output::Event(event) if matches!(**event, PeerEvent::Ice(IceState::Failed))))
    };
    let (mut clock, mut failed_at) = (clock, None);
    for _ in 0..120 {
        clock = run(&mut a, &mut b, clock, Duration::from_millis(500));
        let snapshot = a.connection.snapshot(clock);
        assert_eq!(snapshot.ice_failed_at.is_some(), failed(&a));
        assert!(snapshot.checks_started_at.is_some() && snapshot.dtls_started_at.is_none());
        if failed_at.is_none() && failed(&a) {
            assert!(snapshot.ice_failed_at.is_some_and(|at| at <= clock.mono && at >= clock.mono - 500_000));
            failed_at = Some(clock.instant);
        }
        if a.closed().is_some() {
            break;
        }
    }
    (failed_at.map(|at| clock.instant - at), a)
}

// MP-119
#[test]
fn failed_checks_hang_up_after_five_seconds_when_all_candidates_are_known() {
    let (after, a) = alone(true);
    assert_eq!(a.closed(), Some(HangupReason::IceFailed));
    let after = after.unwrap();
    assert!(after >= Duration::from_secs(4) && after <= Duration::from_secs(7), "{after:?}");
}

// MP-120
#[test]
fn failed_checks_hang_up_after_fifteen_seconds_otherwise() {
    let (after, a) = alone(false);
    assert_eq!(a.closed(), Some(HangupReason::IceFailed));
    let after = after.unwrap();
    assert!(after >= Duration::from_secs(14) && after <= Duration::from_secs(17), "{after:?}");
}

// MP-122 to MP-124: a path that worked is given up only with consent checks, and then as configured.
#[test]
fn a_lost_path_fails_only_with_consent_freshness() {
    for (consent, at_once) in [(false, false), (true, false), (true, true)] {
        let (mut a, mut b, clock) = connected(|config| {
            config.ice_consent_freshness = consent;
            config.hangup_on_failed = at_once;
        });
        (a.deaf_to, b.deaf_to) = (Some(stun::Kind::Stun), Some(stun::Kind::Stun));
        let mut clock = clock;
        let failed = |end: &End| {
            end.outputs.iter().any(
                |o| matches!(o, Output::Event(event) if matches!(**event, PeerEvent::Ice(IceState::Failed))),
            )
        };
        for _ in 0..400 {
            clock = run(&mut a, &mut b, clock, Duration::from_millis(100));
            if failed(&a) {
                break;
            }
        }
        assert_eq!(failed(&a), consent);
        assert_eq!(a.closed(), at_once.then_some(HangupReason::IceFailed));
        // MP-121
        if consent && !at_once {
            (a.deaf_to, b.deaf_to) = (None, None);
            run(&mut a, &mut b, clock, Duration::from_secs(30));
            assert_eq!(a.closed(), None);
        }
    }
}

/// Who is silent for longer than checks take to be sent again is away, and back with the first thing that comes.
#[test]
fn a_silent_peer_is_away_until_it_is_heard_again() {
    let away = |end: &End| -> Vec<bool> {
        let told = end.outputs.iter().filter_map(|o| match o {
            Output::Event(event) => match **event {
                PeerEvent::Away(away) => Some(away),
                _ => None,
            },
            _ => None,
        });
        told.collect()
    };
    let (mut a, mut b, clock) = connected(|_| {});
    let clock = run(&mut a, &mut b, clock, Duration::from_secs(12));
    assert!(away(&a).is_empty(), "checks are signs of life, too");
    let snapshot = a.connection.snapshot(clock);
    assert!(clock.mono - snapshot.heard_at.unwrap() < 5_000_000);
    assert!(snapshot.round_trip.is_some());
    (a.deaf_to, b.deaf_to) = (Some(stun::Kind::Stun), Some(stun::Kind::Stun));
    let clock = run(&mut a, &mut b, clock, Duration::from_millis(1500));
    assert!(away(&a).is_empty(), "a check or two may be lost");
    let clock = run(&mut a, &mut b, clock, Duration::from_secs(7));
    assert_eq!(away(&a), [true]);
    assert!(clock.mono - a.connection.snapshot(clock).heard_at.unwrap() > 5_000_000);
    (a.deaf_to, b.deaf_to) = (None, None);
    run(&mut a, &mut b, clock, Duration::from_secs(10));
    assert_eq!(away(&a), [true, false]);
    assert_eq!(a.closed(), None);
}

// MP-141, MP-147
#[test]
fn media_before_keys_and_large_media_are_dropped() {
    let (mut a, _, clock) = two(|_| {});
    let mut rtp = vec![0x80; 1600];
    rtp[1] = 96;
    let mut room = Room::default();
    assert!(a.connection.media(clock, ANY, &mut rtp[..100], &mut room, &mut a.batch).is_none());
    assert_eq!(a.connection.snapshot(clock).too_large, 0);
    let (mut a, _, clock) = connected(|_| {});
    assert!(a.connection.media(clock, ANY, &mut rtp, &mut room, &mut a.batch).is_none());
    assert_eq!(a.connection.snapshot(clock).too_large, 1);
}

// What was written, but not yet encrypted, must not leave with the rest of the batch.
#[test]
fn a_panic_lets_no_plain_packet_out() {
    let (mut a, _, clock) = connected(|_| {});
    a.command(clock, Command::SetMedia(vec![video()]));
    a.drain();
    let payload = b"a payload that is seen";
    let relay = |store: &SharedStore, sequence: u8| {
        let bytes = [&[0x80, 96, 0, sequence, 0, 0, 0, 1, 0, 0, 0, 7][..], payload].concat();
        let out = RtpOut { mindex: 1, video: true, packet: &bytes, extensions: Default::default() };
        Parts::of(&out).unwrap().stored(&mut store.borrow_mut(), clock.mono).unwrap()
    };
    for panics in [false, true] {
        let sequences = if panics { [3, 4] } else { [1, 2] };
        let packets = sequences.map(|sequence| (relay(&a.store, sequence), sequence));
        let packets = packets.iter().map(|((packet, content), sequence)| {
            assert_ne!(*sequence, 4, "meant to panic");
            (*packet, content)
        });
        let send = || a.connection.send_rtp(clock, packets, &mut a.batch);
        assert_eq!(catch_unwind(AssertUnwindSafe(send)).is_err(), panics);
        let sent = a.drain();
        assert_eq!(sent.len(), if panics { 0 } else { 2 });
        assert!(sent.iter().all(|(_, bytes)| !bytes.windows(payload.len()).any(|part| part == payload)));
    }
}

// MP-196: the clock of feedback wakes nobody as long as there is nothing to tell, and a packet sets it going.
#[test]
fn feedback_is_due_when_packets_have_come() {
    let (mut a, mut b, clock) = connected(|_| {});
    let remote_ssrc = [VIDEO_SSRC, 0, 0];
    for (end, medium) in
        [(&mut a, video()), (&mut b, MediumConfig { ssrc: 0xC0, ssrc_rtx: 0xC1, remote_ssrc, ..video() })]
    {
        end.command(clock, Command::SetMedia(vec![medium]));
        end.command(clock, Command::SetExtensions(IDS));
    }
    let send = |a: &mut End, b: &mut End, clock: Clock, sequence: u8| {
        let bytes = [0x80, 96, 0, sequence, 0, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3];
        let out = RtpOut { mindex: 1, video: true, packet: &bytes, extensions: Default::default() };
        let (packet, content) =
            Parts::of(&out).unwrap().stored(&mut a.store.borrow_mut(), clock.mono).unwrap();
        a.drain();
        a.connection.send_rtp(clock, [(packet, &content)].into_iter(), &mut a.batch);
        for (path, mut datagram) in a.drain() {
            b.take(clock, Path::udp(path.remote, path.local), &mut datagram);
        }
        b.connection.take_hurries()
    };
    let period = Duration::from_millis(200);
    let mut clock = clock;
    for sequence in [1, 3] {
        clock = run(&mut a, &mut b, clock, Duration::from_millis(700));
        let ticks = b.connection.ticks.as_ref().unwrap();
        assert!(b.connection.gives_feedback && b.connection.feedback_rests);
        assert_eq!(b.connection.ticks_due(), Some(ticks.reports));
        assert!(send(&mut a, &mut b, clock, sequence), "due earlier than it was");
        let due = b.connection.ticks_due().unwrap();
        assert!(due > clock.instant && due <= clock.instant + period);
        assert!(!send(&mut a, &mut b, clock, sequence + 1), "as due as before");
        assert!(b.connection.streams.awaits_feedback());
        clock = run(&mut a, &mut b, clock, period + Duration::from_millis(40));
        assert!(!b.connection.streams.awaits_feedback() && !b.connection.feedback_rests);
    }
}

// §4.3: the debug mode needs no DTLS.
#[test]
fn without_encryption_a_pair_is_enough() {
    let (a, _, clock) = connected(|config| config.webrtc_encryption = false);
    let snapshot = a.connection.snapshot(clock);
    assert_eq!((snapshot.dtls_in.packets, snapshot.srtp_profile, snapshot.dtls_ready), (0, None, true));
}

// MP-233, CP-321, CP-322: statistics come every period, and once more at the end.
#[test]
fn statistics_come_every_period_and_at_the_end() {
    let count = |end: &End| {
        end.outputs
            .iter()
            .filter(|o| matches!(o, Output::Event(event) if matches!(**event, PeerEvent::Statistics(_))))
            .count()
    };
    for (period, expected) in [(0, 0), (3, 3)] {
        let (mut a, mut b, clock) = connected(|config| config.stats_period = period);
        let clock = run(&mut a, &mut b, clock, Duration::from_millis(9_500));
        let before = count(&a);
        assert!(before.abs_diff(expected) <= usize::from(period > 0), "{before}");
        a.command(clock, Command::Hangup(HangupReason::Detach));
        run(&mut a, &mut b, clock, Duration::from_millis(100));
        assert_eq!(count(&a), before + usize::from(period > 0));
        assert_eq!((a.closed(), b.closed()), (Some(HangupReason::Detach), Some(HangupReason::DtlsAlert)));
        assert_eq!(a.connection.poll_timeout(clock.instant), None);
    }
}

#[test]
fn tuned_values_reach_running_connections() {
    let (mut a, mut b, clock) = connected(|_| {});
    let tuned = crate::media::Settings {
        min_nack_queue_ms: 300,
        nack_optimizations: true,
        no_media_timer: 7,
        slowlink_threshold: 4,
    };
    *a.shared.live.lock() = tuned;
    assert_eq!(a.connection.streams.settings.no_media_timer, 1);
    run(&mut a, &mut b, clock, Duration::from_millis(1100));
    let settings = a.connection.streams.settings;
    assert_eq!(
        (settings.min_nack_queue_ms, settings.no_media_timer, settings.slowlink_threshold),
        (300, 7, 4)
    );
    assert!(settings.nack_optimizations);
}
