//! What the descriptions and candidates exchanged so far amount to, per handle.

use super::jsep::{self, Negotiation};
use super::limit::{Limit, Place};
use crate::media::channel::DataTerms;
use crate::media::{DtlsRole, IceRole};

/// What signalling knows of the present PeerConnection; emptied with it.
#[derive(Default)]
pub struct Signalling {
    /// Present as long as the PeerConnection.
    pub negotiation: Option<Negotiation>,
    pub local_sdp: Option<String>,
    pub remote_sdp: Option<String>,
    pub pending: Vec<Pending>,
    /// `None` until the answer decides.
    pub dtls_role: Option<DtlsRole>,
    pub ice_role: Option<IceRole>,
    pub remote_candidates: usize,
    /// Candidates that could not be read.
    pub unreadable_candidates: usize,
    /// Host names that are being looked up.
    pub lookups: Limit,
    /// Checks were started.
    pub checking: bool,
    /// Monotonic µs.
    pub created: i64,
    /// What the media engine was told of data channels.
    pub data_enabled: Option<DataTerms>,
    /// Before an offer of ours that is not answered; kept only where it may be taken back.
    pub before_offer: Option<Box<Negotiation>>,
    /// We have made an offer on this PeerConnection, answered or not.
    pub has_offered: bool,
}

/// A candidate that came before it could be used.
pub struct Pending {
    /// Monotonic µs.
    pub(super) received: i64,
    /// As text, which takes a tenth of the room: what a client sends may be anything.
    pub(super) candidate: String,
    /// Given back with it.
    #[expect(dead_code)]
    pub(super) bytes: Place,
}

impl Signalling {
    /// The mid that candidates name.
    pub fn bundle_mid(&self) -> Option<&str> {
        self.negotiation.as_ref().and_then(|n| n.bundle_mid.as_deref())
    }

    /// The index of that m-line.
    pub fn bundle_index(&self) -> usize {
        self.negotiation.as_ref().map_or(0, |n| n.bundle_index)
    }
}

/// A copy of what `handle_info` shows of the signalling.
pub struct SignallingFacts {
    /// When the PeerConnection was made, monotonic µs; `None` without one.
    pub created: Option<i64>,
    pub ice_role: Option<IceRole>,
    pub profile: Option<String>,
    pub local_sdp: Option<String>,
    pub remote_sdp: Option<String>,
    pub pending: usize,
    pub media: Vec<jsep::Medium>,
}
