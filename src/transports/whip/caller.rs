//! A client of the Janus API inside the server: one session with one handle, for one resource of WHIP or WHEP.

use crate::core::errors::Code;
use crate::json::Json;
use crate::modules::host::Connection;
use crate::transports::door::Door;
use crate::transports::proxies::Client;
use crate::util::lock::Lock;
use crate::util::serial;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub const PACKAGE: &str = "janus.rs.whip";

/// How long a reply, or the plugin's answer after it, may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Events that may wait.
const EVENTS: usize = 64;

/// Of the Janus API.
const NO_SUCH_PLUGIN: i64 = Code::PluginNotFound as i64;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// By the core (an error of the Janus API) or the plugin, with its reason.
    Refused { code: i64, reason: String },
    /// Nobody answers.
    Silence,
}

/// What the core has of it.
pub(super) struct Caller {
    number: usize,
    replies: Lock<HashMap<usize, oneshot::Sender<Json>>>,
    next: AtomicUsize,
    events: mpsc::Sender<Json>,
    door: Door,
    client: Client,
    /// Nobody waits for anything any more.
    is_over: AtomicBool,
}

impl Connection for Caller {
    fn package(&self) -> &str {
        PACKAGE
    }

    fn identity(&self) -> usize {
        self.number
    }

    fn send_message(&self, request_id: usize, _admin: bool, message: Json) {
        if self.is_over.load(Ordering::Relaxed) {
            // A session that was created too late to be seen.
            return self.door.core.transport_gone(PACKAGE, self.number);
        }
        if request_id == 0 {
            // Whoever does not take them has no use for more.
            let _ = self.events.try_send(message);
            return;
        }
        let reply = self.replies.lock().remove(&request_id);
        if let Some(reply) = reply {
            let _ = reply.send(message);
        }
    }

    fn session_created(&self, session: u64) {
        self.client.has(session);
    }

    fn session_over(&self, _: u64, _: bool, _: bool) {}
    fn session_claimed(&self, _: u64) {}
}

/// A handle of a plugin, with the session that it is in. Both end when this is dropped.
pub(super) struct Call {
    caller: Arc<Caller>,
    /// Of the client: a token, or the secret of the API.
    bearer: Option<String>,
    pub session: u64,
    pub handle: u64,
    /// That it is attached to.
    pub plugin: &'static str,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.caller.is_over.store(true, Ordering::Relaxed);
        self.caller.door.core.transport_gone(PACKAGE, self.caller.number);
    }
}

impl Call {
    /// Creates a session and attaches to the first of these plugins that there is; the events come out of the other half.
    pub async fn open(
        door: Door,
        client: Client,
        bearer: Option<String>,
        plugins: &[&'static str],
    ) -> Result<(Call, mpsc::Receiver<Json>), Failure> {
        let (events, incoming) = mpsc::channel(EVENTS);
        let number = serial::next() as usize;
        let caller = Arc::new(Caller {
            number,
            replies: Lock::default(),
            next: AtomicUsize::new(1),
            events,
            door,
            client,
            is_over: AtomicBool::new(false),
        });
        let mut call = Call { caller, bearer, session: 0, handle: 0, plugin: "" };
        call.session = id(&call.ask("create", |_| {}).await?)?;
        let mut absent = Failure::Silence;
        for plugin in plugins {
            match call.ask_with("attach", "plugin", *plugin).await {
                Ok(attached) => {
                    (call.handle, call.plugin) = (id(&attached)?, plugin);
                    return Ok((call, incoming));
                }
                Err(why @ Failure::Refused { code: NO_SUCH_PLUGIN, .. }) => absent = why,
                Err(why) => return Err(why),
            }
        }
        Err(absent)
    }

    /// One request; its reply, which is no error.
    pub async fn ask(&self, janus: &str, more: impl FnOnce(&Json)) -> Result<Json, Failure> {
        let number = self.caller.next.fetch_add(1, Ordering::Relaxed);
        let request = Json::object().with("janus", janus).with("transaction", number.to_string());
        if self.session != 0 {
            request.set("session_id", self.session);
        }
        if self.handle != 0 {
            request.set("handle_id", self.handle);
        }
        if let Some(bearer) = &self.bearer {
            request.set("token", bearer).set("apisecret", bearer);
        }
        more(&request);
        let (reply, answer) = oneshot::channel();
        self.caller.replies.lock().insert(number, reply);
        self.caller.door.submit(self.caller.clone(), number, Ok(request));
        let answered = timeout(PATIENCE, answer).await;
        self.caller.replies.lock().remove(&number);
        match answered {
            Ok(Ok(reply)) => unless_error(reply),
            _ => Err(Failure::Silence),
        }
    }

    /// The same, with one member.
    pub async fn ask_with(&self, janus: &str, name: &str, value: impl Into<Json>) -> Result<Json, Failure> {
        let add = |request: &Json| {
            request.set(name, value);
        };
        self.ask(janus, add).await
    }

    /// A request of the session.
    pub async fn ask_session(&self, janus: &str) -> Result<Json, Failure> {
        self.ask(janus, |request| request.remove("handle_id")).await
    }

    /// A message to the plugin, and its own answer: the event that carries the same transaction.
    pub async fn message(
        &self,
        events: &mut mpsc::Receiver<Json>,
        body: Json,
        jsep: Option<Json>,
    ) -> Result<Json, Failure> {
        let transaction = format!("m{}", self.caller.next.fetch_add(1, Ordering::Relaxed));
        let reply = self
            .ask("message", |request| {
                request.set("transaction", transaction.as_str()).set("body", body);
                request.set_some("jsep", jsep);
            })
            .await?;
        let said = if text(&reply, "janus").as_deref() == Some("success") {
            reply
        } else {
            let find = async {
                while let Some(event) = events.recv().await {
                    if text(&event, "transaction").as_deref() == Some(transaction.as_str()) {
                        return Some(event);
                    }
                }
                None
            };
            timeout(PATIENCE, find).await.ok().flatten().ok_or(Failure::Silence)?
        };
        let data = said.get("plugindata").and_then(|plugin| plugin.get("data"));
        if let Some(code) =
            data.as_ref().and_then(|data| data.get("error_code")).and_then(|code| code.as_i64())
        {
            let reason = data.and_then(|data| text(&data, "error")).unwrap_or_default();
            return Err(Failure::Refused { code, reason });
        }
        Ok(said)
    }
}

pub(super) fn text(json: &Json, name: &str) -> Option<String> {
    json.get(name).and_then(|value| value.as_str().map(str::to_owned))
}

fn id(reply: &Json) -> Result<u64, Failure> {
    let id = reply.get("data").and_then(|data| data.get("id")).and_then(|id| id.as_i64());
    id.map(|id| id as u64).ok_or(Failure::Silence)
}

fn unless_error(reply: Json) -> Result<Json, Failure> {
    let Some(error) = reply.get("error") else { return Ok(reply) };
    let code = error.get("code").and_then(|code| code.as_i64()).unwrap_or(0);
    Err(Failure::Refused { code, reason: text(&error, "reason").unwrap_or_default() })
}
