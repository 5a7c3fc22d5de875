//! Bytes that live shortly, from memory that is used again: packets of data channels on their way through the layers.
#![forbid(unsafe_code)]

use bytes::{Bytes, BytesMut};
use std::cell::RefCell;

/// What a thread keeps: a few messages of usual size. Whoever holds on to one of them holds all of it, so it is not more.
pub const KEPT: usize = 2048;

thread_local! {
    /// Begins anew as soon as nothing of it is held any more.
    static MEMORY: RefCell<BytesMut> = RefCell::default();
}

/// What `write` makes of `len` bytes: as many of them as it says, from the first on. Larger ones have memory of their own.
pub fn filled(len: usize, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> Option<Bytes> {
    if len > KEPT {
        let mut own = BytesMut::zeroed(len);
        let len = write(&mut own)?;
        own.truncate(len);
        return Some(own.freeze());
    }
    MEMORY.with_borrow_mut(|memory| {
        // It may be in there still, if `write` panicked.
        memory.clear();
        if memory.capacity() < len {
            memory.reserve(KEPT);
        }
        memory.resize(len, 0);
        let len = write(memory)?;
        memory.truncate(len);
        Some(memory.split().freeze())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(byte: u8, len: usize) -> Bytes {
        filled(len, |slot| {
            assert!(slot.iter().all(|byte| *byte == 0));
            slot.fill(byte);
            Some(len)
        })
        .unwrap()
    }

    #[test]
    fn what_is_held_stays_as_it_is_and_the_rest_is_used_again() {
        let held: Vec<_> = (0..100).map(|n| (n, of(n, 300))).collect();
        for (n, bytes) in &held {
            assert_eq!(*bytes, vec![*n; 300]);
        }
        drop(held);
        let places: std::collections::HashSet<_> = (0..100).map(|n| of(n, 1000).as_ptr()).collect();
        assert!(places.len() <= 3, "{} places", places.len());
    }

    #[test]
    fn only_what_was_written_is_there() {
        for len in [0, 10, KEPT, KEPT + 1, 10 * KEPT] {
            assert_eq!(filled(len, |_| None), None);
            assert_eq!(filled(len, |slot| Some(slot.len() / 2)).unwrap(), vec![0; len / 2]);
            assert_eq!(of(7, len), vec![7; len]);
        }
    }
}
