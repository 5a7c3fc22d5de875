//! The log of the process while instances run, and the functions of programs that receive its lines.

use super::forks;
use super::queue::User;
use crate::config::Config;
use crate::log::{self, LogSink};
use crate::server::{Logging, Modules, StartError};
use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

pub type Function = unsafe extern "C" fn(user: *mut c_void, level: c_int, line: *const c_char, length: usize);

/// Instances that run. Changed by one of them at a time.
static USERS: AtomicUsize = AtomicUsize::new(0);
/// The process that they run in, as [`forks`] counts.
static STARTED_IN: AtomicU32 = AtomicU32::new(0);

/// An instance's share of the log.
pub struct Share {
    logging: Logging,
    direct: Option<Arc<dyn LogSink>>,
}

impl Share {
    /// Starts the log, unless it runs. Lines go where the configuration says: to nobody, if it says nothing.
    pub fn start(
        config: &Config,
        folder: &Path,
        modules: &Modules<'_>,
        function: Option<(Function, User)>,
    ) -> Result<Share, StartError> {
        if USERS.load(Ordering::Relaxed) > 0 && STARTED_IN.load(Ordering::Relaxed) != forks::now() {
            log::leave_to_parent();
            USERS.store(0, Ordering::Relaxed);
        }
        STARTED_IN.store(forks::now(), Ordering::Relaxed);
        let direct = function.map(|(function, user)| Arc::new(Direct { function, user }) as Arc<dyn LogSink>);
        direct.iter().cloned().for_each(log::add_sink);
        match Logging::start(config, folder, config.is_true("general", "log_to_stdout"), modules) {
            Ok(logging) => {
                USERS.fetch_add(1, Ordering::Relaxed);
                Ok(Share { logging, direct })
            }
            Err(why) => {
                direct.into_iter().for_each(log::remove_sink);
                Err(why)
            }
        }
    }

    pub fn logging(&self) -> &Logging {
        &self.logging
    }

    /// The last one ends the log.
    pub fn stop(self) {
        if USERS.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.logging.stop();
        } else {
            self.logging.leave();
        }
        self.direct.into_iter().for_each(log::remove_sink);
    }
}

/// A function of the program, called on the log's thread.
struct Direct {
    function: Function,
    user: User,
}

impl LogSink for Direct {
    fn incoming_logline(&self, _timestamp_us: i64, line: &str) {
        let line = line.trim_end_matches(['\n', '\r']);
        let level = level(line);
        let Ok(text) = CString::new(line.replace('\0', " ")) else { return };
        let length = text.as_bytes().len();
        // SAFETY: a function of the program, with its own pointer and a line that lives as long as the call.
        unsafe { (self.function)(self.user.0, level, text.as_ptr(), length) };
    }
}

/// Modules compose their lines themselves: their prefix is all that tells.
fn level(line: &str) -> c_int {
    let marks = ["[FATAL]", "[ERR]", "[WARN]"];
    let begins = |mark: &str| line.find(mark).is_some_and(|at| at < 64);
    marks.iter().position(|mark| begins(mark)).map_or(4, |n| n as c_int + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_tells_the_level() {
        let lines = ["[FATAL] a", "[ERR] [file:f:1] b", "[Sun Nov 29] [WARN] c", "Hello [x] [INFO]"];
        assert_eq!(lines.map(level), [1, 2, 3, 4]);
    }
}
