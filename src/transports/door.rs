//! The way into the core, for one of its two APIs.

use crate::json::{Json, ParseError};
use crate::modules::host::{Connection, CoreHost, Incoming, ModuleInfo, TransportFace};
use std::sync::Arc;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Janus,
    Admin,
}

impl Kind {
    /// The WebSocket subprotocol.
    pub fn protocol(self) -> &'static str {
        match self {
            Kind::Janus => "janus-protocol",
            Kind::Admin => "janus-admin-protocol",
        }
    }

    /// What HTTP paths begin with.
    pub fn base(self) -> &'static str {
        match self {
            Kind::Janus => "/janus",
            Kind::Admin => "/admin",
        }
    }
}

/// Where requests go.
#[derive(Clone)]
pub struct Door {
    pub core: Arc<dyn CoreHost>,
    pub kind: Kind,
    /// Pages that may use it, by their origin; empty: all.
    pub origins: Arc<[String]>,
}

impl Door {
    /// The text of a request, right or not. The reply carries `request_id`. What calls no module, or a plugin at
    /// most, is answered before this returns (decisions 64 and 72): the caller holds no lock that the connection needs.
    pub fn request(&self, from: Arc<dyn Connection>, request_id: usize, text: &[u8]) {
        let message = Json::parse(text, 0).map_err(|error| {
            // Clients are told where it stands: in the reference, which parses C strings, it is called so.
            Some(ParseError { source: "<string>".to_owned(), ..error })
        });
        self.core.incoming_request_here(from, self.incoming(request_id, message));
    }

    /// The reply carries `request_id`, and comes from another thread.
    pub fn submit(
        &self,
        from: Arc<dyn Connection>,
        request_id: usize,
        message: Result<Json, Option<ParseError>>,
    ) {
        self.core.incoming_request(from, self.incoming(request_id, message));
    }

    fn incoming(&self, request_id: usize, message: Result<Json, Option<ParseError>>) -> Incoming {
        Incoming { admin: self.kind == Kind::Admin, message, request_id, trusted: false }
    }

    /// Whether a page of this origin may; programs send none.
    pub fn lets_in(&self, origin: Option<&[u8]>) -> bool {
        self.origins.is_empty()
            || origin.is_none_or(|origin| self.origins.iter().any(|one| one.as_bytes() == origin))
    }
}

/// A built-in transport, as `info` and `query_transport` know it.
pub struct Face(ModuleInfo);

impl Face {
    /// `package`, unless a module has that name.
    pub fn new(package: &'static str, name: &str, description: &str) -> Face {
        Face(ModuleInfo {
            package: package.to_owned(),
            name: Some(name.to_owned()),
            author: Some("libjanus_rs".to_owned()),
            description: Some(description.to_owned()),
            version_string: Some(env!("CARGO_PKG_VERSION").to_owned()),
            version: 1,
        })
    }

    pub fn info(&self) -> ModuleInfo {
        self.0.clone()
    }
}

impl TransportFace for Face {
    fn package(&self) -> &str {
        &self.0.package
    }

    /// As the modules answer. There is nothing to set: these transports have one form of JSON, and no events.
    fn query(&self, request: Option<&Json>) -> Option<Json> {
        let error =
            |code: i32, reason: &str| Some(Json::object().with("error_code", code).with("error", reason));
        let Some(name) = request.and_then(|request| request.get("request")) else {
            return error(412, "Missing mandatory element (request)");
        };
        let Some(name) = name.as_str() else {
            return error(413, "Invalid element type (request should be a string)");
        };
        let wants = |member: &str| request.and_then(|request| request.get(member));
        match name {
            "configure" if wants("events").is_some_and(|on| on.as_bool() != Some(false)) => {
                error(490, "The built-in transports have no events")
            }
            "configure" => Some(Json::object().with("result", 200)),
            _ => error(411, &format!("Unknown request '{name}'")),
        }
    }
}
