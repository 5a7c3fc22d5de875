//! One request, from its JSON to its reply.

use super::check::{Kind, Members};
use super::lanes::Lane;
use crate::core::Core;
use crate::core::Session;
use crate::core::errors::{ApiError, Code};
use crate::core::handle::Handle;
use crate::core::session::Owner;
use crate::json::{Json, ParseError};
use crate::modules::host::Incoming;
use std::sync::Arc;

/// A request with its validated head.
pub struct Request {
    pub core: Arc<Core>,
    /// Who asks; the reply goes there.
    pub from: Owner,
    /// Secrets and tokens are not asked for.
    pub trusted: bool,
    pub json: Json,
    pub transaction: String,
    pub name: String,
    pub session_id: u64,
    pub handle_id: u64,
    /// The member is there, whatever it holds.
    pub names_handle: bool,
}

/// A reply, and what is to be done once it has been sent.
pub struct Reply {
    pub json: Json,
    /// It says only that an event will come.
    pub is_followed: bool,
    pub then: Option<Box<dyn FnOnce()>>,
}

impl From<Json> for Reply {
    fn from(json: Json) -> Reply {
        Reply { json, is_followed: false, then: None }
    }
}

pub type Answer = Result<Reply, ApiError>;

/// The head of a message: enough to choose its lane, before anything is validated.
pub struct Head {
    pub session_id: u64,
    pub handle_id: u64,
    pub name: String,
    pub chosen_id: u64,
    pub has_jsep: bool,
}

/// Ids are signed integers on the wire; anything else counts as absent.
pub fn id_member(json: &Json, name: &str) -> u64 {
    json.get(name).and_then(|v| v.as_i64()).unwrap_or(0) as u64
}

impl Head {
    pub fn of(message: &Result<Json, Option<ParseError>>) -> Head {
        let Ok(json) = message else {
            return Head { session_id: 0, handle_id: 0, name: String::new(), chosen_id: 0, has_jsep: false };
        };
        let name = json.get("janus").and_then(|v| v.as_str().map(str::to_ascii_lowercase));
        Head {
            session_id: id_member(json, "session_id"),
            handle_id: id_member(json, "handle_id"),
            name: name.unwrap_or_default(),
            chosen_id: id_member(json, "id"),
            has_jsep: json.get("jsep").is_some(),
        }
    }

    /// A `create` with a chosen id goes before what follows for that session; `keepalive` must not wait for plugins.
    pub fn lane(&self, admin: bool, instance: usize) -> Lane {
        match (admin, self.session_id, self.handle_id, self.name.as_str()) {
            (true, ..) => Lane::Instance(instance),
            (false, 0, 0, "create") if self.chosen_id != 0 => Lane::Session(self.chosen_id),
            (false, 0, ..) => Lane::Instance(instance),
            (false, session, 0, _) | (false, session, _, "keepalive" | "claim") => Lane::Session(session),
            (false, session, handle, _) => Lane::Handle { session, handle },
        }
    }

    /// Whether it can be answered without a call into a module, so that it cannot take long; `owns` says whether who asks
    /// owns the session, whose end its owner is told.
    pub fn is_short(&self, admin: bool, owns: impl FnOnce(u64) -> bool) -> bool {
        !admin
            && match (self.name.as_str(), self.handle_id) {
                ("ping" | "create" | "keepalive" | "detach", _) => true,
                ("destroy", 0) => owns(self.session_id),
                _ => false,
            }
    }

    /// Whether it calls a plugin, and takes no longer than the plugin does: what is negotiated waits for others.
    pub fn is_call(&self, admin: bool) -> bool {
        let Head { handle_id, has_jsep, .. } = *self;
        !admin
            && matches!((self.name.as_str(), handle_id, has_jsep), ("attach", 0, _) | ("message", 1.., false))
    }

    /// Whether it counts against `task_pool_size`.
    pub fn is_plugin_message(&self, admin: bool) -> bool {
        if admin { self.name == "message_plugin" } else { self.name == "message" && self.handle_id != 0 }
    }
}

