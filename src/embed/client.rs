//! Clients of the Janus API inside the program: connections of a transport that exists in memory only.

use super::error::{Error, Result};
use super::queue::{Body, Event, Queue, User};
use super::types::janus_rs_code::*;
use super::types::janus_rs_event_type::*;
use super::types::janus_rs_session_change::*;
use crate::api::Api;
use crate::json::Json;
use crate::modules::host::{Connection, CoreHost, Incoming};
use crate::util::lock::Lock;
use crate::util::serial;
use std::collections::HashMap;
use std::sync::{Arc, Condvar};
use std::time::{Duration, Instant};

/// The transport that clients count as, unless they are given another name.
pub const NAME: &str = "janus.rs.embedded";

/// Requests of one client that may wait for their replies.
const MOST_WAITING: usize = 4096;

/// The clients of an instance.
#[derive(Default)]
pub struct Clients(Lock<HashMap<u64, Arc<Client>>>);

/// What a client may do, and how it is called.
pub struct Rights {
    pub name: String,
    pub admin: bool,
    pub trusted: bool,
    pub user: User,
}

pub struct Client {
    number: u64,
    rights: Rights,
    queue: Arc<Queue>,
    waiting: Lock<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// By the number that the core hands back with the reply.
    replies: HashMap<usize, Addressee>,
    next: usize,
    closed: bool,
}

/// Who gets a reply.
enum Addressee {
    /// The queue, with this tag.
    Tag(u64),
    Call(Arc<Call>),
}

/// A thread that waits for one reply.
#[derive(Default)]
struct Call {
    reply: Lock<Option<Outcome>>,
    came: Condvar,
}

enum Outcome {
    Reply(Json),
    /// The client was closed, or the instance stopped.
    Gone,
}

impl Call {
    fn end(&self, outcome: Outcome) {
        *self.reply.lock() = Some(outcome);
        self.came.notify_all();
    }
}

impl Clients {
    pub fn open(&self, queue: Arc<Queue>, rights: Rights) -> u64 {
        let number = serial::next();
        let client = Client { number, rights, queue, waiting: Lock::default() };
        self.0.lock().insert(number, Arc::new(client));
        number
    }

    pub fn find(&self, number: u64) -> Result<Arc<Client>> {
        let found = self.0.lock().get(&number).cloned();
        found.ok_or_else(|| Error::new(JANUS_RS_ENOENT, format!("there is no client {number} (any more)")))
    }

    /// Its sessions end, or wait to be claimed.
    pub fn close(&self, number: u64, api: &Api) -> Result<()> {
        let client = self.find(number)?;
        self.0.lock().remove(&number);
        client.end();
        api.transport_gone(client.package(), client.identity());
        Ok(())
    }

    /// After the end of the core.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *self.0.lock());
        all.values().for_each(|client| client.end());
    }

    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Requests without a reply.
    pub fn waiting(&self) -> usize {
        self.0.lock().values().map(|client| client.waiting.lock().replies.len()).sum()
    }
}

impl Client {
    fn end(&self) {
        let replies = {
            let mut waiting = self.waiting.lock();
            waiting.closed = true;
            std::mem::take(&mut waiting.replies)
        };
        for addressee in replies.into_values() {
            if let Addressee::Call(call) = addressee {
                call.end(Outcome::Gone);
            }
        }
    }

