//! A handle as its plugin sees it: [`HandleHost`]. Plugins call these from any thread, also from inside our calls
//! into them.

use super::allowance::Importance;
use super::errors::Code;
use super::flags;
use super::handle::Handle;
use super::negotiate::PluginJsep;
use crate::json::Json;
use crate::media::{Command, LARGEST_RTP, Mindex, Peer, RtpOut};
use crate::modules::host::HandleHost;
use crate::util::seldom::Seldom;
use std::sync::atomic::Ordering;

/// The plugin session is not alive (CP-206, CP-207).
const DEAD_PLUGIN_SESSION: i32 = -2;

impl Handle {
    /// The PeerConnection, unless it is going down.
    fn with_peer(&self, call: impl FnOnce(&Peer)) {
        if self.flags.any(flags::STOP | flags::ALERT) {
            return;
        }
        if let Some(peer) = &*self.link.load() {
            call(peer);
        }
    }

    /// Once per handle: what a plugin does wrong with one packet, it does with the next.
    #[cold]
    fn complain_of_size(&self, len: usize) {
        if !self.oversized_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                handle = self.id,
                "{} relays RTP of {len} bytes: nothing above {LARGEST_RTP} is sent",
                self.plugin.package()
            );
        }
    }
}

/// Of all plugins: for sessions that are gone.
static STRAY_EVENTS: Seldom = Seldom::every(10_000_000);

/// For a line that stands for several.
fn times(count: u64) -> String {
    if count > 1 { format!(" ({count} times since the last such line)") } else { String::new() }
}

impl HandleHost for Handle {
    fn push_event(&self, package: &str, transaction: Option<&str>, message: Json, jsep: Option<Json>) -> i32 {
        if self.plugin_session().is_none() {
            if let Some(count) = STRAY_EVENTS.one_more() {
                tracing::error!(
                    "Plugin {package} pushes an event to a session that is not there (any more){}",
                    times(count)
                );
            }
            return DEAD_PLUGIN_SESSION;
        }
        if self.is_detached() || self.session.is_destroyed() {
            return Code::SessionNotFound as i32;
        }
        if !message.is_object() {
            return Code::InvalidJsonObject as i32;
        }
        // Before anything is negotiated: what the client does not learn must not be so.
        let bound = self.core.settings.bounds.notifications;
        let weight = bound.weight(&message) + jsep.as_ref().map_or(0, |jsep| bound.weight(jsep));
        let is_awaited = transaction.is_some() || jsep.is_some();
        let importance = if is_awaited { Importance::Awaited } else { Importance::News };
        if !self.allowance.take(weight, importance, bound) {
            if let Some(count) = self.core.queues.notifications.one_more() {
                tracing::warn!(
                    "{count} events of plugins for clients dropped, the last of {package} for handle {}: too many at once",
                    self.id
                );
            }
            return Code::Unknown as i32;
        }
        let mut resend = false;
        let jsep = match jsep.as_ref().and_then(PluginJsep::read) {
            None => None,
            Some(jsep) => match self.negotiate_from_plugin(&jsep) {
                Ok(outcome) => {
                    resend = outcome.resend_candidates;
                    Some(outcome.jsep)
                }
                Err(error) => {
                    if let Some(count) = self.useless_jsep.one_more() {
                        tracing::error!(
                            handle = self.id,
                            "Cannot use the JSEP of plugin {package}: {}{}",
                            error.reason(),
                            times(count)
                        );
                    }
                    let dead = self.flags.any(flags::STOP | flags::ALERT);
                    return match error.code {
                        _ if dead => Code::HandleNotFound,
                        Code::Unknown => Code::Unknown,
                        _ => Code::JsepInvalidSdp,
                    } as i32;
                }
            },
        };
        let data = Json::object().with("plugin", package).with("data", message);
        let event = self.event_about("event", transaction).with("plugindata", data).with_some("jsep", jsep);
        self.session.notify(event);
        if resend {
            self.resend_candidates();
        }
        0
    }

    fn relay_rtp(&self, packet: RtpOut<'_>) {
        self.with_peer(|peer| {
            if packet.packet.len() <= LARGEST_RTP {
                peer.relay_rtp(packet);
            } else {
                self.complain_of_size(packet.packet.len());
            }
        });
    }

    fn relay_rtcp(&self, mindex: Mindex, video: bool, packet: &[u8]) {
        self.with_peer(|peer| peer.command(Command::RelayRtcp { mindex, video, packet: packet.to_vec() }));
    }

    fn relay_data(&self, label: Option<&str>, protocol: Option<&str>, binary: bool, message: &[u8]) {
        self.with_peer(|peer| peer.relay_data(label, protocol, binary, message));
    }

    fn send_pli(&self, mindex: Option<Mindex>) {
        self.with_peer(|peer| peer.command(Command::SendPli { mindex }));
    }

    fn send_remb(&self, bitrate: u32) {
        self.with_peer(|peer| peer.command(Command::SendRemb { bitrate }));
    }

    fn close_pc(&self) {
        self.close_later();
    }

    fn end_session(&self) {
        self.end_later();
    }

    fn session_id(&self) -> u64 {
        self.session.id
    }

    fn handle_id(&self) -> u64 {
        self.id
    }

    fn opaque_id(&self) -> Option<String> {
        self.opaque_id.clone()
    }
}
