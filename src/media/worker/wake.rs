//! Where a worker sleeps: epoll over its sockets, and an eventfd that other threads ring.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::time::Duration;

/// Wakes a worker. Free while it is awake; one system call when it sleeps.
pub struct Bell {
    event: OwnedFd,
    sleeping: AtomicBool,
}

impl Bell {
    pub fn new() -> io::Result<Bell> {
        // SAFETY: no pointers; the result is checked.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })?;
        // SAFETY: `fd` was just made and nobody else has it.
        Ok(Bell { event: unsafe { OwnedFd::from_raw_fd(fd) }, sleeping: AtomicBool::new(false) })
    }

    /// After something was put where the worker will look for it.
    pub fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::Relaxed) {
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

/// epoll over a bell and a few sockets.
pub struct Bed {
    epoll: OwnedFd,
}

const BELL: u64 = u64::MAX;
/// The bell and one socket per address family.
const MAX_EVENTS: usize = 3;

impl Bed {
    pub fn new(bell: &Bell) -> io::Result<Bed> {
        // SAFETY: no pointers; the result is checked.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: `fd` was just made and nobody else has it.
        let bed = Bed { epoll: unsafe { OwnedFd::from_raw_fd(fd) } };
        bed.add(bell.event.as_raw_fd(), BELL)?;
        Ok(bed)
    }

    /// Watches `socket`; it shall outlive the bed. [`Bed::sleep`] reports it as `index`.
    pub fn watch(&self, socket: &impl AsRawFd, index: usize) -> io::Result<()> {
        self.add(socket.as_raw_fd(), index as u64)
    }

    fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: `event` lives through the call; the kernel copies it.
        check(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) })?;
        Ok(())
    }

    /// Sleeps until a socket is readable (its bit is set in the result), the bell rings, or `limit` has passed.
    /// `idle` is asked once more after the bell was armed, so that nothing put down before can be missed.
    pub fn sleep(&self, bell: &Bell, limit: Option<Duration>, idle: impl FnOnce() -> bool) -> u32 {
        bell.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let timeout = match limit {
            _ if !idle() => 0,
            None => -1,
            // Up, so that a timer is due when we wake for it.
            Some(limit) => limit.as_micros().div_ceil(1000).min(60_000) as i32,
        };
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MAX_EVENTS];
        // SAFETY: `events` has room for MAX_EVENTS entries.
        let count = unsafe {
            libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), MAX_EVENTS as i32, timeout)
        };
        bell.sleeping.store(false, Ordering::Relaxed);
        let mut readable = 0;
        for event in events.iter().take(count.max(0) as usize) {
            match event.u64 {
                BELL => bell.silence(),
                index => readable |= 1 << index,
            }
        }
        readable
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_ring_wakes_the_sleeper_and_work_left_before_is_not_slept_over() {
        let bell = Arc::new(Bell::new().unwrap());
        let bed = Bed::new(&bell).unwrap();
        assert_eq!(bed.sleep(&bell, None, || false), 0);
        let other = bell.clone();
        let ringer = std::thread::spawn(move || {
            while !other.sleeping.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            other.ring();
        });
        // Without the ring this would never return.
        assert_eq!(bed.sleep(&bell, None, || true), 0);
        ringer.join().unwrap();
    }

    #[test]
    fn a_readable_socket_is_named() {
        let bell = Bell::new().unwrap();
        let bed = Bed::new(&bell).unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        bed.watch(&socket, 1).unwrap();
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        assert_eq!(bed.sleep(&bell, None, || true), 2);
    }
}
