//! The turns of a worker thread, and the entrance for calls that come from inside its callbacks.
#![forbid(unsafe_code)]

use super::call::Call;
use super::core::{Core, Delivery};
use super::handle::{Job, PeerShared, WorkerHandle};
use super::pause::Pause;
use super::receive::{MESSAGES, Receiver};
use super::relay::stream as relay_stream;
use super::relief::OnDuty;
use super::socket::Socket;
use super::station::{Parcel, Station};
use super::tcp::{self, TcpConnections};
use super::wake::{Bed, Readable, Sleep};
use crate::media::address::Addressee;
use crate::media::address::Urgency;
use crate::media::clock::Clock;
use crate::media::counts::{Direction, Reason};
use crate::media::ice::{Origin, Path};
use crate::media::peer::{Incoming, Output, Room, STEPS, Shared};
use crate::media::streams::Parts;
use crate::media::types::*;
use crate::stall;
use crate::util::lock::packet_path;
use crate::util::time;
use bytes::Bytes;
use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

thread_local! {
    /// Set on worker threads. Borrowed for single steps, never across a call to a sink.
    static STATION: RefCell<Option<Station>> = const { RefCell::new(None) };
}

/// Most packets taken from the ring before other work gets its turn.
const RING_SHARE: usize = 4096;
/// Longest that jobs are worked on before packets and timers get their turn.
const JOBS_SHARE: Duration = Duration::from_millis(1);
/// Callbacks may cause outputs, which cause callbacks; the rest waits for the next turn.
const MAX_CALLS: usize = 100_000;
/// How often a thread that has taken over looks whether plugins that blocked can be called again.
const RELIEF_STEP: Duration = Duration::from_millis(50);

/// While this thread was inside a callback, another one has taken its core: there is nothing more to do here.
#[derive(Debug)]
struct Lost;

/// The core of this thread, if it is the worker `id`.
pub fn with_core<R>(id: u64, act: impl FnOnce(&mut Core) -> R) -> Option<R> {
    STATION.with(|cell| {
        let mut station = cell.try_borrow_mut().ok()?;
        station.as_mut()?.with(|core| (core.handle.id == id).then(|| act(core)))?
    })
}

/// The body of a worker thread; returns after [`Job::Stop`], or when another thread has taken over.
pub fn run(
    handle: &Arc<WorkerHandle>,
    shared: Arc<Shared>,
    (sockets, tcp, relay): (Vec<Socket>, Option<TcpConnections>, Option<OwnedFd>),
    bed: Bed,
) {
    let mut core = Box::new(Core::new(handle.clone(), shared, sockets));
    if let Some(tcp) = tcp {
        core.use_tcp(tcp);
    }
    core.relay.watch_by(relay);
    work(handle, Station::new(core), Arc::new(bed));
}

/// The body of a thread that has taken over.
fn go_on(handle: &Arc<WorkerHandle>, core: Parcel, bed: Arc<Bed>) {
    work(handle, Station::of(core), bed);
}

fn work(handle: &Arc<WorkerHandle>, mut station: Station, bed: Arc<Bed>) {
    let (exit, thread) = (station.exit(), stall::this_thread());
    let facts = station.with(|core| (core.before(), core.sockets.len()));
    let Some((before, sockets)) = facts else { return };
    *handle.duty.lock() = Some(Box::new(OnDuty { thread, exit, before, bed: bed.clone(), go_on }));
    STATION.with(|cell| *cell.borrow_mut() = Some(station));
    let mut worker = Worker::new(handle.clone());
    while work_a_turn(&mut worker, &bed, sockets).is_ok_and(|go_on| go_on) {}
    match STATION.with(|cell| cell.borrow_mut().take()) {
        Some(_) => abandon(handle),
        // The core was taken. Who has it may be waiting for the end of the callback.
        None => handle.bell.ring(true),
    }
}

/// False when it is time to end.
fn work_a_turn(worker: &mut Worker, bed: &Bed, sockets: usize) -> Result<bool, Lost> {
    let go_on = match catch_unwind(AssertUnwindSafe(|| worker.turn(bed, sockets))) {
        Ok(turn) => turn?,
        Err(_) => {
            tracing::error!("a media worker panicked; the PeerConnection it worked on is closed");
            true
        }
    };
    if core(|core| core.is_broken())
        && let Some(call) = core(Core::take_broken)
    {
        tell(call)?;
    }
    Ok(go_on)
}

/// The core of this thread, which is a worker.
fn core<R>(act: impl FnOnce(&mut Core) -> R) -> R {
    let step = |cell: &RefCell<Option<Station>>| cell.borrow_mut().as_mut()?.with(act);
    STATION.with(step).expect("a worker has a core until it ends")
}

