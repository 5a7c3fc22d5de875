//! RTP from threads that do not own the receiver: a bounded ring of fixed slots, many writers, one reader, no lock, one
//! copy in. (The queue of Dmitry Vyukov: each slot carries the number of the turn in which it may be written or read.)

use super::pending::Urgency;
use crate::media::types::{Mindex, RtpOut};
use crate::rtp::Extensions;
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Bytes of a slot for packet and dependency descriptor together.
const ROOM: usize = 2048;
const MAX_DESCRIPTOR: usize = 255;

/// Who a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressee {
    pub seat: u32,
    pub peer: u64,
}

#[derive(Clone, Copy)]
struct Head {
    to: Addressee,
    mindex: Mindex,
    video: bool,
    extensions: Extensions<'static>,
    packet: usize,
    descriptor: usize,
    urgency: Urgency,
}

struct Stored {
    head: Head,
    bytes: [u8; ROOM],
}

pub struct Ring {
    /// Apart from the slots, so that memory of slots that were never used is never touched.
    turns: Box<[AtomicUsize]>,
    slots: Box<[UnsafeCell<MaybeUninit<Stored>>]>,
    write: AtomicUsize,
    read: AtomicUsize,
    dropped: AtomicU64,
    /// Something was put in that must not wait.
    hurry: AtomicBool,
}

// SAFETY: a slot's content is only touched by the one thread that its turn number admits: the writer that moved `write`
// past it, or the single reader after that writer's release store.
unsafe impl Sync for Ring {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Ring {}

impl Ring {
    /// `slots` is rounded up to a power of two, at least 2: with one slot, "written" and "may be written" look the same.
    pub fn new(slots: usize) -> Ring {
        let slots = slots.max(2).next_power_of_two();
        let memory = Box::<[UnsafeCell<MaybeUninit<Stored>>]>::new_uninit_slice(slots);
        Ring {
            turns: (0..slots).map(AtomicUsize::new).collect(),
            // SAFETY: `MaybeUninit` needs no initialisation, and `UnsafeCell` has the layout of its content.
            slots: unsafe { memory.assume_init() },
            write: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            hurry: AtomicBool::new(false),
        }
    }

    fn index(&self, position: usize) -> usize {
        position & (self.turns.len() - 1)
    }

    /// Packets that found the ring full, or were too large for a slot.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Copies the packet in, and says how soon the reader has to look; `None` when it was dropped. Any thread.
    pub fn push(&self, to: Addressee, packet: &RtpOut<'_>, urgency: Urgency) -> Option<Urgency> {
        let descriptor = packet.extensions.dependency_descriptor;
        let descriptor = if descriptor.len() <= MAX_DESCRIPTOR { descriptor } else { &[] };
        let fits = packet.packet.len() + descriptor.len() <= ROOM;
        let Some(position) = fits.then(|| self.claim()).flatten() else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let head = Head {
            to,
            mindex: packet.mindex,
            video: packet.video,
            extensions: Extensions { dependency_descriptor: &[], ..packet.extensions },
            packet: packet.packet.len(),
            descriptor: descriptor.len(),
            urgency,
        };
        let slot = self.slots[self.index(position)].get().cast::<Stored>();
        // SAFETY: `claim` gave this position to this thread alone, and the reader waits for the store below. `slot` is
        // valid for writes of a `Stored`; both copies lie inside `bytes`, as checked by `fits`.
        unsafe {
            (&raw mut (*slot).head).write(head);
            let bytes = (&raw mut (*slot).bytes).cast::<u8>();
            bytes.copy_from_nonoverlapping(packet.packet.as_ptr(), head.packet);
            bytes.add(head.packet).copy_from_nonoverlapping(descriptor.as_ptr(), head.descriptor);
        }
        self.turns[self.index(position)].store(position.wrapping_add(1), Ordering::Release);
        let waiting = position.wrapping_sub(self.read.load(Ordering::Relaxed));
        if urgency == Urgency::WithFrame && waiting < self.turns.len() / 2 {
            return Some(Urgency::WithFrame);
        }
        self.hurry.store(true, Ordering::Release);
        Some(Urgency::Now)
    }

    /// Whether something in it must not wait, or it is half full. Only the owning worker.
    pub fn is_urgent(&self) -> bool {
        self.hurry.load(Ordering::Acquire)
    }

    /// Before everything is taken out. Only the owning worker.
    pub fn begin(&self) {
        if self.is_urgent() {
            // A swap, so that the packet behind the latest `true` is seen by what follows.
            self.hurry.swap(false, Ordering::AcqRel);
        }
    }

    fn claim(&self) -> Option<usize> {
        let mut position = self.write.load(Ordering::Relaxed);
        loop {
            let turn = self.turns[self.index(position)].load(Ordering::Acquire);
            if turn == position {
                let next = position.wrapping_add(1);
                match self.write.compare_exchange_weak(position, next, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return Some(position),
                    Err(now) => position = now,
                }
            } else if (turn.wrapping_sub(position) as isize) < 0 {
                return None;
            } else {
                position = self.write.load(Ordering::Relaxed);
            }
        }
    }

