//! The server without its surroundings: log, core, engine and modules, in the reference's order (control-plane.md
//! §1.1 and §1.7). The daemon puts command line, signals and PID file around it; a program that embeds us does not.
#![forbid(unsafe_code)]

pub mod addresses;
mod bounds;
mod error;
#[cfg(feature = "web")]
mod figures;
pub mod files;
mod https;
mod log_controls;
pub mod metrics;
pub mod networks;
mod plan;
pub mod ports;
mod reload;
mod settings;
mod stalls;
#[cfg(feature = "web")]
mod status;
mod turn;
#[cfg(feature = "web")]
mod qr;
#[cfg_attr(not(feature = "web"), path = "no_web.rs")]
mod web;

pub use error::{OptionError, StartError};
pub use reload::Reload;

use crate::abi;
use crate::api::Api;
use crate::api::info::server_info;
use crate::builtin::echo::{self, Echo};
use crate::builtin::room::Rooms;
use crate::config::Config;
use crate::core::Core;
use crate::core::notifier::{self, Subject, subtype};
use crate::core::settings::{Facts, Settings, version_string};
use crate::core::stalls::StallWatch;
use crate::core::watchdog::Watchdog;
use crate::json::Json;
use crate::log::{self, LogConfig, LogSink};
use crate::media::Engine;
use crate::modules::eventhandler::EventHandler;
use crate::modules::generation;
use crate::modules::given::Given;
use crate::modules::host;
use crate::modules::loader::{self, LoadError, Options, Taken};
use crate::modules::logger::Logger;
use crate::modules::plugin::Plugin;
use crate::modules::transport::Transport;
use crate::options::{self, File};
use log_controls::{Sink, Variables};
use networks::Networks;
use plan::{Others, Plan};
use std::collections::HashMap;
use std::ffi::CString;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use web::Web;

/// How long plugins may take to return from what they are doing at shutdown.
const PATIENCE: Duration = Duration::from_secs(5);

/// Modules start threads in `init`, and some can be told to end only once those run: destroyed before that, Debian's HTTP
/// transport waits for its own timer thread for ever.
const SETTLING: Duration = Duration::from_millis(500);

/// The log of the process, with its logger modules. Started before everything else and stopped after it.
pub struct Logging {
    stdout: bool,
    file: Option<PathBuf>,
    loggers: Vec<Arc<Logger>>,
    sinks: Vec<Arc<dyn LogSink>>,
}

/// Which modules a server has.
pub enum Modules<'a> {
    /// Those of the configured folders. A transport has to offer the Janus API.
    Configured,
    /// These and no others. One that was asked for by name and cannot be started ends the start.
    Given(&'a [Given]),
}

/// Everything else that runs.
pub struct Server {
    api: Arc<Api>,
    core: Arc<Core>,
    watchdog: Watchdog,
    networks: Option<Networks>,
    /// Of credentials for TURN servers.
    renewal: Option<turn::Renewal>,
    reload: Arc<Reload>,
    stalls: StallWatch,
    event_handlers: Vec<Arc<EventHandler>>,
    plugins: Vec<Arc<Plugin>>,
    transports: Vec<Arc<Transport>>,
    web: Option<Web>,
    started: Instant,
}

impl Logging {
    /// Loads the loggers and starts the log. Lines from before are not lost (CP-331).
    pub fn start(
        config: &Config,
        folder: &Path,
        stdout: bool,
        modules: &Modules<'_>,
    ) -> Result<Logging, StartError> {
        abi::log::install_subscriber();
        let file = options::LOG_TO_FILE.of(config).map(PathBuf::from);
        set_up_log_format(config)?;
        let options = module_options(config, folder)?;
        let loggers = match modules {
            Modules::Configured => load_loggers(config, &options, server_name(config))?,
            Modules::Given(given) => start_loggers(given, &options, server_name(config))?,
        };
        log::init(LogConfig { stdout, file: file.clone() }).map_err(StartError::LogFile)?;
        let sink = |logger: &Arc<Logger>| -> Arc<dyn LogSink> { Arc::new(Sink(logger.clone())) };
        let sinks: Vec<_> = loggers.iter().map(sink).collect();
        sinks.iter().cloned().for_each(log::add_sink);
        let nowhere = !stdout && file.is_none() && loggers.is_empty();
        if nowhere && matches!(modules, Modules::Configured) {
            eprintln!("janus-rs: the log goes nowhere: no stdout, no file, no logger");
        }
        tracing::info!("janus-rs {}, {}", env!("CARGO_PKG_VERSION"), server_name(config));
        Ok(Logging { stdout, file, loggers, sinks })
    }