/// Calls a sink, then `after`, which is told whether it panicked. Meanwhile another thread may take the core.
fn call_sink<R>(
    sink: &dyn PeerSink,
    call: impl FnOnce(&dyn PeerSink),
    after: impl FnOnce(&mut Core, bool) -> R,
) -> Result<R, Lost> {
    fn at_station<R>(act: impl FnOnce(&mut Station) -> R) -> R {
        STATION.with(|cell| act(cell.borrow_mut().as_mut().expect("only a worker calls sinks")))
    }
    at_station(Station::lend);
    let outcome = catch_unwind(AssertUnwindSafe(|| call(sink)));
    let regained = at_station(|station| match station.regain() {
        true => station.with(|core| after(core, outcome.is_err())),
        false => None,
    });
    if let Some(result) = regained {
        return Ok(result);
    }
    STATION.with(|cell| cell.borrow_mut().take());
    if let Some(plugin) = sink.watched() {
        plugin.returned();
    }
    Err(Lost)
}

struct Worker {
    handle: Arc<WorkerHandle>,
    receiver: Receiver,
    room: Box<Room>,
    /// What TCP connections bring; made when the first one does.
    by_tcp: Option<Box<tcp::Room>>,
    /// The same of the stream to a relay.
    by_relay: Option<Box<relay_stream::Room>>,
    rtcp_pause: Pause,
    /// There were packets since the last flush.
    has_packets: bool,
    /// The next turn is for RTCP, without any sleep.
    rtcp_is_next: bool,
    /// Read as the last thing of a turn.
    now: Option<Instant>,
}

/// The socket of a family for one or the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Media,
    Rtcp,
}

impl Worker {
    fn new(handle: Arc<WorkerHandle>) -> Worker {
        Worker {
            handle,
            receiver: Receiver::default(),
            room: Box::default(),
            by_tcp: None,
            by_relay: None,
            rtcp_pause: Pause::default(),
            has_packets: false,
            rtcp_is_next: false,
            now: None,
        }
    }

    /// False when it is time to end.
    fn turn(&mut self, bed: &Bed, sockets: usize) -> Result<bool, Lost> {
        let now = self.now.take();
        let readable = if std::mem::take(&mut self.rtcp_is_next) {
            Readable { rtcp: (1 << sockets) - 1, ..Readable::default() }
        } else {
            self.sleep(bed, now)
        };
        let (sent, is_relief) = core(|core| (core.sent_so_far(), core.is_relief()));
        // What is received brings a reading of all clocks with it.
        let woken = match readable.media | readable.rtcp != 0 && !is_relief {
            true => Instant::now(),
            false => {
                let clock = Clock::read();
                core(|core| core.set_clock(clock));
                clock.instant
            }
        };
        if is_relief {
            tell_deferred()?;
        }
        let mut more_rtcp = false;
        for socket in 0..sockets {
            if readable.media & (1 << socket) != 0 {
                self.receive(socket, Kind::Media)?;
            }
            if readable.rtcp & (1 << socket) != 0 {
                more_rtcp |= self.receive(socket, Kind::Rtcp)?;
            }
        }
        if readable.tcp {
            self.receive_by_tcp()?;
        }
        if readable.relay {
            self.receive_by_relay()?;
        }
        if readable.rtcp != 0 {
            self.rtcp_pause.looked(core(|core| core.clock.instant), more_rtcp);
        }
        let relayed = packet_path(|| self.take_from_ring());
        let go_on = self.take_jobs()?;
        let has_calls = core(|core| {
            core.run_timers();
            core.has_calls()
        });
        if has_calls {
            tell_sinks()?;
        }
        self.has_packets |= readable.media != 0 || readable.tcp || readable.relay || relayed;
        let (gathers, now) = core(|core| {
            core.send_data();
            core.tell_workers();
            packet_path(|| core.flush_if_due());
            self.now = Some(core.count_turn(woken, sent));
            // Not before they have left.
            (core.is_gathering(), core.clock.instant)
        });
        if !gathers {
            self.rtcp_is_next = std::mem::take(&mut self.has_packets) && self.rtcp_pause.rides_along(now);
        }
        Ok(go_on)
    }

