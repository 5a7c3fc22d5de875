//! Sessions, handles, registries: who owns whom, and in which order things end.
//!
//! * [`Core`] knows every [`session::Session`]; a session knows its [`handle::Handle`]s; a handle has one plugin session
//!   and at most one PeerConnection ([`crate::media::Peer`], `link`).
//! * Modules call in through [`crate::modules::host`]: a handle is itself the `HandleHost` of its plugin session (`host`),
//!   and the sink of its PeerConnection's events (`sink`).
//! * Calls out go through [`outside`](crate::util::lock::outside): no lock is held then. What must not happen on the caller's thread
//!   runs on the [`pool`].
//! * Ends are one-way: a session is *removed* from the table by exactly one thread, which then carries out the ending
//!   that it wanted; a handle's last step waits for the PeerConnection's last callback.
#![forbid(unsafe_code)]

pub mod allowance;
pub mod auth;
pub mod bounds;
pub mod errors;
pub mod flags;
pub mod handle;
pub mod host;
pub mod jsep;
pub mod link;
pub mod negotiate;
pub mod notifier;
pub mod limit;
pub mod measures;
pub mod pool;
pub mod queues;
pub mod registry;
pub mod leftovers;
pub mod residue;
pub mod session;
pub mod settings;
pub mod signalling;
pub mod sink;
pub mod stalls;
pub mod statistics;
pub mod trickle;
pub mod watchdog;

use crate::json::Json;
use crate::media::Engine;
use crate::modules::host::{EventHandlerFace, LoggerFace, PluginFace, TransportFace};
use crate::util::lock::Lock;
use crate::util::random;
use auth::Auth;
use limit::Limit;
use measures::Measures;
use notifier::{Kind, Notifier, Subject, instance_id, subtype};
use pool::Pool;
use queues::Queues;
use registry::Registry;
use session::Owner;
use settings::{Changes, Live, Settings};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

/// A session as clients have them.
pub type Session = session::Session<handle::Handle>;

pub struct Core {
    pub settings: Settings,
    pub live: Live,
    pub auth: Auth,
    pub notifier: Notifier,
    pub pool: Pool,
    pub queues: Arc<Queues>,
    pub measures: Measures,
    /// Host names of candidates that are being looked up.
    pub lookups: Limit,
    pub plugins: Registry<dyn PluginFace>,
    pub transports: Registry<dyn TransportFace>,
    pub event_handlers: Arc<Registry<dyn EventHandlerFace>>,
    pub loggers: Registry<dyn LoggerFace>,
    /// PeerConnections that are up, for the status event.
    pub peerconnections: AtomicUsize,
    /// For what setting them up leaves behind.
    pub set_ups: leftovers::SetUps,
    sessions: Lock<HashMap<u64, Arc<Session>>>,
    /// The host's own address, as it is now.
    local_ip: Lock<String>,
    engine: OnceLock<Arc<Engine>>,
    emptied: OnceLock<Box<dyn Fn() + Send + Sync>>,
    reload: OnceLock<Reload>,
}

/// Reads the configuration anew; the error is one line.
pub type Reload = Box<dyn Fn() -> Result<Changes, String> + Send + Sync>;

impl Core {
    /// Fails only when the events thread cannot be started.
    pub fn new(settings: Settings) -> std::io::Result<Arc<Core>> {
        let event_handlers: Arc<Registry<dyn EventHandlerFace>> = Arc::default();
        Ok(Arc::new(Core {
            live: Live::new(&settings),
            auth: Auth::new(&settings),
            notifier: Notifier::start(
                settings.events,
                &settings.server_name,
                settings.bounds.events,
                event_handlers.clone(),
            )?,
            pool: Pool::new(),
            queues: Arc::default(),
            measures: Measures::default(),
            lookups: Limit::default(),
            plugins: Registry::default(),
            transports: Registry::default(),
            event_handlers,
            loggers: Registry::default(),
            peerconnections: 0.into(),
            set_ups: leftovers::SetUps::default(),
            sessions: Lock::default(),
            local_ip: Lock::new(settings.facts.local_ip.clone()),
            engine: OnceLock::new(),
            emptied: OnceLock::new(),
            reload: OnceLock::new(),
            settings,
        }))
    }

