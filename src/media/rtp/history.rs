//! What was sent, kept for as long as the peer may ask for it again (media-plane.md §6.4).
//!
//! With RTX a packet is kept plain, and wrapped and encrypted anew when asked for. Without RTX it is kept as it went out,
//! protected: encrypting it once more would give the same bytes, but then the SRTP sender would have to accept a sequence
//! number twice, and that door stays shut (RFC 3711 §9.1). Media with NACK but without RTX are rare.
//!
//! A slot names its bytes by [`Handle`]; payloads shared between receivers are a handle into an arena that the worker
//! owns, with the header kept here.
//!
//! Bounded in time by [`History::set_keep`] and in bytes by [`MAX_BYTES`]; between those the memory follows the need: it
//! doubles when a packet that may still be asked for would be overwritten (a key frame comes in a burst), and shrinks
//! when most of it was not used for a while.

use super::Micros;
use super::arena::{Arena, Handle};

/// Never more than this per medium, whatever the rate.
pub const MAX_BYTES: usize = 1 << 20;
const MIN_BYTES: usize = 16 << 10;
const MAX_SLOTS: usize = 4096;
const MIN_SLOTS: usize = 64;
/// Back-off between two retransmissions of one packet (MP-187).
const FIRST_BACKOFF_US: Micros = 40_000;
const MAX_BACKOFF_US: Micros = 1_000_000;

/// In which form a packet was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Not encrypted; never to be sent again under its own sequence number.
    #[default]
    Plain,
    /// SRTP, to be sent again as it is.
    Protected,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    sequence: u16,
    form: Form,
    packet: Handle,
    /// Monotonic µs; 0 = empty.
    sent_at: Micros,
    resent_at: Micros,
    backoff_us: Micros,
}

/// What had been pushed at some moment.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    at: Micros,
    bytes: u64,
    packets: u64,
}

#[derive(Debug, Default)]
pub struct History {
    arena: Arena,
    /// Indexed by the low bits of the sequence number; the length is a power of two or 0.
    slots: Vec<Slot>,
    keep_us: Micros,
    packets: u64,
    /// Everything that may still be asked for was pushed after `older`, which is one to two keeping times ago.
    older: Mark,
    newer: Mark,
    /// Slowly forgotten maxima of what was in use.
    peak_bytes: usize,
    peak_packets: usize,
}

impl History {
    /// How long packets are kept, ms; 0 = not at all (MP-182).
    pub fn set_keep(&mut self, keep_ms: u32) {
        self.keep_us = i64::from(keep_ms) * 1000;
        if keep_ms > 0 && self.slots.is_empty() {
            self.slots = vec![Slot::default(); MIN_SLOTS];
            self.arena.resize(MIN_BYTES);
        }
    }

    /// Nothing is kept and nothing could be resent.
    pub fn is_off(&self) -> bool {
        self.keep_us == 0
    }

    /// Keeps a copy of a packet.
    pub fn push(&mut self, now: Micros, sequence: u16, packet: &[u8], form: Form) {
        if self.is_off() {
            return;
        }
        self.make_room(now, packet.len());
        let Some(packet) = self.arena.put(packet) else { return };
        self.packets += 1;
        let slot = self.slot_index(sequence);
        self.slots[slot] = Slot { sequence, form, packet, sent_at: now, resent_at: 0, backoff_us: 0 };
    }

    fn make_room(&mut self, now: Micros, len: usize) {
        if now - self.newer.at >= self.keep_us {
            self.older = self.newer;
            self.newer = Mark { at: now, bytes: self.arena.written(), packets: self.packets };
        }
        let bytes = (self.arena.written() - self.older.bytes) as usize + len;
        let packets = (self.packets - self.older.packets) as usize + 1;
        self.peak_bytes = self.peak_bytes.max(bytes);
        self.peak_packets = self.peak_packets.max(packets);
        if bytes > self.arena.capacity() && self.arena.capacity() < MAX_BYTES {
            self.arena.resize(bytes.next_power_of_two().min(MAX_BYTES));
        }
        if packets > self.slots.len() && self.slots.len() < MAX_SLOTS {
            self.resize_slots(packets.next_power_of_two().min(MAX_SLOTS));
        }
    }

    /// Whether the packet is there and its back-off has elapsed; if so the next back-off starts (MP-187, MP-188).
    pub fn claim(&mut self, now: Micros, sequence: u16) -> bool {
        let Some(slot) = self.live_slot(now, sequence) else { return false };
        if slot.resent_at > 0 && now - slot.resent_at < slot.backoff_us {
            return false;
        }
        slot.backoff_us = (slot.backoff_us * 2).clamp(FIRST_BACKOFF_US, MAX_BACKOFF_US);
        slot.resent_at = now;
        true
    }

