//! Which packets are missing, when to ask for them, and which ones were asked for (media-plane.md §5.7).

use super::Micros;

/// Sequence numbers looked back on.
const WINDOW: u16 = 160;
/// Behind by at least this much is not reordering but a restart.
const RESTART: u16 = 1000;
/// A hole is asked for when it is older than this (MP-163) …
const FIRST_NACK_US: i64 = 12_000;
/// … and once more, for the last time, when older than this (MP-164).
const SECOND_NACK_US: i64 = 155_000;
/// How long a retransmission is expected after it was asked for.
const MEMORY_US: i64 = 5_000_000;
/// Sequence numbers of one NACK message: 27 blocks of a 120-byte packet, one number each at worst.
pub const MAX_NACKS: usize = 27;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Received,
    Missing,
    Nacked,
}

/// Sequence numbers to ask for, ascending in RTP's sense.
#[derive(Clone, Copy, Debug)]
pub struct Nacks {
    sequences: [u16; MAX_NACKS],
    len: usize,
}

impl Nacks {
    pub fn as_slice(&self) -> &[u16] {
        &self.sequences[..self.len]
    }
}

/// The holes of one layer, in the peer's own numbering.
#[derive(Debug)]
pub struct Losses {
    /// Of the SSRC that the numbers belong to; another one starts anew.
    ssrc: u32,
    highest: u16,
    /// Numbers known so far, at most [`WINDOW`]; 0 = nothing received yet.
    known: u16,
    /// Not before this moment can a NACK be due.
    next_due: Micros,
    /// By the low byte of the sequence number, which is unique within the window.
    states: [State; 256],
    detected_at: [Micros; 256],
}

impl Default for Losses {
    fn default() -> Losses {
        Losses {
            ssrc: 0,
            highest: 0,
            known: 0,
            next_due: Micros::MAX,
            states: [State::default(); 256],
            detected_at: [0; 256],
        }
    }
}

impl Losses {
    /// Takes note of a packet that arrived.
    pub fn received(&mut self, now: Micros, ssrc: u32, sequence: u16) {
        if self.known == 0 || self.ssrc != ssrc {
            self.restart(ssrc, sequence);
            return;
        }
        let ahead = sequence.wrapping_sub(self.highest);
        let behind = self.highest.wrapping_sub(sequence);
        if ahead > 0 && ahead < WINDOW {
            for step in 1..ahead {
                self.miss(now, self.highest.wrapping_add(step));
            }
            self.highest = sequence;
            self.known = (self.known + ahead).min(WINDOW);
            self.states[usize::from(sequence as u8)] = State::Received;
        } else if behind < self.known {
            self.states[usize::from(sequence as u8)] = State::Received;
        } else if behind >= RESTART {
            // MP-166: too far ahead, or too far back, to be the same run of numbers.
            tracing::debug!(
                highest = self.highest,
                sequence,
                "sequence numbers jumped, loss tracking restarts"
            );
            self.restart(ssrc, sequence);
        }
    }

    /// What to ask for now; each number appears at most twice in its life.
    pub fn due(&mut self, now: Micros) -> Option<Nacks> {
        if now <= self.next_due {
            return None;
        }
        let mut nacks = Nacks { sequences: [0; MAX_NACKS], len: 0 };
        let mut next_due = Micros::MAX;
        for back in (0..self.known).rev() {
            let sequence = self.highest.wrapping_sub(back);
            let index = usize::from(sequence as u8);
            let wait = match self.states[index] {
                State::Received => continue,
                State::Missing => FIRST_NACK_US,
                State::Nacked => SECOND_NACK_US,
            };
            let due_at = self.detected_at[index] + wait;
            if now <= due_at {
                next_due = next_due.min(due_at);
            } else if nacks.len == MAX_NACKS {
                // The rest goes with the next packet.
                next_due = next_due.min(now);
            } else {
                nacks.sequences[nacks.len] = sequence;
                nacks.len += 1;
                if self.states[index] == State::Missing {
                    self.states[index] = State::Nacked;
                    next_due = next_due.min(self.detected_at[index] + SECOND_NACK_US);
                } else {
                    // Given up: nothing more to do about it, the same as received.
                    self.states[index] = State::Received;
                }
            }
        }
        self.next_due = next_due;
        (nacks.len > 0).then_some(nacks)
    }

    fn restart(&mut self, ssrc: u32, sequence: u16) {
        self.ssrc = ssrc;
        self.highest = sequence;
        self.known = 1;
        self.next_due = Micros::MAX;
        self.states[usize::from(sequence as u8)] = State::Received;
    }

    fn miss(&mut self, now: Micros, sequence: u16) {
        let index = usize::from(sequence as u8);
        self.states[index] = State::Missing;
        self.detected_at[index] = now;
        self.next_due = self.next_due.min(now + FIRST_NACK_US);
    }
}

