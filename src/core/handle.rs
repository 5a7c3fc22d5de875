//! One handle: a client's attachment to a plugin, with at most one PeerConnection at a time.
//!
//! Its life (control-plane.md §6): [`Handle::new`] → [`Handle::attach`] (plugin `create_session`) → messages and
//! media → [`Handle::detach`], which only marks and queues → `finish` (plugin `destroy_session`, `detached`), once, and
//! only after the PeerConnection's last callback.

use super::Core;
use super::allowance::Allowance;
use super::flags::{self, Flags};
use super::notifier::{Kind, Subject, subtype};
use super::session::{Attached, Session};
use super::signalling::Signalling;
use crate::json::Json;
use crate::media::{Command, HangupReason, Peer, Route};
use crate::modules::host::{PluginFace, PluginSessionFace};
use crate::record::capture::Capture;
use crate::util::lock::{Lock, outside};
use crate::util::relief;
use crate::util::seldom::Seldom;
use crate::util::time;
use arc_swap::ArcSwapOption;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Weak};
use std::time::{Duration, Instant};

/// What has to happen in which order when a handle ends.
#[derive(Default)]
pub(super) struct Life {
    plugin_session: Option<Arc<dyn PluginSessionFace>>,
    /// `create_session` has returned without error.
    attached: bool,
    /// A PeerConnection exists whose `closed` has not come yet.
    connected: bool,
    detaching: bool,
    /// The plugin session, if there was one then, has been told to stop.
    stopped: bool,
    /// Somebody runs, or has run, `finish`.
    finished: bool,
}

impl Life {
    /// True for exactly one caller: the one that has to run `finish`.
    fn may_finish(&mut self) -> bool {
        let now = self.stopped && self.attached && !self.connected && !self.finished;
        self.finished |= now;
        now
    }
}

pub struct Handle {
    pub id: u64,
    pub session: Arc<Session<Handle>>,
    pub opaque_id: Option<String>,
    pub token: Option<String>,
    pub plugin: Arc<dyn PluginFace>,
    /// Static loop asked for at attach.
    pub loop_index: Option<usize>,
    /// Monotonic µs.
    pub created: i64,
    pub flags: Flags,
    pub(super) core: Arc<Core>,
    pub(super) this: Weak<Handle>,
    pub(super) life: Lock<Life>,
    /// Notified when `CLEANING` is cleared; goes with `life`.
    cleaned: Condvar,
    pub(super) signalling: Lock<Signalling>,
    /// Held while one jsep of this handle is processed, from either side; never while a module is called.
    pub(super) negotiating: Lock<()>,
    /// The present PeerConnection.
    pub(super) link: ArcSwapOption<Peer>,
    close_pending: AtomicBool,
    /// The plugin has asked for the end; once is enough.
    end_pending: AtomicBool,
    /// Of the plugin, for events to the client.
    pub(super) allowance: Allowance,
    /// It sent descriptions that cannot be used.
    pub(super) useless_jsep: Seldom,
    /// It was said that the plugin relays packets that are too large.
    pub(super) oversized_told: AtomicBool,
    /// It was said that the client names too many candidates.
    pub(super) candidates_told: AtomicBool,
    /// Packets of the present PeerConnection and of later ones are being written there.
    pub(super) capture: Lock<Option<Arc<Capture>>>,
}

/// What a new handle starts from.
pub struct HandleConfig {
    pub plugin: Arc<dyn PluginFace>,
    pub opaque_id: Option<String>,
    pub token: Option<String>,
    pub loop_index: Option<usize>,
}

/// Why [`Handle::attach`] failed.
#[derive(Debug, PartialEq, Eq)]
pub enum AttachError {
    /// The plugin's number.
    Plugin(i32),
    /// The session ended meanwhile; everything is being undone.
    SessionGone,
}

impl Handle {
    pub fn new(
        core: &Arc<Core>,
        session: &Arc<Session<Handle>>,
        id: u64,
        config: HandleConfig,
    ) -> Arc<Handle> {
        Arc::new_cyclic(|this| Handle {
            id,
            session: session.clone(),
            opaque_id: config.opaque_id,
            token: config.token,
            plugin: config.plugin,
            loop_index: config.loop_index,
            created: time::monotonic(),
            flags: Flags::new(flags::ALERT),
            core: core.clone(),
            this: this.clone(),
            life: Lock::default(),
            cleaned: Condvar::new(),
            signalling: Lock::default(),
            negotiating: Lock::default(),
            link: ArcSwapOption::empty(),
            close_pending: false.into(),
            end_pending: false.into(),
            allowance: Allowance::default(),
            useless_jsep: Seldom::default(),
            oversized_told: false.into(),
            candidates_told: false.into(),
            capture: Lock::default(),
        })
    }

