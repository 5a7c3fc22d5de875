//! Functions that are held back from a plugin until it is known which form of them it was compiled for.
//!
//! Where the file does not tell what the plugin is, its `create` has to run first. Whatever form it got of a function that
//! writes into structs could be the wrong one, so it gets none: the call does nothing, and the plugin is refused.

use crate::abi::entry::{Address, guard};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of all plugins. One that was refused may have left threads behind that still call: then the next one is refused for
/// it, which costs no memory.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// In place of all of them. In C's calling conventions the caller takes its arguments away again, and a result that nobody
/// expects does no harm.
extern "C" fn nothing() -> usize {
    if CALLS.fetch_add(1, Ordering::Relaxed) == 0 {
        guard("held", (), || {
            tracing::error!(
                "a plugin calls a function of the core before it is known which form of it it needs"
            );
        });
    }
    0
}

/// What stands in the place of each.
pub fn stand_in() -> Address {
    Address(nothing as *const ())
}

/// How often any of them was called.
pub fn calls() -> usize {
    CALLS.load(Ordering::Relaxed)
}
