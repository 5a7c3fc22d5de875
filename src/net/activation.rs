//! Sockets that the service manager listens on for us (`sd_listen_fds(3)`).

use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// One of them, and what its unit calls it (`FileDescriptorName=`).
pub struct Activated {
    pub name: String,
    pub socket: OwnedFd,
}

/// All of them, the first time that somebody asks; nothing later, and nothing when they were meant for another process.
pub fn take() -> Vec<Activated> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Vec::new();
    }
    let given = match sd_notify::listen_fds_with_names() {
        Ok(given) => given,
        Err(error) => {
            tracing::error!("Sockets of the service manager cannot be used: {error}");
            return Vec::new();
        }
    };
    given
        .map(|(fd, name)| {
            // SAFETY: the manager opened it for this process (`LISTEN_PID`) and has nobody else use it; it is handed out here
            // once, because of TAKEN.
            let socket = unsafe { OwnedFd::from_raw_fd(fd) };
            Activated { name, socket }
        })
        .collect()
}
