//! How values are distributed.

use super::Own;

/// Values up to each bound, and what is larger than the last. Written as an [`Own`]: by one thread at a time.
#[derive(Debug)]
pub struct Histogram {
    /// Ascending, at most [`MOST`].
    bounds: &'static [u64],
    counts: [Own; MOST + 1],
    sum: Own,
}

const MOST: usize = 15;

/// What a [`Histogram`] holds; two of the same bounds can be added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub bounds: &'static [u64],
    /// One more than there are bounds; each counts its own values only.
    pub counts: Vec<u64>,
    pub sum: u64,
}

impl Histogram {
    pub fn new(bounds: &'static [u64]) -> Histogram {
        debug_assert!(bounds.len() <= MOST && bounds.is_sorted());
        Histogram { bounds, counts: Default::default(), sum: Own::default() }
    }

    /// `value` was seen so many times.
    #[inline]
    pub fn note(&self, value: u64, times: u64) {
        let place = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        if let Some(count) = self.counts.get(place) {
            count.add(times);
        }
        self.sum.add(value.wrapping_mul(times));
    }

    pub fn read(&self) -> Reading {
        Reading {
            bounds: self.bounds,
            counts: self.counts.iter().take(self.bounds.len() + 1).map(Own::get).collect(),
            sum: self.sum.get(),
        }
    }
}

impl Reading {
    /// As if the values of both had been seen by one. Of an empty one, the other.
    pub fn and(mut self, other: &Reading) -> Reading {
        if self.counts.is_empty() {
            return other.clone();
        }
        debug_assert_eq!(self.bounds, other.bounds);
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.sum = self.sum.wrapping_add(other.sum);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_below_their_bound() {
        let (one, other) = (Histogram::new(&[1, 10]), Histogram::new(&[1, 10]));
        [0, 1, 2, 10, 11, 500].into_iter().for_each(|value| one.note(value, 1));
        other.note(5, 3);
        assert_eq!(one.read().counts, [2, 2, 2]);
        let both = Reading::default().and(&one.read()).and(&other.read());
        assert_eq!((both.counts, both.sum), (vec![2, 5, 2], 524 + 15));
    }
}
