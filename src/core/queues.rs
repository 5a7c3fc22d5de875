//! What the queues of the control plane hold, and what there was no room for (`queues_info`).
#![forbid(unsafe_code)]

use super::bounds::Load;
use crate::util::seldom::Seldom;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How often there was no room.
#[derive(Debug, Default)]
pub struct Refused {
    count: AtomicU64,
    line: Seldom,
}

impl Refused {
    /// Once more. `Some` when there may be a line in the log: how often since the last one.
    pub fn one_more(&self) -> Option<u64> {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.line.one_more()
    }

    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// What waits now, for whoever asks.
#[derive(Debug, Default)]
pub struct Gauge {
    number: AtomicUsize,
    bytes: AtomicUsize,
}

impl Gauge {
    pub fn show(&self, load: Load) {
        self.number.store(load.number, Ordering::Relaxed);
        self.bytes.store(load.bytes, Ordering::Relaxed);
    }

    pub fn load(&self) -> Load {
        Load { number: self.number.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

/// Of all queues, since the start.
#[derive(Debug, Default)]
pub struct Queues {
    pub requests: Gauge,
    /// Answered with an error.
    pub refused: Refused,
    /// Of those: not answered at all, because too many such answers wait for that connection already.
    pub unanswered: Refused,
    /// Events of plugins to clients.
    pub notifications: Refused,
    /// Descriptions and candidates, because the media worker has not taken in earlier ones.
    pub changes: Refused,
}
