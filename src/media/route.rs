//! Where a PeerConnection is, noted down where packets for it enter.
//!
//! The way from a plugin session to the place where its packets wait leads over half a dozen objects, all of them cold
//! when there are hundreds of receivers. On the PeerConnection's own worker this note, which lies in the session's own
//! cache line, leads there at once.

use super::address::Addressee;
use super::types::{LARGEST_RTP, RtpOut};
use super::worker::handle::PeerShared;
use super::worker::run;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// No worker has this id.
const NOWHERE: u32 = 0;

/// Stale notes do no harm: a PeerConnection's id is never used again, and its seat is only good together with it.
#[derive(Debug, Default)]
pub struct Route {
    worker: AtomicU32,
    seat: AtomicU32,
    peer: AtomicU64,
}

impl Route {
    pub(super) fn set(&self, shared: &PeerShared) {
        let (Some(to), Ok(worker)) = (shared.addressee(), u32::try_from(shared.worker.id)) else { return };
        self.peer.store(to.peer, Ordering::Relaxed);
        self.seat.store(to.seat, Ordering::Relaxed);
        self.worker.store(worker, Ordering::SeqCst);
    }

    pub fn clear(&self) {
        self.worker.store(NOWHERE, Ordering::SeqCst);
    }

    /// As [`Peer::relay_rtp`](super::Peer::relay_rtp); false when the packet has to go that way, because this is not
    /// the worker's thread, no PeerConnection is noted down, or something is wrong with the packet.
    #[inline]
    pub fn relay_rtp(&self, packet: &RtpOut<'_>) -> bool {
        let worker = self.worker.load(Ordering::Acquire);
        if worker == NOWHERE || packet.packet.len() > LARGEST_RTP {
            return false;
        }
        let to =
            Addressee { seat: self.seat.load(Ordering::Relaxed), peer: self.peer.load(Ordering::Relaxed) };
        run::relay_here(worker.into(), to, packet)
    }
}
