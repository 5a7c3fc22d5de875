//! The memory of a [`Ring`](super::ring::Ring), apart from the rules by which it is shared: `tests/loom` puts a memory in its
//! place that notices when two threads meet.

use super::latest::Latest;
use std::cell::{RefCell, UnsafeCell};
use std::mem::MaybeUninit;
use std::sync::atomic::AtomicU32;

/// Bytes of a cell: a cache line.
pub const CELL: usize = 64;
/// So that a few of the largest packets fit.
pub const LEAST_CELLS: usize = 256;

#[repr(C, align(64))]
struct Cell([MaybeUninit<u8>; CELL]);

pub struct Cells(Box<[UnsafeCell<Cell>]>);

// SAFETY: bytes; who may reach them when is the contract of `write` and `read`.
unsafe impl Sync for Cells {}

impl Cells {
    pub fn new(cells: usize) -> Cells {
        let memory = Box::<[UnsafeCell<Cell>]>::new_uninit_slice(cells);
        // SAFETY: a cell consists of `MaybeUninit`, and `UnsafeCell` has the layout of its content.
        Cells(unsafe { memory.assume_init() })
    }

    /// Calls `act` with the start of `count` cells from `index` on.
    ///
    /// # Safety
    /// No other thread reads or writes them meanwhile, and `act` stays within them.
    #[inline]
    pub unsafe fn write<R>(&self, index: usize, count: usize, act: impl FnOnce(*mut u8) -> R) -> R {
        debug_assert!(index + count <= self.0.len());
        act(UnsafeCell::raw_get(self.0.as_ptr().wrapping_add(index)).cast())
    }

    /// The same for reading.
    ///
    /// # Safety
    /// No other thread writes them meanwhile, and `act` reads only what was written in them.
    #[inline]
    pub unsafe fn read<R>(&self, index: usize, count: usize, act: impl FnOnce(*const u8) -> R) -> R {
        debug_assert!(index + count <= self.0.len());
        act(UnsafeCell::raw_get(self.0.as_ptr().wrapping_add(index)).cast_const().cast())
    }
}

/// As many marks, all 0.
pub fn marks(cells: usize) -> Box<[AtomicU32]> {
    let marks = Box::<[AtomicU32]>::new_zeroed_slice(cells);
    // SAFETY: zero bytes are an `AtomicU32` of 0.
    unsafe { marks.assume_init() }
}

thread_local! {
    static LATEST: RefCell<Option<Latest>> = const { RefCell::new(None) };
}

/// What this thread has put into rings last.
#[inline]
pub fn with_latest<R>(act: impl FnOnce(&mut Latest) -> R) -> R {
    LATEST.with_borrow_mut(|latest| act(latest.get_or_insert_with(Latest::new)))
}
