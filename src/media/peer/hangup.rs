//! The end of a PeerConnection (media-plane.md §3.6).

use super::{Clock, Connection, Output, Stage};
use crate::media::batch::Batch;
use crate::media::types::*;
use std::sync::Arc;

impl Connection {
    /// Sends the close alert if there is somebody to read it (MP-139), then [`Connection::close`].
    pub(super) fn hang_up(&mut self, clock: Clock, reason: HangupReason, out: &mut Batch) {
        if self.stage == Stage::Closed {
            return;
        }
        self.leave();
        if let Some(sctp) = &mut self.sctp {
            sctp.close(clock.instant);
        }
        self.progress_data();
        self.write_data(usize::MAX);
        if let Some(dtls) = &mut self.dtls {
            dtls.close();
        }
        self.transmit_dtls(clock, out);
        self.close(clock, reason);
    }

    /// Last statistics, then the end (MP-237): from here on nothing goes in or out.
    pub(super) fn close(&mut self, clock: Clock, reason: HangupReason) {
        if self.stage == Stage::Closed {
            return;
        }
        self.leave();
        if self.shared.config.stats_period > 0 {
            let statistics = Arc::new(self.snapshot(clock));
            self.event(PeerEvent::Statistics(statistics));
        }
        self.stage = Stage::Closed;
        self.early_channels.clear();
        self.sctp = None;
        self.dtls = None;
        self.srtp = None;
        self.ticks = None;
        self.outputs.push_back(Output::Closed(reason));
    }
}
