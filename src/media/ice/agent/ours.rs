//! Our ends of paths: the addresses of our sockets, what a relay has for us, and where peers have seen us.
#![forbid(unsafe_code)]

use super::Agent;
use crate::media::ice::local::local_preference;
use crate::media::ice::path::{Path, Way};
use crate::media::ice::remote::OPENED;
use is::CandidateKind;
use std::net::{IpAddr, SocketAddr};

impl Agent {
    /// Our addresses as they are now, best first, and what a relay has for us. A full agent checks from new ones by itself;
    /// what went through one that is no more goes on when a path from another one is proven.
    pub fn set_addresses(&mut self, udp: &[SocketAddr], tcp: &[SocketAddr], relayed: Option<SocketAddr>) {
        self.addresses = udp.to_vec();
        self.tcp = tcp.to_vec();
        self.relayed = relayed;
        let order: Vec<IpAddr> = udp.iter().map(SocketAddr::ip).collect();
        self.inner.set_local_preference(move |candidate: &is::Candidate, _: usize| {
            let ip = candidate.addr().ip();
            local_preference(order.iter().position(|known| *known == ip).unwrap_or(order.len()))
        });
        let present: Vec<is::Candidate> = self.inner.local_candidates().collect();
        let udp = udp.iter().map(|address| (is::Protocol::Udp, *address));
        let tcp = tcp.iter().map(|address| (is::Protocol::Tcp, *address));
        let relayed = relayed.map(|address| (is::Protocol::Udp, address));
        for (protocol, address) in udp.chain(tcp).chain(relayed) {
            if !present.iter().any(|c| (c.proto(), c.addr()) == (protocol, address)) {
                self.add_local(address, protocol);
            }
        }
        for gone in &present {
            let stays = match gone.proto() {
                is::Protocol::Udp => {
                    self.addresses.contains(&gone.addr()) || self.relayed == Some(gone.addr())
                }
                is::Protocol::Tcp => self.tcp.contains(&gone.addr()),
                _ => self.connections.iter().any(|path| path.local == gone.addr()),
            };
            if !stays {
                self.inner.invalidate_candidate(gone);
            }
        }
    }

    pub(super) fn add_local(&mut self, address: SocketAddr, protocol: is::Protocol) {
        let candidate = match self.relayed {
            Some(relayed) if relayed == address => is::Candidate::relayed(address, address, protocol),
            _ => is::Candidate::host(address, protocol),
        };
        match candidate {
            Ok(candidate) => drop(self.inner.add_local_candidate(candidate)),
            Err(error) => tracing::warn!("{address} cannot be used for ICE: {error}"),
        }
    }

    pub(super) fn is_ours(&self, at: SocketAddr) -> bool {
        let of_connection = || self.connections.iter().any(|path| path.local == at);
        let is_known = self.addresses.contains(&at) || self.tcp.contains(&at) || self.relayed == Some(at);
        is_known || of_connection() || self.mapped.contains(&at)
    }

    /// The crate has made a candidate of it, to know it again. It is no address to send from: pairs are made without it.
    pub(super) fn note_mapped(&mut self, at: SocketAddr) {
        self.mapped.push(at);
        let found = self
            .inner
            .local_candidates()
            .find(|c| c.addr() == at && c.kind() == CandidateKind::PeerReflexive);
        if let Some(found) = found {
            self.inner.invalidate_candidate(&found);
        }
    }

    /// The path from one to the other; `None`: there is no way, or none any more.
    pub(super) fn path_between(
        &self,
        protocol: is::Protocol,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<Path> {
        match protocol {
            is::Protocol::Udp if Some(local) == self.relayed => Some(Path::relayed(local, remote)),
            is::Protocol::Udp => Some(Path::udp(local, remote)),
            _ => self.connections.iter().find(|p| (p.local, p.remote) == (local, remote)).copied(),
        }
    }

    /// Our end of the path still is.
    pub(super) fn is_there(&self, path: Path) -> bool {
        match path.way {
            Way::Udp => self.addresses.contains(&path.local),
            Way::Tcp(_) => self.connections.contains(&path),
            Way::Relay => self.relayed == Some(path.local),
        }
    }

    /// By what the crate knows the candidates at the ends of a path.
    pub(super) fn protocol_of(&self, path: Path) -> is::Protocol {
        match path.way {
            Way::Udp | Way::Relay => is::Protocol::Udp,
            Way::Tcp(_) if self.tcp.contains(&path.local) => is::Protocol::Tcp,
            Way::Tcp(_) => OPENED,
        }
    }
}