    fn sleep(&mut self, bed: &Bed, now: Option<Instant>) -> Readable {
        let (next, gathering, relief) =
            core(|core| (core.next_timeout(), core.is_gathering(), core.is_relief()));
        let now = now.unwrap_or_else(Instant::now);
        let next = next.into_iter().chain(relief.then_some(now + RELIEF_STEP)).min();
        let (sleep, until) = match self.rtcp_pause.until(now) {
            _ if gathering => (Sleep::Gathering, next),
            Some(until) => (Sleep::RtcpWaits, next.into_iter().chain([until]).min()),
            None => (Sleep::Deep, next),
        };
        let limit = until.map(|at| at.saturating_duration_since(now));
        let WorkerHandle { bell, jobs, .. } = &*self.handle;
        bed.sleep(bell, limit, sleep, || jobs.is_empty() && core(|core| core.is_idle(gathering)))
    }

    /// True when there may be more.
    fn receive(&mut self, socket: usize, kind: Kind) -> Result<bool, Lost> {
        let (count, clock) = core(|core| {
            let Socket { udp, rtcp, .. } = &core.sockets[socket];
            // Without a socket of its own RTCP comes with media.
            let from = if kind == Kind::Rtcp { rtcp.as_ref() } else { Some(udp) };
            let count = from.map_or(0, |from| self.receiver.fill(from));
            core.set_clock(Clock::read());
            (count, core.clock)
        });
        let datagrams = (0..count).filter_map(|message| self.receiver.datagrams(message)).sum();
        self.handle.counts.batch(Direction::In, datagrams);
        self.handle.traffic.received.fetch_add(datagrams, Ordering::Relaxed);
        for message in 0..count {
            if kind == Kind::Rtcp {
                self.fetch_ahead(message);
            }
            let Some((train, bytes)) = self.receiver.train(message) else { continue };
            let facts = core(|core| {
                let arrived = train.arrived.map_or(core.clock, |at| core.clock.when(at));
                let local = core.local_address(socket, train.to)?;
                Some((local, arrived, core.relay.is_from_server(train.from)))
            });
            let Some((local, arrived, relayed)) = facts else { continue };
            let path = Path::udp(local, train.from);
            for datagram in bytes.chunks_mut(train.segment) {
                let told = match relayed {
                    false => receive_and_tell(path, arrived, datagram, &mut self.room),
                    true => receive_relayed(path, arrived, datagram, &mut self.room),
                };
                if told.is_err() {
                    let rest = count - message - 1;
                    tracing::info!(
                        "{rest} messages that were read before their worker was taken over are lost"
                    );
                    return Err(Lost);
                }
            }
        }
        if core(Core::take_asked) {
            self.rtcp_pause.hurry(clock.instant);
        }
        Ok(count == MESSAGES)
    }

    /// From all TCP connections that have something, some of it.
    fn receive_by_tcp(&mut self) -> Result<(), Lost> {
        let room = self.by_tcp.get_or_insert_default();
        core(|core| {
            core.set_clock(Clock::read());
            core.poll_tcp();
        });
        while let Some(path) = core(|core| core.read_tcp(room)) {
            self.handle.traffic.received.fetch_add(room.count() as u64, Ordering::Relaxed);
            let arrived = core(|core| core.clock);
            while let Some(datagram) = room.next_datagram()
                && core(|core| core.is_way_open(path.way))
            {
                receive_and_tell(path, arrived, datagram, &mut self.room)?;
            }
        }
        core(Core::tell_of_tcp);
        Ok(())
    }

    /// What a relay sends by TCP or TLS.
    fn receive_by_relay(&mut self) -> Result<(), Lost> {
        let room = self.by_relay.get_or_insert_default();
        core(|core| {
            core.set_clock(Clock::read());
            core.advance_relay();
        });
        for _ in 0..relay_stream::READS {
            let Some(path) = core(|core| core.read_relay(room)) else { break };
            self.handle.traffic.received.fetch_add(room.count() as u64, Ordering::Relaxed);
            let arrived = core(|core| core.clock);
            while let Some(message) = room.next_message() {
                receive_relayed(path, arrived, message, &mut self.room)?;
            }
        }
        Ok(())
    }

    /// What the next messages will need: each is from somebody else.
    fn fetch_ahead(&mut self, message: usize) {
        for to_go in 1..=STEPS {
            if let Some((train, _)) = self.receiver.train(message + to_go) {
                core(|core| core.fetch_ahead(Origin::udp(train.from), to_go));
            }
        }
    }

    /// Whether there was anything.
    fn take_from_ring(&self) -> bool {
        let ring = &self.handle.ring;
        let late = ring.late();
        let taken = core(|core| core.take_from_ring(RING_SHARE));
        let late = ring.late() - late;
        if late > 0 {
            tracing::warn!(
                "{late} packets waited for more than a second for a media worker, and are dropped"
            );
        }
        taken > 0
    }

