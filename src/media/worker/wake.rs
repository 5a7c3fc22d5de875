//! Where a worker sleeps: poll over its sockets and its [`Bell`].
//!
//! `ppoll`, because its limit is in nanoseconds, and because packets that arrive while the worker is awake then cost
//! the kernel nothing extra (epoll takes note of each).

pub use super::bell::Bell;
use super::bell::Until;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Address families.
const FAMILIES: usize = 2;
/// The bell, for each family a socket for media and one for RTCP, what stands for all TCP connections, and the stream to a
/// relay.
const MAX_FDS: usize = 1 + 2 * FAMILIES + 2;
/// poll passes over it.
const NONE: RawFd = -1;

/// What a worker waits for besides its bell.
#[derive(Default)]
pub struct Bed {
    media: Vec<OwnedFd>,
    rtcp: Vec<Option<OwnedFd>>,
    tcp: Option<OwnedFd>,
    relay: Option<OwnedFd>,
}

/// What the worker sleeps for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// Until anything comes.
    Deep,
    /// As [`Sleep::Deep`], but RTCP may wait.
    RtcpWaits,
    /// For less than a millisecond, while a frame is gathered. Only something urgent counts.
    Gathering,
}

/// Sockets that have something, as bits: the number is how many were watched before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    pub media: u32,
    pub rtcp: u32,
    /// Some TCP connection, or who wants one.
    pub tcp: bool,
    /// The stream to the relay.
    pub relay: bool,
}

impl Bed {
    /// Watches the sockets of a family, by descriptors of its own: numbers that are closed elsewhere become others'.
    /// A number alone is not taken:
    /// ```compile_fail,E0277
    /// # use janus_rs::media::worker::wake::Bed;
    /// Bed::default().watch(&3, None::<&std::net::UdpSocket>);
    /// ```
    pub fn watch(&mut self, media: &impl AsFd, rtcp: Option<&impl AsFd>) -> io::Result<()> {
        assert!(self.media.len() < FAMILIES, "one socket per address family");
        let own = |socket: &dyn AsFd| socket.as_fd().try_clone_to_owned();
        let rtcp = rtcp.map(|socket| own(socket)).transpose()?;
        self.media.push(own(media)?);
        self.rtcp.push(rtcp);
        Ok(())
    }

    /// Watches the TCP connections, by the descriptor of the epoll instance that knows them.
    pub fn watch_tcp(&mut self, connections: &impl AsFd) -> io::Result<()> {
        self.tcp = Some(connections.as_fd().try_clone_to_owned()?);
        Ok(())
    }

    /// Watches the stream to the relay in the same way: there may be none now, and another one later.
    pub fn watch_relay(&mut self, stream: &impl AsFd) -> io::Result<()> {
        self.relay = Some(stream.as_fd().try_clone_to_owned()?);
        Ok(())
    }

    /// Sleeps until a socket is readable, the bell rings, or `limit` has passed, as far as `sleep` lets it. `idle` is
    /// asked once more after the bell was armed, so that nothing put down before can be missed.
    pub fn sleep(
        &self,
        bell: &Bell,
        limit: Option<Duration>,
        sleep: Sleep,
        idle: impl FnOnce() -> bool,
    ) -> Readable {
        let until = if sleep == Sleep::Gathering { Until::Urgent } else { Until::Anything };
        bell.sleep(until, idle, |may_wait| {
            self.poll(bell, if may_wait { limit } else { Some(Duration::ZERO) }, sleep)
        })
    }

