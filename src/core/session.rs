//! One client session: who owns it, when it was last heard of, and its handles.

use super::limit::Limit;
use crate::json::Json;
use crate::modules::host::Connection;
use crate::util::lock::{Lock, outside};
use crate::util::time;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, Ordering};

/// Where the events of a session go: a connection, kept alive by this reference (CP-303).
#[derive(Clone)]
pub struct Owner(pub Arc<dyn Connection>);

impl Owner {
    pub fn is(&self, package: &str, connection: usize) -> bool {
        self.0.identity() == connection && self.0.package() == package
    }

    pub fn send(&self, request_id: usize, admin: bool, message: Json) {
        outside(|| self.0.send_message(request_id, admin, message));
    }

    /// [`Owner::send`] of a message that says only that another one will follow.
    pub fn announce(&self, request_id: usize, admin: bool, message: Json) {
        outside(|| self.0.announce(request_id, admin, message));
    }

    pub fn session_created(&self, id: u64) {
        outside(|| self.0.session_created(id));
    }

    pub fn session_over(&self, id: u64, timeout: bool, claimed: bool) {
        outside(|| self.0.session_over(id, timeout, claimed));
    }

    pub fn session_claimed(&self, id: u64) {
        outside(|| self.0.session_claimed(id));
    }
}

/// What a session holds, and ends when it ends.
pub trait Attached {
    fn id(&self) -> u64;

    /// Starts its end, and returns at once; false when that had started before.
    fn detach(&self) -> bool;
}

struct Handles<H> {
    /// The session has ended: nothing can be added any more.
    closed: bool,
    by_id: HashMap<u64, Arc<H>>,
}

/// With handles of the type `H`: who holds them does not have to know more of them.
pub struct Session<H> {
    pub id: u64,
    owner: Lock<Option<Owner>>,
    handles: Lock<Handles<H>>,
    /// Monotonic µs.
    last_activity: AtomicI64,
    /// Seconds; −1 = the global value, 0 = unlimited (§2).
    timeout: AtomicI32,
    destroyed: AtomicBool,
    transport_gone: AtomicBool,
    /// Bytes of candidates that wait for a description, of all handles.
    pub(super) early: Limit,
}

impl<H: Attached> Session<H> {
    pub fn new(id: u64, owner: Owner) -> Session<H> {
        Session {
            id,
            owner: Lock::new(Some(owner)),
            handles: Lock::new(Handles { closed: false, by_id: HashMap::new() }),
            last_activity: time::monotonic().into(),
            timeout: (-1).into(),
            destroyed: false.into(),
            transport_gone: false.into(),
            early: Limit::default(),
        }
    }

    pub fn owner(&self) -> Option<Owner> {
        self.owner.lock().clone()
    }

    pub fn set_owner(&self, owner: Owner) {
        let old = self.owner.lock().replace(owner);
        // The old reference may be the last one, and freeing it calls into the transport.
        outside(|| drop(old));
    }

    /// Drops the reference on the owner; events are dropped from here on.
    pub fn forget_owner(&self) {
        let old = self.owner.lock().take();
        outside(|| drop(old));
    }

    /// Sends an event to the owner, on this thread; dropped once the session is destroyed (§2).
    pub fn notify(&self, event: Json) {
        if self.is_destroyed() {
            return;
        }
        if let Some(owner) = self.owner() {
            owner.send(0, false, event);
        }
    }

    pub fn is_destroyed(&self) -> bool {
        self.destroyed.load(Ordering::Acquire)
    }

    pub fn mark_destroyed(&self) {
        self.destroyed.store(true, Ordering::Release);
    }

    pub fn touch(&self) {
        self.last_activity.store(time::monotonic(), Ordering::Relaxed);
    }

    /// Monotonic µs.
    pub fn last_activity(&self) -> i64 {
        self.last_activity.load(Ordering::Relaxed)
    }

    pub fn set_timeout(&self, seconds: i32) {
        self.timeout.store(seconds, Ordering::Relaxed);
    }

    /// Seconds in force, given the global value; 0 = unlimited.
    pub fn timeout(&self, global: u32) -> u32 {
        u32::try_from(self.timeout.load(Ordering::Relaxed)).unwrap_or(global)
    }

    pub fn set_transport_gone(&self, gone: bool) {
        self.transport_gone.store(gone, Ordering::Release);
    }

    /// Whether it is time to expire: idle for too long, or orphaned for too long; idle time always counts from the
    /// last request (CP-116, CP-118).
    pub fn is_expired(&self, now: i64, global_timeout: u32, reclaim: u32) -> bool {
        let idle = now - self.last_activity();
        let at_least = |seconds: u32| idle >= i64::from(seconds) * 1_000_000;
        let timeout = self.timeout(global_timeout);
        (timeout > 0 && at_least(timeout))
            || (self.transport_gone.load(Ordering::Acquire) && at_least(reclaim))
    }

    /// False when the session has ended or the id is taken.
    pub fn add_handle(&self, handle: &Arc<H>) -> bool {
        let mut handles = self.handles.lock();
        if handles.closed || handles.by_id.contains_key(&handle.id()) {
            return false;
        }
        handles.by_id.insert(handle.id(), handle.clone());
        true
    }

    pub fn handle(&self, id: u64) -> Option<Arc<H>> {
        self.handles.lock().by_id.get(&id).cloned()
    }

    pub fn remove_handle(&self, id: u64) -> Option<Arc<H>> {
        self.handles.lock().by_id.remove(&id)
    }

    pub fn handles(&self) -> Vec<Arc<H>> {
        self.handles.lock().by_id.values().cloned().collect()
    }

    pub fn handle_ids(&self) -> Vec<u64> {
        self.handles.lock().by_id.keys().copied().collect()
    }

    pub fn handle_count(&self) -> usize {
        self.handles.lock().by_id.len()
    }

    /// Ends every handle and accepts no new one. Only queues work: plugins are called elsewhere.
    pub fn close_handles(&self) {
        let all = {
            let mut handles = self.handles.lock();
            handles.closed = true;
            std::mem::take(&mut handles.by_id)
        };
        for handle in all.values() {
            handle.detach();
        }
    }
}
