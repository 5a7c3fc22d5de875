//! Signal masks and signal stacks of our threads, for the daemon and for programs that embed us.

use super::hooks::Hooked;
use super::turns;
use crate::util::thread::{self, Mask, Signals, backtrace_signal};
use std::any::Any;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

/// Of a fault, or of a bug of the thread that gets them: never blocked.
const FAULTS: [libc::c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT, libc::SIGTRAP, libc::SIGSYS];

/// What a handler and the report of a crash need.
const STACK: usize = 64 * 1024;

/// Which process this is.
#[derive(Debug)]
pub enum Process {
    /// Ours: the mask that it was started with.
    Daemon(OnceLock<libc::sigset_t>),
    /// A program that embeds us.
    Foreign,
}

pub static DAEMON: Process = Process::Daemon(OnceLock::new());
pub static FOREIGN: Process = Process::Foreign;

impl Process {
    /// On the daemon's first thread, before there is another: remembers its mask; writing to a closed pipe is from
    /// here on an error of the call, as under the reference.
    pub fn prepare(&'static self) {
        if let Process::Daemon(mask) = self {
            let _ = mask.set(change(libc::SIG_SETMASK, None));
            // This thread's, for ever.
            std::mem::forget(Stack::install());
        }
        // SAFETY: ignoring needs no handler.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        thread::install(self);
    }

    fn mask(&self, mask: Mask) -> libc::sigset_t {
        match (self, mask) {
            (Process::Daemon(inherited), Mask::Modules) if inherited.get().is_some() => {
                *inherited.get().expect("checked")
            }
            (Process::Daemon(_), _) => all_but(&[&FAULTS[..], &[backtrace_signal()]].concat()),
            (Process::Foreign, _) => all_but(&FAULTS),
        }
    }
}

impl Signals for Process {
    fn with(&self, mask: Mask, act: &mut dyn FnMut()) {
        /// Also when `act` panics.
        struct Restore {
            mask: libc::sigset_t,
            swallows: bool,
            pipe: Option<libc::sigaction>,
        }
        impl Drop for Restore {
            fn drop(&mut self) {
                if let Some(pipe) = &self.pipe {
                    heed_sigpipe(pipe);
                }
                if self.swallows {
                    swallow_sigpipe();
                }
                change(libc::SIG_SETMASK, Some(&self.mask));
            }
        }
        let before = change(libc::SIG_SETMASK, Some(&self.mask(mask)));
        // A write to a closed pipe is an error of the call; the signal that it leaves behind is not the program's.
        let is_foreign = matches!(self, Process::Foreign);
        let swallows = is_foreign && !contains(&before, libc::SIGPIPE) && !is_pending(libc::SIGPIPE);
        let _restore = Restore { mask: before, swallows, pipe: is_foreign.then(sigpipe) };
        act();
    }

    fn begin(&self) -> Box<dyn Any> {
        Box::new((Hooked::begin(), Stack::install()))
    }

    /// A program's own rules may forbid to ask.
    fn yields(&self, yes: bool) -> bool {
        matches!(self, Process::Daemon(_)) && turns::yields(yes)
    }
}

/// What the process does about SIGPIPE.
fn sigpipe() -> libc::sigaction {
    let mut now = MaybeUninit::uninit();
    // SAFETY: sets nothing, writes a structure of ours; it cannot fail with these arguments.
    unsafe {
        libc::sigaction(libc::SIGPIPE, ptr::null(), now.as_mut_ptr());
        now.assume_init()
    }
}

/// Libraries below modules (NSPR, libwebsockets, sofia-sip, paho) ignore SIGPIPE for the whole process when they are
/// initialised: it is as it was again. Anything else that came meanwhile is the program's own doing.
fn heed_sigpipe(before: &libc::sigaction) {
    if before.sa_sigaction != libc::SIG_IGN && sigpipe().sa_sigaction == libc::SIG_IGN {
        // SAFETY: what the system told us is put back.
        unsafe { libc::sigaction(libc::SIGPIPE, ptr::from_ref(before), ptr::null_mut()) };
    }
}

/// Takes what a closed pipe left to this thread.
fn swallow_sigpipe() {
    if !is_pending(libc::SIGPIPE) {
        return;
    }
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let mut set = MaybeUninit::uninit();
    // SAFETY: a set of ours, made before it is read; no signal information is asked for.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
        libc::sigtimedwait(set.as_ptr(), ptr::null_mut(), &raw const now);
    }
}

fn is_pending(signal: libc::c_int) -> bool {
    let mut set = MaybeUninit::uninit();
    // SAFETY: writes a set of ours.
    let set = unsafe {
        libc::sigpending(set.as_mut_ptr());
        set.assume_init()
    };
    contains(&set, signal)
}

fn contains(set: &libc::sigset_t, signal: libc::c_int) -> bool {
    // SAFETY: reads a set of ours.
    unsafe { libc::sigismember(set, signal) == 1 }
}

fn all_but(open: &[libc::c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: fills a set of ours.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for signal in open {
            libc::sigdelset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// Changes this thread's mask; the one before.
fn change(how: libc::c_int, mask: Option<&libc::sigset_t>) -> libc::sigset_t {
    let mut before = MaybeUninit::uninit();
    // SAFETY: reads a set or NULL, writes a set of ours; it cannot fail with these arguments.
    unsafe {
        libc::pthread_sigmask(how, mask.map_or(ptr::null(), ptr::from_ref), before.as_mut_ptr());
        before.assume_init()
    }
}

/// A stack for the signal handlers of this thread.
struct Stack(*mut libc::c_void);

impl Stack {
    fn install() -> Stack {
        // SAFETY: new memory of our own, which stays until this is dropped, on the same thread.
        unsafe {
            let memory = libc::mmap(
                ptr::null_mut(),
                STACK,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            );
            if memory != libc::MAP_FAILED {
                let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: STACK };
                libc::sigaltstack(&raw const stack, ptr::null_mut());
            }
            Stack(memory)
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.0 == libc::MAP_FAILED {
            return;
        }
        // SAFETY: ours, and no handler runs on it: this thread is here.
        unsafe {
            let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
            libc::sigaltstack(&raw const none, ptr::null_mut());
            libc::munmap(self.0, STACK);
        }
    }
}
