//! What a program does on each thread of ours: affinity, priority, attaching a virtual machine.

use super::queue::User;
use arc_swap::ArcSwapOption;
use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub type Function = unsafe extern "C" fn(user: *mut c_void, name: *const c_char);

#[derive(Clone, Copy)]
pub struct Hooks {
    pub started: Option<Function>,
    pub ended: Option<Function>,
    pub user: User,
}

/// Of the instance that gave some first and still runs: threads are started in one place for all.
static HOOKS: ArcSwapOption<Installed> = ArcSwapOption::const_empty();

struct Installed {
    hooks: Hooks,
    /// Their instance was closed: its functions are not called any more.
    removed: AtomicBool,
}

/// True when there were none: then they are to be removed at the end.
pub fn install(hooks: Hooks) -> bool {
    let new = Arc::new(Installed { hooks, removed: false.into() });
    HOOKS.compare_and_swap(&None::<Arc<Installed>>, Some(new)).is_none()
}

pub fn remove() {
    if let Some(installed) = HOOKS.swap(None) {
        installed.removed.store(true, Ordering::Release);
    }
}

/// A thread of ours, from its first moment to its last.
pub struct Hooked(Option<(Arc<Installed>, CString)>);

impl Hooked {
    pub fn begin() -> Hooked {
        let Some(installed) = HOOKS.load_full() else { return Hooked(None) };
        let hooks = installed.hooks;
        let name = CString::new(std::thread::current().name().unwrap_or_default()).unwrap_or_default();
        if let Some(started) = hooks.started {
            // SAFETY: a function of the program, with its own pointer and a text that lives as long as the call.
            unsafe { started(hooks.user.0, name.as_ptr()) };
        }
        Hooked(Some((installed, name)))
    }
}

impl Drop for Hooked {
    fn drop(&mut self) {
        if let Some((installed, name)) = &self.0
            && let Some(ended) = installed.hooks.ended
            && !installed.removed.load(Ordering::Acquire)
        {
            // SAFETY: as above.
            unsafe { ended(installed.hooks.user.0, name.as_ptr()) };
        }
    }
}
