//! The APIs over HTTP, as the reference's HTTP transport serves them: requests are posted to the path of their session and
//! handle, and events are fetched by a `GET` that waits for them (long poll).

use super::door::{Door, Kind};
use super::mailbox::Mailboxes;
use super::proxies::Client;
use super::refusal::refusal;
use crate::core::errors::Code;
use crate::json::{Json, dump};
use crate::modules::host::Connection;
use crate::util::lock::Lock;
use crate::util::{random, serial};
use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE,
    LOCATION, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

pub const PACKAGE: &str = "janus.transport.http";

/// Bytes of one body.
const BODY: usize = 16 << 20;
/// Any number of bodies may be received that are no larger than this,
const SMALL_BODY: usize = 64 << 10;
/// and so many that are.
const LARGE_BODIES: usize = 16;
/// How long one may take.
const RECEIVING: Duration = Duration::from_secs(30);
/// How long an event is waited for.
const POLL: Duration = Duration::from_secs(30);

/// The transport.
pub struct Http {
    door: Door,
    package: &'static str,
    mailboxes: Arc<Mailboxes>,
    large_bodies: Semaphore,
}

/// Who asks: each request is a connection of its own, which owns the session that it creates.
struct Asker {
    number: usize,
    client: Client,
    package: &'static str,
    mailboxes: Arc<Mailboxes>,
    reply: Lock<Option<oneshot::Sender<Json>>>,
}

impl Connection for Asker {
    fn package(&self) -> &str {
        self.package
    }

    fn identity(&self) -> usize {
        self.number
    }

    fn send_message(&self, request_id: usize, _admin: bool, message: Json) {
        if request_id == 0 {
            return self.mailboxes.put(message);
        }
        let reply = self.reply.lock().take();
        if let Some(reply) = reply {
            // Whoever asked may have gone.
            let _ = reply.send(message);
        }
    }

    fn session_created(&self, session_id: u64) {
        self.client.has(session_id);
        self.mailboxes.open(session_id);
    }

    fn session_over(&self, session_id: u64, _timeout: bool, _claimed: bool) {
        self.mailboxes.close(session_id);
    }

    fn session_claimed(&self, session_id: u64) {
        self.client.has(session_id);
        self.mailboxes.open(session_id);
    }
}

/// Where a request was sent to: below the base path.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    Root,
    /// `session`, `session/handle`, as they are written.
    Below(&'a str, Option<&'a str>),
    TooDeep,
}

fn place<'a>(path: &'a str, base: &str) -> Option<Place<'a>> {
    let below = path.strip_prefix(base)?;
    if !below.is_empty() && !below.starts_with('/') {
        return None;
    }
    let mut parts = below.split('/').filter(|part| !part.is_empty());
    Some(match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => Place::Root,
        (Some(session), handle, None) => Place::Below(session, handle),
        _ => Place::TooDeep,
    })
}

/// As C reads a number: what follows the digits does not matter, and no digits are 0.
fn number(text: &str) -> u64 {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().unwrap_or(0)
}

