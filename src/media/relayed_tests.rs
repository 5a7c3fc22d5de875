//! PeerConnections of one worker through a relay on loopback.

use super::*;
use crate::media::turn::fixtures::{Counts, Loopback};
use std::sync::atomic::AtomicUsize;

/// One with a relay.
fn relayed_engine(relay: &Loopback) -> Engine {
    Engine::start(EngineConfig {
        workers: Some(1),
        addresses: vec![[127, 0, 0, 1].into()],
        turn_servers: vec![relay.server()],
        stats_period: 0,
        ..EngineConfig::default()
    })
    .unwrap()
}

/// A PeerConnection that nothing but the relay leads to, and who talks with it.
fn relayed_pair(a: &Engine, b: &Engine) -> (End, End) {
    let config = PeerConfig {
        id: 1,
        ice_role: IceRole::Controlled,
        dtls_role: DtlsRole::Active,
        worker: None,
        force_relay: true,
    };
    let mut relayed = end_of(a, config);
    let mut other = end(b, IceRole::Controlling, DtlsRole::ActPass);
    describe(&other, b, &relayed, DtlsRole::Active);
    describe(&relayed, a, &other, DtlsRole::Passive);
    relayed.wait_connected();
    other.wait_connected();
    (relayed, other)
}

fn pair_of(end: &End) -> String {
    end.peer.snapshot().unwrap().selected_pair.unwrap()
}

fn count(of: &AtomicUsize) -> usize {
    of.load(Ordering::SeqCst)
}

// MP-116
#[test]
fn a_call_through_a_relay() {
    let relay = Loopback::start();
    let (a, b) = (relayed_engine(&relay), engine(1));
    let Counts { allocations, permissions, channels, by_channel, refused, .. } = &*relay.counts;
    assert_eq!(count(allocations), 1);
    let (mut relayed, mut other) = relayed_pair(&a, &b);
    let own = a.relayed_addresses()[0];
    // Nothing else is told, not even where the relay sees us.
    let texts: Vec<String> =
        relayed.peer.local_candidates().iter().map(crate::media::ice::candidate::format).collect();
    let (ip, port) = (own.ip(), own.port());
    assert_eq!(texts.len(), 1);
    assert!(texts[0].ends_with(&format!(" {ip} {port} typ relay raddr 0.0.0.0 rport 0")), "{texts:?}");
    let at_b = b.addresses()[0][0];
    assert_eq!(
        pair_of(&relayed),
        format!("{}:{} [relay,udp] <-> {}:{} [host,udp]", ip, port, at_b.ip(), at_b.port())
    );
    assert!(pair_of(&other).ends_with(&format!("{ip}:{port} [relay,udp]")));
    // The first datagrams may come before the permission; one is enough for the peer's address.
    assert!((1..=2).contains(&count(permissions)));
    for (sender, receiver, ssrc) in [(0, 1, 9), (1, 0, 17)] {
        let ends = [&mut relayed, &mut other];
        one_way(ends[sender], ends[receiver], ssrc);
        // Few at a time: the relay's buffers are the system's smallest.
        for begin in (0..100).step_by(10) {
            for sequence in begin..begin + 10 {
                ends[sender].send(sequence, 1000 - usize::from(sequence) % 3);
            }
            for (sequence, (number, _, _, payload)) in (begin..).zip(ends[receiver].rtp(10)) {
                assert_eq!((number, payload.len()), (sequence + 1, 1000 - usize::from(sequence) % 3));
                assert!(payload.iter().all(|byte| *byte == sequence as u8));
            }
        }
    }
    assert!((1..=2).contains(&count(channels)));
    assert!(count(by_channel) >= 100);
    assert!(count(refused) <= 1);
    a.stop();
}

// All of them leave to one address: packets of equal length for several peers are one train.
#[test]
fn many_peers_through_one_relay_share_its_allocation_and_its_trains() {
    const PEERS: usize = 12;
    let relay = Loopback::start();
    // A worker, so a socket, for each peer.
    let (a, b) = (relayed_engine(&relay), engine(PEERS + 1));
    let (mut source, mut pairs) = (end(&a, IceRole::Controlled, DtlsRole::Active), Vec::new());
    let mut publisher = end(&b, IceRole::Controlling, DtlsRole::ActPass);
    describe(&publisher, &b, &source, DtlsRole::Active);
    describe(&source, &a, &publisher, DtlsRole::Passive);
    source.wait_connected();
    publisher.wait_connected();
    one_way(&publisher, &source, 9);
    for peer in 0..PEERS as u32 {
        let (relayed, other) = relayed_pair(&a, &b);
        one_way(&relayed, &other, 100 + 2 * peer);
        source.sink.forward.lock().unwrap().push(relayed.peer.clone());
        pairs.push((relayed, other));
    }
    let before = a.traffic()[0];
    for begin in (0..60).step_by(3) {
        (begin..begin + 3).for_each(|sequence| publisher.send(sequence, 900));
        for (_, other) in &mut pairs {
            let got = other.rtp(3);
            assert!((begin..).zip(got).all(|(sequence, (number, ..))| sequence + 1 == number));
        }
    }
    let Counts { allocations, channels, by_channel, .. } = &*relay.counts;
    // A request is sent again when its answer takes long.
    assert!(count(allocations) == 1 && (PEERS..=2 * PEERS).contains(&count(channels)));
    assert!(count(by_channel) >= 60 * PEERS);
    let after = a.traffic()[0];
    assert!(after.sent - before.sent >= 60 * PEERS as u64 && after.dropped == before.dropped);
    a.stop();
}

#[test]
fn a_call_outlives_its_allocation() {
    let relay = Loopback::start();
    let (a, b) = (relayed_engine(&relay), engine(1));
    let (mut relayed, mut other) = relayed_pair(&a, &b);
    one_way(&relayed, &other, 9);
    let first = a.relayed_addresses();
    relay.forget();
    let limit = std::time::Instant::now() + PATIENCE;
    while !pair_of(&other).ends_with(&format!(":{} [prflx,udp]", second_port(&a, &first))) {
        assert!(std::time::Instant::now() < limit, "{} {}", pair_of(&relayed), pair_of(&other));
        std::thread::sleep(Duration::from_millis(20));
    }
    while !pair_of(&relayed).starts_with(&a.relayed_addresses()[0].to_string()) {
        assert!(std::time::Instant::now() < limit, "{}", pair_of(&relayed));
        std::thread::sleep(Duration::from_millis(20));
    }
    for sequence in 0..20 {
        relayed.send(sequence, 700);
    }
    assert_eq!(other.rtp(20).len(), 20);
    let gone = |s: &Seen| matches!(s, Seen::Closed(_));
    assert!(!relayed.log.iter().chain(&other.log).any(gone));
    relayed.wait(
        "the new candidate",
        |s| matches!(s, Seen::Event(PeerEvent::LocalCandidate(c)) if c.address == a.relayed_addresses()[0]),
    );
}

/// Of the allocation after the first; 0 as long as there is none.
fn second_port(engine: &Engine, first: &[std::net::SocketAddr]) -> u16 {
    engine.relayed_addresses().iter().find(|address| !first.contains(address)).map_or(0, |a| a.port())
}
