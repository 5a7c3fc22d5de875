//! The media streams of one PeerConnection: which medium and layer a packet belongs to, what is lost, what can be sent
//! again, what the numbers say (media-plane.md §5, §6, §9).
//!
//! Nothing here sends, reads a clock, locks, or (per packet) allocates. [`Streams`] is owned by the PeerConnection, which
//! hands in packets and the time and takes out packets and events:
//!
//! ```text
//! network → route → (unprotect) → receive → plugin           inbound.rs
//! plugin → prepare → (protect) → network                     outbound.rs
//! peer's NACK → next_resend → (protect) → network            resend.rs
//! RTCP in, RTCP of plugins, reports                          rtcp/
//! once a second: tick                                        stats.rs
//! ```
#![forbid(unsafe_code)]

#[cfg(test)]
pub mod fixtures;
pub mod history;
pub mod inbound;
pub mod limit;
pub mod loss;
pub mod media;
pub mod outbound;
pub mod relayed;
pub mod resend;
pub mod rtcp;
pub mod stats;
pub mod store;
pub mod twcc;

pub use inbound::{Dropped, Received, Route};
pub use media::{Binding, Media, Medium};
pub use outbound::Prepared;
pub use relayed::{Content, Parts, Relayed};
pub use resend::Resend;

use super::counts::Counts;
use super::types::{EngineConfig, ExtensionIds, MediumConfig, PeerEvent};
use crate::rtcp::Context;
use crate::rtp::SwitchingContext;
use history::History;
use limit::Limit;
use loss::{Losses, Memory};
use resend::Resends;
use stats::{Activity, Tally};
use std::collections::VecDeque;
use std::sync::Arc;
use store::SharedStore;
use twcc::Arrivals;

/// Compounds of a peer: a thousand a second is more than any client needs.
const RTCP_LIMIT: Limit = Limit::new(1_000, 200);
/// Requests for key frames that a peer may make, of all its media: ten a second.
const KEYFRAME_LIMIT: Limit = Limit::new(100_000, 10);

/// A monotonic or a wall-clock time, µs.
pub type Micros = i64;

/// The part of the engine's configuration that streams obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub min_nack_queue_ms: u32,
    pub nack_optimizations: bool,
    /// Seconds; 0 = off.
    pub no_media_timer: u32,
    /// Packets per second; 0 = off.
    pub slowlink_threshold: u32,
}

impl From<&EngineConfig> for Settings {
    fn from(config: &EngineConfig) -> Settings {
        Settings {
            min_nack_queue_ms: config.min_nack_queue.into(),
            nack_optimizations: config.nack_optimizations,
            no_media_timer: config.no_media_timer,
            slowlink_threshold: config.slowlink_threshold,
        }
    }
}

/// All media streams of one PeerConnection.
#[derive(Debug)]
pub struct Streams {
    pub media: Media,
    pub(super) settings: Settings,
    pub(super) ids: ExtensionIds,
    /// Transport-wide numbers of received packets, not yet reported.
    pub(super) arrivals: Arrivals,
    /// Last transport-wide number given to a sent packet.
    transport_sequence: u16,
    pub(super) resends: Resends,
    /// What was sent; the worker's, shared with its other PeerConnections.
    pub(super) store: SharedStore,
    /// Of the worker, too.
    pub(super) counts: Arc<Counts>,
    pub(super) rtcp_limit: Limit,
    pub(super) keyframe_limit: Limit,
    /// Last REMB of the peer, bit/s.
    pub(super) remb: Option<u32>,
    /// The peer has asked for lost packets or a key frame; taken by the PeerConnection.
    pub asked: bool,
    pub(super) events: VecDeque<PeerEvent>,
}

/// What is received in one simulcast layer, or in a medium without simulcast.
#[derive(Debug, Default)]
pub struct Layer {
    /// The peer's current SSRCs; 0 = not known yet.
    pub ssrc: u32,
    pub ssrc_rtx: u32,
    /// The SSRC that the plugin sees: the first one ever (MP-150). 0 = nothing received yet.
    pub first_ssrc: u32,
    /// Towards the plugin.
    pub(super) numbering: SwitchingContext,
    pub(super) statistics: Context,
    /// Of packets, RTX stripped, duplicates not counted.
    pub(super) tally: Tally,
    /// NACKed sequence numbers that the peer sent.
    pub(super) nacks_received: u64,
    losses: Option<Box<Losses>>,
    memory: Memory,
    pub(super) activity: Activity,
    /// Totals at the last look for a slow link.
    pub(super) lost_then: i32,
    pub(super) lost_by_remote_then: i32,
}

/// What is sent in one medium.
#[derive(Debug, Default)]
pub struct Sender {
    pub(super) tally: Tally,
    pub(super) history: History,
    /// 0 until the first RTT is known (MP-182).
    pub(super) nack_queue_ms: u32,
    /// Last RTX sequence number used (MP-185).
    rtx_sequence: u16,
    /// RTP time of the last packet, when it was sent, and its clock; for sender reports.
    pub(super) last_timestamp: u32,
    pub(super) last_sent_at: Micros,
    pub(super) clock_rate: u32,
    /// Sequence numbers that we NACKed.
    pub(super) nacks_sent: u64,
    pub(super) retransmissions: u64,
}

impl Streams {
    /// With a store and counts of its own.
    pub fn new(settings: Settings) -> Streams {
        Streams::of_worker(settings, SharedStore::default(), Arc::default())
    }

    pub fn of_worker(settings: Settings, store: SharedStore, counts: Arc<Counts>) -> Streams {
        Streams {
            media: Media::default(),
            settings,
            ids: ExtensionIds::default(),
            arrivals: Arrivals::default(),
            transport_sequence: 0,
            resends: Resends::default(),
            store,
            counts,
            rtcp_limit: RTCP_LIMIT,
            keyframe_limit: KEYFRAME_LIMIT,
            remb: None,
            asked: false,
            events: VecDeque::new(),
        }
    }

    /// Takes over a negotiation; running state of known media stays. A medium that is no longer received is reported
    /// as such (§9.2 b).
    pub fn set_media(&mut self, configs: Vec<MediumConfig>) {
        for index in self.media.negotiated(configs) {
            for layer in 0..self.media[index].layers.len() {
                if self.media[index].layers[layer].activity.stop() {
                    self.report_receiving(index, layer, false, None);
                }
            }
        }
    }

    pub fn set_extensions(&mut self, ids: &ExtensionIds) {
        self.ids = *ids;
    }

    /// Whether a packet has come that [`Streams::transport_feedback`] has not told of.
    #[inline]
    pub fn awaits_feedback(&self) -> bool {
        !self.arrivals.is_empty()
    }

    /// What happened since the last call, oldest first. Take events after the plugin's callback, so that it comes first.
    pub fn next_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }
}

#[cfg(test)]
mod negotiated_tests;
#[cfg(test)]
mod recovery_tests;
