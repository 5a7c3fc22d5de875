//! The daemon `janus-rs`: opens `libjanus_rs.so` so that its symbols are visible to modules, and runs it. Nothing else.
//!
//! The library is searched next to this program, in the `lib` folders beside it, and then as the dynamic linker searches.

use std::ffi::{CStr, CString, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const LIBRARY: &str = "libjanus_rs.so.0";
const ENTRY: &CStr = c"janus_rs_main";

type Main = unsafe extern "C" fn(argc: c_int, argv: *const *const c_char) -> c_int;

fn main() {
    let arguments: Vec<CString> = std::env::args_os()
        .map(|a: OsString| CString::new(a.as_bytes()).expect("arguments have no NUL"))
        .collect();
    match open() {
        Ok(entry) => {
            let argv: Vec<*const c_char> =
                arguments.iter().map(|a| a.as_ptr()).chain(std::iter::once(std::ptr::null())).collect();
            // SAFETY: `entry` is janus_rs_main of our own library; argv is NULL-terminated and outlives the call.
            let status = unsafe { entry(arguments.len() as c_int, argv.as_ptr()) };
            end(status);
        }
        Err(why) => {
            eprintln!("janus-rs: {why}");
            std::process::exit(1);
        }
    }
}

/// How long buffered output may take to be written.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// Ends the process without the destructors of libraries: everything was stopped, but threads of modules may still be at
/// their last lines, which need those libraries. (`exit` does not wait for them: one stop in sixty ended by SIGABRT.)
fn end(status: c_int) -> ! {
    let (done, wait) = std::sync::mpsc::channel();
    // On a thread of its own: a stream that somebody is blocked on has its lock held.
    std::thread::spawn(move || {
        // SAFETY: NULL is all output streams; each is locked while it is written.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        let _ = done.send(());
    });
    let _ = wait.recv_timeout(PATIENCE);
    // SAFETY: ends the process.
    unsafe { libc::_exit(status) }
}

/// Candidates in order: beside the program, `../lib` and its multiarch folder, the linker's own search path.
fn candidates() -> Vec<PathBuf> {
    let mut list = Vec::new();
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        list.push(folder.join(LIBRARY));
        list.push(folder.join("libjanus_rs.so"));
        list.push(folder.join("../lib").join(LIBRARY));
        list.push(folder.join(format!("../lib/{}-linux-gnu", std::env::consts::ARCH)).join(LIBRARY));
    }
    list.push(PathBuf::from(LIBRARY));
    list
}

fn open() -> Result<Main, String> {
    let mut why = String::new();
    for path in candidates() {
        if path.components().count() > 1 && !path.exists() {
            continue;
        }
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
        // SAFETY: a NUL-terminated path; modules resolve against us, hence RTLD_GLOBAL.
        let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        if library.is_null() {
            // SAFETY: dlerror returns NULL or a string valid until the next dl call on this thread.
            let text = unsafe { libc::dlerror() };
            if !text.is_null() {
                // SAFETY: checked above.
                why = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
            }
            continue;
        }
        // SAFETY: the library was opened just now and is never closed.
        let symbol = unsafe { libc::dlsym(library, ENTRY.as_ptr()) };
        if symbol.is_null() {
            why = format!("{} has no janus_rs_main", path.display());
            continue;
        }
        // SAFETY: janus_rs_main has this signature (include/janus_rs.h).
        return Ok(unsafe { std::mem::transmute::<*mut libc::c_void, Main>(symbol) });
    }
    Err(if why.is_empty() { format!("{LIBRARY} not found") } else { why })
}
