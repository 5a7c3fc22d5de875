//! One world: a server that echoes, clients, mischief until [`CALM`], and what has to be true then.

mod exhausted;
mod siege;

use super::client::{Client, medium, shared, transport};
use super::network::{Datagram, FAIR, Network, Weather};
use super::time;
use crate::media::address::Urgency;
use crate::media::clock::Clock;
use crate::media::dtls::client_hello;
use crate::media::ice::{Origin, Path, local};
use crate::media::peer::{Incoming, Output, Room, Shared};
use crate::media::streams::Parts;
use crate::media::types::*;
use crate::media::worker::core::Core;
use crate::media::worker::handle::{NewPeer, PeerShared, WorkerHandle};
use crate::media::worker::owners::Found;
use crate::media::worker::wake::Bell;
use crate::rtp::Extensions;
use fastrand::Rng;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// ms of a world between two looks at what has arrived.
const STEP: u64 = 5;
/// Every client sends a packet so often, ms.
const PACKET: u64 = 20;
/// Who waits for its turn on a socket looks so often, ms: last flights that were lost have come again by then, mostly.
const PATIENCE: u64 = 1_500;
/// From here on the network is fair, and nobody moves or forges; ms.
const CALM: u64 = 8_000;
/// A client whose path was lost needs a check of its own to find another; they are up to three seconds apart.
const RECOVERED: u64 = CALM + 10_000;
const END: u64 = RECOVERED + 2_000;
/// Of the packets after [`RECOVERED`], so many have to come back.
const LEAST_BACK: u64 = (END - RECOVERED) / PACKET * 9 / 10;
/// Answers to checks are waited for up to 30 s.
const FORGOTTEN: u64 = END + 40_000;

#[derive(Clone, Copy, Debug)]
enum Mischief {
    /// The client's NAT gives it another address.
    Rebind(usize),
    /// The address of the first is given to the second, and the first gets another.
    Inherit(usize, usize),
    /// The first sends a request of its own with the address of the second.
    Forge(usize, usize),
    /// A datagram of the first, from earlier, comes again: from the second's address, or from nowhere.
    Replay(usize, Option<usize>),
    /// Bytes that begin like STUN, DTLS, RTP or RTCP, with the client's address; to the server, or from it.
    Garbage {
        client: usize,
        first: u8,
        to_server: bool,
    },
    RestartIce(usize),
    HangUp(usize),
    /// Nothing arrives in either direction for so long, ms.
    Blackout(usize, u64),
}

/// One that only notes its end: the world plays the plugin itself.
#[derive(Default)]
pub struct Nobody {
    pub closed: AtomicBool,
}

