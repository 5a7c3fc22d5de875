//! Transactions that are known again (RFC 8489 §6), and whether they belong to an address.
#![forbid(unsafe_code)]

use super::stun::TransactionId;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;

/// The newest of some transactions. Every PeerConnection has two of these from its start, so that none allocates while
/// packets flow: hashes with a key of our own take a third of what ids and addresses would.
pub(super) struct Remembered {
    keys: RandomState,
    known: VecDeque<Transaction>,
    most: usize,
}

struct Transaction {
    id: u64,
    address: u64,
}

impl Remembered {
    pub(super) fn new(most: usize) -> Self {
        Remembered { keys: RandomState::new(), known: VecDeque::with_capacity(most), most }
    }

    /// The oldest makes room.
    pub(super) fn add(&mut self, id: TransactionId, address: SocketAddr) {
        if self.known.len() == self.most {
            self.known.pop_front();
        }
        self.known
            .push_back(Transaction { id: self.keys.hash_one(id), address: self.keys.hash_one(address) });
    }

    /// None: not known. Otherwise, whether it is one of this address.
    pub(super) fn belongs_to(&self, id: TransactionId, address: SocketAddr) -> Option<bool> {
        let id = self.keys.hash_one(id);
        let transaction = self.known.iter().find(|known| known.id == id)?;
        Some(transaction.address == self.keys.hash_one(address))
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
    }
}
