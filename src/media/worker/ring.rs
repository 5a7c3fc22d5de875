//! RTP from threads that do not own the receiver: a bounded ring of bytes, many writers, one reader, no lock. Writers have
//! the [`Ring`]; the one [`Reader`] of it can be sent to another thread, but neither shared nor copied.
//!
//! A plugin relays the same payload to receiver after receiver, with other headers. So a packet is a *note* of one cell
//! (whom it is for, and its header), which names its *body* (payload and extensions). The body lies behind the first
//! note that needs it, and later ones of the same thread point back to it: thousands of receivers cost one copy of the
//! payload and a cell each.
//!
//! * Positions count cells and only grow. A writer claims cells by moving `write`, fills them, and sets the mark of its
//!   first cell; the reader takes packet by packet in the order of the claims, and clears the marks.
//! * The reader gives cells free `keep` cells later than it has read them. So whoever writes a note at most `keep` cells
//!   behind a body knows that the body will still be there when that note is read.
//! * When the reader has emptied the ring, it sends the writers back to the first cell, by moving `write` to the start of
//!   the next *era* (the upper bits of a position). So memory is touched only as far as packets have ever piled up, and
//!   the same few cells, still in the cache, serve again and again.

use super::latest::{Latest, MAX_DESCRIPTOR, ROOM};
use super::memory::{CELL, Cells, LEAST_CELLS, marks, with_latest};
use super::share::Share;
use crate::media::address::{Addressee, Urgency};
use crate::media::streams::Parts;
use crate::media::types::{Mindex, RtpOut};
use crate::rtp::Extensions;
use crate::rtp::header::FIXED_LEN;
use crate::util::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::cell::Cell as OneThread;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

/// Older packets are dropped (MP-170): the worker was kept from its work. ms
const MAX_AGE: i32 = 1000;
/// Bits of a position that count cells within an era. Without ever being empty the ring lasts for 2^36 cells, which is
/// hours at a million packets a second; then it counts as full until it is empty.
const ERA_BITS: u32 = 36;
/// The part of a position that counts cells within its era.
const OFFSET: u64 = (1 << ERA_BITS) - 1;
/// In a mark: nothing here, the packet begins at the first cell.
const SKIP: u32 = 1 << 31;
/// Sixteenths of the cells. While no more than `CALM` of them are in use (two of those are kept after they were read), nothing is
/// counted; from there on a PeerConnection gets `EACH`. So it never has more than a quarter of the ring.
const CALM: u64 = 3;
const EACH: u64 = 1;

/// What each packet has of its own.
#[derive(Clone, Copy)]
struct Note {
    to: Addressee,
    mindex: Mindex,
    header: [u8; FIXED_LEN],
    video: bool,
    urgency: Urgency,
    /// Its cells belong to the [`Share`] of whom it is for.
    counted: bool,
    /// As [`coarse_time`] tells it.
    since: u32,
    /// Position of its body.
    body: u64,
}

/// What packets may share; the bytes of payload and dependency descriptor follow.
#[derive(Clone, Copy)]
struct Body {
    extensions: Extensions<'static>,
    payload: usize,
    descriptor: usize,
}

const _: () = assert!(size_of::<Note>() <= CELL && align_of::<Note>() <= CELL && align_of::<Body>() <= CELL);

/// On a cache line of its own.
#[repr(align(64))]
struct Apart<T>(T);

/// The writers' half.
pub struct Ring {
    /// Unique in the process, as rings come and go.
    id: u64,
    /// By cell: 0 = not written yet; else how many cells the packet has that begins here, or how many are left empty.
    marks: Box<[AtomicU32]>,
    cells: Cells,
    /// How long cells stay after they were read.
    keep: u64,
    /// The next position to be claimed.
    write: Apart<AtomicU64>,
    /// The next position to be read; only the reader's.
    read: Apart<AtomicU64>,
    /// Everything before this position may be overwritten. Written by the reader; never behind what it has read.
    free: AtomicU64,
    dropped: AtomicU64,
    /// Packets that were too old; only the reader writes it, and the time of the latest [`Reader::begin`].
    late: AtomicU64,
    now: AtomicU32,
    /// Something was put in that must not wait.
    hurry: AtomicBool,
    /// There is a reader.
    has_reader: AtomicBool,
}

