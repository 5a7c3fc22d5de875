//! Our DTLS server against `openssl s_client`, which also prints the exported keys (MP-133, MP-135). Skipped where there
//! is no `openssl` program.

use janus_rs::media::DtlsRole;
use janus_rs::media::dtls::{Connected, Dtls, DtlsConfig, DtlsContext, DtlsEvent, Identity};
use janus_rs::media::srtp::Profile;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Of the key exchange: what a client offers, and what it is given, in the words of `openssl`.
const GROUPS: [(&str, &str); 2] = [("P-256", "prime256v1"), ("P-384:P-256:X25519", "X25519")];

#[test]
fn s_client_exports_the_same_keys() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: no openssl program");
        return;
    }
    let folder = std::env::temp_dir().join(format!("dtls-s-client-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let [key, certificate] = ["key.pem", "cert.pem"].map(|name| folder.join(name).display().to_string());
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=client", "-days", "2"])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");

    for (offered, given) in GROUPS {
        let (connected, output) = call(&key, &certificate, offered);
        assert_eq!(connected.profile, Profile::AeadAes128Gcm);
        assert!(output.contains("SRTP_AEAD_AES_128_GCM"), "{output}");
        let ours: String =
            [&connected.remote.key, &connected.local.key, &connected.remote.salt, &connected.local.salt]
                .into_iter()
                .flatten()
                .map(|byte| format!("{byte:02X}"))
                .collect();
        assert!(output.contains(&ours), "{ours} is not in {output}");
        let group = output.lines().find(|line| line.contains("Temp Key"));
        assert!(group.is_some_and(|line| line.contains(given)), "{offered}: no {given} in {output}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// One handshake with a client that offers these groups; what it prints.
fn call(key: &str, certificate: &str, groups: &str) -> (Box<Connected>, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut client = Command::new("openssl")
        .args(["s_client", "-dtls1_2", "-connect", &socket.local_addr().unwrap().to_string()])
        .args(["-cert", certificate, "-key", key, "-mtu", "400", "-groups", groups])
        // Chromium's order.
        .args(["-use_srtp", "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM"])
        .args(["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "56"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let connected = serve(&socket);
    // Its end of input makes the client say goodbye.
    drop(client.stdin.take());
    let output = client.wait_with_output().unwrap().stdout;
    (connected, String::from_utf8_lossy(&output).into_owned())
}

/// Serves one client; closes when it is connected.
fn serve(socket: &UdpSocket) -> Box<Connected> {
    let identity = Identity::generate(false).unwrap();
    let context = DtlsContext::new(&identity, &DtlsConfig::default()).unwrap();
    let mut dtls = context.associate(DtlsRole::Passive).unwrap();
    dtls.start();
    let mut datagram = [0; 2048];
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        assert!(Instant::now() < limit, "no handshake in time");
        let wait = dtls.timeout(Instant::now()).map(|due| due.saturating_duration_since(Instant::now()));
        let wait = wait.unwrap_or(Duration::from_secs(1)).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(wait)).unwrap();
        match socket.recv_from(&mut datagram) {
            Ok((len, peer)) => {
                socket.connect(peer).unwrap();
                dtls.handle(&datagram[..len]);
            }
            Err(_) => dtls.handle_timeout(),
        }
        while let Some(datagram) = dtls.poll_transmit() {
            socket.send(&datagram).unwrap();
        }
        match dtls.poll_event() {
            Some(DtlsEvent::Connected(found)) => {
                dtls.close();
                while let Some(datagram) = dtls.poll_transmit() {
                    socket.send(&datagram).unwrap();
                }
                return found;
            }
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}
