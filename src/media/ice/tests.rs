mod hostile;
mod moved;

use super::*;
use crate::media::types::*;
use candidate::{Malformed, Parsed};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn credentials(name: &str) -> IceCredentials {
    IceCredentials { ufrag: format!("{name}ufrag"), pwd: format!("{name}-password-of-twenty-two") }
}

/// One end of a simulated network: the agent and the NAT in front of it.
struct End {
    agent: Agent,
    /// What the other side sees as our source, when not the real one.
    seen_as: Option<SocketAddr>,
    events: Vec<AgentEvent>,
}

fn end(name: &str, role: IceRole, lite: bool, addresses: &[&str]) -> End {
    end_with_tcp(name, role, lite, addresses, &[])
}

fn end_with_tcp(name: &str, role: IceRole, lite: bool, addresses: &[&str], tcp: &[&str]) -> End {
    End {
        agent: Agent::new(AgentConfig {
            relayed: None,
            credentials: credentials(name),
            role,
            lite,
            consent_freshness: true,
            addresses: addresses.iter().map(|a| address(a)).collect(),
            tcp: tcp.iter().map(|a| address(a)).collect(),
        }),
        seen_as: None,
        events: Vec::new(),
    }
}

fn host(of: &str) -> Candidate {
    Candidate {
        foundation: "1".into(),
        component: 1,
        protocol: Protocol::Udp,
        priority: local::host_priority(0),
        address: address(of),
        kind: CandidateType::Host,
        related: None,
        tcptype: None,
    }
}

/// Runs both agents for `span` of simulated time.
fn run(a: &mut End, b: &mut End, now: &mut Instant, span: Duration) {
    let until = *now + span;
    while *now < until {
        for flip in [false, true] {
            let (from, to) = if flip { (&mut *b, &mut *a) } else { (&mut *a, &mut *b) };
            while let Some(out) = from.agent.poll_transmit() {
                let source = from.seen_as.unwrap_or(out.path.local);
                // Behind a NAT only the address we are seen as can be reached.
                let real = to.seen_as;
                let target = if real == Some(out.path.remote) { None } else { Some(out.path.remote) };
                let local = target.unwrap_or_else(|| to.agent_address());
                to.agent.handle(*now, Path::udp(local, source), &out.message);
            }
            from.agent.handle_timeout(*now);
            while let Some(event) = from.agent.poll_event() {
                from.events.push(event);
            }
        }
        *now += Duration::from_millis(10);
    }
}

impl End {
    fn agent_address(&self) -> SocketAddr {
        address("10.0.0.2:2000")
    }

    fn selected(&self) -> Option<Path> {
        self.agent.path()
    }
}

fn connected() -> (End, End, Instant) {
    let mut server = end("s", IceRole::Controlled, false, &["10.0.0.1:1000"]);
    let mut client = end("c", IceRole::Controlling, false, &["10.0.0.2:2000"]);
    let mut now = Instant::now();
    server.agent.set_remote(credentials("c"), false);
    client.agent.set_remote(credentials("s"), false);
    server.agent.add_remote(host("10.0.0.2:2000"));
    client.agent.add_remote(host("10.0.0.1:1000"));
    server.agent.start(now);
    client.agent.start(now);
    run(&mut server, &mut client, &mut now, Duration::from_secs(1));
    (server, client, now)
}

// MP-113, MP-117: both ends select the same pair; states come in the order of §3.3.
#[test]
fn two_agents_connect() {
    let (server, client, _) = connected();
    let path = Path::udp(address("10.0.0.1:1000"), address("10.0.0.2:2000"));
    assert_eq!(server.selected(), Some(path));
    assert_eq!(client.selected(), Some(Path::udp(path.remote, path.local)));
    let states: Vec<_> = server.events.iter().filter(|e| !matches!(e, AgentEvent::Reachable(_))).collect();
    assert_eq!(
        states,
        [
            &AgentEvent::State(IceState::Connecting),
            &AgentEvent::State(IceState::Connected),
            &AgentEvent::Selected(path),
            &AgentEvent::State(IceState::Ready)
        ]
    );
}

