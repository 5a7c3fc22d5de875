use super::*;
use crate::media::dtls::tests::{
    connected, context, context_with, established, exchange, outgoing, pair, pair_of, perfect,
};
use crate::media::dtls::{DtlsConfig, DtlsContext, Identity, OpenSslDtls};
use crate::media::worker::simulation::time;
use ::openssl::ssl::{Ssl, SslContextBuilder, SslMethod, SslOptions, SslVerifyMode};
use std::collections::HashSet;

const SUITES: [&str; 2] = ["AES128-GCM-SHA256", "CHACHA20-POLY1305"];
const CLIENT_HELLO: u8 = 1;
const HELLO_REQUEST: u8 = 0;

fn of_suite(suite: &str) -> DtlsContext {
    context_with(&DtlsConfig { ciphers: Some(format!("ECDHE-ECDSA-{suite}")), ..DtlsConfig::default() })
}

/// Client and server, both settled, with each cipher.
fn settled() -> impl Iterator<Item = (Settled, Settled)> {
    SUITES.into_iter().map(|suite| {
        let context = of_suite(suite);
        let (mut client, mut server) = pair_of(&context, &context);
        exchange(&mut client, &mut server, perfect);
        let (mut client, mut server) = (client.settled().unwrap(), server.settled().unwrap());
        assert!(connected(&mut client).is_some() && connected(&mut server).is_some());
        (client, server)
    })
}

/// A handshake up to the server's last flight, which stays with the server.
fn without_last_flight() -> (OpenSslDtls, Settled) {
    let (mut client, mut server) = pair();
    loop {
        outgoing(&mut client).iter().for_each(|datagram| server.handle(datagram));
        if connected(&mut server).is_some() {
            return (client, server.settled().unwrap());
        }
        outgoing(&mut server).iter().for_each(|datagram| client.handle(datagram));
    }
}

/// Records of datagrams: header, epoch and sequence number, fragment.
fn records(datagrams: &[Vec<u8>]) -> Vec<(&[u8; HEADER], u64, &[u8])> {
    let mut all = Vec::new();
    for datagram in datagrams {
        let mut rest = &datagram[..];
        while let Some(record) = next_record(&mut rest) {
            all.push(record);
        }
    }
    all
}

fn is_data(dtls: &mut dyn Dtls, expected: &str) -> bool {
    matches!(dtls.poll_event(), Some(DtlsEvent::Data(data)) if data == expected)
}

fn from_peer(peer: &mut Settled, kind: u8, content: &[u8]) -> Vec<u8> {
    peer.send(kind, content).unwrap();
    peer.poll_transmit().unwrap()
}

#[test]
fn no_number_and_no_nonce_is_used_twice_with_one_key() {
    // RFC 6347 §4.1, RFC 5288 §3: also none of the handshake's, which OpenSSL counted.
    for suite in SUITES {
        let context = of_suite(suite);
        let (mut client, mut server) = pair_of(&context, &context);
        let mut sent = [Vec::new(), Vec::new()];
        for _ in 0..4 {
            let datagrams = outgoing(&mut client);
            datagrams.iter().for_each(|datagram| server.handle(datagram));
            sent[0].extend(datagrams);
            let datagrams = outgoing(&mut server);
            datagrams.iter().for_each(|datagram| client.handle(datagram));
            sent[1].extend(datagrams);
        }
        for (mut dtls, mut sent) in [client, server].into_iter().zip(sent) {
            let mut dtls = dtls.settled().unwrap();
            (0..100).for_each(|_| dtls.write(b"x").unwrap());
            dtls.close();
            sent.extend(outgoing(&mut dtls));
            let sealed = records(&sent).into_iter().filter(|(_, sequence, _)| is_current(*sequence));
            let (numbers, nonces): (Vec<u64>, Vec<&[u8]>) =
                sealed.map(|(_, sequence, fragment)| (sequence, &fragment[..8])).unzip();
            let first = EPOCH << 48;
            assert_eq!(numbers, (first..first + 102).collect::<Vec<u64>>(), "the Finished is the first");
            assert_eq!(nonces.iter().collect::<HashSet<_>>().len(), numbers.len(), "{suite}");
            if suite == SUITES[0] {
                let nonce = |index: usize| u64::from_be_bytes(nonces[index].try_into().unwrap());
                assert!((1..102).all(|index| nonce(index) == nonce(index - 1).wrapping_add(1)));
            }
        }
    }
}

#[test]
fn numbers_end_before_they_begin_anew() {
    for (mut client, mut server) in settled() {
        client.last = ((EPOCH + 1) << 48) - 2;
        client.write(b"the last one").unwrap();
        let last = client.poll_transmit().unwrap();
        assert!(client.write(b"one more").is_err());
        client.close();
        assert!(client.poll_transmit().is_none());
        server.handle(&last);
        assert!(is_data(&mut server, "the last one"));
    }
}

