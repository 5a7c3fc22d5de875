//! Janus API and Admin API: one request in, one reply out.
//!
//! How a request travels:
//!
//! 1. A transport calls [`CoreHost::incoming_request`]; [`Api`] only looks for the ids and queues it on a lane
//!    ([`lanes`]): requests of one handle stay in order, different handles run in parallel.
//! 2. On the control pool, [`request::Request::read`] validates the head, and [`janus::handle`] or
//!    [`admin::handle`] checks who asks, finds session and handle, and calls the one function of that request.
//! 3. That function returns the reply or an [`crate::core::errors::ApiError`]; it is sent here, exactly once, to
//!    whoever asked.
//!
//! Events do not come this way: plugins and PeerConnections send them to the session's owner from [`crate::core`].
#![forbid(unsafe_code)]

pub mod admin;
pub mod check;
pub mod handle;
pub mod info;
pub mod janus;
pub mod lanes;
pub mod message;
pub mod request;
pub mod root;
pub mod session;

use crate::core::Core;
use crate::core::notifier::{Kind, Subject, instance_id, subtype};
use crate::core::session::Owner;
use crate::json::Json;
use crate::modules::host::{Connection, CoreHost, HandleHost, Incoming};
use lanes::Lanes;
use request::{Head, Reply, Request};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The core with its APIs: what modules get to see of it.
pub struct Api {
    pub core: Arc<Core>,
    lanes: Lanes,
}

impl Api {
    pub fn new(core: Arc<Core>) -> Arc<Api> {
        let lanes = Lanes::new(core.pool.clone(), core.settings.task_pool_size);
        Arc::new(Api { core, lanes })
    }
}

/// Answers one request, whatever happens in it.
fn answer(core: &Arc<Core>, from: &Owner, incoming: Incoming) {
    let (request_id, admin) = (incoming.request_id, incoming.admin);
    let reply = match Request::read(core, from, incoming) {
        Err(refusal) => refusal.into(),
        Ok(request) => {
            let handled = catch_unwind(AssertUnwindSafe(|| {
                if admin { admin::handle(&request) } else { janus::handle(&request) }
            }));
            match handled {
                Ok(Ok(reply)) => reply,
                Ok(Err(error)) => request.error(&error).into(),
                Err(_) => {
                    tracing::error!("Request '{}' panicked", request.name);
                    Reply::from(request.error(&crate::core::errors::Code::Unknown.into()))
                }
            }
        }
    };
    from.send(request_id, admin, reply.json);
    if let Some(then) = reply.then {
        then();
    }
}

impl CoreHost for Api {
    fn events_is_enabled(&self) -> bool {
        self.core.notifier.is_enabled()
    }

    fn notify_plugin_event(&self, package: &str, handle: Option<&dyn HandleHost>, event: Json) {
        if !event.is_object() {
            return;
        }
        let opaque_id = handle.and_then(HandleHost::opaque_id);
        let subject = Subject {
            session_id: handle.map_or(0, HandleHost::session_id),
            handle_id: handle.map_or(0, HandleHost::handle_id),
            opaque_id: opaque_id.as_deref(),
        };
        self.core.notifier.emit(Kind::Plugin, subtype::NONE, subject, || {
            Json::object().with("plugin", package).with("data", event)
        });
    }

    fn notify_transport_event(&self, package: &str, instance: usize, event: Json) {
        if !event.is_object() {
            return;
        }
        self.core.notifier.emit(Kind::Transport, subtype::NONE, Subject::default(), || {
            Json::object().with("transport", package).with("id", instance_id(instance)).with("data", event)
        });
    }

    fn auth_is_signed(&self) -> bool {
        self.core.auth.is_signed()
    }

    fn auth_is_signature_valid(&self, package: &str, token: Option<&str>) -> bool {
        self.core.auth.signature_valid(package, token)
    }

    fn auth_signature_contains(&self, package: &str, token: Option<&str>, descriptor: &str) -> bool {
        self.core.auth.signature_contains(package, token, descriptor)
    }

    fn incoming_request(&self, from: Arc<dyn Connection>, request: Incoming) {
        let head = Head::of(&request.message);
        let lane = head.lane(request.admin, from.identity());
        let limited = head.is_plugin_message(request.admin);
        let core = self.core.clone();
        self.lanes.submit(lane, limited, move || answer(&core, &Owner(from), request));
    }

    fn transport_gone(&self, package: &str, connection: usize) {
        self.core.transport_gone(package, connection);
    }

    fn is_api_secret_needed(&self) -> bool {
        self.core.auth.secret_needed()
    }

    fn is_api_secret_valid(&self, secret: Option<&str>) -> bool {
        self.core.auth.secret_valid(secret)
    }

    fn is_auth_token_needed(&self) -> bool {
        self.core.auth.token_needed()
    }

    fn is_auth_token_valid(&self, token: Option<&str>) -> bool {
        self.core.auth.token_valid(token)
    }
}

#[cfg(test)]
pub(crate) mod tests;
