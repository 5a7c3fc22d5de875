//! What a program does on each thread of ours: affinity, priority, attaching a virtual machine.

use super::queue::User;
use arc_swap::ArcSwapOption;
use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

pub type Function = unsafe extern "C" fn(user: *mut c_void, name: *const c_char);

pub struct Hooks {
    pub started: Option<Function>,
    pub ended: Option<Function>,
    pub user: User,
}

/// Of the instance that gave some first and still runs: threads are started in one place for all.
static HOOKS: ArcSwapOption<Hooks> = ArcSwapOption::const_empty();

/// True when there were none: then they are to be removed at the end.
pub fn install(hooks: Hooks) -> bool {
    HOOKS.compare_and_swap(&None::<Arc<Hooks>>, Some(Arc::new(hooks))).is_none()
}

pub fn remove() {
    HOOKS.store(None);
}

/// A thread of ours, from its first moment to its last.
pub struct Hooked(Option<(Arc<Hooks>, CString)>);

impl Hooked {
    pub fn begin() -> Hooked {
        let Some(hooks) = HOOKS.load_full() else { return Hooked(None) };
        let name = CString::new(std::thread::current().name().unwrap_or_default()).unwrap_or_default();
        if let Some(started) = hooks.started {
            // SAFETY: a function of the program, with its own pointer and a text that lives as long as the call.
            unsafe { started(hooks.user.0, name.as_ptr()) };
        }
        Hooked(Some((hooks, name)))
    }
}

impl Drop for Hooked {
    fn drop(&mut self) {
        if let Some((hooks, name)) = &self.0
            && let Some(ended) = hooks.ended
        {
            // SAFETY: as above.
            unsafe { ended(hooks.user.0, name.as_ptr()) };
        }
    }
}
