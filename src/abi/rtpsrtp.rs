//! `rtpsrtp.h`: two functions that modules which speak SRTP themselves import from the core. The rest of libsrtp2
//! comes from that library ([`crate::modules`] opens it).

use crate::util::random;
use libc::{c_char, c_int};
use std::ffi::CStr;
use std::ptr;

/// `srtp_err_status_*`, 0 … 24.
const STATUS: [&CStr; 25] = [
    c"srtp_err_status_ok",
    c"srtp_err_status_fail",
    c"srtp_err_status_bad_param",
    c"srtp_err_status_alloc_fail",
    c"srtp_err_status_dealloc_fail",
    c"srtp_err_status_init_fail",
    c"srtp_err_status_terminus",
    c"srtp_err_status_auth_fail",
    c"srtp_err_status_cipher_fail",
    c"srtp_err_status_replay_fail",
    c"srtp_err_status_replay_old",
    c"srtp_err_status_algo_fail",
    c"srtp_err_status_no_such_op",
    c"srtp_err_status_no_ctx",
    c"srtp_err_status_cant_check",
    c"srtp_err_status_key_expired",
    c"srtp_err_status_socket_err",
    c"srtp_err_status_signal_err",
    c"srtp_err_status_nonce_bad",
    c"srtp_err_status_read_fail",
    c"srtp_err_status_write_fail",
    c"srtp_err_status_parse_err",
    c"srtp_err_status_encode_err",
    c"srtp_err_status_semaphore_err",
    c"srtp_err_status_pfkey_err",
];

export! {
    /// Fills `len` bytes with cryptographic randomness: 0, or −1 (HL-070).
    "rtpsrtp.h" fn srtp_crypto_get_random(key: *mut u8, len: c_int) -> c_int as nonnull(key) or -1; {
        let Ok(len) = usize::try_from(len) else { return -1 };
        // SAFETY: `key` has `len` bytes by the header's contract.
        random::fill(unsafe { std::slice::from_raw_parts_mut(key, len) });
        0
    }

    /// Static text, NULL outside 0 … 24 (HL-071).
    "rtpsrtp.h" fn janus_srtp_error_str(error: c_int) -> *const c_char as nonnull() or ptr::null(); {
        usize::try_from(error).ok().and_then(|e| STATUS.get(e)).map_or(ptr::null(), |s| s.as_ptr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HL-070, HL-071
    #[test]
    fn texts_and_randomness() {
        let mut key = [0u8; 64];
        // SAFETY: a buffer of that length; static texts.
        unsafe {
            assert_eq!(srtp_crypto_get_random(key.as_mut_ptr(), 64), 0);
            assert_eq!(CStr::from_ptr(janus_srtp_error_str(7)), c"srtp_err_status_auth_fail");
            assert!(janus_srtp_error_str(-1).is_null() && janus_srtp_error_str(25).is_null());
        }
        assert_ne!(key, [0; 64]);
    }
}
