//! Twenty peers call at once, stay for half a minute, and leave: nothing of them may stay behind.

use futures_util::future::join_all;
use peers::process::Held;
use peers::server::Server;
use peers::until;
use peers::webrtc_peer::WebrtcPeer;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

const PEERS: usize = 20;
const ROUNDS: usize = 3;
const STAY: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_peers_leave_nothing_behind() {
    let server = Server::start().await;
    one_call(&server, Duration::from_secs(1)).await; // whatever is made on first use
    let idle = server.at_rest(0, None).await;
    let mut after = vec![];
    for round in 0..ROUNDS {
        let midway = async {
            sleep(STAY / 2).await;
            (server.registered().await, Held::by(server.id()))
        };
        let (_, (registered, busy)) =
            tokio::join!(join_all((0..PEERS).map(|_| one_call(&server, STAY))), midway);
        assert_eq!(registered, (PEERS, PEERS));
        let held = server.at_rest(0, Some(idle)).await;
        println!("round {round}: idle {idle:?}, with {PEERS} calls {busy:?}, afterwards {held:?}");
        after.push(held);
    }
    let grown = after[ROUNDS - 1].resident as f64 / after[0].resident as f64;
    assert!(grown <= 1.1, "memory grew to {grown:.3} of what the first round left: {after:?}");
    server.stop().await;
}

/// One peer calls the echotest plugin, sends 50 packets of each medium per second, and goes.
async fn one_call(server: &Server, stay: Duration) {
    let api = server.connect().await;
    let session = api.create().await;
    let handle = api.attach(session, "echotest").await;
    let mut peer = WebrtcPeer::new().await;
    let offer = peer.offer().await;
    peer.accept(handle.offer(json!({"audio": true, "video": true}), &offer).await).await;
    peer.connected().await;
    handle.event("webrtcup").await;
    let end = Instant::now() + stay;
    let mut every = interval(Duration::from_millis(20));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = 0;
    while Instant::now() < end {
        every.tick().await;
        peer.send_media(sent).await;
        sent += 1;
    }
    // Nearly all: a busy machine may overflow a socket's buffer.
    let enough = sent as usize * 9 / 10;
    until("echo", async || {
        let (audio, video) =
            (peer.received.audio.lock().unwrap().len(), peer.received.video.lock().unwrap().len());
        (audio.min(video) >= enough).then_some(())
    })
    .await;
    assert_eq!(handle.count("hangup"), 0);
    peer.close().await;
    handle.event("hangup").await;
    handle.detach().await;
    api.destroy(session).await;
}