    /// How its PeerConnection is, if there is one: `connecting`, `connected` or `closing`.
    pub fn connection_state(&self) -> Option<&'static str> {
        self.link.load().as_ref()?;
        Some(match (self.flags.any(flags::ALERT), self.flags.any(flags::READY)) {
            (true, _) => "closing",
            (false, true) => "connected",
            (false, false) => "connecting",
        })
    }

    /// Calls the plugin's `create_session`.
    pub fn attach(self: &Arc<Self>) -> Result<(), AttachError> {
        let plugin_session = outside(|| self.plugin.attach(self.clone())).map_err(|code| {
            self.session.remove_handle(self.id);
            AttachError::Plugin(code)
        })?;
        tracing::info!("Creating new handle in session {}: {}", self.session.id, self.id);
        let gone = !self.keep(&plugin_session);
        self.core.notifier.emit(Kind::Handle, subtype::NONE, self.subject(), || self.life_event("attached"));
        if gone { Err(AttachError::SessionGone) } else { Ok(()) }
    }

    /// Takes over the new plugin session; when the handle was detached meanwhile, ends it.
    fn keep(&self, plugin_session: &Arc<dyn PluginSessionFace>) -> bool {
        let detached = {
            let mut life = self.life.lock();
            if !life.detaching {
                life.plugin_session = Some(plugin_session.clone());
                life.attached = true;
            }
            life.detaching
        };
        if detached {
            outside(|| plugin_session.stop());
            let mut life = self.life.lock();
            life.plugin_session = Some(plugin_session.clone());
            life.attached = true;
            if life.may_finish() {
                self.finish_elsewhere();
            }
        }
        !detached
    }

    /// The plugin session, as long as the plugin may be called with it.
    pub fn plugin_session(&self) -> Option<Arc<dyn PluginSessionFace>> {
        self.life.lock().plugin_session.clone().filter(|ps| ps.is_alive())
    }

    /// The short way that packets from the plugin take. Cleared whenever they shall not be sent any more.
    pub(super) fn at_route(&self, act: impl FnOnce(&Route)) {
        if let Some(route) = self.life.lock().plugin_session.as_ref().and_then(|session| session.route()) {
            act(route);
        }
    }

    /// Whether candidates of ours are sent by themselves, instead of in the description.
    pub(super) fn trickles(&self) -> bool {
        let chosen = self.life.lock().plugin_session.as_ref().and_then(|session| session.trickles());
        chosen.unwrap_or(self.core.settings.full_trickle)
    }

    pub fn is_detached(&self) -> bool {
        self.life.lock().detaching
    }

    /// Starts the end of this handle (§6.4). Returns at once; false when it has started before.
    pub fn detach(&self) -> bool {
        match self.detach_but_for_the_rest() {
            None => false,
            Some(rest) => {
                rest.into_iter().for_each(Rest::run_elsewhere);
                true
            }
        }
    }

    /// The same but for its last step, if nothing has to be waited for before that one.
    pub fn detach_but_for_the_rest(&self) -> Option<Option<Rest>> {
        let plugin_session = {
            let mut life = self.life.lock();
            if life.detaching {
                return None;
            }
            life.detaching = true;
            life.plugin_session.clone()
        };
        tracing::info!(handle = self.id, "Detaching handle from {}", self.plugin.package());
        self.session.remove_handle(self.id);
        self.flags.set(flags::STOP);
        if let Some(plugin_session) = plugin_session {
            outside(|| plugin_session.stop());
        }
        self.hangup(HangupReason::Detach);
        self.stop_capture();
        // Others of the session may have their room.
        self.signalling.lock().pending.clear();
        let mut life = self.life.lock();
        life.stopped = true;
        Some(self.this.upgrade().filter(|_| life.may_finish()).map(Rest))
    }

    /// Asks for the end of the PeerConnection; ignored when one is under way or there is none (§3.6 of the media
    /// plane). The plugin hears of it later, on the worker.
    pub fn hangup(&self, reason: HangupReason) {
        self.close_pending.store(false, Ordering::Release);
        let lost = flags::GOT_OFFER | flags::GOT_ANSWER | flags::NEGOTIATED;
        if !self.flags.change_unless(flags::ALERT, flags::ALERT | flags::CLEANING, lost) {
            return;
        }
        self.at_route(Route::clear);
        match self.link.load_full() {
            Some(link) => link.command(Command::Hangup(reason)),
            None => {
                self.flags.clear(flags::CLEANING);
                // Whoever is about to wait has seen the flag, or waits already.
                drop(self.life.lock());
                self.cleaned.notify_all();
            }
        }
    }

    /// A plugin's `close_pc`: off this thread, once at a time (CP-230, CP-231).
    pub(super) fn close_later(&self) {
        if self.close_pending.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(handle) = self.this.upgrade() {
            self.core.pool.run(move || {
                if handle.close_pending.swap(false, Ordering::AcqRel) {
                    handle.hangup(HangupReason::ClosePc);
                }
            });
        }
    }

    /// A plugin's `end_session`: off this thread. A further one, before the plugin session has stopped, is nothing but a
    /// line in the log, as it is afterwards.
    pub(super) fn end_later(&self) {
        let ignored = || tracing::debug!("end_session for a session that is not alive: ignored");
        if self.end_pending.swap(true, Ordering::AcqRel) {
            return ignored();
        }
        if let Some(handle) = self.this.upgrade() {
            self.core.pool.run(move || {
                if !handle.detach() {
                    ignored();
                }
            });
        }
    }

    /// A PeerConnection is about to exist; false when the handle is ending.
    pub(super) fn link_begins(&self) -> bool {
        self.close_pending.store(false, Ordering::Release);
        let mut life = self.life.lock();
        if life.detaching || life.connected {
            return false;
        }
        life.connected = true;
        true
    }

    /// Runs `note` if the PeerConnection that was about to exist has not ended meanwhile; true if so.
    pub(super) fn link_exists(&self, note: impl FnOnce()) -> bool {
        let life = self.life.lock();
        if life.connected {
            note();
            self.cleaned.notify_all();
        }
        life.connected
    }

    /// Runs `forget`; a new PeerConnection may come then.
    pub(super) fn link_ended(&self, forget: impl FnOnce()) {
        let mut life = self.life.lock();
        forget();
        life.connected = false;
        self.cleaned.notify_all();
    }

    /// Waits for the end of a previous PeerConnection, so long at most; false when it has not come.
    pub(super) fn is_clean_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut life = self.life.lock();
        while self.flags.any(flags::CLEANING) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            life = life.wait_timeout(&self.cleaned, left);
        }
        true
    }

    /// The PeerConnection has made its last callback: the end of the handle may have waited for that.
    pub(super) fn finish_if_due(&self) {
        let due = self.life.lock().may_finish();
        if due {
            self.finish();
        }
    }

    fn finish_elsewhere(&self) {
        self.this.upgrade().map(Rest).into_iter().for_each(Rest::run_elsewhere);
    }

    /// The last call into the plugin, then the news of it. Runs once.
    fn finish(&self) {
        let plugin_session = self.life.lock().plugin_session.take();
        if let Some(plugin_session) = plugin_session {
            outside(|| plugin_session.destroy());
            outside(|| drop(plugin_session));
        }
        tracing::info!(handle = self.id, "Handle and related resources freed");
        self.session.notify(self.event("detached"));
        self.core.notifier.emit(Kind::Handle, subtype::NONE, self.subject(), || self.life_event("detached"));
    }

    #[cfg(test)]
    pub(super) fn has_link(&self) -> bool {
        self.life.lock().connected
    }

    /// An event for the client up to the member `opaque_id` (§4).
    pub fn event(&self, name: &str) -> Json {
        self.event_about(name, None)
    }

    pub(super) fn event_about(&self, name: &str, transaction: Option<&str>) -> Json {
        Json::object()
            .with("janus", name)
            .with("session_id", self.session.id)
            .with_some("transaction", transaction)
            .with("sender", self.id)
            .with_some("opaque_id", self.shown_opaque_id())
    }

    /// The opaque id, where clients may see it (CP-201).
    pub fn shown_opaque_id(&self) -> Option<&str> {
        self.opaque_id.as_deref().filter(|_| self.core.settings.opaque_id_in_api)
    }

    pub fn subject(&self) -> Subject<'_> {
        Subject { session_id: self.session.id, handle_id: self.id, opaque_id: self.opaque_id.as_deref() }
    }

    fn life_event(&self, name: &str) -> Json {
        Json::object()
            .with("name", name)
            .with("plugin", self.plugin.package())
            .with_some("opaque_id", self.opaque_id.as_deref())
            .with_some("token", self.token.as_deref())
    }

    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

/// The last step of a handle, which is to be taken by whoever has this: a call into the plugin.
#[must_use]
pub struct Rest(Arc<Handle>);

impl Rest {
    /// On this thread, if it may block.
    pub fn run(self) {
        if relief::may_block() { self.0.finish() } else { self.run_elsewhere() }
    }

    pub fn run_elsewhere(self) {
        let Rest(handle) = self;
        let pool = handle.core.pool.clone();
        pool.run(move || handle.finish());
    }
}

impl Attached for Handle {
    fn id(&self) -> u64 {
        self.id
    }

    fn detach(&self) -> bool {
        Handle::detach(self)
    }
}
