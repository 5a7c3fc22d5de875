//! The function table of a loaded module whose functions are called as they stand: event handlers and loggers.

use super::head;
use super::host::ModuleInfo;
use crate::stall::{self, Callback, Inside, Origin};

/// A table that was checked for its required members, and what it says of its module.
pub struct Table<T> {
    pub(super) table: *const T,
    pub(super) info: ModuleInfo,
    noted: &'static stall::Plugin,
}

// SAFETY: the table is static data of a module that stays mapped. It does not change, but for an event handler's mask, which
// is read atomically.
unsafe impl<T> Send for Table<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Table<T> {}

impl<T> Table<T> {
    /// # Safety
    /// `table` lives as long as the process and has all required members.
    pub unsafe fn new(table: *const T, info: ModuleInfo) -> Table<T> {
        let noted = stall::Plugin::other(&info.package);
        Table { table, info, noted }
    }

    pub fn comes_from(&self, file: String, build_id: Option<String>) {
        self.noted.comes_from(Origin { file, generation: None, build_id });
    }

    /// For a report of a crash.
    pub(super) fn enter(&self, callback: Callback) -> Inside {
        stall::enter(self.noted, callback, 0)
    }

    pub fn info(&self) -> &ModuleInfo {
        &self.info
    }

    pub fn destroy(&self) {
        let _inside = self.enter(Callback::Destroy);
        // SAFETY: a checked table, and the server calls it once.
        unsafe { head::destroy(self.table.cast()) }
    }
}
