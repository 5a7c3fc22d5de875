//! A WebRTC server core that takes the place of the Janus core under its compiled modules.
//!
//! A *request* travels down and up again: transport module → [`modules`] (`incoming_request`) → [`api`] → [`core`] →
//! [`modules`] → plugin; the reply goes back from [`api`]. A *packet* travels across: [`media::worker`] (socket) →
//! [`media::peer`] (ICE, DTLS, SRTP) → [`media::streams`] → [`core`] (its sink) → [`modules`] → plugin → [`modules`]
//! (`relay_rtp`) → [`core`] (its host) → [`media::worker`] of each receiver (batch, socket).
//!
//! Arrows point one way: a room may use those listed after it, never those before it. docs/ARCHITECTURE.md draws them,
//! and walks along these ways file by file.
// The documentation is for those who change the code: it shows private parts, and links to them.
#![allow(rustdoc::private_intra_doc_links)]
#![cfg_attr(not(test), warn(clippy::disallowed_types, clippy::disallowed_methods))]

pub mod embed;
pub mod daemon;
pub mod server;
#[cfg(feature = "web")]
pub mod transports;
pub mod builtin;
pub mod links;
pub mod api;
pub mod core;
pub mod modules;
pub mod abi;
pub mod media;
pub mod sdp;
pub mod rtcp;
pub mod record;
pub mod rtp;
pub mod options;
pub mod config;
pub mod log;
pub mod stall;
pub mod metrics;
pub mod net;
pub mod util;
pub mod json;
pub mod glib;
