//! The control plane against fakes of its neighbours: one timeline records what transports, plugins and event handlers
//! are told, in order. Real modules are used in the integration suite.

mod admin;
mod concurrency;
mod handles;
mod jsep;
mod messages;
mod requests;
mod sessions;

use super::Api;
use crate::core::Core;
use crate::core::settings::Settings;
use crate::json::{Json, load};
use crate::media::{Mindex, Route, RtpIn};
use crate::modules::host::*;
use crate::rtp::extensions::Accepted;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Only a guard against a test that would hang.
const PATIENCE: Duration = Duration::from_secs(20);

/// What happened, as text, in order.
#[derive(Default)]
pub struct Timeline {
    entries: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Timeline {
    pub fn add(&self, entry: String) {
        self.entries.lock().unwrap().push(entry);
        self.changed.notify_all();
    }

    pub fn all(&self) -> Vec<String> {
        self.entries.lock().unwrap().clone()
    }

    /// Waits for an entry that starts so, and returns it.
    pub fn wait(&self, start: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut entries = self.entries.lock().unwrap();
        loop {
            if let Some(found) = entries.iter().find(|e| e.starts_with(start)) {
                return found.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let short: Vec<String> = entries.iter().map(|e| e.chars().take(150).collect()).collect();
                panic!("no '{start}' in {short:#?}");
            }
            entries = self.changed.wait_timeout(entries, left).unwrap().0;
        }
    }

    pub fn count(&self, start: &str) -> usize {
        self.all().iter().filter(|e| e.starts_with(start)).count()
    }

    pub fn has(&self, start: &str) -> bool {
        self.count(start) > 0
    }

    fn position(&self, start: &str) -> usize {
        let all = self.all();
        all.iter().position(|e| e.starts_with(start)).unwrap_or_else(|| panic!("no '{start}' in {all:#?}"))
    }

    /// Asserts that the first entries that start so came in this order.
    pub fn in_order(&self, starts: &[&str]) {
        let positions: Vec<usize> = starts.iter().map(|s| self.position(s)).collect();
        assert!(positions.is_sorted(), "{starts:?} at {positions:?} in {:#?}", self.all());
    }

    pub fn clear(&self) {
        self.entries.lock().unwrap().clear();
    }
}

type Hook<A, R> = Mutex<Option<Arc<dyn Fn(A) -> R + Send + Sync>>>;

fn hooked<A, R>(hook: &Hook<A, R>) -> Option<Arc<dyn Fn(A) -> R + Send + Sync>> {
    hook.lock().unwrap().clone()
}

#[derive(Default)]
pub struct FakeTransport {
    log: Arc<Timeline>,
    pub on_send: Hook<(usize, Json), ()>,
}

/// A connection of the transport, with its number.
pub struct FakeConnection(Arc<FakeTransport>, usize);

impl Connection for FakeConnection {
    fn package(&self) -> &str {
        self.0.package()
    }
    fn identity(&self) -> usize {
        self.1
    }
    fn send_message(&self, request_id: usize, admin: bool, message: Json) {
        let text = message.dump(0x20).unwrap();
        if request_id == 0 {
            assert!(!admin, "events are never admin (CP-302)");
            let name = message.get("janus").unwrap().as_str().unwrap().to_owned();
            self.0.log.add(format!("event {} {name} {text}", self.1));
        } else {
            let api = if admin { "admin " } else { "" };
            self.0.log.add(format!("{api}reply {} #{request_id} {text}", self.1));
        }
        if let Some(hook) = hooked(&self.0.on_send) {
            hook((self.1, message));
        }
    }
    fn session_created(&self, id: u64) {
        self.0.log.add(format!("created {} {id}", self.1));
    }
    fn session_over(&self, id: u64, timeout: bool, claimed: bool) {
        self.0.log.add(format!("over {} {id} {timeout} {claimed}", self.1));
    }
    fn session_claimed(&self, id: u64) {
        self.0.log.add(format!("claimed {} {id}", self.1));
    }
}

impl TransportFace for FakeTransport {
    fn package(&self) -> &str {
        "test.transport"
    }
    fn query(&self, request: Option<&Json>) -> Option<Json> {
        Some(Json::object().with("asked", request.is_some()))
    }
}

/// What a plugin is asked in `handle_message`.
pub struct Message {
    pub host: Arc<dyn HandleHost>,
    pub transaction: String,
    pub body: Json,
}

#[derive(Default)]
pub struct FakePlugin {
    log: Arc<Timeline>,
    pub on_create: Hook<Arc<dyn HandleHost>, i32>,
    pub on_message: Hook<Message, PluginResult>,
    pub on_hangup: Hook<u64, ()>,
    pub on_destroy: Hook<u64, ()>,
    pub hosts: Mutex<Vec<Arc<dyn HandleHost>>>,
    pub form: Mutex<Form>,
    pub sessions_alive: Arc<AtomicUsize>,
}

pub struct FakePluginSession {
    log: Arc<Timeline>,
    plugin: Arc<FakePluginHooks>,
    host: Arc<dyn HandleHost>,
    stopped: AtomicBool,
    destroyed: AtomicBool,
    alive: Arc<AtomicUsize>,
}

pub struct FakePluginHooks {
    message: Option<Arc<dyn Fn(Message) -> PluginResult + Send + Sync>>,
    hangup: Option<Arc<dyn Fn(u64) + Send + Sync>>,
    destroy: Option<Arc<dyn Fn(u64) + Send + Sync>>,
}

impl PluginFace for FakePlugin {
    fn package(&self) -> &str {
        "test.plugin"
    }
    fn form(&self) -> Form {
        *self.form.lock().unwrap()
    }
    fn attach(&self, host: Arc<dyn HandleHost>) -> Result<Arc<dyn PluginSessionFace>, i32> {
        self.log.add(format!("create_session {}", host.handle_id()));
        if let Some(hook) = hooked(&self.on_create) {
            let code = hook(host.clone());
            if code != 0 {
                return Err(code);
            }
        }
        self.hosts.lock().unwrap().push(host.clone());
        self.sessions_alive.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(FakePluginSession {
            log: self.log.clone(),
            plugin: Arc::new(FakePluginHooks {
                message: hooked(&self.on_message),
                hangup: hooked(&self.on_hangup),
                destroy: hooked(&self.on_destroy),
            }),
            host,
            stopped: false.into(),
            destroyed: false.into(),
            alive: self.sessions_alive.clone(),
        }))
    }
    fn handle_admin_message(&self, message: Option<&Json>) -> Option<Json> {
        Some(Json::object().with("asked", message.is_some()))
    }
}