/// Two checks and their answers, in steps of 10 ms: the first one is not kept waiting by a turn in which there was none, nor the
/// nomination by a check that has its answer. A peer's handshake waits for both.
#[test]
fn what_is_answered_slows_nothing_down() {
    let mut server = end("s", IceRole::Controlling, false, &["10.0.0.1:1000"]);
    let mut client = end("c", IceRole::Controlled, false, &["10.0.0.2:2000"]);
    let mut now = Instant::now();
    server.agent.set_remote(credentials("c"), false);
    client.agent.set_remote(credentials("s"), false);
    server.agent.start(now);
    client.agent.add_remote(host("10.0.0.1:1000"));
    client.agent.start(now);
    run(&mut server, &mut client, &mut now, Duration::from_millis(40));
    assert!(server.selected().is_some() && client.selected().is_some());
}

// MP-114: a lite agent answers only, and its peer controls.
#[test]
fn lite_agent_is_found_without_checks_of_its_own() {
    let mut server = end("s", IceRole::Controlling, true, &["10.0.0.1:1000"]);
    let mut client = end("c", IceRole::Controlled, false, &["10.0.0.2:2000"]);
    let mut now = Instant::now();
    server.agent.set_remote(credentials("c"), false);
    client.agent.set_remote(credentials("s"), true);
    client.agent.add_remote(host("10.0.0.1:1000"));
    server.agent.start(now);
    client.agent.start(now);
    run(&mut server, &mut client, &mut now, Duration::from_secs(1));
    assert_eq!(server.selected().map(|p| p.remote), Some(address("10.0.0.2:2000")));
    assert_eq!(server.agent.state(), IceState::Ready);
    assert!(
        server
            .events
            .iter()
            .any(|e| matches!(e, AgentEvent::PeerReflexive(c) if c.address == address("10.0.0.2:2000")))
    );
}

// A path change is followed at once, and the candidate is reported as peer-reflexive.
#[test]
fn a_nomination_from_a_new_address_moves_the_path() {
    let (mut server, mut client, mut now) = connected();
    client.seen_as = Some(address("192.0.2.7:7777"));
    run(&mut server, &mut client, &mut now, Duration::from_secs(4));
    assert_eq!(server.selected().map(|p| p.remote), Some(address("192.0.2.7:7777")));
    assert!(server.events.contains(&AgentEvent::Reachable(Origin::udp(address("192.0.2.7:7777")))));
}

#[test]
fn messages_with_a_wrong_password_change_nothing() {
    let mut server = end("s", IceRole::Controlled, false, &["10.0.0.1:1000"]);
    let mut liar = end("c", IceRole::Controlling, false, &["10.0.0.2:2000"]);
    let mut now = Instant::now();
    server.agent.set_remote(credentials("c"), false);
    let wrong = IceCredentials { pwd: "not-the-password-at-all".into(), ..credentials("s") };
    liar.agent.set_remote(wrong, false);
    liar.agent.add_remote(host("10.0.0.1:1000"));
    server.agent.start(now);
    liar.agent.start(now);
    server.events.clear();
    run(&mut server, &mut liar, &mut now, Duration::from_secs(2));
    assert_eq!(server.selected(), None);
    assert_eq!(server.events, [AgentEvent::State(IceState::Connecting)]);
}

// MP-087, MP-091: fresh credentials, same candidates, the old path until the new one is there.
#[test]
fn restart_keeps_the_path_and_connects_again() {
    let (mut server, mut client, mut now) = connected();
    let before = server.selected();
    server.agent.restart(credentials("s2"));
    client.agent.restart(credentials("c2"));
    assert_eq!(server.selected(), before);
    server.agent.set_remote(credentials("c2"), false);
    client.agent.set_remote(credentials("s2"), false);
    client.agent.add_remote(host("10.0.0.1:1000"));
    server.events.clear();
    run(&mut server, &mut client, &mut now, Duration::from_secs(2));
    assert_eq!(server.agent.local_ufrag(), "s2ufrag");
    let states = server.events.iter().rfind(|e| matches!(e, AgentEvent::State(_)));
    assert_eq!(states, Some(&AgentEvent::State(IceState::Ready)));
}