    /// Writes what waits, then ends the loggers (CP-071, CP-072).
    pub fn stop(self) {
        log::stop();
        self.leave();
    }

    /// Ends the loggers; the log goes on for others of this process.
    pub fn leave(self) {
        self.sinks.into_iter().for_each(log::remove_sink);
        self.loggers.iter().for_each(|logger| logger.destroy());
    }
}

impl Server {
    /// Starts core, engine, event handlers, plugins and transports. Once per process: modules keep what they get.
    /// `rotation` is only told to clients. The error is one line.
    pub fn start(
        config: &Config,
        folder: &Path,
        logging: &Logging,
        interfaces: networks::Read,
        rotation: Option<i32>,
        modules: &Modules<'_>,
    ) -> Result<Server, StartError> {
        let own = files::own_configuration(folder)?;
        for (file, config) in [(File::Janus, config), (File::Own, &own)] {
            options::check(file, config).iter().for_each(|line| tracing::warn!("{line}"));
        }
        let facts = facts(config, logging, rotation);
        let present = interfaces();
        let mut settings = settings::settings(config, &present, facts, Arc::new(Variables))?;
        settings.bounds = bounds::bounds(&own);
        if matches!(modules, Modules::Given(_)) {
            // For the program's own peers, who listens to events or not.
            settings.media.stats_period = options::STATS_PERIOD.of(config);
        }
        let rest = turn::Rest::configured(config)?;
        let core = start_core(settings, options::IGNORE_UNREACHABLE_ICE_SERVER.of(config))?;
        let renewal = rest.map(|rest| turn::Renewal::start(&core, rest)).transpose();
        let renewal = renewal.map_err(thread("turn rest"))?;
        let api = Api::new(core.clone());
        if !matches!(modules, Modules::Given([])) {
            host::install(api.clone());
        }
        let watchdog = Watchdog::start(&core).map_err(thread("watchdog"))?;
        let networks = Networks::start(&core, config, interfaces, present)
            .inspect_err(|e| tracing::warn!("Cannot follow the addresses of this host: {e}"));
        let lists = networks.as_ref().ok().map(Networks::lists);
        let reload = Arc::new(Reload::new(&core, config, interfaces, lists));
        let stalls = StallWatch::start(&core, stalls::limit(&own)).map_err(thread("stall watchdog"))?;
        for logger in &logging.loggers {
            core.loggers.add(logger.info().clone(), logger.clone());
        }
        let mut server = Server {
            api,
            core,
            watchdog,
            reload,
            networks: networks.ok(),
            renewal,
            stalls,
            event_handlers: Vec::new(),
            plugins: Vec::new(),
            transports: Vec::new(),
            web: None,
            started: Instant::now(),
        };
        let module_options = module_options(config, folder)?;
        let plan = match modules {
            Modules::Configured => {
                server.load_modules(config, &module_options)?;
                let plan = server.plan(config, &own, folder)?;
                server.check_ports(config, folder)?;
                server.check_apis(&plan)?;
                plan
            }
            Modules::Given(given) => {
                let started = server.start_modules(given, &module_options);
                match started.and_then(|()| Ok(Plan::new(config, &own, folder, Others::Program)?)) {
                    Ok(plan) => plan,
                    Err(why) => {
                        server.stop(0);
                        return Err(why);
                    }
                }
            }
        };
        server.web = match Web::start(&plan, &own, &server.api) {
            Ok(web) => web,
            Err(why) => {
                if matches!(modules, Modules::Given(_)) {
                    server.stop(0);
                }
                return Err(why);
            }
        };
        server.started = Instant::now();
        let core = &server.core;
        core.notifier.emit(notifier::Kind::Core, subtype::STARTUP, Subject::default(), || {
            Json::object().with("status", "started").with("info", server_info(core, None))
        });
        server.core.set_ups.one_more();
        Ok(server)
    }

    /// What clients and modules call.
    pub fn api(&self) -> &Arc<Api> {
        &self.api
    }

