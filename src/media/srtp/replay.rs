//! Packet index and replay protection, RFC 3711 §3.3.

use super::SrtpError;

/// Highest index seen of one SSRC and the 128 indices below it.
///
/// Receivers refuse what they saw before. Senders use the same rule, because two different packets under one index
/// would break both ciphers; resending a packet means sending the same ciphertext again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Roll-over counter · 2^16 + sequence number; meaningful once `seen` is not 0.
    highest: u64,
    /// Bit n: index `highest - n` was seen.
    seen: u128,
}

impl Window {
    /// The most likely 48-bit index of an RTP sequence number: the one nearest to the highest, but never before
    /// roll-over counter 0 (nor are there packets before it).
    pub(super) fn estimate(&self, sequence: u16) -> u64 {
        let sequence = u64::from(sequence);
        if self.seen == 0 {
            return sequence;
        }
        let roll_over = self.highest >> 16;
        let guess = roll_over << 16 | sequence;
        if guess + 0x8000 < self.highest {
            guess + 0x1_0000
        } else if guess > self.highest + 0x8000 && roll_over > 0 {
            guess - 0x1_0000
        } else {
            guess
        }
    }

    /// Whether a packet to be sent is a straggler from before the first one of its stream, which sequence number 0 lies
    /// between. No index is left for it: as 65535 of roll-over counter 0 it would end the roll-over counter, which a
    /// receiver that misses it would not know, and never authenticate a packet again. Larger steps are another source of
    /// the plugin's.
    pub(super) fn is_before_all(&self, sequence: u16) -> bool {
        self.seen != 0
            && self.highest >> 16 == 0
            && sequence > self.highest as u16
            && (self.highest as u16).wrapping_sub(sequence) < 128
    }

    /// Whether `index` is new; does not mark it.
    pub(in crate::media) fn check(&self, index: u64) -> Result<(), SrtpError> {
        if self.seen == 0 || index > self.highest {
            return Ok(());
        }
        let age = self.highest - index;
        if age < 128 && self.seen >> age & 1 == 0 { Ok(()) } else { Err(SrtpError::Replay) }
    }

    /// Marks an authenticated (or sent) index.
    pub(in crate::media) fn mark(&mut self, index: u64) {
        if self.seen == 0 {
            *self = Window { highest: index, seen: 1 };
        } else if index > self.highest {
            let shift = index - self.highest;
            self.seen = if shift < 128 { self.seen << shift } else { 0 } | 1;
            self.highest = index;
        } else if self.highest - index < 128 {
            self.seen |= 1 << (self.highest - index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(index: u64) -> Window {
        let mut window = Window::default();
        window.mark(index);
        window
    }

    #[test]
    fn index_is_the_nearest_one() {
        assert_eq!(Window::default().estimate(65535), 65535);
        assert_eq!(at(65535).estimate(0), 0x1_0000);
        assert_eq!(at(0x1_0000).estimate(65535), 65535);
        assert_eq!(at(0x2_8000).estimate(0x8001), 0x2_8001);
        assert_eq!(at(0x2_9000).estimate(0x0fff), 0x3_0fff);
        assert_eq!(at(0x2_9000).estimate(0x1001), 0x2_1001);
        // Before the first packet of all there is no roll-over.
        assert_eq!(at(3).estimate(65535), 65535);
        // RFC 3711 appendix A at every distance.
        for offset in 0..=0xffffu64 {
            let guess = at(0x5_1234).estimate((0x1234 + offset) as u16);
            let expected = if offset <= 0x8000 { 0x5_1234 + offset } else { 0x5_1234 + offset - 0x1_0000 };
            assert_eq!(guess, expected, "{offset:#x}");
        }
    }

    // The plugin's first packet has the number 1 (MP-148): one that was overtaken by it has 0.
    #[test]
    fn nothing_is_sent_from_before_the_beginning() {
        assert!(at(1).is_before_all(0xffff) && at(1).is_before_all(0xff82) && at(100).is_before_all(0xffff));
        assert!(!at(1).is_before_all(0xff81) && !at(200).is_before_all(0xffff), "another source");
        assert!(!at(1).is_before_all(0) && !at(1).is_before_all(2) && !at(0xffff).is_before_all(0));
        assert!(!at(0x1_0001).is_before_all(0xffff) && !Window::default().is_before_all(0xffff));
    }

    #[test]
    fn every_index_once_within_128() {
        let mut window = at(1000);
        assert!(window.check(1000).is_err());
        assert!(window.check(873).is_ok());
        assert!(window.check(872).is_err(), "older than the window");
        window.mark(873);
        assert!(window.check(873).is_err());
        window.mark(1001);
        assert!(window.check(873).is_err(), "left the window");
        assert!(window.check(1000).is_err());
        assert!(window.check(999).is_ok());
        window.mark(1001 + 128);
        assert!(window.check(1002).is_ok());
        assert!(window.check(1001).is_err());
        window.mark(u64::from(u32::MAX));
        assert!(window.check(u64::from(u32::MAX) - 127).is_ok());
    }
}
