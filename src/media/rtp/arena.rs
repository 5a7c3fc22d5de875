//! A ring of bytes that keeps what was written last.
//!
//! Nothing is ever freed: new bytes take the place of the oldest ones, and a [`Handle`] to bytes that are gone reads as
//! `None`. So memory is bounded by the capacity alone, and storing costs one copy and no bookkeeping.

/// Where something was written. Stays valid until `capacity` newer bytes have been written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handle {
    /// Counted from the first byte ever written.
    position: u64,
    len: u32,
}

#[derive(Debug, Default)]
pub struct Arena {
    bytes: Vec<u8>,
    /// All bytes ever written.
    head: u64,
}

impl Arena {
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// All bytes ever written.
    pub fn written(&self) -> u64 {
        self.head
    }

    /// Changes the capacity, keeping the newest bytes that fit.
    pub fn resize(&mut self, capacity: usize) {
        let mut bytes = vec![0; capacity];
        let kept = self.head.min(self.capacity() as u64).min(capacity as u64);
        let mut position = self.head - kept;
        while position < self.head {
            let (from, to) = (self.index(position), (position % capacity as u64) as usize);
            // As far as neither ring wraps.
            let run = (self.capacity() - from).min(capacity - to).min((self.head - position) as usize);
            bytes[to..to + run].copy_from_slice(&self.bytes[from..from + run]);
            position += run as u64;
        }
        self.bytes = bytes;
    }

    /// Stores a copy; `None` when it is larger than everything.
    pub fn put(&mut self, data: &[u8]) -> Option<Handle> {
        if data.len() > self.capacity() {
            return None;
        }
        let handle = Handle { position: self.head, len: data.len() as u32 };
        if !data.is_empty() {
            let start = self.index(self.head);
            let first = data.len().min(self.capacity() - start);
            self.bytes[start..start + first].copy_from_slice(&data[..first]);
            self.bytes[..data.len() - first].copy_from_slice(&data[first..]);
        }
        self.head += data.len() as u64;
        Some(handle)
    }

    /// Copies what `handle` names to the front of `out`; `None` when it was overwritten or `out` is too small.
    pub fn read(&self, handle: Handle, out: &mut [u8]) -> Option<usize> {
        let len = handle.len as usize;
        let alive = handle.position + self.capacity() as u64 >= self.head
            && handle.position + len as u64 <= self.head;
        if !alive || len > out.len() || len > self.capacity() {
            return None;
        }
        if len > 0 {
            let start = self.index(handle.position);
            let first = len.min(self.capacity() - start);
            out[..first].copy_from_slice(&self.bytes[start..start + first]);
            out[first..len].copy_from_slice(&self.bytes[..len - first]);
        }
        Some(len)
    }

    fn index(&self, position: u64) -> usize {
        (position % self.bytes.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_bytes_stay_and_older_ones_read_as_gone() {
        let mut arena = Arena::default();
        assert_eq!(arena.put(b"x"), None);
        arena.resize(10);
        let mut out = [0; 16];
        let first = arena.put(b"abcdef").unwrap();
        assert_eq!(arena.read(first, &mut out), Some(6));
        let second = arena.put(b"ghijkl").unwrap();
        assert_eq!(arena.read(first, &mut out), None);
        assert_eq!(arena.read(second, &mut out), Some(6));
        assert_eq!(&out[..6], b"ghijkl");
        assert_eq!(arena.read(second, &mut out[..5]), None);
        assert_eq!(arena.put(&[0; 11]), None);
    }

    #[test]
    fn resizing_keeps_the_newest() {
        let mut arena = Arena::default();
        arena.resize(8);
        let first = arena.put(b"abcd").unwrap();
        let second = arena.put(b"efgh").unwrap();
        let mut out = [0; 8];
        arena.resize(32);
        arena.put(b"ijkl").unwrap();
        assert_eq!(arena.read(first, &mut out), Some(4));
        assert_eq!(&out[..4], b"abcd");
        arena.resize(8);
        assert_eq!(arena.read(first, &mut out), None);
        assert_eq!(arena.read(second, &mut out), Some(4));
        assert_eq!(&out[..4], b"efgh");
    }
}
