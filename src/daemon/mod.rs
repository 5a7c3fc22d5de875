//! The daemon: command line, start-up and shutdown order, signals, and the module check.
#![forbid(unsafe_code)]

pub mod addresses;
pub mod cli;
pub mod files;
pub mod log_controls;
pub mod run;
pub mod server;
pub mod settings;
pub mod signals;
pub mod system;
pub mod web;

use cli::Request;
use std::ffi::OsString;
use std::path::PathBuf;
use system::System;

/// What `--version` prints.
const BANNER: &str = concat!("janus-rs ", env!("CARGO_PKG_VERSION"));

/// Runs with these arguments, the first of which is the program's name. Returns the exit status.
pub fn main(arguments: Vec<OsString>, system: &dyn System) -> i32 {
    if arguments.get(1).is_some_and(|word| word == "check") {
        return check(arguments[2..].iter().map(PathBuf::from).collect());
    }
    match cli::parse(arguments, BANNER) {
        Request::Run(cli) => run::run(&cli, system),
        Request::Print(text) => {
            print!("{text}");
            0
        }
        Request::Error(text) => {
            eprint!("{text}");
            1
        }
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
