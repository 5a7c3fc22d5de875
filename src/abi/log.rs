//! `debug.h` and `log.h`: the variables and the functions that the log macro, compiled into the modules, uses.

use super::logger::janus_logger;
use crate::glib::{self, FALSE, GHashTable, TRUE, gboolean};
use crate::log::{self, Level, LogConfig, LogSink, Place, Settings};
use libc::{c_char, c_int};
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

export_static! {
    /// 0 none … 7 DBG; lines above it are not logged (HL-032).
    "debug.h" static janus_log_level: c_int = 4;
    /// 0 or 1: the macro writes `[date] `.
    "debug.h" static janus_log_timestamps: c_int = 0;
    /// 0 or 1 (used as a table index by the macro, CP-332).
    "debug.h" static janus_log_colors: c_int = 1;
    /// First text of every line, or NULL (HL-034).
    "debug.h" static janus_log_global_prefix: *mut c_char = ptr::null_mut();
}

/// One of our own C integers; modules read and write them with plain loads and stores.
macro_rules! variable {
    ($name:ident) => {
        // SAFETY: a static of this library, aligned, and used by us through this atomic only.
        unsafe { AtomicI32::from_ptr(&raw mut $name) }
    };
}

fn prefix() -> &'static AtomicPtr<c_char> {
    // SAFETY: as in `variable!`.
    unsafe { AtomicPtr::from_ptr(&raw mut janus_log_global_prefix) }
}

/// The level of the log, clamped to 0 … 7 (CP-038).
pub fn set_level(level: i32) {
    variable!(janus_log_level).store(level.clamp(0, 7), Ordering::Relaxed);
}

/// 0 none … 7 all.
pub fn level() -> i32 {
    variable!(janus_log_level).load(Ordering::Relaxed)
}

pub fn set_timestamps(on: bool) {
    variable!(janus_log_timestamps).store(on.into(), Ordering::Relaxed);
}

pub fn timestamps() -> bool {
    variable!(janus_log_timestamps).load(Ordering::Relaxed) != 0
}

pub fn set_colors(on: bool) {
    variable!(janus_log_colors).store(on.into(), Ordering::Relaxed);
}

pub fn colors() -> bool {
    variable!(janus_log_colors).load(Ordering::Relaxed) != 0
}

/// Whether lines are written as JSON objects.
static STRUCTURED: AtomicBool = AtomicBool::new(false);

pub fn set_structured(on: bool) {
    STRUCTURED.store(on, Ordering::Relaxed);
}

/// The first text of every line from now on. The one before stays in memory: a module may be reading it.
pub fn set_prefix(text: Option<&str>) {
    prefix().store(glib::strdup_opt(text), Ordering::Release);
}

/// The C variables, for the lines that Rust code composes.
pub struct Variables;

impl Settings for Variables {
    fn level(&self) -> i32 {
        level()
    }
    fn timestamps(&self) -> bool {
        timestamps()
    }
    fn colors(&self) -> bool {
        colors()
    }
    fn prefix(&self) -> Option<String> {
        // SAFETY: NULL, or a string that is never freed.
        unsafe { glib::text(prefix().load(Ordering::Acquire)) }
    }
    fn structured(&self) -> bool {
        STRUCTURED.load(Ordering::Relaxed)
    }
}

/// Sends `tracing` events of this process to the log, unless the embedding program has its own subscriber.
pub fn install_subscriber() {
    let _ = tracing::subscriber::set_global_default(log::Lines::new(Variables, log::write_line).subscriber());
}

/// Prints lines at a level that is known at run time only. `place` is for the levels that print one.
pub fn print(level: c_int, place: Place<'_>, lines: &[String]) {
    let Some(level) = Level::ALL.into_iter().find(|known| *known as c_int == level) else { return };
    if level.enabled(&Variables) {
        let subject = log::Subject::default();
        lines.iter().for_each(|line| log::write_line(log::compose(&Variables, level, place, &subject, line)));
    }
}

/// Connects stdin, stdout and stderr to `/dev/null`: a daemon that logs to a file only.
pub fn redirect_stdio() -> io::Result<()> {
    // SAFETY: a constant path; the descriptor is ours and closed once.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        if null < 0 {
            return Err(io::Error::last_os_error());
        }
        for standard in 0..=2 {
            if libc::dup2(null, standard) < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        if null > 2 {
            libc::close(null);
        }
    }
    Ok(())
}

export_variadic! {
    /// Formats in the caller's thread and queues the line; never waits for output.
    "log.h" fn janus_vprintf => janus_rs_shim_vprintf;
}

/// Receives each formatted line from the C shim, which keeps this name out of the exported ones.
#[unsafe(no_mangle)]
unsafe extern "C" fn janus_rs_log_line(text: *const c_char, length: usize) {
    // SAFETY: the shim passes its own buffer of `length` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
    super::entry::guard("janus_vprintf", (), || log::write_line(log::Composed::by_module(&Variables, bytes)));
}

/// A logger module as a receiver of lines.
struct Module(*const janus_logger);

// SAFETY: the table is constant after start-up, and only the log's thread calls through it.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

impl LogSink for Module {
    fn incoming_logline(&self, timestamp_us: i64, line: &str) {
        let line = CString::new(line.replace('\0', "")).unwrap_or_default();
        // SAFETY: whoever handed us the table keeps it until the log has stopped.
        unsafe {
            if let Some(incoming_logline) = (*self.0).incoming_logline {
                incoming_logline(timestamp_us, line.as_ptr());
            }
        }
    }
}