    /// A share of them; false when it is time to end.
    fn take_jobs(&self) -> Result<bool, Lost> {
        let mut until = None;
        while let Some(job) = self.handle.jobs.pop() {
            match job {
                Job::Create(new) => core(|core| core.create(*new)),
                Job::Command(command, waiting) => core(|core| core.command(&waiting.shared, command)),
                // Behind them, because it may have been merged with what was asked for after them.
                Job::Feedback(shared) if shared.intake.must_wait() => {
                    self.handle.jobs.push(Job::Feedback(shared));
                }
                Job::Feedback(shared) => {
                    shared.intake.take().for_each(|command| core(|core| core.command(&shared, command)));
                }
                Job::Snapshot(shared, reply) => {
                    if let Some(snapshot) = core(|core| core.snapshot(&shared)) {
                        let _ = reply.try_send(snapshot);
                    }
                }
                Job::Answer(reply) => {
                    let _ = reply.try_send(());
                }
                Job::Addresses(bound) => core(|core| core.follow(bound)),
                Job::Relays(servers) => core(|core| core.use_relays(servers)),
                Job::Stop => {
                    // From here on this thread stays the one that works.
                    *self.handle.duty.lock() = None;
                    core(|core| core.hang_up_all(HangupReason::Detach));
                    tell_sinks()?;
                    core(Core::send_data);
                    core(Core::flush);
                    core(Core::end_relay);
                    core(Core::flush);
                    while core(|core| core.has_deferred()) {
                        std::thread::sleep(RELIEF_STEP);
                        tell_deferred()?;
                    }
                    return Ok(false);
                }
            }
            // Commands and what they cause stay in order.
            tell_sinks()?;
            let now = Instant::now();
            if now >= *until.get_or_insert(now + JOBS_SHARE) {
                break;
            }
        }
        Ok(true)
    }
}

fn tell_sinks() -> Result<(), Lost> {
    for _ in 0..MAX_CALLS {
        // Before a call is handed from function to function that is none.
        if !core(|core| core.has_calls()) {
            break;
        }
        let Some(call) = core(Core::next_call) else { break };
        if let Some(call) = core(|core| core.unless_deferred(call)) {
            tell(call)?;
        }
    }
    Ok(())
}

/// What had to wait for a plugin that blocked.
fn tell_deferred() -> Result<(), Lost> {
    while core(|core| core.is_relief())
        && let Some(call) = core(Core::next_deferred)
    {
        tell(call)?;
    }
    Ok(())
}

/// One datagram, and what it causes before the next one: `setup_media` precedes the first `incoming_rtp`.
fn receive_and_tell(path: Path, arrived: Clock, bytes: &mut [u8], room: &mut Room) -> Result<(), Lost> {
    if receive_one(path, arrived, bytes, room)? { tell_sinks() } else { Ok(()) }
}

/// One datagram, and the plugin's callback if it is media. Whether there is something to tell after it.
fn receive_one(path: Path, arrived: Clock, bytes: &mut [u8], room: &mut Room) -> Result<bool, Lost> {
    let taken = core(|core| {
        let Some(delivery) = core.datagram(path, arrived, bytes, room) else { return Err(core.has_calls()) };
        if !core.shuns(&*delivery.sink) {
            return Ok((delivery, core.clock.mono));
        }
        if let Some(plugin) = delivery.sink.watched() {
            plugin.dropped();
        }
        core.handle.counts.dropped(Reason::PluginBlocks);
        core.after_media(delivery.seat);
        Err(core.has_calls())
    });
    let (Delivery { sink, seat, incoming }, now) = match taken {
        Ok(taken) => taken,
        Err(has_calls) => return Ok(has_calls),
    };
    call_sink(
        &*sink,
        |sink| match incoming {
            Incoming::Rtp { mindex, video, layer, len, extensions } => time::at_one_moment(now, || {
                sink.incoming_rtp(RtpIn { mindex, video, layer, packet: &mut bytes[..len], extensions });
            }),
            Incoming::Rtcp(parts) => {
                parts.each(|mindex, video, packet| sink.incoming_rtcp(mindex, video, packet))
            }
        },
        |core, panicked| {
            if panicked {
                tracing::error!("a media callback panicked; the PeerConnection is closed");
                core.hang_up(seat, HangupReason::ClosePc);
            }
            core.after_media(seat);
            core.has_calls()
        },
    )
}

