//! The worker's relay: its one allocation on a TURN server, which all its PeerConnections share
//! (docs/decisions/043-turn.md).

mod core;
mod servers;
pub mod stream;

pub use servers::Relay;
