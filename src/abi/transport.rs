//! `transports/transport.h`: the transport's function table, the core's callback table, and the counted
//! connection object that both share (control-plane.md §9).

use super::mutex::janus_mutex;
use super::refcount::{self, janus_refcount};
use crate::glib::{self, gboolean};
use crate::json::json_t;
use jansson_sys::json_error_t;
use libc::{c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

/// The same layout since 0.10.6; number 7 lacks `query_transport`.
pub const API_VERSION: c_int = 8;

type Text = Option<unsafe extern "C" fn() -> *const c_char>;
type Number = Option<unsafe extern "C" fn() -> c_int>;
type Session = *mut janus_transport_session;

#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_transport {
    pub init: Option<unsafe extern "C" fn(*mut janus_transport_callbacks, *const c_char) -> c_int>,
    pub destroy: Option<unsafe extern "C" fn()>,
    pub get_api_compatibility: Number,
    pub get_version: Number,
    pub get_version_string: Text,
    pub get_description: Text,
    pub get_name: Text,
    pub get_author: Text,
    pub get_package: Text,
    pub is_janus_api_enabled: Option<unsafe extern "C" fn() -> gboolean>,
    pub is_admin_api_enabled: Option<unsafe extern "C" fn() -> gboolean>,
    pub send_message: Option<unsafe extern "C" fn(Session, *mut c_void, gboolean, *mut json_t) -> c_int>,
    pub session_created: Option<unsafe extern "C" fn(Session, u64)>,
    pub session_over: Option<unsafe extern "C" fn(Session, u64, gboolean, gboolean)>,
    pub session_claimed: Option<unsafe extern "C" fn(Session, u64)>,
    pub query_transport: Option<unsafe extern "C" fn(*mut json_t) -> *mut json_t>,
}

assert_layout!(janus_transport: 128; init @ 0, destroy @ 8, get_api_compatibility @ 16, get_version @ 24,
    get_version_string @ 32, get_description @ 40, get_name @ 48, get_author @ 56, get_package @ 64,
    is_janus_api_enabled @ 72, is_admin_api_enabled @ 80, send_message @ 88, session_created @ 96,
    session_over @ 104, session_claimed @ 112, query_transport @ 120);

#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_transport_callbacks {
    pub incoming_request: unsafe extern "C" fn(
        *mut janus_transport,
        Session,
        *mut c_void,
        gboolean,
        *mut json_t,
        *mut json_error_t,
    ),
    pub transport_gone: unsafe extern "C" fn(*mut janus_transport, Session),
    pub is_api_secret_needed: unsafe extern "C" fn(*mut janus_transport) -> gboolean,
    pub is_api_secret_valid: unsafe extern "C" fn(*mut janus_transport, *const c_char) -> gboolean,
    pub is_auth_token_needed: unsafe extern "C" fn(*mut janus_transport) -> gboolean,
    pub is_auth_token_valid: unsafe extern "C" fn(*mut janus_transport, *const c_char) -> gboolean,
    pub events_is_enabled: unsafe extern "C" fn() -> gboolean,
    pub notify_event: unsafe extern "C" fn(*mut janus_transport, *mut c_void, *mut json_t),
}

assert_layout!(janus_transport_callbacks: 64; incoming_request @ 0, transport_gone @ 8, is_api_secret_needed @ 16,
    is_api_secret_valid @ 24, is_auth_token_needed @ 32, is_auth_token_valid @ 40, events_is_enabled @ 48,
    notify_event @ 56);

/// A transport's connection. The transport locks `mutex` and counts `ref` inline; the core touches only `ref`.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_transport_session {
    pub transport_p: *mut c_void,
    pub p_free: Option<unsafe extern "C" fn(*mut c_void)>,
    pub destroyed: c_int,
    pub mutex: janus_mutex,
    pub r#ref: janus_refcount,
}

assert_layout!(janus_transport_session: 48; transport_p @ 0, p_free @ 8, destroyed @ 16, mutex @ 24, r#ref @ 32);

/// Ends a connection object whose last reference is gone. CP-306.
unsafe extern "C" fn session_free(counter: *const janus_refcount) {
    // SAFETY: called through the counter inside a session made by janus_transport_session_create, by the holder of
    // the last reference.
    unsafe {
        let session = counter
            .cast::<u8>()
            .cast_mut()
            .sub(core::mem::offset_of!(janus_transport_session, r#ref))
            .cast::<janus_transport_session>();
        if let Some(free) = (*session).p_free {
            free((*session).transport_p);
        }
        glib_sys::g_mutex_clear(&raw mut (*session).mutex);
        glib::free(session);
    }
}

export! {
    /// A connection object with one reference. `free`, when given, ends `transport` with the last reference. CP-306.
    "transports/transport.h" fn janus_transport_session_create(transport: *mut c_void,
        free: Option<unsafe extern "C" fn(*mut c_void)>) -> *mut janus_transport_session
        as nonnull() or ptr::null_mut(); {
        let session = glib::new0::<janus_transport_session>();
        // SAFETY: fresh zeroed memory of this type.
        unsafe {
            (*session).transport_p = transport;
            (*session).p_free = free;
            glib_sys::g_mutex_init(&raw mut (*session).mutex);
            refcount::init(&raw mut (*session).r#ref, session_free);
        }
        session
    }

    /// Marks it destroyed and drops the creator's reference; later calls do nothing. CP-305, HL-238.
    "transports/transport.h" fn janus_transport_session_destroy(session: *mut janus_transport_session)
        as nonnull(session) or (); {
        // SAFETY: alive, because the caller holds a reference; `destroyed` is only touched atomically.
        unsafe {
            let destroyed = AtomicI32::from_ptr(&raw mut (*session).destroyed);
            if destroyed.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                refcount::decrease(&raw mut (*session).r#ref);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn count(transport: *mut c_void) {
        // SAFETY: the test passes its own counter.
        unsafe { &*transport.cast::<AtomicI32>() }.fetch_add(1, Ordering::SeqCst);
    }

    // CP-305, CP-306, HL-238
    #[test]
    fn destroy_twice_drops_one_reference() {
        let freed = AtomicI32::new(0);
        // SAFETY: made here; the second reference is taken before and dropped after.
        unsafe {
            let session = janus_transport_session_create((&raw const freed).cast_mut().cast(), Some(count));
            refcount::increase(&raw mut (*session).r#ref);
            janus_transport_session_destroy(session);
            janus_transport_session_destroy(session);
            assert_eq!((*session).r#ref.count, 1);
            assert_eq!(freed.load(Ordering::SeqCst), 0);
            refcount::decrease(&raw mut (*session).r#ref);
        }
        assert_eq!(freed.load(Ordering::SeqCst), 1);
    }
}
