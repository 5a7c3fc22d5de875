//! The daemon around the [`server`](crate::server): command line, background, signals, PID file, and the module check.
#![forbid(unsafe_code)]

#[cfg(feature = "daemon")]
pub mod cli;
#[cfg(feature = "daemon")]
pub mod run;
#[cfg(feature = "daemon")]
mod service;
#[cfg(feature = "daemon")]
pub mod signals;
#[cfg(feature = "daemon")]
mod start;
pub mod system;

#[cfg(feature = "daemon")]
pub use start::main;

/// Says that there is no daemon in this library.
#[cfg(not(feature = "daemon"))]
pub fn main(_arguments: Vec<std::ffi::OsString>, _system: &dyn system::System) -> i32 {
    eprintln!("janus-rs: this library is built without the daemon");
    1
}
