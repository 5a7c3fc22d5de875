//! The limit where packets come from many: a bare loop that reads what has come, opens each packet, seals it in place once for each
//! receiver, and sends a receiver's packets of a frame as one train. It knows who sends to whom by the port alone, and does
//! nothing else: no ICE, no RTCP, no history, no plugin.
#![forbid(unsafe_code)]

use crate::limit::{self, HEADER, LARGEST, Load, TAG};
use crate::peer::AUDIO_PAYLOAD;
use crate::sys::{self, Batch, Socket};
use ring::aead::{Aad, LessSafeKey};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The second byte of the last packet of a frame (RFC 3550 §5.1).
const MARKER: u8 = 0x80;
/// How often the loop looks whether it is over, and how often receivers are read.
const LOOK: Duration = Duration::from_millis(50);
const TICK: Duration = Duration::from_millis(5);

/// Who gets what somebody sends.
#[derive(Clone, Copy, PartialEq)]
pub enum To {
    Others,
    Itself,
}

/// CPU µs of the loop per packet that leaves.
pub fn measure(core: usize, clients: usize, to: To, load: Load) -> Result<f64, String> {
    let text = |error: std::io::Error| error.to_string();
    let sockets = |count| (0..count).map(|_| Socket::new(false)).collect::<Result<Vec<_>, _>>().map_err(text);
    let senders = sockets(clients)?;
    // In a room who sends and who receives are two PeerConnections.
    let receivers = if to == To::Others { sockets(clients)? } else { Vec::new() };
    let routes = routes(&senders, &receivers);
    let bridge = Socket::new(false).map_err(text)?;
    bridge.wait(LOOK).map_err(text)?;
    let address = bridge.address;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let forwarding = scope.spawn(|| forward(core, &bridge, &routes, &stop));
        let sent = send(&senders, &receivers, address, load);
        stop.store(true, Ordering::Relaxed);
        let forwarded = forwarding.join().map_err(|_| "the loop has failed".to_owned())?;
        sent.and(forwarded)
    })
}

/// By the number of a sender's port: who gets its packets.
type Routes = Vec<Vec<SocketAddr>>;

fn routes(senders: &[Socket], receivers: &[Socket]) -> Routes {
    let mut routes = vec![Vec::new(); 1 << 16];
    for (number, sender) in senders.iter().enumerate() {
        let others = receivers.iter().enumerate().filter(|(other, _)| *other != number);
        let mut to: Vec<SocketAddr> = others.map(|(_, receiver)| receiver.address).collect();
        if receivers.is_empty() {
            to.push(sender.address);
        }
        routes[usize::from(sender.address.port())] = to;
    }
    routes
}

/// The packets of a frame that leave for one receiver.
struct Train {
    to: SocketAddr,
    bytes: Vec<u8>,
    length: u16,
}

fn forward(core: usize, bridge: &Socket, routes: &Routes, stop: &AtomicBool) -> Result<f64, String> {
    let text = |error: std::io::Error| error.to_string();
    sys::pin(core..core + 1).map_err(text)?;
    let key = limit::key()?;
    let mut batch = Batch::new(false);
    // Those that have left keep their memory.
    let mut trains: Vec<Train> = Vec::new();
    let mut used = 0;
    let (mut sequence, mut packets) = (0u64, 0u64);
    let before = sys::thread_cpu();
    while !stop.load(Ordering::Relaxed) {
        let count = bridge.receive(&mut batch);
        let mut is_whole = false;
        for i in 0..count {
            let message = batch.message(i);
            let to = &routes[usize::from(message.from.port())];
            let Some(packet) = open(&key, message.bytes) else { continue };
            is_whole |= packet[1] & MARKER != 0;
            for receiver in to {
                let length = (packet.len() + TAG) as u16;
                let fits = |train: &Train| train.to == *receiver && train.length == length;
                let place = trains[..used].iter().position(fits).unwrap_or_else(|| {
                    if used == trains.len() {
                        trains.push(Train { to: *receiver, bytes: Vec::new(), length });
                    }
                    let train = &mut trains[used];
                    (train.to, train.length) = (*receiver, length);
                    train.bytes.clear();
                    used += 1;
                    used - 1
                });
                sequence += 1;
                packets += 1;
                let bytes = &mut trains[place].bytes;
                let start = bytes.len();
                bytes.extend_from_slice(packet);
                bytes.extend_from_slice(&[0; TAG]);
                seal(&key, sequence, &mut bytes[start..])?;
            }
        }
        if is_whole {
            let leaving: Vec<_> =
                trains[..used].iter().map(|train| (train.to, train.bytes.as_slice(), train.length)).collect();
            bridge.send_trains(&leaving).map_err(text)?;
            used = 0;
        }
    }
    Ok((sys::thread_cpu() - before).as_secs_f64() * 1e6 / packets.max(1) as f64)
}

