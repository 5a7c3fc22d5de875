//! One ICE agent: credentials, checks, the selected path.

use super::copies::Copies;
use super::local::local_preference;
use super::nominations::Nominations;
use super::path::{Origin, Path, Way};
use super::remembered::Remembered;
use super::stun;
use crate::media::types::*;
use is::stun::{StunMessage, StunPacket};
use is::{CandidateKind, IceAgent, IceAgentEvent, IceConnectionState, IceCreds};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
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
/// Checks of ours whose answers tell where they were sent: what [`PACE`] lets out in 1.6 s.
const MAX_ASKED: usize = 32;
/// Addresses of ours that a peer may tell us to be seen at: a NAT before us may show another one to each address of the
/// peer's; and a hostile peer can think of any number, each of which the crate remembers.
const MAX_MAPPED: usize = MAX_REMOTE_ADDRESSES;
/// Of a peer-reflexive candidate that comes back (RFC 8445 §5.1.2.2).
const REFLEXIVE_PRIORITY: u32 = 110 << 24 | 0xFFFF << 8 | 0xFF;

/// TCP connections of one peer at a time.
const MAX_CONNECTIONS: usize = 8;
/// Candidates of one peer that we open connections to: it could name any victim.
const MAX_CONNECTS: usize = 4;
/// What the crate takes for the protocol of connections that we opened.
const OPENED: is::Protocol = is::Protocol::SslTcp;

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
    PeerReflexive(Candidate),
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

/// By what the crate knows an address of the peer.
type Place = (Protocol, SocketAddr);

/// What is known about an address of the peer.
struct Remote {
    at: Origin,
    /// An authentic message came from there.
    seen: bool,
    /// The last answer to a check that was sent there.
    answered: Option<Instant>,
    /// Checks that may still be sent while none was answered.
    checks: usize,
    /// Those of them that an authentic request from there allows, whatever others have sent to its host.
    invited: usize,
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
            settled: false,
            turn: None,
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

    /// Our addresses as they are now, best first, and what a relay has for us. A full agent checks from new ones by itself;
    /// what went through one that is no more goes on when a path from another one is proven.
    pub fn set_addresses(&mut self, udp: &[SocketAddr], tcp: &[SocketAddr], relayed: Option<SocketAddr>) {
        self.addresses = udp.to_vec();
        self.tcp = tcp.to_vec();
        self.relayed = relayed;
        let order: Vec<IpAddr> = udp.iter().map(SocketAddr::ip).collect();
        self.inner.set_local_preference(move |candidate: &is::Candidate, _: usize| {
            let ip = candidate.addr().ip();
            local_preference(order.iter().position(|known| *known == ip).unwrap_or(order.len()))
        });
        let present: Vec<is::Candidate> = self.inner.local_candidates().collect();
        let udp = udp.iter().map(|address| (is::Protocol::Udp, *address));
        let tcp = tcp.iter().map(|address| (is::Protocol::Tcp, *address));
        let relayed = relayed.map(|address| (is::Protocol::Udp, address));
        for (protocol, address) in udp.chain(tcp).chain(relayed) {
            if !present.iter().any(|c| (c.proto(), c.addr()) == (protocol, address)) {
                self.add_local(address, protocol);
            }
        }
        for gone in &present {
            let stays = match gone.proto() {
                is::Protocol::Udp => {
                    self.addresses.contains(&gone.addr()) || self.relayed == Some(gone.addr())
                }
                is::Protocol::Tcp => self.tcp.contains(&gone.addr()),
                _ => self.connections.iter().any(|path| path.local == gone.addr()),
            };
            if !stays {
                self.inner.invalidate_candidate(gone);
            }
        }
    }

    fn add_local(&mut self, address: SocketAddr, protocol: is::Protocol) {
        let candidate = match self.relayed {
            Some(relayed) if relayed == address => is::Candidate::relayed(address, address, protocol),
            _ => is::Candidate::host(address, protocol),
        };
        match candidate {
            Ok(candidate) => drop(self.inner.add_local_candidate(candidate)),
            Err(error) => tracing::warn!("{address} cannot be used for ICE: {error}"),
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
        self.settled &= self.inner.ice_lite();
        if self.started {
            self.set_state(IceState::Connecting);
        }
    }

    /// A remote candidate; kept until [`Agent::start`]. Priority 0 means "do not use".
    pub fn add_remote(&mut self, candidate: Candidate) {
        if candidate.priority == 0 || self.told >= MAX_REMOTE_CANDIDATES {
            return;
        }
        self.told += 1;
        if self.started { self.add(candidate) } else { self.waiting.push(candidate) }
    }

    #[cfg(test)]
    pub(super) fn local_candidates(&self) -> usize {
        self.inner.local_candidates().count()
    }

    #[cfg(test)]
    pub fn told(&self) -> usize {
        self.told
    }

    fn add(&mut self, candidate: Candidate) {
        match candidate.protocol {
            Protocol::Udp => self.add_to_crate(candidate, is::Protocol::Udp),
            Protocol::Tcp => self.connect_to(candidate),
        }
    }

    /// RFC 6544 §6: one that is active, or whose address nobody could be at, comes by itself.
    fn connect_to(&mut self, candidate: Candidate) {
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
            self.turn = None;
            self.handle_timeout(now);
        }
    }

