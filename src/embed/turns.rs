//! Whether a thread that is woken takes the core from whoever woke it (decision 77).

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The system has refused it once.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// Asks for it or against it, for this thread; what is so from here on. Nothing is changed where somebody else has chosen
/// how this thread is scheduled, and where system calls are filtered: a filter may end who asks.
pub fn yields(yes: bool) -> bool {
    let (from, to) = match yes {
        true => (libc::SCHED_OTHER, libc::SCHED_BATCH),
        false => (libc::SCHED_BATCH, libc::SCHED_OTHER),
    };
    let changed = is_unfiltered() && !REFUSED.load(Ordering::Relaxed) && policy() == from && set(to);
    changed && yes
}

/// Of this thread.
fn policy() -> libc::c_int {
    // SAFETY: no pointers; 0 is the calling thread.
    unsafe { libc::sched_getscheduler(0) }
}

fn set(policy: libc::c_int) -> bool {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: reads a struct of ours; 0 is the calling thread.
    let done = unsafe { libc::sched_setscheduler(0, policy, &raw const none) } == 0;
    if !done {
        REFUSED.store(true, Ordering::Relaxed);
    }
    done
}

/// As it was when first asked.
fn is_unfiltered() -> bool {
    static UNFILTERED: OnceLock<bool> = OnceLock::new();
    *UNFILTERED.get_or_init(|| {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "0"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// On threads of their own: what it is for the others stays.
    fn alone<T: Send>(act: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| scope.spawn(act).join().unwrap())
    }

    #[test]
    fn what_is_asked_for_is_so_and_is_not_inherited_once_it_is_taken_back() {
        alone(|| {
            let before = policy();
            let yields_now = yields(true);
            // Filtered here, or not as usual: then nothing is changed.
            assert_eq!(policy(), if yields_now { libc::SCHED_BATCH } else { before });
            assert!(!yields_now || !yields(false));
            assert_eq!((policy(), alone(policy)), (before, before));
        });
    }

    #[test]
    fn what_somebody_else_has_chosen_stays() {
        alone(|| {
            if policy() == libc::SCHED_OTHER && is_unfiltered() && set(libc::SCHED_IDLE) {
                assert!(!yields(true) && policy() == libc::SCHED_IDLE);
                assert!(!yields(false) && policy() == libc::SCHED_IDLE);
            }
        });
    }
}
