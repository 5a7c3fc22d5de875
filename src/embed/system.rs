//! System calls of the daemon that have no safe form.

use crate::daemon::system::{Forked, System};
use std::ffi::CString;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

pub struct Process;

impl System for Process {
    fn allow_core_dumps(&self) {
        let unlimited = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: reads a struct of ours.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const unlimited) };
    }

    fn set_umask(&self, mask: u32) {
        // SAFETY: no pointers.
        unsafe { libc::umask(mask) };
    }

    fn open_files_limit(&self) -> Option<u64> {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: writes a struct of ours.
        let done = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
        (done == 0).then_some(limit.rlim_cur)
    }

    fn go_to_background(&self, folder: &Path, silent: bool) -> Result<Forked> {
        let folder = CString::new(folder.as_os_str().as_bytes())?;
        let mut ends = [0; 2];
        // SAFETY: writes two descriptors into an array of ours.
        check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
        // SAFETY: both were made just now and belong to nobody else.
        let (reader, writer) = unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) };
        // SAFETY: the process has one thread, so nothing is in the middle of anything in the child.
        match check(unsafe { libc::fork() })? {
            0 => {}
            _ => return Ok(Forked::Parent(reader)),
        }
        // SAFETY: no pointers but a NUL-terminated path.
        unsafe {
            check(libc::setsid())?;
            check(libc::chdir(folder.as_ptr()))?;
        }
        if silent {
            crate::abi::log::redirect_stdio()?;
        }
        Ok(Forked::Child(writer))
    }

    fn in_child(&self, limit: Duration, act: &dyn Fn() -> i32) -> Result<Option<ExitStatus>> {
        // SAFETY: the process has one thread, so nothing is in the middle of anything in the child.
        let child = check(unsafe { libc::fork() })?;
        if child == 0 {
            let status = act();
            // SAFETY: ends the copy without the handlers that the original still needs.
            unsafe { libc::_exit(status) };
        }
        let end = Instant::now() + limit;
        let mut hung = false;
        loop {
            let mut status = 0;
            // Killed, it ends at once.
            let flags = if hung { 0 } else { libc::WNOHANG };
            // SAFETY: a child of ours; writes an integer of ours.
            match check(unsafe { libc::waitpid(child, &raw mut status, flags) }) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                Ok(ended) if ended != 0 => return Ok((!hung).then(|| ExitStatus::from_raw(status))),
                _ => {}
            }
            if !hung && Instant::now() >= end {
                hung = true;
                // SAFETY: our child, which has not been waited for.
                unsafe { libc::kill(child, libc::SIGKILL) };
            } else if !hung {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn check(result: libc::c_int) -> Result<libc::c_int> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}
