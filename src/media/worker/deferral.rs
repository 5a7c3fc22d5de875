//! What a core that was taken over keeps from plugins until the callback that blocked has returned
//! (docs/decisions/015-stalled-callbacks.md).
#![forbid(unsafe_code)]

use super::call::Call;
use crate::media::peer::Output;
use crate::media::types::PeerSink;
use crate::stall::Plugin;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// News of one PeerConnection that are kept, besides its beginning and its end: peers bring them about for as long as the
/// callback blocks.
const MOST_NEWS: usize = 128;

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
    /// What is in there, by PeerConnection.
    kept: HashMap<u64, Kept>,
}

#[derive(Default)]
struct Kept {
    news: usize,
    data_ready: bool,
}

impl Deferral {
    /// Of a core that was taken from a thread inside this plugin, and that may have been taken over before.
    pub fn new(earlier: Option<Box<Deferral>>, before: Left, plugin: &'static Plugin) -> Deferral {
        let mut deferral = match earlier {
            Some(earlier) => Deferral { before, ..*earlier },
            None => Deferral { before, shunned: Vec::new(), deferred: VecDeque::new(), kept: HashMap::new() },
        };
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

    /// Data is not kept: there may be any amount of it. Of other news too many are not, either; what is lost is counted.
    pub fn defer(&mut self, call: Call) {
        let kept = self.kept.entry(call.shared.id).or_default();
        let takes = match call.output {
            Output::Connected | Output::Closed(_) => true,
            // Says nothing new.
            Output::DataReady if kept.data_ready => return,
            Output::DataReady => {
                kept.data_ready = true;
                true
            }
            Output::Data { .. } => false,
            Output::Channel(_) | Output::Event(_) if kept.news == MOST_NEWS => false,
            Output::Channel(_) | Output::Event(_) => {
                kept.news += 1;
                true
            }
        };
        if takes {
            self.deferred.push_back(call);
        } else if let Some(plugin) = call.sink.watched() {
            plugin.dropped();
        }
    }

    fn take(&mut self, at: usize) -> Option<Call> {
        let call = self.deferred.remove(at)?;
        let kept = self.kept.entry(call.shared.id).or_default();
        match call.output {
            Output::DataReady => kept.data_ready = false,
            Output::Channel(_) | Output::Event(_) => kept.news -= 1,
            Output::Closed(_) => _ = self.kept.remove(&call.shared.id),
            Output::Connected | Output::Data { .. } => {}
        }
        Some(call)
    }

    pub fn next(&mut self) -> Option<Call> {
        while let Some(free) = self.shunned.iter().position(|plugin| !plugin.is_blocked()) {
            let plugin = self.shunned[free];
            let is_its = |call: &Call| call.sink.watched().is_some_and(|of| std::ptr::eq(of, plugin));
            if let Some(first) = self.deferred.iter().position(is_its) {
                return self.take(first);
            }
            self.shunned.remove(free);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::types::*;
    use crate::media::worker::handle::{PeerShared, WorkerHandle};
    use crate::media::worker::wake::Bell;

    struct Of(&'static Plugin);

    impl PeerSink for Of {
        fn watched(&self) -> Option<&'static Plugin> {
            Some(self.0)
        }
        fn connected(&self) {}
        fn incoming_rtp(&self, _: RtpIn<'_>) {}
        fn incoming_rtcp(&self, _: Mindex, _: bool, _: &mut [u8]) {}
        fn incoming_data(&self, _: &str, _: &str, _: bool, _: &[u8]) {}
        fn data_ready(&self) {}
        fn event(&self, _: PeerEvent) {}
        fn closed(&self, _: HangupReason) {}
    }

    #[test]
    fn what_peers_bring_about_while_a_plugin_blocks_is_bounded() {
        let plugin = Plugin::of("test.deferral.bounds");
        let sink = Arc::new(Of(plugin));
        let handle = Arc::new(WorkerHandle::new(0, [None; 2], &[], Bell::new().unwrap()));
        let peer = || {
            let credentials = IceCredentials { ufrag: String::new(), pwd: String::new() };
            Arc::new(PeerShared::new(handle.clone(), credentials, Vec::new(), 1))
        };
        let (flooder, other) = (peer(), peer());
        let mut deferral = Deferral::new(None, Left::default(), plugin);
        let call = |of: &Arc<PeerShared>, output| Call { sink: sink.clone(), shared: of.clone(), output };
        deferral.defer(call(&flooder, Output::Connected));
        for _ in 0..10_000 {
            deferral.defer(call(&flooder, Output::Event(PeerEvent::Ice(IceState::Ready))));
            deferral.defer(call(&flooder, Output::DataReady));
        }
        for of in [&flooder, &other] {
            deferral.defer(call(of, Output::Closed(HangupReason::Detach)));
        }
        assert_eq!(deferral.deferred.len(), MOST_NEWS + 4);
        let told: Vec<Call> = std::iter::from_fn(|| deferral.next()).collect();
        assert!(matches!(told[0].output, Output::Connected));
        let ends = told.iter().filter(|call| matches!(call.output, Output::Closed(_))).count();
        assert_eq!((told.len(), ends, deferral.kept.len()), (MOST_NEWS + 4, 2, 0));
    }
}