// MP-119: checks that nobody answers end in "failed", after as many as a lossy network may need.
#[test]
fn unanswered_checks_fail() {
    let mut server = end("s", IceRole::Controlling, false, &["10.0.0.1:1000"]);
    let start = Instant::now();
    let mut now = start;
    server.agent.set_remote(credentials("c"), false);
    server.agent.add_remote(host("10.0.0.9:9"));
    server.agent.start(now);
    let mut checks = 0;
    while server.agent.state() != IceState::Failed {
        checks += std::iter::from_fn(|| server.agent.poll_transmit()).count();
        now += Duration::from_millis(10);
        assert!(now - start < Duration::from_secs(8), "of simulated time");
        server.agent.handle_timeout(now);
    }
    assert!(now - start > Duration::from_secs(7));
    assert_eq!(checks, 7);
}

// As `unanswered_checks_fail`: a path that worked is waited for longer, and checked less often.
#[test]
fn a_silent_peer_fails_later_once_connected() {
    let (mut server, _client, start) = connected();
    let mut now = start;
    while server.agent.state() != IceState::Failed {
        while server.agent.poll_transmit().is_some() {}
        now += Duration::from_millis(10);
        assert!(now - start < Duration::from_secs(30), "of simulated time");
        server.agent.handle_timeout(now);
    }
    assert!(now - start > Duration::from_secs(10));
}

// media-plane.md §3.2.
#[test]
fn candidates_are_written_as_the_reference_does() {
    assert_eq!(candidate::format(&host("10.0.0.1:1000")), "1 1 udp 2130706431 10.0.0.1 1000 typ host");
    let reflexive = Candidate {
        kind: CandidateType::ServerReflexive,
        related: Some(address("10.0.0.1:1000")),
        ..host("192.0.2.1:5")
    };
    assert_eq!(
        candidate::format(&reflexive),
        "1 1 udp 2130706431 192.0.2.1 5 typ srflx raddr 10.0.0.1 rport 1000"
    );
}

// media-plane.md §3.5, MP-101 to MP-104.
#[test]
fn candidates_are_read_leniently() {
    let text =
        "candidate:842163049 1 UDP 1677729535 192.0.2.3 45664 typ srflx raddr 10.0.0.5 rport 4 generation 0";
    let Ok(Parsed::Candidate(c)) = candidate::parse(text, false) else { panic!("not parsed") };
    assert_eq!(c.address, address("192.0.2.3:45664"));
    assert_eq!(c.related, Some(address("10.0.0.5:4")));
    assert_eq!(c.kind, CandidateType::ServerReflexive);
    assert_eq!(candidate::parse("", false), Ok(Parsed::Ignored));
    assert_eq!(candidate::parse("candidate:1 2 udp 1 10.0.0.1 5 typ host", false), Ok(Parsed::Ignored));
    assert_eq!(candidate::parse("candidate:1 1 udp 1 10.0.0.1 5 typ", false), Err(Malformed));
    let tcp = "1 1 tcp 1 10.0.0.1 9 typ host tcptype active";
    assert_eq!(candidate::parse(tcp, false), Ok(Parsed::Ignored));
    let Ok(Parsed::Candidate(c)) = candidate::parse(tcp, true) else { panic!("not parsed") };
    assert_eq!(c.tcptype.as_deref(), Some("active"));
    assert_eq!(
        candidate::parse("candidate:1 1 udp 1 a-b.local 5 typ host", false),
        Ok(Parsed::Name("a-b.local".into()))
    );
}

// MP-110, MP-111.
#[test]
fn a_mapping_takes_the_place_of_host_addresses_of_its_family() {
    let bound = [address("10.0.0.1:1000"), address("10.0.0.2:1000"), address("[2001:db8::1]:1000")];
    let mut config =
        EngineConfig { nat_1_1_mapping: vec!["192.0.2.1".parse().unwrap()], ..Default::default() };
    let shown = |config: &EngineConfig| -> Vec<SocketAddr> {
        local::advertised(config, &bound).iter().map(|c| c.address).collect()
    };
    assert_eq!(shown(&config), [address("192.0.2.1:1000"), address("[2001:db8::1]:1000")]);
    config.keep_private_host = true;
    assert_eq!(shown(&config), [address("192.0.2.1:1000"), bound[0], bound[1], bound[2]]);
}

