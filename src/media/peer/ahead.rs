//! Fetches what [`Connection::send_rtp`] is about to need, receiver by receiver, in steps: each finds the pointers that
//! the next one follows, once they have arrived.

use super::Connection;
use crate::media::prefetch::prefetch;

/// How many receivers, or datagrams, ahead it begins.
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
                    srtp.outgoing.prefetch_rtp();
                }
                self.streams.media.iter().for_each(prefetch);
            }
            1 => {
                if let Some(srtp) = &self.srtp {
                    srtp.outgoing.prefetch_rtp_stream();
                }
                self.streams.media.iter().for_each(|medium| medium.prefetch());
            }
            _ => {}
        }
    }

    /// The same for RTCP that came from the peer.
    pub fn fetch_ahead_for_rtcp(&self, datagrams_to_go: usize) {
        match datagrams_to_go {
            STEPS => {
                prefetch(&self.stage);
                prefetch(&self.streams);
            }
            2 => {
                if let Some(srtp) = &self.srtp {
                    srtp.incoming.prefetch_rtcp();
                }
                self.streams.media.prefetch_ssrcs();
                self.streams.media.iter().for_each(prefetch);
            }
            1 => {
                if let Some(srtp) = &self.srtp {
                    srtp.incoming.prefetch_rtcp_stream();
                }
                self.streams.media.iter().for_each(|medium| medium.prefetch_for_rtcp());
            }
            _ => {}
        }
    }
}
