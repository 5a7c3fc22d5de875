//! The PeerConnection of one handle: made for the first offer, forgotten when it is gone.

use super::errors::{ApiError, Code};
use super::flags;
use super::handle::Handle;
use super::jsep::{Description, Negotiation};
use super::signalling::{Signalling, SignallingFacts};
use super::sink::Sink;
use crate::media::channel::ChannelCommand;
use crate::media::ice::candidate;
use crate::media::{Command, DtlsRole, HangupReason, IceRole, Peer, PeerConfig, PeerSnapshot, Route};
use crate::record::capture::Capture;
use crate::util::time;
use std::sync::Arc;

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;

impl Handle {
    /// A new PeerConnection. Fails when there is one already, or the handle is ending.
    pub(super) fn create_link(
        &self,
        ice_role: IceRole,
        dtls_role: DtlsRole,
        offer: &Description,
        force_relay: bool,
    ) -> Result<(), ApiError> {
        let failed = || ApiError::new(Code::Unknown, "Error setting ICE locally");
        let engine = self.core.engine().ok_or_else(failed)?;
        let plugin = self.plugin_session().ok_or_else(failed)?;
        let handle = self.this.upgrade().ok_or_else(failed)?;
        if !self.link_begins() {
            return Err(failed());
        }
        {
            let mut signalling = self.signalling.lock();
            let early = std::mem::take(&mut signalling.pending);
            let mut negotiation = match ice_role {
                IceRole::Controlled => Negotiation::for_remote_offer(),
                IceRole::Controlling => Negotiation::for_local_offer(),
            };
            // Candidates are told as soon as the PeerConnection exists, and name this mid.
            if let Some((index, mid)) = offer.bundle_tag() {
                negotiation.bundle_index = index;
                negotiation.bundle_mid = mid.map(str::to_owned);
            }
            *signalling = Signalling {
                negotiation: Some(negotiation),
                pending: early,
                ice_role: Some(ice_role),
                created: time::monotonic(),
                ..Signalling::default()
            };
        }
        let lite = self.core.settings.media.ice_lite;
        tracing::info!(
            handle = self.id,
            "Creating ICE agent (ICE {} mode, {})",
            if lite { "Lite" } else { "Full" },
            if lite || ice_role == IceRole::Controlled { "controlled" } else { "controlling" }
        );
        let config = PeerConfig {
            id: self.id,
            ice_role: if lite { IceRole::Controlled } else { ice_role },
            dtls_role,
            worker: self
                .chosen_worker(engine.loads().len())
                .or_else(|| engine.apart_from(&offer.addresses())),
            force_relay,
        };
        let peer = engine.create_peer(config, Arc::new(Sink::new(handle, plugin)));
        // The engine may have given up already, or the handle may be ending: both were too early to be noticed.
        if !self.note_link(peer) {
            return Err(failed());
        }
        self.tap_link();
        if self.is_detached() {
            self.hangup(HangupReason::Detach);
            return Err(failed());
        }
        Ok(())
    }

    /// Notes the new PeerConnection down; false when it is gone already.
    fn note_link(&self, peer: Peer) -> bool {
        self.link_exists(|| {
            self.link.store(Some(Arc::new(peer)));
            self.flags.clear(
                flags::START
                    | flags::READY
                    | flags::ALERT
                    | flags::NEGOTIATED
                    | flags::TRICKLE
                    | flags::ALL_TRICKLES
                    | flags::CLEANING,
            );
            self.flags.set(flags::HAS_AGENT);
        })
    }

    /// The loop that the client asked for at attach, if it may (CP-135, CP-136).
    fn chosen_worker(&self, workers: usize) -> Option<usize> {
        let settings = &self.core.settings;
        let may = settings.event_loops > 0 && settings.allow_loop_indication || self.plugin.is_the_program();
        self.loop_index.filter(|index| may && *index < workers)
    }

    /// Of `workers`, the one that its PeerConnection lives on, or has to.
    pub fn worker(&self, workers: usize) -> Option<usize> {
        let present = self.link.load().as_ref().map(|peer| peer.worker());
        present.filter(|worker| *worker < workers).or_else(|| self.chosen_worker(workers))
    }

