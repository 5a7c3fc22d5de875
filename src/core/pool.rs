//! The control pool: threads that run requests, deferred work and whatever may block in plugin code (decision 27).
//!
//! One thread works through the queue. While others are put in behind what it runs, a second one, the overseer, looks every
//! [`PATIENCE`] whether the first job has been waiting since its last look. Then whoever is still busy with the same job is
//! given up on (a plugin blocks it) until it returns, and others are called, twice as many each time. So what is short
//! wakes nobody, and what blocks delays nobody for longer than two looks.

use crate::util::lock::{Guard, Lock};
use crate::util::relief;
use crate::util::thread::{spawn_for_modules, yield_when_woken};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// More than this many blocked plugin calls at once make later jobs wait.
const MAX_THREADS: usize = 512;
const IDLE_LIMIT: Duration = Duration::from_secs(5);
/// What the overseer sleeps between two looks.
const PATIENCE: Duration = Duration::from_millis(1);

pub type Job = Box<dyn FnOnce() + Send>;

/// What a thread is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Work,
    Oversee,
}

struct Idle {
    thread: Thread,
    /// Set by whoever wakes it, behind the lock.
    call: Arc<Lock<Option<Call>>>,
}

/// A thread that has been given a call. It is woken after the lock has been let go: on one core it runs at once, and would
/// only find the lock taken.
#[must_use]
struct Called(Option<Thread>);

impl Called {
    fn wake(self) {
        if let Some(thread) = self.0 {
            thread.unpark();
        }
    }
}

/// A job that runs.
struct Running {
    thread: usize,
    /// The look before it began.
    since: u64,
    /// Nobody counts on the thread until it returns.
    given_up: bool,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Jobs that were ever put in and taken out.
    pushed: u64,
    taken: u64,
    threads: usize,
    /// The number of the next thread.
    number: usize,
    /// Threads that look for jobs, or run one and have not been given up on.
    busy: usize,
    running: Vec<Running>,
    /// The latest last.
    idle: Vec<Idle>,
    is_overseen: bool,
    looks: u64,
    /// Other threads, in what would be jobs.
    guests: usize,
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

    /// How many it was ever given.
    pub fn jobs(&self) -> u64 {
        self.state().pushed
    }

