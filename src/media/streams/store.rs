//! The payloads of sent packets, in one place for all PeerConnections of a worker.
//!
//! Blocks of bytes, filled one after the other. Nothing is freed by itself: a block whose newest content is old enough is
//! filled again, and a [`Handle`] to what was there reads as `None`. So storing costs one copy and no bookkeeping. A plugin
//! hands the same payload to many receivers in a row; it is recognised by its content (pointers say nothing, plugins
//! rewrite payloads in place) and stored once.
//!
//! The number of blocks follows the need, up to [`MAX_BYTES`]: there is one more when the oldest may still be asked for,
//! and one less when it has not been needed for a while.

use super::Micros;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Never more than this per worker, whatever the rate.
pub const MAX_BYTES: usize = 64 << 20;
/// Bytes of a block, and the most that can be stored in one piece.
const BLOCK: usize = 32 << 10;
/// The last payloads, which a new one is compared with: one for each simulcast layer and rewritten form.
const RECENT: usize = 4;
/// A payload stored longer ago than this is stored anew, because its copy will be gone too early.
const RECENT_US: Micros = 20_000;
/// Long enough for a packet to be written for all its receivers.
const LEAST_KEEP_US: Micros = 50_000;
const SECOND: Micros = 1_000_000;

/// A worker's PeerConnections share one; they live on one thread.
pub type SharedStore = Rc<RefCell<Store>>;

/// Where something was written. Stays valid until its block is filled again.
///
/// Twelve bytes, because histories have many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, packed(4))]
pub struct Handle {
    /// Number of the block, counted from the first one ever, times [`BLOCK`], and where in it.
    position: u64,
    len: u32,
}

impl Handle {
    pub const NOTHING: Handle = Handle { position: 0, len: 0 };
    pub const LEN: usize = size_of::<Handle>();

    pub fn to_bytes(self) -> [u8; Handle::LEN] {
        let mut bytes = [0; Handle::LEN];
        let (position, len) = bytes.split_at_mut(size_of::<u64>());
        position.copy_from_slice(&{ self.position }.to_ne_bytes());
        len.copy_from_slice(&{ self.len }.to_ne_bytes());
        bytes
    }

    pub fn from_bytes(bytes: [u8; Handle::LEN]) -> Handle {
        let [a, b, c, d, e, f, g, h, len @ ..] = bytes;
        Handle { position: u64::from_ne_bytes([a, b, c, d, e, f, g, h]), len: u32::from_ne_bytes(len) }
    }
}

#[derive(Debug)]
struct Block {
    bytes: Box<[u8]>,
    /// When the last of it was written.
    at: Micros,
}

#[derive(Debug, Default)]
pub struct Store {
    /// Oldest first; the last one is being filled.
    blocks: VecDeque<Block>,
    /// The number of the oldest.
    first: u64,
    /// Bytes of the last one that are taken.
    used: usize,
    /// Newest first.
    recent: [(Handle, Micros); RECENT],
    /// The longest time that somebody wanted something to be kept: since two looks, and since the last one.
    keep_us: Micros,
    next_keep_us: Micros,
    looked_at: Micros,
}

impl Store {
    pub fn capacity(&self) -> usize {
        self.blocks.len() * BLOCK
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

    /// As [`Store::put`], for what no other receiver gets. `None` when it is longer than a block.
    pub fn append(&mut self, now: Micros, data: &[u8]) -> Option<Handle> {
        if data.len() > BLOCK {
            return None;
        }
        if self.blocks.is_empty() || self.used + data.len() > BLOCK {
            self.begin_block(now);
        }
        let number = self.first + self.blocks.len() as u64 - 1;
        let start = self.used;
        let block = self.blocks.back_mut()?;
        block.bytes[start..start + data.len()].copy_from_slice(data);
        block.at = now;
        self.used += data.len();
        Some(Handle { position: number * BLOCK as u64 + start as u64, len: data.len() as u32 })
    }

    /// `None` when it was overwritten.
    pub fn get(&self, handle: Handle) -> Option<&[u8]> {
        if handle == Handle::NOTHING {
            return Some(&[]);
        }
        let (number, start) = (handle.position / BLOCK as u64, (handle.position % BLOCK as u64) as usize);
        let block = self.blocks.get(number.checked_sub(self.first)? as usize)?;
        block.bytes.get(start..start + handle.len as usize)
    }

    /// Gives back memory that has not been needed for a while. Any number of times; it looks once a second.
    pub fn shrink(&mut self, now: Micros) {
        if now - self.looked_at < SECOND {
            return;
        }
        self.looked_at = now;
        self.keep_us = std::mem::replace(&mut self.next_keep_us, 0);
        while self.blocks.len() > 1 && self.is_oldest_older_than(now - self.kept() - SECOND) {
            self.blocks.pop_front();
            self.first += 1;
        }
    }

    fn begin_block(&mut self, now: Micros) {
        let full = self.capacity() == MAX_BYTES;
        let block = if full || self.is_oldest_older_than(now - self.kept()) {
            self.first += 1;
            self.blocks.pop_front()
        } else {
            None
        };
        let block = block.unwrap_or_else(|| Block { bytes: vec![0; BLOCK].into(), at: now });
        self.blocks.push_back(block);
        self.used = 0;
    }

    fn is_oldest_older_than(&self, time: Micros) -> bool {
        self.blocks.front().is_some_and(|block| block.at < time)
    }

    fn kept(&self) -> Micros {
        self.keep_us.max(LEAST_KEEP_US)
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
        assert_eq!((store.used, store.capacity()), (2000, BLOCK));
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
        assert_eq!(store.capacity(), 13 * BLOCK);
        let mut last = later;
        for second in 2..60 {
            last = store.put(second * SECOND, &payload(second as u32)).unwrap();
            store.shrink(second * SECOND);
        }
        assert!(store.capacity() <= 2 * BLOCK);
        assert_eq!(store.get(last), Some(&payload(59)[..]));
    }

    #[test]
    fn memory_stops_at_the_limit_and_the_oldest_goes() {
        let mut store = Store::default();
        let large = [7; BLOCK];
        let handles: Vec<_> = (0..3000).map(|_| store.append(1, &large).unwrap()).collect();
        assert_eq!(store.capacity(), MAX_BYTES);
        let blocks = MAX_BYTES / BLOCK;
        assert!(store.get(handles[2999]).is_some() && store.get(handles[3000 - blocks]).is_some());
        assert!(store.get(handles[3000 - blocks - 1]).is_none());
        assert!(store.append(1, &[0; BLOCK + 1]).is_none());
    }

    #[test]
    fn blocks_are_filled_again_as_soon_as_nobody_asks_for_them() {
        let mut store = Store::default();
        store.keep_for(KEEP);
        let mut handles = Vec::new();
        for number in 0..10_000 {
            let now = i64::from(number) * 2_000;
            store.keep_for(KEEP);
            store.shrink(now);
            handles.push(store.put(now, &payload(number)).unwrap());
            let oldest = number.saturating_sub(KEEP as u32 / 2_000);
            for wanted in [number, oldest] {
                assert_eq!(store.get(handles[wanted as usize]), Some(&payload(wanted)[..]));
            }
        }
        // 100 payloads are wanted; of a block each at both ends there may be only a part.
        assert!(store.capacity() <= (100 * 1000_usize).next_multiple_of(BLOCK) + 2 * BLOCK);
        assert_eq!(store.get(handles[0]), None);
    }
}
