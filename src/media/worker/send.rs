//! A whole batch with as few system calls as possible: sendmmsg, and UDP_SEGMENT trains of datagrams of equal length.

use super::socket::Socket;
use crate::media::batch::{Batch, Step};
use crate::media::ice::{Path, Way};
use crate::net::sockaddr::to_raw;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::IpAddr;
use std::os::fd::AsRawFd;

/// The kernel's limit on segments of older versions.
const MAX_SEGMENTS: usize = 64;
/// Below 2^16 minus headers.
const MAX_TRAIN_BYTES: usize = 65_000;
/// Messages of one call (UIO_MAXIOV).
const MAX_MESSAGES: usize = 1024;
/// Room for packet info of either family and the segment size.
const CONTROL_BYTES: usize = 72;

#[repr(align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// One message: `count` datagrams of `segment` bytes, of which the last may have less, all to the destination of one
/// lane. They lie in `pieces` vectors from `first`.
#[derive(Clone, Copy)]
struct Message {
    first: usize,
    pieces: usize,
    count: usize,
    segment: u16,
    lane: usize,
}

/// The last message of the plan, while it is being laid out.
#[derive(Default)]
struct Train {
    bytes: usize,
    /// More datagrams may follow.
    open: bool,
}

/// Memory that is used again in every turn.
#[derive(Default)]
pub struct Transmitter {
    plan: Vec<Message>,
    vectors: Vec<libc::iovec>,
    names: Vec<(libc::sockaddr_storage, libc::socklen_t)>,
    controls: Vec<Control>,
    messages: Vec<libc::mmsghdr>,
    /// Lanes that go through the relay, and how far each is laid out.
    steps: Vec<(usize, Step)>,
    /// Datagrams that the kernel did not take.
    pub dropped: u64,
    pub sent: u64,
    pub calls: u64,
}

impl Transmitter {
    /// Sends all lanes that go through UDP in the socket's family. Never waits: what the kernel does not take is dropped and counted.
    pub fn send(&mut self, batch: &Batch, socket: &mut Socket) {
        self.lay_out(batch, socket, socket.segments);
        let mut done = 0;
        while done < self.plan.len() {
            match self.call(socket, done) {
                Ok(count) => {
                    self.sent += self.plan[done..done + count].iter().map(|m| m.count as u64).sum::<u64>();
                    done += count;
                }
                Err(error) => {
                    let message = self.plan[done];
                    if message.count > 1 && !is_full(&error) {
                        self.refused_train(&error, socket);
                        self.send_one_by_one(batch, socket, message);
                    } else {
                        self.dropped += message.count as u64;
                        tracing::trace!("cannot send to {}: {error}", batch.lanes()[message.lane].out.remote);
                    }
                    done += 1;
                }
            }
        }
    }

    fn refused_train(&self, error: &io::Error, socket: &mut Socket) {
        // The device cannot do it at all, as opposed to this train being too large for its path.
        if matches!(error.raw_os_error(), Some(libc::EIO | libc::EOPNOTSUPP | libc::ENOPROTOOPT)) {
            tracing::info!("no UDP segmentation offload here ({error}); sending datagrams one by one");
            socket.segments = false;
        }
    }

    fn send_one_by_one(&mut self, batch: &Batch, socket: &Socket, train: Message) {
        let path = batch.lanes()[train.lane].out;
        let (name, len) = to_raw(path.remote);
        for piece in &self.vectors[train.first..train.first + train.pieces] {
            for at in (0..piece.iov_len).step_by(train.segment.into()) {
                let mut vector = libc::iovec {
                    iov_base: piece.iov_base.wrapping_byte_add(at),
                    iov_len: usize::from(train.segment).min(piece.iov_len - at),
                };
                // SAFETY: all zeros is a valid msghdr.
                let mut header: libc::msghdr = unsafe { zeroed() };
                let mut control = Control([0; CONTROL_BYTES]);
                header.msg_name = (&raw const name).cast_mut().cast();
                header.msg_namelen = len;
                header.msg_iov = &raw mut vector;
                header.msg_iovlen = 1;
                fill_control(&mut header, &mut control, path.local.ip(), None);
                // SAFETY: every pointer in `header` leads to memory of the given length that lives through the call.
                let result = unsafe { libc::sendmsg(socket.udp.as_raw_fd(), &header, libc::MSG_DONTWAIT) };
                self.calls += 1;
                if result < 0 { self.dropped += 1 } else { self.sent += 1 }
            }
        }
    }

