//! From a folder to running modules (control-plane.md §1.5): enumerate, open, check, decide the generation, bind,
//! initialise. Problems of one module are one log line; only what the caller asked to be fatal is an error.
//!
//! A module stays mapped when its `init` refuses (CP-055): the threads that it started by then may still run its code.

use super::binding;
use super::call;
use super::elf;
use super::eventhandler::EventHandler;
use super::generation::{self, Candidate, Decision, Sibling};
use super::head::{self, Kind};
use super::host::{ModuleInfo, PluginFace};
use super::hostlibs;
use super::library::{Library, Scope};
use super::logger::Logger;
use super::plugin::Plugin;
use super::precheck;
use super::transport::Transport;
use crate::abi::generation::Generation;
use crate::abi::{eventhandler, logger, transport};
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_void};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to load, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub folder: PathBuf,
    /// The `disable` item.
    pub disable: String,
    /// Handed to every module's `init` (CP-025).
    pub config_folder: CString,
    pub exit_on_dl_error: bool,
    /// By file name or package; wins over all evidence.
    pub generations: HashMap<String, Generation>,
}

/// Why nothing can be loaded from a folder.
#[derive(Debug, PartialEq, Eq)]
pub enum LoadError {
    /// The folder cannot be read.
    Folder(String),
    /// A module cannot be opened and the configuration says that this is fatal.
    Module(String),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LoadError::Folder(why) | LoadError::Module(why) => f.write_str(why),
        }
    }
}

/// A module whose `create` has run.
pub struct Opened {
    pub path: PathBuf,
    pub facts: elf::Module,
    pub library: Library,
    pub table: *mut c_void,
    pub info: ModuleInfo,
    pub api: i32,
}

/// Why a module was not opened: the first two kinds can be made fatal (CP-048, CP-049).
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    Unloadable(String),
    NoCreate,
    Unsound(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::Unloadable(why) | Refusal::Unsound(why) => f.write_str(why),
            Refusal::NoCreate => f.write_str("it has no function `create`: not a module"),
        }
    }
}

/// Opens a module and asks for its table. Nothing of it has run when its imports are not complete.
pub fn open(path: &Path, kind: Kind) -> Result<Opened, Refusal> {
    hostlibs::provide();
    let facts = elf::read(path).map_err(Refusal::Unloadable)?;
    let missing = precheck::missing(path, &facts);
    if !missing.is_empty() {
        return Err(Refusal::Unloadable(format!("it imports what nobody provides: {missing}")));
    }
    if !facts.has_create {
        return Err(Refusal::NoCreate);
    }
    let library = Library::open(path, Scope::Global).map_err(Refusal::Unloadable)?;
    let create = library.symbol(c"create").ok_or(Refusal::NoCreate)?;
    let table =
        call::create(create).ok_or_else(|| Refusal::Unsound("its `create` returned NULL".to_owned()))?;
    // SAFETY: just returned by `create` of a module that was put among this kind.
    let absent = unsafe { head::absent(table, kind) };
    if !absent.is_empty() {
        return Err(Refusal::Unsound(format!("it lacks required functions: {}", absent.join(", "))));
    }
    // SAFETY: as above, and complete.
    let (info, api) = unsafe { head::info(table) };
    if info.package.is_empty() {
        return Err(Refusal::Unsound("it has no package name".to_owned()));
    }
    Ok(Opened { path: path.to_owned(), facts, library, table, info, api })
}

/// Module files of a folder in directory order, without those that are disabled (CP-045 … CP-047).
pub fn scan(folder: &Path, disable: &str) -> Result<Vec<PathBuf>, LoadError> {
    let unreadable = |e| LoadError::Folder(format!("cannot read folder {}: {e}", folder.display()));
    let disabled: Vec<&str> = disable.split(',').map(|name| name.trim_start_matches(' ')).collect();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.len() < 4 || !name.to_ascii_lowercase().ends_with(".so") {
            continue;
        }
        if disabled.contains(&name.as_ref()) {
            tracing::warn!("{name} is disabled");
            continue;
        }
        files.push(entry.path());
    }
    Ok(files)
}

fn open_all(options: &Options, kind: Kind) -> Result<Vec<Opened>, LoadError> {
    let mut opened = Vec::new();
    for path in scan(&options.folder, &options.disable)? {
        match open(&path, kind) {
            Ok(module) => opened.push(module),
            Err(refusal) => {
                let line = format!("{} {}: {refusal}", kind.name(), path.display());
                if options.exit_on_dl_error && !matches!(refusal, Refusal::Unsound(_)) {
                    return Err(LoadError::Module(line));
                }
                tracing::error!("{line}");
            }
        }
    }
    Ok(opened)
}

