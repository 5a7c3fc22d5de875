//! Everything a worker owns, and the way of a datagram to its PeerConnection.
//!
//! A core lives in a thread-local cell of its worker. It is borrowed for one step at a time and never while a
//! [`PeerSink`] is called, so that a plugin may send to any PeerConnection from inside its callback.
#![forbid(unsafe_code)]

use super::batch::{Batch, Cursor};
use super::handle::{NewPeer, PeerShared, Seen, WorkerHandle};
use super::pending::{Pending, Urgency};
use super::ring::Addressee;
use super::send::Transmitter;
use super::socket::Socket;
use crate::media::clock::Clock;
use crate::media::ice::reflexive::Reflexive;
use crate::media::ice::{Path, stun};
use crate::media::peer::{
    Connection, Descriptor, Incoming, MOST_AT_ONCE, Note, Output, STEPS, Setup, Shared,
};
use crate::media::rtp::store::SharedStore;
use crate::media::rtp::{Parts, Relayed};
use crate::media::types::*;
use crate::util::lock::packet_path;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Checks whose answers are waited for, on one worker.
const MAX_TRANSACTIONS: usize = 16_384;
/// An answer that comes later is not recognised.
const TRANSACTION_LIFE: Duration = Duration::from_secs(30);
/// Below this the batch is sent before a datagram is looked at: one NACK may ask for several hundred packets.
const LEAST_ROOM: usize = 640;
/// How long part of a frame may wait for the rest of it, so that both leave in one train. With the time that a worker
/// takes to wake up it stays below 1 ms.
const GATHER: Duration = Duration::from_micros(700);
/// How late a timer may be, when nothing else wakes the worker in between: each time it wakes costs as much as ten
/// packets. None of ours is finer (reports: 1 s; ICE checks: 50 ms; DTLS: 100 ms).
const TIMER_SLACK: Duration = Duration::from_millis(20);
/// Packets for other workers after which they are woken at once instead of at the end of the turn.
const MANY: usize = 512;

/// A PeerConnection and what the worker keeps beside it.
struct Seat {
    shared: Arc<PeerShared>,
    sink: Arc<dyn PeerSink>,
    connection: Connection,
    /// The entry of `timers` that counts; others of this seat are stale.
    due: Option<Instant>,
    addresses: Vec<SocketAddr>,
    ufrag: String,
    /// In `eager`.
    waiting: bool,
}

pub struct Core {
    pub handle: Arc<WorkerHandle>,
    shared: Arc<Shared>,
    pub clock: Clock,
    pub sockets: Vec<Socket>,
    batch: Batch,
    transmitter: Transmitter,
    /// What plugins relayed and is not yet written into the batch.
    pending: Pending,
    /// Since when packets are pending that may wait.
    gathering_since: Option<Instant>,
    /// Workers that were given packets in this turn and do not know yet.
    owed: Vec<Arc<WorkerHandle>>,
    owed_packets: usize,
    /// Payloads that may be asked for again.
    store: SharedStore,
    seats: Vec<Option<Box<Seat>>>,
    free: Vec<u32>,
    by_ufrag: HashMap<String, u32>,
    /// Learned from authenticated STUN only.
    by_address: HashMap<SocketAddr, u32>,
    transactions: HashMap<stun::TransactionId, u32>,
    transaction_ages: VecDeque<(Instant, stun::TransactionId)>,
    timers: BinaryHeap<Reverse<(Instant, u32)>>,
    /// Seats that have something to tell their sink.
    eager: VecDeque<u32>,
    /// The seat that is being worked on. Still set afterwards, it names the one that panicked.
    busy: Option<u32>,
    /// A peer has asked for something.
    asked: bool,
    /// Asks the STUN server, when there is one.
    reflexive: Option<Reflexive>,
}

/// Something for a sink; called with the core not borrowed.
pub struct Call {
    pub sink: Arc<dyn PeerSink>,
    pub shared: Arc<PeerShared>,
    pub output: Output,
}

/// A media packet for a sink, still in the receive buffer.
pub struct Delivery<'a> {
    pub sink: Arc<dyn PeerSink>,
    pub seat: u32,
    pub incoming: Incoming<'a>,
}

