//! Where the command line leads: to a server, a text, or a look at modules.
#![forbid(unsafe_code)]

use super::cli::{self, Request};
use super::commands;
use super::run;
use super::system::System;
use std::ffi::OsString;

/// What `--version` prints.
const BANNER: &str = concat!("janus-rs ", env!("CARGO_PKG_VERSION"));

/// Runs with these arguments, the first of which is the program's name. Returns the exit status.
pub fn main(arguments: Vec<OsString>, system: &dyn System) -> i32 {
    if let Some(status) = commands::run(&arguments, system) {
        return status;
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
