//! The limit: what a bare loop with the same crypto and system calls costs on the same core. Nothing is parsed, kept or
//! decided: each packet is sealed in place once for each receiver, and a receiver's packets leave as one train.
#![forbid(unsafe_code)]

use crate::peer::PAYLOAD;
use crate::sys::{self, Batch, Socket};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// RTP header with two small extensions, the size that forwarded packets have.
const HEADER: usize = 24;
const TAG: usize = 16;
const DATAGRAM: usize = HEADER + PAYLOAD + TAG;

/// CPU µs per packet, for trains of `train` packets to each of `receivers` sockets, for the time of `seconds`.
pub fn measure(
    core: usize,
    receivers: usize,
    train: usize,
    rate: u32,
    gro: bool,
    seconds: u64,
) -> Result<f64, String> {
    let text = |error: std::io::Error| error.to_string();
    let sockets: Vec<Socket> =
        (0..receivers).map(|_| Socket::new(gro)).collect::<Result<_, _>>().map_err(text)?;
    let addresses: Vec<SocketAddr> = sockets.iter().map(|socket| socket.address).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let sender = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let result = send(core, &addresses, train, rate, seconds);
            stop.store(true, Ordering::Relaxed);
            result
        }
    });
    let mut batch = Batch::new(gro);
    while !stop.load(Ordering::Relaxed) {
        for socket in &sockets {
            while socket.receive(&mut batch) == batch.capacity() {}
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    sender.join().map_err(|_| "the sender has failed".to_owned())?
}

fn send(core: usize, receivers: &[SocketAddr], train: usize, rate: u32, seconds: u64) -> Result<f64, String> {
    sys::pin(core).map_err(|error| error.to_string())?;
    let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).map_err(|error| error.to_string())?;
    let key = LessSafeKey::new(key);
    let socket = Socket::new(false).map_err(|error| error.to_string())?;
    let packet = [0x5a_u8; DATAGRAM];
    let mut slots = vec![vec![0u8; DATAGRAM * train]; receivers.len()];
    let period = Duration::from_secs(1) * train as u32 / rate;
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut next, mut sequence, mut packets) = (Instant::now(), 0u64, 0u64);
    let before = sys::thread_cpu();
    while next < end {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next += period;
        for slot in &mut slots {
            for datagram in slot.chunks_exact_mut(DATAGRAM) {
                sequence += 1;
                datagram.copy_from_slice(&packet);
                let (header, rest) = datagram.split_at_mut(HEADER);
                let (body, tag) = rest.split_at_mut(PAYLOAD);
                let mut nonce = [0; 12];
                nonce[4..].copy_from_slice(&sequence.to_be_bytes());
                let nonce = Nonce::assume_unique_for_key(nonce);
                let made = key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body);
                tag.copy_from_slice(made.map_err(|error| error.to_string())?.as_ref());
            }
        }
        let trains: Vec<_> = receivers.iter().zip(&slots).map(|(to, slot)| (*to, slot.as_slice())).collect();
        socket.send_trains(&trains, DATAGRAM as u16).map_err(|error| error.to_string())?;
        packets += (train * receivers.len()) as u64;
    }
    Ok((sys::thread_cpu() - before).as_secs_f64() * 1e6 / packets as f64)
}
