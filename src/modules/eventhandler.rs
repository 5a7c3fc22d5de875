//! A loaded event handler.

use super::head;
use super::host::{EventHandlerFace, ModuleInfo};
use crate::abi::eventhandler::janus_eventhandler;
use crate::json::Json;
use libc::c_int;
use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An event handler's table, checked for its required members.
pub struct EventHandler {
    table: *mut janus_eventhandler,
    info: ModuleInfo,
}

// SAFETY: the table belongs to a module that stays mapped; only `events_mask` changes, and is read atomically.
unsafe impl Send for EventHandler {}
// SAFETY: as above.
unsafe impl Sync for EventHandler {}

impl EventHandler {
    /// # Safety
    /// `table` lives as long as the process and has all required members.
    pub unsafe fn new(table: *mut janus_eventhandler, info: ModuleInfo) -> EventHandler {
        EventHandler { table, info }
    }

    pub fn info(&self) -> &ModuleInfo {
        &self.info
    }

    /// Its result does not matter: also a handler that refuses stays listed (CP-056).
    pub fn init(&self, config_folder: &CStr) -> c_int {
        // SAFETY: a checked table; the text lives through the call.
        unsafe { (*self.table).init.map_or(-1, |init| init(config_folder.as_ptr())) }
    }

    pub fn destroy(&self) {
        // SAFETY: a checked table, and the daemon calls it once.
        unsafe { head::destroy(self.table.cast()) }
    }
}

impl EventHandlerFace for EventHandler {
    fn package(&self) -> &str {
        &self.info.package
    }

    fn events_mask(&self) -> usize {
        // SAFETY: the module changes this word while it runs (CP-325).
        unsafe { AtomicUsize::from_ptr(&raw mut (*self.table).events_mask) }.load(Ordering::Relaxed)
    }

    fn incoming_event(&self, event: &Json) {
        // SAFETY: a checked table; the event is lent.
        unsafe {
            if let Some(incoming_event) = (*self.table).incoming_event {
                incoming_event(event.as_ptr());
            }
        }
    }

    fn query(&self, request: Option<&Json>) -> Option<Json> {
        // SAFETY: the request is lent, the result's reference is ours.
        unsafe {
            let query = (*self.table).handle_request?;
            let answer = Json::from_owned(query(request.map_or(ptr::null_mut(), Json::as_ptr)));
            Some(answer.unwrap_or_else(Json::object))
        }
    }
}
