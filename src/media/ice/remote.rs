//! An address of the peer, and what the crate calls it.
#![forbid(unsafe_code)]

use super::limits::MAX_CHECKS;
use super::path::Origin;
use crate::media::types::*;
use is::{CandidateKind, IceCreds};
use std::net::SocketAddr;
use std::time::Instant;

/// What the crate takes for the protocol of connections that we opened.
pub const OPENED: is::Protocol = is::Protocol::SslTcp;

/// By what the crate knows an address of the peer.
pub type Place = (Protocol, SocketAddr);

/// What is known about an address of the peer.
pub struct Remote {
    pub at: Origin,
    /// An authentic message came from there.
    pub seen: bool,
    /// The last answer to a check that was sent there.
    pub answered: Option<Instant>,
    /// The last new request that came from there.
    pub requested: Option<Instant>,
    /// Checks that may still be sent while none was answered.
    pub checks: usize,
    /// Those of them that an authentic request from there allows, whatever others have sent to its host.
    pub invited: usize,
}

impl Remote {
    pub fn new(at: Origin) -> Remote {
        Remote { at, seen: false, answered: None, requested: None, checks: MAX_CHECKS, invited: 0 }
    }
}

pub fn peer_reflexive(from: Origin, priority: u32) -> Candidate {
    Candidate {
        foundation: "prflx".into(),
        component: 1,
        protocol: from.way.protocol(),
        priority,
        address: from.at,
        kind: CandidateType::PeerReflexive,
        related: Some(from.at),
        tcptype: None,
    }
}

pub fn place_of(origin: Origin) -> Place {
    (origin.way.protocol(), origin.at)
}

pub fn place(candidate: &is::Candidate) -> Place {
    let protocol = match candidate.proto() {
        is::Protocol::Udp => Protocol::Udp,
        _ => Protocol::Tcp,
    };
    (protocol, candidate.addr())
}

pub fn is_at(candidate: &is::Candidate, origin: Origin) -> bool {
    place(candidate) == place_of(origin)
}

pub fn creds(credentials: IceCredentials) -> IceCreds {
    IceCreds { ufrag: credentials.ufrag, pass: credentials.pwd }
}

pub fn candidate_type(kind: CandidateKind) -> CandidateType {
    match kind {
        CandidateKind::Host => CandidateType::Host,
        CandidateKind::PeerReflexive => CandidateType::PeerReflexive,
        CandidateKind::ServerReflexive => CandidateType::ServerReflexive,
        CandidateKind::Relayed => CandidateType::Relayed,
    }
}
