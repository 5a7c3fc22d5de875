//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): publishing into rooms of the video room plugin, and watching them or
//! mountpoints of the streaming plugin, with plain HTTP requests.
//!
//! | path | what a `POST` of an offer does |
//! |---|---|
//! | `/whip/ROOM` | publishes |
//! | `/whep/MOUNTPOINT` | watches a mountpoint |
//! | `/whep/room/ROOM`, `/whep/room/ROOM/FEED` | watches all who publish, or one of them |
//!
//! Rooms are those of the video room plugin, or of the built-in one where there is none: publishing makes a room there.
//! Where the plugin does not take an offer, ours is answered instead (406, "counter-offer", and `PATCH` with the answer).
//! `?pin=` is the room's or mountpoint's. The bearer token is a token of the Janus API, or its secret. Every resource is a
//! client of the Janus API of its own ([`caller`]); what the core says goes back as a status.

mod caller;
mod fragment;
mod resource;

use super::door::Door;
use super::proxies::Client;
use crate::builtin::room;
use crate::json::Json;
use crate::util::lock::Lock;
use crate::util::random;
use crate::util::text::equal_const_time;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, LINK, LOCATION, ORIGIN,
    WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::{MethodRouter, post};
use axum::{Extension, Router};
use caller::{Call, Failure, text};
use fragment::{Fragment, are_fit, credentials};
use resource::{Held, Patched, Resource, Wish, new_tag};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::oneshot;

pub use caller::PACKAGE;

/// What has rooms; the first that there is.
const ROOMS: &[&str] = &["janus.plugin.videoroom", room::PACKAGE];
const STREAMING: &[&str] = &["janus.plugin.streaming"];

/// Resources at the same time.
const MOST: usize = 1024;

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// The endpoints.
pub struct Whip {
    door: Door,
    /// URIs of ICE servers for the clients.
    ice_servers: Vec<String>,
    resources: Lock<HashMap<String, Resource>>,
}

type Shared = State<Arc<Whip>>;
type Reply = Response<Body>;

/// Routes of the endpoints. `ice_servers`: URIs (RFC 7064, 7065).
pub fn routes(door: Door, ice_servers: Vec<String>) -> Router {
    let whip = Arc::new(Whip { door, ice_servers, resources: Lock::default() });
    let resource = || MethodRouter::new().patch(patched).delete(deleted).options(asked);
    Router::new()
        .route("/whip/{room}", post(published).options(asked))
        .route("/whep/{mountpoint}", post(watched).options(asked))
        .route("/whep/room/{room}", post(watched_room).options(asked))
        .route("/whep/room/{room}/{feed}", post(watched_feed).options(asked))
        .route("/whip/resource/{id}", resource())
        .route("/whep/resource/{id}", resource())
        .with_state(whip)
}

async fn published(
    state: Shared,
    Path(room): Path<String>,
    query: RawQuery,
    client: Extension<Client>,
    head: HeaderMap,
    offer: Bytes,
) -> Reply {
    // Nobody makes an offer here but who publishes, and the plugin would wait for it.
    if offer.is_empty() {
        return state.open_to_pages(empty(StatusCode::BAD_REQUEST), &head);
    }
    let body = Json::object().with("request", "joinandconfigure").with("ptype", "publisher");
    let body = body.with("room", name(&room)).with_some("pin", pin(&query));
    let ask = Ask { plugins: ROOMS, body, update: "configure", base: "/whip", client: client.0 };
    state.create(&head, &offer, ask).await
}

async fn watched(
    state: Shared,
    Path(id): Path<String>,
    query: RawQuery,
    client: Extension<Client>,
    head: HeaderMap,
    offer: Bytes,
) -> Reply {
    let body = Json::object().with("request", "watch").with("id", name(&id)).with_some("pin", pin(&query));
    state
        .create(
            &head,
            &offer,
            Ask { plugins: STREAMING, body, update: "start", base: "/whep", client: client.0 },
        )
        .await
}