#[test]
fn owners_of_stun_messages() {
    let mut message = vec![0, 1, 0, 16, 0x21, 0x12, 0xA4, 0x42];
    message.extend_from_slice(b"transactions");
    message.extend_from_slice(&[0, 6, 0, 9]);
    message.extend_from_slice(b"mine:your\0\0\0");
    assert_eq!(stun::owner(&message), Some(stun::Owner::Ufrag("mine")));
    assert_eq!(stun::request_transaction(&message), Some(*b"transactions"));
    message[1] = 1;
    message[0] = 1;
    assert_eq!(stun::owner(&message), Some(stun::Owner::Transaction(*b"transactions")));
    message[4] = 0;
    assert_eq!(stun::owner(&message), None);
    // A length that points outside.
    let mut short = message.clone();
    short[..8].copy_from_slice(&[0, 1, 0, 16, 0x21, 0x12, 0xA4, 0x42]);
    short[23] = 200;
    assert_eq!(stun::owner(&short), None);
}

/// A peer chooses the words of its candidates: cutting a long one must not split a character.
#[test]
fn a_long_candidate_is_cut_between_characters() {
    let text = format!("1 1 tcp 1 127.0.0.1 9 typ host tcptype {}", "é".repeat(200));
    let Ok(candidate::Parsed::Candidate(found)) = candidate::parse(&text, true) else { panic!() };
    for prefix in ["1", "12"] {
        let written = candidate::format(&Candidate { foundation: prefix.into(), ..found.clone() });
        assert!((198..=199).contains(&written.len()), "{written}");
    }
}

#[test]
fn candidates_without_end_are_not_kept() {
    let mut end = end("a", IceRole::Controlled, false, &["10.0.0.1:1"]);
    end.agent.set_remote(credentials("b"), false);
    for early in [true, false] {
        if !early {
            end.agent.start(Instant::now());
        }
        for port in 1..2000 {
            end.agent.add_remote(host(&format!("10.0.0.2:{port}")));
        }
        assert_eq!(end.agent.told(), 100);
    }
}

/// A Binding request of the controlling peer `c` that nominates, as `is` writes it.
fn nomination(client: &mut End, now: &mut Instant) -> Vec<u8> {
    let until = *now + Duration::from_secs(10);
    loop {
        *now += Duration::from_millis(10);
        assert!(*now < until, "no check");
        client.agent.handle_timeout(*now);
        while let Some(out) = client.agent.poll_transmit() {
            if stun::request_transaction(&out.message).is_some() {
                return out.message;
            }
        }
    }
}

// Who nominates whatever answers nominates the slowest path last: a relay is for when nothing else works.
#[test]
fn a_relay_takes_no_call_from_a_path_that_works() {
    let (mut server, mut client, mut now) = connected();
    let direct = server.selected().unwrap();
    let relayed = address("192.0.2.1:40000");
    server.agent.set_addresses(&[direct.local], &[], Some(relayed));
    let through = Path::relayed(relayed, direct.remote);
    let until = now + Duration::from_secs(3);
    while now < until {
        server.agent.handle_timeout(now);
        while let Some(out) = server.agent.poll_transmit() {
            client.agent.handle(now, Path::udp(direct.remote, out.path.local), &out.message);
        }
        client.agent.handle_timeout(now);
        while let Some(out) = client.agent.poll_transmit() {
            let path = if out.path.remote == relayed { through } else { direct };
            server.agent.handle(now, path, &out.message);
        }
        now += Duration::from_millis(10);
    }
    let check = nomination(&mut client, &mut now);
    assert!(server.agent.handle(now, through, &check));
    assert_eq!(server.selected(), Some(direct));
}

fn lite() -> (End, End, Instant) {
    let mut server = end("s", IceRole::Controlled, true, &["10.0.0.1:1000"]);
    let mut client = end("c", IceRole::Controlling, false, &["10.0.0.2:2000"]);
    let mut now = Instant::now();
    server.agent.set_remote(credentials("c"), false);
    client.agent.set_remote(credentials("s"), true);
    client.agent.add_remote(host("10.0.0.1:1000"));
    server.agent.start(now);
    client.agent.start(now);
    run(&mut server, &mut client, &mut now, Duration::from_secs(1));
    server.agent.heard(Origin::udp(address("10.0.0.2:2000")));
    assert_eq!(server.selected().map(|p| p.remote), Some(address("10.0.0.2:2000")));
    (server, client, now)
}

