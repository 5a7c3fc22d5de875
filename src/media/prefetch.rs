//! Asks the processor for memory that is about to be used. What hundreds of receivers need does not stay in the nearest
//! caches from one frame to the next; asked for one receiver ahead, it is there when its turn comes.

/// Bytes of a cache line.
const LINE: usize = 64;

/// All lines of an object, what it points to not included. A hint: changes nothing, and does nothing on processors
/// without such an instruction here.
#[inline]
pub fn prefetch<T: ?Sized>(object: &T) {
    let start: *const u8 = std::ptr::from_ref(object).cast();
    for at in (0..size_of_val(object)).step_by(LINE) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch reads nothing as far as the program can see, and never faults, whatever the address.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(at).cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (start, at);
    }
}
