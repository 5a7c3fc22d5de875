//! Janus API and Admin API: one request in, one reply out.
//!
//! How a request travels:
//!
//! 1. A transport calls [`CoreHost::incoming_request`]; [`Api`] only looks for the ids and queues it on a lane
//!    ([`lanes`]): requests of one handle stay in order, different handles run in parallel. What is short is
//!    answered at once where the transport says that it may ([`CoreHost::incoming_request_here`]), and so are calls into
//!    plugins where another thread would go on in place of this one.
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
mod measured;
pub mod message;
pub mod request;
pub mod root;
pub mod session;

use crate::core::Core;
use crate::core::errors::{ApiError, Code};
use crate::core::notifier::{Kind, Subject, instance_id, subtype};
use crate::core::queues::Queues;
use crate::core::session::Owner;
use crate::json::Json;
use crate::modules::host::{Connection, CoreHost, HandleHost, Incoming};
use crate::util::relief;
use lanes::{Lane, Lanes, Source, Task};
use request::{Head, Reply, Request, error_json, id_member};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a request takes beside its JSON.
const ENTRY: usize = 512;

/// The core with its APIs: what modules get to see of it.
pub struct Api {
    pub core: Arc<Core>,
    lanes: Lanes<Work>,
}

/// What waits on a lane.
enum Work {
    Answer(Arc<Core>, Owner, Incoming),
    Send { to: Owner, request_id: usize, admin: bool, reply: Json },
}

impl Task for Work {
    fn run(self) {
        match self {
            Work::Answer(core, from, incoming) => answer(&core, &from, incoming),
            Work::Send { to, request_id, admin, reply } => to.send(request_id, admin, reply),
        }
    }
}

impl Api {
    pub fn new(core: Arc<Core>) -> Arc<Api> {
        let (limit, bound) = (core.settings.task_pool_size, core.settings.bounds.requests);
        let lanes = Lanes::new(core.pool.clone(), limit, bound, core.queues.clone());
        Arc::new(Api { core, lanes })
    }

    /// There was no room for a request. The reply overtakes those of earlier requests, but not on this thread: transports
    /// may hold locks here (CP-296).
    fn refuse(&self, from: Owner, request: Incoming) {
        let Queues { refused, unanswered, .. } = &*self.core.queues;
        if let Some(count) = refused.one_more() {
            tracing::warn!("{count} requests refused: too many of one client are waiting");
        }
        let Incoming { request_id, admin, message, .. } = request;
        let (session_id, transaction) = message.map_or((0, None), |message| {
            (
                id_member(&message, "session_id"),
                message.get("transaction").and_then(|v| v.as_str().map(str::to_owned)),
            )
        });
        let error = ApiError::full(Code::Unknown, "Too many requests are waiting");
        let reply = error_json(session_id, transaction.as_deref(), &error);
        let source = self.source(&from, &reply);
        let lane = Lane::Refusals(source.connection);
        let work = Work::Send { to: from, request_id, admin, reply };
        if self.lanes.submit(lane, false, source, work).is_err()
            && let Some(count) = unanswered.one_more()
        {
            tracing::warn!("{count} refused requests are not answered at all: too many of them");
        }
    }

    /// `here`: what is short may be answered on this thread.
    fn enter(&self, from: Arc<dyn Connection>, request: Incoming, here: bool) {
        let head = Head::of(&request.message);
        let lane = head.lane(request.admin, from.identity());
        let limited = head.is_plugin_message(request.admin);
        let from = Owner(from);
        let source = match &request.message {
            Ok(message) => self.source(&from, message),
            Err(_) => Source { connection: from.0.identity(), bytes: ENTRY },
        };
        let here = here
            && (head.is_short(request.admin, |session| self.owns(&from, session))
                || (head.is_call(request.admin) && relief::may_block()));
        let work = Work::Answer(self.core.clone(), from, request);
        let entered = match here {
            true => self.lanes.run_here(lane, limited, source, work),
            false => self.lanes.submit(lane, limited, source, work),
        };
        if let Err(Work::Answer(_, from, request)) = entered {
            self.refuse(from, request);
        }
    }

    fn owns(&self, from: &Owner, session: u64) -> bool {
        let owner = self.core.session(session).and_then(|session| session.owner());
        owner.is_some_and(|owner| owner.is(from.0.package(), from.0.identity()))
    }

    fn source(&self, from: &Owner, message: &Json) -> Source {
        let bytes = ENTRY + self.core.settings.bounds.requests.weight(message);
        Source { connection: from.0.identity(), bytes }
    }
}

/// Answers one request, whatever happens in it.
fn answer(core: &Arc<Core>, from: &Owner, incoming: Incoming) {
    let (request_id, admin) = (incoming.request_id, incoming.admin);
    let measured = measured::Measured::begin(&incoming);
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
    measured.end(&core.measures, &reply.json);
    match reply.is_followed {
        false => from.send(request_id, admin, reply.json),
        true => from.announce(request_id, admin, reply.json),
    }
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
        self.enter(from, request, false);
    }

    fn incoming_request_here(&self, from: Arc<dyn Connection>, request: Incoming) {
        self.enter(from, request, true);
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
