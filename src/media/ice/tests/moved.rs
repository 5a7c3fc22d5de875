//! A peer behind a NAT that forgets its mapping: the peer knows nothing of it, so it checks, and nominates nothing.

use super::hostile::answer;
use super::*;
use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};

const FORMER: &str = "10.0.0.2:2000";
const NOW: &str = "192.0.2.7:7777";

/// A request of peer `c` that nominates nothing.
fn check(number: u8) -> Vec<u8> {
    let mut bytes = vec![0; 200];
    let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
    let username = format!("{}:{}", credentials("s").ufrag, credentials("c").ufrag);
    let id = TransId::new();
    let request = StunMessage::binding_request(&username, id, true, number.into(), 1, false);
    let length = request.to_bytes(Some(credentials("s").pwd.as_bytes()), &mut bytes, hmac);
    bytes.truncate(length.unwrap());
    bytes
}

/// So many seconds; the peer checks from where it is seen now, and answers at `answers` only.
fn pass(server: &mut End, now: &mut Instant, seconds: u32, answers: &[&str]) {
    for tick in 0..seconds * 20 {
        *now += Duration::from_millis(50);
        if tick % 40 == 0 {
            assert!(server.agent.handle(*now, from(NOW), &check(tick as u8)));
        }
        server.agent.handle_timeout(*now);
        while let Some(out) = server.agent.poll_transmit() {
            let is_check = stun::request_transaction(&out.message).is_some();
            if is_check && answers.iter().any(|at| address(at) == out.path.remote) {
                let answer = answer("c", &out.message, out.path.local);
                server.agent.handle(*now, out.path, &answer);
            }
        }
    }
}

fn selected(server: &End) -> SocketAddr {
    server.selected().unwrap().remote
}

#[test]
fn the_path_follows_the_peers_checks_once_the_former_is_silent() {
    let (mut server, _, mut now) = connected();
    pass(&mut server, &mut now, 5, &[NOW]);
    assert_eq!(selected(&server), address(FORMER));
    pass(&mut server, &mut now, 15, &[NOW]);
    assert_eq!(selected(&server), address(NOW));
}

#[test]
fn a_path_that_answers_stays() {
    let (mut server, _, mut now) = connected();
    pass(&mut server, &mut now, 60, &[FORMER, NOW]);
    assert_eq!(selected(&server), address(FORMER));
}

/// Whoever sends a request with a source that is not his.
#[test]
fn nobody_is_followed_who_answers_nothing() {
    let (mut server, _, mut now) = connected();
    pass(&mut server, &mut now, 60, &[]);
    assert_eq!(selected(&server), address(FORMER));
}

#[test]
fn a_lite_agent_follows_media_from_where_the_peer_checks() {
    let (mut server, _, mut now) = lite();
    let there = Origin::udp(address(NOW));
    for seconds in [0, 5] {
        pass(&mut server, &mut now, seconds, &[]);
        server.agent.heard(there);
        assert_eq!(selected(&server), address(FORMER));
    }
    pass(&mut server, &mut now, 15, &[]);
    assert_eq!(selected(&server), address(FORMER), "nothing was heard from there");
    server.agent.heard(there);
    assert_eq!(selected(&server), address(NOW));
}
