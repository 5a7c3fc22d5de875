//! Writers and the reader of a worker's ring.

use crate::Model;
use crate::address::{Addressee, Urgency};
use crate::checked::thread;
use crate::media::types::RtpOut;
use crate::memory::LEAST_CELLS;
use crate::ring::{Reader, Ring};
use crate::rtp::Extensions;
use crate::share::Share;
use std::sync::Arc;

pub const MODELS: &[Model] = &[
    ("ring: two writers, one reader", two_writers),
    ("ring: a body that several packets share", shared_bodies),
    ("ring: full and around its end", full),
    ("ring: a body that comes again far behind", repeated_body),
    ("ring: an era ends beside a writer", eras),
    ("ring: what is urgent is seen", urgent),
    ("ring: a share of it is given back", shares),
    ("ring: the reader moves to another thread", moved_reader),
];

fn halves() -> (Arc<Ring>, Reader<Ring>) {
    let ring = Arc::new(Ring::new(0));
    (ring.clone(), Reader::of(ring, |ring| ring).unwrap())
}

/// A packet of `writer` with a payload that shows whether it is whole.
fn push(ring: &Ring, writer: u8, number: u8, payload: u8, length: usize, urgency: Urgency) -> bool {
    push_for(&Share::default(), ring, (writer, number, payload), length, urgency)
}

fn push_for(
    share: &Share,
    ring: &Ring,
    (writer, number, payload): (u8, u8, u8),
    length: usize,
    urgency: Urgency,
) -> bool {
    let mut packet = vec![payload; 12 + length];
    packet[..12].copy_from_slice(&[0x80, 96, 0, number, 0, 0, 0, 0, 0, 0, 0, 0]);
    packet[10..12].copy_from_slice(&(length as u16).to_be_bytes());
    let packet =
        RtpOut { mindex: payload.into(), video: true, packet: &packet, extensions: Extensions::default() };
    ring.push(Addressee { seat: writer.into(), peer: 1 }, share, &packet, urgency).is_some()
}

/// Writer and number of the packets that are there.
fn pop_all(reader: &mut Reader<Ring>) -> Vec<(u8, u8)> {
    pop_all_and(reader, |_, _| {})
}

fn pop_all_and(reader: &mut Reader<Ring>, mut give_back: impl FnMut(Addressee, u32)) -> Vec<(u8, u8)> {
    let mut seen = Vec::new();
    while reader.pop(|to, parts, _| {
        let length = u16::from_be_bytes([parts.header[10], parts.header[11]]);
        assert_eq!(parts.payload.len(), usize::from(length), "the packet's own length");
        assert!(parts.payload.iter().all(|byte| i32::from(*byte) == parts.mindex), "its own bytes");
        seen.push((to.seat as u8, parts.header[3]));
    }) {
        if let Some((to, cells)) = reader.owed() {
            give_back(to, cells);
        }
    }
    seen
}

/// The numbers of each writer, in the order that they came in.
fn of(writer: u8, seen: &[(u8, u8)]) -> Vec<u8> {
    seen.iter().filter(|(from, _)| *from == writer).map(|(_, number)| *number).collect()
}

/// Everything that was taken in comes out, once and in the writer's order.
fn two_writers() {
    let (ring, mut reader) = halves();
    let writers = [1, 2].map(|writer| {
        let ring = ring.clone();
        thread::spawn(move || push(&ring, writer, 1, writer, 3, Urgency::WithFrame))
    });
    let mut seen = pop_all(&mut reader);
    for writer in writers {
        assert!(writer.join().unwrap());
    }
    seen.extend(pop_all(&mut reader));
    assert_eq!((of(1, &seen), of(2, &seen)), (vec![1], vec![1]));
    assert!(reader.is_empty() && ring.dropped() == 0);
}

/// The second packet points back to the first one's body, unless that may have been given free.
fn shared_bodies() {
    let (ring, mut reader) = halves();
    let writer = thread::spawn(move || {
        (1..=3).map(|n| push(&ring, 1, n, 7, 70, Urgency::WithFrame)).collect::<Vec<_>>()
    });
    let mut seen = pop_all(&mut reader);
    let taken = writer.join().unwrap();
    seen.extend(pop_all(&mut reader));
    assert_eq!((of(1, &seen), taken), (vec![1, 2, 3], vec![true; 3]));
}

