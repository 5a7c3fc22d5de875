//! Datagrams that show the address of somebody else. The relay stands between server and peer, so that whatever leaves by its
//! far socket looks to the server as if the peer had sent it: what a forged source looks like.

use peers::call::Call;
use peers::forge;
use peers::home;
use peers::process::Held;
use peers::relay::Policy;
use peers::server::{Server, Settings};
use peers::str0m_peer::Str0mPeer;
use peers::stun::{BINDING_REQUEST, ICE_CONTROLLING, Integrity, PRIORITY, USE_CANDIDATE, USERNAME, message};
use std::time::Duration;
use tokio::time::sleep;

/// With one worker, that all calls share.
async fn server() -> Server {
    Server::with(Settings { general: "event_loops = 1;", ..Settings::default() }).await
}

async fn call(server: &Server) -> Call {
    let call = Call::start(server, Policy::default(), Policy::default()).await;
    call.up().await;
    call.flows(10).await;
    call
}

fn value<'a>(sdp: &'a str, name: &str) -> &'a str {
    sdp.lines().find_map(|line| line.strip_prefix(name)).expect(name)
}

/// An authentic connectivity check of a call's own client, with a nomination.
fn check_of(call: &Call, transaction: u8) -> Vec<u8> {
    let ufrags = (value(&call.answer, "a=ice-ufrag:"), value(&call.offer, "a=ice-ufrag:"));
    let username = format!("{}:{}", ufrags.0, ufrags.1);
    let attributes: [(u16, &[u8]); 4] = [
        (USERNAME, username.as_bytes()),
        (PRIORITY, &0x6e7f_1eff_u32.to_be_bytes()),
        (USE_CANDIDATE, &[]),
        (ICE_CONTROLLING, &[9; 8]),
    ];
    let password = Integrity::Password(value(&call.answer, "a=ice-pwd:"));
    message(BINDING_REQUEST, [transaction; 12], &attributes, password)
}

// One datagram used to end somebody else's media for good.
#[tokio::test]
async fn an_address_is_not_taken_by_another_clients_request() {
    let server = server().await;
    let (victim, thief) = (call(&server).await, call(&server).await);
    for transaction in 0..5 {
        victim.relay.forge(&check_of(&thief, transaction)).await;
        sleep(Duration::from_millis(20)).await;
        victim.flows(20).await;
    }
    victim.data_flows(10).await;
    thief.flows(20).await;
    // Nor does the end of the thief take the address along.
    thief.handle.hangup().await;
    thief.handle.event("hangup").await;
    victim.flows(20).await;
    assert_eq!((victim.handle.count("webrtcup"), victim.handle.count("hangup")), (1, 0));
    server.stop().await;
}

// A client with one socket for everything.
#[tokio::test]
async fn two_connections_over_one_socket() {
    let server = server().await;
    let [(first, offer_of_first), (second, offer_of_second)] = Str0mPeer::two(home()).await;
    let calls =
        [Call::of(&server, first, offer_of_first).await, Call::of(&server, second, offer_of_second).await];
    for call in &calls {
        call.begin();
        call.up().await;
    }
    for _ in 0..3 {
        for call in &calls {
            call.flows(10).await;
            call.data_flows(5).await;
        }
    }
    assert_eq!(calls[0].peer.address(), calls[1].peer.address());
    // The end of one is not the end of the other.
    calls[0].handle.hangup().await;
    calls[0].handle.event("hangup").await;
    calls[1].flows(20).await;
    calls[1].data_flows(5).await;
    assert_eq!((calls[1].handle.count("webrtcup"), calls[1].handle.count("hangup")), (1, 0));
    server.stop().await;
}

/// Clock ticks that a process has used.
fn ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a running process");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    fields[11].parse::<u64>().expect("user") + fields[12].parse::<u64>().expect("system")
}

/// `FORGED=1000000` sends so many (tests/hostile/run --long).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_with_the_address_of_the_peer() {
    let count: u32 = std::env::var("FORGED").ok().and_then(|n| n.parse().ok()).unwrap_or(40_000);
    let server = server().await;
    let call = call(&server).await;
    let (ufrag, own) = (value(&call.answer, "a=ice-ufrag:"), value(&call.offer, "a=ice-ufrag:"));
    let ssrc =
        value(&call.offer, "a=ssrc:").split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    let alert = [21, 254, 253, 0, 1, 0, 0, 0, 0, 255, 255, 0, 2, 2, 40];
    let kinds = [
        forge::connectivity_check(&format!("{ufrag}:{own}")),
        forge::connectivity_check("some:body"),
        forge::client_hello(),
        alert.to_vec(),
        forge::srtp(96, ssrc, 7),
        forge::srtp(96, 4711, 7),
        forge::srtcp(ssrc),
        vec![0x80; 700],
    ];
    let before = (Held::by(server.id()), ticks(server.id()));
    let (sent, back) = (call.sent(), call.peer.received().video.len());
    let flood = async {
        for number in 0..count {
            call.relay.forge(&kinds[number as usize % kinds.len()]).await;
            if number % 64 == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let mut flood = std::pin::pin!(flood);
    loop {
        tokio::select! {
            () = &mut flood => break,
            () = call.send(5) => {}
        }
    }
    let used = ticks(server.id()) - before.1;
    // What is on its way arrives.
    let (mut now, mut last) = (call.peer.received().video.len(), 0);
    while now != last {
        sleep(Duration::from_millis(500)).await;
        (last, now) = (now, call.peer.received().video.len());
    }
    let (sent, back) = (call.sent() - sent, now - back);
    let after = Held::by(server.id());
    println!(
        "{count} forged datagrams: {back} of {sent} frames came back, {} -> {} KiB, {:.1} µs of CPU per datagram",
        before.0.resident,
        after.resident,
        used as f64 * 10_000.0 / f64::from(count)
    );
    assert!(back * 100 >= sent * 95, "{back} of {sent} frames came back");
    assert!(after.resident < before.0.resident + 10_240, "{before:?} {after:?}");
    // Threads of the control plane that have had nothing to do end by themselves.
    assert!(after.threads <= before.0.threads, "{before:?} {after:?}");
    assert_eq!(after.descriptors, before.0.descriptors);
    call.flows(20).await;
    assert_eq!(call.handle.count("hangup"), 0);
    server.stop().await;
}
