//! System calls: one core for a process, sockets that read and write many datagrams at once, CPU clocks. The only file here
//! with unsafe code.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

/// Pins the calling thread, and what it starts from now on, to these cores.
pub fn pin(cores: Range<usize>) -> io::Result<()> {
    // SAFETY: `cpu_set_t` is plain bits; the call reads the set that lives here.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        for core in cores {
            libc::CPU_SET(core, &mut set);
        }
        check(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)).map(drop)
    }
}

/// Starts a program on these cores.
pub fn start_on(cores: Range<usize>, command: &mut Command) -> io::Result<Child> {
    // SAFETY: between fork and exec only a system call runs, which allocates nothing.
    unsafe { command.pre_exec(move || pin(cores.clone())) };
    command.spawn()
}

/// Asks a child to end.
pub fn terminate(child: &Child) {
    // SAFETY: no memory is involved; a child that nobody has waited for still owns its number.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) };
}

/// The wall clock that the kernel's receive timestamps use, in ns.
pub fn realtime_ns() -> u64 {
    clock(libc::CLOCK_REALTIME)
}

/// CPU time of the calling thread.
pub fn thread_cpu() -> Duration {
    Duration::from_nanos(clock(libc::CLOCK_THREAD_CPUTIME_ID))
}

/// CPU time of another process: all of its threads, also those that have ended.
pub fn process_cpu(pid: u32) -> Duration {
    // clock_getcpuclockid(3) makes the same number: the process' number, inverted, above three bits that say "scheduler's".
    Duration::from_nanos(clock((!(pid as libc::clockid_t) << 3) | 2))
}

