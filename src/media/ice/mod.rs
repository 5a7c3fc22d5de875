//! ICE (RFC 8445): an adapter over the crate `is`, one agent per PeerConnection, sans-IO.
//!
//! What it adds to the crate: our nomination rule, a limit on the remote addresses one peer can make us remember, the
//! state names of media-plane.md §3.3, and host candidates as they are advertised behind a 1:1 NAT.
//!
//! Not there yet: TCP candidates (`ice_tcp`), relayed candidates (TURN).
#![forbid(unsafe_code)]

pub mod agent;
pub mod candidate;
pub mod destinations;
pub mod local;
pub mod reflexive;
mod remembered;
pub mod stun;

pub use agent::{Agent, AgentConfig, AgentEvent, Path, StunOut};

#[cfg(test)]
mod tests;
