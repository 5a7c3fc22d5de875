//! How much of a crowded [`Ring`](super::ring::Ring) one PeerConnection has taken, so that a plugin that relays to it without
//! end leaves room for everybody else's packets (docs/decisions/056-a-share-of-the-ring.md).
#![forbid(unsafe_code)]

use crate::util::atomic::{AtomicU32, AtomicU64, Ordering};

/// Kept with the PeerConnection. Nobody touches it before a ring is crowded.
#[derive(Default)]
pub struct Share {
    cells: AtomicU32,
    refused: AtomicU64,
}

impl Share {
    /// Whether `more` cells may be taken, of `most`. One packet always may. Two threads that ask at the same time may both be
    /// told so.
    pub fn has_room(&self, more: u64, most: u64) -> bool {
        let taken = u64::from(self.cells.load(Ordering::Relaxed));
        taken == 0 || taken + more <= most
    }

    pub fn take(&self, cells: u64) {
        self.cells.fetch_add(cells as u32, Ordering::Relaxed);
    }

    pub fn give_back(&self, cells: u32) {
        self.cells.fetch_sub(cells, Ordering::Relaxed);
    }

    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Packets that there was no room for in the share.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub fn cells(&self) -> u32 {
        self.cells.load(Ordering::Relaxed)
    }
}
