//! ICE (RFC 8445): an adapter over the crate `is`, one agent per PeerConnection, sans-IO.
//!
//! What it adds to the crate: our nomination rule, a limit on the remote addresses one peer can make us remember, the
//! state names of media-plane.md §3.3, and host candidates as they are advertised behind a 1:1 NAT.
//!
//! Candidates over TCP (RFC 6544) are found by the connections that worker and agent tell each other of, relayed ones by the
//! worker's [`turn`](super::turn) client.
#![forbid(unsafe_code)]

pub mod agent;
pub mod candidate;
mod copies;
pub mod destinations;
mod limits;
pub mod local;
mod nominations;
mod path;
pub mod reflexive;
mod remembered;
mod remote;
pub mod stun;

pub use agent::{Agent, AgentConfig, AgentEvent, StunOut};
pub use path::{Origin, Path, TcpId, Way};

#[cfg(test)]
mod tests;
