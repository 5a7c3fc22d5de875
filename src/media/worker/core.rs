//! Everything a worker owns, and the way of a datagram to its PeerConnection.
//!
//! A core lives in the [station](super::station) of its worker's thread. It is borrowed for one step at a time and never
//! while a [`PeerSink`] is called, so that a plugin may send to any PeerConnection from inside its callback.
#![forbid(unsafe_code)]

use super::call::Call;
use super::deferral::Deferral;
use super::due::Due;
use super::handle::{NewPeer, PeerShared, Seen, WorkerHandle};
use super::owners::{Found, Owners};
use super::pending::Pending;
use super::relay::Relay;
use super::ring::Reader;
use super::send::Transmitter;
use super::socket::Socket;
use super::tcp::TcpConnections;
use crate::media::address::Addressee;
use crate::media::batch::{Batch, Cursor};
use crate::media::clock::Clock;
use crate::media::ice::reflexive::Reflexive;
use crate::media::ice::{Origin, Path, stun};
use crate::media::peer::{Connection, Incoming, Note, Output, Room, STEPS, Setup, Shared};
use crate::media::prefetch::prefetch;
use crate::media::streams::store::SharedStore;
use crate::media::types::*;
use crate::util::lock::packet_path;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Below this the batch is sent before a datagram is looked at: one NACK may ask for several hundred packets.
pub(super) const LEAST_ROOM: usize = 640;

/// A PeerConnection and what the worker keeps beside it.
pub(super) struct Seat {
    pub(super) shared: Arc<PeerShared>,
    pub(super) sink: Arc<dyn PeerSink>,
    pub(super) connection: Connection,
    /// When it wants to be woken.
    pub(super) due: Option<Due>,
    /// The entry of `timers` that counts; others of this seat are stale. It may be too early: then the next one is made
    /// when its time has come, because a time that is put off may be put off with each datagram.
    pub(super) queued: Option<Due>,
    pub(super) origins: Vec<Origin>,
    pub(super) ufrag: String,
    /// In `eager`.
    pub(super) waiting: bool,
    /// In `senders`.
    sends: bool,
}

pub struct Core {
    pub handle: Arc<WorkerHandle>,
    /// Of the handle's ring; elsewhere only while it is emptied.
    ring: Option<Reader<WorkerHandle>>,
    pub(super) shared: Arc<Shared>,
    pub clock: Clock,
    pub sockets: Vec<Socket>,
    pub(super) batch: Batch,
    pub(super) transmitter: Transmitter,
    /// What plugins relayed and is not yet written into the batch.
    pub(super) pending: Pending,
    /// Since when packets are pending that may wait.
    pub(super) gathering_since: Option<Instant>,
    /// When what was sent in this turn had come.
    pub(super) sent_since: Option<Instant>,
    /// Workers that were given packets in this turn and do not know yet.
    pub(super) owed: Vec<Arc<WorkerHandle>>,
    pub(super) owed_packets: usize,
    /// Payloads that may be asked for again.
    pub(super) store: SharedStore,
    pub(super) seats: Vec<Option<Box<Seat>>>,
    /// Addresses of ours that count; datagrams to others are dropped.
    bound: Vec<SocketAddr>,
    /// The same for connections; empty without `ice_tcp`.
    pub(super) tcp_bound: Vec<SocketAddr>,
    pub(super) tcp: Option<Box<TcpConnections>>,
    pub(super) free: Vec<u32>,
    pub(super) by_ufrag: HashMap<String, u32>,
    /// Learned from authenticated STUN only.
    pub(super) owners: Owners,
    pub(super) transactions: HashMap<stun::TransactionId, u32>,
    pub(super) transaction_ages: VecDeque<(Instant, stun::TransactionId)>,
    pub(super) timers: BinaryHeap<Reverse<(Due, u32)>>,
    /// Seats that have something to tell their sink.
    pub(super) eager: VecDeque<u32>,
    /// Seats whose data channels have packets, which leave at the end of the turn.
    senders: Vec<u32>,
    /// The seat that is being worked on. Still set afterwards, it names the one that panicked.
    pub(super) busy: Option<u32>,
    /// What the sinks of those are to be told that panicked inside of a plugin's call: there may be several in one call.
    broken: VecDeque<Call>,
    /// A peer has asked for something.
    pub(super) asked: bool,
    pub(super) relay: Relay,
    /// Asks the STUN server, when there is one.
    pub(super) reflexive: Option<Reflexive>,
    /// Taken over from a thread whose callback does not return.
    pub(super) relief: Option<Box<Deferral>>,
}

