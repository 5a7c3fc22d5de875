//! The payloads of sent packets, in one place for all PeerConnections of a worker.
//!
//! A ring of bytes that keeps what was written last: nothing is ever freed, new bytes take the place of the oldest ones,
//! and a [`Handle`] to bytes that are gone reads as `None`. So memory is bounded by the capacity alone, and storing costs
//! one copy and no bookkeeping. A plugin hands the same payload to many receivers in a row; it is recognised by its
//! content (pointers say nothing, plugins rewrite payloads in place) and stored once.
//!
//! Bounded in bytes by [`MAX_BYTES`]. Below that the capacity follows the need: it doubles when something that may still
//! be asked for would be overwritten, and shrinks when most of it was not used for a while.

use super::Micros;
use std::cell::RefCell;
use std::rc::Rc;

/// Never more than this per worker, whatever the rate.
pub const MAX_BYTES: usize = 64 << 20;
const MIN_BYTES: usize = 64 << 10;
/// The last payloads, which a new one is compared with: one for each simulcast layer and rewritten form.
const RECENT: usize = 4;
/// A payload stored longer ago than this is stored anew, because its copy will be gone too early.
const RECENT_US: Micros = 20_000;
/// Long enough for a packet to be written for all its receivers.
const LEAST_KEEP_US: Micros = 50_000;
const SECOND: Micros = 1_000_000;

/// A worker's PeerConnections share one; they live on one thread.
pub type SharedStore = Rc<RefCell<Store>>;

/// Where something was written. Stays valid until `capacity` newer bytes have been written.
///
/// Twelve bytes, because histories have many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, packed(4))]
pub struct Handle {
    /// Counted from the first byte ever written.
    position: u64,
    len: u32,
}

impl Handle {
    pub const NOTHING: Handle = Handle { position: 0, len: 0 };
}

/// What had been written at some moment.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    at: Micros,
    written: u64,
}

#[derive(Debug, Default)]
pub struct Store {
    /// The length is a power of two, or 0. No payload wraps around the end.
    bytes: Vec<u8>,
    /// All bytes ever written, with those skipped at the end of the ring.
    written: u64,
    /// Newest first.
    recent: [(Handle, Micros); RECENT],
    /// The longest time that somebody wanted something to be kept, now and in the window before.
    keep_us: Micros,
    next_keep_us: Micros,
    /// Everything that may still be asked for was written after `older`, which is one to two keeping times ago.
    older: Mark,
    newer: Mark,
    /// Slowly forgotten maximum of what was in use.
    peak: usize,
    shrunk_at: Micros,
}

impl Store {
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// What is stored shall be kept for at least this long, as far as [`MAX_BYTES`] allows. Said again and again: when
    /// nobody does for a while, it is forgotten.
    pub fn keep_for(&mut self, keep_us: Micros) {
        self.next_keep_us = self.next_keep_us.max(keep_us);
        self.keep_us = self.keep_us.max(keep_us);
    }

    /// Stores a copy, or finds the one that is there.
    pub fn put(&mut self, now: Micros, data: &[u8]) -> Option<Handle> {
        if data.is_empty() {
            return Some(Handle::NOTHING);
        }
        let fresh = |at: Micros| now - at < RECENT_US;
        let same = |handle: Handle| handle.len as usize == data.len() && self.get(handle) == Some(data);
        if let Some((known, _)) = self.recent.iter().find(|(known, at)| fresh(*at) && same(*known)) {
            return Some(*known);
        }
        let handle = self.append(now, data)?;
        self.recent.rotate_right(1);
        self.recent[0] = (handle, now);
        Some(handle)
    }

    /// As [`Store::put`], for what no other receiver gets.
    pub fn append(&mut self, now: Micros, data: &[u8]) -> Option<Handle> {
        self.make_room(now, data.len());
        if data.len() > self.capacity() {
            return None;
        }
        let left = self.capacity() - self.index(self.written);
        if left < data.len() {
            self.written += left as u64;
        }
        let start = self.index(self.written);
        self.bytes[start..start + data.len()].copy_from_slice(data);
        let handle = Handle { position: self.written, len: data.len() as u32 };
        self.written += data.len() as u64;
        Some(handle)
    }

    /// `None` when it was overwritten.
    pub fn get(&self, handle: Handle) -> Option<&[u8]> {
        if handle == Handle::NOTHING {
            return Some(&[]);
        }
        let alive = handle.position + self.capacity() as u64 >= self.written && self.capacity() > 0;
        let start = if alive { self.index(handle.position) } else { return None };
        // Beyond the end: in two pieces since the ring became smaller.
        self.bytes.get(start..start + handle.len as usize)
    }

