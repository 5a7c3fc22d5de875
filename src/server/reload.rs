//! Another configuration while the server runs: what has changed in the file is taken over where that is possible. What the
//! Admin API has set since stays, unless the file says something new.
#![forbid(unsafe_code)]

use super::{addresses, networks, settings};
use crate::config::{Config, Kind, Nodes};
use crate::core::Core;
use crate::core::settings::{Changes, LogKnob};
use crate::options::{self, File, Row};
use crate::util::files;
use crate::util::lock::Lock;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

pub struct Reload {
    core: Weak<Core>,
    interfaces: networks::Read,
    /// Of the thread that follows the addresses of the host, where there is one.
    lists: Option<Arc<Lock<Config>>>,
    /// What was read last.
    known: Lock<Config>,
}

impl Reload {
    pub fn new(
        core: &Arc<Core>,
        config: &Config,
        interfaces: networks::Read,
        lists: Option<Arc<Lock<Config>>>,
    ) -> Reload {
        Reload { core: Arc::downgrade(core), interfaces, lists, known: Lock::new(config.clone()) }
    }

    /// Says in the log what it takes over, and what not.
    pub fn take(&self, new: Config) -> Changes {
        let Some(core) = self.core.upgrade() else { return Changes::default() };
        options::check(File::Janus, &new).iter().for_each(|line| tracing::warn!("{line}"));
        let old = std::mem::replace(&mut *self.known.lock(), new.clone());
        let changed = options::ALL.iter().filter(|row| row.file == File::Janus && differs(row, &old, &new));
        let mut changes = Changes::default();
        for row in changed {
            let name = format!("{}.{}", row.category, row.name);
            if self.apply(&core, &name, &old, &new) {
                changes.taken.push(name);
            } else {
                changes.restart.push(name);
            }
        }
        core.tune_engine();
        match (changes.taken.is_empty(), changes.restart.is_empty()) {
            (true, true) => tracing::info!("The configuration was read again: nothing has changed"),
            (false, _) => {
                tracing::info!("The configuration was read again: {} changed", changes.taken.join(", "))
            }
            _ => {}
        }
        if !changes.restart.is_empty() {
            tracing::warn!(
                "Changed in the configuration, and in force only after a restart: {}",
                changes.restart.join(", ")
            );
        }
        changes
    }

    /// False: not while the server runs.
    fn apply(&self, core: &Core, name: &str, old: &Config, new: &Config) -> bool {
        let (live, log) = (&core.live, &core.settings.log);
        match name {
            "general.debug_level" => {
                log.set(LogKnob::Level, options::DEBUG_LEVEL.written(new).map_or(4, settings::debug_level));
            }
            "general.debug_timestamps" => {
                log.set(LogKnob::Timestamps, options::DEBUG_TIMESTAMPS.of(new).into())
            }
            "general.debug_colors" => log.set(LogKnob::Colors, options::DEBUG_COLORS.of(new).into()),
            "general.api_secret" | "general.admin_secret" => replace_secrets(core, new),
            // From no secret to one, the kind of tokens would change.
            "general.token_auth_secret" => {
                let both = [old, new].iter().all(|config| options::TOKEN_AUTH_SECRET.of(config).is_some());
                if both && core.auth.is_signed() {
                    replace_secrets(core, new);
                }
                return both;
            }
            "general.session_timeout" => {
                live.session_timeout.store(options::SESSION_TIMEOUT.of(new), Ordering::Relaxed);
            }
            "general.protected_folders" => {
                files::clear_protected();
                new.list("general", "protected_folders")
                    .unwrap_or_default()
                    .into_iter()
                    .for_each(files::protect);
            }
            "media.min_nack_queue" => {
                live.min_nack_queue.store(options::MIN_NACK_QUEUE.of(new).min(1000), Ordering::Relaxed);
            }
            "media.nack_optimizations" => {
                live.nack_optimizations.store(options::NACK_OPTIMIZATIONS.of(new), Ordering::Relaxed);
            }
            "media.no_media_timer" => {
                live.no_media_timer.store(options::NO_MEDIA_TIMER.of(new), Ordering::Relaxed)
            }
            "media.slowlink_threshold" => {
                live.slowlink_threshold.store(options::SLOWLINK_THRESHOLD.of(new), Ordering::Relaxed);
            }
            "nat.ice_enforce_list" | "nat.ice_ignore_list" => self.follow_lists(core, new),
            _ => return false,
        }
        true
    }

