//! Where the command line leads: to a server, a text, or a look at modules.
#![forbid(unsafe_code)]

use super::cli::{self, Request};
use super::run;
use super::system::System;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// What `--version` prints.
const BANNER: &str = concat!("janus-rs ", env!("CARGO_PKG_VERSION"));

/// Runs with these arguments, the first of which is the program's name. Returns the exit status.
pub fn main(arguments: Vec<OsString>, system: &dyn System) -> i32 {
    if arguments.get(1).is_some_and(|word| word == "check") {
        return check(arguments[2..].iter().map(PathBuf::from).collect(), system);
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

/// Exit statuses of the process that looks at one module; a module that ends it has another one.
const LOADS: i32 = 71;
const REFUSED: i32 = 72;

/// How long one module may take to answer, unless JANUS_RS_CHECK_SECONDS says otherwise.
const CHECK_SECONDS: u64 = 20;

/// `janus-rs check FILE…`: 0 when all of them would load. Each is opened in a process of its own, which it may crash or
/// keep for ever.
fn check(files: Vec<PathBuf>, system: &dyn System) -> i32 {
    if files.is_empty() || files.iter().any(|file| file.as_os_str().as_encoded_bytes().starts_with(b"-")) {
        eprintln!("usage: janus-rs check FILE…");
        return 1;
    }
    let limit = std::env::var("JANUS_RS_CHECK_SECONDS").ok().and_then(|s| s.parse().ok());
    let limit = Duration::from_secs(limit.unwrap_or(CHECK_SECONDS));
    let mut all_good = true;
    for file in &files {
        let look = || {
            let (report, good) = crate::modules::check::run(file);
            print!("{report}");
            let _ = std::io::stdout().flush();
            if good { LOADS } else { REFUSED }
        };
        let problem = match system.in_child(limit, &look) {
            Ok(None) => format!("it hung: no answer within {} s", limit.as_secs()),
            Ok(Some(status)) if matches!(status.code(), Some(LOADS | REFUSED)) => {
                all_good &= status.code() == Some(LOADS);
                continue;
            }
            Ok(Some(status)) => format!("it crashed or ended the process ({status})"),
            Err(error) => error.to_string(),
        };
        all_good = false;
        println!("{}\n  refused: {problem}", file.display());
    }
    i32::from(!all_good)
}