    /// Copies the packet to the front of `out` and returns its length and form; `None` when it is gone or `out` is too small.
    pub fn read(&mut self, now: Micros, sequence: u16, out: &mut [u8]) -> Option<(usize, Form)> {
        let Slot { packet, form, .. } = *self.live_slot(now, sequence)?;
        Some((self.arena.read(packet, out)?, form))
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.slots.fill(Slot::default());
    }

    /// Gives back memory that has not been needed for a while. Once a second.
    pub fn shrink(&mut self) {
        let bytes = self.peak_bytes.next_power_of_two().max(MIN_BYTES);
        let slots = self.peak_packets.next_power_of_two().max(MIN_SLOTS);
        if bytes * 4 <= self.arena.capacity() {
            self.arena.resize(bytes);
        }
        if slots * 4 <= self.slots.len() {
            self.resize_slots(slots);
        }
        self.peak_bytes = self.peak_bytes / 8 * 7;
        self.peak_packets = self.peak_packets / 8 * 7;
    }

    fn resize_slots(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); slots]);
        for slot in old {
            let index = self.slot_index(slot.sequence);
            if slot.sent_at > self.slots[index].sent_at {
                self.slots[index] = slot;
            }
        }
    }

    fn live_slot(&mut self, now: Micros, sequence: u16) -> Option<&mut Slot> {
        if self.slots.is_empty() {
            return None;
        }
        let index = self.slot_index(sequence);
        let slot = &mut self.slots[index];
        let alive = slot.sent_at > 0 && slot.sequence == sequence && now - slot.sent_at <= self.keep_us;
        alive.then_some(slot)
    }

    fn slot_index(&self, sequence: u16) -> usize {
        usize::from(sequence) & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(history: &mut History, now: Micros, sequence: u16) -> Option<Vec<u8>> {
        let mut out = [0; 1500];
        history.read(now, sequence, &mut out).map(|(len, _)| out[..len].to_vec())
    }

    // MP-182
    #[test]
    fn keeps_nothing_until_told_how_long() {
        let mut history = History::default();
        history.push(1, 7, b"seven", Form::Plain);
        assert!(!history.claim(2, 7));
        history.set_keep(200);
        assert!(!history.claim(3, 7));
        history.push(4, 7, b"seven", Form::Plain);
        assert!(history.claim(5, 7));
        assert_eq!(read(&mut history, 5, 7).unwrap(), b"seven");
    }

    // MP-188
    #[test]
    fn old_packets_are_gone() {
        let mut history = History::default();
        history.set_keep(200);
        history.push(1_000_000, 7, b"seven", Form::Plain);
        assert!(read(&mut history, 1_200_000, 7).is_some());
        assert!(!history.claim(1_200_001, 7));
        assert!(read(&mut history, 1_200_001, 7).is_none());
    }

    // MP-187
    #[test]
    fn back_off_doubles_from_40_ms() {
        let mut history = History::default();
        history.set_keep(1000);
        history.push(1, 7, b"seven", Form::Plain);
        assert!(history.claim(100, 7));
        assert!(!history.claim(100 + 39_999, 7));
        assert!(history.claim(100 + 40_000, 7));
        assert!(!history.claim(40_100 + 79_999, 7));
        assert!(history.claim(40_100 + 80_000, 7));
    }

    #[test]
    fn a_burst_fits_and_the_memory_is_given_back() {
        let mut history = History::default();
        history.set_keep(200);
        let burst = |history: &mut History, now: Micros, count: u16| {
            for sequence in 0..count {
                history.push(now, sequence, &[sequence as u8; 1200], Form::Plain);
            }
        };
        burst(&mut history, 1_000_000, 400);
        for sequence in 0..400 {
            assert_eq!(read(&mut history, 1_200_000, sequence).unwrap(), [sequence as u8; 1200]);
        }
        assert!(history.arena.capacity() < MAX_BYTES && history.slots.len() <= 512);
        for second in 2..60 {
            burst(&mut history, second * 1_000_000, 1);
            history.shrink();
        }
        assert!(history.arena.capacity() <= 2 * MIN_BYTES && history.slots.len() <= 2 * MIN_SLOTS);
        assert!(read(&mut history, 59_000_000, 0).is_some());
    }

    #[test]
    fn memory_stops_at_the_limit() {
        let mut history = History::default();
        history.set_keep(1000);
        for sequence in 0..6000 {
            history.push(1, sequence, &[0; 1200], Form::Plain);
        }
        assert_eq!((history.arena.capacity(), history.slots.len()), (MAX_BYTES, MAX_SLOTS));
        assert!(read(&mut history, 2, 5999).is_some());
        assert!(read(&mut history, 2, 5000).is_none());
    }

    #[test]
    fn clearing_empties() {
        let mut history = History::default();
        history.set_keep(1000);
        history.push(1, 7, b"seven", Form::Plain);
        history.clear();
        assert!(!history.claim(2, 7));
    }
}
