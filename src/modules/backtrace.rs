//! Where another thread of this process is: a real-time signal makes it write down its return addresses, which are then
//! looked up in the table of mappings. In the daemon only; a program that embeds the library owns its signals.

use crate::util::lock::Lock;
use std::ffi::c_void;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{mem, ptr};

const FRAMES: usize = 32;
/// The handler, and the kernel's way into it.
const OF_THE_SIGNAL: usize = 2;
/// How long a thread may take to answer: it may not be running, or in a system call that nothing interrupts.
const PATIENCE: Duration = Duration::from_millis(50);

static ENABLED: AtomicBool = AtomicBool::new(false);
/// The thread that is asked; 0: nobody.
static ASKED: AtomicI32 = AtomicI32::new(0);
static ADDRESSES: [AtomicPtr<c_void>; FRAMES] = [const { AtomicPtr::new(ptr::null_mut()) }; FRAMES];
/// How many it has written.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);
static ONE_AT_A_TIME: Lock<()> = Lock::new(());

/// Open on all threads of the daemon.
pub fn signal() -> i32 {
    crate::util::thread::backtrace_signal()
}

/// Installs the handler, unless somebody else uses the signal. Once, before other threads need it.
pub fn enable() {
    // The first call loads libgcc, which no handler may do.
    let mut first = [ptr::null_mut(); 1];
    // SAFETY: room for one address; `action` and `before` are plain C structs, for which zeros are valid. The handler
    // does nothing but what is allowed in one.
    unsafe {
        libc::backtrace(first.as_mut_ptr(), 1);
        let mut before: libc::sigaction = mem::zeroed();
        libc::sigaction(signal(), ptr::null(), &raw mut before);
        if before.sa_sigaction != libc::SIG_DFL {
            return;
        }
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = write_down as *const () as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        if libc::sigaction(signal(), &raw const action, ptr::null_mut()) == 0 {
            ENABLED.store(true, Ordering::SeqCst);
        }
    }
}

/// Async-signal-safe: atomics, two system calls, and an unwinder that takes no lock and no memory (glibc ≥ 2.35).
extern "C" fn write_down(_: libc::c_int) {
    // SAFETY: errno of this thread; room for FRAMES addresses.
    unsafe {
        let errno = *libc::__errno_location();
        if ASKED.load(Ordering::Acquire) == libc::gettid() {
            let mut addresses = [ptr::null_mut(); FRAMES];
            let count = libc::backtrace(addresses.as_mut_ptr(), FRAMES as libc::c_int);
            let count = usize::try_from(count).unwrap_or(0);
            for (place, address) in ADDRESSES.iter().zip(addresses) {
                place.store(address, Ordering::Relaxed);
            }
            WRITTEN.store(count, Ordering::Release);
        }
        *libc::__errno_location() = errno;
    }
}

/// `module+0xoffset`, one per frame, the innermost first; `None` where the system or the thread does not allow it. What
/// the thread waits for goes on, except that some system calls (sleep, poll) end early, as with any signal.
pub fn of(tid: i32) -> Option<Vec<String>> {
    if !ENABLED.load(Ordering::SeqCst) || tid == 0 {
        return None;
    }
    let _alone = ONE_AT_A_TIME.lock();
    WRITTEN.store(0, Ordering::Relaxed);
    ASKED.store(tid, Ordering::Release);
    // SAFETY: no pointers. A thread that has ended, or whose number another process has, is refused.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, signal()) };
    let end = Instant::now() + PATIENCE;
    let mut count = 0;
    while sent == 0 && count == 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
        count = WRITTEN.load(Ordering::Acquire);
    }
    ASKED.store(0, Ordering::Release);
    let frames = ADDRESSES.iter().take(count).skip(OF_THE_SIGNAL);
    let frames: Vec<usize> = frames.map(|place| place.load(Ordering::Relaxed) as usize).collect();
    if frames.is_empty() {
        return None;
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let modules = modules(&maps);
    Some(frames.into_iter().map(|address| place(&modules, address)).collect())
}

/// A mapped part of a file.
struct Mapping<'a> {
    start: usize,
    end: usize,
    /// Where the file's first part lies.
    base: usize,
    file: &'a str,
}

/// From proc(5) `maps`.
fn modules(maps: &str) -> Vec<Mapping<'_>> {
    let mut all: Vec<Mapping<'_>> = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let range = fields.next().and_then(|range| range.split_once('-'));
        let Some(file) = fields.nth(4).filter(|file| file.starts_with('/')) else { continue };
        let number = |text| usize::from_str_radix(text, 16).ok();
        let Some((Some(start), Some(end))) = range.map(|(a, b)| (number(a), number(b))) else { continue };
        let base = all.last().filter(|last| last.file == file).map_or(start, |last| last.base);
        all.push(Mapping { start, end, base, file });
    }
    all
}

fn place(modules: &[Mapping<'_>], address: usize) -> String {
    let mut text = String::new();
    let _ = match modules.iter().find(|module| (module.start..module.end).contains(&address)) {
        Some(module) => {
            let name = module.file.rsplit('/').next().unwrap_or_default();
            write!(text, "{name}+{:#x}", address - module.base)
        }
        None => write!(text, "{address:#x}"),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_blocked_thread_says_where_it_is() {
        enable();
        let (tell, told) = mpsc::channel();
        let (release, blocked) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            // SAFETY: no arguments.
            tell.send(unsafe { libc::gettid() }).unwrap();
            blocked.recv().unwrap_err();
        });
        let tid = told.recv().unwrap();
        // Not before it waits, in the system's library.
        let frames = loop {
            match of(tid) {
                Some(frames) if frames[0].contains(".so") => break frames,
                _ => std::thread::yield_now(),
            }
        };
        drop(release);
        thread.join().unwrap();
        let program = std::env::current_exe().unwrap();
        let program = format!("{}+0x", program.file_name().unwrap().to_str().unwrap());
        // To the function above.
        assert!(frames.iter().any(|f| f.starts_with(&program)), "{frames:?}");
        assert_eq!(of(tid), None);
    }

    #[test]
    fn addresses_become_offsets_into_files() {
        let maps = "\
1000-2000 r--p 00000000 08:01 11 /usr/lib/a.so
2000-3000 r-xp 00001000 08:01 11 /usr/lib/a.so
3000-4000 rw-p 00000000 00:00 0
4000-5000 r-xp 00000000 08:01 12 /usr/lib/b.so
";
        let modules = modules(maps);
        let places = [0x2010, 0x4001, 0x3001, 0x9000].map(|address| place(&modules, address));
        assert_eq!(places, ["a.so+0x1010", "b.so+0x1", "0x3001", "0x9000"]);
    }
}
