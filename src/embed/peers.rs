//! The peers of an instance, found by their numbers.
#![forbid(unsafe_code)]

use super::channel::Channel;
use super::error::{Error, Result};
use super::peer::Peer;
use super::queue::User;
use super::table::Table;
use super::types::janus_rs_code::*;
use crate::links::link::Wish;
use crate::media::Mindex;
use crate::media::channel::{ChannelCommand, ChannelConfig, ChannelId};
use crate::util::lock::Lock;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// The peers of an instance, and their channels.
#[derive(Default)]
pub struct Peers {
    peers: Table<Peer>,
    /// One change of links at a time.
    linking: Lock<()>,
    channels: Lock<HashMap<u64, Arc<Channel>>>,
    emptied: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Peers {
    pub fn find(&self, number: u64) -> Result<Arc<Peer>> {
        let found = self.peers.get(number);
        found.ok_or_else(|| Error::new(JANUS_RS_ENOENT, format!("there is no peer {number} (any more)")))
    }

    pub fn insert(&self, peer: Arc<Peer>) {
        self.peers.insert(peer.number, peer);
    }

    pub fn open_channel(
        &self,
        peer: &Arc<Peer>,
        config: ChannelConfig,
        user: User,
        low: usize,
    ) -> Result<u64> {
        peer.live()?;
        let id = ChannelId::fresh();
        let channel = Channel::new(id, peer.clone(), config.clone(), false, user, 0);
        channel.set_low(low)?;
        peer.wants_data();
        self.add_channel(Arc::new(channel));
        // The peer has ended meanwhile; otherwise whoever ends it will find the channel.
        if self.find(peer.number).is_err() && self.remove_channel(id).is_some() {
            return Err(peer.closing());
        }
        peer.channel_command(ChannelCommand::Open(id, config));
        Ok(id.0)
    }

    pub fn channel(&self, number: u64) -> Result<Arc<Channel>> {
        let found = self.channels.lock().get(&number).cloned();
        found.ok_or_else(|| Error::new(JANUS_RS_ENOENT, format!("there is no channel {number} (any more)")))
    }

    pub fn add_channel(&self, channel: Arc<Channel>) {
        self.channels.lock().insert(channel.id.0, channel);
    }

    pub fn remove_channel(&self, id: ChannelId) -> Option<Arc<Channel>> {
        self.channels.lock().remove(&id.0)
    }

    /// Those of a peer, which has ended.
    pub fn remove_channels(&self, peer: u64) -> Vec<Arc<Channel>> {
        let of_peer = |channel: &Arc<Channel>| channel.peer.number == peer;
        let mut removed: Vec<_> =
            self.channels.lock().extract_if(|_, c| of_peer(c)).map(|(_, c)| c).collect();
        removed.sort_by_key(|channel| channel.id.0);
        removed
    }

    /// The peer has ended.
    pub fn remove(&self, number: u64) {
        if let Some(peer) = self.peers.get(number) {
            self.peers.remove(number);
            let _one_at_a_time = self.linking.lock();
            peer.media.end();
        }
    }

    /// What `from` sends on a medium goes to a medium of `to`.
    pub fn link(&self, from: (u64, Mindex), to: (u64, Mindex), wish: Wish) -> Result<()> {
        let _one_at_a_time = self.linking.lock();
        let (source, receiver) = (self.find(from.0)?, self.find(to.0)?);
        Ok(receiver.media.link(to.1, &source.media, from.1, wish)?)
    }

    pub fn unlink(&self, to: (u64, Mindex)) -> Result<()> {
        let _one_at_a_time = self.linking.lock();
        Ok(self.find(to.0)?.media.unlink(to.1)?)
    }

    pub fn link_count(&self) -> usize {
        self.peers.values().iter().map(|peer| peer.media.link_count()).sum()
    }

    /// The last news of a peer were told.
    pub fn note_end(&self) {
        if self.peers.len() == 0
            && let Some(emptied) = self.emptied.get()
        {
            emptied();
        }
    }

    /// Called when the last peer has gone.
    pub fn when_empty(&self, call: impl Fn() + Send + Sync + 'static) {
        let _ = self.emptied.set(Box::new(call));
    }

    pub fn len(&self) -> usize {
        self.peers.len()
    }

    pub fn channel_count(&self) -> usize {
        self.channels.lock().len()
    }

    pub fn channels_of(&self, peer: u64) -> usize {
        self.channels.lock().values().filter(|channel| channel.peer.number == peer).count()
    }

    /// After the end of the core.
    pub fn clear(&self) {
        self.peers.values().iter().for_each(|peer| self.remove(peer.number));
        let channels = std::mem::take(&mut *self.channels.lock());
        drop(channels);
    }
}
