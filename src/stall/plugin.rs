//! Plugins, as far as their stalls are concerned.
#![forbid(unsafe_code)]

use crate::util::lock::Lock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// A function of a plugin's table that the core calls.
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
}

use Callback::*;

impl Callback {
    pub(super) const ALL: [Callback; 12] = [
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
    ];

    /// As in `struct janus_plugin`.
    pub fn name(self) -> &'static str {
        match self {
            CreateSession => "create_session",
            HandleMessage => "handle_message",
            HandleAdminMessage => "handle_admin_message",
            SetupMedia => "setup_media",
            IncomingRtp => "incoming_rtp",
            IncomingRtcp => "incoming_rtcp",
            IncomingData => "incoming_data",
            DataReady => "data_ready",
            SlowLink => "slow_link",
            HangupMedia => "hangup_media",
            QuerySession => "query_session",
            DestroySession => "destroy_session",
        }
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

/// One per package and process, for ever: modules are not unloaded either.
pub struct Plugin {
    package: String,
    index: u32,
    counts: [Counts; Callback::ALL.len()],
    /// Media callbacks whose worker went on without them.
    blocked: AtomicUsize,
    dropped: AtomicU64,
}

static PLUGINS: Lock<Vec<&'static Plugin>> = Lock::new(Vec::new());

impl Plugin {
    /// The one of this package.
    pub fn of(package: &str) -> &'static Plugin {
        let mut plugins = PLUGINS.lock();
        if let Some(known) = plugins.iter().find(|plugin| plugin.package == package) {
            return known;
        }
        let plugin: &'static Plugin = Box::leak(Box::new(Plugin {
            package: package.to_owned(),
            index: plugins.len() as u32,
            counts: Default::default(),
            blocked: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
        }));
        plugins.push(plugin);
        plugin
    }

    pub(super) fn at(index: u32) -> Option<&'static Plugin> {
        PLUGINS.lock().get(index as usize).copied()
    }

    pub fn package(&self) -> &str {
        &self.package
    }

    pub(super) fn index(&self) -> u32 {
        self.index
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

/// All plugins that were loaded, also those that never stalled.
pub fn report() -> Vec<PluginReport> {
    let of = |plugin: &&'static Plugin| {
        let all = Callback::ALL.iter().map(|callback| {
            let counts = &plugin.counts[*callback as usize];
            CallbackReport {
                callback: *callback,
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
    PLUGINS.lock().iter().map(of).collect()
}
