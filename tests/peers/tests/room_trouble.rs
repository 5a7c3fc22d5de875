//! One subscriber of a room makes trouble; the others do not notice.

use futures_util::future::join_all;
use peers::exact::assert_exact;
use peers::feed::Feed;
use peers::room::{assert_all_arrived, create, guest};
use peers::server::{Server, Settings};
use peers::viewer::Viewer;
use peers::{rtcp, until};
use serde_json::Value;
use std::time::Duration;
use tokio::time::sleep;

const ROOM: u64 = 1002;
/// A packet may be sent again for each that was sent, and these at most may be saved up (docs/decisions/006-packet-path.md).
const SAVED_UP: usize = 512;
const WELL_BEHAVED: usize = 3;

/// A room with one publisher, some subscribers that behave, and others that will not.
struct Scene {
    server: Server,
    _owner: peers::api::Handle,
    feed: Feed,
    others: Vec<Viewer>,
}

impl Scene {
    async fn new(settings: Settings<'_>) -> Self {
        let server = Server::with(settings).await;
        let _owner = create(&server, ROOM).await;
        let feed = Feed::publish(guest(&server).await, ROOM, 1).await;
        let others = join_all((0..WELL_BEHAVED).map(|_| watch(&server))).await;
        Scene { server, _owner, feed, others }
    }

    /// The others got all that was ever sent; the server ends in good order.
    async fn others_lost_nothing(self) {
        for (number, viewer) in self.others.iter().enumerate() {
            assert_all_arrived(&format!("viewer {number}"), &self.feed, viewer, 0).await;
            assert_eq!(viewer.handle.count("hangup"), 0);
        }
        self.server.stop().await;
    }
}

async fn watch(server: &Server) -> Viewer {
    Viewer::watch(guest(server).await, ROOM, &[1]).await
}

/// Its socket overflows. Once it reads again, it gets all that is sent from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_stops_reading() {
    let scene = Scene::new(Settings::default()).await;
    let stalled = watch(&scene.server).await;
    scene.feed.run(50).await;
    stalled.read(false);
    scene.feed.run(250).await;
    let before: Vec<_> = scene.feed.sent().iter().map(Vec::len).collect();
    stalled.read(true);
    // What the kernel kept comes first, and has an end.
    let mut read = 0;
    until("empty socket", async || {
        let now = stalled.count(stalled.streams[1].ssrc);
        (std::mem::replace(&mut read, now) == now).then_some(())
    })
    .await;
    scene.feed.run(100).await;
    for ((sent, stream), before) in scene.feed.sent().iter().zip(&stalled.streams).zip(before) {
        let last = &sent[before..];
        let end = last.last().expect("a packet").payload.clone();
        until("last packet", async || {
            stalled.received(stream.ssrc).iter().any(|packet| packet.payload == end).then_some(())
        })
        .await;
        let received = stalled.received(stream.ssrc);
        assert!(received.len() >= last.len(), "{} of {}", received.len(), last.len());
        assert_exact("who reads again", last, &received[received.len() - last.len()..]);
    }
    let [_, video] = scene.feed.sent();
    let lost = video.len() - stalled.count(stalled.streams[1].ssrc);
    println!("{lost} of {} packets of video overflowed the socket of the one that did not read", video.len());
    assert!(lost > 0, "it has to lose something, or it did not stop");
    assert_eq!(stalled.handle.count("hangup"), 0);
    scene.others_lost_nothing().await;
}

/// One closes its socket, so that the kernel answers with ICMP; another one falls silent. Both end as failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_that_vanish() {
    let nat = "ice_consent_freshness = true; hangup_on_failed = true;";
    let scene = Scene::new(Settings { nat, ..Default::default() }).await;
    let (closed, silent) = (watch(&scene.server).await, watch(&scene.server).await);
    scene.feed.run(50).await;
    let handles = [closed.handle.clone(), silent.handle.clone()];
    drop(closed);
    silent.read(false);
    let gone = async {
        for handle in &handles {
            let hangup = handle.event("hangup").await;
            assert_eq!(hangup["reason"], "ICE failed", "{hangup}");
            until("end of the PeerConnection", async || {
                let info: Value = scene.server.handle_info(handle.session, handle.id).await;
                info.get("webrtc").is_none().then_some(())
            })
            .await;
        }
    };
    tokio::select! {
        () = gone => {}
        () = scene.feed.run_on() => {}
    }
    scene.feed.run(50).await; // and without them
    for handle in &handles {
        handle.api.destroy(handle.session).await;
    }
    let staying = 2 + WELL_BEHAVED; // with the owner and the publisher
    assert_eq!(scene.server.registered().await, (staying, staying));
    scene.others_lost_nothing().await;
}

/// Thousands of NACKs for everything and of PLIs: what is sent again stays within its credit, the publisher is spared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_floods_with_feedback() {
    let scene = Scene::new(Settings::default()).await;
    let flooder = watch(&scene.server).await;
    let video = flooder.streams[1].clone();
    let rtx = video.rtx_ssrc.expect("RTX");
    let before = scene.feed.keyframe_requests();
    let mut floods = 0;
    let flood = async {
        loop {
            // Without delay, as it says: the round trip seems long, and the server keeps what it sent for longer.
            let report = flooder.last_report(video.ssrc).map(|last| rtcp::report(video.ssrc, last));
            if let Some(last) = flooder.received(video.ssrc).last() {
                let (nack, pli) = (rtcp::nack(video.ssrc, last.sequence, 510), rtcp::pli(video.ssrc));
                flooder.send_rtcp([report.unwrap_or_default(), nack, pli].concat());
                floods += 1;
            }
            sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        () = scene.feed.run(250) => {}
        () = flood => {}
    }
    sleep(Duration::from_millis(500)).await; // what is on its way
    let sent: usize = scene.feed.sent().iter().map(Vec::len).sum();
    let (again, requests) = (flooder.count(rtx), scene.feed.keyframe_requests() - before);
    println!("{floods} floods, {sent} packets: {again} sent again, {requests} PLIs at the publisher");
    assert!(floods > 500);
    assert!(again > 0, "no NACK was heard");
    assert!(again <= SAVED_UP + sent, "{again} packets sent again");
    assert!(requests > 0, "no PLI was heard");
    assert!(requests * 20 < floods, "{requests} PLIs of {floods} reached the publisher");
    for (sent, stream) in scene.feed.sent().iter().zip(&flooder.streams) {
        assert_exact("the one that floods", sent, &flooder.received(stream.ssrc));
    }
    scene.others_lost_nothing().await;
}
