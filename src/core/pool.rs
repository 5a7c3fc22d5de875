//! The control pool: threads that run requests, deferred work and whatever may block in plugin code.
//!
//! It grows when all its threads are busy, so that a plugin that blocks delays nobody else. A job goes to the thread that
//! became idle last, so that the others stay idle, and end.

use crate::util::lock::{Guard, Lock};
use crate::util::thread::spawn_for_modules;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// More than this many blocked plugin calls at once make later jobs wait.
const MAX_THREADS: usize = 512;
const IDLE_LIMIT: Duration = Duration::from_secs(5);

pub type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Waiting for a job, the latest last.
    idle: Vec<Thread>,
    /// Idle threads end.
    stopping: bool,
    /// Nothing is accepted any more.
    closed: bool,
}

#[derive(Default)]
struct Shared {
    state: Lock<State>,
    done: Condvar,
}

/// Cloning shares it.
#[derive(Clone, Default)]
pub struct Pool(Arc<Shared>);

impl Pool {
    pub fn new() -> Pool {
        Pool::default()
    }

    fn state(&self) -> Guard<'_, State> {
        self.0.state.lock()
    }

    /// Queues a job; never runs it on this thread. After [`Pool::stop`] jobs are dropped.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        state.jobs.push_back(Box::new(job));
        if let Some(thread) = state.idle.pop() {
            thread.unpark();
            return;
        }
        if state.threads >= MAX_THREADS {
            return;
        }
        state.threads += 1;
        let pool = self.clone();
        if let Err(error) = spawn_for_modules("janus control", move || pool.work()) {
            state.threads -= 1;
            tracing::error!("Cannot start a control thread: {error}");
        }
    }

    /// Jobs that wait, and threads.
    pub fn figures(&self) -> (usize, usize) {
        let state = self.state();
        (state.jobs.len(), state.threads)
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                if catch_unwind(AssertUnwindSafe(job)).is_err() {
                    tracing::error!("A control job panicked");
                }
                state = self.state();
                continue;
            }
            if state.stopping {
                break;
            }
            let me = thread::current();
            state.idle.push(me.clone());
            drop(state);
            thread::park_timeout(IDLE_LIMIT);
            state = self.state();
            // Still in the list: no job woke it.
            if let Some(place) = state.idle.iter().position(|thread| thread.id() == me.id()) {
                state.idle.remove(place);
                if state.jobs.is_empty() {
                    break;
                }
            }
        }
        state.threads -= 1;
        self.0.done.notify_all();
    }

    /// Runs what is queued (and what that queues), waits for the threads, then takes nothing new; false when some
    /// are still busy after `limit` (a plugin that does not return).
    pub fn stop(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.state();
        state.stopping = true;
        state.idle.drain(..).for_each(|thread| thread.unpark());
        while state.threads > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = state.wait_timeout(&self.0.done, left);
        }
        state.closed = true;
        state.threads == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc;

    #[test]
    fn blocked_jobs_do_not_delay_others() {
        let pool = Pool::new();
        let (release, blocked) = mpsc::channel::<()>();
        let (done, results) = mpsc::channel();
        let first = done.clone();
        pool.run(move || {
            blocked.recv().ok();
            first.send(1).unwrap();
        });
        pool.run(move || done.send(2).unwrap());
        assert_eq!(results.recv(), Ok(2));
        release.send(()).unwrap();
        assert_eq!(results.recv(), Ok(1));
        assert!(pool.stop(Duration::from_secs(10)));
    }

    #[test]
    fn one_thread_serves_what_comes_one_by_one() {
        let pool = Pool::new();
        let (release, blocked) = mpsc::channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        for _ in 0..4 {
            let blocked = blocked.clone();
            pool.run(move || blocked.lock().unwrap().recv().unwrap());
        }
        assert_eq!(pool.state().threads, 4);
        (0..4).for_each(|_| release.send(()).unwrap());
        let mut used = std::collections::HashSet::new();
        for _ in 0..20 {
            let busy = |state: Guard<State>| state.idle.len() < state.threads;
            while busy(pool.state()) {
                thread::yield_now();
            }
            let (done, result) = mpsc::channel();
            pool.run(move || done.send(thread::current().id()).unwrap());
            used.insert(result.recv().unwrap());
        }
        assert_eq!(used.len(), 1);
        assert!(pool.stop(Duration::from_secs(10)));
    }

    #[test]
    fn stop_runs_what_is_queued_and_survives_panics() {
        let pool = Pool::new();
        let (done, results) = mpsc::channel();
        pool.run(|| panic!("on purpose"));
        for i in 0..10 {
            let done = done.clone();
            pool.run(move || done.send(i).unwrap());
        }
        assert!(pool.stop(Duration::from_secs(10)));
        pool.run(move || done.send(99).unwrap());
        let mut all: Vec<i32> = results.iter().collect();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }
}
