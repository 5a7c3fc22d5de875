//! Follows the host's addresses while the server runs: rtnetlink says when something changed, the system what there is now.
#![forbid(unsafe_code)]

use super::addresses;
use crate::config::Config;
use crate::core::Core;
use crate::net::Interface;
use crate::util::lock::Lock;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// Reads the addresses of this host, in the system's order.
pub type Read = fn() -> Vec<Interface>;

/// RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR: interfaces that come, go, rise and fall, and their addresses.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// Changes come in bursts: an interface that rises gets several addresses.
const QUIET: Duration = Duration::from_millis(100);
/// How many bursts are waited out before one looks anyway.
const BURSTS: usize = 10;

/// Dropping it ends the thread.
pub struct Networks {
    stop: Arc<OwnedFd>,
    config: Arc<Lock<Config>>,
    thread: Option<JoinHandle<()>>,
}

impl Networks {
    /// `interfaces` is what `core` was started with.
    pub fn start(
        core: &Arc<Core>,
        config: &Config,
        read: Read,
        interfaces: Vec<Interface>,
    ) -> io::Result<Networks> {
        // First, so that nothing changes unseen.
        let changes = Changes::open()?;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let offered = core.settings.media.addresses.clone();
        let config = Arc::new(Lock::new(config.clone()));
        let (stopped, of_thread, core) = (stop.clone(), config.clone(), Arc::downgrade(core));
        let mut known = Known { interfaces, offered };
        let thread = crate::util::thread::spawn("addresses", move || {
            loop {
                let config = of_thread.lock().clone();
                known.look(&config, &core, read());
                if !changes.wait(&stopped) {
                    return;
                }
            }
        })?;
        Ok(Networks { stop, config, thread: Some(thread) })
    }

    /// For `ice_enforce_list` and `ice_ignore_list`: what they are from now on. The next offers obey them.
    pub fn lists(&self) -> Arc<Lock<Config>> {
        self.config.clone()
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What was seen last.
struct Known {
    interfaces: Vec<Interface>,
    offered: Vec<IpAddr>,
}

impl Known {
    fn of(config: &Config, interfaces: Vec<Interface>) -> Known {
        let offered = addresses::to_listen_on(config, &interfaces);
        Known { interfaces, offered }
    }

    /// Says once what has changed, and tells core and engine.
    fn look(&mut self, config: &Config, core: &Weak<Core>, interfaces: Vec<Interface>) {
        if interfaces == self.interfaces {
            return;
        }
        let now = Known::of(config, interfaces);
        let former = std::mem::replace(self, now);
        let Some(core) = core.upgrade() else { return };
        if self.offered == former.offered {
            return;
        }
        for gone in former.offered.iter().filter(|a| !self.offered.contains(a)) {
            tracing::info!("Address {gone} is gone");
        }
        for new in self.offered.iter().filter(|a| !former.offered.contains(a)) {
            tracing::info!("Address {new} is new: the next offers have it");
        }
        core.follow_addresses(addresses::local(config, &self.interfaces).0, &self.offered);
    }
}

/// A socket that can be read when addresses or interfaces changed.
struct Changes(OwnedFd);

impl Changes {
    fn open() -> io::Result<Changes> {
        // No protocol: NETLINK_ROUTE.
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Changes(socket))
    }

    /// Waits for a change and the end of its burst; false when it is time to end.
    fn wait(&self, stopped: &OwnedFd) -> bool {
        let quiet = Timespec::try_from(QUIET).ok();
        for burst in 0..=BURSTS {
            let mut fds = [PollFd::new(&self.0, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
            let limit = if burst == 0 { None } else { quiet.as_ref() };
            match poll(&mut fds, limit) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    tracing::error!("Cannot follow the addresses of this host any more: {error}");
                    return false;
                }
            }
            if !fds[1].revents().is_empty() {
                return false;
            }
            self.drain();
        }
        true
    }

    /// What exactly changed does not matter; the kernel says so as well when it had more to tell than there was room for.
    fn drain(&self) {
        let mut message = [0_u8; 8192];
        loop {
            match recv(&self.0, &mut message[..], RecvFlags::DONTWAIT) {
                Ok(_) | Err(Errno::NOBUFS | Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}
