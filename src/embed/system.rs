//! System calls of the daemon that have no safe form.

use crate::daemon::system::{Forked, System};
use std::ffi::CString;
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub struct Process;

impl System for Process {
    fn allow_core_dumps(&self) {
        let unlimited = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: reads a struct of ours.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const unlimited) };
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
            libc::umask(0);
            check(libc::setsid())?;
            check(libc::chdir(folder.as_ptr()))?;
        }
        if silent {
            crate::abi::log::redirect_stdio()?;
        }
        Ok(Forked::Child(writer))
    }
}

fn check(result: libc::c_int) -> Result<libc::c_int> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}