    fn expect(&self, addressee: Addressee) -> Result<usize> {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Err(Error::new(JANUS_RS_ENOENT, format!("client {} was closed", self.number)));
        }
        if waiting.replies.len() >= MOST_WAITING {
            return Err(Error::new(
                JANUS_RS_EAGAIN,
                format!("{MOST_WAITING} requests wait for their replies"),
            ));
        }
        waiting.next += 1;
        let number = waiting.next;
        waiting.replies.insert(number, addressee);
        Ok(number)
    }

    fn submit(
        self: &Arc<Self>,
        api: &Arc<Api>,
        admin: bool,
        message: std::result::Result<Json, Option<crate::json::ParseError>>,
        addressee: Addressee,
    ) -> Result<usize> {
        if admin && !self.rights.admin {
            let why = "the client was not opened with `admin`";
            return Err(Error::new(JANUS_RS_EDENIED, why));
        }
        let request_id = self.expect(addressee)?;
        let incoming = Incoming { admin, message, request_id, trusted: self.rights.trusted };
        api.incoming_request(self.clone(), incoming);
        Ok(request_id)
    }

    /// The reply comes to the queue with this tag.
    pub fn request(
        self: &Arc<Self>,
        api: &Arc<Api>,
        admin: bool,
        tag: u64,
        message: std::result::Result<Json, Option<crate::json::ParseError>>,
    ) -> Result<()> {
        if !self.queue.has_room() {
            return Err(Error::new(JANUS_RS_EAGAIN, "the queue is full: take events first"));
        }
        self.submit(api, admin, message, Addressee::Tag(tag)).map(drop)
    }

    /// Waits for the reply; −1: without limit.
    pub fn call(
        self: &Arc<Self>,
        api: &Arc<Api>,
        admin: bool,
        message: std::result::Result<Json, Option<crate::json::ParseError>>,
        timeout_ms: i32,
    ) -> Result<Json> {
        let call = Arc::new(Call::default());
        let number = self.submit(api, admin, message, Addressee::Call(call.clone()))?;
        let end = u64::try_from(timeout_ms).ok().map(|ms| Instant::now() + Duration::from_millis(ms));
        let mut reply = call.reply.lock();
        loop {
            match reply.take() {
                Some(Outcome::Reply(json)) => return Ok(json),
                Some(Outcome::Gone) => {
                    return Err(Error::new(JANUS_RS_ENOENT, "the client was closed meanwhile"));
                }
                None => {}
            }
            match end.map(|end| end.saturating_duration_since(Instant::now())) {
                None => reply = reply.wait(&call.came),
                Some(Duration::ZERO) => {
                    drop(reply);
                    self.waiting.lock().replies.remove(&number);
                    return Err(Error::new(JANUS_RS_ETIMEDOUT, format!("no reply within {timeout_ms} ms")));
                }
                Some(rest) => reply = reply.wait_timeout(&call.came, rest),
            }
        }
    }

    fn event(&self, kind: super::types::janus_rs_event_type) -> Event {
        Event { client: self.number, user: self.rights.user, ..Event::new(kind) }
    }

    fn session(&self, session: u64, code: super::types::janus_rs_session_change) {
        self.queue.push(Event { session, code: code as i32, ..self.event(JANUS_RS_EVENT_SESSION) });
    }
}

/// Events that a peer or a plugin cannot multiply: they fit into a full queue.
const ENDS: [&str; 4] = ["webrtcup", "hangup", "detached", "timeout"];

impl Connection for Client {
    fn package(&self) -> &str {
        &self.rights.name
    }

    fn identity(&self) -> usize {
        self.number as usize
    }

    fn send_message(&self, request_id: usize, _admin: bool, message: Json) {
        if request_id > 0 {
            let addressee = self.waiting.lock().replies.remove(&request_id);
            match addressee {
                Some(Addressee::Tag(tag)) => {
                    self.queue.push(Event {
                        tag,
                        body: Body::Json(message),
                        ..self.event(JANUS_RS_EVENT_REPLY)
                    });
                }
                Some(Addressee::Call(call)) => call.end(Outcome::Reply(message)),
                None => {}
            }
            return;
        }
        let id = |name: &str| message.get(name).and_then(|id| id.as_i64()).unwrap_or(0) as u64;
        let (session, handle) = (id("session_id"), id("sender"));
        let name = message.get("janus");
        let is_end = name.as_ref().and_then(|name| name.as_str()).is_some_and(|name| ENDS.contains(&name));
        let event = Event { session, handle, body: Body::Json(message), ..self.event(JANUS_RS_EVENT_JANUS) };
        if is_end { self.queue.push(event) } else { self.queue.offer(event) }
    }

    fn session_created(&self, session_id: u64) {
        self.session(session_id, JANUS_RS_SESSION_CREATED);
    }

    fn session_over(&self, session_id: u64, timeout: bool, claimed: bool) {
        let code = match (timeout, claimed) {
            (true, _) => JANUS_RS_SESSION_TIMED_OUT,
            (_, true) => JANUS_RS_SESSION_CLAIMED_AWAY,
            _ => JANUS_RS_SESSION_DESTROYED,
        };
        self.session(session_id, code);
    }

    fn session_claimed(&self, session_id: u64) {
        self.session(session_id, JANUS_RS_SESSION_CLAIMED);
    }
}
