//! A loaded event handler.

use super::head;
use super::host::{EventHandlerFace, ModuleInfo};
use crate::abi::eventhandler::janus_eventhandler;
use crate::json::Json;
use crate::stall::{self, Callback, Inside, Origin};
use libc::c_int;
use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An event handler's table, checked for its required members.
pub struct EventHandler {
    table: *mut janus_eventhandler,
    info: ModuleInfo,
    noted: &'static stall::Plugin,
}

// SAFETY: the table belongs to a module that stays mapped; only `events_mask` changes, and is read atomically.
unsafe impl Send for EventHandler {}
// SAFETY: as above.
unsafe impl Sync for EventHandler {}

impl EventHandler {
    /// # Safety
    /// `table` lives as long as the process and has all required members.
    pub unsafe fn new(table: *mut janus_eventhandler, info: ModuleInfo) -> EventHandler {
        let noted = stall::Plugin::other(&info.package);
        EventHandler { table, info, noted }
    }

    pub fn comes_from(&self, file: String, build_id: Option<String>) {
        self.noted.comes_from(Origin { file, generation: None, build_id });
    }

    /// For a report of a crash.
    fn enter(&self, callback: Callback) -> Inside {
        stall::enter(self.noted, callback, 0)
    }

    pub fn info(&self) -> &ModuleInfo {
        &self.info
    }

    /// Its result does not matter: also a handler that refuses stays listed (CP-056).
    pub fn init(&self, config_folder: &CStr) -> c_int {
        let _inside = self.enter(Callback::Init);
        // SAFETY: a checked table; the text lives through the call.
        unsafe { (*self.table).init.map_or(-1, |init| init(config_folder.as_ptr())) }
    }

    pub fn destroy(&self) {
        let _inside = self.enter(Callback::Destroy);
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
        let _inside = self.enter(Callback::IncomingEvent);
        // SAFETY: a checked table; the event is lent.
        unsafe {
            if let Some(incoming_event) = (*self.table).incoming_event {
                incoming_event(event.as_ptr());
            }
        }
    }

    fn query(&self, request: Option<&Json>) -> Option<Json> {
        let _inside = self.enter(Callback::HandleRequest);
        // SAFETY: the request is lent, the result's reference is ours.
        unsafe {
            let query = (*self.table).handle_request?;
            let answer = Json::from_owned(query(request.map_or(ptr::null_mut(), Json::as_ptr)));
            Some(answer.unwrap_or_else(Json::object))
        }
    }
}
