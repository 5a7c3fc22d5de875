use super::identity::self_signed;
use super::*;
use crate::media::srtp::Profile;
use crate::media::types::{DtlsRole, Fingerprint, FingerprintHash};
use crate::media::worker::simulation::time;
use ::openssl::ec::{EcGroup, EcKey};
use ::openssl::nid::Nid;
use ::openssl::pkey::PKey;
use ::openssl::rsa::Rsa;
use std::time::Duration;

pub(super) fn context() -> DtlsContext {
    context_with(&DtlsConfig::default())
}

pub(super) fn context_with(config: &DtlsConfig) -> DtlsContext {
    time::pass(Duration::ZERO);
    DtlsContext::new(&Identity::generate(false).unwrap(), config).unwrap()
}

pub(super) fn pair() -> (OpenSslDtls, OpenSslDtls) {
    pair_of(&context(), &context())
}

pub(super) fn pair_of(client: &DtlsContext, server: &DtlsContext) -> (OpenSslDtls, OpenSslDtls) {
    time::pass(Duration::ZERO);
    let mut client = client.associate(DtlsRole::Active).unwrap();
    let mut server = server.associate(DtlsRole::Passive).unwrap();
    server.start();
    client.start();
    (client, server)
}

pub(super) fn outgoing(dtls: &mut dyn Dtls) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| dtls.poll_transmit()).collect()
}

/// Carries datagrams both ways until none is left. `network` gets each with its number and returns what arrives.
pub(super) fn exchange<'a>(
    a: &'a mut dyn Dtls,
    b: &'a mut dyn Dtls,
    mut network: impl FnMut(usize, Vec<u8>) -> Vec<Vec<u8>>,
) {
    let mut numbers = 0..;
    exchange_by_way(a, b, |_, datagram| network(numbers.next().unwrap(), datagram));
}

/// The same; the network is told the way of each: 0 from `a` to `b`, 1 back.
fn exchange_by_way<'a>(
    a: &'a mut dyn Dtls,
    b: &'a mut dyn Dtls,
    mut network: impl FnMut(usize, Vec<u8>) -> Vec<Vec<u8>>,
) {
    loop {
        let (from_a, from_b) = (outgoing(a), outgoing(b));
        if from_a.is_empty() && from_b.is_empty() {
            return;
        }
        for (way, (datagrams, to)) in [(from_a, &mut *b), (from_b, &mut *a)].into_iter().enumerate() {
            for datagram in datagrams {
                assert!(datagram.len() <= 1200, "larger than the MTU");
                network(way, datagram).iter().for_each(|datagram| to.handle(datagram));
            }
        }
    }
}

pub(super) fn perfect(_: usize, datagram: Vec<u8>) -> Vec<Vec<u8>> {
    vec![datagram]
}

/// The same while time passes, for networks that lose or reorder; ends when both are connected, or after 15 s.
fn persist(
    a: &mut OpenSslDtls,
    b: &mut OpenSslDtls,
    mut network: impl FnMut(usize, Vec<u8>) -> Vec<Vec<u8>>,
) -> (Box<Connected>, Box<Connected>) {
    let (mut of_a, mut of_b) = (None, None);
    let mut passed = Duration::ZERO;
    while passed < Duration::from_secs(15) {
        exchange_by_way(a, b, &mut network);
        of_a = of_a.or_else(|| connected(a));
        of_b = of_b.or_else(|| connected(b));
        if of_a.is_some() && of_b.is_some() {
            break;
        }
        let now = Instant::now();
        let due = [a.timeout(now), b.timeout(now)].into_iter().flatten().min().expect("a timer runs");
        time::pass(due - now);
        passed += due - now;
        a.handle_timeout();
        b.handle_timeout();
    }
    (of_a.expect("connected"), of_b.expect("connected"))
}

pub(super) fn connected(dtls: &mut dyn Dtls) -> Option<Box<Connected>> {
    match dtls.poll_event()? {
        DtlsEvent::Connected(connected) => Some(connected),
        other => panic!("{other:?}"),
    }
}

/// What is not accepted ends a handshake, not the connection: a stranger may have sent it.
fn refused(dtls: &mut OpenSslDtls) -> bool {
    let refused = matches!(dtls.poll_event(), Some(DtlsEvent::Refused(_)));
    refused && std::iter::from_fn(|| dtls.poll_event()).all(|event| matches!(event, DtlsEvent::Refused(_)))
}

