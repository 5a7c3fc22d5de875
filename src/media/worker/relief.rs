//! A worker whose thread is kept by a callback that does not return: another thread goes on with its core
//! (docs/decisions/015-stalled-callbacks.md).
//!
//! Until the callback has returned, nothing is handed to that plugin here: a callback that blocks mostly holds a lock of
//! the plugin's. Packets for it are dropped, news for it wait.
#![forbid(unsafe_code)]

use super::call::Call;
use super::core::Core;
use super::deferral::{Deferral, Left};
use super::handle::{Duty, WorkerHandle};
use super::station::{Exit, Parcel};
use super::wake::Bed;
use crate::media::types::PeerSink;
use crate::stall::{Plugin, Stall, ThreadId};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

/// The body of a thread that goes on with a worker.
pub type GoOn = fn(&Arc<WorkerHandle>, Parcel, Arc<Bed>);

/// The thread that works, as others see it.
pub struct OnDuty {
    pub thread: ThreadId,
    pub exit: Exit,
    /// The one before it, which may not have returned yet.
    pub before: Option<Left>,
    pub bed: Arc<Bed>,
    pub go_on: GoOn,
}

/// Starts a thread that goes on in place of the one that is in this callback. False when that one is no thread of this
/// worker's, has returned, or has itself taken over from one that has not.
pub fn relieve(handle: &Arc<WorkerHandle>, stall: &Stall) -> bool {
    // Held to the end: a worker that is told to stop is not relieved any more.
    let duty = handle.duty.lock();
    duty.as_ref().is_some_and(|duty| duty.relieve(handle, stall))
}

impl Duty for OnDuty {
    fn relieve(&self, handle: &Arc<WorkerHandle>, stall: &Stall) -> bool {
        if self.thread != stall.thread() {
            return false;
        }
        // Before a thread is started for it: this is asked again and again while the callback lasts.
        if self.before.as_ref().is_some_and(|before| !before.is_set())
            || !self.exit.is_open()
            || !stall.lasts()
        {
            return false;
        }
        let (hand_over, core) = sync_channel::<Parcel>(1);
        let (of_thread, bed, go_on) = (handle.clone(), self.bed.clone(), self.go_on);
        let thread = crate::util::thread::spawn(format!("hloop {} next", handle.index), move || {
            if let Ok(core) = core.recv() {
                go_on(&of_thread, core, bed);
            }
        });
        let thread = match thread {
            Ok(thread) => thread,
            Err(error) => {
                tracing::error!("cannot start a thread in place of the one that is blocked: {error}");
                return false;
            }
        };
        let before = self.exit.left();
        let taken = self.exit.take(|| {
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
}

impl Core {
    fn taken_over(&mut self, plugin: &'static Plugin, before: Left) {
        self.relief = Some(Box::new(Deferral::new(self.relief.take(), before, plugin)));
    }

    pub fn is_relief(&self) -> bool {
        self.relief.is_some()
    }

    /// The thread that this core was taken from.
    pub fn before(&self) -> Option<Left> {
        self.relief.as_ref().map(|relief| relief.before())
    }

    /// Whether nothing may be handed to this sink now.
    #[inline]
    pub fn shuns(&mut self, sink: &dyn PeerSink) -> bool {
        self.relief.as_mut().is_some_and(|relief| relief.shuns(sink))
    }

    /// The call, when it may be made now.
    pub fn unless_deferred(&mut self, call: Call) -> Option<Call> {
        if !self.shuns(&*call.sink) {
            return Some(call);
        }
        if let Some(relief) = &mut self.relief {
            relief.defer(call);
        }
        None
    }

    pub fn has_deferred(&self) -> bool {
        self.relief.as_ref().is_some_and(|relief| relief.has_deferred())
    }

    /// The oldest call that had to wait and need not any more. After the last one its plugin is told things directly.
    pub fn next_deferred(&mut self) -> Option<Call> {
        let relief = self.relief.as_mut()?;
        let call = relief.next();
        if call.is_none() && relief.is_over() {
            tracing::info!("media worker {}: nothing is blocked any more", self.handle.index);
            self.relief = None;
        }
        call
    }
}
