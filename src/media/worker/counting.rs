//! What a turn of a worker adds to its numbers.
#![forbid(unsafe_code)]

use super::core::Core;
use std::sync::atomic::Ordering;
use std::time::Instant;

impl Core {
    /// Datagrams sent so far, on all ways.
    pub fn sent_so_far(&self) -> u64 {
        self.handle.traffic.sent.load(Ordering::Relaxed)
    }

    /// At the end of a turn that began at `woken`, when so many datagrams had been sent. Returns the time.
    pub fn count_turn(&mut self, woken: Instant, sent_before: u64) -> Instant {
        let (since, sent) = (self.sent_since.take().unwrap_or(woken), self.sent_so_far() - sent_before);
        let (now, counts) = (Instant::now(), &self.handle.counts);
        counts.busy(now.saturating_duration_since(woken).as_nanos() as u64);
        if sent > 0 {
            counts.forwarded(now.saturating_duration_since(since).as_micros() as u64, sent);
        }
        now
    }
}
