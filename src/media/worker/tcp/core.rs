//! The connections of a worker, and the PeerConnections that they belong to.
#![forbid(unsafe_code)]

use super::connection::Room;
use super::table::{News, TcpConnections};
use crate::media::ice::{Origin, Path, Way};
use crate::media::worker::core::Core;
use std::net::SocketAddr;

impl Core {
    /// Takes and makes connections from now on.
    pub fn use_tcp(&mut self, connections: TcpConnections) {
        self.tcp = Some(Box::new(connections));
    }

    /// Does what the kernel has become ready for.
    pub fn poll_tcp(&mut self) {
        if let Some(tcp) = &mut self.tcp {
            tcp.poll(self.clock.instant, &self.tcp_bound);
        }
    }

    /// The next connection that has something, which is in `room` then.
    pub fn read_tcp(&mut self, room: &mut Room) -> Option<Path> {
        self.tcp.as_mut()?.read(room)
    }

    /// Whether the connection that a datagram was read from still is: an earlier one of them may have ended it.
    pub fn is_way_open(&self, way: Way) -> bool {
        match way {
            Way::Udp | Way::Relay => true,
            Way::Tcp(id) => self.tcp.as_ref().is_some_and(|tcp| tcp.is_open(id)),
        }
    }

    /// Tells PeerConnections of connections that came or went.
    pub fn tell_of_tcp(&mut self) {
        while let Some(news) = self.tcp.as_mut().and_then(|tcp| tcp.next_news()) {
            match news {
                News::Opened { seat, path } => {
                    self.step(seat, |connection, clock, batch| connection.tcp_opened(clock, path, batch));
                }
                News::Lost { seat, path } => {
                    let owners = self.owners.all(&path.origin());
                    let opened = seat.filter(|seat| !owners.seats().contains(seat));
                    for index in owners.seats().iter().copied().chain(opened) {
                        self.step(index, |connection, clock, batch| connection.tcp_lost(clock, path, batch));
                        self.disown(index, path.origin());
                    }
                }
            }
        }
    }

    /// A PeerConnection wants to check a candidate that waits for connections.
    pub(in crate::media::worker) fn open_tcp(&mut self, index: u32, to: SocketAddr) {
        let own = self.tcp_bound.iter().find(|own| own.is_ipv4() == to.is_ipv4());
        if let (Some(own), Some(tcp)) = (own, &mut self.tcp)
            && self.shared.destinations.admits(to, self.clock.mono)
            && let Err(error) = tcp.open(index, own.ip(), to, self.clock.instant)
        {
            tracing::debug!("cannot connect to {to}: {error}");
        }
    }

    /// Authentic messages come from there.
    pub(in crate::media::worker) fn owned(&mut self, origin: Origin) {
        match (origin.way, &mut self.tcp) {
            (Way::Tcp(id), Some(tcp)) => tcp.known(id),
            (Way::Tcp(_), None) | (Way::Udp | Way::Relay, _) => {}
        }
    }

    fn disown(&mut self, index: u32, origin: Origin) {
        self.owners.forget(&origin, index);
        if let Some(Some(seat)) = self.seats.get_mut(index as usize) {
            seat.origins.retain(|known| *known != origin);
        }
    }

    /// A connection that belongs to nobody any more ends.
    pub(in crate::media::worker) fn disowned(&mut self, origin: Origin) {
        match (origin.way, &mut self.tcp) {
            (Way::Tcp(id), Some(tcp)) if self.owners.get(&origin).is_none() => tcp.close(id),
            (Way::Tcp(_), _) | (Way::Udp | Way::Relay, _) => {}
        }
    }
}
