//! The control pool: threads that run requests, deferred work and whatever may block in plugin code.
//!
//! It grows when all its threads are busy, so that a plugin that blocks delays nobody else, and shrinks when idle.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// More than this many blocked plugin calls at once make later jobs wait.
const MAX_THREADS: usize = 512;
const IDLE_LIMIT: Duration = Duration::from_secs(30);

pub type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    /// Idle threads end.
    stopping: bool,
    /// Nothing is accepted any more.
    closed: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
}

/// Cloning shares it.
#[derive(Clone, Default)]
pub struct Pool(Arc<Shared>);

impl Pool {
    pub fn new() -> Pool {
        Pool::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job; never runs it on this thread. After [`Pool::stop`] jobs are dropped.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        state.jobs.push_back(Box::new(job));
        if state.jobs.len() <= state.idle || state.threads >= MAX_THREADS {
            self.0.work.notify_one();
            return;
        }
        state.threads += 1;
        let pool = self.clone();
        if let Err(error) = thread::Builder::new().name("janus control".into()).spawn(move || pool.work()) {
            state.threads -= 1;
            tracing::error!("Cannot start a control thread: {error}");
        }
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
            state.idle += 1;
            let (woken, wait) =
                self.0.work.wait_timeout(state, IDLE_LIMIT).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if wait.timed_out() && state.jobs.is_empty() {
                break;
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
        self.0.work.notify_all();
        while state.threads > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.0.done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.closed = true;
        state.threads == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
