//! Where a PeerConnection is, noted down beside what sends to it packet by packet.
//!
//! The way from a handle to the place where its packets wait leads over several objects, which are cold when there are
//! hundreds of receivers. On the PeerConnection's own worker this note leads there at once.

use super::types::RtpOut;
use super::worker::handle::PeerShared;
use super::worker::ring::Addressee;
use super::worker::run;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// No worker has this id.
const NOWHERE: u64 = 0;

/// Stale notes do no harm: a PeerConnection's id is never used again, and its seat is only good together with it.
#[derive(Debug, Default)]
pub struct Route {
    worker: AtomicU64,
    peer: AtomicU64,
    seat: AtomicU32,
}

impl Route {
    pub(super) fn set(&self, shared: &PeerShared) {
        let Some(Addressee { seat, peer }) = shared.addressee() else { return };
        self.peer.store(peer, Ordering::Relaxed);
        self.seat.store(seat, Ordering::Relaxed);
        self.worker.store(shared.worker.id, Ordering::Release);
    }

    pub fn clear(&self) {
        self.worker.store(NOWHERE, Ordering::Release);
    }

    /// As [`Peer::relay_rtp`](super::Peer::relay_rtp); false when the packet has to go that way, because this is not
    /// the worker's thread or no PeerConnection is noted down.
    #[inline]
    pub fn relay_rtp(&self, packet: &RtpOut<'_>) -> bool {
        let worker = self.worker.load(Ordering::Acquire);
        let to =
            Addressee { seat: self.seat.load(Ordering::Relaxed), peer: self.peer.load(Ordering::Relaxed) };
        worker != NOWHERE && run::relay_here(worker, to, packet)
    }
}
