//! What event handler modules get, in a queue of the program.

use super::error::{Error, Result};
use super::queue::{Body, Event, Queue};
use super::types::janus_rs_event_type::JANUS_RS_EVENT_HANDLER;
use crate::api::Api;
use crate::json::Json;
use crate::modules::host::{EventHandlerFace, ModuleInfo};
use crate::util::lock::Lock;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The watching queues of an instance.
#[derive(Default)]
pub struct Watches(Lock<Vec<Arc<Watch>>>);

struct Watch {
    /// As in the Admin API's list of event handlers.
    package: String,
    queue: Arc<Queue>,
    mask: AtomicUsize,
}

impl Watches {
    /// Whether anything is to be watched from the start.
    pub fn is_any(&self) -> bool {
        !self.0.lock().is_empty()
    }

    /// Sets the kinds of events that a queue gets; 0: none. `api`: of the running core.
    pub fn set(&self, number: usize, queue: Arc<Queue>, mask: usize, api: Option<&Arc<Api>>) -> Result<()> {
        if let Some(api) = api
            && !api.core.notifier.is_enabled()
        {
            return Err(Error::state("events.broadcast is off: set it, or watch before the start"));
        }
        let package = format!("janus.rs.watch.{number:x}");
        let watch = {
            let mut all = self.0.lock();
            if let Some(present) = all.iter().find(|watch| watch.package == package) {
                present.mask.store(mask, Ordering::Relaxed);
                return Ok(());
            }
            if mask == 0 {
                return Ok(());
            }
            let watch = Arc::new(Watch { package, queue, mask: mask.into() });
            all.push(watch.clone());
            watch
        };
        if let Some(api) = api {
            watch.register(api);
        }
        Ok(())
    }

    pub fn begin(&self, api: &Arc<Api>) {
        let all = self.0.lock().clone();
        all.iter().for_each(|watch| watch.register(api));
    }

    pub fn end(&self) {
        self.0.lock().clear();
    }
}

impl Watch {
    fn register(self: &Arc<Self>, api: &Arc<Api>) {
        let info = ModuleInfo { package: self.package.clone(), ..ModuleInfo::default() };
        api.core.event_handlers.add(info, self.clone());
    }
}

impl EventHandlerFace for Watch {
    fn package(&self) -> &str {
        &self.package
    }

    fn events_mask(&self) -> usize {
        self.mask.load(Ordering::Relaxed)
    }

    fn incoming_event(&self, event: &Json) {
        let id = |name: &str| event.get(name).and_then(|id| id.as_i64()).unwrap_or(0) as u64;
        self.queue.offer(Event {
            session: id("session_id"),
            handle: id("handle_id"),
            body: Body::Json(event.clone()),
            ..Event::new(JANUS_RS_EVENT_HANDLER)
        });
    }

    fn query(&self, _: Option<&Json>) -> Option<Json> {
        None
    }
}
