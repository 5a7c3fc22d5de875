//! Fetches what [`Connection::send_rtp`] is about to need, receiver by receiver, in steps: each finds the pointers that
//! the next one follows, once they have arrived.

use super::Connection;
use crate::media::worker::prefetch::prefetch;

/// How many receivers ahead [`Connection::fetch_ahead`] begins.
pub const STEPS: usize = 3;

impl Connection {
    /// To be called with 3, 2 and 1 receivers to go before this one.
    pub fn fetch_ahead(&self, receivers_to_go: usize) {
        match receivers_to_go {
            STEPS => {
                prefetch(&self.stage);
                prefetch(&self.path);
                prefetch(&self.cursor);
                prefetch(&self.streams);
            }
            2 => {
                if let Some(srtp) = &self.srtp {
                    srtp.outgoing.prefetch();
                }
                self.streams.media.iter().for_each(prefetch);
            }
            1 => self.streams.media.iter().for_each(|medium| medium.prefetch()),
            _ => {}
        }
    }

    /// The same for RTCP that came from the peer: with 2 and 1 datagrams to go.
    pub fn fetch_ahead_for_rtcp(&self, datagrams_to_go: usize) {
        if datagrams_to_go > 1 {
            prefetch(&self.stage);
            prefetch(&self.streams);
            return;
        }
        if let Some(srtp) = &self.srtp {
            srtp.incoming.prefetch_rtcp();
        }
        self.streams.media.iter().for_each(prefetch);
    }
}