/// A value of the query.
fn query(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

impl Http {
    pub fn new(door: Door, package: &'static str) -> Http {
        Http { door, package, mailboxes: Arc::default(), large_bodies: Semaphore::new(LARGE_BODIES) }
    }

    pub fn serves(&self, path: &str) -> bool {
        place(path, self.door.kind.base()).is_some()
    }

    pub(super) async fn answer(&self, request: Request<Incoming>, client: Client) -> Response<Body> {
        let headers = request.headers();
        let origin = headers.get(ORIGIN).cloned();
        if !self.door.lets_in(origin.as_ref().map(HeaderValue::as_bytes)) {
            return refusal(StatusCode::FORBIDDEN, "");
        }
        let mut response = match *request.method() {
            Method::OPTIONS => preflight(headers),
            Method::POST => self.posted(request, client).await,
            Method::GET => self.got(request, client).await,
            ref other => error(Code::TransportSpecific, &format!("Unsupported method {other}")),
        };
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        match origin.filter(|_| !self.door.origins.is_empty()) {
            Some(origin) => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                headers.insert(VARY, HeaderValue::from_static("Origin"));
            }
            None => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
        }
        response
    }

    async fn posted(&self, request: Request<Incoming>, client: Client) -> Response<Body> {
        let (head, body) = request.into_parts();
        let Some(place) = place(head.uri.path(), self.door.kind.base()) else {
            return refusal(StatusCode::NOT_FOUND, "");
        };
        let body = match timeout(RECEIVING, self.receive(body)).await {
            Ok(Ok(body)) => body,
            Ok(Err(status)) => return refusal(status, ""),
            Err(_) => return refusal(StatusCode::REQUEST_TIMEOUT, ""),
        };
        if body.is_empty() {
            return error(Code::InvalidJson, "Request payload missing");
        }
        let message = match Json::parse(&body, 0) {
            Ok(message) if message.is_object() => message,
            Ok(_) => return error(Code::InvalidJsonObject, "JSON error: not an object"),
            Err(why) => {
                return error(Code::InvalidJson, &format!("JSON error: on line {}: {}", why.line, why.text));
            }
        };
        drop(body);
        let (session, handle) = match place {
            Place::Root => (None, None),
            Place::Below("info", _) if self.door.kind == Kind::Janus => {
                return refusal(StatusCode::BAD_REQUEST, "");
            }
            Place::Below(session, handle) => (Some(number(session)), handle.map(number)),
            Place::TooDeep => return refusal(StatusCode::NOT_FOUND, ""),
        };
        for (name, what, id) in [("session_id", "session", session), ("handle_id", "handle", handle)] {
            let Some(id) = id.filter(|id| *id > 0) else { continue };
            let said = message.get(name).and_then(|said| said.as_i64()).unwrap_or(0) as u64;
            if said != 0 && said != id {
                return error(Code::InvalidPath, &format!("Conflicting {what} ID (payload and path)"));
            }
            message.set(name, id);
        }
        self.ask(message, client).await
    }

    async fn receive(&self, mut body: Incoming) -> Result<Vec<u8>, StatusCode> {
        let mut all = Vec::new();
        let mut turn = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
            let Ok(bytes) = frame.into_data() else { continue };
            let length = all.len() + bytes.len();
            if length > BODY {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            if length > SMALL_BODY && turn.is_none() {
                turn = Some(self.large_bodies.try_acquire().map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?);
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    async fn got(&self, request: Request<Incoming>, client: Client) -> Response<Body> {
        let uri = request.uri();
        match place(uri.path(), self.door.kind.base()) {
            Some(Place::Below("info", _)) => {
                let transaction = random::token(11);
                self.ask(Json::object().with("janus", "info").with("transaction", transaction), client).await
            }
            Some(_) if self.door.kind == Kind::Admin => error(Code::InvalidJson, "Request payload missing"),
            Some(Place::Below(session, None)) => self.poll(number(session), uri.query(), client).await,
            Some(Place::Below(session, Some(_))) => {
                let mut response = refusal(StatusCode::FOUND, "");
                let place = format!("{}/{}", self.door.kind.base(), number(session));
                if let Ok(place) = HeaderValue::from_str(&place) {
                    response.headers_mut().insert(LOCATION, place);
                }
                response
            }
            _ => refusal(StatusCode::NOT_FOUND, ""),
        }
    }

    /// One request, and its reply.
    async fn ask(&self, message: Json, client: Client) -> Response<Body> {
        let (reply, answer) = oneshot::channel();
        self.submit(message, Some(reply), client);
        match answer.await {
            Ok(answer) => json(&answer),
            // The core is ending.
            Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, ""),
        }
    }

    fn submit(&self, message: Json, reply: Option<oneshot::Sender<Json>>, client: Client) {
        let number = serial::next() as usize;
        let (package, mailboxes) = (self.package, self.mailboxes.clone());
        let asker = Asker { number, client, package, mailboxes, reply: Lock::new(reply) };
        self.door.submit(Arc::new(asker), number, Ok(message));
    }

    /// Events of a session, as soon as there is one.
    async fn poll(&self, session: u64, words: Option<&str>, client: Client) -> Response<Body> {
        let (secret, token) = (query(words, "apisecret"), query(words, "token"));
        let core = &self.door.core;
        let (needs_secret, needs_token) = (core.is_api_secret_needed(), core.is_auth_token_needed());
        let is_allowed = (!needs_secret && !needs_token)
            || (needs_secret && core.is_api_secret_valid(secret.as_deref()))
            || (needs_token && core.is_auth_token_valid(token.as_deref()));
        if !is_allowed {
            return refusal(StatusCode::FORBIDDEN, "");
        }
        let Some(mailbox) = self.mailboxes.find(session) else {
            return refusal(StatusCode::NOT_FOUND, "");
        };
        // Who waits for events is there.
        let alive = Json::object()
            .with("janus", "keepalive")
            .with("session_id", session)
            .with("transaction", "keepalive")
            .with_some("apisecret", secret)
            .with_some("token", token);
        self.submit(alive, None, client);
        let most = query(words, "maxev").map_or(1, |most| number(&most) as usize);
        match timeout(POLL, mailbox.fetch(most.max(1))).await {
            Ok(Some(events)) if most > 1 => {
                let all = Json::array();
                for event in events {
                    all.push(event);
                }
                json(&all)
            }
            Ok(Some(events)) => events.first().map_or_else(|| json(&idle()), json),
            Ok(None) | Err(_) => json(&idle()),
        }
    }
}

fn idle() -> Json {
    Json::object().with("janus", "keepalive")
}

/// An error of the transport's own, which the core never sees.
fn error(code: Code, reason: &str) -> Response<Body> {
    let error = Json::object().with("code", code as i32).with("reason", reason);
    json(&Json::object().with("janus", "error").with("error", error))
}

fn json(value: &Json) -> Response<Body> {
    let text = value.dump(dump::COMPACT | dump::PRESERVE_ORDER).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What a browser asks before it lets a page ask.
fn preflight(asked: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    if let Some(method) = asked.get(ACCESS_CONTROL_REQUEST_METHOD) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method.clone());
    }
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let at = |path| place(path, "/janus");
        assert_eq!(at("/janus"), Some(Place::Root));
        assert_eq!(at("/janus/"), Some(Place::Root));
        assert_eq!(at("/janus/7"), Some(Place::Below("7", None)));
        assert_eq!(at("/janus/7/8/"), Some(Place::Below("7", Some("8"))));
        assert_eq!(at("/janus/7/8/9"), Some(Place::TooDeep));
        assert_eq!(at("/janus.mjs"), None);
        assert_eq!(at("/"), None);
        assert_eq!(["12abc", "abc", "", "99999999999999999999", "-3"].map(number), [12, 0, 0, 0, 0]);
    }

    #[test]
    fn queries() {
        let words = Some("maxev=5&apisecret=a%20b+c&token=&x");
        assert_eq!(query(words, "maxev").as_deref(), Some("5"));
        assert_eq!(query(words, "apisecret").as_deref(), Some("a b c"));
        assert_eq!(query(words, "token").as_deref(), Some(""));
        assert_eq!(query(words, "rid"), None);
        assert_eq!(query(None, "rid"), None);
    }
}