#[test]
fn records_are_written_to_where_they_leave_from() {
    for (mut client, mut server) in settled() {
        let mut room = [0; 100];
        let len = client.write_to(b"data", &mut room).unwrap();
        server.handle(&room[..len]);
        assert!(is_data(&mut server, "data"));
        let last = client.last;
        assert_eq!(client.write_to(b"data", &mut room[..len - 1]), None, "no room");
        client.write(b"first").unwrap();
        assert_eq!(client.write_to(b"second", &mut room), None, "nothing overtakes what waits");
        assert_eq!(client.last, last + 1);
        server.handle(&client.poll_transmit().unwrap());
        assert!(is_data(&mut server, "first"));
        let len = client.write_to(b"second", &mut room).unwrap();
        assert_eq!(client.last, last + 2);
        server.handle(&room[..len]);
        assert!(is_data(&mut server, "second"));
        // Those that fail have had a number, too.
        client.last = ((EPOCH + 1) << 48) - 1;
        assert_eq!(client.write_to(b"one more", &mut room), None);
        assert_eq!(client.last, (EPOCH + 1) << 48);
        server.close();
        assert_eq!(server.write_to(b"after the end", &mut room), None);
    }
}

/// Whoever has no data channels keeps none of `ring`'s keys, not even after a forged record with data.
#[test]
fn keys_are_ready_from_the_first_data_on() {
    for (mut client, mut server) in settled() {
        client.write(b"data").unwrap();
        let data = client.poll_transmit().unwrap();
        let mut forged = data.clone();
        *forged.last_mut().unwrap() ^= 1;
        server.handle(&forged);
        assert!(client.sealing.ready.is_some() && server.opening.ready.is_none());
        server.handle(&data);
        assert!(is_data(&mut server, "data") && server.opening.ready.is_some());
        server.close();
        assert!(server.sealing.ready.is_none());
        client.handle(&server.poll_transmit().unwrap());
        assert!(matches!(client.poll_event(), Some(DtlsEvent::Closed)));
    }
}

#[test]
fn records_hold_16_kb_at_most() {
    // RFC 5246 §6.2.1
    for (mut client, mut server) in settled() {
        assert!(client.write(&[7; MAX_CONTENT + 1]).is_err());
        client.write(&[7; MAX_CONTENT]).unwrap();
        outgoing(&mut client).iter().for_each(|datagram| server.handle(datagram));
        assert!(matches!(server.poll_event(), Some(DtlsEvent::Data(data)) if data.len() == MAX_CONTENT));
        // Authentic, and too long all the same.
        let mut record = vec![0; client.sealing.sealed_len(MAX_CONTENT + 1)];
        client.sealing.seal(DATA, client.last + 1, &[7; MAX_CONTENT + 1], &mut record).unwrap();
        server.handle(&record);
        assert!(server.poll_event().is_none());
    }
}

