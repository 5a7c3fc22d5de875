//! Start-up and shutdown, in the reference's order (control-plane.md §1.1 and §1.7).
#![forbid(unsafe_code)]

use super::cli::Cli;
use super::files;
use super::log_controls::{Sink, Variables};
use super::settings;
use super::signals::{self, Stop};
use super::system::{Forked, Parent, System, wait_for_child};
use super::web::Web;
use crate::abi;
use crate::abi::generation::Generation;
use crate::api::Api;
use crate::api::info::server_info;
use crate::config::Config;
use crate::core::Core;
use crate::core::notifier::{Kind, Subject, subtype};
use crate::core::settings::{Facts, Settings};
use crate::core::watchdog::Watchdog;
use crate::json::Json;
use crate::log::{self, LogConfig};
use crate::media::Engine;
use crate::modules::eventhandler::EventHandler;
use crate::modules::host;
use crate::modules::loader::{self, LoadError, Options};
use crate::modules::logger::Logger;
use crate::modules::plugin::Plugin;
use crate::modules::transport::Transport;
use crate::util::pidfile::PidFile;
use std::collections::HashMap;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long plugins may take to return from what they are doing at shutdown.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything that runs, in the order in which it was started.
struct Running {
    loggers: Vec<Arc<Logger>>,
    pid_file: HeldPidFile,
    stop: Stop,
    core: Arc<Core>,
    watchdog: Watchdog,
    event_handlers: Vec<Arc<EventHandler>>,
    plugins: Vec<Arc<Plugin>>,
    transports: Vec<Arc<Transport>>,
    web: Option<Web>,
}

/// Removed at the end, also of a start that fails (CP-067).
struct HeldPidFile(Option<PidFile>);

impl Drop for HeldPidFile {
    fn drop(&mut self) {
        if let Some(file) = self.0.take() {
            let _ = file.remove();
        }
    }
}

/// Runs until told to stop; the exit status.
pub fn run(cli: &Cli, system: &dyn System) -> i32 {
    system.allow_core_dumps();
    let folder = PathBuf::from(cli.text("configs-folder").unwrap_or(files::CONFIG_FOLDER));
    let (mut config, note) = match files::configuration(cli.text("config").map(Path::new), &folder) {
        Ok(found) => found,
        Err(why) => return fail_early(&format!("Error reading configuration: {why}")),
    };
    cli.fold_into(&mut config);
    let background = config.is_true("general", "daemonize");
    let stdout = cli.has("log-stdout")
        || (!cli.has("disable-stdout")
            && !background
            && config.value("general", "log_to_stdout").is_none_or(crate::config::is_true));
    let mut parent = Parent::default();
    if background {
        let home = Path::new(cli.text("cwd-path").unwrap_or("/"));
        match system.go_to_background(home, !stdout) {
            Ok(Forked::Parent(pipe)) => return wait_for_child(pipe),
            Ok(Forked::Child(pipe)) => parent = Parent::waiting(pipe),
            Err(error) => return fail_early(&format!("Error going to the background: {error}")),
        }
    }
    abi::log::install_subscriber();
    match start(&config, &folder, stdout, note, system) {
        Ok(running) => {
            parent.ready();
            let signal = running.stop.receiver.recv().unwrap_or(0);
            shut_down(running, signal);
            0
        }
        Err(why) => {
            tracing::error!(target: log::FATAL, "{why}");
            log::stop();
            1
        }
    }
}

fn fail_early(why: &str) -> i32 {
    eprintln!("janus-rs: {why}");
    1
}

