//! Local host candidates and what of them is advertised (media-plane.md §3.1, MP-110 to MP-112).

use crate::media::types::{Candidate, CandidateType, EngineConfig, Protocol};
use std::net::{IpAddr, SocketAddr};

/// RFC 8445 §5.1.2.1: type preferences.
const HOST_PREFERENCE: u32 = 126;
const REFLEXIVE_PREFERENCE: u32 = 100;
const TCP_PREFERENCE: u32 = 90;
const RELAYED_PREFERENCE: u32 = 0;

/// RFC 8445 §5.1.2.1 for component 1 and the `index`-th address of ours.
pub fn host_priority(index: usize) -> u32 {
    (HOST_PREFERENCE << 24) | (local_preference(index) << 8) | 255
}

/// What a STUN server saw, as a candidate beside the `advertised` ones; `base` is the real address it was asked from.
/// `None` when that address is advertised already.
pub fn reflexive(advertised: &[Candidate], base: SocketAddr, seen: SocketAddr) -> Option<Candidate> {
    if advertised.iter().any(|candidate| candidate.address == seen) {
        return None;
    }
    let kind = (CandidateType::ServerReflexive, REFLEXIVE_PREFERENCE);
    Some(of_server(advertised.len(), kind, seen, base))
}

/// What a TURN server has for us, as a candidate beside the `advertised` ones; `base` is the address that the server sees us
/// at.
pub fn relayed(advertised: &[Candidate], base: SocketAddr, address: SocketAddr) -> Candidate {
    of_server(advertised.len(), (CandidateType::Relayed, RELAYED_PREFERENCE), address, base)
}

fn of_server(
    index: usize,
    (kind, preference): (CandidateType, u32),
    address: SocketAddr,
    base: SocketAddr,
) -> Candidate {
    Candidate {
        foundation: (index + 1).to_string(),
        component: 1,
        protocol: Protocol::Udp,
        priority: (preference << 24) | (local_preference(index) << 8) | 255,
        address,
        kind,
        related: Some(base),
        tcptype: None,
    }
}

/// RFC 6544 §4.5: who opens the connection has no port to tell.
const DISCARD: u16 = 9;

/// These candidates, and behind each the same over TCP: one that connects itself, which a lite agent does not, and one that
/// may be connected to at `bound`.
pub fn with_tcp(config: &EngineConfig, by_udp: Vec<Candidate>, bound: &[SocketAddr]) -> Vec<Candidate> {
    // Each PeerConnection keeps them.
    let mut candidates = Vec::with_capacity(by_udp.len() * if bound.is_empty() { 1 } else { 3 });
    for (index, candidate) in by_udp.into_iter().enumerate() {
        let own = bound.iter().find(|own| own.is_ipv4() == candidate.address.is_ipv4());
        let of = |tcptype: TcpType, port| Candidate {
            protocol: Protocol::Tcp,
            priority: tcp_priority(tcptype, index),
            address: SocketAddr::new(candidate.address.ip(), port),
            tcptype: Some(tcptype.name().to_owned()),
            ..candidate.clone()
        };
        let active = own.filter(|_| !config.ice_lite).map(|_| of(TcpType::Active, DISCARD));
        let passive = own.map(|own| of(TcpType::Passive, own.port()));
        candidates.push(candidate);
        candidates.extend(active.into_iter().chain(passive));
    }
    // RFC 8445 §5.1.1.3: the protocol tells foundations apart, too.
    for (index, candidate) in candidates.iter_mut().enumerate() {
        candidate.foundation = (index + 1).to_string();
    }
    candidates
}

/// Who opens the connection (RFC 6544 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpType {
    Active,
    Passive,
}

impl TcpType {
    /// As written after `tcptype`.
    pub fn name(self) -> &'static str {
        match self {
            TcpType::Active => "active",
            TcpType::Passive => "passive",
        }
    }
}

/// RFC 6544 §4.2: below every path by UDP; who opens connections is preferred, since NATs let it.
fn tcp_priority(tcptype: TcpType, index: usize) -> u32 {
    let direction = match tcptype {
        TcpType::Active => 6,
        TcpType::Passive => 4,
    };
    let other = 8191 - index.min(8191) as u32;
    (TCP_PREFERENCE << 24) | (direction << 21) | (other << 8) | 255
}

/// Earlier addresses are preferred.
pub fn local_preference(index: usize) -> u32 {
    65535 - index.min(65535) as u32
}

/// The candidates clients are told of, given the addresses one worker listens on. A mapping of a family takes the
/// place of the host addresses of that family, one candidate per public address; `keep_private_host` adds the real ones.
pub fn advertised(config: &EngineConfig, bound: &[SocketAddr]) -> Vec<Candidate> {
    let mut shown: Vec<SocketAddr> = Vec::new();
    for real in bound {
        let public: Vec<IpAddr> = config
            .nat_1_1_mapping
            .iter()
            .copied()
            .filter(|public| public.is_ipv4() == real.is_ipv4())
            .collect();
        let private = (public.is_empty() || config.keep_private_host).then(|| real.ip());
        for ip in public.into_iter().chain(private) {
            let address = SocketAddr::new(ip, real.port());
            if !shown.contains(&address) {
                shown.push(address);
            }
        }
    }
    shown
        .into_iter()
        .enumerate()
        .map(|(index, address)| Candidate {
            foundation: (index + 1).to_string(),
            component: 1,
            protocol: Protocol::Udp,
            priority: host_priority(index),
            address,
            kind: CandidateType::Host,
            related: None,
            tcptype: None,
        })
        .collect()
}
