//! The dynamic linker: opening a module, finding symbols, knowing where it was loaded.

use std::ffi::{CStr, CString, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

/// An opened shared object. Never closed: code of a module may run until the process ends.
#[derive(Debug)]
pub struct Library(*mut c_void);

// SAFETY: a handle of the dynamic linker, which locks internally.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

/// Whose symbols the opened object's become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Local,
    Global,
}

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("NUL in its path")]
    Nul,
    /// The linker's own line.
    #[error("{0}")]
    Linker(String),
}

impl Library {
    /// Opens with all symbols bound at once (CP-057). It is no safe function:
    /// ```compile_fail,E0133
    /// # use janus_rs::modules::library::{Library, Scope};
    /// Library::open("libm.so.6".as_ref(), Scope::Local);
    /// ```
    ///
    /// # Safety
    /// Constructors of the file and of what it depends on run, and may do anything: it is one that we were told to load.
    pub unsafe fn open(path: &Path, scope: Scope) -> Result<Library, LinkError> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| LinkError::Nul)?;
        let visibility = if scope == Scope::Global { libc::RTLD_GLOBAL } else { libc::RTLD_LOCAL };
        // SAFETY: a NUL-terminated path; the rest is promised by the caller.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | visibility) };
        if handle.is_null() { Err(LinkError::Linker(last_error())) } else { Ok(Library(handle)) }
    }

    /// The address of `name` in this object or in what it depends on.
    pub fn symbol(&self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: a live handle and a NUL-terminated name.
        let address = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    }

    /// What offsets in the file are relative to.
    pub fn base(&self) -> Option<usize> {
        self.map().map(|map| map.address)
    }

    /// Where the linker found the file.
    pub fn path(&self) -> Option<PathBuf> {
        let name = self.map()?.name;
        // SAFETY: NULL or a text of the linker's own, which stays as long as the object does.
        let name = unsafe { (!name.is_null()).then(|| CStr::from_ptr(name)) }?;
        Some(PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes())))
    }

    fn map(&self) -> Option<&LinkMap> {
        let mut map: *mut LinkMap = ptr::null_mut();
        // SAFETY: a live handle; the linker stores a pointer to its own link map, which stays as long as the object does.
        unsafe {
            if libc::dlinfo(self.0, libc::RTLD_DI_LINKMAP, (&raw mut map).cast()) != 0 {
                return None;
            }
            map.as_ref()
        }
    }
}

/// The public head of glibc's and musl's `struct link_map`.
#[repr(C)]
struct LinkMap {
    address: usize,
    name: *const c_char,
}

/// The address of `name` among everything that is globally visible in the process.
pub fn global_symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a NUL-terminated name.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

fn last_error() -> String {
    // SAFETY: NULL or a string valid until this thread's next call of the linker.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() {
            "unknown error of the dynamic linker".to_owned()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}

/// Makes our own symbols visible to modules when a program opened us privately, as Python and Go do.
pub fn promote_ourselves() {
    let mut info = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    let here = promote_ourselves as *const () as *const c_void;
    // SAFETY: an address inside this object; the returned name belongs to the linker and is only read here.
    unsafe {
        if libc::dladdr(here, &raw mut info) != 0 && !info.dli_fname.is_null() {
            libc::dlopen(info.dli_fname, libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_GLOBAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_symbols_and_load_address() {
        assert!(global_symbol(c"malloc").is_some());
        assert!(global_symbol(c"no_such_symbol_anywhere").is_none());
        // SAFETY: we are linked against it.
        let jansson = unsafe { Library::open(Path::new("libjansson.so.4"), Scope::Local) }.unwrap();
        let base = jansson.base().unwrap();
        let object = jansson.symbol(c"json_object").unwrap() as usize;
        assert!(object > base && object - base < 1 << 24);
        assert!(jansson.path().unwrap().ends_with("libjansson.so.4"));
        // SAFETY: there is nothing to run.
        let missing = unsafe { Library::open(Path::new("/nonexistent.so"), Scope::Local) };
        assert!(missing.unwrap_err().to_string().contains("nonexistent"));
    }
}