impl FakePluginSession {
    fn note(&self, what: &str) {
        assert!(!self.destroyed.load(Ordering::SeqCst), "{what} after destroy_session");
        self.log.add(format!("{what} {}", self.host.handle_id()));
    }
}

impl Drop for FakePluginSession {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

impl PluginSessionFace for FakePluginSession {
    fn is_alive(&self) -> bool {
        !self.stopped.load(Ordering::SeqCst)
    }
    fn route(&self) -> Option<&Route> {
        None
    }
    fn accept(&self, accepted: Accepted) {
        self.log.add(format!("accept {} {accepted:?}", self.host.handle_id()));
    }
    fn handle_message(&self, transaction: &str, body: Json, jsep: Option<Json>) -> PluginResult {
        let text = jsep.as_ref().map_or(String::new(), |j| j.dump(0x20).unwrap());
        self.log.add(format!("message {} {} {text}", self.host.handle_id(), body.dump(0x20).unwrap()));
        match &self.plugin.message {
            Some(hook) => {
                let transaction = transaction.to_owned();
                hook(Message { host: self.host.clone(), transaction, body })
            }
            None => PluginResult::Wait(None),
        }
    }
    fn query(&self) -> Option<Json> {
        Some(Json::object().with("state", "fine"))
    }
    fn setup_media(&self) {
        self.note("setup_media");
    }
    fn incoming_rtp(&self, packet: RtpIn<'_>) {
        self.note(&format!("rtp {}", packet.packet.len()));
    }
    fn incoming_rtcp(&self, _: Mindex, _: bool, _: &mut [u8]) {}
    fn incoming_data(&self, _: &str, _: &str, _: bool, _: &[u8]) {}
    fn data_ready(&self) {}
    fn slow_link(&self, _: Mindex, _: bool, _: bool) {}
    fn hangup_media(&self) {
        self.note("hangup_media");
        if let Some(hook) = &self.plugin.hangup {
            hook(self.host.handle_id());
        }
    }
    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.note("stop");
    }
    fn destroy(&self) {
        assert!(!self.is_alive(), "stopped comes before destroy_session (CP-222)");
        self.note("destroy_session");
        self.destroyed.store(true, Ordering::SeqCst);
        if let Some(hook) = &self.plugin.destroy {
            hook(self.host.handle_id());
        }
    }
}

