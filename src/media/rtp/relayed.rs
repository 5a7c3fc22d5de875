//! A packet that a plugin wants to be sent, as it is kept until it is written for its receiver.

use super::Micros;
use super::store::{Handle, Store};
use crate::media::{Mindex, RtpOut};
use crate::rtp::header::FIXED_LEN;
use crate::rtp::{Extensions, Header};

/// What may differ between the receivers of one packet, and where the rest lies.
#[derive(Clone, Copy, Debug)]
pub struct Relayed {
    pub(super) mindex: Mindex,
    pub(super) video: bool,
    pub(super) header: [u8; FIXED_LEN],
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
}

impl Relayed {
    /// `None` when the store has no room for it.
    pub fn new(store: &mut Store, now: Micros, parts: &Parts<'_>) -> Option<Relayed> {
        let descriptor = match parts.extensions.dependency_descriptor {
            [] => Handle::NOTHING,
            bytes => store.put(now, bytes)?,
        };
        Some(Relayed {
            mindex: parts.mindex,
            video: parts.video,
            header: parts.header,
            extensions: Extensions { dependency_descriptor: &[], ..parts.extensions },
            descriptor,
            payload: store.put(now, parts.payload)?,
        })
    }

    pub fn mindex(&self) -> Mindex {
        self.mindex
    }
}
