//! Instances: set up, started, stopped, closed. A program holds numbers in disguise, so that a stale one is an error.

use super::client::Clients;
use super::error::{Error, Result};
use super::forks;
use super::hooks::{self, Hooks};
use super::log::{self, Share};
use super::peers::Peers;
use super::queue::{Event, Queue, User};
use super::signals;
use super::threads::Others;
use super::types::janus_rs_code::*;
use super::types::janus_rs_event_type::*;
use super::watch::Watches;
use crate::api::Api;
use crate::config::Config;
use crate::modules::check::Generations;
use crate::modules::generation;
use crate::modules::given::Given;
use crate::net::interfaces;
use crate::options::{self, Row};
use crate::server::{Modules, Server, StartError, files};
use crate::util::lock::Lock;
use crate::util::thread::{self, Mask};
use arc_swap::{ArcSwap, ArcSwapOption};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Weak};
use std::time::Duration;

/// Where nothing can be: modules of a program without a configuration folder are told to look there.
const NO_FOLDER: &str = "/dev/null";

/// What an instance was opened with.
pub struct Options {
    pub modules: bool,
    pub workers: u32,
    pub folder: Option<PathBuf>,
    pub log: Option<(log::Function, User)>,
    pub hooks: Option<Hooks>,
}

/// What is decided before the start.
pub struct Setup {
    options: Options,
    /// `None` takes a value of the folder's file away.
    values: Vec<(&'static Row, Option<String>)>,
    /// Configuration files of modules.
    files: BTreeMap<String, String>,
    given: Vec<Given>,
}

/// What runs.
struct Running {
    server: Server,
    log: Share,
    /// Threads that are not to be waited for; with modules only.
    others: Option<Others>,
    hooked: bool,
}

enum State {
    Setup(Box<Setup>),
    /// Starting, or stopping: nobody else may do anything.
    Busy,
    Running(Box<Running>),
    Stopped,
}

/// What any call may look at while the instance runs.
pub struct Live {
    pub api: Arc<Api>,
    config: Config,
}

pub struct Instance {
    number: usize,
    modules: bool,
    state: Lock<State>,
    live: ArcSwapOption<Live>,
    /// Of the process that has started it; survives the stop.
    started_in: ArcSwapOption<u32>,
    draining: AtomicBool,
    pub clients: Clients,
    pub watches: Watches,
    pub peers: Arc<Peers>,
}

/// Numbers that look like addresses, of instances and of queues.
static NEXT: AtomicUsize = AtomicUsize::new(0x1000);

pub fn number() -> usize {
    NEXT.fetch_add(0x10, Ordering::Relaxed)
}

type Table<T> = LazyLock<ArcSwap<HashMap<usize, T>>>;

static INSTANCES: Table<Arc<Instance>> = LazyLock::new(ArcSwap::default);
static QUEUES: Table<(usize, Arc<Queue>)> = LazyLock::new(ArcSwap::default);

/// One start or stop at a time in a process: log, signals and modules are the process's.
static TURN: Lock<bool> = Lock::new(false);
static TURN_OVER: Condvar = Condvar::new();

struct Turn;

impl Turn {
    fn wait() -> Turn {
        let mut taken = TURN.lock();
        while *taken {
            taken = taken.wait(&TURN_OVER);
        }
        *taken = true;
        Turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TURN.lock() = false;
        TURN_OVER.notify_one();
    }
}

fn insert<T: Clone>(table: &Table<T>, number: usize, value: T) {
    table.rcu(|all| {
        let mut all = HashMap::clone(all);
        all.insert(number, value.clone());
        all
    });
}

/// The instance behind a pointer of the program.
pub fn find(number: usize) -> Result<Arc<Instance>> {
    if number == 0 {
        return Err(Error::invalid("the instance is NULL"));
    }
    let found = INSTANCES.load().get(&number).cloned();
    found.ok_or_else(|| Error::new(JANUS_RS_ENOENT, "there is no such instance (any more)"))
}

/// The queue behind a pointer of the program.
pub fn find_queue(number: usize) -> Result<Arc<Queue>> {
    if number == 0 {
        return Err(Error::invalid("the queue is NULL"));
    }
    let found = QUEUES.load().get(&number).cloned();
    let (owner, queue) =
        found.ok_or_else(|| Error::new(JANUS_RS_ENOENT, "there is no such queue (any more)"))?;
    find(owner)?.same_process()?;
    Ok(queue)
}

/// For functions that may wait: a thread of ours that waits for us would wait for ever.
pub fn may_wait() -> Result<()> {
    if thread::is_ours() {
        return Err(Error::new(JANUS_RS_EDEADLK, "not on a thread of the library"));
    }
    Ok(())
}

/// A new instance, in set-up.
pub fn open(options: Options) -> Result<usize> {
    thread::install(&signals::FOREIGN);
    forks::watch();
    let number = number();
    let modules = options.modules;
    let setup = Setup { options, values: Vec::new(), files: BTreeMap::new(), given: Vec::new() };
    let instance = Arc::new(Instance {
        number,
        modules,
        state: Lock::new(State::Setup(Box::new(setup))),
        live: ArcSwapOption::empty(),
        started_in: ArcSwapOption::empty(),
        draining: false.into(),
        clients: Clients::default(),
        watches: Watches::default(),
        peers: Arc::default(),
    });
    insert(&INSTANCES, number, instance);
    Ok(number)
}

impl Instance {
    /// What runs; `EFORK` in a child of the process that started it.
    pub fn live(&self) -> Result<Arc<Live>> {
        self.same_process()?;
        self.live.load_full().ok_or_else(|| Error::state("the instance does not run"))
    }