/// The error is the last line of the log.
fn start(
    config: &Config,
    folder: &Path,
    stdout: bool,
    note: Option<String>,
    system: &dyn System,
) -> Result<Running, String> {
    let file = config.value("general", "log_to_file").map(PathBuf::from);
    set_up_log_format(config);
    let options = module_options(config, folder)?;
    let server_name = config.value("general", "server_name").unwrap_or("MyJanusInstance");
    let loggers = load_loggers(config, &options, server_name)?;
    log::init(LogConfig { stdout, file: file.clone() })
        .map_err(|e| format!("Cannot open the log file: {e}"))?;
    loggers.iter().for_each(|logger| log::add_sink(Arc::new(Sink(logger.clone()))));
    if !stdout && file.is_none() && loggers.is_empty() {
        eprintln!("janus-rs: the log goes nowhere: no stdout, no file, no logger");
    }
    tracing::info!("janus-rs {}, {server_name}", env!("CARGO_PKG_VERSION"));
    if let Some(note) = note {
        tracing::warn!("{note}");
    }
    check_open_files(config, system)?;
    let pid_file = config
        .value("general", "pid_file")
        .map(|path| PidFile::create(Path::new(path)).map_err(|e| format!("Cannot use PID file {path}: {e}")));
    let pid_file = HeldPidFile(pid_file.transpose()?);
    let rotation = rotation_signal(config);
    let stop = signals::watch(rotation).map_err(|e| format!("Cannot watch for signals: {e}"))?;

    let settings = settings::settings(
        config,
        &system.interfaces(),
        facts(stdout, &file, rotation),
        Arc::new(Variables),
    )?;
    let core = start_core(settings)?;
    let watchdog = Watchdog::start(&core).map_err(|e| format!("Cannot start the watchdog: {e}"))?;
    let mut running = Running {
        loggers,
        pid_file,
        stop,
        core,
        watchdog,
        event_handlers: Vec::new(),
        plugins: Vec::new(),
        transports: Vec::new(),
        web: None,
    };
    load_modules(config, &options, &mut running)?;
    running.web = Web::start(folder)?;
    let core = &running.core;
    core.notifier.emit(Kind::Core, subtype::STARTUP, Subject::default(), || {
        Json::object().with("status", "started").with("info", server_info(core, None))
    });
    Ok(running)
}

fn set_up_log_format(config: &Config) {
    abi::log::set_prefix(config.value("general", "log_prefix"));
    if let Some(level) = config.value("general", "debug_level") {
        abi::log::set_level(settings::debug_level(level));
    }
    abi::log::set_timestamps(config.is_true("general", "debug_timestamps"));
    abi::log::set_colors(config.value("general", "debug_colors").is_none_or(crate::config::is_true));
    abi::mutex::set_debug(config.is_true("general", "debug_locks"));
    crate::util::files::clear_protected();
    for folder in config.list("general", "protected_folders").unwrap_or_default() {
        crate::util::files::protect(folder);
    }
}

fn check_open_files(config: &Config, system: &dyn System) -> Result<(), String> {
    let wanted = config.value("general", "check_openfiles_limit").and_then(|v| v.trim().parse::<u64>().ok());
    match (wanted, system.open_files_limit()) {
        (Some(wanted), Some(limit)) if limit < wanted => {
            Err(format!("The limit of open files is {limit}, less than the {wanted} asked for")) // CP-037
        }
        _ => Ok(()),
    }
}

fn rotation_signal(config: &Config) -> Option<i32> {
    let name = config.value("general", "log_rotate_sig")?;
    let signal = signals::rotation_signal(name);
    if signal.is_none() {
        tracing::warn!("Ignoring log_rotate_sig {name}: only SIGUSR1 and SIGHUP are possible");
    }
    signal
}

fn facts(stdout: bool, file: &Option<PathBuf>, rotation: Option<i32>) -> Facts {
    Facts {
        log_to_stdout: stdout,
        log_to_file: file.as_ref().map(|path| path.to_string_lossy().into_owned()),
        log_rotate_signal: rotation.unwrap_or(0),
        ..Facts::default()
    }
}

fn start_core(settings: Settings) -> Result<Arc<Core>, String> {
    let engine =
        Engine::start(settings.media.clone()).map_err(|e| format!("Cannot start the media engine: {e}"))?;
    let core = Core::new(settings).map_err(|e| format!("Cannot start the events thread: {e}"))?;
    core.set_engine(Arc::new(engine));
    host::install(Api::new(core.clone()));
    Ok(core)
}

