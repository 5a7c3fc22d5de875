//! The engine as the control plane sees it.

use super::types::*;
use std::sync::Arc;
use std::time::Duration;

/// All workers of the process.
pub struct Engine {}

/// Why the engine cannot start.
#[derive(Debug)]
pub struct EngineError(pub String);

/// One PeerConnection, from any thread. Cloning shares it.
#[derive(Clone)]
pub struct Peer {}

impl Engine {
    /// Binds one UDP socket per worker and address family, makes or loads the certificate, starts the workers.
    pub fn start(_config: EngineConfig) -> Result<Engine, EngineError> {
        Err(EngineError("the media engine is not there yet".into()))
    }

    /// SHA-256 of the DTLS certificate, upper-case hex with colons (MP-127).
    pub fn fingerprint(&self) -> &str {
        ""
    }

    pub fn create_peer(&self, _config: PeerConfig, _sink: Arc<dyn PeerSink>) -> Peer {
        Peer {}
    }

    /// PeerConnections per worker (`loops_info`).
    pub fn loads(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Hangs up everything and joins the workers.
    pub fn stop(&self) {}
}

impl Peer {
    pub fn local_credentials(&self) -> IceCredentials {
        IceCredentials { ufrag: String::new(), pwd: String::new() }
    }

    /// New local credentials, in force at once; checks start anew.
    pub fn restart_ice(&self) -> IceCredentials {
        self.local_credentials()
    }

    /// Gathered so far.
    pub fn local_candidates(&self) -> Vec<Candidate> {
        Vec::new()
    }

    /// Waits until all candidates are known; false after `limit`.
    pub fn wait_gathered(&self, _limit: Duration) -> bool {
        false
    }

    /// Queued to the worker, in order.
    pub fn command(&self, _command: Command) {}

    /// The hot path: one copy, no lock, no allocation. Any thread. The caller's buffer is not changed (MP-180).
    pub fn relay_rtp(&self, _packet: RtpOut<'_>) {}

    /// Asks the worker; `None` when the PeerConnection is gone. Blocks shortly; not from a [`PeerSink`] call.
    pub fn snapshot(&self) -> Option<PeerSnapshot> {
        None
    }
}