    /// Cuts the lanes into messages.
    fn lay_out(&mut self, batch: &Batch, socket: &Socket, trains: bool) {
        self.plan.clear();
        self.vectors.clear();
        self.names.clear();
        self.controls.clear();
        self.messages.clear();
        let leaves_here = |path: Path| match path.way {
            Way::Udp => path.remote.is_ipv4() == socket.is_ipv4,
            Way::Tcp(_) | Way::Relay => false,
        };
        for (index, lane) in batch.lanes().iter().enumerate() {
            if lane.framed || !leaves_here(lane.out) {
                continue;
            }
            let mut train = Train::default();
            batch.packets(lane).for_each(|packet| self.add(batch, index, packet, &mut train, trains));
        }
        // All of them to one destination: those of equal length side by side, the first of each peer, then the second of each.
        if batch.is_relayed() {
            let framed = batch.lanes().iter().enumerate().filter(|(_, l)| l.framed && leaves_here(l.out));
            self.steps.clear();
            self.steps.extend(framed.map(|(index, lane)| (index, lane.begin())));
            let mut steps = std::mem::take(&mut self.steps);
            let mut train = Train::default();
            while !steps.is_empty() {
                steps.retain_mut(|(index, at)| {
                    let packet = batch.step(at);
                    if let Some(packet) = packet.filter(|packet| !packet.is_empty()) {
                        self.add(batch, *index, packet, &mut train, trains);
                    }
                    packet.is_some()
                });
            }
            self.steps = steps;
        }
        // Pointers only now, when nothing moves any more.
        self.names.extend(self.plan.iter().map(|m| to_raw(batch.lanes()[m.lane].out.remote)));
        self.controls.resize(self.plan.len(), Control([0; CONTROL_BYTES]));
        for (index, message) in self.plan.iter().enumerate() {
            // SAFETY: all zeros is a valid mmsghdr.
            let mut raw: libc::mmsghdr = unsafe { zeroed() };
            let header = &mut raw.msg_hdr;
            header.msg_name = (&raw mut self.names[index].0).cast();
            header.msg_namelen = self.names[index].1;
            header.msg_iov = &raw mut self.vectors[message.first];
            header.msg_iovlen = message.pieces as _;
            let local = batch.lanes()[message.lane].out.local.ip();
            let segment = (message.count > 1).then_some(message.segment);
            fill_control(header, &mut self.controls[index], local, segment);
            self.messages.push(raw);
        }
    }

    /// Another datagram, in the train of the one before where that is possible.
    #[inline]
    fn add(&mut self, batch: &Batch, lane: usize, packet: &[u8], train: &mut Train, trains: bool) {
        let memory = batch.memory().as_ptr();
        let last = self.plan.last_mut().filter(|m| {
            train.open
                && trains
                && m.count < MAX_SEGMENTS
                && packet.len() <= usize::from(m.segment)
                && train.bytes + packet.len() <= MAX_TRAIN_BYTES
        });
        // By way of the whole memory, since a vector may grow beyond its first packet.
        let at = packet.as_ptr().addr() - memory.addr();
        let start: *mut libc::c_void = memory.wrapping_add(at).cast_mut().cast();
        let previous = self.vectors.last_mut();
        let vector = libc::iovec { iov_base: start, iov_len: packet.len() };
        match last {
            Some(message) => {
                message.count += 1;
                train.bytes += packet.len();
                match previous {
                    Some(previous) if previous.iov_base.wrapping_byte_add(previous.iov_len) == start => {
                        previous.iov_len += packet.len();
                    }
                    _ => {
                        message.pieces += 1;
                        self.vectors.push(vector);
                    }
                }
                // A shorter datagram can only be the last of its train.
                train.open = packet.len() == usize::from(message.segment);
            }
            None => {
                self.vectors.push(vector);
                self.plan.push(Message {
                    first: self.vectors.len() - 1,
                    pieces: 1,
                    count: 1,
                    segment: packet.len() as u16,
                    lane,
                });
                *train = Train { bytes: packet.len(), open: true };
            }
        }
    }

    fn call(&mut self, socket: &Socket, from: usize) -> io::Result<usize> {
        let messages = &mut self.messages[from..];
        let count = messages.len().min(MAX_MESSAGES);
        self.calls += 1;
        // SAFETY: the pointers lead into `self` and into the batch, which `send` borrows; nothing moved since `lay_out`.
        let result = unsafe {
            libc::sendmmsg(
                socket.udp.as_raw_fd(),
                messages.as_mut_ptr(),
                count as u32,
                libc::MSG_DONTWAIT as _,
            )
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok((result as usize).max(1)) }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM))
}

/// Writes the source address, and the segment size where given, as control messages: the system would choose the address
/// that fits the route, which need not be the one that was offered.
fn fill_control(header: &mut libc::msghdr, control: &mut Control, local: IpAddr, segment: Option<u16>) {
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = 0;
    match local {
        // Only a socket that is not ours is sent from without an address (tests).
        ip if ip.is_unspecified() => {}
        IpAddr::V4(ip) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            append(header, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        IpAddr::V6(ip) => {
            let info =
                libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: 0 };
            append(header, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
    }
    if let Some(segment) = segment {
        append(header, libc::SOL_UDP, libc::UDP_SEGMENT, segment);
    }
    if header.msg_controllen == 0 {
        header.msg_control = std::ptr::null_mut();
    }
}

/// Adds one control message behind those already there; the buffer is a [`Control`].
fn append<T>(header: &mut libc::msghdr, level: i32, kind: i32, value: T) {
    let used: usize = header.msg_controllen as _;
    // SAFETY: plain arithmetic.
    let (space, len) =
        unsafe { (libc::CMSG_SPACE(size_of::<T>() as u32) as usize, libc::CMSG_LEN(size_of::<T>() as u32)) };
    assert!(used + space <= CONTROL_BYTES, "control buffer too small");
    // SAFETY: `used + space` bytes are inside the buffer, `used` is a multiple of the alignment (it is a sum of
    // CMSG_SPACE), and the buffer is aligned for cmsghdr.
    unsafe {
        let message = header.msg_control.cast::<u8>().add(used).cast::<libc::cmsghdr>();
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = len as _;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
    }
    header.msg_controllen = (used + space) as _;
}
