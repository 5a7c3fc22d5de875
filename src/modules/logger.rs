//! A loaded logger.

use super::head;
use super::host::{LoggerFace, ModuleInfo};
use crate::abi::logger::janus_logger;
use crate::json::Json;
use crate::stall::{self, Callback, Inside, Origin};
use libc::c_int;
use std::ffi::CStr;
use std::ptr;

/// A logger's table, checked for its required members.
pub struct Logger {
    table: *const janus_logger,
    info: ModuleInfo,
    noted: &'static stall::Plugin,
}

// SAFETY: the table is read-only static data of a module that stays mapped.
unsafe impl Send for Logger {}
// SAFETY: as above.
unsafe impl Sync for Logger {}

impl Logger {
    /// # Safety
    /// `table` lives as long as the process and has all required members.
    pub unsafe fn new(table: *const janus_logger, info: ModuleInfo) -> Logger {
        let noted = stall::Plugin::other(&info.package);
        Logger { table, info, noted }
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

    /// Its result does not matter (CP-056).
    pub fn init(&self, server_name: &CStr, config_folder: &CStr) -> c_int {
        let _inside = self.enter(Callback::Init);
        // SAFETY: a checked table; the texts live through the call.
        unsafe { (*self.table).init.map_or(-1, |init| init(server_name.as_ptr(), config_folder.as_ptr())) }
    }

    pub fn destroy(&self) {
        let _inside = self.enter(Callback::Destroy);
        // SAFETY: a checked table, and the daemon calls it once.
        unsafe { head::destroy(self.table.cast()) }
    }
}

impl LoggerFace for Logger {
    fn package(&self) -> &str {
        &self.info.package
    }

    fn incoming_logline(&self, timestamp: i64, line: &CStr) {
        let _inside = self.enter(Callback::IncomingLogline);
        // SAFETY: a checked table; the line is lent.
        unsafe {
            if let Some(incoming_logline) = (*self.table).incoming_logline {
                incoming_logline(timestamp, line.as_ptr());
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
