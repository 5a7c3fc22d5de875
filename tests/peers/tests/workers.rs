//! Work spreads over cores: receivers of one publisher live on several workers, and all of them get everything.
//! A worker is told by its UDP port.

use peers::audience::Audience;
use peers::server::{Server, Settings, is_reference};
use serde_json::Value;
use std::collections::BTreeMap;

const WORKERS: usize = 3;
const VIEWERS: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_of_one_publisher_live_on_all_workers() {
    if is_reference() {
        return; // a port for each PeerConnection
    }
    let general = format!("event_loops = {WORKERS}; session_timeout = 0;");
    let server = Server::with(Settings { general: &general, ..Settings::default() }).await;
    let mut audience = Audience::gather(&server, VIEWERS, None).await;
    let viewers_on = ports(&server, &audience).await;
    assert_eq!(viewers_on.len(), WORKERS, "{viewers_on:?}");
    // MP-240. Nobody sends yet, so only the number of PeerConnections counts; the publisher is one of them.
    let of_publisher = local_port(&server.handle_info(audience.session, audience.publisher.id).await);
    for (port, viewers) in &viewers_on {
        let all = viewers + usize::from(*port == of_publisher);
        assert!((VIEWERS / WORKERS..=VIEWERS / WORKERS + 1).contains(&all), "{of_publisher}: {viewers_on:?}");
    }
    audience.publish(500, 10, 250).await;
    audience.all_arrive(0).await;
    assert_eq!(audience.received(), VIEWERS * audience.sent() as usize);
    audience.leave().await;
    server.stop().await;
}

/// The same from a thread of the streaming plugin's: all workers get their packets through their rings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_of_a_stream_live_on_all_workers() {
    if is_reference() {
        return;
    }
    let general = format!("event_loops = {WORKERS}; session_timeout = 0;");
    let server = Server::with(Settings { general: &general, ..Settings::default() }).await;
    let mut audience = Audience::watch(&server, VIEWERS, None).await;
    let viewers_on = ports(&server, &audience).await;
    assert!(
        viewers_on.len() == WORKERS && viewers_on.values().all(|n| *n == VIEWERS / WORKERS),
        "{viewers_on:?}"
    );
    audience.publish(500, 10, 250).await;
    audience.all_arrive(0).await;
    assert_eq!(audience.received(), VIEWERS * audience.sent() as usize);
    audience.leave().await;
    server.stop().await;
}

/// How many viewers each of the server's ports has.
async fn ports(server: &Server, audience: &Audience) -> BTreeMap<u16, usize> {
    let mut viewers_on = BTreeMap::new();
    for viewer in &audience.viewers {
        let info = server.handle_info(audience.session, viewer.id).await;
        *viewers_on.entry(local_port(&info)).or_default() += 1;
    }
    viewers_on
}

/// Of the selected pair, `local <-> remote`, each `ip:port [type,protocol]`.
fn local_port(info: &Value) -> u16 {
    let pair = info["webrtc"]["ice"]["selected-pair"].as_str().unwrap_or_else(|| panic!("no pair in {info}"));
    let local = pair.split(' ').next().unwrap_or_default();
    local.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{pair}"))
}
