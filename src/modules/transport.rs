//! A loaded transport, its connections, and what it calls.

use super::head;
use super::host::{self, Connection, Incoming, ModuleInfo, TransportFace};
use super::registry::Registry;
use crate::abi::entry::guard;
use crate::abi::refcount;
use crate::abi::transport::{janus_transport, janus_transport_callbacks, janus_transport_session};
use crate::glib::{self, FALSE, gboolean};
use crate::json::{Json, ParseError, json_t};
use crate::stall::{self, Callback, Inside, Origin};
use crate::util::thread::take_turns_as_others;
use jansson_sys::json_error_t;
use libc::{c_char, c_int};
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::Arc;

/// The transports that may call.
static LOADED: Registry<Arc<Transport>> = Registry::new();

/// A transport's function table, checked for its required members.
pub struct Transport {
    table: *const janus_transport,
    /// Number 7 ends before `query_transport`.
    api: c_int,
    info: ModuleInfo,
    noted: &'static stall::Plugin,
}

// SAFETY: the table is read-only static data of a module that stays mapped; transports expect calls on any thread.
unsafe impl Send for Transport {}
// SAFETY: as above.
unsafe impl Sync for Transport {}

impl Transport {
    /// Wraps a table; nothing is called yet.
    ///
    /// # Safety
    /// `table` lives as long as the process and has all required members of a transport with this API number.
    pub unsafe fn new(table: *const janus_transport, api: c_int, info: ModuleInfo) -> Transport {
        let noted = stall::Plugin::other(&info.package);
        Transport { table, api, info, noted }
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

    /// # Safety of reading
    /// Only members before `query_transport` unless `api` is at least 8: older tables are shorter.
    fn table(&self) -> *const janus_transport {
        self.table
    }

    /// `init`. The error is the transport's negative number.
    pub fn init(self: &Arc<Self>, config_folder: &CStr) -> Result<(), c_int> {
        // SAFETY: inside every table.
        let Some(init) = (unsafe { (*self.table()).init }) else { return Err(-1) };
        LOADED.add(self.table as usize, self.clone());
        let _inside = self.enter(Callback::Init);
        // SAFETY: a static callback table that transports do not write to.
        let result = unsafe { init((&raw const CALLBACKS).cast_mut(), config_folder.as_ptr()) };
        if result < 0 {
            LOADED.remove(self.table as usize);
            return Err(result);
        }
        Ok(())
    }

    pub fn is_janus_api_enabled(&self) -> bool {
        // SAFETY: inside every table; takes nothing.
        unsafe { (*self.table()).is_janus_api_enabled.is_some_and(|f| f() != FALSE) }
    }

    pub fn is_admin_api_enabled(&self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.table()).is_admin_api_enabled.is_some_and(|f| f() != FALSE) }
    }

    /// The transport's own `destroy`, at shutdown.
    pub fn destroy(&self) {
        let _inside = self.enter(Callback::Destroy);
        // SAFETY: a checked table, and the daemon calls it once.
        unsafe { head::destroy(self.table.cast()) }
    }
}

/// A connection of a module: one counted reference on its session, and the transport that it is of.
struct Instance {
    transport: Arc<Transport>,
    session: *mut janus_transport_session,
}

