//! STUN messages that come, and those that go.
#![forbid(unsafe_code)]

use super::{Agent, AgentEvent, StunOut};
use crate::media::ice::limits::*;
use crate::media::ice::path::{Origin, Path};
use crate::media::ice::stun;
use is::stun::{StunMessage, StunPacket};
use std::time::Instant;

impl Agent {
    /// A STUN message that came to `path.local` from `path.remote`. False: not for us, not authentic, or a copy; nothing
    /// changed.
    pub fn handle(&mut self, now: Instant, path: Path, message: &[u8]) -> bool {
        let from = path.origin();
        let known = self.remotes.iter().any(|r| r.seen && r.at == from);
        if !known && self.addresses_ever >= MAX_ADDRESSES_EVER {
            return false;
        }
        let Some(id) = stun::transaction(message) else { return false };
        let Ok(message) = StunMessage::parse(message) else { return false };
        let is_request = message.is_binding_request();
        let is_answer = message.is_successful_binding_response();
        let before = self.transactions.belongs_to(id, from).filter(|_| is_request);
        // A retransmission comes from where the request came from. But the copy may have been faster than the request: if the
        // proof comes from here, this was the peer's own.
        if before == Some(false) {
            if message.use_candidate() && self.inner.ice_lite() && self.inner.accepts_message(&message) {
                self.nominations.add_doubtful(path);
            }
            return false;
        }
        // An old one: otherwise somebody could use up all addresses that may be new with a single request of the peer's.
        if is_request && before.is_none() && !known && self.copies.contains(id) {
            return false;
        }
        let nominates = is_request && message.use_candidate() && before.is_none();
        if is_answer && self.asked.is_over(id) {
            return false;
        }
        let mapped = message.mapped_address().filter(|at| is_answer && !self.is_ours(*at));
        if mapped.is_some() && self.mapped.len() >= MAX_MAPPED {
            return false;
        }
        if !known && !self.inner.accepts_message(&message) {
            return false;
        }
        if !known {
            self.make_room(path);
        }
        let packet = StunPacket {
            proto: self.protocol_of(path),
            source: path.remote,
            destination: path.local,
            message,
        };
        if !self.inner.handle_packet(now, packet) {
            return false;
        }
        self.note_connection(path);
        if is_request && before.is_none() {
            self.transactions.add(id, from);
            self.copies.add(id);
            self.checked_from = Some(path);
            let remote = self.remote(from);
            remote.requested = Some(now);
            remote.checks = (remote.checks + 1).min(MAX_CHECKS);
            remote.invited = (remote.invited + 1).min(MAX_CHECKS);
        }
        if is_answer && self.asked.belongs_to(id, from) == Some(true) {
            self.remote(from).answered = Some(now);
        }
        if is_answer {
            self.asked.end(id);
            self.answered = true;
        }
        if let Some(mapped) = mapped {
            self.note_mapped(mapped);
        }
        if !known {
            self.remote(from).seen = true;
            self.addresses_ever += 1;
        }
        if !known || is_request {
            self.events.push_back(AgentEvent::Reachable(from));
        }
        if !known {
            self.report_peer_reflexive(from);
        }
        // Our rule: the newest authenticated nomination wins, also over a pair of higher priority. The crate alone
        // stays on the best pair until that has timed out, which loses the media of a client that changes its network.
        if nominates && !self.inner.controlling() && !self.is_detour(now, path) {
            self.note_nomination(path);
        }
        // Of a lite agent media has to prove it, as it proves nominations.
        if is_request && before.is_none() && !nominates && self.inner.ice_lite() && self.is_silent(now) {
            self.nominations.add(path);
        }
        // The answer to a nomination is a check of our own; no need to wait for the next tick.
        self.handle_timeout(now);
        true
    }

    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let next = self.inner.poll_timeout();
        match self.next_check() {
            Some(due) if self.put_off => Some(due),
            due => next.max(due.filter(|_| next.is_some())),
        }
    }

    /// Not earlier; `None`: there was none yet.
    pub(super) fn next_check(&self) -> Option<Instant> {
        let pace = if self.answered { LEAST_PACE } else { PACE };
        self.checked.map(|last| last + pace)
    }

    pub fn poll_transmit(&mut self) -> Option<StunOut> {
        loop {
            let out = self.inner.poll_transmit()?;
            let Some(path) = self.path_between(out.proto, out.source, out.destination) else { continue };
            let message = Vec::from(out.contents);
            let Some(id) = stun::request_transaction(&message) else {
                return Some(StunOut { path, message, uninvited: false });
            };
            let remote = self.remote(path.origin());
            let mut uninvited = false;
            if remote.answered.is_none() {
                let Some(left) = remote.checks.checked_sub(1) else { continue };
                remote.checks = left;
                uninvited = remote.invited == 0;
                remote.invited = remote.invited.saturating_sub(1);
            }
            self.asked.add(id, path.origin());
            return Some(StunOut { path, message, uninvited });
        }
    }

    /// An uninvited check to there did not leave: it does not count.
    pub fn not_sent(&mut self, to: Origin) {
        let remote = self.remote(to);
        remote.checks = (remote.checks + 1).min(MAX_CHECKS);
    }
}