    /// Whether the other side is on the socket that this one's PeerConnection has, or would have to have: with the same
    /// addresses on both ends nothing tells whose a packet is.
    pub fn shares_socket(&self, remote: &Description) -> bool {
        let Some(engine) = self.core.engine() else { return false };
        let Some(other) = engine.worker_at(&remote.addresses()) else { return false };
        let workers = engine.loads().len();
        self.worker(workers).map_or(workers == 1, |own| own == other)
    }

    /// For its data channels; without a PeerConnection, nothing.
    pub fn channel(&self, command: ChannelCommand) {
        if let Some(peer) = &*self.link.load() {
            peer.command(Command::Channel(command));
        }
    }

    pub fn has_connection(&self) -> bool {
        self.link.load().is_some()
    }

    /// Our candidates now, as they are written.
    pub fn local_candidates(&self) -> Vec<String> {
        let peer = self.link.load_full();
        peer.map(|peer| peer.local_candidates().iter().map(candidate::format).collect()).unwrap_or_default()
    }

    /// Media may be sent.
    pub(super) fn link_is_up(&self) {
        if let Some(peer) = &*self.link.load() {
            self.at_route(|route| peer.note_route(route));
        }
        if self.flags.any(flags::STOP | flags::ALERT) {
            // It was cleared before it was noted down.
            self.at_route(Route::clear);
        }
    }

    /// The PeerConnection is going down, whoever wanted it.
    pub(super) fn link_is_down(&self) {
        self.flags.set(flags::ALERT | flags::CLEANING);
        self.at_route(Route::clear);
        self.flags.clear(flags::GOT_OFFER | flags::GOT_ANSWER | flags::NEGOTIATED);
    }

    /// The PeerConnection is gone: everything about it goes, and a new one may come, but not sooner. Only for the last
    /// callback of the PeerConnection: nobody else knows whether it is still this one that there is.
    pub(super) fn forget_link(&self) {
        self.at_route(Route::clear);
        *self.signalling.lock() = Signalling::default();
        self.link_ended(|| {
            self.link.store(None);
            self.flags.set(flags::ALERT);
            self.flags.clear(
                flags::READY
                    | flags::CLEANING
                    | flags::E2EE
                    | flags::NEW_DATACHAN_SDP
                    | flags::HAS_AGENT
                    | flags::PROCESSING_OFFER,
            );
        });
    }

    pub fn signalling_facts(&self) -> SignallingFacts {
        let signalling = self.signalling.lock();
        let negotiation = signalling.negotiation.as_ref();
        SignallingFacts {
            created: negotiation.map(|_| signalling.created),
            ice_role: signalling.ice_role,
            profile: negotiation.and_then(|n| n.profile.clone()),
            local_sdp: signalling.local_sdp.clone(),
            remote_sdp: signalling.remote_sdp.clone(),
            pending: signalling.pending.len(),
            media: negotiation.map(|n| n.media.clone()).unwrap_or_default(),
        }
    }

    /// Starts writing packets to a file; false when that is going on already.
    pub fn start_capture(&self, capture: Arc<Capture>) -> bool {
        let started = {
            let mut present = self.capture.lock();
            let free = present.is_none();
            if free {
                *present = Some(capture);
            }
            free
        };
        if started {
            self.tap_link();
        }
        started
    }

    /// Ends it; false when there was none.
    pub fn stop_capture(&self) -> bool {
        let stopped = self.capture.lock().take();
        if let Some(capture) = &stopped {
            if let Some(link) = self.link.load_full() {
                link.command(Command::Capture(None));
            }
            capture.close();
        }
        stopped.is_some()
    }

    pub fn capture(&self) -> Option<Arc<Capture>> {
        self.capture.lock().clone()
    }

    fn tap_link(&self) {
        if let (Some(capture), Some(link)) = (self.capture(), self.link.load_full()) {
            link.command(Command::Capture(Some(capture)));
        }
    }

    /// What the engine knows of the PeerConnection. Blocks shortly: not on a media worker.
    pub fn snapshot(&self) -> Option<PeerSnapshot> {
        self.link.load_full().and_then(|peer| peer.snapshot())
    }
}
