//! `record.h`: recordings. The C struct shows what modules read (`filename`, `description`); the recorder itself is
//! [`crate::record::Recorder`], kept behind it.

use super::mutex::janus_mutex;
use super::refcount::{self, janus_refcount};
use crate::glib::{self, gboolean};
use crate::record::{CreateError, Recorder, SaveError, recorder};
use crate::rtp::switching::SwitchingContext;
use libc::{c_char, c_int, c_uint, c_void};
use std::io::ErrorKind;
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

/// The layout since 1.0.1. Fields that only the reference's own code uses stay zero.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_recorder {
    pub dir: *mut c_char,
    pub filename: *mut c_char,
    pub file: *mut c_void,
    pub codec: *mut c_char,
    pub fmtp: *mut c_char,
    pub description: *mut c_char,
    pub extensions: *mut glib::GHashTable,
    pub created: i64,
    pub started: i64,
    pub kind: c_uint,
    pub opusred_pt: c_int,
    pub encrypted: gboolean,
    pub header: c_int,
    pub writable: c_int,
    pub paused: c_int,
    pub context: SwitchingContext,
    pub mutex: janus_mutex,
    pub destroyed: c_int,
    pub counter: janus_refcount,
}
assert_layout!(janus_recorder: 224; dir @ 0, filename @ 8, file @ 16, codec @ 24, fmtp @ 32, description @ 40,
    extensions @ 48, created @ 56, started @ 64, kind @ 72, opusred_pt @ 76, encrypted @ 80, header @ 84,
    writable @ 88, paused @ 92, context @ 96, mutex @ 192, destroyed @ 200, counter @ 208);

/// What is allocated: the C face, then ours.
#[repr(C)]
struct Recording {
    face: janus_recorder,
    recorder: Recorder,
}

/// # Safety
/// `face` was made by `create` and is referenced by the caller.
unsafe fn recorder_of<'a>(face: *mut janus_recorder) -> &'a Recorder {
    // SAFETY: the face is the first member of a `Recording`.
    unsafe { &(*face.cast::<Recording>()).recorder }
}

/// Last reference gone: closes the file and frees everything.
unsafe extern "C" fn free_recording(counter: *const janus_refcount) {
    // SAFETY: the counter stands at this offset in a face that `create` made with `Box`.
    unsafe {
        let recording = counter.byte_sub(offset_of!(janus_recorder, counter)).cast::<Recording>().cast_mut();
        let face = &(*recording).face;
        for text in [face.dir, face.filename, face.codec, face.fmtp, face.description] {
            glib::free(text);
        }
        drop(Box::from_raw(recording));
    }
}

