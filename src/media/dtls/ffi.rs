//! The calls of libssl that the `openssl` crate does not wrap: DTLS's retransmission timer, an SSL's buffers and options.
//! Why they are needed, and why they are here: docs/decisions/003-dtls-ffi.md.

use foreign_types::ForeignTypeRef;
use openssl::error::ErrorStack;
use openssl::ssl::{SslCipherRef, SslRef};
use openssl_sys as sys;
use std::ffi::{c_int, c_long, c_uint, c_void};
use std::time::Duration;

/// `ssl.h`: commands behind the macros `DTLSv1_get_timeout` and `DTLSv1_handle_timeout`.
const DTLS_CTRL_GET_TIMEOUT: c_int = 73;
const DTLS_CTRL_HANDLE_TIMEOUT: c_int = 74;

/// First retransmission (µs); browsers start at 50 ms, RFC 6347's second is made for slower times.
const FIRST: c_uint = 100_000;
/// Limit of the doubling (µs). OpenSSL gives up at the 13th timeout: 25 s with this limit, behind the core's own 20 s.
const LONGEST: c_uint = 3_200_000;

unsafe extern "C" {
    /// `<openssl/ssl.h>`, since OpenSSL 1.1.1.
    fn DTLS_set_timer_cb(ssl: *mut sys::SSL, callback: extern "C" fn(*mut sys::SSL, c_uint) -> c_uint);
    /// `<openssl/ssl.h>`, since OpenSSL 1.1.1. Both return 1, or 0 when it cannot be done.
    fn SSL_free_buffers(ssl: *mut sys::SSL) -> c_int;
    fn SSL_alloc_buffers(ssl: *mut sys::SSL) -> c_int;
    /// `<openssl/ssl.h>`, since OpenSSL 1.1.0. NULL before there is one.
    fn SSL_get_pending_cipher(ssl: *const sys::SSL) -> *const sys::SSL_CIPHER;
    /// `<openssl/ssl.h>`, since OpenSSL 1.1.0; 64 bits wide since 3.0, `unsigned long` before. Returns all options.
    fn SSL_set_options(ssl: *mut sys::SSL, options: u64) -> u64;
}

/// Length of the next timeout (µs); `current` is 0 for a new flight.
extern "C" fn next_timeout(_ssl: *mut sys::SSL, current: c_uint) -> c_uint {
    if current == 0 { FIRST } else { current.saturating_mul(2).min(LONGEST) }
}

/// Makes a server ask for a cookie before it answers a ClientHello that has none.
pub(super) fn exchange_cookies(ssl: &SslRef) {
    // SAFETY: `ssl` is live and nobody else holds it; `unsigned long` has 64 bits on the machines that this is built for.
    unsafe { SSL_set_options(ssl.as_ptr(), sys::SSL_OP_COOKIE_EXCHANGE) };
}

/// Makes retransmission start at 100 ms and double from there.
pub(super) fn set_timer(ssl: &mut SslRef) {
    // SAFETY: `ssl` is a live SSL of a DTLS method; the callback is a plain function that uses none of its pointers.
    unsafe { DTLS_set_timer_cb(ssl.as_ptr(), next_timeout) }
}

/// Time until the flight in the air has to be sent again; `None` if there is none.
pub(super) fn timeout(ssl: &SslRef) -> Option<Duration> {
    let mut left = libc::timeval { tv_sec: 0, tv_usec: 0 };
    // SAFETY: `ssl` is live; the command writes one `struct timeval` and returns 1, or returns 0.
    let running = unsafe {
        sys::SSL_ctrl(ssl.as_ptr(), DTLS_CTRL_GET_TIMEOUT, 0 as c_long, (&raw mut left).cast::<c_void>())
    };
    let left = Duration::from_secs(left.tv_sec.try_into().unwrap_or(0))
        + Duration::from_micros(left.tv_usec.try_into().unwrap_or(0));
    (running == 1).then_some(left)
}

/// Sends the flight again if its time has come; whether it did. An error means that OpenSSL gave up.
pub(super) fn handle_timeout(ssl: &SslRef) -> Result<bool, ErrorStack> {
    // SAFETY: `ssl` is live; nobody else holds it (SSL is not shared between associations); no argument.
    match unsafe { sys::SSL_ctrl(ssl.as_ptr(), DTLS_CTRL_HANDLE_TIMEOUT, 0, std::ptr::null_mut()) } {
        0 => Ok(false),
        n if n > 0 => Ok(true),
        _ => Err(ErrorStack::get()),
    }
}

/// Gives back the buffers of the record layer, 33 KB, unless something is in them. Then nothing may be read or written
/// before [`take_buffers`].
pub(super) fn give_buffers_back(ssl: &SslRef) {
    // SAFETY: `ssl` is live and nobody else holds it; the call refuses when a record is pending.
    unsafe { SSL_free_buffers(ssl.as_ptr()) };
}

/// Undoes [`give_buffers_back`].
pub(super) fn take_buffers(ssl: &SslRef) -> Result<(), ErrorStack> {
    // SAFETY: `ssl` is live and nobody else holds it; what is there already stays.
    if unsafe { SSL_alloc_buffers(ssl.as_ptr()) } == 1 { Ok(()) } else { Err(ErrorStack::get()) }
}

/// What the handshake has agreed upon so far.
pub(super) fn pending_cipher(ssl: &SslRef) -> Option<&SslCipherRef> {
    // SAFETY: `ssl` is live; cipher suites are constants of the library, and NULL is told apart.
    unsafe {
        let cipher = SSL_get_pending_cipher(ssl.as_ptr());
        (!cipher.is_null()).then(|| SslCipherRef::from_ptr(cipher.cast_mut()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_double_up_to_a_limit() {
        let mut current = 0;
        let lengths: Vec<u32> = std::iter::repeat_with(|| {
            current = next_timeout(std::ptr::null_mut(), current);
            current / 1000
        })
        .take(8)
        .collect();
        assert_eq!(lengths, [100, 200, 400, 800, 1600, 3200, 3200, 3200]);
    }
}
