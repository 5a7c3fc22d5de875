//! Folders and the PID file of `utils.h`.

use crate::glib::{self, TRUE, gboolean};
use crate::util::files;
use crate::util::pidfile::{CURRENT, PidFile};
use libc::{c_char, c_int, mode_t};
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// # Safety
/// `path` is not NULL, NUL-terminated, and outlives the result.
unsafe fn as_path<'a>(path: *const c_char) -> &'a Path {
    // SAFETY: promised by the caller.
    Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()))
}

/// Leaves `code` in errno, where C callers look.
fn set_errno(code: c_int) {
    // SAFETY: errno of this thread.
    unsafe { *libc::__errno_location() = code };
}

export! {
    /// 0, or −1 with errno (HL-220).
    "utils.h" fn janus_mkdir(dir: *const c_char, mode: mode_t) -> c_int as nonnull(dir) or -1; {
        // SAFETY: not NULL; NUL-terminated by the header's contract; the same below.
        match files::make_folder(unsafe { as_path(dir) }, mode) {
            Ok(()) => 0,
            Err(error) => {
                set_errno(error.raw_os_error().unwrap_or(libc::EINVAL));
                -1
            }
        }
    }

    /// Released with `g_free`; NULL without a path, and without a base for a relative one (HL-221).
    "utils.h" fn janus_make_absolute_path(base_dir: *const c_char, path: *const c_char) -> *mut c_char
        as nonnull(path) or ptr::null_mut(); {
        // SAFETY: as above; `base_dir` may be NULL.
        let (base, path) = unsafe { (glib::text(base_dir), glib::text(path).unwrap_or_default()) };
        match base {
            _ if path.starts_with('/') => glib::strdup(&path),
            Some(base) => glib::strdup(&files::absolute(&base, &path)),
            None => ptr::null_mut(),
        }
    }

    /// Whether recordings and captures may not be written there: below a protected folder, links followed, or a path that
    /// cannot be told: NULL, a leading blank, one that does not resolve (HL-222).
    "utils.h" fn janus_is_folder_protected(path: *const c_char) -> gboolean as nonnull(path) or TRUE; {
        // SAFETY: as above.
        unsafe { glib::text(path) }.map_or(TRUE, |p| gboolean::from(files::is_protected(&p)))
    }

    "utils.h" fn janus_protected_folder_add(folder: *const c_char) as nonnull(folder) or (); {
        // SAFETY: as above.
        if let Some(folder) = unsafe { glib::text(folder) } {
            files::protect(&folder);
        }
    }

    "utils.h" fn janus_protected_folders_clear() as nonnull() or (); { files::clear_protected(); }

    /// 0, also without a file; −1 when it is locked or cannot be written (CP-068).
    "utils.h" fn janus_pidfile_create(file: *const c_char) -> c_int as nonnull(file) or 0; {
        // SAFETY: as above.
        match PidFile::create(unsafe { as_path(file) }) {
            Ok(pidfile) => {
                *CURRENT.lock() = Some(pidfile);
                0
            }
            Err(error) => {
                tracing::error!("Error creating PID file: {error}");
                -1
            }
        }
    }

    "utils.h" fn janus_pidfile_remove() -> c_int as nonnull() or -1; {
        match CURRENT.lock().take().map(PidFile::remove) {
            None | Some(Ok(())) => 0,
            Some(Err(error)) => {
                tracing::error!("Error removing PID file: {error}");
                -1
            }
        }
    }
}
