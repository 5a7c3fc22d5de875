//! From a folder to running modules (control-plane.md §1.5): enumerate, open, check, decide the generation, bind,
//! initialise. Problems of one module are one log line; only what the caller asked to be fatal is an error.
//!
//! A module stays mapped when its `init` refuses (CP-055): the threads that it started by then may still run its code.

use super::binding::{self, BindError};
use super::call;
use super::crash;
use super::elf;
use super::eventhandler::EventHandler;
use super::foresight::{self, Foresight};
use super::generation::{self, Candidate, Configured, Decision, Sibling};
use super::head::{Complete, Kind, OfKind};
use super::held;
use super::host::{ModuleInfo, PluginFace};
use super::hostlibs;
use super::library::{Library, LinkError, Scope};
use super::logger::Logger;
use super::plugin::Plugin;
use super::precheck::{self, Missing};
use super::transport::Transport;
use super::undecided::Undecided;
use super::unsound::FileError;
use crate::abi::eventhandler::{self, janus_eventhandler};
use crate::abi::generation::Generation;
use crate::abi::logger::{self, janus_logger};
use crate::abi::plugin::janus_plugin;
use crate::abi::transport::{self, janus_transport};
use crate::util::thread::{self, Mask};
use std::collections::HashMap;
use std::ffi::{CStr, CString};
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
    /// By file name or package; wins over all evidence but the plugin API number and the file's code.
    pub generations: HashMap<String, Configured>,
    /// Package names that plugins get instead of their own, by file name or package.
    pub aliases: HashMap<String, String>,
}

/// Why nothing can be loaded from a folder.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The folder cannot be read.
    #[error("{0}")]
    Folder(String),
    /// A module cannot be opened and the configuration says that this is fatal.
    #[error("{0}")]
    Module(String),
}

/// A module whose `create` has run.
pub struct Opened<T> {
    pub path: PathBuf,
    pub facts: elf::Module,
    pub library: Library,
    /// Files that it leans on and that are not bound themselves: by path, what they say.
    helpers: Vec<(PathBuf, elf::Module)>,
    pub table: Complete<T>,
    pub info: ModuleInfo,
    pub api: i32,
}

