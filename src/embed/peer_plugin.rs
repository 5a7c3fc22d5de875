//! The built-in plugin behind a peer: what the core tells it becomes events of the program.
#![forbid(unsafe_code)]

use super::channel::Channel;
use super::peer::{Association, Peer};
use super::peers::Peers;
use super::queue::{Body, Event};
use super::types::janus_rs_event_type::*;
use super::types::janus_rs_message::JANUS_RS_BINARY;
use crate::json::Json;
use crate::links::media::heard;
use crate::media::channel::{ChannelCommand, ChannelConfig, ChannelEnd, ChannelEvent, ChannelId};
use crate::media::{HangupReason, Mindex, PeerEvent, Route, RtpIn};
use crate::modules::host::{Connection, HandleHost, PluginFace, PluginResult, PluginSessionFace};
use bytes::Bytes;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// As the Admin API and events name it.
pub const PACKAGE: &str = "janus.rs.peer";

/// The owner of a peer's session: what a client would be told, the program has as events of the peer.
pub struct Hidden(pub u64);

impl Connection for Hidden {
    fn package(&self) -> &str {
        PACKAGE
    }

    fn identity(&self) -> usize {
        self.0 as usize
    }

    fn send_message(&self, _: usize, _: bool, _: Json) {}
    fn session_created(&self, _: u64) {}
    fn session_over(&self, _: u64, _: bool, _: bool) {}
    fn session_claimed(&self, _: u64) {}
}

pub struct Plugin {
    pub peer: Arc<Peer>,
    pub all: Weak<Peers>,
}

impl PluginFace for Plugin {
    fn package(&self) -> &str {
        PACKAGE
    }

    fn is_the_program(&self) -> bool {
        true
    }

    fn attach(&self, _: Arc<dyn HandleHost>) -> Result<Arc<dyn PluginSessionFace>, i32> {
        Ok(Arc::new(Session { peer: self.peer.clone(), all: self.all.clone(), alive: true.into() }))
    }

    fn handle_admin_message(&self, _: Option<&Json>) -> Option<Json> {
        None
    }
}

struct Session {
    peer: Arc<Peer>,
    all: Weak<Peers>,
    alive: AtomicBool,
}

impl Session {
    fn about(&self, channel: &Channel, event: Event) {
        let peer = &self.peer;
        peer.queue.push(Event { peer: peer.number, channel: channel.id.0, user: channel.user(), ..event });
    }

    /// Of simulcast; −1: none.
    fn layer(&self, packet: &RtpIn<'_>) -> i32 {
        let layers = self.peer.media.outlet.with_fact(packet.mindex, |fact| fact.layers).unwrap_or(1);
        if layers > 1 { packet.layer.into() } else { -1 }
    }

    fn find(&self, id: ChannelId) -> Option<Arc<Channel>> {
        self.all.upgrade()?.channel(id.0).ok()
    }

    fn announced(&self, id: ChannelId, config: ChannelConfig) {
        let Some(all) = self.all.upgrade() else { return };
        let body = Body::Texts(config.label.clone(), config.protocol.clone());
        let none = super::queue::User(std::ptr::null_mut());
        let channel = Arc::new(Channel::new(id, self.peer.clone(), config, true, none, 0));
        all.add_channel(channel.clone());
        self.about(&channel, Event { body, ..Event::new(JANUS_RS_EVENT_CHANNEL) });
    }

    fn closed(&self, channel: &Channel, reason: &'static str) {
        self.about(
            channel,
            Event { body: Body::Text(reason.into()), ..Event::new(JANUS_RS_EVENT_CHANNEL_CLOSED) },
        );
    }

    /// Messages wait in the queue: the peer goes on when there is room.
    fn paused(&self) {
        let peer = Arc::downgrade(&self.peer);
        self.peer.queue.when_room(move || {
            if let Some(peer) = peer.upgrade() {
                peer.channel_command(ChannelCommand::ReadOn);
            }
        });
    }
}

