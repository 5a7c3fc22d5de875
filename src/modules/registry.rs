//! Modules by the address of their function table: how a callback that gets only that pointer knows its caller.
//! Not used on the packet path.
#![forbid(unsafe_code)]

use super::transport::Transport;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

static PLUGINS: LazyLock<RwLock<HashMap<usize, Arc<str>>>> = LazyLock::new(RwLock::default);
static TRANSPORTS: LazyLock<RwLock<HashMap<usize, Arc<Transport>>>> = LazyLock::new(RwLock::default);

pub fn add_plugin(table: usize, package: Arc<str>) {
    PLUGINS.write().unwrap_or_else(PoisonError::into_inner).insert(table, package);
}

pub fn remove_plugin(table: usize) {
    PLUGINS.write().unwrap_or_else(PoisonError::into_inner).remove(&table);
}

/// The package of the plugin whose table is there.
pub fn plugin(table: usize) -> Option<Arc<str>> {
    PLUGINS.read().unwrap_or_else(PoisonError::into_inner).get(&table).cloned()
}

pub fn add_transport(table: usize, transport: Arc<Transport>) {
    TRANSPORTS.write().unwrap_or_else(PoisonError::into_inner).insert(table, transport);
}

pub fn remove_transport(table: usize) {
    TRANSPORTS.write().unwrap_or_else(PoisonError::into_inner).remove(&table);
}

pub fn transport(table: usize) -> Option<Arc<Transport>> {
    TRANSPORTS.read().unwrap_or_else(PoisonError::into_inner).get(&table).cloned()
}