/// A media packet for a sink, still in the receive buffer.
pub struct Delivery<'a> {
    pub sink: Arc<dyn PeerSink>,
    pub seat: u32,
    pub incoming: Incoming<'a>,
}

/// A core whose ring is being emptied into it; it gets the reader back, also when that panics.
struct Lent<'a> {
    ring: Option<Reader<WorkerHandle>>,
    core: &'a mut Core,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.core.ring = self.ring.take();
    }
}

impl Core {
    pub fn new(handle: Arc<WorkerHandle>, shared: Arc<Shared>, sockets: Vec<Socket>) -> Core {
        let clock = Clock::read();
        let reflexive = shared.config.stun_server.map(|server| Reflexive::new(server, clock.instant));
        Core {
            bound: handle.bound(),
            tcp_bound: handle.tcp_bound(),
            tcp: None,
            ring: Reader::of(handle.clone(), |handle| &handle.ring),
            handle,
            shared,
            clock,
            reflexive,
            relay: Relay::default(),
            sockets,
            batch: Batch::default(),
            transmitter: Transmitter::default(),
            pending: Pending::default(),
            gathering_since: None,
            sent_since: None,
            owed: Vec::new(),
            owed_packets: 0,
            store: SharedStore::default(),
            seats: Vec::new(),
            free: Vec::new(),
            by_ufrag: HashMap::new(),
            owners: Owners::default(),
            transactions: HashMap::new(),
            transaction_ages: VecDeque::new(),
            timers: BinaryHeap::new(),
            eager: VecDeque::new(),
            senders: Vec::new(),
            busy: None,
            broken: VecDeque::new(),
            asked: false,
            relief: None,
        }
    }

    /// Nothing waits in the ring that is worth waking up for, nor was left by a call after the turn's end.
    pub fn is_idle(&self, gathering: bool) -> bool {
        let is_done = self.senders.is_empty() && !self.has_calls();
        is_done
            && self
                .ring
                .as_ref()
                .is_none_or(|ring| if gathering { !ring.is_urgent() } else { ring.is_empty() })
    }

    /// Relays what other threads have put down, `most` packets of it; how many.
    pub fn take_from_ring(&mut self, most: usize) -> usize {
        let mut lent = Lent { ring: self.ring.take(), core: self };
        let Some(ring) = &mut lent.ring else { return 0 };
        ring.begin();
        let mut taken = 0;
        while taken < most {
            // First, because of what a panic has left.
            if let Some((to, cells)) = ring.owed() {
                lent.core.give_back(to, cells);
            }
            if !ring.pop(|to, packet, urgency| lent.core.relay(to, packet, urgency)) {
                break;
            }
            taken += 1;
        }
        if let Some((to, cells)) = ring.owed() {
            lent.core.give_back(to, cells);
        }
        taken
    }

    /// To the share of a PeerConnection, unless it is gone.
    fn give_back(&self, to: Addressee, cells: u32) {
        if let Some(Some(seat)) = self.seats.get(to.seat as usize)
            && seat.shared.id == to.peer
        {
            seat.shared.share.give_back(cells);
        }
    }

    /// The address of ours that a datagram came to.
    pub fn local_address(&self, socket: usize, to: Option<IpAddr>) -> Option<SocketAddr> {
        let socket = &self.sockets[socket];
        let mut own = self.bound.iter().filter(|a| a.is_ipv4() == socket.is_ipv4);
        match to {
            Some(ip) => own.find(|a| a.ip() == ip),
            None => own.next(),
        }
        .copied()
    }

