//! A WebRTC server core that takes the place of the Janus core under its compiled modules.
//!
//! A *request* travels down: a transport ([`transports`] or a module) → [`api`] → [`core`] → [`modules`] → plugin.
//! A *packet* travels across: [`media::worker`] (socket) → [`media::peer`] (SRTP, streams) → [`modules`] → plugin
//! → [`modules`] (`relay_rtp`) → [`media::peer`] of each receiver → [`media::worker`] (socket).
//! Arrows point one way: a room may use those listed after it, never those before it.

pub mod embed;
pub mod daemon;
pub mod server;
pub mod api;
pub mod core;
pub mod modules;
pub mod abi;
pub mod transports;
pub mod media;
pub mod sdp;
pub mod rtp;
pub mod rtcp;
pub mod record;
pub mod options;
pub mod config;
pub mod log;
pub mod stall;
pub mod util;
pub mod json;
pub mod glib;
