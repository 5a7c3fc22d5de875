//! A worker whose thread is kept by a callback that does not return: another thread goes on with its core
//! (docs/decisions/015-stalled-callbacks.md).
//!
//! Until the callback has returned, nothing is handed to that plugin here: a callback that blocks mostly holds a lock of
//! the plugin's. Packets for it are dropped, news for it wait.
#![forbid(unsafe_code)]

use super::core::{Call, Core};
use super::handle::WorkerHandle;
use super::run;
use super::station::{Exit, Parcel};
use super::wake::Bed;
use crate::media::peer::Output;
use crate::media::types::PeerSink;
use crate::stall::{Plugin, Stall, ThreadId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

/// The thread that works, as others see it.
pub struct Duty {
    pub thread: ThreadId,
    pub exit: Exit,
    /// The one before it, which may not have returned yet.
    pub before: Option<Exit>,
    pub bed: Arc<Bed>,
}

/// Kept in a core that was taken over, until all is as before.
pub struct Relief {
    /// The thread that it was taken from.
    before: Exit,
    /// Plugins that nothing is handed to.
    shunned: Vec<&'static Plugin>,
    /// What they will be told then, in order.
    deferred: VecDeque<Call>,
}

/// Starts a thread that goes on in place of the one that is in this callback. False when that one is no thread of this
/// worker's, has returned, or has itself taken over from one that has not.
pub fn relieve(handle: &Arc<WorkerHandle>, stall: &Stall) -> bool {
    // Held to the end: a worker that is told to stop is not relieved any more.
    let duty = handle.duty.lock();
    let Some(duty) = duty.as_ref().filter(|duty| duty.thread == stall.thread()) else { return false };
    // Before a thread is started for it: this is asked again and again while the callback lasts.
    if duty.before.as_ref().is_some_and(|before| !before.has_left()) || !duty.exit.is_open() || !stall.lasts()
    {
        return false;
    }
    let (hand_over, core) = sync_channel::<Parcel>(1);
    let (of_thread, bed) = (handle.clone(), duty.bed.clone());
    let thread = crate::util::thread::spawn(format!("hloop {} next", handle.index), move || {
        if let Ok(core) = core.recv() {
            run::go_on(&of_thread, core, bed);
        }
    });
    let thread = match thread {
        Ok(thread) => thread,
        Err(error) => {
            tracing::error!("cannot start a thread in place of the one that is blocked: {error}");
            return false;
        }
    };
    let before = duty.exit.clone();
    let taken = duty.exit.take(|| {
        let lasts = stall.lasts();
        if lasts {
            stall.plugin.relieved(stall.callback);
        }
        lasts
    });
    let relieved = taken.is_some();
    if let Some(mut core) = taken {
        core.with(|core| core.taken_over(stall.plugin, before));
        // It waits for it.
        let _ = hand_over.send(core);
    }
    // Those that have ended are let go: what is not joined keeps its stack.
    let mut successors = handle.successors.lock();
    successors.retain(|thread| !thread.is_finished());
    successors.push(thread);
    relieved
}

impl Core {
    fn taken_over(&mut self, plugin: &'static Plugin, before: Exit) {
        let (shunned, deferred) = match self.relief.take() {
            Some(earlier) => (earlier.shunned, earlier.deferred),
            None => Default::default(),
        };
        let mut relief = Relief { before, shunned, deferred };
        relief.shun(plugin);
        self.relief = Some(Box::new(relief));
    }

    pub fn is_relief(&self) -> bool {
        self.relief.is_some()
    }

    /// The thread that this core was taken from.
    pub fn before(&self) -> Option<Exit> {
        self.relief.as_ref().map(|relief| relief.before.clone())
    }

    /// Whether nothing may be handed to this sink now.
    #[inline]
    pub fn shuns(&mut self, sink: &dyn PeerSink) -> bool {
        self.relief.as_mut().is_some_and(|relief| relief.shuns(sink))
    }

    /// The call, when it may be made now. Data is not kept: there may be any amount of it.
    pub fn unless_deferred(&mut self, call: Call) -> Option<Call> {
        if !self.shuns(&*call.sink) {
            return Some(call);
        }
        if let (Output::Data { .. }, Some(plugin)) = (&call.output, call.sink.watched()) {
            plugin.dropped();
        } else if let Some(relief) = &mut self.relief {
            relief.defer(call);
        }
        None
    }

    pub fn has_deferred(&self) -> bool {
        self.relief.as_ref().is_some_and(|relief| !relief.deferred.is_empty())
    }

    /// The oldest call that had to wait and need not any more. After the last one its plugin is told things directly.
    pub fn next_deferred(&mut self) -> Option<Call> {
        let relief = self.relief.as_mut()?;
        let call = relief.next();
        if call.is_none() && relief.shunned.is_empty() && relief.before.has_left() {
            tracing::info!("media worker {}: nothing is blocked any more", self.handle.index);
            self.relief = None;
        }
        call
    }
}

impl Relief {
    fn shun(&mut self, plugin: &'static Plugin) {
        if !self.is_shunned(plugin) {
            self.shunned.push(plugin);
        }
    }

    fn is_shunned(&self, plugin: &Plugin) -> bool {
        self.shunned.iter().any(|known| std::ptr::eq(*known, plugin))
    }

    /// Also a plugin that blocks another worker: this one could not be relieved a second time.
    fn shuns(&mut self, sink: &dyn PeerSink) -> bool {
        let Some(plugin) = sink.watched() else { return false };
        if self.is_shunned(plugin) {
            return true;
        }
        if plugin.is_blocked() {
            self.shun(plugin);
            return true;
        }
        false
    }

    fn defer(&mut self, call: Call) {
        // Says nothing new.
        let ready = matches!(call.output, Output::DataReady);
        let same = |waiting: &Call| {
            matches!(waiting.output, Output::DataReady) && Arc::ptr_eq(&waiting.shared, &call.shared)
        };
        if !(ready && self.deferred.iter().any(same)) {
            self.deferred.push_back(call);
        }
    }

    fn next(&mut self) -> Option<Call> {
        while let Some(free) = self.shunned.iter().position(|plugin| !plugin.is_blocked()) {
            let plugin = self.shunned[free];
            let is_its = |call: &Call| call.sink.watched().is_some_and(|of| std::ptr::eq(of, plugin));
            if let Some(first) = self.deferred.iter().position(is_its) {
                return self.deferred.remove(first);
            }
            self.shunned.remove(free);
        }
        None
    }
}
