//! One room over two servers: what its publisher sends is forwarded as RTP to a mountpoint of the second server's streaming
//! plugin, which has viewers of its own.

use crate::api::{Api, Handle};
use serde_json::{Value, json};

const PLUGIN: &str = "streaming";
/// The only mountpoint of its kind there.
const MOUNTPOINT: u64 = 4711;

/// The end of the cascade on the second server.
pub(crate) struct Cascade {
    api: Api,
    session: u64,
}

impl Cascade {
    /// `publisher`: a handle of the room that may forward what a feed there sends with this mid; `port`: where the second server's
    /// Janus API listens for WebSockets.
    pub(crate) async fn new(
        publisher: &Handle,
        (room, feed, mid): (u64, u64, &str),
        payload_type: u8,
        port: u16,
    ) -> Self {
        let api = Api::connect(port, "janus-protocol").await;
        let session = api.create().await;
        let handle = api.attach(session, PLUGIN).await;
        // A port that is free now.
        let rtp = std::net::UdpSocket::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("an address")
            .port();
        let media = json!([{"type": "video", "mid": "v", "port": rtp, "pt": payload_type, "codec": "vp8"}]);
        let create = json!({"request": "create", "type": "rtp", "id": MOUNTPOINT, "media": media});
        let told = handle.message(create, None).await;
        assert_eq!(told["plugindata"]["data"]["streaming"], "created", "{told}");
        let streams = json!([{"mid": mid, "port": rtp, "pt": payload_type}]);
        let forward = json!({"request": "rtp_forward", "room": room, "publisher_id": feed, "host": "127.0.0.1",
            "host_family": "ipv4", "streams": streams});
        let told = publisher.message(forward, None).await;
        assert_eq!(told["plugindata"]["data"]["videoroom"], "rtp_forward", "{told}");
        Self { api, session }
    }

    /// A viewer's handle, and what it is offered.
    pub(crate) async fn watch(&self) -> (Handle, Value) {
        let handle = self.api.attach(self.session, PLUGIN).await;
        let offer = handle.message(json!({"request": "watch", "id": MOUNTPOINT}), None).await;
        (handle, offer)
    }

    pub(crate) async fn end(self) {
        self.api.destroy(self.session).await;
    }
}
