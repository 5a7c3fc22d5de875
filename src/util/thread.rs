//! Every thread of ours starts here, with the signals that are its business and a stack for signal handlers.
#![forbid(unsafe_code)]

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::sync::OnceLock;
use std::thread::{Builder, JoinHandle};

/// Which signals reach a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// None but those of a fault (SEGV, BUS, FPE, ILL, ABRT, TRAP, SYS) and, in the daemon, [`backtrace_signal`].
    Ours,
    /// In the daemon those that it was started with: threads and children that a module starts inherit them, as under
    /// the reference. In a program that embeds us the same as [`Mask::Ours`].
    Modules,
}

/// What a thread asks of the operating system and cannot ask in safe Rust. The embedding layer implements it.
pub trait Signals: Sync {
    /// Runs `act` on this thread under that mask, and restores the one that was there.
    fn with(&self, mask: Mask, act: &mut dyn FnMut());
    /// A new thread of ours: until the result is dropped, which is the thread's end, it has a stack for signal handlers.
    fn begin(&self) -> Box<dyn Any>;
    /// Whether this thread, when it is woken, lets go on whoever runs on its core, until that one sleeps or has had its
    /// share; threads that it starts inherit it. What is so from here on: it may not be possible.
    fn yields(&self, yes: bool) -> bool;
}

static SIGNALS: OnceLock<&'static dyn Signals> = OnceLock::new();

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
    /// See [`yield_when_woken`].
    static YIELDS: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread was started here, or runs something that counts as such.
pub fn is_ours() -> bool {
    OURS.get()
}

/// Runs `act` as on a thread of ours: what waits for us must not be called in it.
pub fn as_ours<T>(act: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            OURS.set(self.0);
        }
    }
    let _restore = Restore(OURS.replace(true));
    act()
}

/// Before this thread sleeps: who wakes it goes on first, and has more for it by then (decision 77). Until
/// [`take_turns_as_others`].
pub fn yield_when_woken() {
    yields(true);
}

/// Before a module is called that may start threads: they are not to inherit that this one yields.
pub fn take_turns_as_others() {
    yields(false);
}

fn yields(yes: bool) {
    if YIELDS.get() != yes
        && let Some(signals) = SIGNALS.get()
    {
        YIELDS.set(signals.yields(yes));
    }
}

/// Before the first thread. The first call counts; without any, threads have the mask of their parents.
pub fn install(signals: &'static dyn Signals) {
    let _ = SIGNALS.set(signals);
}

/// Sent to one thread of the daemon when its stack is wanted: that thread has it open, whoever started it.
pub fn backtrace_signal() -> i32 {
    libc::SIGRTMIN() + 5
}

/// Starts a thread of ours.
pub fn spawn<T: Send + 'static>(
    name: impl Into<String>,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    spawn_with(Mask::Ours, name.into(), run)
}

/// Starts a thread of ours that calls functions of modules in which they start threads and processes of their own.
pub fn spawn_for_modules<T: Send + 'static>(
    name: impl Into<String>,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    spawn_with(Mask::Modules, name.into(), run)
}

/// Set by the parent: from its first instruction on the thread has the right mask.
fn spawn_with<T: Send + 'static>(
    mask: Mask,
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    with(mask, move || {
        Builder::new().name(name).spawn(move || {
            OURS.set(true);
            let _stack = SIGNALS.get().map(|signals| signals.begin());
            run()
        })
    })
}

/// Runs `act` on this thread under that mask. Also for libraries that start threads by themselves.
pub fn with<T>(mask: Mask, act: impl FnOnce() -> T) -> T {
    let Some(signals) = SIGNALS.get() else { return act() };
    // What is started in it has turns as others have.
    take_turns_as_others();
    let (mut act, mut result) = (Some(act), None);
    signals.with(mask, &mut || result = act.take().map(|act| act()));
    result.expect("it runs what it is given")
}
