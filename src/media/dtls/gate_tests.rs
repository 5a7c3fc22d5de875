use super::*;
use crate::media::dtls::tests::{connected, exchange, outgoing, pair, perfect};
use crate::media::dtls::{Dtls, DtlsEvent, OpenSslDtls};

fn record(kind: u8, epoch: u8, sequence: u64, content: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 0xFE, 0xFD, 0, epoch];
    record.extend(&sequence.to_be_bytes()[2..]);
    record.extend((content.len() as u16).to_be_bytes());
    record.extend(content);
    record
}

/// A fragment of a handshake message.
fn fragment(kind: u8, number: u8, whole: u8, offset: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, whole, 0, number, 0, 0, offset, 0, 0, body.len() as u8], body].concat()
}

/// Records that anybody can send, and that nobody needs: of each kind, in the clear and as if they were sealed.
fn strangers() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for sequence in [0, 1, 7, 1000, (1 << 48) - 1] {
        for epoch in [0, 1, 2, 255] {
            for (kind, content) in [
                (ALERT, &[2, 40][..]),
                (ALERT, &[1, 0]),
                (ALERT, &[]),
                (ALERT, &[2; 30]),
                (DATA, b"data"),
                (DATA, &[7; 60]),
                (CHANGE_CIPHER_SPEC, &[2]),
                (CHANGE_CIPHER_SPEC, &[1, 1]),
                (24, &[1, 0, 16]),
                (HANDSHAKE, &[]),
                (HANDSHAKE, &[0; 11]),
                (HANDSHAKE, &[0; 40]),
            ] {
                all.push(record(kind, epoch, sequence, content));
            }
            // Messages that are cut, too long, beyond their end, empty fragments, or unknown.
            for message in [
                fragment(11, 1, 200, 0, &[1; 20])[..25].to_vec(),
                fragment(11, 1, 10, 0, &[1; 20]),
                fragment(11, 1, 30, 20, &[1; 20]),
                fragment(11, 1, 30, 5, &[]),
                fragment(99, 1, 3, 0, &[1; 3]),
                fragment(20, 1, 12, 0, &[1; 12]),
                fragment(0, 0, 0, 0, &[]),
                [&fragment(14, 4, 0, 0, &[])[..], &[1]].concat(),
            ] {
                all.push(record(HANDSHAKE, epoch, sequence, &message));
            }
        }
    }
    all
}

/// Lets both shake hands, with what `forge` says arriving before each datagram and behind it.
fn shake_hands_among(forge: impl Fn(usize) -> Vec<Vec<u8>>) -> (OpenSslDtls, OpenSslDtls) {
    let (mut client, mut server) = pair();
    forge(0).iter().for_each(|forged| server.handle(forged));
    exchange(&mut client, &mut server, |number, datagram| {
        let mut arriving = forge(number);
        arriving.push(datagram);
        arriving.extend(forge(number));
        arriving
    });
    (client, server)
}

#[test]
fn strangers_do_not_end_a_handshake() {
    let (mut client, mut server) = shake_hands_among(|_| strangers());
    assert!(connected(&mut client).is_some() && connected(&mut server).is_some());
    for dtls in [&mut client, &mut server] {
        assert!(dtls.poll_event().is_none());
        // Nor the connection, while it is still with OpenSSL.
        strangers().iter().for_each(|forged| dtls.handle(forged));
        assert!(dtls.poll_event().is_none() && dtls.poll_transmit().is_none());
    }
    client.write(b"still here").unwrap();
    exchange(&mut client, &mut server, perfect);
    assert!(matches!(server.poll_event(), Some(DtlsEvent::Data(data)) if data == "still here"));
}

// RFC 6347 §4.1.2.6: the numbers of epoch 0 are nobody's word.
#[test]
fn numbers_far_ahead_do_not_make_the_peers_own_look_old() {
    for sequence in [100, 1 << 30, (1 << 48) - 1] {
        let message = |kind| vec![record(HANDSHAKE, 0, sequence, &fragment(kind, 200, 3, 0, &[1; 3]))];
        let (mut client, mut server) =
            shake_hands_among(|number| if number % 2 == 0 { message(16) } else { message(14) });
        assert!(connected(&mut client).is_some() && connected(&mut server).is_some());
    }
}

