//! The engine as the control plane sees it.
#![forbid(unsafe_code)]

use super::counts;
use super::dtls::{DtlsConfig, DtlsContext, DtlsError, Identity};
use super::peer::Shared;
use super::route::Route;
use super::streams::Settings;
use super::turn::Server;
use super::types::*;
use super::worker::handle::{Job, NewPeer, PeerShared, WorkerHandle};
use super::worker::placement::Placement;
use super::worker::{relief, run, start};
use crate::stall::Stall;
use crate::util::lock::Lock;
use crate::util::random;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// media-plane.md §3.1: how long the STUN server may take at start.
const STUN_LIMIT: Duration = Duration::from_secs(5);

/// How long TURN servers may take at start. The reference waits for none.
const RELAY_LIMIT: Duration = Duration::from_secs(2);

/// Each has threads, sockets and buffers of its own; configured is what somebody mistyped.
const MOST_WORKERS: usize = 256;

/// All workers of the process.
pub struct Engine {
    shared: Arc<Shared>,
    workers: Vec<Arc<WorkerHandle>>,
    threads: Lock<Vec<JoinHandle<()>>>,
    certificate_expires: i64,
    placement: Lock<Placement>,
    has_relays: AtomicBool,
}

/// Datagrams of one worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficSnapshot {
    pub received: u64,
    pub sent: u64,
    /// System calls that they were sent with.
    pub send_calls: u64,
    /// Not taken by the kernel, or lost because other threads wrote faster than the worker could send.
    pub dropped: u64,
    /// Of those, the latter.
    pub ring_full: u64,
}

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The certificate, its key, or the ciphers.
    #[error("{0}")]
    Dtls(#[from] DtlsError),
    #[error("cannot start a media worker: {0}")]
    Worker(#[source] std::io::Error),
}

/// One PeerConnection, from any thread. Cloning shares it.
#[derive(Clone)]
pub struct Peer {
    shared: Arc<PeerShared>,
    engine: Arc<Shared>,
}

impl Engine {
    /// Binds one UDP socket per worker and address family (and, with `ice_tcp`, one that takes TCP connections), makes or loads
    /// the certificate, starts the workers, and waits up to 5 s for the STUN server and 2 s for the TURN server, if there is one.
    pub fn start(config: EngineConfig) -> Result<Engine, EngineError> {
        let identity = match &config.certificate {
            Some((certificate, key, password)) => {
                Identity::from_pem(certificate.as_bytes(), key.as_bytes(), password.as_deref())
            }
            None => Identity::generate(config.rsa_private_key),
        }?;
        let dtls = DtlsContext::new(
            &identity,
            &DtlsConfig {
                mtu: config.dtls_mtu,
                ciphers: config.dtls_ciphers.clone(),
                accept_selfsigned: config.dtls_accept_selfsigned,
                ..DtlsConfig::default()
            },
        )?;
        report_missing(&config);
        let workers = config
            .workers
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |cores| cores.get()))
            .clamp(1, MOST_WORKERS);
        let fingerprint = identity.fingerprint().to_owned();
        let certificate_expires = identity.expires();
        let mut engine = Engine {
            shared: Arc::new(Shared {
                live: Lock::new((&config).into()),
                destinations: Default::default(),
                cookies: Default::default(),
                config,
                dtls,
                fingerprint,
            }),
            workers: Vec::new(),
            threads: Lock::new(Vec::new()),
            certificate_expires,
            placement: Lock::new(Placement::new(workers)),
            has_relays: AtomicBool::new(false),
        };
        let named = engine.shared.config.udp_ports.len();
        for index in 0..workers {
            let (handle, thread) = match start::start(index, &engine.shared) {
                Ok(started) => started,
                // A port range made for a few PeerConnections may be too small for a worker per core. A port that is
                // named is meant.
                Err(error) if index > 0 && index >= named => {
                    tracing::warn!("{index} of {workers} media workers: no socket for the next one: {error}");
                    break;
                }
                Err(error) => return Err(EngineError::Worker(error)),
            };
            engine.workers.push(handle);
            engine.threads.lock().push(thread);
        }
        if !engine.shared.config.turn_servers.is_empty() {
            engine.use_relays(engine.shared.config.turn_servers.clone());
        }
        if engine.shared.config.stun_server.is_some() {
            engine.wait(STUN_LIMIT, |worker| worker.reflexive().is_some());
        }
        if engine.has_relays() {
            engine.wait(RELAY_LIMIT, WorkerHandle::is_relay_settled);
        }
        Ok(engine)
    }

    /// So that the first PeerConnections have reflexive and relayed candidates too. Without an answer there are just none.
    fn wait(&self, limit: Duration, done: impl Fn(&WorkerHandle) -> bool) {
        let limit = Instant::now() + limit;
        while self.workers.iter().any(|worker| !done(worker)) && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has each worker take an address from the first of these TURN servers that gives one; now, and whenever it is lost.
    pub fn use_relays(&self, servers: Vec<Server>) {
        if !self.shared.config.may_be_relayed() {
            return;
        }
        self.has_relays.store(!servers.is_empty(), Ordering::Release);
        for worker in &self.workers {
            worker.submit(Job::Relays(servers.clone()));
        }
    }

    /// Whether relayed candidates are to be expected.
    pub fn has_relays(&self) -> bool {
        self.has_relays.load(Ordering::Acquire)
    }

    /// Addresses that are relayed to us.
    pub fn relayed_addresses(&self) -> Vec<SocketAddr> {
        self.workers.iter().filter_map(|worker| Some(worker.relayed()?.address)).collect()
    }

    /// Our addresses as the STUN server sees them, where it answered.
    pub fn reflexive_addresses(&self) -> Vec<SocketAddr> {
        self.workers.iter().filter_map(|worker| Some(worker.reflexive()?.from_outside)).collect()
    }

    /// SHA-256 of the DTLS certificate, upper-case hex with colons (MP-127).
    pub fn fingerprint(&self) -> &str {
        &self.shared.fingerprint
    }

    /// The end of the DTLS certificate's validity, in seconds since 1970.
    pub fn certificate_expires(&self) -> i64 {
        self.certificate_expires
    }

    /// Real addresses of the sockets of each worker.
    pub fn addresses(&self) -> Vec<Vec<SocketAddr>> {
        self.workers.iter().map(|worker| worker.bound()).collect()
    }

    /// The worker whose addresses these all are: who tells them is a PeerConnection of ours as well. One alone may be another
    /// host's, too, such as that of a bridge.
    pub fn worker_at(&self, addresses: &[SocketAddr]) -> Option<usize> {
        if addresses.is_empty() {
            return None;
        }
        let are_of = |worker: &Arc<WorkerHandle>| {
            let (bound, told) = (worker.bound(), worker.advertised(&self.shared.config, false));
            let is_of = |a: &SocketAddr| bound.contains(a) || told.iter().any(|known| known.address == *a);
            addresses.iter().all(is_of)
        };
        self.workers.iter().position(are_of)
    }

    /// Where a PeerConnection can live whose peer has these addresses, if that matters: two on one socket would have the same
    /// addresses on both ends, which then tell nobody whose a packet is.
    pub fn apart_from(&self, addresses: &[SocketAddr]) -> Option<usize> {
        let taken = self.worker_at(addresses)?;
        self.placement.lock().choose_but(&self.workers, Instant::now(), Some(taken))
    }

    /// A new PeerConnection. It lives until [`Command::Hangup`], or until its transport ends it: until
    /// [`PeerSink::closed`] in either case, also when the [`Peer`] is dropped.
    pub fn create_peer(&self, config: PeerConfig, sink: Arc<dyn PeerSink>) -> Peer {
        let worker = {
            // Held until the load is counted, so that handles that come together do not go to the same worker.
            let mut placement = self.placement.lock();
            let chosen = config.worker.filter(|index| *index < self.workers.len());
            let index = chosen.unwrap_or_else(|| placement.choose(&self.workers, Instant::now()));
            let worker = &self.workers[index];
            worker.load.fetch_add(1, Ordering::Relaxed);
            worker
        };
        let credentials = fresh_credentials();
        let candidates = worker.advertised(&self.shared.config, config.force_relay);
        let mut shared = PeerShared::new(worker.clone(), credentials.clone(), candidates, config.id);
        shared.relayed_only = config.force_relay;
        let shared = Arc::new(shared);
        worker.submit(Job::Create(Box::new(NewPeer { shared: shared.clone(), config, credentials, sink })));
        Peer { shared, engine: self.shared.clone() }
    }

    /// The host has these addresses now: the next offers have them, and running PeerConnections check from the new ones.
    pub fn follow(&self, addresses: &[IpAddr]) {
        self.workers.iter().for_each(|worker| worker.follow(addresses));
    }

    #[cfg(test)]
    pub(super) fn worker(&self, index: usize) -> Arc<WorkerHandle> {
        self.workers[index].clone()
    }

    /// PeerConnections per worker (`loops_info`).
    pub fn loads(&self) -> Vec<usize> {
        self.workers.iter().map(|worker| worker.load.load(Ordering::Relaxed)).collect()
    }

    /// Asks every worker for a sign of life; the index of one that gave none within `limit`. Not from a [`PeerSink`] call.
    pub fn answers(&self, limit: Duration) -> Result<(), usize> {
        let end = Instant::now() + limit;
        let ask = |worker: &Arc<WorkerHandle>| {
            let (reply, answer) = std::sync::mpsc::sync_channel(1);
            worker.submit(Job::Answer(reply));
            answer
        };
        let answers: Vec<_> = self.workers.iter().map(ask).collect();
        for (index, answer) in answers.into_iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            answer.recv_timeout(left).map_err(|_| index)?;
        }
        Ok(())
    }

    /// Other values for what the Admin API may change while running; in force within a second, also for existing
    /// PeerConnections.
    pub fn tune(&self, settings: Settings) {
        *self.shared.live.lock() = settings;
    }

    /// The values last given to [`Engine::tune`], at first those of the configuration.
    pub fn tuning(&self) -> Settings {
        *self.shared.live.lock()
    }

    /// What each worker has carried so far.
    pub fn traffic(&self) -> Vec<TrafficSnapshot> {
        let of = |worker: &Arc<WorkerHandle>| TrafficSnapshot {
            received: worker.traffic.received.load(Ordering::Relaxed),
            sent: worker.traffic.sent.load(Ordering::Relaxed),
            send_calls: worker.traffic.send_calls.load(Ordering::Relaxed),
            dropped: worker.traffic.dropped.load(Ordering::Relaxed),
            ring_full: worker.ring.dropped(),
        };
        self.workers.iter().map(of).collect()
    }

    /// What each worker has counted so far.
    pub fn counts(&self) -> Vec<counts::Snapshot> {
        self.workers.iter().map(|worker| worker.counts.read()).collect()
    }

    /// Lets another thread go on with the worker whose thread is in this callback. False when there is none.
    pub fn relieve(&self, stall: &Stall) -> bool {
        self.workers.iter().any(|worker| relief::relieve(worker, stall))
    }

    /// Hangs up everything and joins the workers. Not from a [`PeerSink`] call.
    pub fn stop(&self) {
        for worker in &self.workers {
            worker.submit(Job::Stop);
        }
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a media worker panicked");
            }
        }
        for worker in &self.workers {
            while let Some(thread) = { worker.successors.lock().pop() } {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Peer {
    pub fn local_credentials(&self) -> IceCredentials {
        self.shared.credentials()
    }

    /// New local credentials, in force at once; checks start anew.
    pub fn restart_ice(&self) -> IceCredentials {
        let credentials = fresh_credentials();
        *self.shared.credentials.lock() = credentials.clone();
        self.command(Command::RestartIce(credentials.clone()));
        credentials
    }

    /// Those of now: addresses come and go.
    pub fn local_candidates(&self) -> Vec<Candidate> {
        self.shared.worker.advertised(&self.engine.config, self.shared.relayed_only)
    }

    /// Addresses of this host that it may be reached at.
    pub fn own_addresses(&self) -> Vec<IpAddr> {
        self.shared.worker.bound().iter().map(SocketAddr::ip).collect()
    }

    /// Index of the worker that it lives on.
    pub fn worker(&self) -> usize {
        self.shared.worker.index
    }

    /// Queued to the worker, in order. Requests for key frames and bit rates merge while they wait; data and RTCP are dropped,
    /// and counted in the snapshot, while too much of them waits.
    pub fn command(&self, command: Command) {
        self.shared.submit(command);
    }

    /// A message on a data channel, in order with commands. On the worker's own thread, where plugins answer what has come, it
    /// goes straight to the PeerConnection if nothing waits.
    pub fn relay_data(&self, label: Option<&str>, protocol: Option<&str>, binary: bool, message: &[u8]) {
        if !run::relay_data_here(&self.shared, label, protocol, binary, message) {
            self.command(Command::RelayData {
                label: label.map(Into::into),
                protocol: protocol.map(Into::into),
                binary,
                message: message.to_vec(),
            });
        }
    }

    /// Changes (media, candidates, credentials) that the worker has not taken in, and about how many bytes they have. Whoever
    /// asks for more has to look: they are never dropped.
    pub fn changes_waiting(&self) -> (usize, usize) {
        self.shared.intake.changes()
    }

    /// The hot path: one copy, no lock, no allocation. Any thread. The caller's buffer is not changed (MP-180).
    pub fn relay_rtp(&self, packet: RtpOut<'_>) {
        run::relay(&self.shared, &packet);
    }

    /// Notes where packets go. Once media may be sent.
    pub fn note_route(&self, route: &Route) {
        route.set(&self.shared);
    }

    /// Asks the worker; `None` when the PeerConnection is gone. Blocks shortly; from a [`PeerSink`] call on the same
    /// worker it does not block.
    pub fn snapshot(&self) -> Option<PeerSnapshot> {
        run::snapshot(&self.shared)
    }
}

/// RFC 8445 §5.3 asks for at least 4 and 22 characters.
fn fresh_credentials() -> IceCredentials {
    IceCredentials { ufrag: random::token(8), pwd: random::token(24) }
}

fn report_missing(config: &EngineConfig) {
    if config.addresses.is_empty() {
        tracing::warn!(
            "no address to listen on: no PeerConnection can be reached until there is one (loopback counts only when ice_enforce_list names it)"
        );
    }
}
