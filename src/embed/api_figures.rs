//! The functions of `janus_rs.h` that are about figures, and the daemon: as those of `api`.
// The text is the header's: [any], [app] and [setup] are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use super::api::{DEFECT, find};
use super::arguments::{fill, give, not_null};
use super::error::{Error, call};
use super::types::*;
use super::{figures, instance, signals};
use crate::abi;
use crate::export;
use std::ffi::{CStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;

export! {
    /// Figures of a running instance; cheap. Members beyond `size` are left alone. [any]
    "janus_rs.h" fn janus_rs_count(core: *mut janus_rs, counters: *mut janus_rs_counters) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            not_null(counters, "counters")?;
            // SAFETY: a struct with its size.
            unsafe { fill(counters, &figures::count(&core)?, "counters") }
        })
    }

    /// All figures as text, as the daemon's /metrics has them, for one of yours: JANUS_RS_OPENMETRICS or
    /// JANUS_RS_PROMETHEUS. Yours to free. [app]
    "janus_rs.h" fn janus_rs_metrics(core: *mut janus_rs, format: c_int, out: *mut *mut c_char) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            instance::may_wait()?;
            let core = find(core)?;
            not_null(out, "out")?;
            give(&figures::metrics(&core, format)?, out)
        })
    }

    /// Addresses of the media sockets, as JSON: one list per worker, of texts such as "192.0.2.1:20000". What a firewall has
    /// to let through. Yours to free. [any]
    "janus_rs.h" fn janus_rs_addresses(core: *mut janus_rs, json: *mut *mut c_char) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            not_null(json, "json")?;
            give(&figures::addresses(&core)?, json)
        })
    }

    /// Sets the level of the log, 0 none … 7; of the whole process. [any]
    "janus_rs.h" fn janus_rs_log_level(level: c_int) -> c_int as nonnull() or DEFECT; {
        call(|| {
            if !(0..=7).contains(&level) {
                return Err(Error::invalid(format!("there is no level {level}")));
            }
            abi::log::set_level(level);
            Ok(0)
        })
    }

    /// Runs the daemon with these arguments (argv[0] is the program) until a signal stops it. Returns its exit status: 0 after
    /// a clean stop, 1 otherwise. Call it once, on the main thread, before starting other threads. Installs signal handlers.
    "janus_rs.h" fn janus_rs_main(argc: c_int, argv: *const *const c_char) -> c_int as nonnull(argv) or 1; {
        crate::modules::library::promote_ourselves();
        signals::DAEMON.prepare();
        let count = usize::try_from(argc).unwrap_or(0);
        // SAFETY: the caller passes `argc` C strings, as main() gets them.
        let arguments = unsafe { std::slice::from_raw_parts(argv, count) };
        let arguments = arguments.iter().filter(|a| !a.is_null()).map(|a| {
            // SAFETY: checked, and NUL-terminated as above.
            OsString::from_vec(unsafe { CStr::from_ptr(*a) }.to_bytes().to_vec())
        });
        crate::daemon::main(arguments.collect(), &super::system::Process)
    }
}
