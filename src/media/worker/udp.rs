//! UDP sockets as the system calls see them: binding, and options of any socket.

use crate::net::sockaddr::to_raw;
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

pub fn set(socket: &impl AsRawFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: a number leads nowhere.
    unsafe { set_value(socket, level, name, value) }
}

/// # Safety
/// Pointers in `value` are what the option asks for, and valid for the call.
pub unsafe fn set_value<T>(socket: &impl AsRawFd, level: i32, name: i32, value: T) -> io::Result<()> {
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
