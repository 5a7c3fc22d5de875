//! Where peers open their connections to.
#![forbid(unsafe_code)]

use crate::media::worker::socket::PortRange;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// Connections that the kernel has made and nobody has taken yet; a worker takes them when it is awake.
const BACKLOG: i32 = 256;

/// The listening socket of one address family of one worker.
#[derive(Debug)]
pub struct Listener {
    pub socket: TcpListener,
}

impl Listener {
    /// Binds the wildcard address of a family: the port of the UDP socket, if nobody has it, so that one number is to be
    /// opened in a firewall; else the lowest free one of the range.
    pub fn open(ipv4: bool, of_udp: u16, range: PortRange) -> io::Result<Listener> {
        let (low, high) = range;
        let high = if high == 0 && low != 0 { u16::MAX } else { high };
        let mut last = None;
        for port in std::iter::once(of_udp).chain(low..=high) {
            match at(ipv4, port) {
                Ok(socket) => return Ok(Listener { socket }),
                Err(error) => last = Some(error),
            }
        }
        let last = last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into());
        Err(io::Error::new(last.kind(), format!("no TCP port of {low}-{high} can be had: {last}")))
    }

    pub fn port(&self) -> u16 {
        self.socket.local_addr().map_or(0, |address| address.port())
    }
}

fn at(ipv4: bool, port: u16) -> io::Result<TcpListener> {
    let (family, wildcard) = match ipv4 {
        true => (AddressFamily::INET, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        false => (AddressFamily::INET6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    if !ipv4 {
        // Else the IPv4 socket could not have the same port.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    // Connections of before a restart do not keep the port from us; somebody who listens does.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddr::new(wildcard, port))?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_udp_is_taken_when_it_can_be_had() {
        for ipv4 in [true, false] {
            let Ok(first) = Listener::open(ipv4, 0, (0, 0)) else { continue };
            let port = first.port();
            assert!(port > 0);
            // Somebody listens there.
            assert!(Listener::open(ipv4, port, (port, port)).is_err());
            let high = port.saturating_add(30);
            let second = Listener::open(ipv4, port, (port, high)).unwrap();
            assert!(second.port() > port && second.port() <= high);
            drop(first);
            assert_eq!(Listener::open(ipv4, port, (port, port)).unwrap().port(), port);
        }
    }

    #[test]
    fn both_families_have_the_same_port() {
        let first = Listener::open(true, 0, (0, 0)).unwrap();
        // Unless the system has no IPv6.
        if let Ok(second) = Listener::open(false, first.port(), (first.port(), first.port())) {
            assert_eq!(second.port(), first.port());
        }
    }
}
