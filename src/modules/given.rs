//! Modules that a program hands over one by one, instead of a folder of them.

use super::check::Generations;
use super::foresight::Foresight;
use super::generation::Sibling;
use super::head::{Complete, Kind, OfKind};
use super::loader::{self, LoadError, NotStarted, Opened, Options, Place, Refusal, Taken};
use super::plugin::Plugin;
use super::transport::Transport;
use super::{eventhandler::EventHandler, logger::Logger};
use crate::abi::eventhandler::janus_eventhandler;
use crate::abi::logger::janus_logger;
use crate::abi::plugin::janus_plugin;
use crate::abi::transport::janus_transport;
use crate::util::lock::Lock;
use std::collections::HashSet;
use std::ffi::{CStr, c_void};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;

/// A module that has been opened and checked, and not been initialised.
pub enum Given {
    Plugin(Module<janus_plugin>),
    Transport(Module<janus_transport>),
    EventHandler(Module<janus_eventhandler>),
    Logger(Module<janus_logger>),
}

/// One of a kind.
pub struct Module<T> {
    from: From<T>,
    /// Asked for by name: the start fails without it.
    required: bool,
}

enum From<T> {
    File(Box<Opened<T>>),
    /// A table in the program, with the layout that this library's headers give it.
    Program(Complete<T>),
}

/// Files whose `init` has run in this process: what they keep in static variables cannot be made anew.
static INITIALISED: Lock<Option<HashSet<PathBuf>>> = Lock::new(None);

