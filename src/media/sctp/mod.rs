//! Data channels: SCTP over DTLS (RFC 8261), with channels named by DCEP (RFC 8832), sans-IO.
//!
//! Packets of DTLS and the time go in, packets for DTLS and [`SctpEvent`]s come out. After every call that takes `now`:
//! drain [`Sctp::poll_transmit`] and [`Sctp::poll_event`], then arm a timer for [`Sctp::timeout`].
//!
//! The protocol is `rtc-sctp`'s, behind [`filter`]; [`link`] is about who connects to whom, [`impatience`] about how
//! long it waits, [`channels`] about what comes, [`outgoing`] about what goes, [`table`] about the channels themselves.
#![forbid(unsafe_code)]

mod bundle;
mod channels;
mod chunk;
pub mod dcep;
mod filter;
mod impatience;
mod link;
mod outgoing;
mod table;
mod waiting;
#[cfg(test)]
mod tests;

pub use channels::{MAX_CHANNELS, Sctp};

use super::channel::ChannelEvent;
use bytes::Bytes;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SctpEvent {
    /// The association is there (MP-213); [`SctpEvent::DataReady`] follows.
    Up,
    /// A complete message, however long (MP-215, MP-223). Where channels are told apart: [`SctpEvent::Channel`].
    Incoming { label: Arc<str>, protocol: Option<Arc<str>>, binary: bool, data: Bytes },
    /// Everything handed to [`Sctp::send`] has been delivered: there is room for more (MP-221).
    DataReady,
    /// Only where channels are told apart.
    Channel(ChannelEvent),
    /// The association has ended. Nothing follows.
    Closed,
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SctpError {
    /// The association has ended.
    #[error("the SCTP association is closed")]
    Closed,
    /// Too much is waiting already.
    #[error("too much data is waiting")]
    Full,
    /// The peer takes no messages of that size.
    #[error("{0} bytes are more than the {1} that the peer takes")]
    TooLarge(usize, usize),
    /// All [`MAX_CHANNELS`] channels, or all streams, are in use.
    #[error("too many data channels")]
    TooManyChannels,
    /// The stack's own words.
    #[error("{0}")]
    Stack(String),
}
