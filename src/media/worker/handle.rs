//! What other threads see of a worker and of a PeerConnection on it.
#![forbid(unsafe_code)]

use super::intake::{Cost, Entry, Intake};
use super::ring::Ring;
use super::share::Share;
use super::wake::Bell;
use crate::media::address::Addressee;
use crate::media::counts::Counts;
use crate::media::ice::local;
use crate::media::turn::Server;
use crate::media::types::*;
use crate::stall::Stall;
use crate::util::lock::Lock;
use crate::util::seldom::Seldom;
use crossbeam_queue::SegQueue;
use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

/// What other threads may have waiting for one worker, in cells of 64 bytes: a frame of twenty packets for 5000 receivers.
const RING_CELLS: usize = 1 << 17;
/// No seat: not yet placed, or gone.
const NOWHERE: u32 = u32::MAX;

static NEXT_WORKER: AtomicU64 = AtomicU64::new(1);

/// A worker, from any thread.
pub struct WorkerHandle {
    /// Unique in the process; engines may come and go.
    pub id: u64,
    pub index: usize,
    /// Real addresses of its sockets, which change with the host's.
    bound: Lock<Vec<SocketAddr>>,
    /// Ports of its sockets, IPv4 and IPv6.
    ports: [Option<u16>; 2],
    /// The same of those that listen for TCP connections.
    tcp_ports: [Option<u16>; 2],
    pub bell: Bell,
    pub ring: Ring,
    pub jobs: SegQueue<Job>,
    pub load: AtomicUsize,
    pub stopped: AtomicBool,
    pub traffic: Traffic,
    pub counts: Arc<Counts>,
    /// `None`: nobody may take over.
    pub duty: Lock<Option<Box<dyn Duty>>>,
    /// Threads that have taken over.
    pub successors: Lock<Vec<JoinHandle<()>>>,
    /// What the STUN server sees, and the address that it was asked from.
    reflexive: Lock<Option<Seen>>,
    /// What the relay has for us.
    relayed: Lock<Option<Relayed>>,
    /// The relay has given an answer, or none in time.
    relay_settled: AtomicBool,
}

/// The thread that works as a worker, for who might have another one go on in its place.
pub trait Duty: Any + Send {
    /// False when this thread is not the one that is in this callback, or cannot be relieved.
    fn relieve(&self, handle: &Arc<WorkerHandle>, stall: &Stall) -> bool;
}

/// An address that a TURN server relays to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relayed {
    pub address: SocketAddr,
    /// Where the server sees us.
    pub seen_at: SocketAddr,
}

/// A real address of ours, and how it looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub base: SocketAddr,
    pub from_outside: SocketAddr,
}

/// Totals of a worker, written by it.
#[derive(Default)]
pub struct Traffic {
    pub received: AtomicU64,
    pub sent: AtomicU64,
    pub send_calls: AtomicU64,
    /// What the kernel did not take, or the batch, or the ring.
    pub dropped: AtomicU64,
}

/// What a worker is asked to do besides packets; in order.
pub enum Job {
    Create(Box<NewPeer>),
    Command(Command, Waiting),
    /// Of what was merged while it waited.
    Feedback(Arc<PeerShared>),
    Snapshot(Arc<PeerShared>, SyncSender<PeerSnapshot>),
    /// Whether it works on what it is given.
    Answer(SyncSender<()>),
    /// The host has other addresses.
    Addresses(Vec<SocketAddr>),
    /// TURN servers, the first one first.
    Relays(Vec<Server>),
    Stop,
}

/// The place of a command that waits, in the [`Intake`] of its PeerConnection. It is free again when this is dropped,
/// whether the command was carried out, panicked, or had no worker any more.
pub struct Waiting {
    pub shared: Arc<PeerShared>,
    cost: Cost,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.shared.intake.leave(self.cost);
    }
}

pub struct NewPeer {
    pub shared: Arc<PeerShared>,
    pub config: PeerConfig,
    pub credentials: IceCredentials,
    pub sink: Arc<dyn PeerSink>,
}

impl WorkerHandle {
    pub fn new(index: usize, ports: [Option<u16>; 2], addresses: &[IpAddr], bell: Bell) -> WorkerHandle {
        let handle = WorkerHandle {
            id: NEXT_WORKER.fetch_add(1, Ordering::Relaxed),
            index,
            bound: Lock::default(),
            ports,
            tcp_ports: [None; 2],
            bell,
            ring: Ring::new(RING_CELLS),
            jobs: SegQueue::new(),
            load: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            traffic: Traffic::default(),
            counts: Arc::default(),
            duty: Lock::default(),
            successors: Lock::default(),
            reflexive: Lock::new(None),
            relayed: Lock::new(None),
            relay_settled: AtomicBool::new(false),
        };
        *handle.bound.lock() = handle.at(addresses);
        handle
    }

    /// These ports listen for TCP connections.
    pub fn with_tcp(self, tcp_ports: [Option<u16>; 2]) -> WorkerHandle {
        WorkerHandle { tcp_ports, ..self }
    }

    /// These addresses with the ports of the sockets; those of a family without a socket are left out.
    fn at(&self, addresses: &[IpAddr]) -> Vec<SocketAddr> {
        with_ports(addresses.iter().copied(), self.ports)
    }

    /// Where it can be connected to by TCP.
    pub fn tcp_bound(&self) -> Vec<SocketAddr> {
        with_ports(self.bound.lock().iter().map(SocketAddr::ip), self.tcp_ports)
    }

    pub fn bound(&self) -> Vec<SocketAddr> {
        self.bound.lock().clone()
    }

