//! Engines on loopback that connect to each other.

use super::*;
use std::net::UdpSocket;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// No test waits for anything longer than this; it is not a measure of anything.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
enum Seen {
    Connected,
    Event(PeerEvent),
    Closed(HangupReason),
}

/// Writes down what it is told, and may react to RTP.
struct Sink {
    seen: Mutex<Sender<Seen>>,
}

impl PeerSink for Sink {
    fn connected(&self) {
        self.tell(Seen::Connected);
    }
    fn incoming_rtp(&self, _: RtpIn<'_>) {}
    fn incoming_rtcp(&self, _: Mindex, _: bool, _: &mut [u8]) {}
    fn incoming_data(&self, _: &str, _: &str, _: bool, _: &[u8]) {}
    fn data_ready(&self) {}
    fn event(&self, event: PeerEvent) {
        self.tell(Seen::Event(event));
    }
    fn closed(&self, reason: HangupReason) {
        self.tell(Seen::Closed(reason));
    }
}

impl Sink {
    fn tell(&self, what: Seen) {
        let _ = self.seen.lock().unwrap().send(what);
    }
}

struct End {
    peer: Peer,
    seen: Receiver<Seen>,
    log: Vec<Seen>,
}

impl End {
    /// Takes what was told until `wanted` accepts something.
    fn wait(&mut self, what: &str, wanted: impl Fn(&Seen) -> bool) {
        loop {
            let seen =
                self.seen.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {what}: {:?}", self.log));
            let found = wanted(&seen);
            self.log.push(seen);
            if found {
                return;
            }
        }
    }

    fn wait_connected(&mut self) {
        self.wait("connection", |seen| matches!(seen, Seen::Connected));
    }

