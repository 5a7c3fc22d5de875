//! Answers to the peer's NACKs (media-plane.md §6.4).

use super::Streams;
use super::history::Kept;
use crate::media::clock::Clock;
use crate::media::counts::Direction;
use crate::rtp::extension_writer::abs_send_time_of;
use crate::rtp::header::FIXED_LEN;
use crate::rtp::{Header, header_ext};
use std::collections::VecDeque;

/// Retransmissions waiting at a time; a peer that asks for more at once is not answered in full.
const MAX_WAITING: usize = 512;
/// Retransmissions that a PeerConnection may save up. In the long run it gets one for each packet sent: enough for any
/// loss that media survive, and a peer that floods us with NACKs at most doubles what we send it.
const MAX_CREDIT: u32 = 512;

/// Packets that were asked for and are about to be sent again.
#[derive(Debug)]
pub struct Resends {
    /// Medium and sequence number.
    waiting: VecDeque<(usize, u16)>,
    credit: u32,
}

impl Default for Resends {
    fn default() -> Resends {
        Resends { waiting: VecDeque::new(), credit: MAX_CREDIT / 4 }
    }
}

impl Resends {
    /// A packet was sent for the first time.
    pub(super) fn earn(&mut self) {
        self.credit = (self.credit + 1).min(MAX_CREDIT);
    }
}

/// A packet in the slot, with its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    /// RTX, to be protected.
    Plain(usize),
    /// The very bytes that went out before (MP-186).
    Protected(usize),
}

impl Streams {
    /// The peer misses a packet of ours. True when it will be sent again.
    pub(in crate::media) fn asked_for(&mut self, now: Clock, medium: usize, sequence: u16) -> bool {
        let granted = self.resends.waiting.len() < MAX_WAITING
            && self.resends.credit > 0
            && self.media[medium].sender.history.claim(now.mono, sequence);
        if granted {
            self.resends.credit -= 1;
            self.resends.waiting.push_back((medium, sequence));
        }
        granted
    }

    /// Writes the next packet to send again to the front of `slot`; `None` when there is none left.
    pub fn next_resend(&mut self, now: Clock, slot: &mut [u8]) -> Option<Resend> {
        loop {
            let (medium, sequence) = self.resends.waiting.pop_front()?;
            if let Some(resend) = self.resend(now, medium, sequence, slot) {
                self.media[medium].sender.retransmissions += 1;
                self.counts.retransmitted(Direction::Out);
                return Some(resend);
            }
        }
    }

    fn resend(&mut self, now: Clock, index: usize, sequence: u16, slot: &mut [u8]) -> Option<Resend> {
        let ids = self.ids;
        let medium = &mut self.media[index];
        if !medium.config.send {
            return None;
        }
        let store = self.store.borrow();
        let kept = medium.sender.history.get(&store, now.mono, sequence)?;
        let (header, extensions, payload) = match kept {
            Kept::Plain { header, extensions, payload } => (header, extensions, payload),
            Kept::Protected(packet) => {
                slot.get_mut(..packet.len())?.copy_from_slice(packet);
                return Some(Resend::Protected(packet.len()));
            }
        };
        let original = header.first[1] & 0x7F;
        let payload_type = medium.rtx_for(original).filter(|_| medium.sends_rtx())?;
        // RFC 4588 §4: the original number stands between header and payload.
        let payload_at = FIXED_LEN + extensions.len() + 2;
        let len = payload_at + payload.len();
        let packet = slot.get_mut(..len)?;
        packet[..2].copy_from_slice(&header.first);
        packet[FIXED_LEN..payload_at - 2].copy_from_slice(extensions);
        packet[payload_at - 2..payload_at].copy_from_slice(&sequence.to_be_bytes());
        packet[payload_at..].copy_from_slice(payload);
        drop(store);
        medium.sender.rtx_sequence = medium.sender.rtx_sequence.wrapping_add(1);
        let mut rtx = Header::new(&mut *packet)?;
        rtx.set_payload_type(payload_type);
        rtx.set_sequence(medium.sender.rtx_sequence);
        rtx.set_timestamp(header.timestamp);
        rtx.set_ssrc(medium.config.ssrc_rtx);
        medium.sender.tally.count(now.mono, len);
        // MP-176: a packet of its own on the wire.
        if ids.transport_wide_cc > 0 {
            self.transport_sequence = self.transport_sequence.wrapping_add(1);
            header_ext::set_transport_wide_cc(packet, ids.transport_wide_cc, self.transport_sequence);
        }
        if ids.abs_send_time > 0 {
            header_ext::set_abs_send_time(packet, ids.abs_send_time, abs_send_time_of(now.mono));
        }
        Some(Resend::Plain(len))
    }
}
