//! The record layer after the handshake: authentic records of any type and content, changed ones, repeated ones, and
//! whatever else arrives. Only what the peer sealed has an effect, and only once.
#![no_main]

use janus_rs::media::DtlsRole;
use janus_rs::media::dtls::{Dtls, DtlsConfig, DtlsContext, DtlsEvent, Identity, OpenSslDtls};
use libfuzzer_sys::fuzz_target;
use std::cell::OnceCell;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
/// More copies of the last flight are nothing but noise.
const MOST_REPEATS: usize = 16;

thread_local! {
    static CONTEXTS: OnceCell<[DtlsContext; 2]> = const { OnceCell::new() };
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, mut rest)) = data.split_first() else { return };
    let (client, server) = handshake(usize::from(choice & 1));
    let (mut ours, mut theirs) = if choice & 2 == 0 { (server, client) } else { (client, server) };
    assert!(matches!(ours.poll_event(), Some(DtlsEvent::Connected(_))));
    let (mut ours, mut theirs) = (ours.settled().expect("settled"), theirs.settled().expect("settled"));
    let (mut sent, mut flights, mut ended) = (Vec::new(), 0, false);
    while let Some(([what, kind, high, low], more)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([high & 7, *low])).min(more.len());
        let (content, more) = more.split_at(length);
        rest = more;
        let kind = [ALERT, HANDSHAKE, DATA, *kind][usize::from(kind & 3)];
        match what % 5 {
            0 => {
                theirs.send(kind, content).expect("short enough");
                let record = theirs.poll_transmit().expect("a record");
                ours.handle(&record);
                sent.push(record);
                let expected = if ended { None } else { expected(kind, content) };
                ended |= matches!(expected, Some(What::Closed | What::Failed));
                assert_eq!(ours.poll_event().and_then(What::of), expected);
            }
            1 => ours.handle(content),
            // Another one of the same, with one bit changed.
            2 => {
                theirs.send(kind, content).expect("short enough");
                let mut record = theirs.poll_transmit().expect("a record");
                let bit = usize::from(u16::from_be_bytes([*high, *low])) % (record.len() * 8);
                record[bit / 8] ^= 1 << (bit % 8);
                ours.handle(&record);
            }
            3 => assert_eq!(ours.write(content).is_err(), ended),
            _ => ours.handle(&sent.concat()),
        }
        assert!(ours.poll_event().is_none(), "not of the peer, or not new");
        while let Some(datagram) = ours.poll_transmit() {
            flights += usize::from(datagram[0] != DATA);
        }
        assert!(flights <= MOST_REPEATS);
    }
    ours.close();
    assert_eq!(ours.poll_transmit().is_none(), ended);
});

#[derive(Debug, PartialEq, Eq)]
enum What {
    Data(Vec<u8>),
    Closed,
    Failed,
}

impl What {
    /// `None`: nothing that a record of this target brings about by its content.
    fn of(event: DtlsEvent) -> Option<What> {
        match event {
            DtlsEvent::Data(data) => Some(What::Data(data.to_vec())),
            DtlsEvent::Closed => Some(What::Closed),
            DtlsEvent::Failed(_) => Some(What::Failed),
            DtlsEvent::Repeated => None,
            DtlsEvent::Connected(_) | DtlsEvent::Refused(_) => panic!("a second handshake"),
        }
    }
}

fn expected(kind: u8, content: &[u8]) -> Option<What> {
    match (kind, content) {
        (DATA, [_, ..]) => Some(What::Data(content.to_vec())),
        (ALERT, [_, 0]) => Some(What::Closed),
        (ALERT, [2, _]) => Some(What::Failed),
        _ => None,
    }
}

/// Client and server that are connected, with the cipher suite of a number.
fn handshake(suite: usize) -> (OpenSslDtls, OpenSslDtls) {
    let associate = |role| {
        CONTEXTS.with(|contexts| {
            contexts.get_or_init(|| ["AES128-GCM-SHA256", "CHACHA20-POLY1305"].map(context))[suite]
                .associate(role)
                .expect("an association")
        })
    };
    let (mut client, mut server) = (associate(DtlsRole::Active), associate(DtlsRole::Passive));
    server.start();
    client.start();
    for _ in 0..4 {
        while let Some(datagram) = client.poll_transmit() {
            server.handle(&datagram);
        }
        while let Some(datagram) = server.poll_transmit() {
            client.handle(&datagram);
        }
    }
    (client, server)
}

fn context(suite: &str) -> DtlsContext {
    let config = DtlsConfig { ciphers: Some(format!("ECDHE-ECDSA-{suite}")), ..DtlsConfig::default() };
    DtlsContext::new(&Identity::generate(false).expect("an identity"), &config).expect("a context")
}
