use super::*;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::{Sender, channel};

/// More turns than there are in the time for which something is held back.
const ENOUGH: u32 = 1_000_000;

#[derive(Default)]
struct Seen {
    turn: AtomicBool,
    release: AtomicBool,
}

/// Always has more, until the other one has been released, or it seems that this will never be.
struct Busy {
    turns: AtomicU32,
    /// Each time, or only at first: then it has all that it has already.
    is_told: bool,
    place: Place,
    sockets: (UnixStream, UnixStream),
    seen: Arc<Seen>,
    done: Sender<u32>,
}

/// Has something once, and holds something back.
struct Other(Arc<Seen>);

impl Line for Busy {
    fn turn(self: Arc<Self>) -> Turn {
        let turns = self.turns.fetch_add(1, Ordering::SeqCst);
        if turns == 0 {
            let (ours, other) = &self.sockets;
            self.place.enter(2, other, Arc::new(Other(self.seen.clone()))).unwrap();
            if !self.is_told {
                self.place.mute(ours);
            }
        }
        if turns < ENOUGH && !self.seen.release.load(Ordering::SeqCst) {
            return Turn::Again;
        }
        let _ = self.done.send(turns);
        Turn::Done
    }
    fn release(&self) {}
    fn end(&self) {}
}

impl Line for Other {
    fn turn(self: Arc<Self>) -> Turn {
        match self.0.turn.swap(true, Ordering::SeqCst) {
            false => Turn::Held,
            true => Turn::Done,
        }
    }
    fn release(&self) {
        self.0.release.store(true, Ordering::SeqCst);
    }
    fn end(&self) {}
}

#[test]
fn one_that_always_has_more_keeps_nobody_from_a_turn() {
    for is_told in [true, false] {
        let readers = Readers::default();
        let place = readers.place().unwrap();
        let (done, turns) = channel();
        let seen = Arc::<Seen>::default();
        let sockets = UnixStream::pair().unwrap();
        let busy = Busy { turns: 0.into(), is_told, place: place.clone(), sockets, seen: seen.clone(), done };
        let busy = Arc::new(busy);
        place.enter(1, &busy.sockets.0, busy.clone()).unwrap();
        assert!(turns.recv().unwrap() < ENOUGH);
        assert!(seen.turn.load(Ordering::SeqCst));
        (1..3).for_each(|number| place.leave(number));
    }
}
