//! How much is sent to an address whose owner has never proven to be there: authentic checks seem to come from it.

use super::super::tests::{End, end};
use super::Credit;
use crate::media::clock::Clock;
use crate::media::dtls::{Dtls, DtlsConfig, DtlsContext, DtlsEvent, Identity};
use crate::media::ice::{Path, stun};
use crate::media::types::{Command, DtlsRole, IceRole};
use crate::media::worker::simulation::time;
use std::net::SocketAddr;
use std::time::Duration;

const STEP: Duration = Duration::from_millis(20);
/// Beyond the time limit of a handshake.
const STEPS: usize = 1250;
/// So long something comes from there; afterwards what is repeated is repeated for nobody.
const SHOWN: usize = 12;

/// Bytes of STUN, and of all else.
#[derive(Default, Debug)]
struct Bytes {
    stun: usize,
    other: usize,
}

impl Bytes {
    fn count(&mut self, datagram: &[u8]) {
        match stun::kind(datagram) {
            stun::Kind::Stun => self.stun += datagram.len(),
            _ => self.other += datagram.len(),
        }
    }
}

fn step(ends: [&mut End; 2], clock: Clock) {
    for end in ends {
        if end.connection.poll_timeout(clock.instant).is_some_and(|at| at <= clock.instant) {
            end.connection.handle_timeout(clock, &mut end.batch);
        }
    }
}

/// A server is told of a client, whose datagrams all show the address of a victim: what it sent there, and what came from
/// there. The client's checks nominate; `hellos`: its DTLS arrives, too. It never gets an answer, but a lite server's.
fn flood(lite: bool, role: DtlsRole, hellos: bool) -> (Bytes, Bytes) {
    let victim: SocketAddr = "192.0.2.7:7".parse().unwrap();
    let mut clock = Clock::read();
    let mut client = end("a", IceRole::Controlling, clock, |_| {});
    let mut server = end("bb", IceRole::Controlled, clock, |config| config.ice_lite = lite);
    let of_client = if role == DtlsRole::Active { DtlsRole::Passive } else { DtlsRole::Active };
    server.learn_of(&client, role, clock);
    server.command(clock, Command::StartChecks);
    client.meet(&server, of_client, clock);
    let (mut to, mut from) = (Bytes::default(), Bytes::default());
    let path = Path::udp(server.address, victim);
    for number in 0..STEPS {
        for (_, mut datagram) in client.drain() {
            if number < SHOWN && (stun::kind(&datagram) == stun::Kind::Stun || hellos) {
                from.count(&datagram);
                server.take(clock, path, &mut datagram);
            }
        }
        for (path, mut datagram) in server.drain() {
            assert_eq!(path.remote, victim);
            to.count(&datagram);
            // Who forges requests may know what is answered to them: the client goes on until it nominates.
            if stun::kind(&datagram) == stun::Kind::Stun && stun::request_transaction(&datagram).is_none() {
                client.take(clock, Path::udp(client.address, server.address), &mut datagram);
            }
        }
        clock = clock.after(STEP);
        // DTLS repeats by it.
        time::set(Some(clock.wall));
        step([&mut server, &mut client], clock);
    }
    time::set(None);
    (to, from)
}

// Three times what came from there, and nothing before a check was answered by a full agent's peer.
#[test]
fn an_address_that_nobody_has_proven_gets_little() {
    for lite in [true, false] {
        for (role, hellos) in [(DtlsRole::Passive, true), (DtlsRole::Active, false)] {
            let (to, from) = flood(lite, role, hellos);
            let case = format!("lite: {lite}, {role:?}: {to:?} for {from:?}");
            assert!(to.stun > 0, "{case}");
            let most = if lite { 3 * (from.stun + from.other) } else { 0 };
            assert!(to.other <= most, "{case}");
            // Else nothing was tried.
            assert!(!lite || to.other > 0, "{case}");
        }
    }
}

/// A client of a lite server whose flight is longer than what one ClientHello earns; `stranger`: it sends a ClientHello, too,
/// each 100 ms. How many datagrams the client got until it was through.
fn datagrams_until_connected(stranger: bool) -> usize {
    let associate = |mtu, rsa, role| {
        let config = DtlsConfig { mtu, ..DtlsConfig::default() };
        DtlsContext::new(&Identity::generate(rsa).unwrap(), &config).unwrap().associate(role).unwrap()
    };
    let mut clock = Clock::read();
    time::set(Some(clock.wall));
    let mut client = associate(1200, false, DtlsRole::Active);
    let mut server = associate(256, true, DtlsRole::Passive);
    let mut other = associate(1200, false, DtlsRole::Active);
    other.start();
    let forged = other.poll_transmit().unwrap();
    let remote: SocketAddr = "192.0.2.7:7".parse().unwrap();
    let path = Path::udp("192.0.2.1:1".parse().unwrap(), remote);
    let mut credit = Credit { asked: Some(path.origin()), ..Credit::default() };
    client.start();
    server.start();
    let mut got = 0;
    for number in 0..STEPS {
        let mut arriving: Vec<_> = std::iter::from_fn(|| client.poll_transmit()).collect();
        if stranger && number % 5 == 4 {
            arriving.push(forged.clone());
        }
        for datagram in arriving {
            credit.earn(path.origin(), datagram.len());
            server.handle(&datagram);
            std::iter::from_fn(|| server.poll_transmit()).for_each(|datagram| credit.keep(datagram));
        }
        if let Some(event) = server.poll_event() {
            assert!(matches!(event, DtlsEvent::Connected(_)), "{event:?}");
            time::set(None);
            return got;
        }
        std::iter::from_fn(|| server.poll_transmit()).for_each(|datagram| credit.keep(datagram));
        while let Some((_, datagram)) = credit.next(path) {
            got += 1;
            client.handle(&datagram);
        }
        clock = clock.after(STEP);
        time::set(Some(clock.wall));
        client.handle_timeout();
        server.handle_timeout();
    }
    panic!("not connected after {got} datagrams");
}

/// Somebody else's ClientHello is asked for a cookie where it came from; the flight goes to whom it answers.
#[test]
fn a_flight_goes_where_its_handshake_comes_from() {
    let at = |port| Path::udp("192.0.2.1:1".parse().unwrap(), ([192, 0, 2, 7], port).into());
    let (ours, others) = (at(1).origin(), at(2).origin());
    let mut credit = Credit { asked: Some(ours), hello: Some(others), ..Credit::default() };
    [ours, others].into_iter().for_each(|from| credit.earn(from, 100));
    let of_type = |kind| [&[22, 254, 253][..], &[0; 9], &[1, kind]].concat();
    [2, 3].into_iter().for_each(|kind| credit.keep(of_type(kind)));
    // Wherever a nomination has moved the path meanwhile.
    let sent: Vec<_> =
        std::iter::from_fn(|| credit.next(at(2))).map(|(path, sent)| (path, sent[13])).collect();
    assert_eq!(sent, [(at(2), 3), (at(1), 2)]);
}

#[test]
fn a_flight_that_waits_for_credit_comes_to_its_end() {
    for stranger in [false, true] {
        let got = datagrams_until_connected(stranger);
        assert!(got <= 12, "{stranger}: {got} datagrams");
    }
}
