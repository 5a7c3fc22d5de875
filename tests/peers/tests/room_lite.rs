//! Two participants of a room who are made of other stacks (`str0m`, `webrtc`), and a server with ICE lite: both come up, and the
//! media of both arrive. (A load generator once stayed at "connecting" there.)

use peers::feed::Feed;
use peers::room::{create, guest};
use peers::server::{Server, Settings};
use peers::webrtc_peer::WebrtcPeer;
use serde_json::json;

const ROOM: u64 = 41_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stacks_meet_a_lite_agent() {
    for general in ["", "event_loops = 2"] {
        let settings = Settings { nat: "ice_lite = true", general, ..Settings::default() };
        let server = Server::with(settings).await;
        let _owner = create(&server, ROOM).await;
        let of_str0m = Feed::publish(guest(&server).await, ROOM, 1).await;
        let other = guest(&server).await;
        other.message(json!({"request": "join", "ptype": "publisher", "room": ROOM, "id": 2}), None).await;
        let mut of_webrtc = WebrtcPeer::new().await;
        let offer = of_webrtc.offer().await;
        of_webrtc.accept(other.offer(json!({"request": "publish"}), &offer).await).await;
        of_webrtc.connected().await;
        other.event("webrtcup").await;

        // Sound and pictures of each are told of when they come.
        let heard = async {
            for handle in [&of_str0m.handle, &other] {
                handle.event("media").await;
                handle.event("media").await;
            }
        };
        let sending = async {
            for number in 0.. {
                of_webrtc.send_media(number).await;
                of_str0m.run(1).await;
            }
        };
        tokio::select! {
            () = sending => unreachable!("it goes on"),
            () = heard => {}
        }
        of_webrtc.close().await;
        server.stop().await;
    }
}
