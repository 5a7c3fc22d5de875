//! What a PeerConnection has to tell its sink.
#![forbid(unsafe_code)]

use super::handle::PeerShared;
use crate::media::peer::Output;
use crate::media::types::PeerSink;
use std::sync::Arc;

/// Something for a sink; called with the core not borrowed.
pub struct Call {
    pub sink: Arc<dyn PeerSink>,
    pub shared: Arc<PeerShared>,
    pub output: Output,
}
