//! A UDP relay between one peer and the server: each sees the other at an address of the relay, which may misbehave.

use crate::home;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::UdpSocket;
use tokio::sync::Notify;

/// What the relay does to the datagrams of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// Which DTLS datagrams are lost: bit 0 stands for the next one, bit 1 for the one after it.
    pub lose_dtls: u32,
    /// Of a hundred datagrams so many are lost.
    pub loss: u32,
    /// Of a hundred datagrams so many are overtaken by the next one.
    pub reorder: u32,
    /// Nothing passes.
    pub silent: bool,
    /// Which ones are lost and reordered: each seed chooses others.
    pub seed: u32,
}

/// What happened to the datagrams of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub passed: usize,
    pub lost: usize,
    pub reordered: usize,
}

/// One direction: its policy, and the datagram that waits to be overtaken.
struct Direction {
    policy: Policy,
    counts: Counts,
    held: Option<Vec<u8>>,
    random: u32,
}

impl Direction {
    fn new(seed: u32) -> Self {
        Direction { policy: Policy::default(), counts: Counts::default(), held: None, random: seed }
    }

    fn follow(&mut self, policy: Policy) {
        self.policy = policy;
        self.random ^= policy.seed;
    }

    /// One chance of `percent` in a hundred (xorshift with a fixed seed: each run of a test makes the same choices).
    fn chance(&mut self, percent: u32) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random % 100 < percent
    }

    /// The datagrams to send now.
    fn take(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let lost = if self.policy.silent {
            true
        } else if is_dtls(datagram) && self.policy.lose_dtls > 0 {
            let next = self.policy.lose_dtls & 1 == 1;
            self.policy.lose_dtls >>= 1;
            next
        } else {
            self.chance(self.policy.loss)
        };
        if lost {
            self.counts.lost += 1;
            return vec![];
        }
        self.counts.passed += 1;
        if self.held.is_none() && self.chance(self.policy.reorder) {
            self.counts.reordered += 1;
            self.held = Some(datagram.to_vec());
            return vec![];
        }
        std::iter::once(datagram.to_vec()).chain(self.held.take()).collect()
    }
}

/// RFC 7983 §7.
fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(20..=63))
}

struct State {
    to_server: Direction,
    to_peer: Direction,
    /// The server's and the peer's real addresses, once their SDP told them.
    server: Option<SocketAddr>,
    peer: Option<SocketAddr>,
    /// Faces the server.
    far: Arc<UdpSocket>,
    /// The latest SRTP and SRTCP datagrams to the server.
    recorded: VecDeque<Vec<u8>>,
}

/// How many datagrams are recorded.
const RECORDED: usize = 64;

impl State {
    fn record(&mut self, datagram: &[u8]) {
        // RFC 7983 §7
        if !matches!(datagram.first(), Some(128..=191)) {
            return;
        }
        if self.recorded.len() == RECORDED {
            self.recorded.pop_front();
        }
        self.recorded.push_back(datagram.to_vec());
    }
}

