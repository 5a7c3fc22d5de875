//! What a program knows by number, found without a lock: a packet that it sends names its peer.
#![forbid(unsafe_code)]

use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::Arc;

/// Numbers come one after the other, so that each part holds one in so many. A change copies one part.
const PARTS: usize = 64;

pub struct Table<T>([ArcSwap<HashMap<u64, Arc<T>>>; PARTS]);

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table(std::array::from_fn(|_| ArcSwap::default()))
    }
}

impl<T> Table<T> {
    fn part(&self, number: u64) -> &ArcSwap<HashMap<u64, Arc<T>>> {
        &self.0[(number % PARTS as u64) as usize]
    }

    pub fn get(&self, number: u64) -> Option<Arc<T>> {
        self.part(number).load().get(&number).cloned()
    }

    pub fn insert(&self, number: u64, value: Arc<T>) {
        self.part(number).rcu(|present| {
            let mut next = HashMap::clone(present);
            next.insert(number, value.clone());
            next
        });
    }

    pub fn remove(&self, number: u64) {
        self.part(number).rcu(|present| {
            let mut next = HashMap::clone(present);
            next.remove(&number);
            next
        });
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|part| part.load().len()).sum()
    }

    pub fn values(&self) -> Vec<Arc<T>> {
        self.0.iter().flat_map(|part| part.load().values().cloned().collect::<Vec<_>>()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_is_found() {
        let table = Table::default();
        (0..1000).for_each(|number| table.insert(number, Arc::new(number)));
        (0..1000).step_by(2).for_each(|number| table.remove(number));
        assert_eq!((table.len(), table.values().len()), (500, 500));
        assert!((0..1000).all(|number| table.get(number).as_deref() == (number % 2 == 1).then_some(&number)));
    }
}