    fn add_to_crate(&mut self, candidate: Candidate, protocol: is::Protocol) {
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
            let remote = self.remote(from);
            remote.checks = (remote.checks + 1).min(MAX_CHECKS);
            remote.invited = (remote.invited + 1).min(MAX_CHECKS);
        }
        if is_answer && self.asked.belongs_to(id, from) == Some(true) {
            self.remote(from).answered = Some(now);
        }
        if is_answer {
            self.asked.end(id);
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
        // The answer to a nomination is a check of our own; no need to wait for the next tick.
        self.handle_timeout(now);
        true
    }

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
    fn note_nomination(&mut self, path: Path) {
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

    pub fn is_lite(&self) -> bool {
        self.inner.ice_lite()
    }

    fn is_ours(&self, at: SocketAddr) -> bool {
        let of_connection = || self.connections.iter().any(|path| path.local == at);
        let is_known = self.addresses.contains(&at) || self.tcp.contains(&at) || self.relayed == Some(at);
        is_known || of_connection() || self.mapped.contains(&at)
    }

    /// The crate has made a candidate of it, to know it again. It is no address to send from: pairs are made without it.
    fn note_mapped(&mut self, at: SocketAddr) {
        self.mapped.push(at);
        let found = self
            .inner
            .local_candidates()
            .find(|c| c.addr() == at && c.kind() == CandidateKind::PeerReflexive);
        if let Some(found) = found {
            self.inner.invalidate_candidate(&found);
        }
    }

    fn remote(&mut self, at: Origin) -> &mut Remote {
        let index = self.remotes.iter().position(|r| r.at == at).unwrap_or_else(|| {
            self.remotes.push_back(Remote {
                at,
                seen: false,
                answered: None,
                checks: MAX_CHECKS,
                invited: 0,
            });
            self.remotes.len() - 1
        });
        &mut self.remotes[index]
    }

    /// Before an authentic message from a new address, which the crate takes without counting: candidates that nobody was
    /// seen at make room first, then the oldest addresses.
    fn make_room(&mut self, path: Path) {
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
            let place = match (unseen, oldest) {
                (Some(unseen), _) if seen < MAX_REMOTE_ADDRESSES => place(unseen),
                (_, Some(oldest)) => place_of(oldest.at),
                _ => break,
            };
            known.retain(|c| self::place(c) != place);
            self.forget(place);
            seen = self.remotes.iter().filter(|r| r.seen).count();
        }
        if self.made_room.contains(&place_of(newcomer)) {
            self.made_room.retain(|place| *place != place_of(newcomer));
            self.add_to_crate(peer_reflexive(newcomer, REFLEXIVE_PRIORITY), protocol);
        }
    }

    /// Nothing more is expected from there; what comes all the same is new.
    fn forget(&mut self, gone: Place) {
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

    pub fn handle_timeout(&mut self, now: Instant) {
        let early = self.turn.is_some_and(|turn| now.saturating_duration_since(turn) < PACE);
        if !early {
            self.turn = Some(now);
            self.inner.handle_timeout(now);
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
    }

    /// Whether the crate's choice is ours: the first path, and a move that is proven, or away from a path that is no more.
    /// A lite agent's crate chooses by requests alone.
    fn may_follow(&self, now: Instant, path: Path) -> bool {
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
    fn is_detour(&self, now: Instant, path: Path) -> bool {
        let direct = self.selected.filter(|known| known.way != Way::Relay && self.is_there(*known));
        path.way == Way::Relay && direct.is_some_and(|known| self.is_fresh(now, known.origin()))
    }

    /// A check that was sent there was answered from there, not long ago.
    fn is_fresh(&self, now: Instant, at: Origin) -> bool {
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

    /// The path from one to the other; `None`: there is no way, or none any more.
    fn path_between(&self, protocol: is::Protocol, local: SocketAddr, remote: SocketAddr) -> Option<Path> {
        match protocol {
            is::Protocol::Udp if Some(local) == self.relayed => Some(Path::relayed(local, remote)),
            is::Protocol::Udp => Some(Path::udp(local, remote)),
            _ => self.connections.iter().find(|p| (p.local, p.remote) == (local, remote)).copied(),
        }
    }

    /// Our end of the path still is.
    fn is_there(&self, path: Path) -> bool {
        match path.way {
            Way::Udp => self.addresses.contains(&path.local),
            Way::Tcp(_) => self.connections.contains(&path),
            Way::Relay => self.relayed == Some(path.local),
        }
    }

    /// By what the crate knows the candidates at the ends of a path.
    fn protocol_of(&self, path: Path) -> is::Protocol {
        match path.way {
            Way::Udp | Way::Relay => is::Protocol::Udp,
            Way::Tcp(_) if self.tcp.contains(&path.local) => is::Protocol::Tcp,
            Way::Tcp(_) => OPENED,
        }
    }

    /// One that is not sent to makes room for another one.
    fn note_connection(&mut self, path: Path) {
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

    fn report_peer_reflexive(&mut self, from: Origin) {
        let found = self
            .inner
            .remote_candidates()
            .find(|c| is_at(c, from) && c.kind() == CandidateKind::PeerReflexive);
        if let Some(candidate) = found {
            self.events.push_back(AgentEvent::PeerReflexive(peer_reflexive(from, candidate.prio())));
        }
    }
}

fn peer_reflexive(from: Origin, priority: u32) -> Candidate {
    Candidate {
        foundation: "prflx".into(),
        component: 1,
        protocol: from.way.protocol(),
        priority,
        address: from.at,
        kind: CandidateType::PeerReflexive,
        related: Some(from.at),
        tcptype: None,
    }
}

fn place_of(origin: Origin) -> Place {
    (origin.way.protocol(), origin.at)
}

fn place(candidate: &is::Candidate) -> Place {
    let protocol = match candidate.proto() {
        is::Protocol::Udp => Protocol::Udp,
        _ => Protocol::Tcp,
    };
    (protocol, candidate.addr())
}

fn is_at(candidate: &is::Candidate, origin: Origin) -> bool {
    place(candidate) == place_of(origin)
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
