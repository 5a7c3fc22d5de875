use super::*;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

const BOUND: Bound = Bound { number: 200, bytes: 10_000 };
const ONE: Source = Source { connection: 1, bytes: 1 };

type Job = Box<dyn FnOnce() + Send>;

impl Task for Job {
    fn run(self) {
        self();
    }
}

struct World {
    pool: Pool,
    lanes: Lanes<Job>,
}

impl World {
    fn new(limit: usize) -> World {
        let pool = Pool::new();
        let lanes = Lanes::new(pool.clone(), limit, BOUND, Arc::default());
        World { pool, lanes }
    }

    /// False when there is no room.
    fn submit(&self, lane: Lane, limited: bool, source: Source, job: impl FnOnce() + Send + 'static) -> bool {
        self.lanes.submit(lane, limited, source, Box::new(job)).is_ok()
    }

    /// A limited job that runs until the result is used.
    fn block(&self, lane: Lane) -> Sender<()> {
        let (open, blocked): (_, Receiver<()>) = channel();
        let (inside, entered) = channel();
        assert!(self.submit(lane, true, ONE, move || {
            inside.send(()).unwrap();
            blocked.recv().unwrap();
        }));
        entered.recv().unwrap();
        open
    }

    fn ends_empty(&self) {
        assert!(self.pool.stop(Duration::from_secs(30)));
        let state = self.lanes.state();
        assert!(state.lanes.is_empty() && state.connections.is_empty() && state.all == Load::default());
    }
}

#[test]
fn order_within_a_lane_and_independence_between() {
    // CP-168
    let world = World::new(0);
    let (done, results) = channel();
    let open = world.block(Lane::Handle { session: 1, handle: 1 });
    for i in 0..100 {
        let done = done.clone();
        assert!(
            world.submit(Lane::Handle { session: 1, handle: 1 }, true, ONE, move || done.send(i).unwrap())
        );
    }
    assert!(world.submit(Lane::Session(1), false, ONE, move || done.send(1000).unwrap()));
    assert_eq!(results.recv(), Ok(1000));
    open.send(()).unwrap();
    assert_eq!(results.iter().take(100).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    world.ends_empty();
}

#[test]
fn the_limit_holds_over_all_lanes() {
    // CP-169
    let world = World::new(1);
    let running = Arc::new(Mutex::new((0, 0)));
    for lane in 0..20 {
        for _ in 0..5 {
            let running = running.clone();
            assert!(world.submit(Lane::Handle { session: 1, handle: lane }, true, ONE, move || {
                {
                    let mut now = running.lock().unwrap();
                    now.0 += 1;
                    assert_eq!(now.0, 1);
                }
                std::thread::yield_now();
                let mut now = running.lock().unwrap();
                now.0 -= 1;
                now.1 += 1;
            }));
        }
    }
    world.ends_empty();
    assert_eq!(*running.lock().unwrap(), (0, 100));
}

#[test]
fn a_panicking_request_does_not_end_its_lane() {
    let world = World::new(1);
    let (done, results) = channel();
    assert!(world.submit(Lane::Session(1), true, ONE, || panic!("on purpose")));
    assert!(world.submit(Lane::Session(1), true, ONE, move || done.send(()).unwrap()));
    assert_eq!(results.recv(), Ok(()));
    world.ends_empty();
}

#[test]
fn a_flooder_is_refused_and_others_are_not() {
    let world = World::new(0);
    let open = world.block(Lane::Handle { session: 1, handle: 1 });
    let (done, results) = channel();
    let one = |lane| {
        let done = done.clone();
        world.submit(lane, true, ONE, move || done.send(lane).unwrap())
    };
    let accepted = (0..1000).filter(|_| one(Lane::Handle { session: 1, handle: 1 })).count();
    assert_eq!(accepted, BOUND.number);
    // Another handle of the same connection, and the reply to what was refused.
    for lane in [Lane::Handle { session: 1, handle: 2 }, Lane::Refusals(1)] {
        assert!(one(lane));
        assert_eq!(results.recv(), Ok(lane));
    }
    open.send(()).unwrap();
    assert_eq!(results.iter().take(accepted).count(), accepted);
    world.ends_empty();
}

#[test]
fn bytes_connections_and_all_together_are_bounded() {
    const BYTES: usize = 4000;
    let world = World::new(1);
    let open = world.block(Lane::Handle { session: 1, handle: 1 });
    // Nothing that is limited runs now, whatever its lane.
    let submit = |lane, connection, bytes| {
        world.submit(Lane::Handle { session: 1, handle: lane }, true, Source { connection, bytes }, || ())
    };
    assert_eq!((0..10).filter(|_| submit(1, 1, BYTES)).count(), BOUND.bytes / BYTES);
    let of_connection = BOUND.bytes * CONNECTION / BYTES;
    assert_eq!((2..1000).filter(|lane| submit(*lane, 1, BYTES)).count(), of_connection - 2 - 1);
    // Each with a connection of its own.
    let large = (10_000..20_000).filter(|number| submit(*number, *number as usize, SMALL + 1)).count();
    assert_eq!(large, 1);
    let more = (2..10).map(|connection| {
        (2..1000).filter(|lane| submit(lane + connection as u64 * 1000, connection, BYTES)).count()
    });
    let more: usize = more.sum();
    assert!(more * BYTES <= BOUND.bytes * ALL, "{more}");
    // There is no room any more, but for a small one of somebody who has nothing waiting.
    assert!(submit(90_000, 90_000, BYTES) && !submit(90_001, 90_000, BYTES));
    open.send(()).unwrap();
    world.ends_empty();
}

#[test]
fn what_is_short_runs_here_unless_its_lane_works() {
    let world = World::new(0);
    let (done, results) = channel();
    let here = thread::current().id();
    let note = |name: &'static str| -> Job {
        let done = done.clone();
        Box::new(move || done.send((name, thread::current().id() == here)).unwrap())
    };
    assert!(world.lanes.run_here(Lane::Session(1), false, ONE, note("free")).is_ok());
    assert_eq!(results.try_recv(), Ok(("free", true)));
    let open = world.block(Lane::Session(1));
    assert!(world.lanes.run_here(Lane::Session(1), false, ONE, note("behind")).is_ok());
    assert!(world.lanes.run_here(Lane::Session(2), false, ONE, note("another lane")).is_ok());
    assert_eq!(results.try_recv(), Ok(("another lane", true)));
    assert!(results.try_recv().is_err());
    open.send(()).unwrap();
    assert_eq!(results.recv(), Ok(("behind", false)));
    world.ends_empty();
}

#[test]
fn what_comes_while_one_runs_here_comes_after_it() {
    let world = World::new(0);
    let (done, results) = channel();
    let (first, lanes) = (done.clone(), world.lanes.clone());
    let job: Job = Box::new(move || {
        let second = done.clone();
        let later: Job = Box::new(move || second.send(2).unwrap());
        assert!(lanes.submit(Lane::Session(1), false, ONE, later).is_ok());
        first.send(1).unwrap();
    });
    assert!(world.lanes.run_here(Lane::Session(1), false, ONE, job).is_ok());
    assert_eq!((results.recv(), results.recv()), (Ok(1), Ok(2)));
    world.ends_empty();
}

#[test]
fn what_is_counted_does_not_run_here() {
    // CP-169
    let (world, here) = (World::new(1), thread::current().id());
    let (done, results) = channel();
    let job: Job = Box::new(move || done.send(thread::current().id() == here).unwrap());
    assert!(world.lanes.run_here(Lane::Session(1), true, ONE, job).is_ok());
    assert_eq!(results.recv(), Ok(false));
    world.ends_empty();
}
