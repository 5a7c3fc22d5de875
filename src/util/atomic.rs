//! The standard library's atomics, by a name under which `tests/loom` puts loom's: what is written with these can be run
//! there in every order that the memory model allows.

pub use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
