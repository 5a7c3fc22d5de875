//! The watchdog's view: what has not changed since it looked last.
#![forbid(unsafe_code)]

use super::plugin::{Callback, Plugin};
use super::thread::{Note, Slot, ThreadId, slots};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A callback that takes longer is a stall.
pub const LIMIT: Duration = Duration::from_millis(100);
/// How often somebody looks while a callback runs: what the times of a stall are exact to.
const TICK: Duration = Duration::from_millis(50);

/// A callback that does not return.
#[derive(Clone)]
pub struct Stall {
    pub plugin: &'static Plugin,
    pub callback: Callback,
    /// 0: for none.
    pub handle: u64,
    pub time: Duration,
    slot: &'static Slot,
    note: Note,
}

impl Stall {
    pub fn thread(&self) -> ThreadId {
        self.note.thread
    }

    /// The system's number of the thread.
    pub fn tid(&self) -> i32 {
        self.note.tid
    }

    /// As its creator called it.
    pub fn thread_name(&self) -> String {
        let name = std::fs::read_to_string(format!("/proc/self/task/{}/comm", self.tid()));
        name.map_or_else(|_| "?".to_owned(), |name| name.trim_end().to_owned())
    }

    /// Whether the callback has not returned since.
    pub fn lasts(&self) -> bool {
        self.slot.calls() == self.note.calls
    }
}

pub enum News {
    Began(Stall),
    /// As before. Also right after [`News::Began`].
    Lasts(Stall),
    /// It has returned.
    Over(Stall),
}

struct Seen {
    slot: &'static Slot,
    note: Note,
    since: Instant,
    plugin: &'static Plugin,
    is_stall: bool,
}

impl Seen {
    fn stall(&self, now: Instant) -> Stall {
        let time = now.saturating_duration_since(self.since);
        self.plugin.stall_lasts(self.note.callback, time);
        Stall {
            plugin: self.plugin,
            callback: self.note.callback,
            handle: self.note.handle,
            time,
            slot: self.slot,
            note: self.note,
        }
    }
}

/// Tests run in one process: each that has an [`Observer`] holds the turn.
#[cfg(test)]
pub fn turn() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock().unwrap_or_else(|failed| failed.into_inner())
}

/// One per process counts what it sees.
#[derive(Default)]
pub struct Observer {
    seen: HashMap<ThreadId, Seen>,
}

impl Observer {
    /// When to look again. While nobody was inside of a callback, less often: each look wakes a thread.
    pub fn pause(&self) -> Duration {
        if self.seen.is_empty() { LIMIT } else { TICK }
    }

    /// What is new at `now`.
    pub fn look(&mut self, now: Instant) -> Vec<News> {
        let mut news = Vec::new();
        self.seen.retain(|_, seen| {
            let same = seen.slot.calls() == seen.note.calls;
            if !same && seen.is_stall {
                seen.plugin.stall_ended(seen.note.callback);
                news.push(News::Over(seen.stall(now)));
            }
            same
        });
        for slot in slots() {
            let Some(note) = slot.note().filter(|note| note.callback.is_watched()) else { continue };
            let Some(plugin) = Plugin::at(note.plugin) else { continue };
            let seen = self.seen.entry(note.thread).or_insert_with(|| Seen {
                slot,
                note,
                since: now,
                plugin,
                is_stall: false,
            });
            if now.saturating_duration_since(seen.since) < LIMIT {
                continue;
            }
            let is_new = !std::mem::replace(&mut seen.is_stall, true);
            if is_new {
                plugin.stall_began(note.callback);
                news.push(News::Began(seen.stall(now)));
            }
            news.push(News::Lasts(seen.stall(now)));
        }
        news
    }
}
