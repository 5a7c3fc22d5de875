//! What is known about a PeerConnection, for handle_info and statistics (media-plane.md §9.3, §10).

use super::{Clock, Connection, Stage};
use crate::media::types::*;

/// What happened, kept only to be reported.
#[derive(Default)]
pub(super) struct Record {
    pub gathered_at: Option<i64>,
    pub checks_started_at: Option<i64>,
    pub connected_at: Option<i64>,
    pub dtls_started_at: Option<i64>,
    pub dtls_connected_at: Option<i64>,
    pub local_candidates: Vec<String>,
    pub remote_candidates: Vec<String>,
    pub selected_pair: Option<String>,
    pub dtls_in: Counter,
    pub dtls_out: Counter,
    /// RTP packets dropped because they were longer than 1500 bytes (MP-147).
    pub too_large: u32,
}

impl Connection {
    pub fn snapshot(&self, clock: Clock) -> PeerSnapshot {
        let record = &self.record;
        let failed_for = self.failed_at.map(|at| clock.instant.saturating_duration_since(at));
        PeerSnapshot {
            ice_state: Some(self.ice.state()),
            ice_failed_at: failed_for.map(|since| clock.mono - since.as_micros() as i64),
            gathered: record.gathered_at.is_some(),
            gathered_at: record.gathered_at,
            checks_started_at: record.checks_started_at,
            connected_at: record.connected_at,
            heard_at: self.pulse.heard_at(),
            round_trip: self.pulse.round_trip(),
            local_candidates: record.local_candidates.clone(),
            remote_candidates: record.remote_candidates.clone(),
            selected_pair: record.selected_pair.clone(),
            local_fingerprint: self.shared.fingerprint.clone(),
            remote_fingerprint: self.remote.as_ref().and_then(|r| r.fingerprint.clone()),
            dtls_role: Some(self.dtls_role),
            dtls_state: Some(self.dtls_state),
            dtls_retransmissions: self.retransmissions(),
            dtls_valid: self.srtp.is_some(),
            dtls_ready: self.stage == Stage::Ready,
            dtls_started_at: record.dtls_started_at,
            dtls_connected_at: record.dtls_connected_at,
            srtp_profile: self.profile.map(|p| p.name()),
            too_large: record.too_large,
            // Known to the worker.
            relay_waiting: 0,
            relay_dropped: 0,
            dtls_in: record.dtls_in,
            dtls_out: record.dtls_out,
            sctp_association: self.sctp.is_some(),
            channels: self.sctp.as_ref().map(|sctp| sctp.snapshot()).unwrap_or_default(),
            twcc: self.extensions.transport_wide_cc > 0,
            extensions: self.extensions,
            remb_bitrate: self.streams.remb(),
            media: self.media_snapshot(),
        }
    }

    /// What DTLS carries counts for the data medium (media-plane.md §10).
    fn media_snapshot(&self) -> Vec<MediumSnapshot> {
        let mut media = self.streams.snapshot();
        for medium in media.iter_mut().filter(|medium| medium.config.kind == MediaKind::Data) {
            medium.layers = vec![LayerSnapshot { received: self.record.dtls_in, ..LayerSnapshot::default() }];
            medium.sent = self.record.dtls_out;
        }
        media
    }
}
