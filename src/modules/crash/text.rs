//! Text in a fixed place, and where it goes.

use std::ffi::{CStr, c_int};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Less than the space that a pipe has when it says that it has some.
const ROOM: usize = 2048;
/// How long an output may keep us waiting for space.
const PATIENCE_MS: c_int = 1000;

/// What does not fit is cut off.
pub struct Text {
    bytes: [u8; ROOM],
    length: usize,
}

impl Text {
    pub fn new() -> Text {
        Text { bytes: [0; ROOM], length: 0 }
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // The last byte is for the line end.
        let room = &mut self.bytes[self.length..ROOM - 1];
        let count = text.len().min(room.len());
        room[..count].copy_from_slice(&text.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

pub struct Outputs {
    files: [Option<c_int>; 2],
    stderr_is_full: AtomicBool,
}

impl Outputs {
    /// stderr, and these files.
    pub fn open(files: [Option<&CStr>; 2]) -> Outputs {
        let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_CLOEXEC | libc::O_NONBLOCK;
        // SAFETY: a NUL-terminated path.
        let open = |path: &CStr| unsafe { libc::open(path.as_ptr(), flags, 0o640) };
        let files = files.map(|path| path.map(open).filter(|descriptor| *descriptor >= 0));
        Outputs { files, stderr_is_full: AtomicBool::new(false) }
    }

    /// One line.
    pub fn write(&self, line: &mut Text) {
        line.bytes[line.length] = b'\n';
        let bytes = &line.bytes[..=line.length];
        // A pipe that nobody reads comes last, and is waited for once.
        for output in self.files.into_iter().chain([Some(libc::STDERR_FILENO)]).flatten() {
            let is_stderr = output == libc::STDERR_FILENO;
            if is_stderr && self.stderr_is_full.load(Ordering::Relaxed) {
                continue;
            }
            let mut ready = libc::pollfd { fd: output, events: libc::POLLOUT, revents: 0 };
            // SAFETY: one entry of ours; bytes of ours. What cannot be written has nowhere to be reported.
            unsafe {
                if libc::poll(&raw mut ready, 1, PATIENCE_MS) == 1 {
                    libc::write(output, bytes.as_ptr().cast(), bytes.len());
                } else if is_stderr {
                    self.stderr_is_full.store(true, Ordering::Relaxed);
                }
            }
        }
    }
}
