//! A hash of addresses that is asked for with each datagram, a tenth of the instructions of the standard library's.
//!
//! Each word is multiplied with a secret, and both halves of the product are folded into one. Who does not know the secrets
//! cannot choose addresses that meet in one place; and only addresses whose owner has shown that it knows a password of ours
//! are kept at all.
#![forbid(unsafe_code)]

use crate::util::random;
use std::hash::{BuildHasher, Hasher};

#[derive(Clone, Copy)]
pub struct Keyed {
    start: u64,
    factor: u64,
}

impl Keyed {
    pub fn new() -> Keyed {
        // Odd: a factor that is 0 would make all equal.
        Keyed { start: random::u64_full(), factor: random::u64_full() | 1 }
    }
}

impl BuildHasher for Keyed {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded { state: self.start, factor: self.factor }
    }
}

pub struct Folded {
    state: u64,
    factor: u64,
}

impl Folded {
    #[inline]
    fn word(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.factor);
        self.state = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Folded {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            self.word(u64::from_ne_bytes(word));
        }
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.word(number.into());
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.word(number.into());
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.word(number as u64);
    }

    #[inline]
    fn write_isize(&mut self, number: isize) {
        self.word(number as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::net::SocketAddr;

    #[test]
    fn neighbours_are_far_apart_and_each_worker_has_its_own_order() {
        let (one, other) = (Keyed::new(), Keyed::new());
        let v4 = (0..2000).map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        let hosts = (0..=255).map(|host| SocketAddr::from(([192, 0, 2, host], 5004)));
        let v6 = (0..2000).map(|host| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, host], 5004)));
        let all: HashSet<SocketAddr> = v4.chain(hosts).chain(v6).collect();
        let hashes: HashSet<u64> = all.iter().map(|address| one.hash_one(address)).collect();
        assert_eq!(hashes.len(), all.len());
        // Neither the upper nor the lower bits are the same for all.
        for shift in [0, 57] {
            let places: HashSet<u64> = hashes.iter().map(|hash| hash >> shift & 0x7F).collect();
            assert_eq!(places.len(), 128);
        }
        assert!(all.iter().any(|address| one.hash_one(address) != other.hash_one(address)));
    }
}