impl PeerSink for Nobody {
    fn connected(&self) {}
    fn incoming_rtp(&self, _: RtpIn<'_>) {}
    fn incoming_rtcp(&self, _: Mindex, _: bool, _: &mut [u8]) {}
    fn incoming_data(&self, _: &str, _: &str, _: bool, _: &[u8]) {}
    fn data_ready(&self) {}
    fn event(&self, _: PeerEvent) {}
    fn closed(&self, _: HangupReason) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

/// What the server has of a client.
struct Served {
    peer: Arc<PeerShared>,
    closed: Option<HangupReason>,
    hung_up: bool,
}

pub struct World {
    rng: Rng,
    begin: Clock,
    /// ms since the beginning.
    now: u64,
    weather: Weather,
    network: Network,
    shared: Arc<Shared>,
    core: Core,
    handle: Arc<WorkerHandle>,
    address: SocketAddr,
    served: Vec<Served>,
    clients: Vec<Client>,
    dark_until: Vec<u64>,
    checks: Vec<exhausted::Checks>,
    /// Earlier datagrams of clients, a few of each.
    heard: Vec<Vec<Vec<u8>>>,
    mischief: Vec<(u64, Mischief)>,
    sieges: Vec<siege::Siege>,
    /// Clients that begin when the one before, on the same socket, is connected.
    waiting: VecDeque<usize>,
    next_address: u16,
    /// Nobody sends media.
    silent: bool,
}

impl World {
    pub fn new(seed: u64) -> World {
        let mut world = World::without_clients(seed);
        for index in 0..world.rng.usize(2..=5) {
            // Some have two PeerConnections on one socket.
            let outside = match world.clients.last() {
                Some(other) if world.rng.u8(..4) == 0 => other.outside,
                _ => world.fresh_address(),
            };
            world.join(index, outside, medium(index, true), None);
        }
        world.plan();
        world
    }

    /// Clients on one socket, on a good day, whose SSRCs nobody has announced. `false_fingerprint`: the description of this
    /// one has another certificate than it shows.
    pub fn on_one_socket(count: usize, false_fingerprint: Option<usize>) -> World {
        let mut world = World::without_clients(0);
        world.weather = FAIR;
        let outside = world.fresh_address();
        for index in 0..count {
            let unannounced =
                MediumConfig { remote_ssrc: [0; 3], remote_ssrc_rtx: [0; 3], ..medium(index, true) };
            let fingerprint = (false_fingerprint == Some(index)).then(|| world.shared.fingerprint.clone());
            world.join(index, outside, unannounced, fingerprint);
        }
        world
    }

    fn without_clients(seed: u64) -> World {
        let mut rng = Rng::with_seed(seed);
        let begin = Clock::read();
        time::set(Some(begin.wall));
        let address = SocketAddr::from(([198, 51, 100, 1], 10_000));
        let config = EngineConfig { ice_lite: rng.u8(..4) == 0, stats_period: 0, ..EngineConfig::default() };
        let shared = shared(config);
        let ports = [address.is_ipv4(), address.is_ipv6()].map(|ours| ours.then_some(address.port()));
        let handle = Arc::new(WorkerHandle::new(0, ports, &[address.ip()], Bell::new().unwrap()));
        World {
            begin,
            now: 0,
            weather: Weather {
                loss: rng.f64() * 0.2,
                doubled: rng.f64() * 0.1,
                delay: (5, 5 + rng.u64(..80)),
            },
            network: Network::default(),
            core: Core::new(handle.clone(), shared.clone(), Vec::new()),
            handle,
            shared,
            address,
            served: Vec::new(),
            clients: Vec::new(),
            dark_until: Vec::new(),
            checks: Vec::new(),
            heard: Vec::new(),
            mischief: Vec::new(),
            sieges: Vec::new(),
            waiting: VecDeque::new(),
            next_address: 0,
            silent: false,
            rng,
        }
    }

    fn fresh_address(&mut self) -> SocketAddr {
        self.next_address += 1;
        SocketAddr::from(([203, 0, 113, 5], 20_000 + self.next_address))
    }

    fn clock(&self) -> Clock {
        self.begin.after(Duration::from_millis(self.now))
    }

    /// `medium`: as the server is told it. `fingerprint`: in place of its own.
    fn join(&mut self, index: usize, outside: SocketAddr, medium: MediumConfig, fingerprint: Option<String>) {
        let handle = self.handle.clone();
        let clock = self.clock();
        let mut client = Client::new(index, outside, clock);
        let credentials = IceCredentials {
            ufrag: format!("server{index}"),
            pwd: format!("server-{index}-with-twenty-two-characters"),
        };
        let candidates = local::advertised(&self.shared.config, &[self.address]);
        let peer = Arc::new(PeerShared::new(handle.clone(), credentials.clone(), candidates.clone(), 1));
        let config = PeerConfig {
            id: index as u64,
            ice_role: IceRole::Controlled,
            dtls_role: DtlsRole::ActPass,
            worker: None,
            force_relay: false,
        };
        handle.load.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.core.create(NewPeer {
            shared: peer.clone(),
            config,
            credentials,
            sink: Arc::<Nobody>::default(),
        });
        let mut of_client = client.transport();
        if let (Some(own), Some(other)) = (&mut of_client.fingerprint, fingerprint) {
            own.value = other;
        }
        let clients_part = Command::SetRemote { transport: of_client, dtls_role: DtlsRole::Passive };
        for command in [clients_part, Command::SetMedia(vec![medium]), Command::StartChecks] {
            self.core.command(&peer, command);
        }
        let transport = transport(&self.shared, &peer.credentials());
        client.command(clock, Command::SetRemote { transport, dtls_role: DtlsRole::Active });
        client.command(clock, Command::SetMedia(vec![super::client::medium(index, false)]));
        for candidate in candidates {
            client.command(clock, Command::AddRemoteCandidate(candidate));
        }
        // Nothing but the order tells two handshakes of one socket apart.
        if self.clients.iter().any(|other| other.outside == outside) {
            self.waiting.push_back(index);
        } else {
            client.command(clock, Command::StartChecks);
        }
        self.clients.push(client);
        self.served.push(Served { peer, closed: None, hung_up: false });
        self.dark_until.push(0);
        self.checks.push(Default::default());
        self.heard.push(Vec::new());
    }

    /// What will happen, and when.
    fn plan(&mut self) {
        let count = self.clients.len();
        for _ in 0..self.rng.usize(0..12) {
            let (a, b) = (self.rng.usize(..count), self.rng.usize(..count));
            let what = match self.rng.u8(..16) {
                0..=2 => Mischief::Rebind(a),
                3 | 4 => Mischief::Inherit(a, b),
                5..=7 => Mischief::Forge(a, b),
                8..=10 => Mischief::Replay(a, self.rng.bool().then_some(b)),
                11 | 12 => Mischief::Garbage {
                    client: a,
                    first: [0, 20, 21, 22, 23, 0x80][self.rng.usize(..6)],
                    to_server: self.rng.u8(..4) != 0,
                },
                13 => Mischief::RestartIce(a),
                14 => Mischief::HangUp(a),
                _ => Mischief::Blackout(a, self.rng.u64(100..2000)),
            };
            let at = self.rng.u64(..CALM);
            self.mischief.push((at, what));
        }
        self.mischief.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    }

    /// What is planned, for whoever looks for a fault.
    pub fn story(&self) -> String {
        let lite = if self.shared.config.ice_lite { ", lite" } else { "" };
        let behind: Vec<_> = self.clients.iter().map(|client| client.outside.port()).collect();
        format!("{:?}{lite}, clients at {behind:?}, {:?}, {:?}", self.weather, self.mischief, self.sieges)
    }

    /// Until this client is connected, and whether the server prefers it at its address then.
    pub fn prefers_who_connects(&mut self, client: usize) -> bool {
        self.silent = true;
        while self.served[client].peer.addressee().is_none() {
            self.now += STEP;
            assert!(self.now < RECOVERED, "client {client} never connected");
            self.step();
        }
        self.silent = false;
        let at = Origin::udp(self.clients[client].outside);
        self.served[client].peer.seat() == self.core.owners.several(&at).seats().first().copied()
            || self.core.owners.get(&at) == self.served[client].peer.seat().map(Found::Sole)
    }

    /// Others have had checks sent to the client's host, as many as may be.
    pub fn connects_although_its_host_was_sent_enough() -> bool {
        let mut world = World::on_one_socket(1, None);
        let at = world.clients[0].outside;
        while world.now < RECOVERED && !world.clients[0].connected {
            while world.shared.destinations.admits(at, world.clock().mono) {}
            world.now += STEP;
            while world.shared.destinations.admits(at, world.clock().mono) {}
            world.step();
        }
        time::set(None);
        world.clients[0].connected
    }

    /// Bytes that belong to no handshake come with the client's address while it shakes hands. How many entries the
    /// worker's timers had at most.
    pub fn timers_under_a_flood() -> usize {
        let mut world = World::on_one_socket(1, None);
        let at = world.clients[0].outside;
        let mut most = 0;
        let alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 1, 0];
        while world.now < RECOVERED && !world.clients[0].connected {
            world.now += STEP;
            world.step();
            for number in 0..200 {
                world.core.set_clock(world.clock().after(Duration::from_micros(number)));
                world.core.datagram(
                    Path::udp(world.address, at),
                    world.clock(),
                    &mut alert.clone(),
                    &mut Room::default(),
                );
            }
            most = most.max(world.core.timers.len());
        }
        assert!(world.clients[0].connected);
        time::set(None);
        most
    }

    /// Until something in the engine panics, which is caught as a worker does it. Whose PeerConnection was taken away, and
    /// whether all others go on.
    pub fn until_a_panic(mut self) -> (Option<usize>, bool) {
        while catch_unwind(AssertUnwindSafe(|| self.step())).is_ok() && self.now < END {
            self.now += STEP;
        }
        let broken = self.core.take_broken();
        let broken = broken.and_then(|call| self.served.iter().position(|s| s.peer.id == call.shared.id));
        let seats = self.core.seats.iter().filter(|seat| seat.is_some()).count();
        (broken, seats == self.served.len() - 1 && self.core.free.len() == 1)
    }

    /// From the beginning to the end.
    pub fn live(mut self) {
        while self.now < END {
            self.now += STEP;
            self.step();
            // Those of two ICE sessions at most, and the path between them.
            let seats = self.core.seats.iter().flatten();
            assert!(seats.map(|seat| seat.origins.len()).all(|known| known <= 65), "addresses pile up");
            if self.now == CALM {
                self.weather = FAIR;
            }
            if self.now >= CALM {
                self.restart_the_exhausted();
            }
            if self.now == RECOVERED {
                self.clients.iter_mut().for_each(|client| client.echoed = 0);
            }
        }
        self.check_recovery();
        self.leave_nothing();
        time::set(None);
    }

    fn step(&mut self) {
        let clock = self.clock();
        time::set(Some(clock.wall));
        self.core.set_clock(clock);
        while let Some((_, what)) = self.mischief.pop_if(|(at, _)| *at <= self.now) {
            self.make(what);
        }
        self.lay_siege();
        while let Some(datagram) = self.network.arrived(self.now) {
            self.deliver(datagram);
        }
        while let Some(index) = self.waiting.front().copied()
            && self.now.is_multiple_of(PATIENCE)
            && (self.clients[index - 1].connected || self.served[index - 1].closed.is_some())
        {
            self.waiting.pop_front();
            self.clients[index].command(clock, Command::StartChecks);
        }
        // One by one, so that it is known whose the datagrams are.
        for index in 0..self.served.len() {
            let Some(seat) = self.served[index].peer.seat() else { continue };
            let due = self.core.seats[seat as usize].as_ref().and_then(|seat| seat.due);
            if due.is_some_and(|due| due.at <= clock.instant) {
                self.core.step(seat, |connection, clock, out| connection.handle_timeout(clock, out));
                self.after_server(Some(index));
            }
        }
        if self.core.next_timeout().is_some_and(|at| at <= clock.instant) {
            self.core.run_timers();
        }
        self.after_server(None);
        for index in 0..self.clients.len() {
            if self.now.is_multiple_of(PACKET) && self.clients[index].connected && !self.silent {
                self.clients[index].send_rtp(clock);
            }
            self.clients[index].run_timers(clock);
            self.after_client(index);
        }
    }

    fn deliver(&mut self, mut datagram: Datagram) {
        let clock = self.clock();
        if datagram.to == self.address {
            self.note_arrival(&datagram);
            let path = Path::udp(self.address, datagram.from);
            let mut room = Room::default();
            let delivery = self.core.datagram(path, clock, &mut datagram.bytes, &mut room);
            if let Some(delivery) = delivery {
                let seat = delivery.seat;
                if let Incoming::Rtp { len, .. } = delivery.incoming {
                    self.echo(seat, &datagram.bytes[..len]);
                }
                self.core.after_media(seat);
            }
            self.after_server(Some(datagram.owner));
            return;
        }
        let behind: Vec<usize> =
            (0..self.clients.len()).filter(|c| self.clients[*c].outside == datagram.to).collect();
        let to_owner = behind.contains(&datagram.owner);
        for index in behind.into_iter().filter(|c| !to_owner || *c == datagram.owner) {
            if self.dark_until[index] <= self.now {
                self.clients[index].take(clock, &mut datagram.clone());
                self.after_client(index);
            }
        }
    }

    /// What echotest does; and the promise that it is never another's packet.
    fn echo(&mut self, seat: u32, packet: &[u8]) {
        let owner = usize::from(packet[packet.len() - 1]);
        let served = self.served.iter().position(|s| s.peer.seat() == Some(seat));
        assert_eq!(served, Some(owner), "a packet reached another's session");
        let out = RtpOut { mindex: 0, video: true, packet, extensions: Extensions::default() };
        if let (Some(to), Some(parts)) = (self.served[owner].peer.addressee(), Parts::of(&out)) {
            self.core.relay(to, &parts, Urgency::Now);
        }
    }

    /// Takes what the server has to send and to say. What is pending is written client by client, so that it is known
    /// whose it is.
    fn after_server(&mut self, owner: Option<usize>) {
        while let Some(call) = self.core.next_call() {
            if let Output::Closed(reason) = call.output {
                let served = self.served.iter_mut().find(|s| s.peer.id == call.shared.id);
                served.expect("of this world").closed = Some(reason);
            }
        }
        self.drain_server(owner);
        for index in 0..self.served.len() {
            if let Some(seat) = self.served[index].peer.seat() {
                self.core.write_pending(seat);
                self.drain_server(Some(index));
            }
        }
        self.core.pending.clear();
    }

    fn drain_server(&mut self, owner: Option<usize>) {
        let mut all = Vec::new();
        for lane in self.core.batch.lanes() {
            all.extend(self.core.batch.packets(lane).map(|packet| (lane.path.remote, packet.to_vec())));
        }
        self.core.batch.clear();
        for (to, bytes) in all {
            // Timers of several may have run: then whoever is there takes it.
            let owner = owner.or_else(|| self.clients.iter().position(|c| c.outside == to)).unwrap_or(0);
            self.note_answer(owner, &bytes);
            let datagram = Datagram { from: self.address, to, bytes, owner };
            self.network.send(&mut self.rng, self.weather, self.now, datagram);
        }
    }

    fn after_client(&mut self, index: usize) {
        for datagram in self.clients[index].drain() {
            self.note_sent(index);
            let heard = &mut self.heard[index];
            if heard.len() < 64 {
                heard.push(datagram.bytes.clone());
            } else {
                heard[self.rng.usize(..64)] = datagram.bytes.clone();
            }
            if self.dark_until[index] <= self.now {
                self.network.send(&mut self.rng, self.weather, self.now, datagram);
            }
        }
    }

    fn shakes_hands_beside_others(&self, client: usize) -> bool {
        let here = self.clients[client].outside;
        let beside = self.clients.iter().filter(|c| c.outside == here).count() > 1;
        beside && !self.clients[client].connected
    }

    /// A message in the clear that is well formed, and not the peer's: nothing tells the two apart in DTLS 1.2, and the peer does
    /// not begin anew (docs/reliability.md). Which one a seed chooses depends on how OpenSSL's version fills its datagrams.
    fn breaks_a_handshake(&self, client: usize, from: SocketAddr, bytes: &[u8]) -> bool {
        let is_message = matches!(bytes, [22, _, _, 0, 0, ..]) && client_hello(bytes).is_none();
        let shakes = |c: &Client| c.outside == from && c.index != client && !c.connected;
        is_message && self.clients.iter().any(shakes)
    }

    fn make(&mut self, what: Mischief) {
        let forge = |from, to, bytes, owner| Datagram { from, to, bytes, owner };
        match what {
            // Handshakes of two that meet at one address end in nothing: no byte tells them apart, on either side.
            Mischief::Rebind(client) if self.shakes_hands_beside_others(client) => {}
            Mischief::Inherit(old, new) if [old, new].iter().any(|c| !self.clients[*c].connected) => {}
            Mischief::Rebind(client) => self.clients[client].outside = self.fresh_address(),
            Mischief::Inherit(old, new) if old != new => {
                self.clients[new].outside = self.clients[old].outside;
                self.clients[old].outside = self.fresh_address();
            }
            Mischief::Inherit(..) => {}
            Mischief::Forge(client, victim) => {
                if let Some(check) = self.clients[client].check.clone() {
                    let from = self.clients[victim].outside;
                    self.deliver(forge(from, self.address, check, client));
                }
            }
            Mischief::Replay(client, from) => {
                let from = match from {
                    Some(other) => self.clients[other].outside,
                    None => self.fresh_address(),
                };
                if let Some(bytes) = self.rng.choice(&self.heard[client]).cloned()
                    && !self.breaks_a_handshake(client, from, &bytes)
                {
                    self.deliver(forge(from, self.address, bytes, client));
                }
            }
            Mischief::Garbage { client, first, to_server } => {
                let mut bytes: Vec<u8> = (0..self.rng.usize(1..200)).map(|_| self.rng.u8(..)).collect();
                bytes[0] = first;
                if bytes.len() > 13 && (20..24).contains(&first) {
                    // A record of DTLS 1.2 in the clear, of a length that is right.
                    let length = (bytes.len() as u16 - 13).to_be_bytes();
                    bytes[1..11].copy_from_slice(&[254, 253, 0, 0, 0, 0, 0, 0, 0, first]);
                    bytes[11..13].copy_from_slice(&length);
                }
                let ends = (self.clients[client].outside, self.address);
                let (from, to) = if to_server { ends } else { (ends.1, ends.0) };
                self.deliver(forge(from, to, bytes, client));
            }
            Mischief::RestartIce(client) if self.waiting.contains(&client) => {}
            Mischief::RestartIce(client) => self.restart_ice(client),
            Mischief::HangUp(client) => {
                self.served[client].hung_up = true;
                let peer = self.served[client].peer.clone();
                self.core.command(&peer, Command::Hangup(HangupReason::JanusApi));
                // The API tells it. Whoever went on would shake hands in the name of others on its socket.
                let clock = self.clock();
                self.clients[client].command(clock, Command::Hangup(HangupReason::JanusApi));
                self.after_server(Some(client));
            }
            Mischief::Blackout(client, for_ms) => self.dark_until[client] = self.now + for_ms,
        }
    }

    /// An offer of the client's with new credentials, and the answer.
    fn restart_ice(&mut self, index: usize) {
        let clock = self.clock();
        let again =
            |old: &IceCredentials| IceCredentials { ufrag: format!("{}x", old.ufrag), pwd: old.pwd.clone() };
        let client = &mut self.clients[index];
        let peer = self.served[index].peer.clone();
        let (of_client, of_server) = (again(&client.credentials), again(&peer.credentials()));
        client.credentials = of_client.clone();
        *peer.credentials.lock() = of_server.clone();
        self.core.command(&peer, Command::RestartIce(of_server.clone()));
        self.core.command(&peer, Command::SetRemoteCredentials(of_client.clone()));
        client.command(clock, Command::RestartIce(of_client));
        client.command(clock, Command::SetRemoteCredentials(of_server));
        for candidate in peer.candidates.clone() {
            client.command(clock, Command::AddRemoteCandidate(candidate));
        }
        self.core.command(&peer, Command::StartChecks);
        client.command(clock, Command::StartChecks);
        self.after_server(Some(index));
        self.after_client(index);
    }

    fn check_recovery(&self) {
        for (client, served) in self.clients.iter().zip(&self.served) {
            if served.hung_up {
                continue;
            }
            let context = format!("client {}", client.index);
            assert_eq!((client.closed, served.closed), (None, None), "{context} was closed");
            assert!(client.connected, "{context} never connected");
            assert!(client.echoed as u64 >= LEAST_BACK, "{context} got {} packets back", client.echoed);
        }
    }

    fn leave_nothing(&mut self) {
        for index in 0..self.served.len() {
            let peer = self.served[index].peer.clone();
            self.core.command(&peer, Command::Hangup(HangupReason::Detach));
            self.after_server(Some(index));
        }
        self.now = FORGOTTEN;
        let clock = self.clock();
        self.core.set_clock(clock);
        self.core.run_timers();
        let core = &self.core;
        assert!(core.seats.iter().all(Option::is_none), "a seat is taken");
        let left = (core.by_ufrag.len(), core.owners.len(), core.transactions.len());
        assert_eq!(left, (0, 0, 0), "ufrags, addresses, transactions left");
        assert_eq!(core.handle.load.load(std::sync::atomic::Ordering::Relaxed), 0);
    }
}