    /// As [`Server::load_modules`], of modules that are open already.
    fn start_modules(&mut self, given: &[Given], options: &Options) -> Result<(), StartError> {
        let core = self.core.clone();
        for given in given.iter().filter(|_| core.settings.events) {
            let Given::EventHandler(module) = given else { continue };
            let started = module.start(options);
            let Some(handler) = module.unless_required(started)? else { continue };
            core.event_handlers.add(handler.info().clone(), handler.clone());
            self.event_handlers.push(handler);
        }
        let mut taken = Taken::default();
        for given in given {
            let Given::Plugin(module) = given else { continue };
            let started = module.start(options, &mut taken);
            let Some(plugin) = module.unless_required(started)? else { continue };
            core.plugins.add(plugin.info().clone(), plugin.clone());
            self.plugins.push(plugin);
        }
        for given in given {
            let Given::Transport(module) = given else { continue };
            let started = module.start(options);
            let Some(transport) = module.unless_required(started)? else { continue };
            core.transports.add(transport.info().clone(), transport.clone());
            self.transports.push(transport);
        }
        Ok(())
    }

    /// Event handlers, plugins, transports, in this order (CP-063).
    fn load_modules(&mut self, config: &Config, options: &Options) -> Result<(), StartError> {
        let core = self.core.clone();
        // CP-062
        if core.settings.events {
            self.event_handlers = unless_fatal(loader::event_handlers(&of_kind(config, options, "events")))?;
            for handler in &self.event_handlers {
                core.event_handlers.add(handler.info().clone(), handler.clone());
            }
        }
        self.plugins =
            unless_unnamed(config, "plugins", loader::plugins(&of_kind(config, options, "plugins")))?;
        for plugin in &self.plugins {
            core.plugins.add(plugin.info().clone(), plugin.clone());
        }
        // The pages have something to show without any module. Who has some has chosen.
        let is_disabled = options::PLUGINS_DISABLE.of(config).iter().any(|file| file == echo::FILE);
        if !is_disabled && self.plugins.is_empty() {
            core.plugins.add(Echo::info(), Arc::new(Echo));
        }
        if self.plugins.is_empty() {
            core.plugins.add(Rooms::info(), Arc::new(Rooms::default()));
        }
        self.transports = unless_unnamed(
            config,
            "transports",
            loader::transports(&of_kind(config, options, "transports")),
        )?;
        for transport in &self.transports {
            core.transports.add(transport.info().clone(), transport.clone());
        }
        Ok(())
    }

    /// What the built-in web server serves beside the transports that were loaded.
    fn plan(&self, config: &Config, own: &Config, folder: &Path) -> Result<Plan, OptionError> {
        let others = if self.transports.is_empty() { Others::Nobody } else { Others::Modules };
        Plan::new(config, own, folder, others)
    }

    /// Clients and tokens need a way in (CP-059, CP-060).
    fn check_apis(&self, plan: &Plan) -> Result<(), StartError> {
        if !plan.janus && !self.transports.iter().any(|t| t.is_janus_api_enabled()) {
            return Err(StartError::NoJanusApi);
        }
        let settings = &self.core.settings;
        let stored_tokens = settings.token_auth && settings.token_auth_secret.is_none();
        if stored_tokens && plan.admin.is_empty() && !self.transports.iter().any(|t| t.is_admin_api_enabled())
        {
            return Err(StartError::NoWayToAddTokens);
        }
        Ok(())
    }

    /// Says who has the ports of our transports. An error: the Janus API has none of its own, and no other way in.
    fn check_ports(&self, config: &Config, folder: &Path) -> Result<(), StartError> {
        let ports = ports::look(folder, &options::TRANSPORTS_DISABLE.of(config));
        ports.taken.iter().for_each(|line| tracing::error!("{line}"));
        // The last of these takes its path from whoever had it, which may be the same process.
        let with_a_port = ["http", "websockets", "pfunix"].map(|name| format!("janus.transport.{name}"));
        let other_way = self
            .transports
            .iter()
            .any(|t| t.is_janus_api_enabled() && !with_a_port.contains(&t.info().package));
        // The built-in one is no other way unless it was asked for: clients know those ports.
        if ports.without_api && !other_way && !options::TRANSPORTS_BUILTIN.of(config) {
            return Err(StartError::NoPort);
        }
        Ok(())
    }

    /// For the service manager.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Takes over what another configuration says, where that is possible.
    pub fn reload(&self) -> &Arc<Reload> {
        &self.reload
    }

    /// Takes no new sessions, says so at `/readyz`, and waits for the PeerConnections to end; not any more when `enough`
    /// says so.
    pub fn drain(&self, mut enough: impl FnMut(usize) -> bool) {
        self.core.live.accepting_sessions.store(false, std::sync::atomic::Ordering::Relaxed);
        while let left @ 1.. = self.core.peer_connections()
            && !enough(left)
        {}
    }

