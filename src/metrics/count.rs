//! A counter with one writer.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what one thread at a time does: a load and a store, no locked instruction. Anybody may read it.
#[derive(Debug, Default)]
pub struct Own(AtomicU64);

impl Own {
    #[inline]
    pub fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
