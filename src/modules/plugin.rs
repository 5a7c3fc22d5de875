//! A loaded plugin and its sessions, as safe types.

use super::dialect::{self, DataIn, Dialect};
use super::head;
use super::host::{Form, HandleHost, ModuleInfo, PluginFace, PluginResult, PluginSessionFace};
use super::registry::PACKAGES;
use super::sessions;
use crate::abi::generation::Generation;
use crate::abi::plugin::{
    RESULT_OK, RESULT_OK_WAIT, janus_plugin, janus_plugin_result, janus_plugin_result_destroy,
    janus_plugin_session,
};
use crate::glib;
use crate::json::Json;
use crate::media::{Mindex, Route, RtpIn};
use crate::rtp::extensions::Accepted;
use crate::stall::{self, Callback, Inside, Origin};
use crate::util::thread::{self, Mask};
use libc::c_int;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A plugin's function table, checked for its required members.
pub struct Plugin {
    /// As `create` returned it: the plugin names itself by this address.
    table: *const c_void,
    functions: &'static janus_plugin,
    generation: Generation,
    dialect: &'static Dialect,
    /// Whose packets it is handed.
    receives: &'static Dialect,
    package: Arc<str>,
    info: ModuleInfo,
    watched: &'static stall::Plugin,
}

// SAFETY: the table is read-only static data of a module that stays mapped; plugins expect calls on any thread.
unsafe impl Send for Plugin {}
// SAFETY: as above.
unsafe impl Sync for Plugin {}

impl Plugin {
    /// Wraps a table; nothing is called yet. It gets the callbacks of `generation` and the packets of `receives`.
    ///
    /// # Safety
    /// `table` lives as long as the process, belongs to a plugin of both generations and has all required members.
    pub unsafe fn new(
        table: *const c_void,
        generation: Generation,
        receives: Generation,
        info: ModuleInfo,
    ) -> Plugin {
        let dialect = dialect::of(generation);
        Plugin {
            table,
            // SAFETY: promised by the caller.
            functions: unsafe { dialect.functions(table) },
            generation,
            dialect,
            receives: dialect::of(receives),
            package: info.package.as_str().into(),
            watched: stall::Plugin::of(&info.package),
            info,
        }
    }

    pub fn info(&self) -> &ModuleInfo {
        &self.info
    }

    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// `init`. The error is the plugin's negative number.
    pub fn init(&self, config_folder: &CStr) -> Result<(), c_int> {
        let Some(init) = self.functions.init else { return Err(-1) };
        PACKAGES.add(self.table as usize, self.package.clone());
        let _inside = stall::enter(self.watched, Callback::Init, 0);
        // SAFETY: the callback table of its generation, valid for ever; plugins do not write to it.
        let result = unsafe { init(self.dialect.callbacks().cast(), config_folder.as_ptr()) };
        if result < 0 {
            PACKAGES.remove(self.table as usize);
            return Err(result);
        }
        Ok(())
    }

    /// What a report of a crash says of it besides its package.
    pub fn comes_from(&self, file: String, build_id: Option<String>) {
        let generation = Some(self.generation.to_string());
        self.watched.comes_from(Origin { file, generation, build_id });
    }

    /// Asks for package, name and version again, after `init`: a plugin that runs scripts answers for its script now.
    pub fn ask_again(&mut self, alias: Option<&str>) {
        // SAFETY: promised to Plugin::new.
        let (info, _) = unsafe { head::info(self.table) };
        if info.package.is_empty() {
            return;
        }
        self.info = info.renamed(alias);
        self.package = self.info.package.as_str().into();
        PACKAGES.add(self.table as usize, self.package.clone());
    }

    /// Ends it before anybody has attached.
    pub fn withdraw(&self) {
        PACKAGES.remove(self.table as usize);
        self.destroy();
    }

    /// The plugin's own `destroy`, at shutdown.
    pub fn destroy(&self) {
        let _inside = stall::enter(self.watched, Callback::Destroy, 0);
        // SAFETY: a checked table, and the daemon calls it once.
        unsafe { head::destroy(self.table) }
    }

    /// None of the callbacks that carry media is there.
    pub fn has_no_media(&self) -> bool {
        let table = self.functions;
        table.incoming_rtp.is_none() && table.incoming_rtcp.is_none() && table.incoming_data.is_none()
    }
}

impl PluginFace for Plugin {
    fn package(&self) -> &str {
        &self.package
    }

    fn form(&self) -> Form {
        self.dialect.form
    }