fn from(remote: &str) -> Path {
    Path::udp(address("10.0.0.1:1000"), address(remote))
}

#[test]
fn a_lite_agent_moves_when_media_came_from_there() {
    let (mut server, mut client, mut now) = lite();
    let check = nomination(&mut client, &mut now);
    assert!(server.agent.handle(now, from("192.0.2.7:7"), &check));
    server.agent.heard(Origin::udp(address("10.0.0.2:2000")));
    assert_eq!(server.selected().map(|p| p.remote), Some(address("10.0.0.2:2000")));
    for _ in 0..400 {
        now += Duration::from_millis(10);
        server.agent.handle_timeout(now);
    }
    assert_eq!(server.selected().map(|p| p.remote), Some(address("10.0.0.2:2000")));
    server.agent.heard(Origin::udp(address("192.0.2.7:7")));
    assert_eq!(server.selected().map(|p| p.remote), Some(address("192.0.2.7:7")));
}

#[test]
fn a_copy_of_a_nomination_is_no_nomination() {
    let (mut server, mut client, mut now) = lite();
    let check = nomination(&mut client, &mut now);
    assert!(server.agent.handle(now, from("10.0.0.2:2000"), &check));
    assert!(!server.agent.handle(now, from("192.0.2.7:7"), &check));
    // A retransmission gets its answer.
    while server.agent.poll_transmit().is_some() {}
    assert!(server.agent.handle(now, from("10.0.0.2:2000"), &check));
    assert!(server.agent.poll_transmit().is_some());
    // What the peer nominates next is not undone by a copy from where it was.
    let next = nomination(&mut client, &mut now);
    assert!(server.agent.handle(now, from("192.0.2.8:8"), &next));
    assert!(server.agent.handle(now, from("10.0.0.2:2000"), &check));
    server.agent.heard(Origin::udp(address("192.0.2.8:8")));
    assert_eq!(server.selected().map(|p| p.remote), Some(address("192.0.2.8:8")));
}

// The first nomination: somebody who sees it sends it on, with a source of his own, and is faster.
#[test]
fn a_copy_that_was_faster_than_the_nomination_is_undone_by_the_proof() {
    let (_, mut client, mut now) = lite();
    let check = nomination(&mut client, &mut now);
    let mut server = end("s", IceRole::Controlled, true, &["10.0.0.1:1000"]);
    server.agent.set_remote(credentials("c"), false);
    server.agent.start(now);
    assert!(server.agent.handle(now, from("192.0.2.7:7"), &check));
    assert_eq!(server.agent.path().map(|p| p.remote), Some(address("192.0.2.7:7")));
    assert!(!server.agent.handle(now, from("10.0.0.2:2000"), &check));
    server.agent.heard(Origin::udp(address("10.0.0.2:2000")));
    assert_eq!(server.agent.path().map(|p| p.remote), Some(address("10.0.0.2:2000")));
}

/// The peer was at an address, answered checks there, and is gone from there.
#[test]
fn a_full_agent_does_not_go_back_to_where_nobody_answers() {
    let (mut server, mut client, mut now) = connected();
    client.seen_as = Some(address("192.0.2.7:7777"));
    run(&mut server, &mut client, &mut now, Duration::from_secs(8));
    assert_eq!(server.selected().map(|p| p.remote), Some(address("192.0.2.7:7777")));
    let check = nomination(&mut client, &mut now);
    assert!(server.agent.handle(now, from("10.0.0.2:2000"), &check));
    assert_eq!(server.selected().map(|p| p.remote), Some(address("192.0.2.7:7777")));
}

