//! Interfaces and addresses: what `janus_network_*` and the engine's address selection are made of.
#![forbid(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

/// The address a packet to the outside would come from. Nothing is sent.
pub fn detect_local(ipv6: bool) -> Option<IpAddr> {
    let (bind, to): (SocketAddr, SocketAddr) = if ipv6 {
        ((Ipv6Addr::UNSPECIFIED, 0).into(), (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0x0102, 0x0304), 1).into())
    } else {
        ((Ipv4Addr::UNSPECIFIED, 0).into(), (Ipv4Addr::new(1, 2, 3, 4), 1).into())
    };
    let socket = UdpSocket::bind(bind).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The first address of a host name or literal, of either family. Blocks while the system resolves.
pub fn resolve(host: &str) -> Option<IpAddr> {
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    (host, 0).to_socket_addrs().ok()?.next().map(|a| a.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_names() {
        assert_eq!(resolve("127.0.0.1"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(resolve("::1"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert!(resolve("localhost").is_some_and(|a| a.is_loopback()));
        assert_eq!(resolve("no.such.name.invalid"), None);
    }
}