    fn attach(&self, host: Arc<dyn HandleHost>) -> Result<Arc<dyn PluginSessionFace>, i32> {
        let no_memory = -1;
        let handle = host.handle_id();
        let session = sessions::allocate(host, self.package.clone()).ok_or(no_memory)?;
        let mut error: c_int = 0;
        if let Some(create_session) = self.functions.create_session {
            thread::take_turns_as_others();
            let _inside = stall::enter(self.watched, Callback::CreateSession, handle);
            // SAFETY: a session of ours and a place for the error, as the contract asks.
            unsafe { create_session(session, &raw mut error) };
        }
        if error != 0 {
            sessions::discard(session);
            return Err(error);
        }
        sessions::activate(session);
        Ok(Arc::new(PluginSession {
            session,
            functions: self.functions,
            dialect: self.dialect,
            receives: self.receives,
            watched: self.watched,
            handle,
            destroyed: AtomicBool::new(false),
        }))
    }

    fn handle_admin_message(&self, message: Option<&Json>) -> Option<Json> {
        let handle = self.functions.handle_admin_message?;
        thread::take_turns_as_others();
        let _inside = stall::enter(self.watched, Callback::HandleAdminMessage, 0);
        // SAFETY: the message is lent, NULL is allowed; the result's reference is ours. NULL means an empty object.
        let answer = unsafe { Json::from_owned(handle(message.map_or(ptr::null_mut(), Json::as_ptr))) };
        Some(answer.unwrap_or_else(Json::object))
    }
}

/// The core's reference on a `janus_plugin_session`.
struct PluginSession {
    session: *mut janus_plugin_session,
    functions: &'static janus_plugin,
    dialect: &'static Dialect,
    receives: &'static Dialect,
    watched: &'static stall::Plugin,
    /// Its handle's id.
    handle: u64,
    destroyed: AtomicBool,
}

// SAFETY: the session is counted and its slot never unmapped; the plugin expects calls on any thread.
unsafe impl Send for PluginSession {}
// SAFETY: as above.
unsafe impl Sync for PluginSession {}

impl PluginSession {
    /// The watchdog counts until the result is dropped.
    fn enter(&self, callback: Callback) -> Inside {
        stall::enter(self.watched, callback, self.handle)
    }

    fn exists(&self) -> bool {
        !self.destroyed.load(Ordering::SeqCst)
    }
}

impl PluginSessionFace for PluginSession {
    fn is_alive(&self) -> bool {
        sessions::is_alive(self.session)
    }