// SAFETY: the session is counted atomically; here its address is used, and its transport expects calls on any thread.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Instance {
    /// # Safety
    /// `session` is alive, and of this transport, which lends a reference for the call.
    unsafe fn borrow(transport: Arc<Transport>, session: *mut janus_transport_session) -> Arc<Instance> {
        // SAFETY: promised by the caller.
        unsafe { refcount::increase(&raw mut (*session).r#ref) };
        Arc::new(Instance { transport, session })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: the reference that `borrow` added.
        unsafe { refcount::decrease(&raw mut (*self.session).r#ref) }
    }
}

impl Connection for Instance {
    fn package(&self) -> &str {
        &self.transport.info.package
    }

    fn identity(&self) -> usize {
        self.session as usize
    }

    fn send_message(&self, request_id: usize, admin: bool, message: Json) {
        let _inside = self.transport.enter(Callback::SendMessage);
        // SAFETY: inside every table; the session is this transport's, the message's reference is handed over (CP-301).
        unsafe {
            if let Some(send) = (*self.transport.table()).send_message {
                send(self.session, request_id as *mut c_void, gboolean::from(admin), message.into_ptr());
            }
        }
    }

    fn session_created(&self, session_id: u64) {
        let _inside = self.transport.enter(Callback::SessionCreated);
        // SAFETY: inside every table; the session is this transport's.
        unsafe {
            if let Some(created) = (*self.transport.table()).session_created {
                created(self.session, session_id);
            }
        }
    }

    fn session_over(&self, session_id: u64, timeout: bool, claimed: bool) {
        let _inside = self.transport.enter(Callback::SessionOver);
        // SAFETY: as above.
        unsafe {
            if let Some(over) = (*self.transport.table()).session_over {
                over(self.session, session_id, gboolean::from(timeout), gboolean::from(claimed));
            }
        }
    }

    fn session_claimed(&self, session_id: u64) {
        let _inside = self.transport.enter(Callback::SessionClaimed);
        // SAFETY: as above.
        unsafe {
            if let Some(claimed) = (*self.transport.table()).session_claimed {
                claimed(self.session, session_id);
            }
        }
    }
}

impl TransportFace for Transport {
    fn package(&self) -> &str {
        &self.info.package
    }

    fn query(&self, request: Option<&Json>) -> Option<Json> {
        if self.api < 8 {
            return None;
        }
        take_turns_as_others();
        let _inside = self.enter(Callback::QueryTransport);
        // SAFETY: the table has this member from number 8 on; the request is lent, the result's reference is ours.
        unsafe {
            let query = (*self.table()).query_transport?;
            let answer = Json::from_owned(query(request.map_or(ptr::null_mut(), Json::as_ptr)));
            Some(answer.unwrap_or_else(Json::object))
        }
    }
}

static CALLBACKS: janus_transport_callbacks = janus_transport_callbacks {
    incoming_request,
    transport_gone,
    is_api_secret_needed,
    is_api_secret_valid,
    is_auth_token_needed,
    is_auth_token_valid,
    events_is_enabled,
    notify_event,
};

unsafe extern "C" fn incoming_request(
    transport: *mut janus_transport,
    instance: *mut janus_transport_session,
    request_id: *mut c_void,
    admin: gboolean,
    message: *mut json_t,
    error: *mut json_error_t,
) {
    guard("incoming_request", (), || {
        // SAFETY: the message's reference is ours (CP-300); the error is read only beside a missing message, when it
        // is initialised or NULL (CP-297 … CP-299).
        let message = unsafe {
            Json::from_owned(message).ok_or_else(|| (!error.is_null()).then(|| ParseError::from_raw(error)))
        };
        let (Some(core), Some(transport)) = (host::core(), LOADED.get(transport as usize)) else {
            tracing::error!("a request came from an unknown transport");
            return;
        };
        if instance.is_null() {
            tracing::error!("{} sent a request without a connection", transport.info.package);
            return;
        }
        // SAFETY: alive for the call, as the contract says (CP-304).
        let connection = unsafe { Instance::borrow(transport, instance) };
        let request =
            Incoming { admin: admin != FALSE, message, request_id: request_id as usize, trusted: false };
        core.incoming_request(connection, request);
    });
}

unsafe extern "C" fn transport_gone(transport: *mut janus_transport, instance: *mut janus_transport_session) {
    guard("transport_gone", (), || {
        if let (Some(core), Some(transport)) = (host::core(), LOADED.get(transport as usize)) {
            core.transport_gone(&transport.info.package, instance as usize);
        }
    });
}

unsafe extern "C" fn is_api_secret_needed(_: *mut janus_transport) -> gboolean {
    guard("is_api_secret_needed", FALSE, || {
        gboolean::from(host::core().is_some_and(|c| c.is_api_secret_needed()))
    })
}

unsafe extern "C" fn is_api_secret_valid(_: *mut janus_transport, secret: *const c_char) -> gboolean {
    guard("is_api_secret_valid", FALSE, || {
        // SAFETY: a C string or NULL, lent for the call.
        let secret = unsafe { glib::text(secret) };
        gboolean::from(host::core().is_some_and(|c| c.is_api_secret_valid(secret.as_deref())))
    })
}

unsafe extern "C" fn is_auth_token_needed(_: *mut janus_transport) -> gboolean {
    guard("is_auth_token_needed", FALSE, || {
        gboolean::from(host::core().is_some_and(|c| c.is_auth_token_needed()))
    })
}

unsafe extern "C" fn is_auth_token_valid(_: *mut janus_transport, token: *const c_char) -> gboolean {
    guard("is_auth_token_valid", FALSE, || {
        // SAFETY: a C string or NULL, lent for the call.
        let token = unsafe { glib::text(token) };
        gboolean::from(host::core().is_some_and(|c| c.is_auth_token_valid(token.as_deref())))
    })
}

unsafe extern "C" fn events_is_enabled() -> gboolean {
    guard("events_is_enabled", FALSE, || gboolean::from(host::core().is_some_and(|c| c.events_is_enabled())))
}

unsafe extern "C" fn notify_event(
    transport: *mut janus_transport,
    instance: *mut c_void,
    event: *mut json_t,
) {
    guard("notify_event", (), || {
        // SAFETY: the transport hands its reference over, in every case.
        let Some(event) = (unsafe { Json::from_owned(event) }) else { return };
        let Some(core) = host::core().filter(|c| event.is_object() && c.events_is_enabled()) else { return };
        if let Some(transport) = LOADED.get(transport as usize) {
            core.notify_transport_event(&transport.info.package, instance as usize, event); // CP-309
        }
    });
}
