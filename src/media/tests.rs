//! Engines on loopback that connect to each other.

use super::channel::DataTerms;
use super::*;
use crate::record::capture::{Capture, Format};
use crate::rtp::Extensions;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[path = "relayed_tests.rs"]
mod relayed;

/// No test waits for anything longer than this; it is not a measure of anything.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
enum Seen {
    Connected,
    Event(PeerEvent),
    /// Sequence number, timestamp, SSRC, payload.
    Rtp(u16, u32, u32, Vec<u8>),
    Rtcp(Vec<u8>),
    /// Label, protocol, binary, message.
    Data(String, String, bool, Vec<u8>),
    DataReady,
    Closed(HangupReason),
}

/// Writes down what it is told, and forwards RTP like a plugin: from inside the callback.
struct Sink {
    seen: Mutex<Sender<Seen>>,
    forward: Mutex<Vec<Peer>>,
    /// Whom data is answered to.
    answer: Mutex<Vec<Peer>>,
}

impl PeerSink for Sink {
    fn connected(&self) {
        self.tell(Seen::Connected);
    }
    fn incoming_rtp(&self, rtp: RtpIn<'_>) {
        let packet = rtp.packet;
        let payload = packet[12 + usize::from(packet[0] & 0x10 != 0) * 8..].to_vec();
        let number = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
        self.tell(Seen::Rtp(number(0) as u16, number(4), number(8), payload));
        for peer in &*self.forward.lock().unwrap() {
            peer.relay_rtp(RtpOut { mindex: 0, video: true, packet, extensions: Extensions::default() });
        }
        // MP-159: it is the plugin's to write into.
        packet.fill(0xFF);
    }
    fn incoming_rtcp(&self, _: Mindex, _: bool, packet: &mut [u8]) {
        self.tell(Seen::Rtcp(packet.to_vec()));
    }
    fn incoming_data(&self, label: &str, protocol: &str, binary: bool, message: &[u8]) {
        self.tell(Seen::Data(label.into(), protocol.into(), binary, message.into()));
        for peer in &*self.answer.lock().unwrap() {
            let said = |more: u8| [message, &[more]].concat();
            let label = Some(label.to_owned());
            peer.relay_data(label.as_deref(), None, binary, &said(0));
            peer.command(Command::RelayData {
                label: label.clone(),
                protocol: None,
                binary,
                message: said(1),
            });
            peer.relay_data(label.as_deref(), None, binary, &said(2));
        }
    }
    fn data_ready(&self) {
        self.tell(Seen::DataReady);
    }
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
    sink: Arc<Sink>,
    seen: Receiver<Seen>,
    log: Vec<Seen>,
}

