//! Which path is selected: nominations, what proves them, and the agent's state.
#![forbid(unsafe_code)]

use super::{Agent, AgentEvent};
use crate::media::ice::limits::*;
use crate::media::ice::path::{Origin, Path, Way};
use crate::media::types::*;
use is::{IceAgentEvent, IceConnectionState};
use std::time::Instant;

impl Agent {
    /// Authentic media (SRTP, SRTCP or DTLS) came from there, which proves that the peer is there.
    pub fn heard(&mut self, from: Origin) {
        if self.inner.ice_lite() {
            self.settled = true;
            self.nominated = None;
            if let Some(path) = self.nominations.prove(from) {
                self.select(path);
            }
        }
    }

    /// By a request that nobody has sent before.
    pub(super) fn note_nomination(&mut self, path: Path) {
        let is_move = !self.settled || self.selected != Some(path);
        if !self.inner.ice_lite() || !self.settled {
            self.nominated = Some(path).filter(|_| is_move);
        }
        // That the peer is where it was is worth knowing if there is doubt.
        if self.inner.ice_lite() && (is_move || !self.nominations.is_empty()) {
            self.nominations.add(path);
        }
    }

    /// Whether [`Agent::heard`] would move the path.
    pub fn awaits_media(&self) -> bool {
        !self.nominations.is_empty()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.put_off = self.next_check().is_some_and(|next| now < next);
        if !self.put_off {
            let before = self.inner.stats().bind_request_sent;
            self.inner.handle_timeout(now);
            if self.inner.stats().bind_request_sent != before {
                self.checked = Some(now);
                self.answered = false;
            }
        }
        while let Some(event) = self.inner.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { proto, source, destination } => {
                    let path = self.path_between(proto, source, destination);
                    if let Some(path) = path.filter(|path| self.may_follow(now, *path)) {
                        self.select(path);
                    }
                }
                IceAgentEvent::IceConnectionStateChange(state) => self.follow(state),
                IceAgentEvent::IceRestart(_) | IceAgentEvent::DiscoveredRecv { .. } => {}
            }
        }
        if let Some(path) = self.nominated
            && self.inner.has_viable_remote_candidate(path.remote)
            && (!self.settled || (!self.inner.ice_lite() && self.is_fresh(now, path.origin())))
        {
            self.nominated = None;
            self.select(path);
        }
        if let Some(path) = self.checked_from
            && self.selected != Some(path)
            && !self.inner.ice_lite()
            && self.is_silent(now)
            && self.is_fresh(now, path.origin())
            && self.is_there(path)
        {
            self.select(path);
        }
    }

    /// The path answered checks of ours, and does not any more; of a lite agent, which has none: the peer's came from there. Of
    /// a peer that we control the crate chooses another one.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        let lite = self.inner.ice_lite();
        let known = |path: Path| self.remotes.iter().find(|r| r.at == path.origin());
        let path = self.selected.filter(|_| self.settled && (lite || !self.inner.controlling()));
        let last = path.and_then(known).and_then(|r| if lite { r.requested } else { r.answered });
        last.is_some_and(|last| now.saturating_duration_since(last) >= SILENT)
    }

    /// Whether the crate's choice is ours: the first path, and a move that is proven, or away from a path that is no more.
    /// A lite agent's crate chooses by requests alone.
    pub(super) fn may_follow(&self, now: Instant, path: Path) -> bool {
        if !self.settled || (self.inner.controlling() && !self.inner.ice_lite()) {
            return true;
        }
        let lost = self
            .selected
            .is_none_or(|p| !self.is_there(p) || !self.inner.has_viable_remote_candidate(p.remote));
        !self.inner.ice_lite() && (lost || self.is_fresh(now, path.origin()))
    }

    /// Through the relay, though the path that there is needs none and works: who nominates whatever answers (RFC 5245 §8.1.1.2)
    /// nominates the slowest last.
    pub(super) fn is_detour(&self, now: Instant, path: Path) -> bool {
        let direct = self.selected.filter(|known| known.way != Way::Relay && self.is_there(*known));
        path.way == Way::Relay && direct.is_some_and(|known| self.is_fresh(now, known.origin()))
    }

    /// A check that was sent there was answered from there, not long ago.
    pub(super) fn is_fresh(&self, now: Instant, at: Origin) -> bool {
        let answered = self.remotes.iter().find(|r| r.at == at).and_then(|r| r.answered);
        answered.is_some_and(|answered| now.saturating_duration_since(answered) < FRESH)
    }

    pub(super) fn select(&mut self, path: Path) {
        if self.state != IceState::Ready {
            self.set_state(IceState::Connected);
        }
        self.settled |= !self.inner.ice_lite();
        if self.selected != Some(path) {
            self.selected = Some(path);
            self.events.push_back(AgentEvent::Selected(path));
        }
        self.set_state(IceState::Ready);
    }

    pub(super) fn follow(&mut self, state: IceConnectionState) {
        match state {
            IceConnectionState::Disconnected => {
                // Without consent checks the reference never gives up a path that worked once.
                if self.selected.is_none() || self.consent_freshness {
                    self.set_state(IceState::Failed);
                }
                // Everything known is tried again for as long as we are kept: the peer may only have been away.
                self.inner.recreate_candidate_pairs();
            }
            IceConnectionState::Connected | IceConnectionState::Completed => {
                if let Some(path) = self.selected {
                    self.select(path);
                }
            }
            IceConnectionState::New | IceConnectionState::Checking => {}
        }
    }

    pub fn set_state(&mut self, state: IceState) {
        if self.state != state {
            self.state = state;
            self.inner.set_max_stun_rto(match state {
                IceState::Connecting => CONNECTING_INTERVAL,
                _ => CONNECTED_INTERVAL,
            });
            self.events.push_back(AgentEvent::State(state));
        }
    }
}
