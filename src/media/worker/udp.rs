//! UDP sockets as the system calls see them: binding, options, and the kernel's form of addresses.

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Binds the wildcard address, after `options` were set that have to be there before.
pub fn bind_with(
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

pub fn set(socket: &UdpSocket, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: a number leads nowhere.
    unsafe { set_value(socket, level, name, value) }
}

/// # Safety
/// Pointers in `value` are what the option asks for, and valid for the call.
pub unsafe fn set_value<T>(socket: &UdpSocket, level: i32, name: i32, value: T) -> io::Result<()> {
    // SAFETY: `value` is readable for the length given; what it points to is the caller's promise.
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

pub fn get(socket: &UdpSocket, level: i32, name: i32) -> io::Result<i32> {
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
}