impl End {
    /// Takes what was told until `wanted` accepts something; it may have been told before.
    fn wait(&mut self, what: &str, wanted: impl Fn(&Seen) -> bool) {
        if self.log.iter().any(&wanted) {
            return;
        }
        let limit = std::time::Instant::now() + PATIENCE;
        loop {
            assert!(std::time::Instant::now() < limit, "no {what}: {:?}", self.log);
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

    /// The next `count` RTP packets.
    fn rtp(&mut self, count: usize) -> Vec<(u16, u32, u32, Vec<u8>)> {
        let mut packets = Vec::new();
        while packets.len() < count {
            match self.seen.recv_timeout(PATIENCE) {
                Ok(Seen::Rtp(sequence, timestamp, ssrc, payload)) => {
                    packets.push((sequence, timestamp, ssrc, payload));
                }
                Ok(other) => self.log.push(other),
                Err(_) => panic!("only {} RTP packets: {:?}", packets.len(), self.log),
            }
        }
        packets
    }

    fn send(&self, sequence: u16, len: usize) {
        let mut packet = vec![0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(sequence) * 3000).to_be_bytes());
        packet.resize(12 + len, sequence as u8);
        let extensions = Extensions::default();
        self.peer.relay_rtp(RtpOut { mindex: 0, video: true, packet: &packet, extensions });
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
    end_of(engine, PeerConfig { id: 1, ice_role, dtls_role, worker: None, force_relay: false })
}

fn end_of(engine: &Engine, config: PeerConfig) -> End {
    let (sender, seen) = channel();
    let sink =
        Arc::new(Sink { seen: Mutex::new(sender), forward: Mutex::default(), answer: Mutex::default() });
    let peer = engine.create_peer(config, sink.clone());
    End { peer, sink, seen, log: Vec::new() }
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

/// Each handshake but the first is asked for a cookie, by the same words: both ends have one socket for all.
#[test]
fn many_connect_between_the_same_two_sockets() {
    let (a, b) = (engine(1), engine(1));
    let pairs: Vec<_> = (0..5).map(|_| pair(&a, &b)).collect();
    assert_eq!((a.loads(), b.loads()), (vec![pairs.len()], vec![pairs.len()]));
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
    for datagram in [&stun[..], &[0x80; 40], &[0x80, 200, 0, 1, 0, 0, 0, 0], &[], &[255]] {
        stranger.send_to(datagram, target).unwrap();
    }
    const MANY: u64 = 300;
    for _ in 0..MANY {
        stranger.send_to(&dtls, target).unwrap();
    }
    // The engine has read them all when a later command is done.
    stranger.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(stranger.recv_from(&mut [0; 2000]).is_err());
    let after = offerer.peer.snapshot().unwrap();
    assert_eq!(after.remote_candidates, before.remote_candidates);
    // The peer's own go on, and on a slow machine it repeats some.
    assert!(after.dtls_in.packets - before.dtls_in.packets < MANY / 2, "{:?}", after.dtls_in);
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
    offerer.log.clear();
    offerer.wait("new checks", |s| matches!(s, Seen::Event(PeerEvent::Ice(IceState::Connecting))));
    offerer.wait("new path", |s| matches!(s, Seen::Event(PeerEvent::Ice(IceState::Ready))));
    assert_eq!(offerer.peer.snapshot().unwrap().dtls_state, Some(DtlsState::Connected));
}

// MP-240, CP-137: peers go where the load is least; a chosen worker is obeyed.
#[test]
fn peers_are_spread_over_the_workers() {
    let engine = engine(3);
    let peers: Vec<End> = (0..6).map(|_| end(&engine, IceRole::Controlled, DtlsRole::ActPass)).collect();
    assert_eq!(engine.loads(), [2, 2, 2]);
    let config = PeerConfig {
        id: 2,
        ice_role: IceRole::Controlled,
        dtls_role: DtlsRole::ActPass,
        worker: Some(1),
        force_relay: false,
    };
    let (sender, _seen) = channel();
    engine.create_peer(
        config,
        Arc::new(Sink { seen: Mutex::new(sender), forward: Mutex::default(), answer: Mutex::default() }),
    );
    assert_eq!(engine.loads(), [2, 3, 2]);
    engine.stop();
    assert_eq!(engine.loads(), [0, 0, 0]);
    for mut peer in peers {
        peer.wait_closed(HangupReason::Detach);
    }
}

/// One video m-line, sent by `sender` with SSRC `ssrc` and received by `receiver`.
fn one_way(sender: &End, receiver: &End, ssrc: u32) {
    let medium = |send: bool| MediumConfig {
        mindex: 0,
        kind: MediaKind::Video,
        mid: "v".into(),
        send,
        recv: !send,
        ssrc: if send { ssrc } else { ssrc + 1 },
        ssrc_rtx: 0,
        remote_ssrc: [if send { 0 } else { ssrc }, 0, 0],
        remote_ssrc_rtx: [0; 3],
        rids: [None, None, None],
        nacks: true,
        clock_rates: vec![(96, 90000)],
        rtx_payload_types: Vec::new(),
        codecs: vec![(96, "vp8".into())],
        opus_red_pt: None,
    };
    sender.peer.command(Command::SetMedia(vec![medium(true)]));
    receiver.peer.command(Command::SetMedia(vec![medium(false)]));
    // Both have taken it over when they answer.
    assert!(sender.peer.snapshot().is_some() && receiver.peer.snapshot().is_some());
}

// MP-148, MP-168, MP-172, MP-180, MP-181, MP-228: from a thread of nobody's, through the ring of the sending worker.
#[test]
fn a_burst_from_a_foreign_thread_keeps_its_order() {
    let (a, b) = (engine(1), engine(1));
    let mut early = end(&a, IceRole::Controlled, DtlsRole::Passive);
    early.send(1, 100);
    let (sender, mut receiver) = pair(&a, &b);
    one_way(&sender, &receiver, 0x1111);
    for sequence in 0..200 {
        sender.send(1000 + sequence, if sequence % 10 == 9 { 50 } else { 1000 });
    }
    let packets = receiver.rtp(200);
    for (index, (sequence, timestamp, ssrc, payload)) in packets.iter().enumerate() {
        assert_eq!(usize::from(*sequence), index + 1);
        assert_eq!((*timestamp, *ssrc), (3000 * index as u32, 0x1111));
        assert_eq!(payload.len(), if index % 10 == 9 { 50 } else { 1000 });
        assert!(payload.iter().all(|byte| *byte == (1000 + index) as u8));
    }
    receiver.wait("receiving", |s| matches!(s, Seen::Event(PeerEvent::Receiving { receiving: true, .. })));
    let medium = &receiver.peer.snapshot().unwrap().media[0];
    assert_eq!(medium.layers[0].received.packets, 200);
    early.peer.command(Command::Hangup(HangupReason::ClosePc));
    early.wait_closed(HangupReason::ClosePc);
}

// A plugin forwards from inside its callback, to receivers of the same worker and of another.
#[test]
fn a_plugin_forwards_on_its_own_worker_and_to_another() {
    // One worker per client, because a server tells PeerConnections apart by the address of the client.
    let (server, clients) = (engine(2), engine(5));
    let (publisher, at_server) = pair(&clients, &server);
    one_way(&publisher, &at_server, 0x1000);
    let mut viewers = Vec::new();
    for index in 0..4_u32 {
        let (to_viewer, viewer) = pair(&server, &clients);
        one_way(&to_viewer, &viewer, 0x2000 + 0x100 * index);
        at_server.sink.forward.lock().unwrap().push(to_viewer.peer.clone());
        viewers.push((to_viewer, viewer));
    }
    let workers: Vec<usize> = viewers.iter().map(|(v, _)| v.peer.worker()).collect();
    assert!(workers.contains(&0) && workers.contains(&1));
    for sequence in 0..50 {
        publisher.send(sequence, 700);
    }
    for (index, (_, viewer)) in viewers.iter_mut().enumerate() {
        let packets = viewer.rtp(50);
        let order: Vec<u16> = packets.iter().map(|p| p.0).collect();
        assert_eq!(order, (1..=50).collect::<Vec<u16>>());
        for (sequence, _, ssrc, payload) in &packets {
            assert_eq!(*ssrc, 0x2000 + 0x100 * index as u32);
            assert_eq!(payload, &vec![(*sequence - 1) as u8; 700]);
        }
    }
}

// MP-200, MP-204: a PLI of the plugin arrives at the plugin of the other side.
#[test]
fn a_keyframe_request_crosses() {
    let (a, b) = (engine(1), engine(1));
    let (mut sender, mut receiver) = pair(&a, &b);
    one_way(&sender, &receiver, 0x1111);
    sender.send(1, 100);
    receiver.rtp(1);
    receiver.peer.command(Command::SendPli { mindex: None });
    sender.wait("PLI", |s| matches!(s, Seen::Rtcp(packet) if packet[..2] == [0x81, 206]));
}

// MP-090, MP-213 to MP-223: data is added to a connection that is up; small and large messages cross in order.
#[test]
fn data_channels_cross() {
    let (a, b) = (engine(1), engine(1));
    let (mut left, mut right) = pair(&a, &b);
    let text = |label: Option<&str>, message: Vec<u8>| Command::RelayData {
        label: label.map(str::to_owned),
        protocol: Some("proto".into()),
        binary: false,
        message,
    };
    // MP-219
    left.peer.command(text(None, b"too early".to_vec()));
    left.peer.command(Command::EnableData(DataTerms::default()));
    right.peer.command(Command::EnableData(DataTerms::default()));
    left.wait("data ready", |s| matches!(s, Seen::DataReady));
    left.peer.command(text(None, b"hello".to_vec()));
    left.peer.command(text(None, vec![7; 60_000]));
    right.wait("large message", |s| matches!(s, Seen::Data(_, _, _, m) if *m == vec![7; 60_000]));
    let data: Vec<_> = right.log.iter().filter(|s| matches!(s, Seen::Data(..))).collect();
    let [Seen::Data(label, protocol, false, first), _] = &data[..] else { panic!("{data:?}") };
    assert_eq!((label.as_str(), protocol.as_str(), &first[..]), ("JanusDataChannel", "proto", &b"hello"[..]));
    right.peer.command(Command::RelayData {
        label: Some("JanusDataChannel".into()),
        protocol: None,
        binary: true,
        message: vec![1, 2, 3],
    });
    left.wait("answer", |s| matches!(s, Seen::Data(_, _, true, m) if *m == [1, 2, 3]));
    assert!(left.peer.snapshot().unwrap().sctp_association);
}

// MP-217: from inside a callback, also to a PeerConnection of another worker, and from other threads; always in order.
#[test]
fn data_is_answered_from_inside_the_callback() {
    let (a, b) = (engine(2), engine(2));
    let (mut left, mut right) = pair(&a, &b);
    let (mut to_other, mut other) = pair(&b, &a);
    for end in [&mut left, &mut right, &mut to_other, &mut other] {
        end.peer.command(Command::EnableData(DataTerms::default()));
    }
    for end in [&mut left, &mut right, &mut to_other, &mut other] {
        end.wait("data ready", |s| matches!(s, Seen::DataReady));
    }
    right.sink.answer.lock().unwrap().extend([right.peer.clone(), to_other.peer.clone()]);
    for n in 0..50 {
        left.peer.relay_data(Some("here"), None, true, &[n]);
    }
    for end in [&mut left, &mut other] {
        end.wait("the last answer", |s| matches!(s, Seen::Data(_, _, true, m) if *m == [49, 2]));
        let said = end.log.iter().filter_map(|s| match s {
            Seen::Data(label, _, _, message) if label == "here" => Some(message.to_vec()),
            _ => None,
        });
        let expected: Vec<Vec<u8>> = (0..50).flat_map(|n| (0..3).map(move |more| vec![n, more])).collect();
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }
}

/// Lines of a text capture: direction, first byte, type.
fn captured(path: &std::path::Path) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        (
            words[0].into(),
            words[3].into(),
            words.last().unwrap().trim_start_matches("JANUS_TEXT2PCAP_").into(),
        )
    };
    text.lines().map(line).collect()
}

// Control plane §7: what is captured is not encrypted, and it ends when it is told to.
#[test]
fn a_capture_sees_both_directions_in_the_clear() {
    let (a, b) = (engine(1), engine(1));
    let (mut sender, mut receiver) = pair(&a, &b);
    one_way(&sender, &receiver, 0x1111);
    let folder = std::env::temp_dir().join(format!("janus-rs-tap-{}", std::process::id()));
    let capture = |end: &End, name: &str| {
        let folder = folder.to_str().unwrap();
        let capture = Arc::new(Capture::create(Some(folder), Some(name), 0, Format::Text).unwrap());
        end.peer.command(Command::Capture(Some(capture)));
    };
    capture(&sender, "sender");
    capture(&receiver, "receiver");
    for end in [&sender, &receiver] {
        end.peer.command(Command::EnableData(DataTerms::default()));
        end.peer.snapshot().unwrap();
    }
    sender.send(1, 100);
    receiver.rtp(1);
    receiver.peer.command(Command::SendPli { mindex: None });
    sender.wait("PLI", |s| matches!(s, Seen::Rtcp(packet) if packet[..2] == [0x81, 206]));
    sender.wait("data ready", |s| matches!(s, Seen::DataReady));
    sender.peer.command(Command::RelayData {
        label: None,
        protocol: None,
        binary: true,
        message: vec![7, 8],
    });
    receiver.wait("data", |s| matches!(s, Seen::Data(..)));
    for end in [&sender, &receiver] {
        end.peer.command(Command::Capture(None));
        end.peer.snapshot().unwrap();
    }
    sender.send(2, 100);
    receiver.rtp(1);
    for (name, media, feedback) in [("sender", "O", "I"), ("receiver", "I", "O")] {
        let lines = captured(&folder.join(name));
        let count = |direction: &str, first: &str, kind: &str| {
            lines.iter().filter(|(d, f, k)| d == direction && f == first && k == kind).count()
        };
        // Our own packets carry an extension block when they have left us.
        assert_eq!(count(media, "80", "RTP") + count(media, "90", "RTP"), 1, "{lines:?}");
        assert_eq!(count(feedback, "81", "RTCP"), 1, "{lines:?}");
        assert_eq!(count(media, "07", "DATA"), 1, "{lines:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// Between a client and a server; what the client sends comes out of one of two sockets.
struct Nat {
    inside: UdpSocket,
    outside: [UdpSocket; 2],
}

impl Nat {
    /// Carries datagrams until `done`; from the moment that `moved` is set through the second socket, while the first
    /// one is dead.
    fn run(&self, server: std::net::SocketAddr, moved: &AtomicBool, done: &AtomicBool) {
        let mut client = None;
        let mut buffer = [0; 2000];
        for socket in [&self.inside, &self.outside[0], &self.outside[1]] {
            socket.set_nonblocking(true).unwrap();
        }
        while !done.load(Ordering::SeqCst) {
            let mut idle = true;
            let current = &self.outside[usize::from(moved.load(Ordering::SeqCst))];
            while let Ok((len, from)) = self.inside.recv_from(&mut buffer) {
                client = Some(from);
                let _ = current.send_to(&buffer[..len], server);
                idle = false;
            }
            while let Ok((len, _)) = current.recv_from(&mut buffer) {
                if let Some(client) = client {
                    let _ = self.inside.send_to(&buffer[..len], client);
                }
                idle = false;
            }
            if idle {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

// The client's address changes; its nomination from the new one moves what we send.
#[test]
fn a_path_change_is_followed() {
    let (server, clients) = (engine(1), engine(1));
    let socket = || UdpSocket::bind("127.0.0.1:0").unwrap();
    let nat = Nat { inside: socket(), outside: [socket(), socket()] };
    let (moved, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let through = |mut candidate: Candidate, address| {
        candidate.address = address;
        candidate
    };
    std::thread::scope(|scope| {
        scope.spawn(|| nat.run(server.addresses()[0][0], &moved, &done));
        let mut client = end(&clients, IceRole::Controlling, DtlsRole::ActPass);
        let mut at_server = end(&server, IceRole::Controlled, DtlsRole::Active);
        let inside = nat.inside.local_addr().unwrap();
        for (from, engine, to, role) in [
            (&client, &clients, &at_server, DtlsRole::Active),
            (&at_server, &server, &client, DtlsRole::Passive),
        ] {
            let transport = RemoteTransport {
                credentials: from.peer.local_credentials(),
                fingerprint: Some(Fingerprint {
                    hash: FingerprintHash::Sha256,
                    value: engine.fingerprint().into(),
                }),
                ice_lite: false,
            };
            to.peer.command(Command::SetRemote { transport, dtls_role: role });
        }
        let candidate = at_server.peer.local_candidates().remove(0);
        client.peer.command(Command::AddRemoteCandidate(through(candidate, inside)));
        client.peer.command(Command::StartChecks);
        at_server.peer.command(Command::StartChecks);
        client.wait_connected();
        at_server.wait_connected();
        one_way(&at_server, &client, 0x1111);
        at_server.send(1, 100);
        client.rtp(1);
        moved.store(true, Ordering::SeqCst);
        let new = nat.outside[1].local_addr().unwrap();
        at_server.wait(
            "new pair",
            |s| matches!(s, Seen::Event(PeerEvent::SelectedPair { remote, .. }) if remote.address == new),
        );
        at_server.send(2, 100);
        assert_eq!(client.rtp(1)[0].0, 2);
        done.store(true, Ordering::SeqCst);
    });
}

// §3.1 stun_server, §3.2: one answer per worker makes a candidate for each of its PeerConnections.
#[test]
fn a_stun_server_yields_reflexive_candidates() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let stun_server = server.local_addr().unwrap();
    let answering = std::thread::spawn(move || {
        let mut request = [0; 100];
        let (len, from) = server.recv_from(&mut request).unwrap();
        assert_eq!((len, &request[..4]), (20, &[0, 1, 0, 0][..]));
        let mut answer = request[..len].to_vec();
        answer[0] = 1;
        answer[3] = 12;
        // 198.51.100.7:40000
        let port = (40000_u16 ^ 0x2112).to_be_bytes();
        answer.extend([0, 0x20, 0, 8, 0, 1, port[0], port[1]]);
        answer.extend([198 ^ 0x21, 51 ^ 0x12, 100 ^ 0xA4, 7 ^ 0x42]);
        server.send_to(&answer, from).unwrap();
    });
    let engine = Engine::start(EngineConfig {
        workers: Some(1),
        addresses: vec![[127, 0, 0, 1].into()],
        stun_server: Some(stun_server),
        ..EngineConfig::default()
    })
    .unwrap();
    answering.join().unwrap();
    let peer = end(&engine, IceRole::Controlled, DtlsRole::ActPass).peer;
    let port = engine.addresses()[0][0].port();
    let texts: Vec<String> =
        peer.local_candidates().iter().map(crate::media::ice::candidate::format).collect();
    assert_eq!(
        texts[1],
        format!("2 1 udp 1694498559 198.51.100.7 40000 typ srflx raddr 127.0.0.1 rport {port}")
    );
    assert_eq!(texts.len(), 2);
}

#[test]
fn a_narrow_port_range_gives_fewer_workers() {
    let start = || {
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Engine::start(EngineConfig {
            workers: Some(3),
            rtp_port_range: (free, free),
            addresses: vec![[127, 0, 0, 1].into()],
            ..EngineConfig::default()
        })
    };
    // Anybody may take the port meanwhile, such as another test.
    let engine = (0..100).find_map(|_| start().ok());
    assert_eq!(engine.map(|e| e.addresses().len()), Some(1));
}
