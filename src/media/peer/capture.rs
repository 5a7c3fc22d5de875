//! Packets of a PeerConnection for a capture file (control-plane.md §7): unencrypted, incoming ones as they came,
//! outgoing ones as they leave. Retransmissions that were kept encrypted are left out.

use crate::record::capture::{Capture, DumpError, PacketType};
use std::sync::Arc;

/// Where packets are copied to, if anywhere. Without a capture it costs one look.
#[derive(Default)]
pub(super) struct Tap(Option<Arc<Capture>>);

impl Tap {
    pub fn new(capture: Option<Arc<Capture>>) -> Tap {
        Tap(capture)
    }

    pub fn incoming(&self, kind: PacketType, packet: &[u8]) {
        if let Some(capture) = &self.0 {
            write(capture, kind, true, packet);
        }
    }

    pub fn outgoing(&self, kind: PacketType, packet: &[u8]) {
        if let Some(capture) = &self.0 {
            write(capture, kind, false, packet);
        }
    }
}

#[cold]
fn write(capture: &Capture, kind: PacketType, incoming: bool, packet: &[u8]) {
    // A closed one is on its way out of here.
    if let Err(DumpError::Write(error)) = capture.dump(kind, incoming, packet, None) {
        tracing::debug!("{}: {error}", capture.path().display());
    }
}
