//! The UDP socket of one address family of one worker: binding inside the port range, and its options.

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Asked for; the kernel gives what `net.core.rmem_max` and `wmem_max` allow, unless we are privileged.
const BUFFER_BYTES: i32 = 8 << 20;
/// Below this a burst of one video keyframe to many receivers may be lost.
const SMALL_BUFFER: i32 = 1 << 20;

/// One socket and what the kernel can do with it.
pub struct Socket {
    /// Sends everything, and receives everything but what [`Socket::rtcp`] does.
    pub udp: UdpSocket,
    /// Receives RTCP at the same port, where the kernel can tell it apart.
    pub rtcp: Option<UdpSocket>,
    pub is_ipv4: bool,
    /// The kernel accepts trains (UDP_SEGMENT).
    pub segments: bool,
    /// Several addresses share the socket: each datagram names its own.
    pub packet_info: bool,
}

/// An inclusive range of ports; (0, 0) leaves the choice to the system.
pub type PortRange = (u16, u16);

impl Socket {
    /// Binds the wildcard address of a family to the first free port of the range, beginning at a random one.
    pub fn open(ipv4: bool, range: PortRange, packet_info: bool, dscp: u8) -> io::Result<Socket> {
        let (low, high) = (range.0.min(range.1), range.0.max(range.1));
        let high = if high == 0 && low != 0 { u16::MAX } else { high };
        let count = u32::from(high - low) + 1;
        let first = crate::util::random::u32() % count;
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for step in 0..count {
            let port = low + ((first + step) % count) as u16;
            match bind(ipv4, port) {
                Ok(udp) => return Socket::with(udp, ipv4, packet_info, dscp),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn with(udp: UdpSocket, is_ipv4: bool, packet_info: bool, dscp: u8) -> io::Result<Socket> {
        let smallest = prepare(&udp, is_ipv4, packet_info)?;
        if smallest < SMALL_BUFFER {
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
            .and_then(|rtcp| prepare(&rtcp, is_ipv4, packet_info).map(|_| rtcp))
            .inspect_err(|error| tracing::debug!("RTCP stays with RTP: {error}"));
        Ok(Socket { udp, rtcp: rtcp.ok(), is_ipv4, segments, packet_info })
    }

    pub fn port(&self) -> u16 {
        self.udp.local_addr().map_or(0, |a| a.port())
    }
}

/// What is needed to receive. Returns the size of the smaller buffer, in bytes.
fn prepare(udp: &UdpSocket, is_ipv4: bool, packet_info: bool) -> io::Result<i32> {
    udp.set_nonblocking(true)?;
    let (level, info) = match is_ipv4 {
        true => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        false => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    if packet_info {
        set(udp, level, info, 1)?;
    }
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

fn bind(ipv4: bool, port: u16) -> io::Result<UdpSocket> {
    bind_with(ipv4, port, |_| Ok(()))
}

/// Binds the wildcard address, after `options` were set that have to be there before.
pub(super) fn bind_with(
    ipv4: bool,
    port: u16,
    options: impl FnOnce(&UdpSocket) -> io::Result<()>,
) -> io::Result<UdpSocket> {
    let (family, wildcard) = match ipv4 {
        true => (libc::AF_INET, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        false => (libc::AF_INET6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    // SAFETY: no pointers; the result is checked.
    let fd = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fd` was just made and nobody else has it.
    let udp = UdpSocket::from(unsafe { OwnedFd::from_raw_fd(fd) });
    if !ipv4 {
        // Else the IPv4 socket could not have the same port.
        set(&udp, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    options(&udp)?;
    let (name, len) = to_raw(SocketAddr::new(wildcard, port));
    // SAFETY: `name` is initialised and `len` is its length.
    match unsafe { libc::bind(udp.as_raw_fd(), (&raw const name).cast(), len) } {
        0 => Ok(udp),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(super) fn set<T>(socket: &UdpSocket, level: i32, name: i32, value: T) -> io::Result<()> {
    // SAFETY: `value` is readable for the length given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn get(socket: &UdpSocket, level: i32, name: i32) -> io::Result<i32> {
    let mut value = 0_i32;
    let mut len = size_of::<i32>() as libc::socklen_t;
    // SAFETY: `value` is writable for `len` bytes.
    let result =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut value).cast(), &raw mut len) };
    if result == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

/// The kernel's form of an address, and its length.
pub fn to_raw(address: SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: all zeros is a valid sockaddr_storage.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let len = match address {
        SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: sockaddr_storage is larger than, and aligned for, every socket address.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in>().write(raw) };
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(v6) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: as above.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in6>().write(raw) };
            size_of::<libc::sockaddr_in6>()
        }
    };
    (storage, len as libc::socklen_t)
}

/// The other way round; `None` for other families.
pub fn from_raw(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says what it is, and the storage is large and aligned enough.
            let raw = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddr::new(ip.into(), u16::from_be(raw.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let raw = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
            let port = u16::from_be(raw.sin6_port);
            Some(std::net::SocketAddrV6::new(ip, port, 0, raw.sin6_scope_id).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_kernels_form() {
        for text in ["192.0.2.1:5", "[2001:db8::1]:65535"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(from_raw(&to_raw(address).0), Some(address));
        }
    }

    // MP-112
    #[test]
    fn ports_come_from_the_range_and_each_once() {
        let free = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        let low = free.min(u16::MAX - 20);
        let mut ports = Vec::new();
        for _ in 0..3 {
            let socket = Socket::open(true, (low, low + 20), true, 0).unwrap();
            assert!((low..=low + 20).contains(&socket.port()));
            ports.push((socket.port(), socket));
        }
        assert!(ports[0].0 != ports[1].0 && ports[1].0 != ports[2].0 && ports[0].0 != ports[2].0);
        let taken = ports[0].0;
        assert!(Socket::open(true, (taken, taken), true, 0).is_err());
    }
}
