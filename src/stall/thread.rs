//! What a thread is doing, noted down by it and read by the watchdog.
#![forbid(unsafe_code)]

use super::plugin::{Callback, Plugin};
use crate::util::append::Append;
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

/// Unique in the process; threads come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadId(u64);

/// A thread's own while it lives, then another's. Never freed, so that anybody may read it at any time.
#[derive(Default)]
#[repr(align(64))] // written for each packet
pub(super) struct Slot {
    /// The system's number; 0: nobody's.
    tid: AtomicI32,
    /// [`ThreadId`]. Changes only while `calls` is even.
    id: AtomicU64,
    /// Calls and returns so far, so that it is odd inside a callback. Written after what follows: who reads the same odd
    /// number before and after that has read what belongs together.
    calls: AtomicU64,
    outer: Place,
    /// How many callbacks deep inside `outer`, and what is the innermost of them.
    nested: AtomicU32,
    inner: Place,
}

/// A function of a module, and for whom it was called.
#[derive(Default)]
struct Place {
    plugin: AtomicU32,
    callback: AtomicU8,
    handle: AtomicU64,
}

/// What a [`Place`] holds.
#[derive(Clone, Copy)]
struct Call {
    plugin: u32,
    callback: Callback,
    handle: u64,
}

impl Place {
    #[inline]
    fn set(&self, call: Call) {
        self.plugin.store(call.plugin, Ordering::Relaxed);
        self.callback.store(call.callback as u8, Ordering::Relaxed);
        self.handle.store(call.handle, Ordering::Relaxed);
    }

    fn get(&self) -> Option<Call> {
        Some(Call {
            plugin: self.plugin.load(Ordering::Acquire),
            callback: Callback::from_number(self.callback.load(Ordering::Acquire))?,
            handle: self.handle.load(Ordering::Acquire),
        })
    }
}

/// What a thread is in.
#[derive(Clone, Copy)]
pub(super) struct Note {
    pub thread: ThreadId,
    pub tid: i32,
    pub calls: u64,
    pub plugin: u32,
    pub callback: Callback,
    pub handle: u64,
}

static SLOTS: Append<Slot> = Append::new();

/// Gives the slot back when its thread ends.
struct Mine(&'static Slot);

impl Mine {
    fn new() -> Mine {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let me = tid().unwrap_or(-1);
        let is_free =
            |slot: &&Slot| slot.tid.compare_exchange(0, me, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let slot = SLOTS
            .iter()
            .find(is_free)
            .unwrap_or_else(|| SLOTS.push(Slot { tid: AtomicI32::new(me), ..Slot::default() }).1);
        slot.id.store(NEXT.fetch_add(1, Ordering::Relaxed), Ordering::Release);
        Mine(slot)
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        // A thread may end inside a callback.
        if self.0.calls.load(Ordering::Relaxed) % 2 == 1 {
            self.0.nested.store(0, Ordering::Relaxed);
            self.0.leave();
        }
        self.0.tid.store(0, Ordering::Release);
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
    MINE.with(|mine| mine.0.id())
}

/// Until this is dropped the thread is in the callback.
#[must_use]
pub struct Inside {
    depth: Depth,
    timed: Option<Timed>,
}

enum Depth {
    /// With how many such calls of the thread there were before.
    Outermost(u64),
    /// Inside another one: the innermost before it, if that was not the outermost.
    Nested(Option<Call>),
    /// Not noted down.
    Unknown,
}

/// A call that is timed, and how many calls it stands for.
struct Timed {
    plugin: &'static Plugin,
    callback: Callback,
    since: Instant,
    calls: u64,
}

/// One in so many of a thread's calls for packets is timed. Prime, so that what comes in turns (layers, rooms) is met evenly.
pub const SAMPLE: u64 = 61;

/// For stalls, a callback inside another one counts as part of that.
#[inline]
pub fn enter(plugin: &'static Plugin, callback: Callback, handle: u64) -> Inside {
    let call = Call { plugin: plugin.index(), callback, handle };
    // A thread that is ending, in a destructor of the plugin's, is not watched.
    let depth = MINE.try_with(|mine| mine.0.enter(call)).unwrap_or(Depth::Unknown);
    let calls = match depth {
        Depth::Outermost(_) if !callback.is_for_packets() => 1,
        Depth::Outermost(before) if before % SAMPLE == 0 => SAMPLE,
        _ => return Inside { depth, timed: None },
    };
    Inside { depth, timed: Some(Timed { plugin, callback, since: Instant::now(), calls }) }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        if let Some(Timed { plugin, callback, since, calls }) = &self.timed {
            plugin.took(*callback, since.elapsed(), *calls);
        }
        let _ = match &self.depth {
            Depth::Outermost(_) => MINE.try_with(|mine| mine.0.leave()),
            Depth::Nested(before) => MINE.try_with(|mine| mine.0.leave_nested(*before)),
            Depth::Unknown => Ok(()),
        };
    }
}

impl Slot {
    #[inline]
    fn enter(&self, call: Call) -> Depth {
        let calls = self.calls.load(Ordering::Relaxed);
        if calls % 2 == 1 {
            return self.enter_nested(call);
        }
        self.outer.set(call);
        self.calls.store(calls + 1, Ordering::Release);
        Depth::Outermost(calls / 2)
    }

    #[inline]
    fn leave(&self) {
        self.calls.store(self.calls.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    #[cold]
    fn enter_nested(&self, call: Call) -> Depth {
        let depth = self.nested.load(Ordering::Relaxed);
        let before = if depth > 0 { self.inner.get() } else { None };
        self.inner.set(call);
        self.nested.store(depth + 1, Ordering::Release);
        Depth::Nested(before)
    }

    #[cold]
    fn leave_nested(&self, before: Option<Call>) {
        if let Some(before) = before {
            self.inner.set(before);
        }
        self.nested.store(self.nested.load(Ordering::Relaxed).saturating_sub(1), Ordering::Release);
    }

    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Acquire)
    }

    fn id(&self) -> ThreadId {
        ThreadId(self.id.load(Ordering::Acquire))
    }

    /// `None`: in no callback, or just changing.
    pub fn note(&self) -> Option<Note> {
        let calls = self.calls();
        let Call { plugin, callback, handle } = self.outer.get()?;
        let (thread, tid) = (self.id(), self.tid.load(Ordering::Acquire));
        let note = Note { thread, tid, calls, plugin, callback, handle };
        (calls % 2 == 1 && self.calls.load(Ordering::Relaxed) == calls).then_some(note)
    }
}

pub(super) fn slots() -> impl Iterator<Item = &'static Slot> {
    SLOTS.iter()
}

/// A function of a module that a thread is in.
#[derive(Clone, Copy)]
pub struct Doing {
    pub plugin: &'static Plugin,
    pub callback: Callback,
    /// 0: for none.
    pub handle: u64,
}

/// What the thread with the system's number `tid`, which does not run meanwhile, is in: the outermost call, and inside
/// it the innermost. Takes no lock and no memory.
pub fn doing(tid: i32) -> Option<(Doing, Option<Doing>)> {
    let slot = SLOTS.iter().find(|slot| slot.tid.load(Ordering::Acquire) == tid)?;
    let doing = |call: Call| {
        let plugin = Plugin::at(call.plugin)?;
        Some(Doing { plugin, callback: call.callback, handle: call.handle })
    };
    if slot.calls() % 2 == 0 {
        return None;
    }
    let nested = slot.nested.load(Ordering::Acquire) > 0;
    Some((doing(slot.outer.get()?)?, slot.inner.get().filter(|_| nested).and_then(doing)))
}
