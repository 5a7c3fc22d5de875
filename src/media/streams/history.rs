//! What was sent to one receiver, kept for as long as it may ask for it again (media-plane.md §6.4).
//!
//! With RTX a packet is kept plain, and wrapped and encrypted anew when asked for: the payload lies in the worker's
//! [`Store`], once for all receivers, and a slot here has what differs, header and extensions. Without RTX the packet is
//! kept as it went out, protected: encrypting it once more would give the same bytes, but then the SRTP sender would have
//! to accept a sequence number twice, and that door stays shut (RFC 3711 §9.1). Media with NACK but without RTX are rare.
//!
//! Bounded in time by [`History::set_keep`] and in number by [`MAX_SLOTS`]; between those the memory follows the need: it
//! doubles when a packet that may still be asked for would be overwritten (a key frame comes in a burst), and shrinks
//! when most of it was not used for a while.

use super::Micros;
use super::store::{Handle, Store};
use crate::media::prefetch::prefetch;
use crate::rtp::Header;
use crate::rtp::header::FIXED_LEN;

const MAX_SLOTS: usize = 4096;
const MIN_SLOTS: usize = 64;
/// Bytes of an extension block that a slot has room for: mid, send time, transport-wide number and orientation.
const INLINE: usize = 24;
/// Slots that the next frame may fill.
const SOON: usize = 4;
/// Back-off between two retransmissions of one packet (MP-187).
const FIRST_BACKOFF_US: Micros = 40_000;
const MAX_BACKOFF_US: Micros = 1_000_000;

/// A packet that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept<'a> {
    /// Not encrypted; never to be sent again under its own sequence number.
    Plain { header: PlainHeader, extensions: &'a [u8], payload: &'a [u8] },
    /// SRTP, to be sent again as it is.
    Protected(&'a [u8]),
}

/// Of the fixed header what is neither ours to choose nor known from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlainHeader {
    /// Version and flags; marker and payload type.
    pub first: [u8; 2],
    pub timestamp: u32,
}

/// What a slot holds.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// So many bytes of the extension block in `inline`.
    Inline(u8),
    /// The extension block is longer, and lies in the store as well; `inline` has its handle.
    Stored,
    Protected,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    sequence: u16,
    first: [u8; 2],
    timestamp: u32,
    form: Form,
    inline: [u8; INLINE],
    body: Handle,
    /// Monotonic µs; 0 = empty.
    sent_at: Micros,
    /// After `sent_at`, µs.
    resent_after: u32,
    /// 0 = not resent yet.
    backoff_us: u32,
}

/// A cache line; there are hundreds of them for each receiver.
const _: () = assert!(size_of::<Slot>() == 64);

const EMPTY: Slot = Slot {
    sequence: 0,
    first: [0; 2],
    timestamp: 0,
    form: Form::Protected,
    inline: [0; INLINE],
    body: Handle::NOTHING,
    sent_at: 0,
    resent_after: 0,
    backoff_us: 0,
};

/// How many packets had been kept at some moment.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    at: Micros,
    packets: u64,
}

#[derive(Debug, Default)]
pub struct History {
    /// Indexed by the low bits of the sequence number; the length is a power of two or 0.
    slots: Vec<Slot>,
    keep_us: Micros,
    packets: u64,
    /// Everything that may still be asked for came after `older`, which is one to two keeping times ago.
    older: Mark,
    newer: Mark,
    /// Slowly forgotten maximum of what was in use.
    peak: usize,
    /// Sequence number kept last.
    last: u16,
}

impl History {
    /// How long packets are kept, ms; 0 = not at all (MP-182).
    pub fn set_keep(&mut self, keep_ms: u32) {
        self.keep_us = i64::from(keep_ms) * 1000;
        if keep_ms > 0 && self.slots.is_empty() {
            self.slots = vec![EMPTY; MIN_SLOTS];
        }
    }

    /// Nothing is kept and nothing could be resent.
    pub fn is_off(&self) -> bool {
        self.keep_us == 0
    }

    /// Fetches the slots that come next.
    pub fn prefetch(&self) {
        if !self.slots.is_empty() {
            let next = self.index(self.last.wrapping_add(1));
            self.slots[next..].iter().take(SOON).for_each(prefetch);
        }
    }

    /// Keeps a packet as it was before encryption. `head` is everything before the payload, which is in the store.
    pub fn push_plain(&mut self, store: &mut Store, now: Micros, head: &[u8], payload: Handle) {
        if self.is_off() {
            return;
        }
        let (Some(header), Some(extensions)) = (Header::new(head), head.get(FIXED_LEN..)) else { return };
        store.keep_for(self.keep_us);
        let (sequence, timestamp, first) = (header.sequence(), header.timestamp(), [head[0], head[1]]);
        let stored = match extensions.len() {
            ..=INLINE => None,
            _ => match store.append(now, extensions) {
                Some(stored) => Some(stored),
                None => return,
            },
        };
        // Field by field, into its place: see `Prepared` for what reading back costs what was just written.
        let slot = self.slot(now, sequence);
        slot.first = first;
        slot.timestamp = timestamp;
        slot.body = payload;
        match stored {
            None => {
                slot.form = Form::Inline(extensions.len() as u8);
                slot.inline[..extensions.len()].copy_from_slice(extensions);
            }
            Some(stored) => {
                slot.form = Form::Stored;
                slot.inline[..Handle::LEN].copy_from_slice(&stored.to_bytes());
            }
        }
    }

