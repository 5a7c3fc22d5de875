//! The life of a session's slot, and who is inside it: one word, so that no answer about the one is out of date with
//! the other. Checked in every order of threads by `tests/loom`.
#![forbid(unsafe_code)]

use crate::util::atomic::{AtomicU32, Ordering};

/// How far a life has come, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stage {
    Free = 0,
    /// The plugin's `create_session` is running.
    Creating = 1,
    Live = 2,
    Stopped = 3,
    /// No reference is left; who is inside may stay.
    Ended = 4,
}

/// Below it is counted who is inside.
const STAGE_SHIFT: u32 = 29;

impl Stage {
    const fn bits(self) -> u32 {
        (self as u32) << STAGE_SHIFT
    }

    fn of(word: u32) -> Stage {
        match word >> STAGE_SHIFT {
            0 => Stage::Free,
            1 => Stage::Creating,
            2 => Stage::Live,
            3 => Stage::Stopped,
            _ => Stage::Ended,
        }
    }
}

/// Whom [`Life::enter`] lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Between a successful `create_session` and the stop.
    Alive,
    /// Any that has not ended.
    Exists,
}

/// The content of the slot is now the caller's alone, to be taken out.
#[must_use]
#[derive(Debug)]
pub struct Empty(());

/// Zero bytes are a free slot with nobody inside.
#[derive(Default)]
#[repr(transparent)]
pub struct Life(AtomicU32);

impl Life {
    /// Of a free slot, by the one who has it, after its content was put in. Others may be about to find that they are
    /// not let in.
    pub fn begin(&self) {
        self.0.fetch_add(Stage::Creating.bits(), Ordering::AcqRel);
    }

    #[inline]
    pub fn is_live(&self) -> bool {
        Stage::of(self.0.load(Ordering::Acquire)) == Stage::Live
    }

    pub fn activate(&self) {
        self.step(Stage::Creating, Stage::Live);
    }

    pub fn stop(&self) {
        self.step(Stage::Live, Stage::Stopped);
    }

    fn step(&self, from: Stage, to: Stage) {
        let next = |word| (Stage::of(word) == from).then(|| to.bits() | inside(word));
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }

    /// Idempotent: a plugin that drops a reference too many ends nothing twice.
    pub fn end(&self) -> Option<Empty> {
        let next = |word| match Stage::of(word) {
            Stage::Free | Stage::Ended => None,
            _ => Some(Stage::Ended.bits() | inside(word)),
        };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        self.retire()
    }

    /// Whether the content may be used until [`Life::leave`], which has to follow if so.
    #[inline]
    pub fn enter(&self, need: Need) -> Result<(), Option<Empty>> {
        let stage = Stage::of(self.0.fetch_add(1, Ordering::AcqRel));
        let welcome = match need {
            Need::Alive => stage == Stage::Live,
            Need::Exists => matches!(stage, Stage::Creating | Stage::Live | Stage::Stopped),
        };
        if welcome { Ok(()) } else { Err(self.leave()) }
    }

    #[inline]
    pub fn leave(&self) -> Option<Empty> {
        let left = self.0.fetch_sub(1, Ordering::AcqRel) - 1;
        if left == Stage::Ended.bits() { self.retire() } else { None }
    }

    /// Tried by the ender and by whoever leaves last. Nobody is let in any more once it has ended, so the first who then
    /// finds nobody inside wins.
    fn retire(&self) -> Option<Empty> {
        let ended = Stage::Ended.bits();
        self.0.compare_exchange(ended, 0, Ordering::AcqRel, Ordering::Acquire).ok().map(|_| Empty(()))
    }
}

fn inside(word: u32) -> u32 {
    word & (Stage::Creating.bits() - 1)
}
