//! Data channels as whoever tells them apart sees them. Plugins do not: they know labels.
#![forbid(unsafe_code)]

use crate::util::serial;
use bytes::Bytes;

/// Bytes of the largest message that is sent, and taken where channels are told apart.
pub const LARGEST_MESSAGE: usize = 16 << 20;
/// Largest number of a stream that both sides agree on without asking: there are 300 each way, and the last one stays free.
pub const LARGEST_NEGOTIATED: u16 = 298;

/// A channel's name; unique in the process, and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelId(pub u64);

impl ChannelId {
    pub fn fresh() -> ChannelId {
        ChannelId(serial::next())
    }
}

/// How hard the sender tries, RFC 8832 §5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliability {
    Reliable,
    /// At most so many retransmissions.
    Retransmissions(u32),
    /// At most so many milliseconds.
    Lifetime(u32),
}

/// RTCDataChannelInit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    pub label: String,
    pub protocol: String,
    pub ordered: bool,
    pub reliability: Reliability,
    /// The stream that both sides use without asking (no DCEP); `None`: one of ours is chosen and announced.
    pub negotiated: Option<u16>,
}

/// What was negotiated about data, and what is to become of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataTerms {
    /// Bytes of the largest message that the peer takes (RFC 8841 `max-message-size`); `None`: it did not say, or any.
    pub most: Option<usize>,
    /// Channels are told apart ([`ChannelEvent`]); otherwise messages go by label.
    pub channels: bool,
}

/// In order with each other.
#[derive(Debug)]
pub enum ChannelCommand {
    Open(ChannelId, ChannelConfig),
    Send {
        id: ChannelId,
        binary: bool,
        data: Bytes,
    },
    /// What was sent before is still delivered; [`ChannelEvent::Closed`] follows.
    Close(ChannelId),
    /// Goes on after [`ChannelEvent::Paused`].
    ReadOn,
}

impl ChannelCommand {
    /// Bytes that it holds.
    pub fn weight(&self) -> usize {
        match self {
            ChannelCommand::Open(_, config) => config.label.len() + config.protocol.len(),
            ChannelCommand::Send { data, .. } => data.len(),
            ChannelCommand::Close(_) | ChannelCommand::ReadOn => 0,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelEvent {
    /// The association is there.
    Up,
    /// The peer has made it.
    Announced(ChannelId, ChannelConfig),
    /// One of ours is open: the peer knows it, or it was negotiated.
    Opened(ChannelId),
    Message {
        id: ChannelId,
        binary: bool,
        data: Bytes,
    },
    /// So many bytes and messages wait no longer: acknowledged by the peer, or given up.
    Released {
        id: ChannelId,
        bytes: usize,
        messages: usize,
    },
    /// The last one of this channel.
    Closed(ChannelId, ChannelEnd),
    /// Some messages were handed over; no more are read before [`ChannelCommand::ReadOn`], so that the peer slows down.
    Paused,
    /// The association has ended, and with it all channels.
    Down,
}

/// Why a channel is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelEnd {
    /// We have closed it, and the peer has followed.
    Here,
    Peer,
    Association,
    /// All streams are in use, or the negotiated one is.
    NoStream,
    /// A message is larger than what the peer takes; known only after it was sent.
    TooLarge,
}

impl ChannelEnd {
    pub fn text(self) -> &'static str {
        match self {
            ChannelEnd::Here => "closed",
            ChannelEnd::Peer => "closed by the peer",
            ChannelEnd::Association => "the connection has ended",
            ChannelEnd::NoStream => "no free stream",
            ChannelEnd::TooLarge => "a message was larger than what the peer takes",
        }
    }
}

/// A channel as `handle_info` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSnapshot {
    pub id: ChannelId,
    pub stream: Option<u16>,
    pub config: ChannelConfig,
    pub state: &'static str,
    /// Bytes that are not acknowledged.
    pub buffered: usize,
}