/// Why a module that was asked for by name is not used. Each is told as one line.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    #[error("{kind} {}: it was initialised before in this process", path.display())]
    Again { kind: &'static str, path: PathBuf },
    #[error("{kind} {}: {refusal}", path.display())]
    Refused {
        kind: &'static str,
        path: PathBuf,
        #[source]
        refusal: Refusal,
    },
    #[error("{kind} of the program: it lacks required functions: {}", absent.join(", "))]
    Incomplete { kind: &'static str, absent: Vec<&'static str> },
    #[error("{kind} of the program: it is {package}")]
    OfAnother { kind: &'static str, package: String },
    #[error("{kind} of the program: it has no package name")]
    Nameless { kind: &'static str },
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
}

impl Given {
    /// Opens and checks one file. `configured`: for which generations plugins were compiled, as far as the program has said
    /// by now. The error is one line.
    pub fn open(path: &Path, kind: Kind, configured: &Generations) -> Result<Given, GivenError> {
        // A bare name is a file of the working folder, and not what the dynamic linker finds under it.
        let here = Path::new(".").join(path);
        let path = if path.components().count() == 1 { here.as_path() } else { path };
        Ok(match kind {
            Kind::Plugin => Given::Plugin(Module::open(path, configured)?),
            Kind::Transport => Given::Transport(Module::open(path, configured)?),
            Kind::EventHandler => Given::EventHandler(Module::open(path, configured)?),
            Kind::Logger => Given::Logger(Module::open(path, configured)?),
        })
    }

    /// All that can be opened of a folder, but those named in `disable`; refused ones are log lines. `configured`: as for
    /// [`Given::open`].
    pub fn open_folder(
        folder: &Path,
        kind: Kind,
        disable: &str,
        configured: &Generations,
    ) -> Result<Vec<Given>, LoadError> {
        fn all<T: OfKind>(
            folder: &Path,
            disable: &str,
            configured: &Generations,
            given: impl Fn(Module<T>) -> Given,
        ) -> Result<Vec<Given>, LoadError> {
            Ok(Module::open_folder(folder, disable, configured)?.into_iter().map(given).collect())
        }
        match kind {
            Kind::Plugin => all(folder, disable, configured, Given::Plugin),
            Kind::Transport => all(folder, disable, configured, Given::Transport),
            Kind::EventHandler => all(folder, disable, configured, Given::EventHandler),
            Kind::Logger => all(folder, disable, configured, Given::Logger),
        }
    }

    /// A table in the program. The error is one line.
    ///
    /// # Safety
    /// `table` has the layout that this library's headers give a module of this kind, and lives as long as the process.
    pub unsafe fn table(table: NonNull<c_void>, kind: Kind) -> Result<Given, GivenError> {
        // SAFETY: promised by the caller.
        unsafe {
            Ok(match kind {
                Kind::Plugin => Given::Plugin(Module::table(table)?),
                Kind::Transport => Given::Transport(Module::table(table)?),
                Kind::EventHandler => Given::EventHandler(Module::table(table)?),
                Kind::Logger => Given::Logger(Module::table(table)?),
            })
        }
    }
}

impl Given {
    /// Is it the same module as `other`? Its `init` runs once in a process.
    pub fn is(&self, other: &Given) -> bool {
        self.address() == other.address()
    }

    fn address(&self) -> usize {
        match self {
            Given::Plugin(module) => module.complete().as_ptr() as usize,
            Given::Transport(module) => module.complete().as_ptr() as usize,
            Given::EventHandler(module) => module.complete().as_ptr() as usize,
            Given::Logger(module) => module.complete().as_ptr() as usize,
        }
    }
}

impl<T: OfKind> Module<T> {
    fn open(path: &Path, configured: &Generations) -> Result<Module<T>, GivenError> {
        let kind = T::KIND.name();
        let folder = path.parent().and_then(|folder| loader::all_files(folder).ok()).unwrap_or_default();
        let siblings = siblings(path);
        if is_initialised(path) {
            return Err(GivenError::Again { kind, path: path.to_owned() });
        }
        let foresight = Foresight { siblings: &siblings, configured, is_all: false };
        let foresight = (T::KIND == Kind::Plugin).then_some(&foresight);
        match loader::open(path, &folder, foresight) {
            Ok(opened) => Ok(Module { from: From::File(Box::new(opened)), required: true }),
            Err(refusal) => Err(GivenError::Refused { kind, path: path.to_owned(), refusal }),
        }
    }

    fn open_folder(
        folder: &Path,
        disable: &str,
        configured: &Generations,
    ) -> Result<Vec<Module<T>>, LoadError> {
        let options =
            Options { folder: folder.to_owned(), disable: disable.to_owned(), ..Options::default() };
        let is_plugin = T::KIND == Kind::Plugin;
        let siblings = if is_plugin { loader::survey(folder) } else { Vec::new() };
        let foresight = Foresight { siblings: &siblings, configured, is_all: false };
        let opened = loader::open_all::<T>(&options, is_plugin.then_some(&foresight))?;
        let fresh = opened.into_iter().filter(|opened| !is_initialised(&opened.path));
        Ok(fresh.map(|opened| Module { from: From::File(Box::new(opened)), required: false }).collect())
    }

    /// # Safety
    /// As [`Given::table`].
    unsafe fn table(table: NonNull<c_void>) -> Result<Module<T>, GivenError> {
        let kind = T::KIND.name();
        // SAFETY: promised by the caller.
        let table = unsafe { Complete::<T>::of(table) };
        let table = table.map_err(|absent| GivenError::Incomplete { kind, absent })?;
        let package = table.info().0.package;
        if package.is_empty() {
            return Err(GivenError::Nameless { kind });
        }
        if Kind::of_package(&package).is_some_and(|other| other != T::KIND) {
            return Err(GivenError::OfAnother { kind, package });
        }
        Ok(Module { from: From::Program(table), required: true })
    }

    /// What to do about a failure: nothing but a line in the log, unless it was asked for by name.
    pub fn unless_required<S>(&self, started: Result<S, NotStarted>) -> Result<Option<S>, GivenError> {
        match started {
            Err(why) if self.required => Err(why.into()),
            started => Ok(loader::or_tell(started)),
        }
    }

    fn complete(&self) -> Complete<T> {
        match &self.from {
            From::File(opened) => opened.table,
            From::Program(table) => *table,
        }
    }

    fn place(&self) -> Place {
        match &self.from {
            From::File(opened) => opened.place(),
            From::Program(_) => Place { file: "of the program".to_owned(), build_id: None },
        }
    }

    /// From here on its file counts as initialised; an error when it was before.
    fn note(&self) -> Result<(), NotStarted> {
        let From::File(opened) = &self.from else { return Ok(()) };
        let path = opened.path.canonicalize().unwrap_or_else(|_| opened.path.clone());
        if INITIALISED.lock().get_or_insert_default().insert(path) {
            return Ok(());
        }
        let again = GivenError::Again { kind: T::KIND.name(), path: opened.path.clone() };
        Err(NotStarted::Refused(again.to_string()))
    }
}

impl Module<janus_plugin> {
    pub fn start(&self, options: &Options, taken: &mut Taken) -> Result<Arc<Plugin>, NotStarted> {
        match &self.from {
            From::File(opened) => {
                let siblings = siblings(&opened.path);
                self.note()?;
                loader::start_plugin(opened, &siblings, options, taken)
            }
            // SAFETY: it has that layout.
            From::Program(table) => unsafe { loader::start_own_plugin(*table, self.place(), options, taken) },
        }
    }
}

impl Module<janus_transport> {
    pub fn start(&self, options: &Options) -> Result<Arc<Transport>, NotStarted> {
        self.note()?;
        loader::start_transport(self.complete(), self.place(), options)
    }
}

impl Module<janus_eventhandler> {
    pub fn start(&self, options: &Options) -> Result<Arc<EventHandler>, NotStarted> {
        self.note()?;
        loader::start_event_handler(self.complete(), self.place(), options)
    }
}

impl Module<janus_logger> {
    pub fn start(&self, options: &Options, server_name: &CStr) -> Result<Arc<Logger>, NotStarted> {
        self.note()?;
        loader::start_logger(self.complete(), self.place(), options, server_name)
    }
}

fn siblings(path: &Path) -> Vec<Sibling> {
    path.parent().map(loader::survey).unwrap_or_default()
}

fn is_initialised(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    INITIALISED.lock().as_ref().is_some_and(|all| all.contains(&path))
}
