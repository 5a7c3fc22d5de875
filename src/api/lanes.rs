//! The order of requests: what shares a lane runs one after the other, in order of arrival; lanes run in parallel on
//! the control pool. A slow plugin delays its own handle and nobody else (CP-168).

use crate::core::pool::{Job, Pool};
use crate::util::lock::{Guard, Lock};
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a request must stay in order with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Requests without a session, by connection.
    Instance(usize),
    Session(u64),
    Handle(u64, u64),
}

struct Entry {
    job: Job,
    /// Counts against `task_pool_size`.
    limited: bool,
}

#[derive(Default)]
struct State {
    /// A lane is present while it has work or works.
    lanes: HashMap<Lane, VecDeque<Entry>>,
    limited_running: usize,
    /// Lanes whose next job waits for a limited one to end.
    waiting: VecDeque<Lane>,
}

#[derive(Clone)]
pub struct Lanes {
    state: Arc<Lock<State>>,
    pool: Pool,
    /// 0 = unlimited.
    limit: usize,
}

impl Lanes {
    pub fn new(pool: Pool, limit: usize) -> Lanes {
        Lanes { state: Arc::default(), pool, limit }
    }

    fn state(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    /// Queues a job; never runs it on this thread.
    pub fn submit(&self, lane: Lane, limited: bool, job: impl FnOnce() + Send + 'static) {
        let entry = Entry { job: Box::new(job), limited };
        let mut state = self.state();
        if let Some(queue) = state.lanes.get_mut(&lane) {
            queue.push_back(entry);
            return;
        }
        state.lanes.insert(lane, VecDeque::from([entry]));
        drop(state);
        self.start(lane);
    }

    fn start(&self, lane: Lane) {
        let lanes = self.clone();
        self.pool.run(move || lanes.drive(lane));
    }

    /// Runs a lane until it is empty, or has to wait for the limit.
    fn drive(&self, lane: Lane) {
        let mut state = self.state();
        loop {
            let State { lanes, limited_running, waiting } = &mut *state;
            let Some(queue) = lanes.get_mut(&lane) else { return };
            let Some(entry) = queue.pop_front() else {
                lanes.remove(&lane);
                return;
            };
            if entry.limited && self.limit > 0 {
                if *limited_running >= self.limit {
                    queue.push_front(entry);
                    waiting.push_back(lane);
                    return;
                }
                *limited_running += 1;
            }
            let counted = entry.limited && self.limit > 0;
            drop(state);
            if catch_unwind(AssertUnwindSafe(entry.job)).is_err() {
                tracing::error!("A request panicked");
            }
            state = self.state();
            if counted {
                state.limited_running -= 1;
                if let Some(next) = state.waiting.pop_front() {
                    self.start(next);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    fn gate() -> (Sender<()>, Receiver<()>) {
        channel()
    }

    #[test]
    fn order_within_a_lane_and_independence_between() {
        // CP-168
        let pool = Pool::new();
        let lanes = Lanes::new(pool.clone(), 0);
        let (open, blocked) = gate();
        let (done, results) = channel();
        lanes.submit(Lane::Handle(1, 1), true, move || blocked.recv().unwrap());
        for i in 0..100 {
            let done = done.clone();
            lanes.submit(Lane::Handle(1, 1), true, move || done.send(i).unwrap());
        }
        let other = done.clone();
        lanes.submit(Lane::Session(1), false, move || other.send(1000).unwrap());
        assert_eq!(results.recv(), Ok(1000));
        open.send(()).unwrap();
        assert_eq!(results.iter().take(100).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        assert!(pool.stop(Duration::from_secs(10)));
        assert!(lanes.state().lanes.is_empty());
    }

    #[test]
    fn the_limit_holds_over_all_lanes() {
        // CP-169
        let pool = Pool::new();
        let lanes = Lanes::new(pool.clone(), 1);
        let running = Arc::new(Mutex::new((0, 0)));
        for lane in 0..20 {
            for _ in 0..5 {
                let running = running.clone();
                lanes.submit(Lane::Handle(1, lane), true, move || {
                    {
                        let mut now = running.lock().unwrap();
                        now.0 += 1;
                        assert_eq!(now.0, 1);
                    }
                    std::thread::yield_now();
                    let mut now = running.lock().unwrap();
                    now.0 -= 1;
                    now.1 += 1;
                });
            }
        }
        assert!(pool.stop(Duration::from_secs(30)));
        assert_eq!(*running.lock().unwrap(), (0, 100));
    }

    #[test]
    fn a_panicking_request_does_not_end_its_lane() {
        let pool = Pool::new();
        let lanes = Lanes::new(pool.clone(), 1);
        let (done, results) = channel();
        lanes.submit(Lane::Session(1), true, || panic!("on purpose"));
        lanes.submit(Lane::Session(1), true, move || done.send(()).unwrap());
        assert_eq!(results.recv(), Ok(()));
        assert!(pool.stop(Duration::from_secs(10)));
    }
}
