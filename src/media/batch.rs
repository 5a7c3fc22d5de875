//! Outgoing datagrams of one turn of a worker, before they are handed to the kernel.
//!
//! A packet is written once, into a slot; it is encrypted there, and the kernel reads it there. Slots of the same
//! destination form a *lane*, in the order in which they were written, so that a lane can leave as a few trains. A slot
//! takes only as much of the memory as its packet has bytes: the next one begins behind it. What goes through a relay has
//! room around it for what [`Batch::frame`] puts there.
#![forbid(unsafe_code)]

use crate::media::ice::{Path, Way};
use crate::media::turn::{Frame, HEAD, TAIL};
use std::net::SocketAddr;

/// Bytes of a slot while it is written: an RTP packet of 1500 bytes, our extension block, an authentication tag, and
/// some room.
pub const SLOT_SIZE: usize = 2048;
const PACKETS: usize = 4096;
/// Bytes of a batch. Memory that was never needed is never touched.
const BYTES: usize = 4 << 20;
/// A batch of this size leaves as soon as it can: what the kernel reads is then still in the processor's cache, and the
/// same memory serves again.
const PORTION: usize = 256 << 10;
/// The packets of another lane begin where a cache line does. Those of one lane lie side by side: a train in one piece
/// costs the kernel less.
const LINE: usize = 64;

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

/// A packet in the batch.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    epoch: u32,
    index: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    at: u32,
    len: u16,
    next: u32,
}

pub struct Lane {
    pub path: Path,
    /// From host to host: another one than `path` where a relay is between.
    pub out: Path,
    /// Of [`Way::Relay`]: ready to be sent.
    pub framed: bool,
    first: u32,
    last: u32,
}

/// A place in a lane, for [`Batch::step`].
#[derive(Clone, Copy, Debug)]
pub struct Step(u32);

impl Lane {
    /// Its oldest datagram.
    pub fn begin(&self) -> Step {
        Step(self.first)
    }
}

pub struct Batch {
    bytes: Vec<u8>,
    used: usize,
    entries: Vec<Entry>,
    lanes: Vec<Lane>,
    /// Lanes that go through a relay.
    relayed: usize,
    epoch: u32,
    refused: u64,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch::with_capacity(PACKETS, BYTES)
    }
}

impl Batch {
    /// Room for so many packets of any length.
    pub fn new(packets: usize) -> Batch {
        Batch::with_capacity(packets, packets * SLOT_SIZE)
    }

    fn with_capacity(packets: usize, bytes: usize) -> Batch {
        Batch {
            bytes: vec![0; bytes],
            used: 0,
            entries: Vec::with_capacity(packets),
            lanes: Vec::with_capacity(packets),
            relayed: 0,
            epoch: 0,
            refused: 0,
        }
    }

