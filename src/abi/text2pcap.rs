//! `text2pcap.h`: packet captures over [`crate::record::Capture`].

use super::mutex::janus_mutex;
use crate::glib::{self, gboolean};
use crate::record::capture::{Capture, DumpError, Format, PacketType};
use libc::{c_char, c_int, c_uint, c_void};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_text2pcap {
    pub filename: *mut c_char,
    pub file: *mut c_void,
    pub truncate: c_int,
    pub text: gboolean,
    pub writable: c_int,
    pub mutex: janus_mutex,
}
assert_layout!(janus_text2pcap: 40; filename @ 0, file @ 8, truncate @ 16, text @ 20, writable @ 24, mutex @ 32);

/// What is allocated: the C face, then ours.
#[repr(C)]
struct Instance {
    face: janus_text2pcap,
    capture: Capture,
}

/// # Safety
/// `face` was made by `janus_text2pcap_create` and is not freed.
unsafe fn capture_of<'a>(face: *mut janus_text2pcap) -> &'a Capture {
    // SAFETY: the face is the first member of an `Instance`.
    unsafe { &(*face.cast::<Instance>()).capture }
}

export! {
    /// Static text, NULL for unknown types.
    "text2pcap.h" fn janus_text2pcap_packet_string(kind: c_uint) -> *const c_char as nonnull() or ptr::null(); {
        match PacketType::from_number(kind) {
            Some(PacketType::Rtp) => c"JANUS_TEXT2PCAP_RTP".as_ptr(),
            Some(PacketType::Rtcp) => c"JANUS_TEXT2PCAP_RTCP".as_ptr(),
            Some(PacketType::Data) => c"JANUS_TEXT2PCAP_DATA".as_ptr(),
            None => ptr::null(),
        }
    }

    /// NULL when truncate is negative, the folder is protected, or the file cannot be opened.
    "text2pcap.h" fn janus_text2pcap_create(dir: *const c_char, filename: *const c_char, truncate: c_int,
        text: gboolean) -> *mut janus_text2pcap as nonnull() or ptr::null_mut(); {
        let Ok(keep) = usize::try_from(truncate) else { return ptr::null_mut() };
        // SAFETY: NULL or NUL-terminated.
        let (dir, name) = unsafe { (glib::text(dir), glib::text(filename)) };
        let format = if text != 0 { Format::Text } else { Format::Pcap };
        match Capture::create(dir.as_deref(), name.as_deref(), keep, format) {
            Ok(capture) => {
                let face = janus_text2pcap {
                    filename: glib::strdup(&capture.path().to_string_lossy()),
                    file: ptr::null_mut(),
                    truncate,
                    text,
                    writable: 1,
                    // SAFETY: an all-zero GMutex is a valid, unlocked one.
                    mutex: unsafe { std::mem::zeroed() },
                };
                Box::into_raw(Box::new(Instance { face, capture })).cast()
            }
            Err(error) => {
                tracing::error!("Cannot create the capture: {error}");
                ptr::null_mut()
            }
        }
    }

    /// 0, −1 when it is closed.
    "text2pcap.h" fn janus_text2pcap_close(instance: *mut janus_text2pcap) -> c_int as nonnull(instance) or -1; {
        // SAFETY: a live instance.
        unsafe {
            AtomicI32::from_ptr(&raw mut (*instance).writable).store(0, Ordering::SeqCst);
            capture_of(instance).close();
        }
        0
    }

    "text2pcap.h" fn janus_text2pcap_free(instance: *mut janus_text2pcap) as nonnull(instance) or (); {
        // SAFETY: made by create with `Box`; the caller gives it up.
        unsafe {
            glib::free((*instance).filename);
            drop(Box::from_raw(instance.cast::<Instance>()));
        }
    }
}

export_variadic! {
    /// 0; −1 bad arguments or closed, −2 write error. The last arguments are a printf-like remark.
    "text2pcap.h" fn janus_text2pcap_dump => janus_rs_shim_text2pcap_dump;
}

/// What the C shim calls, with the remark formatted (NULL: none).
///
/// # Safety
/// As `janus_text2pcap_dump`.
#[unsafe(no_mangle)]
unsafe extern "C" fn janus_rs_text2pcap_dump(
    instance: *mut janus_text2pcap,
    kind: c_uint,
    incoming: gboolean,
    buffer: *const c_char,
    length: c_int,
    note: *const c_char,
) -> c_int {
    let (Some(kind), Ok(length)) = (PacketType::from_number(kind), usize::try_from(length)) else {
        return -1;
    };
    if instance.is_null() || buffer.is_null() || length == 0 {
        return -1;
    }
    super::entry::guard("janus_text2pcap_dump", -1, || {
        // SAFETY: checked above; `buffer` has `length` bytes and `note` is text by the header's contract.
        let (capture, packet, note) = unsafe {
            (capture_of(instance), std::slice::from_raw_parts(buffer.cast(), length), glib::text(note))
        };
        match capture.dump(kind, incoming != 0, packet, note.as_deref()) {
            Ok(()) => 0,
            Err(DumpError::Closed) => -1,
            Err(DumpError::Write(_)) => -2,
        }
    })
}
