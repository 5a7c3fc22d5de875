//! Answers to the peer's NACKs (media-plane.md §6.4).

use super::Streams;
use super::history::Form;
use crate::media::clock::Clock;
use crate::rtp::extension_writer::abs_send_time_of;
use crate::rtp::{Header, header_ext};

/// Retransmissions waiting at a time; a peer that asks for more at once is not answered in full.
const MAX_WAITING: usize = 512;

/// Packets that were asked for and are about to be sent again: medium and sequence number.
#[derive(Debug, Default)]
pub struct Resends {
    waiting: std::collections::VecDeque<(usize, u16)>,
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
            && self.media[medium].sender.history.claim(now.mono, sequence);
        if granted {
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
        // RTX puts two bytes between header and payload (RFC 4588 §4), so the header will have to move.
        let (len, form) = medium.sender.history.read(now.mono, sequence, slot.get_mut(2..)?)?;
        if form == Form::Protected {
            slot.copy_within(2..2 + len, 0);
            return Some(Resend::Protected(len));
        }
        let len = len + 2;
        let original = Header::new(&slot[2..len])?;
        let payload_at = original.payload_start()?;
        let payload_type = medium.rtx_for(original.payload_type()).filter(|_| medium.sends_rtx())?;
        slot.copy_within(2..2 + payload_at, 0);
        slot[payload_at..payload_at + 2].copy_from_slice(&sequence.to_be_bytes());
        let packet = &mut slot[..len];
        medium.sender.rtx_sequence = medium.sender.rtx_sequence.wrapping_add(1);
        let mut header = Header::new(&mut *packet)?;
        header.set_payload_type(payload_type);
        header.set_sequence(medium.sender.rtx_sequence);
        header.set_ssrc(medium.config.ssrc_rtx);
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
