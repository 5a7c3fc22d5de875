//! A call of a `str0m` peer to the echotest plugin, by way of a relay.

use crate::api::{Api, Handle};
use crate::relay::{Policy, Relay};
use crate::server::Server;
use crate::str0m_peer::Str0mPeer;
use crate::{home, until};
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::sleep;

pub struct Call {
    pub api: Api,
    pub handle: Handle,
    pub relay: Relay,
    pub peer: Str0mPeer,
    /// The offer as the server got it, and its answer.
    pub offer: String,
    pub answer: String,
    sent: AtomicU32,
}

impl Call {
    /// A call whose offer and answer are exchanged, over a network that behaves as told.
    pub async fn start(server: &Server, to_server: Policy, to_peer: Policy) -> Self {
        Self::new(server, to_server, to_peer, |offer| offer).await
    }

    /// A call whose offer was tampered with.
    pub async fn with_offer(server: &Server, tamper: impl FnOnce(String) -> String) -> Self {
        Self::new(server, Policy::default(), Policy::default(), tamper).await
    }

    async fn new(
        server: &Server,
        to_server: Policy,
        to_peer: Policy,
        tamper: impl FnOnce(String) -> String,
    ) -> Self {
        let api = server.connect().await;
        let session = api.create().await;
        let handle = api.attach(session, "echotest").await;
        let relay = Relay::new().await;
        relay.set(to_server, to_peer);
        let (peer, offer) = Str0mPeer::new(home()).await;
        let offer = tamper(relay.from_peer(&offer));
        let answer = handle.offer(json!({"audio": true, "video": true}), &offer).await;
        peer.accept(&relay.from_server(&answer));
        Call { api, handle, relay, peer, offer, answer, sent: AtomicU32::new(0) }
    }

    /// A call without a relay, of a peer that makes the first step with [`Call::begin`].
    pub async fn of(server: &Server, peer: Str0mPeer, offer: String) -> Self {
        let api = server.connect().await;
        let session = api.create().await;
        let handle = api.attach(session, "echotest").await;
        let answer = handle.offer(json!({"audio": true, "video": true}), &offer).await;
        Call { api, handle, relay: Relay::new().await, peer, offer, answer, sent: AtomicU32::new(0) }
    }

    /// Gives the answer to the peer of [`Call::of`].
    pub fn begin(&self) {
        self.peer.accept(&self.answer);
    }

    /// Until both ends say that the call is up.
    pub async fn up(&self) {
        self.handle.event("webrtcup").await;
        until("connection", async || self.peer.received().connected.then_some(())).await;
    }

    /// Whether it comes [up](Call::up), or ends.
    pub async fn comes_up(&self) -> bool {
        let ends = || self.handle.count("hangup") > 0;
        until("webrtcup or hangup", async || (self.handle.count("webrtcup") > 0 || ends()).then_some(()))
            .await;
        if !ends() {
            self.up().await;
        }
        !ends()
    }

    /// Sends `count` packets of each medium.
    pub async fn send(&self, count: u32) {
        for _ in 0..count {
            self.peer.send_media(self.sent.fetch_add(1, Ordering::Relaxed));
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// How many packets of each medium were sent so far.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed) as usize
    }

    /// Sends media until `count` further packets of each medium came back.
    pub async fn flows(&self, count: usize) {
        let before = self.peer.received();
        until("echo", async || {
            self.send(5).await;
            let now = self.peer.received();
            let (audio, video) = (now.audio.len() - before.audio.len(), now.video.len() - before.video.len());
            (audio.min(video) >= count).then_some(())
        })
        .await;
    }

    /// Sends bytes over the data channel, until all came back in order.
    pub async fn data_flows(&self, count: u8) {
        until("open data channel", async || self.peer.is_open().then_some(())).await;
        let before = self.peer.received().data.len();
        for number in 0..count {
            self.peer.send_data(&[number; 900]);
        }
        until("echoed data", async || {
            (self.peer.received().data.len() - before >= count.into()).then_some(())
        })
        .await;
        let data = self.peer.received().data.split_off(before);
        assert!(
            data.iter().map(Vec::as_slice).eq((0..count).map(|number| vec![number; 900]).collect::<Vec<_>>())
        );
    }
}
