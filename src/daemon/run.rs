//! The daemon around the [`Server`]: background, PID file, signals.
#![forbid(unsafe_code)]

use super::cli::{Cli, LENIENT};
use super::service::Service;
use super::signals::{self, Stops};
use super::system::{Forked, Parent, System, wait_for_child};
use crate::config::Config;
use crate::log;
use crate::net::interfaces;
use crate::options;
use crate::server::files::Unusable;
use crate::server::{Logging, Modules, Server, StartError, files};
use crate::util::pidfile::PidFile;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Between two looks at the calls that are waited for.
const DRAINING: Duration = Duration::from_millis(100);

/// EX_CONFIG of sysexits.h: no use in starting again.
const CONFIGURATION: i32 = 78;

/// Why the daemon ends before it has served. Each is told as one line.
#[derive(Debug, Error)]
enum Failure {
    #[error("umask {0}: expected octal digits, such as 0027")]
    Umask(String),
    #[error("Cannot watch for signals: {0}")]
    Signals(#[source] io::Error),
    #[error("Cannot start the thread that tells the service manager: {0}")]
    Service(#[source] io::Error),
    #[error("Cannot use PID file {path}: {error}")]
    PidFile {
        path: String,
        #[source]
        error: io::Error,
    },
    /// Less than `check_openfiles_limit` asks for (CP-037).
    #[error("The limit of open files is {limit}, less than the {wanted} asked for")]
    OpenFiles { limit: u64, wanted: u64 },
    #[error(transparent)]
    Start(#[from] StartError),
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
    let file = cli.text("config").map(Path::new);
    let (mut config, note) = match files::configuration(file, &folder, cli.has(LENIENT)) {
        Ok(found) => found,
        Err(Unusable::Missing(why)) => return fail_early(&format!("Error reading configuration: {why}")),
        Err(Unusable::Unreadable(why)) => {
            fail_early(&format!("{why}; nothing is started (--{LENIENT}: without this file)"));
            return CONFIGURATION;
        }
    };
    cli.fold_into(&mut config);
    match umask(&config) {
        Ok(Some(mask)) => system.set_umask(mask),
        Ok(None) => {}
        Err(why) => return fail_early(&why.to_string()),
    }
    let background = options::DAEMONIZE.of(&config);
    let stdout = cli.has("log-stdout")
        || (!cli.has("disable-stdout") && !background && options::LOG_TO_STDOUT.of(&config));
    let mut parent = Parent::default();
    if background {
        let home = Path::new(cli.text("cwd-path").unwrap_or("/"));
        match system.go_to_background(home, !stdout) {
            Ok(Forked::Parent(pipe)) => return wait_for_child(pipe),
            Ok(Forked::Child(pipe)) => parent = Parent::waiting(pipe),
            Err(error) => return fail_early(&format!("Error going to the background: {error}")),
        }
    }
    let again = {
        let (cli, folder) = (cli.clone(), folder.clone());
        move || {
            let file = cli.text("config").map(Path::new);
            let (mut config, _) = files::configuration(file, &folder, false).map_err(Unusable::line)?;
            cli.fold_into(&mut config);
            Ok(config)
        }
    };
    match serve(&config, &folder, stdout, note, system, &mut parent, again) {
        Ok(()) => 0,
        Err(why) => {
            tracing::error!(target: log::FATAL, "{why}");
            log::stop();
            if matches!(why, Failure::Start(StartError::File { .. })) { CONFIGURATION } else { 1 }
        }
    }
}

/// Octal, as everywhere. `None`: that of who starts us.
fn umask(config: &Config) -> Result<Option<u32>, Failure> {
    let Some(text) = options::UMASK.of(config) else { return Ok(None) };
    match u32::from_str_radix(text, 8) {
        Ok(mask) if mask <= 0o777 => Ok(Some(mask)),
        _ => Err(Failure::Umask(text.to_owned())),
    }
}

fn fail_early(why: &str) -> i32 {
    eprintln!("janus-rs: {why}");
    1
}

/// From the start of the log to its end. The error is the log's last line.
fn serve(
    config: &Config,
    folder: &Path,
    stdout: bool,
    note: Option<String>,
    system: &dyn System,
    parent: &mut Parent,
    again: impl Fn() -> Result<Config, String> + Send + Sync + 'static,
) -> Result<(), Failure> {
    // First, so that from here on a signal ends what has been started, in order.
    let rotation = rotation_signal(config);
    let stop = signals::watch(rotation).map_err(Failure::Signals)?;
    let (log, own) = (options::LOG_TO_FILE.of(config), options::CRASH_FILE.of(config));
    crate::modules::crash::install(log.map(Path::new), own.map(Path::new));
    let logging = Logging::start(config, folder, stdout, &Modules::Configured)?;
    if let Some(note) = note {
        tracing::warn!("{note}");
    }
    if let (Some(name), None) = (options::LOG_ROTATE_SIG.of(config), rotation) {
        tracing::warn!("Ignoring log_rotate_sig {name}: only SIGUSR1 and SIGHUP are possible");
    }
    check_open_files(config, system)?;
    let pid_file = options::PID_FILE.of(config).map(|path| {
        let unusable = |error| Failure::PidFile { path: path.to_owned(), error };
        PidFile::create(Path::new(path)).map_err(unusable)
    });
    let pid_file = HeldPidFile(pid_file.transpose()?);
    crate::modules::backtrace::enable();
    let server = Server::start(config, folder, &logging, interfaces::read, rotation, &Modules::Configured)?;
    crate::modules::crash::look_again();
    follow_file(&server, &stop, again);
    parent.ready();
    let service = Service::ready(server.core()).map_err(Failure::Service)?;
    let signal = stop.first();
    wait_for_calls(
        &server,
        &service,
        Duration::from_secs(options::SHUTDOWN_TIMEOUT.of(config).into()),
        &stop,
    );
    drop(service);
    server.stop(signal);
    drop(pid_file);
    logging.stop();
    Ok(())
}

/// SIGHUP and the Admin API read the configuration again.
fn follow_file(
    server: &Server,
    stop: &Stops,
    again: impl Fn() -> Result<Config, String> + Send + Sync + 'static,
) {
    let (reload, core) = (server.reload().clone(), Arc::downgrade(server.core()));
    server.core().set_reload(Box::new(move || {
        let config = again().inspect_err(|why| tracing::error!("The configuration stays as it is: {why}"))?;
        Ok(reload.take(config))
    }));
    stop.at_hangup(move || {
        // What went wrong is in the log.
        let _ = core.upgrade().and_then(|core| core.reload());
    });
}

/// Until the last call has ended, `limit` is over, or a second signal comes.
fn wait_for_calls(server: &Server, service: &Service, limit: Duration, stop: &Stops) {
    let (end, mut told) = (Instant::now() + limit, None);
    if limit.is_zero() {
        return service.stopping(None);
    }
    // Before anybody is told that we wait.
    stop.set_waiting(true);
    service.stopping(Some(server.core().peer_connections()));
    server.drain(|left| {
        if told != Some(left) {
            tracing::info!("Draining: {left} PeerConnections are left");
            service.stopping(Some(left));
            told = Some(left);
        }
        if Instant::now() >= end {
            tracing::warn!("Going on with {left} PeerConnections that have not ended in time");
            return true;
        }
        stop.another(DRAINING)
    });
    stop.set_waiting(false);
}

fn check_open_files(config: &Config, system: &dyn System) -> Result<(), Failure> {
    let wanted = options::CHECK_OPENFILES_LIMIT.written(config).and_then(|v| v.trim().parse::<u64>().ok());
    match (wanted, system.open_files_limit()) {
        (Some(wanted), Some(limit)) if limit < wanted => Err(Failure::OpenFiles { limit, wanted }),
        _ => Ok(()),
    }
}

fn rotation_signal(config: &Config) -> Option<i32> {
    signals::rotation_signal(options::LOG_ROTATE_SIG.of(config)?)
}
