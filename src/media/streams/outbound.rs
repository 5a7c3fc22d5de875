//! A packet that a plugin sends: header, extensions and payload are written once for each receiver, into the slot that
//! it leaves from (media-plane.md §6.2, §6.3).

use super::store::Handle;
use super::{Content, Parts, Relayed, Streams};
use crate::media::clock::Clock;
use crate::media::counts::Direction;
use crate::media::types::RtpOut;
use crate::rtp::extension_writer::{CoreValues, write_block};
use crate::rtp::header::FIXED_LEN;
use crate::rtp::{Extensions, Header, keyframe};

/// A packet written by [`Streams::write`], to be protected and sent.
///
/// Small enough to be handed back in a register. In memory it would lie behind the stores of the payload, and reading it
/// in other pieces than it was written in waits for all of them (0.1 µs per packet).
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    len: u16,
    medium: u16,
    sequence: u16,
}

impl Prepared {
    /// Bytes of the packet.
    pub fn size(self) -> usize {
        self.len.into()
    }
}

impl Streams {
    /// [`Parts::stored`] and [`Streams::write`] in one.
    pub fn prepare(&mut self, now: Clock, out: &RtpOut<'_>, slot: &mut [u8]) -> Option<Prepared> {
        let (relayed, content) = Parts::of(out)?.stored(&mut self.store.borrow_mut(), now.mono)?;
        self.write(now, relayed, &content, slot)
    }

    /// Writes the packet as it goes out, not yet protected, to the front of `slot`. `None`: dropped, because there is
    /// no such medium, it may not send (MP-171), or the packet does not fit.
    pub fn write(
        &mut self,
        now: Clock,
        out: Relayed,
        content: &Content,
        slot: &mut [u8],
    ) -> Option<Prepared> {
        let Some(index) = self.media.find(out.mindex, out.video) else {
            tracing::error!(mindex = out.mindex, "no such medium, packet dropped");
            return None;
        };
        let medium_index = u16::try_from(index).ok()?;
        let medium = &mut self.media[index];
        if !medium.config.send {
            return None;
        }
        let shared = self.store.clone();
        let mut store = shared.borrow_mut();
        let payload = store.get(content.payload)?;
        let descriptor = if content.descriptor == Handle::NOTHING {
            &[]
        } else {
            store.get(content.descriptor).unwrap_or_default()
        };
        let values = Extensions { dependency_descriptor: descriptor, ..content.extensions };
        let mut fixed_header = out.header();
        let mut header = Header::new(&mut fixed_header)?;
        let (payload_type, sequence, timestamp) =
            (header.payload_type(), header.sequence(), header.timestamp());
        let video = medium.video();

        let (fixed, rest) = slot.split_at_mut_checked(FIXED_LEN)?;
        let core = CoreValues {
            mid: medium.config.mid.as_bytes(),
            now: now.mono,
            transport_sequence: self.transport_sequence.wrapping_add(1),
        };
        let block = write_block(rest, &self.ids, video, &core, &values);
        let len = FIXED_LEN + block + payload.len();
        let packet_len = u16::try_from(len).ok()?;
        // MP-172, MP-173: all but the SSRC is the plugin's; CSRCs and its extensions are gone.
        header.set_csrc_count(0);
        header.set_extension(block > 0);
        header.set_ssrc(medium.config.ssrc);
        fixed.copy_from_slice(&fixed_header);
        rest.get_mut(block..block + payload.len())?.copy_from_slice(payload);

        if video && self.ids.transport_wide_cc > 0 {
            self.transport_sequence = core.transport_sequence;
        }
        medium.learn_codec(payload_type);
        let sent = &mut medium.layers[0].statistics.sent_packets_since_last_rr;
        *sent = sent.saturating_add(1);
        let clock_rate = medium.clock_rate(payload_type);
        let sender = &mut medium.sender;
        sender.clock_rate = clock_rate;
        sender.last_timestamp = timestamp;
        sender.last_sent_at = now.mono;
        sender.tally.count(now.mono, len);
        self.counts.rtp(Direction::Out, video, len);
        if self.settings.nack_optimizations && video {
            self.forget_before_keyframe(index, &slot[FIXED_LEN + block..len]);
        }
        let medium = &mut self.media[index];
        // Of an empty packet RTX could repair nothing.
        if medium.sends_rtx() && len > FIXED_LEN + block {
            let history = &mut medium.sender.history;
            history.push_plain(&mut store, now.mono, &slot[..FIXED_LEN + block], content.payload);
        }
        self.resends.earn();
        Some(Prepared { len: packet_len, medium: medium_index, sequence })
    }

    /// Tells the protected form of a packet. Without RTX it is what a NACK is answered with (MP-186).
    pub fn protected(&mut self, now: Clock, prepared: &Prepared, packet: &[u8]) {
        let medium = &mut self.media[usize::from(prepared.medium)];
        if !medium.sends_rtx() {
            let history = &mut medium.sender.history;
            history.push_protected(&mut self.store.borrow_mut(), now.mono, prepared.sequence, packet);
        }
    }

    /// MP-190: nobody needs what was sent before a key frame.
    fn forget_before_keyframe(&mut self, index: usize, payload: &[u8]) {
        let codec = self.media[index].video_codec;
        if codec.is_some_and(|codec| keyframe::is_keyframe(codec, payload)) {
            for medium in self.media.iter_mut().filter(|medium| medium.video()) {
                medium.sender.history.clear();
            }
        }
    }
}

#[cfg(test)]
#[path = "outbound_tests.rs"]
mod tests;
