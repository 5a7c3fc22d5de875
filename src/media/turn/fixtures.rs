//! A relay on loopback, for tests of what is above.

use super::frame::Frame;
use super::message::data_indication;
use super::tests::{Relay, server};
use super::{Server, Transport};
use is::stun::{Method, StunMessage};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What it has done.
#[derive(Default)]
pub struct Counts {
    pub allocations: AtomicUsize,
    pub permissions: AtomicUsize,
    pub channels: AtomicUsize,
    /// To peers.
    pub by_indication: AtomicUsize,
    pub by_channel: AtomicUsize,
    /// To peers without a permission.
    pub refused: AtomicUsize,
}

pub struct Loopback {
    pub address: SocketAddr,
    pub counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    forget: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Of one client.
struct Allocation {
    control: Relay,
    socket: UdpSocket,
    permitted: HashSet<IpAddr>,
    channels: HashMap<u16, SocketAddr>,
}

impl Loopback {
    pub fn start() -> Loopback {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (counts, stop, forget): (Arc<Counts>, Arc<AtomicBool>, Arc<AtomicBool>) = Default::default();
        let (counted, stopped, forgets) = (counts.clone(), stop.clone(), forget.clone());
        let thread = std::thread::spawn(move || serve(&socket, &counted, &stopped, &forgets));
        Loopback { address, counts, stop, forget, thread: Some(thread) }
    }

    pub fn server(&self) -> Server {
        Server { address: self.address, ..server(Transport::Udp) }
    }

    /// As if it had been started again.
    pub fn forget(&self) {
        self.forget.store(true, Ordering::SeqCst);
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()));
    }
}

fn bump(count: &AtomicUsize) {
    count.fetch_add(1, Ordering::SeqCst);
}

fn serve(socket: &UdpSocket, counts: &Counts, stop: &AtomicBool, forget: &AtomicBool) {
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut clients: HashMap<SocketAddr, Allocation> = HashMap::new();
    let mut bytes = [0; 2048];
    while !stop.load(Ordering::SeqCst) {
        if forget.swap(false, Ordering::SeqCst) {
            clients.clear();
        }
        // As many as wait, then the other direction.
        for _ in 0..64 {
            let Ok((len, from)) = socket.recv_from(&mut bytes) else { break };
            let client = clients.entry(from).or_insert_with(Allocation::new);
            if let Some(answer) = client.take(&bytes[..len], counts) {
                socket.send_to(&answer, from).unwrap();
            }
        }
        for (client, allocation) in &clients {
            while let Ok((len, peer)) = allocation.socket.recv_from(&mut bytes) {
                if let Some(message) = allocation.wrap(peer, &bytes[..len]) {
                    let _ = socket.send_to(&message, client);
                }
            }
        }
    }
}

impl Allocation {
    fn new() -> Allocation {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let control = Relay { relayed: socket.local_addr().unwrap(), ..Relay::new() };
        Allocation { control, socket, permitted: HashSet::new(), channels: HashMap::new() }
    }

    fn take(&mut self, message: &[u8], counts: &Counts) -> Option<Vec<u8>> {
        if matches!(message[0], 0x40..=0x4F) {
            let number = u16::from_be_bytes([message[0], message[1]]);
            let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
            let peer = self.channels.get(&number)?;
            assert_eq!(message.len(), 4 + length);
            bump(&counts.by_channel);
            let _ = self.socket.send_to(&message[4..], peer);
            return None;
        }
        let read = StunMessage::parse(message).unwrap();
        if read.method() == Method::Send {
            let mut as_data = message.to_vec();
            as_data[1] = 0x17;
            let (peer, range) = data_indication(&as_data).unwrap();
            if self.permitted.contains(&peer.ip()) {
                bump(&counts.by_indication);
                let _ = self.socket.send_to(&message[range], peer);
            } else {
                bump(&counts.refused);
            }
            return None;
        }
        let answer = self.control.answer(message);
        // A success: no bit of an error.
        if answer[1] & 0x10 == 0 {
            match read.method() {
                Method::Allocate => bump(&counts.allocations),
                Method::CreatePermission => {
                    bump(&counts.permissions);
                    self.permitted.insert(read.xor_peer_address().unwrap().ip());
                }
                Method::ChannelBind => {
                    bump(&counts.channels);
                    self.permitted.insert(read.xor_peer_address().unwrap().ip());
                    self.channels.insert(read.channel_number().unwrap(), read.xor_peer_address().unwrap());
                }
                _ => {}
            }
        }
        Some(answer)
    }

    fn wrap(&self, peer: SocketAddr, payload: &[u8]) -> Option<Vec<u8>> {
        let number = self.channels.iter().find(|(_, known)| **known == peer).map(|(number, _)| *number);
        let frame = number.map_or(Frame::Indication(peer), Frame::Channel);
        if number.is_none() && !self.permitted.contains(&peer.ip()) {
            return None;
        }
        let mut message = vec![0; frame.head()];
        frame.write(&mut message, payload.len());
        message.extend(payload);
        message.resize(message.len() + frame.tail(payload.len(), false), 0);
        if number.is_none() {
            message[1] = 0x17;
        }
        Some(message)
    }
}
