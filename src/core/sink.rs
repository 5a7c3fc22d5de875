//! What a PeerConnection tells its handle: calls into the plugin first, then news for the client and event handlers.
//! All of it runs on the media worker that owns the PeerConnection, one call at a time.

use super::flags;
use super::handle::Handle;
use super::notifier::{Kind, subtype};
use super::statistics;
use crate::json::Json;
use crate::media::channel::ChannelEvent;
use crate::media::ice::candidate;
use crate::media::prefetch;
use crate::media::{HangupReason, IceState, MediaKind, Mindex, PairEnd, PeerEvent, PeerSink, RtpIn};
use crate::modules::host::PluginSessionFace;
use crate::util::lock::outside;
use crate::util::time;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// There is one ICE stream with one component, always (media-plane.md §1.1).
const STREAM_AND_COMPONENT: i64 = 1;

pub(super) struct Sink {
    pub handle: Arc<Handle>,
    /// Its own reference, so that the packet path asks nobody.
    pub plugin: Arc<dyn PluginSessionFace>,
    ice_was_up: AtomicBool,
    /// `connected` was called.
    up: AtomicBool,
    closed: AtomicBool,
    /// When it was made, monotonic µs.
    created: i64,
}

impl Sink {
    pub fn new(handle: Arc<Handle>, plugin: Arc<dyn PluginSessionFace>) -> Sink {
        Sink {
            handle,
            plugin,
            ice_was_up: false.into(),
            up: false.into(),
            closed: false.into(),
            created: time::monotonic(),
        }
    }

    fn tell_handlers(&self, kind: Kind, subtype: u32, body: impl FnOnce() -> Json) {
        self.handle.core.notifier.emit(kind, subtype, self.handle.subject(), body);
    }

    fn webrtc(&self, subtype: u32, body: impl FnOnce() -> Json) {
        self.tell_handlers(Kind::Webrtc, subtype, || {
            body().with("stream_id", STREAM_AND_COMPONENT).with("component_id", STREAM_AND_COMPONENT)
        });
    }

    fn ice(&self, state: IceState) {
        let id = self.handle.id;
        match state {
            IceState::Failed => tracing::error!(handle = id, "ICE failed: no pair of candidates works"),
            _ => tracing::debug!(handle = id, "ICE: {}", state.name()),
        }
        self.webrtc(subtype::ICE, || Json::object().with("ice", state.name()));
        match state {
            IceState::Connected | IceState::Ready => self.ice_was_up.store(true, Ordering::Relaxed),
            IceState::Failed if self.ice_was_up.load(Ordering::Relaxed) => {
                self.handle.session.notify(self.handle.event("ice-failed"));
            }
            _ => {}
        }
    }

    fn receiving(&self, mid: &str, kind: MediaKind, substream: Option<u8>, on: bool, seconds: Option<u32>) {
        let is = if on { "are" } else { "aren't" };
        tracing::debug!(
            handle = self.handle.id,
            "Notifying that we {is} receiving {} on mid {mid}",
            kind.name()
        );
        let details = |event: Json| {
            event.with_some("substream", substream).with("receiving", on).with_some("seconds", seconds)
        };
        let event = self.handle.event("media").with("mid", mid).with("type", kind.name());
        self.handle.session.notify(details(event));
        self.tell_handlers(Kind::Media, subtype::MEDIA_STATE, || {
            details(Json::object().with("media", kind.name()).with("mid", mid))
        });
    }

    fn slow_link(&self, mindex: Mindex, mid: &str, kind: MediaKind, uplink: bool, lost: u32) {
        outside(|| self.plugin.slow_link(mindex, kind == MediaKind::Video, uplink));
        let event = self.handle.event("slowlink").with("mid", mid).with("media", kind.name());
        self.handle.session.notify(event.with("uplink", uplink).with("lost", lost));
        self.tell_handlers(Kind::Media, subtype::SLOW_LINK, || {
            Json::object()
                .with("mid", mid)
                .with("media", kind.name())
                .with("slow_link", if uplink { "uplink" } else { "downlink" })
                .with("lost_lastsec", lost)
        });
    }

    fn connection(&self, what: &str, reason: Option<HangupReason>) {
        self.tell_handlers(Kind::Webrtc, subtype::CONNECTION, || {
            Json::object().with("connection", what).with_some("reason", reason.map(HangupReason::text))
        });
    }
}