fn clock(id: libc::clockid_t) -> u64 {
    // SAFETY: the call fills the struct that lives here.
    let time = unsafe {
        let mut time: libc::timespec = zeroed();
        libc::clock_gettime(id, &mut time);
        time
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The address of the default route: the reference never offers loopback's own. Packets to it do not leave the machine.
pub fn host() -> Ipv4Addr {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
    // Connecting a UDP socket only looks up the route.
    let address = socket.and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    match address {
        Ok(SocketAddr::V4(address)) => *address.ip(),
        _ => Ipv4Addr::LOCALHOST,
    }
}

/// A UDP socket of this host that never blocks and stamps what it receives.
pub struct Socket {
    fd: OwnedFd,
    pub address: SocketAddr,
}

impl Socket {
    /// `gro`: takes trains of datagrams in one piece, as they left the sender.
    pub fn new(gro: bool) -> io::Result<Socket> {
        let socket = std::net::UdpSocket::bind((host(), 0))?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let socket = Socket { fd: socket.into(), address };
        socket.set(libc::SOL_SOCKET, libc::SO_RCVBUF, 1 << 20)?;
        socket.set(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        if gro {
            socket.set(libc::SOL_UDP, libc::UDP_GRO, 1)?;
        }
        Ok(socket)
    }

    /// Reading waits for a first datagram, for so long at most.
    pub fn wait(&self, limit: Duration) -> io::Result<()> {
        let socket = std::net::UdpSocket::from(self.fd.try_clone()?);
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(limit))
    }

    fn set(&self, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
        // SAFETY: the value lives here and its size is given.
        check(unsafe {
            libc::setsockopt(
                self.fd.as_raw_fd(),
                level,
                option,
                (&raw const value).cast(),
                size_of::<libc::c_int>() as u32,
            )
        })
        .map(drop)
    }

    /// Sends one datagram. A full buffer loses it, as a network would.
    pub fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let to = sockaddr(to);
        // SAFETY: address and datagram live until the call returns, and their lengths are given.
        let sent = unsafe {
            libc::sendto(
                self.fd.as_raw_fd(),
                datagram.as_ptr().cast(),
                datagram.len(),
                0,
                (&raw const to).cast(),
                size_of::<libc::sockaddr_in>() as u32,
            )
        };
        match check(sent as libc::c_int) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends trains: each is cut by the kernel into datagrams of so many bytes.
    pub fn send_trains(&self, trains: &[(SocketAddr, &[u8], u16)]) -> io::Result<()> {
        const LARGEST: usize = 64;
        for group in trains.chunks(LARGEST) {
            // SAFETY: all zeros is a valid value of each of these C structs.
            let mut addresses: [libc::sockaddr_in; LARGEST] = unsafe { zeroed() };
            // SAFETY: as above.
            let mut vectors: [libc::iovec; LARGEST] = unsafe { zeroed() };
            // SAFETY: as above.
            let mut messages: [libc::mmsghdr; LARGEST] = unsafe { zeroed() };
            let mut controls = [Control([0; 64]); LARGEST];
            for (i, (to, bytes, segment)) in group.iter().enumerate() {
                addresses[i] = sockaddr(*to);
                vectors[i] = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
                let header = &mut messages[i].msg_hdr;
                header.msg_name = (&raw mut addresses[i]).cast();
                header.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
                header.msg_iov = &raw mut vectors[i];
                header.msg_iovlen = 1;
                if bytes.len() > usize::from(*segment) {
                    header.msg_control = controls[i].0.as_mut_ptr().cast();
                    // SAFETY: the control buffer is aligned and has room for one message of two bytes.
                    unsafe {
                        header.msg_controllen = libc::CMSG_SPACE(2) as usize;
                        let message = libc::CMSG_FIRSTHDR(header);
                        (*message).cmsg_level = libc::SOL_UDP;
                        (*message).cmsg_type = libc::UDP_SEGMENT;
                        (*message).cmsg_len = libc::CMSG_LEN(2) as usize;
                        libc::CMSG_DATA(message).cast::<u16>().write_unaligned(*segment);
                    }
                }
            }
            // SAFETY: all that the headers point at lives here; sendmmsg only reads the datagrams.
            check(unsafe {
                libc::sendmmsg(self.fd.as_raw_fd(), messages.as_mut_ptr(), group.len() as u32, 0)
            })?;
        }
        Ok(())
    }

    /// Reads what has arrived, at most one batch. Returns the number of messages, which `batch` then holds.
    pub fn receive(&self, batch: &mut Batch) -> usize {
        batch.prepare();
        // SAFETY: `prepare` has pointed the headers at the batch's own buffers, which outlive the call.
        let count = unsafe {
            libc::recvmmsg(
                self.fd.as_raw_fd(),
                batch.messages.as_mut_ptr(),
                batch.messages.len() as u32,
                // Where reading waits, not for more than there is.
                libc::MSG_WAITFORONE,
                std::ptr::null_mut(),
            )
        };
        batch.count = count.max(0) as usize;
        batch.count
    }
}

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Buffers for many received messages.
pub struct Batch {
    messages: Vec<libc::mmsghdr>,
    vectors: Vec<libc::iovec>,
    addresses: Vec<libc::sockaddr_in>,
    controls: Vec<Control>,
    buffers: Vec<Vec<u8>>,
    count: usize,
}

/// One message: a datagram, or several of one size in a row.
pub struct Message<'a> {
    pub from: SocketAddr,
    pub bytes: &'a mut [u8],
    /// Bytes of each datagram but the last.
    pub segment: usize,
    /// When the kernel received it, ns of the wall clock.
    pub received_ns: u64,
}

impl Batch {
    pub fn new(gro: bool) -> Batch {
        let (messages, bytes) = if gro { (8, 65536) } else { (64, 2048) };
        // SAFETY: all zeros is a valid value of each of these C structs.
        unsafe {
            let mut batch = Batch {
                messages: (0..messages).map(|_| zeroed()).collect(),
                vectors: (0..messages).map(|_| zeroed()).collect(),
                addresses: (0..messages).map(|_| zeroed()).collect(),
                controls: vec![Control([0; 64]); messages],
                buffers: vec![vec![0; bytes]; messages],
                count: messages,
            };
            batch.prepare();
            batch
        }
    }

    pub fn capacity(&self) -> usize {
        self.messages.len()
    }

    /// Makes what the last read has used ready for the next.
    fn prepare(&mut self) {
        for i in 0..self.count {
            let buffer = &mut self.buffers[i];
            self.vectors[i] = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
            let header = &mut self.messages[i].msg_hdr;
            header.msg_name = (&raw mut self.addresses[i]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            header.msg_iov = &raw mut self.vectors[i];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[i].0.as_mut_ptr().cast();
            header.msg_controllen = size_of::<Control>();
        }
    }

    /// Message `i` of the last read.
    pub fn message(&mut self, i: usize) -> Message<'_> {
        assert!(i < self.count);
        let length = self.messages[i].msg_len as usize;
        let (mut segment, mut received_ns) = (length, 0);
        // SAFETY: the kernel has written the control messages that the header describes into our buffer.
        unsafe {
            let header = &self.messages[i].msg_hdr;
            let mut control = libc::CMSG_FIRSTHDR(header);
            while !control.is_null() {
                let data = libc::CMSG_DATA(control);
                match ((*control).cmsg_level, (*control).cmsg_type) {
                    (libc::SOL_UDP, libc::UDP_GRO) => {
                        segment = data.cast::<libc::c_int>().read_unaligned() as usize;
                    }
                    (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                        let time = data.cast::<libc::timespec>().read_unaligned();
                        received_ns = time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64;
                    }
                    _ => {}
                }
                control = libc::CMSG_NXTHDR(header, control);
            }
        }
        let address = self.addresses[i];
        let from = SocketAddrV4::new(
            Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)),
            u16::from_be(address.sin_port),
        );
        Message {
            from: from.into(),
            bytes: &mut self.buffers[i][..length],
            segment: segment.max(1),
            received_ns,
        }
    }
}

fn sockaddr(address: SocketAddr) -> libc::sockaddr_in {
    let SocketAddr::V4(address) = address else { panic!("IPv4 only: {address}") };
    libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
}