    /// Keeps a packet as it goes out.
    pub fn push_protected(&mut self, store: &mut Store, now: Micros, sequence: u16, packet: &[u8]) {
        if self.is_off() {
            return;
        }
        store.keep_for(self.keep_us);
        if let Some(body) = store.append(now, packet) {
            let slot = self.slot(now, sequence);
            slot.form = Form::Protected;
            slot.body = body;
        }
    }

    /// The place of a packet that is sent now.
    fn slot(&mut self, now: Micros, sequence: u16) -> &mut Slot {
        if now - self.newer.at >= self.keep_us {
            self.older = self.newer;
            self.newer = Mark { at: now, packets: self.packets };
        }
        let packets = (self.packets - self.older.packets) as usize + 1;
        self.peak = self.peak.max(packets);
        if packets > self.slots.len() && self.slots.len() < MAX_SLOTS {
            self.resize(packets.next_power_of_two().min(MAX_SLOTS));
        }
        self.packets += 1;
        self.last = sequence;
        let index = self.index(sequence);
        let slot = &mut self.slots[index];
        slot.sequence = sequence;
        slot.sent_at = now;
        slot.resent_after = 0;
        slot.backoff_us = 0;
        slot
    }

    /// Whether the packet is there and its back-off has elapsed; if so the next back-off starts (MP-187, MP-188).
    pub fn claim(&mut self, now: Micros, sequence: u16) -> bool {
        let Some(index) = self.live(now, sequence) else { return false };
        let slot = &mut self.slots[index];
        let backoff = Micros::from(slot.backoff_us);
        if now - slot.sent_at - Micros::from(slot.resent_after) < backoff {
            return false;
        }
        slot.backoff_us = (backoff * 2).clamp(FIRST_BACKOFF_US, MAX_BACKOFF_US) as u32;
        slot.resent_after = (now - slot.sent_at) as u32;
        true
    }

    /// `None` when it is gone.
    pub fn get<'a>(&'a self, store: &'a Store, now: Micros, sequence: u16) -> Option<Kept<'a>> {
        let slot = &self.slots[self.live(now, sequence)?];
        let body = store.get(slot.body)?;
        let extensions = match slot.form {
            Form::Protected => return Some(Kept::Protected(body)),
            Form::Inline(len) => &slot.inline[..usize::from(len)],
            Form::Stored => store.get(Handle::from_bytes(*slot.inline.first_chunk()?))?,
        };
        let header = PlainHeader { first: slot.first, timestamp: slot.timestamp };
        Some(Kept::Plain { header, extensions, payload: body })
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.slots.fill(EMPTY);
    }

    /// Gives back memory that has not been needed for a while. Once a second.
    pub fn shrink(&mut self) {
        let slots = self.peak.next_power_of_two().max(MIN_SLOTS);
        if slots * 4 <= self.slots.len() {
            self.resize(slots);
        }
        self.peak = self.peak / 8 * 7;
    }

