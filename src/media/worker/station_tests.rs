//! Many threads that want the core, while its own takes it for steps without a pause. What is counted inside the core is no
//! atomic: two threads in it at a time would lose some. (miri and loom know no membarrier; `tests/tsan/run` has it, too.)

use super::*;
use crate::media::types::EngineConfig;
use crate::media::worker::handle::WorkerHandle;
use crate::media::worker::simulation::shared;
use crate::media::worker::wake::Bell;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// The core changes its thread so often.
const HANDED_OVER: usize = 300;
const TAKERS: usize = 3;
/// Steps in a callback, and between two of them.
const STEPS: usize = 50;

fn core() -> Box<Core> {
    let handle = WorkerHandle::new(0, [Some(1), None], &["192.0.2.1".parse().unwrap()], Bell::new().unwrap());
    Box::new(Core::new(Arc::new(handle), shared(EngineConfig::default()), Vec::new()))
}

/// The station that works now, for the takers.
type Present = Arc<Lock<Exit>>;

struct Counts {
    steps: AtomicUsize,
    /// Steps that were refused, because the core is another thread's.
    refused: AtomicUsize,
    ended: AtomicBool,
}

/// Goes from callback to callback until the core is taken away; true when it never will be.
fn work(station: &mut Station, counts: &Counts) -> bool {
    let count = |station: &mut Station| match station.with(|core| core.owed_packets += 1) {
        Some(()) => counts.steps.fetch_add(1, Ordering::Relaxed),
        None => counts.refused.fetch_add(1, Ordering::Relaxed),
    };
    loop {
        (0..STEPS).for_each(|_| _ = count(station));
        station.lend();
        for _ in 0..2 {
            (0..STEPS).for_each(|_| _ = count(station));
            thread::yield_now();
        }
        if !station.regain() {
            // Inside a callback that is still not over.
            (0..STEPS).for_each(|_| assert!(station.with(|_| ()).is_none()));
            return false;
        }
        if counts.ended.load(Ordering::Relaxed) {
            return true;
        }
    }
}

/// Works again and again, when the core is its turn; the count inside the core, for who has it in the end.
fn worker(parcels: &Lock<Receiver<Parcel>>, present: &Present, counts: &Counts) -> Option<usize> {
    loop {
        let parcel = parcels.lock().recv().ok()?;
        let mut station = Station::of(parcel);
        *present.lock() = station.exit();
        if work(&mut station, counts) {
            return station.with(|core| core.owed_packets);
        }
    }
}

/// Takes the core whenever it can be had, sometimes only to change its mind.
fn take(parcels: &Sender<Parcel>, present: &Present, counts: &Counts, handed_over: &AtomicUsize) {
    let mut tries = 0_usize;
    while !counts.ended.load(Ordering::Relaxed) {
        let exit = present.lock().clone();
        tries += 1;
        if let Some(parcel) = exit.take(|| !tries.is_multiple_of(3)) {
            assert!(exit.take(|| true).is_none(), "taken twice");
            if handed_over.fetch_add(1, Ordering::Relaxed) + 1 >= HANDED_OVER {
                counts.ended.store(true, Ordering::Relaxed);
            }
            parcels.send(parcel).unwrap();
        }
        thread::yield_now();
    }
}

#[test]
fn a_core_is_with_one_thread_at_a_time() {
    let first = Station::new(core());
    let present = Arc::new(Lock::new(first.exit()));
    let mut first = first;
    let counts =
        Counts { steps: AtomicUsize::new(0), refused: AtomicUsize::new(0), ended: AtomicBool::new(false) };
    let handed_over = AtomicUsize::new(0);
    let (send, parcels) = channel();
    let parcels = Lock::new(parcels);
    let last = thread::scope(|scope| {
        for _ in 0..TAKERS {
            let send = send.clone();
            scope.spawn(|| {
                let send = send;
                take(&send, &present, &counts, &handed_over);
            });
        }
        drop(send);
        let others = [(); 2].map(|()| scope.spawn(|| worker(&parcels, &present, &counts)));
        assert!(!work(&mut first, &counts));
        drop(first);
        others.into_iter().find_map(|other| other.join().unwrap())
    });
    assert!(handed_over.load(Ordering::Relaxed) >= HANDED_OVER);
    assert_eq!(last, Some(counts.steps.load(Ordering::Relaxed)));
    assert!(counts.refused.load(Ordering::Relaxed) > 0);
}
