//! The life of a slot: what it owns is never touched by two, and is taken out exactly once.

use crate::Model;
use crate::checked::cell::UnsafeCell;
use crate::checked::sync::Arc;
use crate::checked::sync::atomic::{AtomicU32, Ordering};
use crate::checked::thread;
use crate::life::{Empty, Life, Need};

pub const MODELS: &[Model] = &[
    ("life: callers inside while it ends", callers_and_end),
    ("life: stopped and ended beside a caller", stop_and_end),
    ("life: ended twice", ended_twice),
    ("life: used again at once beside a stale pointer", used_again),
];

/// A slot and what it owns.
struct Slot {
    life: Life,
    owner: UnsafeCell<u32>,
    emptied: AtomicU32,
}

impl Slot {
    fn live() -> Arc<Slot> {
        let slot = Slot { life: Life::default(), owner: UnsafeCell::new(0), emptied: AtomicU32::new(0) };
        slot.fill(1);
        slot.life.activate();
        Arc::new(slot)
    }

    fn fill(&self, owner: u32) {
        // SAFETY: loom watches, or ThreadSanitizer.
        self.owner.with_mut(|place| unsafe { *place = owner });
        self.life.begin();
    }

    fn clear(&self, empty: Option<Empty>) -> bool {
        let mine = empty.is_some();
        if mine {
            // SAFETY: loom watches, or ThreadSanitizer.
            self.owner.with_mut(|place| unsafe { *place = 0 });
            self.emptied.fetch_add(1, Ordering::Release);
        }
        mine
    }

    /// What was owned by the slot that let us in.
    fn visit(&self, need: Need) -> Option<u32> {
        match self.life.enter(need) {
            Ok(()) => {
                // SAFETY: loom watches, or ThreadSanitizer.
                let owner = self.owner.with(|place| unsafe { *place });
                self.clear(self.life.leave());
                Some(owner)
            }
            Err(empty) => {
                self.clear(empty);
                None
            }
        }
    }
}

fn callers_and_end() {
    let slot = Slot::live();
    let callers = [Need::Alive, Need::Exists].map(|need| {
        let slot = slot.clone();
        thread::spawn(move || assert!(matches!(slot.visit(need), None | Some(1))))
    });
    slot.clear(slot.life.end());
    for caller in callers {
        caller.join().unwrap();
    }
    assert_eq!(slot.emptied.load(Ordering::Acquire), 1);
    assert_eq!(slot.visit(Need::Exists), None);
}

fn stop_and_end() {
    let slot = Slot::live();
    let ender = {
        let slot = slot.clone();
        thread::spawn(move || {
            slot.life.stop();
            assert_eq!(slot.visit(Need::Alive), None, "nobody alive behind a stop");
            slot.clear(slot.life.end());
        })
    };
    assert!(matches!(slot.visit(Need::Exists), None | Some(1)));
    ender.join().unwrap();
    assert_eq!(slot.emptied.load(Ordering::Acquire), 1);
}

fn ended_twice() {
    let slot = Slot::live();
    let enders = [(); 2].map(|()| {
        let slot = slot.clone();
        thread::spawn(move || slot.clear(slot.life.end()))
    });
    assert!(matches!(slot.visit(Need::Alive), None | Some(1)));
    for ender in enders {
        ender.join().unwrap();
    }
    assert_eq!(slot.emptied.load(Ordering::Acquire), 1);
}

/// The library lets a slot rest for a minute. Nothing unsound comes of it when it does not.
fn used_again() {
    let slot = Slot::live();
    let stale = {
        let slot = slot.clone();
        thread::spawn(move || assert!(matches!(slot.visit(Need::Exists), None | Some(1 | 2))))
    };
    if slot.clear(slot.life.end()) {
        slot.fill(2);
        slot.life.activate();
        assert_eq!(slot.visit(Need::Alive), Some(2));
        slot.clear(slot.life.end());
    }
    stale.join().unwrap();
    let emptied = slot.emptied.load(Ordering::Acquire);
    assert!(emptied == 1 || emptied == 2, "{emptied}");
}
