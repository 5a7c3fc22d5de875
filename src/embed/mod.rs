//! `janus_rs.h`: the C API for programs that embed the core, and the daemon's way in.
//!
//! `api` and its siblings have the functions and `types` the structs of the header, which build.rs generates from them. An [`instance`]
//! is the server without the daemon around it; a [`client`] is a transport that exists in memory only; a [`peer`] is a handle of a
//! plugin that exists in memory only, with [`channel`]s and [media](crate::links); everything that happens comes to a [`queue`], which the
//! program empties on its own thread. A [link](crate::links) forwards what one peer sends to another, on the way of the packet itself.

mod api;
mod api_channel;
mod api_client;
mod api_figures;
mod api_media;
mod api_module;
mod api_peer;
mod arguments;
mod channel;
mod client;
mod description;
mod direct;
mod error;
mod figures;
mod forks;
mod hooks;
mod instance;
mod log;
mod opening;
mod peer;
mod peer_plugin;
mod peers;
mod queue;
mod signals;
mod system;
mod table;
mod threads;
mod turns;
mod types;
mod watch;

use std::ffi::CStr;

pub use api_figures::janus_rs_main;

/// The version of this library, a static string.
pub const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version has no NUL"),
    };
