//! Candidates over TCP (RFC 6544): connections that are wanted, there, and lost.
#![forbid(unsafe_code)]

use super::{Agent, AgentEvent};
use crate::media::ice::limits::{MAX_CONNECTIONS, MAX_CONNECTS};
use crate::media::ice::path::{Path, Way};
use crate::media::ice::remote::{OPENED, place_of};
use crate::media::types::*;
use std::time::Instant;

impl Agent {
    /// RFC 6544 §6: one that is active, or whose address nobody could be at, comes by itself.
    pub(super) fn connect_to(&mut self, candidate: Candidate) {
        let waits = matches!(candidate.tcptype.as_deref(), Some("passive" | "so"));
        let ip = candidate.address.ip();
        if !waits
            || self.tcp.is_empty()
            || self.inner.ice_lite()
            || ip.is_unspecified()
            || ip.is_multicast()
            || ip.is_loopback()
            || self.passive.len() >= MAX_CONNECTS
            || self.passive.iter().any(|known| known.address == candidate.address)
        {
            return;
        }
        self.events.push_back(AgentEvent::Connect(candidate.address));
        self.passive.push(candidate);
    }

    /// The connection is there that [`AgentEvent::Connect`] asked for: checks through it begin.
    pub fn opened(&mut self, now: Instant, path: Path) {
        let Some(told) = self.passive.iter().find(|c| c.address == path.remote).cloned() else { return };
        self.note_connection(path);
        // By a protocol that the crate keeps apart, so that these are not paired with what listens.
        self.add_local(path.local, OPENED);
        self.add_to_crate(told, OPENED);
        self.handle_timeout(now);
    }

    /// A connection has come to its end, or was never made. If it was the path, and there is no other, ICE has failed until
    /// the peer comes by another one.
    pub fn lost(&mut self, now: Instant, path: Path) {
        self.connections.retain(|known| *known != path);
        self.forget(place_of(path.origin()));
        let ours: Vec<is::Candidate> = self.inner.local_candidates().collect();
        for candidate in ours.iter().filter(|c| (c.proto(), c.addr()) == (OPENED, path.local)) {
            self.inner.invalidate_candidate(candidate);
        }
        self.nominated.take_if(|nominated| *nominated == path);
        self.nominations.forget(path);
        if self.selected == Some(path) {
            self.set_state(IceState::Failed);
            self.checked = None;
            self.handle_timeout(now);
        }
    }

    /// One that is not sent to makes room for another one.
    pub(super) fn note_connection(&mut self, path: Path) {
        if !matches!(path.way, Way::Tcp(_)) || self.connections.contains(&path) {
            return;
        }
        if self.connections.len() >= MAX_CONNECTIONS
            && let Some(oldest) =
                self.connections.iter().find(|known| Some(**known) != self.selected).copied()
        {
            self.forget(place_of(oldest.origin()));
        }
        self.connections.push(path);
    }
}