    fn wait_closed(&mut self, reason: HangupReason) {
        self.wait("end", |seen| matches!(seen, Seen::Closed(r) if *r == reason));
    }
}

fn engine(workers: usize) -> Engine {
    Engine::start(EngineConfig {
        workers: Some(workers),
        addresses: vec![[127, 0, 0, 1].into()],
        stats_period: 0,
        ..EngineConfig::default()
    })
    .unwrap()
}

fn end(engine: &Engine, ice_role: IceRole, dtls_role: DtlsRole) -> End {
    let (sender, seen) = channel();
    let config = PeerConfig { id: 1, ice_role, dtls_role, force_relay: false, worker: None };
    let peer = engine.create_peer(config, Arc::new(Sink { seen: Mutex::new(sender) }));
    End { peer, seen, log: Vec::new() }
}

/// What one side's description tells the other.
fn describe(from: &End, engine: &Engine, to: &End, role: DtlsRole) {
    let fingerprint =
        Fingerprint { hash: FingerprintHash::Sha256, value: engine.fingerprint().to_lowercase() };
    let transport = RemoteTransport {
        credentials: from.peer.local_credentials(),
        fingerprint: Some(fingerprint),
        ice_lite: false,
    };
    to.peer.command(Command::SetRemote { transport, dtls_role: role });
    for candidate in from.peer.local_candidates() {
        to.peer.command(Command::AddRemoteCandidate(candidate));
    }
    to.peer.command(Command::EndOfRemoteCandidates);
    to.peer.command(Command::StartChecks);
}

fn pair(a: &Engine, b: &Engine) -> (End, End) {
    let mut offerer = end(a, IceRole::Controlling, DtlsRole::ActPass);
    let mut answerer = end(b, IceRole::Controlled, DtlsRole::Active);
    describe(&offerer, a, &answerer, DtlsRole::Active);
    describe(&answerer, b, &offerer, DtlsRole::Passive);
    offerer.wait_connected();
    answerer.wait_connected();
    (offerer, answerer)
}

// MP-113, MP-117, MP-127, MP-138, MP-139, MP-237: two engines connect, say so in order, and part.
#[test]
fn two_engines_connect_and_hang_up() {
    let (a, b) = (engine(1), engine(2));
    let (mut offerer, mut answerer) = pair(&a, &b);
    let words: Vec<String> = offerer
        .log
        .iter()
        .filter_map(|seen| match seen {
            Seen::Event(PeerEvent::Ice(state)) => Some(state.name().to_owned()),
            Seen::Event(PeerEvent::Dtls { state, .. }) => Some(format!("dtls {}", state.name())),
            Seen::Event(PeerEvent::SelectedPair { .. }) => Some("pair".into()),
            Seen::Connected => Some("up".into()),
            _ => None,
        })
        .collect();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    // A retransmission under load repeats "trying".
    words.dedup();
    assert_eq!(
        words,
        ["gathering", "connecting", "connected", "pair", "ready", "dtls trying", "dtls connected", "up"]
    );
    let snapshot = offerer.peer.snapshot().unwrap();
    assert_eq!(snapshot.srtp_profile, Some("SRTP_AEAD_AES_128_GCM"));
    assert_eq!(snapshot.ice_state, Some(IceState::Ready));
    assert_eq!(a.loads(), [1]);

    answerer.peer.command(Command::Hangup(HangupReason::JanusApi));
    answerer.wait_closed(HangupReason::JanusApi);
    offerer.wait_closed(HangupReason::DtlsAlert);
    assert_eq!(a.loads(), [0]);
    assert_eq!(b.loads(), [0, 0]);
    assert!(offerer.peer.snapshot().is_none());
    // Commands to what is gone are ignored.
    offerer.peer.command(Command::Hangup(HangupReason::JanusApi));
    a.stop();
    assert!(offerer.seen.try_recv().is_err());
}

// MP-131
#[test]
fn a_wrong_fingerprint_ends_in_dtls_alert() {
    let (a, b) = (engine(1), engine(1));
    let mut offerer = end(&a, IceRole::Controlling, DtlsRole::ActPass);
    let answerer = end(&b, IceRole::Controlled, DtlsRole::Active);
    describe(&offerer, &a, &answerer, DtlsRole::Active);
    // The certificate of the wrong engine.
    describe(&answerer, &a, &offerer, DtlsRole::Passive);
    offerer.wait("failure", |s| matches!(s, Seen::Event(PeerEvent::Dtls { state: DtlsState::Failed, .. })));
    offerer.wait_closed(HangupReason::DtlsAlert);
    assert!(!offerer.log.iter().any(|s| matches!(s, Seen::Connected)));
}

// The worker answers only those who know a password.
#[test]
fn strangers_get_no_answer_and_leave_no_trace() {
    let (a, b) = (engine(1), engine(1));
    let (offerer, _answerer) = pair(&a, &b);
    let before = offerer.peer.snapshot().unwrap();
    let target = a.addresses()[0][0];
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ufrag = offerer.peer.local_credentials().ufrag;
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42];
    stun.extend_from_slice(b"transactions");
    stun.extend_from_slice(&[0, 6, 0, 9 + 4]);
    stun.extend_from_slice(format!("{ufrag}:evil").as_bytes());
    stun.extend_from_slice(&[0; 3]);
    stun[3] = (stun.len() - 20) as u8;
    let dtls = [22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    for datagram in [&stun[..], &dtls, &[0x80; 40], &[0x80, 200, 0, 1, 0, 0, 0, 0], &[], &[255]] {
        stranger.send_to(datagram, target).unwrap();
    }
    // The engine has read them all when a later command is done.
    stranger.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(stranger.recv_from(&mut [0; 2000]).is_err());
    let after = offerer.peer.snapshot().unwrap();
    assert_eq!((after.dtls_in, after.remote_candidates), (before.dtls_in, before.remote_candidates));
}

// MP-087, MP-091: both sides restart and keep the same DTLS connection.
#[test]
fn ice_restart_keeps_the_connection() {
    let (a, b) = (engine(1), engine(1));
    let (mut offerer, answerer) = pair(&a, &b);
    let old = offerer.peer.local_credentials();
    let (new, other) = (offerer.peer.restart_ice(), answerer.peer.restart_ice());
    assert_ne!(old, new);
    assert_eq!(offerer.peer.local_credentials(), new);
    for (to, credentials, from) in [(&offerer, other, &answerer), (&answerer, new, &offerer)] {
        to.peer.command(Command::SetRemoteCredentials(credentials));
        for candidate in from.peer.local_candidates() {
            to.peer.command(Command::AddRemoteCandidate(candidate));
        }
        to.peer.command(Command::StartChecks);
    }
    offerer.wait("new checks", |s| matches!(s, Seen::Event(PeerEvent::Ice(IceState::Connecting))));
    offerer.wait("new path", |s| matches!(s, Seen::Event(PeerEvent::Ice(IceState::Ready))));
    assert_eq!(offerer.peer.snapshot().unwrap().dtls_state, Some(DtlsState::Connected));
}

// MP-240: peers go where the load is least; a chosen worker is obeyed.
#[test]
fn peers_are_spread_over_the_workers() {
    let engine = engine(3);
    let peers: Vec<End> = (0..6).map(|_| end(&engine, IceRole::Controlled, DtlsRole::ActPass)).collect();
    assert_eq!(engine.loads(), [2, 2, 2]);
    let config = PeerConfig {
        id: 2,
        ice_role: IceRole::Controlled,
        dtls_role: DtlsRole::ActPass,
        force_relay: false,
        worker: Some(1),
    };
    let (sender, _seen) = channel();
    engine.create_peer(config, Arc::new(Sink { seen: Mutex::new(sender) }));
    assert_eq!(engine.loads(), [2, 3, 2]);
    engine.stop();
    assert_eq!(engine.loads(), [0, 0, 0]);
    for mut peer in peers {
        peer.wait_closed(HangupReason::Detach);
    }
}