    /// Ends everything in order; `signal` is what event handlers are told as the reason (CP-071, CP-073).
    pub fn stop(self, signal: i32) {
        self.stop_within(signal, PATIENCE);
    }

    /// The same; plugins get so long to return.
    pub fn stop_within(self, signal: i32, patience: Duration) {
        let Server {
            api,
            core,
            watchdog,
            networks,
            renewal,
            reload: _,
            stalls,
            event_handlers,
            plugins,
            transports,
            web,
            started,
        } = self;
        web.iter().for_each(Web::end);
        core.notifier.emit(notifier::Kind::Core, subtype::SHUTDOWN, Subject::default(), || {
            Json::object().with("status", "shutdown").with("signum", signal)
        });
        drop(watchdog);
        drop(networks);
        drop(renewal);
        if !transports.is_empty() || !plugins.is_empty() {
            std::thread::sleep(SETTLING.saturating_sub(started.elapsed()));
        }
        transports.iter().for_each(|transport| transport.destroy());
        web.iter().for_each(Web::close);
        if !core.shut_down(patience) {
            tracing::warn!("A plugin is still busy: going on without it");
        }
        if let Some(engine) = core.engine() {
            engine.stop();
        }
        plugins.iter().for_each(|plugin| plugin.destroy());
        // Until here, so that the log says what the stop waits for.
        drop(stalls);
        if !plugins.is_empty() {
            abi::rtpfwd::shut_down();
        }
        core.notifier.stop();
        event_handlers.iter().for_each(|handler| handler.destroy());
        drop(api);
        drop(web);
        tracing::info!("Bye!");
    }
}

fn server_name(config: &Config) -> &str {
    options::SERVER_NAME.of(config).unwrap_or_default()
}

fn set_up_log_format(config: &Config) -> Result<(), OptionError> {
    match options::LOG_FORMAT.of(config) {
        None | Some("text") => abi::log::set_structured(false),
        Some("json") => abi::log::set_structured(true),
        Some(other) => return Err(OptionError::LogFormat(other.to_owned())),
    }
    abi::log::set_prefix(options::LOG_PREFIX.of(config));
    if let Some(level) = options::DEBUG_LEVEL.written(config) {
        abi::log::set_level(settings::debug_level(level));
    }
    abi::log::set_timestamps(options::DEBUG_TIMESTAMPS.of(config));
    abi::log::set_colors(options::DEBUG_COLORS.of(config));
    abi::mutex::set_debug(options::DEBUG_LOCKS.of(config));
    crate::util::files::clear_protected();
    crate::record::recorder::set_temporary_extension(options::RECORDINGS_TMP_EXT.of(config));
    for folder in config.list("general", "protected_folders").unwrap_or_default() {
        crate::util::files::protect(folder);
    }
    Ok(())
}

fn facts(config: &Config, logging: &Logging, rotation: Option<i32>) -> Facts {
    let version = options::ANNOUNCE_VERSION.of(config);
    Facts {
        version,
        version_string: version_string(version),
        log_to_stdout: logging.stdout,
        log_to_file: logging.file.as_ref().map(|path| path.to_string_lossy().into_owned()),
        log_rotate_signal: rotation.unwrap_or(0),
        dependencies: [
            ("glib2", crate::glib::version()),
            ("jansson", crate::json::version()),
            ("crypto", openssl::version::version().to_owned()),
        ]
        .map(|(name, version)| (name.to_owned(), version))
        .into(),
        ..Facts::default()
    }
}

/// A thread of the server that does not start.
fn thread(thread: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError::Thread { thread, error }
}

fn start_core(mut settings: Settings, ignore_unreachable: bool) -> Result<Arc<Core>, StartError> {
    let engine = Engine::start(settings.media.clone())?;
    // One port per worker for all PeerConnections: what a firewall has to let through.
    let addresses: Vec<String> = engine.addresses().iter().flatten().map(|a| a.to_string()).collect();
    if !addresses.is_empty() {
        tracing::info!("Media on UDP {}", addresses.join(", "));
    }
    note_reflexive(&mut settings, &engine.reflexive_addresses(), ignore_unreachable)?;
    let core = Core::new(settings).map_err(thread("events thread"))?;
    core.set_engine(Arc::new(engine));
    Ok(core)
}

