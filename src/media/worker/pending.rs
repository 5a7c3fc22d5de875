//! Packets that plugins have relayed, until they are written for their receivers.
//!
//! A plugin relays packet by packet, each to all receivers. Written in that order, every packet would have to fetch the
//! keys and counters of every receiver anew. So the packets of a turn are noted down here and written receiver by
//! receiver: what a receiver needs is fetched once per train, and the payloads, which are shared, stay near. So do the
//! notes, which are small: what consecutive receivers have in common is kept once.
#![forbid(unsafe_code)]

use crate::media::address::{Addressee, Urgency};
use crate::media::streams::{Content, Relayed};

/// Packets noted at a time: a frame of twenty for four hundred receivers.
const CAPACITY: usize = 8192;
const NONE: u32 = u32::MAX;
/// No PeerConnection has this id.
const NOBODY: u64 = 0;

/// The packets of one seat.
#[derive(Clone, Copy)]
struct Queue {
    peer: u64,
    first: u32,
    last: u32,
}

struct Entry {
    packet: Relayed,
    content: u32,
    next: u32,
}

/// For two hundred receivers of a frame of ten they all fit the nearest cache.
const _: () = assert!(size_of::<Entry>() <= 24);

pub struct Pending {
    /// By seat. Small, so that noting a packet does not touch its receiver.
    queues: Vec<Queue>,
    entries: Vec<Entry>,
    contents: Vec<Content>,
    /// Seats in the order of their first packet.
    seats: Vec<u32>,
    urgent: bool,
}

impl Default for Pending {
    fn default() -> Pending {
        Pending {
            queues: Vec::new(),
            entries: Vec::with_capacity(CAPACITY),
            contents: Vec::with_capacity(CAPACITY),
            seats: Vec::with_capacity(CAPACITY),
            urgent: false,
        }
    }
}

impl Pending {
    /// From now on the seat is this PeerConnection's.
    pub fn seat_taken(&mut self, seat: u32, peer: u64) {
        let seat = seat as usize;
        if seat >= self.queues.len() {
            self.queues.resize(seat + 1, Queue { peer: NOBODY, first: NONE, last: NONE });
        }
        self.queues[seat] = Queue { peer, first: NONE, last: NONE };
    }

    /// Drops what was noted for the seat.
    pub fn seat_left(&mut self, seat: u32) {
        self.seat_taken(seat, NOBODY);
    }

    pub fn has_seat(&self, to: Addressee) -> bool {
        self.queues.get(to.seat as usize).is_some_and(|queue| queue.peer == to.peer)
    }

    pub fn is_full(&self) -> bool {
        self.entries.len() == CAPACITY || self.seats.len() == CAPACITY
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn is_urgent(&self) -> bool {
        self.urgent
    }

    /// Notes a packet for a seat that [`Pending::has_seat`]; there is room.
    pub fn push(&mut self, seat: u32, packet: Relayed, content: &Content, urgency: Urgency) {
        let index = self.entries.len() as u32;
        if self.contents.last() != Some(content) {
            self.contents.push(*content);
        }
        let content = self.contents.len() as u32 - 1;
        self.entries.push(Entry { packet, content, next: NONE });
        self.urgent |= urgency == Urgency::Now;
        let queue = &mut self.queues[seat as usize];
        if queue.first == NONE {
            queue.first = index;
            self.seats.push(seat);
        } else {
            self.entries[queue.last as usize].next = index;
        }
        queue.last = index;
    }

    /// The `index`-th seat that packets were noted for; one of them may come twice.
    pub fn seat(&self, index: usize) -> Option<u32> {
        self.seats.get(index).copied()
    }

    /// Whether [`Pending::take`] has something.
    pub fn has_more(&self, seat: u32) -> bool {
        self.queues.get(seat as usize).is_some_and(|queue| queue.first != NONE)
    }

    /// Takes the packets of a seat, oldest first; what the iterator does not come to stays. Contents are read where they
    /// lie: a copy could not be read before it is in the cache, behind everything that was written before.
    pub fn take(&mut self, seat: u32) -> impl Iterator<Item = (Relayed, &Content)> {
        let (entries, contents) = (&self.entries, &self.contents);
        let mut queue = self.queues.get_mut(seat as usize);
        std::iter::from_fn(move || {
            let queue = queue.as_mut()?;
            let entry = entries.get(queue.first as usize)?;
            queue.first = entry.next;
            Some((entry.packet, contents.get(entry.content as usize)?))
        })
    }

    /// After everything was taken.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.contents.clear();
        self.seats.clear();
        self.urgent = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::streams::Parts;
    use crate::media::streams::store::Store;
    use crate::media::types::RtpOut;

    fn relay(pending: &mut Pending, store: &mut Store, seat: u32, number: i32, urgency: Urgency) {
        let bytes = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (number / 2) as u8];
        let packet = RtpOut { mindex: number, video: true, packet: &bytes, extensions: Default::default() };
        let (packet, content) = Parts::of(&packet).unwrap().stored(store, 1).unwrap();
        pending.push(seat, packet, &content, urgency);
    }

    #[test]
    fn each_seat_gets_its_packets_in_order_and_only_its_own() {
        let (mut pending, mut store) = (Pending::default(), Store::default());
        pending.seat_taken(0, 10);
        pending.seat_taken(2, 12);
        assert!(pending.has_seat(Addressee { seat: 2, peer: 12 }));
        assert!(!pending.has_seat(Addressee { seat: 1, peer: 0xFFFF }));
        assert!(!pending.has_seat(Addressee { seat: 9, peer: 12 }));
        for number in 0..6 {
            let seat = if number % 2 == 0 { 2 } else { 0 };
            relay(&mut pending, &mut store, seat, number, Urgency::WithFrame);
        }
        assert!(!pending.is_urgent());
        assert_eq!([pending.seat(0), pending.seat(1), pending.seat(2)], [Some(2), Some(0), None]);
        // Two packets at a time have one content.
        assert_eq!(pending.contents.len(), 3);
        let contents = pending.contents.clone();
        let mut taken = Vec::new();
        taken.extend(pending.take(2).take(2).map(|(packet, content)| (packet.mindex(), *content)));
        assert!(pending.has_more(2));
        taken.extend(pending.take(2).map(|(packet, content)| (packet.mindex(), *content)));
        assert_eq!(taken, [(0, contents[0]), (2, contents[1]), (4, contents[2])]);
        // Whoever sits there next gets nothing of the one before.
        pending.seat_left(0);
        assert!(pending.take(0).next().is_none() && !pending.has_seat(Addressee { seat: 0, peer: 10 }));
        relay(&mut pending, &mut store, 2, 7, Urgency::Now);
        assert!(pending.is_urgent() && pending.has_more(2) && !pending.has_more(0));
        pending.clear();
        assert!(pending.is_empty() && !pending.is_urgent() && pending.seat(0).is_none());
    }
}
