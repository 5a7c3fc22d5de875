//! TURN (RFC 8656): a relay's address as one of ours. Sans-IO: one [`Client`] per worker, since one UDP socket of ours can
//! have one allocation only (docs/decisions/043-turn.md); time and what the server sends go in, requests and [`Event`]s
//! come out.
//!
//! What is sent through the relay never comes by here. Whoever sends asks for the [`Frame`] of a peer, once for many
//! packets, and puts it in front of each; whoever receives has [`Client::take`] say which part of a datagram is the
//! payload. So a packet costs no allocation and no copy.
#![forbid(unsafe_code)]

mod client;
mod frame;
mod message;
#[cfg(test)]
pub mod fixtures;
mod peers;
#[cfg(test)]
mod tests;

pub use client::{Client, Event, Unwrapped};
pub use frame::{Frame, HEAD, TAIL};

use std::net::SocketAddr;
use zeroize::Zeroizing;

/// How the relay is reached. What it relays is UDP in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    /// As in `turn_type`; case does not matter.
    pub fn from_name(name: &str) -> Option<Transport> {
        let all = [("udp", Transport::Udp), ("tcp", Transport::Tcp), ("tls", Transport::Tls)];
        all.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, transport)| transport)
    }

    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }
    }

    /// Nothing is lost on the way, so nothing is sent again (RFC 8489 §6.2.2).
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }
}

/// A relay, and who we are to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// As configured; its certificate has this name.
    pub host: String,
    pub address: SocketAddr,
    pub transport: Transport,
    /// Long-term credentials (RFC 8489 §9.2).
    pub username: String,
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {})", self.host, self.address, self.transport.name())
    }
}
