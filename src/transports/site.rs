//! What a listener serves: an API over WebSocket and HTTP, and whatever else there are routes for.

use super::deflate;
use super::door::Door;
use super::guests::Guest;
use super::http::Http;
use super::proxies::{Client, Proxies};
use super::refusal::refusal;
use super::socket::Peer;
use super::websocket::{self, Agreed};
use crate::util::lock::Lock;
use axum::Router;
use axum::body::Body;
use axum::http::header::{
    CONNECTION, HOST, LOCATION, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper::upgrade::OnUpgrade;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;

/// What is served.
pub struct Site {
    routes: TowerToHyperService<Router>,
    api: Option<Api>,
}

/// The built-in transports of one API.
pub struct Api {
    pub(super) door: Door,
    pub(super) http: Http,
    pub(super) websocket_package: &'static str,
    /// Ends when nobody is to be served any more.
    pub(super) open: watch::Receiver<()>,
}

/// A connection and what came of it.
pub(super) struct Visit {
    pub site: Arc<Site>,
    pub guest: Arc<Guest>,
    pub proxies: Arc<Proxies>,
    pub peer: Peer,
    /// It is to come back with TLS.
    pub elsewhere: bool,
    /// It goes on as a WebSocket, of this client.
    pub upgrade: Lock<Option<(OnUpgrade, Agreed)>>,
}

impl Site {
    pub fn new(routes: Router, api: Option<Api>) -> Site {
        Site { routes: TowerToHyperService::new(routes), api }
    }

    pub(super) fn api(&self) -> Option<&Api> {
        self.api.as_ref().filter(|api| api.is_open())
    }
}

impl Api {
    /// `open`: nobody is served any more once its sender is gone.
    pub fn new(door: Door, packages: Packages, open: watch::Receiver<()>) -> Api {
        let http = Http::new(door.clone(), packages.http);
        Api { door, http, websocket_package: packages.websocket, open }
    }

    fn is_open(&self) -> bool {
        self.open.has_changed().is_ok()
    }
}

/// What the transports are called.
#[derive(Clone, Copy, Debug)]
pub struct Packages {
    pub http: &'static str,
    pub websocket: &'static str,
}

impl Visit {
    pub async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let _business = self.guest.begin();
        if self.elsewhere {
            return Ok(redirect(&request));
        }
        let client = self.proxies.client(self.peer, request.headers());
        if let Some(api) = self.site.api() {
            if is_upgrade(&request) {
                return Ok(self.upgrade(&api.door, request, client));
            }
            if api.http.serves(request.uri().path()) {
                return Ok(api.http.answer(request, client).await);
            }
        }
        request.extensions_mut().insert(client);
        self.site.routes.call(request).await
    }

    /// RFC 6455 §4.2.
    fn upgrade(&self, door: &Door, mut request: Request<Incoming>, client: Client) -> Response<Body> {
        let headers = request.headers();
        let Some(key) = headers.get(SEC_WEBSOCKET_KEY).map(|key| websocket::accept_key(key.as_bytes()))
        else {
            return refusal(StatusCode::BAD_REQUEST, "No Sec-WebSocket-Key\n");
        };
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            let mut refused = refusal(StatusCode::UPGRADE_REQUIRED, "Sec-WebSocket-Version is 13\n");
            refused.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return refused;
        }
        if !door.lets_in(headers.get(ORIGIN).map(HeaderValue::as_bytes)) {
            return refusal(StatusCode::FORBIDDEN, "Not from this page\n");
        }
        if !has_token(headers, &SEC_WEBSOCKET_PROTOCOL, door.kind.protocol()) {
            return refusal(
                StatusCode::BAD_REQUEST,
                &format!("Sec-WebSocket-Protocol is {}\n", door.kind.protocol()),
            );
        }
        let deflates = deflate::is_offered(headers);
        *self.upgrade.lock() = Some((hyper::upgrade::on(&mut request), Agreed { client, deflates }));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(door.kind.protocol()));
        if let Ok(key) = HeaderValue::from_str(&key) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, key);
        }
        if deflates {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(deflate::ACCEPTED));
        }
        response
    }
}

/// The same, with TLS.
fn redirect<B>(request: &Request<B>) -> Response<Body> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let location = host.and_then(|host| HeaderValue::from_str(&format!("https://{host}{path}")).ok());
    let mut response = refusal(StatusCode::PERMANENT_REDIRECT, "https only\n");
    match location {
        Some(location) => drop(response.headers_mut().insert(LOCATION, location)),
        None => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}

fn is_upgrade<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET
        && has_token(request.headers(), &CONNECTION, "upgrade")
        && has_token(request.headers(), &UPGRADE, "websocket")
}

/// Whether one of the header's values, which commas separate, is this one.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}
