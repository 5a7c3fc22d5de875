//! The clock of a world, for OpenSSL too: its DTLS timers ask `gettimeofday`, which this test program provides.

use libc::{c_int, timeval, timezone};
use std::cell::Cell;
use std::time::Duration;

thread_local! {
    /// µs since 1970 in the world that lives on this thread.
    static WALL: Cell<Option<i64>> = const { Cell::new(None) };
}

/// What the time is on this thread from now on; `None`: what it really is.
pub fn set(wall: Option<i64>) {
    WALL.set(wall);
}

/// On this thread the time stands still from now on, but for what is said to pass: nothing of OpenSSL's comes again because the
/// machine is busy.
pub fn pass(span: Duration) {
    set(Some(WALL.get().unwrap_or_else(real) + span.as_micros() as i64));
}

/// Takes the place of libc's for everything in this process.
///
/// # Safety
/// As libc's: `now` is NULL or can be written.
#[unsafe(no_mangle)]
unsafe extern "C" fn gettimeofday(now: *mut timeval, _zone: *mut timezone) -> c_int {
    let micros = WALL.get().unwrap_or_else(real);
    if !now.is_null() {
        let time = timeval { tv_sec: micros.div_euclid(1_000_000), tv_usec: micros.rem_euclid(1_000_000) };
        // SAFETY: promised by the caller.
        unsafe { now.write(time) };
    }
    0
}

fn real() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    // Without this no world would see a lost handshake message again.
    #[test]
    fn openssl_asks_this_clock() {
        use crate::media::dtls::{Dtls, DtlsConfig, DtlsContext, Identity};
        use crate::media::types::DtlsRole;
        set(Some(1_000_000_000_000));
        let identity = Identity::generate(false).unwrap();
        let context = DtlsContext::new(&identity, &DtlsConfig::default()).unwrap();
        let mut client = context.associate(DtlsRole::Active).unwrap();
        client.start();
        while client.poll_transmit().is_some() {}
        client.handle_timeout();
        assert!(client.poll_transmit().is_none());
        set(Some(1_000_000_000_000 + 150_000));
        client.handle_timeout();
        set(None);
        assert!(client.poll_transmit().is_some() && client.retransmissions() == 1);
    }
}
