//! Flags of a handle (media-plane.md §1.2): set and read from any thread, also on the packet path.

use std::sync::atomic::{AtomicU32, Ordering};

/// A set of [`Flags`] bits.
pub type Bits = u32;

pub const PROCESSING_OFFER: Bits = 1 << 0;
pub const START: Bits = 1 << 1;
pub const READY: Bits = 1 << 2;
pub const STOP: Bits = 1 << 3;
pub const ALERT: Bits = 1 << 4;
pub const NEGOTIATED: Bits = 1 << 5;
pub const TRICKLE: Bits = 1 << 7;
pub const ALL_TRICKLES: Bits = 1 << 8;
pub const DATA_CHANNELS: Bits = 1 << 10;
pub const CLEANING: Bits = 1 << 11;
pub const GOT_OFFER: Bits = 1 << 14;
pub const GOT_ANSWER: Bits = 1 << 15;
pub const HAS_AGENT: Bits = 1 << 16;
pub const RESEND_TRICKLES: Bits = 1 << 18;
pub const RFC4588_RTX: Bits = 1 << 19;
pub const NEW_DATACHAN_SDP: Bits = 1 << 20;
pub const E2EE: Bits = 1 << 21;

/// What the reference notes down and nobody here needs.
const NEVER: Bits = 0;

/// Names in the order of `handle_info` (CP-269).
pub const NAMES: [(&str, Bits); 20] = [
    ("got-offer", GOT_OFFER),
    ("got-answer", GOT_ANSWER),
    ("negotiated", NEGOTIATED),
    ("processing-offer", PROCESSING_OFFER),
    ("starting", START),
    ("ice-restart", NEVER),
    ("ready", READY),
    ("stopped", STOP),
    ("alert", ALERT),
    ("trickle", TRICKLE),
    ("all-trickles", ALL_TRICKLES),
    ("resend-trickles", RESEND_TRICKLES),
    ("trickle-synced", NEVER),
    ("data-channels", DATA_CHANNELS),
    ("has-audio", NEVER),
    ("has-video", NEVER),
    ("new-datachan-sdp", NEW_DATACHAN_SDP),
    ("rfc4588-rtx", RFC4588_RTX),
    ("cleaning", CLEANING),
    ("e2ee", E2EE),
];

#[derive(Debug)]
pub struct Flags(AtomicU32);

impl Flags {
    pub fn new(bits: Bits) -> Flags {
        Flags(AtomicU32::new(bits))
    }

    /// Whether any of `bits` is set.
    #[inline]
    pub fn any(&self, bits: Bits) -> bool {
        self.0.load(Ordering::Acquire) & bits != 0
    }

    /// Whether all of `bits` are set.
    pub fn all(&self, bits: Bits) -> bool {
        self.0.load(Ordering::Acquire) & bits == bits
    }

    pub fn set(&self, bits: Bits) {
        self.0.fetch_or(bits, Ordering::AcqRel);
    }

    pub fn clear(&self, bits: Bits) {
        self.0.fetch_and(!bits, Ordering::AcqRel);
    }

    pub fn put(&self, bits: Bits, on: bool) {
        if on { self.set(bits) } else { self.clear(bits) }
    }

    /// Sets `set` and clears `clear` unless `unless` is set; tells whether it did.
    pub fn change_unless(&self, unless: Bits, set: Bits, clear: Bits) -> bool {
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
                (old & unless == 0).then_some((old | set) & !clear)
            })
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_only_once() {
        let flags = Flags::new(GOT_OFFER);
        assert!(flags.change_unless(ALERT, ALERT | CLEANING, GOT_OFFER));
        assert!(!flags.change_unless(ALERT, STOP, 0));
        assert!(flags.all(ALERT | CLEANING) && !flags.any(GOT_OFFER | STOP));
    }
}