impl Request {
    /// Reads the head; a failure is the reply (control-plane.md §3.1).
    pub fn read(core: &Arc<Core>, from: &Owner, incoming: Incoming) -> Result<Request, Json> {
        let (admin, trusted) = (incoming.admin, incoming.trusted);
        let json = match incoming.message {
            Ok(json) => json,
            Err(_) if admin => Json::object(),
            Err(error) => {
                let detail = error.map_or(String::new(), |e| {
                    format!(" - {}({},{}): {}", e.source, e.line, e.column, e.text)
                });
                let reason = format!("Invalid Janus API request{detail}");
                return Err(error_json(0, None, &ApiError::new(Code::InvalidJson, reason)));
            }
        };
        let session_id = id_member(&json, "session_id");
        let members = Members::of(&json);
        let head = || {
            let transaction = members.text("transaction")?;
            let name = members.text("janus")?;
            if !admin {
                members.optional("id", Kind::PositiveInteger)?;
            }
            Ok((transaction, name))
        };
        let (transaction, name) = head().map_err(|error| error_json(session_id, None, &error))?;
        let names_handle = json.get("handle_id").is_some_and(|v| admin || !v.is_null());
        Ok(Request {
            core: core.clone(),
            from: from.clone(),
            trusted,
            transaction,
            name,
            session_id,
            handle_id: id_member(&json, "handle_id"),
            names_handle,
            json,
        })
    }

    pub fn members(&self) -> Members<'_> {
        Members::of(&self.json)
    }

    pub fn is_root(&self) -> bool {
        self.session_id == 0 && self.handle_id == 0
    }

    /// Compared case-insensitively (CP-081).
    pub fn lower_name(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    fn string(&self, name: &str) -> Option<Json> {
        self.json.get(name).filter(Json::is_string)
    }

    /// `apisecret` or `token`, as configured (§8.1).
    pub fn authorise(&self) -> Result<(), ApiError> {
        if self.trusted {
            return Ok(());
        }
        let (secret, token) = (self.string("apisecret"), self.string("token"));
        let text = |v: &Option<Json>| v.as_ref().and_then(|v| v.as_str().map(str::to_owned));
        if self.core.auth.request_allowed(text(&secret).as_deref(), text(&token).as_deref()) {
            Ok(())
        } else {
            Err(Code::Unauthorized.into())
        }
    }

    pub fn authorise_admin(&self) -> Result<(), ApiError> {
        if self.trusted {
            return Ok(());
        }
        let secret = self.string("admin_secret");
        if self.core.auth.admin_valid(secret.as_ref().and_then(|v| v.as_str())) {
            Ok(())
        } else {
            Err(Code::Unauthorized.into())
        }
    }

    pub fn find_session(&self) -> Result<Arc<Session>, ApiError> {
        self.core.session(self.session_id).ok_or_else(|| {
            ApiError::new(Code::SessionNotFound, format!("No such session {}", self.session_id))
        })
    }

    /// The handle that is named, if any.
    pub fn find_handle(&self, session: &Session) -> Result<Option<Arc<Handle>>, ApiError> {
        if self.handle_id == 0 {
            return Ok(None);
        }
        session.handle(self.handle_id).map(Some).ok_or_else(|| {
            let reason = format!("No such handle {} in session {}", self.handle_id, self.session_id);
            ApiError::new(Code::HandleNotFound, reason)
        })
    }

    /// The head of a reply: janus, session_id, transaction.
    pub fn reply(&self, janus: &str) -> Json {
        let reply = Json::object().with("janus", janus);
        if self.session_id != 0 {
            reply.set("session_id", self.session_id);
        }
        reply.with("transaction", self.transaction.as_str())
    }

    pub fn success(&self) -> Json {
        self.reply("success")
    }

    pub fn error(&self, error: &ApiError) -> Json {
        error_json(self.session_id, Some(&self.transaction), error)
    }

    pub fn wrong_path(&self) -> ApiError {
        let reason = format!("Unhandled request '{}' at this path", self.name);
        ApiError::new(Code::InvalidPath, reason)
    }
}

/// An error as a client gets it; a session of 0 and a transaction that is not known are left out (CP-094).
pub fn error_json(session_id: u64, transaction: Option<&str>, error: &ApiError) -> Json {
    let reply = Json::object().with("janus", "error");
    if session_id != 0 {
        reply.set("session_id", session_id);
    }
    let detail = Json::object().with("code", error.code as i32).with("reason", error.reason());
    reply.with_some("transaction", transaction).with("error", detail)
}
