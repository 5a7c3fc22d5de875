//! Plugins, as far as their stalls and crashes are concerned, and the functions of other modules, as far as crashes are.
#![forbid(unsafe_code)]

use crate::util::append::Append;
use crate::util::lock::Lock;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// A function of a module's table that the core calls. Plugins' functions for sessions come first: they are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callback {
    CreateSession,
    HandleMessage,
    HandleAdminMessage,
    SetupMedia,
    IncomingRtp,
    IncomingRtcp,
    IncomingData,
    DataReady,
    SlowLink,
    HangupMedia,
    QuerySession,
    DestroySession,
    Init,
    Destroy,
    SendMessage,
    SessionCreated,
    SessionOver,
    SessionClaimed,
    QueryTransport,
    IncomingEvent,
    HandleRequest,
    IncomingLogline,
}

use Callback::*;

impl Callback {
    /// In the order of their numbers, with the members' names in `struct janus_plugin`, `struct janus_transport` and the others.
    const NAMES: [(Callback, &str); 22] = [
        (CreateSession, "create_session"),
        (HandleMessage, "handle_message"),
        (HandleAdminMessage, "handle_admin_message"),
        (SetupMedia, "setup_media"),
        (IncomingRtp, "incoming_rtp"),
        (IncomingRtcp, "incoming_rtcp"),
        (IncomingData, "incoming_data"),
        (DataReady, "data_ready"),
        (SlowLink, "slow_link"),
        (HangupMedia, "hangup_media"),
        (QuerySession, "query_session"),
        (DestroySession, "destroy_session"),
        (Init, "init"),
        (Destroy, "destroy"),
        (SendMessage, "send_message"),
        (SessionCreated, "session_created"),
        (SessionOver, "session_over"),
        (SessionClaimed, "session_claimed"),
        (QueryTransport, "query_transport"),
        (IncomingEvent, "incoming_event"),
        (HandleRequest, "handle_request"),
        (IncomingLogline, "incoming_logline"),
    ];
    const WATCHED: usize = DestroySession as usize + 1;

    pub fn name(self) -> &'static str {
        Callback::NAMES[self as usize].1
    }

    pub(super) fn from_number(number: u8) -> Option<Callback> {
        Some(Callback::NAMES.get(usize::from(number))?.0)
    }

    pub(super) fn watched() -> impl Iterator<Item = Callback> {
        Callback::NAMES.iter().map(|(callback, _)| *callback).filter(|callback| callback.is_watched())
    }

    /// The others may take their time.
    pub(super) fn is_watched(self) -> bool {
        (self as usize) < Callback::WATCHED
    }

    /// There may be thousands of them per second.
    pub(super) fn is_for_packets(self) -> bool {
        matches!(self, IncomingRtp | IncomingRtcp | IncomingData | DataReady)
    }

    /// Called on media workers, where others wait for it.
    pub fn is_media(self) -> bool {
        matches!(
            self,
            SetupMedia | IncomingRtp | IncomingRtcp | IncomingData | DataReady | SlowLink | HangupMedia
        )
    }
}

#[derive(Default)]
struct Counts {
    stalls: AtomicU64,
    now: AtomicUsize,
    relieved: AtomicU64,
    longest_ms: AtomicU64,
}

/// Of one callback.
#[derive(Default)]
struct Times {
    calls: AtomicU64,
    ns: AtomicU64,
}

/// One per package and process, for ever: modules are not unloaded either. Also a transport, event handler or logger,
/// of which only the functions for a report of a crash are known.
pub struct Plugin {
    package: String,
    index: u32,
    /// Has callbacks that are watched.
    is_plugin: bool,
    origin: OnceLock<Origin>,
    counts: [Counts; Callback::WATCHED],
    times: [Times; Callback::NAMES.len()],
    /// Media callbacks whose worker went on without them.
    blocked: AtomicUsize,
    dropped: AtomicU64,
}

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Without its folder.
    pub file: String,
    /// The ABI generation that it is served as.
    pub generation: Option<String>,
    /// In hexadecimal digits.
    pub build_id: Option<String>,
}

static PLUGINS: Append<Plugin> = Append::new();
/// Held by who adds one.
static ADDING: Lock<()> = Lock::new(());