    fn watched(&self) -> Option<&'static stall::Plugin> {
        Some(self.watched)
    }

    fn route(&self) -> Option<&Route> {
        sessions::route(self.session)
    }

    fn accept(&self, extensions: Accepted) {
        sessions::accept(self.session, extensions);
    }

    fn handle_message(&self, transaction: &str, body: Json, jsep: Option<Json>) -> PluginResult {
        let Some(handle_message) = self.functions.handle_message.filter(|_| self.is_alive()) else {
            return PluginResult::None;
        };
        let jsep = jsep.map_or(ptr::null_mut(), Json::into_ptr);
        thread::take_turns_as_others();
        let _inside = self.enter(Callback::HandleMessage);
        // SAFETY: session alive; the plugin owns the text (g_free) and one reference of each JSON value.
        let result =
            unsafe { handle_message(self.session, glib::strdup(transaction), body.into_ptr(), jsep) };
        // SAFETY: NULL, or made by janus_plugin_result_new and handed to us.
        unsafe { take_result(result) }
    }

    fn query(&self) -> Option<Json> {
        let query = self.functions.query_session.filter(|_| self.is_alive())?;
        thread::take_turns_as_others();
        let _inside = self.enter(Callback::QuerySession);
        // SAFETY: session alive; the result's reference is ours.
        unsafe { Json::from_owned(query(self.session)) }
    }

    fn setup_media(&self) {
        if let Some(setup_media) = self.functions.setup_media.filter(|_| self.is_alive()) {
            let _inside = self.enter(Callback::SetupMedia);
            // Plugins start threads here.
            // SAFETY: session alive.
            thread::with(Mask::Modules, || unsafe { setup_media(self.session) });
        }
    }

    fn incoming_rtp(&self, packet: RtpIn<'_>) {
        if let Some(function) = self.functions.incoming_rtp.filter(|_| self.is_alive()) {
            let _inside = self.enter(Callback::IncomingRtp);
            // SAFETY: session alive; the packet struct is that of the generation which `function` belongs to.
            unsafe { (self.receives.incoming_rtp)(function, self.session, packet) }
        }
    }

    fn incoming_rtcp(&self, mindex: Mindex, video: bool, packet: &mut [u8]) {
        let Some(incoming_rtcp) = self.functions.incoming_rtcp.filter(|_| self.is_alive()) else { return };
        let _inside = self.enter(Callback::IncomingRtcp);
        // SAFETY: session alive, function of this dialect.
        unsafe { (self.dialect.incoming_rtcp)(incoming_rtcp, self.session, mindex, video, packet) }
    }

    fn incoming_data(&self, label: &str, protocol: &str, binary: bool, message: &[u8]) {
        let Some(incoming_data) = self.functions.incoming_data.filter(|_| self.is_alive()) else { return };
        let Ok(length) = u16::try_from(message.len()) else {
            tracing::warn!("a data channel message of {} bytes does not fit the plugin API", message.len());
            return;
        };
        if label.contains('\0') || protocol.contains('\0') {
            return;
        }
        let parts = [label.as_bytes(), protocol.as_bytes(), message];
        // Each ends with a NUL: plugins may write to the buffer, and some read the text that follows as a C string.
        with_room(parts.iter().map(|part| part.len() + 1).sum(), |room| {
            let mut rest = room;
            let [label, protocol, message] = parts.map(|part| {
                let (place, after) = std::mem::take(&mut rest).split_at_mut(part.len() + 1);
                place[..part.len()].copy_from_slice(part);
                place[part.len()] = 0;
                rest = after;
                place
            });
            let (label, protocol) = (label.as_mut_ptr().cast(), protocol.as_mut_ptr().cast());
            let data = DataIn { label, protocol, binary, message, length };
            let _inside = self.enter(Callback::IncomingData);
            // SAFETY: session alive, function of this dialect; texts and message are lent for the call.
            unsafe { (self.dialect.incoming_data)(incoming_data, self.session, data) }
        });
    }

    fn data_ready(&self) {
        if let Some(data_ready) = self.functions.data_ready.filter(|_| self.is_alive()) {
            let _inside = self.enter(Callback::DataReady);
            // SAFETY: session alive.
            unsafe { data_ready(self.session) }
        }
    }

    fn slow_link(&self, mindex: Mindex, video: bool, uplink: bool) {
        if let Some(slow_link) = self.functions.slow_link.filter(|_| self.is_alive()) {
            let _inside = self.enter(Callback::SlowLink);
            // SAFETY: session alive, function of this dialect.
            unsafe { (self.dialect.slow_link)(slow_link, self.session, mindex, video, uplink) }
        }
    }

    fn hangup_media(&self) {
        if let Some(hangup_media) = self.functions.hangup_media.filter(|_| self.exists()) {
            let _inside = self.enter(Callback::HangupMedia);
            // SAFETY: allocated, though maybe stopped; plugins are told of the end also then (CP-224).
            thread::with(Mask::Modules, || unsafe { hangup_media(self.session) });
        }
    }

    fn stop(&self) {
        if self.exists() {
            sessions::stop(self.session);
        }
    }

    fn destroy(&self) {
        self.stop();
        if self.destroyed.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(destroy_session) = self.functions.destroy_session {
            let mut ignored: c_int = 0;
            thread::take_turns_as_others();
            let _inside = self.enter(Callback::DestroySession);
            // SAFETY: our reference keeps it; called once.
            unsafe { destroy_session(self.session, &raw mut ignored) };
        }
        // SAFETY: the core's reference, dropped once: `destroyed` was false.
        unsafe { sessions::release(self.session) }
    }
}

impl Drop for PluginSession {
    fn drop(&mut self) {
        self.destroy();
    }
}

/// # Safety
/// `result` is NULL or a result that is now ours.
unsafe fn take_result(result: *mut janus_plugin_result) -> PluginResult {
    // SAFETY: promised by the caller; the content keeps a reference of its own before the result goes.
    unsafe {
        let Some(answer) = result.as_ref() else { return PluginResult::None };
        let taken = match answer.r#type {
            RESULT_OK => PluginResult::Ok(Json::from_borrowed(answer.content)),
            RESULT_OK_WAIT => PluginResult::Wait(glib::text(answer.text)),
            _ => PluginResult::Error(glib::text(answer.text)),
        };
        janus_plugin_result_destroy(result);
        taken
    }
}

/// Calls `work` with so many bytes, on the stack if they are few.
fn with_room<R>(len: usize, work: impl FnOnce(&mut [u8]) -> R) -> R {
    const FEW: usize = 1024;
    if len <= FEW { work(&mut [0; FEW][..len]) } else { work(&mut vec![0; len]) }
}
