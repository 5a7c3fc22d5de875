//! Libraries that modules expect their host to have brought along: plugins are not linked with libsrtp2, nor the
//! older textroom with libcurl. Neither is a dependency of ours: what is absent is missed only by who imports it.

use super::library::{Library, Scope};
use std::path::Path;
use std::sync::Once;

const SRTP: [&str; 2] = ["libsrtp2.so.1", "libsrtp2.so"];
const CURL: [&str; 4] = ["libcurl-gnutls.so.4", "libcurl.so.4", "libcurl-nss.so.4", "libcurl.so"];

/// Opens what is there, visibly, and initialises libsrtp2. Called before the first module; later calls do nothing.
pub fn provide() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Some(srtp) = first(&SRTP) {
            // SAFETY: `srtp_err_status_t srtp_init(void)`, before anything of it is used; the type is an enum of C, an int.
            match unsafe { super::call::int_of_void(&srtp, c"srtp_init") } {
                Some(0) => {}
                Some(code) => tracing::warn!("srtp_init failed with {code}: modules cannot use libsrtp2"),
                None => tracing::warn!("libsrtp2 has no srtp_init"),
            }
        }
        if let Some(curl) = first(&CURL) {
            // CURL_GLOBAL_ALL; safe to repeat, but not while threads run, so it is done before there are any.
            // SAFETY: `CURLcode curl_global_init(long)`; the type is an enum of C, an int.
            unsafe { super::call::int_of_long(&curl, c"curl_global_init", 3) };
        }
    });
}

fn first(names: &[&str]) -> Option<Library> {
    // SAFETY: libraries of the distribution.
    let open = |name: &&str| unsafe { Library::open(Path::new(name), Scope::Global) }.ok();
    let found = names.iter().find_map(open);
    if found.is_none() {
        tracing::debug!(
            "{} is not installed; modules that expect it from their host will be refused",
            names[0]
        );
    }
    found
}
