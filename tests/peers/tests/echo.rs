//! The echotest plugin gives a peer of the `webrtc` crate back what it sends.

use peers::canned::{opus, vp8};
use peers::home;
use peers::server::Server;
use peers::str0m_peer::Str0mPeer;
use peers::until;
use peers::webrtc_peer::{Data, WebrtcPeer};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// Through the whole SCTP association, in many fragments; both ends allow it (max-message-size).
const LARGE: usize = 60_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audio_video_and_data_come_back_as_they_were() {
    let server = Server::start().await;
    let api = server.connect().await;
    let session = api.create().await;
    let handle = api.attach(session, "echotest").await;
    let mut peer = WebrtcPeer::new().await;
    let offer = peer.offer().await;
    let answer = handle.offer(json!({"audio": true, "video": true}), &offer).await;
    peer.accept(answer).await;
    peer.connected().await;
    handle.event("webrtcup").await;

    const COUNT: u32 = 100;
    for number in 0..COUNT {
        peer.send_media(number).await;
        sleep(Duration::from_millis(10)).await;
    }
    let received = &peer.received;
    until("whole echo", async || {
        let (audio, video) = (received.audio.lock().unwrap().len(), received.video.lock().unwrap().len());
        (audio.min(video) >= COUNT as usize).then_some(())
    })
    .await;
    assert!(received.audio.lock().unwrap().iter().eq((0..COUNT).map(opus).collect::<Vec<_>>().iter()));
    assert!(received.video.lock().unwrap().iter().eq((0..COUNT).map(vp8).collect::<Vec<_>>().iter()));

    peer.open().await;
    let bytes: Vec<u8> = (0..LARGE).map(|index| (index * 7 % 251) as u8).collect();
    let sent = [Data::Text("grüße".into()), Data::Binary((0..=255).collect()), Data::Binary(bytes)];
    for (count, data) in sent.iter().enumerate() {
        peer.send_data(data).await;
        until("echoed data", async || (received.data.lock().unwrap().len() > count).then_some(())).await;
    }
    let data = received.data.lock().unwrap().clone();
    // The plugin puts words of its own before a text, and nothing before bytes.
    assert!(matches!(&data[0], Data::Text(text) if text.ends_with("grüße")), "{:?}", data[0]);
    assert!(data[1..] == sent[1..]);

    peer.close().await;
    handle.event("hangup").await;
    api.destroy(session).await;
    assert_eq!(server.registered().await, (0, 0));
    server.stop().await;
}

/// What these two offer, for tests/corpus: `OFFERS=tests/corpus/sdp/offers cargo test -p peers --test echo -- --ignored`.
#[tokio::test]
#[ignore = "writes files"]
async fn offers_are_written() {
    let folder = std::env::var("OFFERS").expect("a folder");
    let write = |name: &str, sdp: &str| {
        // An address of nobody.
        let sdp = sdp.replace(&home().to_string(), "192.0.2.10");
        std::fs::write(std::path::Path::new(&folder).join(name), sdp).expect("a file");
    };
    write("str0m-all.sdp", &Str0mPeer::new(home()).await.1);
    write("str0m-media.sdp", &Str0mPeer::media_only(home()).await.1);
    write("webrtc-all.sdp", &WebrtcPeer::new().await.offer().await);
}
