//! A worker that goes to sleep, and threads that have something for it. A model in which it sleeps on ends as a deadlock.

use crate::Model;
use crate::bell::{Bell, Until};
use crate::checked::sync::Arc;
use crate::checked::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::checked::thread;

pub const MODELS: &[Model] = &[
    ("bell: what was put down is never slept over", nothing_is_slept_over),
    ("bell: two threads, two sleeps", two_ringers),
    ("bell: who gathers is woken by what is urgent", urgent),
];

fn sleep(bell: &Bell, until: Until, idle: impl FnOnce() -> bool) {
    bell.sleep(until, idle, |may_wait| {
        if may_wait {
            bell.event().wait();
        }
        ((), may_wait)
    });
}

fn nothing_is_slept_over() {
    let bell = Arc::new(Bell::new().unwrap());
    let work = Arc::new(AtomicBool::new(false));
    let other = {
        let (bell, work) = (bell.clone(), work.clone());
        thread::spawn(move || {
            work.store(true, Ordering::Relaxed);
            bell.ring(false);
        })
    };
    while !work.load(Ordering::Relaxed) {
        sleep(&bell, Until::Anything, || !work.load(Ordering::Relaxed));
    }
    other.join().unwrap();
}

fn two_ringers() {
    let bell = Arc::new(Bell::new().unwrap());
    let work = Arc::new(AtomicU32::new(0));
    let others = [(); 2].map(|()| {
        let (bell, work) = (bell.clone(), work.clone());
        thread::spawn(move || {
            work.fetch_add(1, Ordering::Relaxed);
            bell.ring(true);
        })
    });
    let mut done = 0;
    while done < 2 {
        done += work.swap(0, Ordering::Relaxed);
        if done < 2 {
            sleep(&bell, Until::Anything, || work.load(Ordering::Relaxed) == 0);
        }
    }
    for other in others {
        other.join().unwrap();
    }
}

fn urgent() {
    let bell = Arc::new(Bell::new().unwrap());
    let work = Arc::new(AtomicU32::new(0));
    let other = {
        let (bell, work) = (bell.clone(), work.clone());
        thread::spawn(move || {
            work.store(1, Ordering::Relaxed);
            bell.ring(false);
            work.store(2, Ordering::Relaxed);
            bell.ring(true);
        })
    };
    while work.load(Ordering::Relaxed) < 2 {
        sleep(&bell, Until::Urgent, || work.load(Ordering::Relaxed) < 2);
    }
    other.join().unwrap();
}