#[test]
fn the_oldest_address_makes_room_until_a_thousand_were_used() {
    let (mut server, mut client, mut now) = connected();
    let mut forgotten = 0;
    for number in 1..1100_u16 {
        let check = nomination(&mut client, &mut now);
        let taken = server.agent.handle(now, from(&format!("192.0.2.7:{number}")), &check);
        // The first one is where the peer was all the time.
        assert_eq!(taken, number < 1024, "{number}");
        let answered = std::iter::from_fn(|| server.agent.poll_transmit())
            .any(|out| out.path.remote.port() == number && stun::request_transaction(&out.message).is_none());
        assert_eq!(answered, taken, "{number}");
        let events = std::iter::from_fn(|| server.agent.poll_event());
        forgotten += events.filter(|e| matches!(e, AgentEvent::Forgotten(_))).count();
    }
    assert_eq!(forgotten, 1024 - 64);
    // The one that is sent to was never forgotten, and who was forgotten may come again.
    assert_eq!(server.selected().map(|p| p.remote), Some(address("10.0.0.2:2000")));
    let mut again = end("s", IceRole::Controlled, false, &["10.0.0.1:1000"]);
    again.agent.set_remote(credentials("c"), false);
    again.agent.start(now);
    for number in (1..100_u16).chain(1..100) {
        now += Duration::from_millis(50);
        let check = nomination(&mut client, &mut now);
        assert!(again.agent.handle(now, from(&format!("192.0.2.7:{number}")), &check));
        let answered = std::iter::from_fn(|| again.agent.poll_transmit())
            .any(|out| out.path.remote.port() == number && stun::request_transaction(&out.message).is_none());
        assert!(answered, "{number}");
    }
}

/// Candidates of the peer's choice, none of which ever answers.
#[test]
fn checks_are_paced_and_end() {
    let mut server = end("s", IceRole::Controlled, false, &["10.0.0.1:1000", "10.0.0.3:1000"]);
    let mut now = Instant::now();
    server.agent.set_remote(credentials("c"), false);
    for port in 1..=1000 {
        server.agent.add_remote(host(&format!("10.0.0.9:{port}")));
    }
    server.agent.start(now);
    let mut sent = std::collections::HashMap::new();
    let mut last = None::<Instant>;
    for _ in 0..30_000 {
        server.agent.handle_timeout(now);
        while let Some(out) = server.agent.poll_transmit() {
            assert!(last.is_none_or(|last| now - last >= Duration::from_millis(50)));
            assert!(out.uninvited);
            last = Some(now);
            *sent.entry(out.path.remote).or_insert(0) += 1;
        }
        while server.agent.poll_event().is_some() {}
        now += Duration::from_millis(10);
    }
    assert!(sent.len() <= 100 && sent.values().all(|count| *count <= 7), "{sent:?}");
    assert!(sent.values().sum::<i32>() >= 350, "{sent:?}");
    assert!(now - last.unwrap() > Duration::from_secs(60), "they end");
}

/// A connection as its two ends know it.
fn connection(number: u32, client: &str, server: &str) -> (Path, Path) {
    let end =
        |id, local, remote| Path { way: Way::Tcp(TcpId(id)), local: address(local), remote: address(remote) };
    (end(number, client, server), end(100 + number, server, client))
}

/// As [`run`], where messages only go through these connections.
fn run_by_tcp(client: &mut End, server: &mut End, open: &[(Path, Path)], now: &mut Instant, span: Duration) {
    let until = *now + span;
    while *now < until {
        while let Some(out) = client.agent.poll_transmit() {
            if let Some((_, there)) = open.iter().find(|(here, _)| *here == out.path) {
                server.agent.handle(*now, *there, &out.message);
            }
        }
        while let Some(out) = server.agent.poll_transmit() {
            if let Some((there, _)) = open.iter().find(|(_, here)| *here == out.path) {
                client.agent.handle(*now, *there, &out.message);
            }
        }
        for end in [&mut *client, &mut *server] {
            end.agent.handle_timeout(*now);
            while let Some(event) = end.agent.poll_event() {
                end.events.push(event);
            }
        }
        *now += Duration::from_millis(10);
    }
}

fn over_tcp(of: &str, tcptype: &str) -> Candidate {
    Candidate { protocol: Protocol::Tcp, tcptype: Some(tcptype.into()), ..host(of) }
}