fn failed(dtls: &mut OpenSslDtls) -> bool {
    matches!(dtls.poll_event(), Some(DtlsEvent::Failed(_)))
}

/// Client and server, after a handshake over a perfect network: with several cipher suites, each of them still with
/// OpenSSL, and settled.
pub(super) fn established() -> impl Iterator<Item = (Box<dyn Dtls>, Box<dyn Dtls>)> {
    let suites = [
        (false, "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (false, "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (true, "ECDHE-RSA-AES128-GCM-SHA256"),
        (true, "ECDHE-RSA-CHACHA20-POLY1305"),
    ];
    suites.into_iter().flat_map(|(rsa, suite)| {
        let config = DtlsConfig { ciphers: Some(suite.into()), ..DtlsConfig::default() };
        let context = DtlsContext::new(&Identity::generate(rsa).unwrap(), &config).unwrap();
        (0..4).map(move |settled| {
            let (client, server) = pair_of(&context, &context);
            let (mut client, mut server): (Box<dyn Dtls>, Box<dyn Dtls>) =
                (Box::new(client), Box::new(server));
            exchange(&mut *client, &mut *server, perfect);
            assert!(connected(&mut *client).is_some() && connected(&mut *server).is_some());
            if settled & 1 > 0 {
                client = client.settle().unwrap();
            }
            if settled & 2 > 0 {
                server = server.settle().unwrap();
            }
            (client, server)
        })
    })
}

#[test]
fn handshake_gives_matching_keys_and_certificates() {
    // MP-127, MP-132, MP-135
    for rsa in [false, true] {
        let identities = [Identity::generate(rsa).unwrap(), Identity::generate(!rsa).unwrap()];
        let contexts =
            identities.each_ref().map(|own| DtlsContext::new(own, &DtlsConfig::default()).unwrap());
        let (mut client, mut server) = pair_of(&contexts[0], &contexts[1]);
        exchange(&mut client, &mut server, perfect);
        let of_client = connected(&mut client).unwrap();
        let of_server = connected(&mut server).unwrap();
        assert!(of_client.local == of_server.remote && of_client.remote == of_server.local);
        assert!(of_client.local != of_client.remote);
        assert_eq!(of_client.profile, Profile::AeadAes128Gcm);
        assert_eq!(client.retransmissions() + server.retransmissions(), 0);
        assert_eq!(client.timeout(Instant::now()), None);

        let announced = Fingerprint {
            hash: FingerprintHash::Sha256,
            value: identities[1].fingerprint().to_ascii_lowercase(),
        };
        assert!(of_client.matches(&announced));
        assert!(!of_server.matches(&announced), "MP-131");
        let sha1 = of_client.fingerprint(FingerprintHash::Sha1).unwrap();
        assert_eq!(sha1.value.len(), 59);
        assert!(of_client.matches(&sha1));

        let (mut sender, _) = of_client.sessions().unwrap();
        let (_, mut receiver) = of_server.sessions().unwrap();
        let mut packet = [0x80; 36];
        packet[..12].copy_from_slice(&[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(sender.protect_rtp(&mut packet, 20), Ok(36));
        assert_eq!(receiver.unprotect_rtp(&mut packet), Ok(20));
    }
}

#[test]
fn fingerprint_format() {
    let identity = Identity::generate(false).unwrap();
    let bytes: Vec<&str> = identity.fingerprint().split(':').collect();
    assert_eq!(bytes.len(), 32);
    assert!(bytes.iter().all(|b| b.len() == 2 && b.chars().all(|c| matches!(c, '0'..='9' | 'A'..='F'))));
    let digest = identity.chain[0].digest(::openssl::hash::MessageDigest::sha256()).unwrap();
    let expected: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(bytes, expected);
    assert_ne!(identity.fingerprint(), Identity::generate(false).unwrap().fingerprint());
}

#[test]
fn the_server_chooses_the_profile() {
    // MP-133: against the client's order (Chromium's), and with what is left when the client lacks GCM.
    let cases: [(&[Profile], Profile); 4] = [
        (&[Profile::Aes128CmSha1_80, Profile::AeadAes256Gcm, Profile::AeadAes128Gcm], Profile::AeadAes128Gcm),
        (&[Profile::Aes128CmSha1_80, Profile::AeadAes256Gcm], Profile::AeadAes256Gcm),
        (&[Profile::Aes128CmSha1_32, Profile::Aes128CmSha1_80], Profile::Aes128CmSha1_80),
        (&[Profile::Aes128CmSha1_32], Profile::Aes128CmSha1_32),
    ];
    for (offered, chosen) in cases {
        let config = DtlsConfig { profiles: offered.to_vec(), ..DtlsConfig::default() };
        let (mut client, mut server) = pair_of(&context_with(&config), &context());
        exchange(&mut client, &mut server, perfect);
        let of_client = connected(&mut client).unwrap();
        assert_eq!(of_client.profile, chosen);
        assert_eq!(connected(&mut server).unwrap().profile, chosen);
        assert_eq!(of_client.local.key.len(), chosen.key_len());
        assert_eq!(of_client.local.salt.len(), chosen.salt_len());
    }
}

/// The group of the server's key in a ServerKeyExchange (RFC 8422 §5.4), if this datagram has one.
fn group_of_key(datagram: &[u8]) -> Option<u16> {
    const SERVER_KEY_EXCHANGE: u8 = 12;
    const NAMED_CURVE: u8 = 3;
    let mut rest = datagram;
    while let Some((record, following)) = rest.split_at_checked(13) {
        let length = usize::from(u16::from_be_bytes([record[11], record[12]]));
        let (body, following) = following.split_at_checked(length)?;
        if record[0] == 22 && body[0] == SERVER_KEY_EXCHANGE && body[12] == NAMED_CURVE {
            return Some(u16::from_be_bytes([body[13], body[14]]));
        }
        rest = following;
    }
    None
}

/// What two of these agree upon.
fn group_between(client: &DtlsContext, server: &DtlsContext) -> u16 {
    let (mut client, mut server) = pair_of(client, server);
    let mut group = None;
    exchange(&mut client, &mut server, |_, datagram| {
        group = group.or(group_of_key(&datagram));
        vec![datagram]
    });
    assert!(connected(&mut client).is_some() && connected(&mut server).is_some());
    group.expect("the server has sent a key")
}

#[test]
fn the_server_chooses_the_group() {
    const P256: u16 = 23;
    const P384: u16 = 24;
    const X25519: u16 = 29;
    let with = |groups: &[&str]| {
        DtlsContext::with_groups(&Identity::generate(false).unwrap(), &DtlsConfig::default(), groups).unwrap()
    };
    let ours = context();
    let cases = [
        ("X25519:P-256:P-384", X25519),
        ("P-384:P-256:X25519", X25519),
        ("P-256", P256),
        ("P-521:P-384:P-256", P256),
        // Its certificate needs the other one.
        ("P-384:P-256", P256),
    ];
    for (offered, chosen) in cases {
        assert_eq!(group_between(&with(&[offered]), &ours), chosen, "a client that offers {offered}");
    }
    // As a client we offer what any server has.
    for (has, chosen) in [("P-256", P256), ("P-384:P-256", P384), ("X25519:P-256", X25519)] {
        assert_eq!(group_between(&ours, &with(&[has])), chosen, "a server with {has}");
    }
    // As where OpenSSL lacks X25519: it takes no list that has an unknown one.
    let without = with(&["NO-SUCH-GROUP:P-256:P-384", "P-256:P-384"]);
    assert_eq!(group_between(&ours, &without), P256);
    assert_eq!(group_between(&without, &ours), P256);
    let none = Identity::generate(false).unwrap();
    assert!(DtlsContext::with_groups(&none, &DtlsConfig::default(), &["NO-SUCH-GROUP"]).is_err());
}

#[test]
fn certificates_of_three_kinds_are_taken() {
    let on = |curve| PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap());
    for key in [
        on(Nid::X9_62_PRIME256V1).unwrap(),
        on(Nid::SECP384R1).unwrap(),
        PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap(),
    ] {
        let now = Identity::generate(false).unwrap().expires() - 365 * 24 * 3600;
        let certificate = self_signed(&key, now - 3600, now + 3600).unwrap();
        let theirs = Identity::new(vec![certificate], key).unwrap();
        let theirs = DtlsContext::new(&theirs, &DtlsConfig::default()).unwrap();
        for (client, server) in [(&theirs, &context()), (&context(), &theirs)] {
            let (mut client, mut server) = pair_of(client, server);
            exchange(&mut client, &mut server, perfect);
            assert!(connected(&mut client).is_some() && connected(&mut server).is_some());
        }
    }
}

#[test]
fn no_common_profile_is_a_failure() {
    let only = |profile| context_with(&DtlsConfig { profiles: vec![profile], ..DtlsConfig::default() });
    let (mut client, mut server) = pair_of(&only(Profile::Aes128CmSha1_32), &only(Profile::AeadAes128Gcm));
    exchange(&mut client, &mut server, perfect);
    assert!(failed(&mut client) && failed(&mut server));
}

#[test]
fn every_single_lost_datagram_is_survived() {
    // MP-137
    let (mut client, mut server) = pair();
    let mut total = 0;
    exchange(&mut client, &mut server, |number, datagram| {
        total = number + 1;
        vec![datagram]
    });
    assert!(total >= 4, "four flights at least");
    for lost in 0..total {
        let (mut client, mut server) = pair();
        let mut numbers = 0..;
        let (of_client, of_server) = persist(&mut client, &mut server, |_, datagram| {
            if numbers.next() == Some(lost) { Vec::new() } else { vec![datagram] }
        });
        assert!(of_client.local == of_server.remote);
        assert!(client.retransmissions() + server.retransmissions() >= 1, "{lost}");
    }
}

/// On a quick machine, and on some that are so slow that flights come again among their copies.
#[test]
fn duplicates_disorder_and_garbage_are_survived() {
    for seed in 0..50 {
        let (mut client, mut server) = pair();
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut ways = [(0, Vec::new()), (0, Vec::new())];
        let (of_client, of_server) = persist(&mut client, &mut server, |way, datagram| {
            if seed > 0 && rng.u8(..3) == 0 {
                time::pass(Duration::from_millis(rng.u64(60..150)));
            }
            let (number, held) = &mut ways[way];
            *number += 1;
            let mut arriving =
                vec![vec![], vec![0x16], vec![0xff; 1000], datagram[..datagram.len() / 2].to_vec()];
            let mut flipped = datagram.clone();
            flipped[11] ^= 0x40; // the record's length
            arriving.push(flipped);
            // Every second one waits for the next one of its way, which comes twice.
            if *number % 2 == 1 && held.is_empty() {
                *held = datagram;
            } else {
                arriving.push(datagram.clone());
                arriving.push(datagram);
                if !held.is_empty() {
                    arriving.push(std::mem::take(held));
                }
            }
            arriving
        });
        assert!(of_client.local == of_server.remote, "{seed}");
    }
}

#[test]
fn data_passes_both_ways_one_message_per_datagram() {
    let messages: Vec<Vec<u8>> = (1..40usize).map(|n| vec![n as u8; n * 29]).collect();
    for (mut client, mut server) in established() {
        for message in &messages {
            client.write(message).unwrap();
            server.write(message).unwrap();
        }
        exchange(&mut *client, &mut *server, perfect);
        for dtls in [&mut client, &mut server] {
            for message in &messages {
                match dtls.poll_event() {
                    Some(DtlsEvent::Data(data)) => assert_eq!(data, message),
                    other => panic!("{other:?}"),
                }
            }
            assert!(dtls.poll_event().is_none());
        }
    }
}

#[test]
fn several_records_may_share_a_datagram() {
    for (mut client, mut server) in established() {
        client.write(b"one").unwrap();
        client.write(b"two").unwrap();
        server.handle(&outgoing(&mut *client).concat());
        for expected in [b"one", b"two"] {
            assert!(matches!(server.poll_event(), Some(DtlsEvent::Data(data)) if data == expected[..]));
        }
    }
}

#[test]
fn replayed_and_forged_data_is_dropped() {
    for (mut client, mut server) in established() {
        client.write(b"once").unwrap();
        let datagram = client.poll_transmit().unwrap();
        for at in 0..datagram.len() {
            let mut forged = datagram.clone();
            forged[at] ^= 1;
            server.handle(&forged);
            server.handle(&datagram[..at]);
        }
        assert!(server.poll_event().is_none());
        server.handle(&datagram);
        server.handle(&datagram);
        assert!(matches!(server.poll_event(), Some(DtlsEvent::Data(data)) if data == "once"));
        assert!(server.poll_event().is_none());
    }
}

#[test]
fn a_close_alert_ends_the_other_side() {
    // MP-138, MP-139
    for from_client in [true, false] {
        for (mut client, mut server) in established() {
            let (near, far) =
                if from_client { (&mut client, &mut server) } else { (&mut server, &mut client) };
            near.close();
            let alert = outgoing(&mut **near);
            assert_eq!(alert.len(), 1);
            assert_eq!(alert[0][0], 21, "content type alert");
            far.handle(&alert[0]);
            assert!(matches!(far.poll_event(), Some(DtlsEvent::Closed)));
            assert!(far.poll_event().is_none());
            assert!(far.write(b"late").is_err());
            assert!(near.write(b"late").is_err());
            far.close();
            assert!(outgoing(&mut **far).is_empty());
        }
    }
}

#[test]
fn only_known_cipher_suites_settle_and_only_after_the_handshake() {
    let config = DtlsConfig { ciphers: Some("ECDHE-ECDSA-AES256-SHA".into()), ..DtlsConfig::default() };
    let (mut client, mut server) = pair_of(&context_with(&config), &context());
    assert!(client.settle().is_none() && server.settle().is_none());
    exchange(&mut client, &mut server, perfect);
    assert!(client.settle().is_none() && server.settle().is_none());
    client.write(b"still there").unwrap();
    exchange(&mut client, &mut server, perfect);
    assert!(connected(&mut server).is_some());
    assert!(matches!(server.poll_event(), Some(DtlsEvent::Data(data)) if data == "still there"));
}

#[test]
fn nothing_is_sent_by_closing_what_never_connected() {
    let (mut client, _) = pair();
    outgoing(&mut client);
    client.close();
    assert!(outgoing(&mut client).is_empty());
    assert_eq!(client.timeout(Instant::now()), None);
}

#[test]
fn two_clients_wait_and_two_servers_wait() {
    let context = context();
    let mut clients = [DtlsRole::Active; 2].map(|role| context.associate(role).unwrap());
    clients.iter_mut().for_each(Dtls::start);
    let [a, b] = &mut clients;
    exchange(a, b, perfect);
    assert!(a.poll_event().is_none() && b.poll_event().is_none());

    let mut server = context.associate(DtlsRole::ActPass).unwrap();
    server.start();
    assert!(outgoing(&mut server).is_empty());
    assert_eq!(server.timeout(Instant::now()), None);
}

#[test]
fn early_datagrams_are_kept_until_the_start() {
    // MP-140 with the difference that they are not lost; see docs/differences/secure.md.
    let mut client = context().associate(DtlsRole::Active).unwrap();
    let mut server = context().associate(DtlsRole::Passive).unwrap();
    client.start();
    for datagram in outgoing(&mut client) {
        server.handle(&datagram);
    }
    for _ in 0..1000 {
        server.handle(&[0x16; 100]);
    }
    assert!(server.poll_transmit().is_none() && server.poll_event().is_none());
    server.start();
    exchange(&mut client, &mut server, perfect);
    assert!(connected(&mut client).is_some() && connected(&mut server).is_some());
    assert_eq!(client.retransmissions(), 0);
}

#[test]
fn a_client_without_certificate_is_refused() {
    // MP-129
    use ::openssl::ssl::{Ssl, SslContextBuilder, SslMethod, SslVerifyMode};
    let mut builder = SslContextBuilder::new(SslMethod::dtls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_tlsext_use_srtp("SRTP_AEAD_AES_128_GCM").unwrap();
    let mut ssl = Ssl::new(&builder.build()).unwrap();
    ssl.set_connect_state();
    let mut client = OpenSslDtls::new(ssl, true, 1200).unwrap();
    let mut server = context().associate(DtlsRole::Passive).unwrap();
    server.start();
    client.start();
    exchange(&mut client, &mut server, |_, datagram| vec![datagram]);
    match server.poll_event() {
        Some(DtlsEvent::Refused(error)) => assert!(error.to_string().contains("certificate"), "{error}"),
        other => panic!("{other:?}"),
    }
}

fn identity(from_days: i64, until_days: i64) -> Identity {
    let group = ::openssl::ec::EcGroup::from_curve_name(::openssl::nid::Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(::openssl::ec::EcKey::generate(&group).unwrap()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let certificate = self_signed(&key, now + from_days * 86400, now + until_days * 86400).unwrap();
    Identity::new(vec![certificate], key).unwrap()
}

#[test]
fn an_expired_certificate_is_refused_in_both_roles() {
    // MP-130
    let expired = DtlsContext::new(&identity(-30, -1), &DtlsConfig::default()).unwrap();
    let (mut client, mut server) = pair_of(&expired, &context());
    exchange(&mut client, &mut server, perfect);
    assert!(refused(&mut server) && client.poll_event().is_none());
    let (mut client, mut server) = pair_of(&context(), &expired);
    exchange(&mut client, &mut server, perfect);
    assert!(refused(&mut client) && server.poll_event().is_none());
    // The same way made, but valid.
    let valid = DtlsContext::new(&identity(-30, 1), &DtlsConfig::default()).unwrap();
    let (mut client, mut server) = pair_of(&valid, &context());
    exchange(&mut client, &mut server, perfect);
    assert!(connected(&mut server).is_some());
}

#[test]
fn selfsigned_certificates_can_be_refused() {
    let strict = context_with(&DtlsConfig { accept_selfsigned: false, ..DtlsConfig::default() });
    let (mut client, mut server) = pair_of(&context(), &strict);
    exchange(&mut client, &mut server, perfect);
    assert!(refused(&mut server));
}

#[test]
fn identity_from_pem_with_and_without_password() {
    let own = Identity::generate(true).unwrap();
    let certificate = own.chain[0].to_pem().unwrap();
    let plain = own.key.private_key_to_pem_pkcs8().unwrap();
    let cipher = ::openssl::symm::Cipher::aes_128_cbc();
    let locked = own.key.private_key_to_pem_pkcs8_passphrase(cipher, b"secret").unwrap();
    let loaded = Identity::from_pem(&certificate, &plain, None).unwrap();
    assert_eq!(loaded.fingerprint(), own.fingerprint());
    assert!(Identity::from_pem(&certificate, &locked, Some("secret")).is_ok());
    assert!(Identity::from_pem(&certificate, &locked, Some("wrong")).is_err());
    assert!(Identity::from_pem(&certificate, &locked, None).is_err());
    assert!(Identity::from_pem(b"", &plain, None).is_err());
    let other = Identity::generate(true).unwrap().key.private_key_to_pem_pkcs8().unwrap();
    assert!(Identity::from_pem(&certificate, &other, None).is_err(), "key of another certificate");
}

#[test]
fn bad_configuration_is_an_error() {
    let identity = Identity::generate(false).unwrap();
    let ciphers = DtlsConfig { ciphers: Some("NOT-A-CIPHER".into()), ..DtlsConfig::default() };
    assert!(DtlsContext::new(&identity, &ciphers).is_err());
    let tiny = DtlsConfig { mtu: 1, ..DtlsConfig::default() };
    assert!(DtlsContext::new(&identity, &tiny).unwrap().associate(DtlsRole::Active).is_ok());
}

/// Files of libssl in the memory of this process.
fn loaded() -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut files: Vec<String> = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .filter(|file| file.rsplit('/').next().is_some_and(|name| name.starts_with("libssl.so")))
        .map(str::to_owned)
        .collect();
    files.dedup();
    files
}

// tests/openssl/run tells which one it wants; its other tests would prove nothing with another one.
#[test]
fn the_library_that_is_asked_for_is_loaded() {
    let (files, version) = (loaded(), ::openssl::version::version());
    assert_eq!(files.len(), 1, "{files:?}");
    println!("loaded: {version} from {}", files[0]);
    let wanted = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    if let Some(wanted) = wanted("LIBSSL_VERSION") {
        assert!(version.starts_with(&format!("OpenSSL {wanted} ")), "{version}, not {wanted}");
    }
    if let Some(folder) = wanted("LIBSSL_FOLDER") {
        let folder = std::fs::canonicalize(folder).unwrap();
        assert!(std::path::Path::new(&files[0]).starts_with(&folder), "{files:?}, not in {folder:?}");
    }
}