impl PeerSink for Sink {
    fn watched(&self) -> Option<&'static crate::stall::Plugin> {
        self.plugin.watched()
    }

    fn connected(&self) {
        tracing::info!(handle = self.handle.id, "The DTLS handshake has been completed");
        self.up.store(true, Ordering::Relaxed);
        self.handle.link_is_up();
        self.handle.flags.set(flags::READY);
        self.handle.core.peerconnections.fetch_add(1, Ordering::Relaxed);
        self.handle.core.set_ups.one_more();
        self.handle.core.measures.joined((time::monotonic() - self.created).max(0) as u64 / 1000);
        if self.plugin.is_alive() {
            outside(|| self.plugin.setup_media());
        }
        self.handle.session.notify(self.handle.event("webrtcup"));
        self.connection("webrtcup", None);
    }

    fn incoming_rtp(&self, packet: RtpIn<'_>) {
        outside(|| self.plugin.incoming_rtp(packet));
    }

    fn incoming_rtcp(&self, mindex: Mindex, video: bool, packet: &mut [u8]) {
        outside(|| self.plugin.incoming_rtcp(mindex, video, packet));
    }

    fn prefetch(&self) {
        prefetch(&*self.plugin);
    }

    fn incoming_data(&self, label: &str, protocol: &str, binary: bool, message: &[u8]) {
        outside(|| self.plugin.incoming_data(label, protocol, binary, message));
    }

    fn data_ready(&self) {
        outside(|| self.plugin.data_ready());
    }

    fn channel(&self, event: ChannelEvent) {
        outside(|| self.plugin.channel(event));
    }

    fn event(&self, event: PeerEvent) {
        outside(|| self.plugin.event(&event));
        match event {
            PeerEvent::Ice(state) => self.ice(state),
            PeerEvent::LocalCandidate(local) => {
                let text = candidate::format(&local);
                self.webrtc(subtype::LOCAL_CANDIDATE, || {
                    Json::object().with("local-candidate", text.as_str())
                });
                if self.handle.trickles() {
                    self.handle.trickle_to_client(Some(&text));
                }
            }
            PeerEvent::LocalCandidatesDone => {
                if self.handle.trickles() {
                    self.handle.trickle_to_client(None);
                }
            }
            PeerEvent::RemoteCandidate(remote) => self.webrtc(subtype::REMOTE_CANDIDATE, || {
                Json::object().with("remote-candidate", candidate::format(&remote))
            }),
            PeerEvent::SelectedPair { local, remote } => {
                tracing::debug!(handle = self.handle.id, "Selected pair: {local} <-> {remote}");
                self.webrtc(subtype::SELECTED_PAIR, || selected_pair(&local, &remote));
            }
            PeerEvent::Dtls { state, retransmissions } => {
                tracing::debug!(handle = self.handle.id, "DTLS: {}", state.name());
                // Here the counter comes last (§10.2).
                self.tell_handlers(Kind::Webrtc, subtype::DTLS, || {
                    Json::object()
                        .with("dtls", state.name())
                        .with("stream_id", STREAM_AND_COMPONENT)
                        .with("component_id", STREAM_AND_COMPONENT)
                        .with("retransmissions", retransmissions)
                });
            }
            PeerEvent::Receiving { mid, kind, substream, receiving, seconds } => {
                self.receiving(&mid, kind, substream, receiving, seconds);
            }
            PeerEvent::SlowLink { mindex, mid, kind, uplink, lost } => {
                self.slow_link(mindex, &mid, kind, uplink, lost);
            }
            // Event handlers of the reference hear nothing of it.
            PeerEvent::Away(_) => {}
            PeerEvent::Statistics(snapshot) => {
                if self.handle.core.notifier.is_enabled() {
                    let bodies = statistics::media_events(&snapshot);
                    if self.handle.core.settings.combine_media_stats {
                        self.tell_handlers(Kind::Media, subtype::STATS, || bodies.into_iter().collect());
                    } else {
                        for body in bodies {
                            self.tell_handlers(Kind::Media, subtype::STATS, || body);
                        }
                    }
                }
            }
        }
    }

    fn closed(&self, reason: HangupReason) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        tracing::debug!(handle = self.handle.id, "Hanging up PeerConnection because of a {}", reason.text());
        self.handle.link_is_down();
        outside(|| self.plugin.hangup_media());
        self.handle.forget_link();
        self.handle.core.measures.ended(reason);
        tracing::info!(handle = self.handle.id, "WebRTC resources freed");
        if self.up.load(Ordering::Relaxed) {
            self.handle.core.peerconnections.fetch_sub(1, Ordering::Relaxed);
        }
        if !self.handle.flags.any(flags::STOP) {
            self.handle.session.notify(self.handle.event("hangup").with("reason", reason.text()));
        }
        self.connection("hangup", Some(reason));
        outside(|| self.plugin.ended(reason));
        self.handle.finish_if_due();
    }
}

fn selected_pair(local: &PairEnd, remote: &PairEnd) -> Json {
    let object = |end: &PairEnd| {
        Json::object()
            .with("address", end.address.ip().to_string())
            .with("port", end.address.port())
            .with("type", end.kind.name())
            .with("transport", end.protocol.name())
            .with("family", if end.address.is_ipv6() { "ipv6" } else { "ipv4" })
    };
    Json::object()
        .with("selected-pair", format!("{local} <-> {remote}"))
        .with("candidates", Json::object().with("local", object(local)).with("remote", object(remote)))
}
