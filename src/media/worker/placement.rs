//! Which worker a new PeerConnection goes to: the one that has least to do.
#![forbid(unsafe_code)]

use super::handle::WorkerHandle;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Rates are taken over at least this long.
const SAMPLE: Duration = Duration::from_secs(1);
/// Packets per second that weigh as much as a PeerConnection about which nothing is known yet.
const PACKETS: f64 = 100.0;

/// What was last known of a worker.
#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    sent: u64,
    /// Packets per second.
    rate: f64,
}

impl Sample {
    fn update(&mut self, now: Instant, sent: u64) {
        let elapsed = now.saturating_duration_since(self.at);
        if elapsed >= SAMPLE {
            self.rate = sent.saturating_sub(self.sent) as f64 / elapsed.as_secs_f64();
            (self.at, self.sent) = (now, sent);
        }
    }

    /// Clients that join a room arrive together, before any of them causes traffic; later only traffic tells a
    /// publisher's viewer from an idle one.
    fn weight(&self, peers: usize) -> f64 {
        peers as f64 + self.rate / PACKETS
    }
}

/// Samples of all workers, taken when a PeerConnection is placed.
pub struct Placement(Vec<Sample>);

impl Placement {
    pub fn new(workers: usize) -> Placement {
        Placement(vec![Sample { at: Instant::now(), sent: 0, rate: 0.0 }; workers])
    }

    pub fn choose(&mut self, workers: &[Arc<WorkerHandle>], now: Instant) -> usize {
        self.choose_but(workers, now, None).unwrap_or(0)
    }

    /// As above, without one of them; `None` when no other is left.
    pub fn choose_but(
        &mut self,
        workers: &[Arc<WorkerHandle>],
        now: Instant,
        but: Option<usize>,
    ) -> Option<usize> {
        let weights = self.0.iter_mut().zip(workers).map(|(sample, worker)| {
            sample.update(now, worker.traffic.sent.load(Ordering::Relaxed));
            sample.weight(worker.load.load(Ordering::Relaxed))
        });
        let others = weights.enumerate().filter(|(index, _)| Some(*index) != but);
        others.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::worker::wake::Bell;

    // MP-240
    #[test]
    fn traffic_counts_besides_peers() {
        let workers =
            [0, 1].map(|index| Arc::new(WorkerHandle::new(index, [None; 2], &[], Bell::new().unwrap())));
        let mut placement = Placement::new(2);
        let start = Instant::now() + SAMPLE;
        assert_eq!(placement.choose(&workers, start), 0);
        workers[0].load.store(1, Ordering::Relaxed);
        assert_eq!(placement.choose(&workers, start), 1);
        workers[1].load.store(10, Ordering::Relaxed);
        assert_eq!(placement.choose(&workers, start), 0);
        // One PeerConnection with 10 000 packets per second against ten idle ones.
        workers[0].traffic.sent.store(20_000, Ordering::Relaxed);
        assert_eq!(placement.choose(&workers, start + 2 * SAMPLE), 1);
        assert_eq!(placement.choose_but(&workers, start + 2 * SAMPLE, Some(1)), Some(0));
        assert_eq!(placement.choose_but(&workers[..1], start + 2 * SAMPLE, Some(0)), None);
        // Silence again.
        assert_eq!(placement.choose(&workers, start + 4 * SAMPLE), 0);
    }
}
