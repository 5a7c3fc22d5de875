//! What a plugin is, as far as its file tells before anything of it runs.
#![forbid(unsafe_code)]

use super::binding;
use super::elf::Module;
use super::generation::{self, Candidate, Configured, Decision, Sibling};
use super::undecided::Undecided;
use std::collections::HashMap;
use std::path::Path;

/// What is known beside the file.
pub struct Foresight<'a> {
    pub siblings: &'a [Sibling],
    /// `None`: the configuration is not known yet, and may settle what the file does not tell.
    pub configured: Option<&'a HashMap<String, Configured>>,
}

impl Foresight<'_> {
    /// `None`: its file does not tell its API number and package, or which generation it is where the configuration may.
    pub fn decide(&self, path: &Path, module: &Module) -> Result<Option<Decision>, Undecided> {
        let (Some(api), Some(package)) = (module.calls.api, &module.calls.package) else { return Ok(None) };
        let candidate = Candidate { api, package, path, module };
        let configured = self.configured.and_then(|entries| candidate.entry(entries)).copied();
        match generation::decide(candidate, self.siblings, configured) {
            Err(_) if self.configured.is_none() => Ok(None),
            decided => decided.map(Some),
        }
    }
}

/// Functions of the core that its constructors call, before they can be bound, and that are others for its generation.
pub fn too_early(module: &Module, decision: Option<&Decision>) -> Vec<String> {
    let early = module.calls.constructors.iter();
    early.filter(|symbol| binding::differs(symbol, decision)).map(ToString::to_string).collect()
}
