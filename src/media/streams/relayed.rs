//! A packet that a plugin wants to be sent, as it is kept until it is written for its receivers.
//!
//! A plugin relays the same [`Content`] to receiver after receiver; a [`Relayed`] is what each of them gets of its own,
//! and small, because there are thousands of them in a turn.

use super::Micros;
use super::store::{Handle, Store};
use crate::media::types::{Mindex, RtpOut};
use crate::rtp::header::FIXED_LEN;
use crate::rtp::{Extensions, Header};

/// The fixed header up to the SSRC, which is never the plugin's (MP-172).
const HEAD: usize = FIXED_LEN - 4;

/// What may differ between the receivers of one packet.
///
/// In this order the words that it is copied in are those that it is read in; others the processor could not hand on
/// before all stores ahead of them are in the cache.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Relayed {
    pub(super) head: [u8; HEAD],
    pub(super) mindex: Mindex,
    pub(super) video: bool,
}

/// What they have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Without the descriptor.
    pub(super) extensions: Extensions<'static>,
    pub(super) descriptor: Handle,
    pub(super) payload: Handle,
}

/// What of a plugin's packet is needed; its CSRCs and extensions are not (MP-173).
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    pub mindex: Mindex,
    pub video: bool,
    pub header: [u8; FIXED_LEN],
    pub extensions: Extensions<'a>,
    pub payload: &'a [u8],
}

impl<'a> Parts<'a> {
    /// `None` when it is no RTP. The plugin's buffer is only read (MP-180).
    pub fn of(out: &RtpOut<'a>) -> Option<Parts<'a>> {
        let RtpOut { mindex, video, packet, extensions } = *out;
        let header = *packet.first_chunk::<FIXED_LEN>()?;
        let payload = &packet[Header::new(packet)?.payload_start()?..];
        Some(Parts { mindex, video, header, extensions, payload })
    }

    /// `None` when the store has no room for it.
    pub fn stored(&self, store: &mut Store, now: Micros) -> Option<(Relayed, Content)> {
        let descriptor = match self.extensions.dependency_descriptor {
            [] => Handle::NOTHING,
            bytes => store.put(now, bytes)?,
        };
        let extensions = Extensions { dependency_descriptor: &[], ..self.extensions };
        let content = Content { extensions, descriptor, payload: store.put(now, self.payload)? };
        let head = *self.header.first_chunk()?;
        Some((Relayed { mindex: self.mindex, video: self.video, head }, content))
    }
}

impl Relayed {
    /// With 0 for the SSRC.
    pub(super) fn header(&self) -> [u8; FIXED_LEN] {
        let mut header = [0; FIXED_LEN];
        header[..HEAD].copy_from_slice(&self.head);
        header
    }

    #[cfg(test)]
    pub fn mindex(&self) -> Mindex {
        self.mindex
    }
}
