//! Somebody else sends to the server's media port while a call runs.

use peers::call::Call;
use peers::relay::Policy;
use peers::server::Server;
use peers::{forge, home};
use serde_json::Value;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::sleep;

/// A socket that the call knows nothing of, and what went over it.
struct Stranger {
    socket: UdpSocket,
    sent: usize,
}

impl Stranger {
    async fn new(call: &Call) -> Self {
        let socket = UdpSocket::bind((home(), 0)).await.expect("a socket");
        socket.connect(call.relay.server()).await.expect("an address");
        Stranger { socket, sent: 0 }
    }

    async fn send(&mut self, datagram: &[u8]) {
        // An ICMP error of the one before is no failure of this one.
        if self.socket.send(datagram).await.is_ok() {
            self.sent += datagram.len();
        }
        sleep(Duration::from_millis(2)).await;
    }

    /// Bytes that came back within a second.
    async fn received(&self) -> usize {
        sleep(Duration::from_secs(1)).await;
        let mut buffer = [0; 2048];
        let mut received = 0;
        while let Ok(length) = self.socket.try_recv(&mut buffer) {
            received += length;
        }
        received
    }
}

/// Packets that arrived with the call's audio and video, as the Admin API counts them.
async fn counted(server: &Server, call: &Call) -> (u64, u64) {
    let info = server.handle_info(call.handle.session, call.handle.id).await;
    let packets = |kind: &str| -> u64 {
        let media = info["webrtc"]["media"].as_object().expect("media").values();
        let of_kind = media.filter(|medium| medium["type"] == kind);
        of_kind.map(|medium| medium["stats"]["in"]["packets"].as_u64().expect("a count")).sum()
    };
    (packets("audio"), packets("video"))
}

fn attribute<'a>(sdp: &'a str, name: &str) -> &'a str {
    sdp.lines().find_map(|line| line.strip_prefix(name)).expect(name)
}

fn number(value: &str) -> u32 {
    value.split(' ').next().and_then(|text| text.parse().ok()).expect("a number")
}

/// The whole zoo: the call goes on, its statistics do not move, and the server is no amplifier.
async fn call_goes_on(make: impl AsyncFnOnce(&Call, &mut Stranger)) {
    let well = Policy::default();
    let server = Server::start().await;
    let call = Call::start(&server, well, well).await;
    call.up().await;
    call.send(50).await;
    call.flows(10).await;
    sleep(Duration::from_millis(500)).await; // what is on its way arrives
    let before =
        (counted(&server, &call).await, call.peer.received().audio.len(), call.peer.received().video.len());
    assert_eq!(before.0, (call.sent() as u64, call.sent() as u64));
    let mut stranger = Stranger::new(&call).await;
    make(&call, &mut stranger).await;
    let received = stranger.received().await;
    assert!(stranger.sent > 0);
    assert!(received <= stranger.sent, "{received} bytes to a stranger who sent {}", stranger.sent);
    let after =
        (counted(&server, &call).await, call.peer.received().audio.len(), call.peer.received().video.len());
    assert_eq!(after, before);
    call.flows(50).await;
    call.data_flows(20).await;
    assert_eq!((call.handle.count("webrtcup"), call.handle.count("hangup")), (1, 0));
    let pair: Value =
        server.handle_info(call.handle.session, call.handle.id).await["webrtc"]["ice"]["selected-pair"]
            .take();
    let address = call.relay.seen_by_server();
    assert!(
        pair.as_str().is_some_and(|pair| pair.contains(&address.to_string())),
        "{pair} without {address}"
    );
    server.stop().await;
}

#[tokio::test]
async fn connectivity_checks_of_a_stranger() {
    call_goes_on(async |call, stranger| {
        let (server, peer) =
            (attribute(&call.answer, "a=ice-ufrag:"), attribute(&call.offer, "a=ice-ufrag:"));
        for username in
            [format!("{server}:{peer}"), format!("{server}:none"), "some:body".into(), String::new()]
        {
            for _ in 0..20 {
                stranger.send(&forge::connectivity_check(&username)).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn client_hellos_of_a_stranger() {
    call_goes_on(async |_, stranger| {
        for _ in 0..50 {
            stranger.send(&forge::client_hello()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn forged_srtp_and_srtcp() {
    call_goes_on(async |call, stranger| {
        let ssrc = number(attribute(&call.offer, "a=ssrc:"));
        for sequence in 0..50 {
            for payload_type in [96, 111] {
                stranger.send(&forge::srtp(payload_type, ssrc, sequence)).await;
                stranger.send(&forge::srtp(payload_type, 4711, sequence)).await;
            }
            stranger.send(&forge::srtcp(ssrc)).await;
        }
    })
    .await;
}

/// Genuine packets of the call, again and from elsewhere (RFC 3711 §3.3.2).
#[tokio::test]
async fn replayed_srtp() {
    call_goes_on(async |call, stranger| {
        let recorded = call.relay.recorded();
        assert!(recorded.len() > 32);
        for datagram in &recorded {
            stranger.send(datagram).await;
        }
    })
    .await;
}

/// Neither STUN nor DTLS nor SRTP (RFC 7983 §7), empty, cut short.
#[tokio::test]
async fn bytes_without_a_meaning() {
    call_goes_on(async |call, stranger| {
        for first in 0..=255 {
            stranger.send(&[first; 64]).await;
        }
        for datagram in
            [&forge::client_hello()[..], &forge::connectivity_check("a:b"), &call.relay.recorded()[0]]
        {
            for length in [0, 1, 4, 11, 12, 13, 20, 25] {
                stranger.send(&datagram[..length.min(datagram.len())]).await;
            }
        }
    })
    .await;
}