impl Plugin {
    /// The plugin of this package.
    pub fn of(package: &str) -> &'static Plugin {
        Plugin::one(package, true)
    }

    /// The transport, event handler or logger of this package.
    pub fn other(package: &str) -> &'static Plugin {
        Plugin::one(package, false)
    }

    fn one(package: &str, is_plugin: bool) -> &'static Plugin {
        let _alone = ADDING.lock();
        let known = PLUGINS.iter().find(|p| p.package == package && p.is_plugin == is_plugin);
        known.unwrap_or_else(|| {
            let plugin = Plugin {
                package: package.to_owned(),
                index: PLUGINS.iter().count() as u32,
                is_plugin,
                origin: OnceLock::new(),
                counts: Default::default(),
                times: Default::default(),
                blocked: AtomicUsize::new(0),
                dropped: AtomicU64::new(0),
            };
            PLUGINS.push(plugin).1
        })
    }

    /// Takes no lock.
    pub(super) fn at(index: u32) -> Option<&'static Plugin> {
        PLUGINS.get(index as usize)
    }

    /// Says where it comes from. Once.
    pub fn comes_from(&self, origin: Origin) {
        let _ = self.origin.set(origin);
    }

    pub fn origin(&self) -> Option<&Origin> {
        self.origin.get()
    }

    pub fn package(&self) -> &str {
        &self.package
    }

    pub(super) fn index(&self) -> u32 {
        self.index
    }

    /// It took so long, and stands for so many calls.
    pub(super) fn took(&self, callback: Callback, time: Duration, calls: u64) {
        let times = &self.times[callback as usize];
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        times.calls.fetch_add(calls, Ordering::Relaxed);
        times.ns.fetch_add(ns.saturating_mul(calls), Ordering::Relaxed);
    }

    pub(super) fn stall_began(&self, callback: Callback) {
        let counts = &self.counts[callback as usize];
        counts.stalls.fetch_add(1, Ordering::Relaxed);
        counts.now.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stall_lasts(&self, callback: Callback, time: Duration) {
        self.counts[callback as usize].longest_ms.fetch_max(time.as_millis() as u64, Ordering::Relaxed);
    }

    pub(super) fn stall_ended(&self, callback: Callback) {
        self.counts[callback as usize].now.fetch_sub(1, Ordering::Relaxed);
    }

    /// Another thread does the work of the one that is in this media callback.
    pub fn relieved(&self, callback: Callback) {
        self.counts[callback as usize].relieved.fetch_add(1, Ordering::Relaxed);
        self.blocked.fetch_add(1, Ordering::Relaxed);
    }

    /// That callback has returned. What it did is seen by who is told so by [`Plugin::is_blocked`].
    pub fn returned(&self) {
        self.blocked.fetch_sub(1, Ordering::Release);
    }

    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Acquire) > 0
    }

    /// A packet or message that was not handed over meanwhile.
    pub fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the Admin API and metrics say of a plugin. Counters since the start of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginReport {
    pub package: String,
    /// RTP, RTCP and data that were not handed over while a media callback blocked.
    pub dropped: u64,
    /// Those that have stalled.
    pub callbacks: Vec<CallbackReport>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackReport {
    pub callback: Callback,
    /// Calls that took longer than [`LIMIT`](super::LIMIT).
    pub stalls: u64,
    /// Those of them that have not returned yet.
    pub stalled: usize,
    /// Those of them whose media worker went on without them.
    pub relieved: u64,
    /// To the watchdog's step.
    pub longest_ms: u64,
}

/// What a module's functions took, of those that were called. Of calls for packets an estimate: see
/// [`SAMPLE`](super::SAMPLE).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    pub package: String,
    pub callback: Callback,
    pub calls: u64,
    pub time: Duration,
}

/// Of all modules. A call inside another one counts as part of that.
pub fn spent() -> Vec<Spent> {
    let of = |plugin: &Plugin, callback: Callback| {
        let times = &plugin.times[callback as usize];
        let calls = times.calls.load(Ordering::Relaxed);
        let time = Duration::from_nanos(times.ns.load(Ordering::Relaxed));
        (calls > 0).then(|| Spent { package: plugin.package.clone(), callback, calls, time })
    };
    let all = || Callback::NAMES.iter().map(|(callback, _)| *callback);
    PLUGINS.iter().flat_map(|plugin| all().filter_map(move |callback| of(plugin, callback))).collect()
}

/// Where the module of this package comes from.
pub fn origin_of(package: &str) -> Option<Origin> {
    PLUGINS.iter().find(|plugin| plugin.package == package)?.origin().cloned()
}

/// All plugins that were loaded, also those that never stalled.
pub fn report() -> Vec<PluginReport> {
    let of = |plugin: &Plugin| {
        let all = Callback::watched().map(|callback| {
            let counts = &plugin.counts[callback as usize];
            CallbackReport {
                callback,
                stalls: counts.stalls.load(Ordering::Relaxed),
                stalled: counts.now.load(Ordering::Relaxed),
                relieved: counts.relieved.load(Ordering::Relaxed),
                longest_ms: counts.longest_ms.load(Ordering::Relaxed),
            }
        });
        PluginReport {
            package: plugin.package.clone(),
            dropped: plugin.dropped.load(Ordering::Relaxed),
            callbacks: all.filter(|report| report.stalls > 0).collect(),
        }
    };
    PLUGINS.iter().filter(|plugin| plugin.is_plugin).map(of).collect()
}
