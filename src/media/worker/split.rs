//! RTCP on a socket of its own, behind the same port.
//!
//! The feedback of hundreds of viewers comes in ones and twos, all the time, and none of it is urgent to the
//! millisecond. Kept apart from RTP, the worker can leave it lying for a moment and take it in one go (see
//! [`Bed`](super::wake::Bed)), while media wakes it at once. The kernel tells the two apart by the second byte, as
//! RFC 5761 §4 does.
//!
//! The kernel looks at the first datagram of a train. So the second socket takes no trains (no UDP_GRO): RTP that comes
//! right behind RTCP of the same peer does not become part of one. Only a train that a process of this host cut itself
//! (UDP_SEGMENT), RTCP first, goes there as a whole; it is late by the pause then, but not lost, since who reads a socket
//! sorts datagram by datagram.
//!
//! A process of the same user that asks for SO_REUSEPORT and binds the port at one address, instead of all, gets what
//! comes to that address (seen on Linux 6.18). Taking the option back after binding would end the group.

use super::udp::{bind_with, set, set_value};
use std::io;
use std::net::UdpSocket;

/// Opcodes of classic BPF (linux/filter.h).
const LOAD_BYTE: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

const fn then(code: u16, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt: 0, jf: 0, k }
}

/// Skips `jt` instructions when true, `jf` when false.
const fn branch(code: u16, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// `struct sock_fprog` with its hole named: the kernel is handed every byte of it.
#[repr(C)]
struct Program {
    length: u16,
    hole: [u16; 3],
    filter: *const libc::sock_filter,
}

const _: () = assert!(
    size_of::<Program>() == size_of::<libc::sock_fprog>()
        && std::mem::offset_of!(Program, filter) == std::mem::offset_of!(libc::sock_fprog, filter)
);

/// Over the UDP payload; the result is the number of the socket in its group. A datagram too short to be looked at ends
/// the program with 0.
const PROGRAM: [libc::sock_filter; 9] = [
    then(LOAD_BYTE, 0),
    then(AND, 0xC0),
    // RTP's version 2, or neither RTP nor RTCP.
    branch(IF_EQUAL, 0x80, 0, 4),
    then(LOAD_BYTE, 1),
    then(AND, 0x7F),
    branch(IF_AT_LEAST, 64, 0, 1),
    branch(IF_AT_LEAST, 96, 0, 1),
    then(RETURN, 0),
    then(RETURN, 1),
];

/// The socket for the RTCP that comes to `main`'s port. An error leaves `main` as it was: it receives everything.
pub fn open(main: &UdpSocket, ipv4: bool) -> io::Result<UdpSocket> {
    // Only now, after `main` was bound: nobody else's port was taken, and nobody who does not ask for it gets ours.
    set(main, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    let port = main.local_addr()?.port();
    let rtcp =
        bind_with(ipv4, port, |rtcp| set(rtcp, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)).and_then(|rtcp| {
            let filter = PROGRAM;
            let program = Program { length: filter.len() as u16, hole: [0; 3], filter: filter.as_ptr() };
            // SAFETY: `filter` leads to `length` instructions that live through the call; the kernel reads them.
            unsafe { set_value(main, libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF, program)? };
            Ok(rtcp)
        });
    if rtcp.is_err() {
        let _ = set(main, libc::SOL_SOCKET, libc::SO_REUSEPORT, 0);
    }
    rtcp
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receives(socket: &UdpSocket) -> Option<u8> {
        let mut bytes = [0; 64];
        match socket.recv(&mut bytes) {
            Ok(len) => Some(bytes[len - 1]),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                None
            }
        }
    }

    #[test]
    fn only_rtcp_goes_to_the_second_socket() {
        for ipv4 in [true, false] {
            let Ok(main) = bind_with(ipv4, 0, |_| Ok(())) else { continue };
            let rtcp = open(&main, ipv4).unwrap();
            main.set_nonblocking(true).unwrap();
            rtcp.set_nonblocking(true).unwrap();
            let to = if ipv4 { "127.0.0.1" } else { "::1" };
            let Ok(from) = UdpSocket::bind((to, 0)) else { continue };
            let to = (to, main.local_addr().unwrap().port());
            let second_byte_decides = [(0x7F, 0), (0x7F, 111), (0xBF, 63), (0xBF, 96), (0x80, 96 | 0x80)];
            let others = [(0x00, 1), (0x16, 0xFE), (0x40, 72), (0xFF, 72), (0x00, 72)];
            for (first, second) in second_byte_decides.into_iter().chain(others) {
                from.send_to(&[first, second, 1], to).unwrap();
                assert_eq!((receives(&main), receives(&rtcp)), (Some(1), None), "{first:#x} {second}");
            }
            for (first, second) in [(0x80, 64), (0x81, 200), (0x9F, 0x80 | 72), (0xA0, 95), (0x8F, 205)] {
                from.send_to(&[first, second, 2], to).unwrap();
                assert_eq!((receives(&main), receives(&rtcp)), (None, Some(2)), "{first:#x} {second}");
            }
            // Too short to tell.
            from.send_to(&[0x80], to).unwrap();
            assert_eq!((receives(&main), receives(&rtcp)), (Some(0x80), None));
        }
    }

    #[test]
    fn the_port_is_taken_for_everybody_else() {
        let main = bind_with(true, 0, |_| Ok(())).unwrap();
        let _rtcp = open(&main, true).unwrap();
        let port = main.local_addr().unwrap().port();
        assert!(bind_with(true, port, |_| Ok(())).is_err());
    }
}
