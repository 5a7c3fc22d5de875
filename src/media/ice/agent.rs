//! One ICE agent, from its start to its restarts. Its addresses are in [`ours`] and [`connections`], the peer's in [`places`], the
//! messages in [`checks`], the path in [`choice`].
#![forbid(unsafe_code)]

mod checks;
mod choice;
mod connections;
mod ours;
mod places;

use super::copies::Copies;
use super::limits::*;
use super::nominations::Nominations;
use super::path::{Origin, Path, Way};
use super::remembered::Remembered;
use super::remote::{Place, Remote, candidate_type, creds, is_at};
use crate::media::types::*;
use is::IceAgent;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

/// What an agent starts from.
pub struct AgentConfig {
    pub credentials: IceCredentials,
    pub role: IceRole,
    pub lite: bool,
    /// Fail when the peer stops answering after the connection was made (RFC 7675); otherwise the path is kept.
    pub consent_freshness: bool,
    /// Real addresses of our sockets, best first.
    pub addresses: Vec<SocketAddr>,
    /// The same of those that take TCP connections; empty: no TCP.
    pub tcp: Vec<SocketAddr>,
    /// What a relay has for us.
    pub relayed: Option<SocketAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    State(IceState),
    /// An authenticated STUN message came from this address; told again with each request.
    Reachable(Origin),
    /// Nothing more is expected from there.
    Forgotten(Origin),
    /// A TCP connection to there is wanted; [`Agent::opened`] or [`Agent::lost`] follows.
    Connect(SocketAddr),
    /// A remote candidate that the peer did not tell, found by a check (RFC 8445 §7.3.1.3).
    PeerReflexive(Box<Candidate>),
    /// The path to send on; again whenever it changes.
    Selected(Path),
}

/// A STUN message to send.
pub struct StunOut {
    pub path: Path,
    pub message: Vec<u8>,
    /// A check for a place that never answered one, beyond those that the peer asked for by requests from there; if it is
    /// not sent, [`Agent::not_sent`] has to know.
    pub uninvited: bool,
}

pub struct Agent {
    inner: IceAgent,
    consent_freshness: bool,
    state: IceState,
    selected: Option<Path>,
    /// Nominated by the peer, and not followed yet: a full agent waits for the answer to a check of its own, a lite one only until
    /// the crate knows the address.
    nominated: Option<Path>,
    /// Of a lite agent: what authentic media ([`Agent::heard`]) has to prove. Until it has settled it follows each all the same.
    nominations: Nominations,
    /// Where the peer's last new request came from. A NAT that forgets a mapping moves a peer that knows nothing of it, so it
    /// nominates nothing.
    checked_from: Option<Path>,
    /// There is a path that the peer has proven to be at: since the last restart for a full agent, ever for a lite one. From
    /// now on a nomination is a move, which has to be proven, too.
    settled: bool,
    /// Ours, best first.
    addresses: Vec<SocketAddr>,
    /// The same for TCP.
    tcp: Vec<SocketAddr>,
    relayed: Option<SocketAddr>,
    /// TCP connections that we opened, or authentic messages came through.
    connections: Vec<Path>,
    /// Remote candidates that we open connections to.
    passive: Vec<Candidate>,
    /// When the last check was made; the crate makes at most one in each of its turns.
    checked: Option<Instant>,
    /// A check was answered since.
    answered: bool,
    /// Since it was early for another one, the crate has not had its turn.
    put_off: bool,
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
    made_room: Vec<Place>,
    /// Authentic requests of the peer, and where they came from.
    transactions: Remembered,
    /// The same of those before them.
    copies: Copies,
    /// Our latest checks, and where they went.
    asked: Remembered,
    /// Where the peer has seen us, apart from our own addresses; ever.
    mapped: Vec<SocketAddr>,
    /// Addresses that the last restart left, because media still comes from there.
    kept: Vec<Origin>,
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
            tcp: Vec::new(),
            relayed: None,
            connections: Vec::new(),
            passive: Vec::new(),
            consent_freshness: config.consent_freshness,
            state: IceState::Disconnected,
            selected: None,
            nominated: None,
            nominations: Nominations::default(),
            checked_from: None,
            settled: false,
            checked: None,
            answered: false,
            put_off: false,
            told: 0,
            waiting: Vec::new(),
            started: false,
            remotes: VecDeque::new(),
            addresses_ever: 0,
            made_room: Vec::new(),
            transactions: Remembered::new(MAX_TRANSACTIONS),
            copies: Copies::new(),
            asked: Remembered::new(MAX_ASKED),
            mapped: Vec::new(),
            kept: Vec::new(),
            events: VecDeque::new(),
        };
        agent.set_addresses(&config.addresses, &config.tcp, config.relayed);
        agent
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
        // Media comes from the path's address until there is another one; a lite agent's next one is told by media.
        let of_media = self.nominations.iter();
        let keep: Vec<Origin> = self.selected.iter().chain(of_media).map(|path| path.origin()).collect();
        // Few connections may be open, and each ends by itself.
        let known = self.remotes.drain(..).map(|remote| remote.at).chain(self.kept.drain(..));
        let gone = known.filter(|at| !matches!(at.way, Way::Tcp(_)) && !keep.contains(at));
        self.events.extend(gone.map(AgentEvent::Forgotten));
        self.kept = keep;
        self.addresses_ever = 0;
        self.made_room.clear();
        self.asked.clear();
        self.waiting.clear();
        self.passive.clear();
        self.told = 0;
        self.nominated = None;
        self.nominations.clear();
        self.checked_from = None;
        self.settled &= self.inner.ice_lite();
        if self.started {
            self.set_state(IceState::Connecting);
        }
    }

    /// The peer, which authenticated that, has left the path for another one that we may know of already: the next nomination is
    /// followed as a first one is.
    pub fn let_go(&mut self) {
        let left = self.selected.take();
        self.settled = false;
        self.nominated =
            self.nominations.iter().copied().filter(|path| Some(*path) != left).last().or(self.nominated);
        self.nominations.clear();
        if self.started {
            self.set_state(IceState::Connecting);
        }
    }

    #[cfg(test)]
    pub(super) fn local_candidates(&self) -> usize {
        self.inner.local_candidates().count()
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

    pub fn is_lite(&self) -> bool {
        self.inner.ice_lite()
    }

    pub fn poll_event(&mut self) -> Option<AgentEvent> {
        self.events.pop_front()
    }

    /// The two ends of a path, with the types that ICE knows them by.
    pub fn describe(&self, path: Path) -> (PairEnd, PairEnd) {
        let end = |address, kind| PairEnd { address, kind, protocol: path.way.protocol() };
        let local = if path.way == Way::Relay { CandidateType::Relayed } else { CandidateType::Host };
        let kind = self
            .inner
            .remote_candidates()
            .find(|c| is_at(c, path.origin()))
            .map_or(CandidateType::PeerReflexive, |c| candidate_type(c.kind()));
        (end(path.local, local), end(path.remote, kind))
    }
}