/// A server that can be connected to, and a client that was told so.
fn two_with_tcp(lite: bool) -> (End, End, Instant) {
    let role = if lite { IceRole::Controlling } else { IceRole::Controlled };
    let mut server = end_with_tcp("s", role, lite, &["10.0.0.1:1000"], &["10.0.0.1:1000"]);
    let mut client = end_with_tcp("c", IceRole::Controlling, false, &["10.0.0.2:2000"], &["10.0.0.2:2000"]);
    let now = Instant::now();
    server.agent.set_remote(credentials("c"), false);
    client.agent.set_remote(credentials("s"), lite);
    server.agent.add_remote(over_tcp("10.0.0.2:9", "active"));
    client.agent.add_remote(over_tcp("10.0.0.1:1000", "passive"));
    server.agent.start(now);
    client.agent.start(now);
    (server, client, now)
}

// RFC 6544 §7: the active side connects and checks; the same address and port by UDP is another candidate.
#[test]
fn a_connection_that_the_peer_opens_becomes_the_path() {
    for lite in [false, true] {
        let (mut server, mut client, mut now) = two_with_tcp(lite);
        let asked: Vec<_> = std::iter::from_fn(|| client.agent.poll_event()).collect();
        assert!(asked.contains(&AgentEvent::Connect(address("10.0.0.1:1000"))));
        // Nobody connects to who is active.
        assert!(
            !std::iter::from_fn(|| server.agent.poll_event()).any(|e| matches!(e, AgentEvent::Connect(_)))
        );
        let open = [connection(1, "10.0.0.2:40000", "10.0.0.1:1000")];
        client.agent.opened(now, open[0].0);
        run_by_tcp(&mut client, &mut server, &open, &mut now, Duration::from_secs(2));
        assert_eq!(client.selected(), Some(open[0].0), "{lite}");
        assert_eq!(server.selected(), Some(open[0].1), "{lite}");
        assert!(server.events.contains(&AgentEvent::Reachable(open[0].1.origin())));
        let (local, remote) = server.agent.describe(open[0].1);
        assert_eq!((local.protocol, remote.protocol), (Protocol::Tcp, Protocol::Tcp));
        assert_eq!(remote.kind, CandidateType::PeerReflexive);
    }
}

#[test]
fn a_path_whose_connection_ends_has_failed_until_the_peer_has_another_one() {
    for lite in [false, true] {
        let (mut server, mut client, mut now) = two_with_tcp(lite);
        let first = connection(1, "10.0.0.2:40000", "10.0.0.1:1000");
        client.agent.opened(now, first.0);
        run_by_tcp(&mut client, &mut server, &[first], &mut now, Duration::from_secs(2));
        server.agent.heard(first.1.origin());
        server.agent.lost(now, first.1);
        client.agent.lost(now, first.0);
        assert_eq!((server.agent.state(), client.agent.state()), (IceState::Failed, IceState::Failed));
        // From the same port, even.
        let second = connection(2, "10.0.0.2:40000", "10.0.0.1:1000");
        client.agent.opened(now, second.0);
        run_by_tcp(&mut client, &mut server, &[second], &mut now, Duration::from_secs(6));
        server.agent.heard(second.1.origin());
        run_by_tcp(&mut client, &mut server, &[second], &mut now, Duration::from_secs(1));
        assert_eq!(client.selected(), Some(second.0), "{lite}");
        assert_eq!(server.selected(), Some(second.1), "{lite}");
        assert_eq!(server.agent.state(), IceState::Ready);
        let forgotten = AgentEvent::Forgotten(first.1.origin());
        assert!(server.events.contains(&forgotten));
    }
}

