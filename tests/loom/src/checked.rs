//! Threads, and what they share: loom's, or real ones.

#[cfg(not(feature = "threads"))]
pub use loom::{cell, sync, thread};
#[cfg(feature = "threads")]
pub use real::cell;
#[cfg(feature = "threads")]
pub use std::{sync, thread};

#[cfg(feature = "threads")]
mod real {
    pub mod cell {
        /// With loom's way to its content.
        pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

        // SAFETY: what this crate is there to find out.
        unsafe impl<T: Send> Sync for UnsafeCell<T> {}

        impl<T> UnsafeCell<T> {
            pub fn new(value: T) -> UnsafeCell<T> {
                UnsafeCell(std::cell::UnsafeCell::new(value))
            }

            pub fn with<R>(&self, act: impl FnOnce(*const T) -> R) -> R {
                act(self.0.get())
            }

            pub fn with_mut<R>(&self, act: impl FnOnce(*mut T) -> R) -> R {
                act(self.0.get())
            }
        }
    }
}
