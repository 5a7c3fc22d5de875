//! What the core needs to know from the configuration. The daemon (or an embedding program) fills it; what the Admin
//! API changes while running is in [`Live`].

use super::bounds::Bounds;
use crate::media::{self, EngineConfig};
use crate::options::Shown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// Fixed for the life of the core, except where [`Live`] starts from it.
#[derive(Clone)]
pub struct Settings {
    pub server_name: String,
    /// Seconds; 0 = never.
    pub session_timeout: u32,
    /// Seconds; 0 = at once.
    pub reclaim_session_timeout: u32,
    /// Seconds that queued remote candidates are kept.
    pub candidates_timeout: u32,
    pub api_secret: Option<String>,
    pub admin_secret: Option<String>,
    pub token_auth: bool,
    /// With `token_auth`: signed tokens instead of stored ones.
    pub token_auth_secret: Option<String>,
    pub opaque_id_in_api: bool,
    pub hide_dependencies: bool,
    /// Concurrent plugin messages; 0 = unlimited.
    pub task_pool_size: usize,
    /// Number of static loops as configured; 0 = none.
    pub event_loops: usize,
    pub allow_loop_indication: bool,
    /// `events.broadcast`.
    pub events: bool,
    pub combine_media_stats: bool,
    pub full_trickle: bool,
    pub allow_force_relay: bool,
    pub bounds: Bounds,
    pub media: EngineConfig,
    /// Options that `info` shows as they are: its member, and the value.
    pub shown: Vec<(&'static str, Shown)>,
    pub facts: Facts,
    pub log: Arc<dyn LogControls>,
}

/// What `info` shows besides the settings (control-plane.md §3.3).
#[derive(Clone, Debug)]
pub struct Facts {
    /// Of Janus, for clients that go by it.
    pub version: u32,
    pub version_string: String,
    pub commit_hash: String,
    pub compile_time: String,
    pub log_to_stdout: bool,
    pub log_to_file: Option<String>,
    pub local_ip: String,
    pub public_ips: Vec<String>,
    pub ipv6: bool,
    pub ipv6_link_local: bool,
    /// `ip:port`.
    pub stun_server: Option<String>,
    /// `ip:port`; not one of `turn_rest_api`.
    pub turn_server: Option<String>,
    /// Library name and version, in order.
    pub dependencies: Vec<(String, String)>,
    /// Signal number; 0 = none.
    pub log_rotate_signal: i32,
}

/// 1401 is 1.4.1, 1102 is 1.1.2, 161 is 0.16.1, 95 is 0.9.5.
pub fn version_string(version: u32) -> String {
    match version {
        ..1000 => format!("0.{}.{}", version / 10, version % 10),
        _ => format!("{}.{}.{}", version / 1000, version / 100 % 10, version % 100),
    }
}

impl Default for Facts {
    fn default() -> Facts {
        Facts {
            version: 1401,
            version_string: version_string(1401),
            commit_hash: env!("JANUS_RS_COMMIT").into(),
            compile_time: env!("JANUS_RS_COMPILE_TIME").into(),
            log_to_stdout: true,
            log_to_file: None,
            local_ip: "127.0.0.1".into(),
            public_ips: Vec::new(),
            ipv6: false,
            ipv6_link_local: false,
            stun_server: None,
            turn_server: None,
            dependencies: Vec::new(),
            log_rotate_signal: 0,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            server_name: "MyJanusInstance".into(),
            session_timeout: 60,
            reclaim_session_timeout: 0,
            candidates_timeout: 45,
            api_secret: None,
            admin_secret: None,
            token_auth: false,
            token_auth_secret: None,
            opaque_id_in_api: false,
            hide_dependencies: false,
            task_pool_size: 0,
            event_loops: 0,
            allow_loop_indication: false,
            events: false,
            combine_media_stats: false,
            full_trickle: false,
            allow_force_relay: false,
            bounds: Bounds::default(),
            media: EngineConfig::default(),
            shown: Vec::new(),
            facts: Facts::default(),
            log: Arc::new(OwnLog::default()),
        }
    }
}

/// The knobs of the log macro that is compiled into modules; the daemon connects them to the exported variables.
pub trait LogControls: Send + Sync {
    fn get(&self, knob: LogKnob) -> i32;
    fn set(&self, knob: LogKnob, value: i32);
    /// Prints one line at `level` (1–7).
    fn line(&self, level: i32, text: &str);
    /// Opens the log's file anew.
    fn reopen(&self);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKnob {
    Level,
    Timestamps,
    Colors,
    Locking,
    Refcount,
}

/// Knobs without modules behind them, for a core that stands alone.
#[derive(Default)]
struct OwnLog([AtomicI32; 5]);

impl LogControls for OwnLog {
    fn get(&self, knob: LogKnob) -> i32 {
        self.0[knob as usize].load(Ordering::Relaxed)
    }
    fn set(&self, knob: LogKnob, value: i32) {
        self.0[knob as usize].store(value, Ordering::Relaxed);
    }
    fn reopen(&self) {}
    fn line(&self, level: i32, text: &str) {
        match level {
            ..=2 => tracing::error!("{text}"),
            3 => tracing::warn!("{text}"),
            4 => tracing::info!("{text}"),
            5 => tracing::debug!("{text}"),
            _ => tracing::trace!("{text}"),
        }
    }
}

/// What another configuration has changed, as `category.item`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub taken: Vec<String>,
    pub restart: Vec<String>,
}

/// What the Admin API changes at run time; [`super::Core::tune_engine`] hands the media values on.
#[derive(Debug)]
pub struct Live {
    pub session_timeout: AtomicU32,
    pub accepting_sessions: AtomicBool,
    /// What `set_libnice_debug` was told; without effect.
    pub libnice_debug: AtomicBool,
    pub min_nack_queue: AtomicU32,
    pub nack_optimizations: AtomicBool,
    pub no_media_timer: AtomicU32,
    pub slowlink_threshold: AtomicU32,
}

impl Live {
    pub fn new(settings: &Settings) -> Live {
        Live {
            session_timeout: settings.session_timeout.into(),
            accepting_sessions: true.into(),
            libnice_debug: false.into(),
            min_nack_queue: u32::from(settings.media.min_nack_queue).into(),
            nack_optimizations: settings.media.nack_optimizations.into(),
            no_media_timer: settings.media.no_media_timer.into(),
            slowlink_threshold: settings.media.slowlink_threshold.into(),
        }
    }

    /// The part that media streams obey.
    pub fn media(&self) -> media::Settings {
        media::Settings {
            min_nack_queue_ms: self.min_nack_queue.load(Ordering::Relaxed),
            nack_optimizations: self.nack_optimizations.load(Ordering::Relaxed),
            no_media_timer: self.no_media_timer.load(Ordering::Relaxed),
            slowlink_threshold: self.slowlink_threshold.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_of_versions() {
        let texts = [1401, 1102, 1000, 161, 95].map(super::version_string);
        assert_eq!(texts, ["1.4.1", "1.1.2", "1.0.0", "0.16.1", "0.9.5"]);
    }
}