    /// Hands the oldest packet to `use_it`; false when there is none. Only the owning worker.
    pub fn pop(&self, use_it: impl FnOnce(Addressee, RtpOut<'_>, Urgency)) -> bool {
        let position = self.read.load(Ordering::Relaxed);
        let turn = &self.turns[self.index(position)];
        if turn.load(Ordering::Acquire) != position.wrapping_add(1) {
            return false;
        }
        let slot = self.slots[self.index(position)].get().cast::<Stored>();
        // SAFETY: the turn number says that a writer has filled the slot and is done with it, and this is the only
        // reader. That writer initialised `head` and as many bytes as it says.
        let (head, packet, descriptor) = unsafe {
            let head = (&raw const (*slot).head).read();
            let bytes = (&raw const (*slot).bytes).cast::<u8>();
            let packet = std::slice::from_raw_parts(bytes, head.packet);
            (head, packet, std::slice::from_raw_parts(bytes.add(head.packet), head.descriptor))
        };
        let extensions = Extensions { dependency_descriptor: descriptor, ..head.extensions };
        let packet = RtpOut { mindex: head.mindex, video: head.video, packet, extensions };
        use_it(head.to, packet, head.urgency);
        self.read.store(position.wrapping_add(1), Ordering::Relaxed);
        turn.store(position.wrapping_add(self.turns.len()), Ordering::Release);
        true
    }

    pub fn is_empty(&self) -> bool {
        let position = self.read.load(Ordering::Relaxed);
        self.turns[self.index(position)].load(Ordering::Acquire) != position.wrapping_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const TO: Addressee = Addressee { seat: 3, peer: 9 };

    fn packet<'a>(bytes: &'a [u8], descriptor: &'a [u8]) -> RtpOut<'a> {
        let extensions = Extensions { dependency_descriptor: descriptor, ..Default::default() };
        RtpOut { mindex: 1, video: true, packet: bytes, extensions }
    }

    #[test]
    fn keeps_order_and_content_and_drops_when_full() {
        let ring = Ring::new(4);
        for round in 0..3_u8 {
            assert!(ring.is_empty());
            for i in 0..4 {
                assert!(ring.push(TO, &packet(&[round, i], &[7, i]), Urgency::WithFrame).is_some());
            }
            assert!(ring.push(TO, &packet(&[9], &[]), Urgency::Now).is_none());
            for i in 0..4 {
                let mut seen = false;
                assert!(ring.pop(|to, p, _| {
                    assert_eq!((to, p.packet, p.mindex, p.video), (TO, &[round, i][..], 1, true));
                    assert_eq!(p.extensions.dependency_descriptor, [7, i]);
                    seen = true;
                }));
                assert!(seen);
            }
            assert!(!ring.pop(|_, _, _| panic!("nothing is left")));
        }
        assert_eq!(ring.dropped(), 3);
        assert!(ring.push(TO, &packet(&[0; ROOM + 1], &[]), Urgency::Now).is_none());
    }

    #[test]
    fn a_ring_is_urgent_with_an_urgent_packet_or_half_full() {
        let ring = Ring::new(8);
        let push = |urgency| ring.push(TO, &packet(&[1], &[]), urgency).unwrap();
        for _ in 0..4 {
            assert_eq!(push(Urgency::WithFrame), Urgency::WithFrame);
        }
        assert!(!ring.is_urgent());
        assert_eq!(push(Urgency::WithFrame), Urgency::Now);
        assert!(ring.is_urgent());
        ring.begin();
        assert!(!ring.is_urgent());
        while ring.pop(|_, _, urgency| assert_eq!(urgency, Urgency::WithFrame)) {}
        assert_eq!(push(Urgency::Now), Urgency::Now);
        assert!(ring.is_urgent());
    }

    // MP-181
    #[test]
    fn each_writer_keeps_its_order() {
        let ring = Arc::new(Ring::new(64));
        let writers: Vec<_> = (0..3_u8)
            .map(|name| {
                let ring = ring.clone();
                std::thread::spawn(move || {
                    for i in 0..5000_u32 {
                        let mut bytes = [name, 0, 0, 0, 0];
                        bytes[1..].copy_from_slice(&i.to_be_bytes());
                        while ring.push(TO, &packet(&bytes, &[]), Urgency::WithFrame).is_none() {
                            std::thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let mut next = [0_u32; 3];
        while next != [5000; 3] {
            let got = ring.pop(|_, p, _| {
                let name = usize::from(p.packet[0]);
                assert_eq!(p.packet[1..], next[name].to_be_bytes());
                next[name] += 1;
            });
            if !got {
                std::thread::yield_now();
            }
        }
        for writer in writers {
            writer.join().unwrap();
        }
    }
}
