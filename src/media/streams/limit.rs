//! How often a peer may make us do something.

use super::Micros;

/// Lets through a burst at once, and one per period in the long run.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    period: Micros,
    burst: Micros,
    /// When everything let through so far would have been due, at one per period.
    due: Micros,
}

impl Limit {
    pub const fn new(period: Micros, burst: u16) -> Limit {
        Limit { period, burst: burst as Micros, due: 0 }
    }

    pub fn admits(&mut self, now: Micros) -> bool {
        let due = self.due.max(now);
        let admitted = due - now <= self.period * (self.burst - 1);
        if admitted {
            self.due = due + self.period;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_per_period() {
        let mut limit = Limit::new(100, 3);
        let admitted = |limit: &mut Limit, now| (0..10).filter(|_| limit.admits(now)).count();
        assert_eq!(admitted(&mut limit, 1000), 3);
        assert_eq!(admitted(&mut limit, 1099), 0);
        assert_eq!(admitted(&mut limit, 1100), 1);
        assert_eq!(admitted(&mut limit, 1300), 2);
        assert_eq!(admitted(&mut limit, 9999), 3);
    }
}
