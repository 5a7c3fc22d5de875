//! `janus_rs.h`: the C API for programs that embed the core, and the daemon's way in. The header is generated from
//! this file by build.rs.

mod signals;
mod system;
mod threads;

use crate::daemon::system::System;
use crate::export;
use crate::server::files::Unusable;
use crate::server::{Logging, Server, files};
use crate::util::lock::{Guard, Lock};
use crate::util::thread::{self, Mask};
use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::Condvar;
use system::Process;
use threads::Others;

/// The version of this library, a static string.
pub const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a version has no NUL"),
    };

/// What the functions here return when they fail.
const FAILED: c_int = 1;

/// The server that janus_rs_start starts. The lock is not held while modules are called.
enum Embedded {
    Never,
    Running(Box<Running>),
    /// Starting, stopping: nobody else may do anything.
    Busy,
    Over,
}

struct Running {
    server: Server,
    logging: Logging,
    others: Others,
}

static EMBEDDED: Lock<Embedded> = Lock::new(Embedded::Never);
static STOPPED: Condvar = Condvar::new();

export! {
    /// Runs the daemon with these arguments (the first is the name of the program) until a signal stops it. Returns its exit
    /// status: 0 after a clean stop, 1 otherwise. Call it once, on the main thread, before starting other threads.
    "janus_rs.h" fn janus_rs_main(argc: c_int, argv: *const *const c_char) -> c_int as nonnull(argv) or FAILED; {
        crate::modules::library::promote_ourselves();
        signals::DAEMON.prepare();
        let count = usize::try_from(argc).unwrap_or(0);
        // SAFETY: the caller passes `argc` C strings, as main() gets them.
        let arguments = unsafe { std::slice::from_raw_parts(argv, count) };
        let arguments = arguments.iter().filter(|a| !a.is_null()).map(|a| {
            // SAFETY: checked, and NUL-terminated as above.
            OsString::from_vec(unsafe { CStr::from_ptr(*a) }.to_bytes().to_vec())
        });
        crate::daemon::main(arguments.collect(), &Process)
    }

    /// Starts the server in this process: the modules and their configuration are those of the folder's janus.jcfg,
    /// /etc/janus for NULL. Signals, working directory and PID file stay the program's business: no handler is
    /// installed, and the threads that are started here have all signals blocked but those of a fault. Returns 0 when all
    /// transports are up, 1 otherwise; the log says why. A process can start it once.
    "janus_rs.h" fn janus_rs_start(config_folder: *const c_char) -> c_int as nonnull() or FAILED; {
        crate::modules::library::promote_ourselves();
        let folder = if config_folder.is_null() {
            OsString::from(files::CONFIG_FOLDER)
        } else {
            // SAFETY: not NULL; NUL-terminated by contract.
            OsStr::from_bytes(unsafe { CStr::from_ptr(config_folder) }.to_bytes()).to_owned()
        };
        if !matches!(*embedded(), Embedded::Never) {
            tracing::error!("The server was started before");
            return FAILED;
        }
        *embedded() = Embedded::Busy;
        thread::install(&signals::FOREIGN);
        // What modules start in `init` inherits this mask: the program's signals are the program's.
        let (state, status) = match thread::with(Mask::Ours, || start(Path::new(&folder))) {
            Ok(running) => (Embedded::Running(Box::new(running)), 0),
            Err(why) => {
                tracing::error!(target: crate::log::FATAL, "{why}");
                (Embedded::Over, FAILED)
            }
        };
        *embedded() = state;
        STOPPED.notify_all();
        status
    }

    /// Blocks until another thread calls janus_rs_stop. Returns at once when nothing runs.
    "janus_rs.h" fn janus_rs_wait() as nonnull() or (); {
        let mut state = embedded();
        while matches!(*state, Embedded::Running(_) | Embedded::Busy) {
            state = state.wait(&STOPPED);
        }
    }

    /// Stops what janus_rs_start has started: transports, sessions, plugins, event handlers, the log. Returns when
    /// that is done; does nothing when nothing runs. Not to be called from inside a module.
    "janus_rs.h" fn janus_rs_stop() as nonnull() or (); {
        let running = {
            let mut state = embedded();
            if !matches!(*state, Embedded::Running(_)) {
                return;
            }
            std::mem::replace(&mut *state, Embedded::Busy)
        };
        if let Embedded::Running(running) = running {
            let Running { server, logging, others } = *running;
            thread::with(Mask::Ours, || {
                server.stop(0);
                logging.stop();
                others.wait();
            });
        }
        *embedded() = Embedded::Over;
        STOPPED.notify_all();
    }

    /// The version of this library, a static string such as "0.1.0".
    "janus_rs.h" fn janus_rs_version() -> *const c_char as nonnull() or VERSION.as_ptr(); {
        VERSION.as_ptr()
    }
}

fn embedded() -> Guard<'static, Embedded> {
    EMBEDDED.lock()
}

fn start(folder: &Path) -> Result<Running, String> {
    let others = Others::of_the_program();
    let (config, note) = files::configuration(None, folder, false).map_err(Unusable::line)?;
    let stdout = crate::options::LOG_TO_STDOUT.of(&config);
    let logging = Logging::start(&config, folder, stdout)?;
    if let Some(note) = note {
        tracing::warn!("{note}");
    }
    let server = Server::start(&config, folder, &logging, &Process.interfaces(), None)?;
    Ok(Running { server, logging, others })
}