    /// What is readable, and whether the bell was rung.
    fn poll(&self, bell: &Bell, limit: Option<Duration>, sleep: Sleep) -> (Readable, bool) {
        let limit = limit.map(|limit| libc::timespec {
            tv_sec: limit.as_secs().min(60) as libc::time_t,
            tv_nsec: limit.subsec_nanos().into(),
        });
        let mut fds = [libc::pollfd { fd: NONE, events: libc::POLLIN, revents: 0 }; MAX_FDS];
        let (own, sockets) = fds.split_at_mut(1);
        let (media, others) = sockets.split_at_mut(FAMILIES);
        let (streams, rtcp) = others.split_at_mut(2);
        own[0].fd = bell.event().as_raw_fd();
        streams[0].fd = self.tcp.as_ref().map_or(NONE, AsRawFd::as_raw_fd);
        streams[1].fd = self.relay.as_ref().map_or(NONE, AsRawFd::as_raw_fd);
        media.iter_mut().zip(&self.media).for_each(|(entry, socket)| entry.fd = socket.as_raw_fd());
        // At the end, so that the kernel is not told of them when they are left out.
        let count = if sleep == Sleep::Deep {
            let number = |socket: &Option<OwnedFd>| socket.as_ref().map_or(NONE, AsRawFd::as_raw_fd);
            rtcp.iter_mut().zip(&self.rtcp).for_each(|(entry, socket)| entry.fd = number(socket));
            MAX_FDS
        } else {
            MAX_FDS - FAMILIES
        };
        let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: `fds` has at least `count` entries, and negative descriptors are skipped; `limit` is NULL or lives in
        // this frame.
        let count = unsafe { libc::ppoll(fds.as_mut_ptr(), count as libc::nfds_t, limit, std::ptr::null()) };
        if count <= 0 {
            return Default::default();
        }
        let bits = |entries: &[libc::pollfd]| {
            let ready = entries.iter().enumerate().filter(|(_, entry)| entry.revents != 0);
            ready.fold(0, |bits, (index, _)| bits | 1 << index)
        };
        let readable = Readable {
            media: bits(&fds[1..1 + FAMILIES]),
            rtcp: bits(&fds[MAX_FDS - FAMILIES..]),
            tcp: fds[1 + FAMILIES].revents != 0,
            relay: fds[2 + FAMILIES].revents != 0,
        };
        (readable, fds[0].revents != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_ring_wakes_the_sleeper_and_work_left_before_is_not_slept_over() {
        let bell = Arc::new(Bell::new().unwrap());
        let bed = Bed::default();
        assert_eq!(bed.sleep(&bell, None, Sleep::Deep, || false), Readable::default());
        for sleep in [Sleep::Deep, Sleep::RtcpWaits, Sleep::Gathering] {
            let other = bell.clone();
            let ringer = std::thread::spawn(move || {
                while other.is_awake() {
                    std::thread::yield_now();
                }
                other.ring(sleep == Sleep::Gathering);
            });
            // Without the ring this would never return.
            assert_eq!(bed.sleep(&bell, None, sleep, || true), Readable::default());
            ringer.join().unwrap();
        }
    }

    #[test]
    fn who_gathers_is_not_woken_by_more_of_the_same() {
        let bell = Bell::new().unwrap();
        let bed = Bed::default();
        for urgent in [false, true] {
            // As another thread would, between arming and sleeping. Without a limit: it is rung, or never returns.
            let shortly = (!urgent).then_some(Duration::from_micros(1));
            bed.sleep(&bell, shortly, Sleep::Gathering, || {
                bell.ring(urgent);
                assert_eq!(bell.is_awake(), urgent);
                true
            });
            assert!(bell.is_awake());
        }
    }

    #[test]
    fn a_readable_socket_is_named() {
        let bell = Bell::new().unwrap();
        let mut bed = Bed::default();
        let sockets = [(); 3].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        bed.watch(&sockets[0], None::<&std::net::UdpSocket>).unwrap();
        bed.watch(&sockets[1], Some(&sockets[2])).unwrap();
        let send = |to: usize| sockets[0].send_to(b"x", sockets[to].local_addr().unwrap()).unwrap();
        send(2);
        assert_eq!(bed.sleep(&bell, None, Sleep::Deep, || true), Readable { rtcp: 2, ..Readable::default() });
        let shortly = Some(Duration::from_micros(1));
        for sleep in [Sleep::RtcpWaits, Sleep::Gathering] {
            assert_eq!(bed.sleep(&bell, shortly, sleep, || true), Readable::default());
        }
        send(1);
        for sleep in [Sleep::RtcpWaits, Sleep::Gathering] {
            assert_eq!(bed.sleep(&bell, None, sleep, || true), Readable { media: 2, ..Readable::default() });
        }
    }
}
