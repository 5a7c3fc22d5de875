//! The last words of the daemon: what it was doing when a signal of a fault ends it.
//!
//! Everything here that runs after the signal is async-signal-safe: no lock, no memory, no call that is not in
//! signal-safety(7) but an unwinder that takes neither (glibc ≥ 2.35), which comes last. What it needs to know of the
//! loaded objects is noted down while modules are loaded ([`objects`]), what threads are in by [`crate::stall`].
//!
//! In the daemon only; a program that embeds the library owns its signals. docs/decisions/021-crash-report.md

mod memory;
mod objects;
mod report;
mod text;

use report::Fault;
use std::ffi::{CString, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::{mem, ptr};
use text::Outputs;

pub use objects::note_module;

/// Whoever gets one of these has a bug, or was told to end with a core.
const SIGNALS: [c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];

/// How long others that crash as well wait for the first one's report.
const PATIENCE_MS: u32 = 5000;
const STEP_MS: u32 = 10;

struct Installed {
    before: [libc::sigaction; SIGNALS.len()],
    /// Where the report goes besides stderr.
    files: [Option<CString>; 2],
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();
/// The thread that reports.
static REPORTER: AtomicI32 = AtomicI32::new(0);
static WRITTEN: AtomicBool = AtomicBool::new(false);

pub fn is_installed() -> bool {
    INSTALLED.get().is_some()
}

/// Installs the handlers. The report goes to stderr and, where there are some, to the log's file and to one of its own. Once, in the daemon,
/// before modules are loaded: what they install comes before ours, and what was there before comes after.
pub fn install(log: Option<&Path>, own: Option<&Path>) {
    let files = [log, own].map(|path| CString::new(path?.as_os_str().as_bytes()).ok());
    // The first call loads libgcc, which no handler may do.
    let mut first = [ptr::null_mut(); 1];
    // SAFETY: room for one address; plain C structs, for which zeros are valid, are filled in.
    let before = unsafe {
        libc::backtrace(first.as_mut_ptr(), 1);
        SIGNALS.map(|signal| {
            let mut before: libc::sigaction = mem::zeroed();
            libc::sigaction(signal, ptr::null(), &raw mut before);
            if is_of_the_program(before.sa_sigaction) {
                before.sa_sigaction = libc::SIG_DFL;
            }
            before
        })
    };
    if INSTALLED.set(Installed { before, files }).is_err() {
        return;
    }
    objects::look();
    // SAFETY: as above; the handler does nothing but what is allowed in one.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = crashed as *const () as usize;
        // A fault inside it ends the process at once, as the kernel does with faults that are blocked: no loop.
        libc::sigfillset(&raw mut action.sa_mask);
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        for signal in SIGNALS {
            libc::sigaction(signal, &raw const action, ptr::null_mut());
        }
    }
}

/// Notes down what was loaded since, such as the libraries that modules open by themselves.
pub fn look_again() {
    if is_installed() {
        objects::look();
    }
}

/// The Rust runtime of our program has a handler for overflows of the first thread's stack. It would abort, so that the
/// exit status is another one.
fn is_of_the_program(handler: usize) -> bool {
    let base = |address: usize| {
        // SAFETY: a C struct of integers and pointers; any address may be asked for.
        unsafe {
            let mut info: libc::Dl_info = mem::zeroed();
            (libc::dladdr(address as *const c_void, &raw mut info) != 0).then_some(info.dli_fbase)
        }
    };
    // SAFETY: no pointers.
    let entry = unsafe { libc::getauxval(libc::AT_ENTRY) } as usize;
    !matches!(handler, libc::SIG_DFL | libc::SIG_IGN) && base(handler).is_some_and(|b| base(entry) == Some(b))
}

extern "C" fn crashed(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: no arguments; it cannot fail.
    let me = unsafe { libc::gettid() };
    match REPORTER.compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            // SAFETY: of the kernel, for the length of this handler, which was installed with SA_SIGINFO.
            let fault = unsafe { Fault::new(signal, me, info, context) };
            let files = INSTALLED
                .get()
                .map_or([None, None], |installed| installed.files.each_ref().map(Option::as_deref));
            report::write(&fault, &Outputs::open(files));
            WRITTEN.store(true, Ordering::Release);
        }
        // Its report is not to be cut off by the end of the process.
        Err(other) if other != me => wait(),
        Err(_) => {}
    }
    // SAFETY: as above.
    unsafe { leave_to_the_one_before(signal, (*info).si_code) };
}

fn wait() {
    let mut waited = 0;
    while !WRITTEN.load(Ordering::Acquire) && waited < PATIENCE_MS {
        let step = libc::timespec { tv_sec: 0, tv_nsec: i64::from(STEP_MS) * 1_000_000 };
        // SAFETY: reads a struct of ours.
        unsafe { libc::nanosleep(&raw const step, ptr::null_mut()) };
        waited += STEP_MS;
    }
}

/// What happens when the handler returns: the instruction faults again, or the signal, blocked until then, comes again.
///
/// # Safety
/// Called by the handler of `signal`, as its last act.
unsafe fn leave_to_the_one_before(signal: c_int, code: c_int) {
    let place = SIGNALS.iter().position(|s| *s == signal);
    let before = INSTALLED.get().zip(place).and_then(|(installed, i)| installed.before.get(i));
    let faults_again =
        matches!(signal, libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL) && code > 0;
    // SAFETY: what was there before, or plain zeros, the default action.
    unsafe {
        let default: libc::sigaction = mem::zeroed();
        libc::sigaction(signal, before.map_or(&raw const default, ptr::from_ref), ptr::null_mut());
        if !faults_again {
            libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::gettid(), signal);
        }
    }
}