/// Why a module was not opened: all kinds but the last can be made fatal (CP-048, CP-049).
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Linker(#[from] LinkError),
    #[error("it imports what nobody provides: {0}")]
    Missing(Missing),
    #[error("it has no function `create`: not a module")]
    NoCreate,
    #[error("{0}")]
    Unsound(String),
    /// A sound plugin; nothing of it has run.
    #[error(transparent)]
    NotServed(#[from] NotServed),
}

impl From<Undecided> for Refusal {
    fn from(why: Undecided) -> Refusal {
        Refusal::NotServed(why.into())
    }
}

impl From<BindError> for Refusal {
    fn from(why: BindError) -> Refusal {
        Refusal::NotServed(why.into())
    }
}

/// Opens a module and asks for its table. Nothing of it has run when its imports are not complete. Its own symbols stay
/// its own: two builds of one plugin define the same ones. `folder`: files that may be opened for what it imports.
/// `foresight`: of a plugin, which is bound before its `create` runs where its file tells what it is.
pub fn open<T: OfKind>(
    path: &Path,
    folder: &[PathBuf],
    foresight: Option<&Foresight<'_>>,
) -> Result<Opened<T>, Refusal> {
    // Libraries below it are initialised, and have ideas of their own about signals.
    thread::with(Mask::Modules, || {
        hostlibs::provide();
        open_here(path, folder, foresight)
    })
}

fn open_here<T: OfKind>(
    path: &Path,
    folder: &[PathBuf],
    foresight: Option<&Foresight<'_>>,
) -> Result<Opened<T>, Refusal> {
    let kind = T::KIND;
    let facts = elf::read(path)?;
    unless_of_another(kind, facts.calls.package.as_deref())?;
    let foresee = |path: &Path, facts: &elf::Module| match foresight {
        Some(foresight) => foresight.decide(path, facts),
        None => Ok(None),
    };
    let foreseen = foresee(path, &facts)?;
    if kind == Kind::Plugin {
        in_time(&facts, foreseen.as_ref())?;
    }
    let mut helpers = precheck::helpers(path, &facts);
    let bound_alone = |helpers: &[_]| match &foreseen {
        Some(decision) => binds_alone(helpers, decision),
        None if kind == Kind::Plugin => calls_alone(helpers, path),
        None => Ok(()),
    };
    bound_alone(&helpers)?;
    let mut missing = precheck::missing(path, &facts);
    if !missing.symbols.is_empty() {
        let lenders = lenders(path, &missing.symbols, folder);
        for (other, other_facts) in &lenders {
            let decision = foresee(other, other_facts).ok().flatten().filter(|_| other_facts.has_create);
            if decision.is_some() {
                in_time(other_facts, decision.as_ref())?;
            } else {
                helpers.push((other.clone(), other_facts.clone()));
                bound_alone(&helpers)?;
            }
            // SAFETY: a file of the folder that we were told to load.
            let Ok(library) = (unsafe { Library::open(other, Scope::Global) }) else { continue };
            if let Some(decision) = &decision {
                binding::bind(&library, other_facts, decision)?;
            }
        }
        if !lenders.is_empty() {
            missing = precheck::missing(path, &facts);
        }
    }
    if !missing.is_empty() {
        return Err(Refusal::Missing(missing));
    }
    if !facts.has_create {
        return Err(Refusal::NoCreate);
    }
    if kind == Kind::Plugin {
        helpers.extend(precheck::installed_helpers(path, &facts));
        bound_alone(&helpers)?;
    }
    // SAFETY: a module that we were told to load.
    let library = unsafe { Library::open(path, Scope::Local) }?;
    library.base().iter().for_each(|base| crash::note_module(path, *base));
    match &foreseen {
        Some(decision) => drop(binding::bind(&library, &facts, decision)?),
        None if kind == Kind::Plugin => binding::hold_back(&library, &facts)?,
        None => {}
    }
    let create = library.symbol(c"create").ok_or(Refusal::NoCreate)?;
    let held = held::calls();
    // SAFETY: the symbol of a module.
    let table = unsafe { call::create(create) };
    if kind == Kind::Plugin && foreseen.is_none() && held::calls() != held {
        let symbols = binding::undecided(&facts).join(", ");
        return Err(NotServed::Untold { caller: "its `create`".to_owned(), symbols, say: say(path) }.into());
    }
    let table = table.ok_or_else(|| Refusal::Unsound("its `create` returned NULL".to_owned()))?;
    // SAFETY: just returned by `create` of a module that was put among this kind, and is never closed.
    let table = unsafe { Complete::<T>::of(table) };
    let table = table
        .map_err(|absent| Refusal::Unsound(format!("it lacks required functions: {}", absent.join(", "))))?;
    let (info, api) = table.info();
    if info.package.is_empty() {
        return Err(Refusal::Unsound("it has no package name".to_owned()));
    }
    unless_of_another(kind, Some(&info.package))?;
    Ok(Opened { path: path.to_owned(), facts, library, helpers, table, info, api })
}

/// A table of another kind has other functions behind its head, and whatever is called there would be the wrong one.
fn unless_of_another(kind: Kind, package: Option<&str>) -> Result<(), Refusal> {
    match package {
        Some(package) if Kind::of_package(package).is_some_and(|other| other != kind) => {
            Err(Refusal::Unsound(format!("it is {package}, and no {}", kind.name())))
        }
        _ => Ok(()),
    }
}

/// The files that define these symbols, to be opened visibly for all. Some plugins of one folder lean on each other.
fn lenders(path: &Path, symbols: &[String], folder: &[PathBuf]) -> Vec<(PathBuf, elf::Module)> {
    let mut lenders = Vec::new();
    for other in folder.iter().filter(|other| *other != path) {
        let Ok(facts) = elf::read(other) else { continue };
        let given: Vec<&str> =
            symbols.iter().map(String::as_str).filter(|s| facts.exports.iter().any(|e| **e == **s)).collect();
        if given.is_empty() || !precheck::missing(other, &facts).is_empty() {
            continue;
        }
        tracing::warn!(
            "{} imports {} from {}, whose symbols are therefore visible to all modules",
            path.display(),
            given.join(", "),
            other.display()
        );
        lenders.push((other.clone(), facts));
    }
    lenders
}

/// Module files of a folder in directory order, without those that are disabled (CP-045 … CP-047).
pub fn scan(folder: &Path, disable: &str) -> Result<Vec<PathBuf>, LoadError> {
    let disabled: Vec<&str> = disable.split(',').map(|name| name.trim_start_matches(' ')).collect();
    let mut files = all_files(folder)?;
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let disabled = disabled.contains(&name.as_ref());
        if disabled {
            tracing::warn!("{name} is disabled");
        }
        !disabled
    });
    Ok(files)
}