impl Core {
    pub fn new(handle: Arc<WorkerHandle>, shared: Arc<Shared>, sockets: Vec<Socket>) -> Core {
        let clock = Clock::read();
        let reflexive = shared.config.stun_server.map(|server| Reflexive::new(server, clock.instant));
        Core {
            handle,
            shared,
            clock,
            reflexive,
            sockets,
            batch: Batch::default(),
            transmitter: Transmitter::default(),
            pending: Pending::default(),
            gathering_since: None,
            owed: Vec::new(),
            owed_packets: 0,
            store: SharedStore::default(),
            seats: Vec::new(),
            free: Vec::new(),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            transactions: HashMap::new(),
            transaction_ages: VecDeque::new(),
            timers: BinaryHeap::new(),
            eager: VecDeque::new(),
            busy: None,
            asked: false,
        }
    }

    /// The address of ours that a datagram came to.
    pub fn local_address(&self, socket: usize, to: Option<IpAddr>) -> Option<SocketAddr> {
        let socket = &self.sockets[socket];
        let mut own = self.handle.bound.iter().filter(|a| a.is_ipv4() == socket.is_ipv4);
        match to {
            Some(ip) => own.find(|a| a.ip() == ip),
            None => own.next(),
        }
        .copied()
    }

    /// One received datagram, which the kernel got at `arrived`. `Some` when it is a packet for the plugin, which then lies at the front of `bytes`.
    /// What does not belong to a known PeerConnection costs a look-up and leaves no trace.
    pub fn datagram<'a>(
        &mut self,
        path: Path,
        arrived: Clock,
        bytes: &mut [u8],
        descriptor: &'a mut Descriptor,
    ) -> Option<Delivery<'a>> {
        match stun::kind(bytes) {
            stun::Kind::Media => {
                let index = *self.by_address.get(&path.remote)?;
                self.make_room(LEAST_ROOM);
                let seat = self.seats.get_mut(index as usize)?.as_mut()?;
                self.busy = Some(index);
                let incoming =
                    packet_path(|| seat.connection.media(arrived, bytes, descriptor, &mut self.batch));
                self.busy = None;
                self.asked |= seat.connection.take_asked();
                let delivery =
                    incoming.map(|incoming| Delivery { sink: seat.sink.clone(), seat: index, incoming });
                if delivery.is_none() {
                    self.after_media(index);
                }
                delivery
            }
            stun::Kind::Dtls => {
                let index = *self.by_address.get(&path.remote)?;
                self.step(index, |connection, clock, batch| connection.dtls(clock, bytes, batch));
                None
            }
            stun::Kind::Stun => {
                let index = match stun::owner(bytes)? {
                    stun::Owner::Ufrag(ufrag) => *self.by_ufrag.get(ufrag)?,
                    stun::Owner::Transaction(id) => match self.transactions.remove(&id) {
                        Some(index) => index,
                        None if self.is_reflexive(path, bytes) => return None,
                        None => *self.by_address.get(&path.remote)?,
                    },
                };
                self.step(index, |connection, clock, batch| connection.stun(clock, path, bytes, batch));
                None
            }
            stun::Kind::Other => None,
        }
    }

    /// RTCP from there comes next, or after the next.
    pub fn fetch_ahead(&self, from: SocketAddr, datagrams_to_go: usize) {
        let seat = self.by_address.get(&from).and_then(|index| self.seats.get(*index as usize)?.as_deref());
        if let Some(seat) = seat {
            seat.connection.fetch_ahead_for_rtcp(datagrams_to_go);
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
        if seat.connection.has_output() && !seat.waiting {
            seat.waiting = true;
            self.eager.push_back(index);
        }
    }

    /// A packet that a plugin sends. It is written with the others for the same receiver.
    pub fn relay(&mut self, to: Addressee, packet: &Parts<'_>, urgency: Urgency) {
        if self.pending.is_full() {
            self.flush();
        }
        if self.pending.has_seat(to)
            && let Some(packet) = Relayed::new(&mut self.store.borrow_mut(), self.clock.mono, packet)
        {
            self.pending.push(to.seat, packet, urgency);
        }
    }

    /// Writes what is pending for one receiver.
    fn write_pending(&mut self, index: u32) {
        while self.pending.has_more(index) {
            self.make_room(MOST_AT_ONCE);
            let pending = &mut self.pending;
            let packets = std::iter::from_fn(|| pending.pop(index)).take(MOST_AT_ONCE);
            match self.seats.get_mut(index as usize) {
                Some(Some(seat)) => {
                    self.busy = Some(index);
                    seat.connection.send_rtp(self.clock, packets, &mut self.batch);
                    self.busy = None;
                }
                _ => packets.for_each(drop),
            }
        }
    }

    /// Another worker was given a packet. It is told once for many.
    pub fn owe(&mut self, worker: &Arc<WorkerHandle>) {
        if !self.owed.iter().any(|known| known.id == worker.id) {
            self.owed.push(worker.clone());
        }
        self.owed_packets += 1;
        if self.owed_packets == MANY {
            self.tell_workers();
        }
    }

    /// Wakes those who were given packets.
    pub fn tell_workers(&mut self) {
        self.owed_packets = 0;
        for worker in self.owed.drain(..) {
            worker.bell.ring(true);
        }
    }

    pub fn create(&mut self, new: NewPeer) {
        let NewPeer { shared, config, credentials, sink } = new;
        let ufrag = credentials.ufrag.clone();
        let connection = Connection::new(
            Setup {
                config,
                credentials,
                addresses: self.handle.bound.clone(),
                candidates: shared.candidates.clone(),
                shared: self.shared.clone(),
                store: self.store.clone(),
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
            addresses: Vec::new(),
            ufrag,
            waiting: false,
        }));
        self.settle(index);
    }

    pub fn command(&mut self, shared: &PeerShared, command: Command) {
        if let Some(index) = shared.seat() {
            if !is_feedback(&command) {
                self.write_pending(index);
            }
            self.step(index, |connection, clock, batch| connection.command(clock, command, batch));
        }
    }

    pub fn snapshot(&self, shared: &PeerShared) -> Option<PeerSnapshot> {
        let seat = self.seats.get(shared.seat()? as usize)?.as_ref()?;
        Some(seat.connection.snapshot(self.clock))
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

    fn ask_stun_server(&mut self) {
        let Some(reflexive) = &mut self.reflexive else { return };
        let server = reflexive.server;
        let own = self.handle.bound.iter().find(|own| own.is_ipv4() == server.is_ipv4());
        match (own, reflexive.poll(self.clock.instant)) {
            (Some(own), Some(request)) => {
                let path = Path { local: *own, remote: server };
                self.batch.push_bytes(&mut Cursor::default(), path, &request);
            }
            (None, _) => self.reflexive = None,
            (_, None) => {}
        }
    }

    /// When the worker has to be awake again.
    pub fn next_timeout(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, index))) = self.timers.peek().copied()
            && !self.is_due_entry(at, index)
        {
            self.timers.pop();
        }
        let of_seats = self.timers.peek().map(|Reverse((at, _))| *at + TIMER_SLACK);
        let of_stun = self.reflexive.as_ref().map(Reflexive::due);
        let of_frame = self.gathering_since.map(|since| since + GATHER);
        of_seats.into_iter().chain(of_stun).chain(of_frame).min()
    }

    fn is_due_entry(&self, at: Instant, index: u32) -> bool {
        self.seats.get(index as usize).is_some_and(|s| s.as_ref().is_some_and(|s| s.due == Some(at)))
    }

    pub fn run_timers(&mut self) {
        self.ask_stun_server();
        while let Some(Reverse((at, index))) = self.timers.peek().copied() {
            if at > self.clock.instant {
                break;
            }
            self.timers.pop();
            if self.is_due_entry(at, index) {
                if let Some(seat) = &mut self.seats[index as usize] {
                    seat.due = None;
                }
                self.step(index, |connection, clock, batch| connection.handle_timeout(clock, batch));
            }
        }
        while let Some((sent, id)) = self.transaction_ages.front() {
            if self.clock.instant.saturating_duration_since(*sent) < TRANSACTION_LIFE
                && self.transaction_ages.len() <= MAX_TRANSACTIONS
            {
                break;
            }
            self.transactions.remove(id);
            self.transaction_ages.pop_front();
        }
    }

    /// Next thing to tell a sink. A PeerConnection that says it is closed is gone when this returns.
    pub fn next_call(&mut self) -> Option<Call> {
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
        !self.eager.is_empty()
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

    /// Parts of frames are waiting for the rest.
    pub fn is_gathering(&self) -> bool {
        self.gathering_since.is_some()
    }

    /// At the end of a turn: sends what there is, unless all of it may wait for more.
    pub fn flush_if_due(&mut self) {
        if self.batch.is_empty() && !self.pending.is_empty() && !self.pending.is_urgent() {
            let since = *self.gathering_since.get_or_insert(self.clock.instant);
            if since.elapsed() < GATHER {
                return;
            }
        }
        self.flush();
    }

    /// Writes what is pending, receiver by receiver, and sends everything.
    pub fn flush(&mut self) {
        self.gathering_since = None;
        let mut next = 0;
        while let Some(index) = self.pending.seat(next) {
            next += 1;
            for to_go in 1..=STEPS {
                if let Some(seat) = self.upcoming(next - 1 + to_go) {
                    seat.connection.fetch_ahead(to_go);
                }
            }
            self.write_pending(index);
            if self.batch.is_portion() {
                self.transmit();
            }
        }
        self.pending.clear();
        self.transmit();
    }

    /// The `next`-th receiver of what is pending.
    fn upcoming(&self, next: usize) -> Option<&Seat> {
        self.seats.get(self.pending.seat(next)? as usize)?.as_deref()
    }

    /// Sends what has been written.
    fn transmit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        for socket in &mut self.sockets {
            self.transmitter.send(&self.batch, socket);
        }
        self.batch.clear();
        let (traffic, transmitter) = (&self.handle.traffic, &self.transmitter);
        traffic.sent.store(transmitter.sent, Ordering::Relaxed);
        traffic.send_calls.store(transmitter.calls, Ordering::Relaxed);
        traffic.dropped.store(
            transmitter.dropped + self.batch.refused() + self.handle.ring.dropped(),
            Ordering::Relaxed,
        );
    }

    fn make_room(&mut self, packets: usize) {
        if self.batch.room() < packets {
            self.transmit();
        }
    }

    /// Lets a PeerConnection do something, and takes note of what it wants.
    fn step(&mut self, index: u32, act: impl FnOnce(&mut Connection, Clock, &mut Batch)) {
        self.make_room(LEAST_ROOM);
        if let Some(Some(seat)) = self.seats.get_mut(index as usize) {
            self.busy = Some(index);
            act(&mut seat.connection, self.clock, &mut self.batch);
            self.settle(index);
            self.busy = None;
        }
    }

    fn settle(&mut self, index: u32) {
        let Some(Some(seat)) = self.seats.get_mut(index as usize) else { return };
        while let Some(note) = seat.connection.next_note() {
            match note {
                Note::Reachable(address) => {
                    if !seat.addresses.contains(&address) {
                        seat.addresses.push(address);
                    }
                    self.by_address.insert(address, index);
                }
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
        let due = seat.connection.poll_timeout(self.clock.instant);
        if due != seat.due {
            seat.due = due;
            if let Some(at) = due {
                self.timers.push(Reverse((at, index)));
            }
        }
        if seat.connection.has_output() && !seat.waiting {
            seat.waiting = true;
            self.eager.push_back(index);
        }
    }

    fn remove(&mut self, index: u32) {
        let Some(seat) = self.seats[index as usize].take() else { return };
        seat.shared.removed();
        self.pending.seat_left(index);
        self.by_ufrag.remove(&seat.ufrag);
        for address in &seat.addresses {
            // Another PeerConnection may have been reached from there since.
            if self.by_address.get(address) == Some(&index) {
                self.by_address.remove(address);
            }
        }
        self.transactions.retain(|_, owner| *owner != index);
        self.free.push(index);
        self.handle.load.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says nothing about how packets look that were relayed before.
fn is_feedback(command: &Command) -> bool {
    use Command::*;
    matches!(command, SendPli { .. } | SendRemb { .. } | RelayRtcp { .. } | RelayData { .. })
}