    /// The host's own address.
    pub fn local_ip(&self) -> String {
        self.local_ip.lock().clone()
    }

    /// The host has other addresses: its own one, and those that media comes to and leaves from.
    pub fn follow_addresses(&self, local: IpAddr, media: &[IpAddr]) {
        *self.local_ip.lock() = local.to_string();
        if let Some(engine) = self.engine() {
            engine.follow(media);
        }
    }

    /// Gives the core its media engine. Without one, offers fail with 490.
    pub fn set_engine(&self, engine: Arc<Engine>) {
        let _ = self.engine.set(engine);
    }

    /// Whether a control thread and every media worker do what they are asked for within `limit`; else who does not.
    pub fn answers(&self, limit: std::time::Duration) -> Result<(), String> {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        self.pool.run(move || {
            let _ = reply.try_send(());
        });
        let workers = self.engine().map_or(Ok(()), |engine| engine.answers(limit));
        workers.map_err(|index| format!("media worker {index}"))?;
        answer.recv_timeout(limit).map_err(|_| "the control threads".to_owned())
    }

    /// PeerConnections that there are.
    pub fn peer_connections(&self) -> usize {
        self.engine().map_or(0, |engine| engine.loads().iter().sum())
    }

    /// Called whenever the last session has been taken out of the table; must neither block nor ask for sessions.
    pub fn when_empty(&self, call: impl Fn() + Send + Sync + 'static) {
        let _ = self.emptied.set(Box::new(call));
    }

    /// Says how; once.
    pub fn set_reload(&self, reload: Reload) {
        let _ = self.reload.set(reload);
    }

    /// Reads the configuration anew and takes over what can change while running. `None`: there is none to read.
    pub fn reload(&self) -> Option<Result<Changes, String>> {
        Some(self.reload.get()?())
    }

    pub fn engine(&self) -> Option<&Arc<Engine>> {
        self.engine.get()
    }

    /// After a change of [`Live`]: running PeerConnections obey it within a second.
    pub fn tune_engine(&self) {
        if let Some(engine) = self.engine() {
            engine.tune(self.live.media());
        }
    }

    /// Creates a session (`id` 0: a random one) and announces it; `None` when the id is in use.
    pub fn create_session(&self, id: u64, owner: Owner) -> Option<Arc<Session>> {
        let session = {
            let mut sessions = self.sessions.lock();
            let id = match id {
                0 => free_id(|id| sessions.contains_key(&id)),
                taken if sessions.contains_key(&taken) => return None,
                free => free,
            };
            let session = Arc::new(Session::new(id, owner.clone()));
            sessions.insert(id, session.clone());
            session
        };
        tracing::info!("Creating new session: {}", session.id);
        owner.session_created(session.id);
        self.notifier.emit(Kind::Session, subtype::NONE, subject(&session), || {
            let transport = Json::object()
                .with("transport", owner.0.package())
                .with("id", instance_id(owner.0.identity()));
            Json::object().with("name", "created").with("transport", transport)
        });
        Some(session)
    }

    pub fn session(&self, id: u64) -> Option<Arc<Session>> {
        self.sessions.lock().get(&id).cloned()
    }

    pub fn sessions(&self) -> Vec<Arc<Session>> {
        self.sessions.lock().values().cloned().collect()
    }

