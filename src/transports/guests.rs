//! Who is connected: how many may be, and who goes when one more comes.

use crate::util::lock::Lock;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::task::AbortHandle;

/// All connections, oldest first.
pub(super) struct Guests {
    most: usize,
    present: Lock<VecDeque<Arc<Guest>>>,
}

/// A connection.
#[derive(Default)]
pub(super) struct Guest {
    /// Requests that are being answered, and sessions that have it as their owner.
    business: AtomicUsize,
    task: OnceLock<AbortHandle>,
}

/// As long as it lives, the connection is not ended for another one.
pub(super) struct Business(Arc<Guest>);

impl Guests {
    pub fn new(most: usize) -> Guests {
        Guests { most, present: Lock::default() }
    }

    /// One more comes, for whom the oldest goes that nobody waits for; `None` when there is no such connection.
    pub fn enter(&self) -> Option<Arc<Guest>> {
        let mut present = self.present.lock();
        if present.len() >= self.most {
            present.retain(|guest| !guest.is_gone());
        }
        if present.len() >= self.most {
            let idle = present.iter().position(|guest| guest.business.load(Ordering::Relaxed) == 0)?;
            if let Some(task) = present.remove(idle).as_ref().and_then(|guest| guest.task.get()) {
                task.abort();
            }
        }
        let guest = Arc::new(Guest::default());
        present.push_back(guest.clone());
        Some(guest)
    }
}

impl Guest {
    /// What serves it.
    pub fn is_served_by(&self, task: AbortHandle) {
        let _ = self.task.set(task);
    }

    fn is_gone(&self) -> bool {
        self.task.get().is_some_and(AbortHandle::is_finished)
    }

    pub fn begin(self: &Arc<Self>) -> Business {
        self.business.fetch_add(1, Ordering::Relaxed);
        Business(self.clone())
    }
}

impl Drop for Business {
    fn drop(&mut self) {
        self.0.business.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_business_stays() {
        let guests = Guests::new(2);
        let served = |guest: &Arc<Guest>| {
            let task = tokio::spawn(std::future::pending::<()>());
            guest.is_served_by(task.abort_handle());
            task
        };
        let first = guests.enter().unwrap();
        let first_task = served(&first);
        let business = first.begin();
        let second_task = served(&guests.enter().unwrap());
        let third = guests.enter().unwrap();
        assert!(second_task.await.unwrap_err().is_cancelled());
        let third_task = served(&third);
        let other = third.begin();
        assert!(guests.enter().is_none());
        drop(business);
        assert!(guests.enter().is_some());
        assert!(first_task.await.unwrap_err().is_cancelled());
        drop(other);
        third_task.abort();
    }
}
