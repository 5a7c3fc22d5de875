//! Where a worker sleeps: poll over its sockets and an eventfd that other threads ring.
//!
//! `ppoll`, because its limit is in nanoseconds, and because packets that arrive while the worker is awake then cost
//! the kernel nothing extra (epoll takes note of each).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU8, Ordering, fence};
use std::time::Duration;

/// What a worker is doing, as far as others have to know.
const AWAKE: u8 = 0;
/// Sleeps until anything comes.
const ASLEEP: u8 = 1;
/// Sleeps for less than a millisecond, to let packets gather; only something urgent wakes it.
const GATHERING: u8 = 2;

/// Wakes a worker. Free while it is awake; one system call when it sleeps.
pub struct Bell {
    event: OwnedFd,
    state: AtomicU8,
}

impl Bell {
    pub fn new() -> io::Result<Bell> {
        // SAFETY: no pointers; the result is checked.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `fd` was just made and nobody else has it.
        Ok(Bell { event: unsafe { OwnedFd::from_raw_fd(fd) }, state: AtomicU8::new(AWAKE) })
    }

    /// After something was put where the worker will look for it.
    pub fn ring(&self, urgent: bool) {
        fence(Ordering::SeqCst);
        let state = self.state.load(Ordering::Relaxed);
        let wakes = state == ASLEEP || (state == GATHERING && urgent);
        if wakes && self.state.swap(AWAKE, Ordering::Relaxed) != AWAKE {
            let one = 1_u64.to_ne_bytes();
            // SAFETY: `one` is 8 readable bytes. A full counter (EAGAIN) means that the worker wakes anyway.
            unsafe { libc::write(self.event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        }
    }

    fn silence(&self) {
        let mut count = [0_u8; 8];
        // SAFETY: `count` is 8 writable bytes. EAGAIN means that it was not rung.
        unsafe { libc::read(self.event.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

/// The bell and one socket per address family.
const MAX_FDS: usize = 3;

/// What a worker waits for besides its bell.
#[derive(Default)]
pub struct Bed {
    sockets: Vec<RawFd>,
}

impl Bed {
    /// Watches `socket`; it shall outlive the bed. [`Bed::sleep`] reports it under the number of sockets before it.
    pub fn watch(&mut self, socket: &impl AsRawFd) {
        assert!(self.sockets.len() + 1 < MAX_FDS, "one socket per address family");
        self.sockets.push(socket.as_raw_fd());
    }

    /// Sleeps until a socket is readable (its bit is set in the result), the bell rings, or `limit` has passed. While
    /// `gathering` only an urgent ring counts. `idle` is asked once more after the bell was armed, so that nothing put
    /// down before can be missed.
    pub fn sleep(
        &self,
        bell: &Bell,
        limit: Option<Duration>,
        gathering: bool,
        idle: impl FnOnce() -> bool,
    ) -> u32 {
        bell.state.store(if gathering { GATHERING } else { ASLEEP }, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let limit = if idle() { limit } else { Some(Duration::ZERO) };
        let limit = limit.map(|limit| libc::timespec {
            tv_sec: limit.as_secs().min(60) as libc::time_t,
            tv_nsec: limit.subsec_nanos().into(),
        });
        let mut fds = [libc::pollfd { fd: -1, events: libc::POLLIN, revents: 0 }; MAX_FDS];
        fds[0].fd = bell.event.as_raw_fd();
        for (entry, socket) in fds[1..].iter_mut().zip(&self.sockets) {
            entry.fd = *socket;
        }
        let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: `fds` has MAX_FDS entries, and negative descriptors are skipped; `limit` is NULL or lives in this frame.
        let count =
            unsafe { libc::ppoll(fds.as_mut_ptr(), MAX_FDS as libc::nfds_t, limit, std::ptr::null()) };
        bell.state.store(AWAKE, Ordering::Relaxed);
        if count <= 0 {
            return 0;
        }
        if fds[0].revents != 0 {
            bell.silence();
        }
        (0..self.sockets.len()).filter(|index| fds[index + 1].revents != 0).map(|index| 1 << index).sum()
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
        assert_eq!(bed.sleep(&bell, None, false, || false), 0);
        for gathering in [false, true] {
            let other = bell.clone();
            let ringer = std::thread::spawn(move || {
                while other.state.load(Ordering::SeqCst) == AWAKE {
                    std::thread::yield_now();
                }
                other.ring(gathering);
            });
            // Without the ring this would never return.
            assert_eq!(bed.sleep(&bell, None, gathering, || true), 0);
            ringer.join().unwrap();
        }
    }

    #[test]
    fn who_gathers_is_not_woken_by_more_of_the_same() {
        let bell = Bell::new().unwrap();
        let bed = Bed::default();
        let ring = |urgent: bool| {
            // As another thread would, between arming and sleeping.
            bed.sleep(&bell, Some(Duration::from_micros(1)), true, || {
                bell.ring(urgent);
                true
            });
            bell.state.load(Ordering::SeqCst)
        };
        assert_eq!((ring(false), ring(true)), (AWAKE, AWAKE));
        bell.state.store(GATHERING, Ordering::SeqCst);
        bell.ring(false);
        assert_eq!(bell.state.load(Ordering::SeqCst), GATHERING);
        bell.ring(true);
        assert_eq!(bell.state.load(Ordering::SeqCst), AWAKE);
    }

    #[test]
    fn a_readable_socket_is_named() {
        let bell = Bell::new().unwrap();
        let mut bed = Bed::default();
        let sockets = [(); 2].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        sockets.iter().for_each(|socket| bed.watch(socket));
        sockets[1].send_to(b"x", sockets[1].local_addr().unwrap()).unwrap();
        assert_eq!(bed.sleep(&bell, None, false, || true), 2);
    }
}
