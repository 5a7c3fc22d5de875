//! The daemon around the [`server`](crate::server): command line, background, signals, PID file, and the module check.
#![forbid(unsafe_code)]

#[cfg(feature = "daemon")]
mod check;
#[cfg(feature = "daemon")]
pub mod cli;
#[cfg(feature = "daemon")]
mod commands;
#[cfg(feature = "daemon")]
mod drain;
#[cfg(feature = "daemon")]
mod http;
#[cfg(feature = "daemon")]
mod mask;
#[cfg(feature = "daemon")]
mod report;
#[cfg(feature = "daemon")]
pub mod run;
#[cfg(feature = "daemon")]
mod service;
#[cfg(feature = "daemon")]
pub mod signals;
#[cfg(feature = "daemon")]
mod start;
#[cfg(feature = "daemon")]
mod switch;
pub mod system;
#[cfg(all(test, feature = "daemon"))]
mod pages;

#[cfg(feature = "daemon")]
pub use start::main;

/// Says that there is no daemon in this library.
#[cfg(not(feature = "daemon"))]
pub fn main(_arguments: Vec<std::ffi::OsString>, _system: &dyn system::System) -> i32 {
    eprintln!("janus-rs: this library is built without the daemon");
    1
}
