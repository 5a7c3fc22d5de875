//! Counting what may happen at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many places are taken, or bytes. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Limit(Arc<AtomicUsize>);

/// A place of a [`Limit`], or several, until it is dropped.
#[derive(Debug)]
pub struct Place(Limit, usize);

impl Limit {
    /// `None` when `most` places are taken already.
    pub fn take(&self, most: usize) -> Option<Place> {
        self.take_several(1, most)
    }

    /// All of them or none.
    pub fn take_several(&self, count: usize, most: usize) -> Option<Place> {
        let more = |taken: usize| taken.checked_add(count).filter(|sum| *sum <= most);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Place(self.clone(), count))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(self.1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back() {
        let limit = Limit::default();
        let (first, second) = (limit.take(2), limit.clone().take(2));
        assert!(first.is_some() && second.is_some() && limit.take(2).is_none());
        drop(first);
        let third = limit.take(2);
        assert!(third.is_some() && limit.take(2).is_none());
        drop((second, third));
        let most = limit.take_several(2, 2);
        assert!(most.is_some() && limit.take_several(usize::MAX, 2).is_none());
    }
}
