//! A ring's memory in which a thread that reads what another writes, or two that write, end the model.

use super::latest::Latest;
use crate::util::atomic::AtomicU32;
use loom::cell::UnsafeCell as Watched;
use std::cell::{RefCell, UnsafeCell};

pub const CELL: usize = 64;
/// Small, so that a ring is full after two large packets.
pub const LEAST_CELLS: usize = 64;

#[repr(C, align(64))]
struct Cell([u8; CELL]);

pub struct Cells {
    bytes: Box<[UnsafeCell<Cell>]>,
    /// What loom watches, for each cell.
    watched: Box<[Watched<()>]>,
}

// SAFETY: what this crate is there to find out.
unsafe impl Sync for Cells {}

impl Cells {
    pub fn new(cells: usize) -> Cells {
        Cells {
            bytes: (0..cells).map(|_| UnsafeCell::new(Cell([0; CELL]))).collect(),
            watched: (0..cells).map(|_| Watched::new(())).collect(),
        }
    }

    /// # Safety
    /// As in the library.
    pub unsafe fn write<R>(&self, index: usize, count: usize, act: impl FnOnce(*mut u8) -> R) -> R {
        let _writing: Vec<_> = self.watched[index..index + count].iter().map(Watched::get_mut).collect();
        act(self.bytes.as_ptr().wrapping_add(index).cast_mut().cast())
    }

    /// # Safety
    /// As in the library.
    pub unsafe fn read<R>(&self, index: usize, count: usize, act: impl FnOnce(*const u8) -> R) -> R {
        let _reading: Vec<_> = self.watched[index..index + count].iter().map(Watched::get).collect();
        act(self.bytes.as_ptr().wrapping_add(index).cast())
    }
}

pub fn marks(cells: usize) -> Box<[AtomicU32]> {
    (0..cells).map(|_| AtomicU32::new(0)).collect()
}

loom::thread_local! {
    static LATEST: RefCell<Option<Latest>> = RefCell::new(None);
}

pub fn with_latest<R>(act: impl FnOnce(&mut Latest) -> R) -> R {
    LATEST.with(|latest| act(latest.borrow_mut().get_or_insert_with(Latest::new)))
}
