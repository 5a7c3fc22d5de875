//! The WebRTC engine: share-nothing workers, each the only owner of its PeerConnections.
//!
//! The control plane talks to a PeerConnection through [`Peer`] (commands, any thread); the engine talks back through
//! [`PeerSink`] (calls, on the worker's thread, never with a borrow of the engine alive). Nothing here knows C or JSON.

pub mod address;
pub mod batch;
pub mod clock;
pub mod channel;
pub mod counts;
pub mod dtls;
pub mod engine;
pub mod ice;
pub mod peer;
pub mod pool;
pub mod prefetch;
pub mod route;
pub mod sctp;
pub mod srtp;
pub mod streams;
pub mod turn;
pub mod types;
pub mod worker;

#[cfg(test)]
mod tests;

pub use engine::{Engine, EngineError, Peer, TrafficSnapshot};
pub use prefetch::prefetch;
pub use route::Route;
pub use streams::Settings;
pub use types::*;
