//! Modules by the address of their function table: how a callback that gets only that pointer knows its caller.
//! Not used on the packet path.
#![forbid(unsafe_code)]

use super::transport::Transport;
use crate::util::lock::Lock;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

static PLUGINS: LazyLock<Lock<HashMap<usize, Arc<str>>>> = LazyLock::new(Lock::default);
static TRANSPORTS: LazyLock<Lock<HashMap<usize, Arc<Transport>>>> = LazyLock::new(Lock::default);

pub fn add_plugin(table: usize, package: Arc<str>) {
    PLUGINS.lock().insert(table, package);
}

pub fn remove_plugin(table: usize) {
    PLUGINS.lock().remove(&table);
}

/// The package of the plugin whose table is there.
pub fn plugin(table: usize) -> Option<Arc<str>> {
    PLUGINS.lock().get(&table).cloned()
}

pub fn add_transport(table: usize, transport: Arc<Transport>) {
    TRANSPORTS.lock().insert(table, transport);
}

pub fn remove_transport(table: usize) {
    TRANSPORTS.lock().remove(&table);
}

pub fn transport(table: usize) -> Option<Arc<Transport>> {
    TRANSPORTS.lock().get(&table).cloned()
}
