//! `janus-rs check`: modules by name, or a whole installation.
#![forbid(unsafe_code)]

mod config;
mod finding;
mod host;
mod installation;
mod modules;

pub use finding::{Finding, State};
pub use host::{keys, written};
pub use installation::{Installation, JANUS_UNIT, root, unit};
pub use modules::check as modules;

use super::system::System;

/// Everything that can be seen without starting a server.
pub fn look(installation: &Installation, system: &dyn System) -> Vec<Finding> {
    let mut findings = Vec::new();
    config::files(installation, &mut findings);
    modules::installed(installation, &mut findings);
    config::ports(installation, &mut findings);
    host::certificates(installation, &mut findings);
    host::limits(installation, system, &mut findings);
    host::folders(installation, &mut findings);
    host::servers(installation, &mut findings);
    config::secrets(installation, &mut findings);
    config::origins(installation, &mut findings);
    findings
}

/// One line each; 1 when there is an error.
pub fn installation(installation: &Installation, json: bool, system: &dyn System) -> i32 {
    let findings = look(installation, system);
    for finding in &findings {
        if json {
            println!("{}", finding.json());
        } else {
            println!("{finding}");
        }
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let (errors, warnings) = (count(State::Error), count(State::Warning));
    if !json {
        println!("{}: {errors} errors, {warnings} warnings", installation.folder.display());
    }
    i32::from(errors > 0)
}
