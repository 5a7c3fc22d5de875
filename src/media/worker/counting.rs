//! What a turn of a worker adds to its numbers.
#![forbid(unsafe_code)]

use super::core::Core;
use std::time::Instant;

impl Core {
    /// Datagrams sent so far.
    pub fn transmitter_sent(&self) -> u64 {
        self.transmitter.sent
    }

    /// At the end of a turn that began at `woken`, when so many datagrams had been sent.
    pub fn count_turn(&mut self, woken: Instant, sent_before: u64) {
        let (now, counts) = (Instant::now(), &self.handle.counts);
        counts.busy(now.saturating_duration_since(woken).as_nanos() as u64);
        let since = self.sent_since.take().unwrap_or(woken);
        let sent = self.transmitter.sent - sent_before;
        if sent > 0 {
            counts.forwarded(now.saturating_duration_since(since).as_micros() as u64, sent);
        }
    }
}
