//! Many datagrams with one system call: recvmmsg, and UDP_GRO where the kernel hands over whole trains.

use crate::net::sockaddr::from_raw;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// Messages of one call.
pub const MESSAGES: usize = 32;
/// What a train can have at most.
const MESSAGE_BYTES: usize = 1 << 16;
/// Room for packet info of either family, the segment size, and the time.
const CONTROL_BYTES: usize = 128;

#[repr(align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// Datagrams of equal length from one sender; the last may be shorter.
#[derive(Clone, Copy, Debug)]
pub struct Train {
    pub from: SocketAddr,
    /// The address that it came to.
    pub to: Option<IpAddr>,
    pub len: usize,
    /// Bytes per datagram.
    pub segment: usize,
    /// When the kernel got it: wall clock, µs since 1970.
    pub arrived: Option<i64>,
}

/// Buffers of a fixed length, and the headers that lead the kernel to them.
pub struct Receiver {
    bytes: Vec<u8>,
    _controls: Vec<Control>,
    names: Vec<libc::sockaddr_storage>,
    /// Read by the kernel by way of `messages` only.
    _vectors: Vec<libc::iovec>,
    messages: Vec<libc::mmsghdr>,
    trains: Vec<Option<Train>>,
}

impl Default for Receiver {
    fn default() -> Receiver {
        let mut bytes = vec![0_u8; MESSAGES * MESSAGE_BYTES];
        let mut controls = vec![Control([0; CONTROL_BYTES]); MESSAGES];
        // SAFETY: all zeros is a valid sockaddr_storage.
        let mut names: Vec<libc::sockaddr_storage> = vec![unsafe { zeroed() }; MESSAGES];
        let (bytes_at, names_at) = (bytes.as_mut_ptr(), names.as_mut_ptr());
        let vector = |index| libc::iovec {
            iov_base: bytes_at.wrapping_add(index * MESSAGE_BYTES).cast(),
            iov_len: MESSAGE_BYTES,
        };
        let mut vectors: Vec<_> = (0..MESSAGES).map(vector).collect();
        let vectors_at = vectors.as_mut_ptr();
        let message = |(index, control): (usize, &mut Control)| {
            // SAFETY: all zeros is valid for a plain C struct.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            let header = &mut message.msg_hdr;
            header.msg_name = names_at.wrapping_add(index).cast();
            header.msg_iov = vectors_at.wrapping_add(index);
            header.msg_iovlen = 1;
            header.msg_control = control.0.as_mut_ptr().cast();
            empty(header);
            message
        };
        let messages = controls.iter_mut().enumerate().map(message).collect();
        Receiver {
            bytes,
            _controls: controls,
            names,
            _vectors: vectors,
            messages,
            trains: Vec::with_capacity(MESSAGES),
        }
    }
}

/// As it has to be before the kernel fills it: it says there how much it has written.
fn empty(header: &mut libc::msghdr) {
    header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    header.msg_controllen = CONTROL_BYTES as _;
}

impl Receiver {
    /// Takes what is there, without waiting. Returns the number of messages.
    pub fn fill(&mut self, socket: &UdpSocket) -> usize {
        self.trains.clear();
        // SAFETY: every pointer in `messages` leads to memory of `self`, of the given length, that nothing else uses now:
        // the vectors are as long as they were when it was made.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.messages.as_mut_ptr(),
                MESSAGES as u32,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let count = count.max(0) as usize;
        for (message, name) in self.messages.iter_mut().zip(&self.names).take(count) {
            let len = message.msg_len as usize;
            let train =
                from_raw(name).map(|from| Train { from, to: None, len, segment: len.max(1), arrived: None });
            // SAFETY: the kernel filled the header, and its control buffer still lives.
            self.trains.push(train.map(|train| unsafe { read_control(&message.msg_hdr, train) }));
            // Only those that were used: most often it is one.
            empty(&mut message.msg_hdr);
        }
        count
    }

    /// How many datagrams the `index`-th message of the last [`Receiver::fill`] holds.
    pub fn datagrams(&self, index: usize) -> Option<u64> {
        let train = (*self.trains.get(index)?)?;
        Some(train.len.div_ceil(train.segment) as u64)
    }

    /// The `index`-th message of the last [`Receiver::fill`] and its bytes.
    pub fn train(&mut self, index: usize) -> Option<(Train, &mut [u8])> {
        let train = (*self.trains.get(index)?)?;
        let start = index * MESSAGE_BYTES;
        Some((train, &mut self.bytes[start..start + train.len]))
    }
}

/// # Safety
/// `header` was filled by the kernel, and its control buffer is alive.
unsafe fn read_control(header: &libc::msghdr, mut train: Train) -> Train {
    // SAFETY: by the contract of this function; CMSG_* stay inside msg_controllen.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !next.is_null() {
        // SAFETY: not null, so it is a control message inside the buffer.
        let (level, kind, data) = unsafe { ((*next).cmsg_level, (*next).cmsg_type, libc::CMSG_DATA(next)) };
        match (level, kind) {
            (libc::SOL_UDP, libc::UDP_GRO) => {
                // SAFETY: the kernel writes an int here.
                let size = unsafe { data.cast::<libc::c_int>().read_unaligned() };
                train.segment = size.max(1) as usize;
            }
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                // SAFETY: the kernel writes a timespec here.
                let at = unsafe { data.cast::<libc::timespec>().read_unaligned() };
                train.arrived = Some(at.tv_sec * 1_000_000 + at.tv_nsec / 1000);
            }
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // SAFETY: the kernel writes an in_pktinfo here.
                let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
                train.to = Some(IpAddr::V4(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes())));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // SAFETY: the kernel writes an in6_pktinfo here.
                let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
                train.to = Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)));
            }
            _ => {}
        }
        // SAFETY: as above.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    train
}
