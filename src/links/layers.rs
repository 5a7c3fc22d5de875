//! How many layers of a source fit a receiver's path.
//!
//! What a receiver says of its path (REMB) grows only with what it gets, at most to half as much again, and slowly: browsers
//! add 8 % a second. So one layer more is tried now and then while nothing is wrong. A trial goes on for as long as the
//! receiver's word grows, even if it is below what is sent, and is given up when it does not: longer and longer apart, when
//! that happens again and again.
#![forbid(unsafe_code)]

/// Between two looks, µs.
const PERIOD: i64 = 1_000_000;
/// Looks in a row after which a layer is given up.
const DOUBTS: u8 = 2;
/// Until one layer more is tried, µs: at first, and at most.
const PATIENCE: i64 = 8_000_000;
const MOST_PATIENCE: i64 = 64_000_000;
/// A layer that the path has carried for so long after it was tried was no mistake.
const TRIAL: i64 = 10_000_000;

#[derive(Clone, Copy, Debug)]
pub struct Judge {
    /// The highest layer that is wanted, lowest 0.
    target: u8,
    looked_at: i64,
    changed_at: i64,
    doubts: u8,
    patience: i64,
    /// The target is on trial.
    rose: bool,
    /// `share` at the last look.
    heard: u64,
}

impl Judge {
    /// Begins with as many layers as are allowed.
    pub fn new() -> Judge {
        Judge {
            target: u8::MAX,
            looked_at: 0,
            changed_at: 0,
            doubts: 0,
            patience: PATIENCE,
            rose: false,
            heard: 0,
        }
    }

    /// The highest layer that fits, at most `most`. `share`: bit/s of the path for this source, if the receiver says so;
    /// `rate`: bit/s that go to a receiver of this layer, 0 if it is not known. `now`: monotonic µs.
    pub fn look(&mut self, now: i64, most: u8, share: Option<u64>, rate: impl Fn(u8) -> u64) -> u8 {
        if self.target > most {
            (self.target, self.changed_at) = (most, now);
        }
        if now - self.looked_at < PERIOD {
            return self.target;
        }
        self.looked_at = now;
        let Some(share) = share else {
            self.target = most;
            return most;
        };
        let grows = share > std::mem::replace(&mut self.heard, share);
        let present = rate(self.target);
        let too_much = |layer: u8| share * 100 < rate(layer) * 95;
        if too_much(self.target) {
            self.doubts = if self.rose && grows { 0 } else { self.doubts + 1 };
            if self.doubts >= DOUBTS && self.target > 0 {
                self.fall(now, too_much);
            }
            return self.target;
        }
        self.doubts = 0;
        let since = now - self.changed_at;
        if self.rose && since >= TRIAL {
            (self.patience, self.rose) = (PATIENCE, false);
        }
        if self.target < most {
            let next = rate(self.target + 1);
            let fits = next > 0 && share * 100 >= next * 110 && since >= 2 * PERIOD;
            let worth_a_trial = share * 100 >= present * 120 && since >= self.patience;
            if fits || worth_a_trial {
                self.target += 1;
                (self.changed_at, self.rose) = (now, true);
            }
        }
        self.target
    }

    fn fall(&mut self, now: i64, too_much: impl Fn(u8) -> bool) {
        if self.rose {
            self.patience = (self.patience * 2).min(MOST_PATIENCE);
        }
        self.target -= 1;
        while self.target > 0 && too_much(self.target) {
            self.target -= 1;
        }
        (self.changed_at, self.doubts, self.rose) = (now, 0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const RATES: [u64; 3] = [150_000, 500_000, 1_500_000];

    fn rate(layer: u8) -> u64 {
        RATES[usize::from(layer)]
    }

    /// One look a second; the target after each.
    fn looks(judge: &mut Judge, from: i64, count: i64, share: impl Fn(u8) -> Option<u64>) -> Vec<u8> {
        let mut target = judge.target.min(2);
        (from..from + count)
            .map(|second| {
                target = judge.look(second * SECOND, 2, share(target), rate);
                target
            })
            .collect()
    }

    #[test]
    fn without_a_word_all_layers_are_sent() {
        let mut judge = Judge::new();
        assert_eq!(looks(&mut judge, 1, 5, |_| None), [2; 5]);
        assert_eq!(judge.look(10 * SECOND, 0, None, rate), 0);
    }

    #[test]
    fn a_narrow_path_gets_what_fits() {
        let mut judge = Judge::new();
        let seen = looks(&mut judge, 1, 8, |_| Some(600_000));
        assert_eq!(seen, [2, 1, 1, 1, 1, 1, 1, 1]);
        let mut judge = Judge::new();
        assert_eq!(looks(&mut judge, 1, 3, |_| Some(100_000)), [2, 0, 0]);
    }

    /// One bad moment is no reason.
    #[test]
    fn a_single_doubt_changes_nothing() {
        let mut judge = Judge::new();
        looks(&mut judge, 1, 1, |_| Some(1_400_000));
        assert_eq!(looks(&mut judge, 2, 1, |_| Some(2_000_000)), [2]);
        assert_eq!(looks(&mut judge, 3, 1, |_| Some(1_400_000)), [2]);
    }

    /// An estimate of one and a half times of what comes never says that more would fit.
    #[test]
    fn a_wide_path_is_found_again() {
        let mut judge = Judge::new();
        looks(&mut judge, 1, 3, |_| Some(100_000));
        let seen = looks(&mut judge, 4, 30, |target| Some(rate(target) * 3 / 2));
        assert_eq!(seen.first(), Some(&0));
        assert_eq!(seen.last(), Some(&2), "{seen:?}");
    }

    /// As browsers estimate: 8 % more a second at most, and at most half as much again as what comes.
    #[test]
    fn a_trial_has_time_while_the_estimate_grows() {
        let mut judge = Judge::new();
        let mut estimate = 100_000;
        let mut target = judge.look(SECOND, 0, Some(estimate), rate);
        let mut changes = 0;
        for second in 2..90 {
            estimate = (estimate * 108 / 100).min(rate(target) * 3 / 2);
            let next = judge.look(second * SECOND, 2, Some(estimate), rate);
            changes += u32::from(next != target);
            target = next;
        }
        assert_eq!((target, changes), (2, 2));
    }

    /// Trials of what does not fit become rare.
    #[test]
    fn trials_that_fail_become_rare() {
        let mut judge = Judge::new();
        let share = |target: u8| Some((rate(target) * 3 / 2).min(300_000));
        let seen = looks(&mut judge, 1, 200, share);
        let trials: Vec<usize> = (1..seen.len()).filter(|n| seen[*n] > seen[n - 1]).collect();
        let apart: Vec<usize> = trials.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(apart.len() >= 3 && apart.is_sorted() && *apart.last().unwrap() >= 60, "{apart:?}");
        assert!(seen.iter().filter(|target| **target > 0).count() < 20, "{seen:?}");
    }
}
