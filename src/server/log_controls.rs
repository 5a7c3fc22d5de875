//! The Admin API's knobs of the log, connected to the variables that modules read.
#![forbid(unsafe_code)]

use crate::abi::{log, mutex, refcount};
use crate::core::settings::{LogControls, LogKnob};
use crate::log::{LogSink, Place};
use crate::modules::host::LoggerFace;
use std::ffi::CString;
use std::sync::Arc;

pub struct Variables;

impl LogControls for Variables {
    fn get(&self, knob: LogKnob) -> i32 {
        match knob {
            LogKnob::Level => log::level(),
            LogKnob::Timestamps => log::timestamps().into(),
            LogKnob::Colors => log::colors().into(),
            LogKnob::Locking => mutex::debug().into(),
            LogKnob::Refcount => refcount::debug().into(),
        }
    }

    fn set(&self, knob: LogKnob, value: i32) {
        match knob {
            LogKnob::Level => log::set_level(value),
            LogKnob::Timestamps => log::set_timestamps(value != 0),
            LogKnob::Colors => log::set_colors(value != 0),
            LogKnob::Locking => mutex::set_debug(value != 0),
            LogKnob::Refcount => refcount::set_debug(value != 0),
        }
    }

    fn line(&self, level: i32, text: &str) {
        let place = Place { file: "admin", function: "custom_logline", line: 0 };
        log::print(level, place, &[text.to_owned()]);
    }

    fn reopen(&self) {
        crate::log::rotate();
    }
}

/// A logger module as a receiver of lines (CP-329).
pub struct Sink(pub Arc<dyn LoggerFace>);

impl LogSink for Sink {
    fn incoming_logline(&self, timestamp_us: i64, line: &str) {
        if let Ok(line) = CString::new(line) {
            self.0.incoming_logline(timestamp_us, &line);
        }
    }
}
