//! Data channels as a program has them: who they belong to, and what waits in them.
#![forbid(unsafe_code)]

use super::error::{Error, Result};
use super::peer::Peer;
use super::queue::User;
use super::types::janus_rs_channel_info;
use super::types::janus_rs_code::*;
use crate::media::channel::{ChannelCommand, ChannelConfig, ChannelId, LARGEST_MESSAGE, Reliability};
use crate::util::lock::Lock;
use bytes::Bytes;
use std::sync::Arc;

/// Bytes that may wait in a channel before another message; a message weighs [`ENTRY`] besides.
pub const MOST_WAITING: usize = LARGEST_MESSAGE;
const ENTRY: usize = 256;

pub struct Channel {
    pub id: ChannelId,
    pub peer: Arc<Peer>,
    config: ChannelConfig,
    /// The peer has made it.
    remote: bool,
    state: Lock<State>,
}

struct State {
    user: User,
    stage: Stage,
    /// Not acknowledged.
    bytes: usize,
    messages: usize,
    low: usize,
    /// A message was refused, and nobody has been told since that there is room.
    refused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Open,
    Closing,
}

impl State {
    fn weight(&self) -> usize {
        self.bytes + self.messages * ENTRY
    }
}

impl Channel {
    pub fn new(
        id: ChannelId,
        peer: Arc<Peer>,
        config: ChannelConfig,
        remote: bool,
        user: User,
        low: usize,
    ) -> Channel {
        let stage = if remote { Stage::Open } else { Stage::Connecting };
        let state = State { user, stage, bytes: 0, messages: 0, low, refused: false };
        Channel { id, peer, config, remote, state: Lock::new(state) }
    }

    /// Its own, or its peer's.
    pub fn user(&self) -> User {
        let own = self.state.lock().user;
        if own.0.is_null() { self.peer.user } else { own }
    }

    pub fn set_user(&self, user: User) {
        self.state.lock().user = user;
    }

    pub fn opened(&self) {
        let mut state = self.state.lock();
        if state.stage == Stage::Connecting {
            state.stage = Stage::Open;
        }
    }

    pub fn send(&self, binary: bool, data: &[u8]) -> Result<()> {
        let most = self.peer.largest_message();
        if data.len() > most {
            let why = format!("{} bytes are more than the {most} that the peer takes", data.len());
            return Err(Error::new(JANUS_RS_ETOOBIG, why));
        }
        {
            let mut state = self.state.lock();
            if state.stage == Stage::Closing {
                return Err(Error::state("the channel is being closed"));
            }
            if state.weight() >= MOST_WAITING {
                state.refused = true;
                let why = format!("{} bytes in {} messages wait", state.bytes, state.messages);
                return Err(Error::new(JANUS_RS_EAGAIN, why));
            }
            state.bytes += data.len();
            state.messages += 1;
        }
        let data = Bytes::copy_from_slice(data);
        self.peer.channel_command(ChannelCommand::Send { id: self.id, binary, data });
        Ok(())
    }

    /// So much waits no longer; true when the program is to be told.
    pub fn released(&self, bytes: usize, messages: usize) -> bool {
        let mut state = self.state.lock();
        let before = state.bytes;
        state.bytes = state.bytes.saturating_sub(bytes);
        state.messages = state.messages.saturating_sub(messages);
        let is_low = state.bytes <= state.low && state.weight() < MOST_WAITING;
        let tell = is_low && (before > state.low || state.refused);
        state.refused &= !tell;
        tell
    }

    pub fn buffered(&self) -> usize {
        self.state.lock().bytes
    }

    pub fn set_low(&self, low: usize) -> Result<()> {
        if low >= MOST_WAITING {
            return Err(Error::invalid(format!("`low` has to be below {MOST_WAITING}")));
        }
        self.state.lock().low = low;
        Ok(())
    }

    pub fn close(&self) -> Result<()> {
        {
            let mut state = self.state.lock();
            if state.stage == Stage::Closing {
                return Err(Error::state("the channel is being closed"));
            }
            state.stage = Stage::Closing;
        }
        self.peer.channel_command(ChannelCommand::Close(self.id));
        Ok(())
    }

    pub fn info(&self) -> janus_rs_channel_info {
        let state = self.state.lock();
        let (reliability, limit) = match self.config.reliability {
            Reliability::Reliable => (0, 0),
            Reliability::Retransmissions(count) => (1, count),
            Reliability::Lifetime(milliseconds) => (2, milliseconds),
        };
        janus_rs_channel_info {
            size: size_of::<janus_rs_channel_info>(),
            peer: self.peer.number,
            state: state.stage as i32,
            unordered: i32::from(!self.config.ordered),
            reliability,
            limit: i32::try_from(limit).unwrap_or(i32::MAX),
            negotiated: i32::from(self.config.negotiated.is_some()),
            remote: i32::from(self.remote),
            buffered: state.bytes as u64,
            messages: state.messages as u64,
        }
    }
}