/// Adds the `janus_logger`s that are the values of a table; NULL has none.
///
/// # Safety
/// `loggers` is NULL or such a table, whose values outlive the log.
unsafe fn add_loggers(loggers: *mut GHashTable) {
    if loggers.is_null() {
        return;
    }
    // SAFETY: a live table, as promised; the list is ours.
    unsafe {
        let values = glib_sys::g_hash_table_get_values(loggers);
        for module in glib::iter::<janus_logger>(values) {
            log::add_sink(Arc::new(Module(module)));
        }
        glib_sys::g_list_free(values);
    }
}

export! {
    /// Starts the log; 0, also when it runs already, or -1 when the file cannot be opened. Only the call that
    /// starts it looks at `loggers` (a table of name to `janus_logger`): older headers do not have that argument.
    "log.h" fn janus_log_init(daemon: gboolean, console: gboolean, logfile: *const c_char, loggers: *mut GHashTable)
        -> c_int as nonnull() or -1; {
        if log::config().is_some() {
            return 0;
        }
        // SAFETY: a path or NULL, as the header asks for.
        let file = unsafe { glib::bytes(logfile) }.map(|path| OsStr::from_bytes(path).into());
        // SAFETY: the table of this call.
        unsafe { add_loggers(loggers) };
        if daemon != FALSE && console == FALSE && redirect_stdio().is_err() {
            return -1;
        }
        if console == FALSE && file.is_none() && !log::has_sinks() {
            eprintln!("WARNING: logging is completely disabled: no stdout, no log file, no logger module");
        }
        match log::init(LogConfig { stdout: console != FALSE, file }) {
            Ok(()) => {
                install_subscriber();
                0
            }
            Err(error) => {
                tracing::error!("Error opening log file: {error}");
                -1
            }
        }
    }

    /// Adds logger modules (headers up to 1.2.4); the table's values must outlive the log.
    "log.h" fn janus_log_set_loggers(loggers: *mut GHashTable) as nonnull(loggers) or (); {
        // SAFETY: the table of this call.
        unsafe { add_loggers(loggers) }
    }

    /// Closes and reopens the log file after writing what waits (CP-043).
    "log.h" fn janus_log_reload() as nonnull() or (); { log::rotate() }

    /// Ends the log when all waiting lines are written.
    "log.h" fn janus_log_destroy() as nonnull() or (); { log::stop() }

    "log.h" fn janus_log_is_stdout_enabled() -> gboolean as nonnull() or FALSE; {
        if log::config().is_some_and(|config| config.stdout) { TRUE } else { FALSE }
    }

    "log.h" fn janus_log_is_logfile_enabled() -> gboolean as nonnull() or FALSE; {
        if log::config().is_some_and(|config| config.file.is_some()) { TRUE } else { FALSE }
    }

    /// Borrowed for ever; NULL without a log file.
    "log.h" fn janus_log_get_logfile_path() -> *mut c_char as nonnull() or ptr::null_mut(); {
        static PATH: OnceLock<CString> = OnceLock::new();
        let Some(path) = log::config().and_then(|config| config.file) else { return ptr::null_mut() };
        let path: &CStr =
            PATH.get_or_init(|| CString::new(path.into_os_string().into_vec()).unwrap_or_default());
        path.as_ptr().cast_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, mpsc};

    #[test]
    fn variables_are_shared_with_c() {
        // HL-032, CP-038, CP-332
        // SAFETY: what a module does with the variables; no other test touches them.
        unsafe {
            assert_eq!((janus_log_level, janus_log_timestamps, janus_log_colors), (4, 0, 1));
            assert!(Variables.prefix().is_none());
            janus_log_level = 6;
            assert_eq!(level(), 6);
            set_level(9);
            assert_eq!({ janus_log_level }, 7);
            set_level(4);
            set_prefix(Some("[p] "));
            assert_eq!(CStr::from_ptr(janus_log_global_prefix), c"[p] ");
            assert_eq!(Variables.prefix().as_deref(), Some("[p] "));
            set_prefix(None);
            assert!(janus_log_global_prefix.is_null());
        }
    }

    struct Forward(Mutex<mpsc::Sender<String>>);

    impl LogSink for Forward {
        fn incoming_logline(&self, _: i64, line: &str) {
            // Lines of other tests pass here too.
            if line.starts_with("vprintf ") {
                let _ = self.0.lock().expect("lock").send(line.to_owned());
            }
        }
    }

    #[test]
    fn vprintf_formats_lines_of_any_length() {
        // HL-036, CP-331: the first comes before the log starts.
        // SAFETY: the type of the header; arguments as the formats ask for.
        unsafe {
            type Vprintf = unsafe extern "C" fn(*const c_char, ...);
            let vprintf: Vprintf = std::mem::transmute(janus_vprintf as *const ());
            vprintf(c"vprintf %s %d %.1f\n".as_ptr(), c"early".as_ptr(), -3 as c_int, 1.5f64);
            let (sender, receiver) = mpsc::channel();
            log::add_sink(Arc::new(Forward(Mutex::new(sender))));
            log::init(LogConfig::default()).expect("starts");
            assert_eq!(receiver.recv().expect("a line"), "vprintf early -3 1.5\n");
            for width in [1014, 1015, 1016, 5000] {
                vprintf(c"vprintf %0*d\n".as_ptr(), width as c_int, 7 as c_int);
                assert_eq!(receiver.recv().expect("a line"), format!("vprintf {:0width$}\n", 7));
            }
        }
    }

    #[test]
    fn without_a_log_there_is_no_path() {
        // SAFETY: no arguments.
        unsafe {
            assert!(janus_log_get_logfile_path().is_null());
            assert_eq!(janus_log_is_logfile_enabled(), FALSE);
        }
    }
}