// Cannot be told from the peer's: it costs the handshake, but not the connection.
#[test]
fn a_forged_message_that_breaks_the_handshake_does_not_keep_the_next_from_succeeding() {
    // As the server: a ClientHello that makes no sense comes first.
    let (mut client, mut server) = pair();
    server.handle(&record(HANDSHAKE, 0, 0, &fragment(CLIENT_HELLO, 0, 60, 0, &[0xFE; 60])));
    assert!(matches!(server.poll_event(), Some(DtlsEvent::Refused(_))));
    assert!(server.poll_transmit().is_none(), "the peer is not told of what it did not do");
    exchange(&mut client, &mut server, perfect);
    assert!(connected(&mut client).is_some() && connected(&mut server).is_some());
    // As the client: so does a ServerHello; another ClientHello goes out.
    let (mut client, mut server) = pair();
    let first = outgoing(&mut client).concat();
    client.handle(&record(HANDSHAKE, 0, 0, &fragment(2, 0, 60, 0, &[0xFE; 60])));
    assert!(matches!(client.poll_event(), Some(DtlsEvent::Refused(_))));
    // And the server, which has answered the first one, begins anew with it.
    server.handle(&first);
    assert!(!outgoing(&mut server).is_empty());
    exchange(&mut client, &mut server, perfect);
    assert!(connected(&mut client).is_some() && connected(&mut server).is_some());
}

#[test]
fn another_client_hello_does_not_disturb_a_handshake_that_goes_on() {
    let (mut client, mut server) = pair();
    let (mut other, _) = pair();
    let other = outgoing(&mut other).concat();
    outgoing(&mut client).iter().for_each(|datagram| server.handle(datagram));
    outgoing(&mut server).iter().for_each(|datagram| client.handle(datagram));
    let flight = outgoing(&mut client);
    // Half of the client's second flight is there.
    let (first, rest) = flight.split_first().unwrap();
    let mut cut = &first[..];
    Record::split_off(&mut cut).unwrap();
    server.handle(&first[..first.len() - cut.len()]);
    server.handle(&other);
    server.handle(cut);
    rest.iter().for_each(|datagram| server.handle(datagram));
    assert!(connected(&mut server).is_some());
}

#[test]
fn beginnings_are_bounded() {
    let (mut client, mut server) = pair();
    for n in 0..1000 {
        let kind = |to_server| if to_server { CLIENT_HELLO } else { 2 };
        server.handle(&record(HANDSHAKE, 0, n, &fragment(kind(true), 0, 60, 0, &[0xFE; 60])));
        client.handle(&record(HANDSHAKE, 0, n, &fragment(kind(false), 0, 60, 0, &[0xFE; 60])));
    }
    // After the first one the server begins nothing for who does not know the cookie.
    for (dtls, beginnings) in [(&mut client, 16), (&mut server, 1)] {
        let events: Vec<_> = std::iter::from_fn(|| dtls.poll_event()).collect();
        assert!(events.iter().all(|event| matches!(event, DtlsEvent::Refused(_))));
        assert_eq!(events.len(), beginnings);
        assert!(outgoing(dtls).len() <= beginnings);
    }
}

/// ClientHellos that OpenSSL would answer, each with a random of its own.
fn forged_hellos(count: u16) -> impl Iterator<Item = Vec<u8>> {
    /// Record, message, version.
    const RANDOM: usize = RECORD_HEADER + MESSAGE_HEADER + 2;
    let (mut client, _) = pair();
    let hello = outgoing(&mut client).concat();
    (0..count).map(move |n| {
        let mut hello = hello.clone();
        hello[RANDOM..RANDOM + 2].copy_from_slice(&n.to_be_bytes());
        hello
    })
}

#[test]
fn forged_client_hellos_do_not_push_out_the_peers_own() {
    const MANY: u16 = 1000;
    // Before the peer's own; after it; before and after each datagram of the handshake, in both directions' time.
    for (before, between) in [(MANY, 0), (0, MANY), (20, 20)] {
        let (mut client, mut server) = pair();
        forged_hellos(before).for_each(|forged| server.handle(&forged));
        let first = outgoing(&mut server);
        assert!(first.len() <= 1, "{} datagrams wait", first.len());
        // As the path is the client's, what is sent to the forgers comes to it.
        first.iter().for_each(|datagram| client.handle(datagram));
        let hellos: Vec<_> = outgoing(&mut client);
        hellos.iter().for_each(|datagram| server.handle(datagram));
        forged_hellos(if before == 0 { between } else { 0 }).for_each(|forged| server.handle(&forged));
        exchange(&mut client, &mut server, |number, datagram| {
            let mut arriving = vec![datagram];
            if before > 0 && number % 2 == 0 {
                arriving.extend(forged_hellos(between));
            }
            arriving
        });
        assert!(connected(&mut client).is_some() && connected(&mut server).is_some(), "{before}, {between}");
        assert!(client.poll_event().is_none() && server.poll_event().is_none());
    }
}

