//! One TCP connection.
#![forbid(unsafe_code)]

use super::frames::{Deframer, LONGEST, PREFIX};
use super::outbox::{Figures, Outbox};
use crate::media::ice::{Path, stun};
use crate::media::worker::udp::set;
use rustix::net::sockopt;
use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

/// Bytes of one reading.
const READ: usize = 64 << 10;
/// Messages that may come before one of them is authentic: a peer repeats its check until we know its description.
const MOST_BEFORE: usize = 64;
/// What the kernel keeps beyond what is under way to the peer (TCP_NOTSENT_LOWAT): what is older than that is of no use to
/// anybody.
const UNSENT: i32 = 64 << 10;
/// A peer that has not acknowledged anything for so long is gone.
const GONE: Duration = Duration::from_secs(20);
/// How often a silent one is asked.
const PROBE: Duration = Duration::from_secs(15);

/// Room of a worker for what a connection brings.
pub struct Room {
    bytes: Box<[u8]>,
    datagrams: Vec<Range<usize>>,
    next: usize,
}

impl Default for Room {
    fn default() -> Room {
        Room { bytes: vec![0; READ + LONGEST + PREFIX].into_boxed_slice(), datagrams: Vec::new(), next: 0 }
    }
}

impl Room {
    /// The next datagram of what was read last.
    pub fn next_datagram(&mut self) -> Option<&mut [u8]> {
        let range = self.datagrams.get(self.next)?.clone();
        self.next += 1;
        Some(&mut self.bytes[range])
    }

    pub fn count(&self) -> usize {
        self.datagrams.len()
    }

    fn kinds(&self) -> impl Iterator<Item = stun::Kind> {
        self.datagrams.iter().map(|range| stun::kind(&self.bytes[range.clone()]))
    }
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// We have asked for it.
    Opening,
    /// So many messages have come, and none was authentic.
    Young(usize),
    Known,
}

pub struct TcpConnection {
    pub socket: TcpStream,
    pub path: Path,
    pub stage: Stage,
    /// Whose check it was opened for; `None`: the peer has opened it.
    pub seat: Option<u32>,
    inbound: Deframer,
    outbound: Outbox,
    /// The kernel is asked to tell when it has room.
    pub awaits_room: bool,
}

impl TcpConnection {
    /// `dscp` as in IP_TOS and IPV6_TCLASS; it is no reason to fail.
    pub fn new(
        socket: TcpStream,
        path: Path,
        stage: Stage,
        seat: Option<u32>,
        dscp: u8,
    ) -> io::Result<TcpConnection> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        sockopt::set_tcp_user_timeout(&socket, GONE.as_millis() as u32)?;
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_keepidle(&socket, PROBE)?;
        sockopt::set_tcp_keepintvl(&socket, PROBE)?;
        set(&socket, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, UNSENT)?;
        if dscp > 0 {
            let (level, name) = match path.local.is_ipv4() {
                true => (libc::IPPROTO_IP, libc::IP_TOS),
                false => (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
            };
            let _ = set(&socket, level, name, i32::from(dscp) << 2);
        }
        Ok(TcpConnection {
            socket,
            path,
            stage,
            seat,
            inbound: Deframer::default(),
            outbound: Outbox::default(),
            awaits_room: false,
        })
    }

    /// Reads what is there, without waiting. An error: the connection has come to its end.
    pub fn read(&mut self, room: &mut Room) -> io::Result<()> {
        room.next = 0;
        let before = self.inbound.begin(&mut room.bytes);
        let len = match self.socket.read(&mut room.bytes[before..before + READ]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            result => result?,
        };
        self.inbound.cut(&room.bytes[..before + len], &mut room.datagrams);
        if let Stage::Young(count) = &mut self.stage {
            *count += room.datagrams.len();
            // Checks come first (RFC 6544 §7), whoever it is.
            let is_other = self.inbound.oversized > 0 || room.kinds().any(|kind| kind != stun::Kind::Stun);
            if is_other || *count > MOST_BEFORE {
                return Err(ErrorKind::InvalidData.into());
            }
        }
        Ok(())
    }

    pub fn send<'a>(&mut self, datagrams: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        self.outbound.send(&mut self.socket, datagrams)
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.outbound.flush(&mut self.socket)
    }

    /// Something waits for room in the kernel.
    pub fn is_full(&self) -> bool {
        !self.outbound.is_empty()
    }

    pub fn take_figures(&mut self) -> Figures {
        std::mem::take(&mut self.outbound.figures)
    }
}
