//! The UDP socket of one address family of one worker: binding inside the port range, and its options.
#![forbid(unsafe_code)]

use super::udp::{bind_with, get, set};
use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asked for; the kernel gives what `net.core.rmem_max` and `wmem_max` allow, unless we are privileged.
const BUFFER_BYTES: i32 = 8 << 20;
/// Below this a burst of one video keyframe to many receivers may be lost.
const SMALL_BUFFER: i32 = 1 << 20;
static TOLD: AtomicBool = AtomicBool::new(false);

/// One socket and what the kernel can do with it.
pub struct Socket {
    /// Sends everything, and receives everything but what [`Socket::rtcp`] does.
    pub udp: UdpSocket,
    /// Receives RTCP at the same port, where the kernel can tell it apart.
    pub rtcp: Option<UdpSocket>,
    pub is_ipv4: bool,
    /// The kernel accepts trains (UDP_SEGMENT).
    pub segments: bool,
}

/// An inclusive range of ports; (0, 0) leaves the choice to the system.
pub type PortRange = (u16, u16);

impl Socket {
    /// Binds the wildcard address of a family to the lowest free port of the range, so that it is the same after each
    /// restart.
    pub fn open(ipv4: bool, range: PortRange, dscp: u8) -> io::Result<Socket> {
        let (low, high) = (range.0.min(range.1), range.0.max(range.1));
        let high = if high == 0 && low != 0 { u16::MAX } else { high };
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for port in low..=high {
            match bind_with(ipv4, port, |_| Ok(())) {
                Ok(udp) => return Socket::with(udp, ipv4, dscp),
                Err(error) => last = error,
            }
        }
        Err(io::Error::new(last.kind(), format!("no UDP port of {low}-{high} can be had: {last}")))
    }

    fn with(udp: UdpSocket, is_ipv4: bool, dscp: u8) -> io::Result<Socket> {
        let smallest = prepare(&udp, is_ipv4)?;
        // Once: it is the same for all workers.
        if smallest < SMALL_BUFFER && !TOLD.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "socket buffers are only {} KiB; raise net.core.rmem_max and net.core.wmem_max",
                smallest >> 10
            );
        }
        let tos = i32::from(dscp) << 2;
        let (level, traffic) = match is_ipv4 {
            true => (libc::IPPROTO_IP, libc::IP_TOS),
            false => (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
        };
        if tos != 0 && set(&udp, level, traffic, tos).is_err() {
            tracing::warn!("the system refuses DSCP {dscp}");
        }
        // Optional: without it, each datagram is a message. Not for RTCP: see `split`.
        let _ = set(&udp, libc::SOL_UDP, libc::UDP_GRO, 1);
        let segments = set(&udp, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        let rtcp = super::split::open(&udp, is_ipv4)
            .and_then(|rtcp| prepare(&rtcp, is_ipv4).map(|_| rtcp))
            .inspect_err(|error| tracing::debug!("RTCP stays with RTP: {error}"));
        Ok(Socket { udp, rtcp: rtcp.ok(), is_ipv4, segments })
    }

    pub fn port(&self) -> u16 {
        self.udp.local_addr().map_or(0, |a| a.port())
    }
}

/// What is needed to receive. Returns the size of the smaller buffer, in bytes.
fn prepare(udp: &UdpSocket, is_ipv4: bool) -> io::Result<i32> {
    udp.set_nonblocking(true)?;
    let (level, info) = match is_ipv4 {
        true => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        false => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    // Which address a datagram came to: the wildcard address has them all.
    set(udp, level, info, 1)?;
    // Optional: without it, a datagram came when it is read.
    let _ = set(udp, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
    let mut smallest = i32::MAX;
    for (force, plain) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)] {
        if set(udp, libc::SOL_SOCKET, force, BUFFER_BYTES).is_err() {
            let _ = set(udp, libc::SOL_SOCKET, plain, BUFFER_BYTES);
        }
        smallest = smallest.min(get(udp, libc::SOL_SOCKET, plain).unwrap_or(0));
    }
    Ok(smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    // MP-112
    #[test]
    fn ports_come_from_the_range_and_each_once() {
        let free = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        let low = free.min(u16::MAX - 20);
        let mut ports = Vec::new();
        // Without SO_REUSEPORT, so that nobody else has the same one.
        for _ in 0..3 {
            let socket = Socket::open(true, (low, low + 20), 0).unwrap();
            assert!((low..=low + 20).contains(&socket.port()));
            ports.push((socket.port(), socket));
        }
        assert!(ports[0].0 < ports[1].0 && ports[1].0 < ports[2].0);
        let taken = ports[0].0;
        assert!(Socket::open(true, (taken, taken), 0).is_err());
    }
}