struct FakeHandler(Arc<Timeline>);

impl EventHandlerFace for FakeHandler {
    fn package(&self) -> &str {
        "test.handler"
    }
    fn events_mask(&self) -> usize {
        usize::MAX
    }
    fn incoming_event(&self, event: &Json) {
        let kind = event.get("type").unwrap().as_i64().unwrap();
        let body = event.get("event").unwrap();
        let name = body.get("name").map_or(String::new(), |n| n.as_str().unwrap_or("").to_owned());
        self.0.add(format!("handler {kind} {name} {}", event.dump(0x20).unwrap()));
    }
    fn query(&self, _: Option<&Json>) -> Option<Json> {
        None
    }
}

/// A core with one transport, one plugin and one event handler.
pub struct World {
    pub log: Arc<Timeline>,
    pub api: Arc<Api>,
    pub core: Arc<Core>,
    pub transport: Arc<FakeTransport>,
    pub plugin: Arc<FakePlugin>,
    requests: AtomicUsize,
}

/// The connection that most tests use.
pub const A: usize = 0xA0;
pub const B: usize = 0xB0;

pub fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), load::DECODE_ANY).unwrap_or_else(|e| panic!("{e:?} in {text}"))
}

impl World {
    pub fn new() -> World {
        World::with(Settings { events: true, ..Settings::default() })
    }

    pub fn with(settings: Settings) -> World {
        let log: Arc<Timeline> = Arc::default();
        let core = Core::new(settings).unwrap();
        let transport = Arc::new(FakeTransport { log: log.clone(), ..FakeTransport::default() });
        let plugin = Arc::new(FakePlugin { log: log.clone(), ..FakePlugin::default() });
        let info = |package: &str| ModuleInfo { package: package.into(), ..ModuleInfo::default() };
        core.transports.add(info("test.transport"), transport.clone());
        core.plugins.add(info("test.plugin"), plugin.clone());
        core.event_handlers.add(info("test.handler"), Arc::new(FakeHandler(log.clone())));
        let api = Api::new(core.clone());
        World { log, api, core, transport, plugin, requests: 0.into() }
    }

    pub fn send_raw(&self, from: usize, admin: bool, message: Result<Json, Option<ParseErrorText>>) -> usize {
        let request_id = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let message = message.map_err(|e| e.map(ParseErrorText::into_error));
        let request = Incoming { admin, message, request_id, trusted: false };
        self.api.incoming_request(Arc::new(FakeConnection(self.transport.clone(), from)), request);
        request_id
    }

