//! What the daemon asks of the operating system and cannot ask in safe Rust. The embedding layer implements it.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

/// What becomes of a process that goes to the background.
#[derive(Debug)]
pub enum Forked {
    /// The one that was started: waits for the child's word and ends with it.
    Parent(File),
    /// The one that lives on, in a session of its own.
    Child(File),
}

pub trait System {
    /// Core dumps of any size; errors do not matter.
    fn allow_core_dumps(&self);
    /// The soft limit of open files.
    fn open_files_limit(&self) -> Option<u64>;
    /// Permissions that new files do not get.
    fn set_umask(&self, mask: u32);
    /// Splits the process; only while it has one thread. The child: own session, working directory
    /// `folder`, and with `silent` the three standard streams are `/dev/null`.
    fn go_to_background(&self, folder: &Path, silent: bool) -> std::io::Result<Forked>;
    /// Runs `act` in a copy of this process, which ends with its result; how the copy ended. `None`: it did not within
    /// `limit`, and was killed. Only while the process has one thread.
    fn in_child(&self, limit: Duration, act: &dyn Fn() -> i32) -> std::io::Result<Option<ExitStatus>>;
}

/// The parent's part: the child's status, 1 when it died without a word (CP-065).
pub fn wait_for_child(mut pipe: File) -> i32 {
    let mut status = [0; 4];
    match pipe.read_exact(&mut status) {
        Ok(()) => i32::from_ne_bytes(status),
        Err(_) => 1,
    }
}

/// The child's part: tells the waiting parent how starting went. Dropped without [`Parent::ready`]: badly.
#[derive(Debug, Default)]
pub struct Parent(Option<File>);

impl Parent {
    pub fn waiting(pipe: File) -> Parent {
        Parent(Some(pipe))
    }

    /// All transports are up.
    pub fn ready(&mut self) {
        self.tell(0);
    }

    fn tell(&mut self, status: i32) {
        if let Some(mut pipe) = self.0.take() {
            let _ = pipe.write_all(&status.to_ne_bytes());
        }
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        self.tell(1);
    }
}
