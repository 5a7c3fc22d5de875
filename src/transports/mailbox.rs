//! Events of sessions whose client asks for them, instead of being told.

use crate::core::bounds::{Bound, Load};
use crate::json::Json;
use crate::util::lock::Lock;
use crate::util::seldom::Seldom;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;

/// What may wait in one.
const BOUND: Bound = Bound { number: 16_384, bytes: 16 << 20 };

/// By session.
#[derive(Default)]
pub(super) struct Mailboxes {
    all: Lock<HashMap<u64, Arc<Mailbox>>>,
    lost: Seldom,
}

/// Of one session.
#[derive(Default)]
pub(super) struct Mailbox {
    letters: Lock<Letters>,
    arrived: Notify,
}

#[derive(Default)]
struct Letters {
    waiting: VecDeque<(Json, usize)>,
    load: Load,
    /// The session is over, or somebody else's: nothing comes any more.
    closed: bool,
}

impl Mailboxes {
    /// For a session that begins, or that somebody who asks has claimed.
    pub fn open(&self, session: u64) {
        let old = self.all.lock().insert(session, Arc::default());
        if let Some(old) = old {
            old.close();
        }
    }

    /// What waits may still be fetched by who asks already.
    pub fn close(&self, session: u64) {
        let old = self.all.lock().remove(&session);
        if let Some(old) = old {
            old.close();
        }
    }

    pub fn find(&self, session: u64) -> Option<Arc<Mailbox>> {
        self.all.lock().get(&session).cloned()
    }

    /// An event for the session that it names; without any, for nobody.
    pub fn put(&self, event: Json) {
        let session = event.get("session_id").and_then(|id| id.as_i64()).unwrap_or(0) as u64;
        if let Some(mailbox) = self.find(session)
            && !mailbox.put(event)
            && let Some(count) = self.lost.one_more()
        {
            tracing::warn!("{count} events lost, of session {session} the last: nobody fetches them");
        }
    }
}

impl Mailbox {
    /// False when there is no room; the event is gone then.
    fn put(&self, event: Json) -> bool {
        let weight = BOUND.weight(&event);
        let mut letters = self.letters.lock();
        let has_room = letters.load.has_room(weight, BOUND);
        if has_room {
            letters.load.enter(weight);
            letters.waiting.push_back((event, weight));
            drop(letters);
            self.arrived.notify_one();
        }
        has_room
    }

    fn close(&self) {
        self.letters.lock().closed = true;
        // All who wait, and one who is about to.
        self.arrived.notify_waiters();
        self.arrived.notify_one();
    }

    /// Up to `most` of what waits; `None`: nothing, and nothing will come.
    fn take(&self, most: usize) -> Option<Vec<Json>> {
        let mut letters = self.letters.lock();
        let number = most.min(letters.waiting.len());
        let Letters { waiting, load, closed } = &mut *letters;
        let taken: Vec<Json> = waiting
            .drain(..number)
            .map(|(event, weight)| {
                load.leave(weight);
                event
            })
            .collect();
        let more = !waiting.is_empty();
        let over = *closed;
        drop(letters);
        if more {
            self.arrived.notify_one();
        }
        if taken.is_empty() && over { None } else { Some(taken) }
    }

    /// Waits for at least one. `None`: the session is over.
    pub async fn fetch(&self, most: usize) -> Option<Vec<Json>> {
        loop {
            let taken = self.take(most);
            if taken.as_ref().is_none_or(|taken| !taken.is_empty()) {
                if taken.is_none() {
                    // The next one who waits finds out, too.
                    self.arrived.notify_one();
                }
                return taken;
            }
            self.arrived.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn event(session: u64, number: i64) -> Json {
        Json::object().with("session_id", session).with("number", number)
    }

    fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn in_order_and_as_many_as_asked_for() {
        let all = Mailboxes::default();
        all.put(event(7, 0));
        assert!(all.find(7).is_none());
        all.open(7);
        let mailbox = all.find(7).unwrap();
        assert!(at_once(mailbox.fetch(5)).is_none());
        (1..=3).for_each(|number| all.put(event(7, number)));
        all.put(event(8, 4));
        assert_eq!(at_once(mailbox.fetch(2)).unwrap().unwrap(), [event(7, 1), event(7, 2)]);
        all.close(7);
        assert_eq!(at_once(mailbox.fetch(2)).unwrap().unwrap(), [event(7, 3)]);
        assert_eq!(at_once(mailbox.fetch(2)).unwrap(), None);
        assert!(all.find(7).is_none());
    }

    #[test]
    fn what_nobody_fetches_is_bounded() {
        let mailbox = Mailbox::default();
        let large = Json::object().with("text", "x".repeat(1 << 20));
        let taken = (0..100).filter(|_| mailbox.put(large.clone())).count();
        assert_eq!(taken, 15);
        assert_eq!(at_once(mailbox.fetch(100)).unwrap().unwrap().len(), taken);
        assert_eq!((0..20_000).filter(|_| mailbox.put(Json::object())).count(), BOUND.number);
    }
}
