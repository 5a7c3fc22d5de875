//! What C sees: `#[repr(C)]` types and the exported `janus_*` symbols, one file per C header, thin over the
//! plain Rust rooms ([`crate::sdp`], [`crate::rtp`], [`crate::config`] …).
//!
//! * [`entry`] holds the one macro that every exported function goes through.
//! * [`generation`] names the plugin ABI generations; a function that differs in an older one stands beside the
//!   native one as a `variant`.

#[macro_use]
pub mod entry;
#[macro_use]
pub mod layout;
pub mod generation;
pub mod config;
pub mod log;
pub mod refcount;
pub mod mutex;
pub mod plugin;
#[macro_use]
pub mod plugin_packets;
pub mod plugin_single;
pub mod transport;
pub mod eventhandler;
pub mod logger;
pub mod sdp;
pub mod apierror;
pub mod events;
pub mod ip_utils;
pub mod record;
pub mod rtcp;
pub mod rtp;
pub mod rtpfwd;
pub mod rtpsrtp;
pub mod text2pcap;
pub mod utils;
pub mod utils_media;
#[cfg(test)]
pub mod written;
