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
    let general = format!("event_loops = {WORKERS};");
    let server = Server::with(Settings { general: &general, ..Settings::default() }).await;
    let mut audience = Audience::gather(&server, VIEWERS, None).await;
    let mut viewers_on = BTreeMap::<u16, usize>::new();
    for viewer in &audience.viewers {
        let info = server.handle_info(audience.session, viewer.id).await;
        *viewers_on.entry(local_port(&info)).or_default() += 1;
    }
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

/// Of the selected pair, `local <-> remote`, each `ip:port [type,protocol]`.
fn local_port(info: &Value) -> u16 {
    let pair = info["webrtc"]["ice"]["selected-pair"].as_str().unwrap_or_else(|| panic!("no pair in {info}"));
    let local = pair.split(' ').next().unwrap_or_default();
    local.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{pair}"))
}