    /// One received datagram, which the kernel got at `arrived`. `Some` when it is a packet for the plugin, which then
    /// lies at the front of `bytes`.
    /// What does not belong to a known PeerConnection costs a look-up and leaves no trace.
    pub fn datagram<'a>(
        &mut self,
        path: Path,
        arrived: Clock,
        bytes: &mut [u8],
        room: &'a mut Room,
    ) -> Option<Delivery<'a>> {
        let from = path.origin();
        match stun::kind(bytes) {
            stun::Kind::Media => match self.owners.get(&from)? {
                Found::Sole(index) => self.media_of(index, from, arrived, bytes, room),
                Found::Several(_) => self.media_of_several(from, arrived, bytes, room),
            },
            stun::Kind::Dtls => {
                match self.owners.get(&from)? {
                    Found::Sole(index) => self.dtls_of(index, from, bytes),
                    Found::Several(_) => self.dtls_of_several(path, bytes),
                }
                None
            }
            stun::Kind::Stun => {
                let index = match stun::owner(bytes)? {
                    stun::Owner::Ufrag(ufrag) => *self.by_ufrag.get(ufrag)?,
                    stun::Owner::Transaction(id) => match self.transactions.remove(&id) {
                        Some(index) => index,
                        None if self.is_reflexive(path, bytes) => return None,
                        None => self.owners.get(&from)?.first(),
                    },
                };
                self.step(index, |connection, clock, batch| connection.stun(clock, path, bytes, batch));
                None
            }
            stun::Kind::Other => None,
        }
    }

    #[inline]
    pub(super) fn media_of<'a>(
        &mut self,
        index: u32,
        from: Origin,
        arrived: Clock,
        bytes: &mut [u8],
        room: &'a mut Room,
    ) -> Option<Delivery<'a>> {
        self.make_room(LEAST_ROOM);
        let seat = self.seats.get_mut(index as usize)?.as_mut()?;
        self.busy = Some(index);
        let incoming = packet_path(|| seat.connection.media(arrived, from, bytes, room, &mut self.batch));
        self.busy = None;
        self.asked |= seat.connection.take_asked();
        let delivery = incoming.map(|incoming| Delivery { sink: seat.sink.clone(), seat: index, incoming });
        if delivery.is_none() {
            self.after_media(index);
        }
        delivery
    }

    pub(super) fn dtls_of(&mut self, index: u32, from: Origin, bytes: &[u8]) {
        self.step(index, |connection, clock, batch| connection.dtls(clock, from, bytes, batch));
    }

    pub(super) fn connection(&self, index: u32) -> Option<&Connection> {
        Some(&self.seats.get(index as usize)?.as_ref()?.connection)
    }

    /// RTCP from there comes soon.
    pub fn fetch_ahead(&self, from: Origin, datagrams_to_go: usize) {
        let seat = self.owners.get(&from).and_then(|f| self.seats.get(f.first() as usize)?.as_deref());
        if let Some(seat) = seat {
            seat.connection.fetch_ahead_for_rtcp(datagrams_to_go);
            match datagrams_to_go {
                STEPS => prefetch(&seat.sink),
                2 => prefetch(&*seat.sink),
                _ => seat.sink.prefetch(),
            }
        }
    }

    /// Whether a peer has asked for lost packets or a key frame since this was called.
    pub fn take_asked(&mut self) -> bool {
        std::mem::take(&mut self.asked)
    }

    /// After the sink was given a media packet.
    pub fn after_media(&mut self, index: u32) {
        let Some(Some(seat)) = self.seats.get_mut(index as usize) else { return };
        seat.connection.take_stream_events();
        let hurries = seat.connection.take_hurries();
        if seat.connection.has_output() && !seat.waiting {
            seat.waiting = true;
            self.eager.push_back(index);
        }
        if hurries {
            self.settle(index);
        }
    }

    pub fn create(&mut self, new: NewPeer) {
        let NewPeer { shared, config, credentials, sink } = new;
        let ufrag = credentials.ufrag.clone();
        let connection = Connection::new(
            Setup {
                config,
                credentials,
                addresses: self.bound.clone(),
                tcp: self.tcp_bound.clone(),
                relayed: self.handle.relayed().map(|relayed| relayed.address),
                candidates: shared.candidates.clone(),
                shared: self.shared.clone(),
                store: self.store.clone(),
                counts: self.handle.counts.clone(),
            },
            self.clock,
        );
        let index = self.free.pop().unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() as u32 - 1
        });
        self.by_ufrag.insert(ufrag.clone(), index);
        shared.placed(index);
        self.pending.seat_taken(index, shared.id);
        self.seats[index as usize] = Some(Box::new(Seat {
            shared,
            sink,
            connection,
            due: None,
            queued: None,
            origins: Vec::new(),
            ufrag,
            waiting: false,
            sends: false,
        }));
        self.step(index, |_, _, _| {});
    }

    pub fn command(&mut self, shared: &PeerShared, command: Command) {
        if let Some(index) = shared.seat() {
            if !is_feedback(&command) {
                self.write_pending(index);
            }
            self.step(index, |connection, clock, batch| connection.command(clock, command, batch));
        }
    }

    /// A message of a plugin that this thread has called. False if it has to wait its turn behind others.
    pub fn relay_data(&mut self, shared: &PeerShared, relay: impl FnOnce(&mut Connection, Clock)) -> bool {
        let Some(index) = shared.seat().filter(|_| self.handle.jobs.is_empty()) else { return false };
        let Some(Some(seat)) = self.seats.get_mut(index as usize) else { return false };
        self.busy = Some(index);
        // Else it would end where the plugin's call does, and nobody would know whose it was.
        let clock = self.clock;
        let outcome = catch_unwind(AssertUnwindSafe(|| relay(&mut seat.connection, clock)));
        if outcome.is_err() {
            let broken = self.take_broken();
            self.broken.extend(broken);
            return true;
        }
        self.busy = None;
        if seat.connection.has_output() || !seat.connection.has_data_to_send() {
            self.settle(index);
        } else if !seat.sends {
            // It is settled when that leaves.
            seat.sends = true;
            self.senders.push(index);
        }
        true
    }

    pub fn snapshot(&self, shared: &PeerShared) -> Option<PeerSnapshot> {
        let seat = self.seats.get(shared.seat()? as usize)?.as_ref()?;
        let (waiting, dropped) = shared.intake.figures();
        Some(PeerSnapshot {
            relay_waiting: waiting,
            relay_dropped: dropped + shared.share.refused(),
            ..seat.connection.snapshot(self.clock)
        })
    }

    pub fn hang_up(&mut self, index: u32, reason: HangupReason) {
        self.write_pending(index);
        self.step(index, |connection, clock, batch| {
            connection.command(clock, Command::Hangup(reason), batch);
        });
    }

    pub fn hang_up_all(&mut self, reason: HangupReason) {
        for index in 0..self.seats.len() as u32 {
            self.hang_up(index, reason);
        }
    }

    /// Takes the answer of the STUN server; false when it is none.
    fn is_reflexive(&mut self, path: Path, message: &[u8]) -> bool {
        let Some(reflexive) = &mut self.reflexive else { return false };
        let Some(seen) = reflexive.handle(path.remote, message, self.clock.instant) else { return false };
        let seen = Seen { base: path.local, from_outside: seen };
        if self.handle.reflexive() != Some(seen) {
            tracing::info!(
                "media worker {}: {} is {} outside",
                self.handle.index,
                seen.base,
                seen.from_outside
            );
            self.handle.set_reflexive(seen);
        }
        true
    }

    pub(super) fn ask_stun_server(&mut self) {
        let Some(reflexive) = &mut self.reflexive else { return };
        let server = reflexive.server;
        let own = self.bound.iter().find(|own| own.is_ipv4() == server.is_ipv4());
        match (own, reflexive.poll(self.clock.instant)) {
            (Some(own), Some(request)) => {
                let path = Path::udp(*own, server);
                self.batch.push_bytes(&mut Cursor::default(), path, &request);
            }
            // There may be one later.
            (None, _) => {}
            (_, None) => {}
        }
    }

    /// The host has other addresses.
    pub fn follow(&mut self, bound: Vec<SocketAddr>) {
        if self.bound == bound {
            return;
        }
        self.bound = bound;
        self.tcp_bound = self.handle.tcp_bound();
        self.tell_addresses();
    }

    /// Tells all PeerConnections where we can be reached.
    pub(super) fn tell_addresses(&mut self) {
        let (udp, tcp) = (self.bound.clone(), self.tcp_bound.clone());
        let [all, relayed_only] = [false, true].map(|only| self.handle.advertised(&self.shared.config, only));
        let relayed = self.handle.relayed().map(|relayed| relayed.address);
        for index in 0..self.seats.len() {
            let Some(Some(seat)) = self.seats.get(index) else { continue };
            let candidates = if seat.shared.relayed_only { &relayed_only } else { &all };
            self.step(index as u32, |connection, clock, batch| {
                connection.follow(clock, (&udp, &tcp, relayed), candidates, batch);
            });
        }
    }

    pub(super) fn bound(&self) -> &[SocketAddr] {
        &self.bound
    }

    /// Next thing to tell a sink. A PeerConnection that says it is closed is gone when this returns.
    pub fn next_call(&mut self) -> Option<Call> {
        if let Some(broken) = self.broken.pop_front() {
            return Some(broken);
        }
        while let Some(index) = self.eager.front().copied() {
            let Some(Some(seat)) = self.seats.get_mut(index as usize) else {
                self.eager.pop_front();
                continue;
            };
            match seat.connection.next_output() {
                Some(output) => {
                    let call = Call { sink: seat.sink.clone(), shared: seat.shared.clone(), output };
                    match &call.output {
                        Output::Connected => seat.shared.set_ready(true),
                        Output::Closed(_) => self.remove(index),
                        _ => {}
                    }
                    return Some(call);
                }
                None => {
                    seat.waiting = false;
                    self.eager.pop_front();
                }
            }
        }
        None
    }

    /// Whether [`Core::next_call`] may have something.
    pub fn has_calls(&self) -> bool {
        !self.eager.is_empty() || !self.broken.is_empty()
    }

    /// Whether [`Core::take_broken`] has one.
    pub fn is_broken(&self) -> bool {
        self.busy.is_some()
    }

    /// After a panic: takes the PeerConnection that was worked on away, without asking it anything.
    pub fn take_broken(&mut self) -> Option<Call> {
        let index = self.busy.take()?;
        // The turn ended before its end: what it left behind shall not wait for the next packet.
        self.gathering_since = Some(self.clock.instant);
        let seat = self.seats.get(index as usize)?.as_ref()?;
        let (sink, shared) = (seat.sink.clone(), seat.shared.clone());
        self.remove(index);
        Some(Call { sink, shared, output: Output::Closed(HangupReason::DtlsSrtpStackError) })
    }

    /// Lets a PeerConnection do something, and takes note of what it wants.
    pub(super) fn step(&mut self, index: u32, act: impl FnOnce(&mut Connection, Clock, &mut Batch)) {
        self.make_room(LEAST_ROOM);
        if let Some(Some(seat)) = self.seats.get_mut(index as usize) {
            self.busy = Some(index);
            act(&mut seat.connection, self.clock, &mut self.batch);
            self.settle(index);
            self.busy = None;
        }
    }

    pub(super) fn settle(&mut self, index: u32) {
        while let Some(Some(seat)) = self.seats.get_mut(index as usize)
            && let Some(note) = seat.connection.next_note()
        {
            match note {
                Note::Reachable(origin) => {
                    if !seat.origins.contains(&origin) {
                        seat.origins.push(origin);
                    }
                    if self.owners.learn(origin, index) {
                        self.hold_flights(origin);
                    }
                    self.owned(origin);
                }
                Note::Forgotten(origin) => {
                    seat.origins.retain(|known| *known != origin);
                    self.owners.forget(&origin, index);
                    self.disowned(origin);
                }
                Note::Connect(to) => self.open_tcp(index, to),
                Note::Check(id) => {
                    self.transactions.insert(id, index);
                    self.transaction_ages.push_back((self.clock.instant, id));
                }
                Note::Ufrag(ufrag) => {
                    self.by_ufrag.remove(&seat.ufrag);
                    self.by_ufrag.insert(ufrag.clone(), index);
                    seat.ufrag = ufrag;
                }
            }
        }
        let Some(Some(seat)) = self.seats.get_mut(index as usize) else { return };
        let is_up = seat.connection.is_up();
        let due = seat.connection.poll_timeout(self.clock.instant).map(|at| Due::new(at, is_up));
        seat.due = due;
        if let Some(due) = due
            && seat.queued.is_none_or(|queued| due < queued)
        {
            seat.queued = Some(due);
            self.timers.push(Reverse((due, index)));
        }
        if seat.connection.has_output() && !seat.waiting {
            seat.waiting = true;
            self.eager.push_back(index);
        }
        if !seat.sends && seat.connection.has_data_to_send() {
            seat.sends = true;
            self.senders.push(index);
        }
    }

    /// At the end of a turn: what data channels have to send.
    pub fn send_data(&mut self) {
        /// Packets of one step, for which there is room.
        const AT_ONCE: usize = LEAST_ROOM / 2;
        while let Some(index) = self.senders.pop() {
            if let Some(Some(seat)) = self.seats.get_mut(index as usize) {
                // Whoever has more comes again.
                seat.sends = false;
                self.step(index, |connection, clock, batch| connection.send_data(clock, AT_ONCE, batch));
            }
        }
    }

    fn remove(&mut self, index: u32) {
        let Some(mut seat) = self.seats[index as usize].take() else { return };
        if let Some(left) = seat.connection.take_left() {
            self.pass_on(left);
        }
        seat.shared.removed();
        self.pending.seat_left(index);
        self.by_ufrag.remove(&seat.ufrag);
        for origin in seat.origins {
            self.owners.forget(&origin, index);
            self.disowned(origin);
        }
        if let Some(tcp) = &mut self.tcp {
            tcp.close_of(index);
        }
        self.transactions.retain(|_, owner| *owner != index);
        self.free.push(index);
        self.handle.load.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says nothing about how packets look that were relayed before.
fn is_feedback(command: &Command) -> bool {
    use Command::*;
    matches!(command, SendPli { .. } | SendRemb { .. } | RelayRtcp { .. } | RelayData { .. } | Channel(_))
}
