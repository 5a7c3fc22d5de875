//! WebRTC peers of other makes, a relay that misbehaves between them and the server, and the server under test itself.

#![forbid(unsafe_code)]

pub mod api;
pub mod audience;
pub mod call;
pub mod canned;
mod cascade;
pub mod dtls;
pub mod exact;
pub mod feed;
pub mod forge;
pub mod hand_peer;
pub mod load;
#[path = "../../common/ports.rs"]
mod ports;
pub mod process;
pub mod relay;
pub mod room;
pub mod rtcp;
pub mod server;
pub mod str0m_peer;
pub mod stun;
pub mod viewer;
pub mod webrtc_peer;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The address of the default route, where server and peers meet (the reference gathers no loopback address); the loopback
/// address on a machine without a route.
pub fn home() -> IpAddr {
    let probe = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let chosen = probe.connect("192.0.2.1:9").and_then(|()| probe.local_addr()); // sends nothing
    chosen.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}

/// The longest that anything is waited for.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Polls until `probe` gives a value; that is the result.
///
/// # Panics
/// After [`LIMIT`], naming `what`.
pub async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        if let Some(value) = probe().await {
            return value;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("no {what} after {LIMIT:?}");
}
