//! Modules that a program hands over one by one, instead of a folder of them.

use super::foresight::Foresight;
use super::generation::Sibling;
use super::check::Generations;
use super::head::{self, Kind};
use super::loader::{self, LoadError, NotStarted, Opened, Options, Place, Refusal, Taken};
use super::plugin::Plugin;
use super::transport::Transport;
use super::{eventhandler::EventHandler, logger::Logger};
use std::collections::HashSet;
use std::ffi::{CStr, c_void};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::util::lock::Lock;

/// A module that has been opened and checked, and not been initialised.
pub struct Given {
    kind: Kind,
    from: From,
    /// Asked for by name: the start fails without it.
    required: bool,
}

enum From {
    File(Box<Opened>),
    /// A table in the program.
    Program(Table),
}

/// A function table that was found complete.
#[derive(Clone, Copy)]
struct Table(*mut c_void);

// SAFETY: constant data of the program, whose functions expect calls on any thread.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}
// SAFETY: as above; the rest of it is data of ours.
unsafe impl Send for Opened {}
// SAFETY: as above.
unsafe impl Sync for Opened {}

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
        let folder = path.parent().and_then(|folder| loader::all_files(folder).ok()).unwrap_or_default();
        let siblings = siblings(path);
        if is_initialised(path) {
            return Err(GivenError::Again { kind: kind.name(), path: path.to_owned() });
        }
        let foresight = Foresight { siblings: &siblings, configured, is_all: false };
        let foresight = (kind == Kind::Plugin).then_some(&foresight);
        let opened = loader::open(path, kind, &folder, foresight).map_err(|refusal| GivenError::Refused {
            kind: kind.name(),
            path: path.to_owned(),
            refusal,
        })?;
        Ok(Given { kind, from: From::File(Box::new(opened)), required: true })
    }

    /// All that can be opened of a folder, but those named in `disable`; refused ones are log lines. `configured`: as for
    /// [`Given::open`].
    pub fn open_folder(
        folder: &Path,
        kind: Kind,
        disable: &str,
        configured: &Generations,
    ) -> Result<Vec<Given>, LoadError> {
        let options =
            Options { folder: folder.to_owned(), disable: disable.to_owned(), ..Options::default() };
        let siblings = if kind == Kind::Plugin { loader::survey(folder) } else { Vec::new() };
        let foresight = Foresight { siblings: &siblings, configured, is_all: false };
        let opened = loader::open_all(&options, kind, (kind == Kind::Plugin).then_some(&foresight))?;
        let fresh = opened.into_iter().filter(|opened| !is_initialised(&opened.path));
        Ok(fresh.map(|opened| Given { kind, from: From::File(Box::new(opened)), required: false }).collect())
    }

    /// A table in the program. The error is one line.
    ///
    /// # Safety
    /// `table` has the layout that this library's headers give a module of this kind, and lives as long as the process.
    pub unsafe fn table(table: *mut c_void, kind: Kind) -> Result<Given, GivenError> {
        // SAFETY: promised by the caller.
        let absent = unsafe { head::absent(table, kind) };
        if !absent.is_empty() {
            return Err(GivenError::Incomplete { kind: kind.name(), absent });
        }
        // SAFETY: as above, and complete.
        let (info, _) = unsafe { head::info(table) };
        if info.package.is_empty() {
            return Err(GivenError::Nameless { kind: kind.name() });
        }
        Ok(Given { kind, from: From::Program(Table(table)), required: true })
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to do about a failure: nothing but a line in the log, unless it was asked for by name.
    pub fn unless_required<T>(&self, started: Result<T, NotStarted>) -> Result<Option<T>, GivenError> {
        match started {
            Err(why) if self.required => Err(why.into()),
            started => Ok(loader::or_tell(started)),
        }
    }

    fn address(&self) -> *mut c_void {
        match &self.from {
            From::File(opened) => opened.table(self.kind),
            From::Program(table) => table.0,
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
        let again = GivenError::Again { kind: self.kind.name(), path: opened.path.clone() };
        Err(NotStarted::Refused(again.to_string()))
    }

    pub fn start_plugin(&self, options: &Options, taken: &mut Taken) -> Result<Arc<Plugin>, NotStarted> {
        match &self.from {
            From::File(opened) => {
                let siblings = siblings(&opened.path);
                self.note()?;
                loader::start_plugin(opened, &siblings, options, taken)
            }
            // SAFETY: found complete, and the program keeps it.
            From::Program(table) => unsafe {
                loader::start_own_plugin(table.0, self.place(), options, taken)
            },
        }
    }

    pub fn start_transport(&self, options: &Options) -> Result<Arc<Transport>, NotStarted> {
        self.note()?;
        // SAFETY: opened as this kind, or found complete.
        unsafe { loader::start_transport(self.address(), self.place(), options) }
    }

    pub fn start_event_handler(&self, options: &Options) -> Result<Arc<EventHandler>, NotStarted> {
        self.note()?;
        // SAFETY: as above.
        unsafe { loader::start_event_handler(self.address(), self.place(), options) }
    }

    pub fn start_logger(&self, options: &Options, server_name: &CStr) -> Result<Arc<Logger>, NotStarted> {
        self.note()?;
        // SAFETY: as above.
        unsafe { loader::start_logger(self.address(), self.place(), options, server_name) }
    }
}

fn siblings(path: &Path) -> Vec<Sibling> {
    path.parent().map(loader::survey).unwrap_or_default()
}

fn is_initialised(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    INITIALISED.lock().as_ref().is_some_and(|all| all.contains(&path))
}
