//! What a core that was taken over keeps from plugins until the callback that blocked has returned
//! (docs/decisions/015-stalled-callbacks.md).
#![forbid(unsafe_code)]

use super::call::Call;
use crate::media::peer::Output;
use crate::media::types::PeerSink;
use crate::stall::Plugin;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a thread has come back from its callback, and will do nothing more for its worker.
#[derive(Clone, Default)]
pub struct Left(Arc<AtomicBool>);

impl Left {
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Kept in a core that was taken over, until all is as before.
pub struct Deferral {
    /// The thread that it was taken from.
    before: Left,
    /// Plugins that nothing is handed to.
    shunned: Vec<&'static Plugin>,
    /// What they will be told then, in order.
    deferred: VecDeque<Call>,
}

impl Deferral {
    /// Of a core that was taken from a thread inside this plugin, and that may have been taken over before.
    pub fn new(earlier: Option<Box<Deferral>>, before: Left, plugin: &'static Plugin) -> Deferral {
        let (shunned, deferred) =
            earlier.map_or_else(Default::default, |earlier| (earlier.shunned, earlier.deferred));
        let mut deferral = Deferral { before, shunned, deferred };
        deferral.shun(plugin);
        deferral
    }

    /// The thread that the core was taken from.
    pub fn before(&self) -> Left {
        self.before.clone()
    }

    pub fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// All is as before.
    pub fn is_over(&self) -> bool {
        self.shunned.is_empty() && self.before.is_set()
    }

    fn shun(&mut self, plugin: &'static Plugin) {
        if !self.is_shunned(plugin) {
            self.shunned.push(plugin);
        }
    }

    fn is_shunned(&self, plugin: &Plugin) -> bool {
        self.shunned.iter().any(|known| std::ptr::eq(*known, plugin))
    }

    /// Also a plugin that blocks another worker: this one could not be relieved a second time.
    pub fn shuns(&mut self, sink: &dyn PeerSink) -> bool {
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

    pub fn defer(&mut self, call: Call) {
        // Says nothing new.
        let ready = matches!(call.output, Output::DataReady);
        let same = |waiting: &Call| {
            matches!(waiting.output, Output::DataReady) && Arc::ptr_eq(&waiting.shared, &call.shared)
        };
        if !(ready && self.deferred.iter().any(same)) {
            self.deferred.push_back(call);
        }
    }

    pub fn next(&mut self) -> Option<Call> {
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