async fn watched_room(
    state: Shared,
    Path(room): Path<String>,
    query: RawQuery,
    client: Extension<Client>,
    head: HeaderMap,
    offer: Bytes,
) -> Reply {
    state.subscribe(&room, None, &query, client.0, &head, &offer).await
}

async fn watched_feed(
    state: Shared,
    Path((room, feed)): Path<(String, String)>,
    query: RawQuery,
    client: Extension<Client>,
    head: HeaderMap,
    offer: Bytes,
) -> Reply {
    state.subscribe(&room, Some(&feed), &query, client.0, &head, &offer).await
}

async fn patched(state: Shared, Path(id): Path<String>, head: HeaderMap, body: Bytes) -> Reply {
    state.patch(&id, &head, &body).await
}

async fn deleted(state: Shared, Path(id): Path<String>, head: HeaderMap) -> Reply {
    let reply = match state.find(&id, &head) {
        Ok(resource) => {
            let _ = resource.wishes.send(Wish::End).await;
            empty(StatusCode::OK)
        }
        Err(status) => empty(status),
    };
    state.open_to_pages(reply, &head)
}

async fn asked(state: Shared, head: HeaderMap) -> Reply {
    let mut reply = empty(StatusCode::NO_CONTENT);
    let headers = reply.headers_mut();
    headers.insert("accept-post", HeaderValue::from_static(SDP));
    headers
        .insert("accept-patch", HeaderValue::from_static("application/trickle-ice-sdpfrag, application/sdp"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("OPTIONS, POST, PATCH, DELETE"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Authorization, Content-Type, If-Match, Accept"),
    );
    state.add_links(&mut reply);
    state.open_to_pages(reply, &head)
}

/// What is asked of the plugin.
struct Ask {
    plugins: &'static [&'static str],
    body: Json,
    /// The request that carries a later description.
    update: &'static str,
    /// What the resource's path begins with.
    base: &'static str,
    client: Client,
}

/// A number, if it is written as one: rooms and mountpoints may have either.
fn name(text: &str) -> Json {
    text.parse::<u64>().map_or_else(|_| Json::from(text), Json::from)
}

fn pin(RawQuery(query): &RawQuery) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_deref()?.as_bytes());
    pairs.find(|(key, _)| key == "pin").map(|(_, value)| value.into_owned())
}

fn bearer(head: &HeaderMap) -> Option<String> {
    let value = head.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn is_of_type(head: &HeaderMap, wanted: &str) -> bool {
    let kind = head.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Body::empty());
    *reply.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    reply
}

/// The status that tells it best; the reason stands in the body.
fn failed(why: &Failure) -> Reply {
    let (status, reason) = match why {
        Failure::Silence => (StatusCode::GATEWAY_TIMEOUT, "The plugin does not answer"),
        Failure::Refused { code, reason } => {
            let status = match code {
                // Of the core: no token or secret, no such plugin for this token, no such plugin, no room for it,
                403 | 405 => StatusCode::UNAUTHORIZED,
                460 => StatusCode::NOT_FOUND,
                472 | 490 => StatusCode::SERVICE_UNAVAILABLE,
                // the description; of the plugins: no such room, feed or mountpoint, and what they do not allow.
                464 | 465 => StatusCode::UNPROCESSABLE_ENTITY,
                426 | 428 | 455 => StatusCode::NOT_FOUND,
                433 => StatusCode::FORBIDDEN,
                432 => StatusCode::CONFLICT,
                _ => StatusCode::BAD_REQUEST,
            };
            (status, reason.as_str())
        }
    };
    let mut reply = empty(status);
    *reply.body_mut() = Body::from(format!("{reason}\n"));
    reply
}

impl Whip {
    async fn create(self: &Arc<Self>, head: &HeaderMap, offer: &Bytes, ask: Ask) -> Reply {
        let reply = self.try_create(head, offer, ask).await.unwrap_or_else(|reply| reply);
        self.open_to_pages(reply, head)
    }