    fn follow_lists(&self, core: &Core, new: &Config) {
        let present = (self.interfaces)();
        // Only these two: the rest of the file is not in force.
        if let Some(lists) = &self.lists {
            let mut of_thread = lists.lock();
            for row in [&options::ICE_ENFORCE_LIST, &options::ICE_IGNORE_LIST] {
                row.row.remove(&mut of_thread);
                if let Some(text) = row.row.written(new) {
                    of_thread.set(row.row.category, row.row.name, text);
                }
            }
        }
        core.follow_addresses(addresses::local(new, &present).0, &addresses::to_listen_on(new, &present));
    }
}

fn replace_secrets(core: &Core, new: &Config) {
    let token = options::TOKEN_AUTH_SECRET.of(new).filter(|_| core.auth.is_signed());
    core.auth.replace(options::API_SECRET.of(new), options::ADMIN_SECRET.of(new), token);
}

fn differs(row: &Row, old: &Config, new: &Config) -> bool {
    if row.kind == options::Kind::Array {
        let list = |config: &Config| {
            config.category(row.category).and_then(|c: &Nodes| c.get(Kind::Array, row.name).cloned())
        };
        return list(old) != list(new);
    }
    row.written(old) != row.written(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::no_include;
    use crate::core::settings::Settings;

    #[test]
    fn what_the_file_changes_is_taken_over_or_named() {
        let read = |text: &str| Config::parse("janus.jcfg", text.as_bytes(), &no_include).unwrap();
        let first = read(
            "general: { admin_secret = \"a\"; debug_level = 4; session_timeout = 60; server_name = \"one\" }",
        );
        let core = Core::new(Settings { admin_secret: Some("a".into()), ..Settings::default() }).unwrap();
        let reload = Reload::new(&core, &first, Vec::new, None);
        assert_eq!(reload.take(first.clone()), Changes::default());
        // Set by the Admin API since; the file does not say anything new about it.
        core.live.session_timeout.store(7, Ordering::Relaxed);
        let second = "general: { admin_secret = \"b\"; debug_level = 6; session_timeout = 60; server_name = \"two\"; \
                      protected_folders = [ \"/x\" ] }\nmedia: { no_media_timer = 9 }\nnat: { ice_ignore_list = \"vmnet\" }";
        let changes = reload.take(read(second));
        let names = [
            "general.admin_secret",
            "general.debug_level",
            "media.no_media_timer",
            "nat.ice_ignore_list",
            "general.protected_folders",
        ];
        let mut taken = changes.taken.clone();
        taken.sort();
        let mut expected = names.map(str::to_owned).to_vec();
        expected.sort();
        assert_eq!(taken, expected);
        assert_eq!(changes.restart, ["general.server_name"]);
        assert!(core.auth.admin_valid(Some("b")) && !core.auth.admin_valid(Some("a")));
        assert_eq!(core.settings.log.get(LogKnob::Level), 6);
        assert_eq!(core.live.session_timeout.load(Ordering::Relaxed), 7);
        assert_eq!(core.live.no_media_timer.load(Ordering::Relaxed), 9);
        files::clear_protected();
        // Tokens that are not signed do not become signed.
        let third =
            reload.take(read(&second.replace("debug_level", "token_auth_secret = \"s\"; debug_level")));
        assert_eq!((third.taken, third.restart), (vec![], vec!["general.token_auth_secret".to_owned()]));
    }
}
