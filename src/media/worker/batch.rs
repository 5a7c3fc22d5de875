//! Outgoing datagrams of one turn of a worker, before they are handed to the kernel.
//!
//! A packet is written once, into a slot; it is encrypted there, and the kernel reads it there. Slots of the same
//! destination form a *lane*, in the order in which they were written, so that a lane can leave as a few trains.
#![forbid(unsafe_code)]

use crate::media::ice::Path;

/// Bytes of a slot: an RTP packet of 1500 bytes, our extension block, an authentication tag, and some room.
pub const SLOT_SIZE: usize = 2048;
/// Slots of a batch.
pub const SLOTS: usize = 2048;

const NONE: u32 = u32::MAX;

/// Where the owner of a lane left off. Keeps packets of one PeerConnection together without a search.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    epoch: u32,
    lane: u32,
}

impl Default for Cursor {
    fn default() -> Cursor {
        Cursor { epoch: u32::MAX, lane: NONE }
    }
}

#[derive(Clone, Copy)]
struct Entry {
    len: u16,
    next: u32,
}

pub struct Lane {
    pub path: Path,
    first: u32,
    last: u32,
}

pub struct Batch {
    slots: Vec<[u8; SLOT_SIZE]>,
    entries: Vec<Entry>,
    lanes: Vec<Lane>,
    epoch: u32,
    refused: u64,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch::new(SLOTS)
    }
}

impl Batch {
    pub fn new(slots: usize) -> Batch {
        Batch {
            slots: vec![[0; SLOT_SIZE]; slots],
            entries: Vec::with_capacity(slots),
            lanes: Vec::with_capacity(slots),
            epoch: 0,
            refused: 0,
        }
    }

    /// Free slots.
    pub fn room(&self) -> usize {
        self.slots.len() - self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Packets that found no slot.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Lets `write` fill the next slot and return the length; `None` from it leaves the slot free.
    /// False when nothing was added.
    pub fn push(
        &mut self,
        cursor: &mut Cursor,
        path: Path,
        write: impl FnOnce(&mut [u8; SLOT_SIZE]) -> Option<usize>,
    ) -> bool {
        let index = self.entries.len();
        let Some(slot) = self.slots.get_mut(index) else {
            self.refused += 1;
            return false;
        };
        let Some(len) = write(slot) else { return false };
        let index = index as u32;
        self.entries.push(Entry { len: len.min(SLOT_SIZE) as u16, next: NONE });
        match self.lanes.get_mut(cursor.lane as usize) {
            Some(lane) if cursor.epoch == self.epoch && lane.path == path => {
                self.entries[lane.last as usize].next = index;
                lane.last = index;
            }
            _ => {
                *cursor = Cursor { epoch: self.epoch, lane: self.lanes.len() as u32 };
                self.lanes.push(Lane { path, first: index, last: index });
            }
        }
        true
    }

    /// A copy of a finished datagram.
    pub fn push_bytes(&mut self, cursor: &mut Cursor, path: Path, bytes: &[u8]) -> bool {
        self.push(cursor, path, |slot| {
            slot.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(bytes.len())
        })
    }

    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The datagrams of a lane, oldest first.
    pub fn packets(&self, lane: &Lane) -> impl Iterator<Item = &[u8]> {
        let mut next = lane.first;
        std::iter::from_fn(move || {
            let entry = self.entries.get(next as usize)?;
            let bytes = &self.slots[next as usize][..usize::from(entry.len)];
            next = entry.next;
            Some(bytes)
        })
    }

    /// Forgets everything; cursors of before start new lanes.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.lanes.clear();
        self.epoch = (self.epoch + 1) % u32::MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path { local: ([127, 0, 0, 1], 1).into(), remote: ([127, 0, 0, 1], port).into() }
    }

    #[test]
    fn lanes_keep_the_order_of_each_destination() {
        let mut batch = Batch::new(8);
        let (mut a, mut b) = (Cursor::default(), Cursor::default());
        for i in 0..3 {
            assert!(batch.push_bytes(&mut a, path(1), &[i]));
            assert!(batch.push_bytes(&mut b, path(2), &[10 + i]));
        }
        let all = |batch: &Batch| -> Vec<Vec<u8>> {
            batch.lanes().iter().map(|l| batch.packets(l).map(|p| p[0]).collect()).collect()
        };
        assert_eq!(all(&batch), [vec![0, 1, 2], vec![10, 11, 12]]);
        // A path change opens a lane of its own.
        assert!(batch.push_bytes(&mut a, path(3), &[9]));
        assert_eq!(all(&batch).len(), 3);
        // Nothing is added when the writer gives up, and nothing when the batch is full.
        assert!(!batch.push(&mut a, path(3), |_| None));
        assert!(batch.push_bytes(&mut a, path(3), &[8]));
        assert!(!batch.push_bytes(&mut a, path(3), &[7]));
        assert_eq!(batch.refused(), 1);
        batch.clear();
        assert!(batch.push_bytes(&mut a, path(3), &[6]));
        assert_eq!(all(&batch), [vec![6]]);
    }
}
