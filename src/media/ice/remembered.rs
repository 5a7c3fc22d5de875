//! Transactions that are known again (RFC 8489 §6), and whether they belong to where a message came from.
#![forbid(unsafe_code)]

use super::path::Origin;
use super::stun::TransactionId;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

/// The newest of some transactions. Every PeerConnection has two of these from its start, so that none allocates while
/// packets flow: hashes with a key of our own take a third of what ids and addresses would.
pub(super) struct Remembered {
    keys: RandomState,
    known: VecDeque<Transaction>,
    most: usize,
}

struct Transaction {
    id: u64,
    origin: u64,
    is_over: bool,
}

impl Remembered {
    pub(super) fn new(most: usize) -> Self {
        Remembered { keys: RandomState::new(), known: VecDeque::with_capacity(most), most }
    }

    /// The oldest makes room.
    pub(super) fn add(&mut self, id: TransactionId, origin: Origin) {
        if self.known.len() == self.most {
            self.known.pop_front();
        }
        let (id, origin) = (self.keys.hash_one(id), self.keys.hash_one(origin));
        self.known.push_back(Transaction { id, origin, is_over: false });
    }

    /// None: not known. Otherwise, whether it is one from there.
    pub(super) fn belongs_to(&self, id: TransactionId, origin: Origin) -> Option<bool> {
        let id = self.keys.hash_one(id);
        let transaction = self.known.iter().find(|known| known.id == id)?;
        Some(transaction.origin == self.keys.hash_one(origin))
    }

    /// It is known, and had its answer.
    pub(super) fn is_over(&self, id: TransactionId) -> bool {
        let id = self.keys.hash_one(id);
        self.known.iter().any(|known| known.id == id && known.is_over)
    }

    pub(super) fn end(&mut self, id: TransactionId) {
        let id = self.keys.hash_one(id);
        self.known.iter_mut().filter(|known| known.id == id).for_each(|known| known.is_over = true);
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
    }
}