// A peer that begins anew, for whatever reason, is served: with one more round trip.
#[test]
fn the_next_handshake_of_the_peer_itself_succeeds() {
    let (mut first, mut server) = pair();
    outgoing(&mut first).iter().for_each(|datagram| server.handle(datagram));
    for _ in 0..3 {
        let (mut next, _) = pair();
        exchange(&mut next, &mut server, |number, datagram| if number < 3 { vec![datagram] } else { vec![] });
    }
    let (mut last, _) = pair();
    exchange(&mut last, &mut server, perfect);
    assert!(connected(&mut last).is_some() && connected(&mut server).is_some());
}

/// What a server gets, and never from a peer that has not sent its ClientHello: messages of other kinds, one by one or before
/// a ClientHello.
fn out_of_turn() -> Vec<Vec<u8>> {
    let hello = forged_hellos(1).next().unwrap();
    let mut all = Vec::new();
    for (kind, number) in [(11, 0), (11, 5), (15, 0), (16, 0), (16, 1)] {
        let message = fragment(kind, number, 1, 0, &[0]);
        let alone = record(HANDSHAKE, 0, 0, &message);
        all.push([&alone[..], &hello].concat());
        all.push(record(HANDSHAKE, 0, 0, &[&message[..], &hello[RECORD_HEADER..]].concat()));
        all.push(alone);
    }
    // The end of a ClientHello, and then all of it.
    let end = fragment(CLIENT_HELLO, 0, 60, 59, &[0]);
    all.push([&record(HANDSHAKE, 0, 0, &end)[..], &hello].concat());
    all.push(record(HANDSHAKE, 0, 0, &[&end[..], &hello[RECORD_HEADER..]].concat()));
    // A beginning that does not tell whose it is.
    all.push(record(HANDSHAKE, 0, 0, &hello[RECORD_HEADER..][..MESSAGE_HEADER + 10]));
    all
}

#[test]
fn nothing_comes_before_a_client_hello() {
    let nonsense = record(HANDSHAKE, 0, 0, &fragment(CLIENT_HELLO, 0, 60, 0, &[0xFE; 60]));
    for (case, forged) in out_of_turn().iter().enumerate() {
        // Nobody has interfered yet; or something has broken a handshake.
        for is_wary in [false, true] {
            let (mut client, mut server) = pair();
            if is_wary {
                server.handle(&nonsense);
                assert!(matches!(server.poll_event(), Some(DtlsEvent::Refused(_))));
            }
            for _ in 0..20 {
                server.handle(forged);
            }
            assert!(server.poll_event().is_none(), "{case}, {is_wary}");
            assert!(server.poll_transmit().is_none(), "{case}, {is_wary}");
            exchange(&mut client, &mut server, perfect);
            assert!(
                connected(&mut client).is_some() && connected(&mut server).is_some(),
                "{case}, {is_wary}"
            );
        }
    }
}

// Each break costs one beginning, not two.
#[test]
fn a_proven_peer_has_fifteen_beginnings() {
    let (_, mut server) = pair();
    server.handle(&record(HANDSHAKE, 0, 0, &fragment(CLIENT_HELLO, 0, 60, 0, &[0xFE; 60])));
    let breaks = record(HANDSHAKE, 0, 0, &fragment(16, 2, 1, 0, &[0]));
    let mut proven = 0;
    for _ in 0..20 {
        let (mut client, _) = pair();
        for _ in 0..2 {
            outgoing(&mut client).iter().for_each(|datagram| server.handle(datagram));
            outgoing(&mut server).iter().filter(|d| d[RECORD_HEADER] == 3).for_each(|d| client.handle(d));
        }
        outgoing(&mut client).iter().for_each(|datagram| server.handle(datagram));
        server.handle(&breaks);
        proven += std::iter::from_fn(|| server.poll_event()).count();
    }
    assert_eq!(proven, 16, "one by the nonsense");
}

