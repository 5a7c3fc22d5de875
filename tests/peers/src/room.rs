//! Rooms of the videoroom plugin, and who got what in them.

use crate::api::Handle;
use crate::exact::assert_exact;
use crate::feed::Feed;
use crate::server::Server;
use crate::until;
use crate::viewer::Viewer;
use serde_json::json;

const PLUGIN: &str = "videoroom";

/// A handle of the plugin, in a session and over a connection of its own.
pub async fn guest(server: &Server) -> Handle {
    let api = server.connect().await;
    api.attach(api.create().await, PLUGIN).await
}

/// Creates a room for many publishers; its owner.
pub async fn create(server: &Server, room: u64) -> Handle {
    let owner = guest(server).await;
    let create = json!({"request": "create", "room": room, "publishers": 100, "videocodec": "vp8"});
    let reply = owner.message(create, None).await;
    assert_eq!(reply["plugindata"]["data"]["videoroom"], "created", "{reply}");
    owner
}

/// Ends the room with everybody in it.
pub async fn destroy(owner: &Handle, room: u64) {
    let reply = owner.message(json!({"request": "destroy", "room": room}), None).await;
    assert_eq!(reply["plugindata"]["data"]["videoroom"], "destroyed", "{reply}");
}

/// Waits until the viewer has as much as the feed sent, and compares all of it. The feed's streams are the `nth` pair of the
/// viewer's.
pub async fn assert_all_arrived(who: &str, feed: &Feed, viewer: &Viewer, nth: usize) {
    for (sent, stream) in feed.sent().iter().zip(&viewer.streams[2 * nth..]) {
        // Whoever gets less shows which packet is missing.
        let mut before = 0;
        until("end of the stream", async || {
            let now = viewer.count(stream.ssrc);
            let still = std::mem::replace(&mut before, now) == now && now > 0;
            (now >= sent.len() || still).then_some(())
        })
        .await;
        assert_exact(who, sent, &viewer.received(stream.ssrc));
        // Over a network without loss nobody asks for anything again.
        assert_eq!(stream.rtx_ssrc.map_or(0, |ssrc| viewer.count(ssrc)), 0, "{who}: retransmissions");
    }
}