impl PluginSessionFace for Session {
    fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    fn watched(&self) -> Option<&'static crate::stall::Plugin> {
        Some(self.peer.direct.as_ref()?.watched)
    }

    fn route(&self) -> Option<&Route> {
        Some(&self.peer.media.outlet.route)
    }

    fn handle_message(&self, _: &str, _: Json, _: Option<Json>) -> PluginResult {
        PluginResult::Error(Some("This handle belongs to the program that the server is part of".into()))
    }

    fn query(&self) -> Option<Json> {
        None
    }

    fn setup_media(&self) {
        self.peer.note_connected();
    }

    fn incoming_rtp(&self, mut packet: RtpIn<'_>) {
        if !self.is_alive() {
            return;
        }
        let peer = &self.peer;
        peer.media.incoming(&mut packet);
        if peer.rtp_events {
            let (mindex, flags, code) = (packet.mindex, u32::from(packet.video), self.layer(&packet));
            let body = Body::Data(Bytes::copy_from_slice(packet.packet));
            peer.queue.offer(Event { mindex, flags, code, body, ..peer.event(JANUS_RS_EVENT_RTP) });
        }
        if let Some(direct) = &peer.direct {
            let layers = self.layer(&packet) >= 0;
            direct.rtp(peer.number, packet, layers);
        }
    }

    fn incoming_rtcp(&self, mindex: Mindex, _: bool, packet: &mut [u8]) {
        if !self.is_alive() {
            return;
        }
        let peer = &self.peer;
        peer.remind();
        let heard = heard(packet);
        if let Some(bits) = heard.estimate {
            peer.note_bitrate(bits);
        }
        if heard.wants_keyframe {
            peer.note_keyframe(mindex);
        }
        if peer.rtp_events {
            let body = Body::Data(Bytes::copy_from_slice(packet));
            peer.queue.offer(Event { mindex, body, ..peer.event(JANUS_RS_EVENT_RTCP) });
        }
        if let Some(direct) = &peer.direct {
            direct.rtcp(peer.number, mindex, packet);
        }
    }

    fn incoming_data(&self, _: &str, _: &str, _: bool, _: &[u8]) {}
    fn data_ready(&self) {}
    fn slow_link(&self, _: Mindex, _: bool, _: bool) {}
    fn hangup_media(&self) {}

    fn trickles(&self) -> Option<bool> {
        Some(self.peer.trickles)
    }

    fn event(&self, event: &PeerEvent) {
        self.peer.note(event);
    }

    fn channel(&self, event: ChannelEvent) {
        match event {
            ChannelEvent::Up => self.peer.note_association(Association::Connected),
            ChannelEvent::Down => self.peer.note_association(Association::Closed),
            ChannelEvent::Announced(id, config) => self.announced(id, config),
            ChannelEvent::Opened(id) => {
                if let Some(channel) = self.find(id) {
                    channel.opened();
                    self.about(&channel, Event::new(JANUS_RS_EVENT_CHANNEL_OPEN));
                }
            }
            ChannelEvent::Message { id, binary, data } => {
                if let Some(channel) = self.find(id) {
                    let flags = if binary { JANUS_RS_BINARY as u32 } else { 0 };
                    let body = Body::Data(data);
                    self.about(&channel, Event { flags, body, ..Event::new(JANUS_RS_EVENT_MESSAGE) });
                }
            }
            ChannelEvent::Released { id, bytes, messages } => {
                if let Some(channel) = self.find(id)
                    && channel.released(bytes, messages)
                {
                    self.about(&channel, Event::new(JANUS_RS_EVENT_LOW));
                }
            }
            ChannelEvent::Closed(id, end) => {
                let removed = self.all.upgrade().and_then(|all| all.remove_channel(id));
                if let Some(channel) = removed {
                    self.closed(&channel, end.text());
                }
            }
            ChannelEvent::Paused => self.paused(),
        }
    }

    fn ended(&self, reason: HangupReason) {
        self.peer.note_end(reason);
    }

    fn stop(&self) {
        self.alive.store(false, Ordering::Release);
    }

    /// The last call: the last events of this peer.
    fn destroy(&self) {
        let Some(all) = self.all.upgrade() else { return };
        let end_channels = || {
            for channel in all.remove_channels(self.peer.number) {
                self.closed(&channel, ChannelEnd::Association.text());
            }
        };
        end_channels();
        all.remove(self.peer.number);
        // Opened in between.
        end_channels();
        let body = Body::Text(self.peer.reason().into());
        self.peer.queue.push(Event { body, ..self.peer.event(JANUS_RS_EVENT_CLOSED) });
        all.note_end();
        // Who detaches the handle only (Admin API) means the peer.
        self.peer.end_session();
    }
}
