//! Candidate text: RFC 8839 §5.1, with the leniency of media-plane.md §3.2 and §3.5.

use crate::media::types::{Candidate, CandidateType, Protocol};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// What a candidate line from a client turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    Candidate(Candidate),
    /// The address is an mDNS name (RFC 8828): resolve it, put the address in its place, parse again (MP-102).
    Name(String),
    /// Nothing to do, and no error: end of candidates, another component, TCP without `ice_tcp`, a bad address.
    Ignored,
}

/// Fewer than the seven mandatory fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl CandidateType {
    /// As written after `typ`.
    pub fn name(self) -> &'static str {
        match self {
            CandidateType::Host => "host",
            CandidateType::ServerReflexive => "srflx",
            CandidateType::PeerReflexive => "prflx",
            CandidateType::Relayed => "relay",
        }
    }
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
        }
    }
}

/// Longest text written (media-plane.md §3.2).
const MAX_TEXT: usize = 199;

/// The value of an SDP `candidate` attribute, without any prefix.
pub fn format(candidate: &Candidate) -> String {
    let Candidate { foundation, component, protocol, priority, address, kind, .. } = candidate;
    let mut text = format!(
        "{foundation} {component} {} {priority} {} {} typ {}",
        protocol.name(),
        address.ip(),
        address.port(),
        kind.name()
    );
    if let (Some(related), true) = (candidate.related, *kind != CandidateType::Host) {
        let _ = write!(text, " raddr {} rport {}", related.ip(), related.port());
    }
    if let Some(tcptype) = &candidate.tcptype {
        let _ = write!(text, " tcptype {tcptype}");
    }
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    text
}

/// Reads one candidate as clients send it, with or without `candidate:` in front (MP-101, MP-103, MP-104).
pub fn parse(text: &str, ice_tcp: bool) -> Result<Parsed, Malformed> {
    if text.is_empty() || text.contains("end-of-candidates") {
        return Ok(Parsed::Ignored);
    }
    let text = text.strip_prefix("a=").unwrap_or(text);
    let text = text.strip_prefix("candidate:").unwrap_or(text);
    let mut fields = text.split_ascii_whitespace();
    let mut next = |longest: usize| fields.next().filter(|f| f.len() <= longest).ok_or(Malformed);
    let foundation = next(32)?;
    let component: u32 = next(10)?.parse().map_err(|_| Malformed)?;
    let transport = next(3)?;
    let priority: u32 = next(10)?.parse().map_err(|_| Malformed)?;
    let address = next(49)?;
    let port: u32 = next(10)?.parse().map_err(|_| Malformed)?;
    if next(3)? != "typ" {
        return Err(Malformed);
    }
    let kind = next(5)?;
    if component > 1 {
        return Ok(Parsed::Ignored);
    }
    let protocol = match transport.to_ascii_lowercase().as_str() {
        "udp" => Protocol::Udp,
        "tcp" | "tls" => Protocol::Tcp,
        _ => return Ok(Parsed::Ignored),
    };
    let kind = match kind.to_ascii_lowercase().as_str() {
        "host" => CandidateType::Host,
        "srflx" => CandidateType::ServerReflexive,
        "prflx" => CandidateType::PeerReflexive,
        "relay" => CandidateType::Relayed,
        _ => return Ok(Parsed::Ignored),
    };
    if protocol == Protocol::Tcp && kind != CandidateType::Relayed && !ice_tcp {
        return Ok(Parsed::Ignored);
    }
    if address.ends_with(".local") {
        return Ok(Parsed::Name(address.to_owned()));
    }
    let (Ok(ip), Ok(port)) = (address.parse::<IpAddr>(), u16::try_from(port)) else {
        return Ok(Parsed::Ignored);
    };

    let (mut related_ip, mut related_port, mut tcptype) = (None, 0, None);
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        match name {
            "raddr" => match value.parse::<IpAddr>() {
                Ok(ip) => related_ip = Some(ip),
                // Browsers hide their address as an mDNS name here too; a host does not need it.
                Err(_) if value.ends_with(".local") => {}
                Err(_) => return Ok(Parsed::Ignored),
            },
            "rport" => related_port = value.parse().unwrap_or(0),
            "tcptype" => tcptype = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(Parsed::Candidate(Candidate {
        foundation: foundation.to_owned(),
        component: 1,
        protocol,
        priority,
        address: SocketAddr::new(ip, port),
        kind,
        related: related_ip.map(|ip| SocketAddr::new(ip, related_port)),
        tcptype,
    }))
}
