//! Transactions that are known again (RFC 8489 §6), and whether they belong to where a message came from.
#![forbid(unsafe_code)]

use super::path::Origin;
use super::stun::TransactionId;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

/// The newest of some transactions. Every PeerConnection has two of these from its start, so that none allocates while packets
/// flow. Hashes with a key of our own take a sixth of what ids and addresses would.
pub(super) struct Remembered {
    keys: RandomState,
    known: VecDeque<Transaction>,
    most: usize,
}

struct Transaction {
    id: Hash,
    origin: Hash,
    is_over: bool,
}

/// One that nobody can choose. Two of a list are the same once in a hundred million messages; then one is lost, and comes again.
type Hash = u32;

impl Remembered {
    pub(super) fn new(most: usize) -> Self {
        Remembered { keys: RandomState::new(), known: VecDeque::with_capacity(most), most }
    }

    /// The oldest makes room.
    pub(super) fn add(&mut self, id: TransactionId, origin: Origin) {
        if self.known.len() == self.most {
            self.known.pop_front();
        }
        let (id, origin) = (self.hash(id), self.hash(origin));
        self.known.push_back(Transaction { id, origin, is_over: false });
    }

    /// None: not known. Otherwise, whether it is one from there.
    pub(super) fn belongs_to(&self, id: TransactionId, origin: Origin) -> Option<bool> {
        let id = self.hash(id);
        let transaction = self.known.iter().find(|known| known.id == id)?;
        Some(transaction.origin == self.hash(origin))
    }

    /// It is known, and had its answer.
    pub(super) fn is_over(&self, id: TransactionId) -> bool {
        let id = self.hash(id);
        self.known.iter().any(|known| known.id == id && known.is_over)
    }

    pub(super) fn end(&mut self, id: TransactionId) {
        let id = self.hash(id);
        self.known.iter_mut().filter(|known| known.id == id).for_each(|known| known.is_over = true);
    }

    fn hash(&self, of: impl std::hash::Hash) -> Hash {
        self.keys.hash_one(of) as Hash
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
    }
}
