//! Counting what may happen at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many places are taken. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Limit(Arc<AtomicUsize>);

/// One place of a [`Limit`], until it is dropped.
#[derive(Debug)]
pub struct Place(Limit);

impl Limit {
    /// `None` when `most` places are taken already.
    pub fn take(&self, most: usize) -> Option<Place> {
        let one_more = |taken| (taken < most).then_some(taken + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Place(self.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
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
    }
}
