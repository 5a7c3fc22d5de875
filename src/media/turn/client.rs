//! One allocation on a relay: made, kept alive, and made anew when it is lost.

use super::Server;
use super::frame::Frame;
use super::message::{Key, Method, Request, TransactionId, data_indication};
use super::peers::{Peers, Wish};
use crate::util::random;
use is::stun::{Class, StunMessage};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Between two sends of one request: this long at first, twice as long each time, up to [`LONGEST_PAUSE`]
/// (RFC 8489 §6.2.1, which doubles further, until 32 s).
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Sends of one request. Without an answer it is given up 11.5 s after the first.
const SENDS: u32 = 7;
/// The same over a stream, where it is sent once.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests whose answers are waited for. What there is no room for is asked for again when more is sent.
const MAX_TRANSACTIONS: usize = 64;
/// Until an allocation is asked for again that was refused, or had no answer: at first, then twice as long each time.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// Nothing came from the relay though something was sent through it: after this long it is asked whether the allocation is
/// still there. A relay that was started again answers nothing else.
const SILENCE: Duration = Duration::from_secs(2);
/// An allocation that nobody uses: so often, so that a NAT on the way to the relay does not forget us.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// How often a server may ask for other credentials in place of an answer: once for a realm and a nonce, once because the nonce
/// got old meanwhile, and once more.
const MAX_CHALLENGES: u32 = 3;
/// Asked for; RFC 8656 §7.2 gives this one anyway.
const LIFETIME: u32 = 600;

const UNAUTHORIZED: u16 = 401;
const ALLOCATION_MISMATCH: u16 = 437;
const STALE_NONCE: u16 = 438;
const ADDRESS_FAMILY_NOT_SUPPORTED: u16 = 440;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// What peers send to `relayed` comes to us. `mapped`: what the relay sees us as.
    Allocated { relayed: SocketAddr, mapped: SocketAddr },
    /// It is no more. A new one is being asked for.
    Lost,
    /// There is none; another try will come. The code of an error response, unless there was no answer at all.
    Refused(Option<u16>),
}

/// What came from the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwrapped {
    /// A peer's datagram, at this place in what was given.
    Data(SocketAddr, Range<usize>),
    /// For the client itself.
    Taken,
    /// Nothing of this: of a STUN server on the same port, perhaps.
    Other,
}

#[expect(clippy::large_enum_variant, reason = "one per relay, and each packet looks into it")]
enum State {
    Waiting {
        until: Instant,
    },
    Asking,
    Allocated(Allocation),
    /// Given back, or given up.
    Ended,
}

struct Allocation {
    relayed: SocketAddr,
    peers: Peers,
    /// The server ends it then.
    ends: Instant,
    lifetime: Duration,
    /// When it was last asked for.
    asked: Instant,
    heard: Instant,
    /// The first thing that was sent through it since.
    sent: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Allocate,
    Refresh,
    Release,
    Peer(Wish),
}

struct Transaction {
    id: TransactionId,
    purpose: Purpose,
    /// Kept to be sent again; empty over a stream.
    message: Vec<u8>,
    sends: u32,
    pause: Duration,
    due: Instant,
    /// It was signed, with this nonce.
    nonce: Option<String>,
    /// How often the server has asked for other credentials instead of answering it.
    challenges: u32,
}

/// What the server has told us to sign with.
struct Realm {
    name: String,
    nonce: String,
    key: Key,
}