/// Common to the four kinds; the folder and the `disable` list are filled in per kind.
fn module_options(config: &Config, folder: &Path) -> Result<Options, StartError> {
    let config_folder = CString::new(folder.as_os_str().as_bytes()).map_err(OptionError::from)?;
    let mut aliases = HashMap::new();
    for entry in options::ALIASES.of(config) {
        match entry.split_once('=').map(|(name, alias)| (name.trim(), alias.trim())) {
            Some((name, alias)) if !name.is_empty() && !alias.is_empty() => {
                aliases.insert(name.to_owned(), alias.to_owned());
            }
            _ => tracing::warn!("Ignoring aliases {entry}: expected FILE=PACKAGE"),
        }
    }
    Ok(Options {
        config_folder,
        exit_on_dl_error: options::EXIT_ON_DL_ERROR.of(config),
        generations: generation::configured(&options::ABI_GENERATIONS.of(config)),
        aliases,
        ..Options::default()
    })
}

fn of_kind(config: &Config, options: &Options, kind: &str) -> Options {
    Options {
        folder: files::module_folder(config, kind),
        disable: options::modules(kind).disable.written(config).unwrap_or_default().to_owned(),
        ..options.clone()
    }
}

/// A folder that the configuration names has to be there (CP-058); that none of the usual ones is, is a system without
/// modules.
fn unless_unnamed<T>(
    config: &Config,
    kind: &str,
    loaded: Result<Vec<T>, LoadError>,
) -> Result<Vec<T>, StartError> {
    if options::modules(kind).folder.written(config).is_some() { Ok(loaded?) } else { unless_fatal(loaded) }
}

/// For loggers and event handlers a missing folder is no reason to stop (CP-058).
fn unless_fatal<T>(loaded: Result<Vec<T>, LoadError>) -> Result<Vec<T>, StartError> {
    match loaded {
        Ok(modules) => Ok(modules),
        Err(LoadError::Folder(why)) => {
            tracing::warn!("{why}");
            Ok(Vec::new())
        }
        Err(error @ LoadError::Module(_)) => Err(error.into()),
    }
}

fn load_loggers(
    config: &Config,
    options: &Options,
    server_name: &str,
) -> Result<Vec<Arc<Logger>>, StartError> {
    let server_name = CString::new(server_name).map_err(OptionError::from)?;
    unless_fatal(loader::loggers(&of_kind(config, options, "loggers"), &server_name))
}

fn start_loggers(
    given: &[Given],
    options: &Options,
    server_name: &str,
) -> Result<Vec<Arc<Logger>>, StartError> {
    let server_name = CString::new(server_name).map_err(OptionError::from)?;
    let start = |given: &Given| match given {
        Given::Logger(module) => module.unless_required(module.start(options, &server_name)).transpose(),
        _ => None,
    };
    Ok(given.iter().filter_map(start).collect::<Result<_, _>>()?)
}

/// What the STUN server said counts as a public address of ours. A server without an answer is fatal, unless the
/// configuration says that it is not (CP-034).
fn note_reflexive(
    settings: &mut Settings,
    seen: &[SocketAddr],
    ignore_unreachable: bool,
) -> Result<(), StartError> {
    let Some(server) = settings.media.stun_server else { return Ok(()) };
    if seen.is_empty() && !ignore_unreachable {
        return Err(StartError::SilentStunServer(server));
    }
    if seen.is_empty() {
        // `info` tells of servers that are used.
        settings.facts.stun_server = None;
    }
    for address in seen {
        let address = address.ip().to_string();
        if !settings.facts.public_ips.contains(&address) {
            settings.facts.public_ips.push(address);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::EngineConfig;

    // CP-034
    #[test]
    fn a_silent_stun_server_is_fatal_unless_ignored() {
        let settings = |stun_server: Option<&str>| Settings {
            media: EngineConfig {
                stun_server: stun_server.map(|s| s.parse().unwrap()),
                ..Default::default()
            },
            ..Settings::default()
        };
        let (server, seen) = (Some("192.0.2.1:3478"), ["198.51.100.7:1".parse().unwrap(); 2]);
        assert!(
            matches!(note_reflexive(&mut settings(server), &[], false), Err(StartError::SilentStunServer(silent)) if silent.port() == 3478)
        );
        assert!(note_reflexive(&mut settings(server), &[], true).is_ok());
        assert!(note_reflexive(&mut settings(None), &[], false).is_ok());
        let mut answered = settings(server);
        note_reflexive(&mut answered, &seen, false).unwrap();
        assert_eq!(answered.facts.public_ips, ["198.51.100.7"]);
    }
}
