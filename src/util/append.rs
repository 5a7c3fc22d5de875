//! A list that only grows. Who reads it takes no lock and no memory, so that a signal handler may.
#![forbid(unsafe_code)]

use std::sync::OnceLock;

const CHUNK: usize = 64;

pub struct Append<T> {
    first: Chunk<T>,
}

struct Chunk<T> {
    items: [OnceLock<T>; CHUNK],
    next: OnceLock<Box<Chunk<T>>>,
}

impl<T> Chunk<T> {
    const fn new() -> Chunk<T> {
        Chunk { items: [const { OnceLock::new() }; CHUNK], next: OnceLock::new() }
    }
}

impl<T> Default for Append<T> {
    fn default() -> Append<T> {
        Append::new()
    }
}

impl<T> Append<T> {
    pub const fn new() -> Append<T> {
        Append { first: Chunk::new() }
    }

    /// Its place, and where it is from now on.
    pub fn push(&self, mut item: T) -> (usize, &T) {
        let (mut chunk, mut place) = (&self.first, 0);
        loop {
            for cell in &chunk.items {
                match cell.set(item) {
                    Ok(()) => return (place, cell.get().expect("just set")),
                    Err(back) => item = back,
                }
                place += 1;
            }
            chunk = chunk.next.get_or_init(|| Box::new(Chunk::new()));
        }
    }

    pub fn get(&self, place: usize) -> Option<&T> {
        let mut chunk = &self.first;
        for _ in 0..place / CHUNK {
            chunk = chunk.next.get()?;
        }
        chunk.items[place % CHUNK].get()
    }

    /// In the order of pushing; what is pushed meanwhile may be missing.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let chunks = std::iter::successors(Some(&self.first), |chunk| chunk.next.get().map(|next| &**next));
        chunks.flat_map(|chunk| &chunk.items).map_while(OnceLock::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_places() {
        static LIST: Append<usize> = Append::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for value in 0..100 {
                        let (place, item) = LIST.push(value);
                        assert!(*item == value && std::ptr::eq(LIST.get(place).unwrap(), item));
                    }
                });
            }
        });
        assert_eq!(LIST.iter().count(), 400);
        assert_eq!(LIST.iter().sum::<usize>(), 4 * 99 * 50);
        assert!(LIST.get(399).is_some() && LIST.get(400).is_none() && LIST.get(100_000).is_none());
    }
}