/// The reader's half of a [`Ring`] that lies inside a `T`. There is never more than one.
///
/// It cannot be shared between threads:
/// ```compile_fail,E0277
/// # use janus_rs::media::worker::ring::{Reader, Ring};
/// fn shared<T: Sync>() {}
/// shared::<Reader<Ring>>();
/// ```
/// nor copied:
/// ```compile_fail,E0599
/// # use janus_rs::media::worker::ring::{Reader, Ring};
/// # use std::sync::Arc;
/// let reader: Reader<Ring> = Reader::of(Arc::new(Ring::new(256)), |ring| ring).unwrap();
/// let second = reader.clone();
/// ```
/// and writers cannot read:
/// ```compile_fail,E0599
/// # use janus_rs::media::worker::ring::Ring;
/// Ring::new(256).pop(|_, _, _| {});
/// ```
pub struct Reader<T> {
    /// Inside `owner`; kept apart so that reading goes no longer way.
    ring: NonNull<Ring>,
    owner: Arc<T>,
    /// What the last packet has to give back to the share of whom it was for.
    owed: Option<(Addressee, u32)>,
    one_thread: PhantomData<OneThread<()>>,
}

// SAFETY: the ring may be used on any thread, so long as one `Reader` does the reading.
unsafe impl<T: Send + Sync> Send for Reader<T> {}

/// Cells that belong to a writer.
struct Claim {
    /// Left empty up to the last cell, because the packet did not fit there.
    skipped: u64,
    /// Where the packet begins.
    note: u64,
    cells: u64,
    /// Where its body is, and whether it has to be written.
    body: u64,
    is_new: bool,
    counted: bool,
}

impl Ring {
    /// `cells` of 64 bytes, rounded up to a power of two, and to a few of the largest packets.
    pub fn new(cells: usize) -> Ring {
        static NEXT_ID: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let cells = cells.next_power_of_two().max(LEAST_CELLS);
        // Neither touches the memory.
        Ring {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            marks: marks(cells),
            cells: Cells::new(cells),
            keep: cells as u64 / 8,
            write: Apart(AtomicU64::new(0)),
            read: Apart(AtomicU64::new(0)),
            free: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            late: AtomicU64::new(0),
            now: AtomicU32::new(0),
            hurry: AtomicBool::new(false),
            has_reader: AtomicBool::new(false),
        }
    }

