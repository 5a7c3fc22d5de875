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

impl Relayed {
    /// Takes from the plugin's packet what is needed; its CSRCs and extensions are not (MP-173). `None` when it is no
    /// RTP. The plugin's buffer is only read (MP-180).
    pub fn new(store: &mut Store, now: Micros, out: &RtpOut<'_>) -> Option<Relayed> {
        let header = *out.packet.first_chunk::<FIXED_LEN>()?;
        let payload = &out.packet[Header::new(out.packet)?.payload_start()?..];
        let descriptor = match out.extensions.dependency_descriptor {
            [] => Handle::NOTHING,
            bytes => store.put(now, bytes)?,
        };
        Some(Relayed {
            mindex: out.mindex,
            video: out.video,
            header,
            extensions: Extensions { dependency_descriptor: &[], ..out.extensions },
            descriptor,
            payload: store.put(now, payload)?,
        })
    }

    pub fn mindex(&self) -> Mindex {
        self.mindex
    }
}
