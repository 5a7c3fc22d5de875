//! Requests that were seen long ago: a copy of one says nothing about where the peer is.
#![forbid(unsafe_code)]

use super::stun::TransactionId;
use std::hash::{BuildHasher, RandomState};

/// With a check in 2.5 s, as browsers send them, the last ten minutes. A kilobyte, after as many.
const MOST: usize = 256;

/// What [`Remembered`](super::remembered::Remembered) no longer knows with all that belongs to it. Whoever replays what he has
/// captured needs as many requests as he wants to claim addresses.
pub(super) struct Copies {
    keys: RandomState,
    /// As many as there were, up to [`MOST`].
    hashes: Vec<u32>,
    next: usize,
}

impl Copies {
    pub(super) fn new() -> Copies {
        Copies { keys: RandomState::new(), hashes: Vec::new(), next: 0 }
    }

    /// One in several million requests that are none is taken for one; the peer's next one is not.
    pub(super) fn contains(&self, id: TransactionId) -> bool {
        self.hashes.contains(&self.hash(id))
    }

    /// In place of the oldest.
    pub(super) fn add(&mut self, id: TransactionId) {
        let hash = self.hash(id);
        if let Some(oldest) = self.hashes.get_mut(self.next) {
            *oldest = hash;
        } else {
            self.hashes.push(hash);
        }
        self.next = (self.next + 1) % MOST;
    }

    fn hash(&self, id: TransactionId) -> u32 {
        self.keys.hash_one(id) as u32
    }
}