/// Packets of 31, 31 and 20 cells in a ring of 64: the third fits only once the first was given free, and then it goes
/// around the end.
fn full() {
    let (ring, mut reader) = halves();
    assert!(push(&ring, 1, 1, 1, 1800, Urgency::WithFrame));
    let writer = thread::spawn(move || {
        let length = |n| if n == 2 { 1800 } else { 1100 };
        (2..=3).filter(|n| push(&ring, 1, *n, *n, length(*n), Urgency::WithFrame)).collect::<Vec<_>>()
    });
    let mut seen = pop_all(&mut reader);
    let mut taken = vec![1];
    taken.extend(writer.join().unwrap());
    seen.extend(pop_all(&mut reader));
    assert_eq!(of(1, &seen), taken);
    assert!(reader.is_empty());
}

/// The second packet has the body of the first, whose place may be given free before it is read: so it has a copy of its
/// own. The fourth goes around the end, to where the first was.
fn repeated_body() {
    let (ring, mut reader) = halves();
    let writer = thread::spawn(move || {
        let all = [(1, 7, 1800), (2, 7, 1800), (3, 8, 1800), (4, 9, 1100)];
        let taken = all
            .iter()
            .filter(|(n, payload, length)| push(&ring, 1, *n, *payload, *length, Urgency::WithFrame));
        taken.map(|(n, _, _)| *n).collect::<Vec<_>>()
    });
    let mut seen = pop_all(&mut reader);
    let taken = writer.join().unwrap();
    seen.extend(pop_all(&mut reader));
    assert_eq!(of(1, &seen), taken);
}

/// The reader, finding nothing, sends writers back to the first cell while one is about to claim.
fn eras() {
    let (ring, mut reader) = halves();
    assert!(push(&ring, 1, 1, 5, 10, Urgency::WithFrame));
    let writer = thread::spawn(move || {
        (2..=3).map(|n| push(&ring, 1, n, 5, 10, Urgency::WithFrame)).collect::<Vec<_>>()
    });
    let mut seen = pop_all(&mut reader);
    seen.extend(pop_all(&mut reader));
    assert_eq!(writer.join().unwrap(), [true; 2]);
    seen.extend(pop_all(&mut reader));
    assert_eq!(of(1, &seen), [1, 2, 3]);
}

/// A packet that must not wait is either taken out now or is still called urgent.
fn urgent() {
    let (ring, mut reader) = halves();
    let writer = {
        let ring = ring.clone();
        thread::spawn(move || push(&ring, 1, 1, 1, 1, Urgency::Now))
    };
    reader.begin();
    let seen = pop_all(&mut reader);
    assert!(writer.join().unwrap());
    assert!(reader.is_urgent() || seen == [(1, 1)], "it would wait for the next frame");
}

/// Two writers take of one share while the reader gives back. In the end nothing is taken.
fn shares() {
    let (ring, mut reader) = halves();
    let share = Arc::new(Share::default());
    // A crowd that belongs to nobody.
    for number in 0..=(LEAST_CELLS * 3 / 16 / 12) as u8 {
        assert!(push(&ring, 3, number, number, 700, Urgency::WithFrame));
    }
    let give_back = |to: Addressee, cells| {
        if to.seat < 3 {
            share.give_back(cells);
        }
    };
    let writers = [1, 2].map(|writer| {
        let (ring, share) = (ring.clone(), share.clone());
        thread::spawn(move || push_for(&share, &ring, (writer, 1, writer), 3, Urgency::WithFrame))
    });
    let mut seen = pop_all_and(&mut reader, give_back);
    let taken = writers.map(|writer| writer.join().unwrap());
    seen.extend(pop_all_and(&mut reader, give_back));
    assert_eq!([1, 2].map(|writer| of(writer, &seen).len() == 1), taken);
    assert!(share.has_room(1, 1), "nothing is taken");
}

/// As when another thread takes a worker's core over.
fn moved_reader() {
    let (ring, mut reader) = halves();
    let writer = thread::spawn(move || {
        (1..=2).map(|n| push(&ring, 1, n, n, 4, Urgency::WithFrame)).collect::<Vec<_>>()
    });
    let (mut reader, mut seen) = thread::spawn(move || {
        let seen = pop_all(&mut reader);
        (reader, seen)
    })
    .join()
    .unwrap();
    writer.join().unwrap();
    seen.extend(pop_all(&mut reader));
    assert_eq!(of(1, &seen), [1, 2]);
}
