//! One ICE agent: credentials, checks, the selected path.

use super::local::local_preference;
use super::remembered::Remembered;
use super::stun;
use crate::media::types::*;
use is::stun::{StunMessage, StunPacket};
use is::{CandidateKind, IceAgent, IceAgentEvent, IceConnectionState, IceCreds};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Addresses of one peer that are remembered at a time. Whose check comes from a further one, and is authentic, gets the
/// place of the oldest that is not sent to.
const MAX_REMOTE_ADDRESSES: usize = 64;
/// How many may come and go between two ICE restarts: a hostile peer could make us check as many as it can send from.
const MAX_ADDRESSES_EVER: usize = 1024;

/// RFC 8445 §6.1.2.5.
const MAX_PAIRS: usize = 100;
/// Candidates that the peer may tell between two ICE restarts; more could not be checked.
const MAX_REMOTE_CANDIDATES: usize = MAX_PAIRS;

/// Least time between two checks (RFC 8445 §14.2).
const PACE: Duration = Duration::from_millis(50);
/// Checks of a pair that are sent without ever an answer (RFC 8489 §6.2.1); each authentic request from there allows
/// one more.
const MAX_CHECKS: usize = 7;
/// Longest time between two checks of a pair, while no path is known and afterwards. A pair is given up after
/// [`MAX_CHECKS`] without an answer, 250 ms, 500 ms, 1 s and then this long apart: "failed" comes 7.75 s after the start,
/// about when the reference tells it. A path that worked is checked less often, and waited for longer.
const CONNECTING_INTERVAL: Duration = Duration::from_millis(1500);
const CONNECTED_INTERVAL: Duration = Duration::from_secs(3);
/// How old the last answer from an address may be when the path moves there: it is asked every [`CONNECTED_INTERVAL`].
const FRESH: Duration = Duration::from_secs(4);

/// Transactions of the peer that are remembered, so that a request of a remembered one that comes from elsewhere is known
/// for a copy. A browser needs more than a minute for so many.
const MAX_TRANSACTIONS: usize = 32;
/// Nominations that may be waiting for their proof when a lite agent's first path is settled.
const MAX_NOMINATIONS: usize = 8;
/// Checks of ours whose answers tell where they were sent: what [`PACE`] lets out in 1.6 s.
const MAX_ASKED: usize = 32;
/// Of a peer-reflexive candidate that comes back (RFC 8445 §5.1.2.2).
const REFLEXIVE_PRIORITY: u32 = 110 << 24 | 0xFFFF << 8 | 0xFF;

/// What an agent starts from.
pub struct AgentConfig {
    pub credentials: IceCredentials,
    pub role: IceRole,
    pub lite: bool,
    /// Fail when the peer stops answering after the connection was made (RFC 7675); otherwise the path is kept.
    pub consent_freshness: bool,
    /// Real addresses of our sockets, best first.
    pub addresses: Vec<SocketAddr>,
}

/// A local and a remote transport address that packets travel between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    State(IceState),
    /// An authenticated STUN message came from this address; told again with each request.
    Reachable(SocketAddr),
    /// Nothing more is expected from there.
    Forgotten(SocketAddr),
    /// A remote candidate that the peer did not tell, found by a check (RFC 8445 §7.3.1.3).
    PeerReflexive(Candidate),
    /// The path to send on; again whenever it changes.
    Selected(Path),
}

/// A STUN message to send.
pub struct StunOut {
    pub path: Path,
    pub message: Vec<u8>,
    /// A check, for a place that never answered one.
    pub uninvited: bool,
}

/// What is known about an address of the peer.
struct Remote {
    at: SocketAddr,
    /// An authentic message came from there.
    seen: bool,
    /// The last answer to a check that was sent there.
    answered: Option<Instant>,
    /// Checks that may still be sent while none was answered.
    checks: usize,
}

