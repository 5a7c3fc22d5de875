//! How much may wait in the queues of the control plane, so that whoever floods one of them fills no memory (decision 18).
#![forbid(unsafe_code)]

use crate::json::Json;

/// What a queue may hold at the same time. One entry always may wait, whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub number: usize,
    pub bytes: usize,
}

impl Bound {
    /// Of a JSON value; exact enough up to what the queue may hold.
    pub fn weight(self, json: &Json) -> usize {
        json.weight(self.bytes)
    }

    pub fn times(self, factor: usize) -> Bound {
        Bound { number: self.number.saturating_mul(factor), bytes: self.bytes.saturating_mul(factor) }
    }

    /// At least one entry.
    pub fn part(self, of: usize) -> Bound {
        Bound { number: (self.number / of).max(1), bytes: self.bytes / of }
    }
}

/// What waits somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    pub number: usize,
    pub bytes: usize,
}

impl Load {
    pub fn has_room(self, bytes: usize, bound: Bound) -> bool {
        self.number == 0 || (self.number < bound.number && self.bytes.saturating_add(bytes) <= bound.bytes)
    }

    pub fn enter(&mut self, bytes: usize) {
        self.number += 1;
        self.bytes += bytes;
    }

    /// True when nothing is left.
    pub fn leave(&mut self, bytes: usize) -> bool {
        self.number -= 1;
        self.bytes -= bytes;
        self.number == 0
    }
}

/// The bounds of `janus-rs.jcfg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Requests that wait for a handle, or for a session, or for a connection outside sessions; of one connection and of
    /// all together it is a multiple.
    pub requests: Bound,
    /// Events that wait for event handlers; of one session it is a part.
    pub events: Bound,
    /// Events of a plugin to the client of one handle, at once; see [`Allowance`](super::allowance::Allowance).
    pub notifications: Bound,
    /// What one PeerConnection has waiting for its media worker: media, candidates, credentials.
    pub changes: Bound,
}

impl Default for Bounds {
    fn default() -> Bounds {
        const MIB: usize = 1 << 20;
        Bounds {
            requests: Bound { number: 4096, bytes: 16 * MIB },
            events: Bound { number: 16_384, bytes: 64 * MIB },
            notifications: Bound { number: 16_384, bytes: 16 * MIB },
            changes: Bound { number: 1024, bytes: 4 * MIB },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Bound = Bound { number: 16, bytes: 1600 };

    #[test]
    fn what_is_one_too_many() {
        let mut load = Load::default();
        assert!(load.has_room(usize::MAX, BOUND));
        load.enter(1000);
        assert!(load.has_room(600, BOUND) && !load.has_room(601, BOUND));
        (0..15).for_each(|_| load.enter(0));
        assert!(!load.has_room(0, BOUND));
        assert!(!load.leave(1000));
        assert_eq!(load, Load { number: 15, bytes: 0 });
    }

    #[test]
    fn a_weight_follows_the_size_and_ends() {
        let small = Json::object().with("a", "b");
        let large = Json::array().push("x".repeat(5000)).push(&small).clone();
        assert!((300..500).contains(&small.weight(1 << 20)));
        assert!((5400..6000).contains(&large.weight(1 << 20)));
        // Each level holds the one below twice: two to the power of 60 values.
        let bomb = (0..60).fold(small, |inner, _| Json::array().push(&inner).push(&inner).clone());
        assert!((10_000..30_000).contains(&bomb.weight(10_000)));
    }
}