    async fn try_create(self: &Arc<Self>, head: &HeaderMap, offer: &Bytes, ask: Ask) -> Result<Reply, Reply> {
        if !self.door.lets_in(head.get(ORIGIN).map(HeaderValue::as_bytes)) {
            return Err(empty(StatusCode::FORBIDDEN));
        }
        if !is_of_type(head, SDP) {
            return Err(empty(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let offer = std::str::from_utf8(offer).map_err(|_| empty(StatusCode::BAD_REQUEST))?;
        if credentials(offer).is_some_and(|(ufrag, pwd)| !are_fit(ufrag, pwd)) {
            return Err(empty(StatusCode::BAD_REQUEST));
        }
        if self.resources.lock().len() >= MOST {
            return Err(empty(StatusCode::SERVICE_UNAVAILABLE));
        }
        let bearer = bearer(head);
        let failed = |why: Failure| failed(&why);
        let (call, mut events) =
            Call::open(self.door.clone(), ask.client, bearer.clone(), ask.plugins).await.map_err(failed)?;
        if call.plugin == room::PACKAGE {
            ask.body.set("create", true);
        }
        let jsep = (!offer.is_empty()).then(|| Json::object().with("type", "offer").with("sdp", offer));
        let said = call.message(&mut events, ask.body, jsep).await.map_err(failed)?;
        let jsep = said.get("jsep").ok_or_else(|| failed(Failure::Silence))?;
        let sdp = text(&jsep, "sdp").ok_or_else(|| failed(Failure::Silence))?;
        let is_answer = text(&jsep, "type").as_deref() == Some("answer");
        let (etag, id) = (new_tag(), random::token(22));
        let (resource, wishes) = Resource::new(bearer);
        self.resources.lock().insert(id.clone(), resource);
        let held = Held {
            call,
            events,
            offer: is_answer.then(|| offer.to_owned()),
            etag: etag.clone(),
            update: ask.update,
        };
        let (whip, name) = (self.clone(), id.clone());
        tokio::spawn(async move {
            held.run(wishes).await;
            whip.resources.lock().remove(&name);
        });
        let mut reply = empty(if is_answer { StatusCode::CREATED } else { StatusCode::NOT_ACCEPTABLE });
        *reply.body_mut() = Body::from(sdp);
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(SDP));
        let location = format!("{}/resource/{id}", ask.base);
        for (name, value) in [(LOCATION, location), (ETAG, etag)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        self.add_links(&mut reply);
        Ok(reply)
    }

    /// To some or all of who publishes in a room.
    async fn subscribe(
        self: &Arc<Self>,
        room: &str,
        feed: Option<&str>,
        query: &RawQuery,
        client: Client,
        head: &HeaderMap,
        offer: &Bytes,
    ) -> Reply {
        let streams = match feed {
            Some(feed) => Ok(Json::array().push(Json::object().with("feed", name(feed))).clone()),
            None => self.publishers(room, client, bearer(head)).await,
        };
        let streams = match streams {
            Ok(streams) if !streams.is_empty() => streams,
            Ok(_) => return self.open_to_pages(empty(StatusCode::CONFLICT), head),
            Err(why) => return self.open_to_pages(failed(&why), head),
        };
        let body =
            Json::object().with("request", "join").with("ptype", "subscriber").with("room", name(room));
        let body = body.with("streams", streams).with_some("pin", pin(query));
        // The plugin makes the offers: with one of the client's it would refuse.
        let _ = offer;
        self.create(head, &Bytes::new(), Ask { plugins: ROOMS, body, update: "start", base: "/whep", client })
            .await
    }

    async fn publishers(&self, room: &str, client: Client, bearer: Option<String>) -> Result<Json, Failure> {
        let (call, mut events) = Call::open(self.door.clone(), client, bearer, ROOMS).await?;
        let body = Json::object().with("request", "listparticipants").with("room", name(room));
        let said = call.message(&mut events, body, None).await?;
        let all = said.get("plugindata").and_then(|plugin| plugin.get("data")?.get("participants"));
        let streams = Json::array();
        for participant in all.iter().flat_map(Json::elements) {
            let publishes = participant.get("publisher").and_then(|is| is.as_bool()) == Some(true);
            if let Some(id) = participant.get("id").filter(|_| publishes) {
                streams.push(Json::object().with("feed", id));
            }
        }
        Ok(streams)
    }

    async fn patch(&self, id: &str, head: &HeaderMap, body: &Bytes) -> Reply {
        let reply = match self.find(id, head) {
            Ok(resource) => self.patch_found(&resource, head, body).await,
            Err(status) => empty(status),
        };
        self.open_to_pages(reply, head)
    }

    async fn patch_found(&self, resource: &Resource, head: &HeaderMap, body: &Bytes) -> Reply {
        let Ok(body) = std::str::from_utf8(body) else { return empty(StatusCode::BAD_REQUEST) };
        let (answer, patched) = oneshot::channel();
        let wish = if is_of_type(head, FRAGMENT) {
            let etag = head.get(IF_MATCH).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
            let fragment = Fragment::parse(body);
            if let (Some(ufrag), Some(pwd)) = (&fragment.ufrag, &fragment.pwd)
                && !are_fit(ufrag, pwd)
            {
                return empty(StatusCode::BAD_REQUEST);
            }
            Wish::Fragment { fragment, etag, answer }
        } else if is_of_type(head, SDP) {
            if credentials(body).is_some_and(|(ufrag, pwd)| !are_fit(ufrag, pwd)) {
                return empty(StatusCode::BAD_REQUEST);
            }
            Wish::Answer { sdp: body.to_owned(), answer }
        } else {
            return empty(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        };
        if resource.wishes.try_send(wish).is_err() {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        match patched.await {
            Ok(Patched::Done) => empty(StatusCode::NO_CONTENT),
            Ok(Patched::Restarted { fragment, etag }) => {
                let mut reply = empty(StatusCode::OK);
                *reply.body_mut() = Body::from(fragment);
                reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FRAGMENT));
                if let Ok(etag) = HeaderValue::from_str(&etag) {
                    reply.headers_mut().insert(ETAG, etag);
                }
                reply
            }
            Ok(Patched::Outdated) => empty(StatusCode::PRECONDITION_FAILED),
            Ok(Patched::Failed(why)) => failed(&why),
            // It ended meanwhile.
            Err(_) => empty(StatusCode::NOT_FOUND),
        }
    }

    /// The resource, for who may have it.
    fn find(&self, id: &str, head: &HeaderMap) -> Result<Resource, StatusCode> {
        let resource = self.resources.lock().get(id).cloned().ok_or(StatusCode::NOT_FOUND)?;
        match (&resource.bearer, bearer(head)) {
            (None, _) => Ok(resource),
            (Some(wanted), Some(given)) if equal_const_time(given.as_bytes(), wanted.as_bytes()) => {
                Ok(resource)
            }
            _ => Err(StatusCode::UNAUTHORIZED),
        }
    }

    /// RFC 9725 §4.6.
    fn add_links(&self, reply: &mut Reply) {
        for server in &self.ice_servers {
            if let Ok(link) = HeaderValue::from_str(&format!("<{server}>; rel=\"ice-server\"")) {
                reply.headers_mut().append(LINK, link);
            }
        }
    }

    fn open_to_pages(&self, mut reply: Reply, head: &HeaderMap) -> Reply {
        let headers = reply.headers_mut();
        let origin = match head.get(ORIGIN) {
            Some(origin) if !self.door.origins.is_empty() && self.door.lets_in(Some(origin.as_bytes())) => {
                origin.clone()
            }
            _ if !self.door.origins.is_empty() => return reply,
            _ => HeaderValue::from_static("*"),
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Location, Link, ETag"));
        reply
    }
}
