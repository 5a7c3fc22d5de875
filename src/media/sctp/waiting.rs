//! What an association was asked to do and has no room for yet.
#![forbid(unsafe_code)]

use crate::media::channel::ChannelId;
use bytes::Bytes;
use std::collections::VecDeque;

/// What a message weighs besides its data.
pub(super) const WEIGHT: usize = 128;

pub(super) enum Operation {
    /// By label; the channel is opened if nobody has yet.
    Labelled {
        label: String,
        protocol: String,
        binary: bool,
        data: Bytes,
    },
    Open(ChannelId),
    Send {
        id: ChannelId,
        binary: bool,
        data: Bytes,
    },
    Close(ChannelId),
}

impl Operation {
    /// Others are bounded by whoever gives them.
    pub fn weight(&self) -> usize {
        match self {
            Operation::Labelled { label, protocol, data, .. } => {
                data.len() + label.len() + protocol.len() + WEIGHT
            }
            _ => 0,
        }
    }
}

/// What waits until the association is up and has room.
#[derive(Default)]
pub(super) struct Waiting {
    operations: VecDeque<Operation>,
    bytes: usize,
}

impl Waiting {
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Of messages by label.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn clear(&mut self) {
        *self = Waiting::default();
    }

    /// Nothing is done for this channel any more.
    pub fn forget(&mut self, id: ChannelId) {
        self.operations.retain(|operation| match operation {
            Operation::Labelled { .. } => true,
            Operation::Open(of) | Operation::Send { id: of, .. } | Operation::Close(of) => *of != id,
        });
    }

    pub fn push(&mut self, operation: Operation) {
        self.bytes += operation.weight();
        self.operations.push_back(operation);
    }

    pub fn pop(&mut self) -> Option<Operation> {
        let operation = self.operations.pop_front()?;
        self.bytes -= operation.weight();
        Some(operation)
    }
}