    /// Whether it has begun to run, and whatever of it is left.
    fn same_process(&self) -> Result<()> {
        match self.started_in.load_full() {
            Some(forks) if *forks != forks::now() => {
                Err(Error::new(JANUS_RS_EFORK, "the instance was started by the parent process"))
            }
            _ => Ok(()),
        }
    }

    /// Changes what is not started yet.
    pub fn set_up<T>(&self, change: impl FnOnce(&mut Setup) -> T) -> Result<T> {
        self.same_process()?;
        match &mut *self.state.lock() {
            State::Setup(setup) => Ok(change(setup)),
            _ => Err(Error::state("the instance was started")),
        }
    }

    /// For modules: only one instance of a process may have them.
    pub fn with_modules(&self) -> Result<()> {
        if !self.modules {
            return Err(Error::state("the instance was opened without JANUS_RS_MODULES"));
        }
        let other = |i: &&Arc<Instance>| i.modules && i.number != self.number && i.live.load().is_some();
        match INSTANCES.load().values().find(other) {
            Some(_) => Err(Error::new(JANUS_RS_EBUSY, "another instance of this process hosts modules")),
            None => Ok(()),
        }
    }

    /// The value in force.
    pub fn value(&self, option: &Row) -> Result<Option<String>> {
        let live = self.live()?;
        Ok(option.written(&live.config).map(str::to_owned))
    }

    /// A queue of this instance.
    pub fn queue(&self, number: usize) -> Result<Arc<Queue>> {
        let queue = find_queue(number)?;
        match QUEUES.load().get(&number) {
            Some((owner, _)) if *owner == self.number => Ok(queue),
            _ => Err(Error::invalid("the queue belongs to another instance")),
        }
    }

    /// Every queue of this instance.
    pub fn queues(&self) -> Vec<Arc<Queue>> {
        let all = QUEUES.load();
        all.values().filter(|(owner, _)| *owner == self.number).map(|(_, queue)| queue.clone()).collect()
    }

    pub fn add_queue(&self, queue: Queue) -> Result<usize> {
        self.same_process()?;
        let number = number();
        insert(&QUEUES, number, (self.number, Arc::new(queue)));
        Ok(number)
    }