/// The same with another number of the message.
fn numbered(mut hello: Vec<u8>, number: u16) -> Vec<u8> {
    hello[RECORD_HEADER + 4..RECORD_HEADER + 6].copy_from_slice(&number.to_be_bytes());
    hello
}

// A client need not take another HelloVerifyRequest.
#[test]
fn a_peer_is_asked_for_one_cookie_whatever_numbers_strangers_use() {
    /// Of the message's number, and of the cookie.
    const NUMBER: std::ops::Range<usize> = RECORD_HEADER + 4..RECORD_HEADER + 6;
    const COOKIE: usize = RECORD_HEADER + MESSAGE_HEADER + 2;
    // Before the peer's own come none, those that claim to have been asked, or a first one, too; and the same around all.
    for before in [0..0, 1..5, 0..5] {
        for between in [0..0, 1..5, 0..5] {
            let forge = |numbers: std::ops::Range<u16>| -> Vec<Vec<u8>> {
                numbers.clone().zip(forged_hellos(5)).map(|(number, hello)| numbered(hello, number)).collect()
            };
            let (mut client, mut server) = pair();
            forge(before.clone()).iter().for_each(|forged| server.handle(forged));
            // The peer is not there yet.
            let early = outgoing(&mut server);
            let mut asked: Vec<Vec<u8>> = Vec::new();
            let is_request = |d: &Vec<u8>| d[0] == HANDSHAKE && d[RECORD_HEADER] == 3;
            asked.extend(early.into_iter().filter(is_request));
            exchange(&mut client, &mut server, |_, datagram| {
                asked.extend(Some(datagram.clone()).filter(is_request));
                let mut arriving = forge(between.clone());
                arriving.insert(0, datagram);
                arriving
            });
            let case = format!("{before:?}, {between:?}");
            assert!(connected(&mut client).is_some() && connected(&mut server).is_some(), "{case}");
            assert!(client.poll_event().is_none() && server.poll_event().is_none(), "{case}");
            // Who has begun first goes on unasked.
            assert_eq!(
                asked.is_empty(),
                ![&before, &between].iter().any(|numbers| numbers.contains(&0)),
                "{case}"
            );
            assert!(asked.iter().all(|d| d[NUMBER] == [0, 0] && d[COOKIE..] == asked[0][COOKIE..]), "{case}");
        }
    }
}

// A peer that has read a request takes a flight without a cookie for what follows it, and fails (Chromium, Firefox).
#[test]
fn after_a_request_there_is_no_flight_without_a_cookie() {
    // ClientHellos of browsers come in two fragments.
    let halves = |hello: Vec<u8>| {
        let body = &hello[RECORD_HEADER + MESSAGE_HEADER..];
        let whole = u8::try_from(body.len()).unwrap();
        let (first, second) = body.split_at(60);
        [(0, first), (60, second)]
            .map(|(offset, part)| record(HANDSHAKE, 0, 0, &fragment(CLIENT_HELLO, 0, whole, offset, part)))
    };
    let [strangers, peers] = [0, 1].map(|n| halves(forged_hellos(2).nth(n).unwrap()));
    let (_, mut server) = pair();
    server.handle(&strangers[0]);
    peers.iter().for_each(|half| server.handle(half));
    let sent = outgoing(&mut server);
    assert!(matches!(&sent[..], [request] if request[RECORD_HEADER] == 3), "{} datagrams", sent.len());
    // One that a stranger's has cut is asked when it comes again: its end is not taken.
    let (_, mut server) = pair();
    [&peers[0], &strangers[0], &peers[1]].into_iter().for_each(|half| server.handle(half));
    outgoing(&mut server);
    peers.iter().for_each(|half| server.handle(half));
    let sent = outgoing(&mut server);
    assert!(matches!(&sent[..], [request] if request[RECORD_HEADER] == 3), "{} datagrams", sent.len());
    // Nor does one that waits go out.
    let (_, mut server) = pair();
    forged_hellos(2).for_each(|hello| server.handle(&hello));
    assert_eq!(outgoing(&mut server).len(), 1);
    // The halves of the peer's own are one when nobody interferes.
    let (_, mut server) = pair();
    halves(forged_hellos(1).next().unwrap()).iter().for_each(|half| server.handle(half));
    assert!(!outgoing(&mut server).is_empty());
}