    /// The host has these addresses now. New PeerConnections begin with them; running ones are told.
    pub fn follow(&self, addresses: &[IpAddr]) {
        let bound = self.at(addresses);
        self.bound.lock().clone_from(&bound);
        self.submit(Job::Addresses(bound));
    }

    /// What clients are told of its addresses now; `relayed_only`: what others must not know is left out.
    pub fn advertised(&self, config: &EngineConfig, relayed_only: bool) -> Vec<Candidate> {
        let bound = self.bound();
        let mut candidates = local::with_tcp(config, local::advertised(config, &bound), &self.tcp_bound());
        if let Some(seen) = self.reflexive().filter(|seen| bound.contains(&seen.base)) {
            candidates.extend(local::reflexive(&candidates, seen.base, seen.from_outside));
        }
        if let Some(relayed) = self.relayed().filter(|_| !config.ice_lite) {
            let mut candidate = local::relayed(&candidates, relayed.seen_at, relayed.address);
            if relayed_only {
                candidate.related = Some(SocketAddr::new(unspecified(relayed.seen_at), 0));
            }
            candidates.push(candidate);
        }
        if relayed_only {
            candidates.retain(|candidate| candidate.kind == CandidateType::Relayed);
        }
        candidates
    }

    pub fn reflexive(&self) -> Option<Seen> {
        *self.reflexive.lock()
    }

    pub fn set_reflexive(&self, seen: Seen) {
        *self.reflexive.lock() = Some(seen);
    }

    pub fn relayed(&self) -> Option<Relayed> {
        *self.relayed.lock()
    }

    pub fn set_relayed(&self, relayed: Option<Relayed>) {
        *self.relayed.lock() = relayed;
        self.settle_relay();
    }

    pub fn settle_relay(&self) {
        self.relay_settled.store(true, Ordering::Release);
    }

    /// It is known whether there is a relayed address.
    pub fn is_relay_settled(&self) -> bool {
        self.relay_settled.load(Ordering::Acquire)
    }

    /// False when the worker has ended; the job is dropped then.
    pub fn submit(&self, job: Job) -> bool {
        if self.stopped.load(Ordering::Acquire) {
            return false;
        }
        self.jobs.push(job);
        self.bell.ring(true);
        true
    }
}

/// What a [`Peer`](crate::media::Peer) shares with its worker.
pub struct PeerShared {
    /// Unique in the process.
    pub id: u64,
    pub worker: Arc<WorkerHandle>,
    pub credentials: Lock<IceCredentials>,
    /// When it was made.
    pub candidates: Vec<Candidate>,
    pub intake: Intake,
    /// Of the worker's ring.
    pub share: Share,
    /// How many packets for which that had no room were told of.
    refused: AtomicU64,
    line: Seldom,
    /// Nothing but relayed candidates is told.
    pub relayed_only: bool,
    seat: AtomicU32,
    /// Media may be sent.
    ready: AtomicBool,
}

impl PeerShared {
    pub fn new(
        worker: Arc<WorkerHandle>,
        credentials: IceCredentials,
        candidates: Vec<Candidate>,
        handle_id: u64,
    ) -> PeerShared {
        PeerShared {
            id: unique(),
            worker,
            credentials: Lock::new(credentials),
            candidates,
            intake: Intake::new(handle_id),
            share: Share::default(),
            refused: AtomicU64::new(0),
            line: Seldom::default(),
            relayed_only: false,
            seat: AtomicU32::new(NOWHERE),
            ready: AtomicBool::new(false),
        }
    }

    /// Queues a command, in order with others, unless too much is waiting; see [`Intake`].
    pub fn submit(self: &Arc<PeerShared>, command: Command) {
        match self.intake.enter(command) {
            Entry::Single(command, cost) => {
                let waiting = Waiting { shared: self.clone(), cost };
                let _ = self.worker.submit(Job::Command(command, waiting));
            }
            Entry::First => drop(self.worker.submit(Job::Feedback(self.clone()))),
            Entry::Nothing => {}
        }
    }

    /// After a packet was dropped before the ring: one line for many, if that is because of the share.
    #[cold]
    pub fn tell_of_refused(&self) {
        let refused = self.share.refused();
        if refused > self.refused.load(Ordering::Relaxed) && self.line.one_more().is_some() {
            let count = refused.saturating_sub(self.refused.swap(refused, Ordering::Relaxed));
            tracing::warn!(
                handle = self.intake.handle_id(),
                "{count} RTP packets of the plugin dropped: its share of what may wait for a media worker is used up"
            );
        }
    }

    pub fn credentials(&self) -> IceCredentials {
        self.credentials.lock().clone()
    }

    /// Where the worker keeps it; `None` before it is placed and after it is gone.
    pub fn seat(&self) -> Option<u32> {
        Some(self.seat.load(Ordering::Acquire)).filter(|seat| *seat != NOWHERE)
    }

    /// For a packet: `None` unless media may be sent (MP-168, MP-169).
    pub fn addressee(&self) -> Option<Addressee> {
        if !self.ready.load(Ordering::Acquire) {
            return None;
        }
        Some(Addressee { seat: self.seat()?, peer: self.id })
    }

    pub fn placed(&self, seat: u32) {
        self.seat.store(seat, Ordering::Release);
    }

    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    pub fn removed(&self) {
        self.set_ready(false);
        self.seat.store(NOWHERE, Ordering::Release);
    }
}

fn with_ports(addresses: impl Iterator<Item = IpAddr>, ports: [Option<u16>; 2]) -> Vec<SocketAddr> {
    let port = |ip: IpAddr| ports[usize::from(ip.is_ipv6())];
    addresses.filter_map(|ip| Some(SocketAddr::new(ip, port(ip)?))).collect()
}

fn unspecified(like: SocketAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
