//! What a plugin is, as far as its file tells before anything of it runs.
#![forbid(unsafe_code)]

use super::binding;
use super::elf::Module;
use super::generation::{self, Candidate, Configured, Decision, Sibling};
use super::releases;
use super::undecided::Undecided;
use std::collections::HashMap;
use std::path::Path;

/// What is known beside the file.
pub struct Foresight<'a> {
    pub siblings: &'a [Sibling],
    pub configured: &'a HashMap<String, Configured>,
    /// Nothing more will be configured, which could settle what the file does not tell.
    pub is_all: bool,
}

impl Foresight<'_> {
    /// `None`: neither its file nor what is configured so far tells which generation it is, and its table may.
    ///
    /// A script's plugin does not say its package before the script runs, but its file may have the name of one that comes
    /// with the server. An API number that the code does not show may be known from the build-id, or be configured.
    pub fn decide(&self, path: &Path, module: &Module) -> Result<Option<Decision>, Undecided> {
        let said = module.calls.package.clone();
        let package = said.or_else(|| releases::bundled(module).map(generation::package)).unwrap_or_default();
        let candidate = |api| Candidate { api, package: &package, path, module };
        let configured = candidate(0).entry(self.configured).copied();
        let api =
            module.calls.api.or_else(|| configured.map(|built_for| *built_for.generation().api().start()));
        let Some(api) = api.or_else(|| releases::api_of_build(module)) else { return Ok(None) };
        let is_told = module.calls.api.is_some() && module.calls.package.is_some();
        match generation::decide(candidate(api), self.siblings, configured) {
            Err(why) if is_told && self.is_all => Err(why),
            decided => Ok(decided.ok()),
        }
    }
}

/// Functions of the core that its constructors call, before they can be bound, and that are others for its generation.
pub fn too_early(module: &Module, decision: Option<&Decision>) -> Vec<String> {
    let early = module.calls.constructors.iter();
    early.filter(|symbol| binding::differs(symbol, decision)).map(ToString::to_string).collect()
}