pub struct Agent {
    inner: IceAgent,
    consent_freshness: bool,
    state: IceState,
    selected: Option<Path>,
    /// Nominated by the peer, but not yet proven: for a full agent by the answer to a check of its own, for a lite one by
    /// authentic media ([`Agent::heard`]).
    nominated: Option<Path>,
    /// Of a lite agent that has not settled: all that the peer nominated, the newest last. It follows each; the proof tells
    /// which one was the peer's own.
    nominations: Vec<Path>,
    /// There is a path that the peer has proven to be at: since the last restart for a full agent, ever for a lite one. From
    /// now on a nomination is a move, which has to be proven, too.
    settled: bool,
    /// Ours, best first.
    addresses: Vec<SocketAddr>,
    /// When the crate last had its turn; it sends at most one check in each.
    turn: Option<Instant>,
    /// Remote candidates told since the last restart.
    told: usize,
    /// Those told before [`Agent::start`].
    waiting: Vec<Candidate>,
    started: bool,
    /// Since the last restart, oldest first.
    remotes: VecDeque<Remote>,
    /// How many addresses authentic messages came from since the last restart.
    addresses_ever: usize,
    /// Addresses that made room; the crate ignores what comes from there until it is told them again.
    made_room: Vec<SocketAddr>,
    /// Authentic requests of the peer, and where they came from.
    transactions: Remembered,
    /// Our latest checks, and where they went.
    asked: Remembered,
    events: VecDeque<AgentEvent>,
}

impl Agent {
    pub fn new(config: AgentConfig) -> Agent {
        let mut inner = IceAgent::new(creds(config.credentials));
        inner.set_ice_lite(config.lite);
        inner.set_max_candidate_pairs(MAX_PAIRS);
        inner.set_max_stun_retransmits(MAX_CHECKS);
        inner.set_controlling(config.role == IceRole::Controlling && !config.lite);
        let mut agent = Agent {
            inner,
            addresses: Vec::new(),
            consent_freshness: config.consent_freshness,
            state: IceState::Disconnected,
            selected: None,
            nominated: None,
            nominations: Vec::new(),
            settled: false,
            turn: None,
            told: 0,
            waiting: Vec::new(),
            started: false,
            remotes: VecDeque::new(),
            addresses_ever: 0,
            made_room: Vec::new(),
            transactions: Remembered::new(MAX_TRANSACTIONS),
            asked: Remembered::new(MAX_ASKED),
            events: VecDeque::new(),
        };
        agent.set_addresses(&config.addresses);
        agent
    }

    /// Our addresses as they are now, best first. A full agent checks from new ones by itself; what went through one that
    /// is no more goes on when a path from another one is proven.
    pub fn set_addresses(&mut self, addresses: &[SocketAddr]) {
        self.addresses = addresses.to_vec();
        let order = addresses.to_vec();
        self.inner.set_local_preference(move |candidate: &is::Candidate, _: usize| {
            local_preference(order.iter().position(|a| *a == candidate.addr()).unwrap_or(order.len()))
        });
        let present: Vec<is::Candidate> = self.inner.local_candidates().collect();
        for address in addresses.iter().filter(|a| !present.iter().any(|c| c.addr() == **a)) {
            match is::Candidate::host(*address, "udp") {
                Ok(candidate) => drop(self.inner.add_local_candidate(candidate)),
                Err(error) => tracing::warn!("{address} cannot be used for ICE: {error}"),
            }
        }
        for gone in present.iter().filter(|c| !addresses.contains(&c.addr())) {
            self.inner.invalidate_candidate(gone);
        }
    }

    #[cfg(test)]
    pub(super) fn local_ufrag(&self) -> &str {
        &self.inner.local_credentials().ufrag
    }

    pub fn state(&self) -> IceState {
        self.state
    }

    #[cfg(test)]
    pub(super) fn path(&self) -> Option<Path> {
        self.selected
    }

    /// Remote credentials from the description; a lite peer makes us the controlling one (RFC 8445 §6.1.1).
    pub fn set_remote(&mut self, credentials: IceCredentials, peer_is_lite: bool) {
        if peer_is_lite && !self.inner.ice_lite() {
            self.inner.set_controlling(true);
        }
        self.inner.set_remote_credentials(creds(credentials));
    }

    /// Before [`Agent::start`]: the other side has made the offer that counts.
    pub fn set_role(&mut self, role: IceRole) {
        if !self.started {
            let lite = self.inner.ice_lite();
            self.inner.set_controlling(role == IceRole::Controlling && !lite);
        }
    }