/// What was sealed with the number that the header carries; without its tag.
fn open<'a>(key: &LessSafeKey, datagram: &'a mut [u8]) -> Option<&'a [u8]> {
    let number = u64::from_be_bytes(datagram.get(4..12)?.try_into().ok()?);
    let (header, body) = datagram.split_at_mut_checked(HEADER)?;
    let length = key.open_in_place(limit::nonce(number), Aad::from(&*header), body).ok()?.len();
    Some(&datagram[..HEADER + length])
}

/// Seals the body of a packet whose last bytes are for the tag.
fn seal(key: &LessSafeKey, number: u64, packet: &mut [u8]) -> Result<(), String> {
    packet[4..12].copy_from_slice(&number.to_be_bytes());
    let (header, body) = packet.split_at_mut(HEADER);
    let (body, tag) = body.split_at_mut(body.len() - TAG);
    let made = key.seal_in_place_separate_tag(limit::nonce(number), Aad::from(&*header), body);
    tag.copy_from_slice(made.map_err(|error| error.to_string())?.as_ref());
    Ok(())
}

/// One kind of packets of one sender.
struct Source {
    sender: usize,
    payload: usize,
    train: usize,
    period: Duration,
    next: Instant,
}

/// The load: what the clients of the scenario send, at the same times, each packet by itself.
fn send(senders: &[Socket], receivers: &[Socket], to: SocketAddr, load: Load) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let key = limit::key()?;
    let start = Instant::now();
    let mut sources = Vec::new();
    for sender in 0..senders.len() {
        let mut add = |payload, train: usize, rate: u32, phase: f64| {
            let period = Duration::from_secs(1) * train as u32 / rate;
            let next = start + period.mul_f64((sender as f64 + phase) / senders.len() as f64);
            sources.push(Source { sender, payload, train, period, next });
        };
        add(load.payload, load.train, load.rate, 0.0);
        if load.audio > 0 {
            add(AUDIO_PAYLOAD, 1, load.audio, 0.5);
        }
    }
    let (mut batch, mut number) = (Batch::new(false), 0);
    let end = start + Duration::from_secs(load.seconds);
    while Instant::now() < end {
        for source in sources.iter_mut().filter(|source| source.next <= Instant::now()) {
            for packet in 1..=source.train {
                let mut datagram = [0x5a; HEADER + LARGEST + TAG];
                let datagram = &mut datagram[..HEADER + source.payload + TAG];
                datagram[1] = if packet == source.train { MARKER } else { 0 };
                number += 1;
                seal(&key, number, datagram)?;
                senders[source.sender].send(to, datagram).map_err(text)?;
            }
            source.next += source.period;
        }
        for socket in senders.iter().chain(receivers) {
            while socket.receive(&mut batch) == batch.capacity() {}
        }
        let now = Instant::now();
        let next = sources.iter().map(|source| source.next).min().unwrap_or(end).min(now + TICK);
        std::thread::sleep(next.saturating_duration_since(now));
    }
    Ok(())
}