/// Common to the four kinds; the folder and the `disable` list are filled in per kind.
fn module_options(config: &Config, folder: &Path) -> Result<Options, String> {
    let config_folder = CString::new(folder.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
    let mut generations = HashMap::new();
    for entry in super::addresses::names(config.value("plugins", "abi_generations").unwrap_or_default()) {
        match entry.split_once('=').map(|(name, g)| (name.trim(), Generation::from_name(g.trim()))) {
            Some((name, Some(generation))) => drop(generations.insert(name.to_owned(), generation)),
            _ => tracing::warn!("Ignoring abi_generations {entry}: expected FILE=GENERATION"),
        }
    }
    Ok(Options {
        config_folder,
        exit_on_dl_error: config.is_true("general", "exit_on_dl_error"),
        generations,
        ..Options::default()
    })
}

fn of_kind(config: &Config, options: &Options, kind: &str) -> Options {
    Options {
        folder: files::module_folder(config, kind),
        disable: config.value(kind, "disable").unwrap_or_default().to_owned(),
        ..options.clone()
    }
}

/// For loggers and event handlers a missing folder is no reason to stop (CP-058).
fn unless_fatal<T>(loaded: Result<Vec<T>, LoadError>) -> Result<Vec<T>, String> {
    match loaded {
        Ok(modules) => Ok(modules),
        Err(LoadError::Folder(why)) => {
            tracing::warn!("{why}");
            Ok(Vec::new())
        }
        Err(LoadError::Module(why)) => Err(why),
    }
}

fn load_loggers(config: &Config, options: &Options, server_name: &str) -> Result<Vec<Arc<Logger>>, String> {
    let server_name = CString::new(server_name).map_err(|e| e.to_string())?;
    unless_fatal(loader::loggers(&of_kind(config, options, "loggers"), &server_name))
}

/// Event handlers, plugins, transports, in this order (CP-063).
fn load_modules(config: &Config, options: &Options, running: &mut Running) -> Result<(), String> {
    let core = running.core.clone();
    for logger in &running.loggers {
        core.loggers.add(logger.info().clone(), logger.clone());
    }
    // CP-062
    if core.settings.events {
        running.event_handlers = unless_fatal(loader::event_handlers(&of_kind(config, options, "events")))?;
        for handler in &running.event_handlers {
            core.event_handlers.add(handler.info().clone(), handler.clone());
        }
    }
    running.plugins = loader::plugins(&of_kind(config, options, "plugins")).map_err(|e| e.to_string())?;
    for plugin in &running.plugins {
        core.plugins.add(plugin.info().clone(), plugin.clone());
    }
    running.transports =
        loader::transports(&of_kind(config, options, "transports")).map_err(|e| e.to_string())?;
    for transport in &running.transports {
        core.transports.add(transport.info().clone(), transport.clone());
    }
    // CP-059, CP-060
    if !running.transports.iter().any(|t| t.is_janus_api_enabled()) {
        return Err("No transport offers the Janus API".to_owned());
    }
    let stored_tokens = core.settings.token_auth && core.settings.token_auth_secret.is_none();
    if stored_tokens && !running.transports.iter().any(|t| t.is_admin_api_enabled()) {
        return Err("Tokens are needed, but no transport offers the Admin API to add any".to_owned());
    }
    Ok(())
}

/// CP-071, CP-072, CP-073
fn shut_down(running: Running, signal: i32) {
    let Running { loggers, pid_file, stop: _stop, core, watchdog, event_handlers, plugins, transports, web } =
        running;
    web.iter().for_each(Web::drain);
    core.notifier.emit(Kind::Core, subtype::SHUTDOWN, Subject::default(), || {
        Json::object().with("status", "shutdown").with("signum", signal)
    });
    drop(watchdog);
    transports.iter().for_each(|transport| transport.destroy());
    if !core.shut_down(PATIENCE) {
        tracing::warn!("A plugin is still busy: going on without it");
    }
    if let Some(engine) = core.engine() {
        engine.stop();
    }
    plugins.iter().for_each(|plugin| plugin.destroy());
    core.notifier.stop();
    event_handlers.iter().for_each(|handler| handler.destroy());
    drop(web);
    tracing::info!("Bye!");
    drop(pid_file);
    log::stop();
    loggers.iter().for_each(|logger| logger.destroy());
}
