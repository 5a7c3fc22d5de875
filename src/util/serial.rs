//! Numbers of things that a program names: unique in the process, over all kinds, and never used again.

use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The next one; never 0.
pub fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}
