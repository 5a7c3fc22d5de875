//! The daemon: command line, start-up and shutdown order, signals, and the module check.
#![forbid(unsafe_code)]

pub mod cli;
pub mod files;
pub mod system;

use std::ffi::OsString;
use std::path::PathBuf;

/// Runs with these arguments, the first of which is the program's name. Returns the exit status.
pub fn main(arguments: Vec<OsString>) -> i32 {
    match arguments.get(1).and_then(|a| a.to_str()) {
        Some("check") => check(arguments[2..].iter().map(PathBuf::from).collect()),
        _ => 1,
    }
}

/// `janus-rs check FILE…`: 0 when all of them would load.
fn check(files: Vec<PathBuf>) -> i32 {
    if files.is_empty() {
        eprintln!("usage: janus-rs check FILE…");
        return 1;
    }
    let (report, all_good) = crate::modules::check::run(&files);
    print!("{report}");
    i32::from(!all_good)
}
