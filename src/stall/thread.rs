//! What a thread is doing, noted down by it and read by the watchdog.
#![forbid(unsafe_code)]

use super::plugin::{Callback, Plugin};
use crate::util::lock::{Lock, not_for_each_packet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// Unique in the process; threads come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadId(u64);

pub(super) struct Slot {
    pub id: ThreadId,
    /// The system's number.
    pub tid: i32,
    /// Calls and returns so far, so that it is odd inside a callback. Written after what follows: who reads the same odd
    /// number before and after that has read what belongs together.
    calls: AtomicU64,
    plugin: AtomicU32,
    callback: AtomicU8,
    handle: AtomicU64,
}

/// What a thread is in.
#[derive(Clone, Copy)]
pub(super) struct Note {
    pub calls: u64,
    pub plugin: u32,
    pub callback: Callback,
    pub handle: u64,
}

static SLOTS: Lock<Vec<Arc<Slot>>> = Lock::new(Vec::new());

/// Takes the slot out of the list when its thread ends.
struct Mine(Arc<Slot>);

impl Mine {
    fn new() -> Mine {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let slot = Arc::new(Slot {
            id: ThreadId(NEXT.fetch_add(1, Ordering::Relaxed)),
            tid: tid().unwrap_or(0),
            calls: AtomicU64::new(0),
            plugin: AtomicU32::new(0),
            callback: AtomicU8::new(0),
            handle: AtomicU64::new(0),
        });
        not_for_each_packet(|| SLOTS.lock().push(slot.clone()));
        Mine(slot)
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        SLOTS.lock().retain(|slot| slot.id != self.0.id);
    }
}

thread_local! {
    static MINE: Mine = Mine::new();
}

fn tid() -> Option<i32> {
    std::fs::read_link("/proc/thread-self").ok()?.file_name()?.to_str()?.parse().ok()
}

/// Notes the thread down, if that has not been done.
pub fn this_thread() -> ThreadId {
    MINE.with(|mine| mine.0.id)
}

/// Until this is dropped the thread is in the callback.
#[must_use]
pub struct Inside {
    outermost: bool,
}

/// A callback inside another one counts as part of that.
#[inline]
pub fn enter(plugin: &'static Plugin, callback: Callback, handle: u64) -> Inside {
    // A thread that is ending, in a destructor of the plugin's, is not watched.
    let outermost = MINE.try_with(|mine| mine.0.enter(plugin.index(), callback, handle));
    Inside { outermost: outermost.unwrap_or(false) }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        if self.outermost {
            let _ = MINE.try_with(|mine| mine.0.leave());
        }
    }
}

impl Slot {
    #[inline]
    fn enter(&self, plugin: u32, callback: Callback, handle: u64) -> bool {
        let calls = self.calls.load(Ordering::Relaxed);
        if calls % 2 == 1 {
            return false;
        }
        self.plugin.store(plugin, Ordering::Relaxed);
        self.callback.store(callback as u8, Ordering::Relaxed);
        self.handle.store(handle, Ordering::Relaxed);
        self.calls.store(calls + 1, Ordering::Release);
        true
    }

    #[inline]
    fn leave(&self) {
        self.calls.store(self.calls.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Acquire)
    }

    /// `None`: in no callback, or just changing.
    pub fn note(&self) -> Option<Note> {
        let calls = self.calls();
        let note = Note {
            calls,
            plugin: self.plugin.load(Ordering::Acquire),
            callback: *Callback::ALL.get(usize::from(self.callback.load(Ordering::Acquire)))?,
            handle: self.handle.load(Ordering::Acquire),
        };
        (calls % 2 == 1 && self.calls.load(Ordering::Relaxed) == calls).then_some(note)
    }

    /// As its creator called it.
    pub fn name(&self) -> String {
        let name = std::fs::read_to_string(format!("/proc/self/task/{}/comm", self.tid));
        name.map_or_else(|_| "?".to_owned(), |name| name.trim_end().to_owned())
    }
}

pub(super) fn slots() -> Vec<Arc<Slot>> {
    SLOTS.lock().clone()
}
