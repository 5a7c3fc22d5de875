//! `janus-rs check FILE…`: would these modules load, as what, and what is missing?

use super::elf;
use super::foresight::Foresight;
use super::generation::{Configured, Sibling};
use super::head::{Kind, OfKind};
use super::hostlibs;
use super::loader::{self, NotServed, Opened, Refusal};
use super::unsound::FileError;
use crate::abi::entry;
use crate::abi::eventhandler::janus_eventhandler;
use crate::abi::logger::janus_logger;
use crate::abi::plugin::janus_plugin;
use crate::abi::transport::janus_transport;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use thiserror::Error;

/// Why a file would not load.
#[derive(Debug, Error)]
enum Unfit {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("it is no plugin, transport, event handler or logger")]
    NoModule,
    #[error("its imports are not complete")]
    Imports,
    #[error(transparent)]
    Refused(Refusal),
    #[error("the lowest API that is served is {0}")]
    Api(i32),
    #[error(transparent)]
    NotServed(#[from] NotServed),
}

/// What plugins are configured to be compiled for, by file name or package.
pub type Generations = HashMap<String, Configured>;

/// The report on one file, and whether it would load. Code of the module runs, and may take the process along.
pub fn run(file: &Path, generations: &Generations) -> (String, bool) {
    hostlibs::provide();
    let mut text = format!("{}\n", file.display());
    let fit = one(&mut text, file, generations);
    match &fit {
        Ok(()) => text.push_str("  loads\n"),
        Err(why) => text.push_str(&format!("  refused: {why}\n")),
    }
    (text, fit.is_ok())
}

fn one(text: &mut String, path: &Path, generations: &Generations) -> Result<(), Unfit> {
    let facts = elf::read(path)?;
    let ours: Vec<&str> = imports_of(&facts);
    line(text, "imports", &format!("{} symbols of the core", ours.len()));
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let kind = kind(&path, &facts).ok_or(Unfit::NoModule)?;
    line(text, "kind", kind.name());
    match kind {
        Kind::Plugin => {
            // One installation comes from one release: the folder is asked as the server does.
            let mut siblings = loader::survey(path.parent().unwrap_or(Path::new(".")));
            let foresight = Foresight { siblings: &siblings, configured: generations, is_all: true };
            let module = opened(text, &path, facts, Some(&foresight))?;
            loader::hear(&mut siblings, std::slice::from_ref(&module));
            plugin(text, &module, &siblings, generations)
        }
        Kind::Transport => recent(&opened::<janus_transport>(text, &path, facts, None)?),
        Kind::EventHandler => recent(&opened::<janus_eventhandler>(text, &path, facts, None)?),
        Kind::Logger => recent(&opened::<janus_logger>(text, &path, facts, None)?),
    }
}

/// Opens it, and says what it says of itself.
fn opened<T: OfKind>(
    text: &mut String,
    path: &Path,
    facts: elf::Module,
    foresight: Option<&Foresight<'_>>,
) -> Result<Opened<T>, Unfit> {
    let files = loader::all_files(path.parent().unwrap_or(Path::new("."))).unwrap_or_default();
    let module = loader::open::<T>(path, &files, foresight).map_err(|refusal| match refusal {
        Refusal::Missing(missing) => {
            line(text, "missing", &missing.to_string());
            Unfit::Imports
        }
        Refusal::NotServed(why) => {
            let said =
                [("package", facts.calls.package), ("API", facts.calls.api.map(|api| api.to_string()))];
            for (label, said) in said.iter().filter_map(|(label, said)| Some((label, said.as_ref()?))) {
                line(text, label, &format!("{said}, as the file says"));
            }
            why.into()
        }
        other => Unfit::Refused(other),
    })?;
    let info = &module.info;
    let version = info.version_string.as_deref().unwrap_or("?");
    line(text, "package", &format!("{} ({})", info.package, info.name.as_deref().unwrap_or("?")));
    line(text, "version", &format!("{version} (number {})", info.version));
    line(text, "API", &module.api.to_string());
    line(text, "table", "create() and all required functions are there");
    Ok(module)
}

fn recent<T: OfKind>(module: &Opened<T>) -> Result<(), Unfit> {
    let lowest = loader::lowest_api(T::KIND);
    if module.api < lowest { Err(Unfit::Api(lowest)) } else { Ok(()) }
}

fn plugin(
    text: &mut String,
    module: &Opened<janus_plugin>,
    siblings: &[Sibling],
    generations: &Generations,
) -> Result<(), Unfit> {
    let decision = loader::decide(module, siblings, generations).map_err(NotServed::from)?;
    let certain = if decision.certain { "" } else { " (assumed)" };
    let receives = decision.receives;
    line(text, "generation", &format!("{}{certain}", decision.generation));
    for evidence in &decision.evidence {
        line(text, "", evidence);
    }
    if !decision.certain {
        line(text, "override", &format!("{} in janus.jcfg", module.candidate().override_line(receives)));
    }
    let bound = module.bind(&decision)?;
    if !bound.is_empty() {
        let (same, other): (Vec<&str>, Vec<&str>) =
            bound.into_iter().partition(|symbol| decision.form(symbol) == decision.generation);
        let mut forms = vec![format!("{} in the form of {}", same.join(", "), decision.generation)];
        forms.retain(|_| !same.is_empty());
        forms.extend(other.iter().map(|symbol| format!("{symbol} in the form of {}", decision.form(symbol))));
        line(text, "bound", &forms.join("; "));
    }
    Ok(())
}

fn imports_of(facts: &elf::Module) -> Vec<&str> {
    let exported: std::collections::HashSet<&str> = entry::symbols().iter().map(|s| s.name).collect();
    facts.imports.iter().map(|i| &*i.name).filter(|n| exported.contains(n)).collect()
}

/// Plugins, transports, event handlers and loggers all export only `create`; their folder tells, else the file's own
/// words: every module says its package, `janus.plugin.…` by convention.
fn kind(path: &Path, facts: &elf::Module) -> Option<Kind> {
    if !facts.has_create {
        return None;
    }
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
    let by_folder = match folder.as_str() {
        "plugins" => Some(Kind::Plugin),
        "transports" => Some(Kind::Transport),
        "events" => Some(Kind::EventHandler),
        "loggers" => Some(Kind::Logger),
        _ => None,
    };
    by_folder.or_else(|| {
        let says =
            |word: &[u8]| facts.constants.iter().any(|data| data.windows(word.len()).any(|w| w == word));
        Some(Kind::ALL.into_iter().find(|kind| says(kind.prefix().as_bytes())).unwrap_or(Kind::Plugin))
    })
}

fn line(text: &mut String, label: &str, value: &str) {
    let label = if label.is_empty() { String::new() } else { format!("{label}:") };
    let _ = writeln!(text, "  {label:<12}{value}");
}