    fn resize(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; slots]);
        for slot in old {
            let index = self.index(slot.sequence);
            if slot.sent_at > self.slots[index].sent_at {
                self.slots[index] = slot;
            }
        }
    }

    fn live(&self, now: Micros, sequence: u16) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let index = self.index(sequence);
        let slot = &self.slots[index];
        let alive = slot.sent_at > 0 && slot.sequence == sequence && now - slot.sent_at <= self.keep_us;
        alive.then_some(index)
    }

    fn index(&self, sequence: u16) -> usize {
        usize::from(sequence) & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, extensions: usize, payload: &[u8]) -> (Vec<u8>, usize) {
        let mut packet = vec![0x90, 0xE0, 0, 0, 1, 2, 3, 4, 9, 9, 9, 9];
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet.extend((0..extensions).map(|i| i as u8));
        packet.extend(payload);
        (packet, FIXED_LEN + extensions)
    }

    fn keep(history: &mut History, store: &mut Store, now: Micros, packet: &[u8], payload_at: usize) {
        let payload = store.put(now, &packet[payload_at..]).unwrap();
        history.push_plain(store, now, &packet[..payload_at], payload);
    }

    fn push(history: &mut History, store: &mut Store, now: Micros, sequence: u16) {
        let (packet, payload_at) = packet(sequence, 8, &[sequence as u8; 1200]);
        keep(history, store, now, &packet, payload_at);
    }

    fn has(history: &History, store: &Store, now: Micros, sequence: u16) -> bool {
        match history.get(store, now, sequence) {
            Some(Kept::Plain { payload, .. }) => {
                assert_eq!(payload, [sequence as u8; 1200]);
                true
            }
            Some(Kept::Protected(_)) => panic!("was plain"),
            None => false,
        }
    }

    fn keeping(keep_ms: u32) -> (History, Store) {
        let mut history = History::default();
        history.set_keep(keep_ms);
        (history, Store::default())
    }

    // MP-182
    #[test]
    fn keeps_nothing_until_told_how_long() {
        let (mut history, mut store) = keeping(0);
        push(&mut history, &mut store, 1, 7);
        assert!(!history.claim(2, 7));
        history.set_keep(200);
        assert!(!history.claim(3, 7));
        push(&mut history, &mut store, 4, 7);
        assert!(history.claim(5, 7) && has(&history, &store, 5, 7));
    }

    // MP-188
    #[test]
    fn old_packets_are_gone() {
        let (mut history, mut store) = keeping(200);
        push(&mut history, &mut store, 1_000_000, 7);
        assert!(has(&history, &store, 1_200_000, 7));
        assert!(!history.claim(1_200_001, 7));
        assert!(!has(&history, &store, 1_200_001, 7));
    }

    // MP-187
    #[test]
    fn back_off_doubles_from_40_ms() {
        let (mut history, mut store) = keeping(1000);
        push(&mut history, &mut store, 1, 7);
        assert!(history.claim(100, 7));
        assert!(!history.claim(100 + 39_999, 7));
        assert!(history.claim(100 + 40_000, 7));
        assert!(!history.claim(40_100 + 79_999, 7));
        assert!(history.claim(40_100 + 80_000, 7));
    }

    #[test]
    fn every_form_comes_back_as_it_was() {
        let (mut history, mut store) = keeping(1000);
        for (sequence, extensions) in [(1, 0), (2, INLINE), (3, INLINE + 4), (4, 255)] {
            let (packet, payload_at) = packet(sequence, extensions, b"payload");
            keep(&mut history, &mut store, 5, &packet, payload_at);
            let header = PlainHeader { first: [0x90, 0xE0], timestamp: 0x0102_0304 };
            let expected =
                Kept::Plain { header, extensions: &packet[FIXED_LEN..payload_at], payload: b"payload" };
            assert_eq!(history.get(&store, 6, sequence), Some(expected));
        }
        history.push_protected(&mut store, 5, 5, b"secret");
        assert_eq!(history.get(&store, 6, 5), Some(Kept::Protected(b"secret")));
    }

    #[test]
    fn receivers_of_one_publisher_share_its_payloads() {
        let mut store = Store::default();
        let mut receivers: Vec<History> = (0..200).map(|_| keeping(1000).0).collect();
        for sequence in 0..300 {
            for (index, history) in receivers.iter_mut().enumerate() {
                // Each has its own numbers.
                let (packet, payload_at) = packet(sequence + index as u16, 16, &[sequence as u8; 1200]);
                keep(history, &mut store, 3333 * i64::from(sequence) + 1, &packet, payload_at);
            }
        }
        assert!(store.capacity() <= 1 << 20);
        let slots: usize = receivers.iter().map(|history| history.slots.len() * size_of::<Slot>()).sum();
        assert!(slots / receivers.len() <= 32 << 10, "{}", slots / receivers.len());
        for (index, history) in receivers.iter().enumerate() {
            let Some(Kept::Plain { payload, .. }) = history.get(&store, 1_000_000, 100 + index as u16) else {
                panic!("gone");
            };
            assert_eq!(payload, [100; 1200]);
        }
    }

    #[test]
    fn a_burst_fits_and_the_memory_is_given_back() {
        let (mut history, mut store) = keeping(200);
        for sequence in 0..400 {
            push(&mut history, &mut store, 1_000_000, sequence);
        }
        assert!((0..400).all(|sequence| has(&history, &store, 1_200_000, sequence)));
        assert_eq!(history.slots.len(), 512);
        for second in 2..60 {
            push(&mut history, &mut store, second * 1_000_000, 0);
            history.shrink();
        }
        assert!(history.slots.len() <= 2 * MIN_SLOTS);
        assert!(has(&history, &store, 59_000_000, 0));
    }

    #[test]
    fn memory_stops_at_the_limit() {
        let (mut history, mut store) = keeping(1000);
        for sequence in 0..6000 {
            push(&mut history, &mut store, 1, sequence);
        }
        assert_eq!(history.slots.len(), MAX_SLOTS);
        assert!(has(&history, &store, 2, 5999));
        assert!(!has(&history, &store, 2, 1000));
    }

    #[test]
    fn clearing_empties() {
        let (mut history, mut store) = keeping(1000);
        push(&mut history, &mut store, 1, 7);
        history.clear();
        assert!(!history.claim(2, 7));
    }
}
