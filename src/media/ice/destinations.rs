//! How many checks may go to one IP address that has not answered, from all PeerConnections together: candidates are the
//! clients' choice, and many of them could choose the same victim.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicI64, Ordering};

/// A thousand viewers behind one address may begin at once; after that one check per [`INTERVAL`].
const BURST: i64 = 1000;
/// µs.
const INTERVAL: i64 = 5_000;
/// Addresses share a bucket when there are more than buckets; nobody else knows which do.
const BUCKETS: usize = 1024;

/// Token buckets, as the time when each will be full again. Asked once per check, by any thread, without a lock.
pub struct Destinations {
    full_at: Box<[AtomicI64]>,
    hasher: RandomState,
}

impl Default for Destinations {
    fn default() -> Destinations {
        Destinations {
            full_at: (0..BUCKETS).map(|_| AtomicI64::new(i64::MIN)).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Destinations {
    /// Whether one more check may go there; it counts. `now` is µs of a clock that never steps back.
    pub fn admits(&self, to: SocketAddr, now: i64) -> bool {
        let bucket = &self.full_at[self.hasher.hash_one(network(to.ip())) as usize % BUCKETS];
        let take = |full_at: i64| {
            let next = full_at.max(now) + INTERVAL;
            (next <= now + BURST * INTERVAL).then_some(next)
        };
        bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// A host has 2^64 IPv6 addresses.
fn network(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_gets_its_burst_and_then_its_rate() {
        let destinations = Destinations::default();
        let victim = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
        let sent = |now: i64| (0..2000).filter(|port| destinations.admits(victim(*port), now)).count();
        assert_eq!(sent(0), BURST as usize);
        assert_eq!(sent(1_000_000), 200);
        assert_eq!(sent(1_000_000_000), BURST as usize);
    }
}
