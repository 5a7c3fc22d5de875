//! Publishers leave a room in the middle of a frame, in every way there is; who stays does not notice.

use futures_util::future::join_all;
use peers::feed::Feed;
use peers::room::{assert_all_arrived, create, guest};
use peers::server::{Server, Settings, is_reference};
use peers::viewer::Viewer;
use serde_json::json;

const ROOM: u64 = 1003;
const STAYING: u64 = 1;

/// How a publisher goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Unpublish,
    Leave,
    Hangup,
    Detach,
    DestroySession,
    /// The close alert of DTLS.
    CloseAlert,
    /// The socket is closed without a word.
    Vanish,
}

const WAYS: [Way; 7] =
    [Way::Unpublish, Way::Leave, Way::Hangup, Way::Detach, Way::DestroySession, Way::CloseAlert, Way::Vanish];

impl Way {
    /// Goes; what the room tells the others.
    async fn go(self, feed: Feed) -> &'static str {
        let Feed { handle, peer, .. } = feed;
        match self {
            Way::Unpublish => drop(handle.message(json!({"request": "unpublish"}), None).await),
            Way::Leave => drop(handle.message(json!({"request": "leave"}), None).await),
            Way::Hangup => handle.hangup().await,
            Way::Detach => handle.detach().await,
            Way::DestroySession => handle.api.destroy(handle.session).await,
            Way::CloseAlert => {
                peer.close();
                handle.event("hangup").await;
            }
            Way::Vanish => {
                drop(peer);
                if is_reference() {
                    handle.hangup().await; // 1.1.2 never does it by itself
                }
                handle.event("hangup").await;
            }
        }
        match self {
            Way::Leave | Way::Detach | Way::DestroySession => "leaving",
            _ => "unpublished",
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_leave_in_the_middle_of_a_frame() {
    let nat = "ice_consent_freshness = true; hangup_on_failed = true;";
    let server = Server::with(Settings { nat, ..Default::default() }).await;
    let _owner = create(&server, ROOM).await;
    let publish = async |id| Feed::publish(guest(&server).await, ROOM, id).await;
    let watch = async |feeds: Vec<u64>| Viewer::watch(guest(&server).await, ROOM, &feeds).await;
    let staying = publish(STAYING).await;
    let leaving = join_all((2..).take(WAYS.len()).map(publish)).await;
    let of_staying = watch(vec![STAYING]).await;
    // For each of those who leave a subscriber of its own, and one that has who stays in the same PeerConnection.
    let of_leaving = join_all(leaving.iter().map(|feed| watch(vec![feed.id]))).await;
    let of_both = join_all(leaving.iter().map(|feed| watch(vec![STAYING, feed.id]))).await;

    let departures = async {
        join_all(leaving.iter().map(|feed| feed.run(55))).await; // the next one has six packets
        for feed in &leaving {
            feed.send_frame(false);
        }
        for (nth, feed) in leaving.iter().enumerate() {
            let who = format!("{:?}", WAYS[nth]);
            assert_all_arrived(&who, feed, &of_leaving[nth], 0).await;
            assert_all_arrived(&who, feed, &of_both[nth], 1).await;
        }
        let departures = WAYS.into_iter().zip(leaving).map(async |(way, feed)| {
            let id = feed.id;
            let told = way.go(feed).await;
            let event = staying.handle.notification(told, |event| event[told] == id).await;
            assert_eq!(event["room"], ROOM, "{way:?}: {event}");
        });
        join_all(departures).await;
    };
    tokio::select! {
        () = departures => {}
        () = staying.run_on() => {}
    }
    // A new offer without the streams of who left. Of a publisher who says `leave` the plugin tells its subscribers nothing.
    for (way, viewer) in WAYS.iter().cycle().zip(of_leaving.iter().chain(&of_both)) {
        if *way != Way::Leave {
            let what = format!("update after {way:?}");
            viewer.handle.notification(&what, |event| event["videoroom"] == "updated").await;
        }
    }
    staying.run(50).await;
    assert_all_arrived("who stays", &staying, &of_staying, 0).await;
    for (way, viewer) in WAYS.iter().zip(&of_both) {
        assert_all_arrived(&format!("who stays, besides {way:?}"), &staying, viewer, 0).await;
        assert_eq!(viewer.handle.count("hangup"), 0, "{way:?}");
    }
    server.stop().await;
}