/// The same, of a datagram that a TURN server sent.
fn receive_relayed(path: Path, arrived: Clock, bytes: &mut [u8], room: &mut Room) -> Result<(), Lost> {
    match core(|core| core.unwrap_relayed(path, bytes)) {
        Some((path, payload)) => receive_and_tell(path, arrived, &mut bytes[payload], room),
        None => Ok(()),
    }
}

fn tell(call: Call) -> Result<(), Lost> {
    let Call { sink, shared, output } = call;
    call_sink(
        &*sink,
        |sink| match output {
            Output::Connected => sink.connected(),
            Output::Data { label, protocol, binary, message } => {
                sink.incoming_data(&label, protocol.as_deref().unwrap_or(""), binary, &message);
            }
            Output::DataReady => sink.data_ready(),
            Output::Channel(event) => sink.channel(event),
            Output::Event(event) => sink.event(*event),
            Output::Closed(reason) => sink.closed(reason),
        },
        |core, panicked| {
            if panicked {
                tracing::error!("a callback panicked; the PeerConnection is closed");
                core.command(&shared, Command::Hangup(HangupReason::ClosePc));
            }
        },
    )
}

/// The way of `relay_rtp`: straight into the batch on the owning worker's thread, else through its ring. Of many packets
/// for a sleeping worker the first one wakes it; the rest is there when it looks again, within a millisecond.
pub fn relay(shared: &PeerShared, packet: &RtpOut<'_>) {
    let Some(to) = shared.addressee() else { return };
    let worker = &shared.worker;
    let by_worker = STATION.with(|cell| {
        cell.try_borrow_mut().ok()?.as_mut()?.with(|core| {
            if core.handle.id == worker.id {
                if let Some(parts) = Parts::of(packet) {
                    core.relay(to, &parts, urgency_of(packet));
                }
            // Another worker, inside a plugin's callback.
            } else {
                match worker.ring.push(to, &shared.share, packet, urgency_of(packet)) {
                    Some(_) => core.owe(worker),
                    None => shared.tell_of_refused(),
                }
            }
        })
    });
    // A thread of the plugin's, or one whose core was taken meanwhile. It may send a frame packet by packet to all
    // receivers, so that the end of the frame for one of them says nothing about the others.
    if by_worker.is_none() {
        let urgency = if packet.video { Urgency::WithFrame } else { Urgency::Now };
        match worker.ring.push(to, &shared.share, packet, urgency) {
            Some(urgency) => worker.bell.ring(urgency == Urgency::Now),
            None => shared.tell_of_refused(),
        }
    }
}

/// [`relay`] on the thread of the worker `id`; false on any other.
#[inline]
pub fn relay_here(id: u64, to: Addressee, packet: &RtpOut<'_>) -> bool {
    let relayed = with_core(id, |core| {
        if let Some(parts) = Parts::of(packet) {
            core.relay(to, &parts, urgency_of(packet));
        }
    });
    relayed.is_some()
}

/// The way of `relay_data` on the thread of the PeerConnection's worker; false when it has to be a command.
pub fn relay_data_here(
    shared: &PeerShared,
    label: Option<&str>,
    protocol: Option<&str>,
    binary: bool,
    message: &[u8],
) -> bool {
    let relayed = with_core(shared.worker.id, |core| {
        core.relay_data(shared, |connection, clock| {
            connection.relay_data(clock, label, protocol, binary, Bytes::copy_from_slice(message));
        })
    });
    relayed == Some(true)
}

/// Video may wait for the rest of its frame; the marker bit (RFC 3551 §5) tells that there is none.
fn urgency_of(packet: &RtpOut<'_>) -> Urgency {
    let marked = packet.packet.get(1).is_none_or(|second| second & 0x80 != 0);
    if packet.video && !marked { Urgency::WithFrame } else { Urgency::Now }
}

/// The state of a PeerConnection; from its own worker without waiting.
pub fn snapshot(shared: &Arc<PeerShared>) -> Option<PeerSnapshot> {
    let worker = &shared.worker;
    if let Some(snapshot) = with_core(worker.id, |core| core.snapshot(shared)) {
        return snapshot;
    }
    let (reply, answer) = std::sync::mpsc::sync_channel(1);
    if !worker.submit(Job::Snapshot(shared.clone(), reply)) {
        return None;
    }
    // The sender is dropped with the job, so this ends also when the PeerConnection or the worker does.
    answer.recv_timeout(Duration::from_secs(2)).ok()
}

/// Leaves no job of a worker that has ended unanswered.
fn abandon(handle: &WorkerHandle) {
    handle.stopped.store(true, Ordering::Release);
    while handle.jobs.pop().is_some() {}
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