    /// Packets that found the ring full, or their share of it, were too large, too old, or no RTP.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed) + self.late()
    }

    /// Those of them that were too old.
    pub fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    /// Takes the packet in, and says how soon the reader has to look; `None` when it was dropped. `share` is that of whom it is
    /// for. Any thread.
    pub fn push(
        &self,
        to: Addressee,
        share: &Share,
        packet: &RtpOut<'_>,
        urgency: Urgency,
    ) -> Option<Urgency> {
        let written = Parts::of(packet).and_then(|mut parts| {
            if parts.extensions.dependency_descriptor.len() > MAX_DESCRIPTOR {
                parts.extensions.dependency_descriptor = &[];
            }
            with_latest(|latest| self.put(latest, (to, share), &parts, urgency))
        });
        let Some(end) = written else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let used = end.wrapping_sub(later(self.free.load(Ordering::Relaxed), end & !OFFSET));
        if urgency == Urgency::WithFrame && used < self.capacity() / 2 {
            return Some(Urgency::WithFrame);
        }
        self.hurry.store(true, Ordering::Release);
        Some(Urgency::Now)
    }

    /// Returns the position behind the packet.
    fn put(
        &self,
        latest: &mut Latest,
        (to, share): (Addressee, &Share),
        parts: &Parts<'_>,
        urgency: Urgency,
    ) -> Option<u64> {
        let bytes = parts.payload.len() + parts.extensions.dependency_descriptor.len();
        if bytes > ROOM {
            return None;
        }
        if !latest.is(parts) {
            latest.set(parts);
        }
        let known = latest.place(self.id);
        let body = (size_of::<Body>() + bytes).div_ceil(CELL) as u64;
        let claim = self.claim(known.as_deref().copied(), body, share)?;
        let Parts { mindex, header, video, .. } = *parts;
        let (counted, body) = (claim.counted, claim.body);
        let note = Note { to, mindex, header, video, urgency, counted, since: coarse_time(), body };
        // SAFETY: the claim gives these cells to this thread alone until it sets their mark; a note fits a cell.
        unsafe { self.cells.write(self.index(claim.note), 1, |cell| cell.cast::<Note>().write(note)) };
        if claim.is_new {
            // SAFETY: as above; the claim is for a body of this size as well.
            unsafe { self.write_body(claim.body, parts) };
            match known {
                Some(place) => *place = claim.body,
                None => latest.placed(self.id, claim.body),
            }
        }
        if claim.skipped > 0 {
            let before = claim.note.wrapping_sub(claim.skipped);
            self.mark(before).store(claim.skipped as u32 | SKIP, Ordering::Release);
        }
        self.mark(claim.note).store(claim.cells as u32, Ordering::Release);
        Some(claim.note.wrapping_add(claim.cells))
    }

    /// # Safety
    /// The cells from `position` on that the body takes belong to this thread.
    unsafe fn write_body(&self, position: u64, parts: &Parts<'_>) {
        let extensions = Extensions { dependency_descriptor: &[], ..parts.extensions };
        let (payload, descriptor) = (parts.payload, parts.extensions.dependency_descriptor);
        let body = Body { extensions, payload: payload.len(), descriptor: descriptor.len() };
        let cells = (size_of::<Body>() + body.payload + body.descriptor).div_ceil(CELL);
        // SAFETY: by the contract all of it is ours, and aligned to a cell.
        unsafe {
            self.cells.write(self.index(position), cells, |start| {
                start.cast::<Body>().write(body);
                let bytes = start.add(size_of::<Body>());
                bytes.copy_from_nonoverlapping(payload.as_ptr(), payload.len());
                bytes.add(payload.len()).copy_from_nonoverlapping(descriptor.as_ptr(), descriptor.len());
            });
        }
    }

    /// Claims a cell for a note, and `body` cells for its body unless that is `known` and near. `None`: full, or more than the
    /// share of whom it is for.
    fn claim(&self, known: Option<u64>, body: u64, share: &Share) -> Option<Claim> {
        // Acquire: with the start of an era the reader has given everything before it free.
        let mut position = self.write.0.load(Ordering::Acquire);
        loop {
            let era = position & !OFFSET;
            let near = |at: &u64| at & !OFFSET == era && position.wrapping_sub(*at) <= self.keep;
            let known = known.filter(near);
            let cells = if known.is_some() { 1 } else { 1 + body };
            let left = self.capacity() - (position & (self.capacity() - 1));
            let skipped = if cells > left { left } else { 0 };
            let next = position.wrapping_add(skipped + cells);
            let free = later(self.free.load(Ordering::Acquire), era);
            // When `position` is no longer the latest, the reader may have passed it. Then the exchange fails.
            if is_after(next, free.wrapping_add(self.capacity())) || next & !OFFSET != era {
                return None;
            }
            let counted = next.wrapping_sub(free) > self.capacity() / 16 * CALM;
            if counted && !share.has_room(cells, self.capacity() / 16 * EACH) {
                share.refuse();
                return None;
            }
            let claimed =
                self.write.0.compare_exchange_weak(position, next, Ordering::AcqRel, Ordering::Acquire);
            match claimed {
                Ok(_) => {
                    if counted {
                        // Before the mark is set, and with it before the reader gives anything back.
                        share.take(cells);
                    }
                    let note = position.wrapping_add(skipped);
                    let body = known.unwrap_or(note.wrapping_add(1));
                    return Some(Claim { skipped, note, cells, body, is_new: known.is_none(), counted });
                }
                Err(now) => position = now,
            }
        }
    }

    fn capacity(&self) -> u64 {
        self.marks.len() as u64
    }

    fn index(&self, position: u64) -> usize {
        (position & (self.capacity() - 1)) as usize
    }

    fn mark(&self, position: u64) -> &AtomicU32 {
        &self.marks[self.index(position)]
    }
}

impl<T> Reader<T> {
    /// The reader of the ring that `find` finds in `owner`; `None` while it has another one.
    pub fn of(owner: Arc<T>, find: impl FnOnce(&T) -> &Ring) -> Option<Reader<T>> {
        let ring = find(&owner);
        if ring.has_reader.swap(true, Ordering::AcqRel) {
            return None;
        }
        Some(Reader { ring: NonNull::from(ring), owner, owed: None, one_thread: PhantomData })
    }

    pub fn owner(&self) -> &Arc<T> {
        &self.owner
    }

    #[inline]
    fn ring(&self) -> &Ring {
        // SAFETY: `find` borrowed it from the content of `owner`, which stays where it is and is lent out for reading
        // only as long as this reader holds it.
        unsafe { self.ring.as_ref() }
    }

    /// Whether something in it must not wait, or it is half full.
    pub fn is_urgent(&self) -> bool {
        self.ring().hurry.load(Ordering::Acquire)
    }

    /// Before everything is taken out.
    pub fn begin(&mut self) {
        self.begin_at(coarse_time());
    }

    fn begin_at(&mut self, now: u32) {
        self.ring().now.store(now, Ordering::Relaxed);
        if self.is_urgent() {
            // A swap, so that the packet behind the latest `true` is seen by what follows.
            self.ring().hurry.swap(false, Ordering::AcqRel);
        }
    }

    /// Nothing can be taken out.
    pub fn is_empty(&self) -> bool {
        self.ring().mark(self.ring().read.0.load(Ordering::Relaxed)).load(Ordering::Acquire) == 0
    }

