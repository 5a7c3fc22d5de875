//! Modules by the address of their function table: how a callback that gets only that pointer knows its caller.
//! Not used on the packet path.
#![forbid(unsafe_code)]

use crate::util::lock::Lock;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// What is known of the modules of one kind.
pub struct Registry<T>(LazyLock<Lock<HashMap<usize, T>>>);

/// The packages of the plugins that may call.
pub static PACKAGES: Registry<Arc<str>> = Registry::new();

impl<T: Clone> Registry<T> {
    pub const fn new() -> Registry<T> {
        Registry(LazyLock::new(Lock::default))
    }

    pub fn add(&self, table: usize, module: T) {
        self.0.lock().insert(table, module);
    }

    pub fn remove(&self, table: usize) {
        self.0.lock().remove(&table);
    }

    /// The module whose table is there.
    pub fn get(&self, table: usize) -> Option<T> {
        self.0.lock().get(&table).cloned()
    }
}
