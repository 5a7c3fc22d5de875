//! `janus_rs.h`: the C API for programs that embed the core, and the daemon's way in.
//!
//! `api` has the functions and `types` the structs of the header, which build.rs generates from both. An [`instance`] is the
//! server without the daemon around it; a [`client`] is a transport that exists in memory only; a [`peer`] is a handle of a
//! plugin that exists in memory only, with [`channel`]s; everything that happens comes to a [`queue`], which the program empties
//! on its own thread.

mod api;
mod channel;
mod client;
mod description;
mod error;
mod figures;
mod forks;
mod hooks;
mod instance;
mod log;
mod peer;
mod peer_plugin;
mod queue;
mod signals;
mod system;
mod threads;
mod types;
mod watch;

use std::ffi::CStr;

pub use api::janus_rs_main;

/// The version of this library, a static string.
pub const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version has no NUL"),
    };