/// Opens, binds and initialises the plugins of a folder. All are opened before the first is initialised, because
/// what one is tells about the others.
pub fn plugins(options: &Options) -> Result<Vec<Arc<Plugin>>, LoadError> {
    let opened = open_all(options, Kind::Plugin)?;
    let siblings: Vec<Sibling> = opened.iter().filter_map(|m| generation::sibling(m.candidate())).collect();
    let mut plugins = Vec::new();
    for module in opened {
        let file = module.file_name();
        let bound = decide(&module, &siblings, &options.generations).and_then(|decision| {
            binding::bind(&module.library, &module.facts, decision.generation)?;
            tracing::debug!("{file} is generation {}: {}", decision.generation, decision.evidence.join("; "));
            Ok(decision)
        });
        let decision = match bound {
            Ok(decision) => decision,
            Err(why) => {
                tracing::error!("plugin {file} is not loaded: {why}");
                continue;
            }
        };
        // SAFETY: a complete table of this generation; the module is never closed.
        let plugin = unsafe { Plugin::new(module.table.cast(), decision.generation, module.info.clone()) };
        if let Err(code) = plugin.init(&options.config_folder) {
            tracing::warn!("plugin {} could not be initialised ({code})", module.info.package);
            continue;
        }
        announce(Kind::Plugin, &module);
        if plugin.has_no_media() {
            tracing::debug!("{} takes no media", plugin.package());
        }
        plugins.push(Arc::new(plugin));
    }
    Ok(plugins)
}

fn decide(
    module: &Opened,
    siblings: &[Sibling],
    configured: &HashMap<String, Generation>,
) -> Result<Decision, String> {
    let wish = configured.get(&module.file_name()).or_else(|| configured.get(&module.info.package));
    generation::decide(module.candidate(), siblings, wish.copied())
}

/// Opens and initialises the transports of a folder.
pub fn transports(options: &Options) -> Result<Vec<Arc<Transport>>, LoadError> {
    let mut transports = Vec::new();
    for module in open_all(options, Kind::Transport)? {
        if !recent_enough(&module, Kind::Transport) {
            continue;
        }
        // SAFETY: a complete table of this API number; the module is never closed.
        let transport =
            Arc::new(unsafe { Transport::new(module.table.cast(), module.api, module.info.clone()) });
        if let Err(code) = transport.init(&options.config_folder) {
            tracing::warn!("transport {} could not be initialised ({code})", module.info.package);
            continue;
        }
        announce(Kind::Transport, &module);
        transports.push(transport);
    }
    Ok(transports)
}

/// Opens and initialises the event handlers of a folder.
pub fn event_handlers(options: &Options) -> Result<Vec<Arc<EventHandler>>, LoadError> {
    let mut handlers = Vec::new();
    for module in open_all(options, Kind::EventHandler)? {
        if !recent_enough(&module, Kind::EventHandler) {
            continue;
        }
        // SAFETY: a complete table; the module is never closed.
        let handler = unsafe { EventHandler::new(module.table.cast(), module.info.clone()) };
        handler.init(&options.config_folder);
        announce(Kind::EventHandler, &module);
        handlers.push(Arc::new(handler));
    }
    Ok(handlers)
}

/// Opens and initialises the loggers of a folder.
pub fn loggers(options: &Options, server_name: &CStr) -> Result<Vec<Arc<Logger>>, LoadError> {
    let mut loggers = Vec::new();
    for module in open_all(options, Kind::Logger)? {
        if !recent_enough(&module, Kind::Logger) {
            continue;
        }
        // SAFETY: a complete table; the module is never closed.
        let logger = unsafe { Logger::new(module.table.cast(), module.info.clone()) };
        logger.init(server_name, &options.config_folder);
        announce(Kind::Logger, &module);
        loggers.push(Arc::new(logger));
    }
    Ok(loggers)
}

/// The lowest API number that is served, per kind; plugins are judged by their generation.
pub fn lowest_api(kind: Kind) -> i32 {
    match kind {
        Kind::Plugin => 0,
        // 7 only lacks `query_transport`.
        Kind::Transport => transport::API_VERSION - 1,
        Kind::EventHandler => eventhandler::API_VERSION,
        Kind::Logger => logger::API_VERSION,
    }
}

/// CP-053, CP-054.
fn recent_enough(module: &Opened, kind: Kind) -> bool {
    let lowest = lowest_api(kind);
    if module.api < lowest {
        let package = &module.info.package;
        tracing::error!(
            "{package} has {} API {}, the lowest that is served is {lowest}",
            kind.name(),
            module.api
        );
    }
    module.api >= lowest
}

fn announce(kind: Kind, module: &Opened) {
    let info = &module.info;
    tracing::info!(
        "{} {} {} ({})",
        kind.name(),
        info.package,
        info.version_string.as_deref().unwrap_or("?"),
        module.file_name()
    );
}

impl Opened {
    pub fn candidate(&self) -> Candidate<'_> {
        Candidate { api: self.api, package: &self.info.package, module: &self.facts }
    }

    pub fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // CP-045, CP-046, CP-047
    #[test]
    fn scan_takes_shared_objects_that_are_not_disabled() {
        let folder = std::env::temp_dir().join(format!("janus-rs-scan-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["a.so", "B.SO", "c.so.1.1.2", "d.txt", "so", "off.so", "blank.so", ".so"] {
            std::fs::write(folder.join(name), b"").unwrap();
        }
        let mut names: Vec<_> = scan(&folder, "first.so, off.so,blank.so ,")
            .unwrap()
            .iter()
            .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["B.SO", "a.so", "blank.so"]);
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        assert!(matches!(scan(Path::new("/nonexistent"), ""), Err(LoadError::Folder(_))));
    }

    #[test]
    fn a_library_without_create_is_no_module() {
        assert_eq!(
            open(Path::new("/nonexistent.so"), Kind::Plugin)
                .err()
                .map(|r| matches!(r, Refusal::Unloadable(_))),
            Some(true)
        );
    }
}
