//! Looking at memory that may not be there, without a fault: process_vm_readv(2) on ourselves, which is a system call
//! and nothing else. For signal handlers.

use std::ffi::c_void;

/// Small enough for a signal stack.
const STEP: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    All,
    /// Some of it cannot be read.
    NotAll,
    /// The system has no such call, or forbids it.
    Unknown,
}

/// Fills `into` with what lies at `from`.
pub fn copy(from: usize, into: &mut [u8]) -> Copied {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: from as *mut c_void, iov_len: into.len() };
    // SAFETY: the kernel writes at most `into.len()` bytes into `into`, and reports what cannot be read at `from`.
    let (copied, error) = unsafe {
        let copied = libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0);
        (copied, *libc::__errno_location())
    };
    match usize::try_from(copied) {
        Ok(copied) if copied == into.len() => Copied::All,
        Err(_) if error != libc::EFAULT => Copied::Unknown,
        _ => Copied::NotAll,
    }
}

/// Whether all of it can be read; `true` where the system does not tell.
pub fn is_readable(start: usize, length: usize) -> bool {
    // Pages are at least that long.
    let Some(end) = start.checked_add(length) else { return false };
    if length == 0 {
        return true;
    }
    let first = start & !(STEP - 1);
    (first..end).step_by(STEP).all(|page| copy(page.max(start), &mut [0]) != Copied::NotAll)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_no_fault() {
        let there = [7_u8; 3 * STEP];
        let mut copied = [0; 16];
        assert_eq!(copy(there.as_ptr() as usize, &mut copied), Copied::All);
        assert_eq!(copied, [7; 16]);
        assert!(is_readable(there.as_ptr() as usize, there.len()));
        assert_eq!(copy(8, &mut copied), Copied::NotAll);
        assert!(!is_readable(8, 1) && !is_readable(usize::MAX, 2) && is_readable(8, 0));
    }
}
