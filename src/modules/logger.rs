//! A loaded logger.

use super::call;
use super::host::LoggerFace;
use super::table::Table;
use crate::abi::logger::janus_logger;
use crate::json::Json;
use crate::stall::Callback;
use libc::c_int;
use std::ffi::CStr;

pub type Logger = Table<janus_logger>;

impl Logger {
    /// Its result does not matter (CP-056).
    pub fn init(&self, server_name: &CStr, config_folder: &CStr) -> c_int {
        let _inside = self.enter(Callback::Init);
        // SAFETY: a checked table; the texts live through the call.
        unsafe { (*self.table).init.map_or(-1, |init| init(server_name.as_ptr(), config_folder.as_ptr())) }
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
        // SAFETY: a checked table, and its own function.
        unsafe { call::request((*self.table).handle_request?, request) }
    }
}
