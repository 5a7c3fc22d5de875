//! A peer that knows the passwords, and does with them what no peer should.

use super::*;
use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};

/// An authentic answer of peer `name` to a check, that says where we were seen.
pub(super) fn answer(name: &str, check: &[u8], seen_at: SocketAddr) -> Vec<u8> {
    let id: TransId = StunMessage::parse(check).unwrap().trans_id();
    let mut bytes = vec![0; 200];
    let password = credentials(name).pwd;
    let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
    let length =
        StunMessage::binding_reply(id, seen_at).to_bytes(Some(password.as_bytes()), &mut bytes, hmac);
    bytes.truncate(length.unwrap());
    bytes
}

fn check_of(end: &mut End, now: &mut Instant) -> StunOut {
    for _ in 0..1000 {
        *now += Duration::from_millis(50);
        end.agent.handle_timeout(*now);
        let mut sent = std::iter::from_fn(|| end.agent.poll_transmit());
        if let Some(check) = sent.find(|out| stun::request_transaction(&out.message).is_some()) {
            return check;
        }
    }
    panic!("no check");
}

fn seen_at(number: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 1], number))
}

#[test]
fn a_check_is_answered_once() {
    let (mut server, _, mut now) = connected();
    let check = check_of(&mut server, &mut now);
    for number in 1..=10_000 {
        let taken = server.agent.handle(now, check.path, &answer("c", &check.message, seen_at(number)));
        assert_eq!(taken, number == 1, "{number}");
    }
    assert_eq!(server.agent.local_candidates(), 1);
}

/// Each check is answered once, with another address of ours; and nothing is forgotten with an ICE restart.
#[test]
fn addresses_that_a_peer_has_seen_us_at_are_bounded() {
    let (mut server, _, mut now) = connected();
    for number in 1..=201_u16 {
        if number % 5 == 0 {
            server.agent.restart(credentials("s"));
            server.agent.set_remote(credentials("c"), false);
            server.agent.add_remote(host("10.0.0.2:2000"));
        }
        let check = check_of(&mut server, &mut now);
        let taken = server.agent.handle(now, check.path, &answer("c", &check.message, seen_at(number)));
        assert_eq!(taken, number <= 64, "{number}");
        // No address to send from: pairs with it would take the places of others.
        assert_eq!(server.agent.local_candidates(), 1);
    }
    // One that is known is told on.
    let check = check_of(&mut server, &mut now);
    assert!(server.agent.handle(now, check.path, &answer("c", &check.message, seen_at(7))));
}

/// Of the addresses that are reachable, those are left that a restart may still need.
#[test]
fn a_restart_forgets_addresses() {
    let (mut server, mut client, mut now) = connected();
    let mut known = std::collections::HashSet::from([Origin::udp(address("10.0.0.2:2000"))]);
    for round in 0..20 {
        for number in 1..=64_u16 {
            let check = nomination(&mut client, &mut now);
            server.agent.handle(now, from(&format!("192.0.2.{round}:{number}")), &check);
            while server.agent.poll_transmit().is_some() {}
        }
        server.agent.restart(credentials("s"));
        server.agent.set_remote(credentials("c"), false);
        while let Some(event) = server.agent.poll_event() {
            match event {
                AgentEvent::Reachable(at) => _ = known.insert(at),
                AgentEvent::Forgotten(at) => _ = known.remove(&at),
                _ => {}
            }
        }
        assert_eq!(known.len(), 1, "after round {round}");
        assert!(known.contains(&server.selected().unwrap().origin()), "media still comes from there");
    }
}

/// What others have had sent to the peer's network does not count: the peer has asked.
#[test]
fn a_request_invites_one_check() {
    let (_, mut client, mut now) = connected();
    let mut server = end("s", IceRole::Controlled, false, &["10.0.0.1:1000"]);
    server.agent.set_remote(credentials("c"), false);
    server.agent.start(now);
    for _ in 0..3 {
        let request = nomination(&mut client, &mut now);
        assert!(server.agent.handle(now, from("192.0.2.7:7"), &request));
        assert!(!check_of(&mut server, &mut now).uninvited);
        assert!(check_of(&mut server, &mut now).uninvited, "one request, one check");
    }
}

/// A check that was not sent leaves its place to another.
#[test]
fn a_check_that_does_not_leave_does_not_count() {
    let mut server = end("s", IceRole::Controlled, false, &["10.0.0.1:1000"]);
    let mut now = Instant::now();
    server.agent.set_remote(credentials("c"), false);
    server.agent.add_remote(host("10.0.0.9:9"));
    server.agent.start(now);
    let mut run = |refused: bool| {
        let mut checks = 0;
        for _ in 0..2000 {
            now += Duration::from_millis(10);
            server.agent.handle_timeout(now);
            while let Some(out) = server.agent.poll_transmit() {
                checks += 1;
                if refused {
                    server.agent.not_sent(out.path.origin());
                }
            }
        }
        checks
    };
    assert!(run(true) >= 7);
    assert_eq!(run(false), 7);
    assert_eq!(run(false), 0);
}

/// Somebody has captured requests of the peer's and sends them on, with a source of his own each time, when there were many
/// since. The peer can still go elsewhere.
#[test]
fn old_copies_use_up_no_addresses() {
    let (mut server, mut client, mut now) = connected();
    let at_home = from("10.0.0.2:2000");
    let captured: Vec<_> = (0..100)
        .map(|_| {
            let check = nomination(&mut client, &mut now);
            assert!(server.agent.handle(now, at_home, &check));
            check
        })
        .collect();
    for number in 1..=2000_u16 {
        let check = &captured[usize::from(number) % 40];
        assert!(!server.agent.handle(now, from(&format!("192.0.2.7:{number}")), check), "{number}");
        while server.agent.poll_transmit().is_some() {}
    }
    let next = nomination(&mut client, &mut now);
    assert!(server.agent.handle(now, from("192.0.2.8:8"), &next));
}