    /// Queues a job; never runs it on this thread. After [`Pool::stop`] jobs are dropped.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        state.jobs.push_back(Box::new(job));
        state.pushed += 1;
        let call = if state.busy == 0 || state.stopping {
            Call::Work
        } else if state.is_overseen {
            return;
        } else {
            Call::Oversee
        };
        let called = self.call(&mut state, call);
        drop(state);
        if let Some(called) = called {
            called.wake();
        }
    }

    /// Does on this thread what could be a job: [`Pool::stop`] waits for it, too. `None`: it is too late.
    pub fn here<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        struct Leave<'a>(&'a Pool);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                let mut state = self.0.state();
                state.guests -= 1;
                if state.stopping {
                    self.0.0.done.notify_all();
                }
            }
        }
        let mut state = self.state();
        if state.closed {
            return None;
        }
        state.guests += 1;
        drop(state);
        let _leave = Leave(self);
        Some(act())
    }

    /// Finds or starts a thread; none when there are too many.
    fn call(&self, state: &mut State, call: Call) -> Option<Called> {
        match call {
            Call::Work => state.busy += 1,
            Call::Oversee => state.is_overseen = true,
        }
        if let Some(idle) = state.idle.pop() {
            *idle.call.lock() = Some(call);
            return Some(Called(Some(idle.thread)));
        }
        if state.threads < MAX_THREADS {
            state.threads += 1;
            state.number += 1;
            let (pool, number) = (self.clone(), state.number);
            match spawn_for_modules("janus control", move || pool.live(number, call)) {
                Ok(_) => return Some(Called(None)),
                Err(error) => {
                    state.threads -= 1;
                    tracing::error!("Cannot start a control thread: {error}");
                }
            }
        }
        match call {
            Call::Work => state.busy -= 1,
            Call::Oversee => state.is_overseen = false,
        }
        None
    }

    /// Jobs that wait, and threads.
    pub fn figures(&self) -> (usize, usize) {
        let state = self.state();
        (state.jobs.len(), state.threads)
    }

    /// The life of one thread.
    fn live(&self, number: usize, first: Call) {
        relief::is_free();
        let call = Arc::new(Lock::new(None));
        let mut next = Some(first);
        let mut state = self.state();
        while let Some(now) = next {
            state = match now {
                Call::Work => self.work(number, state),
                Call::Oversee => self.oversee(state),
            };
            if state.stopping {
                break;
            }
            let thread = thread::current();
            state.idle.push(Idle { thread, call: call.clone() });
            drop(state);
            // A transport that has more requests in hand hands them all over first.
            yield_when_woken();
            thread::park_timeout(IDLE_LIMIT);
            state = self.state();
            next = call.lock().take();
            if next.is_none() {
                state.idle.retain(|idle| !Arc::ptr_eq(&idle.call, &call));
            }
        }
        state.threads -= 1;
        self.0.done.notify_all();
    }

    /// Runs jobs until there are none.
    fn work<'a>(&'a self, number: usize, mut state: Guard<'a, State>) -> Guard<'a, State> {
        while let Some(job) = state.jobs.pop_front() {
            state.taken += 1;
            let since = state.looks;
            state.running.push(Running { thread: number, since, given_up: false });
            drop(state);
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("A control job panicked");
            }
            state = self.state();
            let place = state.running.iter().position(|running| running.thread == number);
            if place.is_some_and(|place| state.running.swap_remove(place).given_up) {
                state.busy += 1;
            }
        }
        state.busy -= 1;
        state
    }

    /// Looks until nothing has come between two looks.
    fn oversee<'a>(&'a self, mut state: Guard<'a, State>) -> Guard<'a, State> {
        let mut more = 1;
        let mut called = Vec::new();
        loop {
            let pushed = state.pushed;
            drop(state);
            called.drain(..).for_each(Called::wake);
            thread::park_timeout(PATIENCE);
            state = self.state();
            state.looks += 1;
            if state.taken < pushed && !state.jobs.is_empty() {
                let State { running, busy, looks, .. } = &mut *state;
                for running in running.iter_mut().filter(|r| !r.given_up && r.since + 1 < *looks) {
                    running.given_up = true;
                    *busy -= 1;
                }
                for _ in 0..more.min(state.jobs.len()) {
                    let Some(one) = self.call(&mut state, Call::Work) else { break };
                    called.push(one);
                }
                more = (more * 2).min(MAX_THREADS);
            } else {
                more = 1;
            }
            if state.stopping || (state.jobs.is_empty() && state.pushed == pushed) {
                state.is_overseen = false;
                called.drain(..).for_each(Called::wake);
                return state;
            }
        }
    }

    /// Runs what is queued (and what that queues), waits for the threads, then takes nothing new; false when some
    /// are still busy after `limit` (a plugin that does not return).
    pub fn stop(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.state();
        state.stopping = true;
        for _ in 0..state.jobs.len() {
            self.call(&mut state, Call::Work).into_iter().for_each(Called::wake);
        }
        state.idle.drain(..).for_each(|idle| idle.thread.unpark());
        while state.threads + state.guests > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = state.wait_timeout(&self.0.done, left);
        }
        state.closed = true;
        state.threads + state.guests == 0
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
        // The second finds the first given up on.
        for number in 2..4 {
            let done = done.clone();
            pool.run(move || done.send(number).unwrap());
            assert_eq!(results.recv(), Ok(number));
        }
        release.send(()).unwrap();
        assert_eq!(results.recv(), Ok(1));
        assert!(pool.stop(Duration::from_secs(10)));
    }

    #[test]
    fn many_that_block_do_not_delay_others_and_return_to_work() {
        let pool = Pool::new();
        let (release, blocked) = mpsc::channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        for _ in 0..100 {
            let blocked = blocked.clone();
            pool.run(move || blocked.lock().unwrap().recv().unwrap());
        }
        let (done, results) = mpsc::channel();
        pool.run(move || done.send(()).unwrap());
        results.recv().unwrap();
        // Each look calls twice as many as the one before.
        assert!(pool.state().looks < 100);
        (0..100).for_each(|_| release.send(()).unwrap());
        // Those that were given up on are not busy until they return.
        loop {
            let state = pool.state();
            if state.busy == 0 && state.running.is_empty() {
                assert!(state.jobs.is_empty());
                break;
            }
            drop(state);
            thread::yield_now();
        }
        assert!(pool.stop(Duration::from_secs(10)));
    }

    #[test]
    fn one_thread_serves_what_is_short() {
        let pool = Pool::new();
        let threads = Arc::new(Mutex::new(std::collections::HashSet::new()));
        for _ in 0..200 {
            let (done, results) = mpsc::channel();
            for _ in 0..8 {
                let (done, threads) = (done.clone(), threads.clone());
                pool.run(move || {
                    threads.lock().unwrap().insert(thread::current().id());
                    done.send(()).unwrap();
                });
            }
            (0..8).for_each(|_| results.recv().unwrap());
            while pool.state().busy > 0 {
                thread::yield_now();
            }
        }
        // One works and one looks, on a quiet machine; each look that comes late may find that the first does, too.
        let looks = pool.state().looks as usize;
        assert!(threads.lock().unwrap().len() <= 2 + looks, "{} threads", threads.lock().unwrap().len());
        assert!(pool.stop(Duration::from_secs(10)));
    }

    #[test]
    fn stop_waits_for_guests() {
        let pool = Pool::new();
        let (open, gate) = mpsc::channel::<()>();
        let (inside, entered) = mpsc::channel();
        let guest = pool.clone();
        let thread = thread::spawn(move || {
            guest.here(|| {
                inside.send(()).unwrap();
                gate.recv().unwrap();
            })
        });
        entered.recv().unwrap();
        // It is at the gate, however long anybody waits.
        assert!(!pool.stop(Duration::ZERO));
        assert_eq!(pool.here(|| ()), None);
        open.send(()).unwrap();
        assert_eq!(thread.join().unwrap(), Some(()));
        assert!(pool.stop(Duration::from_secs(30)));
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
