//! A loaded event handler.

use super::call;
use super::host::EventHandlerFace;
use super::table::Table;
use crate::abi::eventhandler::janus_eventhandler;
use crate::json::Json;
use crate::stall::Callback;
use libc::c_int;
use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};

pub type EventHandler = Table<janus_eventhandler>;

impl EventHandler {
    /// Its result does not matter: also a handler that refuses stays listed (CP-056).
    pub fn init(&self, config_folder: &CStr) -> c_int {
        let _inside = self.enter(Callback::Init);
        // SAFETY: a checked table; the text lives through the call.
        unsafe { (*self.table).init.map_or(-1, |init| init(config_folder.as_ptr())) }
    }
}

impl EventHandlerFace for EventHandler {
    fn package(&self) -> &str {
        &self.info.package
    }

    fn events_mask(&self) -> usize {
        // SAFETY: the module changes this word while it runs (CP-325).
        unsafe { AtomicUsize::from_ptr(&raw mut (*self.table.cast_mut()).events_mask) }
            .load(Ordering::Relaxed)
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
        // SAFETY: a checked table, and its own function.
        unsafe { call::request((*self.table).handle_request?, request) }
    }
}
