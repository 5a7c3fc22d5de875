//! Where the peer may be: the candidates that it tells, and the addresses that its messages come from.
#![forbid(unsafe_code)]

use super::{Agent, AgentEvent};
use crate::media::ice::limits::*;
use crate::media::ice::path::{Origin, Path};
use crate::media::ice::remote::{Place, Remote, is_at, peer_reflexive, place, place_of};
use crate::media::types::*;
use is::CandidateKind;

impl Agent {
    /// A remote candidate; kept until [`Agent::start`]. Priority 0 means "do not use".
    pub fn add_remote(&mut self, candidate: Candidate) {
        if candidate.priority == 0 || self.told >= MAX_REMOTE_CANDIDATES {
            return;
        }
        self.told += 1;
        if self.started { self.add(candidate) } else { self.waiting.push(candidate) }
    }

    #[cfg(test)]
    pub fn told(&self) -> usize {
        self.told
    }

    pub(super) fn add(&mut self, candidate: Candidate) {
        match candidate.protocol {
            Protocol::Udp => self.add_to_crate(candidate, is::Protocol::Udp),
            Protocol::Tcp => self.connect_to(candidate),
        }
    }

    pub(super) fn add_to_crate(&mut self, candidate: Candidate, protocol: is::Protocol) {
        self.inner.add_remote_candidate(is::Candidate::from_parts(
            candidate.foundation,
            1,
            protocol,
            candidate.priority,
            candidate.address,
            match candidate.kind {
                CandidateType::Host => CandidateKind::Host,
                CandidateType::ServerReflexive => CandidateKind::ServerReflexive,
                CandidateType::PeerReflexive => CandidateKind::PeerReflexive,
                CandidateType::Relayed => CandidateKind::Relayed,
            },
            candidate.related,
            None,
            None,
        ));
    }

    pub(super) fn remote(&mut self, at: Origin) -> &mut Remote {
        let index = self.remotes.iter().position(|r| r.at == at).unwrap_or_else(|| {
            self.remotes.push_back(Remote::new(at));
            self.remotes.len() - 1
        });
        &mut self.remotes[index]
    }

    /// Before an authentic message from a new address, which the crate takes without counting: candidates that nobody was
    /// seen at make room first, then the oldest addresses.
    pub(super) fn make_room(&mut self, path: Path) {
        let (newcomer, protocol) = (path.origin(), self.protocol_of(path));
        let is_like =
            |c: &is::Candidate| c.addr().is_ipv4() == newcomer.at.is_ipv4() && c.proto() == protocol;
        let locals = self.inner.local_candidates().filter(is_like).count();
        let sent_to = self.selected.map(|path| path.origin());
        let mut known: Vec<is::Candidate> = self.inner.remote_candidates().collect();
        known.retain(|c| !is_at(c, newcomer));
        known.sort_by_key(|c| std::cmp::Reverse(c.prio()));
        let mut seen = self.remotes.iter().filter(|r| r.seen).count();
        while seen >= MAX_REMOTE_ADDRESSES || (known.len() + 1) * locals > MAX_PAIRS {
            let is_seen = |c: &is::Candidate| self.remotes.iter().any(|r| r.seen && is_at(c, r.at));
            let unseen = known.iter().rfind(|c| !is_seen(c) && !sent_to.is_some_and(|at| is_at(c, at)));
            let oldest = self.remotes.iter().find(|r| r.seen && Some(r.at) != sent_to && r.at != newcomer);
            let gone = match (unseen, oldest) {
                (Some(unseen), _) if seen < MAX_REMOTE_ADDRESSES => place(unseen),
                (_, Some(oldest)) => place_of(oldest.at),
                _ => break,
            };
            known.retain(|c| place(c) != gone);
            self.forget(gone);
            seen = self.remotes.iter().filter(|r| r.seen).count();
        }
        if self.made_room.contains(&place_of(newcomer)) {
            self.made_room.retain(|place| *place != place_of(newcomer));
            self.add_to_crate(peer_reflexive(newcomer, REFLEXIVE_PRIORITY), protocol);
        }
    }

    /// Nothing more is expected from there; what comes all the same is new.
    pub(super) fn forget(&mut self, gone: Place) {
        let known: Vec<is::Candidate> = self.inner.remote_candidates().collect();
        let there = known.iter().filter(|c| place(c) == gone);
        there.for_each(|c| _ = self.inner.invalidate_candidate(c));
        let events = &mut self.events;
        self.connections.retain(|path| {
            let stays = place_of(path.origin()) != gone;
            if !stays {
                events.push_back(AgentEvent::Forgotten(path.origin()));
            }
            stays
        });
        self.remotes.retain(|remote| {
            let stays = place_of(remote.at) != gone;
            let told = AgentEvent::Forgotten(remote.at);
            if !stays && !events.contains(&told) {
                events.push_back(told);
            }
            stays
        });
        if !self.made_room.contains(&gone) {
            self.made_room.push(gone);
        }
    }

    pub(super) fn report_peer_reflexive(&mut self, from: Origin) {
        let found = self
            .inner
            .remote_candidates()
            .find(|c| is_at(c, from) && c.kind() == CandidateKind::PeerReflexive);
        if let Some(candidate) = found {
            self.events
                .push_back(AgentEvent::PeerReflexive(Box::new(peer_reflexive(from, candidate.prio()))));
        }
    }
}