pub struct Relay {
    state: Arc<Mutex<State>>,
    /// Faces the peer.
    near: SocketAddr,
    changed: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Relay {
    pub async fn new() -> Self {
        let near = Arc::new(socket().await);
        let address = near.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State {
            to_server: Direction::new(0x5eed_0001),
            to_peer: Direction::new(0x5eed_0002),
            server: None,
            peer: None,
            far: Arc::new(socket().await),
            recorded: VecDeque::new(),
        }));
        let changed = Arc::new(Notify::new());
        let task = tokio::spawn(forward(near, state.clone(), changed.clone()));
        Relay { state, near: address, changed, task }
    }

    /// A peer's SDP for the server: its candidates name the relay.
    pub fn from_peer(&self, sdp: &str) -> String {
        let mut state = self.state.lock().unwrap();
        let far = state.far.local_addr().expect("an address");
        let (sdp, peer) = readdress(sdp, far);
        state.peer = peer.or(state.peer);
        sdp
    }

    /// The server's SDP for a peer: its candidates name the relay.
    pub fn from_server(&self, sdp: &str) -> String {
        let mut state = self.state.lock().unwrap();
        let (sdp, server) = readdress(sdp, self.near);
        state.server = server.or(state.server);
        sdp
    }

    /// The server's real address for media.
    pub fn server(&self) -> SocketAddr {
        self.state.lock().unwrap().server.expect("an answer")
    }

    /// The address at which the server sees the peer.
    pub fn seen_by_server(&self) -> SocketAddr {
        self.state.lock().unwrap().far.local_addr().expect("an address")
    }

    /// Policy of the direction to the server, then of the direction to the peer.
    pub fn set(&self, to_server: Policy, to_peer: Policy) {
        let mut state = self.state.lock().unwrap();
        state.to_server.follow(to_server);
        state.to_peer.follow(to_peer);
    }

    /// Datagrams to the server, then to the peer.
    pub fn counts(&self) -> (Counts, Counts) {
        let state = self.state.lock().unwrap();
        (state.to_server.counts, state.to_peer.counts)
    }

    /// The latest SRTP and SRTCP datagrams that the peer sent.
    pub fn recorded(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().recorded.iter().cloned().collect()
    }

    /// Sends a datagram to the server that looks as if the peer had sent it.
    pub async fn forge(&self, datagram: &[u8]) {
        let (far, server) = {
            let state = self.state.lock().unwrap();
            (state.far.clone(), state.server)
        };
        send(&far, vec![datagram.to_vec()], server).await;
    }

    /// From now on the server sees the peer at another port, and the former one is dead: a NAT that lost its binding.
    pub async fn rebind(&self) {
        let far = Arc::new(socket().await);
        self.state.lock().unwrap().far = far;
        self.changed.notify_one();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(near: Arc<UdpSocket>, state: Arc<Mutex<State>>, changed: Arc<Notify>) {
    let (mut from_peer, mut from_server) = (vec![0; 2048], vec![0; 2048]);
    loop {
        let far = state.lock().unwrap().far.clone();
        tokio::select! {
            Ok((length, source)) = near.recv_from(&mut from_peer) => {
                let (datagrams, server) = {
                    let mut state = state.lock().unwrap();
                    state.peer = Some(source);
                    state.record(&from_peer[..length]);
                    (state.to_server.take(&from_peer[..length]), state.server)
                };
                send(&far, datagrams, server).await;
            }
            Ok((length, _)) = far.recv_from(&mut from_server) => {
                let (datagrams, peer) = {
                    let mut state = state.lock().unwrap();
                    (state.to_peer.take(&from_server[..length]), state.peer)
                };
                send(&near, datagrams, peer).await;
            }
            () = changed.notified() => {}
            // A port of the other side is closed: an ICMP error, no datagram.
            else => {}
        }
    }
}

async fn send(socket: &UdpSocket, datagrams: Vec<Vec<u8>>, to: Option<SocketAddr>) {
    let Some(to) = to else { return };
    for datagram in datagrams {
        let _ = socket.send_to(&datagram, to).await;
    }
}

async fn socket() -> UdpSocket {
    UdpSocket::bind((home(), 0)).await.expect("a socket")
}

/// The SDP with only one candidate per medium, which is `address`; and the address of the first one that was there.
fn readdress(sdp: &str, address: SocketAddr) -> (String, Option<SocketAddr>) {
    let mut real = None;
    let mut written = String::new();
    let mut named = false;
    for line in sdp.lines() {
        if line.starts_with("m=") {
            named = false;
        }
        if let Some(candidate) = line.strip_prefix("a=candidate:") {
            // RFC 8839 §5.1: foundation component transport priority address port …
            let mut fields: Vec<String> = candidate.split(' ').map(str::to_owned).collect();
            if named || fields.len() < 8 || !fields[2].eq_ignore_ascii_case("udp") {
                continue;
            }
            real = real.or_else(|| format!("{}:{}", fields[4], fields[5]).parse().ok());
            (fields[4], fields[5]) = (address.ip().to_string(), address.port().to_string());
            named = true;
            written += &format!("a=candidate:{}\r\n", fields.join(" "));
        } else {
            written += line;
            written += "\r\n";
        }
    }
    (written, real)
}
