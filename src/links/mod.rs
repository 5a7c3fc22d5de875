//! Forwarding without a module: what one PeerConnection sends ([`track`]) comes to others by [`link`]s, on the way of the packet
//! itself. [`media`] is all of that of one PeerConnection, [`outlet`] its way out, [`lines`] its descriptions.
#![forbid(unsafe_code)]

mod fault;
mod layers;
pub mod lines;
pub mod link;
pub mod media;
pub mod outlet;
mod track;

pub use fault::Fault;