    /// Binds sockets, starts threads, initialises modules.
    pub fn start(self: &Arc<Self>) -> Result<()> {
        self.same_process()?;
        let _turn = Turn::wait();
        if self.modules {
            self.with_modules()?;
        }
        let mut setup = {
            let mut state = self.state.lock();
            match std::mem::replace(&mut *state, State::Busy) {
                State::Setup(setup) => setup,
                other => {
                    *state = other;
                    return Err(Error::state("the instance was started before"));
                }
            }
        };
        for queue in self.queues() {
            let _ = queue.renew();
        }
        // What modules start in `init` inherits this mask: the program's signals are the program's.
        let started = thread::with(Mask::Ours, || thread::as_ours(|| self.launch(&mut setup)));
        let (state, result) = match started {
            Ok(running) => (State::Running(Box::new(running)), Ok(())),
            // Modules cannot be initialised twice.
            Err(error) if !setup.given.is_empty() => (State::Stopped, Err(error)),
            Err(error) => (State::Setup(setup), Err(error)),
        };
        *self.state.lock() = state;
        result
    }

    fn launch(self: &Arc<Self>, setup: &mut Setup) -> Result<Running> {
        let config = configuration(setup, self.watches.is_any())?;
        let folder = setup.options.folder.clone().unwrap_or_else(|| Path::new(NO_FOLDER).to_owned());
        let others = (!setup.given.is_empty()).then(Others::of_the_program);
        let hooked = setup.options.hooks.is_some_and(hooks::install);
        let unhook = || {
            if hooked {
                hooks::remove();
            }
        };
        if self.modules {
            crate::abi::config::set_files_in_memory(setup.files.clone());
        }
        let modules = Modules::Given(&setup.given);
        let log = Share::start(&config, &folder, &modules, setup.options.log).map_err(|why| {
            unhook();
            refused(&why)
        })?;
        let server = Server::start(&config, &folder, log.logging(), interfaces::read, None, &modules);
        let server = match server {
            Ok(server) => server,
            Err(why) => {
                if self.modules {
                    forget_modules();
                }
                log.stop();
                unhook();
                return Err(refused(&why));
            }
        };
        let api = server.api().clone();
        self.watches.begin(&api);
        let weak: Weak<Instance> = Arc::downgrade(self);
        let again = weak.clone();
        api.core.when_empty(move || {
            if let Some(instance) = weak.upgrade() {
                instance.drained();
            }
        });
        // A peer's last news come behind its session's end.
        self.peers.when_empty(move || {
            if let Some(instance) = again.upgrade()
                && instance.live.load().as_ref().is_some_and(|live| live.api.core.sessions().is_empty())
            {
                instance.drained();
            }
        });
        self.started_in.store(Some(Arc::new(forks::now())));
        self.live.store(Some(Arc::new(Live { api, config })));
        Ok(Running { server, log, others, hooked })
    }

    /// Nothing new is accepted, or is again.
    pub fn drain(&self, on: bool) -> Result<()> {
        let live = self.live()?;
        live.api.core.live.accepting_sessions.store(!on, Ordering::Relaxed);
        self.draining.store(on, Ordering::Release);
        if on && live.api.core.sessions().is_empty() {
            self.drained();
        }
        Ok(())
    }

    /// The last session has gone.
    fn drained(&self) {
        if self.peers.len() == 0 && self.draining.swap(false, Ordering::AcqRel) {
            self.queues().iter().for_each(|queue| queue.push(Event::new(JANUS_RS_EVENT_DRAINED)));
        }
    }

    /// Ends everything; does nothing twice. Plugins get so long to return from what they are doing.
    pub fn stop(&self, patience: Duration) -> Result<()> {
        self.same_process()?;
        let _turn = Turn::wait();
        let running = {
            let mut state = self.state.lock();
            match std::mem::replace(&mut *state, State::Stopped) {
                State::Running(running) => {
                    *state = State::Busy;
                    running
                }
                State::Stopped => return Ok(()),
                other => {
                    *state = other;
                    return Err(Error::state("the instance was not started"));
                }
            }
        };
        self.live.store(None);
        let Running { server, log, others, hooked } = *running;
        thread::with(Mask::Ours, || {
            thread::as_ours(|| {
                server.stop_within(0, patience);
                if self.modules {
                    forget_modules();
                }
                log.stop();
            });
            if let Some(others) = others {
                others.wait(patience);
            }
        });
        if hooked {
            hooks::remove();
        }
        self.clients.clear();
        self.watches.end();
        self.peers.clear();
        self.queues().iter().for_each(|queue| queue.finish(Event::new(JANUS_RS_EVENT_STOPPED)));
        *self.state.lock() = State::Stopped;
        Ok(())
    }