#[test]
fn a_peer_has_eight_connections_at_a_time_and_names_four_victims() {
    let (mut server, mut client, mut now) = two_with_tcp(false);
    client.agent.add_remote(over_tcp("10.0.0.1:1000", "passive"));
    for number in 0..20 {
        client.agent.add_remote(over_tcp(&format!("192.0.2.{number}:80"), "passive"));
    }
    for nobody in ["127.0.0.1:80", "0.0.0.0:80", "224.0.0.1:80"] {
        server.agent.add_remote(over_tcp(nobody, "passive"));
    }
    let connects = |end: &mut End| {
        std::iter::from_fn(|| end.agent.poll_event()).filter(|e| matches!(e, AgentEvent::Connect(_))).count()
    };
    assert_eq!((connects(&mut client), connects(&mut server)), (4, 0));
    let first = connection(1, "10.0.0.2:40001", "10.0.0.1:1000");
    client.agent.opened(now, first.0);
    run_by_tcp(&mut client, &mut server, &[first], &mut now, Duration::from_secs(2));
    for number in 2..30 {
        let check = nomination(&mut client, &mut now);
        let (_, at_server) = connection(number, &format!("10.0.0.2:{}", 40_000 + number), "10.0.0.1:1000");
        assert!(server.agent.handle(now, at_server, &check));
        while server.agent.poll_transmit().is_some() {}
    }
    let gone = std::iter::from_fn(|| server.agent.poll_event());
    let gone: Vec<_> = gone.filter(|e| matches!(e, AgentEvent::Forgotten(_))).collect();
    assert_eq!(gone.len(), 29 - 8);
    assert!(!gone.contains(&AgentEvent::Forgotten(first.1.origin())), "the path stays");
}

#[test]
fn without_addresses_for_it_there_is_no_tcp() {
    let (mut server, mut client, mut now) = two_with_tcp(false);
    let mut plain = end("s", IceRole::Controlled, false, &["10.0.0.1:1000"]);
    plain.agent.set_remote(credentials("c"), false);
    plain.agent.add_remote(over_tcp("10.0.0.2:2000", "passive"));
    plain.agent.start(now);
    assert!(!std::iter::from_fn(|| plain.agent.poll_event()).any(|e| matches!(e, AgentEvent::Connect(_))));
    let open = connection(1, "10.0.0.2:40000", "10.0.0.1:1000");
    client.agent.opened(now, open.0);
    run_by_tcp(&mut client, &mut plain, &[open], &mut now, Duration::from_secs(1));
    assert_eq!(plain.selected(), None);
    server.agent.lost(now, open.1);
}

// RFC 6544 §4.2, §4.5
#[test]
fn candidates_over_tcp_are_advertised_beside_the_others() {
    let mut config = EngineConfig { ice_tcp: true, ..EngineConfig::default() };
    let bound = [address("10.0.0.1:1000"), address("[2001:db8::1]:1001")];
    let tcp = [address("10.0.0.1:2000"), address("[2001:db8::1]:2001")];
    let ends = |config: &EngineConfig| -> Vec<String> {
        let all = local::with_tcp(config, local::advertised(config, &bound), &tcp);
        let of = |protocol| all.iter().filter(move |c| c.protocol == protocol);
        assert!(of(Protocol::Tcp).all(|tcp| of(Protocol::Udp).all(|udp| tcp.priority < udp.priority)));
        assert!(all.iter().zip(1..).all(|(c, number)| c.foundation == number.to_string()));
        let end = |text: String| {
            text.split(' ')
                .enumerate()
                .filter(|(at, _)| *at == 2 || *at > 3)
                .map(|(_, w)| w.to_owned())
                .collect::<Vec<_>>()
        };
        all.iter().map(|c| end(candidate::format(c)).join(" ")).collect()
    };
    // In the order of the reference.
    assert_eq!(
        ends(&config),
        [
            "udp 10.0.0.1 1000 typ host",
            "tcp 10.0.0.1 9 typ host tcptype active",
            "tcp 10.0.0.1 2000 typ host tcptype passive",
            "udp 2001:db8::1 1001 typ host",
            "tcp 2001:db8::1 9 typ host tcptype active",
            "tcp 2001:db8::1 2001 typ host tcptype passive",
        ]
    );
    config.ice_lite = true;
    config.nat_1_1_mapping = vec!["198.51.100.1".parse().unwrap()];
    assert_eq!(
        ends(&config),
        [
            "udp 198.51.100.1 1000 typ host",
            "tcp 198.51.100.1 2000 typ host tcptype passive",
            "udp 2001:db8::1 1001 typ host",
            "tcp 2001:db8::1 2001 typ host tcptype passive",
        ]
    );
    let udp = local::advertised(&config, &bound);
    assert_eq!(local::with_tcp(&config, udp.clone(), &[]), udp);
}
