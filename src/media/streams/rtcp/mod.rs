//! RTCP of one PeerConnection (media-plane.md §7): what the peer says, what plugins send, what the core says itself.
//!
//! These are further methods of [`Streams`](super::Streams). Packets to be protected and sent are handed to an
//! `emit` function, because RTCP is rare; none is larger than [`MAX_COMPOUND`].
#![forbid(unsafe_code)]

mod generated;
mod incoming;
mod parts;
mod plugin;
mod slow_link;
mod split;

pub use incoming::RtcpDropped;
pub use split::Split;

/// Largest packet that the core builds (MP-195).
pub const MAX_COMPOUND: usize = 1200;
