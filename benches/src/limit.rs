//! The limit: what a bare loop with the same crypto and system calls costs on the same core. Nothing is parsed, kept or
//! decided: each packet is sealed in place once for each receiver, and a receiver's packets leave as one train.
#![forbid(unsafe_code)]

use crate::peer::AUDIO_PAYLOAD;
use crate::sys::{self, Batch, Socket};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// RTP header with two small extensions, the size that forwarded packets have.
pub const HEADER: usize = 24;
pub const TAG: usize = 16;
/// Largest payload.
pub const LARGEST: usize = 1200;

/// What one source sends.
#[derive(Clone, Copy)]
pub struct Load {
    /// Bytes of a packet, its header and tag apart; those of audio are fewer.
    pub payload: usize,
    /// Packets that leave together.
    pub train: usize,
    /// Packets per second.
    pub rate: u32,
    /// Packets of audio per second, which leave alone.
    pub audio: u32,
    pub seconds: u64,
}

/// CPU µs per packet, with that load for each of `receivers` sockets.
pub fn measure(core: usize, receivers: usize, load: Load, gro: bool) -> Result<f64, String> {
    let text = |error: std::io::Error| error.to_string();
    let sockets: Vec<Socket> =
        (0..receivers).map(|_| Socket::new(gro)).collect::<Result<_, _>>().map_err(text)?;
    let addresses: Vec<SocketAddr> = sockets.iter().map(|socket| socket.address).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let sender = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let result = send(core, &addresses, load);
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

/// Packets of one kind that leave again and again.
struct Source {
    next: Instant,
    period: Duration,
    payload: usize,
    /// One train for each receiver.
    trains: Vec<Vec<u8>>,
}

impl Source {
    fn new(payload: usize, train: usize, rate: u32, receivers: usize) -> Source {
        let trains = vec![vec![0x5a; (HEADER + payload + TAG) * train]; receivers];
        Source { next: Instant::now(), period: Duration::from_secs(1) * train as u32 / rate, payload, trains }
    }
}

fn send(core: usize, receivers: &[SocketAddr], load: Load) -> Result<f64, String> {
    let text = |error: std::io::Error| error.to_string();
    sys::pin(core..core + 1).map_err(text)?;
    let key = key()?;
    let socket = Socket::new(false).map_err(text)?;
    let packet = [0x5a_u8; HEADER + LARGEST + TAG];
    let mut sources = vec![Source::new(load.payload, load.train, load.rate, receivers.len())];
    if load.audio > 0 {
        sources.push(Source::new(AUDIO_PAYLOAD, 1, load.audio, receivers.len()));
    }
    let end = Instant::now() + Duration::from_secs(load.seconds);
    let (mut sequence, mut packets) = (0u64, 0u64);
    let before = sys::thread_cpu();
    while let Some(source) = sources.iter_mut().min_by_key(|source| source.next)
        && source.next < end
    {
        std::thread::sleep(source.next.saturating_duration_since(Instant::now()));
        source.next += source.period;
        let length = HEADER + source.payload + TAG;
        for train in &mut source.trains {
            for datagram in train.chunks_exact_mut(length) {
                sequence += 1;
                packets += 1;
                datagram.copy_from_slice(&packet[..length]);
                let (header, rest) = datagram.split_at_mut(HEADER);
                let (body, tag) = rest.split_at_mut(source.payload);
                let made = key.seal_in_place_separate_tag(nonce(sequence), Aad::from(&*header), body);
                tag.copy_from_slice(made.map_err(|error| error.to_string())?.as_ref());
            }
        }
        let trains: Vec<_> = receivers
            .iter()
            .zip(&source.trains)
            .map(|(to, train)| (*to, train.as_slice(), length as u16))
            .collect();
        socket.send_trains(&trains).map_err(text)?;
    }
    Ok((sys::thread_cpu() - before).as_secs_f64() * 1e6 / packets as f64)
}

/// That of everybody.
pub fn key() -> Result<LessSafeKey, String> {
    UnboundKey::new(&AES_128_GCM, &[7; 16]).map(LessSafeKey::new).map_err(|error| error.to_string())
}

pub fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}
