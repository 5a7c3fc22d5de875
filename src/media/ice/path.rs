//! Where datagrams come from and go to, and by which way.

use crate::media::types::Protocol;
use std::net::SocketAddr;

/// How datagrams travel between the two ends of a [`Path`]. What each way needs to transmit is in `media::worker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// The worker's UDP socket of the address family.
    Udp,
    /// A TCP connection of the worker, in frames of RFC 4571 (RFC 6544).
    Tcp(TcpId),
    /// The worker's TURN server; our end is the address that it relays.
    Relay,
}

impl Way {
    /// Of the candidates at its ends.
    pub fn protocol(self) -> Protocol {
        match self {
            Way::Udp | Way::Relay => Protocol::Udp,
            Way::Tcp(_) => Protocol::Tcp,
        }
    }
}

/// Names a TCP connection among all that its worker ever had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TcpId(pub u32);

/// A local and a remote transport address, and the way between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    pub way: Way,
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

/// Where a datagram came from: one address may be reached by several ways, and port numbers of UDP and TCP are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    pub way: Way,
    pub at: SocketAddr,
}

impl Path {
    pub fn udp(local: SocketAddr, remote: SocketAddr) -> Path {
        Path { way: Way::Udp, local, remote }
    }

    /// Between the address that our relay has for us, and a peer.
    pub fn relayed(local: SocketAddr, remote: SocketAddr) -> Path {
        Path { way: Way::Relay, local, remote }
    }

    pub fn origin(&self) -> Origin {
        Origin { way: self.way, at: self.remote }
    }
}

impl Origin {
    pub fn udp(at: SocketAddr) -> Origin {
        Origin { way: Way::Udp, at }
    }
}