    /// Takes a session out of the table; true for exactly one caller, who then has to end it.
    fn remove_session(&self, session: &Arc<Session>) -> bool {
        let (removed, empty) = {
            let mut sessions = self.sessions.lock();
            let removed = match sessions.get(&session.id) {
                Some(present) if Arc::ptr_eq(present, session) => sessions.remove(&session.id).is_some(),
                _ => false,
            };
            (removed, sessions.is_empty())
        };
        if removed
            && empty
            && let Some(emptied) = self.emptied.get()
        {
            emptied();
        }
        removed
    }

    /// `destroy` of either API (§2); false when somebody else ended it first. Follow the reply with
    /// [`Core::announce_destroyed`].
    pub fn destroy_session(&self, session: &Arc<Session>) -> bool {
        if !self.remove_session(session) {
            return false;
        }
        tracing::info!("Destroying session {}", session.id);
        if let Some(owner) = session.owner() {
            owner.session_over(session.id, false, false);
        }
        self.end(session);
        true
    }

    pub fn announce_destroyed(&self, session: &Session) {
        self.announce_end(session, "destroyed");
    }

    fn announce_end(&self, session: &Session, name: &str) {
        self.notifier
            .emit(Kind::Session, subtype::NONE, subject(session), || Json::object().with("name", name));
    }

    fn end(&self, session: &Session) {
        session.mark_destroyed();
        session.close_handles();
        session.forget_owner();
    }

    /// The rest of an expiry, after [`Core::remove_session`]; calls the transport.
    fn expire(&self, session: &Arc<Session>) {
        session.close_handles();
        session.notify(Json::object().with("janus", "timeout").with("session_id", session.id));
        if let Some(owner) = session.owner() {
            owner.session_over(session.id, true, false);
        }
        self.announce_end(session, "timeout");
        session.mark_destroyed();
        session.forget_owner();
    }

    /// Moves a session to another connection (§2); false when it ended meanwhile. Claims of one session must not
    /// run at the same time.
    pub fn claim_session(&self, session: &Arc<Session>, new: Owner) -> bool {
        let old = session.owner();
        if let Some(old) = old {
            if old.is(new.0.package(), new.0.identity()) {
                return true;
            }
            old.session_over(session.id, false, true);
        }
        session.set_owner(new.clone());
        if session.is_destroyed() {
            session.forget_owner();
            return false;
        }
        new.session_claimed(session.id);
        session.set_transport_gone(false);
        true
    }

    /// A connection has gone: its sessions end at once, or wait to be claimed (§2). Never calls the transport, which
    /// may hold its own locks here.
    pub fn transport_gone(&self, package: &str, instance: usize) {
        for session in self.sessions() {
            let owned = session.owner().is_some_and(|o| o.is(package, instance));
            if !owned {
                continue;
            }
            if self.settings.reclaim_session_timeout > 0 {
                session.set_transport_gone(true);
            } else if self.remove_session(&session) {
                self.announce_end(&session, "destroyed");
                session.mark_destroyed();
                // Dropping the owner may free the transport's instance, and plugins are told: not on this thread.
                self.pool.run(move || {
                    session.close_handles();
                    session.forget_owner();
                });
            }
        }
    }

    /// Detaches everything, stops the engine and waits for plugin code to return, at most `limit`; false when some did
    /// not (§1.7). Afterwards no plugin is called any more, and nothing new is accepted.
    pub fn shut_down(&self, limit: std::time::Duration) -> bool {
        for session in self.sessions() {
            if self.remove_session(&session) {
                self.end(&session);
            }
        }
        // Its workers carry out the hang-ups first, and with them the last steps of handles.
        if let Some(engine) = self.engine().cloned() {
            self.pool.run(move || engine.stop());
        }
        self.pool.stop(limit)
    }
}

/// A random id of 1…2^53−1 that `taken` does not know.
pub fn free_id(taken: impl Fn(u64) -> bool) -> u64 {
    loop {
        let id = random::u64();
        if id > 0 && !taken(id) {
            return id;
        }
    }
}

fn subject(session: &Session) -> Subject<'_> {
    Subject { session_id: session.id, ..Subject::default() }
}