    /// Over a transport that may be answered on this thread.
    pub fn send_here(&self, from: usize, text: &str) -> usize {
        let request_id = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let request = Incoming { admin: false, message: Ok(json(text)), request_id, trusted: false };
        self.api.incoming_request_here(Arc::new(FakeConnection(self.transport.clone(), from)), request);
        request_id
    }

    pub fn send(&self, from: usize, text: &str) -> usize {
        self.send_raw(from, false, Ok(json(text)))
    }

    pub fn reply_to(&self, from: usize, admin: bool, request_id: usize) -> Json {
        let start = format!("{}reply {from} #{request_id} ", if admin { "admin " } else { "" });
        json(&self.log.wait(&start)[start.len()..])
    }

    /// One request of the Janus API, and its reply.
    pub fn ask_from(&self, from: usize, text: &str) -> Json {
        let id = self.send(from, text);
        self.reply_to(from, false, id)
    }

    pub fn ask(&self, text: &str) -> Json {
        self.ask_from(A, text)
    }

    pub fn admin(&self, text: &str) -> Json {
        let id = self.send_raw(A, true, Ok(json(text)));
        self.reply_to(A, true, id)
    }

    /// Asserts an error reply.
    pub fn refused(&self, text: &str, code: i64, reason: &str) {
        assert_error(&self.ask(text), code, reason, text);
    }

    pub fn admin_refused(&self, text: &str, code: i64, reason: &str) {
        assert_error(&self.admin(text), code, reason, text);
    }

    pub fn session(&self) -> u64 {
        number(&self.ask(r#"{"janus":"create","transaction":"c"}"#), "data", "id")
    }

    pub fn attach(&self, session: u64) -> u64 {
        let request = format!(
            r#"{{"janus":"attach","transaction":"a","session_id":{session},"plugin":"test.plugin"}}"#
        );
        number(&self.ask(&request), "data", "id")
    }

    /// A session with one handle.
    pub fn attached(&self) -> (u64, u64) {
        let session = self.session();
        (session, self.attach(session))
    }

    pub fn host(&self, handle: u64) -> Arc<dyn HandleHost> {
        let hosts = self.plugin.hosts.lock().unwrap();
        hosts.iter().find(|h| h.handle_id() == handle).unwrap().clone()
    }

    pub fn on_message(&self, hook: impl Fn(Message) -> PluginResult + Send + Sync + 'static) {
        *self.plugin.on_message.lock().unwrap() = Some(Arc::new(hook));
    }

    /// Waits until everything that is queued has run.
    pub fn finish_jobs(&self) {
        assert!(self.core.pool.stop(PATIENCE), "a job does not end");
    }

    /// Ends all sessions and waits until that is done.
    pub fn settle(&self) {
        assert!(self.core.shut_down(PATIENCE), "a job does not end");
    }
}

/// Where and why a text is not JSON, for [`World::send_raw`].
pub struct ParseErrorText;

impl ParseErrorText {
    fn into_error(self) -> crate::json::ParseError {
        Json::parse(b"{ nonsense", 0).unwrap_err()
    }
}

pub fn assert_error(reply: &Json, code: i64, reason: &str, request: &str) {
    assert_eq!(reply.get("janus").unwrap().as_str(), Some("error"), "{reply:?} to {request}");
    let error = reply.get("error").unwrap();
    let seen = (error.get("code").unwrap().as_i64().unwrap(), error.get("reason").unwrap());
    assert_eq!((seen.0, seen.1.as_str().unwrap()), (code, reason), "to {request}");
}

pub fn number(json: &Json, outer: &str, inner: &str) -> u64 {
    let value = json.get(outer).and_then(|o| o.get(inner)).and_then(|v| v.as_i64());
    value.unwrap_or_else(|| panic!("no {outer}.{inner} in {json:?}")) as u64
}

pub fn names(json: &Json) -> Vec<String> {
    json.members().into_iter().map(|m| m.0).collect()
}

pub fn text(json: &Json, name: &str) -> String {
    json.get(name).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