    /// Gives back memory that has not been needed for a while. Any number of times; it looks once a second.
    pub fn shrink(&mut self, now: Micros) {
        if now - self.shrunk_at < SECOND {
            return;
        }
        self.shrunk_at = now;
        let wanted = self.peak.next_power_of_two().max(MIN_BYTES);
        if wanted * 4 <= self.capacity() {
            self.resize(wanted);
        }
        self.peak = self.peak / 8 * 7;
    }

    fn make_room(&mut self, now: Micros, len: usize) {
        if now - self.newer.at >= self.keep_us.max(LEAST_KEEP_US) {
            self.older = self.newer;
            self.newer = Mark { at: now, written: self.written };
            self.keep_us = std::mem::replace(&mut self.next_keep_us, 0);
        }
        // What is skipped at the end of the ring is never more than one payload.
        let needed = (self.written - self.older.written) as usize + 2 * len;
        self.peak = self.peak.max(needed);
        if needed > self.capacity() && self.capacity() < MAX_BYTES {
            self.resize(needed.next_power_of_two().clamp(MIN_BYTES, MAX_BYTES));
        }
    }

    /// Keeps the newest bytes that fit.
    fn resize(&mut self, capacity: usize) {
        let mut bytes = vec![0; capacity];
        let kept = self.written.min(self.capacity() as u64).min(capacity as u64);
        let mut position = self.written - kept;
        while position < self.written {
            let (from, to) = (self.index(position), (position % capacity as u64) as usize);
            // As far as neither ring wraps.
            let run = (self.capacity() - from).min(capacity - to).min((self.written - position) as usize);
            bytes[to..to + run].copy_from_slice(&self.bytes[from..from + run]);
            position += run as u64;
        }
        self.bytes = bytes;
    }

    fn index(&self, position: u64) -> usize {
        (position % self.bytes.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Micros = 200_000;

    fn payload(number: u32) -> [u8; 1000] {
        let mut payload = [number as u8; 1000];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        payload
    }

    #[test]
    fn nothing_needs_no_room() {
        let mut store = Store::default();
        assert_eq!(store.put(1, &[]), Some(Handle::NOTHING));
        assert_eq!(store.get(Handle::NOTHING), Some(&[][..]));
        assert_eq!(store.capacity(), 0);
    }

    #[test]
    fn a_payload_for_many_receivers_is_stored_once() {
        let mut store = Store::default();
        let first = store.put(1, &payload(1)).unwrap();
        let other = store.put(1, &payload(2)).unwrap();
        assert_ne!(first, other);
        for _ in 0..100 {
            assert_eq!(store.put(2, &payload(1)), Some(first));
            assert_eq!(store.put(2, &payload(2)), Some(other));
        }
        assert_eq!(store.written, 2000);
        assert_eq!(store.get(first), Some(&payload(1)[..]));
        // Much later the same bytes are new ones, to be kept from then on.
        assert_ne!(store.put(RECENT_US + 1, &payload(1)), Some(first));
    }

    #[test]
    fn what_may_be_asked_for_is_kept_and_the_memory_given_back() {
        let mut store = Store::default();
        store.keep_for(KEEP);
        let burst: Vec<_> = (0..400).map(|n| store.put(1_000_000, &payload(n)).unwrap()).collect();
        let later = store.put(1_000_000 + KEEP, &payload(1000)).unwrap();
        for (number, handle) in burst.iter().enumerate() {
            assert_eq!(store.get(*handle), Some(&payload(number as u32)[..]));
        }
        assert_eq!(store.capacity(), 512 << 10);
        let mut last = later;
        for second in 2..60 {
            last = store.put(second * SECOND, &payload(second as u32)).unwrap();
            store.shrink(second * SECOND);
        }
        assert!(store.capacity() <= 2 * MIN_BYTES);
        assert_eq!(store.get(last), Some(&payload(59)[..]));
    }

    #[test]
    fn memory_stops_at_the_limit_and_the_oldest_goes() {
        let mut store = Store::default();
        let large = vec![7; 1 << 20];
        let handles: Vec<_> = (0..100).map(|_| store.append(1, &large).unwrap()).collect();
        assert_eq!(store.capacity(), MAX_BYTES);
        assert!(store.get(handles[99]).is_some() && store.get(handles[40]).is_some());
        assert!(store.get(handles[30]).is_none());
        assert!(store.append(1, &vec![0; MAX_BYTES + 1]).is_none());
    }

    #[test]
    fn nothing_wraps_around_the_end() {
        let mut store = Store::default();
        for number in 0..10_000 {
            let now = i64::from(number) * 10_000;
            let handle = store.put(now, &payload(number)).unwrap();
            assert_eq!(store.get(handle), Some(&payload(number)[..]));
        }
        assert_eq!(store.capacity(), MIN_BYTES);
    }
}