/// How a packet relates to what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Never,
    /// Asked for, and this is the first copy to arrive.
    Answered,
    /// Another copy arrived before.
    Again,
}

const MEMORY_SLOTS: usize = 1024;

/// The numbers asked for in the last seconds; an RTX packet that is not among them is a probe or a forgery (MP-152, MP-153).
#[derive(Debug, Default)]
pub struct Memory {
    /// By the low bits of the number: number, when asked for, whether it came. Empty until the first loss.
    slots: Vec<(u16, Micros, bool)>,
}

impl Memory {
    pub fn asked(&mut self, now: Micros, sequences: &[u16]) {
        if self.slots.is_empty() {
            self.slots = vec![(0, Micros::MIN / 2, true); MEMORY_SLOTS];
        }
        for &sequence in sequences {
            self.slots[usize::from(sequence) % MEMORY_SLOTS] = (sequence, now, false);
        }
    }

    pub fn arrived(&mut self, now: Micros, sequence: u16) -> Asked {
        let Some(slot) = self.slots.get_mut(usize::from(sequence) % MEMORY_SLOTS) else {
            return Asked::Never;
        };
        if slot.0 != sequence || now - slot.1 > MEMORY_US {
            Asked::Never
        } else if std::mem::replace(&mut slot.2, true) {
            Asked::Again
        } else {
            Asked::Answered
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(losses: &mut Losses, now: Micros) -> Vec<u16> {
        losses.due(now).map_or(Vec::new(), |nacks| nacks.as_slice().to_vec())
    }

    // MP-163, MP-164
    #[test]
    fn a_hole_is_asked_for_twice() {
        let mut losses = Losses::default();
        losses.received(0, 1, 65534);
        losses.received(0, 1, 1);
        assert!(due(&mut losses, 12_000).is_empty());
        assert_eq!(due(&mut losses, 12_001), [65535, 0]);
        assert!(due(&mut losses, 155_000).is_empty());
        assert_eq!(due(&mut losses, 155_001), [65535, 0]);
        assert!(due(&mut losses, 10_000_000).is_empty());
    }

    #[test]
    fn a_late_packet_closes_its_hole() {
        let mut losses = Losses::default();
        losses.received(0, 1, 10);
        losses.received(0, 1, 13);
        losses.received(1, 1, 12);
        assert_eq!(due(&mut losses, 20_000), [11]);
        losses.received(30_000, 1, 11);
        assert!(due(&mut losses, 200_000).is_empty());
    }

    // MP-166
    #[test]
    fn a_jump_restarts_tracking() {
        let mut losses = Losses::default();
        losses.received(0, 1, 10);
        losses.received(0, 1, 12);
        losses.received(0, 1, 12 + 160);
        assert!(due(&mut losses, 1_000_000).is_empty());
        losses.received(0, 1, 174);
        assert_eq!(due(&mut losses, 1_000_000), [173]);
        // Another SSRC counts on its own.
        losses.received(0, 2, 180);
        assert!(due(&mut losses, 3_000_000).is_empty());
    }

    #[test]
    fn slightly_old_packets_do_not_restart() {
        let mut losses = Losses::default();
        losses.received(0, 1, 2000);
        losses.received(0, 1, 2002);
        losses.received(0, 1, 1003);
        assert_eq!(due(&mut losses, 1_000_000), [2001]);
        losses.received(0, 1, 1002);
        assert!(due(&mut losses, 9_000_000).is_empty());
    }

    #[test]
    fn what_does_not_fit_into_one_message_follows_in_the_next() {
        let mut losses = Losses::default();
        losses.received(0, 1, 0);
        losses.received(0, 1, 51);
        assert_eq!(due(&mut losses, 20_000).len(), MAX_NACKS);
        let rest = due(&mut losses, 20_001);
        assert_eq!((rest.len(), rest[0]), (50 - MAX_NACKS, 28));
        assert!(due(&mut losses, 20_002).is_empty());
    }

    // MP-152, MP-153
    #[test]
    fn memory_knows_what_was_asked_for() {
        let mut memory = Memory::default();
        assert_eq!(memory.arrived(0, 5), Asked::Never);
        memory.asked(0, &[5, 6]);
        assert_eq!(memory.arrived(1, 5), Asked::Answered);
        assert_eq!(memory.arrived(2, 5), Asked::Again);
        assert_eq!(memory.arrived(2, 7), Asked::Never);
        assert_eq!(memory.arrived(5_000_001, 6), Asked::Never);
    }

    #[test]
    fn the_second_ask_does_not_reopen_an_answered_number() {
        let mut memory = Memory::default();
        memory.asked(0, &[5]);
        memory.arrived(1, 5);
        memory.asked(2, &[5 + 1024]);
        assert_eq!(memory.arrived(3, 5 + 1024), Asked::Answered);
        assert_eq!(memory.arrived(4, 5), Asked::Never);
    }
}
