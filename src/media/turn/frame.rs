//! What is put in front of a packet, so that the relay sends it on to a peer.

use super::message::{DATA, HEADER, MAGIC_COOKIE, SEND_INDICATION, XOR_PEER_ADDRESS, xor_address};
use std::net::SocketAddr;

/// Most bytes in front of a packet: a Send indication to an IPv6 address.
pub const HEAD: usize = HEADER + 4 + 20 + 4;
/// Most bytes behind it.
pub const TAIL: usize = 3;

/// How a peer is reached through the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// ChannelData (RFC 8656 §12.4): four bytes.
    Channel(u16),
    /// A Send indication (§11.1), as long as there is no channel.
    Indication(SocketAddr),
}

impl Frame {
    /// Bytes in front of the packet.
    pub fn head(self) -> usize {
        match self {
            Frame::Channel(_) => 4,
            Frame::Indication(SocketAddr::V4(_)) => HEADER + 12 + 4,
            Frame::Indication(SocketAddr::V6(_)) => HEAD,
        }
    }

    /// Zeros behind a packet of `length` bytes. ChannelData has them where the relay is reached by a stream (§12.5).
    pub fn tail(self, length: usize, stream: bool) -> usize {
        match self {
            Frame::Channel(_) if !stream => 0,
            _ => length.next_multiple_of(4) - length,
        }
    }

    /// Writes what stands in front of a packet of `length` bytes. `head` is as long as [`Frame::head`] says; one that is not
    /// stays as it is.
    pub fn write(self, head: &mut [u8], length: usize) {
        if head.len() != self.head() {
            return;
        }
        match self {
            Frame::Channel(number) => {
                head[..2].copy_from_slice(&number.to_be_bytes());
                head[2..].copy_from_slice(&(length as u16).to_be_bytes());
            }
            Frame::Indication(peer) => {
                let attributes = head.len() - HEADER + length.next_multiple_of(4);
                head[..2].copy_from_slice(&SEND_INDICATION.to_be_bytes());
                head[2..4].copy_from_slice(&(attributes as u16).to_be_bytes());
                head[4..8].copy_from_slice(&MAGIC_COOKIE);
                // Nobody answers an indication: any transaction will do.
                head[8..HEADER].fill(0);
                let (value, len) = xor_address(peer, &[0; 12]);
                head[HEADER..HEADER + 2].copy_from_slice(&XOR_PEER_ADDRESS.to_be_bytes());
                head[HEADER + 2..HEADER + 4].copy_from_slice(&(len as u16).to_be_bytes());
                head[HEADER + 4..HEADER + 4 + len].copy_from_slice(&value[..len]);
                let data = HEADER + 4 + len;
                head[data..data + 2].copy_from_slice(&DATA.to_be_bytes());
                head[data + 2..].copy_from_slice(&(length as u16).to_be_bytes());
            }
        }
    }
}