pub struct Client {
    server: Server,
    /// To be used from the next allocation on.
    next: Option<Server>,
    state: State,
    /// The server has no IPv4 to relay from.
    of_ipv6: bool,
    realm: Option<Realm>,
    transactions: Vec<Transaction>,
    /// How often in a row there was no allocation.
    failures: u32,
    transmits: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

impl Client {
    pub fn new(server: Server, now: Instant) -> Client {
        Client {
            server,
            next: None,
            state: State::Waiting { until: now },
            of_ipv6: false,
            realm: None,
            transactions: Vec::new(),
            failures: 0,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Other credentials for the same server: for the next allocation. The one that there is belongs to the user of before
    /// (RFC 8656 §5).
    pub fn set_credentials(&mut self, server: Server) {
        self.next = (server != self.server).then_some(server);
    }

    /// The relayed address, while there is one.
    pub fn relayed(&self) -> Option<SocketAddr> {
        match &self.state {
            State::Allocated(allocation) => Some(allocation.relayed),
            _ => None,
        }
    }

    /// Channels that are bound, and permissions besides.
    pub fn count(&self) -> (usize, usize) {
        match &self.state {
            State::Allocated(allocation) => allocation.peers.count(),
            _ => (0, 0),
        }
    }

    /// Something is sent to this peer: what has to stand in front of it. `None`: there is no allocation.
    pub fn reach(&mut self, now: Instant, peer: SocketAddr) -> Option<Frame> {
        let State::Allocated(allocation) = &mut self.state else { return None };
        let (frame, wish) = allocation.peers.reach(now, peer);
        allocation.sent.get_or_insert(now);
        if let Some(wish) = wish {
            self.ask(now, Purpose::Peer(wish), 0);
        }
        Some(frame)
    }

    /// Something authentic came from this peer: it gets a channel.
    pub fn bind(&mut self, now: Instant, peer: SocketAddr) {
        if let State::Allocated(allocation) = &mut self.state
            && let Some(wish) = allocation.peers.bind(now, peer)
        {
            self.ask(now, Purpose::Peer(wish), 0);
        }
    }

    pub fn has_channel(&self, peer: &SocketAddr) -> bool {
        matches!(&self.state, State::Allocated(allocation) if allocation.peers.has_channel(peer))
    }

    /// Takes what came from the server: one datagram, or one message of a stream.
    pub fn take(&mut self, now: Instant, message: &[u8]) -> Unwrapped {
        let State::Allocated(allocation) = &mut self.state else { return self.handle(now, message) };
        match message.first() {
            Some(0x40..=0x4F) => {
                let Some([n0, n1, l0, l1]) = message.first_chunk() else { return Unwrapped::Taken };
                let length = usize::from(u16::from_be_bytes([*l0, *l1]));
                let peer = allocation.peers.on_channel(u16::from_be_bytes([*n0, *n1]));
                match peer.filter(|_| message.len() >= 4 + length) {
                    Some(peer) => {
                        (allocation.heard, allocation.sent) = (now, None);
                        Unwrapped::Data(peer, 4..4 + length)
                    }
                    None => Unwrapped::Taken,
                }
            }
            Some(0..=3) => match data_indication(message) {
                Some((peer, range)) => {
                    (allocation.heard, allocation.sent) = (now, None);
                    Unwrapped::Data(peer, range)
                }
                None => self.handle(now, message),
            },
            _ => Unwrapped::Other,
        }
    }

    fn handle(&mut self, now: Instant, message: &[u8]) -> Unwrapped {
        let id = message.get(8..20).and_then(|id| TransactionId::try_from(id).ok());
        let Some(at) = self.transactions.iter().position(|t| Some(t.id) == id) else {
            return Unwrapped::Other;
        };
        let Ok(response) = StunMessage::parse(message) else { return Unwrapped::Taken };
        match response.class() {
            Class::Success => {
                let signed = self.transactions[at].nonce.is_some();
                let verified = self.realm.as_ref().is_some_and(|realm| realm.key.verifies(&response));
                // Forged: the right one may still come.
                if signed && !verified {
                    return Unwrapped::Taken;
                }
                let transaction = self.transactions.swap_remove(at);
                self.succeeded(now, transaction.purpose, &response);
            }
            Class::Failure => {
                let transaction = self.transactions.swap_remove(at);
                let code = response.error_code().map_or(0, |(code, _)| code);
                self.failed(now, transaction, code, &response);
            }
            _ => return Unwrapped::Other,
        }
        if let State::Allocated(allocation) = &mut self.state {
            (allocation.heard, allocation.sent) = (now, None);
        }
        Unwrapped::Taken
    }

    fn succeeded(&mut self, now: Instant, purpose: Purpose, response: &StunMessage<'_>) {
        let seconds = response.lifetime().unwrap_or(LIFETIME);
        let lifetime = Duration::from_secs(seconds.clamp(1, 24 * 3600).into());
        match (purpose, &mut self.state) {
            (Purpose::Allocate, State::Asking) => {
                let addresses = response.xor_relayed_address().zip(response.mapped_address());
                let Some((relayed, mapped)) = addresses.filter(|_| seconds > 0) else {
                    return self.none(now, None);
                };
                self.failures = 0;
                self.state = State::Allocated(Allocation {
                    relayed,
                    peers: Peers::default(),
                    ends: now + lifetime,
                    lifetime,
                    asked: now,
                    heard: now,
                    sent: None,
                });
                self.events.push_back(Event::Allocated { relayed, mapped });
            }
            (Purpose::Refresh, State::Allocated(_)) if seconds == 0 => self.lose(now),
            (Purpose::Refresh, State::Allocated(allocation)) => {
                (allocation.ends, allocation.lifetime) = (now + lifetime, lifetime);
            }
            (Purpose::Peer(wish), State::Allocated(allocation)) => {
                allocation.peers.answered(now, wish, true);
            }
            _ => {}
        }
    }

    fn failed(&mut self, now: Instant, transaction: Transaction, code: u16, response: &StunMessage<'_>) {
        let purpose = transaction.purpose;
        if matches!(code, UNAUTHORIZED | STALE_NONCE)
            && let Some(nonce) = response.nonce()
            // Signed with this very nonce, and still not right: the password is wrong.
            && transaction.nonce.as_deref() != Some(nonce)
            && transaction.challenges < MAX_CHALLENGES
            && self.learn(response.realm(), nonce)
        {
            return self.ask(now, purpose, transaction.challenges + 1);
        }
        match (purpose, &mut self.state) {
            (Purpose::Allocate, State::Asking) if code == ADDRESS_FAMILY_NOT_SUPPORTED && !self.of_ipv6 => {
                self.of_ipv6 = true;
                self.ask(now, Purpose::Allocate, transaction.challenges);
            }
            (Purpose::Allocate, State::Asking) => self.none(now, Some(code)),
            // 437: the server knows nothing of it. Anything else about the allocation itself leads nowhere, either.
            (Purpose::Refresh, State::Allocated(_)) => self.lose(now),
            (Purpose::Peer(_), State::Allocated(_)) if code == ALLOCATION_MISMATCH => self.lose(now),
            (Purpose::Peer(wish), State::Allocated(allocation)) => {
                tracing::debug!("the relay {:?} refuses {wish:?}: {code}", self.server);
                allocation.peers.answered(now, wish, false);
            }
            _ => {}
        }
    }

    /// What to sign with from now on; false when that cannot be.
    fn learn(&mut self, realm: Option<&str>, nonce: &str) -> bool {
        let known = self.realm.as_ref().map(|known| known.name.as_str());
        let Some(name) = realm.or(known).map(str::to_owned) else { return false };
        let Some(key) = Key::new(&self.server.username, &name, &self.server.password) else {
            tracing::error!("no MD5 in this system's OpenSSL: TURN cannot be used");
            return false;
        };
        self.realm = Some(Realm { name, nonce: nonce.to_owned(), key });
        true
    }

    /// There is no allocation.
    fn none(&mut self, now: Instant, code: Option<u16>) {
        let delay = FIRST_DELAY.saturating_mul(1 << self.failures.min(5)).min(LONGEST_DELAY);
        self.failures += 1;
        self.transactions.clear();
        self.realm = None;
        self.of_ipv6 = false;
        self.state = State::Waiting { until: now + delay };
        self.events.push_back(Event::Refused(code));
    }

    /// There was one.
    fn lose(&mut self, now: Instant) {
        self.transactions.clear();
        self.state = State::Waiting { until: now };
        self.events.push_back(Event::Lost);
        self.handle_timeout(now);
    }

    /// The way to the server has ended, with whatever was under way; there is a new one, or will be.
    pub fn interrupted(&mut self, now: Instant) {
        self.transmits.clear();
        match self.state {
            State::Allocated(_) => {
                self.transactions.clear();
                self.state = State::Waiting { until: now };
                self.events.push_back(Event::Lost);
            }
            State::Asking => self.none(now, None),
            State::Waiting { .. } | State::Ended => {}
        }
    }

    /// Gives the allocation back.
    pub fn end(&mut self, now: Instant) {
        if matches!(self.state, State::Allocated(_)) {
            self.ask(now, Purpose::Release, 0);
        }
        self.transactions.clear();
        self.state = State::Ended;
    }

    fn is_asking(&self, purpose: Purpose) -> bool {
        self.transactions.iter().any(|transaction| transaction.purpose == purpose)
    }

    fn ask(&mut self, now: Instant, purpose: Purpose, challenges: u32) {
        if self.transactions.len() >= MAX_TRANSACTIONS {
            return;
        }
        let mut id = [0; 12];
        random::fill(&mut id);
        let request = match purpose {
            Purpose::Allocate => {
                let request = Request::new(Method::Allocate, &id).for_udp().lifetime(LIFETIME);
                if self.of_ipv6 { request.of_ipv6() } else { request }
            }
            Purpose::Refresh => Request::new(Method::Refresh, &id).lifetime(LIFETIME),
            Purpose::Release => Request::new(Method::Refresh, &id).lifetime(0),
            Purpose::Peer(Wish::Permission(peer)) => Request::new(Method::CreatePermission, &id).peer(peer),
            Purpose::Peer(Wish::Channel(number, peer)) => {
                Request::new(Method::ChannelBind, &id).channel(number).peer(peer)
            }
        };
        let nonce = self.realm.as_ref().map(|realm| realm.nonce.clone());
        let message = match &self.realm {
            Some(realm) => request.signed(&self.server.username, &realm.name, &realm.nonce, &realm.key),
            None => request.plain(),
        };
        let reliable = self.server.transport.is_reliable();
        self.transmits.push_back(message.clone());
        self.transactions.push(Transaction {
            id,
            purpose,
            message: if reliable { Vec::new() } else { message },
            sends: if reliable { SENDS } else { 1 },
            pause: FIRST_PAUSE,
            due: now + if reliable { PATIENCE } else { FIRST_PAUSE },
            nonce,
            challenges,
        });
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match &mut self.state {
            State::Waiting { until } if *until <= now => {
                self.state = State::Asking;
                if let Some(next) = self.next.take() {
                    (self.server, self.realm) = (next, None);
                }
                self.ask(now, Purpose::Allocate, 0);
            }
            State::Allocated(allocation) if allocation.ends <= now => self.lose(now),
            State::Allocated(allocation) if allocation.due() <= now => {
                // Asked for, or about to be: not again before.
                allocation.asked = now;
                if !self.is_asking(Purpose::Refresh) {
                    self.ask(now, Purpose::Refresh, 0);
                }
            }
            _ => {}
        }
        let mut at = 0;
        while let Some(transaction) = self.transactions.get_mut(at) {
            if transaction.due > now {
                at += 1;
            } else if transaction.sends < SENDS {
                transaction.sends += 1;
                transaction.pause = (transaction.pause * 2).min(LONGEST_PAUSE);
                transaction.due = now + transaction.pause;
                self.transmits.push_back(transaction.message.clone());
                at += 1;
            } else {
                let transaction = self.transactions.swap_remove(at);
                match (transaction.purpose, &self.state) {
                    (Purpose::Allocate, State::Asking) => return self.none(now, None),
                    (Purpose::Refresh, State::Allocated(_)) => return self.lose(now),
                    _ => {}
                }
            }
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let of_state = match &self.state {
            State::Waiting { until } => Some(*until),
            State::Allocated(allocation) => Some(allocation.due().min(allocation.ends)),
            State::Asking | State::Ended => None,
        };
        let of_transactions = self.transactions.iter().map(|transaction| transaction.due).min();
        of_state.into_iter().chain(of_transactions).min()
    }

    /// For the server.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmits.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}

impl Allocation {
    /// When the server is to be asked whether it is still there.
    fn due(&self) -> Instant {
        let usual = self.asked.max(self.heard) + KEEPALIVE.min(self.lifetime / 2);
        let renewal = (self.ends - self.lifetime / 2).max(self.asked + SILENCE);
        let silent = self.sent.map(|sent| (sent + SILENCE).max(self.asked + SILENCE));
        silent.into_iter().fold(usual.min(renewal), Instant::min)
    }
}