/// All module files of a folder, in directory order.
pub fn all_files(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let unreadable = |e| LoadError::Folder(format!("cannot read folder {}: {e}", folder.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.len() < 4 || !name.to_ascii_lowercase().ends_with(".so") {
            continue;
        }
        files.push(entry.path());
    }
    Ok(files)
}

/// Opens what can be opened of a folder. `foresight`: as for [`open`].
pub fn open_all<T: OfKind>(
    options: &Options,
    foresight: Option<&Foresight<'_>>,
) -> Result<Vec<Opened<T>>, LoadError> {
    let kind = T::KIND;
    let mut opened: Vec<Opened<T>> = Vec::new();
    let files = scan(&options.folder, &options.disable)?;
    for path in &files {
        match open(path, &files, foresight) {
            // A link: what it keeps in static variables is there once, and would be initialised twice.
            Ok(module) if let Some(other) = opened.iter().find(|other| other.table == module.table) => {
                let (path, other) = (path.display(), other.path.display());
                tracing::error!("{} {path}: it is the same file as {other}", kind.name());
            }
            Ok(module) => opened.push(module),
            Err(Refusal::NotServed(why)) => {
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                tracing::error!("plugin {file} is not loaded: {why}");
            }
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
    let mut siblings = survey(&options.folder);
    let foresight = Foresight { siblings: &siblings, configured: &options.generations, is_all: true };
    let opened = open_all(options, Some(&foresight))?;
    hear(&mut siblings, &opened);
    let mut taken = Taken::default();
    let started = opened.iter().map(|module| start_plugin(module, &siblings, options, &mut taken));
    Ok(started.filter_map(or_tell).collect())
}

/// Package names that are taken, and by which file.
pub type Taken = HashMap<String, String>;

/// Why an opened module does not run; one line.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    #[error("{0}")]
    Refused(String),
    /// Its own `init` said no.
    #[error("{0}")]
    Init(String),
}

/// Why a sound plugin is not served.
#[derive(Debug, thiserror::Error)]
pub enum NotServed {
    #[error(
        "{other} is {package} already; to have both, give one another name: plugins: {{ aliases = \"FILE=org.example.old\" }}"
    )]
    Taken { other: String, package: String },
    /// Only the plugin's own file is bound to its generation.
    #[error(
        "it is of generation {generation}, and {helper}, which it brings along, calls {symbols}: that file would get the newest form"
    )]
    Helper { generation: Generation, helper: String, symbols: String },
    #[error("its constructors call {} before it can be given the form that it was compiled for", symbols.join(", "))]
    TooEarly { symbols: Vec<String> },
    /// Before its table is known.
    #[error(
        "{caller} calls one of {symbols}, which differ between releases, before it is known which it was compiled for, as its \
         file does not tell; if you know, say so: {say}"
    )]
    Untold { caller: String, symbols: String, say: String },
    #[error(transparent)]
    Undecided(#[from] Undecided),
    #[error(transparent)]
    NotBound(#[from] BindError),
}

/// What one module says no to is a line of the log.
pub fn or_tell<T>(started: Result<T, NotStarted>) -> Option<T> {
    match started {
        Ok(started) => return Some(started),
        Err(NotStarted::Refused(why)) => tracing::error!("{why}"),
        Err(NotStarted::Init(why)) => tracing::warn!("{why}"),
    }
    None
}

/// Where a module that runs comes from, for the log and for the report of a crash.
pub struct Place {
    pub file: String,
    pub build_id: Option<String>,
}

/// Binds and initialises a plugin that is open.
pub fn start_plugin(
    module: &Opened<janus_plugin>,
    siblings: &[Sibling],
    options: &Options,
    taken: &mut Taken,
) -> Result<Arc<Plugin>, NotStarted> {
    let file = module.file_name();
    let refused = |why: NotServed| NotStarted::Refused(format!("plugin {file} is not loaded: {why}"));
    let alias = module.candidate().entry(&options.aliases).map(String::as_str);
    unless_taken(taken, alias.unwrap_or(&module.info.package)).map_err(refused)?;
    let decision = decide(module, siblings, &options.generations).map_err(|why| refused(why.into()))?;
    module.bind(&decision).map_err(refused)?;
    tell(module, &decision);
    // SAFETY: a complete table of this generation; the module is never closed.
    let plugin = unsafe {
        let info = module.info.clone().renamed(alias);
        Plugin::new(module.table.as_ptr().cast(), decision.generation, decision.receives, info)
    };
    init_plugin(plugin, module.place(), alias, options, taken)
}

/// A plugin that is part of the program, built with this library's headers: nothing has to be bound.
///
/// # Safety
/// The table has the layout that this library's headers give it.
pub unsafe fn start_own_plugin(
    table: Complete<janus_plugin>,
    place: Place,
    options: &Options,
    taken: &mut Taken,
) -> Result<Arc<Plugin>, NotStarted> {
    // SAFETY: promised by the caller.
    let plugin = unsafe {
        let (info, _) = table.info();
        Plugin::new(table.as_ptr().cast(), Generation::NATIVE, Generation::NATIVE, info)
    };
    unless_taken(taken, plugin.package()).map_err(|why| NotStarted::Refused(why.to_string()))?;
    init_plugin(plugin, place, None, options, taken)
}

fn init_plugin(
    mut plugin: Plugin,
    place: Place,
    alias: Option<&str>,
    options: &Options,
    taken: &mut Taken,
) -> Result<Arc<Plugin>, NotStarted> {
    let (package, file) = (plugin.package().to_owned(), place.file.clone());
    plugin.comes_from(place.file, place.build_id);
    if let Err(code) = plugin.init(&options.config_folder) {
        return Err(NotStarted::Init(format!("plugin {package} could not be initialised ({code})")));
    }
    // Plugins that run scripts are known by the script's names from here on.
    plugin.ask_again(alias);
    if let Err(why) = unless_taken(taken, plugin.package()) {
        plugin.withdraw();
        return Err(NotStarted::Refused(format!("plugin {file} is not loaded: {why}")));
    }
    taken.insert(plugin.package().to_owned(), file.clone());
    announce(Kind::Plugin, plugin.info(), &file);
    if plugin.has_no_media() {
        tracing::debug!("{} takes no media", plugin.package());
    }
    Ok(Arc::new(plugin))
}

/// All plugin files of the folder, disabled ones too: what they are tells about the others. Only read.
pub fn survey(folder: &Path) -> Vec<Sibling> {
    generation::siblings(&all_files(folder).unwrap_or_default())
}

/// Of those that are open the API number is known.
pub fn hear(siblings: &mut [Sibling], opened: &[Opened<janus_plugin>]) {
    for sibling in siblings {
        let same = |module: &&Opened<janus_plugin>| {
            module.path.canonicalize().is_ok_and(|path| path == sibling.path)
        };
        if let Some(module) = opened.iter().find(same) {
            sibling.api = Some(module.api);
        }
    }
}

fn unless_taken(taken: &HashMap<String, String>, package: &str) -> Result<(), NotServed> {
    match taken.get(package) {
        Some(other) => Err(NotServed::Taken { other: other.clone(), package: package.to_owned() }),
        None => Ok(()),
    }
}

/// Does nothing that the plugin brings along call what is another function for its generation?
fn binds_alone(helpers: &[(PathBuf, elf::Module)], decision: &Decision) -> Result<(), NotServed> {
    let mut calling = helpers.iter().map(|(path, facts)| (path, binding::differing(facts, decision)));
    let Some((path, symbols)) = calling.find(|(_, symbols)| !symbols.is_empty()) else { return Ok(()) };
    let (helper, symbols) = (path.display().to_string(), symbols.join(", "));
    Err(NotServed::Helper { generation: decision.generation, helper, symbols })
}

/// Of a plugin whose generation is not known before its `create` runs: does nothing that it brings along, which nothing is
/// held back from, call what differs between generations?
fn calls_alone(helpers: &[(PathBuf, elf::Module)], plugin: &Path) -> Result<(), NotServed> {
    let mut calling = helpers.iter().map(|(path, facts)| (path, binding::undecided(facts)));
    let Some((path, symbols)) = calling.find(|(_, symbols)| !symbols.is_empty()) else { return Ok(()) };
    let caller = format!("{}, which it brings along,", path.display());
    Err(NotServed::Untold { caller, symbols: symbols.join(", "), say: say(plugin) })
}

/// The configuration that settles what a plugin was compiled for, whoever knows.
fn say(plugin: &Path) -> String {
    let file = plugin.file_name().unwrap_or_default().to_string_lossy();
    format!("plugins: {{ abi_generations = \"{file}=RELEASE\" }}, with 1.1.2, say, for RELEASE")
}

/// Is what the plugin's constructors call, before it is bound, the same for its generation?
fn in_time(facts: &elf::Module, decision: Option<&Decision>) -> Result<(), NotServed> {
    let symbols = foresight::too_early(facts, decision);
    if symbols.is_empty() { Ok(()) } else { Err(NotServed::TooEarly { symbols }) }
}

fn tell(module: &Opened<janus_plugin>, decision: &Decision) {
    let (file, evidence) = (module.file_name(), decision.evidence.join("; "));
    if decision.certain {
        tracing::debug!("{file} is generation {}: {evidence}", decision.generation);
    } else {
        tracing::warn!(
            "{file} is taken for generation {} ({evidence}); if you know better, say so: {}",
            decision.generation,
            module.candidate().override_line(decision.receives)
        );
    }
}

pub fn decide(
    module: &Opened<janus_plugin>,
    siblings: &[Sibling],
    configured: &HashMap<String, Configured>,
) -> Result<Decision, Undecided> {
    let candidate = module.candidate();
    generation::decide(candidate, siblings, candidate.entry(configured).copied())
}

/// Opens and initialises the transports of a folder.
pub fn transports(options: &Options) -> Result<Vec<Arc<Transport>>, LoadError> {
    let opened = open_all(options, None)?;
    let start = |module: Opened<janus_transport>| start_transport(module.table, module.place(), options);
    Ok(opened.into_iter().map(start).filter_map(or_tell).collect())
}

/// Initialises a transport.
pub fn start_transport(
    table: Complete<janus_transport>,
    place: Place,
    options: &Options,
) -> Result<Arc<Transport>, NotStarted> {
    let (info, api) = table.info();
    recent_enough(&info, api, Kind::Transport)?;
    // SAFETY: a complete table, with this API number.
    let transport = Arc::new(unsafe { Transport::new(table.as_ptr(), api, info.clone()) });
    let file = place.file.clone();
    transport.comes_from(place.file, place.build_id);
    if let Err(code) = transport.init(&options.config_folder) {
        let why = format!("transport {} could not be initialised ({code})", info.package);
        return Err(NotStarted::Init(why));
    }
    announce(Kind::Transport, &info, &file);
    Ok(transport)
}

/// Opens and initialises the event handlers of a folder.
pub fn event_handlers(options: &Options) -> Result<Vec<Arc<EventHandler>>, LoadError> {
    let opened = open_all(options, None)?;
    let start =
        |module: Opened<janus_eventhandler>| start_event_handler(module.table, module.place(), options);
    Ok(opened.into_iter().map(start).filter_map(or_tell).collect())
}

/// As [`start_transport`].
pub fn start_event_handler(
    table: Complete<janus_eventhandler>,
    place: Place,
    options: &Options,
) -> Result<Arc<EventHandler>, NotStarted> {
    let (info, api) = table.info();
    recent_enough(&info, api, Kind::EventHandler)?;
    // SAFETY: a complete table.
    let handler = unsafe { EventHandler::new(table.as_ptr(), info.clone()) };
    let file = place.file.clone();
    handler.comes_from(place.file, place.build_id);
    handler.init(&options.config_folder);
    announce(Kind::EventHandler, &info, &file);
    Ok(Arc::new(handler))
}

/// Opens and initialises the loggers of a folder.
pub fn loggers(options: &Options, server_name: &CStr) -> Result<Vec<Arc<Logger>>, LoadError> {
    let opened = open_all(options, None)?;
    let start =
        |module: Opened<janus_logger>| start_logger(module.table, module.place(), options, server_name);
    Ok(opened.into_iter().map(start).filter_map(or_tell).collect())
}

/// As [`start_transport`].
pub fn start_logger(
    table: Complete<janus_logger>,
    place: Place,
    options: &Options,
    server_name: &CStr,
) -> Result<Arc<Logger>, NotStarted> {
    let (info, api) = table.info();
    recent_enough(&info, api, Kind::Logger)?;
    // SAFETY: a complete table.
    let logger = unsafe { Logger::new(table.as_ptr(), info.clone()) };
    let file = place.file.clone();
    logger.comes_from(place.file, place.build_id);
    logger.init(server_name, &options.config_folder);
    announce(Kind::Logger, &info, &file);
    Ok(Arc::new(logger))
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

/// Whether the API number is one that is served; too low ones are refused, higher ones than ours accepted (CP-053, CP-054).
fn recent_enough(info: &ModuleInfo, api: i32, kind: Kind) -> Result<(), NotStarted> {
    let lowest = lowest_api(kind);
    if api >= lowest {
        return Ok(());
    }
    let (package, kind) = (&info.package, kind.name());
    Err(NotStarted::Refused(format!("{package} has {kind} API {api}, the lowest that is served is {lowest}")))
}

fn announce(kind: Kind, info: &ModuleInfo, file: &str) {
    tracing::info!(
        "{} {} {} ({file})",
        kind.name(),
        info.package,
        info.version_string.as_deref().unwrap_or("?"),
    );
}

impl<T> Opened<T> {
    /// Gives it the functions of its generation; the names of those that are others than ours.
    pub fn bind(&self, decision: &Decision) -> Result<Vec<&'static str>, NotServed> {
        in_time(&self.facts, Some(decision))?;
        binds_alone(&self.helpers, decision)?;
        Ok(binding::bind(&self.library, &self.facts, decision)?)
    }

    pub fn candidate(&self) -> Candidate<'_> {
        Candidate { api: self.api, package: &self.info.package, path: &self.path, module: &self.facts }
    }

    pub fn place(&self) -> Place {
        Place { file: self.file_name(), build_id: self.facts.build_id.clone() }
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
            open::<janus_plugin>(Path::new("/nonexistent.so"), &[], None)
                .err()
                .map(|r| matches!(r, Refusal::File(_))),
            Some(true)
        );
    }
}
