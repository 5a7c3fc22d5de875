//! One ICE agent: credentials, checks, the selected path.

use super::local::local_preference;
use crate::media::types::*;
use is::stun::{StunMessage, StunPacket};
use is::{CandidateKind, IceAgent, IceAgentEvent, IceConnectionState, IceCreds};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Distinct remote addresses that one peer may use between two ICE restarts. An authenticated but hostile peer could
/// otherwise make us remember one candidate per address it can send from.
const MAX_REMOTE_ADDRESSES: usize = 64;

/// Candidates that the peer may tell between two ICE restarts; the crate compares each new one with all before. RFC 8445
/// §6.1.2.5 asks for no more than 100 pairs.
const MAX_REMOTE_CANDIDATES: usize = 256;

/// Longest time between two checks of a pair, while no path is known and afterwards. A pair is given up after nine
/// checks without an answer, 250 ms, 500 ms and then this long apart: "failed" comes 7.75 s after the start, about when
/// the reference tells it, without fewer checks for a lossy network to drop. A path that worked is checked less often,
/// and waited for longer.
const CONNECTING_INTERVAL: Duration = Duration::from_secs(1);
const CONNECTED_INTERVAL: Duration = Duration::from_secs(3);

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
    /// An authenticated STUN message came from this address.
    Reachable(SocketAddr),
    /// A remote candidate that the peer did not tell, found by a check (RFC 8445 §7.3.1.3).
    PeerReflexive(Candidate),
    /// The path to send on; again whenever it changes.
    Selected(Path),
}

/// A STUN message to send.
pub struct StunOut {
    pub path: Path,
    pub message: Vec<u8>,
}

pub struct Agent {
    inner: IceAgent,
    consent_freshness: bool,
    state: IceState,
    selected: Option<Path>,
    /// Nominated by the peer, our own check not yet answered.
    nominated: Option<Path>,
    /// Remote candidates told since the last restart.
    told: usize,
    /// Those told before [`Agent::start`].
    waiting: Vec<Candidate>,
    started: bool,
    /// Addresses of authenticated messages since the last restart.
    seen: Vec<SocketAddr>,
    events: VecDeque<AgentEvent>,
}

impl Agent {
    pub fn new(config: AgentConfig) -> Agent {
        let mut inner = IceAgent::new(creds(config.credentials));
        inner.set_ice_lite(config.lite);
        inner.set_controlling(config.role == IceRole::Controlling && !config.lite);
        let order = config.addresses.clone();
        inner.set_local_preference(move |candidate: &is::Candidate, _: usize| {
            local_preference(order.iter().position(|a| *a == candidate.addr()).unwrap_or(order.len()))
        });
        for address in config.addresses {
            match is::Candidate::host(address, "udp") {
                Ok(candidate) => {
                    inner.add_local_candidate(candidate);
                }
                Err(error) => tracing::warn!("{address} cannot be used for ICE: {error}"),
            }
        }
        Agent {
            inner,
            consent_freshness: config.consent_freshness,
            state: IceState::Disconnected,
            selected: None,
            nominated: None,
            told: 0,
            waiting: Vec::new(),
            started: false,
            seen: Vec::new(),
            events: VecDeque::new(),
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

    /// New local credentials. Media keeps the old path until the new checks select one; remote credentials and
    /// candidates have to be told again.
    pub fn restart(&mut self, credentials: IceCredentials) {
        self.inner.ice_restart(creds(credentials), true);
        self.seen.clear();
        self.waiting.clear();
        self.told = 0;
        self.nominated = None;
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

    /// A STUN message that came to `path.local` from `path.remote`. False: not for us, or not authentic; nothing
    /// changed.
    pub fn handle(&mut self, now: Instant, path: Path, message: &[u8]) -> bool {
        let known = self.seen.contains(&path.remote);
        if !known && self.seen.len() >= MAX_REMOTE_ADDRESSES {
            return false;
        }
        let Ok(message) = StunMessage::parse(message) else { return false };
        let nominates = message.is_binding_request() && message.use_candidate();
        let packet =
            StunPacket { proto: is::Protocol::Udp, source: path.remote, destination: path.local, message };
        if !self.inner.handle_packet(now, packet) {
            return false;
        }
        if !known {
            self.seen.push(path.remote);
            self.events.push_back(AgentEvent::Reachable(path.remote));
            self.report_peer_reflexive(path.remote);
        }
        // Our rule: the newest authenticated nomination wins, also over a pair of higher priority. The crate alone
        // stays on the best pair until that has timed out, which loses the media of a client that changes its network.
        if nominates && !self.inner.controlling() {
            self.nominated = Some(path);
        }
        // The answer to a nomination is a check of our own; no need to wait for the next tick.
        self.handle_timeout(now);
        true
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.inner.handle_timeout(now);
        while let Some(event) = self.inner.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { source, destination, .. } => {
                    self.select(Path { local: source, remote: destination });
                }
                IceAgentEvent::IceConnectionStateChange(state) => self.follow(state),
                IceAgentEvent::IceRestart(_) | IceAgentEvent::DiscoveredRecv { .. } => {}
            }
        }
        if let Some(path) = self.nominated.filter(|p| self.inner.has_viable_remote_candidate(p.remote)) {
            self.nominated = None;
            self.select(path);
        }
    }

    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.inner.poll_timeout()
    }

    pub fn poll_transmit(&mut self) -> Option<StunOut> {
        let out = self.inner.poll_transmit()?;
        Some(StunOut {
            path: Path { local: out.source, remote: out.destination },
            message: Vec::from(out.contents),
        })
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
            self.events.push_back(AgentEvent::PeerReflexive(Candidate {
                foundation: "prflx".into(),
                component: 1,
                protocol: Protocol::Udp,
                priority: candidate.prio(),
                address,
                kind: CandidateType::PeerReflexive,
                related: Some(address),
                tcptype: None,
            }));
        }
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