    /// Hands the oldest packet to `use_it`, unless it is too old; false when there is none.
    pub fn pop(&mut self, use_it: impl FnOnce(Addressee, &Parts<'_>, Urgency)) -> bool {
        loop {
            let position = self.ring().read.0.load(Ordering::Relaxed);
            let mark = self.ring().mark(position).load(Ordering::Acquire);
            if mark == 0 {
                self.start_over(position);
                return false;
            }
            self.free_before(position);
            self.ring().mark(position).store(0, Ordering::Relaxed);
            self.ring().read.0.store(position.wrapping_add(u64::from(mark & !SKIP)), Ordering::Relaxed);
            if mark & SKIP == 0 {
                // SAFETY: the mark says that a note was written here, and this is the only reader; what was read is not
                // given free before the next call.
                unsafe { self.read_at(position, mark, use_it) };
                return true;
            }
        }
    }

    /// Whose share gets back how many cells: has to be asked after each [`Reader::pop`].
    #[inline]
    pub fn owed(&mut self) -> Option<(Addressee, u32)> {
        self.owed.take()
    }

    /// # Safety
    /// A writer has set the mark of a note of so many `cells` at `position`, and `free` is not beyond `position - keep`.
    unsafe fn read_at(
        &mut self,
        position: u64,
        cells: u32,
        use_it: impl FnOnce(Addressee, &Parts<'_>, Urgency),
    ) {
        let ring = self.ring();
        // SAFETY: by the contract there is a note.
        let note = unsafe { ring.cells.read(ring.index(position), 1, |cell| cell.cast::<Note>().read()) };
        if note.counted {
            self.owed = Some((note.to, cells));
        }
        let ring = self.ring();
        if ring.now.load(Ordering::Relaxed).wrapping_sub(note.since).cast_signed() > MAX_AGE {
            ring.late.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let place = ring.index(note.body);
        // SAFETY: its body was written before it by the same thread, at most `keep` cells before and in the same era, so
        // that its cells are not free either.
        let body = unsafe { ring.cells.read(place, 1, |cell| cell.cast::<Body>().read()) };
        let cells = (size_of::<Body>() + body.payload + body.descriptor).div_ceil(CELL);
        // SAFETY: as above; the body is followed by as many bytes as it says, without a gap, since no packet goes beyond
        // the last cell.
        unsafe {
            ring.cells.read(place, cells, |start| {
                let bytes = start.add(size_of::<Body>());
                let payload = std::slice::from_raw_parts(bytes, body.payload);
                let descriptor = std::slice::from_raw_parts(bytes.add(body.payload), body.descriptor);
                let parts = Parts {
                    mindex: note.mindex,
                    video: note.video,
                    header: note.header,
                    extensions: Extensions { dependency_descriptor: descriptor, ..body.extensions },
                    payload,
                };
                use_it(note.to, &parts, note.urgency);
            });
        }
    }

    /// Gives free what was read long enough ago; `position` is about to be read.
    fn free_before(&mut self, position: u64) {
        /// Not with every packet, because writers look at it.
        const STEP: u64 = 16;
        let free = later(position.wrapping_sub(self.ring().keep), position & !OFFSET);
        if free.wrapping_sub(self.ring().free.load(Ordering::Relaxed)) >= STEP {
            self.ring().free.store(free, Ordering::Release);
        }
    }

    /// Nothing is written at `position`. When nothing is claimed either, the next packet goes to the first cell.
    fn start_over(&mut self, position: u64) {
        if position & OFFSET < self.ring().capacity() / 32 {
            return;
        }
        let next = (position | OFFSET).wrapping_add(1);
        let moved = self.ring().write.0.compare_exchange(position, next, Ordering::AcqRel, Ordering::Relaxed);
        if moved.is_ok() {
            self.ring().read.0.store(next, Ordering::Relaxed);
            self.ring().free.store(next, Ordering::Release);
        }
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        self.ring().has_reader.store(false, Ordering::Release);
    }
}

/// Monotonic time in ms, which wraps around. As of the system's last tick, a few ms ago: that costs a quarter of the exact
/// time, and what is stamped here is compared with a second.
fn coarse_time() -> u32 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable. The call cannot fail for this clock; then it would say 0.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    (time.tv_sec as u32).wrapping_mul(1000).wrapping_add((time.tv_nsec / 1_000_000) as u32)
}

/// Whether `a` is a later position than `b`; positions may wrap around.
fn is_after(a: u64, b: u64) -> bool {
    (a.wrapping_sub(b) as i64) > 0
}

fn later(a: u64, b: u64) -> u64 {
    if is_after(a, b) { a } else { b }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