    /// Stops it if need be, and forgets it and its queues.
    pub fn close(&self, patience: Duration) -> Result<()> {
        match self.stop(patience) {
            // What runs is the parent's, and so are its threads and the descriptors of its queues.
            Err(error) if error.code() == JANUS_RS_EFORK => {
                if let State::Running(running) = std::mem::replace(&mut *self.state.lock(), State::Stopped) {
                    std::mem::forget(running);
                }
                if let Some(live) = self.live.swap(None) {
                    std::mem::forget(live);
                }
            }
            _ => self.queues().iter().for_each(|queue| queue.close()),
        }
        QUEUES.rcu(|all| {
            let rest = all.iter().filter(|(_, (owner, _))| *owner != self.number);
            rest.map(|(number, entry)| (*number, entry.clone())).collect::<HashMap<_, _>>()
        });
        INSTANCES.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.remove(&self.number);
            all
        });
        Ok(())
    }
}

/// What a program is told of a start that failed.
fn refused(why: &StartError) -> Error {
    let code = match why {
        StartError::Module(_) | StartError::Load(_) => JANUS_RS_EMODULE,
        _ => JANUS_RS_ESYSTEM,
    };
    Error::new(code, why.to_string())
}

/// Modules that still call find nobody.
fn forget_modules() {
    crate::modules::host::uninstall();
    crate::abi::config::set_files_in_memory(BTreeMap::new());
}

impl Setup {
    pub fn set(&mut self, option: &'static Row, value: Option<&str>) {
        self.values.retain(|(set, _)| !std::ptr::eq(*set, option));
        self.values.push((option, value.map(str::to_owned)));
    }

    /// What plugins were compiled for, as far as the program has said by now. A folder that cannot be read is told at the
    /// start.
    pub fn generations(&self) -> Generations {
        let config = configuration(self, false).ok();
        let entries = config.map(|config| options::ABI_GENERATIONS.of(&config));
        generation::configured(&entries.unwrap_or_default())
    }

    /// A configuration file that exists in memory only.
    pub fn file(&mut self, name: &str, text: &str) {
        self.files.insert(name.to_owned(), text.to_owned());
    }

    /// `None`: it has been given before.
    pub fn give(&mut self, module: Given) -> Option<()> {
        let is_new = self.given.iter().all(|given| !given.is(&module));
        is_new.then(|| self.given.push(module))
    }
}

/// The folder's file, with what the program has set on top.
fn configuration(setup: &Setup, watched: bool) -> Result<Config> {
    let mut config = match &setup.options.folder {
        None => Config::new("janus.jcfg"),
        Some(folder) if !folder.is_dir() => {
            return Err(Error::invalid(format!("{} is no folder", folder.display())));
        }
        Some(folder) => {
            let found = files::configuration(None, folder, false);
            let (config, note) = found.map_err(|why| Error::invalid(why.line()))?;
            if let Some(note) = note {
                tracing::debug!("{note}");
            }
            config
        }
    };
    for (option, value) in &setup.values {
        // The file may have it under its other name.
        option.remove(&mut config);
        if let Some(value) = value {
            config.set(option.category, option.name, value);
        }
    }
    if setup.options.workers > 0 {
        config.set("general", "event_loops", &setup.options.workers.to_string());
    }
    if config.value("general", "debug_colors").is_none() {
        config.set("general", "debug_colors", "false");
    }
    if watched {
        config.set("events", "broadcast", "true");
    }
    Ok(config)
}
