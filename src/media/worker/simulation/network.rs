//! Datagrams under way, and what happens to them.

use fastrand::Rng;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

/// Probabilities for each datagram, and its delay.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub loss: f64,
    pub doubled: f64,
    /// ms, at least and at most; unequal ones reorder.
    pub delay: (u64, u64),
}

pub const FAIR: Weather = Weather { loss: 0.0, doubled: 0.0, delay: (5, 5) };

/// A datagram with the addresses that it shows; the true sender may be another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
    /// Which client it was written for, or by; for clients that share one socket.
    pub owner: usize,
}

#[derive(PartialEq, Eq)]
struct Flight {
    /// ms since the beginning.
    lands: u64,
    number: u64,
    datagram: Datagram,
}

impl Ord for Flight {
    fn cmp(&self, other: &Flight) -> Ordering {
        // The earliest on top.
        (other.lands, other.number).cmp(&(self.lands, self.number))
    }
}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Flight) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Default)]
pub struct Network {
    flights: BinaryHeap<Flight>,
    count: u64,
}

impl Network {
    pub fn send(&mut self, rng: &mut Rng, weather: Weather, now: u64, datagram: Datagram) {
        let copies = match rng.f64() {
            x if x < weather.loss => 0,
            x if x < weather.loss + weather.doubled => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let lands = now + rng.u64(weather.delay.0..=weather.delay.1);
            self.count += 1;
            self.flights.push(Flight { lands, number: self.count, datagram: datagram.clone() });
        }
    }

    /// The next datagram that has arrived by `now`.
    pub fn arrived(&mut self, now: u64) -> Option<Datagram> {
        if self.flights.peek()?.lands > now {
            return None;
        }
        Some(self.flights.pop()?.datagram)
    }
}
