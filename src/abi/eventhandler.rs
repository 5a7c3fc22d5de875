//! `events/eventhandler.h`: an event handler's function table. One layout over all versions.

use crate::json::json_t;
use libc::{c_char, c_int};

pub const API_VERSION: c_int = 3;

type Text = Option<unsafe extern "C" fn() -> *const c_char>;
type Number = Option<unsafe extern "C" fn() -> c_int>;

#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_eventhandler {
    pub init: Option<unsafe extern "C" fn(*const c_char) -> c_int>,
    pub destroy: Option<unsafe extern "C" fn()>,
    pub get_api_compatibility: Number,
    pub get_version: Number,
    pub get_version_string: Text,
    pub get_description: Text,
    pub get_name: Text,
    pub get_author: Text,
    pub get_package: Text,
    pub incoming_event: Option<unsafe extern "C" fn(*mut json_t)>,
    pub handle_request: Option<unsafe extern "C" fn(*mut json_t) -> *mut json_t>,
    /// The module changes it while it runs.
    pub events_mask: usize,
}

assert_layout!(janus_eventhandler: 96; init @ 0, destroy @ 8, get_api_compatibility @ 16, get_version @ 24,
    get_version_string @ 32, get_description @ 40, get_name @ 48, get_author @ 56, get_package @ 64,
    incoming_event @ 72, handle_request @ 80, events_mask @ 88);
