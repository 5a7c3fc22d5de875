//! What a core that was taken over keeps from plugins until the callback that blocked has returned
//! (docs/decisions/015-stalled-callbacks.md).
#![forbid(unsafe_code)]

use super::call::Call;
use crate::media::channel::{ChannelEvent, ChannelId};
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
            Output::Channel(_) => return self.defer_channel(call),
            Output::Event(_) if kept.news == MOST_NEWS => false,
            Output::Event(_) => {
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

    /// Nothing of channels may be lost: their messages are reliable, a sender waits for room, and a reader is asked once. They
    /// are bounded by themselves (the peer is not read any more before the reader has answered), or merge.
    fn defer_channel(&mut self, call: Call) {
        let Output::Channel(event) = &call.output else { return };
        match *event {
            ChannelEvent::Released { id, bytes, messages } => {
                let earlier = self.channel_news(call.shared.id).find_map(|event| match event {
                    ChannelEvent::Released { id: of, bytes, messages } if *of == id => {
                        Some((bytes, messages))
                    }
                    _ => None,
                });
                if let Some(earlier) = earlier {
                    *earlier.0 += bytes;
                    *earlier.1 += messages;
                    return;
                }
            }
            // One that came and went meanwhile was never there.
            ChannelEvent::Closed(id, _) => {
                let made =
                    |event: &mut ChannelEvent| matches!(event, ChannelEvent::Announced(of, _) if *of == id);
                if self.channel_news(call.shared.id).any(made) {
                    self.deferred.retain(|call| {
                        !matches!(&call.output, Output::Channel(event) if channel_of(event) == Some(id))
                    });
                    return;
                }
            }
            _ => {}
        }
        self.deferred.push_back(call);
    }

    fn channel_news(&mut self, peer: u64) -> impl Iterator<Item = &mut ChannelEvent> {
        self.deferred.iter_mut().filter(move |call| call.shared.id == peer).filter_map(|call| match &mut call
            .output
        {
            Output::Channel(event) => Some(event),
            _ => None,
        })
    }

    fn take(&mut self, at: usize) -> Option<Call> {
        let call = self.deferred.remove(at)?;
        let kept = self.kept.entry(call.shared.id).or_default();
        match call.output {
            Output::DataReady => kept.data_ready = false,
            Output::Event(_) => kept.news -= 1,
            Output::Closed(_) => _ = self.kept.remove(&call.shared.id),
            Output::Connected | Output::Data { .. } | Output::Channel(_) => {}
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

fn channel_of(event: &ChannelEvent) -> Option<ChannelId> {
    use ChannelEvent::*;
    match event {
        Announced(id, _) | Opened(id) | Message { id, .. } | Released { id, .. } | Closed(id, _) => Some(*id),
        Up | Paused | Down => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::channel::{ChannelConfig, ChannelEnd, Reliability};
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

    /// A peer shared by tests, and calls about it.
    fn peer() -> Arc<PeerShared> {
        let handle = Arc::new(WorkerHandle::new(0, [None; 2], &[], Bell::new().unwrap()));
        let credentials = IceCredentials { ufrag: String::new(), pwd: String::new() };
        Arc::new(PeerShared::new(handle, credentials, Vec::new(), 1))
    }

    #[test]
    fn nothing_of_channels_is_lost_while_a_plugin_blocks() {
        use ChannelEvent::*;
        const MESSAGES: usize = 512;
        let plugin = Plugin::of("test.deferral.channels");
        let sink = Arc::new(Of(plugin));
        let (one, other) = (peer(), peer());
        let [first, second] = [(); 2].map(|()| ChannelId::fresh());
        let mut deferral = Deferral::new(None, Left::default(), plugin);
        let mut defer = |of: &Arc<PeerShared>, event| {
            deferral.defer(Call { sink: sink.clone(), shared: of.clone(), output: Output::Channel(event) });
        };
        for n in 0..MESSAGES {
            defer(&one, Message { id: first, binary: true, data: vec![n as u8].into() });
        }
        defer(&one, Paused);
        for _ in 0..10_000 {
            for (of, id) in [(&one, first), (&one, second), (&other, first)] {
                defer(of, Released { id, bytes: 3, messages: 1 });
            }
            let id = ChannelId::fresh();
            let config = ChannelConfig {
                label: "short".into(),
                protocol: String::new(),
                ordered: true,
                reliability: Reliability::Reliable,
                negotiated: None,
            };
            defer(&one, Announced(id, config));
            defer(&one, Message { id, binary: true, data: vec![1].into() });
            defer(&one, Closed(id, ChannelEnd::Peer));
        }
        defer(&one, Closed(first, ChannelEnd::Peer));
        let told: Vec<_> = std::iter::from_fn(|| deferral.next())
            .map(|call| match call.output {
                Output::Channel(event) => (call.shared.id, event),
                _ => panic!("something else"),
            })
            .collect();
        assert_eq!(told.len(), MESSAGES + 1 + 3 + 1);
        assert!(told[..MESSAGES].iter().all(|(_, event)| matches!(event, Message { .. })));
        let all = |id| Released { id, bytes: 30_000, messages: 10_000 };
        let rest = [
            (one.id, Paused),
            (one.id, all(first)),
            (one.id, all(second)),
            (other.id, all(first)),
            (one.id, Closed(first, ChannelEnd::Peer)),
        ];
        assert_eq!(told[MESSAGES..], rest);
    }

    #[test]
    fn what_peers_bring_about_while_a_plugin_blocks_is_bounded() {
        let plugin = Plugin::of("test.deferral.bounds");
        let sink = Arc::new(Of(plugin));
        let (flooder, other) = (peer(), peer());
        let mut deferral = Deferral::new(None, Left::default(), plugin);
        let call = |of: &Arc<PeerShared>, output| Call { sink: sink.clone(), shared: of.clone(), output };
        deferral.defer(call(&flooder, Output::Connected));
        for _ in 0..10_000 {
            deferral.defer(call(&flooder, Output::Event(Box::new(PeerEvent::Ice(IceState::Ready)))));
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