#[test]
fn what_is_not_sealed_has_no_effect() {
    // Alerts, a handshake that begins anew, data: anybody can send them in epoch 0.
    for (mut client, mut server) in established() {
        for dtls in [&mut client, &mut server] {
            let contents: [(u8, &[u8]); 5] = [
                (ALERT, &[WARNING, CLOSE_NOTIFY]),
                (ALERT, &[FATAL, 40]),
                (HANDSHAKE, &[CLIENT_HELLO, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
                (HANDSHAKE, &[FINISHED, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
                (DATA, b"data"),
            ];
            for (kind, content) in contents {
                for epoch in [0, 1, 2] {
                    for version in [VERSION, [0xFE, 0xFF]] {
                        let mut record = vec![kind, version[0], version[1], 0, epoch, 0, 0, 0, 1, 0, 0, 0];
                        record.push(content.len() as u8);
                        record.extend(content);
                        dtls.handle(&record);
                    }
                }
            }
            assert!(dtls.poll_event().is_none() && dtls.poll_transmit().is_none());
        }
        let late = outgoing(&mut pair().0);
        late.iter().for_each(|hello| server.handle(hello));
        client.write(b"still here").unwrap();
        exchange(&mut *client, &mut *server, perfect);
        assert!(is_data(&mut *server, "still here"));
    }
}

#[test]
fn alerts_and_handshake_messages_of_the_peer() {
    for (mut client, mut server) in settled() {
        // No renegotiation, no heartbeat, nothing empty or cut; warnings go by.
        let contents: [(u8, &[u8]); 9] = [
            (HANDSHAKE, &[CLIENT_HELLO, 0, 0, 0]),
            (HANDSHAKE, &[HELLO_REQUEST, 0, 0, 0]),
            (HANDSHAKE, &[]),
            (ALERT, &[]),
            (ALERT, &[FATAL]),
            (ALERT, &[WARNING, 90]),
            (20, &[1]),
            (24, &[1, 0, 16]),
            (DATA, &[]),
        ];
        for (kind, content) in contents {
            server.handle(&from_peer(&mut client, kind, content));
            client.handle(&from_peer(&mut server, kind, content));
        }
        for dtls in [&mut client, &mut server] {
            assert!(dtls.poll_event().is_none() && dtls.poll_transmit().is_none());
        }
        let alert = from_peer(&mut client, ALERT, &[FATAL, 80]);
        let after = from_peer(&mut client, DATA, b"after");
        server.handle(&[alert, after].concat());
        assert!(matches!(server.poll_event(), Some(DtlsEvent::Failed(_))));
        assert!(server.poll_event().is_none() && server.write(b"x").is_err());
        server.close();
        assert!(server.poll_transmit().is_none());
    }
}

#[test]
fn what_the_handshake_has_taken_is_not_taken_again() {
    // RFC 6347 §4.1.2.6. As server: the client's Finished.
    let (mut client, mut server) = pair();
    let mut of_client = Vec::new();
    for _ in 0..4 {
        let datagrams = outgoing(&mut client);
        datagrams.iter().for_each(|datagram| server.handle(datagram));
        of_client.extend(datagrams);
        if connected(&mut server).is_some() {
            break;
        }
        outgoing(&mut server).iter().for_each(|datagram| client.handle(datagram));
    }
    let mut server = server.settled().unwrap();
    let flight = outgoing(&mut server);
    assert_eq!(flight.len(), 1);
    of_client.iter().for_each(|datagram| server.handle(datagram));
    assert!(outgoing(&mut server).is_empty());

    // As client: data in the datagram that completes the handshake.
    server.write(b"once").unwrap();
    let last = [flight, outgoing(&mut server)].concat().concat();
    client.handle(&last);
    assert!(connected(&mut client).is_some());
    let mut client = client.settled().unwrap();
    client.handle(&last);
    assert!(is_data(&mut client, "once") && client.poll_event().is_none());
}

#[test]
fn the_last_flight_comes_again_but_not_forever() {
    // RFC 6347 §4.2.4
    let (mut client, mut server) = without_last_flight();
    assert!(!outgoing(&mut server).is_empty() && client.poll_event().is_none());
    let now = Instant::now();
    time::pass(client.timeout(now).unwrap() - now);
    client.handle_timeout();
    let flight = outgoing(&mut client);
    flight.iter().for_each(|datagram| server.handle(datagram));
    // The same flight once more: its Finished is known by now.
    flight.iter().for_each(|datagram| server.handle(datagram));
    let answer = outgoing(&mut server);
    assert_eq!(records(&answer).len(), 2, "ChangeCipherSpec and Finished");
    answer.iter().for_each(|datagram| client.handle(datagram));
    assert!(connected(&mut client).is_some());
    server.write(b"hello").unwrap();
    exchange(&mut client, &mut server, perfect);
    assert!(is_data(&mut client, "hello"));

    // A settled client does not answer repetitions, so that there is no end of them.
    let mut client = client.settled().unwrap();
    answer.iter().for_each(|datagram| client.handle(datagram));
    client.handle(&from_peer(&mut server, HANDSHAKE, &[FINISHED]));
    assert!(outgoing(&mut client).is_empty());
    // And who asks without end is not answered without end.
    for _ in 0..1000 {
        server.handle(&from_peer(&mut client, HANDSHAKE, &[FINISHED]));
    }
    assert_eq!(outgoing(&mut server).len(), (MAX_REPEATS - 1) * answer.len());
}

#[test]
fn data_may_overtake_the_finished() {
    // The peer waits for our Finished, with our keys already in use, while data comes that was sent after it.
    let (mut client, mut server) = without_last_flight();
    let flight = outgoing(&mut server).concat();
    let length = records(std::slice::from_ref(&flight))[0].2.len();
    let (change, finished) = flight.split_at(HEADER + length);
    assert_eq!((change[0], finished[0]), (20, HANDSHAKE));
    client.handle(change);
    for data in ["one", "two"] {
        server.write(data.as_bytes()).unwrap();
        outgoing(&mut server).iter().for_each(|datagram| client.handle(datagram));
    }
    assert!(client.poll_event().is_none());
    client.handle(finished);
    assert!(connected(&mut client).is_some());
    assert!(is_data(&mut client, "one") && is_data(&mut client, "two"));
}

#[test]
fn keys_without_extended_master_secret() {
    // RFC 7627 is what browsers do; without it the master secret comes about in another way.
    const NO_EXTENDED_MASTER_SECRET: u64 = 1;
    let identity = Identity::generate(false).unwrap();
    let mut builder = SslContextBuilder::new(SslMethod::dtls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_options(SslOptions::from_bits_retain(NO_EXTENDED_MASTER_SECRET as _));
    builder.set_tlsext_use_srtp("SRTP_AEAD_AES_128_GCM").unwrap();
    builder.set_certificate(&identity.chain[0]).unwrap();
    builder.set_private_key(&identity.key).unwrap();
    let mut ssl = Ssl::new(&builder.build()).unwrap();
    ssl.set_connect_state();
    let mut client = OpenSslDtls::new(ssl, true, 1200).unwrap();
    let mut server = context().associate(crate::media::types::DtlsRole::Passive).unwrap();
    server.start();
    client.start();
    exchange(&mut client, &mut server, perfect);
    assert!(connected(&mut client).is_some() && connected(&mut server).is_some());
    let mut server = server.settled().unwrap();
    client.write(b"there").unwrap();
    server.write(b"back").unwrap();
    exchange(&mut client, &mut server, perfect);
    assert!(is_data(&mut server, "there") && is_data(&mut client, "back"));
}
