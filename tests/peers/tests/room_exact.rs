//! Every subscriber of a room gets exactly what was published.

use futures_util::future::join_all;
use peers::feed::Feed;
use peers::room::{assert_all_arrived, create, guest};
use peers::server::{Server, Settings, is_reference};
use peers::viewer::Viewer;

const ROOM: u64 = 1001;
const VIEWERS: usize = 8;
const WORKERS: usize = 4;
/// Sequence numbers and timestamps wrap after about one and a half seconds; the sizes of frames repeat after ten.
const FRAMES: u32 = 200;

/// Two publishers, eight subscribers of both, spread over several workers: sequence numbers, timestamps, markers and
/// payloads of audio and video, each exactly once and in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_byte_arrives_once_and_in_order() {
    let general = &format!("event_loops = {WORKERS};");
    let server = Server::with(Settings { general, ..Default::default() }).await;
    let _owner = create(&server, ROOM).await;
    let feeds = [
        Feed::publish(guest(&server).await, ROOM, 1).await,
        Feed::publish(guest(&server).await, ROOM, 2).await,
    ];
    let viewers =
        join_all((0..VIEWERS).map(async |_| Viewer::watch(guest(&server).await, ROOM, &[1, 2]).await)).await;
    if !is_reference() {
        let loops = server.loops().await;
        assert!(loops.len() == WORKERS && loops.iter().all(|handles| *handles >= 2), "{loops:?}");
    }
    tokio::join!(feeds[0].run(FRAMES), feeds[1].run(FRAMES));
    for (number, viewer) in viewers.iter().enumerate() {
        for (nth, feed) in feeds.iter().enumerate() {
            assert_all_arrived(&format!("viewer {number} of feed {}", feed.id), feed, viewer, nth).await;
        }
    }
    let [audio, video] = feeds[0].sent();
    println!("{} packets of audio and {} of video from each of two publishers", audio.len(), video.len());
    server.stop().await;
}
