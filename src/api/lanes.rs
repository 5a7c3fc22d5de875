//! The order of requests: what shares a lane runs one after the other, in order of arrival; lanes run in parallel on
//! the control pool. A slow plugin delays its own handle and nobody else (CP-168). What waits is bounded for each lane, for
//! each connection and in all, so that whoever asks without end is refused, and nobody else.

use crate::core::bounds::{Bound, Load};
use crate::core::pool::Pool;
use crate::core::queues::Queues;
use crate::util::lock::{Guard, Lock};
use crate::util::relief;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a request must stay in order with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Requests without a session, by connection.
    Instance(usize),
    Session(u64),
    Handle {
        session: u64,
        handle: u64,
    },
    /// Replies to requests of this connection that nothing had room for.
    Refusals(usize),
}

/// A connection may have this many times as much waiting as one lane, over all lanes.
const CONNECTION: usize = 4;
/// All connections together.
const ALL: usize = 16;
/// What has less than this may wait even then, when nothing of its connection does.
const SMALL: usize = 64 << 10;

/// One piece of work.
pub trait Task: Send + 'static {
    fn run(self);
}

/// Who asks, and how much waits with the request.
#[derive(Clone, Copy)]
pub struct Source {
    pub connection: usize,
    pub bytes: usize,
}

struct Entry<T> {
    task: T,
    /// Counts against `task_pool_size`.
    limited: bool,
    source: Source,
}

struct Queue<T> {
    entries: VecDeque<Entry<T>>,
    /// Without the one that runs.
    load: Load,
}

struct State<T> {
    /// A lane is present while it has work or works.
    lanes: HashMap<Lane, Queue<T>>,
    /// What connections have waiting or running; nothing of others.
    connections: HashMap<usize, Load>,
    /// The sum of them.
    all: Load,
    limited_running: usize,
    /// Lanes whose next job waits for a limited one to end.
    waiting: VecDeque<Lane>,
}

impl<T> State<T> {
    fn has_room(&self, lane: Lane, Source { connection, bytes }: Source, bound: Bound) -> bool {
        let in_lane = self.lanes.get(&lane).map_or(Load::default(), |queue| queue.load);
        if !in_lane.has_room(bytes, bound) {
            return false;
        }
        if let Lane::Refusals(_) = lane {
            return self.all.has_room(bytes, bound.times(2 * ALL));
        }
        let of_connection = self.connections.get(&connection).copied().unwrap_or_default();
        of_connection.has_room(bytes, bound.times(CONNECTION))
            && (self.all.has_room(bytes, bound.times(ALL)) || (of_connection.number == 0 && bytes <= SMALL))
    }

    fn enter(&mut self, Source { connection, bytes }: Source) {
        self.all.enter(bytes);
        self.connections.entry(connection).or_default().enter(bytes);
    }

    fn leave(&mut self, Source { connection, bytes }: Source) {
        self.all.leave(bytes);
        if self.connections.get_mut(&connection).is_some_and(|load| load.leave(bytes)) {
            self.connections.remove(&connection);
        }
    }
}

struct Shared<T> {
    state: Lock<State<T>>,
    pool: Pool,
    /// 0 = unlimited.
    limit: usize,
    bound: Bound,
    queues: Arc<Queues>,
}

pub struct Lanes<T>(Arc<Shared<T>>);

impl<T> Clone for Lanes<T> {
    fn clone(&self) -> Self {
        Lanes(self.0.clone())
    }
}

impl<T: Task> Lanes<T> {
    /// `limit`: of limited tasks that run at the same time, 0: none. `bound`: of one lane. `queues` shows what waits.
    pub fn new(pool: Pool, limit: usize, bound: Bound, queues: Arc<Queues>) -> Lanes<T> {
        let state = State {
            lanes: HashMap::new(),
            connections: HashMap::new(),
            all: Load::default(),
            limited_running: 0,
            waiting: VecDeque::new(),
        };
        Lanes(Arc::new(Shared { state: Lock::new(state), pool, limit, bound, queues }))
    }

    fn state(&self) -> Guard<'_, State<T>> {
        self.0.state.lock()
    }

    /// Queues a task; never runs it on this thread. Gives it back when there is no room.
    pub fn submit(&self, lane: Lane, limited: bool, source: Source, task: T) -> Result<(), T> {
        let mut state = self.state();
        if !state.has_room(lane, source, self.0.bound) {
            return Err(task);
        }
        state.enter(source);
        self.0.queues.requests.show(state.all);
        let entry = Entry { task, limited, source };
        if let Some(queue) = state.lanes.get_mut(&lane) {
            queue.load.enter(source.bytes);
            queue.entries.push_back(entry);
            return Ok(());
        }
        let mut load = Load::default();
        load.enter(source.bytes);
        state.lanes.insert(lane, Queue { entries: VecDeque::from([entry]), load });
        drop(state);
        self.start(lane);
        Ok(())
    }

    /// Runs a task on this thread, and returns when it has run: one that cannot take long, or that may, where this thread
    /// [can be relieved](relief::may_block). Where something of its lane waits or runs, where there is no room, and where
    /// limited tasks are counted, as [`Lanes::submit`].
    pub fn run_here(&self, lane: Lane, limited: bool, source: Source, task: T) -> Result<(), T> {
        let counted = limited && self.0.limit > 0;
        let mut state = self.state();
        if counted || state.lanes.contains_key(&lane) || !state.has_room(lane, source, self.0.bound) {
            drop(state);
            return self.submit(lane, limited, source, task);
        }
        state.enter(source);
        state.lanes.insert(lane, Queue { entries: VecDeque::new(), load: Load::default() });
        drop(state);
        // From here on it has its place, so that whoever relieves this thread may let others in behind it.
        relief::call(|| self.0.pool.here(|| self.perform(task)));
        let mut state = self.state();
        state.leave(source);
        if state.lanes.get(&lane).is_some_and(|queue| !queue.entries.is_empty()) {
            drop(state);
            self.start(lane);
        } else {
            state.lanes.remove(&lane);
        }
        Ok(())
    }

    fn perform(&self, task: T) {
        if catch_unwind(AssertUnwindSafe(|| task.run())).is_err() {
            tracing::error!("A request panicked");
        }
    }

    fn start(&self, lane: Lane) {
        let lanes = self.clone();
        self.0.pool.run(move || lanes.drive(lane));
    }

    /// Runs a lane until it is empty, or has to wait for the limit.
    fn drive(&self, lane: Lane) {
        let limit = self.0.limit;
        let mut state = self.state();
        loop {
            let State { lanes, limited_running, waiting, .. } = &mut *state;
            let Some(queue) = lanes.get_mut(&lane) else { return };
            let Some(entry) = queue.entries.pop_front() else {
                lanes.remove(&lane);
                return;
            };
            let counted = entry.limited && limit > 0;
            if counted {
                if *limited_running >= limit {
                    queue.entries.push_front(entry);
                    waiting.push_back(lane);
                    return;
                }
                *limited_running += 1;
            }
            queue.load.leave(entry.source.bytes);
            drop(state);
            self.perform(entry.task);
            state = self.state();
            state.leave(entry.source);
            self.0.queues.requests.show(state.all);
            if counted {
                state.limited_running -= 1;
                if let Some(other) = state.waiting.pop_front() {
                    self.start(other);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