    /// New local credentials. Media keeps the old path until the new checks select one; remote credentials and
    /// candidates have to be told again.
    pub fn restart(&mut self, credentials: IceCredentials) {
        self.inner.ice_restart(creds(credentials), true);
        self.remotes.clear();
        self.addresses_ever = 0;
        self.made_room.clear();
        self.asked.clear();
        self.waiting.clear();
        self.told = 0;
        self.nominated = None;
        self.nominations.clear();
        self.settled &= self.inner.ice_lite();
        if self.started {
            self.set_state(IceState::Connecting);
        }
    }

    /// A remote candidate; kept until [`Agent::start`]. Priority 0 means "do not use".
    pub fn add_remote(&mut self, candidate: Candidate) {
        if candidate.priority == 0
            || candidate.protocol != Protocol::Udp
            || self.told >= MAX_REMOTE_CANDIDATES
        {
            return;
        }
        self.told += 1;
        if self.started { self.add(candidate) } else { self.waiting.push(candidate) }
    }

    #[cfg(test)]
    pub fn told(&self) -> usize {
        self.told
    }

    fn add(&mut self, candidate: Candidate) {
        self.inner.add_remote_candidate(is::Candidate::from_parts(
            candidate.foundation,
            1,
            is::Protocol::Udp,
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

    /// Checks begin, with the remote candidates known so far.
    pub fn start(&mut self, now: Instant) {
        if !self.started {
            self.started = true;
            if matches!(self.state, IceState::Disconnected | IceState::Gathering) {
                self.set_state(IceState::Connecting);
            }
            for candidate in std::mem::take(&mut self.waiting) {
                self.add(candidate);
            }
        }
        self.handle_timeout(now);
    }

    /// A STUN message that came to `path.local` from `path.remote`. False: not for us, not authentic, or a copy; nothing
    /// changed.
    pub fn handle(&mut self, now: Instant, path: Path, message: &[u8]) -> bool {
        let known = self.remotes.iter().any(|r| r.seen && r.at == path.remote);
        if !known && self.addresses_ever >= MAX_ADDRESSES_EVER {
            return false;
        }
        let Some(id) = stun::transaction(message) else { return false };
        let Ok(message) = StunMessage::parse(message) else { return false };
        let is_request = message.is_binding_request();
        let is_answer = message.is_successful_binding_response();
        let before = self.transactions.belongs_to(id, path.remote).filter(|_| is_request);
        // A retransmission comes from where the request came from. But the copy may have been faster than the request: if the
        // proof comes from here, this was the peer's own.
        if before == Some(false) {
            if message.use_candidate() && self.inner.accepts_message(&message) {
                self.remember_nomination(path, 0);
            }
            return false;
        }
        let nominates = is_request && message.use_candidate() && before.is_none();
        if !known && !self.inner.accepts_message(&message) {
            return false;
        }
        if !known {
            self.make_room(path.remote);
        }
        let packet =
            StunPacket { proto: is::Protocol::Udp, source: path.remote, destination: path.local, message };
        if !self.inner.handle_packet(now, packet) {
            return false;
        }
        if is_request && before.is_none() {
            self.transactions.add(id, path.remote);
            let remote = self.remote(path.remote);
            remote.checks = (remote.checks + 1).min(MAX_CHECKS);
        }
        if is_answer && self.asked.belongs_to(id, path.remote) == Some(true) {
            self.remote(path.remote).answered = Some(now);
        }
        if !known {
            self.remote(path.remote).seen = true;
            self.addresses_ever += 1;
        }
        if !known || is_request {
            self.events.push_back(AgentEvent::Reachable(path.remote));
        }
        if !known {
            self.report_peer_reflexive(path.remote);
        }
        // Our rule: the newest authenticated nomination wins, also over a pair of higher priority. The crate alone
        // stays on the best pair until that has timed out, which loses the media of a client that changes its network.
        if nominates && !self.inner.controlling() {
            self.nominated = Some(path).filter(|path| !self.settled || self.selected != Some(*path));
            self.remember_nomination(path, self.nominations.len());
        }
        // The answer to a nomination is a check of our own; no need to wait for the next tick.
        self.handle_timeout(now);
        true
    }

    /// Authentic media (SRTP, SRTCP or DTLS) came from there, which proves that the peer is there.
    pub fn heard(&mut self, from: SocketAddr) {
        if self.inner.ice_lite() {
            if !std::mem::replace(&mut self.settled, true) {
                self.settle(from);
            }
            if let Some(path) = self.nominated.take_if(|path| path.remote == from) {
                self.select(path);
            }
        }
    }

    /// `place`: among those that are known, the newest is the last.
    fn remember_nomination(&mut self, path: Path, place: usize) {
        if self.inner.ice_lite() && !self.settled {
            self.nominations.retain(|known| *known != path);
            if self.nominations.len() == MAX_NOMINATIONS {
                self.nominations.remove(0);
            }
            self.nominations.insert(place.min(self.nominations.len()), path);
        }
    }

    /// The first proof: the path is there, if the peer has nominated it ever. A newer nomination waits for its own.
    fn settle(&mut self, from: SocketAddr) {
        let nominations = std::mem::take(&mut self.nominations);
        let Some(proven) = nominations.iter().rfind(|path| path.remote == from) else { return };
        self.nominated = nominations.last().copied().filter(|newest| newest != proven);
        self.select(*proven);
    }

    /// Whether [`Agent::heard`] would move the path.
    pub fn awaits_media(&self) -> bool {
        self.inner.ice_lite() && self.nominated.is_some()
    }

    pub fn is_lite(&self) -> bool {
        self.inner.ice_lite()
    }

    fn remote(&mut self, at: SocketAddr) -> &mut Remote {
        let index = self.remotes.iter().position(|r| r.at == at).unwrap_or_else(|| {
            self.remotes.push_back(Remote { at, seen: false, answered: None, checks: MAX_CHECKS });
            self.remotes.len() - 1
        });
        &mut self.remotes[index]
    }

    /// Before an authentic message from a new address, which the crate takes without counting: candidates that nobody was
    /// seen at make room first, then the oldest addresses.
    fn make_room(&mut self, newcomer: SocketAddr) {
        let locals =
            self.inner.local_candidates().filter(|c| c.addr().is_ipv4() == newcomer.is_ipv4()).count();
        let sent_to = self.selected.map(|path| path.remote);
        let mut known: Vec<is::Candidate> = self.inner.remote_candidates().collect();
        known.retain(|c| c.addr() != newcomer);
        known.sort_by_key(|c| std::cmp::Reverse(c.prio()));
        let mut seen = self.remotes.iter().filter(|r| r.seen).count();
        while seen >= MAX_REMOTE_ADDRESSES || (known.len() + 1) * locals > MAX_PAIRS {
            let is_seen = |at: SocketAddr| self.remotes.iter().any(|r| r.seen && r.at == at);
            let unseen = known.iter().rfind(|c| !is_seen(c.addr()) && Some(c.addr()) != sent_to);
            let oldest = self.remotes.iter().find(|r| r.seen && Some(r.at) != sent_to && r.at != newcomer);
            let at = match (unseen, oldest) {
                (Some(unseen), _) if seen < MAX_REMOTE_ADDRESSES => unseen.addr(),
                (_, Some(oldest)) => oldest.at,
                _ => break,
            };
            seen -= usize::from(is_seen(at));
            known.iter().filter(|c| c.addr() == at).for_each(|c| _ = self.inner.invalidate_candidate(c));
            known.retain(|c| c.addr() != at);
            self.remotes.retain(|r| r.at != at);
            self.made_room.push(at);
            self.events.push_back(AgentEvent::Forgotten(at));
        }
        if self.made_room.contains(&newcomer) {
            self.made_room.retain(|at| *at != newcomer);
            self.add(peer_reflexive(newcomer, REFLEXIVE_PRIORITY));
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let early = self.turn.is_some_and(|turn| now.saturating_duration_since(turn) < PACE);
        if !early {
            self.turn = Some(now);
            self.inner.handle_timeout(now);
        }
        while let Some(event) = self.inner.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { source, destination, .. } => {
                    let path = Path { local: source, remote: destination };
                    if self.may_follow(now, path) {
                        self.select(path);
                    }
                }
                IceAgentEvent::IceConnectionStateChange(state) => self.follow(state),
                IceAgentEvent::IceRestart(_) | IceAgentEvent::DiscoveredRecv { .. } => {}
            }
        }
        if let Some(path) = self.nominated
            && self.inner.has_viable_remote_candidate(path.remote)
            && (!self.settled || (!self.inner.ice_lite() && self.is_fresh(now, path.remote)))
        {
            self.nominated = None;
            self.select(path);
        }
    }

    /// Whether the crate's choice is ours: the first path, and a move that is proven, or away from a path that is no more.
    /// A lite agent's crate chooses by requests alone.
    fn may_follow(&self, now: Instant, path: Path) -> bool {
        if !self.settled || (self.inner.controlling() && !self.inner.ice_lite()) {
            return true;
        }
        let lost = self.selected.is_none_or(|p| {
            !self.addresses.contains(&p.local) || !self.inner.has_viable_remote_candidate(p.remote)
        });
        !self.inner.ice_lite() && (lost || self.is_fresh(now, path.remote))
    }

    /// A check that was sent there was answered from there, not long ago.
    fn is_fresh(&self, now: Instant, at: SocketAddr) -> bool {
        let answered = self.remotes.iter().find(|r| r.at == at).and_then(|r| r.answered);
        answered.is_some_and(|answered| now.saturating_duration_since(answered) < FRESH)
    }

    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let next = self.inner.poll_timeout();
        next.map(|at| self.turn.map_or(at, |turn| at.max(turn + PACE)))
    }

    pub fn poll_transmit(&mut self) -> Option<StunOut> {
        loop {
            let out = self.inner.poll_transmit()?;
            let path = Path { local: out.source, remote: out.destination };
            let message = Vec::from(out.contents);
            let Some(id) = stun::request_transaction(&message) else {
                return Some(StunOut { path, message, uninvited: false });
            };
            let remote = self.remote(path.remote);
            let uninvited = remote.answered.is_none();
            if uninvited {
                let Some(left) = remote.checks.checked_sub(1) else { continue };
                remote.checks = left;
            }
            self.asked.add(id, path.remote);
            return Some(StunOut { path, message, uninvited });
        }
    }

    pub fn poll_event(&mut self) -> Option<AgentEvent> {
        self.events.pop_front()
    }

    /// The two ends of a path, with the types that ICE knows them by.
    pub fn describe(&self, path: Path) -> (PairEnd, PairEnd) {
        let end = |address, kind| PairEnd { address, kind, protocol: Protocol::Udp };
        let kind = self
            .inner
            .remote_candidates()
            .find(|c| c.addr() == path.remote)
            .map_or(CandidateType::PeerReflexive, |c| candidate_type(c.kind()));
        (end(path.local, CandidateType::Host), end(path.remote, kind))
    }

    fn select(&mut self, path: Path) {
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

    fn follow(&mut self, state: IceConnectionState) {
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

    fn report_peer_reflexive(&mut self, address: SocketAddr) {
        let found = self
            .inner
            .remote_candidates()
            .find(|c| c.addr() == address && c.kind() == CandidateKind::PeerReflexive);
        if let Some(candidate) = found {
            self.events.push_back(AgentEvent::PeerReflexive(peer_reflexive(address, candidate.prio())));
        }
    }
}

fn peer_reflexive(address: SocketAddr, priority: u32) -> Candidate {
    Candidate {
        foundation: "prflx".into(),
        component: 1,
        protocol: Protocol::Udp,
        priority,
        address,
        kind: CandidateType::PeerReflexive,
        related: Some(address),
        tcptype: None,
    }
}

fn creds(credentials: IceCredentials) -> IceCreds {
    IceCreds { ufrag: credentials.ufrag, pass: credentials.pwd }
}

fn candidate_type(kind: CandidateKind) -> CandidateType {
    match kind {
        CandidateKind::Host => CandidateType::Host,
        CandidateKind::PeerReflexive => CandidateType::PeerReflexive,
        CandidateKind::ServerReflexive => CandidateType::ServerReflexive,
        CandidateKind::Relayed => CandidateType::Relayed,
    }
}