    /// Packets of any length that can be added.
    pub fn room(&self) -> usize {
        let packets = self.entries.capacity() - self.entries.len();
        packets.min(self.bytes.len().saturating_sub(self.used.next_multiple_of(LINE)) / SLOT_SIZE)
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Large enough to be sent before more is added.
    pub fn is_portion(&self) -> bool {
        self.used >= PORTION
    }

    /// Packets that found no slot.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Lets `write` fill the next slot and return the length; `None` from it leaves the slot free.
    /// `None` when nothing was added.
    pub fn push(
        &mut self,
        cursor: &mut Cursor,
        path: Path,
        write: impl FnOnce(&mut [u8; SLOT_SIZE]) -> Option<usize>,
    ) -> Option<Place> {
        if self.room() == 0 {
            self.refused += 1;
            return None;
        }
        let index = self.entries.len() as u32;
        let lane = self.lanes.get(cursor.lane as usize).filter(|_| cursor.epoch == self.epoch);
        let goes_on = lane.is_some_and(|lane| lane.path == path && lane.last + 1 == index);
        let (head, tail) = if path.way == Way::Relay { (HEAD, TAIL) } else { (0, 0) };
        let at = if goes_on { self.used } else { self.used.next_multiple_of(LINE) } + head;
        let slot = self.bytes.get_mut(at..).filter(|rest| rest.len() >= SLOT_SIZE + tail);
        let Some(slot) = slot.and_then(|rest| rest.first_chunk_mut::<SLOT_SIZE>()) else {
            self.refused += 1;
            return None;
        };
        let len = write(slot)?.min(SLOT_SIZE);
        self.entries.push(Entry { at: at as u32, len: len as u16, next: NONE });
        self.used = at + len + tail;
        match self.lanes.get_mut(cursor.lane as usize) {
            Some(lane) if cursor.epoch == self.epoch && lane.path == path => {
                self.entries[lane.last as usize].next = index;
                lane.last = index;
            }
            _ => {
                *cursor = Cursor { epoch: self.epoch, lane: self.lanes.len() as u32 };
                self.lanes.push(Lane { path, out: path, framed: false, first: index, last: index });
                self.relayed += usize::from(path.way == Way::Relay);
            }
        }
        Some(Place { epoch: self.epoch, index })
    }

    /// A packet again, to be worked on in place; `None` after [`Batch::clear`].
    pub fn packet_mut(&mut self, place: Place) -> Option<&mut [u8]> {
        let Entry { at, len, .. } = *self.entries.get(place.index as usize)?;
        (place.epoch == self.epoch).then(|| &mut self.bytes[at as usize..][..usize::from(len)])
    }

    /// Takes a packet out again.
    pub fn withdraw(&mut self, place: Place) {
        if place.epoch == self.epoch
            && let Some(entry) = self.entries.get_mut(place.index as usize)
        {
            entry.len = 0;
        }
    }

    /// A copy of a finished datagram.
    pub fn push_bytes(&mut self, cursor: &mut Cursor, path: Path, bytes: &[u8]) -> bool {
        let added = self.push(cursor, path, |slot| {
            slot.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(bytes.len())
        });
        added.is_some()
    }

    /// Puts around each datagram that goes through the relay what the relay wants: `of` says how a peer is reached, of whom
    /// and what is sent first; `None`: not at all. `out`: the way to the relay, if that is UDP.
    pub fn frame(&mut self, out: Option<Path>, mut of: impl FnMut(SocketAddr, &[u8]) -> Option<Frame>) {
        if self.relayed == 0 {
            return;
        }
        for lane in &mut self.lanes {
            if lane.path.way != Way::Relay || lane.framed {
                continue;
            }
            let first = self.entries[lane.first as usize];
            let Some(frame) = of(lane.path.remote, &self.bytes[first.at as usize..][..first.len.into()])
            else {
                continue;
            };
            lane.framed = true;
            lane.out = out.unwrap_or(lane.path);
            let mut next = lane.first;
            while let Some(entry) = self.entries.get_mut(next as usize) {
                next = entry.next;
                if entry.len == 0 {
                    continue;
                }
                let (at, len, head) = (entry.at as usize, usize::from(entry.len), frame.head());
                let tail = frame.tail(len, out.is_none());
                frame.write(&mut self.bytes[at - head..at], len);
                self.bytes[at + len..at + len + tail].fill(0);
                (entry.at, entry.len) = ((at - head) as u32, (head + len + tail) as u16);
            }
        }
    }

    /// Whether anything goes through a relay.
    pub fn is_relayed(&self) -> bool {
        self.relayed > 0
    }

    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The datagrams of a lane, oldest first.
    pub fn packets(&self, lane: &Lane) -> impl Iterator<Item = &[u8]> {
        let mut next = lane.begin();
        let all = std::iter::from_fn(move || self.step(&mut next));
        all.filter(|packet| !packet.is_empty())
    }

    /// The datagram there, empty if it was withdrawn; steps to the next one of its lane. `None` at the end.
    pub fn step(&self, at: &mut Step) -> Option<&[u8]> {
        let Entry { at: begin, len, next } = *self.entries.get(at.0 as usize)?;
        at.0 = next;
        Some(&self.bytes[begin as usize..][..usize::from(len)])
    }

    /// All of the memory that the packets lie in.
    pub fn memory(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets everything; cursors of before start new lanes.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.lanes.clear();
        self.relayed = 0;
        self.used = 0;
        self.epoch = (self.epoch + 1) % u32::MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path::udp(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], port).into())
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
        assert!(batch.push(&mut a, path(3), |_| None).is_none());
        assert!(batch.push_bytes(&mut a, path(3), &[8]));
        assert!(!batch.push_bytes(&mut a, path(3), &[7]));
        assert_eq!(batch.refused(), 1);
        batch.clear();
        assert!(batch.push_bytes(&mut a, path(3), &[6]));
        assert_eq!(all(&batch), [vec![6]]);
    }

    #[test]
    fn a_packet_can_be_changed_and_withdrawn_until_the_batch_is_cleared() {
        let mut batch = Batch::new(4);
        let mut cursor = Cursor::default();
        let [a, b, c] = [1, 2, 3].map(|i| {
            batch.push(&mut cursor, path(1), |slot| slot.get_mut(..2).map(|s| s.fill(i)).map(|()| 2)).unwrap()
        });
        batch.packet_mut(a).unwrap()[1] = 9;
        batch.withdraw(b);
        let packets = |batch: &Batch| -> Vec<Vec<u8>> {
            batch.lanes().iter().flat_map(|lane| batch.packets(lane).map(<[u8]>::to_vec)).collect()
        };
        assert_eq!(packets(&batch), [[1, 9], [3, 3]]);
        batch.clear();
        assert!(batch.push_bytes(&mut cursor, path(1), &[7]));
        batch.withdraw(a);
        assert!(batch.packet_mut(c).is_none() && batch.packet_mut(a).is_none());
        assert_eq!(packets(&batch), [[7]]);
    }

    #[test]
    fn packets_lie_close_together_and_the_bytes_are_a_limit_too() {
        let mut batch = Batch::with_capacity(100, 2 * SLOT_SIZE);
        let mut cursor = Cursor::default();
        let mut count = 0;
        let fill = |slot: &mut [u8; SLOT_SIZE], with| {
            slot[..100].fill(with);
            Some(100)
        };
        while batch.push(&mut cursor, path(1), |slot| fill(slot, count)).is_some() {
            count += 1;
        }
        // Up to the last place, of those where a line begins, from where a whole one fits.
        assert_eq!((count, batch.refused()), (21, 1));
        assert!(batch.packets(&batch.lanes()[0]).zip(0..21).all(|(packet, i)| packet == [i; 100]));
        let begins: Vec<_> = batch.packets(&batch.lanes()[0]).map(<[u8]>::as_ptr).collect();
        assert!(begins.windows(2).all(|pair| pair[1] as usize - pair[0] as usize == 100));
        batch.clear();
        let mut other = Cursor::default();
        for cursor in [&mut cursor, &mut other] {
            assert!(batch.push(cursor, path(1), |slot| fill(slot, 0)).is_some());
        }
        let begins = |lane: &Lane| batch.packets(lane).next().unwrap().as_ptr() as usize;
        assert_eq!(begins(&batch.lanes()[1]) - begins(&batch.lanes()[0]), 128);
    }

    #[test]
    fn what_goes_through_a_relay_is_framed_in_place() {
        let relayed =
            |port: u16| Path::relayed(([192, 0, 2, 1], 40_000).into(), ([127, 0, 0, 1], port).into());
        let to_relay = Path::udp(([127, 0, 0, 1], 1).into(), ([192, 0, 2, 1], 3478).into());
        for out in [Some(to_relay), None] {
            let mut batch = Batch::new(20);
            let (mut a, mut b, mut c) = Default::default();
            assert!(batch.push_bytes(&mut a, relayed(1), &[1; 5]));
            assert!(batch.push_bytes(&mut a, relayed(1), &[2; 8]));
            let withdrawn = batch.push(&mut a, relayed(1), |_| Some(3)).unwrap();
            assert!(batch.push_bytes(&mut b, path(9), &[3; 5]));
            assert!(batch.push_bytes(&mut c, relayed(2), &[4; 5]));
            assert!(batch.push_bytes(&mut Cursor::default(), relayed(3), &[5; 5]));
            batch.withdraw(withdrawn);
            batch.frame(out, |peer, first| {
                assert_eq!(first.len(), 5);
                match peer.port() {
                    1 => Some(Frame::Channel(0x4001)),
                    2 => Some(Frame::Indication(peer)),
                    _ => None,
                }
            });
            let lane = |index: usize| -> Vec<&[u8]> { batch.packets(&batch.lanes()[index]).collect() };
            let padding = if out.is_none() { &[0; 3][..] } else { &[] };
            let first = [&[0x40, 1, 0, 5, 1, 1, 1, 1, 1], padding].concat();
            assert_eq!(lane(0), [&first[..], &[0x40, 1, 0, 8, 2, 2, 2, 2, 2, 2, 2, 2]]);
            assert_eq!(lane(1), [[3; 5]]);
            assert_eq!((lane(2)[0].len(), lane(2)[0][36]), (36 + 8, 4));
            let ways: Vec<_> = batch.lanes().iter().map(|lane| (lane.framed, lane.out)).collect();
            let to = |port| out.unwrap_or(relayed(port));
            assert_eq!(ways, [(true, to(1)), (false, path(9)), (true, to(2)), (false, relayed(3))]);
            // Once is enough.
            batch.frame(out, |peer, _| (peer.port() != 3).then(|| panic!("framed already")));
        }
    }
}
