//! The channels of one association.

use crate::media::channel::{ChannelConfig, ChannelId, ChannelSnapshot};
use rtc_sctp::StreamId;
use std::collections::VecDeque;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Waits for its turn, and for the association.
    Waiting,
    /// The peer was told, and has not answered: everything goes in order until then (RFC 8832 §6).
    Announced,
    Open,
    /// We reset our direction, and wait for the peer's.
    Closing,
}

pub(super) struct Channel {
    pub id: ChannelId,
    /// `None` while it waits.
    pub stream: Option<StreamId>,
    pub config: ChannelConfig,
    /// For plugins, as long as they are told.
    pub label: Arc<str>,
    pub protocol: Arc<str>,
    pub state: State,
    /// It was never announced: the peer just sends.
    pub implied: bool,
    /// Bytes in the stack, sent or not, that are not acknowledged.
    pub buffered: usize,
    /// What they belong to, oldest first.
    sent: VecDeque<Sent>,
    /// Not yet told.
    released: (usize, usize),
}

/// A message in the stack.
struct Sent {
    /// Bytes that are not acknowledged.
    left: usize,
    /// DCEP, or the byte that stands for an empty message: of no interest to whoever counts bytes.
    unseen: bool,
    /// DCEP.
    internal: bool,
}

impl Channel {
    pub fn new(config: ChannelConfig, id: ChannelId, label: &str, protocol: &str) -> Channel {
        Channel {
            id,
            stream: None,
            label: label.into(),
            protocol: protocol.into(),
            config,
            state: State::Waiting,
            implied: false,
            buffered: 0,
            sent: VecDeque::new(),
            released: (0, 0),
        }
    }

    /// One that the peer has begun.
    pub fn on(self, stream: StreamId, implied: bool) -> Channel {
        Channel { stream: Some(stream), state: State::Open, implied, ..self }
    }

    /// The same one, of another association.
    pub fn again(self) -> Channel {
        let Channel { id, stream, config, label, protocol, implied, .. } = self;
        Channel { stream, implied, state: State::Open, ..Channel::new(config, id, &label, &protocol) }
    }

    pub fn wrote(&mut self, bytes: usize, unseen: bool, internal: bool) {
        self.buffered += bytes;
        self.sent.push_back(Sent { left: bytes, unseen, internal });
    }

    /// The stack needs so many bytes of ours no longer.
    pub fn release(&mut self, mut bytes: usize) {
        self.buffered = self.buffered.saturating_sub(bytes);
        while let Some(oldest) = self.sent.front_mut().filter(|_| bytes > 0) {
            let now = bytes.min(oldest.left);
            oldest.left -= now;
            bytes -= now;
            if !oldest.unseen {
                self.released.0 += now;
            }
            if oldest.left == 0 {
                self.released.1 += usize::from(!oldest.internal);
                self.sent.pop_front();
            }
        }
    }

    /// Bytes and messages that were released since the last call.
    pub fn take_released(&mut self) -> Option<(usize, usize)> {
        Some(std::mem::take(&mut self.released)).filter(|released| *released != (0, 0))
    }

    pub fn snapshot(&self) -> ChannelSnapshot {
        ChannelSnapshot {
            id: self.id,
            stream: self.stream,
            config: self.config.clone(),
            state: match self.state {
                State::Waiting | State::Announced => "connecting",
                State::Open => "open",
                State::Closing => "closing",
            },
            buffered: self.buffered,
        }
    }
}