/// # Safety
/// All texts are NULL or NUL-terminated.
unsafe fn create(
    dir: *const c_char,
    codec: *const c_char,
    fmtp: *const c_char,
    filename: *const c_char,
) -> *mut janus_recorder {
    // SAFETY: promised by the caller.
    let (dir, codec, fmtp, filename) =
        unsafe { (glib::text(dir), glib::text(codec), glib::text(fmtp), glib::text(filename)) };
    let Some(codec) = codec else {
        tracing::error!("Missing codec information");
        return ptr::null_mut();
    };
    match Recorder::create(dir.as_deref(), &codec, fmtp.as_deref(), filename.as_deref()) {
        Ok(recorder) => make(recorder, &codec, fmtp.as_deref()),
        Err(why) => {
            match why {
                CreateError::Codec => tracing::error!("Unsupported codec '{codec}'"),
                CreateError::NotAFolder => tracing::error!("Not a directory? {}", dir.unwrap_or_default()),
                CreateError::Protected => tracing::error!("Target recording path is in a protected folder"),
                CreateError::Outside(error) => tracing::error!("Not recording: {error}"),
                // What a hardened unit does not allow looks like a disk that is not writable.
                CreateError::Io(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => tracing::error!(
                    "Cannot create the recording in {}: {error}; under systemd the unit has to allow it: ReadWritePaths=",
                    dir.as_deref().unwrap_or(".")
                ),
                CreateError::Io(error) => tracing::error!("Cannot create the recording: {error}"),
            }
            ptr::null_mut()
        }
    }
}

fn make(recorder: Recorder, codec: &str, fmtp: Option<&str>) -> *mut janus_recorder {
    let folder = recorder.folder().map(|f| f.to_string_lossy().into_owned());
    let face = janus_recorder {
        dir: glib::strdup_opt(folder.as_deref()),
        filename: glib::strdup(&recorder.name()),
        file: ptr::null_mut(),
        codec: glib::strdup(codec),
        fmtp: glib::strdup_opt(fmtp),
        description: ptr::null_mut(),
        extensions: ptr::null_mut(),
        created: recorder.created(),
        started: 0,
        kind: recorder.medium() as c_uint,
        opusred_pt: 0,
        encrypted: 0,
        header: 0,
        writable: 1,
        paused: 0,
        context: SwitchingContext::default(),
        // SAFETY: an all-zero GMutex is a valid, unlocked one.
        mutex: unsafe { std::mem::zeroed() },
        destroyed: 0,
        counter: janus_refcount { count: 0, free: None },
    };
    let recording = Box::into_raw(Box::new(Recording { face, recorder }));
    // SAFETY: fresh and ours alone.
    unsafe {
        refcount::init(&raw mut (*recording).face.counter, free_recording);
        &raw mut (*recording).face
    }
}

/// 0 for true, else `failure`.
fn status(done: bool, failure: c_int) -> c_int {
    if done { 0 } else { failure }
}

export! {
    /// Files get `.extension` (default `tmp`) until they are closed.
    "record.h" fn janus_recorder_init(tempnames: gboolean, extension: *const c_char) as nonnull() or (); {
        // SAFETY: NULL or NUL-terminated.
        let extension = unsafe { glib::text(extension) };
        recorder::set_temporary_extension((tempnames != 0).then_some(extension.as_deref().unwrap_or("tmp")));
    }

    "record.h" fn janus_recorder_deinit() as nonnull() or (); { recorder::set_temporary_extension(None); }

    /// [`janus_recorder_create_full`] without fmtp.
    "record.h" fn janus_recorder_create(dir: *const c_char, codec: *const c_char, filename: *const c_char)
        -> *mut janus_recorder as nonnull(codec) or ptr::null_mut(); {
        // SAFETY: texts by the header's contract.
        unsafe { create(dir, codec, ptr::null(), filename) }
    }

    /// One reference, or NULL: codec, folder or file are no good (HL-043, HL-044, HL-065 … HL-068).
    "record.h" fn janus_recorder_create_full(dir: *const c_char, codec: *const c_char, fmtp: *const c_char,
        filename: *const c_char) -> *mut janus_recorder as nonnull(codec) or ptr::null_mut(); {
        // SAFETY: as above.
        unsafe { create(dir, codec, fmtp, filename) }
    }

    /// 0, −2 when it was paused (HL-057).
    "record.h" fn janus_recorder_pause(recorder: *mut janus_recorder) -> c_int as nonnull(recorder) or -1; {
        // SAFETY: a live recorder; the same below.
        status(unsafe { recorder_of(recorder) }.pause(), -2)
    }

    /// 0, −2 when it was not paused.
    "record.h" fn janus_recorder_resume(recorder: *mut janus_recorder) -> c_int as nonnull(recorder) or -1; {
        // SAFETY: as above.
        status(unsafe { recorder_of(recorder) }.resume(), -2)
    }

    /// Ids 1 … 15, before the first frame; else −1 (HL-060).
    "record.h" fn janus_recorder_add_extmap(recorder: *mut janus_recorder, id: c_int, extmap: *const c_char) -> c_int
        as nonnull(recorder, extmap) or -1; {
        // SAFETY: as above; NUL-terminated text.
        let (recorder, uri) = unsafe { (recorder_of(recorder), glib::text(extmap).unwrap_or_default()) };
        match u8::try_from(id) {
            Ok(id @ 1..=15) => status(
                recorder.describe(|info| {
                    info.extensions.insert(id, uri);
                }),
                -1,
            ),
            _ => -1,
        }
    }

    /// Without effect, and still 0, after the first frame (HL-061).
    "record.h" fn janus_recorder_description(recorder: *mut janus_recorder, description: *const c_char) -> c_int
        as nonnull(recorder, description) or -1; {
        // SAFETY: as above. The face's text is replaced as the reference does, without a lock: callers own both.
        unsafe {
            let text = glib::text(description).unwrap_or_default();
            if recorder_of(recorder).describe(|info| info.description = Some(text.clone())) {
                glib::free((*recorder).description);
                (*recorder).description = glib::strdup(&text);
            }
        }
        0
    }

    /// Before the first frame, else −1 (HL-062).
    "record.h" fn janus_recorder_opusred(recorder: *mut janus_recorder, red_pt: c_int) -> c_int
        as nonnull(recorder) or -1; {
        // SAFETY: as above.
        status(unsafe { recorder_of(recorder) }.describe(|info| info.opusred_pt = red_pt), -1)
    }

    /// Before the first frame, else −1 (HL-062).
    "record.h" fn janus_recorder_encrypted(recorder: *mut janus_recorder) -> c_int as nonnull(recorder) or -1; {
        // SAFETY: as above.
        status(unsafe { recorder_of(recorder) }.describe(|info| info.encrypted = true), -1)
    }

    /// 0; −2 empty, −4 closed, −5 paused or no description, −6 write error (HL-053, HL-055, HL-058). The buffer is as
    /// before afterwards.
    "record.h" fn janus_recorder_save_frame(recorder: *mut janus_recorder, buffer: *mut c_char, length: c_uint)
        -> c_int as nonnull(recorder) or -1; {
        if buffer.is_null() || length == 0 {
            return -2;
        }
        // SAFETY: as above; `buffer` has `length` bytes, writable by the header's contract.
        let (recorder, frame) = unsafe {
            (recorder_of(recorder), std::slice::from_raw_parts_mut(buffer.cast(), length as usize))
        };
        match recorder.save(frame) {
            Ok(()) => 0,
            Err(SaveError::Empty) => -2,
            Err(SaveError::Closed) => -4,
            Err(SaveError::Paused | SaveError::Description) => -5,
            Err(SaveError::Write) => -6,
        }
    }

    /// 0, −1 when it was closed (HL-059, HL-064).
    "record.h" fn janus_recorder_close(recorder: *mut janus_recorder) -> c_int as nonnull(recorder) or -1; {
        // SAFETY: as above; `filename` changes only here, once.
        unsafe {
            let done = recorder_of(recorder).close();
            if done {
                glib::free((*recorder).filename);
                (*recorder).filename = glib::strdup(&recorder_of(recorder).name());
                (*recorder).writable = 0;
            }
            status(done, -1)
        }
    }

    /// Drops the creator's reference, once.
    "record.h" fn janus_recorder_destroy(recorder: *mut janus_recorder) as nonnull(recorder) or (); {
        // SAFETY: as above; the flag makes it once.
        unsafe {
            if AtomicI32::from_ptr(&raw mut (*recorder).destroyed).swap(1, Ordering::SeqCst) == 0 {
                refcount::decrease(&raw mut (*recorder).counter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::{CStr, CString};

    // HL-043, HL-057 … HL-062, HL-064
    #[test]
    fn codes_of_the_c_face() {
        let folder = std::env::temp_dir().join(format!("janus-rs-abi-rec-{}", std::process::id()));
        let dir = CString::new(folder.to_str().unwrap()).unwrap();
        let mut packet = *b"\x80\x6f\0\x01\0\0\0\0\0\0\0\x01payload";
        // SAFETY: everything below is used as record.h asks.
        unsafe {
            assert!(janus_recorder_create(dir.as_ptr(), c"foo".as_ptr(), ptr::null()).is_null());
            assert!(janus_recorder_create(dir.as_ptr(), ptr::null(), ptr::null()).is_null());
            let r = janus_recorder_create_full(dir.as_ptr(), c"opus".as_ptr(), ptr::null(), c"x".as_ptr());
            assert_eq!(CStr::from_ptr((*r).filename), c"x.mjr");
            assert_eq!(
                (
                    janus_recorder_add_extmap(r, 0, c"u".as_ptr()),
                    janus_recorder_add_extmap(r, 16, c"u".as_ptr())
                ),
                (-1, -1)
            );
            assert_eq!(janus_recorder_add_extmap(r, 15, c"u".as_ptr()), 0);
            assert_eq!((janus_recorder_pause(r), janus_recorder_pause(r)), (0, -2));
            assert_eq!(janus_recorder_save_frame(r, packet.as_mut_ptr().cast(), packet.len() as c_uint), -5);
            assert_eq!((janus_recorder_resume(r), janus_recorder_resume(r)), (0, -2));
            assert_eq!(janus_recorder_save_frame(r, packet.as_mut_ptr().cast(), packet.len() as c_uint), 0);
            assert_eq!(janus_recorder_save_frame(r, ptr::null_mut(), 3), -2);
            assert_eq!((janus_recorder_encrypted(r), janus_recorder_opusred(r, 3)), (-1, -1));
            assert_eq!(janus_recorder_description(r, c"late".as_ptr()), 0);
            assert!((*r).description.is_null());
            assert_eq!((janus_recorder_close(r), janus_recorder_close(r)), (0, -1));
            assert_eq!(janus_recorder_save_frame(r, packet.as_mut_ptr().cast(), packet.len() as c_uint), -4);
            janus_recorder_destroy(r);
            janus_recorder_destroy(ptr::null_mut());
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
